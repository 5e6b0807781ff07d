"""What a tensor is to the rest of Python and to NumPy: a number, a sequence, an array, a text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .autograd.box import raw
from .autograd.modes import is_grad_enabled
from .errors import AutogradError
from .ops import functions as ops
from .printing import format_tensor
from .ufuncs import ufunc_on_tensors


def _unpickled(cls: type, array: np.ndarray[Any, Any], requires_grad: bool) -> Any:
    out: Any = object.__new__(cls)
    out._array = array
    return out.requires_grad_(requires_grad)


class Values:
    """What :class:`~tinygrad_fm.tensor.Tensor` inherits to be taken out of the framework again."""

    __array_priority__ = 1000  # `ndarray * tensor` asks the tensor

    def numpy(self: Any, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The array itself, sharing memory. Raises RuntimeError if it requires grad and gradients are recorded: detach() first.

        Args:
            force: detach, instead of raising.
        """
        if is_grad_enabled() and self.requires_grad and not force:
            raise AutogradError("this tensor requires grad, which NumPy would lose; use tensor.detach().numpy()")
        return self._array

    def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    __array_ufunc__ = ufunc_on_tensors

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """PyTorch calls this when one of its functions, such as its load_state_dict, is given a tensor of ours: it gets one of
        its own over the same memory. Raises RuntimeError if gradients are being recorded: detach() first."""
        as_theirs = sys.modules["torch"].as_tensor  # only PyTorch calls this

        def convert(value: Any) -> Any:
            if isinstance(value, (list, tuple)):
                return type(value)([convert(v) for v in value])
            return as_theirs(value.numpy()) if isinstance(value, cls) else value

        return func(*convert(args), **{name: convert(value) for name, value in (kwargs or {}).items()})

    def item(self: Any) -> Any:
        """The value of a tensor with one element, as a Python number."""
        if self._array.size != 1:
            raise RuntimeError(f"a tensor with {self._array.size} elements cannot be converted to one number")
        return self._array.item()

    def tolist(self: Any) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._array.tolist()

    def __bool__(self: Any) -> bool:
        if self._array.size != 1:
            raise RuntimeError(
                f"the truth of a tensor with {self._array.size} elements is ambiguous; use any(), all() or numel()"
            )
        return bool(self._array.item())

    def __float__(self: Any) -> float:
        return float(self.item())

    def __int__(self: Any) -> int:
        return int(self.item())

    def __index__(self: Any) -> int:
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError("only integer tensors of one element can be used as an index")
        return int(self._array.item())

    def __len__(self: Any) -> int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self: Any) -> Iterator[Any]:
        if not self._array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(ops.unbind(self, 0))

    def __reduce__(self: Any) -> tuple[Any, ...]:
        """What ``pickle`` keeps, as between processes: the class, the values, and whether a gradient is asked for."""
        if not self.is_leaf:
            raise AutogradError("only leaf tensors can be pickled; detach() this one first, or save its values with save()")
        return _unpickled, (type(self), self._array, self.requires_grad)

    def __contains__(self: Any, value: Any) -> bool:
        return bool(np.any(self._array == raw(value)))

    def __repr__(self: Any) -> str:
        return format_tensor(self)

    def __format__(self: Any, spec: str) -> str:
        return format(self.item(), spec) if not self._array.ndim else object.__format__(self, spec)
