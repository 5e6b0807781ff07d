"""Largest and smallest elements, the middle one, and other quantiles. https://pytorch.org/docs/stable/torch.html#reduction-ops"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import raw
from ..autograd.broadcast import clone
from ..autograd.primitive import primitive
from ._arguments import Dims, accepts_axis, dims_or_all, int64, one_dim
from .comparison import isnan
from .creation import tensor
from .elementwise import lerp, maximum, minimum, quiet, where
from .gather_scatter import pick
from .reduction import equal_shares, kept, not_empty
from .shape import to_shape
from .sorting import RESULT_OF, ValuesIndices, sort

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "median", "min", "quantile"]

Array = np.ndarray[Any, Any]


def _extreme_rule(g: Any, x: Any, y: Any, dim: Dims | None, keepdim: bool) -> Any:
    return kept(g, raw(x).shape, dim, keepdim) * equal_shares(raw(x), raw(y), dim, keepdim)


def _one_of_all_rule(g: Any, x: Any, y: Any) -> Any:
    """Equal shares to the elements equal to the one that was found, or to the NaNs if that is NaN, as PyTorch has it."""
    x, y = raw(x), raw(y)
    chosen = np.isnan(x) if np.isnan(y) else np.equal(x, y)
    return g * (chosen / np.asarray(chosen.sum(), y.dtype))


def _extreme(ufunc: Any, name: str) -> Any:
    def kernel(x: Array, dim: Dims | None, keepdim: bool) -> Any:
        return ufunc.reduce(x, dim, None, None, keepdim)

    op = primitive(quiet(kernel), name=name, promotion=None, x=_extreme_rule)

    def public(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        dims = dims_or_all(name, dim, input.shape)
        not_empty(name, tuple(input.shape), dims)
        return op(input, dim=dims, keepdim=keepdim)

    public.__name__ = public.__qualname__ = name
    which = "largest" if name == "amax" else "smallest"
    public.__doc__ = (
        f"The {which} element over ``dim`` (an int, a tuple, or None for all dimensions).\n\n"
        "    Where several are equal they share the gradient. NaN if there is one. Raises IndexError for a dimension of size 0."
    )
    return accepts_axis(public)


amax, amin = _extreme(np.maximum, "amax"), _extreme(np.minimum, "amin")


def _of_all(ufunc: Any, name: str) -> Any:
    op = primitive(quiet(lambda x: ufunc.reduce(x, None)), name=name, promotion=None, x=_one_of_all_rule)

    def public(input: Any) -> Any:
        not_empty(name, tuple(input.shape), None)
        return op(input)

    return public


_max_of_all, _min_of_all = _of_all(np.maximum, "max"), _of_all(np.minimum, "min")


def _arg_extreme(function: Any, name: str) -> Any:
    op = primitive(lambda x, dim, keepdim: int64(function(x, dim, keepdims=keepdim)), name=name, inputs="x", promotion=None)

    def public(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        along = None if dim is None else one_dim(name, dim, len(input.shape))
        not_empty(name, tuple(input.shape), None if along is None or not input.shape else (along,))
        return op(input, dim=along if input.shape else None, keepdim=keepdim)

    public.__name__ = public.__qualname__ = name
    which = "largest" if name == "argmax" else "smallest"
    public.__doc__ = (
        f"The index (int64) of the {which} element along ``dim``, or in the flattened tensor if that is None.\n\n"
        "    The first one where several are equal; a NaN counts as the extreme."
    )
    return accepts_axis(public)


argmax, argmin = _arg_extreme(np.argmax, "argmax"), _arg_extreme(np.argmin, "argmin")


def _with_indices(op: str, input: Any, dim: Any, keepdim: bool, find: Callable[..., Any]) -> ValuesIndices:
    """The elements along ``dim`` at the indices that ``find(input, dim, keepdim)`` gives."""
    along = one_dim(op, dim, len(input.shape))
    not_empty(op, tuple(input.shape), (along,) if input.shape else None)
    if not input.shape:
        return RESULT_OF[op](clone(input), to_shape(find(to_shape(input, shape=(1,)), 0, True), shape=()))
    indices = find(input, along, True)
    values = pick(input, dim=along, index=raw(indices))
    if keepdim:
        return RESULT_OF[op](values, indices)
    left = tuple(n for i, n in enumerate(input.shape) if i != along)
    return RESULT_OF[op](to_shape(values, shape=left), to_shape(indices, shape=left))


@accepts_axis
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element.

    Args:
        dim: None for the largest of all elements; an int for the largest along that dimension, as a named tuple
            ``(values, indices)``; a tensor for the larger of each pair of elements, as ``maximum``.

    The gradient of ``max(dim)`` goes to the element at the returned index, that of ``max()`` is shared by equal elements.

    >>> import tinygrad_fm as torch
    >>> torch.max(torch.tensor([[1., 5.], [7., 2.]]), dim=1).indices
    tensor([1, 0])
    """
    if other is not None or hasattr(dim, "shape"):
        return maximum(input, dim if other is None else other)
    return _max_of_all(input) if dim is None else _with_indices("max", input, dim, keepdim, argmax)


@accepts_axis
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element; arguments and result as those of :func:`max`."""
    if other is not None or hasattr(dim, "shape"):
        return minimum(input, dim if other is None else other)
    return _min_of_all(input) if dim is None else _with_indices("min", input, dim, keepdim, argmin)


# -- the middle --------------------------------------------------------------------------------------------------------


def _middle_place(x: Array, dim: int) -> Array:
    """Where along ``dim`` the lower of the middle elements is, or a NaN if there is one."""
    at = np.take(np.argsort(x, dim, kind="stable"), [(x.shape[dim] - 1) // 2], dim)
    missing = np.isnan(x)
    return int64(np.where(missing.any(dim, keepdims=True), missing.argmax(dim, keepdims=True), at))


def _middle(x: Array) -> Any:
    flat = x.reshape(-1)
    if not flat.size:  # as in PyTorch: NaN, or the smallest integer
        return x.dtype.type(np.nan if x.dtype.kind == "f" else np.iinfo(x.dtype).min)
    return flat[_middle_place(flat, 0)[0]]


_argmedian = primitive(_middle_place, name="argmedian", inputs="x", promotion=None)

_median = primitive(_middle, name="median", promotion=None, x=_one_of_all_rule)


@accepts_axis
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element in order, the lower one of two: of all, or along ``dim`` as a named tuple ``(values, indices)``.

    NaN if there is one, or nothing at all. Without ``dim`` equal elements share the gradient.
    """
    if dim is None:
        return _median(input)
    return _with_indices("median", input, dim, keepdim, lambda x, along, keep: _argmedian(x, dim=along))


class MinMax(NamedTuple):
    """What :func:`aminmax` returns."""

    min: Any
    max: Any


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Least and largest element, over all dimensions or over ``dim``."""
    dims = () if dim is None else dim
    return MinMax(amin(input, dims, keepdim), amax(input, dims, keepdim))


def quantile(input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """The value below which a share ``q`` of the elements lies, over all dimensions or over ``dim``.

    Args:
        q: one share between 0 and 1, or a vector of them, which becomes the first dimension.
        interpolation: between two neighbours: "linear", "lower", "higher", "nearest" or "midpoint".
    """
    if not input.is_floating_point():
        raise RuntimeError(f"quantile(): expected float32 or float64, got {input.dtype}")
    whole, original, axis = dim is None or not input.ndim, input.ndim, dim or 0
    ordered = sort(input.reshape(-1) if whole else input, 0 if whole else axis).values
    ordered = ordered.movedim(0 if whole else axis, 0)
    shares = q if hasattr(q, "ndim") else tensor(q, dtype=input.dtype)
    if bool(((shares < 0) | (shares > 1)).any()):
        raise RuntimeError(f"quantile(): q must lie between 0 and 1, got {q}")
    places = shares.reshape(-1) * (ordered.shape[0] - 1)
    if bool(isnan(input).any()):  # NaN sorts last, and any NaN makes the quantile NaN
        ordered = where(isnan(ordered).any(0), float("nan"), ordered)
    below, above = ordered[places.floor().long()], ordered[places.ceil().long()]
    part = (places - places.floor()).reshape(-1, *[1] * (ordered.ndim - 1))
    found = {
        "linear": lambda: lerp(below, above, part.expand(below.shape)),
        "lower": lambda: below,
        "higher": lambda: above,
        "nearest": lambda: ordered[places.round().long()],
        "midpoint": lambda: (below + above) / 2,
    }[interpolation]()
    if keepdim:
        found = found.reshape(-1, *[1] * original) if whole else found.unsqueeze(axis % original + 1)
    return found if shares.ndim else found.squeeze(0)
