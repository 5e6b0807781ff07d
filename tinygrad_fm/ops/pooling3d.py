"""Pooling of volumes: of the slices first, and then of what comes of it along the depth.

https://pytorch.org/docs/stable/nn.functional.html#pooling-functions
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ._arguments import per_dim
from .adaptive_pooling import adaptive_avg_pool2d, adaptive_max_pool2d
from .half_precision import in_single
from .image_geometry import Array, Geometry
from .pooling import averages, max_pool2d, pooled, root_of_sum, same_kind, window_sums
from .volumes import along_depth, batched_volume, over_slices, split_depth

__all__ = ["adaptive_avg_pool3d", "adaptive_max_pool3d", "avg_pool3d", "lp_pool3d", "max_pool3d"]

Triple = tuple[Any, Any, Any]
_Pooling = Callable[[Any], tuple[Any, Any]]  # the largest elements of an image's windows, and where they are


def _maxima(x: Any, of_slices: _Pooling, of_depth: _Pooling) -> tuple[Any, Any]:
    """The largest elements of slices, and of those the largest along the depth; and where they are, (d · H + h) · W + w."""
    found: list[Array] = []

    def keeping(pooling: _Pooling, image: Any) -> Any:
        y, index = pooling(image)
        found.append(raw(index))
        return y

    y = along_depth(partial(keeping, of_depth), over_slices(partial(keeping, of_slices), x))
    in_slice, in_depth = found  # (N·D, C, OH, OW), and of an image of D rows and OH·OW columns (N, C, OD, OH·OW)
    n, c, depth, height, width = x.shape
    out = in_slice.shape[2:]
    places = in_slice.reshape(n, depth, c, math.prod(out)).transpose(0, 2, 1, 3)  # (N, C, D, OH·OW)
    index = in_depth // max(math.prod(out), 1)
    total = index * (height * width) + np.take_along_axis(places, index, 2)
    return y, same_kind(x, total.reshape(n, c, index.shape[2], *out))


def _check_size(op: str, x: Any) -> None:
    if not all(x.shape[1:]):
        raise ShapeError(f"{op}(): only the batch may be empty, got an input of shape {tuple(x.shape)}")


def _windows(geo: Geometry, ceil_mode: bool) -> dict[str, Any]:
    """The arguments of an image's pooling; where only the depth is given, as its rows, columns do not mix."""
    still = (1,) * (2 - len(geo.size))
    return {
        "kernel_size": geo.kernel + still,
        "stride": geo.stride + still,
        "padding": geo.padding + (0,) * len(still),
        "dilation": geo.dilation + still,
        "ceil_mode": ceil_mode,
    }


def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """:func:`max_pool2d` of volumes: (N, C, D, H, W) or (C, D, H, W); sizes are an int or three of them.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import max_pool3d
    >>> max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """

    def run(x: Any) -> Any:
        _check_size("max_pool3d", x)
        depth, plane = split_depth(pooled("max_pool3d", x, kernel_size, stride, padding, dilation, ceil_mode))

        of_slices = partial(max_pool2d, **_windows(plane, ceil_mode))
        of_depth = partial(max_pool2d, **_windows(depth, ceil_mode))
        if return_indices:
            return _maxima(x, partial(of_slices, return_indices=True), partial(of_depth, return_indices=True))
        return along_depth(of_depth, over_slices(of_slices, x))

    return batched_volume("max_pool3d", input, run)


def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """:func:`avg_pool2d` of volumes: (N, C, D, H, W) or (C, D, H, W); sizes are an int or three of them.

    Raises:
        RuntimeError: ``divisor_override`` is 0.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.avg_pool3d(torch.ones(1, 1, 4, 4, 4), 2).shape
    torch.Size([1, 1, 2, 2, 2])
    """
    if divisor_override == 0:
        raise RuntimeError("avg_pool3d(): divisor_override must not be zero")

    def run(x: Any) -> Any:
        _check_size("avg_pool3d", x)
        geo = pooled("avg_pool3d", x, kernel_size, stride, padding, 1, ceil_mode)
        depth, plane = split_depth(geo)
        sums = over_slices(partial(window_sums, geo=plane), x)
        places = sums.shape[3] * sums.shape[4]
        rows = depth._replace(
            size=(*depth.size, places), out=(*depth.out, places), kernel=(*depth.kernel, 1), stride=(*depth.stride, 1),
            padding=(*depth.padding, 0), dilation=(1, 1),
        )  # fmt: skip
        sums = along_depth(partial(window_sums, geo=rows), sums)
        return averages(sums, geo, count_include_pad, divisor_override)

    return batched_volume("avg_pool3d", input, partial(in_single, run))


def lp_pool3d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(Σ xᵖ)^(1/p) over windows; see :func:`avg_pool3d` for the windows.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.lp_pool3d(torch.ones(1, 1, 2, 2, 2), 1, 2)
    tensor([[[[[8.]]]]])
    """
    kd, kh, kw = per_dim("lp_pool3d", "kernel_size", kernel_size, 1, 3)
    return root_of_sum(avg_pool3d(input**norm_type, kernel_size, stride, 0, ceil_mode), kd * kh * kw, norm_type)


# -- to a given size ---------------------------------------------------------------------------------------------------


def _target(op: str, output_size: Any) -> Triple:
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * 3
    if len(given) != 3:
        raise ShapeError(f"{op}(): output_size must be an int or three of them or Nones, got {output_size!r}")
    return given


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """:func:`adaptive_avg_pool2d` of volumes: (N, C, D, H, W) or (C, D, H, W); an int or three, None keeps a dimension.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.adaptive_avg_pool3d(torch.ones(1, 3, 4, 4, 4), 1).shape
    torch.Size([1, 3, 1, 1, 1])
    """
    depth, *plane = _target("adaptive_avg_pool3d", output_size)

    def run(x: Any) -> Any:
        y = over_slices(lambda image: adaptive_avg_pool2d(image, plane), x)
        return along_depth(lambda image: adaptive_avg_pool2d(image, (depth, None)), y)

    return batched_volume("adaptive_avg_pool3d", input, run)


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """:func:`adaptive_max_pool2d` of volumes; with ``return_indices`` also where they are.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.adaptive_max_pool3d(torch.ones(1, 3, 4, 4, 4), 1).shape
    torch.Size([1, 3, 1, 1, 1])
    """
    depth, *plane = _target("adaptive_max_pool3d", output_size)

    def run(x: Any) -> Any:
        found = _maxima(
            x,
            lambda image: adaptive_max_pool2d(image, plane, return_indices=True),
            lambda image: adaptive_max_pool2d(image, (depth, None), return_indices=True),
        )
        return found if return_indices else found[0]

    return batched_volume("adaptive_max_pool3d", input, run)
