"""Operations that make one number of many: sums, averages, products, spreads, norms, any and all.

All take ``dim`` (an int, several, or None for all dimensions) and ``keepdim``; NumPy's ``axis`` and ``keepdims`` are accepted
in their place. https://pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.broadcast import broadcast_to, clone
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_numpy
from ..errors import ShapeError
from ..promotion import promote_float
from ._arguments import Dims, accepts_axis, dims_or_all, one_dim, some_dims
from .comparison import isnan
from .elementwise import cast, exp, quiet, where
from .indexing import masked_fill
from .join_split import narrow_to
from .shape import to_shape

__all__ = ["all", "any", "logsumexp", "mean", "nanmean", "nansum", "prod", "std", "std_mean", "sum", "var", "var_mean"]

Array = np.ndarray[Any, Any]

add_reduce: Any = np.add.reduce  # (x, axis, dtype, out, keepdims); half the time of np.sum

largest: Any = np.maximum.reduce

smallest: Any = np.minimum.reduce

FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


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
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
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
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The average over ``dim``; NaN of nothing. Raises RuntimeError for integers, unless ``dtype`` makes them float.

    >>> import tinygrad_fm as torch
    >>> torch.mean(torch.tensor([[1.0, 3.0], [5.0, 7.0]]), dim=0)
    tensor([3., 5.])
    """
    input = as_dtype(input, dtype)
    float_input("mean", input)
    return _mean(input, dim=dims_or_all("mean", dim, input.shape), keepdim=keepdim)


def _variance(x: Array, dim: Dims | None, keepdim: bool, correction: float) -> Any:
    """About the mean of what is left, in float64: the mean's rounding would show beside small deviations from a large one."""
    n = count(x.shape, dim)
    centered = np.subtract(x, add_reduce(x, dim, np.float64, None, True) / np.float64(n))
    centered -= add_reduce(centered, dim, None, None, True) / np.float64(n)
    np.square(centered, out=centered)
    return add_reduce(centered, dim, None, None, keepdim) / np.float64(builtins.max(n - correction, 0))


def _variance_rule(g: Any, x: Any, dim: Dims | None, keepdim: bool, correction: float) -> Any:
    """2 (x − mean) / (n − correction)"""
    n = count(raw(x).shape, dim)
    share = 2 / (n - correction) if n > correction else math.nan if n == correction else math.inf
    return kept(g, raw(x).shape, dim, keepdim) * share * (x - _mean(x, dim=dim, keepdim=True))


def _deviation_rule(g: Any, x: Any, y: Any, dim: Dims | None, keepdim: bool, correction: float) -> Any:
    zero = raw(y) == 0  # where the derivative is taken to be 0, not infinite
    slope = where(zero, 0.0, g / where(zero, 1.0, y * 2))
    return _variance_rule(slope, x, dim, keepdim, correction)


def _rounded(kernel: Any) -> Any:
    return quiet(lambda x, **static: np.asarray(kernel(x, **static)).astype(x.dtype))


_var = primitive(_rounded(_variance), name="var", promotion=None, x=_variance_rule)

_std = primitive(_rounded(lambda x, **static: np.sqrt(_variance(x, **static))), name="std", promotion=None, x=_deviation_rule)


def _spread(op: Any, input: Any, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None) -> Any:
    """``op``, which is ``_var`` or ``_std``, with the arguments of PyTorch's function."""
    name = op.__name__
    if isinstance(dim, bool):  # PyTorch's older form, var(input, unbiased)
        dim, unbiased = None, dim
    float_input(name, input)
    if correction is None:
        correction = 0 if unbiased is False else 1
    return op(input, dim=dims_or_all(name, dim, input.shape), keepdim=keepdim, correction=correction)


@accepts_axis
def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The variance over ``dim``: Σ (x − mean)² / max(0, n − correction), in two passes, so that it is never negative.

    Args:
        unbiased: False is another way to say ``correction=0``, True ``correction=1``.
        correction: 1 by default (Bessel's).

    >>> import tinygrad_fm as torch
    >>> torch.var(torch.tensor([1.0, 2.0, 3.0, 4.0])), torch.var(torch.tensor([1.0, 2.0, 3.0, 4.0]), correction=0)
    (tensor(1.6667), tensor(1.2500))
    """
    return _spread(_var, input, dim, unbiased, keepdim, correction)


@accepts_axis
def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The standard deviation over ``dim``: the square root of :func:`var`; where it is 0 its derivative is taken to be 0.

    >>> import tinygrad_fm as torch
    >>> torch.std(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor(1.2910)
    """
    return _spread(_std, input, dim, unbiased, keepdim, correction)


def _log_sum_exp(x: Array, dim: Dims | None, keepdim: bool) -> Any:
    top = largest(x, dim, None, None, True, -np.inf)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    y = np.log(add_reduce(np.exp(x - top), dim, None, None, True)) + top
    if keepdim:
        return y
    return y.reshape(()) if dim is None else y.squeeze(dim)


# the gradient is the softmax
_logsumexp = primitive(
    quiet(_log_sum_exp),
    name="logsumexp",
    promotion=promote_float,
    x=lambda g, x, y, dim, keepdim: kept(g, raw(x).shape, dim, keepdim) * exp(x - kept(y, raw(x).shape, dim, keepdim)),
)


@accepts_axis
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Tensor:
    """log Σ exp(x) over ``dim``, without overflow: the largest element is taken out before and added again after.

    >>> import tinygrad_fm as torch
    >>> torch.logsumexp(torch.tensor([0.0, 0.0]), dim=0)
    tensor(0.6931)
    """
    return _logsumexp(input, dim=dims_or_all("logsumexp", dim, input.shape), keepdim=keepdim)


# -- two statistics at once ------------------------------------------------------------------------------------------


@accepts_axis
def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    """:func:`var` and :func:`mean` as a pair.

    >>> import tinygrad_fm as torch
    >>> torch.var_mean(torch.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    dims = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, dims, keepdim)


@accepts_axis
def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    """:func:`std` and :func:`mean` as a pair.

    >>> import tinygrad_fm as torch
    >>> torch.std_mean(torch.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    dims = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, dims, keepdim)


@accepts_axis
def prod(input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over ``dim``, or of all elements. Integers and bools are multiplied as int64.

    It multiplies one half of the elements with the other until one is left, so the gradient is right with any number of zeros
    among them, to any order.

    >>> import tinygrad_fm as torch
    >>> torch.prod(torch.tensor([1, 2, 3, 4]))
    tensor(24)
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


def _quantifier(ufunc: Any, name: str, doc: str) -> Callable[..., Tensor]:
    def kernel(x: Array, dim: Dims | None, keepdim: bool) -> Any:
        found = np.asarray(ufunc.reduce(x, dim, bool, None, keepdim))
        return found.astype(np.uint8) if x.dtype == np.uint8 else found  # as PyTorch

    op = primitive(kernel, name=name, inputs="x", promotion=None)

    def public(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        dims = None if dim is None else some_dims(name, dim, len(input.shape))
        return op(input, dim=dims if input.shape else None, keepdim=keepdim)

    public.__name__ = public.__qualname__ = name
    public.__doc__ = doc
    return accepts_axis(public)


any = _quantifier(np.logical_or, "any", "Whether an element over ``dim`` is true (not 0). NaN counts as true.")

all = _quantifier(np.logical_and, "all", "Whether all elements over ``dim`` are true (not 0). NaN counts as true.")


def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum of what is not NaN.

    >>> import tinygrad_fm as torch
    >>> torch.nansum(torch.tensor([1.0, float("nan"), 3.0]))
    tensor(4.)
    """
    return sum(masked_fill(input, isnan(input), 0), dim, keepdim, dtype=dtype)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of what is not NaN.

    >>> import tinygrad_fm as torch
    >>> torch.nanmean(torch.tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    count = sum(~isnan(input), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count
