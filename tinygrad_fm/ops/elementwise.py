"""Operations on each element by itself: arithmetic, powers, exponentials, choosing.

Each is a NumPy kernel and a rule per input. The inputs broadcast against one another as NumPy's do; the backward loop sums
over the axes that were broadcast, so no rule does. https://pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..autograd.broadcast import broadcasts_to
from ..autograd.primitive import Primitive, primitive, promote_float, raw
from ..dtypes import result_type
from ..errors import ShapeError
from ..promotion import plain_inputs, promote_difference, promote_numbers

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
_div = pointwise(
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


def _scaled(op: str, input: Any, other: Any, alpha: Any) -> Any:
    """``alpha · other`` in the dtype that ``input + other`` has."""
    kind = result_type([raw(input), raw(other)])
    if kind.kind != "f" and isinstance(alpha, float):
        raise RuntimeError(f"{op}(): alpha must be whole for a result of whole numbers ({kind}), got {alpha}")
    if hasattr(other, "dtype") and raw(other).dtype != kind:
        other = cast(other, dtype=kind)
    return mul(other, bool(alpha) if kind.kind == "b" else alpha)


# -- powers, exponentials, logarithms ----------------------------------------------------------------------------------


def _power(x: Any, exponent: Any) -> Any:
    if type(exponent) in (int, float) and exponent == 2:
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


_pow = pointwise(quiet(_power), name="pow", x=_power_base_rule, exponent=_power_exponent_rule)


def pow(input: Any, exponent: Any) -> Any:
    """``input`` to the power ``exponent``; either may be a number.

    Raises RuntimeError for integers to negative integer powers. At 0 ** 0 the value is 1 and both derivatives are 0.

    >>> import tinygrad_fm as torch
    >>> torch.pow(torch.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    return _pow(input, exponent)


sqrt = unary_float(quiet(np.sqrt), name="sqrt", x=lambda g, y: g / (y * 2))
_ONE = constants(1.0)
rsqrt = unary_float(
    quiet(lambda x: np.true_divide(_ONE[x.dtype], np.sqrt(x))), name="rsqrt", x=lambda g, y: g * (y * y * y) * -0.5
)
reciprocal = unary_float(quiet(lambda x: np.true_divide(_ONE[x.dtype], x)), name="reciprocal", x=lambda g, y: -g * (y * y))
exp = unary_float(quiet(np.exp), name="exp", x=lambda g, y: g * y)
expm1 = unary_float(quiet(np.expm1), name="expm1", x=lambda g, y: g * (y + 1))
log = unary_float(quiet(np.log), name="log", x=lambda g, x: g / x)
log1p = unary_float(quiet(np.log1p), name="log1p", x=lambda g, x: g / (x + 1))


# -- trigonometric and hyperbolic --------------------------------------------------------------------------------------

sin = unary_float(quiet(np.sin), name="sin", x=lambda g, x: g * cos(x))
cos: Any = unary_float(quiet(np.cos), name="cos", x=lambda g, x: -g * sin(x))
tanh = unary_float(np.tanh, name="tanh", x=lambda g, y: g - g * y * y)


def _logistic(x: Array) -> Any:
    y = np.exp(-x)  # overflows to inf for x far below 0, where 1 / inf = 0 is right
    y += _ONE[x.dtype]
    return np.true_divide(_ONE[x.dtype], y)


def _logistic_rule(g: Any, y: Any) -> Any:
    gy = g * y
    return gy - gy * y


sigmoid = unary_float(quiet(_logistic), name="sigmoid", x=_logistic_rule)


# -- sign and rounding -------------------------------------------------------------------------------------------------


def _sign(x: Array) -> Array:
    return np.asarray(np.subtract(x > 0, x < 0, dtype=x.dtype)) if x.dtype.kind != "b" else x.copy()  # 0 for NaN


sign = primitive(_sign, name="sign", x=lambda g, x_shape: zeros_for(g, x_shape))
abs = primitive(np.abs, name="abs", promotion=promote_numbers, x=lambda g, x: g * _sign(raw(x)))
# -- choosing ----------------------------------------------------------------------------------------------------------


def _promote_choice(op: Primitive, arrays: list[Any]) -> None:
    """As :func:`promote` for the two to choose from; the condition must be bool."""
    condition, *choices = arrays
    plain_inputs(op, choices)
    if getattr(condition, "dtype", None) not in (np.bool_, np.uint8):
        raise RuntimeError(f"where(): the condition must be a bool tensor, got {getattr(condition, 'dtype', condition)!r}")
    common = result_type(choices)
    arrays[:] = [condition.astype(bool, copy=False), *(np.asarray(c).astype(common, copy=False) for c in choices)]


_where = pointwise(
    np.where,
    name="where",
    inputs="condition a b",
    promotion=_promote_choice,
    a=lambda g, condition: where(condition, g, 0.0),
    b=lambda g, condition: where(condition, 0.0, g),
)


def where(condition: Any, input: Any, other: Any) -> Any:
    """``input`` where ``condition`` holds, else ``other``; the three broadcast. A NaN not chosen does no harm.

    Args:
        condition: bool. input, other: tensors or numbers, promoted to their common dtype.
    """
    return _where(condition, input, other)


# -- dtype and memory --------------------------------------------------------------------------------------------------

cast = primitive(
    quiet(lambda x, dtype: x.astype(dtype)), name="to", promotion=None, x=lambda g: g
)  # the loop gives the gradient its input's dtype


def _copied(x: Array, source: Any) -> Array:
    if not broadcasts_to(np.shape(source), x.shape):
        raise ShapeError(f"copy_(): a tensor of shape {np.shape(source)} does not fit into one of shape {x.shape}")
    return np.broadcast_to(source, x.shape).astype(x.dtype)


copy = primitive(
    quiet(_copied), name="copy", promotion=None, broadcasts=True, x=lambda g, x_shape: zeros_for(g, x_shape), source=lambda g: g
)
_fill = primitive(
    lambda x, value: np.full_like(x, value),
    name="fill",
    promotion=None,
    broadcasts=True,
    x=lambda g, x_shape: zeros_for(g, x_shape),
    value=lambda g: g,
)


def fill(input: Any, value: Any) -> Any:
    """A tensor like ``input`` filled with ``value``, a number or a 0-d tensor. Raises RuntimeError for other tensors."""
    if np.ndim(raw(value)):
        raise RuntimeError(f"fill(): value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    return _fill(input, value)
