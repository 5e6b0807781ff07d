"""Special functions: the error function, its complement, logit, and others of torch.special.

https://pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import box, is_tensor, raw
from ..autograd.primitive import primitive
from .comparison import isnan
from .elementwise import clamp, exp, floating, log, log1p, maximum, minimum, pointwise, quiet, where
from .indexing import masked_fill

__all__ = ["erf", "erfc", "heaviside", "hypot", "logaddexp", "logit", "nan_to_num", "xlogy"]

Array = np.ndarray[Any, Any]

# -- the normal distribution -------------------------------------------------------------------------------------------

# Chebyshev interpolants in powers of their variable: erf(x) / x in x² for |x| ≤ 1, and exp(x²) · erfc(x) in
# (x − 2) / (x + 2) for x from 1 to where erf rounds to 1. As many terms as the precision can tell.
_NEAR = (
    1.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792, 0.0052239776248180145,
    -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06,
    -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09, 5.957176147748911e-11,
)  # fmt: skip

_FAR = (
    0.25539567631050575, -0.4271858474139579, 0.24165819424246987, -0.07897858101585253, 0.00373289240349224,
    0.006997461747753573, -0.0008471431980760424, -0.0009819773208131022, 4.3554202452705896e-05,
    0.00017436697232946864, 2.754312818566672e-05, -2.7647305443610053e-05, -1.4067532694582058e-05,
    1.820143195975009e-06, 3.917059299925389e-06,
)  # fmt: skip

_NEAR_SINGLE = (
    1.1283791658483509, -0.37612626666720334, 0.11283594715160218, -0.026854212010626412, 0.005189087423433974,
    -0.000801686428716587, 7.875875062685488e-05,
)  # fmt: skip

_FAR_SINGLE = (
    0.25539567625190335, -0.42718584761434303, 0.24165821109072444, -0.07897852327253349, 0.0037321413513030097,
    0.006994855413599958, -0.0008365899736486057, -0.0009441596340872735,
)  # fmt: skip


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    y = x * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        y += c
        y *= x
    y += coefficients[0]
    return y


_BLOCK = 16384  # elements whose temporaries stay in the cache: five times faster than passes over a large array


def _error_function(x: Array) -> Array:
    if x.dtype == np.float16:
        return _error_function(x.astype(np.float32)).astype(np.float16)
    y = np.array(x, order="K")  # an array also for the NumPy scalar that came of a 0-d one
    flat = y.ravel(order="K")  # in memory order, so a view
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        part[...] = _error_function_of_block(part)
    return y


def _error_function_of_block(x: Array) -> Array:
    double = x.dtype == np.float64
    far = np.abs(x)
    beyond = np.greater(far, 1, out=np.empty_like(x), casting="unsafe")  # 0 or 1; choosing by a product is branch-free
    np.minimum(far, 6 if double else 4, out=far)  # erf is 1 from there on
    tail = _polynomial((far - 2) / (far + 2), _FAR if double else _FAR_SINGLE)
    far *= far
    np.negative(far, out=far)
    tail *= np.exp(far, out=far)
    np.subtract(1, tail, out=tail)
    tail *= beyond
    near = np.clip(x, -1, 1)
    near *= _polynomial(near * near, _NEAR if double else _NEAR_SINGLE)
    np.subtract(1, beyond, out=beyond)
    near *= beyond
    near += np.copysign(tail, x, out=tail)
    return near


erf = primitive(
    quiet(lambda x: _error_function(x if x.dtype.kind == "f" else x.astype(np.float32))),
    name="erf",
    promotion=None,
    x=lambda g, x: g * (exp(-(x * x)) * (2 / math.sqrt(math.pi))),
)


def erfc(input: Any) -> Any:
    """1 − erf(x)."""
    return 1 - erf(floating(input))


def logit(input: Any, eps: float | None = None) -> Any:
    """The inverse of sigmoid, log(x / (1 − x)); x is first clamped to [eps, 1 − eps] if ``eps`` is given."""
    x = floating(input)
    x = x if eps is None else clamp(x, eps, 1 - eps)
    return log(x / (1 - x))


def logaddexp(input: Any, other: Any) -> Any:
    """log(exp(a) + exp(b)), without overflow."""
    high, low = maximum(input, other), minimum(input, other)
    same = raw(high) == raw(low)  # equal infinities have no difference
    return high + log1p(exp(where(box(same), 0.0, low - high)))


def xlogy(input: Any, other: Any) -> Any:
    """a · log(b), and 0 where a is 0 whatever b is, unless b is NaN."""
    a, b = (floating(x) for x in (input, other))
    # where the product itself would be NaN
    odd = (~(b > 0) | (b == math.inf)) & ~isnan(b) if is_tensor(b) else b <= 0 or b == math.inf
    zero = (a == 0) & odd
    logarithm = log(b) if is_tensor(b) else math.log(b) if b > 0 else -math.inf if b == 0 else math.nan
    return where(zero, 0.0, a * where(zero, 0.0, logarithm))


def _longer(a: Any, b: Any) -> Any:
    if a.dtype.kind != "f":
        raise NotImplementedError(f"hypot() is not implemented for {a.dtype} tensors; cast them first")
    return np.hypot(a, b)  # √(a² + b²), without overflow on the way


hypot = pointwise(quiet(_longer), name="hypot", a=lambda g, y, a: g * (a / y), b=lambda g, y, b: g * (b / y))


def heaviside(input: Any, values: Any) -> Any:
    """0 below zero, 1 above, and ``values`` at zero. Raises RuntimeError unless both are of one dtype."""
    if input.dtype != values.dtype:
        raise RuntimeError(f"heaviside(): both must be of the same dtype, got {input.dtype} and {values.dtype}")
    return where(input == 0, values, (input > 0).to(input.dtype)).detach()


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
        input = masked_fill(input, box(mask), value)
    return input
