"""Operations on each element by itself: arithmetic, powers, exponentials, trigonometry, bounds, choosing.

Each is a NumPy kernel and a rule per input. The inputs broadcast against one another as NumPy's do; the backward loop sums
over the axes that were broadcast, so no rule does. https://pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..autograd.box import box, is_tensor, raw
from ..autograd.broadcast import depending
from ..autograd.keywords import write_out
from ..autograd.primitives import Primitive, primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_stored, as_written
from ..promotion import plain_inputs, promote, promote_difference, promote_float, promote_numbers, result_type
from ._arguments import int64

__all__ = [
    "abs",
    "absolute",
    "acos",
    "acosh",
    "add",
    "addcdiv",
    "addcmul",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "exp",
    "exp2",
    "expm1",
    "fmax",
    "fmin",
    "hypot",
    "lerp",
    "log",
    "log10",
    "log1p",
    "log2",
    "maximum",
    "minimum",
    "mul",
    "multiply",
    "neg",
    "negative",
    "positive",
    "pow",
    "rad2deg",
    "reciprocal",
    "rsqrt",
    "rsub",
    "sgn",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "sub",
    "subtract",
    "tan",
    "tanh",
    "where",
]

Array = np.ndarray[Any, Any]

pointwise = partial(primitive, broadcasts=True)

unary_float = partial(primitive, promotion=promote_float)


def quiet(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """``kernel`` without NumPy's warnings: log(0) is −inf and 0/0 is NaN without a word, as in PyTorch."""
    return np.errstate(all="ignore")(kernel)


def constants(value: float) -> dict[Any, Array]:
    """``value`` as a 0-d array of each floating dtype, which NumPy takes 250 ns faster than a Python number."""
    return {np.dtype(t): np.array(value, t) for t in (np.float16, np.float32, np.float64)}


def zeros_for(g: Any, shape: tuple[int, ...]) -> Array:
    """A gradient of zeros, where the derivative is zero almost everywhere (a constant, so never recorded)."""
    return np.zeros(shape, raw(g).dtype)


# -- arithmetic --------------------------------------------------------------------------------------------------------

_add = pointwise(np.add, name="add", a=lambda g: g, b=lambda g: g)

_sub = pointwise(np.subtract, name="sub", promotion=promote_difference, a=lambda g: g, b=lambda g: -g)

mul = pointwise(np.multiply, name="mul", a=lambda g, b: g * b, b=lambda g, a: g * a)

true_div = pointwise(  # the quotient is computed again and not kept, so that it may be written to in place
    quiet(np.true_divide), name="div", promotion=promote_float, a=lambda g, b: g / b, b=lambda g, a, b: -g * (a / b / b)
)

neg = primitive(np.negative, name="neg", promotion=promote_numbers, x=lambda g: -g)


def add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """``input + alpha · other``, broadcast. The dtype is PyTorch's promotion of both.

    >>> import tinygrad_fm as torch
    >>> torch.add(torch.tensor([1, 2]), torch.tensor([0.5]))
    tensor([1.5000, 2.5000])
    """
    y = _add(input, other if alpha == 1 else _scaled("add", input, other, alpha))
    return y if out is None else write_out("add", y, out)


def sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """``input − alpha · other``, broadcast. Raises RuntimeError for bools, as for those only ``^`` makes sense.

    >>> import tinygrad_fm as torch
    >>> torch.sub(torch.tensor([5, 7]), torch.tensor([1, 2]), alpha=2)
    tensor([3, 3])
    """
    y = _sub(input, other if alpha == 1 else _scaled("sub", input, other, alpha))
    return y if out is None else write_out("sub", y, out)


def _scaled(op: str, input: Any, other: Any, alpha: Any) -> Any:
    """``alpha · other`` in the dtype that ``input + other`` has."""
    kind = result_type([raw(input), raw(other)])
    if kind.kind != "f" and isinstance(alpha, float):
        raise RuntimeError(f"{op}(): alpha must be whole for a result of whole numbers ({kind}), got {alpha}")
    if hasattr(other, "dtype") and raw(other).dtype != kind:
        other = cast(other, dtype=kind)
    return mul(other, as_stored(op, alpha, kind))


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """``other − alpha · input``: subtraction with the arguments reversed.

    >>> import tinygrad_fm as torch
    >>> torch.rsub(torch.tensor([1, 2]), 10)
    tensor([9, 8])
    """
    return sub(other, input, alpha=alpha)


def positive(input: Any) -> Tensor:
    """``+input``, the tensor itself. Raises RuntimeError for bools.

    >>> import tinygrad_fm as torch
    >>> torch.positive(torch.tensor([-1, 2]))
    tensor([-1,  2])
    """
    if raw(input).dtype == bool:
        raise RuntimeError("positive() is not implemented for bool tensors")
    return input


# -- powers, exponentials, logarithms ----------------------------------------------------------------------------------


def _power(x: Any, exponent: Any) -> Any:
    if type(exponent) in (int, float) and exponent == 2:
        return np.square(x)
    kind = np.result_type(x, exponent).kind
    if kind == "b":
        raise NotImplementedError("pow() is not defined for bool tensors; cast them with .long()")
    if kind in "iu" and np.any(np.less(exponent, 0)):
        whole = np.power(x, np.maximum(exponent, exponent & 1))  # ±1 are their own reciprocals, the others' round to 0
        return np.where(np.less(exponent, 0) & (np.abs(x) != 1), 0, whole).astype(whole.dtype)
    return np.power(x, exponent)


def _power_base_rule(g: Any, x: Any, exponent: Any) -> Any:
    """exponent · x^(exponent − 1)"""
    e = raw(exponent)
    if isinstance(e, np.ndarray):
        never = e == 0  # x ** 0 is constant, also at x = 0, where e · x ** (e − 1) is NaN
        return where(never, 0.0, g * (exponent * pow(x, where(never, 1.0, exponent - 1))))
    if e == 0:
        return zeros_for(g, raw(x).shape)
    if e == 1:
        return depending(g, x) if is_tensor(g) else g
    if e == 2:
        return g * (x * 2)
    return g * (pow(x, e - 1) * e)


def _power_exponent_rule(g: Any, y: Any, x: Any, exponent: Any) -> Any:
    """x^exponent · log x"""
    flat = np.logical_and(np.equal(raw(x), 0), np.greater_equal(raw(exponent), 0))  # 0 ** e is 0 around every e > 0
    if isinstance(x, (int, float)):
        return g * where(flat, 0.0, y * log_of_number(x))
    return where(flat, 0.0, g * (y * log(where(flat, 1.0, x))))


def log_of_number(x: float) -> float:
    """The logarithm of a Python number, as of a tensor's element: −∞ of 0, NaN below."""
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


def _promote_power(op: Primitive, arrays: list[Any]) -> None:
    """As :func:`promote`, but no integers to a negative whole power; asked before that is made a tensor's, maybe unsigned."""
    x, exponent = arrays
    whole = isinstance(x, np.ndarray) and x.dtype.kind in "iub" and isinstance(exponent, (int, np.integer))
    if whole and exponent < 0:
        raise RuntimeError("pow(): integers to negative integer powers are not whole numbers; cast the base to float")
    promote(op, arrays)


_pow = pointwise(quiet(_power), name="pow", promotion=_promote_power, x=_power_base_rule, exponent=_power_exponent_rule)


def pow(input: Any, exponent: Any) -> Tensor:
    """``input`` to the power ``exponent``; either may be a number.

    Raises RuntimeError for integers to negative integer powers. At 0 ** 0 the value is 1 and both derivatives are 0.

    >>> import tinygrad_fm as torch
    >>> torch.pow(torch.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    return _pow(input, exponent)


def square(input: Any) -> Tensor:
    """``input ²``.

    >>> import tinygrad_fm as torch
    >>> torch.square(torch.tensor([1.0, -3.0]))
    tensor([1., 9.])
    """
    return pow(input, 2)


sqrt = unary_float(quiet(np.sqrt), name="sqrt", x=lambda g, y: g / (y * 2))

_ONE = constants(1.0)

rsqrt = unary_float(
    quiet(lambda x: np.true_divide(_ONE[x.dtype], np.sqrt(x))), name="rsqrt", x=lambda g, y: g * (y * y * y) * -0.5
)

reciprocal = unary_float(quiet(lambda x: np.true_divide(_ONE[x.dtype], x)), name="reciprocal", x=lambda g, y: -g * (y * y))

exp = unary_float(quiet(np.exp), name="exp", x=lambda g, y: g * y)

exp2 = unary_float(quiet(np.exp2), name="exp2", x=lambda g, y: g * (y * math.log(2)))

expm1 = unary_float(quiet(np.expm1), name="expm1", x=lambda g, y: g * (y + 1))

log = unary_float(quiet(np.log), name="log", x=lambda g, x: g / x)

log2 = unary_float(quiet(np.log2), name="log2", x=lambda g, x: g / (x * math.log(2)))

log10 = unary_float(quiet(np.log10), name="log10", x=lambda g, x: g / (x * math.log(10)))

log1p = unary_float(quiet(np.log1p), name="log1p", x=lambda g, x: g / (x + 1))

# -- trigonometric and hyperbolic --------------------------------------------------------------------------------------

sin = unary_float(quiet(np.sin), name="sin", x=lambda g, x: g * cos(x))

cos: Any = unary_float(quiet(np.cos), name="cos", x=lambda g, x: -g * sin(x))

tan = unary_float(quiet(np.tan), name="tan", x=lambda g, y: g + g * y * y)

# 1 − x² as (1 − x)(1 + x), which keeps its digits near ±1
asin = unary_float(quiet(np.arcsin), name="asin", x=lambda g, x: g * rsqrt((1 - x) * (1 + x)))

acos = unary_float(quiet(np.arccos), name="acos", x=lambda g, x: -g * rsqrt((1 - x) * (1 + x)))

atan = unary_float(np.arctan, name="atan", x=lambda g, x: g / (x * x + 1))


def _longer(a: Any, b: Any) -> Any:
    if a.dtype.kind != "f":
        raise NotImplementedError(f"hypot() is not implemented for {a.dtype} tensors; cast them first")
    return np.hypot(a, b)  # √(a² + b²), without overflow on the way


hypot = pointwise(quiet(_longer), name="hypot", a=lambda g, y, a: g * (a / y), b=lambda g, y, b: g * (b / y))


def _over_square(x: Any, a: Any, b: Any) -> Any:
    """``x / (a² + b²)``, and 0 where both are 0, as PyTorch has atan2's derivative there. The squares are never made: they
    would overflow, or be 0, long before the quotient is."""
    length = hypot(a, b)
    length = where(raw(length) == 0, 1.0, length)
    return x / length / length


atan2 = pointwise(
    np.arctan2,
    name="atan2",
    promotion=promote_float,
    a=lambda g, a, b: g * _over_square(b, a, b),
    b=lambda g, a, b: -g * _over_square(a, a, b),
)

sinh = unary_float(quiet(np.sinh), name="sinh", x=lambda g, x: g * cosh(x))

cosh: Any = unary_float(quiet(np.cosh), name="cosh", x=lambda g, x: g * sinh(x))

tanh = unary_float(np.tanh, name="tanh", x=lambda g, y: g * (1 - y * y))

asinh = unary_float(np.arcsinh, name="asinh", x=lambda g, x: g / hypot(x, _ONE[raw(x).dtype]))

acosh = unary_float(quiet(np.arccosh), name="acosh", x=lambda g, x: g * rsqrt((x - 1) * (x + 1)))

atanh = unary_float(quiet(np.arctanh), name="atanh", x=lambda g, x: g / ((1 - x) * (1 + x)))


def deg2rad(input: Any) -> Tensor:
    """Degrees as radians.

    >>> import tinygrad_fm as torch
    >>> torch.deg2rad(torch.tensor([180.0, 90.0]))
    tensor([3.1416, 1.5708])
    """
    return input * (math.pi / 180)


def rad2deg(input: Any) -> Tensor:
    """Radians as degrees.

    >>> import tinygrad_fm as torch
    >>> torch.rad2deg(torch.tensor([0.0, 3.14159265]))
    tensor([  0., 180.])
    """
    return input * (180 / math.pi)


def _logistic(x: Array) -> Any:
    y = np.exp(-x)  # overflows to inf for x far below 0, where 1 / inf = 0 is right
    y += _ONE[x.dtype]
    return np.true_divide(_ONE[x.dtype], y)


def _logistic_rule(g: Any, y: Any) -> Any:
    return g * y * (1 - y)


sigmoid = unary_float(quiet(_logistic), name="sigmoid", x=_logistic_rule)


# -- sign --------------------------------------------------------------------------------------------------------------


def _sign(x: Array) -> Array:
    return np.asarray(np.subtract(x > 0, x < 0, dtype=x.dtype)) if x.dtype.kind != "b" else x.copy()  # 0 for NaN


sign = primitive(_sign, name="sign", x=lambda g, x_shape: zeros_for(g, x_shape))


def sgn(input: Any) -> Tensor:
    """:func:`sign`.

    >>> import tinygrad_fm as torch
    >>> torch.sgn(torch.tensor([-2.0, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """
    return sign(input)


abs = primitive(np.abs, name="abs", promotion=promote_numbers, piecewise="x", x=lambda g, x: g * _sign(raw(x)))


# -- choosing ----------------------------------------------------------------------------------------------------------


def _chosen(value: Any, dtype: np.dtype[Any]) -> Array:
    if not isinstance(value, np.ndarray):
        return np.asarray(as_written("where", value, dtype), dtype)
    return value.astype(dtype, copy=False)


def _promote_choice(op: Primitive, arrays: list[Any]) -> None:
    """As :func:`promote` for the two to choose from; the condition must be bool."""
    condition, *choices = arrays
    plain_inputs(op, choices)
    if getattr(condition, "dtype", None) == np.uint8:
        warnings.warn("where(): a uint8 condition is deprecated, please use a bool one", UserWarning, stacklevel=4)
    elif getattr(condition, "dtype", None) != np.bool_:
        raise RuntimeError(f"where(): the condition must be a bool tensor, got {getattr(condition, 'dtype', condition)!r}")
    common = result_type(choices)
    arrays[:] = [condition.astype(bool, copy=False), *(_chosen(c, common) for c in choices)]


_choose = partial(
    pointwise,
    np.where,
    name="where",
    inputs="condition a b",
    promotion=_promote_choice,
    a=lambda g, condition: where(condition, g, 0.0),
    b=lambda g, condition: where(condition, 0.0, g),
)

_where = _choose()

piecewise = _choose(piecewise="a b")  # where(), for functions made of straight lines: see primitive()


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, else ``other``; the three broadcast. A NaN not chosen does no harm.

    With the condition alone: the indices where it holds, one vector per dimension, as ``nonzero(condition, as_tuple=True)``.

    Args:
        condition: bool. input, other: tensors or numbers, promoted to their common dtype.

    >>> import tinygrad_fm as torch
    >>> torch.where(torch.tensor([True, False]), torch.tensor([1, 2]), 0)
    tensor([1, 0])
    """
    if input is None and other is None:
        return tuple(box(int64(index)) for index in np.atleast_1d(raw(condition)).nonzero())
    return _where(condition, input, other)


# -- dtype -------------------------------------------------------------------------------------------------------------

cast = primitive(
    quiet(lambda x, dtype: x.astype(dtype)), name="to", promotion=None, x=lambda g: g
)  # the loop gives the gradient its input's dtype


# -- the greater, the smaller ------------------------------------------------------------------------------------------


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


maximum = pointwise(np.maximum, name="maximum", a=lambda g, a, b: g * _halves(a, b), b=lambda g, a, b: g * _halves(b, a))

minimum = pointwise(np.minimum, name="minimum", a=lambda g, a, b: g * _halves(b, a), b=lambda g, a, b: g * _halves(a, b))

fmax = pointwise(np.fmax, name="fmax", a=lambda g, a, b: g * _first(a, b), b=lambda g, a, b: g * (1 - _first(a, b)))

fmin = pointwise(
    np.fmin, name="fmin", a=lambda g, a, b: g * _first(-raw(a), -raw(b)), b=lambda g, a, b: g * (1 - _first(-raw(a), -raw(b)))
)


def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """``input + weight · (end − input)``: the point at ``weight`` of the way from ``input`` to ``end``.

    Raises:
        NotImplementedError: ``input`` is not floating-point.
        RuntimeError: ``input`` and ``end`` have different dtypes.

    >>> import tinygrad_fm as torch
    >>> torch.lerp(torch.tensor([0.0, 10.0]), torch.tensor([10.0, 20.0]), 0.25)
    tensor([ 2.5000, 12.5000])
    """
    if raw(input).dtype.kind != "f":
        raise NotImplementedError(f"lerp(): a floating-point tensor is needed, got {raw(input).dtype}")
    if raw(input).dtype != raw(end).dtype:
        raise RuntimeError(f"lerp(): input and end must have one dtype, got {raw(input).dtype} and {raw(end).dtype}")
    return input + weight * (end - input)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """``input + value · tensor1 · tensor2``.

    >>> import tinygrad_fm as torch
    >>> torch.addcmul(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0]), value=0.5)
    tensor([4.])
    """
    return add(input, mul(tensor1, tensor2), alpha=value)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """``input + value · tensor1 / tensor2``.

    >>> import tinygrad_fm as torch
    >>> torch.addcdiv(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([2.0]), value=0.5)
    tensor([1.7500])
    """
    return add(input, true_div(tensor1, tensor2), alpha=value)


# -- PyTorch's second names ---------------------------------------------------------------------------------------------

absolute = abs
arccos = acos
arcsin = asin
arctan = atan
arctan2 = atan2
arccosh = acosh
arcsinh = asinh
arctanh = atanh
multiply = mul
negative = neg
subtract = sub
