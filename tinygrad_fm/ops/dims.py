"""Dimensions and sizes as users give them, brought into the one form that kernels take."""

from __future__ import annotations

import operator
from typing import Any

from ..errors import ShapeError


def one_dim(op: str, dim: Any, ndim: int) -> int:
    """``dim``, counted from the end where negative, as an index from 0; a 0-d tensor counts as having one dimension.

    Raises IndexError if it is out of range, TypeError if it is no integer.
    """
    try:
        dim = operator.index(dim)
    except TypeError:
        raise TypeError(f"{op}(): dim must be an int, got {type(dim).__name__}") from None
    size = ndim or 1
    if -size <= dim < size:
        return dim + size if dim < 0 else dim
    raise IndexError(f"{op}(): dim {dim} is out of range for a tensor of {ndim} dimensions (expected {-size} to {size - 1})")


def some_dims(op: str, dims: Any, ndim: int) -> tuple[int, ...]:
    """One dim or several as a tuple of different indices from 0."""
    if not isinstance(dims, (tuple, list)):
        return (one_dim(op, dims, ndim),)
    found = tuple(one_dim(op, dim, ndim) for dim in dims)
    if len(set(found)) != len(found):
        raise ShapeError(f"{op}(): a dimension appears more than once in dim={tuple(dims)}")
    return found


def sizes(op: str, given: tuple[Any, ...], named: Any = None) -> tuple[int, ...]:
    """The ints of ``f(2, 3)``, ``f((2, 3))`` or ``f(shape=(2, 3))``."""
    if named is not None:
        given = (named,)
    if len(given) == 1 and isinstance(given[0], (tuple, list, range)):
        given = tuple(given[0])
    for n in given:
        if type(n) is not int:
            break
    else:
        return given
    try:
        return tuple(operator.index(n) for n in given)
    except TypeError:
        raise TypeError(f"{op}(): sizes and dimensions must be ints, got {given!r}") from None
