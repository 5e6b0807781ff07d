"""Functions of each element that are made of others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...autograd.primitive import box, is_tensor, raw
from ...dtypes import default_float
from ..elementwise import pointwise, quiet, unary_float


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """:func:`ops.where`, and with the condition alone the indices where it holds: ``nonzero(condition, as_tuple=True)``."""
    if input is None and other is None:
        return ops.nonzero(condition, as_tuple=True)
    return ops.where(condition, input, other)


def _floating(x: Any) -> Any:
    """``x``, whole numbers as floats."""
    return x if not is_tensor(x) or x.is_floating_point() else x.to(dtype=default_float())


asinh = unary_float(np.arcsinh, name="asinh", x=lambda g, x: g * ops.rsqrt(x * x + 1))
acosh = unary_float(quiet(np.arccosh), name="acosh", x=lambda g, x: g * ops.rsqrt(x * x - 1))
atanh = unary_float(quiet(np.arctanh), name="atanh", x=lambda g, x: g / (1 - x * x))


def erfc(input: Any) -> Any:
    """1 − erf(x)."""
    return 1 - ops.erf(_floating(input))


def logit(input: Any, eps: float | None = None) -> Any:
    """The inverse of sigmoid, log(x / (1 − x)); x is first clamped to [eps, 1 − eps] if ``eps`` is given."""
    x = _floating(input)
    x = x if eps is None else ops.clamp(x, eps, 1 - eps)
    return ops.log(x / (1 - x))


def logaddexp(input: Any, other: Any) -> Any:
    """log(exp(a) + exp(b)), without overflow."""
    high, low = ops.maximum(input, other), ops.minimum(input, other)
    same = raw(high) == raw(low)  # equal infinities have no difference
    return high + ops.log1p(ops.exp(ops.where(box(same), 0.0, low - high)))


def xlogy(input: Any, other: Any) -> Any:
    """a · log(b), and 0 where a is 0 whatever b is, unless b is NaN."""
    a, b = (_floating(x) for x in (input, other))
    # where the product itself would be NaN
    odd = (~(b > 0) | (b == math.inf)) & ~ops.isnan(b) if is_tensor(b) else b <= 0 or b == math.inf
    zero = (a == 0) & odd
    logarithm = ops.log(b) if is_tensor(b) else math.log(b) if b > 0 else -math.inf if b == 0 else math.nan
    return ops.where(zero, 0.0, a * ops.where(zero, 0.0, logarithm))


def _longer(a: Any, b: Any) -> Any:
    if a.dtype.kind != "f":
        raise NotImplementedError(f"hypot() is not implemented for {a.dtype} tensors; cast them first")
    return np.hypot(a, b)  # √(a² + b²), without overflow on the way


hypot = pointwise(quiet(_longer), name="hypot", a=lambda g, y, a: g * (a / y), b=lambda g, y, b: g * (b / y))


def deg2rad(input: Any) -> Any:
    """Degrees as radians."""
    return input * (math.pi / 180)


def rad2deg(input: Any) -> Any:
    """Radians as degrees."""
    return input * (180 / math.pi)


def nan_to_num(input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """``input`` with NaN and the infinities replaced; the infinities by the largest numbers there are, if not given."""
    x = raw(input)
    if x.dtype.kind != "f":
        return input.clone()
    top = float(np.finfo(x.dtype).max)
    changes = [
        (np.isnan(x), nan),
        (np.isposinf(x), top if posinf is None else posinf),
        (np.isneginf(x), -top if neginf is None else neginf),
    ]
    for mask, value in changes:
        input = ops.masked_fill(input, box(mask), value)
    return input


def sgn(input: Any) -> Any:
    """:func:`sign`."""
    return ops.sign(input)


def signbit(input: Any) -> Any:
    """Whether the sign is minus, also that of −0."""
    return box(np.signbit(raw(input)) if raw(input).dtype.kind == "f" else raw(input) < 0)


def isposinf(input: Any) -> Any:
    """Whether each element is +∞."""
    return box(np.asarray(raw(input) == math.inf))


def isneginf(input: Any) -> Any:
    """Whether each element is −∞."""
    return box(np.asarray(raw(input) == -math.inf))


def positive(input: Any) -> Any:
    """``+input``, the tensor itself. Raises RuntimeError for bools."""
    if raw(input).dtype == bool:
        raise RuntimeError("positive() is not implemented for bool tensors")
    return input


def heaviside(input: Any, values: Any) -> Any:
    """0 below zero, 1 above, and ``values`` at zero. Raises RuntimeError unless both are of one dtype."""
    if input.dtype != values.dtype:
        raise RuntimeError(f"heaviside(): both must be of the same dtype, got {input.dtype} and {values.dtype}")
    return ops.where(input == 0, values, (input > 0).to(input.dtype)).detach()
