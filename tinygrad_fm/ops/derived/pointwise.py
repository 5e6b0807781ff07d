"""Functions of each element that are made of others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...autograd.primitive import box, is_tensor, raw
from ...dtypes import default_float


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """:func:`ops.where`, and with the condition alone the indices where it holds: ``nonzero(condition, as_tuple=True)``."""
    if input is None and other is None:
        return ops.nonzero(condition, as_tuple=True)
    return ops.where(condition, input, other)


def _floating(x: Any) -> Any:
    """``x``, whole numbers as floats."""
    return x if not is_tensor(x) or x.is_floating_point() else x.to(dtype=default_float())


def asinh(input: Any) -> Any:
    """The inverse of sinh: sign(x) · log(|x| + √(x² + 1)), by way of log1p for small x."""
    x = _floating(input)
    size = x.abs()
    return ops.sign(x) * ops.log1p(size + size * size / (1 + ops.sqrt(size * size + 1)))


def acosh(input: Any) -> Any:
    """The inverse of cosh, NaN below 1."""
    x = _floating(input)
    return ops.log(x + ops.sqrt(x - 1) * ops.sqrt(x + 1))


def atanh(input: Any) -> Any:
    """The inverse of tanh: log((1 + x) / (1 − x)) / 2."""
    x = _floating(input)
    return (ops.log1p(x) - ops.log1p(-x)) / 2


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
    zero = (a == 0) & ~ops.isnan(b) if is_tensor(b) else (a == 0) & (not math.isnan(b))
    logarithm = ops.log(b) if is_tensor(b) else math.log(b) if b > 0 else -math.inf if b == 0 else math.nan
    return ops.where(zero, 0.0, a * ops.where(zero, 0.0, logarithm))


def hypot(input: Any, other: Any) -> Any:
    """√(a² + b²)."""
    return ops.sqrt(input * input + other * other)


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
        (np.isnan(x), nan), (np.isposinf(x), top if posinf is None else posinf),
        (np.isneginf(x), -top if neginf is None else neginf),
    ]  # fmt: skip
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
