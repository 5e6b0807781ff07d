"""Images of another size. https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from .adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d
from .clamp import clamp
from .division_rounding import floor
from .elementwise import cast
from .half_precision import in_single
from .image_geometry import Array
from .indexing import index_select
from .matmul import matmul
from .pooling3d import adaptive_avg_pool3d
from .volumes import along_depth

__all__ = ["interpolate"]


def _source(n: int, out: int, scale: float | None, align_corners: bool) -> Array:
    """Where each of ``out`` samples lies among ``n``, as a real number that may be outside."""
    if align_corners:
        return np.arange(out) * ((n - 1) / (out - 1) if out > 1 else 0.0)
    return (np.arange(out) + 0.5) * (1 / scale if scale else n / out) - 0.5


def _linear(n: int, out: int, scale: float | None, align_corners: bool) -> Array:
    """(out, n): each sample between its two neighbours."""
    at = np.maximum(_source(n, out, scale, align_corners), 0)
    low = np.minimum(at.astype(np.int64), n - 1)
    part = at - low
    matrix, rows = np.zeros((out, n)), np.arange(out)
    np.add.at(matrix, (rows, low), 1 - part)
    np.add.at(matrix, (rows, np.minimum(low + 1, n - 1)), part)
    return matrix


def _cubic(n: int, out: int, scale: float | None, align_corners: bool) -> Array:
    """(out, n): each sample by Keys' cubic convolution (1981) of its four neighbours, with a = −0.75."""
    at, a = _source(n, out, scale, align_corners), -0.75
    low = np.floor(at).astype(np.int64)
    matrix, rows = np.zeros((out, n)), np.arange(out)
    for shift in (-1, 0, 1, 2):
        d = np.abs(at - low - shift)
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((d - 5) * d + 8) * d * a - 4 * a
        np.add.at(matrix, (rows, np.clip(low + shift, 0, n - 1)), np.where(d <= 1, near, far))
    return matrix


_MATRICES = {"linear": (1, _linear), "bilinear": (2, _linear), "bicubic": (2, _cubic), "trilinear": (3, _linear)}
_AREA = {1: lambda x, out: adaptive_avg_pool1d(x, out[0]), 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


def _nearest(n: int, out: int, scale: float | None, exact: bool) -> Array:
    at = np.arange(out, dtype=np.float32) + np.float32(0.5 if exact else 0)
    step = np.float32(1 / scale) if scale else np.float32(n) / np.float32(out)
    return np.minimum(np.floor(at * step).astype(np.int64), n - 1)


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """``input`` resampled to ``size``, or to ``scale_factor`` times its own.

    Args:
        input: (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        size: of the result, an int or one for each dimension of space.
        scale_factor: likewise; either this or size.
        mode: "nearest", "nearest-exact", "linear" (sequences), "bilinear", "bicubic" (images), "trilinear" (volumes) or "area"
            (averages).
        align_corners: whether the centres of the corner elements, rather than their outer corners, keep their places.
        recompute_scale_factor: use the scale that follows from the rounded size, instead of the one given.
        antialias: not offered; anything but False raises.

    Raises:
        NotImplementedError: another number of dimensions, or ``antialias``.
        ValueError: ``align_corners`` with a mode that has none.
        ShapeError: a size below 1.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import interpolate
    >>> interpolate(torch.tensor([[[1.0, 3.0]]]), size=3, mode="linear", align_corners=True)
    tensor([[[1., 2., 3.]]])
    """
    space = tuple(input.shape[2:])
    if len(space) not in (1, 2, 3):
        raise NotImplementedError(f"interpolate(): expected a 3D, 4D or 5D input, got shape {tuple(input.shape)}")
    if antialias:
        raise NotImplementedError("interpolate(): antialias is not offered")
    if align_corners is not None and mode not in _MATRICES:
        raise ValueError(f"interpolate(): align_corners can only be set for the modes {', '.join(_MATRICES)}, not for {mode!r}")
    out, scales = _wanted(space, size, scale_factor, bool(recompute_scale_factor))
    if min(*out, *space) < 1:
        raise ShapeError(f"interpolate(): sizes must be positive, got input {space} and output {out}")
    if mode in ("nearest", "nearest-exact"):
        for dim, (n, o, scale) in enumerate(zip(space, out, scales, strict=True), 2):
            input = index_select(input, dim, _nearest(n, o, scale, mode == "nearest-exact"))
        return input
    if mode == "area":
        return _AREA[len(space)](input, out)
    return in_single(_by_matrices, input, mode=mode, out=out, scales=scales, align_corners=bool(align_corners))


def _by_matrices(input: Any, mode: str, out: tuple[int, ...], scales: list[Any], align_corners: bool) -> Any:
    """Each dimension of space multiplied by the matrix of its samples' weights, the last one first."""
    space = tuple(input.shape[2:])
    if mode not in _MATRICES or _MATRICES[mode][0] != len(space):
        raise NotImplementedError(f"interpolate(): mode {mode!r} is not offered for an input of shape {tuple(input.shape)}")
    kind = raw(input).dtype
    x = input if kind.kind == "f" else input * 1.0
    *others, columns = (
        _MATRICES[mode][1](n, o, scale, align_corners).astype(raw(x).dtype)
        for n, o, scale in zip(space, out, scales, strict=True)
    )
    y = _rounded(matmul(x, columns.T), kind)
    if others:
        y = _rounded(matmul(others[-1], y), kind)
    if len(others) == 2:
        y = _rounded(along_depth(lambda image: matmul(others[0], image), y), kind)
    return cast(y, dtype=kind)


def _rounded(x: Any, kind: np.dtype[Any]) -> Any:
    """``x`` as integers in the range of ``kind``, halves rounded up; as it is if ``kind`` is floating-point."""
    return x if kind.kind == "f" else clamp(floor(x + 0.5), np.iinfo(kind).min, np.iinfo(kind).max)


def _wanted(space: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool) -> tuple[tuple[int, ...], list[Any]]:
    """The size of the result, and the scales to find places with (None where they follow from the sizes)."""
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate(): exactly one of size and scale_factor must be given")
    given = scale_factor if size is None else size
    each = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(space)
    if len(each) != len(space):
        raise ValueError(f"interpolate(): got {len(each)} sizes or scales for {len(space)} dimension(s)")
    if size is not None:
        return tuple(int(n) for n in each), [None] * len(space)
    out = tuple(math.floor(n * float(scale)) for n, scale in zip(space, each, strict=True))
    return out, [None if recompute else float(scale) for scale in each]
