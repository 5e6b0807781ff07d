"""The less frequent trigonometric and hyperbolic functions; ``sin``, ``cos`` and ``tanh`` are in ``elementwise``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.primitive import promote_float, raw
from .elementwise import pointwise, quiet, rsqrt, unary_float, where

tan = unary_float(quiet(np.tan), name="tan", x=lambda g, y: g + g * y * y)
asin = unary_float(quiet(np.arcsin), name="asin", x=lambda g, x: g * rsqrt(1 - x * x))
acos = unary_float(quiet(np.arccos), name="acos", x=lambda g, x: -g * rsqrt(1 - x * x))
atan = unary_float(np.arctan, name="atan", x=lambda g, x: g / (x * x + 1))
sinh = unary_float(quiet(np.sinh), name="sinh", x=lambda g, x: g * cosh(x))
cosh = unary_float(quiet(np.cosh), name="cosh", x=lambda g, x: g * sinh(x))


def _over_square(x: Any, a: Any, b: Any) -> Any:
    """``x / (a² + b²)``, and 0 where both are 0, as PyTorch has atan2's derivative there."""
    square = a * a + b * b
    return x / where(raw(square) == 0, 1.0, square)


atan2 = pointwise(
    np.arctan2, name="atan2", promotion=promote_float,
    a=lambda g, a, b: g * _over_square(b, a, b), b=lambda g, a, b: -g * _over_square(a, a, b),
)  # fmt: skip
