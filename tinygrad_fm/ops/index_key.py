"""How an index is read: ``x[1, :, mask]`` taken apart into a basic part, which gives a view, and an advanced part of arrays.

The words are NumPy's: https://numpy.org/doc/stable/user/basics.indexing.html. :func:`split_key` does it.
"""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from ..autograd.box import raw

Array = np.ndarray[Any, Any]

Key = tuple[Any, ...]

ALL = slice(None)


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


class _Split:
    """An index on its way to its two parts, item by item: one method for each kind.

    ``basic`` gets an entry for every dimension of the tensor and every new one; ``advanced`` is aligned with the dimensions
    that the basic part leaves. ``dim`` is the tensor's dimension that the next item is about.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.dim = shape, 0
        self.basic: list[Any] = []
        self.advanced: list[Any] = []

    def integer(self, index: int) -> None:
        """``x[2]``: the dimension goes."""
        self.basic.append(_check_int(index, self.dim, self.shape[self.dim]))
        self.dim += 1

    def slice(self, part: slice) -> None:
        """``x[1:3]``: a part of the dimension."""
        if part.step is not None and part.step <= 0:
            raise ValueError(f"the step of a slice must be greater than zero, got {part.step}; use flip()")
        self.basic.append(part)
        self.advanced.append(ALL)
        self.dim += 1

    def new_dimension(self) -> None:
        """``x[None]``: one of size 1."""
        self.basic.append(None)
        self.advanced.append(ALL)

    def ellipsis(self, count: int) -> None:
        """``x[...]``: the ``count`` dimensions that no other item is about."""
        self.basic += [ALL] * count
        self.advanced += [ALL] * count
        self.dim += count

    def truth(self, value: bool) -> None:
        """``x[True]``: a new dimension of size 1; of size 0 for False."""
        self.basic.append(None)
        self.advanced.append(np.zeros(int(value), np.int64))

    def mask(self, mask: Array) -> None:
        """``x[x > 0]``: as many dimensions as the mask has become one, of the elements where it holds."""
        if mask.shape != self.shape[self.dim : self.dim + mask.ndim]:
            raise IndexError(
                f"the mask of shape {mask.shape} at dimension {self.dim} does not fit the tensor of shape {self.shape}"
            )
        self.basic += [ALL] * mask.ndim
        self.advanced += mask.nonzero()
        self.dim += mask.ndim

    def indices(self, indices: Array) -> None:
        """``x[[2, 0]]``: the array's dimensions take the dimension's place."""
        self.basic.append(ALL)
        self.advanced.append(_check_array(indices, self.dim, self.shape[self.dim]))
        self.dim += 1

    def add(self, item: Any, left: int) -> None:
        """The ``item``, by its kind; ``left`` dimensions are an Ellipsis's."""
        if type(item) is int:
            self.integer(item)
        elif isinstance(item, slice):
            self.slice(item)
        elif item is None:
            self.new_dimension()
        elif item is Ellipsis:
            self.ellipsis(left)
        elif item.ndim == 0:
            self.truth(bool(item))
        elif item.dtype.kind == "b":
            self.mask(item)
        else:
            self.indices(item)


def split_key(shape: tuple[int, ...], index: Any) -> tuple[Key, Key | None]:
    """``index``, of a tensor of ``shape``, as its basic part, to be applied first, and its advanced part, or None.

    The basic part has ``:`` where the advanced one has an array, and the other way round:

    >>> split_key((4, 5, 6), (1, slice(2), None))  # x[1, :2, None]: a view
    ((1, slice(None, 2, None), None, Ellipsis), None)
    >>> split_key((4, 5, 6), (0, [2, -1]))  # x[0, [2, -1]]: of x[0], rows 2 and 4
    ((0, slice(None, None, None), Ellipsis), (array([2, 4]),))
    >>> split_key((2, 2), np.array([[True, False], [True, True]]))  # x[mask]: where it holds, one array per dimension
    ((slice(None, None, None), slice(None, None, None), Ellipsis), (array([0, 1, 1]), array([0, 0, 1])))

    Raises IndexError for what does not fit the shape, ValueError for a step that is not positive.
    """
    if isinstance(index, list) and any(_makes_tuple(item) for item in index):
        index = tuple(index)
    items = [_item(item) for item in (index if isinstance(index, tuple) else (index,))]
    used = sum(_width(item) for item in items)
    if used > len(shape):
        raise IndexError(f"too many indices: {used} for a tensor of {len(shape)} dimensions")
    if sum(item is Ellipsis for item in items) > 1:
        raise IndexError("an index can have only one Ellipsis ('...')")
    split = _Split(shape)
    for item in items:
        split.add(item, len(shape) - used)
    basic = (*split.basic, Ellipsis)  # with it NumPy gives a view, not a scalar
    arrays = [item for item in split.advanced if isinstance(item, np.ndarray)]
    if not arrays:
        return basic, None
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = ", ".join(str(item.shape) for item in items if isinstance(item, np.ndarray))
        raise IndexError(f"the index arrays of shapes {shapes} cannot be broadcast together") from None
    return basic, tuple(split.advanced)


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


def arrangement(key: Key) -> tuple[list[int], list[int], int]:
    """Which entries of ``key`` are arrays, which are ``:``, and after how many of the latter the arrays' dimensions come
    in the result: in place of the arrays where these are neighbours, else in front."""
    arrays = [i for i, item in enumerate(key) if isinstance(item, np.ndarray)]
    others = [i for i in range(len(key)) if i not in arrays]
    neighbours = arrays[-1] - arrays[0] == len(arrays) - 1
    return arrays, others, arrays[0] if neighbours else 0
