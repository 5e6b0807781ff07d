"""The kernels of group norm, compiled: two passes for the statistics, one for the result.

An array is seen as rows of memory, one for each channel, in which the numbers of N samples take turns: (C, M) of an image that
lies batch-last, where M = H·W·N. Of one in the usual order each row is a channel of one sample, (N·C, H·W), and N is 1. Many
sums are kept side by side, each of one sample's numbers, so that vectors of any samples are added at once.
"""

from __future__ import annotations

import numpy as np

from ..runtime import compiled
from .image_geometry import Array

_LANES = 128  # sums at once, about; their number is a multiple of N
_RUN = 16  # numbers that one of them adds up in the arrays' dtype, before float64 takes over


@compiled
def normalize_groups(
    x: Array, weight: Array, bias: Array, eps: float, y: Array, mean: Array, inv: Array, start: int, stop: int
) -> None:
    """y = (x − mean) · inv · weight + bias for some groups of rows; and mean and inv = 1 / √(variance + eps).

    Args:
        x, y: (R, M). weight, bias: (R,). mean, inv: (groups, N).
    """
    length, (groups, period) = x.shape[1], mean.shape
    depth, kind = len(x) // groups, x.dtype.type
    count = depth * length // period
    lanes = period * max(1, min(_LANES, length) // period)
    part, centre, slope = np.empty(lanes, x.dtype), np.empty(lanes, x.dtype), np.empty(lanes, x.dtype)
    total = np.empty(lanes)
    for r in range(start, stop):
        first, last = r * depth, (r + 1) * depth
        total[:] = 0
        for c in range(first, last):
            for begin in range(0, length, lanes * _RUN):
                part[:] = 0
                for at in range(begin, min(begin + lanes * _RUN, length), lanes):
                    xs = x[c, at : at + lanes]
                    for j in range(len(xs)):
                        part[j] += xs[j]
                for j in range(lanes):
                    total[j] += part[j]
        for n in range(period):
            mean[r, n] = total[n::period].sum() / count
            centre[n::period] = mean[r, n]
        total[:] = 0
        for c in range(first, last):
            for begin in range(0, length, lanes * _RUN):
                part[:] = 0
                for at in range(begin, min(begin + lanes * _RUN, length), lanes):
                    xs = x[c, at : at + lanes]
                    for j in range(len(xs)):
                        d = xs[j] - centre[j]
                        part[j] += d * d
                for j in range(lanes):
                    total[j] += part[j]
        for n in range(period):
            inv[r, n] = kind(1) / (kind(total[n::period].sum() / count) + kind(eps)) ** kind(0.5)
            slope[n::period] = inv[r, n]
        for c in range(first, last):
            scale, shift = weight[c], bias[c]
            for at in range(0, length, lanes):
                xs, ys = x[c, at : at + lanes], y[c, at : at + lanes]
                for j in range(len(xs)):
                    ys[j] = (xs[j] - centre[j]) * slope[j] * scale + shift


@compiled
def normalize_groups_gradient(
    g: Array, x: Array, weight: Array, mean: Array, inv: Array, dx: Array, through: Array, total: Array, start: int, stop: int
) -> None:
    """The gradient of x for some groups of rows, and of each row and sample Σ g · (x − mean) · inv and Σ g.

    Args:
        g, x, dx: (R, M). weight: (R,). mean, inv: (groups, N). through, total: (R, N).
    """
    length, (groups, period) = x.shape[1], mean.shape
    depth, kind = len(x) // groups, x.dtype.type
    count = depth * length // period
    lanes = period * max(1, min(_LANES, length) // period)
    part, products, centre = np.empty(lanes, x.dtype), np.empty(lanes, x.dtype), np.empty(lanes, x.dtype)
    slope, share, level = np.empty(lanes, x.dtype), np.empty(lanes, x.dtype), np.empty(lanes, x.dtype)
    sums, along, shares, levels = np.empty(lanes), np.empty(lanes), np.empty(period), np.empty(period)
    for r in range(start, stop):
        for n in range(period):
            centre[n::period], slope[n::period] = mean[r, n], inv[r, n]
        shares[:] = 0
        levels[:] = 0
        for c in range(r * depth, (r + 1) * depth):
            sums[:] = 0
            along[:] = 0
            for begin in range(0, length, lanes * _RUN):
                part[:] = 0
                products[:] = 0
                for at in range(begin, min(begin + lanes * _RUN, length), lanes):
                    gs, xs = g[c, at : at + lanes], x[c, at : at + lanes]
                    for j in range(len(gs)):
                        part[j] += gs[j]
                        products[j] += gs[j] * (xs[j] - centre[j])
                for j in range(lanes):
                    sums[j] += part[j]
                    along[j] += products[j]
            for n in range(period):
                total[c, n] = sums[n::period].sum()
                through[c, n] = along[n::period].sum() * inv[r, n]
                levels[n] += total[c, n] * weight[c]
                shares[n] += through[c, n] * weight[c]
        for n in range(period):
            level[n::period] = levels[n] / count
            share[n::period] = kind(shares[n] / count) * inv[r, n]
        for c in range(r * depth, (r + 1) * depth):
            scale = weight[c]
            for at in range(0, length, lanes):
                gs, xs, ds = g[c, at : at + lanes], x[c, at : at + lanes], dx[c, at : at + lanes]
                for j in range(len(gs)):
                    ds[j] = (gs[j] * scale - level[j] - (xs[j] - centre[j]) * share[j]) * slope[j]
