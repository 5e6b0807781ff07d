"""A batch of distributions taken as one, of several dimensions."""

from __future__ import annotations

from typing import Any

from . import constraints
from .distribution import Distribution
from .utils import sum_rightmost

__all__ = ["Independent"]


class Independent(Distribution):
    """A distribution of which the last dimensions of the batch are part of the event: their log-probabilities are added up.

    Args:
        base_distribution: the one that it is made of.
        reinterpreted_batch_ndims: how many of its batch dimensions.

    Raises ValueError if the base distribution has fewer batch dimensions.

    >>> from tinygrad_fm import distributions, zeros, ones
    >>> distributions.Independent(distributions.Normal(zeros(3), ones(3)), 1).log_prob(zeros(3))
    tensor(-2.7568)
    """

    def __init__(self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: bool | None = None) -> None:
        batch, event = tuple(base_distribution.batch_shape), tuple(base_distribution.event_shape)
        dims = reinterpreted_batch_ndims
        if dims > len(batch):
            raise ValueError(
                f"Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual {dims} vs {len(batch)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, dims
        super().__init__(batch[: len(batch) - dims], (*batch[len(batch) - dims :], *event), validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the base distribution has."""
        return bool(self.base_dist.has_rsample)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """Never where dimensions were taken: there are too many combinations."""
        return bool(self.base_dist.has_enumerate_support) if not self.reinterpreted_batch_ndims else False

    @constraints.dependent_property
    def support(self) -> Any:
        """The base distribution's, of larger events."""
        found = self.base_dist.support
        return constraints.independent(found, self.reinterpreted_batch_ndims) if self.reinterpreted_batch_ndims else found

    @property
    def mean(self) -> Any:
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def expand(self, batch_shape: Any, _instance: Any = None) -> Independent:
        """As :meth:`Distribution.expand`."""
        shape = (*batch_shape, *self._event_shape[: self.reinterpreted_batch_ndims])
        return self._expanded(batch_shape, _instance, base_dist=self.base_dist.expand(shape))

    def sample(self, sample_shape: Any = ()) -> Any:
        """The base distribution's samples."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The base distribution's samples, with gradients."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        """The sum of the base distribution's."""
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Any:
        """The sum of the base distribution's."""
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Any:
        """The base distribution's, if no dimensions were taken."""
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"
