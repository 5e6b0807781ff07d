"""The operations that the engine itself needs: broadcasting and its undoing ("unbroadcast"), each the other's derivative, and
clone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .box import raw
from .primitives import primitive


def _sum_to(x: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    extra = x.ndim - len(shape)
    if shape and x.shape[extra:] == shape:  # a bias: the frequent case
        total: np.ndarray[Any, Any] = np.add.reduce(x, axis=tuple(range(extra)))
        return total
    axes = tuple(i for i, n in enumerate(x.shape) if i < extra or (shape[i - extra] == 1 and n != 1))
    total = x.sum(axis=axes, keepdims=True, dtype=np.int64 if x.dtype.kind in "bui" else None)
    return total.reshape(shape) if extra else total


sum_to = primitive(_sum_to, name="sum_to", promotion=None, x=lambda g, x_shape: broadcast_to(g, shape=x_shape))


def _broadcast(x: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    if type(x) is np.ndarray and x.ndim == 0:  # the gradient of sum(): ten times faster than NumPy's way
        y: np.ndarray[Any, Any] = np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
        y.flags.writeable = False
        return y
    if math.prod(shape) == x.size:  # nothing is repeated, so it may be written to
        return x.reshape(shape)
    return np.broadcast_to(x, shape)


# no rule beyond "g": the backward loop itself sums a gradient back over the axes that were broadcast
broadcast_to: Any = primitive(_broadcast, name="broadcast_to", promotion=None, broadcasts=True, view=True, x=lambda g: g)


def broadcasts_to(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of ``shape`` can be broadcast to the shape ``to``."""
    extra = len(to) - len(shape)
    return extra >= 0 and all(n in (1, m) for n, m in zip(shape, to[extra:], strict=True))


# g itself, but as a function of x: its derivative with respect to x is zero, where it would not exist without this
depending = primitive(
    lambda g, x: g, name="depending", promotion=None, g=lambda g: g, x=lambda g, x_shape: np.zeros(x_shape, raw(g).dtype)
)

clone = primitive(lambda x: x.copy(order="K"), name="clone", promotion=None, x=lambda g: g)
