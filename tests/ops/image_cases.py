"""Rows of the table of operations (see ``cases``) for images: convolutions, pooling, normalisation, padding, resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .case import Array, C, function

Pair = tuple[int, int]


# -- references --------------------------------------------------------------------------------------------------------


def np_windows(x: Array, kernel: Pair, stride: Pair, around: Any, dilation: Pair, value: float = 0.0) -> Array:
    """(N, C, OH, OW, KH, KW), ``around`` being ((top, bottom), (left, right))."""
    x = np.pad(x, ((0, 0), (0, 0), *around), constant_values=value)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    view = sliding_window_view(x, reach, (2, 3))
    return view[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def np_conv2d(
    x: Array, w: Array, b: Array | None = None, stride: int = 1, around: Any = 0, dilation: int = 1, groups: int = 1
) -> Array:
    if isinstance(around, int):
        around = ((around, around), (around, around))
    seen = np_windows(x, w.shape[2:], (stride, stride), around, (dilation, dilation))
    n, c, oh, ow, kh, kw = seen.shape
    seen = seen.reshape(n, groups, c // groups, oh, ow, kh, kw)
    y = np.einsum("ngchwij,gocij->ngohw", seen, w.reshape(groups, len(w) // groups, *w.shape[1:])).reshape(n, len(w), oh, ow)
    return y if b is None else y + b[:, None, None]


def np_conv_transpose2d(
    x: Array, w: Array, stride: int = 1, padding: int = 0, more: int = 0, groups: int = 1, dilation: int = 1
) -> Array:
    n, c, h, width = x.shape
    _, o, kh, kw = w.shape
    sizes = [(m - 1) * stride + dilation * (k - 1) + 1 + more for m, k in ((h, kh), (width, kw))]
    y = np.zeros((n, groups, o, *sizes))
    x, w = x.reshape(n, groups, c // groups, h, width), w.reshape(groups, c // groups, o, kh, kw)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dilation, i * dilation + (h - 1) * stride + 1, stride)
            columns = slice(j * dilation, j * dilation + (width - 1) * stride + 1, stride)
            y[:, :, :, rows, columns] += np.einsum("ngchw,gco->ngohw", x, w[..., i, j])
    return y.reshape(n, groups * o, *sizes)[:, :, padding : sizes[0] - padding, padding : sizes[1] - padding]


def np_max_pool(x: Array, kernel: Pair, stride: Pair, around: Any = ((0, 0), (0, 0)), dilation: Pair = (1, 1)) -> Array:
    return np_windows(x, kernel, stride, around, dilation, -np.inf).max((4, 5))


def np_average(x: Array, kernel: Pair, stride: Pair, around: Any = ((0, 0), (0, 0)), counted: bool = True) -> Array:
    seen = np_windows(x, kernel, stride, around, (1, 1))
    ones = np_windows(np.ones_like(x), kernel, stride, around, (1, 1), float(counted))
    return seen.sum((4, 5)) / ones.sum((4, 5))


def np_adaptive(x: Array, out: Pair, reduce: Any) -> Array:
    def bounds(i: int, n: int, o: int) -> slice:
        return slice(i * n // o, -(-(i + 1) * n // o))

    h, w = x.shape[2:]
    rows = [[reduce(x[:, :, bounds(i, h, out[0]), bounds(j, w, out[1])]) for j in range(out[1])] for i in range(out[0])]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def np_normal(x: Array, axes: tuple[int, ...]) -> Array:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


def np_group_norm(x: Array, groups: int, w: Array | None = None, b: Array | None = None) -> Array:
    y = np_normal(x.reshape(len(x), groups, int(np.prod(x.shape[1:])) // groups), (2,)).reshape(x.shape)
    shape = (-1, *(1,) * (x.ndim - 2))
    return y if w is None else y * w.reshape(shape) + b.reshape(shape)


def np_linear_resize(x: Array, out: int) -> Array:
    """Along the last dimension, half-pixel centres."""
    n = x.shape[-1]
    at = np.clip((np.arange(out) + 0.5) * n / out - 0.5, 0, n - 1)
    low = np.floor(at).astype(int)
    part = at - low
    return x[..., low] * (1 - part) + x[..., np.minimum(low + 1, n - 1)] * part


def np_unfold(x: Array, kernel: Pair) -> Array:
    seen = np_windows(x, kernel, (1, 1), ((0, 0), (0, 0)), (1, 1))
    n, c, oh, ow, kh, kw = seen.shape
    return seen.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * kh * kw, oh * ow)


def np_fold(x: Array, size: Pair, kernel: Pair) -> Array:
    (h, w), (kh, kw) = size, kernel
    oh, ow = h - kh + 1, w - kw + 1
    columns = x.reshape(len(x), x.shape[1] // (kh * kw), kh, kw, oh, ow)
    y = np.zeros((*columns.shape[:2], h, w))
    for i in range(kh):
        for j in range(kw):
            y[:, :, i : i + oh, j : j + ow] += columns[:, :, i, j]
    return y


def np_shuffled(x: Array, r: int) -> Array:
    n, c, h, w = x.shape
    return x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // r**2, h * r, w * r)


def np_unshuffled(x: Array, r: int) -> Array:
    n, c, h, w = x.shape
    return x.reshape(n, c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4).reshape(n, c * r * r, h // r, w // r)


# -- the rows ----------------------------------------------------------------------------------------------------------

IMAGES = (2, 4, 5, 4)
ROWS = (2, 4, 6)
IMAGE = IMAGES[1:]

CONVOLUTION = [
    C("conv2d", np_conv2d, (2, 3, 5, 4), (4, 3, 3, 2), (4,), empty=((0, 3, 5, 4), (4, 3, 3, 2), (4,))),
    C("conv2d", lambda x, w: np_conv2d(x, w, None, 2, 1), (2, 3, 5, 4), (2, 3, 3, 3), stride=2, padding=1,
      empty=((0, 3, 5, 4), (2, 3, 3, 3))),
    C("conv2d", lambda x, w: np_conv2d(x, w, None, 1, 1, 2, 2), IMAGES, (4, 2, 3, 2), padding=1, dilation=2, groups=2,
      empty=((2, 0, 5, 4), (0, 0, 3, 2))),
    C("conv2d", lambda x, w, b: np_conv2d(x, w, b, 1, 1, 1, 4), IMAGES, (4, 1, 3, 3), (4,), padding=1, groups=4, empty=None),
    C("conv2d", lambda x, w, b: np_conv2d(x, w, b), (3, 2, 4, 3), (5, 2, 1, 1), (5,), empty=None),
    C("conv2d", lambda x, w: np_conv2d(x, w, None, 3), (2, 2, 7, 5), (2, 2, 1, 1), stride=3, empty=None),
    C("conv2d", lambda x, w: np_conv2d(x, w, None, 1, ((1, 1), (0, 1))), (2, 2, 4, 5), (2, 2, 3, 2), padding="same",
      empty=None),
    C("conv2d", lambda x, w: np_conv2d(x[None], w)[0], (2, 4, 5), (3, 2, 2, 2), padding="valid", empty=None),
    C("conv1d", lambda x, w, b: np_conv2d(x[:, :, None], w[:, :, None], b, 1, ((0, 0), (1, 1)))[:, :, 0], ROWS, (2, 4, 3), (2,),
      padding=1, empty=((0, 4, 6), (2, 4, 3), (2,))),
    C("conv_transpose2d", np_conv_transpose2d, (2, 3, 3, 4), (3, 2, 2, 3), empty=((0, 3, 3, 4), (3, 2, 2, 3))),
    C("conv_transpose2d", lambda x, w, b: np_conv_transpose2d(x, w, 2, 1, 1, 2) + b[:, None, None], (2, 4, 3, 2), (4, 2, 3, 3),
      (4,), empty=None,
      call=lambda x, w, b: function("conv_transpose2d")(x, w, b, stride=2, padding=1, output_padding=1, groups=2)),
    C("conv_transpose2d", lambda x, w: np_conv_transpose2d(x, w, 1, 0, 0, 1, 2), (2, 2, 3, 3), (2, 3, 2, 2), dilation=2,
      empty=None),
    C("conv_transpose1d", lambda x, w: np_conv_transpose2d(x[:, :, None], w[:, :, None], 1)[:, :, 0], (2, 2, 4), (2, 3, 3),
      empty=None),
]  # fmt: skip

POOLING = [
    C("max_pool2d", lambda x: np_max_pool(x, (2, 2), (2, 2)), IMAGES, kernel_size=2),
    C("max_pool2d", lambda x: np_max_pool(x, (3, 2), (2, 1), ((1, 1), (1, 1))), IMAGES, kernel_size=(3, 2), stride=(2, 1),
      padding=1),
    C("max_pool2d", lambda x: np_max_pool(x, (2, 2), (1, 1), dilation=(3, 2)), IMAGES, kernel_size=2, stride=1,
      dilation=(3, 2)),
    C("max_pool2d", lambda x: np_max_pool(x, (2, 2), (2, 2), ((0, 1), (0, 1))), (2, 1, 5, 7), kernel_size=2, ceil_mode=True),
    C("max_pool2d", lambda x: np_max_pool(x[None], (1, 1), (2, 2))[0], IMAGE, kernel_size=1, stride=2, empty=None),
    C("max_pool1d", lambda x: np_max_pool(x[:, :, None], (1, 3), (1, 1))[:, :, 0], ROWS, kernel_size=3, stride=1),
    C("avg_pool2d", lambda x: np_average(x, (2, 2), (2, 2)), IMAGES, kernel_size=2),
    C("avg_pool2d", lambda x: np_average(x, (3, 2), (2, 1), ((1, 1), (1, 1))), IMAGES, kernel_size=(3, 2), stride=(2, 1),
      padding=1),
    C("avg_pool2d", lambda x: np_average(x, (3, 3), (2, 2), ((1, 1), (1, 1)), False), IMAGES, kernel_size=3, stride=2,
      padding=1, count_include_pad=False),
    C("avg_pool2d", lambda x: np_average(x, (2, 2), (2, 2), ((0, 1), (0, 1)), False), (2, 1, 5, 7), kernel_size=2,
      ceil_mode=True),
    C("avg_pool2d", lambda x: np_average(x, (2, 2), (2, 2)) * 4 / 3, IMAGES, kernel_size=2, divisor_override=3),
    C("avg_pool1d", lambda x: np_average(x[:, :, None], (1, 3), (1, 2))[:, :, 0], ROWS, kernel_size=3, stride=2),
    C("adaptive_avg_pool2d", lambda x: x.mean((2, 3), keepdims=True), IMAGES, output_size=1),
    C("adaptive_avg_pool2d", lambda x: np_adaptive(x, (3, 4), lambda part: part.mean((2, 3))), IMAGES, output_size=(3, None)),
    C("adaptive_avg_pool1d", lambda x: np_adaptive(x[:, :, None], (1, 4), lambda part: part.mean((2, 3)))[:, :, 0], ROWS,
      output_size=4),
    C("adaptive_max_pool2d", lambda x: x.max((2, 3), keepdims=True), IMAGES, output_size=1),
    C("adaptive_max_pool2d", lambda x: np_adaptive(x, (3, 3), lambda part: part.max((2, 3))), IMAGES, output_size=3, empty=None,
      bare=False),
    C("adaptive_max_pool1d", lambda x: np_adaptive(x[:, :, None], (1, 2), lambda part: part.max((2, 3)))[:, :, 0], ROWS,
      output_size=2),
]  # fmt: skip


def _batch_norm(x: Any, w: Any, b: Any) -> Any:
    from tinygrad_fm.nn import functional as F

    return F.batch_norm(x, None, None, w, b, training=True)


def _evaluated(x: Any, w: Any = None, b: Any = None) -> Any:
    import tinygrad_fm

    mean, var = (tinygrad_fm.from_numpy(a).to(x.dtype) for a in (MEAN, VAR))
    return tinygrad_fm.nn.functional.batch_norm(x, mean, var, w, b, training=False)


MEAN, VAR = np.array([0.25, -1.5]), np.array([0.75, 2.0])
STANDARD = MEAN[:, None, None], np.sqrt(VAR + 1e-5)[:, None, None]

NORMALISATION = [
    C("batch_norm", lambda x, w, b: (x - STANDARD[0]) / STANDARD[1] * w[:, None, None] + b[:, None, None], (3, 2, 4, 3), (2,),
      (2,), call=_evaluated, empty=((0, 2, 4, 3), (2,), (2,)), bare=False),
    C("batch_norm", lambda x: (x - STANDARD[0][:, 0]) / STANDARD[1][:, 0], (3, 2, 4), call=_evaluated, bare=False),
    C("batch_norm", lambda x, w, b: np_normal(x, (0, 2, 3)) * w[:, None, None] + b[:, None, None], (3, 2, 4, 3), (2,), (2,),
      call=_batch_norm, empty=None, bare=False),
    C("batch_norm", lambda x: np_normal(x, (0, 2, 3)), (3, 2, 4, 3), call=lambda x: _batch_norm(x, None, None), empty=None,
      bare=False),
    C("batch_norm", lambda x, w, b: np_normal(x, (0,)) * w + b, (6, 3), (3,), (3,), call=_batch_norm, empty=None, bare=False),
    C("layer_norm", lambda x, w, b: np_normal(x, (1,)) * w + b, (3, 4), (4,), (4,), empty=None,
      call=lambda x, w, b: function("layer_norm")(x, (4,), w, b)),
    C("layer_norm", lambda x: np_normal(x, (1, 2)), (3, 4, 2), empty=None, call=lambda x: function("layer_norm")(x, (4, 2))),
    C("group_norm", lambda x, w, b: np_group_norm(x, 2, w, b), (2, 4, 3, 2), (4,), (4,), empty=((0, 4, 3, 2), (4,), (4,)),
      call=lambda x, w, b: function("group_norm")(x, 2, w, b)),
    C("group_norm", lambda x: np_group_norm(x, 3), (3, 6, 5), call=lambda x: function("group_norm")(x, 3)),
    C("group_norm", lambda x, w, b: np_group_norm(x, 2, w, b), (3, 8), (8,), (8,), empty=((0, 8), (8,), (8,)),
      call=lambda x, w, b: function("group_norm")(x, 2, w, b)),
    C("instance_norm", lambda x: np_normal(x, (2, 3)), (2, 2, 3, 4)),
    C("instance_norm", lambda x, w, b: np_group_norm(x, 3, w, b), (2, 3, 6), (3,), (3,), empty=((0, 3, 6), (3,), (3,))),
]  # fmt: skip

PADDING = [
    C("pad", lambda x: np.pad(x, ((0, 0), (0, 0), (3, 0), (1, 2)), constant_values=0.5), IMAGES, pad=(1, 2, 3, 0), value=0.5),
    C("pad", lambda x: np.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1)))[:, :, 1:, 2:], IMAGES, pad=(-2, 1, -1, 0)),
    C("pad", lambda x: np.pad(x, ((0, 0), (0, 0), (2, 1), (1, 2)), mode="reflect"), IMAGES, pad=(1, 2, 2, 1), mode="reflect"),
    C("pad", lambda x: np.pad(x, ((0, 0), (0, 0), (6, 1)), mode="edge"), ROWS, pad=(6, 1), mode="replicate"),
    C("pad", lambda x: np.pad(x, ((0, 0), (0, 0), (2, 1), (1, 4)), mode="wrap"), IMAGES, pad=(1, 4, 2, 1), mode="circular"),
]  # fmt: skip

RESAMPLING = [
    C("interpolate", lambda x: x.repeat(2, 2).repeat(3, 3), IMAGES, scale_factor=(2, 3), empty=None),
    C("interpolate", lambda x: np_linear_resize(np_linear_resize(x, 7).swapaxes(2, 3), 3).swapaxes(2, 3), IMAGES, size=(3, 7),
      mode="bilinear", empty=None),
    C("interpolate", lambda x: np_linear_resize(x, 9), ROWS, size=9, mode="linear", empty=None),
    C("pixel_shuffle", lambda x: np_shuffled(x, 2), IMAGES, upscale_factor=2, empty=((0, 4, 5, 4),)),
    C("pixel_unshuffle", lambda x: np_unshuffled(x, 2), (2, 3, 4, 2), downscale_factor=2, empty=((0, 3, 4, 2),)),
    C("unfold", lambda x: np_unfold(x, (3, 2)), (2, 3, 5, 4), kernel_size=(3, 2)),
    C("fold", lambda x: np_fold(x, (4, 3), (2, 2)), (2, 8, 6), output_size=(4, 3), kernel_size=2),
]  # fmt: skip

IMAGE_CASES = [*CONVOLUTION, *POOLING, *NORMALISATION, *PADDING, *RESAMPLING]
