"""Losses as modules: each is the function of that name in ``nn.functional``, with its settings.

``reduction`` is "mean", "sum" or "none" everywhere; ``size_average`` and ``reduce`` are its older form. Shapes and
formulas that are not here are in the function's docstring.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ..._tensor import Tensor
from ...ops.loss import chosen_reduction
from .. import functional as F
from .distance import PairwiseDistance
from .module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


class _Loss(Module):
    """What losses share: the attributes named in ``_settings`` are passed to the function as keywords."""

    _function: ClassVar[Callable[..., Tensor]]
    _settings: ClassVar[tuple[str, ...]] = ()
    reduction: str

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        older = size_average is not None or reduce is not None
        self.reduction = chosen_reduction(size_average, reduce, reduction) if older else reduction

    def forward(self, *args: Tensor) -> Tensor:
        """The loss; of an input against a target, unless the class says otherwise."""
        settings = {name: getattr(self, name) for name in self._settings}
        return type(self)._function(*args, **settings, reduction=self.reduction)


class _WeightedLoss(_Loss):
    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


# ---- classes ---------------------------------------------------------------------------------------------------------


class CrossEntropyLoss(_WeightedLoss):
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
    _settings = ("weight", "ignore_index", "label_smoothing")

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing


class NLLLoss(_WeightedLoss):
    """−input at the target's class: cross entropy of log-probabilities, which `LogSoftmax` gives.

    Args:
        weight: (K,) a weight per class.
        ignore_index: a class index whose samples do not count.
        reduction: "mean" divides by the sum of the weights of the samples' classes.

    Shapes: input (N, K), (N, K, …) or (K,); target class indices (N), (N, …) or ().

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.NLLLoss()(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([1]))
        tensor(0.2877)
    """

    _function = staticmethod(F.nll_loss)
    _settings = ("weight", "ignore_index")

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index


class BCELoss(_WeightedLoss):
    """−(t · log p + (1 − t) · log(1 − p)) for probabilities p and targets t of one shape; logarithms stay above −100.

    Args:
        weight: factors that broadcast against the input.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    _function = staticmethod(F.binary_cross_entropy)
    _settings = ("weight",)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)


class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of sigmoid(input), computed without overflow. Takes logits.

    Args:
        weight: factors that broadcast against the input.
        pos_weight: factors of the positive part, that broadcast against the input.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.BCEWithLogitsLoss()(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    _function = staticmethod(F.binary_cross_entropy_with_logits)
    _settings = ("weight", "pos_weight")

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)


class KLDivLoss(_Loss):
    """target · (log target − input) for log-probabilities ``input``; its reduction "batchmean" gives the divergence.

    Args:
        log_target: whether targets are log-probabilities too.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.KLDivLoss(reduction="sum")(torch.tensor([0.5, 0.5]).log(), torch.tensor([0.5, 0.5]))
        tensor(0.)
    """

    _function = staticmethod(F.kl_div)
    _settings = ("log_target",)

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", log_target: bool = False
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target


class CTCLoss(_Loss):
    """How unlikely a sequence of labels is whose places among the steps are not known: connectionist temporal classification.

    Called with log_probs (T, N, C), targets (N, S), input_lengths (N,) and target_lengths (N,); see `functional.ctc_loss`.

    Args:
        blank: the class that stands for no label.
        reduction: "mean" divides each loss by its number of labels before averaging.
        zero_infinity: give a sample whose labels do not fit its steps the loss 0 instead of inf.

    Source: Graves et al. 2006, "Connectionist temporal classification".

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.CTCLoss()(torch.zeros(3, 1, 2).log_softmax(2), torch.tensor([[1]]), torch.tensor([3]), torch.tensor([1]))
        tensor(0.2877)
    """

    _function = staticmethod(F.ctc_loss)
    _settings = ("blank", "zero_infinity")

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity


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
    """|input − target|.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.L1Loss()(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0]))
        tensor(1.)
    """

    _function = staticmethod(F.l1_loss)


class SmoothL1Loss(_Loss):
    """d² / (2 · beta) where d = |input − target| is below ``beta``, elsewhere d − beta / 2.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.SmoothL1Loss(reduction="none")(torch.tensor([0.0, 0.0]), torch.tensor([0.5, 3.0]))
        tensor([0.1250, 2.5000])
    """

    _function = staticmethod(F.smooth_l1_loss)
    _settings = ("beta",)

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta


class HuberLoss(_Loss):
    """d² / 2 where d = |input − target| is at most ``delta``, elsewhere delta · (d − delta / 2).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.HuberLoss(reduction="none")(torch.tensor([0.0, 0.0]), torch.tensor([0.5, 3.0]))
        tensor([0.1250, 2.5000])
    """

    _function = staticmethod(F.huber_loss)
    _settings = ("delta",)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(None, None, reduction)
        self.delta = delta


# ---- distances and margins -------------------------------------------------------------------------------------------


class SoftMarginLoss(_Loss):
    """log(1 + exp(−target · input)) for targets of 1 and −1.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.SoftMarginLoss()(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    _function = staticmethod(F.soft_margin_loss)


class HingeEmbeddingLoss(_Loss):
    """``input``, a distance, where target is 1, max(0, margin − input) where it is −1.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.HingeEmbeddingLoss()(torch.tensor([0.25]), torch.tensor([-1.0]))
        tensor(0.7500)
    """

    _function = staticmethod(F.hinge_embedding_loss)
    _settings = ("margin",)

    def __init__(
        self, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class _MarginLoss(_Loss):
    _settings = ("margin",)

    def __init__(
        self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class MarginRankingLoss(_MarginLoss):
    """max(0, −target · (input1 − input2) + margin), called with input1, input2 and a target of 1 and −1.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.MarginRankingLoss()(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
        tensor(2.)
    """

    _function = staticmethod(F.margin_ranking_loss)


class CosineEmbeddingLoss(_MarginLoss):
    """1 − cos where target is 1, max(0, cos − margin) where it is −1; called with two inputs (N, D), a target (N,).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.CosineEmbeddingLoss()(torch.ones(1, 2), torch.ones(1, 2), torch.tensor([-1.0]))
        tensor(1.)
    """

    _function = staticmethod(F.cosine_embedding_loss)


class TripletMarginLoss(_Loss):
    """max(0, d(anchor, positive) − d(anchor, negative) + margin), called with these three (N, D); d is a p-norm.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.TripletMarginLoss()(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2) * 3)
        tensor(0.)
    """

    _function = staticmethod(F.triplet_margin_loss)
    _settings = ("margin", "p", "eps", "swap")

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
        _check_margin(self, margin)
        super().__init__(size_average, reduce, reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap


class PoissonNLLLoss(_Loss):
    """How unlikely counts are for a rate; see `functional.poisson_nll_loss`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.PoissonNLLLoss()(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor(1.)
    """

    _function = staticmethod(F.poisson_nll_loss)
    _settings = ("log_input", "full", "eps")

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full, self.eps = log_input, full, eps


class GaussianNLLLoss(_Loss):
    """How unlikely a target is for a mean and a variance; called with input, target, var. See its function.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.GaussianNLLLoss()(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([1.0]))
        tensor(0.5000)
    """

    _function = staticmethod(F.gaussian_nll_loss)
    _settings = ("full", "eps")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full, self.eps = full, eps


class MultiMarginLoss(_WeightedLoss):
    """How far other classes come near the target's; see `functional.multi_margin_loss`.

    Raises:
        ValueError: ``p`` is neither 1 nor 2, or ``weight`` no vector.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.MultiMarginLoss()(torch.tensor([[0.1, 0.2, 0.9]]), torch.tensor([2]))
        tensor(0.1667)
    """

    _function = staticmethod(F.multi_margin_loss)
    _settings = ("p", "margin", "weight")

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: only p == 1 and p == 2 supported, got {p}")
        if weight is not None and weight.ndim != 1:
            raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.ndim}D instead")
        super().__init__(weight, size_average, reduce, reduction)
        self.p, self.margin = p, margin


class MultiLabelMarginLoss(_Loss):
    """How far other classes come near a sample's; see `functional.multilabel_margin_loss`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.MultiLabelMarginLoss()(torch.tensor([[0.1, 0.9]]), torch.tensor([[1, -1]]))
        tensor(0.1000)
    """

    _function = staticmethod(F.multilabel_margin_loss)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over classes of binary cross-entropy; see `functional.multilabel_soft_margin_loss`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.MultiLabelSoftMarginLoss()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
        tensor(0.6931)
    """

    _function = staticmethod(F.multilabel_soft_margin_loss)
    _settings = ("weight",)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with a distance of one's own.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.TripletMarginWithDistanceLoss()(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2) * 3)
        tensor(0.)
    """

    _function = staticmethod(F.triplet_margin_with_distance_loss)
    _settings = ("distance_function", "margin", "swap")

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        _check_margin(self, margin)
        distance = PairwiseDistance() if distance_function is None else distance_function
        super().__init__(None, None, reduction)
        self.distance_function, self.margin, self.swap = distance, margin, swap


def _check_margin(loss: _Loss, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"{type(loss).__name__}: expected margin to be greater than 0, got {margin} instead")
