"""Operations that put tensors together, repeat or move their elements, and the diagonals and triangles of matrices.

Each gives new memory, except :func:`diagonal`, which is a view. https://pytorch.org/docs/stable/torch.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.backward import clone as _clone
from ..autograd.broadcast import broadcast_to
from ..autograd.primitive import primitive
from ..errors import ShapeError
from .dims import one_dim, sizes, some_dims
from .parts import narrow_to, select
from .shape import ravel, to_shape

Array = np.ndarray[Any, Any]

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


def cat(tensors: Any, dim: int = 0) -> Any:
    """The tensors joined along the existing dimension ``dim``; they agree in all others. Dtypes are promoted.

    Raises ShapeError if they do not fit. Empty tensors of shape (0,) are left out, as in PyTorch.
    """
    found = _list("cat", tensors)
    found = [x for x in found if tuple(x.shape) != (0,)] or found
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
    return _cat(*found, dim=dim, parts=tuple(x.shape[dim] for x in found))


concat = concatenate = cat


def stack(tensors: Any, dim: int = 0) -> Any:
    """The tensors, all of one shape, joined along a new dimension ``dim``."""
    found = _list("stack", tensors)
    first = tuple(found[0].shape)
    for i, x in enumerate(found):
        if tuple(x.shape) != first:
            raise ShapeError(f"stack(): shapes must be equal; tensor 0 has {first}, tensor {i} has {tuple(x.shape)}")
    return _stack(*found, dim=one_dim("stack", dim, len(first) + 1))


def hstack(tensors: Any) -> Any:
    """The tensors joined side by side: along dimension 1, or 0 where they have only one."""
    found = [ravel(x) if not x.shape else x for x in _list("hstack", tensors)]
    return cat(found, 0 if len(found[0].shape) == 1 else 1)


def vstack(tensors: Any) -> Any:
    """The tensors joined on top of one another, along dimension 0; those of one dimension become rows."""
    return cat([to_shape(x, shape=(1, -1)) if len(x.shape) < 2 else x for x in _list("vstack", tensors)])


# -- reversing, repeating, shifting ------------------------------------------------------------------------------------

_flip: Any = primitive(
    lambda x, dims: np.flip(x, dims).copy("K"), name="flip", promotion=None, x=lambda g, dims: _flip(g, dims=dims)
)
_roll: Any = primitive(
    lambda x, shifts, dims: np.roll(x, shifts, dims),
    name="roll",
    promotion=None,
    x=lambda g, shifts, dims: _roll(g, shifts=tuple(-n for n in shifts), dims=dims),
)


def flip(input: Any, *axes: int, dims: Any = None) -> Any:
    """A copy with the order of the elements reversed along ``dims``, ints one by one or a tuple."""
    return _flip(input, dims=some_dims("flip", sizes("flip", axes, dims), len(input.shape)) if input.shape else ())


def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """``input`` with its elements moved on by ``shifts`` along ``dims``, those at the end coming in again at the start.

    Without ``dims`` the flattened tensor is shifted.
    """
    moves = sizes("roll", (shifts,))
    if not moves:
        raise RuntimeError("roll(): at least one shift is needed")
    if dims is None or dims == ():
        return to_shape(_roll(ravel(input), shifts=(sum(moves),), dims=(0,)), shape=tuple(input.shape))
    along = tuple(one_dim("roll", dim, len(input.shape)) for dim in sizes("roll", (dims,)))
    if len(moves) != len(along):
        raise ShapeError(f"roll(): shifts {shifts} and dims {dims} must be equally many")
    if not input.shape:
        raise IndexError("roll(): a 0-d tensor has no dimension to roll along")
    return _roll(input, shifts=moves, dims=along)


def repeat(input: Any, *repeats: int) -> Any:
    """``input`` put down ``repeats`` times along each dimension; sizes in front of its own make new dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times, shape = sizes("repeat", repeats), tuple(input.shape)
    if len(times) < len(shape) or min(times, default=0) < 0:
        raise ShapeError(f"repeat(): one count for each of the {len(shape)} dimensions is needed, got {times}")
    shape = (1,) * (len(times) - len(shape)) + shape
    apart = to_shape(input, shape=tuple(n for size in shape for n in (1, size)))
    spread = broadcast_to(apart, shape=tuple(n for pair in zip(times, shape, strict=True) for n in pair))
    return copied(spread, shape=tuple(n * size for n, size in zip(times, shape, strict=True)))


# a reshape that never shares memory, also where nothing was repeated
copied = primitive(
    lambda x, shape: x.copy("C").reshape(shape), name="repeat", promotion=None, x=lambda g, x_shape: to_shape(g, shape=x_shape)
)


def clone(input: Any, *, memory_format: Any = None) -> Any:
    """A copy, which gradients pass through.

    Args:
        memory_format: ``contiguous_format`` puts the elements in memory in the order of their indices; otherwise they keep
            the order they have.
    """
    return contiguous(input) if str(memory_format).endswith("contiguous_format") else _clone(input)


contiguous = primitive(lambda x: x.copy("C"), name="contiguous", promotion=None, x=lambda g: g)


def tile(input: Any, *reps: int, dims: Any = None) -> Any:
    """As :func:`repeat`, but missing counts in front are 1."""
    times = sizes("tile", reps, dims)
    return repeat(input, *(1,) * (len(input.shape) - len(times)), *times)


# -- diagonals and triangles -------------------------------------------------------------------------------------------


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


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A view of the diagonal in the plane of ``dim1`` and ``dim2``, as a new last dimension; ``offset`` > 0 lies above."""
    ndim = len(input.shape)
    dim1, dim2 = one_dim("diagonal", dim1, ndim), one_dim("diagonal", dim2, ndim)
    if dim1 == dim2 or ndim < 2:
        raise ShapeError(f"diagonal(): two different dimensions are needed, got {dim1} and {dim2}")
    return _take_diagonal(input, offset=offset, dim1=dim1, dim2=dim2)


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Zeros with ``input``'s last dimension as the diagonal in the plane of ``dim1`` and ``dim2`` of the result."""
    shape = tuple(input.shape)
    dim1, dim2 = (one_dim("diag_embed", dim, len(shape) + 1) for dim in (dim1, dim2))
    if dim1 == dim2:
        raise ShapeError(f"diag_embed(): two different dimensions are needed, got {dim1} twice")
    side, outer = shape[-1] + (offset if offset > 0 else -offset), list(shape[:-1])
    for dim in sorted((dim1, dim2)):
        outer.insert(dim, side)
    return _put_diagonal(input, offset=offset, dim1=dim1, dim2=dim2, shape=tuple(outer))


def diag(input: Any, diagonal: int = 0) -> Any:
    """Of a vector, the square matrix with it on the diagonal; of a matrix, a copy of its diagonal."""
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


def tril(input: Any, diagonal: int = 0) -> Any:
    """The lower triangle of each matrix, up to and with the given diagonal; zeros elsewhere."""
    return _tril(_matrix("tril", input), diagonal=diagonal)


def triu(input: Any, diagonal: int = 0) -> Any:
    """The upper triangle of each matrix, from the given diagonal on; zeros elsewhere."""
    return _triu(_matrix("triu", input), diagonal=diagonal)


def _matrix(op: str, input: Any) -> Any:
    if len(input.shape) < 2:
        raise ShapeError(f"{op}(): a tensor of at least 2 dimensions is needed, got shape {tuple(input.shape)}")
    return input
