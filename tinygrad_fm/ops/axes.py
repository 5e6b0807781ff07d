"""Further ways to reorder and split dimensions, all views made by those of ``shape``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from .dims import one_dim, some_dims
from .shape import permute, to_shape, transpose


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """As :func:`transpose`."""
    return transpose(input, axis0, axis1)


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """A view with the dimensions ``source`` (an int or several) moved to ``destination``; the others keep their order."""
    ndim = len(input.shape)
    here, there = some_dims("movedim", source, ndim), some_dims("movedim", destination, ndim)
    if len(here) != len(there):
        raise ShapeError(f"movedim(): source {source} and destination {destination} must have equally many dims")
    order = [dim for dim in range(ndim) if dim not in here]
    for at, dim in sorted(zip(there, here, strict=True)):
        order.insert(at, dim)
    return permute(input, dims=tuple(order))


moveaxis = movedim


def T(input: Any) -> Any:
    """A view with all dimensions in reverse order: the transpose of a matrix."""
    return permute(input, dims=tuple(range(len(input.shape)))[::-1])


def mT(input: Any) -> Any:
    """A view with the last two dimensions swapped: the transpose of each matrix of a batch."""
    if len(input.shape) < 2:
        raise ShapeError(f"mT: a tensor of at least 2 dimensions is needed, got shape {tuple(input.shape)}")
    return transpose(input, -2, -1)


def t(input: Any) -> Any:
    """The transpose of a matrix; tensors of fewer dimensions stay as they are."""
    if len(input.shape) > 2:
        raise ShapeError(f"t(): a tensor of at most 2 dimensions is needed, got shape {tuple(input.shape)}")
    return T(input)


def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """Dimension ``dim`` split into ``sizes``, of which one may be -1: the way back from :func:`flatten`."""
    shape = tuple(input.shape)
    dim = one_dim("unflatten", dim, len(shape))
    inner = tuple(int(n) for n in sizes)
    if inner.count(-1) == 1:  # found here, as the other dimensions may be 0
        known = -int(np.prod(inner))
        inner = tuple(shape[dim] // known if n == -1 and known else n for n in inner)
    if min(inner, default=0) < 0 or int(np.prod(inner)) != shape[dim]:
        raise ShapeError(f"unflatten(): sizes {tuple(sizes)} do not multiply up to dimension {dim}'s size, {shape[dim]}")
    return to_shape(input, shape=shape[:dim] + inner + shape[dim + 1 :])
