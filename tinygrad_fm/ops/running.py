"""Products, running sums and running products. https://pytorch.org/docs/stable/generated/torch.cumsum.html"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.backward import clone
from ..autograd.primitive import primitive, raw
from ..dtypes import as_numpy
from .arrange import cat, flip
from .dims import one_dim
from .elementwise import quiet
from .parts import narrow_to
from .reduce import accepts_axis, as_dtype
from .reduce import sum as total
from .shape import to_shape


@accepts_axis
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The running sum along ``dim``: yᵢ = x₀ + … + xᵢ. Integers and bools are summed as int64."""
    if dtype is None and raw(input).dtype.kind in "bui":
        dtype = np.int64
    elif dtype is not None and as_numpy(dtype).kind == "b":
        raise NotImplementedError("cumsum() has no sums of bool; leave the dtype out for int64")
    return _cumsum(as_dtype(input, dtype), dim=one_dim("cumsum", dim, len(input.shape)))


_cumsum: Any = primitive(
    quiet(lambda x, dim: np.cumsum(x, dim, x.dtype).reshape(x.shape)),
    name="cumsum",
    promotion=None,
    x=lambda g, dim: flip(_cumsum(flip(g, dim), dim=dim), dim),
)


@accepts_axis
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The running product along ``dim``: yᵢ = x₀ · … · xᵢ. Integers and bools are multiplied as int64.

    In log₂ n rounds each element is multiplied with the one 1, 2, 4, … places before it, which already holds the product of
    as many; so the gradient is right with zeros among them, to any order.
    """
    if dtype is None and raw(input).dtype.kind in "bui":
        dtype = np.int64
    x, dim = clone(as_dtype(input, dtype)), one_dim("cumprod", dim, len(input.shape))
    size, step = x.shape[dim] if x.shape else 1, 1
    while step < size:
        x = cat([narrow_to(x, dim, 0, step), narrow_to(x, dim, step, size - step) * narrow_to(x, dim, 0, size - step)], dim)
        step *= 2
    return x


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
        return total(x, along, keepdim) + 1
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
