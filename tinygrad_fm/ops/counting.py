"""What values there are and how often: ``unique``, ``bincount``, ``histc``. None is differentiable; going back through the
values of ``unique`` says so, as in PyTorch."""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import box, raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ._arguments import accepts_axis, as_index, int64
from .creation import zeros
from .reduction import sum
from .return_types import printed_as

__all__ = ["bincount", "count_nonzero", "histc", "histogram", "unique", "unique_consecutive"]


_found = primitive(lambda x, values: values, name="unique", inputs="x", promotion=None)  # without a rule: backward raises


def _results(input: Any, values: Any, *counts: Any) -> Any:
    """The values, and what else was asked for."""
    results = (_found(input, values=values), *(box(array) for array in counts if array is not None))
    return results if len(results) > 1 else results[0]


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
    return _results(input, values, int64(inverse) if return_inverse else None, int64(counts) if return_counts else None)


def unique_consecutive(input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """``input`` with every run of equal elements (or of equal slices along ``dim``) shortened to one.

    The further results are those of :func:`unique`.

    >>> import tinygrad_fm as torch
    >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    x = raw(input).reshape(-1) if dim is None else np.moveaxis(raw(input), dim, 0)
    differs = (x[1:] != x[:-1]).any(tuple(range(1, x.ndim)))
    first = np.concatenate([np.ones(min(len(x), 1), bool), differs])
    values = x[first] if dim is None else np.moveaxis(x[first], 0, dim)
    inverse = (np.cumsum(first) - 1).reshape(raw(input).shape if dim is None else len(x))
    counts = np.diff(np.append(np.flatnonzero(first), len(x)))
    return _results(input, values, int64(inverse) if return_inverse else None, int64(counts) if return_counts else None)


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 on occurs in a vector of integers, or the sum of the ``weights`` where it does.

    Raises:
        RuntimeError: ``input`` is no vector of integers, or has a negative one.

    >>> import tinygrad_fm as torch
    >>> torch.bincount(torch.tensor([0, 1, 1, 3]))
    tensor([1, 2, 0, 1])
    """
    x = raw(input)
    if x.ndim != 1 or x.dtype.kind not in "iu" or (x.size and x.min() < 0):
        raise RuntimeError(f"bincount(): expected a vector of integers that are not negative, got shape {x.shape} of {x.dtype}")
    counts = np.bincount(as_index(x), None if weights is None else raw(weights), minlength)
    keep = weights is not None and raw(weights).dtype == np.float32
    return box(counts.astype(np.float32) if keep else counts if weights is not None else int64(counts))


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each of ``bins`` equal stretches of [min, max]; of the data's own range if both are equal.

    >>> import tinygrad_fm as torch
    >>> torch.histc(torch.tensor([1.0, 2.0, 2.5, 4.0]), bins=3, min=1, max=4)
    tensor([1., 2., 1.])
    """
    x = raw(input)
    low, high = (x.min(), x.max()) if min == max and x.size else (min, max)
    return box(np.histogram(x, bins, (low, high))[0].astype(x.dtype)) if x.size else zeros(bins, dtype=x.dtype)


@accepts_axis
def count_nonzero(input: Any, dim: Any = None) -> Tensor:
    """How many elements over ``dim`` are not 0, as int64.

    >>> import tinygrad_fm as torch
    >>> torch.count_nonzero(torch.tensor([[1, 0], [2, 3]]), dim=1)
    tensor([1, 2])
    """
    return sum(input != 0, dim)


class Histogram(NamedTuple):
    """What :func:`histogram` returns."""

    hist: Any
    bin_edges: Any

    def __repr__(self) -> str:
        return printed_as("histogram", self)


def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Histogram:
    """How many elements fall between neighbouring edges, the last one included, and the edges.

    Args:
        input: floating-point. bins: their number, or a rising vector of edges.
        range: (least, greatest) of a number of bins; those of the data by default.
        weight: of input's shape: what each element counts.
        density: whether the histogram's integral is made 1.

    Raises:
        NotImplementedError: ``input`` is not floating-point.
        RuntimeError: fewer than one bin, a range that is not finite and rising, or edges of another dtype than ``input``.

    >>> import tinygrad_fm as torch
    >>> torch.histogram(torch.tensor([1.0, 2.0, 2.5]), 2).hist
    tensor([1., 2.])
    """
    x = raw(input)
    if x.dtype.kind != "f":
        raise NotImplementedError(f"histogram(): a floating-point tensor is needed, got {x.dtype}")
    low, high = (range if range is not None else (x.min(), x.max())) if x.size or range is not None else (0, 1)
    if isinstance(bins, builtins.int):
        if bins < 1:
            raise RuntimeError(f"histogram(): bins must be positive, got {bins}")
        if not np.isfinite([low, high]).all() or low > high:
            raise RuntimeError(f"histogram(): the range [{low}, {high}] must be finite and rising")
        low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
        edges = np.linspace(low, high, bins + 1).astype(x.dtype)
    else:
        edges = raw(bins)
        if edges.dtype != x.dtype:
            raise RuntimeError(f"histogram(): edges must have input's dtype {x.dtype}, got {edges.dtype}")
    place = np.searchsorted(edges, x.ravel(), "right") - 1
    place = np.where(x.ravel() == edges[-1], len(edges) - 2, place)
    inside = (place >= 0) & (place < len(edges) - 1)
    weights = np.ones(x.size, x.dtype) if weight is None else raw(weight).ravel()
    counts = np.bincount(place[inside], weights[inside], len(edges) - 1).astype(x.dtype)
    if density:
        with np.errstate(all="ignore"):  # NaN of nothing
            counts = counts / counts.sum() / np.diff(edges)
    return Histogram(box(counts), box(edges.copy()))
