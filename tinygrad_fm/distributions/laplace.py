"""Laplace's distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import raw
from ..ops import functions as ops
from .location_scale import LocationScale

__all__ = ["Laplace"]


class Laplace(LocationScale):
    """Laplace's distribution, exp(−|x − loc| / scale) / (2 scale).

    >>> from tinygrad_fm import distributions, tensor
    >>> distributions.Laplace(0.0, 1.0).log_prob(tensor(0.0))
    tensor(-0.6931)
    """

    @property
    def stddev(self) -> Any:
        return 2**0.5 * self.scale

    @property
    def variance(self) -> Any:
        return 2 * self.scale.pow(2)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """loc − scale · sign(u) · log(1 − |u|) with u uniform on (−1, 1)."""
        dtype = self.loc.dtype
        eps = float(np.finfo(raw(self.loc).dtype).eps)
        u = ops.rand(self._extended_shape(sample_shape), dtype=dtype) * (2 - eps) + (eps - 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Any) -> Any:
        """−|x − loc| / scale − log(2 scale)."""
        if self._validate_args:
            self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Any) -> Any:
        """½ − ½ sign(x − loc) (exp(−|x − loc| / scale) − 1)."""
        if self._validate_args:
            self._validate_sample(value)
        away = value - self.loc
        return 0.5 - 0.5 * away.sign() * (-away.abs() / self.scale).expm1()

    def icdf(self, value: Any) -> Any:
        """loc − scale · sign(p − ½) · log(1 − 2 |p − ½|)."""
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Any:
        """1 + log(2 scale)."""
        return 1 + (2 * self.scale).log()
