"""What belongs to the normal distribution: its distribution function and the inverse of that, ``erfcx``, ``erfinv``.

https://pytorch.org/docs/stable/special.html#torch.special.ndtri
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebval

from .bessel import in_float64
from .elementwise import exp, unary_float

__all__ = ["erfinv"]

Array = np.ndarray[Any, Any]

_ROOT_OF_PI, _ROOT_OF_2 = math.sqrt(math.pi), math.sqrt(2)

# (1 + 2x) exp(x²) erfc(x) as a Chebyshev series in (x − 3.75) / (x + 3.75) for all x ≥ 0: Shepherd and Laframboise 1981,
# "Chebyshev approximation of (1 + 2x) exp(x²) erfc(x) in 0 ≤ x < ∞"
_SCALED = (
    1.1775789345674017, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189, -0.026658668435305753,
    0.009074997670705265, -0.002413163540417608, 0.0004907758365258086, -6.916973302501207e-05, 4.13902798607301e-06,
    7.74038306619849e-07, -2.1886401049234397e-07, 1.0764999465670912e-08, 4.521959811218287e-09, -7.754400208831363e-10,
    -6.31808834088688e-11, 2.8687950109304246e-11, 1.945586854551626e-13, -9.654696748457564e-13, 3.252548147960066e-14,
    3.347811948176194e-14, -1.8645628805970813e-15, -1.2507950522975322e-15, 7.418235417800622e-17, 5.068149127729065e-17,
    -2.2370541188372195e-18, -2.1873404400687334e-18,
)  # fmt: skip

# erfinv(x) / x as a Chebyshev series in 8x² − 1 for |x| ≤ ½
_CENTRE = (
    0.9187256117350144, 0.03375857560006542, 0.0013206742781165998, 6.404076996787596e-05, 3.441212150449627e-06,
    1.9639319431763806e-07, 1.1660992270753084e-08, 7.120387036722737e-10, 4.4393783156625655e-11, 2.8127938621948305e-12,
    1.8051946908097276e-13, 1.1707093852711806e-14, 7.658493022440133e-16, 5.046812059932414e-17, 3.3466401083134628e-18,
)  # fmt: skip


def scaled_erfc(x: Array) -> Array:
    """exp(x²) · erfc(x), which falls as 1 / x where erfc itself vanishes."""
    size = np.abs(x)
    y = chebval(np.where(np.isinf(size), 1, (size - 3.75) / (size + 3.75)), _SCALED) / (1 + 2 * size)
    return np.where(x < 0, 2 * np.exp(x * x) - y, y)


# Giles 2012, "Approximating the erfinv function": in w − 2.5 where w = −log(1 − x²) is below 5, in √w − 3 above
_GILES = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727,
    1.50140941,
)  # fmt: skip
_GILES_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406,
    2.83297682,
)  # fmt: skip


def _inverse_erfc(q: Array) -> Array:
    """The y > 0 with erfc(y) = q, for q from 0 to ½: Giles's formula, then Newton's method on log erfc."""
    logarithm = np.log(q)
    w = -np.log(q * (2 - q))
    y = (1 - q) * np.where(
        w < 5, np.polyval(_GILES, np.minimum(w, 5) - 2.5), np.polyval(_GILES_TAIL, np.sqrt(np.minimum(w, 16)) - 3)
    )
    y = np.where(w < 16, y, np.sqrt(-logarithm - np.log(_ROOT_OF_PI * np.sqrt(-logarithm))))
    for _ in range(3):
        scaled = scaled_erfc(y)
        y = y + (np.log(scaled) - y * y - logarithm) * scaled * _ROOT_OF_PI / 2
    return np.where(q == 0, np.inf, y)


def _inverse_erf(x: Array) -> Array:
    size = np.abs(x)
    near = x * chebval(8 * np.minimum(size, 0.5) ** 2 - 1, _CENTRE)
    far = np.copysign(_inverse_erfc(1 - np.clip(size, 0.5, 1)), x)
    return np.where(size <= 0.5, near, np.where(size <= 1, far, np.nan))


def _normal(x: Array) -> Array:
    tail = 0.5 * scaled_erfc(np.abs(x) / _ROOT_OF_2) * np.exp(-x * x / 2)
    return np.where(x > 0, 1 - tail, tail)


def _log_normal(x: Array) -> Array:
    below = np.log(0.5 * scaled_erfc(-np.minimum(x, 0) / _ROOT_OF_2)) - x * x / 2
    above = np.log1p(-0.5 * scaled_erfc(np.maximum(x, 0) / _ROOT_OF_2) * np.exp(-x * x / 2))
    return np.where(x < 0, np.where(np.isneginf(x), -np.inf, below), above)


def _inverse_normal(p: Array) -> Array:
    low = p < 0.5
    tail = np.where(low, p, 1 - p)
    inside = (p >= 0) & (p <= 1)
    far = _ROOT_OF_2 * _inverse_erfc(2 * np.clip(tail, 0, 0.25))
    y = np.where(tail > 0.25, _ROOT_OF_2 * _inverse_erf(2 * p - 1), np.where(low, -far, far))
    return np.where(inside, y, np.nan)


erfinv = unary_float(in_float64(_inverse_erf), name="erfinv", input=lambda g, y: g * (exp(y * y) * (_ROOT_OF_PI / 2)))

erfcx = unary_float(in_float64(scaled_erfc), name="erfcx", input=lambda g, y, input: g * (input * y * 2 - 2 / _ROOT_OF_PI))

ndtr: Any = unary_float(
    in_float64(_normal), name="ndtr", input=lambda g, input: g * (exp(input * input * -0.5) / math.sqrt(2 * math.pi))
)

ndtri = unary_float(
    in_float64(_inverse_normal), name="ndtri", input=lambda g, y: g * (exp(y * y * 0.5) * math.sqrt(2 * math.pi))
)

# the density over the distribution function: 1 / erfcx, without the quotient of two vanishing numbers
log_ndtr = unary_float(
    in_float64(_log_normal),
    name="log_ndtr",
    input=lambda g, input: g / erfcx(input * (-1 / _ROOT_OF_2)) * math.sqrt(2 / math.pi),
)
