"""Laplace's distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import raw
from ..ops import functions as ops
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["Laplace"]


class Laplace(Distribution):
    """Laplace's distribution, exp(−|x − loc| / scale) / (2 scale).

    >>> from tinygrad_fm import distributions, tensor
    >>> distributions.Laplace(0.0, 1.0).log_prob(tensor(0.0))
    tensor(-0.6931)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def stddev(self) -> Any:
        return 2**0.5 * self.scale

    @property
    def variance(self) -> Any:
        return 2 * self.scale.pow(2)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Laplace:
        """As :meth:`Distribution.expand`."""
        return self._expanded(batch_shape, _instance, loc=self.loc.expand(batch_shape), scale=self.scale.expand(batch_shape))

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
