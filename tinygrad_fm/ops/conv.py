"""Convolutions of images, and their adjoints.

Three operations are each other's derivatives in every argument, so their rules call one another and every order follows:

    conv   y  = x ∗ w                                  (N, C, H, W), (O, C/groups, KH, KW) → (N, O, OH, OW)
    dx     the adjoint in x: conv_transpose2d          (N, O, OH, OW), (O, C/groups, KH, KW) → (N, C, H, W)
    dw     the adjoint in w                            (N, C, H, W), (N, O, OH, OW) → (O, C/groups, KH, KW)

The memory behind an image is batch-last, (C, H, W, N), whatever its shape says: rows of OW·N floats are copied at once, and
the matrix products write their result where it belongs. The columns that a kernel position sees (im2col) are made and
multiplied in blocks that stay in the cache; one copy makes those of many blocks, and one ``np.matmul`` multiplies them all.
https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..autograd.primitive import primitive, same_dtype
from ..errors import ShapeError
from ..runtime import parallel, take_over_blas
from .elementwise import quiet
from .shape import squeeze, unsqueeze
from .windows import Array, Geometry, Pair, batch_first, batch_last, batched, hashable, padded, pair, reach

_COLUMNS = 3600  # of one matrix product: few enough for OpenBLAS's kernels for small matrices, which are the faster ones
_BYTES = 1 << 20  # of the columns that one NumPy call makes: they stay in the cache until they are multiplied
_THREADED = 2_000_000  # multiplications below which a second thread does not pay


# -- blocks of columns -------------------------------------------------------------------------------------------------


def _divisor(n: int, most: int) -> int:
    """The largest divisor of ``n`` that is not above ``most``, or 1."""
    return next(d for d in range(max(1, min(n, most)), 0, -1) if n % d == 0)


def _block(rows: int, columns: int, n: int, depth: int, itemsize: int) -> Pair:
    """How many rows and columns of the output one matrix product makes, its inner dimension being ``depth``."""
    most = max(256, min(_COLUMNS, 2 * _BYTES // (depth * itemsize)))
    if columns * n <= most:
        return _divisor(rows, most // (columns * n)), columns
    return 1, _divisor(columns, most // n)


def _in_blocks(y: Array, groups: int, r: int, c: int) -> Array:
    """``y`` (channels, rows, columns, N) as (rows/r, columns/c, groups, channels/groups, r·c·N), a view."""
    o, rows, columns, n = y.shape
    return y.reshape(groups, o // groups, rows // r, columns // c, r * c * n).transpose(2, 3, 0, 1, 4)


def _windows(x: Array, geo: Geometry, r: int, c: int) -> Array:
    """A view of padded ``x`` that repeats its elements: (OH/r, OW/c, groups, C/groups, KH, KW, r, c, N)."""
    channel, row, column, one = x.strides
    (oh, ow), (kh, kw), (sh, sw), (dh, dw) = geo.out, geo.kernel, geo.stride, geo.dilation
    inner = len(x) // geo.groups
    return as_strided(
        x, (oh // r, ow // c, geo.groups, inner, kh, kw, r, c, x.shape[-1]),
        (row * sh * r, column * sw * c, channel * inner, channel, row * dh, column * dw, row * sh, column * sw, one),
        writeable=False,
    )  # fmt: skip


def _over_columns(x: Array, geo: Geometry, r: int, c: int, count: int, use: Callable[[int, int, Array], None]) -> None:
    """Call ``use(start, stop, columns)`` for the block rows, some at a time, on all threads.

    ``columns`` (stop − start, OW/c, groups, depth, r·c·N) are those of the block rows from start to stop.

    Args:
        count: multiplications per column, to tell whether threads pay.
    """
    view = _windows(x, geo, r, c)
    rows, row_shape = len(view), view.shape[1:]
    depth, m = int(np.prod(row_shape[2:5])), r * c * x.shape[-1]
    step = max(1, _BYTES // (view[0].size * x.itemsize))
    plain = geo.kernel == geo.stride == (1, 1)  # the image itself is the columns

    def work(start: int, stop: int) -> None:
        space = None if plain else np.empty((min(step, stop - start), *row_shape), x.dtype)
        for i in range(start, stop, step):
            j = min(i + step, stop)
            if space is None:
                use(i, j, _in_blocks(x, geo.groups, r, c)[i:j])
            else:
                space[: j - i] = view[i:j]
                use(i, j, space[: j - i].reshape(j - i, row_shape[0], geo.groups, depth, m))

    _share(work, rows, count * view.size)


def _share(work: Callable[[int, int], None], count: int, multiplications: int) -> None:
    """``parallel(work, count)``, where that pays."""
    take_over_blas()
    if multiplications < _THREADED:
        work(0, count)
    else:
        parallel(work, count)


# -- the three kernels -------------------------------------------------------------------------------------------------

_BATCH = 512  # images that one pass takes; more go through in parts, so that the workspace stays bounded


def _parts(n: int) -> list[slice]:
    return [slice(i, min(i + _BATCH, n)) for i in range(0, n, _BATCH)]


def _convolve(x: Array, weight: Array, bias: Array | None, geo: Geometry) -> Array:
    n, (o, inner, kh, kw), (oh, ow) = len(x), weight.shape, geo.out
    y = np.empty((o, oh, ow, n), x.dtype)
    if not weight.size or not y.size:
        y[...] = 0 if bias is None else bias[:, None, None, None]
    elif n > _BATCH:
        for part in _parts(n):
            y[..., part] = batch_last(_convolve(x[part], weight, bias, geo))
    else:
        w = weight.reshape(geo.groups, o // geo.groups, inner * kh * kw)
        b = None if bias is None else bias.reshape(geo.groups, -1, 1)
        r, c = _block(oh, ow, n, w.shape[-1], x.itemsize)
        out = _in_blocks(y, geo.groups, r, c)

        def multiply(start: int, stop: int, columns: Array) -> None:
            target = out[start:stop]
            np.matmul(w, columns, out=target)
            if b is not None:
                np.add(target, b, out=target)

        _over_columns(padded(x, geo), geo, r, c, o // geo.groups, multiply)
    return batch_first(y)


def _weight_gradient(x: Array, g: Array, geo: Geometry) -> Array:
    n, o, inner, (kh, kw), (oh, ow) = len(x), g.shape[1], x.shape[1] // geo.groups, geo.kernel, geo.out
    depth, width = inner * kh * kw, o // geo.groups
    if n > _BATCH:
        total = sum(_weight_gradient(x[part], g[part], geo) for part in _parts(n))
        return np.asarray(total)
    if not g.size or not depth:
        return np.zeros((o, inner, kh, kw), g.dtype)
    r, c = _block(oh, ow, n, depth, x.itemsize)
    right = _in_blocks(batch_last(g), geo.groups, r, c)
    sums: dict[int, Array] = {}  # of each part, by its start: added up in that order, whichever thread was first

    def multiply(start: int, stop: int, columns: Array) -> None:
        if depth < width:
            found = np.matmul(right[start:stop], columns.swapaxes(-1, -2)).sum((0, 1))
        else:  # the same, transposed: faster where the result is higher than wide
            found = np.matmul(columns, right[start:stop].swapaxes(-1, -2)).sum((0, 1)).swapaxes(-1, -2)
        sums[start] = found

    _over_columns(padded(x, geo), geo, r, c, width, multiply)
    total = sum(sums[start] for start in sorted(sums))
    return np.ascontiguousarray(total).reshape(o, inner, kh, kw)


def _turned(weight: Array, geo: Geometry) -> tuple[Array, Geometry] | None:
    """The filters and geometry of the convolution that takes the gradient back, where that is quicker than adding up columns.

    It makes O·KH·KW columns for each pixel where the other way makes C·KH·KW, but writes no pixel twice. For 64 images,
    16 → 16 channels of 28×28: 3.5 ms instead of 7.7; 32 → 64 of 14×14: 6.5 instead of 9.3; 6 → 16, 5×5: 1.7 instead of 0.7.
    """
    o, inner, kh, kw = weight.shape
    groups = geo.groups
    top, left = (d * (k - 1) - p for d, k, p in zip(geo.dilation, geo.kernel, geo.padding, strict=True))
    if geo.stride != (1, 1) or min(top, left) < 0 or o > 2 * inner * groups:
        return None
    turned = weight.reshape(groups, o // groups, inner, kh, kw)[..., ::-1, ::-1].swapaxes(1, 2)
    filters = np.ascontiguousarray(turned).reshape(inner * groups, o // groups, kh, kw)
    return filters, geo._replace(size=geo.out, out=geo.size, padding=(top, left))


def _input_gradient(g: Array, weight: Array, geo: Geometry) -> Array:
    way = _turned(weight, geo)
    if way:
        return _convolve(g, way[0], None, way[1])
    n, (o, inner, kh, kw), (oh, ow), (height, width) = len(g), weight.shape, geo.out, geo.size
    groups, taps = geo.groups, kh * kw
    dx = np.zeros((inner * groups, height, width, n), g.dtype)
    if not dx.size or not g.size:
        return batch_first(dx)
    if n > _BATCH:
        for part in _parts(n):
            dx[..., part] = batch_last(_input_gradient(g[part], weight, geo))
        return batch_first(dx)
    # each thread takes some of the channels, or with groups some of those, so that nobody adds to the same place
    pieces = groups if groups > 1 else inner
    unit = inner if groups > 1 else 1  # channels per piece
    w = np.ascontiguousarray(weight.reshape(groups, o // groups, inner, taps).transpose(0, 2, 3, 1))
    image = batch_last(g)
    target = dx.reshape(groups, inner, height, width, n)
    row_bytes = unit * taps * ow * n * g.itemsize
    step = max(1, min(pieces, 2 * _BYTES // (row_bytes * oh)))  # pieces at a time
    rows = max(1, min(oh, 2 * _BYTES // (row_bytes * step)))  # output rows at a time

    def work(start: int, stop: int) -> None:
        for i in range(start, stop, step):
            j = min(i + step, stop)
            chosen = (slice(i, j), slice(None)) if groups > 1 else (slice(None), slice(i, j))
            for top in range(0, oh, rows):
                bottom = min(top + rows, oh)
                part = image[:, top:bottom]
                if groups > 1:
                    part = part[i * (o // groups) : j * (o // groups)]
                _spread(part, w[chosen], target[chosen], geo, top)

    _share(work, pieces, weight.size * oh * ow * n)
    return batch_first(dx)


def _spread(g: Array, w: Array, dx: Array, geo: Geometry, top: int) -> None:
    """Add to ``dx`` (groups, C, H, W, N) what comes back through output rows from ``top`` on: ``g`` (groups·O, rows, OW, N)."""
    groups, inner, taps, o = w.shape
    _, rows, ow, n = g.shape
    (kh, kw), (sh, sw), (dh, dw), (ph, pw) = geo.kernel, geo.stride, geo.dilation, geo.padding
    columns = np.empty((groups * inner * taps, rows, ow, n), g.dtype)
    r, c = _block(rows, ow, n, o, g.itemsize)
    np.matmul(w.reshape(groups, inner * taps, o), _in_blocks(g, groups, r, c), out=_in_blocks(columns, groups, r, c))
    columns = columns.reshape(groups, inner, kh, kw, rows, ow, n)
    for i in range(kh):
        from_rows, to_rows = reach(i * dh - ph, geo.size[0], sh, top, top + rows)
        for j in range(kw):
            from_columns, to_columns = reach(j * dw - pw, geo.size[1], sw, 0, ow)
            place = dx[:, :, to_rows, to_columns]
            np.add(place, columns[:, :, i, j, from_rows, from_columns], out=place)


_conv: Any = primitive(
    quiet(_convolve), name="conv2d", promotion=same_dtype,
    x=lambda g, weight, geo: _conv_dx(g, weight, geo=geo),
    weight=lambda g, x, geo: _conv_dw(x, g, geo=geo),
    bias=lambda g: g.sum((0, 2, 3)),
)  # fmt: skip
_conv_dx: Any = primitive(
    quiet(_input_gradient), name="conv_transpose2d", promotion=same_dtype,
    x=lambda g, weight, geo: _conv(g, weight, None, geo=geo),
    weight=lambda g, x, geo: _conv_dw(g, x, geo=geo),
)  # fmt: skip
_conv_dw: Any = primitive(
    quiet(_weight_gradient), name="conv2d_weight", promotion=same_dtype,
    x=lambda g, image, geo: _conv_dx(image, g, geo=geo),
    image=lambda g, x, geo: _conv(x, g, None, geo=geo),
)  # fmt: skip


# -- arguments ---------------------------------------------------------------------------------------------------------


def _check(op: str, input: Any, weight: Any, bias: Any, groups: int, transposed: bool) -> None:
    """Raise unless weight and bias fit the input's channels and the groups."""
    shape, channels = tuple(weight.shape), input.shape[1]
    if groups < 1:
        raise ShapeError(f"{op}(): groups must be positive, got {groups}")
    if len(shape) != 4:
        raise ShapeError(f"{op}(): weight must have 4 dimensions, got shape {shape}")
    if shape[0] % groups:
        raise ShapeError(f"{op}(): weight's first dimension, {shape[0]}, must be divisible by groups={groups}")
    wanted = shape[0] if transposed else shape[1] * groups
    if channels != wanted:
        raise ShapeError(
            f"{op}(): input of shape {tuple(input.shape)} has {channels} channels, but weight of shape {shape} with "
            f"groups={groups} takes {wanted}"
        )
    out = shape[1] * groups if transposed else shape[0]
    if bias is not None and tuple(bias.shape) != (out,):
        raise ShapeError(f"{op}(): bias must have shape ({out},), one value per channel of the result, got {tuple(bias.shape)}")


@lru_cache(maxsize=1024, typed=True)
def _geometry(size: Pair, kernel: Pair, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The geometry that conv2d's arguments describe."""
    op = "conv2d"
    steps, gaps = pair(op, "stride", stride, 1), pair(op, "dilation", dilation, 1)
    if padding == "same":
        if steps != (1, 1):
            raise RuntimeError(f"{op}(): padding='same' is not supported for strided convolutions, got stride={steps}")
        top, left = (d * (k - 1) // 2 for d, k in zip(gaps, kernel, strict=True))
        return Geometry(size, size, kernel, steps, (top, left), gaps, groups)
    if isinstance(padding, str) and padding != "valid":
        raise RuntimeError(f"{op}(): padding must be numbers, 'same' or 'valid', got {padding!r}")
    before = (0, 0) if padding == "valid" else pair(op, "padding", padding, 0)
    return Geometry(size, _out_size(op, size, kernel, steps, before, gaps), kernel, steps, before, gaps, groups)


def _out_size(op: str, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    room = [n + 2 * p - d * (k - 1) - 1 for n, k, p, d in zip(size, kernel, padding, dilation, strict=True)]
    if min(room) < 0:
        raise ShapeError(
            f"{op}(): the kernel of size {kernel}, dilated by {dilation}, is greater than the input of size {size} with "
            f"padding {padding}"
        )
    return (room[0] // stride[0] + 1, room[1] // stride[1] + 1)


def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The cross-correlation of each image with each filter:

    y[n, o, i, j] = bias[o] + Σ x[n, c, i·s + a·d − p, j·s + b·d − p] · w[o, c, a, b], summed over c, a and b.

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (O, C/groups, KH, KW), of the same dtype.
        bias: (O,) or None.
        stride: between positions; an int or a pair, as the two that follow.
        padding: zeros put around the image; or "valid" for none, or "same" for as many as keep its size.
        dilation: between the elements that a filter sees.
        groups: input and output channels fall into this many groups that do not see each other; C for depthwise.

    Returns:
        (N, O, OH, OW) or (O, OH, OW), OH = ⌊(H + 2·padding − dilation·(KH − 1) − 1) / stride⌋ + 1.

    Raises:
        ShapeError: weight or bias do not fit, or the filter is greater than the padded image.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.ops.conv import conv2d
    >>> conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """

    def run(x: Any) -> Any:
        _check("conv2d", x, weight, bias, groups, transposed=False)
        size, kernel = tuple(x.shape[2:]), tuple(weight.shape[2:])
        geo = _geometry(size, kernel, *(hashable(n) for n in (stride, padding, dilation)), groups)
        return _conv(x, weight, bias, geo=geo)

    return batched("conv2d", input, run)


def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Any:  # fmt: skip
    """The adjoint of :func:`conv2d`: what its backward pass computes from a gradient of the result.

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (C, O/groups, KH, KW), of the same dtype.
        bias: (O,) or None.
        stride, padding, dilation, groups: the convolution's.
        output_padding: rows and columns added to the size of the result at its end, as several sizes give the same convolution.

    Returns:
        (N, O, OH, OW) or (O, OH, OW), OH = (H − 1)·stride − 2·padding + dilation·(KH − 1) + output_padding + 1.

    Raises:
        ShapeError: weight or bias do not fit, or output_padding is not smaller than stride or dilation.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
    """
    op = "conv_transpose2d"

    def run(x: Any) -> Any:
        _check(op, x, weight, bias, groups, transposed=True)
        steps, before = pair(op, "stride", stride, 1), pair(op, "padding", padding, 0)
        more, gaps = pair(op, "output_padding", output_padding, 0), pair(op, "dilation", dilation, 1)
        if any(m >= max(s, d) for m, s, d in zip(more, steps, gaps, strict=True)):
            raise ShapeError(f"{op}(): output_padding must be smaller than stride or dilation, got {more}, {steps} and {gaps}")
        out, kernel = tuple(x.shape[2:]), tuple(weight.shape[2:])
        size = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + m + 1
            for n, s, p, d, k, m in zip(out, steps, before, gaps, kernel, more, strict=True)
        )
        if min(size) < 1:
            raise ShapeError(f"{op}(): input of size {out} would give a result of size {size}, which is too small")
        y = _conv_dx(x, weight, geo=Geometry(size, out, kernel, steps, before, gaps, groups))
        return y if bias is None else y + bias.reshape(1, -1, 1, 1)

    return batched(op, input, run)


def _one_dimensional(op: Callable[..., Any], name: str, input: Any, weight: Any, bias: Any, **options: Any) -> Any:
    """``op`` on sequences, as images of one row."""
    if len(weight.shape) != 3 or input.ndim not in (2, 3):
        raise ShapeError(
            f"{name}(): expected a 2D (unbatched) or 3D (batched) input and a 3D weight, got shapes {tuple(input.shape)} "
            f"and {tuple(weight.shape)}"
        )
    along = {}
    for key, (value, across) in options.items():
        if isinstance(value, (tuple, list)):
            (value,) = value  # noqa: PLW2901
        along[key] = value if isinstance(value, str) else (across, value)
    return squeeze(op(unsqueeze(input, -2), unsqueeze(weight, -2), bias, **along), -2)


def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """:func:`conv2d` of sequences: (N, C, L) or (C, L), with weight (O, C/groups, K)."""
    return _one_dimensional(
        partial(conv2d, groups=groups), "conv1d", input, weight, bias,
        stride=(stride, 1), padding=(padding, 0), dilation=(dilation, 1),
    )  # fmt: skip


def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Any:  # fmt: skip
    """:func:`conv_transpose2d` of sequences: (N, C, L) or (C, L), with weight (C, O/groups, K)."""
    return _one_dimensional(
        partial(conv_transpose2d, groups=groups), "conv_transpose1d", input, weight, bias,
        stride=(stride, 1), padding=(padding, 0), output_padding=(output_padding, 0), dilation=(dilation, 1),
    )  # fmt: skip
