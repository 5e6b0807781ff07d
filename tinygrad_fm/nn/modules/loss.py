"""Losses as modules: each is the function of that name in ``nn.functional``, with its settings.

``reduction`` is "mean", "sum" or "none" everywhere; ``size_average`` and ``reduce`` are its older form.
"""

from __future__ import annotations

import warnings

from ...tensor import Tensor
from .. import functional as F
from .module import Module


class _Loss(Module):
    """What losses share: the reduction, and weights kept as a buffer, so that they follow the module's dtype."""

    weight: Tensor | None

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
            warnings.warn("size_average and reduce args will be deprecated, please use "
                          f"reduction='{reduction}' instead.", UserWarning, stacklevel=3)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
                 reduction: str = "mean") -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """(input − target)², averaged over all elements.

    Shapes: input and target alike; a scalar, or alike with ``reduction="none"``.

    Example:
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm import tensor
        >>> nn.MSELoss()(tensor([1.0, 2.0]), tensor([3.0, 2.0])).item()
        2.0
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of ``input`` against ``target``."""
        return F.mse_loss(input, target, reduction=self.reduction)


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
        >>> import numpy as np
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm import tensor
        >>> loss = nn.CrossEntropyLoss()(tensor(np.zeros((3, 4))), tensor(np.array([0, 1, 2])))
        >>> round(loss.item(), 4), round(np.log(4), 4)
        (1.3863, 1.3863)
    """

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100,
                 reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of the logits ``input`` against ``target``."""
        return F.cross_entropy(input, target, weight=self.weight, ignore_index=self.ignore_index,
                               reduction=self.reduction, label_smoothing=self.label_smoothing)


class NLLLoss(_WeightedLoss):
    """−input at the target's class: cross entropy of log-probabilities, which `LogSoftmax` gives.

    Args:
        weight: (K,) a weight per class.
        ignore_index: a class index whose samples do not count.
        reduction: "mean" divides by the sum of the weights of the samples' classes.

    Shapes: input (N, K), (N, K, …) or (K,); target class indices (N), (N, …) or ().
    """

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100,
                 reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of the log-probabilities ``input`` against ``target``."""
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class BCELoss(_WeightedLoss):
    """−(t · log p + (1 − t) · log(1 − p)) for probabilities p and targets t; logarithms are kept above −100.

    Args:
        weight: factors that broadcast against the input.

    Shapes: input and target alike.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of the probabilities ``input`` against ``target``."""
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """`BCELoss` of sigmoid(input), computed without overflow. Takes logits.

    Args:
        weight: factors that broadcast against the input.
        pos_weight: factors of the positive part, that broadcast against the input.

    Shapes: input and target alike.
    """

    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
                 reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of the logits ``input`` against ``target``."""
        return F.binary_cross_entropy_with_logits(input, target, weight=self.weight, pos_weight=self.pos_weight,
                                                  reduction=self.reduction)
