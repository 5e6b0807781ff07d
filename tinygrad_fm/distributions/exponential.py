"""The exponential distribution."""

from __future__ import annotations

from typing import Any

from ..ops import functions as ops
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["Exponential"]


class Exponential(Distribution):
    """The exponential distribution, rate · exp(−rate · x) for x ≥ 0.

    >>> from tinygrad_fm import distributions
    >>> distributions.Exponential(2.0).mean
    tensor(0.5000)
    """

    arg_constraints = {"rate": constraints.positive}  # noqa: RUF012
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.rate.reciprocal()

    @property
    def mode(self) -> Any:
        return ops.zeros_like(self.rate)

    @property
    def stddev(self) -> Any:
        return self.rate.reciprocal()

    @property
    def variance(self) -> Any:
        return self.rate.pow(-2)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Exponential:
        """As :meth:`Distribution.expand`."""
        return self._expanded(batch_shape, _instance, rate=self.rate.expand(batch_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        """ε / rate with ε exponential of rate 1."""
        return ops.empty(self._extended_shape(sample_shape), dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value: Any) -> Any:
        """log rate − rate · x."""
        if self._validate_args:
            self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Any) -> Any:
        """1 − exp(−rate · x)."""
        if self._validate_args:
            self._validate_sample(value)
        return 1 - (-self.rate * value).exp()

    def icdf(self, value: Any) -> Any:
        """−log(1 − p) / rate."""
        return -(-value).log1p() / self.rate

    def entropy(self) -> Any:
        """1 − log rate."""
        return 1.0 - self.rate.log()
