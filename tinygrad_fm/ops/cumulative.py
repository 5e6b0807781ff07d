"""Running sums, products and extremes, and integrals by the trapezoidal rule.

https://pytorch.org/docs/stable/generated/torch.cumsum.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.broadcast import clone
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_numpy, default_float
from ._arguments import accepts_axis, int64, one_dim
from .elementwise import cast, mul, quiet
from .gather_scatter import pick
from .join_split import cat, narrow_to
from .rearrange import flip
from .reduction import as_dtype, sum
from .shape import ravel, to_shape
from .sorting import RESULT_OF, ValuesIndices
from .special import logaddexp

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "diff", "logcumsumexp", "trapezoid", "trapz"]

Array = np.ndarray[Any, Any]


@accepts_axis
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """The running sum along ``dim``: yᵢ = x₀ + … + xᵢ. Integers and bools are summed as int64.

    Raises:
        NotImplementedError: dtype bool.

    >>> import tinygrad_fm as torch
    >>> torch.cumsum(torch.tensor([1, 2, 3, 4]), dim=0)
    tensor([ 1,  3,  6, 10])
    """
    if dtype is None and raw(input).dtype.kind in "bui":
        dtype = np.int64
    elif dtype is not None and as_numpy(dtype).kind == "b":
        raise NotImplementedError("cumsum() has no sums of bool; leave the dtype out for int64")
    return _cumsum(as_dtype(input, dtype), dim=one_dim("cumsum", dim, len(input.shape)))


def _sums(x: Any, dim: int) -> Any:
    wide = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype  # what halves are added up in, as in sum()
    return np.cumsum(x, dim, wide).reshape(x.shape).astype(x.dtype, copy=False)


_cumsum: Any = primitive(
    quiet(_sums), name="cumsum", promotion=None, x=lambda g, dim: flip(_cumsum(flip(g, dim), dim=dim), dim)
)


@accepts_axis
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """The running product along ``dim``: yᵢ = x₀ · … · xᵢ. Integers and bools are multiplied as int64.

    The gradient is right with zeros among them, to any order.

    >>> import tinygrad_fm as torch
    >>> torch.cumprod(torch.tensor([1, 2, 3, 4]), dim=0)
    tensor([ 1,  2,  6, 24])
    """
    if dtype is None and raw(input).dtype.kind in "bui":
        dtype = np.int64
    return _running(clone(as_dtype(input, dtype)), one_dim("cumprod", dim, len(input.shape)), mul)


def _running(x: Any, dim: int, combine: Any) -> Any:
    """The running result of an associative operation, in log₂ n rounds.

    In each, every element is combined with the one 1, 2, 4, … places before it, which already holds as many. So the gradient
    comes out right whatever the elements are, to any order.
    """
    size, step = x.shape[dim] if x.shape else 1, 1
    while step < size:
        later = combine(narrow_to(x, dim, step, size - step), narrow_to(x, dim, 0, size - step))
        x = cat([narrow_to(x, dim, 0, step), later], dim)
        step *= 2
    return x


@accepts_axis
def logcumsumexp(input: Any, dim: int) -> Tensor:
    """The running logsumexp along ``dim``: yᵢ = log(exp(x₀) + … + exp(xᵢ)), without overflow.

    >>> import tinygrad_fm as torch
    >>> torch.logcumsumexp(torch.zeros(4), 0).exp()
    tensor([1., 2., 3., 4.])
    """
    floats = input if raw(input).dtype.kind == "f" else cast(input, dtype=default_float())
    return _running(clone(floats), one_dim("logcumsumexp", dim, len(input.shape)), logaddexp)


def _last_extreme(x: Array, dim: int, ufunc: Any) -> Array:
    """Where each running extreme was last met; a NaN is one for good."""
    found = (x == ufunc.accumulate(x, dim)) | np.isnan(x)
    places = np.arange(x.shape[dim]).reshape(-1, *(1,) * (x.ndim - dim - 1))
    return int64(np.maximum.accumulate(np.where(found, places, 0), dim))


def _extreme(ufunc: Any, name: str, size: str) -> Any:
    places = primitive(quiet(lambda x, dim: _last_extreme(x, dim, ufunc)), name=f"arg{name}", inputs="x", promotion=None)

    @accepts_axis
    def public(input: Any, dim: int) -> ValuesIndices:
        along, x = one_dim(name, dim, len(input.shape)), input if input.shape else ravel(input)
        indices = places(x, dim=along)
        values = pick(x, dim=along, index=raw(indices))
        if not input.shape:
            values, indices = to_shape(values, shape=()), to_shape(indices, shape=())
        return RESULT_OF[name](values, indices)

    public.__name__ = public.__qualname__ = name
    public.__doc__ = f"""The {size} element up to each place along ``dim``, and its index: the last one of equal ones.

    NaN from the first NaN on. The gradient goes to the element at the index.

    >>> import tinygrad_fm as torch
    >>> torch.{name}(torch.tensor([2, 1, 3]), 0).indices
    tensor([0, {"0" if ufunc is np.maximum else "1"}, {"2" if ufunc is np.maximum else "1"}])
    """
    return public


cummax, cummin = _extreme(np.maximum, "cummax", "largest"), _extreme(np.minimum, "cummin", "smallest")

# -- integrals ---------------------------------------------------------------------------------------------------------


def _strips(op: str, y: Any, x: Any, dx: float, dim: int) -> Any:
    """The areas between neighbours along ``dim``: width times the mean of both heights."""
    dim, n = one_dim(op, dim, len(y.shape)), y.shape[dim] if y.shape else 0
    if not y.shape:
        raise IndexError(f"{op}(): a tensor with at least one dimension is needed")
    heights = narrow_to(y, dim, 1, n - 1) + narrow_to(y, dim, 0, n - 1) if n else y
    if x is None:
        return heights * (dx / 2)
    if len(x.shape) == 1:
        if x.shape[0] != n:
            raise RuntimeError(f"{op}(): x must have {n} elements, as many as y along dimension {dim}, got {x.shape[0]}")
        x = to_shape(x, shape=(n, *(1,) * (len(y.shape) - dim - 1)))
    along = dim - len(y.shape)
    m = x.shape[along]
    widths = narrow_to(x, along + len(x.shape), 1, m - 1) - narrow_to(x, along + len(x.shape), 0, m - 1)
    return widths * heights / 2


def trapezoid(y: Any, x: Any = None, *, dx: float = 1, dim: int = -1) -> Tensor:
    """The integral of ``y`` along ``dim`` by the trapezoidal rule.

    Args:
        x: where ``y`` was sampled, a vector or a tensor of y's shape; by default places ``dx`` apart.

    >>> import tinygrad_fm as torch
    >>> torch.trapezoid(torch.tensor([1., 5., 10.]))
    tensor(10.5000)
    """
    return sum(_strips("trapezoid", y, x, dx, dim), dim)


trapz = trapezoid


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: float = 1, dim: int = -1) -> Tensor:
    """The running integral of ``y`` along ``dim`` by the trapezoidal rule; one element shorter than ``y``.

    >>> import tinygrad_fm as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1.0, 3.0, 5.0]))
    tensor([2., 6.])
    """
    return cumsum(_strips("cumulative_trapezoid", y, x, dx, dim), dim)


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Each element's difference from the one before along ``dim``, ``n`` times over.

    Raises:
        RuntimeError: ``n`` is negative.

    >>> import tinygrad_fm as torch
    >>> torch.diff(torch.tensor([1, 4, 9, 16]))
    tensor([3, 5, 7])
    """
    if n < 0:
        raise RuntimeError(f"diff(): order must be non-negative but got {n}")
    if n == 0:
        return input.clone()
    parts = [x for x in (prepend, input, append) if x is not None]
    input = cat(parts, dim) if len(parts) > 1 else input
    for _ in range(n):
        size = max(input.shape[dim] - 1, 0)
        later, earlier = input.narrow(dim, min(1, input.shape[dim]), size), input.narrow(dim, 0, size)
        input = later ^ earlier if raw(input).dtype == bool else later - earlier
    return input
