"""The kernels of convolutions, compiled: the same three functions as in ``conv_kernels.py``.

A filter is a list of *taps*, its T = C/groups · KH · KW elements. For every tap, the elements of the padded image that it meets
along a row of the output are one run of memory, of OW columns of N images, and so is the row itself:

    y[o, i, 0 : OW·N]  =  bias[o]  +  Σ over the taps t   w[o, t] · x[start of row i + offset of t : … + OW·N]

So a convolution is a table of offsets and two loops over runs: :func:`_add_up` for the sum above, :func:`_correlate` for the
gradient of w. Four filters and three taps are taken at a time, so that what is read is used four times while it is in a
register. The gradient of the image is the first loop again, over the gradient of y, with the filters turned around.

Strides change the padded image, not the loops: its rows and columns are sorted by their phase, their number modulo the stride,
which puts what a tap meets side by side again. The image's gradient is made phase by phase, each from the taps that reach it.

Letters: as in ``conv_kernels.py``; T taps of a filter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import compiled, defer, parallel, take_over_blas
from .conv_winograd import suits as winograd_suits
from .image_geometry import Array, Geometry, batch_first, batch_last, by_channels, reach

_RUN = (
    1024  # floats of a run that are worked on at once: four sums of them and three runs of the image fit the first-level cache
)

_SHORT = 256  # floats of a row below which all rows of the output are made as one run, with the padding between them

_THREADED = 1 << 20  # multiplications below which waking a second thread does not pay

_FILTERS, _TAPS = 4, 3  # that are worked on together


@compiled
def _add_up(x: Array, offsets: Array, w: Array, bias: Array, y: Array, step: int, run: int, start: int, stop: int) -> None:
    """y (groups, O/groups, rows, L) = bias + Σ w · x over the taps, for some of the units:
    a block of filters, of one run of a row, of one group. Blocks count fastest, then rows: what they share is in the cache.

    Args:
        x: the image's memory, 1-D. offsets: (groups, T), of each tap. step: from one row of the output to the next.
        w: (groups, O/groups, T). bias: (groups, O/groups).
        run: how many elements of a row are made at once.
    """
    _, each, rows, length = y.shape
    taps = w.shape[2]
    blocks, runs = (each + 3) // 4, (length + run - 1) // run
    sums = np.empty((4, run + 16), x.dtype)  # of their own: rows of y may lie a multiple of 4096 bytes apart
    for unit in range(start, stop):
        block, rest = unit % blocks, unit // blocks
        i, rest = rest % rows, rest // rows
        group, first = rest // runs, (rest % runs) * run
        size = min(run, length - first)
        at = i * step + first
        o = 4 * block
        last = each - 1  # where fewer than four filters are left, the last one is made again and not written
        p, q, r = min(o + 1, last), min(o + 2, last), min(o + 3, last)
        a, b, c, d = sums[0, :size], sums[1, :size], sums[2, :size], sums[3, :size]
        ba, bb, bc, bd = bias[group, o], bias[group, p], bias[group, q], bias[group, r]
        for j in range(size):
            a[j] = ba
        for j in range(size):
            b[j] = bb
        for j in range(size):
            c[j] = bc
        for j in range(size):
            d[j] = bd
        for t in range(0, taps - 2, 3):
            from_0, from_1, from_2 = at + offsets[group, t], at + offsets[group, t + 1], at + offsets[group, t + 2]
            x0, x1, x2 = x[from_0 : from_0 + size], x[from_1 : from_1 + size], x[from_2 : from_2 + size]
            a0, a1, a2 = w[group, o, t], w[group, o, t + 1], w[group, o, t + 2]
            b0, b1, b2 = w[group, p, t], w[group, p, t + 1], w[group, p, t + 2]
            c0, c1, c2 = w[group, q, t], w[group, q, t + 1], w[group, q, t + 2]
            d0, d1, d2 = w[group, r, t], w[group, r, t + 1], w[group, r, t + 2]
            if each == 1:  # as in a depthwise convolution
                for j in range(size):
                    a[j] += a0 * x0[j] + a1 * x1[j] + a2 * x2[j]
                continue
            for j in range(size):
                e, f, g = x0[j], x1[j], x2[j]
                a[j] += a0 * e + a1 * f + a2 * g
                b[j] += b0 * e + b1 * f + b2 * g
                c[j] += c0 * e + c1 * f + c2 * g
                d[j] += d0 * e + d1 * f + d2 * g
        for t in range(taps - taps % 3, taps):
            from_0 = at + offsets[group, t]
            x0 = x[from_0 : from_0 + size]
            a0, b0, c0, d0 = w[group, o, t], w[group, p, t], w[group, q, t], w[group, r, t]
            for j in range(size):
                e = x0[j]
                a[j] += a0 * e
                b[j] += b0 * e
                c[j] += c0 * e
                d[j] += d0 * e
        for k in range(min(4, each - o)):
            out, found = y[group, o + k, i, first : first + size], sums[k]
            for j in range(size):
                out[j] = found[j]


@compiled
def _correlate(x: Array, offsets: Array, g: Array, dw: Array, step: int, start: int, stop: int) -> None:
    """dw (groups, O/groups, T) = Σ g · x over all rows of the output, for some of the units: blocks of filters and taps.

    Args:
        g: (groups, O/groups, rows, L). The others: see :func:`_add_up`.
    """
    _, each, rows, length = g.shape
    taps = dw.shape[2]
    filter_blocks, tap_blocks = (each + 3) // 4, (taps + 2) // 3
    zero = x.dtype.type(0)
    for unit in range(start, stop):
        t, rest = 3 * (unit % tap_blocks), unit // tap_blocks
        o, group = 4 * (rest % filter_blocks), rest // filter_blocks
        last, end = each - 1, taps - 1  # what is left over is made again, and not written
        p, q, r = min(o + 1, last), min(o + 2, last), min(o + 3, last)
        start_0, start_1, start_2 = offsets[group, t], offsets[group, min(t + 1, end)], offsets[group, min(t + 2, end)]
        a0 = a1 = a2 = b0 = b1 = b2 = c0 = c1 = c2 = d0 = d1 = d2 = zero
        for i in range(rows):
            from_0, from_1, from_2 = start_0 + i * step, start_1 + i * step, start_2 + i * step
            x0, x1, x2 = x[from_0 : from_0 + length], x[from_1 : from_1 + length], x[from_2 : from_2 + length]
            a, b, c, d = g[group, o, i], g[group, p, i], g[group, q, i], g[group, r, i]
            for j in range(length):
                e, f, h = x0[j], x1[j], x2[j]
                a0 += a[j] * e
                a1 += a[j] * f
                a2 += a[j] * h
                b0 += b[j] * e
                b1 += b[j] * f
                b2 += b[j] * h
                c0 += c[j] * e
                c1 += c[j] * f
                c2 += c[j] * h
                d0 += d[j] * e
                d1 += d[j] * f
                d2 += d[j] * h
        found = ((a0, a1, a2), (b0, b1, b2), (c0, c1, c2), (d0, d1, d2))
        for k in range(min(4, each - o)):
            for m in range(min(3, taps - t)):
                dw[group, o + k, t + m] = found[k][m]


_IMAGES = 8  # below which runs are short, and a product of matrices is quicker


def suits(x: Array, geo: Geometry) -> bool:
    """Whether these kernels are quicker than NumPy's for a convolution of ``x`` (N, C, …), by measurement.

    They are, but where Winograd's filtering (``conv_winograd.py``) saves multiplications, where a filter is one pixel, which
    makes the convolution a plain product, and for few images, whose runs of memory are short.
    """
    return len(x) >= _IMAGES and geo.kernel != (1, 1) and not winograd_suits(x, geo)


# -- the three functions -----------------------------------------------------------------------------------------------


def convolve(x: Array, weight: Array, bias: Array | None, geo: Geometry) -> Array:
    """y = x ∗ w: (N, C, H, W), (O, C/groups, KH, KW) → (N, O, OH, OW), batch-last in memory."""
    y = np.empty((len(weight), *geo.out, len(x)), x.dtype)
    rows, columns = (_axis(_met(geo, a), geo.stride[a], geo.out[a]) for a in (0, 1))
    filters = np.ascontiguousarray(weight.reshape(geo.groups, len(weight) // geo.groups, -1))
    _fill(y, x, filters, bias, rows, columns)
    return batch_first(y)


def weight_gradient_later(x: Array, g: Array, geo: Geometry) -> Any:
    """The adjoint of :func:`convolve` in w: (N, C, H, W), (N, O, OH, OW) → (O, C/groups, KH, KW); or a promise of it where that
    is worth a thread's while."""
    o, inner, n = g.shape[1], x.shape[1] // geo.groups, len(x)
    each, taps = o // geo.groups, inner * geo.kernel[0] * geo.kernel[1]
    dw = np.zeros((geo.groups, each, taps), g.dtype)
    finish = lambda: dw.reshape(o, inner, *geo.kernel)
    if not g.size or not dw.size:
        return finish()
    rows, columns = (_axis(_met(geo, a), geo.stride[a], geo.out[a]) for a in (0, 1))
    image, offsets = _sorted(x, rows, columns), _offsets(rows, columns, geo.groups, inner, n)
    gradient, step = batch_last(g).reshape(geo.groups, each, geo.out[0], geo.out[1] * n), columns.kept * n
    work = lambda start, stop: _correlate(image, offsets, gradient, dw, step, start, stop)
    units = geo.groups * -(-each // _FILTERS) * -(-taps // _TAPS)
    take_over_blas()
    if g.size * taps < _THREADED:
        work(0, units)
        return finish()
    return defer(work, units, finish)


def input_gradient(g: Array, weight: Array, geo: Geometry) -> Array:
    """The adjoint of :func:`convolve` in x: (N, O, OH, OW), (O, C/groups, KH, KW) → (N, C, H, W)."""
    (o, inner, kh, kw), (sh, sw), groups, n = weight.shape, geo.stride, geo.groups, len(g)
    # (groups, C/groups, O/groups, KH, KW): to each channel of the image, what it gave to each channel of y
    turned = weight.reshape(groups, o // groups, inner, kh, kw).swapaxes(1, 2)
    dx = np.empty((groups * inner, *geo.size, n), g.dtype)
    for top in range(min(sh, geo.size[0])):
        rows, taken_rows = _reaching(top, _met(geo, 0), sh, geo.size[0])
        for left in range(min(sw, geo.size[1])):
            columns, taken_columns = _reaching(left, _met(geo, 1), sw, geo.size[1])
            filters = turned[:, :, :, taken_rows][..., taken_columns].reshape(groups, inner, -1)
            if (sh, sw) == (1, 1):
                _fill(dx, g, np.ascontiguousarray(filters), None, rows, columns)
            else:
                part = np.empty((groups * inner, rows.out, columns.out, n), g.dtype)
                _fill(part, g, np.ascontiguousarray(filters), None, rows, columns)
                dx[:, top::sh, left::sw] = part
    return batch_first(dx)


# -- which elements the taps meet --------------------------------------------------------------------------------------


class _Axis(NamedTuple):
    """The rows, or the columns, of an image as a convolution meets them.

    Attributes:
        out: how many rows the output has. step: the stride.
        phases: of the image's rows that some tap meets, what they leave when divided by the stride.
        low: the number, within its phase, of the first row that is kept; below 0 it is padding. kept: how many are.
        taps: of each tap, where its phase stands in ``phases``, and which of the rows that are kept it meets first.
    """

    out: int
    step: int
    phases: tuple[int, ...]
    low: int
    kept: int
    taps: tuple[tuple[int, int], ...]


def _met(geo: Geometry, axis: int) -> tuple[int, ...]:
    """Which row, or column, of the image each of the filter's meets first; negative ones are padding."""
    return tuple(k * geo.dilation[axis] - geo.padding[axis] for k in range(geo.kernel[axis]))


@lru_cache(maxsize=4096)
def _axis(met: tuple[int, ...], step: int, out: int) -> _Axis:
    """The axis of a convolution whose taps meet ``met`` first, and ``step`` further on with each of ``out`` rows."""
    phases = tuple(sorted({at % step for at in met}))
    firsts = [at // step for at in met]
    low = min(firsts, default=0)
    taps = tuple((phases.index(at % step), first - low) for at, first in zip(met, firsts, strict=True))
    return _Axis(out, step, phases, low, out + max(firsts, default=0) - low, taps)


@lru_cache(maxsize=4096)
def _reaching(phase: int, met: tuple[int, ...], step: int, size: int) -> tuple[_Axis, list[int]]:
    """The rows of the image with this phase as a convolution, with stride 1, of the output's; and the taps that reach them.

    Row phase + step · i is met by tap k from row i + (phase − met[k]) / step of the output, where that is whole.
    """
    taken = [k for k, at in enumerate(met) if (phase - at) % step == 0]
    return _axis(tuple((phase - met[k]) // step for k in taken), 1, len(range(phase, size, step))), taken


@lru_cache(maxsize=1024)
def _offsets(rows: _Axis, columns: _Axis, groups: int, inner: int, n: int) -> Array:
    """Where in the memory of :func:`_sorted` each tap meets the first row of the output: (groups, T)."""
    shape = (groups, inner, len(rows.phases), len(columns.phases), rows.kept, columns.kept)
    found = [
        (group, c, row_phase, column_phase, row, column)
        for group in range(groups)
        for c in range(inner)
        for row_phase, row in rows.taps
        for column_phase, column in columns.taps
    ]
    if not found:
        return np.zeros((groups, 0), np.int64)
    return (np.ravel_multi_index(np.array(found).T, shape).astype(np.int64) * n).reshape(groups, -1)


def _sorted(x: Array, rows: _Axis, columns: _Axis) -> Array:
    """The memory of ``x`` (N, C, H, W) with padding, its rows and columns sorted by phase:
    (C, phases of rows, of columns, rows, columns, N), made 1-D."""
    n, c, height, width = x.shape
    source = x.transpose(1, 2, 3, 0)
    if rows[1:5] == (1, (0,), 0, height) and columns[1:5] == (1, (0,), 0, width):
        return np.ascontiguousarray(source).reshape(-1)
    kept = np.empty((c, len(rows.phases), len(columns.phases), rows.kept, columns.kept, n), x.dtype)

    def work(start: int, stop: int) -> None:
        for i, row_phase in enumerate(rows.phases):
            to_rows, from_rows = reach(rows.low * rows.step + row_phase, height, rows.step, 0, rows.kept)
            for j, column_phase in enumerate(columns.phases):
                at = columns.low * columns.step + column_phase
                to_columns, from_columns = reach(at, width, columns.step, 0, columns.kept)
                place = kept[start:stop, i, j]
                place[:, : to_rows.start] = place[:, to_rows.stop :] = 0
                place[:, to_rows, : to_columns.start] = place[:, to_rows, to_columns.stop :] = 0
                place[:, to_rows, to_columns] = source[start:stop, from_rows, from_columns]

    by_channels(work, c, kept.size)
    return kept.reshape(-1)


def _fill(y: Array, x: Array, filters: Array, bias: Array | None, rows: _Axis, columns: _Axis) -> None:
    """Write the convolution of ``x`` (N, C, H, W) with ``filters`` (groups, O/groups, T) into ``y`` (O, OH, OW, N)."""
    if not y.size:
        return
    groups, each, taps = filters.shape
    n = len(x)
    image, offsets = _sorted(x, rows, columns), _offsets(rows, columns, groups, x.shape[1] // groups, n)
    added = np.zeros((groups, each), y.dtype) if bias is None else np.ascontiguousarray(bias.reshape(groups, each))
    step, length = columns.kept * n, columns.out * n
    short = length < _SHORT and rows.out > 1
    if short:
        count, length = 1, (rows.out - 1) * step + length
        target = np.empty((groups, each, 1, length), y.dtype)
    else:
        count, target = rows.out, y.reshape(groups, each, rows.out, length)
    runs = -(-length // _RUN)
    run = -(-length // runs)
    units = groups * runs * count * -(-each // _FILTERS)
    work = lambda start, stop: _add_up(image, offsets, filters, added, target, step, run, start, stop)
    take_over_blas()
    if y.size * taps < _THREADED:
        work(0, units)
    else:
        parallel(work, units)
    if short:
        one = target.itemsize
        y[...] = np.ndarray(y.shape, y.dtype, target, 0, (length * one, step * one, n * one, one))
