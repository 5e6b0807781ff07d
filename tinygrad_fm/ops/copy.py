"""Copies: ``clone``, ``contiguous``, and ``copy_`` and ``fill_`` as operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.broadcast import broadcasts_to
from ..autograd.broadcast import clone as _clone
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_stored
from ..errors import ShapeError
from .elementwise import Array, quiet, zeros_for
from .shape import to_shape

__all__ = ["clone", "fill"]

# a reshape that never shares memory, also where nothing was repeated
copied = primitive(
    lambda x, shape: x.copy("C").reshape(shape), name="repeat", promotion=None, x=lambda g, x_shape: to_shape(g, shape=x_shape)
)


def clone(input: Any, *, memory_format: Any = None) -> Tensor:
    """A copy, which gradients pass through.

    Args:
        memory_format: ``contiguous_format`` puts the elements in memory in the order of their indices; otherwise they keep
            the order they have.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> y = torch.clone(x).zero_()
    >>> x, y
    (tensor([1., 2.]), tensor([0., 0.]))
    """
    return contiguous(input) if str(memory_format).endswith("contiguous_format") else _clone(input)


contiguous = primitive(lambda x: x.copy("C"), name="contiguous", promotion=None, x=lambda g: g)


def _copied(x: Array, source: Any) -> Array:
    if not broadcasts_to(np.shape(source), x.shape):
        raise ShapeError(f"copy_(): a tensor of shape {np.shape(source)} does not fit into one of shape {x.shape}")
    return np.broadcast_to(source, x.shape).astype(x.dtype)


copy = primitive(
    quiet(_copied), name="copy", promotion=None, broadcasts=True, x=lambda g, x_shape: zeros_for(g, x_shape), source=lambda g: g
)

_fill = primitive(
    lambda x, value: np.full_like(x, as_stored("fill_", value, x.dtype) if isinstance(value, (int, float)) else value),
    name="fill",
    promotion=None,
    broadcasts=True,
    x=lambda g, x_shape: zeros_for(g, x_shape),
    value=lambda g: g,
)


def fill(input: Any, value: Any) -> Tensor:
    """A tensor like ``input`` filled with ``value``, a number or a 0-d tensor. Raises RuntimeError for other tensors.

    >>> import tinygrad_fm as torch
    >>> torch.fill(torch.zeros(2), 3.0)
    tensor([3., 3.])
    """
    if np.ndim(raw(value)):
        raise RuntimeError(f"fill(): value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    return _fill(input, value)
