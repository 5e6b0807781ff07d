"""Indexing ``x[...]``, reading and writing, and its relatives that pick whole slices or masked elements.

An index is taken apart into a basic part (ints, slices, None, Ellipsis), which gives a view, and an advanced part (masks and
arrays of indices), which gives a copy. Taking with an advanced index and adding into places (:data:`take`, :data:`add_into`)
are each other's derivatives. https://pytorch.org/docs/stable/tensor_view.html, https://numpy.org/doc/stable/user/basics.indexing.html
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..autograd.broadcast import broadcast_to, broadcasts_to, sum_to
from ..autograd.primitive import primitive, raw
from ..autograd.views import inplace
from ..errors import ShapeError
from .dims import one_dim
from .elementwise import copy
from .elementwise import where as choose
from .shape import basic, ravel, to_shape, unbind

Array = np.ndarray[Any, Any]
Key = tuple[Any, ...]
_ALL = slice(None)


# -- taking an index apart ---------------------------------------------------------------------------------------------


def _item(item: Any) -> Any:
    """One part of an index as an int, a slice of ints, None, Ellipsis, or an array of indices (int64) or of bools."""
    if item is None or item is Ellipsis or type(item) is int:
        return item
    if isinstance(item, slice):
        return slice(*(n if n is None else operator.index(n) for n in (item.start, item.stop, item.step)))
    array = _listed(item) if isinstance(item, (list, tuple, range)) else np.asarray(raw(item))
    if array.dtype == np.uint8:
        array = array.astype(bool)  # PyTorch's masks of old
    if array.dtype.kind not in "biu":
        raise IndexError(f"an index must be made of integers or bools, slices, None or Ellipsis, got {item!r}")
    if array.dtype.kind != "b":
        return int(array) if array.ndim == 0 else array.astype(np.int64, copy=False)
    return array


def _listed(items: Any) -> Array:
    array = np.asarray([_listed(item) if isinstance(item, (list, tuple)) else raw(item) for item in items])
    return array if array.size else array.astype(np.int64)  # an empty list is float to NumPy


def _makes_tuple(item: Any) -> bool:
    """Whether a list with this item stands for a tuple: in PyTorch ``x[[[0, 1], [1, 2]]]`` is ``x[[0, 1], [1, 2]]``."""
    return item is None or item is Ellipsis or isinstance(item, (list, tuple, slice)) or hasattr(item, "shape")


def _check_int(index: int, dim: int, size: int) -> int:
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")
    return index


def _check_array(index: Array, dim: int, size: int) -> Array:
    """``index`` with its elements counted from 0."""
    if not index.size:
        return index
    lowest = index.min()
    _check_int(int(index.max()), dim, size)
    if lowest >= 0:
        return index
    _check_int(int(lowest), dim, size)
    return np.where(index < 0, index + size, index)


def _apart(shape: tuple[int, ...], index: Any) -> tuple[Key, Key | None]:
    """``index`` as its basic part, to be applied first, and its advanced part; None if there is none.

    The basic part has ``:`` where the advanced one has an array, and the other way round.
    """
    if isinstance(index, list) and any(_makes_tuple(item) for item in index):
        index = tuple(index)
    items = [_item(item) for item in (index if isinstance(index, tuple) else (index,))]
    arrays = [item for item in items if isinstance(item, np.ndarray)]
    used = sum(item.ndim if getattr(item, "dtype", None) == bool else 1
               for item in items if item is not None and item is not Ellipsis)  # fmt: skip
    left = len(shape) - used
    if left < 0:
        raise IndexError(f"too many indices: {used} for a tensor of {len(shape)} dimensions")
    first: list[Any] = []
    then: list[Any] = []  # the advanced part, aligned with the dimensions that the basic one leaves
    dim, filled = 0, False
    for item in items:
        if type(item) is int:
            first.append(_check_int(item, dim, shape[dim]))
            dim += 1
        elif isinstance(item, slice):
            if item.step is not None and item.step <= 0:
                raise ValueError(f"the step of a slice must be greater than zero, got {item.step}; use flip()")
            first.append(item)
            then.append(_ALL)
            dim += 1
        elif item is None:
            first.append(None)
            then.append(_ALL)
        elif item is Ellipsis:
            if filled:
                raise IndexError("an index can have only one Ellipsis ('...')")
            filled = True
            first += [_ALL] * left
            then += [_ALL] * left
            dim += left
        elif item.ndim == 0:  # True or False: a new dimension of size 1 or 0
            first.append(None)
            then.append(np.zeros(int(item), np.int64))
        elif item.dtype == bool:
            if item.shape != shape[dim : dim + item.ndim]:
                raise IndexError(
                    f"the mask of shape {item.shape} at dimension {dim} does not fit the tensor of shape {shape}"
                )
            first += [_ALL] * item.ndim
            then += item.nonzero()
            dim += item.ndim
        else:
            first.append(_ALL)
            then.append(_check_array(item, dim, shape[dim]))
            dim += 1
    first.append(Ellipsis)  # so that NumPy gives a view, not a scalar
    if not arrays:
        return tuple(first), None
    try:
        np.broadcast_shapes(*(item.shape for item in then if isinstance(item, np.ndarray)))
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise IndexError(f"the index arrays of shapes {shapes} cannot be broadcast together") from None
    return tuple(first), tuple(then)


def _plain(index: Any) -> Key | None:
    """``index`` as a key for ``basic`` if a glance tells that it is one: the frequent case, in a fifth of the time."""
    items = index if type(index) is tuple else (index,)
    dots = False
    for item in items:
        kind = type(item)
        if kind is slice:
            if item.step is not None:
                return None
        elif item is Ellipsis:
            dots = True
        elif kind is not int and item is not None:
            return None
    return items if dots else (*items, ...)


def _is_whole(key: Key) -> bool:
    return all(item is Ellipsis or item == _ALL for item in key)


# -- the two families: taking and adding into places -------------------------------------------------------------------


def _arrangement(key: Key) -> tuple[list[int], list[int], int]:
    """Which entries of ``key`` are arrays, which are ``:``, and after how many of the latter the arrays' dimensions come
    in the result: in place of the arrays where these are neighbours, else in front."""
    arrays = [i for i, item in enumerate(key) if isinstance(item, np.ndarray)]
    others = [i for i in range(len(key)) if i not in arrays]
    neighbours = arrays[-1] - arrays[0] == len(arrays) - 1
    return arrays, others, arrays[0] if neighbours else 0


def places(shape: tuple[int, ...], key: Key) -> Array:
    """Where the elements of ``x[key]`` lie in the flattened ``x``, an array of ``shape``; indices in ``key`` are not negative."""
    key = key + (_ALL,) * (len(shape) - len(key))
    arrays, others, before = _arrangement(key)
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    found = key[arrays[0]] * strides[arrays[0]]
    for i in arrays[1:]:
        found = found + key[i] * strides[i]
    ndim = found.ndim
    found = found.reshape(found.shape + (1,) * (len(others) - before))
    for at, i in enumerate(others):
        behind = len(others) - at - 1 + (ndim if at < before else 0)
        found = found + np.arange(0, shape[i] * strides[i], strides[i] or 1).reshape(-1, *(1,) * behind)
    return found


def add_at(shape: tuple[int, ...], where: Array, values: Array) -> Array:
    """Zeros of ``shape``, with each of ``values`` added at its place in the flattened array; repeated places add up."""
    out = np.zeros(shape, values.dtype)
    np.add.at(out.reshape(-1), where.ravel(), values.ravel())  # in one dimension NumPy needs but 1 ns an element
    return out


def _take(x: Array, key: Key) -> Array:
    arrays, _, at = _arrangement(key)
    return np.asarray(np.take(x, key[at], at) if len(arrays) == 1 else x[key])


# in `key` are arrays of indices, none of them negative, and `:`
take = primitive(_take, name="index", promotion=None, x=lambda g, key, x_shape: add_into(g, key=key, shape=x_shape))
add_into = primitive(
    lambda part, key, shape: add_at(shape, places(shape, key), np.asarray(part)), name="index_add", promotion=None,
    part=lambda g, key: take(g, key=key),
)  # fmt: skip


# -- x[...] ------------------------------------------------------------------------------------------------------------


def getitem(input: Any, index: Any) -> Any:
    """``input[index]``, with PyTorch's rules.

    Args:
        index: ints, slices with positive steps, None, Ellipsis, bool masks (tensor, array or list), arrays of indices, or a
            tuple of these. With ints and slices only, the result is a view; otherwise a copy.

    Raises:
        IndexError: too many indices, one out of range, a mask that does not fit, index arrays that do not broadcast.
        ValueError: a negative step.
    """
    key = _plain(index)
    if key is not None:
        try:
            return basic(input, key=key)
        except IndexError:
            pass  # said again below, in our words
    first, then = _apart(tuple(input.shape), index)
    if then is None:
        return basic(input, key=first)
    return take(input if _is_whole(first) else basic(input, key=first), key=then)


def _put(x: Array, values: Any, key: Key, accumulate: bool) -> Array:
    out = x.copy("K")
    if not accumulate:
        out[key] = values
        return out
    where = places(x.shape, key)
    out += add_at(x.shape, where, np.broadcast_to(values, where.shape).astype(x.dtype, copy=False))
    return out


_index_put = primitive(
    _put, name="index_put", promotion=None,
    x=lambda g, key, accumulate: g if accumulate else _index_put(g, 0.0, key=key, accumulate=False),
    values=lambda g, key, values_shape: sum_to(take(g, key=key), shape=values_shape),
)  # fmt: skip


def _fitting(values: Any, shape: tuple[int, ...]) -> Any:
    """``values``, which are to be written to a place of ``shape``, without surplus dimensions of size 1 in front."""
    if not isinstance(values, (int, float)) and not hasattr(values, "shape"):
        values = np.asarray(values)
    given = tuple(np.shape(raw(values)))
    stripped = given
    while len(stripped) > len(shape) and stripped[0] == 1:
        stripped = stripped[1:]
    if not broadcasts_to(stripped, shape):
        raise ShapeError(f"a value of shape {given} does not fit into the indexed place of shape {shape}")
    return values if stripped == given else to_shape(values, shape=stripped)


def _taken_shape(shape: tuple[int, ...], key: Key) -> tuple[int, ...]:
    """The shape of ``x[key]`` for an ``x`` of ``shape``."""
    key = key + (_ALL,) * (len(shape) - len(key))
    arrays, others, before = _arrangement(key)
    left = [shape[i] for i in others]
    return (*left[:before], *np.broadcast_shapes(*(key[i].shape for i in arrays)), *left[before:])


def setitem(input: Any, index: Any, value: Any) -> None:
    """``input[index] = value``, on the tape: also through views, and for every index that :func:`getitem` takes.

    Args:
        value: a number, or a tensor or array that broadcasts to the indexed place; it is cast to ``input``'s dtype.

    Raises:
        ShapeError: the value does not fit. AutogradError: ``input`` is a leaf that requires a gradient.
    """
    first, then = _apart(tuple(input.shape), index)
    target = input if _is_whole(first) else basic(input, key=first)
    if then is None:
        inplace(copy, target, _fitting(value, tuple(target.shape)))
    else:
        inplace(
            _index_put, target, _fitting(value, _taken_shape(tuple(target.shape), then)), key=then, accumulate=False
        )


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """A copy of ``input`` with ``input[indices] = values``, or with ``values`` added there.

    Args:
        indices: a tuple of index arrays or masks. accumulate: add, so that repeated indices add up.
    """
    first, then = _apart(tuple(input.shape), tuple(indices))
    if then is None or not _is_whole(first):
        raise IndexError("index_put(): indices must be a tuple of tensors of integers or bools")
    return _index_put(
        input, _fitting(values, _taken_shape(tuple(input.shape), then)), key=then, accumulate=accumulate
    )


# -- whole slices ------------------------------------------------------------------------------------------------------


def _slices(op: str, input: Any, dim: int, index: Any) -> tuple[Any, Key]:
    """``input``, with a dimension if it has none, and the key that takes its slices ``index`` along ``dim``."""
    places = np.asarray(raw(index))
    dim = one_dim(op, dim, len(input.shape))
    if places.dtype.kind not in "iu" or places.ndim > 1:
        raise IndexError(f"{op}(): index must be a vector of integers, got {places.dtype} of shape {places.shape}")
    x = input if input.shape else ravel(input)
    if places.size and not 0 <= places.min() <= places.max() < x.shape[dim]:
        worst = places.min() if places.min() < 0 else places.max()
        raise IndexError(f"{op}(): index {worst} is out of bounds for dimension {dim} with size {x.shape[dim]}")
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


def repeat_interleave(input: Any, repeats: Any, dim: int | None = None) -> Any:
    """Each slice along ``dim`` (each element of the flattened tensor if None) ``repeats`` times in a row.

    Args:
        repeats: an int, or a vector with one count for each slice.
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
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: Any = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """The rows of ``weight`` (V, D) that ``input`` (…, integers from 0 to V - 1) names: (…, D).

    Args:
        padding_idx: a row that receives no gradient.
        max_norm, scale_grad_by_freq: not offered; anything but the default raises. sparse: has no effect.

    Raises IndexError for an index out of range.
    """
    if max_norm is not None or scale_grad_by_freq:
        raise ValueError("embedding(): max_norm and scale_grad_by_freq are not offered")
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
    name="masked_fill", promotion=None, broadcasts=True,
    x=lambda g, mask: choose(mask, 0.0, g), value=lambda g, mask: choose(mask, g, 0.0),
)  # fmt: skip


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
    lambda x: np.argwhere(x) if x.ndim else np.empty((int(bool(x)), 0), np.int64), name="nonzero", inputs="x",
    promotion=None,
)  # fmt: skip


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
