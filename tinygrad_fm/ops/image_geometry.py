"""Windows that slide over images: their geometry, and the memory that images lie in. Convolutions and poolings share this.

Letters: N batch, C channels, O channels out, H W image, KH KW kernel, OH OW output.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError
from ..runtime import blas_has_threads, parallel
from ._arguments import Dims, per_dim
from .shape import squeeze, unsqueeze

Array = np.ndarray[Any, Any]

Work = Callable[[int, int], None]  # work on rows, or channels, from one to before another


class Geometry(NamedTuple):
    """Which output element sees which input elements. Only the padding before the first row and column needs saying."""

    size: Dims  # H, W
    out: Dims  # OH, OW
    kernel: Dims  # KH, KW
    stride: Dims
    padding: Dims  # above, left
    dilation: Dims
    groups: int = 1


def geometry(
    op: str, size: Dims, kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int = 1, ceil_mode: bool = False
) -> Geometry:
    """The geometry that the arguments of a convolution, a pooling or :func:`unfold` describe, each an int or one per dimension.

    Raises ShapeError if no window fits into the image.
    """
    kernel, steps, before, gaps = (
        per_dim(op, name, value, least, len(size))
        for name, value, least in (
            ("kernel_size", kernel, 1),
            ("stride", stride, 1),
            ("padding", padding, 0),
            ("dilation", dilation, 1),
        )
    )
    out = tuple(out_size(*dim, ceil_mode=ceil_mode) for dim in zip(size, kernel, steps, before, gaps, strict=True))
    if min(out) < 1:
        raise ShapeError(
            f"{op}(): input of size {size} is too small: the kernel of size {kernel}, dilated by {gaps}, is greater than the "
            f"input with padding {before}"
        )
    return Geometry(size, out, kernel, steps, before, gaps, groups)


def out_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool = False) -> int:
    """How many windows there are: ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, below 1 if none fits.

    With ``ceil_mode`` the last window may reach beyond the image, but must start in it: ⌈…⌉ for ⌊…⌋.
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def in_size(out: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """The smallest size of which :func:`out_size` gives ``out``: (out − 1)·stride − 2·padding + dilation·(kernel − 1) + 1."""
    return (out - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1


# -- memory ------------------------------------------------------------------------------------------------------------


def batch_last(x: Array) -> Array:
    """``x`` (N, C, H, W) as a contiguous (C, H, W, N); a copy only if it does not lie in memory like that."""
    return np.ascontiguousarray(x.transpose(1, 2, 3, 0))


def batch_first(x: Array) -> Array:
    """A contiguous (C, H, W, N) seen as (N, C, H, W)."""
    return x.transpose(3, 0, 1, 2)


def padded(x: Array, geo: Geometry, value: float = 0.0) -> Array:
    """The part of ``x`` (N, C, H, W) that windows see, with what lies outside filled in: (C, rows, columns, N), contiguous."""
    rows, columns = (
        (n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(geo.out, geo.stride, geo.kernel, geo.dilation, strict=True)
    )
    (height, width), (top, left) = geo.size, geo.padding
    if top == left == 0 and rows <= height and columns <= width:
        return batch_last(x)
    y = np.empty((x.shape[1], rows, columns, x.shape[0]), x.dtype)
    bottom, right = min(rows, top + height), min(columns, left + width)
    y[:, :top], y[:, bottom:], y[:, top:bottom, :left], y[:, top:bottom, right:] = value, value, value, value
    y[:, top:bottom, left:right] = x.transpose(1, 2, 3, 0)[:, : bottom - top, : right - left]
    return y


# -- work on some channels at a time ------------------------------------------------------------------------------------

_CHANNELS = 1 << 20  # elements that one pass works on; fewer would stay in the second-level cache, but calls cost more

_THREADED = 1 << 20  # elements below which a second thread does not pay


def by_channels(work: Work, channels: int, size: int) -> None:
    """Run ``work(start, stop)`` over the channels of an image of ``size`` elements, some at a time, on all threads of ours."""
    step = max(1, _CHANNELS * channels // max(size, 1))

    def some(start: int, stop: int) -> None:
        for i in range(start, stop, step):
            work(i, min(i + step, stop))

    if size < _THREADED or blas_has_threads():
        some(0, channels)
    else:
        parallel(some, channels)


# -- which elements a window sees ---------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def reach(at: int, size: int, stride: int, start: int, stop: int) -> tuple[slice, slice]:
    """Which output rows from ``start`` to ``stop`` fall into the image, and where: row i falls on i·stride + at."""
    low = max(start, -(at // stride))  # the first i with i·stride + at >= 0
    high = max(low, min(stop, (size - 1 - at) // stride + 1))
    first = low * stride + at
    return slice(low - start, high - start), slice(first, first + (high - low) * stride, stride)


def batched(op: str, input: Any, run: Callable[[Any], Any]) -> Any:
    """``run`` of an image or a batch of them."""
    if input.ndim == 4:
        return run(input)
    if input.ndim == 3:
        return squeeze(run(unsqueeze(input, 0)), 0)
    raise ShapeError(f"{op}(): expected a 3D (unbatched) or 4D (batched) input, got shape {tuple(input.shape)}")


def on_rows(op: Callable[..., Any], input: Any, **options: tuple[Any, int]) -> Any:
    """``op`` on sequences (N, C, L) or (C, L), as images of one row. Options come with their value across."""
    if input.ndim not in (2, 3):
        raise ShapeError(f"expected a 2D (unbatched) or 3D (batched) input, got shape {tuple(input.shape)}")
    along = {}
    for name, (value, across) in options.items():
        if isinstance(value, (tuple, list)):
            if len(value) != 1:
                raise ShapeError(f"{name} must be one int for a sequence, got {value!r}")
            value = value[0]  # noqa: PLW2901
        along[name] = value if isinstance(value, str) else (across, value)
    y = op(unsqueeze(input, -2), **along)
    return tuple(squeeze(part, -2) for part in y) if isinstance(y, tuple) else squeeze(y, -2)
