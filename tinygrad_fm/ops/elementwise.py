"""Operations on each element by itself: arithmetic, powers, exponentials, rounding, comparisons, choosing.

Each is a NumPy kernel and a rule per input; the loop of the backward pass sums over broadcast axes, so no rule does.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.primitive import Primitive, Tensor, primitive, promote, promote_float
from ..dtypes import as_numpy
from ..errors import ShapeError

Array = np.ndarray[Any, Any]


def quiet(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """``kernel`` without NumPy's warnings: log(0) is −inf and 0/0 is NaN without a word, as in PyTorch."""
    return np.errstate(all="ignore")(kernel)


# -- arithmetic --------------------------------------------------------------------------------------------------------

_add = primitive(np.add, name="add", broadcasts=True, a=lambda g: g, b=lambda g: g)
_sub = primitive(np.subtract, name="sub", broadcasts=True, a=lambda g: g, b=lambda g: -g)
mul = primitive(np.multiply, name="mul", broadcasts=True, a=lambda g, b: g * b, b=lambda g, a: g * a)
tanh = primitive(np.tanh, promotion=promote_float, x=lambda g, y: g - g * y * y)
_HALF = {np.dtype(t): np.array(0.5, t) for t in (np.float16, np.float32, np.float64)}


def _sigmoid(x):
    half = _HALF[x.dtype]
    return np.tanh(x * half) * half + half


def _sigmoid_rule(g, y):
    gy = g * y
    return gy - gy * y


sigmoid = primitive(_sigmoid, name="sigmoid", promotion=promote_float, x=_sigmoid_rule)
