"""The cross entropy of class labels that all count the same, compiled: two passes over rows, with NumPy's exp between.

Letters: M rows, K classes. Label smoothing gives the target a share of ``keep`` and every class one of ``even``, so that the
loss of a row is log Σ exp z − (keep · z at the label + even · Σ z), where z = x − max x.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime import compiled

Array = np.ndarray[Any, Any]


@compiled
def shift(x: Array, labels: Array, ignored: int, keep: Any, even: Any, z: Array, picks: Array, shares: Array) -> bool:
    """z = x − the row's maximum, and of each row the place of its label in z's memory and what z adds to its loss.

    Returns False, and has not finished, if a label is no class or is to be ignored.

    Args:
        x, z: (M, K). labels: (M,), of integers. picks: (M,), int64. shares: (M,).
    """
    rows, classes = x.shape
    blocks, lowest, best = classes - classes % 16, x.dtype.type(-np.inf), np.empty(16, x.dtype)
    for r in range(rows):
        label = np.int64(labels[r])
        if label < 0 or label >= classes or label == ignored:
            return False
        row, out = x[r], z[r]
        highest = lowest
        if blocks > 0:  # the maxima of each 16th element go through one vector register, which a single maximum would not
            for k in range(16):
                best[k] = lowest
            for j in range(0, blocks, 16):
                part = row[j : j + 16]
                for k in range(16):
                    best[k] = part[k] if part[k] > best[k] else best[k]
            for k in range(16):
                highest = best[k] if best[k] > highest else highest
        for j in range(blocks, classes):
            highest = row[j] if row[j] > highest else highest  # a NaN is left out, and met again in the sum
        for j in range(classes):
            out[j] = row[j] - highest
        picks[r] = r * classes + label
        share = keep * out[label]
        if even != 0:
            total = even * 0
            for j in range(classes):
                total += out[j]
            share += even * total
        shares[r] = share
    return True


@compiled
def add_up(e: Array, shares: Array, sums: Array, loss: Array) -> float:
    """The sums of the rows of e = exp z, the loss of each, and what all of them add up to."""
    rows, classes = e.shape
    added = 0.0
    for r in range(rows):
        row, total = e[r], e.dtype.type(0)
        for j in range(classes):
            total += row[j]
        sums[r] = total
        loss[r] = np.log(total) - shares[r]
        added += loss[r]
    return added


@compiled
def gradient(g: Array, e: Array, sums: Array, picks: Array, keep: Any, even: Any, dx: Array) -> None:
    """dx = (softmax − target distribution) · g.

    Args:
        g: (M,), or (1,) for all rows. The others: as above.
    """
    rows, classes = e.shape
    several = len(g) > 1
    for r in range(rows):
        along = g[r] if several else g[0]
        row, out = e[r], dx[r]
        scale, level = along / sums[r], along * even
        for j in range(classes):
            out[j] = row[j] * scale - level
        out[picks[r] - r * classes] -= along * keep
