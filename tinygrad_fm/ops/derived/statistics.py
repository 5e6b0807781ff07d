"""Reductions made of others."""

from __future__ import annotations

from typing import Any, NamedTuple

from ... import ops


class MinMax(NamedTuple):
    """What :func:`aminmax` returns."""

    min: Any
    max: Any


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Least and largest element, over all dimensions or over ``dim``."""
    dims = () if dim is None else dim
    return MinMax(ops.amin(input, dims, keepdim), ops.amax(input, dims, keepdim))


def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum of what is not NaN."""
    return ops.sum(ops.masked_fill(input, ops.isnan(input), 0), dim, keepdim, dtype=dtype)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean of what is not NaN."""
    count = ops.sum(~ops.isnan(input), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


def quantile(input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """The value below which a share ``q`` of the elements lies, over all dimensions or over ``dim``.

    Args:
        q: one share between 0 and 1, or a vector of them, which becomes the first dimension.
        interpolation: between two neighbours: "linear", "lower", "higher", "nearest" or "midpoint".
    """
    if not input.is_floating_point():
        raise RuntimeError(f"quantile(): expected float32 or float64, got {input.dtype}")
    whole, original, axis = dim is None or not input.ndim, input.ndim, dim or 0
    ordered = ops.sort(input.reshape(-1) if whole else input, 0 if whole else axis).values
    ordered = ordered.movedim(0 if whole else axis, 0)
    shares = q if hasattr(q, "ndim") else ops.tensor(q, dtype=input.dtype)
    if bool(((shares < 0) | (shares > 1)).any()):
        raise RuntimeError(f"quantile(): q must lie between 0 and 1, got {q}")
    places = shares.reshape(-1) * (ordered.shape[0] - 1)
    if bool(ops.isnan(input).any()):  # NaN sorts last, and any NaN makes the quantile NaN
        ordered = ops.where(ops.isnan(ordered).any(0), float("nan"), ordered)
    below, above = ordered[places.floor().long()], ordered[places.ceil().long()]
    part = (places - places.floor()).reshape(-1, *[1] * (ordered.ndim - 1))
    found = {
        "linear": lambda: ops.lerp(below, above, part.expand(below.shape)),
        "lower": lambda: below,
        "higher": lambda: above,
        "nearest": lambda: ordered[places.round().long()],
        "midpoint": lambda: (below + above) / 2,
    }[interpolation]()
    if keepdim:
        found = found.reshape(-1, *[1] * original) if whole else found.unsqueeze(axis % original + 1)
    return found if shares.ndim else found.squeeze(0)
