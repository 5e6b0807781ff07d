"""Pooling: the largest or the average element of each window.

Every window position is one strided slice of the image, with the batch innermost; a pooling is a few operations on whole
slices. Maximum pooling remembers which position won, in a byte; taking those elements (:data:`_pick`) and putting a gradient
back to them (:data:`_put_back`) are each other's derivatives, as are summing windows and spreading over them.
https://pytorch.org/docs/stable/nn.functional.html#pooling-functions
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial, reduce
from typing import Any

import numpy as np

from ..autograd.box import is_tensor, raw
from ..autograd.modes import is_grad_enabled
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ..runtime import run_compiled, use_compiled
from . import pooling_compiled as kernels
from ._arguments import Dims, hashable, per_dim
from .activation import relu
from .division_rounding import div
from .elementwise import abs, quiet, sign
from .half_precision import in_single
from .image_geometry import Array, Geometry, batch_first, batch_last, batched, by_channels, geometry, on_rows, padded, reach
from .shape import squeeze

__all__ = ["avg_pool1d", "avg_pool2d", "lp_pool1d", "lp_pool2d", "max_pool1d", "max_pool2d"]

_Slices = tuple[slice, slice]


def _positions(geo: Geometry) -> Iterator[tuple[int, _Slices]]:
    """For each position in the window, its number and which elements of a padded image it sees."""
    (oh, ow), (kh, kw), (sh, sw), (dh, dw) = geo.out, geo.kernel, geo.stride, geo.dilation
    for i in range(kh):
        for j in range(kw):
            yield i * kw + j, (slice(i * dh, i * dh + oh * sh, sh), slice(j * dw, j * dw + ow * sw, sw))


def _reached(geo: Geometry) -> Iterator[tuple[int, _Slices, _Slices]]:
    """For each position in the window, its number, which windows reach into the image with it, and which elements they see."""
    (oh, ow), (kh, kw), (sh, sw), (dh, dw), (ph, pw) = geo.out, geo.kernel, geo.stride, geo.dilation, geo.padding
    for i in range(kh):
        for j in range(kw):
            from_rows, to_rows = reach(i * dh - ph, geo.size[0], sh, 0, oh)
            from_columns, to_columns = reach(j * dw - pw, geo.size[1], sw, 0, ow)
            yield i * kw + j, (from_rows, from_columns), (to_rows, to_columns)


# -- maximum -----------------------------------------------------------------------------------------------------------


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _index_type(geo: Geometry) -> Any:
    return np.min_scalar_type(-geo.kernel[0] * geo.kernel[1])


def _compiled_suits(x: Array, geo: Geometry) -> bool:
    """Whether a compiled kernel pools ``x`` (N, C, …)."""
    seen = len(x) * x.shape[1] * geo.out[0] * geo.out[1] * geo.kernel[0] * geo.kernel[1]
    return len(x) >= kernels.LEAST and use_compiled(x.dtype, seen)


def _largest(x: Array, geo: Geometry) -> Array:
    """The maximum of each window."""
    if _compiled_suits(x, geo):
        source, window = batch_last(x), kernels.windows(geo)
        y = np.empty((len(source), *geo.out, len(x)), x.dtype)
        run_compiled(lambda a, b: kernels.largest(source, window, y, a, b), len(source), x.size)
        return batch_first(y)
    image = padded(x, geo, _lowest(x.dtype))
    y = np.empty((len(image), *geo.out, len(x)), x.dtype)

    def work(start: int, stop: int) -> None:
        y[start:stop] = reduce(np.maximum, (image[start:stop, rows, columns] for _, (rows, columns) in _positions(geo)))

    if y.size:
        by_channels(work, len(image), image.size)
    return batch_first(y)


def _maximum(x: Array, geo: Geometry) -> tuple[Array, Array]:
    """The maximum of each window, and the number of its position: the first one's, or a NaN's."""
    if _compiled_suits(x, geo):
        source, window = batch_last(x), kernels.windows(geo)
        y = np.empty((len(source), *geo.out, len(x)), x.dtype)
        index = np.empty(y.shape, _index_type(geo))
        run_compiled(lambda a, b: kernels.maximum(source, window, y, index, a, b), len(source), x.size)
        return batch_first(y), batch_first(index)
    image = padded(x, geo, _lowest(x.dtype))
    shape = (len(image), *geo.out, len(x))
    y, index = np.empty(shape, x.dtype), np.zeros(shape, _index_type(geo))

    def work(start: int, stop: int) -> None:
        part, out, at = image[start:stop], y[start:stop], index[start:stop]
        for number, (rows, columns) in _positions(geo):
            if number == 0:
                out[...] = part[:, rows, columns]
            else:
                _take(part[:, rows, columns], out, number, at)
        if x.dtype.kind == "f" and np.isnan(out).any():
            for number, (rows, columns) in _positions(geo):
                at[np.isnan(part[:, rows, columns])] = number

    if y.size:
        by_channels(work, len(image), image.size)
    return batch_first(y), batch_first(index)


def _take(seen: Array, best: Array, number: int, at: Array) -> None:
    """Take what is higher than ``best`` into it, and its ``number``, higher than all before, into ``at``."""
    higher = np.greater(seen, best).view(np.int8)
    np.maximum(seen, best, out=best)
    np.maximum(at, np.multiply(higher, number, dtype=at.dtype), out=at)


_BITS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


def _chosen(values: Array, index: Array, number: int) -> Array:
    """``values`` where ``index`` is ``number``, else 0, by their bits: as quick as a product, and inf · 0 does not come up."""
    mask = np.negative((index == number).view(np.int8))  # all bits set, or none
    return np.bitwise_and(values.view(_BITS[values.itemsize]), mask).view(values.dtype)


def _put_back(g: Array, index: Array, geo: Geometry) -> Array:
    """Each element of ``g`` at the place of the image that ``index`` gives for its window, added up; 0 elsewhere."""
    values, at = batch_last(g), batch_last(index)
    shape = (len(values), *geo.size, len(g))
    if _compiled_suits(g, geo):
        dx, window = np.empty(shape, g.dtype), kernels.windows(geo)
        run_compiled(lambda a, b: kernels.put_back(values, at, window, dx, a, b), len(values), dx.size)
        return batch_first(dx)
    dx = np.zeros(shape, g.dtype)

    def work(start: int, stop: int) -> None:
        for number, (rows, columns), (to_rows, to_columns) in _reached(geo):
            chosen, where = values[start:stop, rows, columns], at[start:stop, rows, columns]
            place = dx[start:stop, to_rows, to_columns]
            np.add(place, _chosen(chosen, where, number), out=place)

    by_channels(work, len(values), dx.size)
    return batch_first(dx)


def _pick(x: Array, index: Array, geo: Geometry) -> Array:
    """The element of each window at the position that ``index`` gives."""
    image, at = batch_last(x), batch_last(index)
    y, bits = np.zeros((len(image), *geo.out, len(x)), x.dtype), _BITS[x.itemsize]
    for number, (rows, columns), (to_rows, to_columns) in _reached(geo):
        found = _chosen(np.ascontiguousarray(image[:, to_rows, to_columns]), at[:, rows, columns], number)
        place = y[:, rows, columns].view(bits)
        np.bitwise_or(place, found.view(bits), out=place)
    return batch_first(y)


_max_pool = primitive(
    quiet(_maximum),
    name="max_pool2d",
    promotion=None,
    residuals="index",
    piecewise="x",
    x=lambda g, index, geo: put_back(g, index, geo=geo),
)

_max_only = primitive(quiet(_largest), name="max_pool2d", promotion=None, inputs="x")  # half the time; nothing is recorded

put_back: Any = primitive(_put_back, promotion=None, inputs="x index", x=lambda g, index, geo: pick(g, index, geo=geo))

pick: Any = primitive(
    _pick, promotion=None, inputs="x index", piecewise="x", x=lambda g, index, geo: put_back(g, index, geo=geo)
)


def _places(index: Array, geo: Geometry) -> Array:
    """Row · W + column in the image, for the position in each window that ``index`` (N, C, OH, OW) gives: int64."""
    row, column = np.divmod(index.astype(np.int64), geo.kernel[1])
    row = row * geo.dilation[0] + (np.arange(geo.out[0]) * geo.stride[0] - geo.padding[0])[:, None]
    column = column * geo.dilation[1] + np.arange(geo.out[1]) * geo.stride[1] - geo.padding[1]
    # windows of nothing but −inf may have chosen an element of the padding
    return np.clip(row, 0, geo.size[0] - 1) * geo.size[1] + np.clip(column, 0, geo.size[1] - 1)


# -- average -----------------------------------------------------------------------------------------------------------


def _axis(geo: Geometry, axis: int) -> Iterator[tuple[slice, slice]]:
    """For each position along one axis of the window: which windows reach into the image, and which elements they see."""
    for i in range(geo.kernel[axis]):
        at = i * geo.dilation[axis] - geo.padding[axis]
        yield reach(at, geo.size[axis], geo.stride[axis], 0, geo.out[axis])


_FEW = 25  # elements of a window up to which compiled kernels take them one by one, not rows first and then columns


def _compiled_sums(x: Array, geo: Geometry) -> bool:
    """Whether a compiled kernel adds up the windows of ``x`` (N, C, …), or their gradient."""
    return geo.kernel[0] * geo.kernel[1] <= _FEW and _compiled_suits(x, geo)


def _window_sums(x: Array, geo: Geometry) -> Array:
    """The sum of each window: (N, C, OH, OW). Rows first and then columns, as sums of sums."""
    image = batch_last(x)
    if _compiled_sums(x, geo):
        sums, window = np.empty((len(image), *geo.out, len(x)), x.dtype), kernels.windows(geo)
        run_compiled(lambda a, b: kernels.window_sums(image, window, sums, a, b), len(image), x.size)
        return batch_first(sums)
    rows = np.zeros((len(image), geo.out[0], geo.size[1], len(x)), x.dtype)
    y = np.zeros((len(image), *geo.out, len(x)), x.dtype)

    def work(start: int, stop: int) -> None:
        for windows, seen in _axis(geo, 0):
            rows[start:stop, windows] += image[start:stop, seen]
        for windows, seen in _axis(geo, 1):
            y[start:stop, :, windows] += rows[start:stop, :, seen]

    by_channels(work, len(image), image.size)
    return batch_first(y)


def _window_spread(g: Array, geo: Geometry) -> Array:
    """Each element of ``g`` added to all elements of its window: (N, C, H, W)."""
    values = batch_last(g)
    if _compiled_sums(g, geo):
        spread, window = np.empty((len(values), *geo.size, len(g)), g.dtype), kernels.windows(geo)
        run_compiled(lambda a, b: kernels.window_spread(values, window, spread, a, b), len(values), spread.size)
        return batch_first(spread)
    columns = np.zeros((len(values), geo.out[0], geo.size[1], len(g)), g.dtype)
    dx = np.zeros((len(values), *geo.size, len(g)), g.dtype)

    def work(start: int, stop: int) -> None:
        for windows, seen in _axis(geo, 1):
            columns[start:stop, :, seen] += values[start:stop, :, windows]
        for windows, seen in _axis(geo, 0):
            dx[start:stop, seen] += columns[start:stop, windows]

    by_channels(work, len(values), dx.size)
    return batch_first(dx)


window_sums: Any = primitive(quiet(_window_sums), promotion=None, piecewise="x", x=lambda g, geo: window_spread(g, geo=geo))

window_spread: Any = primitive(quiet(_window_spread), promotion=None, x=lambda g, geo: window_sums(g, geo=geo))


# -- arguments ---------------------------------------------------------------------------------------------------------


def step_of(kernel_size: Any, stride: Any) -> Any:
    """The stride between windows: that of ``kernel_size`` if none is given."""
    return kernel_size if stride is None or stride in ((), []) else stride


@lru_cache(maxsize=1024, typed=True)
def _geometry(op: str, size: Dims, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Geometry:
    """The geometry of a pooling, whose windows must not lie in the padding alone."""
    geo = geometry(op, size, kernel, step_of(kernel, stride), padding, dilation, ceil_mode=ceil_mode)
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(geo.padding, geo.kernel, geo.dilation, strict=True)):
        raise ShapeError(f"{op}(): padding must be at most half of kernel_size, got {geo.padding} and {geo.kernel}")
    if min(size) < 1:
        raise ShapeError(f"{op}(): there is nothing to pool in an input of size {size}")
    return geo


def pooled(op: str, x: Any, *options: Any) -> Geometry:
    """The geometry of a pooling of ``x``."""
    return _geometry(op, tuple(x.shape[2:]), *(hashable(option) for option in options))


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window. A NaN counts as the largest; of several equal ones the first gets the gradient.

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size: of the window; an int or a pair, as the three that follow.
        stride: between windows; kernel_size if None.
        padding: −inf put around the image, at most half of the window.
        dilation: between the elements of a window.
        ceil_mode: whether the last window may reach beyond the image.
        return_indices: give also where in the image, row · W + column, each maximum was found.

    Returns:
        (N, C, OH, OW) or (C, OH, OW), OH = ⌊(H + 2·padding − dilation·(KH − 1) − 1) / stride⌋ + 1, or ⌈…⌉ with ceil_mode.

    Raises:
        NotImplementedError: bools.
        ShapeError: too much padding, or an image that no window fits into.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import max_pool2d
    >>> max_pool2d(torch.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[4.]]])
    """
    if raw(input).dtype.kind == "b":
        raise NotImplementedError("max_pool2d(): bools are not supported")
    found: list[Any] = []

    def run(x: Any) -> Any:
        geo = pooled("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
        if not return_indices:
            recorded = is_grad_enabled() and is_tensor(x) and x.requires_grad
            return _max_pool(x, geo=geo) if recorded else _max_only(x, geo=geo)
        index = _maximum(raw(x), geo)[1]
        found.append(same_kind(x, _places(index, geo)))
        return pick(x, index, geo=geo)

    y = batched("max_pool2d", input, run)
    return (y, found[0] if input.ndim == 4 else squeeze(found[0], 0)) if return_indices else y


def same_kind(x: Any, values: Array) -> Any:
    """``values`` as what ``x`` is, a Tensor or an array."""
    return values if isinstance(x, np.ndarray) else x.new_tensor(values, dtype=int)


def _divisors(geo: Geometry, padding: Dims, count_include_pad: bool) -> Any:
    """How many elements each window averages: a number, or one for each window, (OH, OW) or (OD, OH, OW)."""
    counts = []
    for n, o, k, s, p in zip(geo.size, geo.out, geo.kernel, geo.stride, padding, strict=True):
        start = np.arange(o) * s - p
        stop = np.minimum(start + k, n + p)
        counts.append(stop - start if count_include_pad else np.minimum(stop, n) - np.maximum(start, 0))
    table = reduce(np.multiply.outer, counts)
    return float(table.flat[0]) if (table == table.flat[0]).all() else table


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The average of each window.

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size, stride, padding, ceil_mode: as in :func:`max_pool2d`, the padding being zeros.
        count_include_pad: whether zeros of the padding count as elements.
        divisor_override: divide sums by this number, instead of the number of elements.

    Raises:
        RuntimeError: ``divisor_override`` of 0.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import avg_pool2d
    >>> avg_pool2d(torch.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[2.5000]]])
    """
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d(): divisor_override must not be zero")

    def run(x: Any) -> Any:
        geo = pooled("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
        return averages(window_sums(x, geo=geo), geo, count_include_pad, divisor_override)

    return batched("avg_pool2d", input, partial(in_single, run))


def averages(sums: Any, geo: Geometry, count_include_pad: bool, divisor_override: int | None) -> Any:
    """The sums of windows divided by how many elements they have; whole numbers cut off."""
    divisor = divisor_override or _divisors(geo, geo.padding, count_include_pad)
    dtype = raw(sums).dtype
    if isinstance(divisor, np.ndarray):
        divisor = divisor.astype(dtype)
    if dtype.kind == "f":
        return sums / divisor
    return div(sums, divisor if isinstance(divisor, np.ndarray) else int(divisor), rounding_mode="trunc")


# -- sequences ---------------------------------------------------------------------------------------------------------


def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """:func:`max_pool2d` of sequences: (N, C, L) or (C, L).

    Raises:
        ShapeError: an ``input`` (C, L) without channels.

    >>> import tinygrad_fm as torch
    >>> torch.max_pool1d(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    tensor([[[3., 7.]]])
    """
    if input.ndim == 2 and not input.shape[0]:
        raise ShapeError(f"max_pool1d(): an unbatched input needs at least one channel, got shape {tuple(input.shape)}")
    op = partial(max_pool2d, ceil_mode=ceil_mode, return_indices=return_indices)
    steps = step_of(kernel_size, stride)
    return on_rows(op, input, kernel_size=(kernel_size, 1), stride=(steps, 1), padding=(padding, 0), dilation=(dilation, 1))


def avg_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Tensor:
    """:func:`avg_pool2d` of sequences: (N, C, L) or (C, L).

    >>> import tinygrad_fm as torch
    >>> torch.avg_pool1d(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    tensor([[[2., 6.]]])
    """
    op = partial(avg_pool2d, ceil_mode=ceil_mode, count_include_pad=count_include_pad)
    steps = step_of(kernel_size, stride)
    return on_rows(op, input, kernel_size=(kernel_size, 1), stride=(steps, 1), padding=(padding, 0))


def root_of_sum(mean: Any, count: int, norm_type: float) -> Any:
    """(Σ xᵖ)^(1/p) from the mean of the xᵖ of windows of ``count`` elements."""
    return (sign(mean) * relu(abs(mean)) * count) ** (1.0 / norm_type)


def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(Σ xᵖ)^(1/p) over windows; see :func:`avg_pool2d` for the windows.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.lp_pool2d(torch.ones(1, 1, 2, 2), 2, 2)
    tensor([[[[2.]]]])
    """
    kh, kw = per_dim("lp_pool2d", "kernel_size", kernel_size, 1)
    return root_of_sum(avg_pool2d(input**norm_type, kernel_size, stride, 0, ceil_mode), kh * kw, norm_type)


def lp_pool1d(input: Any, norm_type: float, kernel_size: int, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """:func:`lp_pool2d` of sequences: (N, C, L) or (C, L).

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.lp_pool1d(torch.tensor([[[3.0, 4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    k = kernel_size[0] if isinstance(kernel_size, (tuple, list)) else kernel_size
    return root_of_sum(avg_pool1d(input**norm_type, kernel_size, stride, 0, ceil_mode), k, norm_type)
