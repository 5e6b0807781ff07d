"""Covariances, correlations and histograms. https://pytorch.org/docs/stable/generated/torch.cov.html"""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import box, raw
from ..autograd.tensor_type import Tensor
from ..dtypes import default_float
from ..errors import ShapeError
from .elementwise import cast, clamp, sqrt

__all__ = ["corrcoef", "cov", "histogram"]


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariance matrix (V, V) of V variables with N observations each.

    Args:
        input: (V, N), or (N,) for one variable; of one the variance is returned, 0-d.
        correction: what is taken off the number of observations.
        fweights: (N,) whole numbers: how often each observation counts. aweights: (N,) its relative weight.
    """
    if len(input.shape) > 2:
        raise ShapeError(f"cov(): at most 2 dimensions are possible, got shape {tuple(input.shape)}")
    if raw(input).dtype.kind == "b":
        raise RuntimeError("cov(): bool tensors have no covariance")
    x = input if raw(input).dtype.kind == "f" else cast(input, dtype=default_float())
    x = x.reshape(1, -1) if len(x.shape) < 2 else x  # (V, N)
    n = x.shape[1]
    _check_weights(fweights, aweights, n)
    given = [w for w in (fweights, aweights) if w is not None]
    weights = None
    for w in given:
        weights = w if weights is None else weights * w
    total = n if weights is None else weights.sum()
    mean = x.sum(1, keepdim=True) / n if weights is None else (x * weights).sum(1, keepdim=True) / total
    if weights is None:
        divisor = n - correction
    elif aweights is None or correction == 0:
        divisor = total - correction
    else:
        divisor = total - correction * (weights * aweights).sum() / total
    divisor = clamp(divisor, 0) if hasattr(divisor, "shape") else builtins.max(divisor, 0)
    centred = x - mean
    found = (centred if weights is None else centred * weights) @ centred.mT / divisor
    return found.reshape(()) if tuple(found.shape) == (1, 1) else found


def _check_weights(fweights: Any, aweights: Any, n: int) -> None:
    for name, weights, kinds in (("fweights", fweights, "iu"), ("aweights", aweights, "f")):
        if weights is None:
            continue
        array = raw(weights)
        if array.ndim > 1 or array.size != n:
            raise RuntimeError(f"cov(): {name} must be a vector of {n} elements, got shape {array.shape}")
        if array.dtype.kind not in kinds:
            raise RuntimeError(f"cov(): {name} must be {'whole' if kinds == 'iu' else 'floating-point'}, got {array.dtype}")
        if (array < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")


def corrcoef(input: Any) -> Tensor:
    """Pearson's correlation coefficients (V, V) of V variables with N observations each, (V, N): from −1 to 1."""
    c = cov(input)
    if not c.shape:
        return c / c
    deviation = sqrt(c.diagonal())
    return clamp(c / deviation[:, None] / deviation, -1, 1)


class Histogram(NamedTuple):
    """What :func:`histogram` returns."""

    hist: Any
    bin_edges: Any


def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Histogram:
    """How many elements fall between neighbouring edges, the last one included, and the edges.

    Args:
        input: floating-point. bins: their number, or a rising vector of edges.
        range: (least, greatest) of a number of bins; those of the data by default.
        weight: of input's shape: what each element counts.
        density: whether the histogram's integral is made 1.
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
