"""Running sums and products. https://pytorch.org/docs/stable/generated/torch.cumsum.html"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.broadcast import clone
from ..autograd.primitive import primitive
from ..dtypes import as_numpy
from ._arguments import accepts_axis, one_dim
from .elementwise import quiet
from .join_split import cat, narrow_to
from .rearrange import flip
from .reduction import as_dtype

__all__ = ["cumprod", "cumsum"]


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
