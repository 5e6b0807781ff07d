"""Losses: how far predictions are from targets.

``reduction`` is "mean", "sum" or "none" everywhere; ``size_average`` and ``reduce`` are its older form.
https://pytorch.org/docs/stable/nn.functional.html#loss-functions
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..autograd.primitive import primitive, raw
from ..errors import ShapeError
from .activation import logsigmoid, only_floats
from .elementwise import exp, log, quiet, where
from .further import square
from .limits import clamp

Array = np.ndarray[Any, Any]


def chosen_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, also where it is asked for in PyTorch's older form. Raises ValueError for an unknown one."""
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        warnings.warn(f"size_average and reduce are deprecated; use reduction='{reduction}'", UserWarning, stacklevel=3)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction!r} is not a valid value for reduction; expected 'mean', 'sum' or 'none'")
    return reduction


def reduced(loss: Any, reduction: str) -> Any:
    """The elements' losses, or their mean or sum."""
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def _warn_of_broadcast(op: str, input: Any, target: Any) -> None:
    a, b = raw(input).shape, raw(target).shape
    if a != b:
        warnings.warn(
            f"{op}(): the target's shape {b} differs from the input's {a}; they are broadcast, which is seldom meant",
            UserWarning,
            stacklevel=3,
        )


def _need_alike(op: str, input: Any, target: Any) -> None:
    a, b = raw(input).shape, raw(target).shape
    if a != b:
        raise ShapeError(f"{op}(): target must have the input's shape {a}, got {b}")


# -- numbers -----------------------------------------------------------------------------------------------------------


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """(input − target)². Warns if the shapes differ.

    Args:
        weight: how much each element counts, of the input's shape; "mean" then divides by the sum of the weights.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _warn_of_broadcast("mse_loss", input, target)
    loss = square(input - target)
    if weight is None:
        return reduced(loss, reduction)
    _need_alike("mse_loss", input, weight)
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduced(loss, reduction)


def l1_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Any:
    """|input − target|. Warns if the shapes differ; the derivative where they are equal is 0."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    _warn_of_broadcast("l1_loss", input, target)
    return reduced(abs(input - target), reduction)


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """d² / (2 beta) where d = |input − target| is below ``beta``, elsewhere d − beta / 2; for beta = 0 the L1 loss.

    Source: Girshick 2015, "Fast R-CNN", equation 3.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss(): beta must not be negative, got {beta}")
    _warn_of_broadcast("smooth_l1_loss", input, target)
    d = input - target
    if beta == 0:
        return reduced(abs(d), reduction)
    return reduced(where(np.abs(raw(d)) < beta, d * d * (0.5 / beta), abs(d) - 0.5 * beta), reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """d² / 2 where d = |input − target| is at most ``delta``, elsewhere delta · (d − delta / 2).

    Args:
        weight: how much each element counts, of the input's shape; "mean" then divides by the sum of the weights.
    """
    reduction = chosen_reduction(None, None, reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss(): delta must be positive, got {delta}")
    _warn_of_broadcast("huber_loss", input, target)
    d = input - target
    loss = where(np.abs(raw(d)) <= delta, d * d * 0.5, (abs(d) - 0.5 * delta) * delta)
    if weight is None:
        return reduced(loss, reduction)
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduced(loss, reduction)


# -- probabilities -----------------------------------------------------------------------------------------------------


def _log_loss(x: Array, t: Array) -> Array:
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        raise RuntimeError("binary_cross_entropy(): all elements of input must be probabilities, from 0 to 1")
    return (t - 1) * np.maximum(np.log1p(-x), -100) - t * np.maximum(np.log(x), -100)


_binary_cross_entropy = primitive(
    quiet(_log_loss),
    name="binary_cross_entropy",
    promotion=only_floats,
    input=lambda g, input, target: g * ((input - target) / clamp(input * (1 - input), min=1e-12)),
    target=lambda g, input: g * (clamp(log(1 - input), min=-100.0) - clamp(log(input), min=-100.0)),
)


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """−(t · log p + (1 − t) · log(1 − p)) for probabilities p and targets t of one shape, logarithms kept above −100.

    Args:
        weight: how much each element counts; broadcasts to the input.

    Raises ShapeError (a ValueError) if the shapes differ, RuntimeError if an element of input is not from 0 to 1.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _need_alike("binary_cross_entropy", input, target)
    loss = _binary_cross_entropy(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """:func:`binary_cross_entropy` of sigmoid(input), exactly: (1 − t) · x − (1 + (w − 1) · t) · logsigmoid(x).

    Args:
        weight: how much each element counts; broadcasts to the input.
        pos_weight: w, how much the positive part of each target counts; broadcasts to the input.

    Raises ShapeError (a ValueError) if the shapes differ.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _need_alike("binary_cross_entropy_with_logits", input, target)
    positive = logsigmoid(input)
    if pos_weight is not None:
        positive = positive * ((pos_weight - 1) * target + 1)
    loss = (1 - target) * input - positive
    return reduced(loss if weight is None else loss * weight, reduction)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """The Kullback–Leibler divergence, target · (log target − input), of a log-probability ``input`` from ``target``.

    Args:
        reduction: besides the usual ones "batchmean", the sum divided by N, as the divergence's mean is defined.
        log_target: whether target holds logarithms, too.
    """
    batchmean = reduction == "batchmean"
    reduction = chosen_reduction(size_average, reduce, "sum" if batchmean else reduction)
    if reduction == "mean":
        warnings.warn(
            "kl_div(): 'mean' divides by the number of elements; 'batchmean', by that of samples, is the divergence",
            UserWarning,
            stacklevel=2,
        )
    if log_target:
        loss = exp(target) * (target - input)
    else:
        positive = raw(target) > 0  # 0 · log 0 is 0
        entropy = where(positive, target * log(where(positive, target, 1.0)), raw(target) * 0.0)
        loss = entropy - target * input
    total = reduced(loss, reduction)
    return total / raw(input).shape[0] if batchmean and raw(input).ndim else total
