"""Pooling to a given size: as many windows as asked for, wherever they then start and stop.

https://pytorch.org/docs/stable/nn.functional.html#pooling-functions
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ._arguments import Pair
from .gather_scatter import gather
from .image_geometry import Array, batched, on_rows
from .matmul import matmul
from .pooling import avg_pool2d, max_pool2d
from .reduction import mean
from .shape import flatten, squeeze, to_shape

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d"]


def _target(op: str, x: Any, output_size: Any) -> Pair:
    """The size asked for; None leaves a dimension as it is."""
    size, dtype = tuple(x.shape[2:]), raw(x).dtype
    if dtype.kind != "f":
        raise NotImplementedError(f"{op}(): not implemented for {dtype}; use .float()")
    if not all(x.shape[1:]):
        raise ShapeError(f"{op}(): only the batch may be empty, got an input of shape {tuple(x.shape)}")
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(given) != 2 or any(n is not None and n < 0 for n in given):
        raise ShapeError(f"{op}(): output_size must be an int or a pair of ints or Nones, got {output_size!r}")
    return tuple(n if o is None else int(o) for n, o in zip(size, given, strict=True))  # type: ignore[return-value]


def _bounds(n: int, out: int) -> list[tuple[int, int]]:
    """Where the windows start and stop that share ``n`` elements among ``out``, overlapping where they must."""
    return [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]


def _averaging(n: int, out: int, dtype: Any) -> Array:
    """(out, n): what a vector is multiplied by to average it over those windows."""
    matrix = np.zeros((out, n), dtype)
    for row, (start, stop) in zip(matrix, _bounds(n, out), strict=True):
        row[start:stop] = 1 / (stop - start)
    return matrix


def _regular(size: Pair, out: Pair) -> Pair | None:
    """The kernel, and stride, of the pooling that does the same; None if the windows differ in size."""
    if min(out) < 1 or min(size) < 1 or any(n % o for n, o in zip(size, out, strict=True)):
        return None
    return size[0] // out[0], size[1] // out[1]


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The averages of as many windows as asked for: of size ``output_size``, an int or a pair; None keeps a dimension.

    Window i covers rows from ⌊i·H/OH⌋ to ⌈(i + 1)·H/OH⌉.

    Args:
        input: (N, C, H, W) or (C, H, W).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.adaptive_avg_pool2d(torch.ones(1, 3, 5, 7), 1).shape
    torch.Size([1, 3, 1, 1])
    """

    def run(x: Any) -> Any:
        size = tuple(x.shape[2:])
        out, dtype = _target("adaptive_avg_pool2d", x, output_size), raw(x).dtype
        kernel = _regular(size, out)
        if kernel == size:
            return mean(x, (2, 3), keepdim=True)
        if kernel:
            return avg_pool2d(x, kernel)
        return matmul(matmul(_averaging(size[0], out[0], dtype), x), _averaging(size[1], out[1], dtype).T)

    return batched("adaptive_avg_pool2d", input, run)


def _largest_places(x: Array, out: Pair) -> Array:
    """Row · W + column of the first maximum of each adaptive window of ``x`` (N, C, H, W): (N, C, OH·OW)."""
    n, c, _, width = x.shape
    found = np.empty((n, c, *out), np.int64)
    for i, (top, bottom) in enumerate(_bounds(x.shape[2], out[0])):
        for j, (left, right) in enumerate(_bounds(width, out[1])):
            seen = x[:, :, top:bottom, left:right].reshape(n, c, (bottom - top) * (right - left))
            row, column = np.divmod(seen.argmax(-1), right - left)
            found[:, :, i, j] = (top + row) * width + left + column
    return found.reshape(n, c, out[0] * out[1])


_argadaptive = primitive(_largest_places, name="argadaptive", inputs="x", promotion=None)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of the windows of :func:`adaptive_avg_pool2d`; with ``return_indices`` also where they are.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.adaptive_max_pool2d(torch.ones(1, 3, 5, 7), (2, 2)).shape
    torch.Size([1, 3, 2, 2])
    """
    found: list[Any] = []

    def run(x: Any) -> Any:
        out = _target("adaptive_max_pool2d", x, output_size)
        kernel = _regular(tuple(x.shape[2:]), out)
        if kernel and not return_indices:
            return max_pool2d(x, kernel)
        index = _argadaptive(x, out=out)
        found.append(to_shape(index, shape=(*x.shape[:2], *out)))
        return to_shape(gather(flatten(x, 2), 2, index), shape=(*x.shape[:2], *out))

    y = batched("adaptive_max_pool2d", input, run)
    return (y, found[0] if input.ndim == 4 else squeeze(found[0], 0)) if return_indices else y


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """:func:`adaptive_avg_pool2d` of sequences: (N, C, L) or (C, L).

    >>> import tinygrad_fm as torch
    >>> torch.adaptive_avg_pool1d(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    tensor([[[2., 6.]]])
    """
    return on_rows(adaptive_avg_pool2d, input, output_size=(output_size, 1))


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """:func:`adaptive_max_pool2d` of sequences: (N, C, L) or (C, L).

    >>> import tinygrad_fm as torch
    >>> torch.adaptive_max_pool1d(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    tensor([[[3., 7.]]])
    """
    return on_rows(partial(adaptive_max_pool2d, return_indices=return_indices), input, output_size=(output_size, 1))
