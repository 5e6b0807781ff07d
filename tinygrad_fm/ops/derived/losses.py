"""Losses made of others; ``reduction`` is "mean", "sum" or "none". https://pytorch.org/docs/stable/nn.functional.html"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ... import ops
from ...autograd.primitive import is_tensor
from ...errors import ShapeError
from ..loss import chosen_reduction, reduced


def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    """(log v + (input − target)² / v) / 2 with v = max(var, eps): how unlikely ``target`` is for that mean and variance.

    Args:
        var: of the input's shape, or with a last dimension of 1, or without it.
        full: add the constant log(2π) / 2. eps: as a bound of v it has no gradient.
    """
    var = var if is_tensor(var) else ops.full_like(input, var)
    if bool((var < 0).any()):
        raise ValueError("gaussian_nll_loss(): var has a negative entry")
    if var.ndim == input.ndim - 1:
        var = var.unsqueeze(-1)
    var = var + (ops.clamp(var, min=eps) - var).detach()
    loss = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, chosen_reduction(None, None, reduction))


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """exp(input) − target · input: how unlikely the counts ``target`` are if ``input`` is the logarithm of the rate.

    Args:
        log_input: False: ``input`` is the rate, and the loss input − target · log(input + eps).
        full: add Stirling's approximation of log(target!) where target is above 1.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    loss = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        above = ops.where(target > 1, target, 1.0)
        stirling = above * ops.log(above) - above + 0.5 * ops.log(2 * math.pi * above)
        loss = loss + ops.where(target > 1, stirling, 0.0)
    return reduced(loss, reduction)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Σ max(0, margin − input[target] + input[i])^p / K over the classes i other than the target.

    Args:
        input: (N, K) or (K,). target: (N,) or (), class indices. p: 1 or 2. weight: (K,), of the target's class.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss(): only p == 1 and p == 2 supported, got {p}")
    x, t = (input, target) if input.ndim == 2 else (input.reshape(1, -1), target.reshape(1))
    if not x.shape[1] or t.ndim != 1 or t.is_floating_point():
        raise ShapeError(
            "multi_margin_loss(): expected an input (N, K) with K > 0 and N class indices (int64), "
            f"got shapes {tuple(input.shape)} and {tuple(target.shape)} of {target.dtype}"
        )
    if weight is not None and (weight.ndim != 1 or len(weight) != x.shape[1]):
        raise ShapeError(f"multi_margin_loss(): expected a weight of shape ({x.shape[1]},), got {tuple(weight.shape)}")
    own = ops.gather(x, 1, t.unsqueeze(1))
    loss = ops.clamp(margin - own + x, min=0.0) ** p
    if weight is not None:
        loss = loss * weight[t].unsqueeze(1)
    others = 1 - ops.one_hot(t, x.shape[1]).to(x.dtype)
    loss = (loss * others).sum(1) / x.shape[1]
    return reduced(loss if input.ndim == 2 else loss.squeeze(0), reduction)


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The mean over the classes of :func:`binary_cross_entropy_with_logits`, for targets of 0 and 1."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    loss = -(target * ops.logsigmoid(input) + (1 - target) * ops.logsigmoid(-input))
    return reduced((loss if weight is None else loss * weight).mean(-1), reduction)


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """:func:`triplet_margin_loss` with a distance of one's own."""
    if margin <= 0:
        raise ValueError(f"triplet_margin_with_distance_loss(): margin must be greater than 0, got {margin}")
    far = distance_function or ops.pairwise_distance
    near, apart = far(anchor, positive), far(anchor, negative)
    if swap:
        apart = ops.minimum(apart, far(positive, negative))
    return reduced(ops.clamp(near - apart + margin, min=0.0), chosen_reduction(None, None, reduction))
