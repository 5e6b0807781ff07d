"""Elementwise kernels, compiled: over arrays seen as one run of memory (:func:`as_runs`)."""

from __future__ import annotations

from typing import Any

from ..runtime import compiled
from .image_geometry import Array


def as_runs(*arrays: Array) -> list[Array] | None:
    """Arrays of one shape as 1-D views of their memory, if they lie alike, in order or batch-last, and dense; else None."""
    if all(array.flags.c_contiguous for array in arrays):
        return [array.reshape(-1) for array in arrays]
    if arrays[0].ndim == 4:
        turned = [array.transpose(1, 2, 3, 0) for array in arrays]
        if all(array.flags.c_contiguous for array in turned):
            return [array.reshape(-1) for array in turned]
    return None


@compiled
def rectified_gradient(g: Array, y: Array, out: Array, start: int, stop: int) -> None:
    """out = g, but 0 where y ≤ 0."""
    zero = g.dtype.type(0)
    gs, ys, outs = g[start:stop], y[start:stop], out[start:stop]  # whose indices are known not to be negative
    for j in range(len(gs)):
        v = gs[j]
        outs[j] = zero if ys[j] <= 0 else v


@compiled
def blend(x: Array, y: Array, share: Any, start: int, stop: int) -> None:
    """x ← x + share · (y − x). share: of the arrays' dtype."""
    xs, ys = x[start:stop], y[start:stop]
    for j in range(len(xs)):
        v = xs[j]
        xs[j] = v + share * (ys[j] - v)
