"""Division, its remainders, and rounding to whole numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..promotion import promote_numbers
from .elementwise import pointwise, quiet, true_div, zeros_for

__all__ = [
    "ceil",
    "div",
    "divide",
    "fix",
    "floor",
    "floor_divide",
    "fmod",
    "frac",
    "gcd",
    "lcm",
    "remainder",
    "round",
    "true_divide",
    "trunc",
]


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """``input / other``, broadcast; integers give the default float dtype. Division by 0 gives ±inf or NaN.

    Args:
        rounding_mode: None, "trunc" (towards 0) or "floor" (towards −inf); the latter two keep integers integers.

    Raises:
        RuntimeError: another ``rounding_mode``.

    >>> import tinygrad_fm as torch
    >>> torch.div(torch.tensor([7, -7]), 2)
    tensor([ 3.5000, -3.5000])
    >>> torch.div(torch.tensor([7, -7]), 2, rounding_mode="floor")
    tensor([ 3, -4])
    """
    if rounding_mode is None:
        return true_div(input, other)
    if rounding_mode == "floor":
        return _floor_div(input, other)
    if rounding_mode == "trunc":
        return _trunc_div(input, other)
    raise RuntimeError(f"div(): rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")


def _is_float(a: Any, b: Any) -> bool:
    kind = np.result_type(a, b).kind
    if kind == "f":
        return True
    if kind == "b":
        raise NotImplementedError("division with a remainder is not defined for bool tensors; cast them with .long()")
    if not np.all(b):
        raise RuntimeError("ZeroDivisionError: an integer tensor was divided by zero")
    return False


def _floor_quotient(a: Any, b: Any) -> Any:
    if not _is_float(a, b):
        return np.floor_divide(a, b)
    return np.where(np.equal(b, 0), np.true_divide(a, b), np.floor_divide(a, b))  # 1 // 0.0 is inf; NumPy has NaN


def _truncated_quotient(a: Any, b: Any) -> Any:
    if _is_float(a, b):
        return np.trunc(np.true_divide(a, b))
    return np.floor_divide(a - np.fmod(a, b), b)


floor_divide = pointwise(quiet(_floor_quotient), name="floor_divide", inputs="input other")

_floor_div = pointwise(
    quiet(_floor_quotient),
    name="div_floor",
    a=lambda g, a_shape: zeros_for(g, a_shape),
    b=lambda g, b_shape: zeros_for(g, b_shape),
)

_trunc_div = pointwise(
    quiet(_truncated_quotient),
    name="div_trunc",
    a=lambda g, a_shape: zeros_for(g, a_shape),
    b=lambda g, b_shape: zeros_for(g, b_shape),
)


def _remainder(a: Any, b: Any) -> Any:
    _is_float(a, b)
    return np.remainder(a, b)


def _fmod(a: Any, b: Any) -> Any:
    _is_float(a, b)
    return np.fmod(a, b)


remainder = pointwise(quiet(_remainder), name="remainder", a=lambda g: g, b=lambda g, a, b: -g * _floor_div(a, b))

fmod = pointwise(quiet(_fmod), name="fmod", a=lambda g: g, b=lambda g, a, b: -g * _trunc_div(a, b))


def _whole_only(ufunc: Any, name: str) -> Any:
    def kernel(a: Any, b: Any) -> Any:
        if np.result_type(a, b).kind not in "iu":
            raise NotImplementedError(f"{name}() is defined for whole numbers only, got {np.result_type(a, b)}")
        return ufunc(a, b)

    return pointwise(kernel, name=name, inputs="input other")


gcd, lcm = _whole_only(np.gcd, "gcd"), _whole_only(np.lcm, "lcm")

# -- rounding ----------------------------------------------------------------------------------------------------------

_rounding = partial(primitive, promotion=promote_numbers, x=lambda g, x_shape: zeros_for(g, x_shape))

floor = _rounding(np.floor, name="floor")

ceil = _rounding(np.ceil, name="ceil")

trunc = _rounding(np.trunc, name="trunc")

_round = _rounding(quiet(lambda x, decimals: np.round(x, decimals)), name="round")


def round(input: Any, *, decimals: int = 0) -> Tensor:
    """To the nearest whole number (or to ``decimals`` places), halves to the even one. The derivative is 0.

    >>> import tinygrad_fm as torch
    >>> torch.round(torch.tensor([0.5, 1.5, 2.567]))
    tensor([0., 2., 3.])
    >>> torch.round(torch.tensor([2.567]), decimals=1)
    tensor([2.6000])
    """
    return _round(input, decimals=decimals)


def frac(input: Any) -> Tensor:
    """The part behind the point: ``input − trunc(input)``.

    >>> import tinygrad_fm as torch
    >>> torch.frac(torch.tensor([1.25, -1.25]))
    tensor([ 0.2500, -0.2500])
    """
    return input - trunc(input)


# -- PyTorch's second names ---------------------------------------------------------------------------------------------

divide = div
true_divide = div
fix = trunc
