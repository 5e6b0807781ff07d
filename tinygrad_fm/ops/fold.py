"""Patches of images as columns and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ._arguments import per_dim
from .image_geometry import Array, Geometry, batch_first, geometry, padded, reach
from .shape import squeeze, unsqueeze

__all__ = ["fold", "unfold"]


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


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The patches of an image that a convolution's filters see: (N, C, H, W) → (N, C·KH·KW, OH·OW). Also without N.

    Raises:
        ShapeError: ``input`` has neither 3 nor 4 dimensions.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.unfold(torch.arange(9.0).reshape(1, 1, 3, 3), 2)[0, :, 0]
    tensor([0., 1., 3., 4.])
    """
    if len(input.shape) not in (3, 4):
        raise ShapeError(f"unfold(): expected a 3D or 4D input, got shape {tuple(input.shape)}")
    x = input if len(input.shape) == 4 else unsqueeze(input, 0)
    y = _unfold(x, geo=geometry("unfold", tuple(x.shape[2:]), kernel_size, stride, padding, dilation))
    return y if x is input else squeeze(y, 0)


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The adjoint of :func:`unfold`: patches (N, C·KH·KW, OH·OW) added up in images (N, C, *output_size). Also without N.

    Raises:
        ShapeError: ``input`` has neither 2 nor 3 dimensions, or not the sizes of the patches of such images.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.fold.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.fold(torch.ones(1, 4, 1), (2, 2), (2, 2))
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """
    if len(input.shape) not in (2, 3):
        raise ShapeError(f"fold(): expected a 2D or 3D input, got shape {tuple(input.shape)}")
    geo = geometry("fold", per_dim("fold", "output_size", output_size, 1), kernel_size, stride, padding, dilation)
    depth, count = input.shape[-2:]
    taps, positions = geo.kernel[0] * geo.kernel[1], geo.out[0] * geo.out[1]
    if depth % taps or count != positions:
        raise ShapeError(
            f"fold(): input must have shape (N, C·{taps}, {positions}) for output_size={geo.size}, got {tuple(input.shape)}"
        )
    x = input if len(input.shape) == 3 else unsqueeze(input, 0)
    y = _fold(x, geo=geo)
    return y if x is input else squeeze(y, 0)
