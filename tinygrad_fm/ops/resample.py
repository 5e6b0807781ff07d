"""Images in other resolutions: interpolation, pixels moved between channels and space, and patches cut out and put back.

Interpolation along one dimension is a product with a constant matrix, so a resampled image is M_h · x · M_wᵀ.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..autograd.primitive import primitive, raw
from ..errors import ShapeError
from .adaptive import adaptive_avg_pool1d, adaptive_avg_pool2d
from .elementwise import cast
from .limits import clamp
from .linalg import matmul
from .rounding import floor
from .selection import index_select
from .shape import permute, squeeze, to_shape, unsqueeze
from .windows import Array, Geometry, Pair, batch_first, padded, pair, reach

# -- interpolation -----------------------------------------------------------------------------------------------------


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


_MATRICES = {"linear": (1, _linear), "bilinear": (2, _linear), "bicubic": (2, _cubic)}


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
) -> Any:
    """``input`` resampled to ``size``, or to ``scale_factor`` times its own.

    Args:
        input: (N, C, L) or (N, C, H, W).
        size: of the result, an int or one for each dimension of space.
        scale_factor: likewise; either this or size.
        mode: "nearest", "nearest-exact", "linear" (sequences), "bilinear", "bicubic" (images) or "area" (averages).
        align_corners: whether the centres of the corner elements, rather than their outer corners, keep their places.
        recompute_scale_factor: use the scale that follows from the rounded size, instead of the one given.
        antialias: not offered; anything but False raises.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.ops.resample import interpolate
    >>> interpolate(torch.tensor([[[1.0, 3.0]]]), size=3, mode="linear", align_corners=True)
    tensor([[[1., 2., 3.]]])
    """
    space = tuple(input.shape[2:])
    if len(space) not in (1, 2):
        raise NotImplementedError(f"interpolate(): expected a 3D or 4D input, got shape {tuple(input.shape)}")
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
        return adaptive_avg_pool1d(input, out[0]) if len(space) == 1 else adaptive_avg_pool2d(input, out)
    if mode not in _MATRICES or _MATRICES[mode][0] != len(space):
        raise NotImplementedError(f"interpolate(): mode {mode!r} is not offered for an input of shape {tuple(input.shape)}")
    kind = raw(input).dtype
    x = input if kind.kind == "f" else input * 1.0
    *rows, columns = (
        _MATRICES[mode][1](n, o, scale, bool(align_corners)).astype(raw(x).dtype)
        for n, o, scale in zip(space, out, scales, strict=True)
    )
    y = _rounded(matmul(x, columns.T), kind)
    return cast(_rounded(matmul(rows[0], y), kind) if rows else y, dtype=kind)


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


# -- pixels between channels and space ---------------------------------------------------------------------------------


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(…, C·r², H, W) → (…, C, H·r, W·r): r² channels become r × r pixels. Source: Shi et al. 2016, section 3.2."""
    r = upscale_factor
    if len(input.shape) < 3 or r < 1 or input.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle(): {r}² must divide the channels of (…, C, H, W), got shape {tuple(input.shape)}")
    *lead, c, h, w = input.shape
    k = len(lead)
    x = to_shape(input, shape=(*lead, c // (r * r), r, r, h, w))
    x = permute(x, dims=(*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return to_shape(x, shape=(*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(…, C, H·r, W·r) → (…, C·r², H, W): the way back from :func:`pixel_shuffle`."""
    r = downscale_factor
    if len(input.shape) < 3 or r < 1 or input.shape[-2] % r or input.shape[-1] % r:
        raise ShapeError(f"pixel_unshuffle(): {r} must divide height and width, got shape {tuple(input.shape)}")
    *lead, c, h, w = input.shape
    k = len(lead)
    x = to_shape(input, shape=(*lead, c, h // r, r, w // r, r))
    x = permute(x, dims=(*range(k), k, k + 2, k + 4, k + 1, k + 3))
    return to_shape(x, shape=(*lead, c * r * r, h // r, w // r))


# -- patches -----------------------------------------------------------------------------------------------------------


def _cut(x: Array, geo: Geometry) -> Array:
    """What each window sees: (N, C·KH·KW, OH·OW)."""
    image = padded(x, geo)
    channel, row, column, one = image.strides
    (sh, sw), (dh, dw) = geo.stride, geo.dilation
    view = as_strided(
        image,
        (len(image), *geo.kernel, *geo.out, len(x)),
        (channel, row * dh, column * dw, row * sh, column * sw, one),
        writeable=False,
    )
    depth, positions = len(image) * geo.kernel[0] * geo.kernel[1], geo.out[0] * geo.out[1]
    return view.reshape(depth, positions, len(x)).transpose(2, 0, 1)


def _put(patches: Array, geo: Geometry) -> Array:
    """Patches (N, C·KH·KW, OH·OW) added up where they were seen: (N, C, H, W)."""
    (kh, kw), (oh, ow), (sh, sw), (dh, dw), (ph, pw) = geo.kernel, geo.out, geo.stride, geo.dilation, geo.padding
    n, depth, _ = patches.shape
    columns = patches.transpose(1, 2, 0).reshape(depth // (kh * kw), kh, kw, oh, ow, n)
    y = np.zeros((len(columns), *geo.size, n), patches.dtype)
    for i in range(kh):
        from_rows, to_rows = reach(i * dh - ph, geo.size[0], sh, 0, oh)
        for j in range(kw):
            from_columns, to_columns = reach(j * dw - pw, geo.size[1], sw, 0, ow)
            y[:, to_rows, to_columns] += columns[:, i, j, from_rows, from_columns]
    return batch_first(y)


_unfold: Any = primitive(_cut, name="im2col", promotion=None, x=lambda g, geo: _fold(g, geo=geo))
_fold: Any = primitive(_put, name="col2im", promotion=None, x=lambda g, geo: _unfold(g, geo=geo))


def _geometry(op: str, size: Pair, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Geometry:
    kernel, gaps = pair(op, "kernel_size", kernel_size, 1), pair(op, "dilation", dilation, 1)
    before, steps = pair(op, "padding", padding, 0), pair(op, "stride", stride, 1)
    room = [n + 2 * p - d * (k - 1) - 1 for n, k, d, p in zip(size, kernel, gaps, before, strict=True)]
    if min(room) < 0:
        raise ShapeError(f"{op}(): a kernel of size {kernel}, dilated by {gaps}, does not fit into {size}, padded by {before}")
    return Geometry(size, (room[0] // steps[0] + 1, room[1] // steps[1] + 1), kernel, steps, before, gaps)


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The patches of an image that a convolution's filters see: (N, C, H, W) → (N, C·KH·KW, OH·OW). Also without N.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html
    """
    if len(input.shape) not in (3, 4):
        raise ShapeError(f"unfold(): expected a 3D or 4D input, got shape {tuple(input.shape)}")
    x = input if len(input.shape) == 4 else unsqueeze(input, 0)
    y = _unfold(x, geo=_geometry("unfold", tuple(x.shape[2:]), kernel_size, dilation, padding, stride))
    return y if x is input else squeeze(y, 0)


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The adjoint of :func:`unfold`: patches (N, C·KH·KW, OH·OW) added up in images (N, C, *output_size). Also without N.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.fold.html
    """
    if len(input.shape) not in (2, 3):
        raise ShapeError(f"fold(): expected a 2D or 3D input, got shape {tuple(input.shape)}")
    geo = _geometry("fold", pair("fold", "output_size", output_size, 1), kernel_size, dilation, padding, stride)
    depth, count = input.shape[-2:]
    taps, positions = geo.kernel[0] * geo.kernel[1], geo.out[0] * geo.out[1]
    if depth % taps or count != positions:
        raise ShapeError(
            f"fold(): input must have shape (N, C·{taps}, {positions}) for output_size={geo.size}, got {tuple(input.shape)}"
        )
    x = input if len(input.shape) == 3 else unsqueeze(input, 0)
    y = _fold(x, geo=geo)
    return y if x is input else squeeze(y, 0)
