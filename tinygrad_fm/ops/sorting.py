"""Order: ``sort``, ``argsort``, ``topk``, and looking values up in a sorted row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import box, raw
from ..autograd.broadcast import clone
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ._arguments import int64, one_dim
from .gather_scatter import pick
from .return_types import printed_as
from .shape import ravel, to_shape

__all__ = ["argsort", "bucketize", "msort", "searchsorted", "sort", "topk"]

Array = np.ndarray[Any, Any]


class ValuesIndices(NamedTuple):
    """Elements, and where in their dimension they were found (int64): what ``max(dim)``, ``sort`` and ``topk`` return."""

    values: Any
    indices: Any

    def __repr__(self) -> str:
        return printed_as(type(self).__name__, self)


# a class for each operation, as one sees when printing a result
RESULT_OF: dict[str, Any] = {
    name: type(name, (ValuesIndices,), {"__slots__": ()})
    for name in ("cummax", "cummin", "kthvalue", "max", "median", "min", "mode", "nanmedian", "sort", "topk")
}


def _ranks(x: Array, dim: int, descending: bool) -> Array:
    """The indices that put ``x`` in order; equal elements stay in theirs, NaN counts as the largest."""
    if not descending:
        return int64(np.argsort(x, dim, kind="stable"))
    backward = np.flip(int64(np.argsort(np.flip(x, dim), dim, kind="stable")), dim)
    return np.ascontiguousarray(x.shape[dim] - 1 - backward)


def _first_ranks(x: Array, dim: int, descending: bool, k: int) -> Array:
    return _ranks(x, dim, descending)[_corner_of(x.ndim, dim, k)].copy()


def _corner_of(ndim: int, dim: int, k: int) -> tuple[slice, ...]:
    return tuple(slice(k) if i == dim else slice(None) for i in range(ndim))


_argsort = primitive(_ranks, name="argsort", inputs="x", promotion=None)

_argtop = primitive(_first_ranks, name="argtop", inputs="x", promotion=None)


def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices (int64) that put ``input`` in order along ``dim``. Always stable: equal elements keep their order.

    >>> import tinygrad_fm as torch
    >>> torch.argsort(torch.tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    dim = one_dim("argsort", dim, len(input.shape))
    if not input.shape:
        return to_shape(_argsort(ravel(input), dim=0, descending=descending), shape=())
    return _argsort(input, dim=dim, descending=descending)


def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesIndices:
    """``input`` in order along ``dim``, and where each element came from. Always stable; NaN counts as the largest.

    >>> import tinygrad_fm as torch
    >>> torch.sort(torch.tensor([3., 1., 2.])).indices
    tensor([1, 2, 0])
    """
    dim = one_dim("sort", dim, len(input.shape))
    indices = argsort(input, dim, descending)
    return RESULT_OF["sort"](pick(input, dim=dim, index=raw(indices)) if input.shape else clone(input), indices)


def msort(input: Any) -> Tensor:
    """``input`` in order along its first dimension.

    >>> import tinygrad_fm as torch
    >>> torch.msort(torch.tensor([3, 1, 2]))
    tensor([1, 2, 3])
    """
    return sort(input, 0).values


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """The ``k`` largest elements along ``dim`` (or the smallest), in order, and their indices.

    Raises RuntimeError if there are fewer than ``k``.

    >>> import tinygrad_fm as torch
    >>> torch.topk(torch.tensor([1, 5, 3, 4]), 2)
    torch.return_types.topk(
    values=tensor([5, 4]),
    indices=tensor([1, 3]))
    """
    dim = one_dim("topk", dim, len(input.shape))
    x = input if input.shape else ravel(input)
    if not 0 <= k <= x.shape[dim]:
        raise RuntimeError(f"topk(): k must lie in 0 to {x.shape[dim]}, the size of dimension {dim}, got {k}")
    indices = _argtop(x, dim=dim, descending=largest, k=int(k))
    values = pick(x, dim=dim, index=raw(indices))
    if input.shape or k == 0:
        return RESULT_OF["topk"](values, indices)
    return RESULT_OF["topk"](to_shape(values, shape=()), to_shape(indices, shape=()))


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Tensor:
    """Where each element of ``input`` would go in ``sorted_sequence`` to keep it sorted.

    Args:
        sorted_sequence: (S,), or (…, S) with ``input`` (…, N): each row of the one in the row of the other.
        right: after equal elements instead of before; ``side="right"`` says the same.
        sorter: the indices that sort ``sorted_sequence``, if it is not.

    >>> import tinygrad_fm as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 4]))
    tensor([1, 2])
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


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """:func:`searchsorted` with the arguments the other way round.

    Raises:
        RuntimeError: ``boundaries`` is no vector.

    >>> import tinygrad_fm as torch
    >>> torch.bucketize(torch.tensor([1, 5, 9]), torch.tensor([2, 6]))
    tensor([0, 1, 2])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize(): boundaries must be 1 dimension, got {boundaries.ndim}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
