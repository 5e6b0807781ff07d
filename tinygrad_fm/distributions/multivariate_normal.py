"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions as ops
from ..ops._arguments import common_shape
from ..ops.decompositions import linalg_cholesky
from ..ops.triangular_solve import solve_triangular
from . import constraints
from .distribution import Distribution
from .utils import lazy_property

__all__ = ["MultivariateNormal"]


class MultivariateNormal(Distribution):
    """The normal distribution of vectors of K elements, with their covariance.

    Args:
        loc: the mean, (…, K).
        covariance_matrix: (…, K, K), positive-definite; or
        precision_matrix: its inverse; or
        scale_tril: its Cholesky factor, lower triangular with a positive diagonal, which is the quickest.

    Raises ValueError unless exactly one of the three matrices is given, with at least two dimensions, and ``loc`` with at least
    one.

    >>> from tinygrad_fm import distributions, eye, zeros
    >>> distributions.MultivariateNormal(zeros(2), eye(2)).log_prob(zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        given = [(name, value) for name, value in matrices.items() if value is not None]
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        name, matrix = given[0]
        if matrix.ndim < 2:
            what = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{what} must be at least two-dimensional, with optional leading batch dimensions")
        batch = common_shape("MultivariateNormal", tuple(matrix.shape[:-2]), tuple(loc.shape[:-1]))
        self.loc = loc.expand(*batch, -1)
        setattr(self, name, matrix.expand(*batch, -1, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args)
        makes: dict[str, Any] = {
            "covariance_matrix": linalg_cholesky,
            "precision_matrix": _scale_of_precision,
            "scale_tril": lambda m: m,
        }
        self._unbroadcasted_scale_tril = makes[name](matrix)

    @lazy_property
    def scale_tril(self) -> Any:
        """The Cholesky factor of the covariance."""
        return self._unbroadcasted_scale_tril.expand(*self._batch_shape, *self._event_shape, *self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """L Lᵀ."""
        factor = self._unbroadcasted_scale_tril
        return (factor @ factor.mT).expand(*self._batch_shape, *self._event_shape, *self._event_shape)

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        inverse = ops.cholesky_inverse(self._unbroadcasted_scale_tril)
        return inverse.expand(*self._batch_shape, *self._event_shape, *self._event_shape)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(*self._batch_shape, *self._event_shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> MultivariateNormal:
        """As :meth:`Distribution.expand`."""
        matrix = (*batch_shape, *self._event_shape, *self._event_shape)
        names = ("covariance_matrix", "precision_matrix", "scale_tril")
        given = {name: self.__dict__[name].expand(matrix) for name in names if name in self.__dict__}
        return self._expanded(batch_shape, _instance, loc=self.loc.expand(*batch_shape, *self._event_shape), **given)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """loc + L ε with ε normal."""
        noise = ops.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        """−½ (K log 2π + ‖L⁻¹ (x − loc)‖²) − log det L."""
        if self._validate_args:
            self._validate_sample(value)
        distance = squared_distance(self._unbroadcasted_scale_tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - half_log_det(self._unbroadcasted_scale_tril)

    def entropy(self) -> Any:
        """½ K (1 + log 2π) + log det L."""
        entropy = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + half_log_det(self._unbroadcasted_scale_tril)
        return entropy.expand(self._batch_shape)


def half_log_det(factor: Any) -> Any:
    """½ log det(L Lᵀ)."""
    return factor.diagonal(0, -2, -1).log().sum(-1)


def squared_distance(factor: Any, away: Any) -> Any:
    """Mahalanobis' distance squared, ‖L⁻¹ x‖²."""
    return solve_triangular(factor, away.unsqueeze(-1), upper=False).squeeze(-1).pow(2).sum(-1)


def _scale_of_precision(precision: Any) -> Any:
    """The Cholesky factor of the inverse, without inverting: that of the matrix turned about gives the inverse's."""
    factor = linalg_cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT
    return solve_triangular(factor, ops.eye(precision.shape[-1], dtype=precision.dtype), upper=False)
