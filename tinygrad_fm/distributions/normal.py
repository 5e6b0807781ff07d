"""The normal distribution."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions as ops
from .location_scale import LocationScale

__all__ = ["Normal"]


class Normal(LocationScale):
    """The normal (Gaussian) distribution, exp(−(x − loc)² / (2 scale²)) / (scale √(2π)).

    Args:
        loc: the mean, a number or a tensor; both broadcast.
        scale: the standard deviation, positive.

    >>> from tinygrad_fm import distributions, tensor
    >>> distributions.Normal(0.0, 1.0).log_prob(tensor(0.0))
    tensor(-0.9189)
    """

    @property
    def stddev(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        return self.stddev.pow(2)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """loc + scale · ε with ε normal (the reparametrisation trick; Kingma and Welling, 2013)."""
        noise = ops.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + noise * self.scale

    def log_prob(self, value: Any) -> Any:
        """−(x − loc)² / (2 scale²) − log scale − ½ log 2π."""
        if self._validate_args:
            self._validate_sample(value)
        return -((value - self.loc) ** 2) / (2 * self.scale**2) - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Any) -> Any:
        """Φ((x − loc) / scale)."""
        if self._validate_args:
            self._validate_sample(value)
        return 0.5 * (1 + ((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)).erf())

    def icdf(self, value: Any) -> Any:
        """loc + scale · Φ⁻¹(p)."""
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Any:
        """½ + ½ log 2π + log scale."""
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()
