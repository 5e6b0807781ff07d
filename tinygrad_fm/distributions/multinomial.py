"""The multinomial distribution."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions as ops
from . import constraints
from .categorical import OfCategorical

__all__ = ["Multinomial"]


class Multinomial(OfCategorical):
    """How often each of K classes comes up in ``total_count`` draws.

    Args:
        total_count: the number of draws, an int.
        probs: (…, K), not negative; they are divided by their sum. Or
        logits: (…, K), logarithms of probabilities up to a constant.

    Raises NotImplementedError for a ``total_count`` that is no int, such as a tensor of several.

    >>> from tinygrad_fm import distributions, tensor
    >>> distributions.Multinomial(2, tensor([1.0, 1.0])).log_prob(tensor([1.0, 1.0]))
    tensor(-0.6931)
    """

    total_count: int

    def __init__(self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        super().__init__(probs, logits, validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        """Counts whose sum is at most total_count."""
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Counts (…, K), in the parameter's dtype."""
        drawn = self._categorical.sample((self.total_count, *sample_shape))
        return ops.one_hot(drawn, self._event_shape[0]).sum(0).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Any:
        """log(n! / Π x!) + Σ x log p, with n the sum of the counts."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = ops.broadcast_tensors(self.logits, value)
        logits = logits.masked_fill((value == 0) & (logits == -math.inf), 0.0)
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + (logits * value).sum(-1)

    def entropy(self) -> Any:
        """n H(p) − log n! + Σ E[log x!], where each count x is binomial."""
        n = self.total_count
        counts = ops.arange(1, n + 1, dtype=self.probs.dtype).reshape(-1, *(1,) * self.probs.ndim)
        log_choose = math.lgamma(n + 1) - (counts + 1).lgamma() - (n - counts + 1).lgamma()
        binomial = (log_choose + counts * self.logits + ops.xlog1py(n - counts, -self.probs)).exp()
        expected = (binomial * (counts + 1).lgamma()).sum((0, -1))
        return n * self._categorical.entropy() - math.lgamma(n + 1) + expected
