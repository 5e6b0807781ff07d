"""Arrays as the one-dimensional memory behind them, for kernels that treat all elements alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..runtime import blas_has_threads, parallel

Array = np.ndarray[Any, Any]

_THREADED = 1 << 20  # elements below which a second thread does not pay


def flat(*arrays: Array) -> list[Array] | None:
    """The elements of each array in the order of its memory, as views; None unless all lie dense and in the same order."""
    first = arrays[0]
    if any(a.shape != first.shape or _by_item(a) != _by_item(first) for a in arrays):
        return None
    views = [a.ravel(order="K") for a in arrays]
    return views if all(np.may_share_memory(view, a) for view, a in zip(views, arrays, strict=True)) else None


def _by_item(a: Array) -> list[int]:
    return [stride // a.itemsize for stride in a.strides]


def share(work: Callable[[int, int], None], count: int, elements: int) -> None:
    """``work(start, stop)`` over ``range(count)``, on all threads of ours if there are many ``elements``."""
    if elements < _THREADED or blas_has_threads():
        work(0, count)
    else:
        parallel(work, count)
