"""Elements moved between channels and space: ``pixel_shuffle`` and its inverse, ``channel_shuffle``."""

from __future__ import annotations

from typing import Any

from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from .copy import copied
from .shape import permute, to_shape

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """(…, C·r², H, W) → (…, C, H·r, W·r): r² channels become r × r pixels. Source: Shi et al. 2016, section 3.2.

    Raises:
        ShapeError: ``input`` has fewer than 3 dimensions, or r² does not divide the channels.

    >>> import tinygrad_fm as torch
    >>> torch.pixel_shuffle(torch.ones(1, 4, 2, 2), 2).shape
    torch.Size([1, 1, 4, 4])
    """
    r = upscale_factor
    if len(input.shape) < 3 or r < 1 or input.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle(): {r}² must divide the channels of (…, C, H, W), got shape {tuple(input.shape)}")
    *lead, c, h, w = input.shape
    k = len(lead)
    x = to_shape(input, shape=(*lead, c // (r * r), r, r, h, w))
    x = permute(x, dims=(*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return copied(x, shape=(*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """(…, C, H·r, W·r) → (…, C·r², H, W): the way back from :func:`pixel_shuffle`.

    Raises:
        ShapeError: ``input`` has fewer than 3 dimensions, or r does not divide height and width.

    >>> import tinygrad_fm as torch
    >>> torch.pixel_unshuffle(torch.ones(1, 1, 4, 4), 2).shape
    torch.Size([1, 4, 2, 2])
    """
    r = downscale_factor
    if len(input.shape) < 3 or r < 1 or input.shape[-2] % r or input.shape[-1] % r:
        raise ShapeError(f"pixel_unshuffle(): {r} must divide height and width, got shape {tuple(input.shape)}")
    *lead, c, h, w = input.shape
    k = len(lead)
    x = to_shape(input, shape=(*lead, c, h // r, r, w // r, r))
    x = permute(x, dims=(*range(k), k, k + 2, k + 4, k + 1, k + 3))
    return copied(x, shape=(*lead, c * r * r, h // r, w // r))


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """(N, C, …) with the channels of the groups taken in turns: channel g · C/groups + i becomes i · groups + g.

    Raises:
        ShapeError: ``input`` has fewer than 3 dimensions.
        RuntimeError: ``groups`` is not positive, or does not divide the channels.

    >>> import tinygrad_fm as torch
    >>> torch.channel_shuffle(torch.arange(4).reshape(1, 4, 1, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    if input.ndim < 3:
        raise ShapeError(f"channel_shuffle(): expected an input of 3 dimensions or more, got shape {tuple(input.shape)}")
    if groups <= 0:
        raise RuntimeError(f"channel_shuffle(): Number of groups to divide channels in must be positive, got {groups}")
    n, c, *rest = input.shape
    if c % groups:
        raise RuntimeError(f"channel_shuffle(): {c} channels cannot be divided into {groups} groups")
    return input.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(input.shape)
