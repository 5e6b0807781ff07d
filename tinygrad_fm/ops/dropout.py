"""Dropout: elements or whole channels set to 0 at random while training.

Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.inplace import inplace as run_inplace
from ..autograd.node import memory_order
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ..promotion import only_floats
from ..random import bits, draw_samples
from .elementwise import where

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

Array = np.ndarray[Any, Any]

# the mask is an input without gradient: whoever draws it decides, and the rule needs nothing else
_dropout = primitive(np.multiply, name="dropout", promotion=only_floats, inputs="x mask", x=lambda g, mask: g * mask)


def _survivors(shape: tuple[int, ...], p: float, samples: int) -> tuple[Array, int]:
    """Random integers, and the lowest with which an element survives, so that each does with probability 1 − p.

    ``samples`` is the axis of the batch."""
    # a byte is enough for 1/2 or 1/4
    kind, values = (np.uint8, 2**8) if (p * 2**8).is_integer() else (np.uint32, 2**32)

    def draw(n: int) -> Array:
        whole = (*shape[:samples], n, *shape[samples + 1 :])
        return np.frombuffer(bits().bytes(math.prod(whole) * np.dtype(kind).itemsize), kind).reshape(whole)

    drawn = draw_samples(shape[samples], draw, samples) if shape else draw(1).reshape(())
    return drawn, round(p * values)


def draw_mask(x: Array, p: float, shape: tuple[int, ...] | None = None) -> Array:
    """0 with probability ``p``, else 1 / (1 − p): of ``x``'s dtype, and of its shape and memory order or ``shape``."""
    if p == 1:
        return np.zeros(x.shape if shape is None else shape, x.dtype)
    order = memory_order(x) if shape is None else None
    if shape is None:
        shape = x.shape if order is None else tuple(x.shape[axis] for axis in order)
    samples = 0 if order is None else order.index(0)  # the axis of the batch, as memory has it
    drawn, lowest = _survivors(shape, p, samples)
    mask = np.greater_equal(drawn, lowest, out=np.empty(shape, x.dtype), casting="unsafe")
    mask *= 1 / (1 - p)
    return mask if order is None else mask.transpose(np.argsort(order))


def _check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _apply(input: Any, p: float, training: bool, inplace: bool, shape: tuple[int, ...] | None) -> Any:
    _check_probability(p)
    x = raw(input)
    if not training or p == 0 or not x.size:
        return input
    mask = draw_mask(x, float(p), shape)
    return run_inplace(_dropout, input, mask) if inplace else _dropout(input, mask)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While training, set each element to 0 with probability ``p``, else divide it by 1 − p, so that means are kept.

    Args:
        input: any shape, floating-point.
        p: from 0 to 1.
        training: False returns the input.
        inplace: write the result into the input.

    Raises ValueError for a ``p`` that is no probability.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import dropout
    >>> dropout(torch.ones(3), 0.5, training=False)
    tensor([1., 1., 1.])
    """
    return _apply(input, p, training, inplace, None)


def _channels(input: Any, p: float, training: bool, inplace: bool, single: bool) -> Any:
    """Dropout of whole channels: (N, C, …), or (C, …) for a single sample."""
    shape = tuple(raw(input).shape)
    kept = 1 if single else 2
    return _apply(input, p, training, inplace, shape[:kept] + (1,) * (len(shape) - kept))


def _need_channels(op: str, input: Any, p: float, training: bool) -> None:
    if training and 0 < p < 1 and input.ndim < 2:
        raise ShapeError(f"{op}(): Feature dropout requires at least 2 dimensions in the input, got {input.ndim}")


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels of (N, C, L) or (C, L).

    Raises:
        ShapeError: ``input`` has neither 2 nor 3 dimensions.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.dropout1d(torch.ones(1, 2, 3), training=False).sum()
    tensor(6.)
    """
    if input.ndim not in (2, 3):
        raise ShapeError(f"dropout1d(): Expected 2D or 3D input, but received a {input.ndim}D input")
    return _channels(input, p, training, inplace, input.ndim == 2)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels of (N, C, H, W).

    As in PyTorch, other inputs of two dimensions or more are taken as (N, C, …), with a warning: also three, which are not
    (C, H, W).

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.dropout2d(torch.ones(1, 2, 3, 3), training=False).sum()
    tensor(18.)
    """
    _need_channels("dropout2d", input, p, training)
    if input.ndim != 4:
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input, which is taken as (N, C, ...); "
            "use dropout1d for (N, C, L), and give a single image (C, H, W) a batch dimension",
            UserWarning,
            stacklevel=2,
        )
    return _channels(input, p, training, inplace, single=False)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """:func:`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W). Warns of other inputs, taken as (C, …).

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.dropout3d(torch.ones(1, 2, 3, 3, 3), training=False).sum()
    tensor(54.)
    """
    if input.ndim not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.ndim}-D input, which is taken as (C, ...); use dropout instead",
            UserWarning,
            stacklevel=2,
        )
    return _channels(input, p, training, inplace, input.ndim != 5)


_SELU_FLOOR = -1.7580993408473766  # what selu tends to for very negative inputs: −alpha · scale


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for :func:`selu`: sets to its lower limit, then scales and shifts so that mean 0 and variance 1 are kept.

    Source: Klambauer et al. 2017, "Self-normalizing neural networks", section 3.

    >>> import tinygrad_fm as torch
    >>> torch.alpha_dropout(torch.ones(3), 0.5, False)
    tensor([1., 1., 1.])
    """
    return _alpha_dropout(input, p, training, inplace, None)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """:func:`alpha_dropout` of whole channels of (N, C, …).

    >>> import tinygrad_fm as torch
    >>> torch.feature_alpha_dropout(torch.ones(3), 0.5, False)
    tensor([1., 1., 1.])
    """
    _need_channels("feature_alpha_dropout", input, p, training)
    return _alpha_dropout(input, p, training, inplace, (*input.shape[:2], *(1,) * (input.ndim - 2)))


def _alpha_dropout(input: Any, p: float, training: bool, inplace: bool, shape: tuple[int, ...] | None) -> Any:
    _check_probability(p)
    x = raw(input)
    if not training or p == 0 or not x.size:
        return input
    dropped = draw_mask(x, float(p), shape) == 0
    scale = ((1 - p) * (1 + p * _SELU_FLOOR**2)) ** -0.5 if p < 1 else 0.0
    shift = -scale * _SELU_FLOOR * p

    def op(x: Any) -> Any:
        return where(dropped, _SELU_FLOOR, x) * scale + shift

    op.__name__ = "alpha_dropout"
    return run_inplace(op, input) if inplace else op(input)
