"""Which values there are, how often, and where they belong: results without derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...autograd.primitive import box, raw


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The different elements in rising order, or the different slices along ``dim``.

    Args:
        sorted: they always are.
        return_inverse: also where each element of ``input`` went. return_counts: also how often each occurs.

    >>> import tinygrad_fm as torch
    >>> torch.unique(torch.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    x = raw(input)
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
    inverse = inverse.reshape(x.shape if dim is None else -1)
    results = (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))
    return tuple(map(box, results)) if len(results) > 1 else box(values)


def unique_consecutive(input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """``input`` with every run of equal elements (or of equal slices along ``dim``) shortened to one.

    The further results are those of :func:`unique`.
    """
    x = raw(input).reshape(-1) if dim is None else np.moveaxis(raw(input), dim, 0)
    differs = (x[1:] != x[:-1]).any(tuple(range(1, x.ndim)))
    first = np.concatenate([np.ones(min(len(x), 1), bool), differs])
    values = x[first] if dim is None else np.moveaxis(x[first], 0, dim)
    inverse = (np.cumsum(first) - 1).reshape(raw(input).shape if dim is None else len(x))
    counts = np.diff(np.append(np.flatnonzero(first), len(x)))
    results = (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))
    return tuple(map(box, results)) if len(results) > 1 else box(values)


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number from 0 on occurs in a vector of integers, or the sum of the ``weights`` where it does."""
    x = raw(input)
    if x.ndim != 1 or x.dtype.kind not in "iu" or (x.size and x.min() < 0):
        raise RuntimeError(f"bincount(): expected a vector of integers that are not negative, got shape {x.shape} of {x.dtype}")
    counts = np.bincount(x, None if weights is None else raw(weights), minlength)
    keep = weights is not None and raw(weights).dtype == np.float32
    return box(counts.astype(np.float32) if keep else counts)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """For each element whether it is among ``test_elements`` (with ``invert``, whether it is not)."""
    return box(np.isin(raw(elements), raw(test_elements), assume_unique, invert))


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Where each element of ``input`` would go in ``sorted_sequence`` to keep it sorted.

    Args:
        sorted_sequence: (S,), or (…, S) with ``input`` (…, N): each row of the one in the row of the other.
        right: after equal elements instead of before; ``side="right"`` says the same.
        sorter: the indices that sort ``sorted_sequence``, if it is not.
    """
    rows, wanted = raw(sorted_sequence), np.asarray(raw(input))
    if sorter is not None:
        rows = np.take_along_axis(rows, raw(sorter), -1)
    where: Any = "right" if right or side == "right" else "left"
    if rows.ndim == 1:
        found = np.asarray(np.searchsorted(rows, wanted, where))
    else:
        found = np.empty(wanted.shape, np.int64)
        for place in np.ndindex(rows.shape[:-1]):
            found[place] = np.searchsorted(rows[place], wanted[place], where)
    return box(found.astype(np.int32 if out_int32 else np.int64))


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """:func:`searchsorted` with the arguments the other way round."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize(): boundaries must be 1 dimension, got {boundaries.ndim}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements fall into each of ``bins`` equal stretches of [min, max]; of the data's own range if both are equal."""
    x = raw(input)
    low, high = (x.min(), x.max()) if min == max and x.size else (min, max)
    return box(np.histogram(x, bins, (low, high))[0].astype(x.dtype)) if x.size else ops.zeros(bins, dtype=x.dtype)
