"""Tensors and NumPy: ``numpy()``, ``np.asarray(x)``, and NumPy's functions on Tensors.

``np.exp(x)`` and ``array * x`` run our operation of the same meaning, or raise; they never compute behind the tape's back.
https://numpy.org/doc/stable/reference/arrays.classes.html
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ._pytree import tree_map
from .autograd.box import box
from .autograd.modes import is_grad_enabled
from .autograd.vmap_levels import refuse_value
from .errors import AutogradError
from .ops import functions as ops

_UFUNCS = {
    np.add: ops.add,
    np.subtract: ops.sub,
    np.multiply: ops.mul,
    np.true_divide: ops.div,
    np.negative: ops.neg,
    np.power: ops.pow,
    np.exp: ops.exp,
    np.log: ops.log,
    np.log1p: ops.log1p,
    np.expm1: ops.expm1,
    np.sqrt: ops.sqrt,
    np.sin: ops.sin,
    np.cos: ops.cos,
    np.tan: ops.tan,
    np.tanh: ops.tanh,
    np.abs: ops.abs,
    np.square: ops.square,
    np.maximum: ops.maximum,
    np.minimum: ops.minimum,
    np.matmul: ops.matmul,
    np.sign: ops.sign,
    np.floor: ops.floor,
    np.ceil: ops.ceil,
    np.equal: ops.eq,
    np.not_equal: ops.ne,
    np.less: ops.lt,
    np.less_equal: ops.le,
    np.floor_divide: ops.floor_divide,
    np.remainder: ops.remainder,
    np.bitwise_and: ops.bitwise_and,
    np.bitwise_or: ops.bitwise_or,
    np.bitwise_xor: ops.bitwise_xor,
    np.greater: ops.gt,
    np.greater_equal: ops.ge,
    np.isnan: ops.isnan,
    np.isinf: ops.isinf,
    np.isfinite: ops.isfinite,
}


class NumPyMethods:
    """What :class:`~tinygrad_fm.Tensor` inherits to be taken to NumPy, and to PyTorch."""

    __array_priority__ = 1000  # `ndarray * tensor` asks the tensor

    def numpy(self: Any, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The array itself, sharing memory. Raises RuntimeError if it requires grad and gradients are recorded: detach() first.

        Args:
            force: detach, instead of raising.
        """
        if is_grad_enabled() and self.requires_grad and not force:
            raise AutogradError("this tensor requires grad, which NumPy would lose; use tensor.detach().numpy()")
        if self._mapped:
            refuse_value(self, item=True)
        return self._array

    def __dlpack__(self: Any, **options: Any) -> Any:
        """The memory as a DLPack capsule, for ``torch.from_dlpack``, ``np.from_dlpack`` and other libraries'.

        Raises BufferError if the tensor requires grad: detach() first. Source: https://dmlc.github.io/dlpack/latest
        """
        if self.requires_grad:
            raise BufferError("this tensor requires grad, which DLPack would lose; use tensor.detach()")
        if self._mapped:
            refuse_value(self, item=True)
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self: Any) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy asks this whenever a Tensor is among the ``inputs`` of a ``ufunc``."""
        op = _UFUNCS.get(ufunc)
        if op is None or method != "__call__" or kwargs:
            call = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            raise TypeError(f"np.{call} cannot be recorded on Tensors; use the operation of this framework, or tensor.numpy()")
        return op(*(box(x) if isinstance(x, np.ndarray) else x for x in inputs))

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """PyTorch calls this when one of its functions, such as its load_state_dict, is given a tensor of ours: it gets one of
        its own over the same memory. Raises RuntimeError if gradients are being recorded: detach() first."""
        as_theirs = sys.modules["torch"].as_tensor  # only PyTorch calls this

        def convert(value: Any) -> Any:
            return as_theirs(value.numpy()) if isinstance(value, cls) else value

        return func(*tree_map(convert, args), **tree_map(convert, kwargs or {}))
