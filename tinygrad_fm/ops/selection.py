"""Picking whole slices or masked elements, and finding out which: ``index_select``, ``embedding``, ``nonzero`` and others.

All are built on :data:`~tinygrad_fm.ops.index.take` and its dual. https://pytorch.org/docs/stable/torch.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.broadcast import broadcast_to
from ..autograd.primitive import primitive, raw
from ..errors import OutOfRangeError, ShapeError
from .dims import one_dim
from .elementwise import where
from .index import add_into, take
from .parts import unbind
from .shape import ravel, to_shape

Array = np.ndarray[Any, Any]
Key = tuple[Any, ...]
_ALL = slice(None)

# -- whole slices ------------------------------------------------------------------------------------------------------


def _slices(op: str, input: Any, dim: int, index: Any) -> tuple[Any, Key]:
    """``input``, with a dimension if it has none, and the key that takes its slices ``index`` along ``dim``."""
    places = np.array(raw(index))  # a copy: the given one may change later
    dim = one_dim(op, dim, len(input.shape))
    if places.dtype.kind not in "iu" or places.ndim > 1:
        raise IndexError(f"{op}(): index must be a vector of integers, got {places.dtype} of shape {places.shape}")
    x = input if input.shape else ravel(input)
    if places.size and not 0 <= places.min() <= places.max() < x.shape[dim]:
        worst = places.min() if places.min() < 0 else places.max()
        raise OutOfRangeError(f"{op}(): index {worst} is out of bounds for dimension {dim} with size {x.shape[dim]}")
    return x, (*(_ALL,) * dim, np.atleast_1d(places))


def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices of ``input`` along ``dim`` at the places ``index``, a vector of integers, as a copy.

    >>> import tinygrad_fm as torch
    >>> torch.index_select(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    x, key = _slices("index_select", input, dim, index)
    y = take(x, key=key)
    return y if input.shape else to_shape(y, shape=())


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """``input`` with ``alpha`` times the slices of ``source`` added to its slices ``index`` along ``dim``.

    Raises ShapeError if ``source`` does not have ``input``'s shape, except for as many slices as ``index`` has elements.
    """
    x, key = _slices("index_add", input, dim, index)
    shape, at = tuple(x.shape), len(key) - 1
    expected = (*shape[:at], key[-1].size, *shape[at + 1 :])
    if tuple(source.shape) != expected and (input.shape or np.size(raw(source)) != 1):
        raise ShapeError(f"index_add(): source must have shape {expected}, got {tuple(source.shape)}")
    scaled = source if alpha == 1 else source * alpha
    y = x + add_into(to_shape(scaled, shape=expected), key=key, shape=shape)
    return y if input.shape else to_shape(y, shape=())


def repeat_interleave(input: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Any:
    """Each slice along ``dim`` (each element of the flattened tensor if None) ``repeats`` times in a row.

    Args:
        repeats: an int, or a vector with one count for each slice.
        output_size: what the counts add up to, if known; it makes no difference here.
    """
    x = ravel(input) if dim is None or not input.shape else input
    dim = one_dim("repeat_interleave", dim or 0, len(x.shape))
    rows = np.repeat(np.arange(x.shape[dim]), np.asarray(raw(repeats)))
    return take(x, key=(*(_ALL,) * dim, rows))


def _embedding_rule(g: Any, index: Array, padding: int | None, weight_shape: tuple[int, ...]) -> Any:
    if padding is not None:
        g = g * (index != padding)[..., None]
    return add_into(g, key=(index,), shape=weight_shape)


_embedding = primitive(
    lambda weight, index, padding: np.take(weight, index, 0), name="embedding", promotion=None, weight=_embedding_rule
)


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: Any = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of ``weight`` (V, D) that ``input`` (…, integers from 0 to V - 1) names: (…, D).

    Args:
        padding_idx: a row that receives no gradient.
        max_norm, scale_grad_by_freq: not offered; anything but the default raises. sparse: has no effect.

    Raises IndexError for an index out of range.
    """
    if max_norm is not None or scale_grad_by_freq:
        raise ValueError("embedding(): max_norm and scale_grad_by_freq are not offered")
    if weight.ndim != 2:
        raise ShapeError(f"embedding(): weight must have 2 dimensions, got shape {tuple(weight.shape)}")
    index, rows = np.asarray(raw(input)), weight.shape[0]
    if index.dtype.kind not in "iu":
        raise TypeError(f"embedding(): input must be made of integers, got {index.dtype}")
    if index.size and not 0 <= index.min() <= index.max() < rows:
        worst = index.min() if index.min() < 0 else index.max()
        raise IndexError(f"embedding(): index {worst} is out of range for a weight with {rows} rows")
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise IndexError(f"embedding(): padding_idx {padding_idx} is out of range for a weight with {rows} rows")
        padding_idx %= rows
    return _embedding(weight, index=index, padding=padding_idx)


# -- masks -------------------------------------------------------------------------------------------------------------


def _mask(op: str, mask: Any) -> Array:
    array = np.asarray(raw(mask))
    if array.dtype not in (np.bool_, np.uint8):
        raise RuntimeError(f"{op}(): mask must be a bool tensor, got {array.dtype}")
    return array.astype(bool, copy=False)


_masked_fill = primitive(
    lambda x, value, mask: np.where(mask, np.asarray(value).astype(x.dtype), x),
    name="masked_fill",
    promotion=None,
    broadcasts=True,
    x=lambda g, mask: where(mask, 0.0, g),
    value=lambda g, mask: where(mask, g, 0.0),
)


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """``input`` with ``value``, a number or a 0-d tensor, where ``mask`` holds; mask and input broadcast.

    >>> import tinygrad_fm as torch
    >>> torch.masked_fill(torch.tensor([1., 2.]), torch.tensor([True, False]), float("-inf"))
    tensor([-inf, 2.])
    """
    if np.ndim(raw(value)):
        raise ShapeError(f"masked_fill(): value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    return _masked_fill(input, value, mask=_mask("masked_fill", mask))


def masked_select(input: Any, mask: Any) -> Any:
    """The elements of ``input`` where ``mask`` holds, in one dimension; the two broadcast."""
    chosen = _mask("masked_select", mask)
    try:
        shape = np.broadcast_shapes(tuple(input.shape), chosen.shape)
    except ValueError:
        raise ShapeError(
            f"masked_select(): mask of shape {chosen.shape} and input of shape {tuple(input.shape)} do not broadcast"
        ) from None
    if not shape:
        return take(ravel(input), key=np.atleast_1d(chosen).nonzero())
    x = input if tuple(input.shape) == shape else broadcast_to(input, shape=shape)
    return take(x, key=np.broadcast_to(chosen, shape).nonzero())


# -- indices as results ------------------------------------------------------------------------------------------------

_nonzero = primitive(
    lambda x: np.argwhere(x) if x.ndim else np.empty((int(bool(x)), 0), np.int64), name="nonzero", inputs="x", promotion=None
)


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices (n, ndim) of the n elements that are not 0, in order; as a tuple of one vector per dimension if wished."""
    if as_tuple:
        return unbind(_nonzero(input if input.shape else ravel(input)), 1)
    return _nonzero(input)


def _one_hot(x: Array, classes: int) -> Array:
    return (x[..., None] == np.arange(classes)).astype(np.int64)


_one_hot_of = primitive(_one_hot, name="one_hot", inputs="x", promotion=None)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """For each class number k in ``tensor`` (…), a row of zeros with a 1 at k: (…, num_classes), int64.

    Args:
        num_classes: -1 stands for one more than the highest number.

    Raises RuntimeError for numbers that are negative or too high.
    """
    x = raw(tensor)
    if x.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot(): class numbers must be integers, got {x.dtype}")
    if x.size == 0 and num_classes < 0:
        raise RuntimeError("one_hot(): num_classes is needed for an empty tensor")
    highest = int(x.max()) if x.size else -1
    classes = highest + 1 if num_classes < 0 else num_classes
    if (x.size and x.min() < 0) or highest >= classes:
        raise RuntimeError(f"one_hot(): class numbers must lie in 0 to {classes - 1}, got {x.min()} to {highest}")
    return _one_hot_of(tensor, classes=classes)
