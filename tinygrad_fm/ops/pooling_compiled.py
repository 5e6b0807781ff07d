"""The kernels of pooling, compiled: each window once, for all images of the batch at a time.

Images lie batch-last, (C, H, W, N), so what one position of a window sees of all images is one run of N elements.
"""

from __future__ import annotations

import numpy as np

from ..runtime import compiled
from .image_geometry import Array, Geometry

LEAST = 16  # images below which a run is too short, and NumPy's slices are quicker


def windows(geo: Geometry) -> Array:
    """What the kernels are told of a geometry: (8,) integers."""
    return np.array([*geo.kernel, *geo.stride, *geo.dilation, *geo.padding], np.int64)


@compiled
def maximum(x: Array, window: Array, y: Array, index: Array, start: int, stop: int) -> None:
    """The maximum of each window and the number of its position, the first one's or the last NaN's, for some channels.

    Args:
        x: (C, H, W, N). y, index: (C, OH, OW, N).
    """
    _, height, width, n = x.shape
    _, rows, columns, _ = y.shape
    kh, kw, sh, sw, dh, dw, ph, pw = window
    lowest = x.dtype.type(-np.inf)
    at = np.empty(n, np.int32)  # as wide as float32, so that both go through the same vector registers
    for c in range(start, stop):
        for i in range(rows):
            for j in range(columns):
                best, place = y[c, i, j], index[c, i, j]
                for m in range(n):
                    best[m] = lowest
                for m in range(n):
                    at[m] = 0
                for a in range(kh):
                    row = i * sh + a * dh - ph
                    if row < 0 or row >= height:
                        continue
                    for b in range(kw):
                        column = j * sw + b * dw - pw
                        if column < 0 or column >= width:
                            continue
                        seen, number = x[c, row, column], np.int32(a * kw + b)
                        for m in range(n):
                            v = seen[m]
                            higher = v > best[m] or v != v  # noqa: PLR0124 (NaN counts as higher than all)
                            best[m] = v if higher else best[m]
                            at[m] = number if higher else at[m]
                for m in range(n):
                    place[m] = at[m]


@compiled
def largest(x: Array, window: Array, y: Array, start: int, stop: int) -> None:
    """The maximum of each window alone: what :func:`maximum` gives, without the positions."""
    _, height, width, n = x.shape
    _, rows, columns, _ = y.shape
    kh, kw, sh, sw, dh, dw, ph, pw = window
    lowest = x.dtype.type(-np.inf)
    for c in range(start, stop):
        for i in range(rows):
            for j in range(columns):
                best = y[c, i, j]
                for m in range(n):
                    best[m] = lowest
                for a in range(kh):
                    row = i * sh + a * dh - ph
                    if row < 0 or row >= height:
                        continue
                    for b in range(kw):
                        column = j * sw + b * dw - pw
                        if column < 0 or column >= width:
                            continue
                        seen = x[c, row, column]
                        for m in range(n):
                            v = seen[m]
                            best[m] = v if v > best[m] or v != v else best[m]  # noqa: PLR0124 (NaN)


@compiled
def put_back(g: Array, index: Array, window: Array, dx: Array, start: int, stop: int) -> None:
    """Each element of ``g`` at the place of the image that ``index`` gives for its window, added up, for some channels.

    Args:
        g, index: (C, OH, OW, N). dx: (C, H, W, N), written whole.
    """
    _, height, width, n = dx.shape
    _, rows, columns, _ = g.shape
    kh, kw, sh, sw, dh, dw, ph, pw = window
    zero = dx.dtype.type(0)
    apart = kh <= sh and kw <= sw and dh == 1 and dw == 1
    whole = apart and kh == sh and kw == sw and ph == 0 and pw == 0 and rows * sh == height and columns * sw == width
    for c in range(start, stop):
        if not whole:
            dx[c] = zero
        for i in range(rows):
            for j in range(columns):
                gs, at = g[c, i, j], index[c, i, j]
                for a in range(kh):
                    row = i * sh + a * dh - ph
                    if row < 0 or row >= height:
                        continue
                    for b in range(kw):
                        column = j * sw + b * dw - pw
                        if column < 0 or column >= width:
                            continue
                        place, number = dx[c, row, column], a * kw + b
                        if apart:
                            for m in range(n):
                                place[m] = gs[m] if at[m] == number else zero
                        else:
                            for m in range(n):
                                place[m] += gs[m] if at[m] == number else zero


@compiled
def window_sums(x: Array, window: Array, y: Array, start: int, stop: int) -> None:
    """The sum of each window, for some channels.

    Args:
        x: (C, H, W, N). y: (C, OH, OW, N).
    """
    _, height, width, n = x.shape
    _, rows, columns, _ = y.shape
    kh, kw, sh, sw, dh, dw, ph, pw = window
    zero = x.dtype.type(0)
    for c in range(start, stop):
        for i in range(rows):
            for j in range(columns):
                total = y[c, i, j]
                for m in range(n):
                    total[m] = zero
                for a in range(kh):
                    row = i * sh + a * dh - ph
                    if row < 0 or row >= height:
                        continue
                    for b in range(kw):
                        column = j * sw + b * dw - pw
                        if column < 0 or column >= width:
                            continue
                        seen = x[c, row, column]
                        for m in range(n):
                            total[m] += seen[m]


@compiled
def window_spread(g: Array, window: Array, dx: Array, start: int, stop: int) -> None:
    """Each element of ``g`` added to all elements of its window, for some channels.

    Args:
        g: (C, OH, OW, N). dx: (C, H, W, N), written whole.
    """
    _, height, width, n = dx.shape
    _, rows, columns, _ = g.shape
    kh, kw, sh, sw, dh, dw, ph, pw = window
    zero = dx.dtype.type(0)
    for c in range(start, stop):
        dx[c] = zero
        for i in range(rows):
            for j in range(columns):
                gs = g[c, i, j]
                for a in range(kh):
                    row = i * sh + a * dh - ph
                    if row < 0 or row >= height:
                        continue
                    for b in range(kw):
                        column = j * sw + b * dw - pw
                        if column < 0 or column >= width:
                            continue
                        place = dx[c, row, column]
                        for m in range(n):
                            place[m] += gs[m]
