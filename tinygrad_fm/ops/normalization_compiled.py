"""The kernels of batch norm, compiled: one pass for the statistics, one for the result.

An array is seen as rows of memory, each with a mean and a variance of its own: a channel of all images, (C, M). Mean and
variance come from one pass, over blocks that fit the first-level cache: a block's own, exactly, and the blocks' put together
as in Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance", eq. 2.1. Numbers far from 0 lose no digits
so, which one pass of Σ x² would.
"""

from __future__ import annotations

from ..runtime import compiled
from .image_geometry import Array

_BLOCK = 2048  # elements, of float32 8 KiB


@compiled
def normalize_rows(
    x: Array, scale: Array, shift: Array, eps: float, y: Array, mean: Array, var: Array, inv: Array, start: int, stop: int
) -> None:
    """y = (x − mean) / √(var + eps) · scale + shift for some rows; and mean, var and inv, 1 / √(var + eps).

    Args:
        x, y: (R, M). scale, shift, mean, var, inv: (R,), of the same dtype.
    """
    length = x.shape[1]
    kind = x.dtype.type
    for r in range(start, stop):
        row, out = x[r], y[r]
        average, spread = 0.0, 0.0  # of the blocks so far: their mean, and Σ (x − mean)²
        for first in range(0, length, _BLOCK):
            block = row[first : first + _BLOCK]
            total = kind(0)
            for j in range(len(block)):
                total += block[j]
            own = total / kind(len(block))
            squares = kind(0)
            for j in range(len(block)):
                d = block[j] - own
                squares += d * d
            apart = own - average
            average += apart * len(block) / (first + len(block))
            spread += squares + apart * apart * first * len(block) / (first + len(block))
        mean[r], var[r] = average, spread / length
        inv[r] = kind(1) / (kind(spread / length) + kind(eps)) ** kind(0.5)
        centre, slope = mean[r], inv[r] * scale[r]
        offset = shift[r] - kind(average - centre) * slope  # what rounding the mean left over
        for j in range(length):
            out[j] = (row[j] - centre) * slope + offset


@compiled
def normalize_rows_gradient(
    g: Array, x: Array, scale: Array, mean: Array, inv: Array, dx: Array, through: Array, total: Array, start: int, stop: int
) -> None:
    """The gradient of x for some rows, and of each row Σ g · (x − mean) and Σ g.

    Args:
        g, x, dx: (R, M). scale, mean, inv, through, total: (R,).
    """
    length = x.shape[1]
    kind = x.dtype.type
    for r in range(start, stop):
        gradient, row, out = g[r], x[r], dx[r]
        centre, products, all_ = mean[r], 0.0, 0.0
        for first in range(0, length, _BLOCK):
            gs, xs = gradient[first : first + _BLOCK], row[first : first + _BLOCK]
            some, along = kind(0), kind(0)
            for j in range(len(gs)):
                some += gs[j]
                along += gs[j] * (xs[j] - centre)
            all_ += some
            products += along
        through[r], total[r] = products, all_
        slope, level, factor = kind(products) * inv[r] * inv[r] / kind(length), kind(all_ / length), inv[r] * scale[r]
        for j in range(length):
            out[j] = (gradient[j] - level - (row[j] - centre) * slope) * factor


# -- layer norm: each row by its own statistics, each column with a weight of its own ------------------------------------


@compiled
def normalize_each(
    x: Array, weight: Array, bias: Array, eps: float, y: Array, mean: Array, inv: Array, start: int, stop: int
) -> None:
    """y = (x − mean) · inv · weight + bias for some rows; and mean and inv = 1 / √(variance + eps).

    Args:
        x, y: (R, M). weight, bias: (M,). mean, inv: (R,).
    """
    length = x.shape[1]
    kind = x.dtype.type
    for r in range(start, stop):
        row, out = x[r], y[r]
        total, squares = 0.0, 0.0
        for first in range(0, length, _BLOCK):
            block, some = row[first : first + _BLOCK], kind(0)
            for j in range(len(block)):
                some += block[j]
            total += some
        centre = kind(total / length)
        for first in range(0, length, _BLOCK):
            block, some = row[first : first + _BLOCK], kind(0)
            for j in range(len(block)):
                d = block[j] - centre
                some += d * d
            squares += some
        slope = kind(1) / (kind(squares / length) + kind(eps)) ** kind(0.5)
        mean[r], inv[r] = centre, slope
        for j in range(length):
            out[j] = (row[j] - centre) * slope * weight[j] + bias[j]


@compiled
def normalize_each_gradient(
    g: Array, x: Array, weight: Array, mean: Array, inv: Array, dx: Array, dw: Array, db: Array, start: int, stop: int
) -> None:
    """The gradients of x, and, for some parts of the rows, the sums of weight's and bias's.

    Args:
        g, x, dx: (R, M). weight: (M,). mean, inv: (R,). dw, db: (parts, M); start and stop count these.
    """
    rows, length = x.shape
    parts = len(dw)
    kind = x.dtype.type
    for part in range(start, stop):
        through, level = dw[part], db[part]
        for j in range(length):
            through[j] = kind(0)
            level[j] = kind(0)
        for r in range(rows * part // parts, rows * (part + 1) // parts):
            gradient, row, out = g[r], x[r], dx[r]
            centre, slope, along, total = mean[r], inv[r], 0.0, 0.0
            for first in range(0, length, _BLOCK):
                gs, xs, ws = gradient[first : first + _BLOCK], row[first : first + _BLOCK], weight[first : first + _BLOCK]
                ds = out[first : first + _BLOCK]
                products, some = kind(0), kind(0)
                for j in range(len(gs)):
                    d = gs[j] * ws[j]
                    ds[j] = d  # rounded, so that it is its own mean in a row of one element
                    some += d
                    products += d * (xs[j] - centre)
                along += products
                total += some
            share, shift = kind(along / length) * slope * slope, kind(total / length)
            for j in range(length):
                d, apart = gradient[j], row[j] - centre
                out[j] = (out[j] - shift - apart * share) * slope
                through[j] += d * apart * slope
                level[j] += d
