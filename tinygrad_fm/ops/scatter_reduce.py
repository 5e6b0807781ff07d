"""Reductions at indices, and copies with a part replaced: ``scatter_reduce``, ``select_scatter`` and their like.

https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import box, raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ._arguments import as_index, one_dim
from .division_rounding import div
from .gather_scatter import add_back, checked, must_agree, pick, put_along, source_part
from .indexing import index_put
from .join_split import cat
from .reduction import prod
from .shape import ravel, to_shape

__all__ = ["diagonal_scatter", "index_reduce", "scatter_reduce", "select_scatter", "slice_scatter"]

Array = np.ndarray[Any, Any]

_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """``input`` with the elements of ``src`` that ``index`` sends to one place along ``dim`` made into one there.

    Args:
        index, src: as for :func:`scatter`.
        reduce: "sum", "prod", "mean", "amax" or "amin".
        include_self: whether the element of ``input`` counts too.

    Equal largest (or smallest) elements share the gradient.

    Raises:
        RuntimeError: ``reduce`` is none of these.

    >>> import tinygrad_fm as torch
    >>> torch.scatter_reduce(torch.zeros(2), 0, torch.tensor([0, 0, 1]), torch.tensor([1., 2., 3.]), "sum")
    tensor([3., 3.])
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"scatter_reduce(): reduce must be one of {', '.join(_REDUCTIONS)}, got {reduce!r}")
    x, dim, at = checked("scatter_reduce", input, dim, index)
    must_agree("scatter_reduce", input, src)
    part = source_part("scatter_reduce", src, at.shape)
    y = _reduced(x, part, dim, at, reduce, include_self) if at.size else x.clone()
    return y if input.shape else to_shape(y, shape=())


def _reduced(x: Any, part: Any, dim: int, at: Array, reduce: str, include_self: bool) -> Any:
    shape = tuple(x.shape)
    if reduce in ("amax", "amin"):
        return _extreme(x, part, dim=dim, index=at, largest=reduce == "amax", include_self=include_self)
    if reduce == "prod":
        return _products(x, part, dim, at, include_self)
    start = x if include_self else put_along(x, 0, dim=dim, index=at)
    total = start + add_back(part, dim=dim, index=at, shape=shape)
    if reduce == "sum":
        return total
    counts = raw(add_back(np.ones(at.shape, np.int64), dim=dim, index=at, shape=shape)) + int(include_self)
    counts = np.maximum(counts, 1).astype(raw(x).dtype)
    return total / box(counts) if raw(x).dtype.kind == "f" else div(total, box(counts), rounding_mode="floor")


def _key(dim: int, index: Array) -> tuple[Array, ...]:
    """The places that ``index`` means along ``dim``, as arrays of indices of all dimensions."""
    key = [np.arange(n).reshape(-1, *(1,) * (index.ndim - i - 1)) for i, n in enumerate(index.shape)]
    key[dim] = index
    return tuple(np.broadcast_arrays(*key))


def _products(x: Any, part: Any, dim: int, at: Array, include_self: bool) -> Any:
    """A table with a row for each place that is met, of the elements that go there, and the product of each row.

    So the gradient is right whatever zeros there are, as that of :func:`prod` is.
    """
    shape, size = tuple(x.shape), raw(x).size
    goal = np.ravel_multi_index(tuple(map(as_index, _key(dim, at))), shape).ravel()
    order = np.argsort(goal, kind="stable")
    places, first, counts = np.unique(goal[order], return_index=True, return_counts=True)
    one = size + at.size  # where the elements of both stand in a row, a 1 comes after them
    table = np.full((len(places), counts.max() + 1), one)
    rows = np.repeat(np.arange(len(places)), as_index(counts))
    table[rows, np.arange(len(goal)) - first[rows]] = size + order
    if include_self:
        table[:, -1] = places
    values = cat([ravel(x), ravel(part), box(np.ones(1, raw(x).dtype))])
    products = prod(values[box(table)], 1).to(x.dtype)
    return index_put(ravel(x), (box(places),), products).reshape(shape)


def _extremes(x: Array, part: Array, dim: int, index: Array, largest: bool, include_self: bool) -> Array:
    y, key = x.copy(), _key(dim, index)
    if not include_self:
        y[key] = (-np.inf if largest else np.inf) if x.dtype.kind == "f" else _bound(x.dtype, not largest)
    (np.maximum if largest else np.minimum).at(y, key, part)
    return y


def _bound(dtype: np.dtype[Any], top: bool) -> Any:
    return top if dtype.kind == "b" else np.iinfo(dtype).max if top else np.iinfo(dtype).min


def _extreme_rule(g: Any, y: Any, x: Any, part: Any, dim: int, index: Array, include_self: bool) -> Any:
    array, chosen = raw(x), raw(part) == np.take_along_axis(raw(y)[tuple(map(slice, _reach(index, dim, y.shape)))], index, dim)
    met = raw(add_back(np.ones(index.shape, array.dtype), dim=dim, index=index, shape=array.shape)) > 0
    own = (array == raw(y)) if include_self else ~met
    shares = own + raw(add_back(chosen.astype(array.dtype), dim=dim, index=index, shape=array.shape))
    each = g / np.maximum(shares, 1)
    return each * own, pick(each, dim=dim, index=index) * chosen


def _reach(index: Array, dim: int, shape: tuple[int, ...]) -> list[int]:
    return [shape[i] if i == dim else n for i, n in enumerate(index.shape)]


_extreme = primitive(_extremes, name="scatter_reduce", promotion=None, inputs="x part", piecewise="x part", joint=_extreme_rule)


def index_reduce(input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """As :func:`scatter_reduce` of whole slices: slice i of ``source`` along ``dim`` goes to slice ``index[i]``.

    Args:
        index: a vector of as many integers as ``source`` has slices.
        reduce: "prod", "mean", "amax" or "amin".

    Raises:
        RuntimeError: ``reduce`` is none of these.
        IndexError: ``index`` is no vector of integers, or not as long as ``source`` has slices.

    >>> import tinygrad_fm as torch
    >>> torch.index_reduce(torch.ones(2), 0, torch.tensor([0, 0]), torch.tensor([2.0, 3.0]), "prod")
    tensor([6., 1.])
    """
    if reduce not in _REDUCTIONS[1:]:
        raise RuntimeError(f"index_reduce(): reduce must be one of {', '.join(_REDUCTIONS[1:])}, got {reduce!r}")
    if raw(index).ndim > 1 or raw(index).dtype.kind not in "iu":
        raise IndexError(f"index_reduce(): index must be a vector of integers, got shape {tuple(index.shape)}")
    along = one_dim("index_reduce", dim, len(input.shape))
    at, given = np.atleast_1d(raw(index)), source if source.shape else ravel(source)
    if len(at) != given.shape[along]:
        raise IndexError(f"index_reduce(): source has {given.shape[along]} slices along {dim}, index {len(at)} elements")
    every = np.broadcast_to(at.reshape(-1, *(1,) * (len(given.shape) - along - 1)), tuple(given.shape))
    return scatter_reduce(input, dim, box(np.ascontiguousarray(every)), source, reduce, include_self=include_self)


# -- copies with a part replaced ---------------------------------------------------------------------------------------


def _with_part(op: str, input: Any, src: Any, part_of: Any) -> Any:
    """A copy of ``input`` whose part ``part_of(copy)``, a view, is ``src``."""
    result = input.clone()
    part = part_of(result)
    if tuple(part.shape) != tuple(src.shape):
        raise ShapeError(f"{op}(): src has shape {tuple(src.shape)}, the part to replace {tuple(part.shape)}")
    part.copy_(src)
    return result


def select_scatter(input: Any, src: Any, dim: int, index: int) -> Tensor:
    """A copy of ``input`` with ``src`` as the slice ``index`` along ``dim``.

    >>> import tinygrad_fm as torch
    >>> torch.select_scatter(torch.zeros(2, 2), torch.tensor([1.0, 2.0]), 0, 1)
    tensor([[0., 0.],
            [1., 2.]])
    """
    return _with_part("select_scatter", input, src, lambda x: x.select(dim, index))


def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy of ``input`` with ``src`` as the slices ``start:end:step`` along ``dim``.

    >>> import tinygrad_fm as torch
    >>> torch.slice_scatter(torch.zeros(4), torch.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0.])
    """
    along = one_dim("slice_scatter", dim, len(input.shape))
    return _with_part("slice_scatter", input, src, lambda x: x[(slice(None),) * along + (slice(start, end, step),)])


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of ``input`` with ``src`` on its diagonal, as :func:`diagonal` gives it.

    >>> import tinygrad_fm as torch
    >>> torch.diagonal_scatter(torch.zeros(2, 2), torch.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    return _with_part("diagonal_scatter", input, src, lambda x: x.diagonal(offset, dim1, dim2))
