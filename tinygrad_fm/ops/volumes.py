"""Volumes (N, C, D, H, W) as images, so that whatever slides over them is made of what slides over images.

A volume is a batch of N·D slices (H, W), and it is an image of D rows whose columns are the H·W places of a slice. The memory
behind it may be in any order; that of the slices is batch-last, like that of all images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.primitives import primitive
from ..errors import ShapeError
from .image_geometry import Array, Geometry, reach
from .shape import permute, squeeze, to_shape, unsqueeze


def as_slices(x: Any) -> Any:
    """(N, C, D, H, W) → (N·D, C, H, W)."""
    n, c, depth, height, width = x.shape
    return to_shape(permute(x, 0, 2, 1, 3, 4), shape=(n * depth, c, height, width))


def as_volume(x: Any, n: int, depth: int) -> Any:
    """(N·D, C, H, W) → (N, C, D, H, W)."""
    c, height, width = x.shape[1:]
    return permute(to_shape(x, shape=(n, depth, c, height, width)), 0, 2, 1, 3, 4)


def over_slices(op: Callable[[Any], Any], x: Any) -> Any:
    """``op``, of images, on every slice of a volume."""
    return as_volume(op(as_slices(x)), x.shape[0], x.shape[2])


def along_depth(op: Callable[[Any], Any], x: Any) -> Any:
    """``op``, of images, on a volume as an image of D rows: (N, C, D, H·W)."""
    n, c, depth, height, width = x.shape
    y = op(to_shape(x, shape=(n, c, depth, height * width)))
    return to_shape(y, shape=(n, y.shape[1], y.shape[2], height, width))


def batched_volume(op: str, input: Any, run: Callable[[Any], Any]) -> Any:
    """``run`` of a volume or a batch of them."""
    if input.ndim == 5:
        return run(input)
    if input.ndim == 4:
        y = run(unsqueeze(input, 0))
        return tuple(squeeze(part, 0) for part in y) if isinstance(y, tuple) else squeeze(y, 0)
    raise ShapeError(f"{op}(): expected a 4D (unbatched) or 5D (batched) input, got shape {tuple(input.shape)}")


def split_depth(geo: Geometry) -> tuple[Geometry, Geometry]:
    """A geometry of three dimensions as one of the depth and one of the slices."""
    parts: list[Any] = list(geo[:6])
    of_depth, of_slices = ([part[some] for part in parts] for some in (slice(0, 1), slice(1, None)))
    return Geometry._make([*of_depth, geo.groups]), Geometry._make([*of_slices, geo.groups])


# -- windows along the depth -------------------------------------------------------------------------------------------


def _along(geo: Geometry) -> tuple[int, ...]:
    """The numbers of a geometry of one dimension: size, out, kernel, stride, padding and dilation."""
    return tuple(part[0] for part in geo[:6])


def _seen(x: Array, geo: Geometry) -> Array:
    """The slices that each window of ``geo`` sees along the depth, as channels: (N·OD, C·KD, H, W), batch-last in memory."""
    n, c, _, height, width = x.shape
    size, out, kernel, stride, padding, dilation = _along(geo)
    y = np.zeros((c, kernel, height, width, n, out), x.dtype)
    source = x.transpose(1, 3, 4, 0, 2)  # (C, H, W, N, D)
    for i in range(kernel):
        windows, seen = reach(i * dilation - padding, size, stride, 0, out)
        y[:, i, ..., windows] = source[..., seen]
    return y.reshape(c * kernel, height, width, n * out).transpose(3, 0, 1, 2)


def _put_back(g: Array, geo: Geometry) -> Array:
    """The adjoint: slices (N·OD, C·KD, H, W) added up where they were seen: (N, C, D, H, W)."""
    size, out, kernel, stride, padding, dilation = _along(geo)
    (height, width), n, c = g.shape[2:], g.shape[0] // out, g.shape[1] // kernel
    parts = g.transpose(1, 2, 3, 0).reshape(c, kernel, height, width, n, out)
    y = np.zeros((c, height, width, n, size), g.dtype)
    for i in range(kernel):
        windows, seen = reach(i * dilation - padding, size, stride, 0, out)
        y[..., seen] += parts[:, i, ..., windows]
    return y.transpose(3, 0, 4, 1, 2)


depth_windows: Any = primitive(_seen, name="depth_windows", promotion=None, x=lambda g, geo: from_depth_windows(g, geo=geo))

from_depth_windows: Any = primitive(
    _put_back, name="from_depth_windows", promotion=None, x=lambda g, geo: depth_windows(g, geo=geo)
)
