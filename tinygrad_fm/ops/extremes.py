"""The largest, smallest and middle elements, and where they are.

https://pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.backward import clone
from ..autograd.primitive import primitive, raw
from .dims import one_dim
from .elementwise import quiet
from .gathering import RESULT_OF, ValuesIndices, pick
from .limits import maximum, minimum
from .reduce import Array, Dims, accepts_axis, dims_or_all, equal_shares, kept, not_empty
from .shape import to_shape


def _extreme_rule(g: Any, x: Any, y: Any, dim: Dims | None, keepdim: bool) -> Any:
    return kept(g, raw(x).shape, dim, keepdim) * equal_shares(raw(x), raw(y), dim, keepdim)


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


def _arg_extreme(function: Any, name: str) -> Any:
    op = primitive(
        lambda x, dim, keepdim: np.asarray(function(x, dim, keepdims=keepdim)), name=name, inputs="x", promotion=None
    )

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
    return amax(input) if dim is None else _with_indices("max", input, dim, keepdim, argmax)


@accepts_axis
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element; arguments and result as those of :func:`max`."""
    if other is not None or hasattr(dim, "shape"):
        return minimum(input, dim if other is None else other)
    return amin(input) if dim is None else _with_indices("min", input, dim, keepdim, argmin)


# -- the middle --------------------------------------------------------------------------------------------------------


def _middle_place(x: Array, dim: int) -> Array:
    """Where along ``dim`` the lower of the middle elements is, or a NaN if there is one."""
    at = np.take(np.argsort(x, dim, kind="stable"), [(x.shape[dim] - 1) // 2], dim)
    missing = np.isnan(x)
    return np.where(missing.any(dim, keepdims=True), missing.argmax(dim, keepdims=True), at)


def _middle(x: Array, dim: Dims | None, keepdim: bool) -> Any:
    flat = x.reshape(-1)
    return flat[_middle_place(flat, 0)[0]]


_argmedian = primitive(_middle_place, name="argmedian", inputs="x", promotion=None)
_median = primitive(_middle, name="median", promotion=None, x=_extreme_rule)


@accepts_axis
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element in order, the lower one of two: of all, or along ``dim`` as a named tuple ``(values, indices)``.

    NaN if there is one. Without ``dim`` equal elements share the gradient.
    """
    if dim is None:
        not_empty("median", tuple(input.shape), None)
        return _median(input, dim=None, keepdim=False)
    return _with_indices("median", input, dim, keepdim, lambda x, along, keep: _argmedian(x, dim=along))
