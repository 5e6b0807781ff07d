"""Losses: how far predictions are from targets.

``reduction`` is "mean", "sum" or "none" everywhere; ``size_average`` and ``reduce`` are its older form.
https://pytorch.org/docs/stable/nn.functional.html#loss-functions
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.box import box, is_tensor, raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import int64
from ..errors import ShapeError
from ..promotion import only_floats
from .activation import _hardtanh, logsigmoid, softplus
from .clamp import clamp
from .creation import full_like
from .distance import pairwise_distance
from .elementwise import exp, log, minimum, quiet, square, where
from .embedding import one_hot
from .gather_scatter import gather
from .special import xlogy

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]

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


def warn_of_probabilities(op: str, input: Any, made_by: str, expected: str) -> None:
    """Warn where ``input`` comes straight from the operation ``made_by``, whose results are probabilities, and the loss ``op``
    expects something else. Such a loss is still a number that falls, only badly, and nothing else tells of the mistake."""
    op_before = getattr(getattr(input, "_node", None), "op", None)
    if op_before is not None and op_before.name == made_by:
        warnings.warn(f"{op}(): input comes from {made_by}, but {expected}", UserWarning, stacklevel=3)


def _need_alike(op: str, input: Any, target: Any) -> None:
    a, b = raw(input).shape, raw(target).shape
    if a != b:
        raise ShapeError(f"{op}(): target must have the input's shape {a}, got {b}")


def _need_same_ndim(op: str, **tensors: Any) -> None:
    if len({t.ndim for t in tensors.values()}) > 1:
        shapes = ", ".join(f"{name} {tuple(t.shape)}" for name, t in tensors.items())
        raise ShapeError(f"{op}(): expected tensors with the same number of dimensions, got {shapes}")


# -- numbers -----------------------------------------------------------------------------------------------------------


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """(input − target)². Warns if the shapes differ.

    Args:
        weight: how much each element counts, of the input's shape; "mean" then divides by the sum of the weights.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0]))
    tensor(2.)
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
) -> Tensor:
    """|input − target|. Warns if the shapes differ; the derivative where they are equal is 0.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0]))
    tensor(1.)
    """
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
) -> Tensor:
    """d² / (2 beta) where d = |input − target| is below ``beta``, elsewhere d − beta / 2; for beta = 0 the L1 loss.

    Raises:
        RuntimeError: ``beta`` below 0.

    Source: Girshick 2015, "Fast R-CNN", equation 3.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.smooth_l1_loss(torch.tensor([0.0, 0.0]), torch.tensor([0.5, 3.0]), reduction="none")
    tensor([0.1250, 2.5000])
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss(): beta must not be negative, got {beta}")
    _warn_of_broadcast("smooth_l1_loss", input, target)
    d = input - target
    return reduced(abs(d) if beta == 0 else _huber(d, beta) / beta, reduction)


def _huber(d: Any, delta: float) -> Any:
    """d² / 2 where |d| is at most ``delta``, elsewhere delta · (|d| − delta / 2): b · (d − b / 2), with b for d clamped."""
    bounded = _hardtanh(d, low=-float(delta), high=float(delta))
    return bounded * (d - bounded * 0.5)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """d² / 2 where d = |input − target| is at most ``delta``, elsewhere delta · (d − delta / 2).

    Args:
        weight: how much each element counts, of the input's shape; "mean" then divides by the sum of the weights.

    Raises:
        RuntimeError: ``delta`` is not positive.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.huber_loss(torch.tensor([0.0, 0.0]), torch.tensor([0.5, 3.0]), reduction="none")
    tensor([0.1250, 2.5000])
    """
    reduction = chosen_reduction(None, None, reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss(): delta must be positive, got {delta}")
    _warn_of_broadcast("huber_loss", input, target)
    loss = _huber(input - target, delta)
    if weight is None:
        return reduced(loss, reduction)
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduced(loss, reduction)


# -- probabilities -----------------------------------------------------------------------------------------------------


def _log_loss(x: Array, t: Array) -> Array:
    for name, values in (("input", x), ("target", t)):
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise RuntimeError(f"binary_cross_entropy(): all elements of {name} must be probabilities, from 0 to 1")
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
) -> Tensor:
    """−(t · log p + (1 − t) · log(1 − p)) for probabilities p and targets t of one shape, logarithms kept above −100.

    Args:
        weight: how much each element counts; broadcasts to the input.

    Raises ShapeError (a ValueError) if the shapes differ, RuntimeError if an element of input is not from 0 to 1.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([1.0]))
    tensor(0.6931)
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
) -> Tensor:
    """:func:`binary_cross_entropy` of sigmoid(input), exactly: −(1 − t) · logsigmoid(−x) − w · t · logsigmoid(x).

    Args:
        weight: how much each element counts; broadcasts to the input.
        pos_weight: w, how much the positive part of each target counts; broadcasts to the input.

    Raises ShapeError (a ValueError) if the shapes differ.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _need_alike("binary_cross_entropy_with_logits", input, target)
    warn_of_probabilities(
        "binary_cross_entropy_with_logits", input, "sigmoid", "this loss takes the sigmoid itself: give it the logits"
    )
    positive = logsigmoid(input) * (target if pos_weight is None else pos_weight * target)
    loss = (target - 1) * logsigmoid(-input) - positive
    return reduced(loss if weight is None else loss * weight, reduction)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """The Kullback–Leibler divergence, target · (log target − input), of a log-probability ``input`` from ``target``.

    Args:
        reduction: besides the usual ones "batchmean", the sum divided by N, as the divergence's mean is defined.
        log_target: whether target holds logarithms, too.

    >>> import tinygrad_fm as torch
    >>> torch.kl_div(torch.tensor([0.5, 0.5]).log(), torch.tensor([0.5, 0.5]), reduction="sum")
    tensor(0.)
    """
    batchmean = reduction == "batchmean"
    reduction = chosen_reduction(size_average, reduce, "sum" if batchmean else reduction)
    if reduction == "mean":
        warnings.warn(
            "kl_div(): 'mean' divides by the number of elements; 'batchmean', by that of samples, is the divergence",
            UserWarning,
            stacklevel=2,
        )
    loss = exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    total = reduced(loss, reduction)
    return total / raw(input).shape[0] if batchmean and raw(input).ndim else total


def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 − cos where target is 1, max(0, cos − margin) where it is −1; cos is that of the angle between the two inputs.

    Args:
        input1, input2: (N, D) or (D,). target: (N,) or (), of 1 and −1.

    Raises:
        ShapeError: ``target`` has more than one dimension, or an input not one more than ``target``.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.cosine_embedding_loss(torch.ones(1, 2), torch.ones(1, 2), torch.tensor([-1.0]))
    tensor(1.)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if target.ndim > 1:
        raise ShapeError("cosine_embedding_loss(): 0D or 1D target tensor expected, multi-target not supported")
    if not input1.ndim == input2.ndim == target.ndim + 1:
        raise ShapeError(
            f"cosine_embedding_loss(): {target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs "
            f"with sizes {list(input1.shape)} and {list(input2.shape)}"
        )
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
) -> Tensor:
    """max(0, −target · (input1 − input2) + margin): target says which should be larger, 1 the first, −1 the second.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.margin_ranking_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _need_same_ndim("margin_ranking_loss", input1=input1, input2=input2, target=target)
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
) -> Tensor:
    """max(0, d(anchor, positive) − d(anchor, negative) + margin), d being :func:`pairwise_distance`.

    Args:
        anchor, positive, negative: (N, D) or (D,).
        swap: use d(positive, negative) where that is smaller than d(anchor, negative).

    Raises:
        ValueError: ``margin`` is not positive.
        ShapeError: the three have different numbers of dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.triplet_margin_loss(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2) * 3)
    tensor(0.)
    """
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss(): margin must be greater than 0, got {margin}")
    reduction = chosen_reduction(size_average, reduce, reduction)
    _need_same_ndim("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
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
) -> Tensor:
    """``input`` where target is 1, max(0, margin − input) where it is −1.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.hinge_embedding_loss(torch.tensor([0.25]), torch.tensor([-1.0]))
    tensor(0.7500)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    t = raw(target)
    apart = where(t != 1, clamp(margin - input, min=0.0), 0.0)
    return reduced(apart + where(t != -1, input, 0.0), reduction)


def soft_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(−target · input)) for targets of 1 and −1.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.soft_margin_loss(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    return reduced(softplus(-target * input, threshold=float("inf")), reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log v + (input − target)² / v) / 2 with v = max(var, eps): how unlikely ``target`` is for that mean and variance.

    Args:
        var: of the input's shape, or with one of its dimensions as 1, or without the last.
        full: add the constant log(2π) / 2. eps: as a bound of v it has no gradient.

    Raises:
        ValueError: ``var`` has a negative element.
        ShapeError: ``var`` has another shape than these.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.gaussian_nll_loss(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([1.0]))
    tensor(0.5000)
    """
    var = var if is_tensor(var) else full_like(input, var)
    if bool((var < 0).any()):
        raise ValueError("gaussian_nll_loss(): var has a negative entry")
    if tuple(var.shape) == tuple(input.shape[:-1]):
        var = var.unsqueeze(-1)
    others = [n for n, wanted in zip(var.shape, input.shape, strict=False) if n != wanted]
    if len(var.shape) != len(input.shape) or others not in ([], [1]):
        raise ShapeError(f"gaussian_nll_loss(): var is of incorrect size {tuple(var.shape)} for an input {tuple(input.shape)}")
    var = var + (clamp(var, min=eps) - var).detach()
    loss = 0.5 * (log(var) + (input - target) ** 2 / var)
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
) -> Tensor:
    """exp(input) − target · input: how unlikely the counts ``target`` are if ``input`` is the logarithm of the rate.

    Args:
        log_input: False: ``input`` is the rate, and the loss input − target · log(input + eps).
        full: add Stirling's approximation of log(target!) where target is above 1.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.poisson_nll_loss(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(1.)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        above = where(target > 1, target, 1.0)
        stirling = above * log(above) - above + 0.5 * log(2 * math.pi * above)
        loss = loss + where(target > 1, stirling, 0.0)
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
) -> Tensor:
    """Σ max(0, margin − input[target] + input[i])^p / K over the classes i other than the target.

    Args:
        input: (N, K) or (K,). target: (N,) or (), class indices. p: 1 or 2. weight: (K,), of the target's class.

    Raises:
        ValueError: ``p`` is neither 1 nor 2.
        ShapeError: no classes, a ``target`` of floats or more than one dimension, or a ``weight`` of another shape.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.multi_margin_loss(torch.tensor([[0.1, 0.2, 0.9]]), torch.tensor([2]))
    tensor(0.1667)
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
    own = gather(x, 1, t.unsqueeze(1))
    loss = clamp(margin - own + x, min=0.0) ** p
    if weight is not None:
        loss = loss * weight[t].unsqueeze(1)
    others = 1 - one_hot(t, x.shape[1]).to(x.dtype)
    loss = (loss * others).sum(1) / x.shape[1]
    return reduced(loss if input.ndim == 2 else loss.squeeze(0), reduction)


def multilabel_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """Σ max(0, 1 − (input[j] − input[i])) / K over the labels j of a sample and all other classes i.

    Args:
        input: (N, K) or (K,). target: the same, class indices (int64), of which those before the first −1 count.

    Raises:
        ShapeError: different shapes, more than 2 dimensions, or a ``target`` that is not int64.
        RuntimeError: a label is out of range.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.multilabel_margin_loss(torch.tensor([[0.1, 0.9]]), torch.tensor([[1, -1]]))
    tensor(0.1000)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _need_alike("multilabel_margin_loss", input, target)
    if input.ndim > 2 or target.dtype != int64:
        raise ShapeError(
            "multilabel_margin_loss(): expected an input and class indices (int64) of one shape (N, K) or (K,), "
            f"got shape {tuple(input.shape)} and {target.dtype}"
        )
    labels = np.atleast_2d(raw(target))
    if labels.size and not -1 <= labels.min() <= labels.max() < labels.shape[1]:
        raise RuntimeError(f"multilabel_margin_loss(): labels must be from -1 to {labels.shape[1] - 1}, got {labels.tolist()}")
    counts = np.logical_and.accumulate(labels >= 0, 1)
    labels = np.where(counts, labels, 0)
    others = np.ones(labels.shape, bool)
    np.put_along_axis(others, np.where(counts, labels, labels[:, :1]), ~counts[:, :1], 1)
    x = input.reshape(labels.shape)
    below = clamp(1 - gather(x, 1, box(labels)).unsqueeze(2) + x.unsqueeze(1), min=0.0)  # (N, labels, classes)
    pairs = box((counts[:, :, None] & others[:, None, :]).astype(raw(x).dtype))
    loss = (below * pairs).sum((1, 2)) / labels.shape[1]
    return reduced(loss if input.ndim == 2 else loss.squeeze(0), reduction)


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the classes of :func:`binary_cross_entropy_with_logits`, for targets of 0 and 1.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.multilabel_soft_margin_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
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
) -> Tensor:
    """:func:`triplet_margin_loss` with a distance of one's own.

    Raises:
        ValueError: ``margin`` is not positive.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.triplet_margin_with_distance_loss(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2) * 3)
    tensor(0.)
    """
    if margin <= 0:
        raise ValueError(f"triplet_margin_with_distance_loss(): margin must be greater than 0, got {margin}")
    far = distance_function or pairwise_distance
    near, apart = far(anchor, positive), far(anchor, negative)
    if swap:
        apart = minimum(apart, far(positive, negative))
    return reduced(clamp(near - apart + margin, min=0.0), chosen_reduction(None, None, reduction))
