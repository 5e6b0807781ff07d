"""Distances and similarities between vectors. https://pytorch.org/docs/stable/nn.functional.html#distance-functions"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import box
from ..autograd.broadcast import broadcast_to
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from .clamp import clamp
from .indexing import index_select

__all__ = ["cdist", "cosine_similarity", "dist", "pairwise_distance", "pdist"]


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along ``dim``; the two broadcast.

    Raises:
        ShapeError: the two do not broadcast.

    >>> import tinygrad_fm as torch
    >>> torch.cosine_similarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    try:
        shape = np.broadcast_shapes(x1.shape, x2.shape)  # a negative dim counts in what they broadcast to
    except ValueError:
        raise ShapeError(f"cosine_similarity(): shapes {tuple(x1.shape)} and {tuple(x2.shape)} do not broadcast") from None
    x1, x2 = (x if tuple(x.shape) == shape else broadcast_to(x, shape=shape) for x in (x1, x2))
    lengths = (clamp(x.norm(2.0, dim, keepdim=True), min=eps) for x in (x1, x2))
    a, b = (x / length for x, length in zip((x1, x2), lengths, strict=True))
    return (a * b).sum(dim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 − x2 + eps along the last dimension.

    >>> import tinygrad_fm as torch
    >>> torch.pairwise_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


def pdist(input: Any, p: float = 2.0) -> Tensor:
    """The p-norms between all pairs of rows of ``input`` (N, M): (N · (N − 1) / 2,), row 0 with 1, 2, …, row 1 with 2, …

    Raises:
        ShapeError: ``input`` has not 2 dimensions, or ``p`` is negative.

    >>> import tinygrad_fm as torch
    >>> torch.pdist(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    if input.ndim != 2 or p < 0:
        raise ShapeError(f"pdist(): expected a 2D tensor and a norm that is not negative, got {tuple(input.shape)} and {p}")
    first, second = np.triu_indices(input.shape[0], 1)
    return (index_select(input, 0, box(first)) - index_select(input, 0, box(second))).norm(p, 1)


def dist(input: Any, other: Any, p: float = 2) -> Tensor:
    """The p-norm of the difference.

    >>> import tinygrad_fm as torch
    >>> torch.dist(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    return (input - other).norm(p)


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-norms between every row of ``x1`` (…, P, M) and every row of ``x2`` (…, R, M): (…, P, R).

    Raises:
        ShapeError: the two have different last sizes.

    >>> import tinygrad_fm as torch
    >>> torch.cdist(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(f"cdist(): x1 {tuple(x1.shape)} and x2 {tuple(x2.shape)} must agree in their last size")
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)
