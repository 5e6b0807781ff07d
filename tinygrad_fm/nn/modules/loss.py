"""Losses as modules: each is the function of that name in ``nn.functional``, with its settings.

``reduction`` is "mean", "sum" or "none" everywhere; ``size_average`` and ``reduce`` are its older form. Shapes and
formulas that are not here are in the function's docstring.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ...ops.loss import chosen_reduction
from ...tensor import Tensor
from .. import functional as F
from .module import Module


class _Loss(Module):
    """What losses share: the settings are attributes, tensors among them buffers, and are passed on as keywords."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", **settings: Any
    ) -> None:
        super().__init__()
        older = size_average is not None or reduce is not None
        self.reduction = chosen_reduction(size_average, reduce, reduction) if older else reduction
        self._settings = ("reduction", *settings)
        for name, value in settings.items():
            if name.endswith("weight"):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, *args: Tensor) -> Tensor:
        """The loss; of an input against a target, unless the class says otherwise."""
        return type(self)._function(*args, **{name: getattr(self, name) for name in self._settings})


# ---- classes ---------------------------------------------------------------------------------------------------------


class CrossEntropyLoss(_Loss):
    """−log softmax(input) at the target's class; what classifiers are trained with. Takes logits, not probabilities.

    Args:
        weight: (K,) a weight per class.
        ignore_index: a class index whose samples do not count.
        reduction: "mean" divides by the sum of the weights of the samples' classes.
        label_smoothing: how much of each target is spread evenly over all classes.

    Shapes: input (N, K), (N, K, …) or (K,); target class indices (N), (N, …) or (), or probabilities of the input's
    shape.

    Source: Szegedy et al. 2016, "Rethinking the inception architecture", section 7, for label smoothing.

    Example:
        >>> from tinygrad_fm import nn, tensor, zeros
        >>> nn.CrossEntropyLoss()(zeros(3, 4), tensor([0, 1, 2]))
        tensor(1.3863)
    """

    _function = staticmethod(F.cross_entropy)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            size_average, reduce, reduction, weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing
        )


class NLLLoss(_Loss):
    """−input at the target's class: cross entropy of log-probabilities, which `LogSoftmax` gives.

    Args:
        weight: (K,) a weight per class.
        ignore_index: a class index whose samples do not count.
        reduction: "mean" divides by the sum of the weights of the samples' classes.

    Shapes: input (N, K), (N, K, …) or (K,); target class indices (N), (N, …) or ().
    """

    _function = staticmethod(F.nll_loss)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction, weight=weight, ignore_index=ignore_index)


class BCELoss(_Loss):
    """−(t · log p + (1 − t) · log(1 − p)) for probabilities p and targets t of one shape; logarithms stay above −100.

    Args:
        weight: factors that broadcast against the input.
    """

    _function = staticmethod(F.binary_cross_entropy)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction, weight=weight)


class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of sigmoid(input), computed without overflow. Takes logits.

    Args:
        weight: factors that broadcast against the input.
        pos_weight: factors of the positive part, that broadcast against the input.
    """

    _function = staticmethod(F.binary_cross_entropy_with_logits)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction, weight=weight, pos_weight=pos_weight)


class KLDivLoss(_Loss):
    """target · (log target − input) for log-probabilities ``input``; its reduction "batchmean" gives the divergence.

    Args:
        log_target: whether targets are log-probabilities too.
    """

    _function = staticmethod(F.kl_div)

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", log_target: bool = False
    ) -> None:
        super().__init__(size_average, reduce, reduction, log_target=log_target)


# ---- numbers ---------------------------------------------------------------------------------------------------------


class MSELoss(_Loss):
    """(input − target)².

    Example:
        >>> from tinygrad_fm import nn, tensor
        >>> nn.MSELoss()(tensor([1.0, 2.0]), tensor([3.0, 2.0]))
        tensor(2.)
    """

    _function = staticmethod(F.mse_loss)


class L1Loss(_Loss):
    """|input − target|."""

    _function = staticmethod(F.l1_loss)


class SmoothL1Loss(_Loss):
    """d² / (2 · beta) where d = |input − target| is below ``beta``, elsewhere d − beta / 2."""

    _function = staticmethod(F.smooth_l1_loss)

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:
        super().__init__(size_average, reduce, reduction, beta=beta)


class HuberLoss(_Loss):
    """d² / 2 where d = |input − target| is at most ``delta``, elsewhere delta · (d − delta / 2)."""

    _function = staticmethod(F.huber_loss)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(None, None, reduction, delta=delta)


# ---- distances and margins -------------------------------------------------------------------------------------------


class SoftMarginLoss(_Loss):
    """log(1 + exp(−target · input)) for targets of 1 and −1."""

    _function = staticmethod(F.soft_margin_loss)


class HingeEmbeddingLoss(_Loss):
    """``input``, a distance, where target is 1, max(0, margin − input) where it is −1."""

    _function = staticmethod(F.hinge_embedding_loss)

    def __init__(
        self, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction, margin=margin)


class MarginRankingLoss(_Loss):
    """max(0, −target · (input1 − input2) + margin), called with input1, input2 and a target of 1 and −1."""

    _function = staticmethod(F.margin_ranking_loss)

    def __init__(
        self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction, margin=margin)


class CosineEmbeddingLoss(MarginRankingLoss):
    """1 − cos where target is 1, max(0, cos − margin) where it is −1; called with two inputs (N, D), a target (N,)."""

    _function = staticmethod(F.cosine_embedding_loss)


class TripletMarginLoss(_Loss):
    """max(0, d(anchor, positive) − d(anchor, negative) + margin), called with these three (N, D); d is a p-norm."""

    _function = staticmethod(F.triplet_margin_loss)

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction, margin=margin, p=p, eps=eps, swap=swap)
