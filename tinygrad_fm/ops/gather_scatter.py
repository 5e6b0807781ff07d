"""Reading from and writing to one place per element along a dimension: ``gather``, ``scatter`` and their kin.

https://pytorch.org/docs/stable/generated/torch.gather.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.broadcast import broadcast_to
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_stored
from ..errors import OutOfRangeError, ShapeError
from ._arguments import one_dim
from .indexing import add_at, basic, flat_indices
from .shape import ravel, to_shape

__all__ = ["gather", "scatter", "scatter_add", "take_along_dim"]

Array = np.ndarray[Any, Any]


def _corner(shape: tuple[int, ...], dim: int) -> tuple[slice, ...]:
    """The part of an array that an index of ``shape`` can reach: all along ``dim``, the first elements elsewhere."""
    return tuple(slice(None) if i == dim else slice(n) for i, n in enumerate(shape))


def _gather(x: Array, dim: int, index: Array) -> Array:
    return np.take_along_axis(x[_corner(index.shape, dim)], index, dim)


def _add_back(part: Array, dim: int, index: Array, shape: tuple[int, ...]) -> Array:
    key = [np.arange(n).reshape(-1, *(1,) * (index.ndim - i - 1)) for i, n in enumerate(index.shape)]
    key[dim] = index
    return add_at(shape, flat_indices(shape, tuple(key)), np.asarray(part))


pick = primitive(
    _gather, name="gather", promotion=None, x=lambda g, dim, index, x_shape: add_back(g, dim=dim, index=index, shape=x_shape)
)

add_back: Any = primitive(
    _add_back, name="scatter_add", promotion=None, part=lambda g, dim, index: pick(g, dim=dim, index=index)
)


def _written_along(x: Array, src: Any, dim: int, index: Array) -> Array:
    out = x.copy("K")
    np.put_along_axis(out[_corner(index.shape, dim)], index, src, dim)
    return out


put_along: Any = primitive(
    _written_along,
    name="scatter",
    promotion=None,
    x=lambda g, dim, index: put_along(g, 0.0, dim=dim, index=index),
    src=lambda g, dim, index: pick(g, dim=dim, index=index),
)


def checked(op: str, input: Any, dim: int, index: Any) -> tuple[Any, int, Array]:
    """``input``, ``dim`` and ``index`` as the kernels take them; 0-d ones get a dimension."""
    at = np.atleast_1d(raw(index))
    dim = one_dim(op, dim, len(input.shape))
    x = input if input.shape else ravel(input)
    if at.dtype.kind not in "iu":
        raise TypeError(f"{op}(): index must be made of integers (int64), got {at.dtype}")
    if at.size == 0 and at.ndim != len(x.shape):
        at = at.reshape((0,) * len(x.shape))
    if at.ndim != len(x.shape):
        raise ShapeError(f"{op}(): index must have as many dimensions as input, got shapes {at.shape} and {tuple(input.shape)}")
    if any(n > m for i, (n, m) in enumerate(zip(at.shape, x.shape, strict=True)) if i != dim):
        raise ShapeError(
            f"{op}(): index of shape {at.shape} is larger than input of shape {tuple(input.shape)} "
            f"in a dimension other than {dim}"
        )
    if at.size and not 0 <= at.min() <= at.max() < x.shape[dim]:
        worst = at.min() if at.min() < 0 else at.max()
        raise OutOfRangeError(f"{op}(): index {worst} is out of bounds for dimension {dim} with size {x.shape[dim]}")
    return x, dim, at


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
    """Elements picked along ``dim``: for dim 1 of three, ``out[i, j, k] = input[i, index[i, j, k], k]``.

    Args:
        index: integers, with as many dimensions as ``input`` and no larger but along ``dim``; the result has its shape.

    Raises IndexError for an index out of range, ShapeError for one that does not fit.

    >>> import tinygrad_fm as torch
    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    x, dim, at = checked("gather", input, dim, index)
    y = pick(x, dim=dim, index=at)
    shape = tuple(index.shape)
    return y if y.shape == shape else to_shape(y, shape=shape)


def source_part(op: str, src: Any, shape: tuple[int, ...]) -> Any:
    """The part of ``src`` that an index of ``shape`` places."""
    if not np.ndim(raw(src)):
        src = ravel(src)
    if len(src.shape) != len(shape) or any(n > m for n, m in zip(shape, src.shape, strict=True)):
        raise ShapeError(f"{op}(): src of shape {tuple(src.shape)} is smaller than index of shape {shape}")
    return src if tuple(src.shape) == shape else basic(src, key=(*(slice(n) for n in shape), ...))


def must_agree(op: str, input: Any, src: Any) -> None:
    if raw(input).dtype != raw(src).dtype:
        raise RuntimeError(f"{op}(): src must have input's dtype {raw(input).dtype}, got {raw(src).dtype}")


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
    """``input`` with elements put in place along ``dim``: for dim 1 of three, ``out[i, index[i, j, k], k] = src[i, j, k]``.

    Args:
        index: as for :func:`gather`. src: a tensor no smaller than ``index``, or a number (also as ``value``).
        reduce: "add" adds instead of replacing, as :func:`scatter_add`; "multiply" multiplies, without a gradient.

    Which of several elements for one place wins is not defined.

    Raises:
        RuntimeError: another ``reduce``.
        TypeError: neither ``src`` nor ``value``.

    >>> import tinygrad_fm as torch
    >>> torch.scatter(torch.zeros(2, 3), 1, torch.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    src = value if src is None else src
    if reduce == "add":
        if not hasattr(src, "shape"):
            dtype = raw(input).dtype
            src = np.full(np.shape(raw(index)), as_stored("scatter", src, dtype), dtype)
        return scatter_add(input, dim, index, src)
    if reduce == "multiply":
        return _multiplied(input, dim, index, src)
    if reduce is not None:
        raise RuntimeError(f"scatter(): reduce must be None, 'add' or 'multiply', got {reduce!r}")
    if src is None:
        raise TypeError("scatter(): src or value must be given")
    if isinstance(src, (int, float)):
        src = as_stored("scatter", src, raw(input).dtype)
    x, dim, at = checked("scatter", input, dim, index)
    if hasattr(src, "shape") and (np.ndim(raw(src)) or not np.ndim(raw(index))):
        must_agree("scatter", input, src)
        src = source_part("scatter", src, at.shape)
    y = put_along(x, src, dim=dim, index=at)
    return y if input.shape else to_shape(y, shape=())


_multiplied_along = primitive(
    lambda x, src, key: _multiplied_at(x.copy(), key, src), name="scatter_multiply", inputs="x src", promotion=None
)


def _multiplied_at(y: Array, key: tuple[Any, ...], src: Any) -> Array:
    np.multiply.at(y, key, src)
    return y


def _multiplied(input: Any, dim: int, index: Any, src: Any) -> Any:
    x, dim, at = checked("scatter", input, dim, index)
    if hasattr(src, "shape"):
        must_agree("scatter", input, src)
        src = source_part("scatter", src, at.shape)
    key = [np.arange(n).reshape(-1, *(1,) * (at.ndim - i - 1)) for i, n in enumerate(at.shape)]
    key[dim] = at
    y = _multiplied_along(x, src, key=tuple(key))
    return y if input.shape else to_shape(y, shape=())


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """``input`` with elements of ``src`` added along ``dim``: ``out[i, index[i, j, k], k] += src[i, j, k]`` for dim 1 of three.

    Elements for one place add up. Arguments as for :func:`scatter`.

    >>> import tinygrad_fm as torch
    >>> torch.scatter_add(torch.zeros(3), 0, torch.tensor([0, 0, 2]), torch.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    x, dim, at = checked("scatter_add", input, dim, index)
    must_agree("scatter_add", input, src)
    part = source_part("scatter_add", src, at.shape)
    y = x + add_back(part, dim=dim, index=at, shape=tuple(x.shape))
    return y if input.shape else to_shape(y, shape=())


def _resized(shape: tuple[int, ...], dim: int, size: int) -> tuple[int, ...]:
    return (*shape[:dim], size, *shape[dim + 1 :])


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Tensor:
    """As :func:`gather`, with ``input`` and ``indices`` broadcast in all dimensions but ``dim``; None flattens both.

    Negative indices count from the end.

    Raises:
        RuntimeError: ``indices`` are not int64.
        ShapeError: the two have not equally many dimensions, or do not broadcast outside ``dim``.

    >>> import tinygrad_fm as torch
    >>> torch.take_along_dim(torch.tensor([[3, 1, 2]]), torch.tensor([[1, 2, 0]]), dim=1)
    tensor([[1, 2, 3]])
    """
    if dim is None:
        return take_along_dim(ravel(input), ravel(indices), 0)
    at, shape = raw(indices), tuple(input.shape)
    if at.dtype != np.int64:
        raise RuntimeError(f"take_along_dim(): indices must be int64, got {at.dtype}; use .long()")
    dim = one_dim("take_along_dim", dim, len(shape))
    at = np.where(at < 0, at + input.shape[dim], at)
    if at.ndim != len(shape):
        raise ShapeError(f"take_along_dim(): input and indices need equally many dimensions, got {shape} and {at.shape}")
    try:
        common = np.broadcast_shapes(_resized(shape, dim, 1), _resized(at.shape, dim, 1))
    except ValueError:
        raise ShapeError(f"take_along_dim(): {shape} and {at.shape} do not broadcast outside dimension {dim}") from None
    x = broadcast_to(input, shape=_resized(common, dim, shape[dim]))
    return gather(x, dim, np.broadcast_to(at, _resized(common, dim, at.shape[dim])))
