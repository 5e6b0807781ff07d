"""Less frequent elementwise operations: further trigonometric functions, other bases, scaled sums of products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.primitive import promote_float, raw
from .elementwise import _div, add, mul, pointwise, pow, quiet, rsqrt, sub, unary_float, where

tan = unary_float(quiet(np.tan), name="tan", x=lambda g, y: g + g * y * y)
asin = unary_float(quiet(np.arcsin), name="asin", x=lambda g, x: g * rsqrt(1 - x * x))
acos = unary_float(quiet(np.arccos), name="acos", x=lambda g, x: -g * rsqrt(1 - x * x))
atan = unary_float(np.arctan, name="atan", x=lambda g, x: g / (x * x + 1))
sinh = unary_float(quiet(np.sinh), name="sinh", x=lambda g, x: g * cosh(x))
cosh: Any = unary_float(quiet(np.cosh), name="cosh", x=lambda g, x: g * sinh(x))


def _over_square(x: Any, a: Any, b: Any) -> Any:
    """``x / (a² + b²)``, and 0 where both are 0, as PyTorch has atan2's derivative there."""
    square = a * a + b * b
    return x / where(raw(square) == 0, 1.0, square)


atan2 = pointwise(
    np.arctan2,
    name="atan2",
    promotion=promote_float,
    a=lambda g, a, b: g * _over_square(b, a, b),
    b=lambda g, a, b: -g * _over_square(a, a, b),
)
exp2 = unary_float(quiet(np.exp2), name="exp2", x=lambda g, y: g * (y * math.log(2)))
log2 = unary_float(quiet(np.log2), name="log2", x=lambda g, x: g / (x * math.log(2)))
log10 = unary_float(quiet(np.log10), name="log10", x=lambda g, x: g / (x * math.log(10)))


def lerp(input: Any, end: Any, weight: Any) -> Any:
    """``input + weight · (end − input)``: the point at ``weight`` of the way from ``input`` to ``end``."""
    if raw(input).dtype.kind != "f":
        raise NotImplementedError(f"lerp(): a floating-point tensor is needed, got {raw(input).dtype}")
    if raw(input).dtype != raw(end).dtype:
        raise RuntimeError(f"lerp(): input and end must have one dtype, got {raw(input).dtype} and {raw(end).dtype}")
    return input + weight * (end - input)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """``input + value · tensor1 · tensor2``."""
    return add(input, mul(tensor1, tensor2), alpha=value)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """``input + value · tensor1 / tensor2``."""
    return add(input, _div(tensor1, tensor2), alpha=value)


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other − alpha · input``: subtraction with the arguments reversed."""
    return sub(other, input, alpha=alpha)


def square(input: Any) -> Any:
    """``input ²``."""
    return pow(input, 2)
