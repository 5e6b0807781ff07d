"""Padding: elements put around an input, constant or taken from the input itself."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.broadcast import clone
from ..autograd.node import memory_order
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_stored
from ..errors import ShapeError
from .image_geometry import Array
from .indexing import basic, index_select

__all__ = ["pad"]

_Key = tuple[slice, ...]


def _fill_around(x: Array, key: _Key, shape: tuple[int, ...], value: float) -> Array:
    order = memory_order(x)
    if order is None:
        y = np.empty(shape, x.dtype)
    else:
        y = np.empty([shape[axis] for axis in order], x.dtype).transpose(np.argsort(order))
    y.fill(value)
    y[key] = x
    return y


_pad_constant = primitive(_fill_around, name="constant_pad", promotion=None, x=lambda g, key: basic(g, key=key))


def _constant(x: Any, widths: list[tuple[int, int]], value: float) -> Any:
    """Crop where widths are negative, then fill around."""
    shape = tuple(n + low + high for n, (low, high) in zip(x.shape, widths, strict=True))
    if min(shape, default=0) < 0:
        raise ShapeError(f"pad(): an input of shape {tuple(x.shape)} is too small to be cropped by {widths}")
    inside = tuple(slice(max(-low, 0), n + min(high, 0)) for n, (low, high) in zip(x.shape, widths, strict=True))
    x = basic(x, key=inside)
    key = tuple(slice(max(low, 0), max(low, 0) + n) for n, (low, _) in zip(x.shape, widths, strict=True))
    return _pad_constant(x, key=key, shape=shape, value=value)


# mode -> from places along a dimension of size n, some of them outside, to places inside
_INSIDE: dict[str, Callable[[Array, int], Array]] = {
    "reflect": lambda at, n: n - 1 - np.abs(n - 1 - np.abs(at)),
    "replicate": lambda at, n: np.clip(at, 0, n - 1),
}


def _places(mode: str, n: int, low: int, high: int) -> Array:
    """Which of ``n`` elements along a dimension stand in the padded one."""
    if mode == "circular":  # what is cropped on one side is not wrapped around to the other
        kept = np.arange(max(-low, 0), n + min(high, 0))
        low, high, n = max(low, 0), max(high, 0), len(kept)
        return kept[np.arange(-low, n + high) % n]
    return _INSIDE[mode](np.arange(-low, n + high), n)


def _from_inside(x: Any, mode: str, widths: list[tuple[int, int]]) -> Any:
    """``x`` with elements picked along each dimension, some of them several times."""
    for dim, (low, high) in enumerate(widths):
        n = x.shape[dim]
        if low == high == 0:
            continue
        most = {"reflect": n - 1, "circular": n, "replicate": max(low, high) if n else 0}[mode]
        if max(low, high) > most:
            raise ShapeError(
                f"pad(): mode='{mode}' can add at most {most} elements on each side of dimension {dim}, which has size {n}; "
                f"got {low} and {high}"
            )
        if n + low + high < 1:
            raise ShapeError(f"pad(): nothing of dimension {dim}, which has size {n}, is left by padding {low} and {high}")
        x = index_select(x, dim, _places(mode, n, low, high))
    return x


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """``input`` with elements added at both ends of its last dimensions.

    Args:
        input: any shape for mode="constant"; else (N, C, L), (N, C, H, W) or (N, C, D, H, W), or one without N.
        pad: pairs of ints, for the last dimension first: (left, right, top, bottom, …). Negative ones crop.
        mode: "constant"; "reflect" mirrors at the border elements; "replicate" repeats them; "circular" wraps around.
        value: what mode="constant" fills in; 0 if None.

    Raises:
        TypeError: ``pad`` is no pairs of whole numbers.
        ShapeError: pad does not fit the shape. NotImplementedError: an unknown mode. ValueError: a value for another mode.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import pad
    >>> pad(torch.tensor([[1.0, 2.0, 3.0]]), (1, 2), mode="reflect")
    tensor([[2., 1., 2., 3., 2., 1.]])
    """
    try:
        sizes, ndim = [operator.index(n) for n in pad], len(input.shape)
    except TypeError:
        raise TypeError(f"pad(): pad must be pairs of ints, got {pad!r}") from None
    if len(sizes) % 2:
        raise ShapeError(f"pad(): pad must hold pairs of numbers, got {tuple(sizes)}")
    if len(sizes) > 2 * ndim:
        raise ShapeError(f"pad(): pad {tuple(sizes)} is for more dimensions than an input of shape {tuple(input.shape)} has")
    pairs = [(sizes[i], sizes[i + 1]) for i in range(0, len(sizes), 2)]
    widths = [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]
    if mode == "constant":
        return _constant(input, widths, as_stored("pad", value or 0, raw(input).dtype))
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"pad(): mode must be 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}")
    if value is not None and value != 0:
        raise ValueError(f"pad(): mode='{mode}' takes no value, got {value}")
    if ndim not in (len(pairs) + 1, len(pairs) + 2):
        raise NotImplementedError(
            f"pad(): mode='{mode}' pads all dimensions after (N, C) or (C); pad {tuple(sizes)} does not fit an input of shape "
            f"{tuple(input.shape)}"
        )
    y = _from_inside(input, mode, widths)
    return clone(y) if y is input else y  # the result shares no memory with the input
