"""NumPy's functions on Tensors: ``np.exp(x)`` and ``array * x`` run our operation of the same meaning, or raise.

They never compute behind the tape's back. https://numpy.org/doc/stable/reference/arrays.classes.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .autograd.box import box
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


def ufunc_on_tensors(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """What ``Tensor.__array_ufunc__`` is: NumPy asks it whenever a Tensor is among the ``inputs`` of a ``ufunc``."""
    op = _UFUNCS.get(ufunc)
    if op is None or method != "__call__" or kwargs:
        call = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        raise TypeError(f"np.{call} cannot be recorded on Tensors; use the operation of this framework, or tensor.numpy()")
    return op(*(box(x) if isinstance(x, np.ndarray) else x for x in inputs))
