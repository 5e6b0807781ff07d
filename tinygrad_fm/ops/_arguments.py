"""Dimensions, sizes and indices as users give them, brought into the one form that kernels take."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

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


def common_shape(op: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that these shapes broadcast to. Raises ShapeError if there is none."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f"{op}(): shapes {', '.join(str(tuple(shape)) for shape in shapes)} do not broadcast") from None


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


Dims = tuple[int, ...]
Pair = tuple[int, int]

F = TypeVar("F", bound=Callable[..., Any])


def accepts_axis(function: F) -> F:
    """Let ``function`` take ``axis`` for ``dim`` and ``keepdims`` for ``keepdim``."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            if "axis" in kwargs:
                kwargs["dim"] = kwargs.pop("axis")
            if "keepdims" in kwargs:
                kwargs["keepdim"] = kwargs.pop("keepdims")
        return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def dims_or_all(op: str, dim: Any, shape: tuple[int, ...]) -> Dims | None:
    """``dim`` as a tuple, or None where all dimensions are meant."""
    if dim is None:
        return None
    found = some_dims(op, dim, len(shape))
    return found if found and shape else None


# -- indices -----------------------------------------------------------------------------------------------------------


def int64(indices: Any) -> np.ndarray[Any, Any]:
    """Indices, ranks and counts that NumPy found, as wide as the machine's word, in the dtype that PyTorch has for them."""
    return np.asarray(indices).astype(np.int64, copy=False)


def as_index(indices: Any) -> np.ndarray[Any, Any]:
    """Indices as NumPy's take, bincount and repeat want them, which refuse int64 where the machine's word has 32 bits.

    Raises MemoryError for one that such a machine has no memory for; NumPy would wrap it around.
    """
    array = np.asarray(indices)
    if array.dtype.itemsize > np.dtype(np.intp).itemsize and array.size and array.max() > np.iinfo(np.intp).max:
        raise MemoryError(f"indices and counts must be at most {np.iinfo(np.intp).max} on this machine, got {array.max()}")
    return array.astype(np.intp, copy=False)


# -- arguments ---------------------------------------------------------------------------------------------------------


def hashable(value: Any) -> Any:
    """A list as a tuple, so that arguments can be looked up."""
    return tuple(value) if type(value) is list else value


def per_dim(op: str, name: str, value: Any, least: int, dims: int = 2) -> Dims:
    """An int, or one for each of ``dims`` dimensions, as a tuple of ints that are at least ``least``."""
    wanted = {1: "an int", 2: "an int or a pair of ints"}.get(dims, f"an int or {dims} of them")
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    try:
        found = tuple(operator.index(n) for n in given)
    except TypeError:
        raise TypeError(f"{op}(): {name} must be {wanted}, got {value!r}") from None
    if len(found) not in (1, dims):
        raise ShapeError(f"{op}(): {name} must be {wanted}, got {value!r}")
    if min(found) < least:
        raise ShapeError(f"{op}(): {name} must be at least {least}, got {value!r}")
    return found if len(found) == dims else found * dims


def several(tensors: tuple[Any, ...]) -> list[Any]:
    """The tensors of ``f(a, b)`` or ``f([a, b])``."""
    return list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)


def number(op: str, name: str, value: Any) -> float:
    """A setting that must be a number, as a float. Raises TypeError for a string or what has no value."""
    try:
        return float(value - 0)  # which a string has not
    except TypeError:
        raise TypeError(f"{op}(): argument '{name}' must be a number, got {value!r}") from None
