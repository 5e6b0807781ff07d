"""Convolutions with stride 1 by fewer multiplications: Winograd's minimal filtering, along the rows of the image.

Letters: N batch, C channels in, O channels out, H W image, KH KW kernel, OH OW output; a row of the output is made in tiles of
m elements, each found from P products.

A tile and the filter's KW taps are polynomials: m outputs see P = m + KW − 1 columns, and are found from the values at P
points, with P multiplications instead of m · KW (7 outputs, 3 taps: 9 instead of 21):

    y = A ((G w) ∘ (B x))        A (m, P), G (P, KW), B (P, P)

The sum over channels and the filter's rows stands between A and the rest: for each point a product of matrices,
(O, KH · C) by (KH · C, N), where rows of the output that follow one another share the memory. A z and B x are products
with small matrices.

Other sums round otherwise. Errors are up to 10 times those of the direct way, 3·10⁻⁵ where results are about 6, which is why
it is for float32 only; a NaN or an infinity spreads over its tiles. 64 images, 32 → 64 channels of 14×14, 3×3, one thread of
a processor with AVX2: 5.9 ms instead of 8.6, the filters' gradient 7.0 instead of 8.8.

Sources: Winograd 1980, "Arithmetic complexity of computations"; Lavin and Gray 2016, "Fast algorithms for convolutional
neural networks".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ._arguments import Pair
from .image_geometry import Array, Geometry, Work, batch_last

# Where the polynomials are evaluated, by P; infinity is the last. Of short binary fractions the ones that err least.
_POINTS = {6: (0.0, 0.75, -0.75, 1.5, -1.5), 9: (0.25, -0.25, 0.625, -0.625, 1.125, -1.125, 2.25, -2.25)}

_IMAGES = 256  # that one call works on at most

_BYTES = 1 << 21  # of the values at the points that one call makes

_LEAST = 32, 144  # images, and elements that a filter sees


def suits(x: Array, geo: Geometry) -> bool:
    """Whether the convolution of ``x`` may be done this way, and is faster."""
    (n, c), (kh, kw), out = x.shape[:2], geo.kernel, geo.out[1]
    if x.dtype != np.float32 or geo.groups != 1 or not geo.stride == geo.dilation == (1, 1) or not 3 <= kw <= 5:
        return False
    return n >= _LEAST[0] and kh * kw * c >= _LEAST[1] and 3 * kw * out > 5 * _products(out, kw, _points(out, kw))


def convolving(x: Array, weight: Array, bias: Array | None, geo: Geometry, y: Array) -> Work:
    """The work that writes rows of x ∗ w + bias, (N, C, H, W) and (O, C, KH, KW), into ``y`` (O, OH, OW, N)."""
    o, c, kh, kw = weight.shape
    _, g, _ = _matrices(kw, _points(geo.out[1], kw))
    filters = (g @ weight.transpose(3, 0, 2, 1).reshape(kw, -1)).reshape(-1, o, kh * c)
    b = None if bias is None else bias[:, None, None]

    def use(rows: slice, part: _Part, images: slice, values: Array) -> None:
        found = np.empty((len(values), o, *values.shape[1::2]), y.dtype)
        np.matmul(filters, values, out=found.swapaxes(1, 2))
        target = y[:, rows, part.outputs, images].swapaxes(0, 1)
        np.matmul(part.gather, found, out=target)
        if b is not None:
            np.add(target, b, out=target)

    return _over_rows(x, geo, use)


def adding_up(x: Array, g: Array, geo: Geometry) -> tuple[Work, Callable[[], Array]]:
    """The work that goes over rows of g (N, O, OH, OW) and x (N, C, H, W), and what then makes the gradient (O, C, KH, KW)."""
    o, c, (kh, kw), gradient = g.shape[1], x.shape[1], geo.kernel, batch_last(g)
    sums: dict[tuple[int, int, int], Array] = {}  # of each part, by its place: added up in that order, whoever was first

    def use(rows: slice, part: _Part, images: slice, values: Array) -> None:
        spread = np.empty((len(values), o, *values.shape[1::2]), g.dtype)
        source = gradient[:, rows, part.outputs, images].swapaxes(0, 1)
        np.matmul(part.gather.T, source, out=spread)
        sums[images.start, part.outputs.start, rows.start] = np.matmul(values, spread.swapaxes(1, 2).mT).sum(0)

    def finish() -> Array:
        total = np.asarray(sum(sums[place] for place in sorted(sums)))
        taps = _matrices(kw, len(total))[1].T @ total.reshape(len(total), -1)
        return np.ascontiguousarray(taps.reshape(kw, kh, c, o).transpose(3, 2, 1, 0))

    return _over_rows(x, geo, use), finish


# -- matrices ----------------------------------------------------------------------------------------------------------


def _points(out: int, taps: int) -> int:
    """P, so that a row of ``out`` elements takes the fewest products."""
    return min(sorted(_POINTS), key=lambda points: _products(out, taps, points))


def _products(out: int, taps: int, points: int) -> int:
    return -(-out // (points + 1 - taps)) * points


@lru_cache
def _matrices(taps: int, points: int) -> tuple[Array, Array, Array]:
    """A (m, P), G (P, taps) and B (P, P) in float32, by Toom and Cook: the coefficients of a polynomial that has certain values
    at the points are Lagrange's, and a filter is the transpose of a product of polynomials."""
    finite = np.array(_POINTS[points])
    b, scale = np.zeros((points, points)), np.ones((points, 1))
    for i in range(points - 1):
        others = np.delete(finite, i)
        b[i, :-1] = np.poly(others)[::-1]
        scale[i] = np.prod(finite[i] - others)
    b[-1] = np.poly(finite)[::-1]

    def powers(count: int) -> Array:
        return np.vstack([np.vander(finite, count, increasing=True), np.eye(count)[-1]])

    a, g = powers(points + 1 - taps).T, powers(taps) / scale
    return a.astype(np.float32), g.astype(np.float32), b.astype(np.float32)


class _Part(NamedTuple):
    """A tile: some columns of the output.

    Attributes:
        outputs: which. inputs: the columns of the image that they see.
        spread: (P, inputs), of B. gather: (outputs, P), of A.
    """

    outputs: slice
    inputs: slice
    spread: Array
    gather: Array


@lru_cache(maxsize=1024)
def _parts(width: int, out: int, taps: int, padding: int) -> tuple[_Part, ...]:
    """The tiles of an output ``out`` wide, for images ``width`` wide."""
    a, _, b = _matrices(taps, _points(out, taps))
    m, found = len(a), []
    for start in range(0, out, m):
        stop, first = min(start + m, out), start - padding
        low = min(max(first, 0), width)
        high = max(min(stop - padding + taps - 1, width), low)
        spread = np.ascontiguousarray(b[:, low - first : high - first])
        found.append(_Part(slice(start, stop), slice(low, high), spread, a[: stop - start]))
    return tuple(found)


def _over_rows(x: Array, geo: Geometry, use: Callable[[slice, _Part, slice, Array], None]) -> Work:
    """Work on rows of the output from ``start`` to ``stop``: ``use(rows, part, images, values)`` for some of them, a tile
    and some images at a time.

    ``values`` (rows, P, KH · C, images) are what the filters see at each of the points, a view.
    """
    image = batch_last(x).swapaxes(0, 1)  # (H, C, W, N)
    (_, c, width, n), (kh, kw), (top, left) = image.shape, geo.kernel, geo.padding
    count = -(-n // _IMAGES)
    parts = _parts(width, geo.out[1], kw, left)
    step = max(1, _BYTES // (c * len(parts[0].spread) * -(-n // count) * image.itemsize) - kh + 1)

    def work(start: int, stop: int) -> None:
        for some in range(count):
            images = slice(n * some // count, n * (some + 1) // count)
            for part in parts:
                seen = image[:, :, part.inputs, images]
                for i in range(start, stop, step):
                    j = min(i + step, stop)
                    use(slice(i, j), part, images, _values(seen, part, (i - top, j - top + kh - 1), geo))

    return work


def _values(seen: Array, part: _Part, rows: Pair, geo: Geometry) -> Array:
    """B x of some rows, which may lie outside, of an image ``seen`` (H, C, columns, N), as the products take it."""
    (height, c, _, n), (start, stop), depth = seen.shape, rows, len(part.spread)
    values = np.empty((stop - start, c, depth, n), seen.dtype)
    low = min(max(start, 0), stop)
    high = max(min(stop, height), low)
    values[: low - start], values[high - start :] = 0, 0
    np.matmul(part.spread, seen[low:high], out=values[low - start : high - start])
    (row, channel, _, one), kh = values.strides, geo.kernel[0]
    return np.ndarray((stop - start - kh + 1, depth, kh * c, n), values.dtype, values, 0, (row, n * one, channel, one))
