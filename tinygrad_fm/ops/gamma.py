"""The gamma function: its logarithm, the derivatives of that, the incomplete one, and the Hurwitz zeta function.

https://pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.polynomial import polynomial
from numpy.polynomial.chebyshev import chebval

from ..autograd.box import raw
from ..autograd.tensor_type import Tensor
from ..promotion import promote_float
from .bessel import in_float64
from .elementwise import exp, log, pointwise, unary_float

__all__ = ["digamma", "igamma", "igammac", "lgamma", "mvlgamma", "polygamma"]

Array = np.ndarray[Any, Any]

# log Γ(x) / ((x − 1)(x − 2)) as a Chebyshev series in x − 2 for x from 1 to 3: right also beside the zeros at 1 and 2
_LOG_GAMMA = (
    0.44148902545501423, -0.11119580321752523, 0.01951044826068884, -0.003922461463025264, 0.0008478989895953857,
    -0.00019153855341365593, 4.454470184975607e-05, -1.05728743735943e-05, 2.5474336873408417e-06, -6.208535880776316e-07,
    1.5268677399071546e-07, -3.782637660291326e-08, 9.428100823624284e-09, -2.361999702184645e-09, 5.943541905817546e-10,
    -1.501312977072867e-10, 3.8050196458110534e-11, -9.672485299656325e-12, 2.465348198355661e-12, -6.298868140791711e-13,
    1.6128460030283787e-13, -4.137949206814042e-14, 1.0635701227757898e-14, -2.7382420786652826e-15,
    7.060670507214892e-16, -1.8232177141662118e-16, 4.714169006756272e-17, -1.2204107319639856e-17,
    3.1630451661790255e-18, -8.206746544166728e-19,
)  # fmt: skip

# the Bernoulli numbers B₂, B₄, … of Stirling's series and of the Euler–Maclaurin formula
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)

_SHIFT = 10  # from here on the asymptotic series are exact to float64


def _stirling(x: Array) -> Array:
    """log Γ(x) for large x."""
    terms = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1)]
    return (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + polynomial.polyval(x**-2.0, terms) / x


def _log_gamma_of_positive(x: Array) -> Array:
    small, middle = x < 1, x <= 3
    t = np.clip(np.where(small, x - 1, x - 2), -1, 1)  # from 2, after Γ(x) = Γ(x + 1) / x where x < 1
    near = (t + 1) * t * chebval(t, _LOG_GAMMA) - np.where(small, np.log(x), 0)
    shifted, product = np.where(middle, 3.0, x), np.ones_like(x)
    for _ in range(_SHIFT - 3):  # Γ(x) = Γ(x + 1) / x
        low = shifted < _SHIFT
        product = np.where(low, product * shifted, product)
        shifted = np.where(low, shifted + 1, shifted)
    far = _stirling(shifted) - np.log(product)
    return np.where(middle, near, np.where(np.isposinf(x), np.inf, far))


def _log_gamma(x: Array) -> Array:
    mirrored = x <= 0
    y = _log_gamma_of_positive(np.where(mirrored, 1 - x, x))
    if not mirrored.any():
        return y
    around = x - np.round(x)  # sin(πx) up to its sign, exact near whole numbers
    reflected = math.log(math.pi) - np.log(np.abs(np.sin(math.pi * around))) - y
    return np.where(mirrored, np.where((around == 0) | np.isinf(x), np.inf, reflected), y)


# -- the derivatives of log Γ ------------------------------------------------------------------------------------------


def _zeta(s: Any, x: Array) -> Array:
    """Σ (x + k)⁻ˢ over k = 0, 1, …, for x > 0 and s > 1: a few terms, then the Euler–Maclaurin formula."""
    total = np.zeros(np.broadcast_shapes(np.shape(s), x.shape))
    for _ in range(_SHIFT):
        total = total + x**-s
        x = x + 1
    total = total + x ** (1 - s) / (s - 1) + 0.5 * x**-s
    factor, power = s, x ** (-s - 1)
    for k, b in enumerate(_BERNOULLI, 1):
        total = total + b / math.factorial(2 * k) * factor * power
        factor = factor * (s + 2 * k - 1) * (s + 2 * k)
        power = power / x**2
    return total


def _digamma_of_positive(x: Array) -> Array:
    y = np.zeros_like(x)
    for _ in range(_SHIFT):
        low = x < _SHIFT
        y = np.where(low, y - 1 / x, y)
        x = np.where(low, x + 1, x)
    terms = [0.0, *(b / (2 * k) for k, b in enumerate(_BERNOULLI, 1))]
    return y + np.log(x) - 0.5 / x - polynomial.polyval(x**-2.0, terms)


def _cotangent(x: Array, n: int) -> Array:
    """π times the n-th derivative of cot(πx): a polynomial in the cotangent."""
    coefficients = np.array([0.0, 1.0])
    for _ in range(n):
        coefficients = -math.pi * polynomial.polymul([1.0, 0.0, 1.0], polynomial.polyder(coefficients))
    return math.pi * polynomial.polyval(1 / np.tan(math.pi * (x - np.round(x))), coefficients)


def _polygamma(x: Array, n: int) -> Array:
    mirrored = x < 0.5
    z = np.where(mirrored, 1 - x, x)
    y = _digamma_of_positive(z) if n == 0 else (-1) ** (n + 1) * math.factorial(n) * _zeta(float(n + 1), z)
    if not mirrored.any():
        return y
    pole = np.copysign(np.where(x == 0, np.inf, np.nan), -x) if n == 0 else (-1.0) ** (n + 1) * np.inf
    pole = np.where(np.isinf(x), np.nan, pole)
    reflected = (-1) ** n * y - _cotangent(x, n)
    return np.where(mirrored, np.where(x == np.round(x), pole, reflected), y)


lgamma = unary_float(in_float64(_log_gamma), name="lgamma", input=lambda g, input: g * digamma(input))

_polygamma_op: Any = unary_float(
    lambda x, n: in_float64(partial(_polygamma, n=n))(x), name="polygamma", x=lambda g, x, n: g * _polygamma_op(x, n=n + 1)
)


def digamma(input: Any) -> Tensor:
    """The derivative of :func:`lgamma`.

    >>> import tinygrad_fm as torch
    >>> torch.digamma(torch.tensor([1.0, 2.0]))
    tensor([-0.5772,  0.4228])
    """
    return _polygamma_op(input, n=0)


def polygamma(n: int, input: Any) -> Tensor:
    """The n-th derivative of :func:`digamma`. Raises NotImplementedError for n below 0.

    >>> import tinygrad_fm as torch
    >>> torch.polygamma(1, torch.tensor([1.0]))
    tensor([1.6449])
    """
    if n < 0:
        raise NotImplementedError(f"polygamma(): n must not be negative, got {n}")
    return _polygamma_op(input, n=int(n))


def mvlgamma(input: Any, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension ``p``. Raises RuntimeError unless input > (p − 1) / 2.

    >>> import tinygrad_fm as torch
    >>> torch.mvlgamma(torch.tensor([3.0]), 2)
    tensor([1.5502])
    """
    if p < 1:
        raise RuntimeError(f"mvlgamma(): p must be at least 1, got {p}")
    total: Any = sum(lgamma(input - j / 2) for j in range(p))
    return total + p * (p - 1) / 4 * math.log(math.pi)


zeta: Any = pointwise(
    in_float64(lambda s, q: np.where(s == 1, np.inf, np.where(s < 1, np.nan, _zeta_of_any(s, q)))),
    name="zeta",
    promotion=promote_float,
    inputs="input other",
    other=lambda g, input, other: -g * input * zeta(input + 1, other),
)


def _zeta_of_any(s: Array, q: Array) -> Array:
    """For q ≤ 0 too: infinite at whole numbers, else shifted above 0 where s is whole."""
    s, q = np.broadcast_arrays(s, q)
    s, x, total = np.where(s > 1, s, 2.0), np.where(q < -10_000, np.nan, q), np.zeros(q.shape)
    while (x <= 0).any():
        total = np.where(x <= 0, total + x**-s, total)
        x = np.where(x <= 0, x + 1, x)
    y = total + _zeta(s, x)
    return np.where(q > 0, y, np.where(q == np.floor(q), np.inf, np.where(s == np.floor(s), y, np.nan)))


# -- the incomplete gamma function -------------------------------------------------------------------------------------


def _incomplete(a: Array, x: Array) -> tuple[Array, Array]:
    """The lower and the upper regularised incomplete gamma function: the power series below a + 1, else Legendre's
    continued fraction by Lentz's method (Numerical Recipes, 6.2)."""
    a, x = np.broadcast_arrays(a, x)
    good = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    a_, x_ = np.where(good, a, 1.0), np.where(good, x, 1.0)
    scale = np.exp(a_ * np.log(x_) - x_ - _log_gamma(a_))
    low = x_ < a_ + 1
    term = total = 1 / a_
    n, most = 0, 10_000
    while n < most and (low & (np.abs(term) > 1e-17 * np.abs(total))).any():
        n += 1
        term = term * np.where(low, x_, 0.0) / (a_ + n)
        total = total + term
    lower = np.where(low, total * scale, 0.0)
    b, c = np.where(low, 1.0, x_ + 1 - a_), np.full(a_.shape, 1e300)
    d = 1 / b
    h = d
    for i in range(1, most):
        step = -i * (i - a_)
        b = b + 2
        d, c = 1 / (step * d + b), b + step / c
        h = h * (d * c)
        if low.all() or (np.abs(d * c - 1) <= 1e-16)[~low].all():
            break
    upper = np.where(low, 1 - lower, scale * h)
    lower = np.where(low, lower, 1 - upper)
    # the limits: nothing below 0, everything below infinity
    none, every = (x == 0) | np.isposinf(a), np.isposinf(x) | (a == 0)
    bad = np.isnan(a) | np.isnan(x) | (a < 0) | (x < 0) | (none & every)
    lower = np.where(bad, np.nan, np.where(every, 1.0, np.where(none, 0.0, lower)))
    upper = np.where(bad, np.nan, np.where(every, 0.0, np.where(none, 1.0, upper)))
    return lower, upper


def _density(g: Any, a: Any, x: Any) -> Any:
    return g * exp((a - 1) * log(x) - x - lgamma(raw(a)))


igamma = pointwise(
    in_float64(lambda a, x: _incomplete(a, x)[0]),
    name="igamma",
    promotion=promote_float,
    inputs="input other",
    other=lambda g, input, other: _density(g, input, other),
)

igammac = pointwise(
    in_float64(lambda a, x: _incomplete(a, x)[1]),
    name="igammac",
    promotion=promote_float,
    inputs="input other",
    other=lambda g, input, other: -_density(g, input, other),
)
