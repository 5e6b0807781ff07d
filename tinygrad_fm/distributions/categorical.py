"""The categorical distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.modes import no_grad
from ..ops import functions as ops
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Categorical"]


class Categorical(Distribution):
    """Whole numbers from 0 to K − 1, each with its own probability.

    Args:
        probs: (…, K), not negative; they are divided by their sum. Or
        logits: (…, K), logarithms of probabilities up to a constant.

    Raises ValueError unless exactly one of ``probs`` and ``logits`` is given, with at least one dimension.

    >>> from tinygrad_fm import distributions, tensor
    >>> distributions.Categorical(tensor([1.0, 3.0])).log_prob(tensor(1))
    tensor(-0.2877)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            if probs.ndim < 1:
                raise ValueError("`probs` parameter must be at least one-dimensional.")
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            if logits.ndim < 1:
                raise ValueError("`logits` parameter must be at least one-dimensional.")
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = self._param.shape[-1]
        super().__init__(self._param.shape[:-1], validate_args=validate_args)

    @property
    def _param(self) -> Any:
        given = self.__dict__.get("probs")
        return self.logits if given is None else given

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """From 0 to K − 1."""
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self) -> Any:
        """Logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Any:
        """The probabilities."""
        return logits_to_probs(self.logits)

    @property
    def param_shape(self) -> Any:
        """The shape of the parameter."""
        return self._param.shape

    @property
    def mean(self) -> Any:
        return ops.full(self._extended_shape(), math.nan, dtype=self.probs.dtype)

    @property
    def mode(self) -> Any:
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Any:
        return ops.full(self._extended_shape(), math.nan, dtype=self.probs.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Categorical:
        """As :meth:`Distribution.expand`."""
        shape = (*batch_shape, self._num_events)
        given = {name: self.__dict__[name].expand(shape) for name in ("probs", "logits") if name in self.__dict__}
        return self._expanded(batch_shape, _instance, **given)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Numbers of classes, int64."""
        count = math.prod(sample_shape)
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            return ops.multinomial(rows, count, True).T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Any:
        """The logarithms of the probabilities of the classes ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        value, logits = ops.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        """−Σ p log p."""
        least = float(np.finfo(raw(self.logits).dtype).min)  # 0 · log 0 is 0
        return -(self.logits.clamp(min=least) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        """0 to K − 1."""
        values = ops.arange(self._num_events).reshape(-1, *(1,) * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values


class OfCategorical(Distribution):
    """What distributions of vectors (…, K) over the classes of a :class:`Categorical` share."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    @property
    def probs(self) -> Any:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        """Logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Any:
        """The shape of the parameter."""
        return self._categorical.param_shape

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """As :meth:`Distribution.expand`."""
        return self._expanded(batch_shape, _instance, _categorical=self._categorical.expand(batch_shape))
