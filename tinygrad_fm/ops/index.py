"""Indexing: ``x[...]`` and ``x[...] = v``.

An index is taken apart into a basic part (ints, slices, None, Ellipsis), which gives a view, and an advanced part (masks and
arrays of indices), which gives a copy. Taking with an advanced index and adding into places (:data:`take`, :data:`add_into`)
are each other's derivatives. https://pytorch.org/docs/stable/tensor_view.html, https://numpy.org/doc/stable/user/basics.indexing.html
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..autograd.broadcast import broadcasts_to, sum_to
from ..autograd.primitive import primitive, raw
from ..autograd.views import inplace
from ..errors import ShapeError
from .elementwise import copy
from .parts import basic
from .shape import to_shape

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
        return int(array) if array.ndim == 0 else array.astype(np.int64)  # a copy: the given one may change later
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


def _width(item: Any) -> int:
    """How many dimensions of the tensor ``item`` takes up."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype.kind == "b" else 1


def _apart(shape: tuple[int, ...], index: Any) -> tuple[Key, Key | None]:
    """``index`` as its basic part, to be applied first, and its advanced part; None if there is none.

    The basic part has ``:`` where the advanced one has an array, and the other way round.
    """
    if isinstance(index, list) and any(_makes_tuple(item) for item in index):
        index = tuple(index)
    items = [_item(item) for item in (index if isinstance(index, tuple) else (index,))]
    arrays = [item for item in items if isinstance(item, np.ndarray)]
    used = sum(_width(item) for item in items)
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
        elif item.dtype.kind == "b":
            if item.shape != shape[dim : dim + item.ndim]:
                raise IndexError(f"the mask of shape {item.shape} at dimension {dim} does not fit the tensor of shape {shape}")
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
    """Where the elements of ``x[key]`` lie in the flattened ``x``, which has ``shape``; no index in ``key`` is negative."""
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
add_into: Any = primitive(
    lambda part, key, shape: add_at(shape, places(shape, key), np.asarray(part)),
    name="index_add",
    promotion=None,
    part=lambda g, key: take(g, key=key),
)


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


_index_put: Any = primitive(
    _put,
    name="index_put",
    promotion=None,
    x=lambda g, key, accumulate: g if accumulate else _index_put(g, 0.0, key=key, accumulate=False),
    values=lambda g, key, values_shape: sum_to(take(g, key=key), shape=values_shape),
)


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
        inplace(_index_put, target, _fitting(value, _taken_shape(tuple(target.shape), then)), key=then, accumulate=False)


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """A copy of ``input`` with ``input[indices] = values``, or with ``values`` added there.

    Args:
        indices: a tuple of index arrays or masks. accumulate: add, so that repeated indices add up.
    """
    first, then = _apart(tuple(input.shape), tuple(indices))
    if then is None or not _is_whole(first):
        raise IndexError("index_put(): indices must be a tuple of tensors of integers or bools")
    return _index_put(input, _fitting(values, _taken_shape(tuple(input.shape), then)), key=then, accumulate=accumulate)
