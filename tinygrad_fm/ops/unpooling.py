"""Maxima put back where pooling found them. https://pytorch.org/docs/stable/nn.functional.html#pooling-functions"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.box import raw
from ..autograd.tensor_type import Tensor
from ..dtypes import OURS
from ..errors import OutOfRangeError, ShapeError
from ._arguments import per_dim
from .creation import zeros
from .gather_scatter import scatter
from .image_geometry import in_size
from .pooling import step_of

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]


def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Puts the maxima that ``max_pool2d(…, return_indices=True)`` gave back where they were, among zeros.

    Args:
        output_size: the size before pooling, if the windows leave more than one possible.

    Raises:
        ValueError: an ``output_size`` that the windows don't allow. ShapeError: indices of another shape.
        IndexError: an index beyond the result.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> y, where = F.max_pool2d(torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]), 2, return_indices=True)
    >>> F.max_unpool2d(y, where, 2)
    tensor([[[[0., 0.],
              [4., 0.]]]])
    """
    return _unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool1d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """:func:`max_unpool2d` of sequences: (N, C, L) or (C, L).

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> y, where = F.max_pool1d(torch.tensor([[[1.0, 2.0, 4.0, 3.0]]]), 2, return_indices=True)
    >>> F.max_unpool1d(y, where, 2)
    tensor([[[0., 2., 4., 0.]]])
    """
    return _unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """:func:`max_unpool2d` of volumes: (N, C, D, H, W) or (C, D, H, W).

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> y, indices = F.max_pool3d(torch.arange(8.0).reshape(1, 1, 2, 2, 2), 2, return_indices=True)
    >>> F.max_unpool3d(y, indices, 2).flatten()
    tensor([0., 0., 0., 0., 0., 0., 0., 7.])
    """
    return _unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _unpool(op: str, dims: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Any:
    """The maxima of windows of ``dims`` dimensions put back; see :func:`max_unpool2d`."""
    kernel = per_dim(op, "kernel_size", kernel_size, 1, dims)
    steps, pads = per_dim(op, "stride", step_of(kernel, stride), 1, dims), per_dim(op, "padding", padding, 0, dims)
    if input.ndim not in (dims + 1, dims + 2):
        raise ShapeError(f"{op}(): expected a {dims + 1}D or {dims + 2}D input, got shape {tuple(input.shape)}")
    if tuple(indices.shape) != tuple(input.shape):
        raise ShapeError(f"{op}(): indices must have input's shape {tuple(input.shape)}, got {tuple(indices.shape)}")
    size = tuple(map(in_size, input.shape[-dims:], kernel, steps, pads))
    if output_size is not None:
        wanted = tuple(output_size)[-dims:]
        if len(wanted) != dims or any(not n - s < w < n + s for n, s, w in zip(size, steps, wanted, strict=True)):
            raise ValueError(
                f"{op}(): invalid output_size {tuple(output_size)}: with these windows, each size must be less than the stride "
                f"{steps} away from {size}"
            )
        size = wanted
    lead, cells, places = tuple(input.shape[:-dims]), math.prod(size), raw(indices)
    if places.size and not 0 <= places.min() <= places.max() < cells:
        raise OutOfRangeError(f"{op}(): indices must be from 0 to {cells - 1}, got {places.min()} to {places.max()}")
    flat = zeros((*lead, cells), dtype=OURS[raw(input).dtype])
    rows = (*lead, -1)
    return scatter(flat, -1, indices.reshape(rows), input.reshape(rows)).reshape(*lead, *size)
