"""Operations that make one number of many: sums, averages, products, norms, counts (extremes have their own file).

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

from ..autograd.backward import clone
from ..autograd.broadcast import broadcast_to
from ..autograd.primitive import primitive, promote_float, raw
from ..dtypes import as_numpy
from ..errors import ShapeError
from .dims import one_dim, some_dims
from .elementwise import abs as absolute
from .elementwise import cast, exp, quiet, where, zeros_for
from .shape import narrow_to, to_shape

Array = np.ndarray[Any, Any]
Dims = tuple[int, ...]
F = TypeVar("F", bound=Callable[..., Any])

_total: Any = np.add.reduce  # (x, axis, dtype, out, keepdims); half the time of np.sum
_largest: Any = np.maximum.reduce
_smallest: Any = np.minimum.reduce
_FLOAT16, _FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


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


def _float_input(op: str, input: Any) -> None:
    if raw(input).dtype.kind != "f":
        raise RuntimeError(f"{op}(): a floating-point tensor is needed, got {raw(input).dtype}; cast it with .float()")


def equal_shares(x: Array, y: Array, dim: Dims | None, keepdim: bool) -> Array:
    """The part of each element of ``x`` in the extreme ``y``: where n elements are equal to it, 1/n for each of them."""
    chosen = np.equal(x, kept(y, x.shape, dim, keepdim))
    parts: Array = chosen / _total(chosen, dim, y.dtype, None, True)
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
        return _total(x, dim, np.int64, None, keepdim)
    if dtype is _FLOAT16:  # as PyTorch, halves are added up in float32
        return _total(x, dim, _FLOAT32, None, keepdim).astype(dtype)
    return _total(x, dim, None, None, keepdim)


def _average(x: Array, dim: Dims | None, keepdim: bool) -> Any:
    total = _total(x, dim, _FLOAT32 if x.dtype is _FLOAT16 else None, None, keepdim)
    return np.true_divide(total, count(x.shape, dim)).astype(x.dtype, copy=False)


# the gradient is a view with stride 0: it takes no memory
_sum = primitive(
    quiet(_add_up), name="sum", promotion=None,
    x=lambda g, x_shape, dim, keepdim: broadcast_to(kept(g, x_shape, dim, keepdim), shape=x_shape),
)  # fmt: skip
_mean = primitive(
    quiet(_average), name="mean", promotion=None,
    x=lambda g, x_shape, dim, keepdim: broadcast_to(
        kept(g / (count(x_shape, dim) or 1), x_shape, dim, keepdim), shape=x_shape
    ),
)  # fmt: skip


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
    _float_input("mean", input)
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
    _float_input("var", input)
    dims = dims_or_all("var", dim, input.shape)
    if correction is None:
        correction = 0 if unbiased is False else 1
    centered = input - _mean(input, dim=dims, keepdim=True)
    total = _sum(centered * centered, dim=dims, keepdim=keepdim)
    return total / builtins.max(count(input.shape, dims) - correction, 0)


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
    _float_input("std", input)
    return _root(var(input, dim, unbiased, keepdim, correction=correction))


@accepts_axis
def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    """:func:`var` and :func:`mean` as a pair."""
    dims = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, dims, keepdim)


@accepts_axis
def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    """:func:`std` and :func:`mean` as a pair."""
    dims = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, dims, keepdim)


@accepts_axis
def prod(input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product over ``dim``, or of all elements. Integers and bools are multiplied as int64.

    It multiplies one half of the elements with the other until one is left, so the gradient is right with any number of zeros
    among them, to any order.
    """
    if dtype is None and raw(input).dtype.kind in "bui":
        dtype = np.int64
    x, shape = as_dtype(input, dtype), tuple(input.shape)
    if dim is None or not shape:
        along = one_dim("prod", dim or 0, 1)
        x = to_shape(x, shape=(-1,))
    else:
        along = one_dim("prod", dim, len(shape))
    size, rest = x.shape[along], None
    if size == 0:
        return sum(x, along, keepdim) + 1
    if size == 1:
        x = clone(x)  # the result shares no memory with the input
    while size > 1:
        if size % 2:
            last = narrow_to(x, along, size - 1, 1)
            rest = last if rest is None else rest * last
        size //= 2
        x = narrow_to(x, along, 0, size) * narrow_to(x, along, size, size)
    if rest is not None:
        x = x * rest
    if keepdim and dim is not None and shape:
        return x
    return to_shape(x, shape=() if dim is None or not shape else shape[:along] + shape[along + 1 :])


# -- norms -------------------------------------------------------------------------------------------------------------


def _p_norm(x: Array, p: float, dim: Dims | None, keepdim: bool) -> Any:
    wide = x.astype(_FLOAT32) if x.dtype is _FLOAT16 else x
    if math.isinf(p):
        y = (_largest if p > 0 else _smallest)(np.abs(wide), dim, None, None, keepdim)
    elif p == 2:
        y = np.sqrt(_total(wide * wide, dim, None, None, keepdim))
    elif p == 0:
        y = _total(wide != 0, dim, wide.dtype, None, keepdim)
    else:
        powers = np.abs(wide) if p == 1 else np.abs(wide) ** p
        y = _total(powers, dim, None, None, keepdim) ** (1.0 / p)
    return np.asarray(y).astype(x.dtype, copy=False)


def _p_norm_rule(g: Any, x: Any, y: Any, p: float, dim: Dims | None, keepdim: bool) -> Any:
    """|x|ᵖ⁻¹ sign(x) / yᵖ⁻¹, and 0 where the norm is 0."""
    array = raw(x)
    if p == 0:
        return zeros_for(g, array.shape)
    if math.isinf(p):
        return kept(g, array.shape, dim, keepdim) * (np.sign(array) * equal_shares(np.abs(array), raw(y), dim, keepdim))
    g, y = kept(g, array.shape, dim, keepdim), kept(y, array.shape, dim, keepdim)
    if p == 1:
        return g * np.sign(array)
    zero = raw(y) == 0
    divisor = where(zero, 1.0, y)
    if p == 2:
        return x * where(zero, 0.0, g / divisor)
    size = absolute(x)
    if p < 2:
        size = where(array == 0, 1.0, size)  # 0 to a negative power; sign(x) makes it 0 all the same
    return np.sign(array) * (size ** (p - 1)) * where(zero, 0.0, g / divisor ** (p - 1))


_norm = primitive(quiet(_p_norm), name="norm", promotion=None, x=_p_norm_rule)


@accepts_axis
def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm (Σ |x|ᵖ)^(1/p) over ``dim``, of the elements as one long vector.

    Args:
        p: a number; ``inf`` and ``-inf`` give the largest and the smallest size, 0 the number of elements that are not 0,
            "fro" the same as 2.

    The derivative where the norm is 0 is taken to be 0.
    https://pytorch.org/docs/stable/generated/torch.norm.html
    """
    input = as_dtype(input, dtype)
    _float_input("norm", input)
    if p is None or p == "fro":
        p = 2.0
    if isinstance(p, str):
        raise ValueError(f"norm(): p must be a number or 'fro', got {p!r}")
    dims = dims_or_all("norm", dim, input.shape)
    if math.isinf(p):
        not_empty("norm", tuple(input.shape), dims)
    return _norm(input, p=float(p), dim=dims, keepdim=keepdim)


def _log_sum_exp(x: Array, dim: Dims | None, keepdim: bool) -> Any:
    largest = _largest(x, dim, None, None, True, -np.inf)
    largest = np.where(np.isfinite(largest), largest, x.dtype.type(0))
    y = np.log(_total(np.exp(x - largest), dim, None, None, True)) + largest
    if keepdim:
        return y
    return y.reshape(()) if dim is None else y.squeeze(dim)


# the gradient is the softmax
_logsumexp = primitive(
    quiet(_log_sum_exp), name="logsumexp", promotion=promote_float,
    x=lambda g, x, y, dim, keepdim: (
        kept(g, raw(x).shape, dim, keepdim) * exp(x - kept(y, raw(x).shape, dim, keepdim))
    ),
)  # fmt: skip


@accepts_axis
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """log Σ exp(x) over ``dim``, without overflow: the largest element is taken out before and added again after."""
    return _logsumexp(input, dim=dims_or_all("logsumexp", dim, input.shape), keepdim=keepdim)


# -- yes or no, how many -----------------------------------------------------------------------------------------------


def _quantifier(ufunc: Any, name: str, doc: str) -> Any:
    def kernel(x: Array, dim: Dims | None, keepdim: bool) -> Any:
        found = np.asarray(ufunc.reduce(x, dim, bool, None, keepdim))
        return found.astype(np.uint8) if x.dtype == np.uint8 else found  # as PyTorch

    op = primitive(kernel, name=name, inputs="x", promotion=None)

    def public(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        dims = None if dim is None else some_dims(name, dim, len(input.shape))
        return op(input, dim=dims if input.shape else None, keepdim=keepdim)

    public.__name__ = public.__qualname__ = name
    public.__doc__ = doc
    return accepts_axis(public)


any = _quantifier(np.logical_or, "any", "Whether an element over ``dim`` is true (not 0). NaN counts as true.")
all = _quantifier(np.logical_and, "all", "Whether all elements over ``dim`` are true (not 0). NaN counts as true.")


@accepts_axis
def count_nonzero(input: Any, dim: Any = None) -> Any:
    """How many elements over ``dim`` are not 0, as int64."""
    return sum(input != 0, dim)
