"""Parts of a tensor, as views: ints and slices of it. ``basic`` indexing and ``place`` are each other's derivatives."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..autograd.node import memory_order
from ..autograd.primitive import is_tensor, primitive, raw
from ..autograd.views import Replay, View
from ..errors import ShapeError
from .dims import one_dim
from .shape import Array, view_op


def zeros_in_order_of(like: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of ``like``'s dtype, with the axes in memory in the same order if there are equally many."""
    order = memory_order(like) if like.ndim == len(shape) else None
    if order is None:
        return np.zeros(shape, like.dtype)
    return np.zeros([shape[axis] for axis in order], like.dtype).transpose(np.argsort(order))


def _place(part: Array, key: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    out = zeros_in_order_of(np.asarray(part), shape)
    out[key] = part
    return out


# `key` is a tuple of ints, slices, None and one Ellipsis: with that NumPy gives a view, never a scalar
basic = view_op(lambda x, key: x[key], name="getitem", x=lambda g, key, x_shape: place(g, key=key, shape=x_shape))
place: Any = primitive(_place, name="place", promotion=None, part=lambda g, key: basic(g, key=key))


def _together(*parts: Array, keys: Any, shape: tuple[int, ...]) -> Array:
    out = zeros_in_order_of(np.asarray(parts[0]), shape)
    for part, key in zip(parts, keys, strict=True):
        out[key] = part
    return out


def _parts_rule(g: Any, keys: Any, x_shape: tuple[int, ...]) -> Any:
    used = [(part, key) for part, key in zip(g, keys, strict=True) if part is not None]
    return (together(*(part for part, _ in used), keys=[key for _, key in used], shape=x_shape),)


# all parts by one operation: one gradient is put together of theirs, where as many `place` would each fill an array with zeros
_parts = primitive(
    lambda x, keys: tuple(x[key] for key in keys), name="split", promotion=None, outputs=2, inputs="x", joint=_parts_rule
)
together: Any = primitive(
    _together, name="together", promotion=None, inputs="*", joint=lambda g, keys: tuple(basic(g, key=key) for key in keys)
)


def parts(input: Any, keys: list[Any]) -> tuple[Any, ...]:
    """Views of ``input[key]`` for each of ``keys``, of which no two overlap."""
    if len(keys) < 2:
        return tuple(basic(input, key=key) for key in keys)
    found: tuple[Any, ...] = _parts(input, keys=keys)
    if is_tensor(input):
        for part, key in zip(found, keys, strict=True):
            part._view = View(input, Replay(basic, (), {"key": key}))
    return found


def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """A view of ``length`` elements along ``dim`` from ``start`` on, which may be negative to count from the end.

    Raises IndexError if ``start`` is out of range, ShapeError if the end is.
    """
    if not input.shape:
        raise RuntimeError("narrow(): a 0-d tensor cannot be narrowed")
    if getattr(raw(start), "dtype", None) == np.bool_:
        raise RuntimeError("narrow(): start must be an integer, got a bool tensor")
    dim = one_dim("narrow", dim, len(input.shape))
    size, first = input.shape[dim], int(start)
    first = first + size if first < 0 else first
    if not 0 <= first <= first + length <= size:
        error = ShapeError if 0 <= first <= size else IndexError
        raise error(f"narrow(): start {start} and length {length} go beyond dimension {dim}, which has size {size}")
    return narrow_to(input, dim, first, length)


def narrow_to(input: Any, dim: int, start: int, length: int) -> Any:
    return basic(input, key=(*(slice(None),) * dim, slice(start, start + length), ...))


def select(input: Any, dim: int, index: Any) -> Any:
    """A view of the slice at ``index`` along ``dim``, without that dimension."""
    ndim = len(input.shape)
    if ndim == 0:
        raise IndexError("select(): a 0-d tensor has no dimension to select from")
    dim, size = one_dim("select", dim, ndim), input.shape[dim]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} is out of bounds for dimension {dim} with size {size}")
    return basic(input, key=(*(slice(None),) * dim, int(index), ...))


def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of all slices along ``dim``, as a tuple."""
    dim = one_dim("unbind", dim, len(input.shape))
    return parts(input, [(*(slice(None),) * dim, i, ...) for i in range(input.shape[dim])])


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of consecutive parts along ``dim``.

    Args:
        split_size_or_sections: the size of each part (the last may be smaller), or a list of the sizes of all.

    Raises ShapeError if the sizes do not add up to the dimension's.

    >>> import tinygrad_fm as torch
    >>> torch.split(torch.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    dim = one_dim("split", dim, len(tensor.shape))
    total = tensor.shape[dim]
    if hasattr(split_size_or_sections, "__index__"):
        size = int(split_size_or_sections)
        if size < 0 or (size == 0 and total):
            raise ShapeError(f"split(): the size of a part must be positive, got {size}")
        sizes = [min(size, total - at) for at in range(0, total, size or 1)] or [0]
    else:
        sizes = [int(n) for n in split_size_or_sections]
        if sum(sizes) != total or min(sizes, default=0) < 0:
            raise ShapeError(f"split(): the sizes {sizes} must add up to {total}, the size of dimension {dim}")
    ends = itertools.accumulate(sizes)
    return parts(tensor, [(*(slice(None),) * dim, slice(end - n, end), ...) for n, end in zip(sizes, ends, strict=True)])


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """``input`` split along ``dim`` into at most ``chunks`` parts of equal size; the last may be smaller."""
    if chunks < 1:
        raise ShapeError(f"chunk(): chunks must be at least 1, got {chunks}")
    total = input.shape[one_dim("chunk", dim, len(input.shape))]
    return split(input, -(-total // chunks), dim) if total else split(input, [0] * chunks, dim)
