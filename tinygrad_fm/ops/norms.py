"""Norms, the logarithm of a sum of exponentials, and two statistics at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.primitive import primitive, promote_float, raw
from .elementwise import abs as absolute
from .elementwise import exp, quiet, where, zeros_for
from .reduce import (
    FLOAT16,
    FLOAT32,
    Array,
    Dims,
    accepts_axis,
    add_reduce,
    as_dtype,
    dims_or_all,
    equal_shares,
    float_input,
    kept,
    largest,
    mean,
    not_empty,
    smallest,
    std,
    var,
)


def _p_norm(x: Array, p: float, dim: Dims | None, keepdim: bool) -> Any:
    wide = x.astype(FLOAT32) if x.dtype is FLOAT16 else x
    if math.isinf(p):
        y = (largest if p > 0 else smallest)(np.abs(wide), dim, None, None, keepdim)
    elif p == 2:
        y = np.sqrt(add_reduce(wide * wide, dim, None, None, keepdim))
    elif p == 0:
        y = add_reduce(wide != 0, dim, wide.dtype, None, keepdim)
    else:
        powers = np.abs(wide) if p == 1 else np.abs(wide) ** p
        y = add_reduce(powers, dim, None, None, keepdim) ** (1.0 / p)
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
    float_input("norm", input)
    if p is None or p == "fro":
        p = 2.0
    if isinstance(p, str):
        raise ValueError(f"norm(): p must be a number or 'fro', got {p!r}")
    dims = dims_or_all("norm", dim, input.shape)
    if math.isinf(p):
        not_empty("norm", tuple(input.shape), dims)
    return _norm(input, p=float(p), dim=dims, keepdim=keepdim)


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
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """log Σ exp(x) over ``dim``, without overflow: the largest element is taken out before and added again after."""
    return _logsumexp(input, dim=dims_or_all("logsumexp", dim, input.shape), keepdim=keepdim)


# -- yes or no, how many -----------------------------------------------------------------------------------------------


# -- two statistics at once ------------------------------------------------------------------------------------------


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
