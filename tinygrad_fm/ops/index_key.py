"""How an index is read: ``x[1, :, mask]`` taken apart into a basic part, which gives a view, and an advanced part of arrays."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from ..autograd.box import raw

Array = np.ndarray[Any, Any]

Key = tuple[Any, ...]

ALL = slice(None)


# -- taking an index apart ---------------------------------------------------------------------------------------------


def _item(item: Any) -> Any:
    """One part of an index as an int, a slice of ints, None, Ellipsis, or an array of indices (int64) or of bools."""
    if item is None or item is Ellipsis or type(item) is int:
        return item
    if isinstance(item, slice):
        return slice(*(n if n is None else operator.index(n) for n in (item.start, item.stop, item.step)))
    array = _listed(item) if isinstance(item, (list, tuple, range)) else np.asarray(raw(item))
    if array.dtype == np.uint8:
        warnings.warn("indexing with dtype uint8 is deprecated, please use a bool mask", UserWarning, stacklevel=4)
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


def split_key(shape: tuple[int, ...], index: Any) -> tuple[Key, Key | None]:
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
            then.append(ALL)
            dim += 1
        elif item is None:
            first.append(None)
            then.append(ALL)
        elif item is Ellipsis:
            if filled:
                raise IndexError("an index can have only one Ellipsis ('...')")
            filled = True
            first += [ALL] * left
            then += [ALL] * left
            dim += left
        elif item.ndim == 0:  # True or False: a new dimension of size 1 or 0
            first.append(None)
            then.append(np.zeros(int(item), np.int64))
        elif item.dtype.kind == "b":
            if item.shape != shape[dim : dim + item.ndim]:
                raise IndexError(f"the mask of shape {item.shape} at dimension {dim} does not fit the tensor of shape {shape}")
            first += [ALL] * item.ndim
            then += item.nonzero()
            dim += item.ndim
        else:
            first.append(ALL)
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


def plain_key(index: Any) -> Key | None:
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


def is_whole(key: Key) -> bool:
    return all(item is Ellipsis or item == ALL for item in key)


# -- the two families: taking and adding into places -------------------------------------------------------------------


def arrangement(key: Key) -> tuple[list[int], list[int], int]:
    """Which entries of ``key`` are arrays, which are ``:``, and after how many of the latter the arrays' dimensions come
    in the result: in place of the arrays where these are neighbours, else in front."""
    arrays = [i for i, item in enumerate(key) if isinstance(item, np.ndarray)]
    others = [i for i in range(len(key)) if i not in arrays]
    neighbours = arrays[-1] - arrays[0] == len(arrays) - 1
    return arrays, others, arrays[0] if neighbours else 0
