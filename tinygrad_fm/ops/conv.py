"""Convolutions of images, and their adjoints.

Three operations are each other's derivatives in every argument, so their rules call one another and every order follows:

    conv   y  = x ∗ w                                  (N, C, H, W), (O, C/groups, KH, KW) → (N, O, OH, OW)
    dx     the adjoint in x: conv_transpose2d          (N, O, OH, OW), (O, C/groups, KH, KW) → (N, C, H, W)
    dw     the adjoint in w                            (N, C, H, W), (N, O, OH, OW) → (O, C/groups, KH, KW)

The memory behind an image is batch-last, (C, H, W, N), whatever its shape says: rows of OW·N floats are copied at once, and
the matrix products write their result where it belongs. The kernels are in ``conv_kernels.py``, compiled ones in
``conv_compiled.py``.
https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..autograd.box import is_tensor
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ..promotion import same_dtype
from ..runtime import resolve, use_compiled
from . import conv_compiled, conv_kernels
from ._arguments import Dims, hashable, per_dim
from .elementwise import quiet
from .image_geometry import Array, Geometry, batched, geometry, in_size, on_rows
from .shape import to_shape, unsqueeze
from .volumes import as_slices, as_volume, batched_volume, depth_windows, from_depth_windows, split_depth

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def _kernels(x: Array, geo: Geometry, multiplications: int) -> Any:
    """The file of the kernels to run for a convolution of ``x`` (N, C, …)."""
    return conv_compiled if use_compiled(x.dtype, multiplications) and conv_compiled.suits(x, geo) else conv_kernels


def _convolve(x: Array, weight: Array, bias: Array | None, geo: Geometry) -> Array:
    multiplications = len(x) * geo.out[0] * geo.out[1] * weight.size
    return _kernels(x, geo, multiplications).convolve(x, weight, bias, geo)


def _input_gradient(g: Array, weight: Array, geo: Geometry) -> Array:
    multiplications = len(g) * geo.out[0] * geo.out[1] * weight.size
    return _kernels(g, geo, multiplications).input_gradient(g, weight, geo)


def _weight_gradient_later(x: Array, g: Array, geo: Geometry) -> Any:
    """The gradient of the weight, or a promise of it."""
    multiplications = g.size * x.shape[1] // geo.groups * geo.kernel[0] * geo.kernel[1]
    return _kernels(x, geo, multiplications).weight_gradient_later(x, g, geo)


def _weight_gradient(x: Array, g: Array, geo: Geometry) -> Array:
    return np.asarray(resolve(_weight_gradient_later(x, g, geo)))


def _filters_gradient(g: Any, x: Any, geo: Geometry) -> Any:
    """The gradient of the weight. Nothing in a backward pass waits for it, so of arrays it may come later."""
    return _conv_dw(x, g, geo=geo) if is_tensor(g) or is_tensor(x) else _weight_gradient_later(x, g, geo)


_conv: Any = primitive(
    quiet(_convolve),
    name="conv2d",
    promotion=same_dtype,
    x=lambda g, weight, geo: _conv_dx(g, weight, geo=geo),
    weight=lambda g, x, geo: _filters_gradient(g, x, geo),
    bias=lambda g: g.sum((0, 2, 3)),
)

_conv_dx: Any = primitive(
    quiet(_input_gradient),
    name="conv_transpose2d",
    promotion=same_dtype,
    x=lambda g, weight, geo: _conv(g, weight, None, geo=geo),
    weight=lambda g, x, geo: _conv_dw(g, x, geo=geo),
)

_conv_dw: Any = primitive(
    quiet(_weight_gradient),
    name="conv2d_weight",
    promotion=same_dtype,
    x=lambda g, image, geo: _conv_dx(image, g, geo=geo),
    image=lambda g, x, geo: _conv(x, g, None, geo=geo),
)


# -- arguments ---------------------------------------------------------------------------------------------------------


def _check(op: str, input: Any, weight: Any, bias: Any, groups: int, transposed: bool) -> None:
    """Raise unless weight and bias fit the input's channels and the groups."""
    shape, channels = tuple(weight.shape), input.shape[1]
    if groups < 1:
        raise ShapeError(f"{op}(): groups must be positive, got {groups}")
    if len(shape) != input.ndim:
        raise ShapeError(f"{op}(): weight must have {input.ndim} dimensions, got shape {shape}")
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
def _geometry(size: Dims, kernel: Dims, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The geometry that the arguments of conv2d or conv3d describe."""
    dims = len(size)
    op = f"conv{dims}d"
    if padding == "same":
        steps, gaps = per_dim(op, "stride", stride, 1, dims), per_dim(op, "dilation", dilation, 1, dims)
        if max(steps) > 1:
            raise RuntimeError(f"{op}(): padding='same' is not supported for strided convolutions, got stride={steps}")
        before = tuple(d * (k - 1) // 2 for d, k in zip(gaps, kernel, strict=True))
        return Geometry(size, size, kernel, steps, before, gaps, groups)
    if isinstance(padding, str) and padding != "valid":
        raise RuntimeError(f"{op}(): padding must be numbers, 'same' or 'valid', got {padding!r}")
    return geometry(op, size, kernel, stride, 0 if padding == "valid" else padding, dilation, groups)


def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
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
    >>> from tinygrad_fm.nn.functional import conv2d
    >>> conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """

    def run(x: Any) -> Any:
        geo = _of_filters("conv2d", x, weight, bias, stride, padding, dilation, groups)
        return _conv(x, weight, bias, geo=geo)

    return batched("conv2d", input, run)


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
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

    >>> import tinygrad_fm as torch
    >>> torch.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), stride=2).shape
    torch.Size([1, 1, 4, 4])
    """

    def run(x: Any) -> Any:
        geo = _transposed("conv_transpose2d", x, weight, bias, stride, padding, output_padding, groups, dilation)
        y = _conv_dx(x, weight, geo=geo)
        return y if bias is None else y + bias.reshape(1, -1, 1, 1)

    return batched("conv_transpose2d", input, run)


def _of_filters(op: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The geometry of a convolution of ``x`` with ``weight``."""
    _check(op, x, weight, bias, groups, transposed=False)
    size, kernel = tuple(x.shape[2:]), tuple(weight.shape[2:])
    return _geometry(size, kernel, *(hashable(n) for n in (stride, padding, dilation)), groups)


def _transposed(
    op: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any
) -> Geometry:
    """The geometry of the convolution that a transposed one is the adjoint of."""
    _check(op, x, weight, bias, groups, transposed=True)
    dims = x.ndim - 2
    steps, before = per_dim(op, "stride", stride, 1, dims), per_dim(op, "padding", padding, 0, dims)
    more, gaps = per_dim(op, "output_padding", output_padding, 0, dims), per_dim(op, "dilation", dilation, 1, dims)
    if any(m >= max(s, d) for m, s, d in zip(more, steps, gaps, strict=True)):
        raise ShapeError(f"{op}(): output_padding must be smaller than stride or dilation, got {more}, {steps} and {gaps}")
    out, kernel = tuple(x.shape[2:]), tuple(weight.shape[2:])
    size = tuple(in_size(*dim) + m for *dim, m in zip(out, kernel, steps, before, gaps, more, strict=True))
    if min(size) < 1:
        raise ShapeError(f"{op}(): input of size {out} would give a result of size {size}, which is too small")
    return Geometry(size, out, kernel, steps, before, gaps, groups)


def _one_dimensional(op: Callable[..., Any], name: str, input: Any, weight: Any, **options: Any) -> Any:
    """``op`` on sequences, as images of one row."""
    if len(weight.shape) != 3 or input.ndim not in (2, 3):
        raise ShapeError(
            f"{name}(): expected a 2D (unbatched) or 3D (batched) input and a 3D weight, got shapes {tuple(input.shape)} "
            f"and {tuple(weight.shape)}"
        )
    return on_rows(partial(op, weight=unsqueeze(weight, -2)), input, **options)


def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """:func:`conv2d` of sequences: (N, C, L) or (C, L), with weight (O, C/groups, K).

    >>> import tinygrad_fm as torch
    >>> torch.conv1d(torch.ones(1, 1, 5), torch.ones(1, 1, 3))
    tensor([[[3., 3., 3.]]])
    """
    return _one_dimensional(
        partial(conv2d, bias=bias, groups=groups),
        "conv1d",
        input,
        weight,
        stride=(stride, 1),
        padding=(padding, 0),
        dilation=(dilation, 1),
    )


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """:func:`conv_transpose2d` of sequences: (N, C, L) or (C, L), with weight (C, O/groups, K).

    >>> import tinygrad_fm as torch
    >>> torch.conv_transpose1d(torch.ones(1, 1, 2), torch.ones(1, 1, 2), stride=2)
    tensor([[[1., 1., 1., 1.]]])
    """
    return _one_dimensional(
        partial(conv_transpose2d, bias=bias, groups=groups),
        "conv_transpose1d",
        input,
        weight,
        stride=(stride, 1),
        padding=(padding, 0),
        output_padding=(output_padding, 0),
        dilation=(dilation, 1),
    )


# -- volumes -----------------------------------------------------------------------------------------------------------


def _flat(weight: Any) -> Any:
    """Filters (O, C, KD, KH, KW) as those of images whose channels are the slices of a window: (O, C·KD, KH, KW)."""
    first, channels, *kernel = weight.shape
    return to_shape(weight, shape=(first, channels * kernel[0], *kernel[1:]))


def conv3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """:func:`conv2d` of volumes: (N, C, D, H, W) or (C, D, H, W), with weight (O, C/groups, KD, KH, KW).

    The slices that a filter sees along the depth become channels of an image, which :func:`conv2d` filters.

    Args:
        stride, padding, dilation: an int or three of them.

    Returns:
        (N, O, OD, OH, OW), or without N.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import conv3d
    >>> conv3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 2, 2, 2))
    tensor([[[[[8.]]]]])
    """

    def run(x: Any) -> Any:
        geo = _of_filters("conv3d", x, weight, bias, stride, padding, dilation, groups)
        depth, plane = split_depth(geo)
        y = _conv(depth_windows(x, geo=depth), _flat(weight), bias, geo=plane)
        return as_volume(y, x.shape[0], depth.out[0])

    return batched_volume("conv3d", input, run)


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """:func:`conv_transpose2d` of volumes: (N, C, D, H, W) or (C, D, H, W), with weight (C, O/groups, KD, KH, KW).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose3d.html

    >>> import tinygrad_fm as torch
    >>> torch.conv_transpose3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 2, 2, 2), stride=2).shape
    torch.Size([1, 1, 4, 4, 4])
    """

    def run(x: Any) -> Any:
        geo = _transposed("conv_transpose3d", x, weight, bias, stride, padding, output_padding, groups, dilation)
        depth, plane = split_depth(geo)
        y = from_depth_windows(_conv_dx(as_slices(x), _flat(weight), geo=plane), geo=depth)
        return y if bias is None else y + bias.reshape(1, -1, 1, 1, 1)

    return batched_volume("conv_transpose3d", input, run)
