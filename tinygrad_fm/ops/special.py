"""Special functions: the error function, its complement, logit, and others of torch.special.

https://pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import box, raw
from ..autograd.tensor_type import Tensor
from ..promotion import promote_float
from .elementwise import cos, exp, log, log1p, log_of_number, maximum, minimum, pointwise, quiet, unary_float, where
from .indexing import masked_fill

__all__ = ["erf", "erfc", "heaviside", "logaddexp", "logaddexp2", "logit", "nan_to_num", "sinc", "xlogy"]

Array = np.ndarray[Any, Any]

# -- the error function ------------------------------------------------------------------------------------------------

# Chebyshev interpolants in powers of their variable, as many terms as the precision can tell: erf(x) / x in x² for |x| ≤ 1,
# and (x + 2) · exp(x²) · erfc(x) in (x − 2) / (x + 2) for x from 1 to where erfc(x) is 0.
_NEAR = (
    1.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792, 0.0052239776248180145,
    -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06,
    -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09, 5.957176147748911e-11,
)  # fmt: skip

_FAR = (
    1.021582705242023, -0.6871606844138106, 0.2794720925560569, -0.03644223150687321, -0.021510661889751374,
    0.006479185067101243, 0.003090612072364389, -0.0008372960419638035, -0.000663073853599678, 3.4371265165334955e-05,
    0.00014447608375721226, 3.414573499220335e-05, -2.1741553435163343e-05, -1.6045440623318925e-05,
    -9.603649054304952e-07, 3.0944818086516807e-06, 2.1551907647663515e-06, 1.2402422724067073e-06,
    -2.54711212522747e-06, 7.477967432597145e-07,
)  # fmt: skip

_NEAR_SINGLE = (
    1.1283791658483509, -0.37612626666720334, 0.11283594715160218, -0.026854212010626412, 0.005189087423433974,
    -0.000801686428716587, 7.875875062685488e-05,
)  # fmt: skip

_FAR_SINGLE = (
    1.0215826932061225, -0.6871606033839769, 0.279473721731705, -0.036447991895366745, -0.02154070426652538,
    0.006592828828218376, 0.0031683857217238423, -0.001473589074613609,
)  # fmt: skip


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    y = x * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        y += c
        y *= x
    y += coefficients[0]
    return y


_BLOCK = 16384  # elements whose temporaries stay in the cache: five times faster than passes over a large array


def error_function(x: Array, complement: bool = False) -> Array:
    """erf(x), or with ``complement`` 1 − erf(x), which has its full precision also where it is tiny."""
    if x.dtype == np.float16:
        return error_function(x.astype(np.float32), complement).astype(np.float16)
    y = np.array(x, order="K")  # an array also for the NumPy scalar that came of a 0-d one
    flat = y.ravel(order="K")  # in memory order, so a view
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        part[...] = _error_function_of_block(part, complement)
    return y


def _error_function_of_block(x: Array, complement: bool) -> Array:
    """The polynomial for |x| ≤ 1 and the one beyond, both of all elements: choosing by a product is free of branches."""
    double = x.dtype == np.float64
    far = np.abs(x)
    beyond = np.greater(far, 1, out=np.empty_like(x), casting="unsafe")  # 0 or 1
    np.minimum(far, 28 if double else 11, out=far)  # erfc is 0 from there on
    share = np.reciprocal(far + 2)
    tail = _polynomial(1 - 4 * share, _FAR if double else _FAR_SINGLE)
    tail *= share
    tail *= _exp_of_minus_square(far) if double else np.exp(-far * far)  # erfc(|x|)
    near = np.clip(x, -1, 1)
    near *= _polynomial(near * near, _NEAR if double else _NEAR_SINGLE)
    if complement:
        np.subtract(2, tail, out=tail, where=x < 0)
        np.subtract(1, near, out=near)
    else:
        np.subtract(1, tail, out=tail)
        np.copysign(tail, x, out=tail)
    tail *= beyond
    near *= np.subtract(1, beyond, out=beyond)
    near += tail
    return near


def _exp_of_minus_square(x: Array) -> Array:
    """exp(−x²) in two factors, the first of a square without rounding error: that of x² would be 700 · eps of the result."""
    coarse = np.round(x * 16) / 16
    return np.exp(-coarse * coarse) * np.exp((coarse - x) * (coarse + x))


erf = unary_float(quiet(error_function), name="erf", x=lambda g, x: g * (exp(-(x * x)) * (2 / math.sqrt(math.pi))))

# 1 − erf(x), but not computed so: it keeps its relative precision down to the smallest numbers
erfc = unary_float(
    quiet(lambda x: error_function(x.astype(np.float64), complement=True).astype(x.dtype)),
    name="erfc",
    x=lambda g, x: g * (exp(-(x * x)) * (-2 / math.sqrt(math.pi))),
)


# -- logarithms --------------------------------------------------------------------------------------------------------


def _logit(x: Array, eps: float | None) -> Array:
    if eps is not None:
        x = np.minimum(np.maximum(x, eps), 1 - eps)
    rest = 1 - x
    # in the middle, where the logarithm is near 0, it is that of 1 + (2x − 1) / (1 − x)
    return np.where(np.abs(x - 0.5) < 0.25, np.log1p((x - rest) / rest), np.log(x / rest))


def _logit_rule(g: Any, x: Any, eps: float | None) -> Any:
    """1 / (x (1 − x)): NaN outside [0, 1], but 0 where ``x`` was clamped."""
    low, high, outside = (0, 1, math.nan) if eps is None else (eps, 1 - eps, 0.0)
    clamped = (raw(x) < low) | (raw(x) > high)
    return where(clamped, outside, g / where(clamped, 0.5, x * (1 - x)))


_logit_of = unary_float(quiet(_logit), name="logit", x=_logit_rule)


def logit(input: Any, eps: float | None = None) -> Tensor:
    """The inverse of sigmoid, log(x / (1 − x)); x is first clamped to [eps, 1 − eps] if ``eps`` is given.

    NaN outside [0, 1], and −∞ and ∞ at its ends.

    >>> import tinygrad_fm as torch
    >>> torch.logit(torch.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """
    return _logit_of(input, eps=None if eps is None else float(eps))


def logaddexp(input: Any, other: Any) -> Tensor:
    """log(exp(a) + exp(b)), without overflow.

    >>> import tinygrad_fm as torch
    >>> torch.logaddexp(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor([0.6931])
    """
    high, low = maximum(input, other), minimum(input, other)
    same = raw(high) == raw(low)  # equal infinities have no difference
    return high + log1p(exp(where(box(same), 0.0, low - high)))


def logaddexp2(input: Any, other: Any) -> Tensor:
    """log₂(2^a + 2^b), without overflow.

    >>> import tinygrad_fm as torch
    >>> torch.logaddexp2(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor([1.])
    """
    scale = math.log(2)
    return logaddexp(input * scale, other * scale) / scale


# of the derivative of sin(z) / z, by powers of z²: what is left of (cos(z) − sin(z) / z) / z when both are nearly 1
_SINC_SLOPE = tuple((-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 10))


def _sinc_rule(g: Any, input: Any) -> Any:
    near = np.abs(raw(input)) < 0.3
    z = where(near, input, 0.0) * math.pi
    series = 0.0
    for c in reversed(_SINC_SLOPE):
        series = series * (z * z) + c
    slope = (cos(input * math.pi) - sinc(input)) / where(near, 1.0, input)
    return g * where(near, z * series * math.pi, slope)


sinc: Any = unary_float(quiet(np.sinc), name="sinc", input=_sinc_rule)  # sin(πx) / πx


entr = unary_float(  # −x · log(x): 0 at 0, −inf below
    quiet(lambda x: np.where(x == 0, x, np.where(x < 0, -np.inf, -x * np.log(x)))),
    name="entr",
    input=lambda g, input: g * (-log(input) - 1),
)


def _logarithm(x: Any) -> Any:
    return log_of_number(x) if isinstance(x, (int, float)) else log(x)


def _x_log_y(a: Any, b: Any) -> Any:
    product = np.where(np.equal(a, 0), 0.0, a * _logarithm(b))
    return np.where(np.isnan(b), b, product)


xlogy = pointwise(
    quiet(_x_log_y),
    name="xlogy",
    inputs="input other",
    promotion=promote_float,
    input=lambda g, input, other: where(np.equal(raw(input), 0) & np.less_equal(raw(other), 0), 0.0, g * _logarithm(other)),
    other=lambda g, input, other: g * (input / other),
)


def _log1p(x: Any) -> Any:
    return log_of_number(x + 1) if isinstance(x, (int, float)) else log1p(x)


def _x_log1p_y(a: Any, b: Any) -> Any:
    return np.where(np.isnan(b), b, np.where(np.equal(a, 0), 0.0, a * _log1p(b)))


xlog1py = pointwise(
    quiet(_x_log1p_y),
    name="xlog1py",
    inputs="input other",
    promotion=promote_float,
    input=lambda g, input, other: where(np.equal(raw(input), 0) & np.less_equal(raw(other), -1), 0.0, g * _log1p(other)),
    other=lambda g, input, other: g * (input / (other + 1)),
)


def heaviside(input: Any, values: Any) -> Tensor:
    """0 below zero, 1 above, and ``values`` at zero. Raises RuntimeError unless both are of one dtype.

    >>> import tinygrad_fm as torch
    >>> torch.heaviside(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    if input.dtype != values.dtype:
        raise RuntimeError(f"heaviside(): both must be of the same dtype, got {input.dtype} and {values.dtype}")
    return where(input == 0, values, (input > 0).to(input.dtype)).detach()


@quiet
def nan_to_num(input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """``input`` with NaN and the infinities replaced; the infinities by the largest numbers there are, if not given.

    >>> import tinygrad_fm as torch
    >>> torch.nan_to_num(torch.tensor([float("nan"), 1.0]))
    tensor([0., 1.])
    """
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
        input = masked_fill(input, box(mask), float(np.float64(value).astype(x.dtype)))
    return input
