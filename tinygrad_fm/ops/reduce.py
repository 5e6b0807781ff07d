"""Operations that make one number of many: sums, averages, spreads. Products, norms, extremes and counts have their own files.

All take ``dim`` (an int, several, or None for all dimensions) and ``keepdim``; NumPy's ``axis`` and ``keepdims`` are accepted
in their place. https://pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ..autograd.broadcast import broadcast_to
from ..autograd.primitive import primitive, raw
from ..dtypes import as_numpy
from ..errors import ShapeError
from .dims import some_dims
from .elementwise import cast, quiet, where
from .shape import to_shape

Array = np.ndarray[Any, Any]
Dims = tuple[int, ...]
F = TypeVar("F", bound=Callable[..., Any])

add_reduce: Any = np.add.reduce  # (x, axis, dtype, out, keepdims); half the time of np.sum
largest: Any = np.maximum.reduce
smallest: Any = np.minimum.reduce
FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


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


def count(shape: tuple[int, ...], dim: Dims | None) -> int:
    """How many elements are made into one."""
    return math.prod(shape) if dim is None else math.prod(shape[i] for i in dim)


def kept(v: Any, shape: tuple[int, ...], dim: Dims | None, keepdim: bool) -> Any:
    """A reduced value ``v`` in a shape that broadcasts against the input's ``shape``: the reduced dimensions have size 1."""
    if dim is None or keepdim:
        return v
    return to_shape(v, shape=tuple(1 if i in dim else n for i, n in enumerate(shape)))


def float_input(op: str, input: Any) -> None:
    if raw(input).dtype.kind != "f":
        raise RuntimeError(f"{op}(): a floating-point tensor is needed, got {raw(input).dtype}; cast it with .float()")


def equal_shares(x: Array, y: Array, dim: Dims | None, keepdim: bool) -> Array:
    """The part of each element of ``x`` in the extreme ``y``: where n elements are equal to it, 1/n for each of them."""
    chosen = np.equal(x, kept(y, x.shape, dim, keepdim))
    parts: Array = chosen / add_reduce(chosen, dim, y.dtype, None, True)
    return parts


def not_empty(op: str, shape: tuple[int, ...], dim: Dims | None) -> None:
    if count(shape, dim) == 0:
        if dim is None:  # the classes are PyTorch's
            error = IndexError if op.startswith("arg") else ShapeError
            raise error(f"{op}(): an empty tensor of shape {shape} has no {op}")
        raise IndexError(f"{op}(): the dimension to reduce, {dim}, has size 0 in a tensor of shape {shape}")


def as_dtype(input: Any, dtype: Any) -> Any:
    return input if dtype is None else cast(input, dtype=as_numpy(dtype))


# -- sum and average ---------------------------------------------------------------------------------------------------


def _add_up(x: Array, dim: Dims | None, keepdim: bool) -> Any:
    dtype = x.dtype
    if dtype.kind != "f":
        return add_reduce(x, dim, np.int64, None, keepdim)
    if dtype is FLOAT16:  # as PyTorch, halves are added up in float32
        return add_reduce(x, dim, FLOAT32, None, keepdim).astype(dtype)
    return add_reduce(x, dim, None, None, keepdim)


def _average(x: Array, dim: Dims | None, keepdim: bool) -> Any:
    total = add_reduce(x, dim, FLOAT32 if x.dtype is FLOAT16 else None, None, keepdim)
    return np.true_divide(total, count(x.shape, dim)).astype(x.dtype, copy=False)


# the gradient is a view with stride 0: it takes no memory
_sum = primitive(
    quiet(_add_up),
    name="sum",
    promotion=None,
    x=lambda g, x_shape, dim, keepdim: broadcast_to(kept(g, x_shape, dim, keepdim), shape=x_shape),
)
_mean = primitive(
    quiet(_average),
    name="mean",
    promotion=None,
    x=lambda g, x_shape, dim, keepdim: broadcast_to(kept(g / (count(x_shape, dim) or 1), x_shape, dim, keepdim), shape=x_shape),
)


@accepts_axis
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over ``dim``. Integers and bools are summed as int64.

    Args:
        dim: an int, a tuple, or None for all dimensions.
        keepdim: keep the summed dimensions, with size 1.
        dtype: cast the input to it first.

    >>> import tinygrad_fm as torch
    >>> torch.sum(torch.tensor([[1, 2], [3, 4]]), dim=0)
    tensor([4, 6])
    """
    y = _sum(as_dtype(input, dtype), dim=None if dim is None else dims_or_all("sum", dim, input.shape), keepdim=keepdim)
    return as_dtype(y, dtype)  # also where that is a small integer, which by itself is summed as int64


@accepts_axis
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The average over ``dim``; NaN of nothing. Raises RuntimeError for integers, unless ``dtype`` makes them float."""
    input = as_dtype(input, dtype)
    float_input("mean", input)
    return _mean(input, dim=dims_or_all("mean", dim, input.shape), keepdim=keepdim)


@accepts_axis
def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The variance over ``dim``: Σ (x − mean)² / max(0, n − correction), in two passes, so that it is never negative.

    Args:
        unbiased: False is another way to say ``correction=0``, True ``correction=1``.
        correction: 1 by default (Bessel's).
    """
    if isinstance(dim, bool):  # PyTorch's older form, var(input, unbiased)
        dim, unbiased = None, dim
    float_input("var", input)
    dims = dims_or_all("var", dim, input.shape)
    if correction is None:
        correction = 0 if unbiased is False else 1
    centered = input - _mean(input, dim=dims, keepdim=True)
    add_reduce = _sum(centered * centered, dim=dims, keepdim=keepdim)
    return add_reduce / builtins.max(count(input.shape, dims) - correction, 0)


def _root_rule(g: Any, y: Any) -> Any:
    zero = raw(y) == 0
    return where(zero, 0.0, g / where(zero, 1.0, y * 2))


# a square root whose derivative at 0 is taken to be 0, not infinite
_root = primitive(quiet(np.sqrt), name="sqrt", promotion=None, x=_root_rule)


@accepts_axis
def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The standard deviation over ``dim``: the square root of :func:`var`; where it is 0 its derivative is taken to be 0."""
    float_input("std", input)
    return _root(var(input, dim, unbiased, keepdim, correction=correction))
