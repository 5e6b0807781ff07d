"""Largest and smallest elements, the middle one, and other quantiles. https://pytorch.org/docs/stable/torch.html#reduction-ops"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import box, is_tensor, raw
from ..autograd.broadcast import clone
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ._arguments import Dims, accepts_axis, dims_or_all, int64, one_dim
from .creation import tensor
from .elementwise import lerp, maximum, minimum, quiet
from .gather_scatter import gather, pick
from .indexing import masked_fill
from .reduction import equal_shares, kept, not_empty
from .return_types import printed_as
from .shape import to_shape
from .sorting import RESULT_OF, ValuesIndices, sort

__all__ = [
    "amax",
    "amin",
    "aminmax",
    "argmax",
    "argmin",
    "kthvalue",
    "max",
    "median",
    "min",
    "mode",
    "nanmedian",
    "nanquantile",
    "quantile",
]

Array = np.ndarray[Any, Any]


def _extreme_rule(g: Any, x: Any, y: Any, dim: Dims | None, keepdim: bool) -> Any:
    return kept(g, raw(x).shape, dim, keepdim) * equal_shares(raw(x), raw(y), dim, keepdim)


def _one_of_all_rule(g: Any, x: Any, y: Any) -> Any:
    """Equal shares to the elements equal to the one that was found, or to the NaNs if that is NaN, as PyTorch has it."""
    x, y = raw(x), raw(y)
    chosen = np.isnan(x) if np.isnan(y) else np.equal(x, y)
    return g * (chosen / np.asarray(chosen.sum(), y.dtype))


def _extreme(ufunc: Any, name: str) -> Callable[..., Tensor]:
    def kernel(x: Array, dim: Dims | None, keepdim: bool) -> Any:
        return ufunc.reduce(x, dim, None, None, keepdim)

    op = primitive(quiet(kernel), name=name, promotion=None, x=_extreme_rule)

    def public(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        dims = dims_or_all(name, dim, input.shape)
        not_empty(name, tuple(input.shape), dims)
        return op(input, dim=dims, keepdim=keepdim)

    public.__name__ = public.__qualname__ = name
    which = "largest" if name == "amax" else "smallest"
    public.__doc__ = (
        f"The {which} element over ``dim`` (an int, a tuple, or None for all dimensions).\n\n"
        "Where several are equal they share the gradient. NaN if there is one. Raises IndexError for a dimension of size 0."
    )
    return accepts_axis(public)


amax, amin = _extreme(np.maximum, "amax"), _extreme(np.minimum, "amin")


def _of_all(ufunc: Any, name: str) -> Callable[..., Tensor]:
    op = primitive(quiet(lambda x: ufunc.reduce(x, None)), name=name, promotion=None, x=_one_of_all_rule)

    def public(input: Any) -> Tensor:
        not_empty(name, tuple(input.shape), None)
        return op(input)

    return public


_max_of_all, _min_of_all = _of_all(np.maximum, "max"), _of_all(np.minimum, "min")


def _arg_extreme(function: Any, name: str) -> Callable[..., Tensor]:
    op = primitive(lambda x, dim, keepdim: int64(function(x, dim, keepdims=keepdim)), name=name, inputs="x", promotion=None)

    def public(input: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        along = None if dim is None else one_dim(name, dim, len(input.shape))
        not_empty(name, tuple(input.shape), None if along is None or not input.shape else (along,))
        return op(input, dim=along if input.shape else None, keepdim=keepdim)

    public.__name__ = public.__qualname__ = name
    which = "largest" if name == "argmax" else "smallest"
    public.__doc__ = (
        f"The index (int64) of the {which} element along ``dim``, or in the flattened tensor if that is None.\n\n"
        "The first one where several are equal; a NaN counts as the extreme."
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
    """The smallest element; arguments and result as those of :func:`max`.

    >>> import tinygrad_fm as torch
    >>> torch.min(torch.tensor([3, 1, 2]))
    tensor(1)
    >>> torch.min(torch.tensor([[3, 1, 2]]), dim=1)
    torch.return_types.min(
    values=tensor([1]),
    indices=tensor([1]))
    """
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

    >>> import tinygrad_fm as torch
    >>> torch.median(torch.tensor([3, 1, 2, 4]))
    tensor(2)
    >>> torch.median(torch.tensor([[3, 1, 2]]), dim=1)
    torch.return_types.median(
    values=tensor([2]),
    indices=tensor([2]))
    """
    if dim is None:
        return _median(input)
    return _with_indices("median", input, dim, keepdim, lambda x, along, keep: _argmedian(x, dim=along))


def _middle_place_of_numbers(x: Array, dim: int) -> Array:
    """Where along ``dim`` the lower middle element of what is not NaN is; the first if all are."""
    counts = np.sum(~np.isnan(x), dim, keepdims=True)
    return np.take_along_axis(int64(np.argsort(x, dim, kind="stable")), np.maximum(counts - 1, 0) // 2, dim)


def _middle_of_numbers(x: Array, dim: Dims | None, keepdim: bool) -> Any:
    flat = x.reshape(-1)
    return flat[_middle_place_of_numbers(flat, 0)[0]]


_argnanmedian = primitive(_middle_place_of_numbers, name="argnanmedian", inputs="x", promotion=None)

_nanmedian = primitive(_middle_of_numbers, name="nanmedian", promotion=None, x=_extreme_rule)


@accepts_axis
def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """As :func:`median`, of what is not NaN.

    >>> import tinygrad_fm as torch
    >>> torch.nanmedian(torch.tensor([1.0, float("nan"), 3.0]))
    tensor(1.)
    """
    if dim is None:
        not_empty("nanmedian", tuple(input.shape), None)
        return _nanmedian(input, dim=None, keepdim=False)
    return _with_indices("nanmedian", input, dim, keepdim, lambda x, along, keep: _argnanmedian(x, dim=along))


_argkth = primitive(
    lambda x, dim, k: np.take(int64(np.argsort(x, dim, kind="stable")), [k - 1], dim), name="argkth", inputs="x", promotion=None
)


@accepts_axis
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The ``k``-th smallest element along ``dim``, counted from 1, and its index. NaN counts as the largest.

    Raises RuntimeError unless 1 ≤ k ≤ the dimension's size.

    >>> import tinygrad_fm as torch
    >>> torch.kthvalue(torch.tensor([3., 1., 2.]), 2).values
    tensor(2.)
    """
    along = one_dim("kthvalue", dim, len(input.shape))
    size = input.shape[along] if input.shape else 1
    not_empty("kthvalue", tuple(input.shape), (along,) if input.shape else None)
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): k must lie in 1 to {size}, the size of dimension {along}, got {k}")
    return _with_indices("kthvalue", input, along, keepdim, lambda x, along, keep: _argkth(x, dim=along, k=k))


def _most_frequent_place(x: Array, dim: int) -> Array:
    """Where along ``dim`` the most frequent element is last found; of equally frequent ones the smallest."""
    order = int64(np.argsort(x, dim, kind="stable"))
    ordered = np.moveaxis(np.take_along_axis(x, order, dim), dim, -1)
    places = np.arange(ordered.shape[-1])
    new = np.concatenate([np.ones_like(ordered[..., :1], bool), ordered[..., 1:] != ordered[..., :-1]], -1)
    run = places - np.maximum.accumulate(np.where(new, places, 0), -1)  # how many equal ones come before
    last = np.argmax(run, -1)[..., None]  # the first, so the smallest, of the longest runs
    return np.take_along_axis(order, np.moveaxis(last, -1, dim), dim)


_argmode = primitive(_most_frequent_place, name="argmode", inputs="x", promotion=None)


@accepts_axis
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The most frequent element along ``dim``, the smallest of equally frequent ones, and the last index where it is.

    >>> import tinygrad_fm as torch
    >>> torch.mode(torch.tensor([1, 2, 2, 3]))
    torch.return_types.mode(
    values=tensor(2),
    indices=tensor(2))
    """
    return _with_indices("mode", input, dim, keepdim, lambda x, along, keep: _argmode(x, dim=along))


class MinMax(NamedTuple):
    """What :func:`aminmax` returns."""

    min: Any
    max: Any

    def __repr__(self) -> str:
        return printed_as("aminmax", self)


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Least and largest element, over all dimensions or over ``dim``.

    >>> import tinygrad_fm as torch
    >>> torch.aminmax(torch.tensor([3, 1, 2]))
    torch.return_types.aminmax(
    min=tensor(1),
    max=tensor(3))
    """
    dims = () if dim is None else dim
    return MinMax(amin(input, dims, keepdim), amax(input, dims, keepdim))


_BETWEEN = ("linear", "lower", "higher", "nearest", "midpoint")


def quantile(input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
    """The value below which a share ``q`` of the elements lies, over all dimensions or over ``dim``. NaN if there is one.

    Args:
        q: one share between 0 and 1, or a vector of them, which becomes the first dimension.
        interpolation: between two neighbours: "linear", "lower", "higher", "nearest" or "midpoint".

    >>> import tinygrad_fm as torch
    >>> torch.quantile(torch.tensor([0.0, 1.0, 2.0, 3.0]), 0.5)
    tensor(1.5000)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


def nanquantile(input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
    """As :func:`quantile`, of what is not NaN; NaN where nothing else is.

    >>> import tinygrad_fm as torch
    >>> torch.nanquantile(torch.tensor([1.0, float("nan"), 3.0]), 0.5)
    tensor(2.)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(op: str, input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str) -> Any:
    if raw(input).dtype not in (np.float32, np.float64):
        raise RuntimeError(f"{op}(): input must be float32 or float64, got {input.dtype}")
    shares = q if is_tensor(q) else tensor(q, dtype=input.dtype)
    if shares.dtype is not input.dtype:
        raise RuntimeError(f"{op}(): q must have input's dtype {input.dtype}, got {shares.dtype}")
    if shares.ndim > 1:
        raise RuntimeError(f"{op}(): q must be a number or a vector, got shape {tuple(shares.shape)}")
    if interpolation not in _BETWEEN:
        raise RuntimeError(f"{op}(): interpolation must be one of {', '.join(_BETWEEN)}, got {interpolation!r}")
    whole = dim is None or not input.ndim
    axis = 0 if dim is None else one_dim(op, dim, input.ndim)
    not_empty(op, tuple(input.shape), None if whole else (axis,))
    wanted = np.atleast_1d(raw(shares))
    if ((wanted < 0) | (wanted > 1)).any():
        raise RuntimeError(f"{op}(): q must lie between 0 and 1, got {q}")
    rows = sort(input.reshape(1, -1) if whole else input.movedim(axis, -1), -1).values  # (…, n); NaN comes last
    missing = np.isnan(raw(rows))
    numbers = np.maximum((~missing).sum(-1, keepdims=True), 1)  # (…, 1)
    places = shares.reshape(-1) * (box(numbers.astype(wanted.dtype)) - 1)  # (…, Q)
    if op == "quantile":
        places = masked_fill(places, box(missing.any(-1, keepdims=True)), rows.shape[-1] - 1)
    at = raw(places)
    if interpolation in ("lower", "higher", "nearest"):
        chosen: dict[str, Any] = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}
        found = gather(rows, -1, box(chosen[interpolation](at).astype(np.int64)))
    else:
        below, above = (gather(rows, -1, box(end(at).astype(np.int64))) for end in (np.floor, np.ceil))
        found = lerp(below, above, 0.5 if interpolation == "midpoint" else places - box(np.floor(at)))
    found = found.movedim(-1, 0)  # (Q, …)
    if whole:
        found = found.reshape(-1, *([1] * input.ndim if keepdim else []))
    elif keepdim:
        found = found.unsqueeze(axis + 1)
    return found if shares.ndim else found.squeeze(0)
