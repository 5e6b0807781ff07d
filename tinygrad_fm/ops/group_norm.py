"""Group norm, and instance norm, which is the same with a group for each channel.

Letters: x (N, C, …) with N samples and C channels, of which each of G groups has C/G. Statistics are a sample's, of a group.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.primitives import fused
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ..promotion import only_floats
from ..runtime import run_compiled, use_compiled
from .elementwise import quiet, rsqrt
from .group_norm_compiled import normalize_groups, normalize_groups_gradient
from .half_precision import in_single
from .image_geometry import Array
from .normalization import affine, check_affine, spread
from .reduction import mean
from .shape import flatten, unflatten

__all__ = ["group_norm", "instance_norm"]

Rule = tuple[Any, Any, Any]


def _composed_group_norm(x: Any, weight: Any, bias: Any, groups: int, eps: float) -> Any:
    parts = unflatten(x, 1, (groups, x.shape[1] // groups))  # a view in any memory order, (N, G, C/G, …)
    inside = tuple(range(2, parts.ndim))
    centred = parts - mean(parts, inside, keepdim=True)
    y = flatten(centred * rsqrt(mean(centred * centred, inside, keepdim=True) + eps), 1, 2)
    return affine(y, spread(weight, x), spread(bias, x))


def _parts(x: Array, groups: int) -> Array:
    """``x`` seen as (N, G, C/G, …)."""
    return x.reshape(len(x), groups, -1, *x.shape[2:])


def _of_channels(values: Array, parts: Array) -> Array:
    """``values`` (C,) so that they broadcast against ``parts``: (G, C/G, 1, …)."""
    return values.reshape(*parts.shape[1:3], *(1,) * (parts.ndim - 3))


# -- compiled ----------------------------------------------------------------------------------------------------------


_SHORT = 16  # numbers in a row of memory, below which a compiled kernel does not pay


def _compiles(x: Array, groups: int) -> bool:
    """Whether the compiled kernels run. Of a group of one number they would not give a gradient of exactly 0."""
    row = x.size // (x.shape[1] if _batch_is_last(x) else x.shape[0] * x.shape[1])
    return row >= _SHORT and x.size > len(x) * groups and use_compiled(x.dtype, x.size)


def _batch_is_last(x: Array) -> bool:
    """Whether x is taken as (C, …, N), and copied if it lies in no order."""
    return not x.flags.c_contiguous


class _Rows:
    """An input as rows of memory, on which the compiled kernels work: (C, …·N) if the batch lies last, else (N·C, …)."""

    def __init__(self, x: Array, groups: int) -> None:
        self.shape, self.groups, self.last = x.shape, groups, _batch_is_last(x)

    def of(self, x: Array) -> Array:
        """``x`` as rows; a copy only if it does not lie in memory like that."""
        n, c = self.shape[:2]
        return np.ascontiguousarray(np.moveaxis(x, 0, -1) if self.last else x).reshape(c if self.last else n * c, -1)

    def back(self, rows: Array) -> Array:
        """Rows in the input's shape again."""
        n, *sizes = self.shape
        return np.moveaxis(rows.reshape(*sizes, n), -1, 0) if self.last else rows.reshape(self.shape)

    def weights(self, values: Array | None, fill: float, dtype: Any) -> Array:
        """A number for each row, of ``values`` (C,) or ``fill``: (R,)."""
        n, c = self.shape[:2]
        values = np.full(c, fill, dtype) if values is None else np.ascontiguousarray(values)
        return values if self.last else np.tile(values, n)

    def statistics(self, values: Array) -> Array:
        """A number for each group of each sample, (N, G, 1, …), as the kernels take it."""
        values = values.reshape(self.shape[0], self.groups)
        return np.ascontiguousarray(values.T) if self.last else values.reshape(-1, 1)

    def spread(self, statistics: Array) -> Array:
        """:meth:`statistics` the other way."""
        n = self.shape[0]
        values = statistics.T if self.last else statistics
        return values.reshape(n, self.groups, *(1,) * (len(self.shape) - 1))

    def sum(self, values: Array) -> Array:
        """The sum over the samples of a number for each channel: (C,)."""
        return values.sum(1) if self.last else values.reshape(self.shape[:2]).sum(0)


def _normalized_groups(x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float) -> tuple[Array, ...]:
    n, view = len(x), _Rows(x, groups)
    rows, scale, shift = view.of(x), view.weights(weight, 1, x.dtype), view.weights(bias, 0, x.dtype)
    y, (average, inv) = np.empty_like(rows), np.empty((2, *((groups, n) if view.last else (n * groups, 1))), x.dtype)
    work = lambda start, stop: normalize_groups(rows, scale, shift, eps, y, average, inv, start, stop)
    run_compiled(work, len(inv), x.size)
    return view.back(y), view.spread(average), view.spread(inv)


def _groups_gradient(g: Array, x: Array, weight: Array | None, average: Array, inv: Array, groups: int) -> Rule:
    view = _Rows(x, groups)
    gradient, rows, scale = view.of(g), view.of(x), view.weights(weight, 1, x.dtype)
    centre, slope = view.statistics(average), view.statistics(inv)
    dx, (through, total) = np.empty_like(rows), np.empty((2, len(rows), slope.shape[1]), x.dtype)
    work = lambda start, stop: normalize_groups_gradient(gradient, rows, scale, centre, slope, dx, through, total, start, stop)
    run_compiled(work, len(slope), x.size)
    return view.back(dx), view.sum(through), view.sum(total)


# -- the operations ----------------------------------------------------------------------------------------------------


def _group_norm_rule(
    g: Array, x: Array, weight: Any, bias: Any, average: Array, inv: Array, groups: int, needs: tuple[bool, ...]
) -> Rule:
    if _compiles(x, groups):
        dx, dw, db = _groups_gradient(g, x, weight, average, inv, groups)
        return dx, dw if needs[1] else None, db if needs[2] else None
    parts, gradient, dx = _parts(x, groups), _parts(g, groups), np.empty_like(x)
    inside, out = tuple(range(3, parts.ndim)), _parts(dx, groups)
    normal = np.empty_like(parts)
    np.subtract(parts, average, out=normal)
    normal *= inv
    level = gradient.mean(inside, keepdims=True)  # (N, G, C/G, 1, …)
    np.multiply(gradient, normal, out=out)
    share = out.mean(inside, keepdims=True)
    size = math.prod(x.shape[2:])
    dw = share.sum(0).reshape(-1) * size if needs[1] else None
    db = level.sum(0).reshape(-1) * size if needs[2] else None
    if not needs[0]:
        return None, dw, db
    scale = 1 if weight is None else _of_channels(weight, parts)
    np.multiply(gradient, scale, out=out)
    out -= (level * scale).mean(2, keepdims=True)
    normal *= (share * scale).mean(2, keepdims=True)
    out -= normal
    out *= inv
    return dx, dw, db


@fused(
    _composed_group_norm,
    name="group_norm",
    promotion=only_floats,
    inputs="x weight bias",
    residuals="average inv",
    joint=_group_norm_rule,
)
@quiet
def _group_norm(x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float) -> tuple[Array, ...]:
    if _compiles(x, groups):
        return _normalized_groups(x, weight, bias, groups, eps)
    parts, y = _parts(x, groups), np.empty_like(x)
    inside, out = tuple(range(2, parts.ndim)), _parts(y, groups)
    average = parts.mean(inside, keepdims=True)
    np.subtract(parts, average, out=out)
    inv = 1 / np.sqrt((out * out).mean(inside, keepdims=True) + np.asarray(eps, x.dtype))
    out *= inv
    if weight is not None:
        out *= _of_channels(weight, parts)
    if bias is not None:
        out += _of_channels(bias, parts)
    return y, average, inv


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """(x − mean) / √(var + eps) · weight + bias, with mean and biased variance of each sample's groups of channels.

    Args:
        input: (N, C, …).
        num_groups: into how many groups the channels fall; must divide C.
        weight, bias: (C,) or None.
        eps: added to the variance.

    Raises:
        ShapeError: C is not divisible by num_groups, or weight or bias have another shape.
        ValueError: a single value in all, which is its own mean.

    Source: Wu and He 2018, "Group normalization", eqs. 1 to 6.

    >>> import tinygrad_fm as torch
    >>> torch.group_norm(torch.ones(1, 4, 2), 2).shape
    torch.Size([1, 4, 2])
    """
    if input.ndim < 2:
        raise ShapeError(f"group_norm(): expected an input of at least 2 dimensions, got shape {tuple(input.shape)}")
    channels = input.shape[1]
    if num_groups < 1 or channels % num_groups:
        raise ShapeError(f"group_norm(): {channels} channels cannot be divided into {num_groups} groups")
    if math.prod(input.shape) and input.shape[0] * channels // num_groups * math.prod(input.shape[2:]) == 1:
        raise ValueError(f"group_norm(): Expected more than 1 value per channel when training, got shape {tuple(input.shape)}")
    check_affine("group_norm", input, (channels,), weight, bias)
    if not math.prod(input.shape):
        return affine(input, spread(weight, input), spread(bias, input)).to(input.dtype)
    return in_single(_group_norm, input, weight, bias, groups=num_groups, eps=eps)


def instance_norm(input: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """:func:`group_norm` with a group for each channel: every channel of every sample by its own statistics.

    Args:
        input: (N, C, …), with more than one element per channel.

    Raises ValueError for a single element per channel.

    Source: Ulyanov et al. 2016, "Instance normalization".
    """
    shape = tuple(input.shape)
    if math.prod(shape[2:]) == 1:
        raise ValueError(f"instance_norm(): expected more than 1 element per channel, got shape {shape}")
    return group_norm(input, max(shape[1], 1), weight, bias, eps)
