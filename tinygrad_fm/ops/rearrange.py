"""Elements reversed, shifted, turned, repeated; and the differences of neighbours. All copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import box, raw
from ..autograd.broadcast import broadcast_to
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ._arguments import as_index, one_dim, sizes, some_dims
from .copy import copied
from .index_key import ALL
from .indexing import gather_at
from .shape import ravel, to_shape

__all__ = ["flip", "fliplr", "flipud", "repeat_interleave", "roll", "rot90", "tile"]

_flip: Any = primitive(
    lambda x, dims: np.flip(x, dims).copy("K"), name="flip", promotion=None, x=lambda g, dims: _flip(g, dims=dims)
)

_roll: Any = primitive(
    lambda x, shifts, dims: np.roll(x, shifts, dims),
    name="roll",
    promotion=None,
    x=lambda g, shifts, dims: _roll(g, shifts=tuple(-n for n in shifts), dims=dims),
)


def flip(input: Any, *axes: int, dims: Any = None) -> Tensor:
    """A copy with the order of the elements reversed along ``dims``, ints one by one or a tuple.

    >>> import tinygrad_fm as torch
    >>> torch.flip(torch.tensor([[1, 2], [3, 4]]), dims=(1,))
    tensor([[2, 1],
            [4, 3]])
    """
    return _flip(input, dims=some_dims("flip", sizes("flip", axes, dims), len(input.shape)) if input.shape else ())


def roll(input: Any, shifts: Any, dims: Any = None) -> Tensor:
    """``input`` with its elements moved on by ``shifts`` along ``dims``, those at the end coming in again at the start.

    Without ``dims`` the flattened tensor is shifted.

    Raises:
        RuntimeError: no shift.
        ShapeError: not as many shifts as dims.
        IndexError: a 0-d tensor.

    >>> import tinygrad_fm as torch
    >>> torch.roll(torch.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
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


def fliplr(input: Any) -> Tensor:
    """Columns in reverse order.

    >>> import tinygrad_fm as torch
    >>> torch.fliplr(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    return flip(input, 1)


def flipud(input: Any) -> Tensor:
    """Rows in reverse order.

    Raises:
        RuntimeError: ``input`` has no dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.flipud(torch.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    if not input.ndim:
        raise RuntimeError("flipud(): Input must be >= 1-d.")
    return flip(input, 0)


def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned ``k`` quarter turns in the plane of two dimensions, from the first towards the second.

    Raises:
        RuntimeError: ``dims`` are not two different ones.

    >>> import tinygrad_fm as torch
    >>> torch.rot90(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    if len(dims := dims if isinstance(dims, (tuple, list)) else (dims,)) != 2 or dims[0] % input.ndim == dims[1] % input.ndim:
        raise RuntimeError(f"rot90(): expected two different rotation dims, got {dims}")
    first, second = dims
    turns = {
        0: lambda x: x.clone(),
        1: lambda x: flip(x, second).transpose(first, second),
        2: lambda x: flip(x, first, second),
        3: lambda x: flip(x, first).transpose(first, second),
    }
    return turns[k % 4](input)


def repeat(input: Any, *repeats: int) -> Tensor:
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


def tile(input: Any, *reps: int, dims: Any = None) -> Tensor:
    """As :func:`repeat`, but missing counts in front are 1.

    >>> import tinygrad_fm as torch
    >>> torch.tile(torch.tensor([1, 2]), (2, 2))
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times = sizes("tile", reps, dims)
    return repeat(input, *(1,) * (len(input.shape) - len(times)), *times)


def repeat_interleave(input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each slice along ``dim`` (each element of the flattened tensor if None) ``repeats`` times in a row.

    Args:
        repeats: an int, or a vector with one count for each slice. Without it ``input`` is that vector, and the result
            holds the number of each count, so often: [1, 0, 2] gives [0, 2, 2].
        output_size: what the counts add up to, if known; it makes no difference here.

    Raises:
        RuntimeError: ``repeats`` is left out, and ``input`` is no vector of integers.

    >>> import tinygrad_fm as torch
    >>> torch.repeat_interleave(torch.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    if repeats is None:
        if len(input.shape) != 1 or raw(input).dtype.kind not in "iu":
            raise RuntimeError(f"repeat_interleave(): repeats must be a vector of integers, got shape {tuple(input.shape)}")
        input, repeats, dim = box(np.arange(len(input), dtype=np.int64)), input, 0
    x = ravel(input) if dim is None or not input.shape else input
    dim = one_dim("repeat_interleave", dim or 0, len(x.shape))
    rows = np.repeat(np.arange(x.shape[dim]), as_index(raw(repeats)))
    return gather_at(x, key=(*(ALL,) * dim, rows))
