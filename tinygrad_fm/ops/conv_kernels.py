"""The kernels of convolutions: im2col, which defines them, a block of the output at a time.

Letters: N batch, C channels in, O channels out, H W image, KH KW kernel, OH OW output, D = C/groups · KH · KW the elements that
a filter sees.

What a filter sees from each pixel of the output is copied into a column, and a convolution is a product of matrices:

    y (O, OH · OW · N) = filters (O, D) @ columns (D, OH · OW · N)

The columns take KH · KW times the memory of the image, so they are made for some rows of the output at a time, or for a part
of a row, as many as stay in the cache. Both adjoints follow: that in the filters is g @ columnsᵀ; that in the image puts the
elements of the columns filtersᵀ @ g back where they were copied from and adds them up (col2im), which for stride 1 is a
convolution of g with the filters turned around.

Where ``conv_winograd.py`` suits, its products stand in for these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..runtime import defer, parallel, take_over_blas
from . import conv_winograd as winograd
from .image_geometry import Array, Geometry, Work, batch_first, batch_last, padded, reach

_BYTES = 1 << 19  # of the columns that are made at once

_THREADED = 10_000_000  # multiplications below which waking a second thread does not pay

_LATER = 4_000_000  # and below which one does not pay that nobody waits for


def _columns(image: Array, geo: Geometry, rows: slice, columns: slice) -> Array:
    """What the filters see from some rows and columns of the output, of a padded ``image`` (C, H, W, N):
    (groups, D, pixels · N)."""
    (kh, kw), (sh, sw), (dh, dw), groups = geo.kernel, geo.stride, geo.dilation, geo.groups
    (channel, row, column, one), inner, n = image.strides, len(image) // geo.groups, image.shape[-1]
    height, width = rows.stop - rows.start, columns.stop - columns.start
    seen = np.ndarray(
        (groups, inner, kh, kw, height, width, n),
        image.dtype,
        image,
        rows.start * sh * row + columns.start * sw * column,
        (inner * channel, channel, dh * row, dw * column, sh * row, sw * column, one),
    )
    return seen.reshape(groups, inner * kh * kw, height * width * n)


def convolve(x: Array, weight: Array, bias: Array | None, geo: Geometry) -> Array:
    """y = x ∗ w: (N, C, H, W), (O, C/groups, KH, KW) → (N, O, OH, OW), batch-last in memory."""
    o, n = len(weight), len(x)
    y = np.empty((o, *geo.out, n), x.dtype)
    if not weight.size or not y.size:
        y[...] = 0 if bias is None else bias[:, None, None, None]
        return batch_first(y)
    take_over_blas()
    work = winograd.convolving(x, weight, bias, geo, y) if winograd.suits(x, geo) else _convolving(x, weight, bias, geo, y)
    if _multiplications(x, o, geo) < _THREADED:
        work(0, geo.out[0])
    else:
        parallel(work, geo.out[0])
    return batch_first(y)


def _convolving(x: Array, weight: Array, bias: Array | None, geo: Geometry, y: Array) -> Work:
    """The work that writes some rows of :func:`convolve` into ``y`` (O, OH, OW, N)."""
    image, groups, n = padded(x, geo), geo.groups, len(x)
    filters, out = weight.reshape(groups, len(weight) // groups, -1), y.reshape(groups, len(y) // groups, -1)
    added = None if bias is None else bias.reshape(groups, -1, 1)

    def work(start: int, stop: int) -> None:
        for rows, columns in _blocks(geo, len(image) * n * x.itemsize, start, stop):
            target = out[:, :, _pixels(rows, columns, geo, n)]
            np.matmul(filters, _columns(image, geo, rows, columns), out=target)
            if added is not None:
                np.add(target, added, out=target)

    return work


def weight_gradient_later(x: Array, g: Array, geo: Geometry) -> Any:
    """The adjoint of :func:`convolve` in w: (N, C, H, W), (N, O, OH, OW) → (O, C/groups, KH, KW); or a promise of it where that
    is worth a thread's while."""
    o, inner = g.shape[1], x.shape[1] // geo.groups
    if not g.size or not inner:
        return np.zeros((o, inner, *geo.kernel), g.dtype)
    take_over_blas()
    work, finish = winograd.adding_up(x, g, geo) if winograd.suits(x, geo) else _adding_up(x, g, geo)
    if _multiplications(x, o, geo) < _LATER:
        work(0, geo.out[0])
        return finish()
    return defer(work, geo.out[0], finish)


def _adding_up(x: Array, g: Array, geo: Geometry) -> tuple[Work, Callable[[], Array]]:
    """The work that goes over some rows of the output, and what then makes the gradient from all of them."""
    image, groups, n, o = padded(x, geo), geo.groups, len(x), g.shape[1]
    gradient = batch_last(g).reshape(groups, o // groups, -1)
    sums: dict[int, Array] = {}  # of each part, by its first row: added up in that order, whichever thread was first

    def work(start: int, stop: int) -> None:
        blocks = _blocks(geo, len(image) * n * x.itemsize, start, stop)
        parts = (np.matmul(gradient[:, :, _pixels(*at, geo, n)], _columns(image, geo, *at).mT) for at in blocks)
        sums[start] = np.asarray(sum(parts))

    def finish() -> Array:
        return np.asarray(sum(sums[start] for start in sorted(sums))).reshape(o, x.shape[1] // groups, *geo.kernel)

    return work, finish


def input_gradient(g: Array, weight: Array, geo: Geometry) -> Array:
    """The adjoint of :func:`convolve` in x: (N, O, OH, OW), (O, C/groups, KH, KW) → (N, C, H, W)."""
    (o, inner, kh, kw), groups = weight.shape, geo.groups
    around = tuple(d * (k - 1) - p for d, k, p in zip(geo.dilation, geo.kernel, geo.padding, strict=True))
    if geo.stride == (1, 1) and min(around) >= 0:
        turned = weight.reshape(groups, o // groups, inner, kh, kw).swapaxes(1, 2)[..., ::-1, ::-1]
        filters = turned.reshape(groups * inner, o // groups, kh, kw)
        return convolve(g, filters, None, geo._replace(size=geo.out, out=geo.size, padding=around))
    dx = np.zeros((groups, inner, *geo.size, len(g)), g.dtype)
    if g.size and dx.size:
        take_over_blas()
        work = _putting_back(g, weight, geo, dx)
        if _multiplications(g, inner * groups, geo) < _THREADED:
            work(0, inner)
        else:
            parallel(work, inner)
    return batch_first(dx.reshape(groups * inner, *geo.size, len(g)))


def _putting_back(g: Array, weight: Array, geo: Geometry, dx: Array) -> Work:
    """The work that adds up the gradient of some of each group's channels in ``dx`` (groups, C/groups, H, W, N)."""
    (o, _, kh, kw), groups, n = weight.shape, geo.groups, len(g)
    filters, gradient = weight.reshape(groups, o // groups, -1), batch_last(g).reshape(groups, o // groups, -1)
    (dh, dw), (sh, sw), (top, left), (height, width) = geo.dilation, geo.stride, geo.padding, geo.size

    def work(start: int, stop: int) -> None:
        some = filters[:, :, start * kh * kw : stop * kh * kw].mT
        for rows, columns in _blocks(geo, (stop - start) * groups * n * g.itemsize, 0, geo.out[0]):
            found = np.matmul(some, gradient[:, :, _pixels(rows, columns, geo, n)])
            size = rows.stop - rows.start, columns.stop - columns.start
            found = found.reshape(groups, stop - start, kh, kw, *size, n)
            for i in range(kh):
                from_rows, to_rows = reach(i * dh - top, height, sh, rows.start, rows.stop)
                for j in range(kw):
                    from_columns, to_columns = reach(j * dw - left, width, sw, columns.start, columns.stop)
                    place = dx[:, start:stop, to_rows, to_columns]
                    np.add(place, found[:, :, i, j, from_rows, from_columns], out=place)

    return work


# -- blocks ------------------------------------------------------------------------------------------------------------


def _blocks(geo: Geometry, pixel: int, start: int, stop: int) -> Iterator[tuple[slice, slice]]:
    """The output's rows from ``start`` to ``stop`` in blocks whose columns stay in the cache: some rows whole, or a part of
    one. ``pixel`` is how many bytes all channels of a pixel take."""
    width = geo.out[1]
    most = max(1, _BYTES // (pixel * geo.kernel[0] * geo.kernel[1]))  # of its pixels that a block may have
    if most < width:
        for row in range(start, stop):
            for column in range(0, width, most):
                yield slice(row, row + 1), slice(column, min(column + most, width))
        return
    for row in range(start, stop, most // width):
        yield slice(row, min(row + most // width, stop)), slice(0, width)


def _pixels(rows: slice, columns: slice, geo: Geometry, n: int) -> slice:
    """Where a block's pixels lie in a channel of the output's memory, (OH, OW, N) made 1-D."""
    width = geo.out[1]
    return slice((rows.start * width + columns.start) * n, ((rows.stop - 1) * width + columns.stop) * n)


def _multiplications(x: Array, o: int, geo: Geometry) -> int:
    """How many of them a convolution of ``x`` (N, C, H, W) to ``o`` channels takes."""
    n, channels = x.shape[:2]
    (oh, ow), (kh, kw) = geo.out, geo.kernel
    return n * o * oh * ow * kh * kw * channels // geo.groups
