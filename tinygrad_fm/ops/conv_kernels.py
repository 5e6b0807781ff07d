"""The kernels of convolutions: products of matrices over what the filters see.

Letters: N batch, C channels in, O channels out, KH KW kernel, OH OW output, D = KH · KW · C/groups the elements a filter sees.

The definition is im2col, :func:`_convolve_at_once`: what a filter sees from each place of the output is copied into a column,
and the convolution is one product of matrices,

    y (O, OH · OW · N) = filters (O, D) @ columns (D, OH · OW · N).

Small convolutions, as of a single image, are made just so. The columns of larger ones, KH · KW times the image, would not fit
into the cache, so they are made a few rows of the output at a time, and from *strips*. A strip is one row of the padded image,
once for each of the KW columns of the filter, shifted by them; of the row a b c d e and KW = 3, with OW = 3:

    row         a b c d e
    strip       a b c          under the filter's first column
                b c d          under its second
                c d e          under its third            (each letter stands for the row's C channels and N images)

The KH strips of the rows that a filter's rows lie on are all that the filters see from one row of the output. As memory, one
after the other, they are the matrix of its columns; the next row's matrix begins one strip further on and shares the rest:

    strips      [row 0] [row 1] [row 2] [row 3] …
    matrix of y's row 0 : rows 0 to KH − 1
    matrix of y's row 1 :         rows 1 to KH

So what is copied is KW times the image instead of KH · KW times, and one ``np.matmul`` over such overlapping matrices makes
many rows of the result. For 64 images with 16 channels of 28×28, 3×3, one thread of a processor with AVX2: 4.9 ms where
columns that were copied whole took 7.0. Where a row of the output is so long that its matrix would not fit into the cache, it
is made in *pieces* of some columns each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from math import gcd
from typing import Any, NamedTuple

import numpy as np

from ..runtime import defer, parallel, take_over_blas
from . import conv_winograd as winograd
from ._arguments import Pair
from .image_geometry import Array, Geometry, Work, batch_first, batch_last, padded, reach

_Index = tuple[Any, ...]

_BYTES = 1 << 21  # of the strips that one call makes, and of the products that are added up at once

_ELEMENTS, _LEAST = 1 << 19, 256  # of the matrix of one product, and its columns at least

_THREADED = 10_000_000  # multiplications below which waking a second thread does not pay

_LATER = 4_000_000  # and below which one does not pay that nobody waits for

_FEW = 6  # filters whose gradients are made one by one, as products with a vector

_SMALL = 1 << 17  # elements of im2col's columns up to which they are copied whole

_NARROW = 8  # channels of an image so few that its gradient is made along the rows and spread


def _convolve_at_once(x: Array, weight: Array, bias: Array | None, geo: Geometry, y: Array) -> None:
    """y (O, OH, OW, N) = x ∗ w by im2col: one copy, one product.

    For a single image, 16 → 16 channels of 28×28, 3×3: 164 µs instead of 190 by strips; 6 → 16 channels of 14×14, 5×5: 42
    instead of 68.
    """
    (kh, kw), (sh, sw), (dh, dw), (oh, ow), groups = geo.kernel, geo.stride, geo.dilation, geo.out, geo.groups
    image = padded(x, geo)
    (channel, row, column, one), n = image.strides, len(x)
    seen = np.ndarray(
        (groups, len(image) // groups, kh, kw, oh, ow, n),
        image.dtype,
        image,
        0,
        (channel * (len(image) // groups), channel, row * dh, column * dw, row * sh, column * sw, one),
    )
    columns = seen.reshape(groups, -1, oh * ow * n)  # (groups, C/groups · KH · KW, OH · OW · N)
    np.matmul(weight.reshape(groups, len(weight) // groups, -1), columns, out=y.reshape(groups, -1, oh * ow * n))
    if bias is not None:
        y += bias[:, None, None, None]


def convolve(x: Array, weight: Array, bias: Array | None, geo: Geometry) -> Array:
    """y = x ∗ w: (N, C, H, W), (O, C/groups, KH, KW) → (N, O, OH, OW), batch-last in memory."""
    o, rows = len(weight), geo.out[0]
    y = np.empty((o, *geo.out, len(x)), x.dtype)
    if not weight.size or not y.size:
        y[...] = 0 if bias is None else bias[:, None, None, None]
        return batch_first(y)
    take_over_blas()
    if y.size // o * weight[0].size * geo.groups <= _SMALL and min(geo.padding) >= 0:
        _convolve_at_once(x, weight, bias, geo, y)
        return batch_first(y)
    work = _convolving(x, weight, bias, geo, y)
    if _multiplications(x, o, geo) < _THREADED:
        work(0, rows)
    else:
        parallel(work, rows)
    return batch_first(y)


def _convolving(x: Array, weight: Array, bias: Array | None, geo: Geometry, y: Array) -> Work:
    """The work that writes some rows of :func:`convolve` into ``y`` (O, OH, OW, N)."""
    if winograd.suits(x, geo):
        return winograd.convolving(x, weight, bias, geo, y)
    groups, w = geo.groups, _as_matrices(weight, geo)
    b = None if bias is None else bias.reshape(groups, 1, -1, 1)
    out = _rows(y, groups, _pieces(geo.out[1], len(x), w.shape[-1]))

    def multiply(start: int, stop: int, piece: int, matrices: Array) -> None:
        target = out[:, start:stop, piece]
        np.matmul(w, matrices, out=target)
        if b is not None:
            np.add(target, b, out=target)

    return _over_rows(x, geo, 0, multiply)


def weight_gradient_later(x: Array, g: Array, geo: Geometry) -> Any:
    """The adjoint of :func:`convolve` in w: (N, C, H, W), (N, O, OH, OW) → (O, C/groups, KH, KW); or a promise of it where that
    is worth a thread's while."""
    o, inner = g.shape[1], x.shape[1] // geo.groups
    if not g.size or not inner:
        return np.zeros((o, inner, *geo.kernel), g.dtype)
    work, finish = _adding_up(x, g, geo)
    take_over_blas()
    if _multiplications(x, o, geo) < _LATER:
        work(0, geo.out[0])
        return finish()
    return defer(work, geo.out[0], finish)


def _adding_up(x: Array, g: Array, geo: Geometry) -> tuple[Work, Callable[[], Array]]:
    """The work that goes over some rows of the output, and what then makes the gradient from all of them."""
    if winograd.suits(x, geo):
        return winograd.adding_up(x, g, geo)
    o, inner, (kh, kw) = g.shape[1], x.shape[1] // geo.groups, geo.kernel
    width, depth = o // geo.groups, inner * kh * kw
    right = _rows(batch_last(g), geo.groups, _pieces(geo.out[1], len(x), depth))
    sums: dict[Pair, Array] = {}  # of each part, by its row and piece: added up in that order, whichever thread was first

    def multiply(start: int, stop: int, piece: int, matrices: Array) -> None:
        rows = right[:, start:stop, piece]
        if width <= _FEW:  # 6 filters over 64 images of 28×28, 5×5, one thread: 0.6 ms instead of 0.9 for products of matrices
            sums[start, piece] = np.matmul(matrices[:, :, None], rows[..., None])[..., 0].sum(1)
        elif depth < width:
            sums[start, piece] = np.matmul(rows, matrices.mT).sum(1)
        else:  # the same, transposed: faster where the result is higher than wide
            sums[start, piece] = np.matmul(matrices, rows.mT).sum(1).mT

    def finish() -> Array:
        total = np.asarray(sum(sums[part] for part in sorted(sums)))
        return np.ascontiguousarray(total.reshape(o, kh, kw, inner).transpose(0, 3, 1, 2))

    return _over_rows(x, geo, width * depth * x.itemsize, multiply), finish


def input_gradient(g: Array, weight: Array, geo: Geometry) -> Array:
    """The adjoint of :func:`convolve` in x: (N, O, OH, OW), (O, C/groups, KH, KW) → (N, C, H, W).

    With stride 1 it is a convolution of g by the filters turned around. With others, and for few channels, whose filters
    would be low matrices, a convolution along the rows alone makes all KW contributions to a pixel, as channels (KW · C), and
    they are added up. For 64 images, 5×5, from 16 channels of 10×10 back to 6: 0.9 ms instead of 2.4.
    """
    (o, inner, kh, kw), groups, n = weight.shape, geo.groups, len(g)
    turned = weight.reshape(groups, o // groups, inner, kh, kw).swapaxes(1, 2)[..., ::-1, :]
    if geo.stride == (1, 1) and inner > _NARROW:
        filters = turned[..., ::-1].reshape(groups * inner, o // groups, kh, kw)
        top, left = (d * (k - 1) - p for d, k, p in zip(geo.dilation, geo.kernel, geo.padding, strict=True))
        return convolve(g, filters, None, geo._replace(size=geo.out, out=geo.size, padding=(top, left)))
    filters = turned.transpose(0, 4, 1, 2, 3).reshape(groups * kw * inner, o // groups, kh, 1)
    dx = np.zeros((groups, inner, *geo.size, n), g.dtype)
    for phase in _phases(geo):
        part, out = filters[:, :, phase.filter_rows], (phase.rows, geo.out[1])
        by_rows = Geometry(geo.out, out, part.shape[2:], (1, 1), (phase.padding, 0), (phase.dilation, 1), groups)
        found = batch_last(convolve(g, part, None, by_rows)).reshape(groups, kw, inner, *out, n)
        for j in range(kw):
            seen, columns = reach(j * geo.dilation[1] - geo.padding[1], geo.size[1], geo.stride[1], 0, geo.out[1])
            target = dx[:, :, phase.first :: geo.stride[0], columns]
            np.add(target, found[:, j, :, :, seen], out=target)
    return batch_first(dx.reshape(groups * inner, *geo.size, n))


class _Phase(NamedTuple):
    """Every sth row of an image, s being the stride: those whose gradient comes from the same rows of the filter.

    Attributes:
        first: the first of those rows; the others follow s apart.
        rows: how many there are.
        filter_rows: the rows of the turned filter that see them.
        padding, dilation: of the convolution of g by those filter rows, with stride 1, that is the gradient.
    """

    first: int
    rows: int
    filter_rows: slice
    padding: int
    dilation: int


def _phases(geo: Geometry) -> Iterator[_Phase]:
    """The phases that some row of the filter sees. With stride 2 and a filter of 3 rows, rows 0, 2, 4 … of the image lie under
    the filter's rows 0 and 2, and rows 1, 3, 5 … under its row 1: two phases, two convolutions."""
    n, k, s, p, d = (field[0] for field in (geo.size, geo.kernel, geo.stride, geo.padding, geo.dilation))
    every, gap = s // gcd(s, d), d // gcd(s, d)  # of the filter's rows, and of g's between them
    for first in range(min(s, n)):
        top = next((i for i in range(min(k, every)) if (first + p - i * d) % s == 0), None)  # the filter's first row on it
        if top is not None:
            seen = len(range(top, k, every))
            bottom = top + (seen - 1) * every
            padding = (seen - 1) * gap - (first + p - top * d) // s
            yield _Phase(first, len(range(first, n, s)), slice(k - 1 - bottom, k - top, every), padding, gap)


# -- matrices ----------------------------------------------------------------------------------------------------------


@lru_cache
def _pieces(columns: int, n: int, depth: int) -> int:
    """Into how many products a row of the output is divided, each of whole columns, so that its matrix stays in the cache and
    the workspace small, however large the batch."""
    most = max(_LEAST, _ELEMENTS // depth)
    return next(p for p in range(1, columns + 1) if columns % p == 0 and (columns // p * n <= most or p == columns))


def _as_matrices(weight: Array, geo: Geometry) -> Array:
    """The filters as matrices (groups, 1, O/groups, D), the elements in the order of strips: KH, KW, C/groups."""
    return weight.transpose(0, 2, 3, 1).reshape(geo.groups, 1, len(weight) // geo.groups, -1)


def _rows(y: Array, groups: int, pieces: int) -> Array:
    """``y`` (channels, rows, columns, N) as (groups, rows, pieces, channels/groups, columns/pieces · N), a view."""
    channels, rows, columns, n = y.shape
    return y.reshape(groups, channels // groups, rows, pieces, columns // pieces * n).transpose(0, 2, 3, 1, 4)


def _multiplications(x: Array, o: int, geo: Geometry) -> int:
    """How many of them the convolution of ``x`` to ``o`` channels takes."""
    n, channels = x.shape[:2]
    (oh, ow), (kh, kw) = geo.out, geo.kernel
    return n * o * oh * ow * kh * kw * channels // geo.groups


def _over_rows(x: Array, geo: Geometry, result: int, use: Callable[[int, int, int, Array], None]) -> Work:
    """Work on rows of the output from ``start`` to ``stop``: ``use(start, stop, piece, matrices)`` for some of them at a time,
    a piece of the columns after another.

    ``matrices`` (groups, stop − start, D, columns/pieces · N) are what the filters see from those rows and columns.

    Args:
        result: bytes that one row's use allocates.
    """
    image = batch_last(x)
    by_rows = image.reshape(geo.groups, -1, *image.shape[1:]).swapaxes(1, 2)
    ow, (kh, kw), n = geo.out[1], geo.kernel, image.shape[-1]
    pieces = _pieces(ow, n, kh * kw * len(image) // geo.groups)
    width = ow // pieces
    step = max(1, _BYTES // max(kw * len(image) * width * n * image.itemsize * geo.stride[0], result))
    is_product = geo.kernel == geo.stride == (1, 1) and geo.size == geo.out and geo.padding == (0, 0)

    def work(start: int, stop: int) -> None:
        for piece in range(pieces):
            for i in range(start, stop, step):
                j = min(i + step, stop)
                if is_product:  # 1×1: the image itself is the strips
                    use(i, j, piece, _rows(image, geo.groups, pieces)[:, i:j, piece])
                else:
                    use(i, j, piece, _matrices(by_rows, geo, (i, j), (piece * width, (piece + 1) * width)))

    return work


class _Layout(NamedTuple):
    """How strips are filled. Indices are those of strips (groups, strips, filter's rows, KW, C/groups, OW, N) and of an image
    (groups, H, C/groups, W, N).

    Attributes:
        shared: whether rows of the output share them; else each row has strips of its own.
        counts: how many strips there are, of how many rows of the filter each.
        zeros: the parts of them that are padding. copies: the other parts, and where in the image each comes from.
    """

    shared: bool
    counts: tuple[int, int]
    zeros: tuple[_Index, ...]
    copies: tuple[tuple[_Index, _Index], ...]


@lru_cache(maxsize=4096)
def _layout(geo: Geometry, rows: Pair, columns: Pair) -> _Layout:
    """The strips for the output's rows and columns from the first to before the second of ``rows`` and ``columns``."""
    (kh, kw), (sh, sw), (dh, dw), (ph, pw) = geo.kernel, geo.stride, geo.dilation, geo.padding
    (height, width), (start, stop), (left, right) = geo.size, rows, columns
    shared = dh == 1 and sh < kh
    count, times, by = ((stop - start - 1) * sh + kh, 1, 1) if shared else (stop - start, kh, sh)
    every = slice(None)
    zeros: list[_Index] = []
    copies: list[tuple[_Index, _Index]] = []
    for t in range(times):
        to_rows, from_rows = reach(start * sh + t * dh - ph, height, by, 0, count)
        for outside in (slice(0, to_rows.start), slice(to_rows.stop, count)):
            if outside.start < outside.stop:
                zeros.append((every, outside, t))
        for j in range(kw):
            to_columns, from_columns = reach(left * sw + j * dw - pw, width, sw, 0, right - left)
            for outside in (slice(0, to_columns.start), slice(to_columns.stop, right - left)):
                if outside.start < outside.stop:
                    zeros.append((every, to_rows, t, j, every, outside))
            copies.append(((every, to_rows, t, j, every, to_columns), (every, from_rows, every, from_columns)))
    return _Layout(shared, (count, times), tuple(zeros), tuple(copies))


def _matrices(image: Array, geo: Geometry, rows: Pair, columns: Pair) -> Array:
    """What the filters see from some of the output's rows and columns, of ``image`` (groups, H, C/groups, W, N):
    (groups, rows, D, columns · N), a view of strips."""
    layout, (groups, _, inner, _, n) = _layout(geo, rows, columns), image.shape
    (kh, kw), m = geo.kernel, (columns[1] - columns[0]) * n
    strips = np.empty((groups, *layout.counts, kw, inner, columns[1] - columns[0], n), image.dtype)
    for outside in layout.zeros:
        strips[outside] = 0
    for to, source in layout.copies:
        strips[to] = image[source]
    group, row, one = strips.strides[0], strips.strides[1], strips.itemsize
    return np.ndarray(
        (groups, rows[1] - rows[0], kh * kw * inner, m),
        image.dtype,
        strips,
        0,
        (group, row * (geo.stride[0] if layout.shared else 1), m * one, one),
    )
