"""The categorical distribution of one-hot vectors."""

from __future__ import annotations

from typing import Any

from ..ops import functions as ops
from . import constraints
from .categorical import OfCategorical

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(OfCategorical):
    """:class:`Categorical` whose samples are vectors (…, K) of zeros and a one. Arguments are its own.

    >>> from tinygrad_fm import distributions, tensor
    >>> distributions.OneHotCategorical(tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    support = constraints.one_hot
    has_enumerate_support = True

    @property
    def mean(self) -> Any:
        return self._categorical.probs

    @property
    def mode(self) -> Any:
        return ops.one_hot(self._categorical.mode, self._event_shape[0]).to(self.probs.dtype)

    @property
    def variance(self) -> Any:
        return self._categorical.probs * (1 - self._categorical.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        """One-hot vectors in the parameter's dtype."""
        return ops.one_hot(self._categorical.sample(sample_shape), self._event_shape[0]).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability of the class that is 1 in ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Any:
        """−Σ p log p."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Any:
        """The K unit vectors."""
        n = self._event_shape[0]
        values = ops.eye(n, dtype=self.probs.dtype).reshape(n, *(1,) * len(self._batch_shape), n)
        return values.expand(n, *self._batch_shape, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """:class:`OneHotCategorical` with samples that have the probabilities' gradient (Bengio, Léonard and Courville, 2013).

    >>> from tinygrad_fm import distributions, tensor
    >>> distributions.OneHotCategoricalStraightThrough(tensor([0.0, 1.0], requires_grad=True)).rsample().requires_grad
    True
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Any:
        """One-hot vectors, to which the gradient of the probabilities is added."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
