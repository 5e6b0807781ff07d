"""Distances and similarities of vectors, and the losses built on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.broadcast import broadcast_to
from ..autograd.primitive import raw
from .activation import softplus
from .elementwise import where
from .limits import clamp, minimum
from .loss import chosen_reduction, reduced


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """``input`` divided by its p-norm along ``dim``, or by ``eps`` where that is larger.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.ops.distance import normalize
    >>> normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    return input / clamp(input.norm(p, dim, keepdim=True), min=eps)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along ``dim``; the two broadcast."""
    shape = np.broadcast_shapes(x1.shape, x2.shape)  # a negative dim counts in what they broadcast to
    x1, x2 = (x if tuple(x.shape) == shape else broadcast_to(x, shape=shape) for x in (x1, x2))
    lengths = (clamp(x.norm(2.0, dim, keepdim=True), min=eps) for x in (x1, x2))
    a, b = (x / length for x, length in zip((x1, x2), lengths, strict=True))
    return (a * b).sum(dim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The p-norm of x1 − x2 + eps along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """1 − cos where target is 1, max(0, cos − margin) where it is −1; cos is that of the angle between the two inputs.

    Args:
        input1, input2: (N, D) or (D,). target: (N,) or (), of 1 and −1.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    eps = 1e-12
    squares = ((input1 * input1).sum(-1) + eps) * ((input2 * input2).sum(-1) + eps)
    cosine = (input1 * input2).sum(-1) / squares.sqrt()
    t = raw(target)
    apart = where(t == -1, clamp(cosine - margin, min=0.0), 0.0)
    return reduced(where(t == 1, 1 - cosine, apart), reduction)


def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """max(0, −target · (input1 − input2) + margin): target says which should be larger, 1 the first, −1 the second."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    return reduced(clamp(-target * (input1 - input2) + margin, min=0.0), reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """max(0, d(anchor, positive) − d(anchor, negative) + margin), d being :func:`pairwise_distance`.

    Args:
        anchor, positive, negative: (N, D) or (D,).
        swap: use d(positive, negative) where that is smaller than d(anchor, negative).
    """
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss(): margin must be greater than 0, got {margin}")
    reduction = chosen_reduction(size_average, reduce, reduction)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(clamp(near - far + margin, min=0.0), reduction)


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """``input`` where target is 1, max(0, margin − input) where it is −1."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    t = raw(target)
    apart = where(t != 1, clamp(margin - input, min=0.0), 0.0)
    return reduced(apart + where(t != -1, input, 0.0), reduction)


def soft_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Any:
    """log(1 + exp(−target · input)) for targets of 1 and −1."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    return reduced(softplus(-target * input, threshold=float("inf")), reduction)
