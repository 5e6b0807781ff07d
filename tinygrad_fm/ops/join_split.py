"""Joining tensors and taking them apart: ``cat``, ``stack``, ``split``, ``chunk``, ``narrow`` and the like. Parts are views."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..autograd.box import is_tensor, raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ..promotion import result_type
from ._arguments import one_dim
from .elementwise import cast
from .indexing import basic, parts
from .shape import atleast_3d, ravel, to_shape

__all__ = [
    "cat",
    "chunk",
    "column_stack",
    "concat",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "narrow",
    "row_stack",
    "select",
    "split",
    "stack",
    "tensor_split",
    "vsplit",
    "vstack",
]


def narrow(input: Any, dim: int, start: Any, length: int) -> Tensor:
    """A view of ``length`` elements along ``dim`` from ``start`` on, which may be negative to count from the end.

    Raises:
        IndexError: ``start`` is out of range. ShapeError: the end is.
        RuntimeError: ``input`` has no dimensions, or ``start`` is of bools.

    >>> import tinygrad_fm as torch
    >>> torch.narrow(torch.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    if not input.shape:
        raise RuntimeError("narrow(): a 0-d tensor cannot be narrowed")
    if getattr(raw(start), "dtype", None) == np.bool_:
        raise RuntimeError("narrow(): start must be an integer, got a bool tensor")
    dim = one_dim("narrow", dim, len(input.shape))
    size, first = input.shape[dim], int(start)
    first = first + size if first < 0 else first
    if not 0 <= first <= first + length <= size:
        raise (ShapeError if 0 <= first <= size else IndexError)(
            f"narrow(): start {start} and length {length} go beyond dimension {dim}, which has size {size}"
        )
    return narrow_to(input, dim, first, length)


def narrow_to(input: Any, dim: int, start: int, length: int) -> Any:
    return basic(input, key=(*(slice(None),) * dim, slice(start, start + length), ...))


def select(input: Any, dim: int, index: Any) -> Tensor:
    """A view of the slice at ``index`` along ``dim``, without that dimension.

    Raises:
        IndexError: ``index`` is out of range, or ``input`` has no dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.select(torch.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    ndim = len(input.shape)
    if ndim == 0:
        raise IndexError("select(): a 0-d tensor has no dimension to select from")
    dim, size = one_dim("select", dim, ndim), input.shape[dim]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} is out of bounds for dimension {dim} with size {size}")
    return basic(input, key=(*(slice(None),) * dim, int(index), ...))


# -- joining -----------------------------------------------------------------------------------------------------------


def _cat_rule(g: Any, needs: Any, dim: int, parts: tuple[int, ...]) -> Any:
    starts = np.cumsum((0, *parts))
    return [
        narrow_to(g, dim, int(start), n) if needed else None for start, n, needed in zip(starts, parts, needs, strict=False)
    ]


_cat = primitive(lambda *tensors, dim, parts: np.concatenate(tensors, axis=dim), name="cat", inputs="*", joint=_cat_rule)

_stack = primitive(
    lambda *tensors, dim: np.stack(tensors, axis=dim),
    name="stack",
    inputs="*",
    joint=lambda g, needs, dim: [select(g, dim, i) if needed else None for i, needed in enumerate(needs)],
)


def _list(op: str, tensors: Any) -> list[Any]:
    found = list(tensors)
    if not found:
        raise ShapeError(f"{op}(): expected a non-empty list of tensors")
    for i, tensor in enumerate(found):
        if not hasattr(tensor, "shape"):
            raise TypeError(f"{op}(): element {i} must be a Tensor, got {type(tensor).__name__}")
    return found


def cat(tensors: Any, dim: int = 0) -> Tensor:
    """The tensors joined along the existing dimension ``dim``; they agree in all others. Dtypes are promoted.

    Raises ShapeError if they do not fit. Empty tensors of shape (0,) are left out, as in PyTorch.

    >>> import tinygrad_fm as torch
    >>> torch.cat([torch.tensor([[1, 2]]), torch.tensor([[3, 4]])], dim=0)
    tensor([[1, 2],
            [3, 4]])
    """
    given = _list("cat", tensors)
    found = [x for x in given if tuple(x.shape) != (0,)] or given
    first = tuple(found[0].shape)
    if not first:
        raise ShapeError("cat(): 0-d tensors cannot be joined; use stack()")
    dim = one_dim("cat", dim, len(first))
    for i, x in enumerate(found):
        shape = tuple(x.shape)
        if len(shape) != len(first) or shape[:dim] + shape[dim + 1 :] != first[:dim] + first[dim + 1 :]:
            raise ShapeError(
                f"cat(): shapes must agree in all dimensions but {dim}; tensor 0 has {first}, tensor {i} has {shape}"
            )
    if len(found) < len(given):
        common = result_type([raw(x) for x in given])  # the empty ones' dtypes count, too
        found = [x if raw(x).dtype == common else cast(x, dtype=common) for x in found]
    return _cat(*found, dim=dim, parts=tuple(x.shape[dim] for x in found))


concat = concatenate = cat


def stack(tensors: Any, dim: int = 0) -> Tensor:
    """The tensors, all of one shape, joined along a new dimension ``dim``.

    Raises:
        ShapeError: the shapes differ.

    >>> import tinygrad_fm as torch
    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    found = _list("stack", tensors)
    first = tuple(found[0].shape)
    for i, x in enumerate(found):
        if tuple(x.shape) != first:
            raise ShapeError(f"stack(): shapes must be equal; tensor 0 has {first}, tensor {i} has {tuple(x.shape)}")
    return _stack(*found, dim=one_dim("stack", dim, len(first) + 1))


def hstack(tensors: Any) -> Tensor:
    """The tensors joined side by side: along dimension 1, or 0 where they have only one.

    >>> import tinygrad_fm as torch
    >>> torch.hstack([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """
    found = [ravel(x) if not x.shape else x for x in _list("hstack", tensors)]
    return cat(found, 0 if len(found[0].shape) == 1 else 1)


def vstack(tensors: Any) -> Tensor:
    """The tensors joined on top of one another, along dimension 0; those of one dimension become rows.

    >>> import tinygrad_fm as torch
    >>> torch.vstack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([to_shape(x, shape=(1, -1)) if len(x.shape) < 2 else x for x in _list("vstack", tensors)])


def row_stack(tensors: Any) -> Tensor:
    """:func:`vstack`.

    >>> import tinygrad_fm as torch
    >>> torch.row_stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return vstack(tensors)


def column_stack(tensors: Any) -> Tensor:
    """Vectors as the columns of a matrix; matrices beside one another.

    >>> import tinygrad_fm as torch
    >>> torch.column_stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    return hstack([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors])


def dstack(tensors: Any) -> Tensor:
    """The tensors beside one another along the third dimension.

    >>> import tinygrad_fm as torch
    >>> torch.dstack([torch.tensor([1, 2]), torch.tensor([3, 4])]).shape
    torch.Size([1, 2, 2])
    """
    return cat([atleast_3d(x) for x in tensors], 2)


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
    return parts(
        "split", tensor, [(*(slice(None),) * dim, slice(end - n, end), ...) for n, end in zip(sizes, ends, strict=True)]
    )


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """``input`` split along ``dim`` into at most ``chunks`` parts of equal size; the last may be smaller.

    Raises:
        ShapeError: ``chunks`` below 1.

    >>> import tinygrad_fm as torch
    >>> torch.chunk(torch.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    if chunks < 1:
        raise ShapeError(f"chunk(): chunks must be at least 1, got {chunks}")
    total = input.shape[one_dim("chunk", dim, len(input.shape))]
    return split(input, -(-total // chunks), dim) if total else split(input, [0] * chunks, dim)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of the parts: a number of parts, as even as can be, or the indices at which to cut.

    >>> import tinygrad_fm as torch
    >>> torch.tensor_split(torch.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    n = input.shape[dim]
    if is_tensor(indices_or_sections):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        cuts = np.cumsum([n // k + (i < n % k) for i in range(k)])[:-1].tolist()
    else:
        cuts = list(indices_or_sections)
    bounds = [range(n)[slice(a, b)] for a, b in itertools.pairwise([None, *cuts, None])]
    return tuple(input.narrow(dim, r.start if len(r) else min(r.start, n), len(r)) for r in bounds)


def _split_evenly(name: str, input: Any, indices_or_sections: Any, dim: int, ndim: int) -> tuple[Any, ...]:
    """:func:`tensor_split` into equal parts only, as these functions have it."""
    if input.ndim < ndim:
        raise RuntimeError(f"{name}() requires a tensor with at least {ndim} dimension, but got a tensor with {input.ndim}")
    n = indices_or_sections
    if isinstance(n, int) and (n == 0 or input.shape[dim] % n):
        raise RuntimeError(f"{name}(): the size {input.shape[dim]} of dimension {dim} is not divisible by {n}")
    return tensor_split(input, n, dim)


def hsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of parts with some of the columns each (of a vector, of the elements); see :func:`tensor_split`.

    >>> import tinygrad_fm as torch
    >>> torch.hsplit(torch.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    return _split_evenly("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


def vsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of parts with some of the rows each; see :func:`tensor_split`.

    >>> import tinygrad_fm as torch
    >>> [tuple(x.shape) for x in torch.vsplit(torch.ones(4, 2), 2)]
    [(2, 2), (2, 2)]
    """
    return _split_evenly("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of parts along the third dimension; see :func:`tensor_split`.

    >>> import tinygrad_fm as torch
    >>> [tuple(x.shape) for x in torch.dsplit(torch.ones(1, 2, 4), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return _split_evenly("dsplit", input, indices_or_sections, 2, 3)
