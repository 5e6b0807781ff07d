"""Diagonals and triangles of matrices. :func:`diagonal` is a view, the others are copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ._arguments import int64, one_dim
from .copy import copied
from .creation import as_tensor, zeros
from .join_split import cat
from .shape import atleast_2d

__all__ = ["block_diag", "diag", "diag_embed", "diagflat", "diagonal", "trace", "tril", "tril_indices", "triu", "triu_indices"]

Array = np.ndarray[Any, Any]


def _diagonal(x: Array, offset: int, dim1: int, dim2: int) -> Array:
    view = np.diagonal(x, offset, dim1, dim2)
    if x.flags.writeable:
        view.flags.writeable = True  # NumPy gives a read-only view
    return view


def _diagonal_scatter(part: Array, offset: int, dim1: int, dim2: int, shape: tuple[int, ...]) -> Array:
    out = np.zeros(shape, part.dtype)
    _diagonal(out, offset, dim1, dim2)[...] = part
    return out


_take_diagonal = primitive(
    _diagonal,
    name="diagonal",
    view=True,
    promotion=None,
    x=lambda g, offset, dim1, dim2, x_shape: _put_diagonal(g, offset=offset, dim1=dim1, dim2=dim2, shape=x_shape),
)

_put_diagonal: Any = primitive(
    _diagonal_scatter,
    name="diag_embed",
    promotion=None,
    part=lambda g, offset, dim1, dim2: _take_diagonal(g, offset=offset, dim1=dim1, dim2=dim2),
)


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonal in the plane of ``dim1`` and ``dim2``, as a new last dimension; ``offset`` > 0 lies above.

    Raises:
        ShapeError: ``dim1`` and ``dim2`` are the same. IndexError: one of them is out of range.

    >>> import tinygrad_fm as torch
    >>> torch.diagonal(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    ndim = len(input.shape)
    dim1, dim2 = one_dim("diagonal", dim1, ndim), one_dim("diagonal", dim2, ndim)
    if dim1 == dim2 or ndim < 2:
        raise ShapeError(f"diagonal(): two different dimensions are needed, got {dim1} and {dim2}")
    return _take_diagonal(input, offset=offset, dim1=dim1, dim2=dim2)


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Zeros with ``input``'s last dimension as the diagonal in the plane of ``dim1`` and ``dim2`` of the result.

    Raises:
        ShapeError: ``dim1`` and ``dim2`` are the same. IndexError: one of them is out of range.

    >>> import tinygrad_fm as torch
    >>> torch.diag_embed(torch.tensor([[1, 2]])).shape
    torch.Size([1, 2, 2])
    """
    shape = tuple(input.shape)
    dim1, dim2 = (one_dim("diag_embed", dim, len(shape) + 1) for dim in (dim1, dim2))
    if dim1 == dim2:
        raise ShapeError(f"diag_embed(): two different dimensions are needed, got {dim1} twice")
    side, outer = shape[-1] + (offset if offset > 0 else -offset), list(shape[:-1])
    for dim in sorted((dim1, dim2)):
        outer.insert(dim, side)
    return _put_diagonal(input, offset=offset, dim1=dim1, dim2=dim2, shape=tuple(outer))


def diag(input: Any, diagonal: int = 0) -> Tensor:
    """Of a vector, the square matrix with it on the diagonal; of a matrix, a copy of its diagonal.

    Raises:
        ShapeError: the input has neither 1 nor 2 dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.diag(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    >>> torch.diag(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    ndim = len(input.shape)
    if ndim not in (1, 2):
        raise ShapeError(f"diag(): a tensor of 1 or 2 dimensions is needed, got shape {tuple(input.shape)}")
    if ndim == 1:
        return diag_embed(input, diagonal)
    part = _take_diagonal(input, offset=diagonal, dim1=0, dim2=1)
    return copied(part, shape=tuple(part.shape))


def _triangle(kernel: Any, name: str) -> Any:
    op = primitive(
        lambda x, diagonal: kernel(x, diagonal), name=name, promotion=None, x=lambda g, diagonal: op(g, diagonal=diagonal)
    )
    return op


_tril, _triu = _triangle(np.tril, "tril"), _triangle(np.triu, "triu")


def tril(input: Any, diagonal: int = 0) -> Tensor:
    """The lower triangle of each matrix, up to and with the given diagonal; zeros elsewhere.

    >>> import tinygrad_fm as torch
    >>> torch.tril(torch.ones(3, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.],
            [1., 1., 1.]])
    """
    return _tril(_matrix("tril", input), diagonal=diagonal)


def triu(input: Any, diagonal: int = 0) -> Tensor:
    """The upper triangle of each matrix, from the given diagonal on; zeros elsewhere.

    >>> import tinygrad_fm as torch
    >>> torch.triu(torch.ones(3, 3), diagonal=1)
    tensor([[0., 1., 1.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    return _triu(_matrix("triu", input), diagonal=diagonal)


def _matrix(op: str, input: Any) -> Any:
    if len(input.shape) < 2:
        raise ShapeError(f"{op}(): a tensor of at least 2 dimensions is needed, got shape {tuple(input.shape)}")
    return input


def trace(input: Any) -> Tensor:
    """The sum of a matrix's diagonal.

    Raises:
        RuntimeError: ``input`` is no matrix.

    >>> import tinygrad_fm as torch
    >>> torch.trace(torch.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace(): expected a matrix, got a tensor of {input.ndim} dimensions")
    return diagonal(input).sum()


def diagflat(input: Any, offset: int = 0) -> Tensor:
    """A matrix with all elements of ``input`` on one diagonal.

    >>> import tinygrad_fm as torch
    >>> torch.diagflat(torch.tensor([1, 2]), offset=1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    return diag_embed(input.reshape(-1), offset)


def block_diag(*tensors: Any) -> Tensor:
    """A matrix with the given ones along its diagonal and zeros elsewhere.

    >>> import tinygrad_fm as torch
    >>> torch.block_diag(torch.ones(1, 2), torch.tensor([[2.0]]))
    tensor([[1., 1., 0.],
            [0., 0., 2.]])
    """
    blocks = [atleast_2d(x) for x in tensors] or [zeros(1, 0)]
    width = sum(b.shape[1] for b in blocks)
    rows, left = [], 0
    for b in blocks:
        n, m = b.shape
        rows.append(cat([zeros(n, left, dtype=b.dtype), b, zeros(n, width - left - m, dtype=b.dtype)], 1))
        left += m
    return cat(rows)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None) -> Tensor:
    """(2, N): rows and columns of the elements on and below the diagonal ``offset`` of a ``row`` × ``col`` matrix.

    >>> import tinygrad_fm as torch
    >>> torch.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return as_tensor(int64(np.tril_indices(row, offset, col)), dtype, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None) -> Tensor:
    """(2, N): rows and columns of the elements on and above the diagonal ``offset`` of a ``row`` × ``col`` matrix.

    >>> import tinygrad_fm as torch
    >>> torch.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return as_tensor(int64(np.triu_indices(row, offset, col)), dtype, device)
