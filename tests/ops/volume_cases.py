"""Rows of the table for volumes (N, C, D, H, W), and for images and volumes sampled at the points of a grid."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .case import Array, C, function

VOLUMES = (2, 2, 4, 5, 4)
ONE = (2, 3, 4, 4)


def np_windows(x: Array, kernel: Any, stride: Any = 1, padding: int = 0, dilation: int = 1, value: float = 0.0) -> Array:
    """(N, C, OD, OH, OW, KD, KH, KW)."""
    x = np.pad(x, ((0, 0), (0, 0), *((padding, padding),) * 3), constant_values=value)
    view = sliding_window_view(x, [dilation * (k - 1) + 1 for k in kernel], (2, 3, 4))
    steps = (stride,) * 3 if isinstance(stride, int) else stride
    every, gaps = tuple(slice(None, None, s) for s in steps), (slice(None, None, dilation),) * 3
    return view[(slice(None), slice(None), *every, *gaps)]


def np_conv3d(x: Array, w: Array, b: Array | None = None, groups: int = 1, **windows: Any) -> Array:
    seen = np_windows(x, w.shape[2:], **windows)
    n, c, *out = seen.shape[:5]
    seen = seen.reshape(n, groups, c // groups, *seen.shape[2:])
    filters = w.reshape(groups, len(w) // groups, *w.shape[1:])
    y = np.einsum("ngcdhwijk,gocijk->ngodhw", seen, filters).reshape(n, len(w), *out)
    return y if b is None else y + b[:, None, None, None]


def np_conv_transpose3d(x: Array, w: Array, stride: int = 1, padding: int = 0) -> Array:
    n, _, *size = x.shape
    _, o, *kernel = w.shape
    full = [(m - 1) * stride + k for m, k in zip(size, kernel, strict=True)]
    y = np.zeros((n, o, *full))
    for at in itertools.product(*map(range, kernel)):
        places = tuple(slice(i, i + (m - 1) * stride + 1, stride) for i, m in zip(at, size, strict=True))
        y[(slice(None), slice(None), *places)] += np.einsum("ncdhw,co->nodhw", x, w[(slice(None), slice(None), *at)])
    inner = tuple(slice(padding, m - padding) for m in full)
    return y[(slice(None), slice(None), *inner)]


def np_adaptive(x: Array, out: tuple[int, ...], reduce: Any) -> Array:
    y = np.empty((*x.shape[:2], *out))
    for at in itertools.product(*map(range, out)):
        seen = tuple(slice(i * n // o, -(-(i + 1) * n // o)) for i, n, o in zip(at, x.shape[2:], out, strict=True))
        y[(slice(None), slice(None), *at)] = reduce(x[(slice(None), slice(None), *seen)], axis=(2, 3, 4))
    return y


def np_linear_resize(x: Array, axis: int, n: int) -> Array:
    """With the corners' centres kept."""
    at = np.linspace(0, x.shape[axis] - 1, n)
    low = np.minimum(at.astype(int), x.shape[axis] - 2)
    part = (at - low).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return x.take(low, axis) * (1 - part) + x.take(low + 1, axis) * part


def np_trilinear(x: Array, size: tuple[int, ...]) -> Array:
    for axis, n in enumerate(size, 2):
        x = np_linear_resize(x, axis, n)
    return x


def np_grid_sample(x: Array, grid: Array, corners: bool = False) -> Array:
    """Linear interpolation, zeros outside, a point at a time."""
    size = x.shape[2:]
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]))
    for n, *point in itertools.product(*map(range, grid.shape[:-1])):
        where = grid[(n, *point)][::-1]
        at = [(w + 1) / 2 * (s - 1) if corners else ((w + 1) * s - 1) / 2 for w, s in zip(where, size, strict=True)]
        for corner in itertools.product((0, 1), repeat=len(size)):
            place = [int(np.floor(a)) + c for a, c in zip(at, corner, strict=True)]
            if all(0 <= p < s for p, s in zip(place, size, strict=True)):
                share = np.prod([1 - abs(a - p) for a, p in zip(at, place, strict=True)])
                y[(n, slice(None), *point)] += share * x[(n, slice(None), *place)]
    return y


def np_affine_grid(theta: Array, size: tuple[int, ...]) -> Array:
    axes = [np.linspace(-1, 1, n) for n in size[2:]]
    points = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(size[2:])], -1)
    return np.einsum("...j,nij->n...i", points, theta)


# fmt: off
VOLUME_CASES = [
    C("conv3d", np_conv3d, VOLUMES, (3, 2, 2, 3, 2), (3,), empty=((0, 2, 4, 5, 4), (3, 2, 2, 3, 2), (3,))),
    C("conv3d", lambda x, w: np_conv3d(x, w, stride=2, padding=1, groups=2), VOLUMES, (4, 1, 3, 2, 3), bias=None, stride=2,
      padding=1, groups=2, empty=None),
    C("conv3d", lambda x, w: np_conv3d(x, w, padding=2, dilation=2), (1, 2, 3, 3, 3), (2, 2, 3, 3, 3), padding="same",
      dilation=2, empty=None),
    C("conv3d", lambda x, w: np_conv3d(x[None], w)[0], ONE, (2, 2, 2, 2, 2), empty=None,
      call=lambda x, w: function("conv3d")(x, w)),
    C("conv_transpose3d", np_conv_transpose3d, (2, 2, 2, 3, 2), (2, 3, 2, 2, 3), empty=((0, 2, 2, 3, 2), (2, 3, 2, 2, 3))),
    C("conv_transpose3d", lambda x, w: np_conv_transpose3d(x, w, 2, 1), (1, 2, 2, 3, 2), (2, 3, 3, 2, 3), stride=2, padding=1,
      empty=None),
    C("max_pool3d", lambda x: np_windows(x, (2, 2, 2), 2).max((5, 6, 7)), VOLUMES, kernel_size=2),
    C("max_pool3d", lambda x: np_windows(x, (3, 2, 2), (2, 1, 1), 1, value=-np.inf).max((5, 6, 7)), VOLUMES,
      kernel_size=(3, 2, 2), stride=(2, 1, 1), padding=1),
    C("max_pool3d", lambda x: np_windows(x, (2, 2, 2), 1, dilation=2).max((5, 6, 7)), (1, *ONE), kernel_size=2,
      stride=1, dilation=2),
    C("avg_pool3d", lambda x: np_windows(x, (2, 3, 2), 1).mean((5, 6, 7)), VOLUMES, kernel_size=(2, 3, 2), stride=1),
    C("avg_pool3d", lambda x: np_windows(x, (2, 2, 2), 2, 1).sum((5, 6, 7))
      / np_windows(np.ones_like(x), (2, 2, 2), 2, 1).sum((5, 6, 7)), VOLUMES, kernel_size=2, padding=1,
      count_include_pad=False),
    C("lp_pool3d", lambda x: np.sqrt((np_windows(x, (2, 2, 2), 2) ** 2).sum((5, 6, 7))), VOLUMES, norm_type=2.0, kernel_size=2),
    C("adaptive_avg_pool3d", lambda x: np_adaptive(x, (3, 2, 3), np.mean), VOLUMES, output_size=(3, 2, 3)),
    C("adaptive_max_pool3d", lambda x: np_adaptive(x, (3, 2, 3), np.max), VOLUMES, output_size=(3, 2, 3)),
    C("interpolate", lambda x: np_trilinear(x, (3, 7, 5)), VOLUMES, size=(3, 7, 5), mode="trilinear", align_corners=True,
      empty=None),
    C("interpolate", lambda x: x.repeat(2, 2).repeat(3, 3).repeat(2, 4), VOLUMES, scale_factor=(2, 3, 2), empty=None),
    C("grid_sample", np_grid_sample, (2, 2, 3, 4), (2, 3, 2, 2), align_corners=False, empty=None),
    C("grid_sample", lambda x, g: np_grid_sample(x, g, True), (1, 2, 3, 2, 3), (1, 2, 2, 1, 3), align_corners=True, empty=None),
    C("grid_sample", lambda x, g: np_grid_sample(np.pad(x, ((0, 0), (0, 0), (9, 9), (9, 9)), "edge"), g * [4 / 22, 3 / 21]),
      (1, 2, 3, 4), (1, 3, 2, 2), padding_mode="border", empty=None),
    C("affine_grid", lambda t: np_affine_grid(t, (2, 1, 3, 4)), (2, 2, 3), size=(2, 1, 3, 4), align_corners=True, empty=None),
    C("affine_grid", lambda t: np_affine_grid(t, (2, 1, 2, 3, 2)), (2, 3, 4), size=(2, 1, 2, 3, 2), align_corners=True,
      empty=None),
]
