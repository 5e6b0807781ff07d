"""Operations on each element by itself: arithmetic, powers, exponentials, rounding, comparing, choosing.

Each is a NumPy kernel and a rule per input. The inputs broadcast against one another as NumPy's do; the backward loop sums
over the axes that were broadcast, so no rule does. https://pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..autograd.primitive import Primitive, primitive, promote_float, raw
from ..dtypes import result_type
from ..promotion import promote_difference, promote_numbers

Array = np.ndarray[Any, Any]

_elementwise = partial(primitive, broadcasts=True)
_unary_float = partial(primitive, promotion=promote_float)


def quiet(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """``kernel`` without NumPy's warnings: log(0) is −inf and 0/0 is NaN without a word, as in PyTorch."""
    return np.errstate(all="ignore")(lambda *args, **static: kernel(*args, **static))


def constants(value: float) -> dict[Any, Array]:
    """``value`` as a 0-d array of each floating dtype, which NumPy takes 250 ns faster than a Python number."""
    return {np.dtype(t): np.array(value, t) for t in (np.float16, np.float32, np.float64)}


def zeros_for(g: Any, shape: tuple[int, ...]) -> Array:
    """A gradient of zeros, where the derivative is zero almost everywhere (a constant, so never recorded)."""
    return np.zeros(shape, raw(g).dtype)


# -- arithmetic --------------------------------------------------------------------------------------------------------

_add = _elementwise(np.add, name="add", a=lambda g: g, b=lambda g: g)
_sub = _elementwise(np.subtract, name="sub", promotion=promote_difference, a=lambda g: g, b=lambda g: -g)
mul = _elementwise(np.multiply, name="mul", a=lambda g, b: g * b, b=lambda g, a: g * a)
_div = _elementwise(
    quiet(np.true_divide), name="div", promotion=promote_float, a=lambda g, b: g / b, b=lambda g, y, b: -g * (y / b)
)
neg = primitive(np.negative, name="neg", promotion=promote_numbers, x=lambda g: -g)


def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``input + alpha · other``, broadcast. The dtype is PyTorch's promotion of both.

    >>> import tinygrad_fm as torch
    >>> torch.add(torch.tensor([1, 2]), torch.tensor([0.5]))
    tensor([1.5000, 2.5000])
    """
    return _add(input, other if alpha == 1 else _scaled("add", input, other, alpha))


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``input − alpha · other``, broadcast. Raises RuntimeError for bools, as for those only ``^`` makes sense."""
    return _sub(input, other if alpha == 1 else _scaled("sub", input, other, alpha))


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other − alpha · input``: subtraction with the arguments reversed."""
    return _sub(other, input if alpha == 1 else _scaled("rsub", other, input, alpha))


def _scaled(op: str, input: Any, other: Any, alpha: Any) -> Any:
    """``alpha · other`` in the dtype that ``input + other`` has."""
    kind = result_type([raw(input), raw(other)])
    if kind.kind != "f" and isinstance(alpha, float):
        raise RuntimeError(f"{op}(): alpha must be whole for a result of whole numbers ({kind}), got {alpha}")
    if hasattr(other, "dtype") and raw(other).dtype != kind:
        other = cast(other, dtype=kind)
    return mul(other, bool(alpha) if kind.kind == "b" else alpha)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """``input / other``, broadcast; integers give the default float dtype. Division by 0 gives ±inf or NaN.

    Args:
        rounding_mode: None, "trunc" (towards 0) or "floor" (towards −inf); the latter two keep integers integers.
    """
    if rounding_mode is None:
        return _div(input, other)
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
        raise ZeroDivisionError("an integer tensor was divided by zero")
    return False


def _floor_quotient(a: Any, b: Any) -> Any:
    if not _is_float(a, b):
        return np.floor_divide(a, b)
    return np.where(np.equal(b, 0), np.true_divide(a, b), np.floor_divide(a, b))  # 1 // 0.0 is inf; NumPy has NaN


def _truncated_quotient(a: Any, b: Any) -> Any:
    if _is_float(a, b):
        return np.trunc(np.true_divide(a, b))
    return np.floor_divide(a - np.fmod(a, b), b)


floor_divide = _elementwise(quiet(_floor_quotient), name="floor_divide", inputs="input other")
_floor_div = _elementwise(
    quiet(_floor_quotient), name="div_floor",
    a=lambda g, a_shape: zeros_for(g, a_shape), b=lambda g, b_shape: zeros_for(g, b_shape),
)  # fmt: skip
_trunc_div = _elementwise(
    quiet(_truncated_quotient), name="div_trunc",
    a=lambda g, a_shape: zeros_for(g, a_shape), b=lambda g, b_shape: zeros_for(g, b_shape),
)  # fmt: skip


def _remainder(a: Any, b: Any) -> Any:
    _is_float(a, b)
    return np.remainder(a, b)


def _fmod(a: Any, b: Any) -> Any:
    _is_float(a, b)
    return np.fmod(a, b)


remainder = _elementwise(
    quiet(_remainder), name="remainder", a=lambda g: g, b=lambda g, a, b: -g * _floor_div(raw(a), raw(b))
)
fmod = _elementwise(quiet(_fmod), name="fmod", a=lambda g: g, b=lambda g, a, b: -g * _trunc_div(raw(a), raw(b)))


# -- powers, exponentials, logarithms ----------------------------------------------------------------------------------


def _power(x: Any, exponent: Any) -> Any:
    if type(exponent) is float and exponent == 2.0:
        return np.square(x)
    kind = np.result_type(x, exponent).kind
    if kind == "b":
        raise NotImplementedError("pow() is not defined for bool tensors; cast them with .long()")
    if kind in "iu" and np.any(np.less(exponent, 0)):
        if isinstance(exponent, int):
            raise RuntimeError("pow(): integers to negative integer powers are not whole numbers; cast the base to float")
        whole = np.power(x, np.maximum(exponent, exponent & 1))  # ±1 are their own reciprocals, the others' round to 0
        return np.where(np.less(exponent, 0) & (np.abs(x) != 1), 0, whole).astype(whole.dtype)
    return np.power(x, exponent)


def _power_base_rule(g: Any, x: Any, exponent: Any) -> Any:
    e = raw(exponent)
    if isinstance(e, np.ndarray):
        never = e == 0  # x ** 0 is constant, also at x = 0, where e · x ** (e − 1) is NaN
        return where(never, 0.0, g * (exponent * pow(x, where(never, 1.0, exponent - 1))))
    if e == 0:
        return zeros_for(g, raw(x).shape)
    return g if e == 1 else g * (x * 2) if e == 2 else g * (pow(x, e - 1) * e)


def _power_exponent_rule(g: Any, y: Any, x: Any, exponent: Any) -> Any:
    flat = np.logical_and(np.equal(raw(x), 0), np.greater_equal(raw(exponent), 0))  # 0 ** e is 0 around every e > 0
    if isinstance(x, (int, float)):
        return g * where(flat, 0.0, y * (math.log(x) if x > 0 else -math.inf if x == 0 else math.nan))
    return where(flat, 0.0, g * (y * log(where(flat, 1.0, x))))


_pow = _elementwise(quiet(_power), name="pow", x=_power_base_rule, exponent=_power_exponent_rule)


def pow(input: Any, exponent: Any) -> Any:  # noqa: A001
    """``input`` to the power ``exponent``; either may be a number.

    Raises RuntimeError for integers to negative integer powers. At 0 ** 0 the value is 1 and both derivatives are 0.

    >>> import tinygrad_fm as torch
    >>> torch.pow(torch.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    return _pow(input, exponent)


def square(input: Any) -> Any:
    """``input ²``."""
    return _pow(input, 2)


sqrt = _unary_float(quiet(np.sqrt), name="sqrt", x=lambda g, y: g / (y * 2))
_ONE = constants(1.0)
rsqrt = _unary_float(
    quiet(lambda x: np.true_divide(_ONE[x.dtype], np.sqrt(x))), name="rsqrt", x=lambda g, y: g * (y * y * y) * -0.5
)
reciprocal = _unary_float(
    quiet(lambda x: np.true_divide(_ONE[x.dtype], x)), name="reciprocal", x=lambda g, y: -g * (y * y)
)
exp = _unary_float(quiet(np.exp), name="exp", x=lambda g, y: g * y)
exp2 = _unary_float(quiet(np.exp2), name="exp2", x=lambda g, y: g * (y * math.log(2)))
expm1 = _unary_float(quiet(np.expm1), name="expm1", x=lambda g, y: g * (y + 1))
log = _unary_float(quiet(np.log), name="log", x=lambda g, x: g / x)
log2 = _unary_float(quiet(np.log2), name="log2", x=lambda g, x: g / (x * math.log(2)))
log10 = _unary_float(quiet(np.log10), name="log10", x=lambda g, x: g / (x * math.log(10)))
log1p = _unary_float(quiet(np.log1p), name="log1p", x=lambda g, x: g / (x + 1))


# -- trigonometric and hyperbolic --------------------------------------------------------------------------------------

sin = _unary_float(quiet(np.sin), name="sin", x=lambda g, x: g * cos(x))
cos = _unary_float(quiet(np.cos), name="cos", x=lambda g, x: -g * sin(x))
tan = _unary_float(quiet(np.tan), name="tan", x=lambda g, y: g + g * y * y)
asin = _unary_float(quiet(np.arcsin), name="asin", x=lambda g, x: g * rsqrt(1 - x * x))
acos = _unary_float(quiet(np.arccos), name="acos", x=lambda g, x: -g * rsqrt(1 - x * x))
atan = _unary_float(np.arctan, name="atan", x=lambda g, x: g / (x * x + 1))
sinh = _unary_float(quiet(np.sinh), name="sinh", x=lambda g, x: g * cosh(x))
cosh = _unary_float(quiet(np.cosh), name="cosh", x=lambda g, x: g * sinh(x))
tanh = _unary_float(np.tanh, name="tanh", x=lambda g, y: g - g * y * y)


def _over_square(x: Any, a: Any, b: Any) -> Any:
    """``x / (a² + b²)``, and 0 where both are 0, as PyTorch has atan2's derivative there."""
    square = a * a + b * b
    return x / where(raw(square) == 0, 1.0, square)


atan2 = _elementwise(
    np.arctan2, name="atan2", promotion=promote_float,
    a=lambda g, a, b: g * _over_square(b, a, b), b=lambda g, a, b: -g * _over_square(a, a, b),
)  # fmt: skip

_HALF = constants(0.5)


def _logistic(x: Array) -> Array:
    half = _HALF[x.dtype]
    return np.tanh(x * half) * half + half  # 1 / (1 + exp(-x)) without its overflow


def _logistic_rule(g: Any, y: Any) -> Any:
    gy = g * y
    return gy - gy * y


sigmoid = _unary_float(_logistic, name="sigmoid", x=_logistic_rule)


# -- sign and rounding -------------------------------------------------------------------------------------------------



def _sign(x: Array) -> Array:
    return np.asarray(np.subtract(x > 0, x < 0, dtype=x.dtype)) if x.dtype.kind != "b" else x.copy()  # 0 for NaN


sign = primitive(_sign, name="sign", x=lambda g, x_shape: zeros_for(g, x_shape))
abs = primitive(np.abs, name="abs", promotion=promote_numbers, x=lambda g, x: g * _sign(raw(x)))  # noqa: A001
_rounding = partial(primitive, promotion=promote_numbers, x=lambda g, x_shape: zeros_for(g, x_shape))
floor = _rounding(np.floor, name="floor")
ceil = _rounding(np.ceil, name="ceil")
trunc = _rounding(np.trunc, name="trunc")
_round = _rounding(quiet(lambda x, decimals: np.round(x, decimals)), name="round")


def round(input: Any, *, decimals: int = 0) -> Any:  # noqa: A001
    """To the nearest whole number (or to ``decimals`` places), halves to the even one. The derivative is 0."""
    return _round(input, decimals=decimals)


def frac(input: Any) -> Any:
    """The part behind the point: ``input − trunc(input)``."""
    return input - trunc(input)


# -- choosing ----------------------------------------------------------------------------------------------------------


def _promote_choice(op: Primitive, arrays: list[Any]) -> None:
    """As :func:`promote` for the two to choose from; the condition must be bool."""
    condition, *choices = arrays
    if getattr(condition, "dtype", None) not in (np.bool_, np.uint8):
        raise RuntimeError(f"where(): the condition must be a bool tensor, got {getattr(condition, 'dtype', condition)!r}")
    common = result_type(choices)
    arrays[:] = [condition.astype(bool, copy=False), *(np.asarray(c).astype(common, copy=False) for c in choices)]


_where = _elementwise(
    np.where, name="where", inputs="condition a b", promotion=_promote_choice,
    a=lambda g, condition: where(condition, g, 0.0), b=lambda g, condition: where(condition, 0.0, g),
)  # fmt: skip


def where(condition: Any, input: Any, other: Any) -> Any:
    """``input`` where ``condition`` holds, else ``other``; the three broadcast. A NaN not chosen does no harm.

    Args:
        condition: bool. input, other: tensors or numbers, promoted to their common dtype.
    """
    return _where(condition, input, other)


def _halves(a: Any, b: Any) -> Array:
    """The part of the gradient of max(a, b) that goes to ``a``: all, none, or half where both are equal."""
    a, b = np.asarray(raw(a)), np.asarray(raw(b))
    share = np.asarray(~np.less(a, b)).astype(a.dtype)
    share[np.equal(a, b)] = 0.5
    return share


def _first(a: Any, b: Any) -> Array:
    """The part of the gradient of fmax(a, b) that goes to ``a``: all where ``a`` is as large or ``b`` is NaN."""
    a, b = np.asarray(raw(a)), np.asarray(raw(b))
    return np.asarray(np.greater_equal(a, b) | np.isnan(b)).astype(a.dtype)


maximum = _elementwise(
    np.maximum, name="maximum", a=lambda g, a, b: g * _halves(a, b), b=lambda g, a, b: g * _halves(b, a)
)
minimum = _elementwise(
    np.minimum, name="minimum", a=lambda g, a, b: g * _halves(b, a), b=lambda g, a, b: g * _halves(a, b)
)
fmax = _elementwise(
    np.fmax, name="fmax", a=lambda g, a, b: g * _first(a, b), b=lambda g, a, b: g * (1 - _first(a, b))
)
fmin = _elementwise(
    np.fmin, name="fmin", a=lambda g, a, b: g * _first(-raw(a), -raw(b)), b=lambda g, a, b: g * (1 - _first(-raw(a), -raw(b)))
)


def _clip(x: Array, low: Any, high: Any) -> Array:
    y = x if low is None else np.maximum(x, low)
    y = y if high is None else np.minimum(y, high)  # where low > high, PyTorch gives high
    return x.copy() if y is x else y


def _inside(x: Any, low: Any, high: Any) -> Any:
    x = raw(x)
    inside = np.ones(x.shape, bool) if low is None else x >= low
    return inside if high is None else inside & (x <= high)


_clamp = primitive(_clip, name="clamp", x=lambda g, x, low, high: where(_inside(x, low, high), g, 0.0))


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    """``input`` with what is below ``min`` set to it, and what is above ``max``; the gradient passes up to and at the bounds.

    Args:
        min, max: numbers or tensors that broadcast with ``input``; at least one.
    """
    if min is None and max is None:
        raise RuntimeError("clamp(): at least one of min and max must be given")
    if not any(hasattr(bound, "shape") for bound in (min, max)):
        if raw(input).dtype.kind == "b" and all(isinstance(bound, (bool, type(None))) for bound in (min, max)):
            raise NotImplementedError("clamp() is not defined for bool tensors; cast them with .long()")
        bounds = [None if b is None else float(b) if raw(input).dtype.kind == "f" else b for b in (min, max)]
        if raw(input).dtype.kind != "f" and any(isinstance(b, float) for b in bounds):
            input = input * 1.0
        return _clamp(input, low=bounds[0], high=bounds[1])
    if min is not None:
        input = where(lt(input, min), min, input)
    return input if max is None else where(gt(input, max), max, input)


clip = clamp


def clamp_min(input: Any, min: Any) -> Any:  # noqa: A002
    """``clamp(input, min=min)``."""
    return clamp(input, min=min)


def clamp_max(input: Any, max: Any) -> Any:  # noqa: A002
    """``clamp(input, max=max)``."""
    return clamp(input, max=max)


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
    return add(input, div(tensor1, tensor2), alpha=value)


# -- comparing: results are bool and carry no gradient -----------------------------------------------------------------


def _compare(kernel: Any, name: str) -> Any:
    return _elementwise(kernel, name=name, inputs="input other")


eq, ne = _compare(np.equal, "eq"), _compare(np.not_equal, "ne")
lt, le = _compare(np.less, "lt"), _compare(np.less_equal, "le")
gt, ge = _compare(np.greater, "gt"), _compare(np.greater_equal, "ge")
isnan = primitive(np.isnan, name="isnan", inputs="input")
isinf = primitive(np.isinf, name="isinf", inputs="input")
isfinite = primitive(np.isfinite, name="isfinite", inputs="input")
logical_and = _elementwise(np.logical_and, name="logical_and", inputs="input other", promotion=None)
logical_or = _elementwise(np.logical_or, name="logical_or", inputs="input other", promotion=None)
logical_xor = _elementwise(np.logical_xor, name="logical_xor", inputs="input other", promotion=None)
logical_not = primitive(np.logical_not, name="logical_not", inputs="input")
bitwise_and = _elementwise(np.bitwise_and, name="bitwise_and", inputs="input other")
bitwise_or = _elementwise(np.bitwise_or, name="bitwise_or", inputs="input other")
bitwise_xor = _elementwise(np.bitwise_xor, name="bitwise_xor", inputs="input other")
bitwise_not = primitive(np.invert, name="bitwise_not", inputs="input")


def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Elementwise ``|input − other| ≤ atol + rtol · |other|``; infinities are close to themselves."""
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose(): rtol and atol must not be negative, got {rtol} and {atol}")
    kinds = {raw(v).dtype for v in (input, other) if hasattr(v, "dtype")}
    if len(kinds) > 1:
        raise RuntimeError(f"isclose(): input and other must have one dtype, got {raw(input).dtype}, {raw(other).dtype}")
    close = _compare(quiet(partial(np.isclose, rtol=rtol, atol=atol, equal_nan=equal_nan)), "isclose")
    return close(input, other)


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close, by :func:`isclose`."""
    return bool(np.all(raw(isclose(input, other, rtol, atol, equal_nan))))


def equal(input: Any, other: Any) -> bool:
    """Whether both have the same shape and the same elements."""
    return bool(raw(input).shape == raw(other).shape and np.all(np.equal(raw(input), raw(other))))


# -- dtype and memory --------------------------------------------------------------------------------------------------

cast = primitive(
    quiet(lambda x, dtype: x.astype(dtype)), name="to", promotion=None, x=lambda g: g
)  # the loop gives the gradient its input's dtype
copy = primitive(
    lambda x, source: np.broadcast_to(source, x.shape).astype(x.dtype), name="copy", promotion=None, broadcasts=True,
    x=lambda g, x_shape: zeros_for(g, x_shape), source=lambda g: g,
)  # fmt: skip
_fill = primitive(
    lambda x, value: np.full_like(x, value), name="fill", promotion=None, broadcasts=True,
    x=lambda g, x_shape: zeros_for(g, x_shape), value=lambda g: g,
)  # fmt: skip


def fill(input: Any, value: Any) -> Any:
    """A tensor like ``input`` filled with ``value``, a number or a 0-d tensor. Raises RuntimeError for other tensors."""
    if np.ndim(raw(value)):
        raise RuntimeError(f"fill(): value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    return _fill(input, value)
