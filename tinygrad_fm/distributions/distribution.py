"""The base class of distributions. https://pytorch.org/docs/stable/distributions.html#distribution"""

from __future__ import annotations

from typing import Any

from .._tensor import Size
from ..autograd.box import is_tensor
from ..autograd.modes import no_grad
from . import constraints
from .utils import lazy_property

__all__ = ["Distribution"]


class Distribution:
    """A probability distribution, or a batch of them.

    Args:
        batch_shape: the shape of the batch of distributions, which are independent of each other.
        event_shape: the shape of one sample of one of them.
        validate_args: whether parameters and samples are checked; by default what :meth:`set_default_validate_args` says, True.

    Raises:
        ValueError: a parameter that its constraint does not allow.

    >>> import tinygrad_fm as torch
    >>> found = torch.distributions.Distribution(batch_shape=torch.Size([2]), event_shape=torch.Size([3]))
    >>> found.batch_shape, found.event_shape
    (torch.Size([2]), torch.Size([3]))
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: Any = {}  # noqa: RUF012  # PyTorch's classes have a dict, or a property
    support: Any
    _validate_args: bool = __debug__

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for param, constraint in self.arg_constraints.items():
                lazy = param not in self.__dict__ and isinstance(getattr(type(self), param, None), lazy_property)
                if not constraints.is_dependent(constraint) and not lazy:
                    after = f"of distribution {self!r} to satisfy the constraint {constraint!r}"
                    self._check_value(getattr(self, param), constraint, f"parameter {param}", after)

    def _check_value(self, value: Any, constraint: Any, before: str, after: str) -> None:
        """Raise ValueError, which says what stands before and after the shape, unless ``value`` satisfies ``constraint``."""
        if not bool(constraint.check(value).all()):
            came = f"({type(value).__name__} of shape {tuple(value.shape)})"
            raise ValueError(f"Expected {before} {came} {after}, but found invalid values:\n{value}")

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and samples are checked where ``validate_args`` is not given."""
        if value not in (True, False):
            raise ValueError(f"validate_args must be True or False, got {value!r}")
        Distribution._validate_args = value

    # -- shapes ------------------------------------------------------------------------------------------------------

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample of one distribution."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        """The shape of ``sample(sample_shape)``."""
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded, as by ``Tensor.expand``, to another batch shape."""
        raise NotImplementedError

    def _expanded(self, batch_shape: Any, _instance: Any, event_shape: Any = None, **parameters: Any) -> Any:
        """A new object of this class with ``parameters`` in place of its own, unchecked: they were before. What was computed
        of the others is computed anew."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        lazy = [name for name in self.__dict__ if isinstance(getattr(type(self), name, None), lazy_property)]
        new.__dict__.update({name: value for name, value in self.__dict__.items() if name not in lazy}, **parameters)
        Distribution.__init__(new, batch_shape, self._event_shape if event_shape is None else event_shape, False)
        new._validate_args = self._validate_args
        return new

    # -- samples -----------------------------------------------------------------------------------------------------

    def sample(self, sample_shape: Any = ()) -> Any:
        """Samples of shape (*sample_shape, *batch_shape, *event_shape), without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Samples made of the parameters and of noise that does not depend on them, so that gradients flow through."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Any:
        """All values that a discrete distribution can take, along a new first dimension."""
        raise NotImplementedError

    # -- what is known of it -----------------------------------------------------------------------------------------

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability (density) at ``value``, of the shape of the batch of samples."""
        raise NotImplementedError

    def cdf(self, value: Any) -> Any:
        """The probability of at most ``value``."""
        raise NotImplementedError

    def icdf(self, value: Any) -> Any:
        """The inverse of :meth:`cdf`."""
        raise NotImplementedError

    def entropy(self) -> Any:
        """−E[log p], in nats, of the batch shape."""
        raise NotImplementedError

    def perplexity(self) -> Any:
        """exp of the entropy."""
        return self.entropy().exp()

    @property
    def mean(self) -> Any:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Any:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        """The standard deviation."""
        return self.variance.sqrt()

    # -- checks ------------------------------------------------------------------------------------------------------

    def _validate_sample(self, value: Any) -> None:
        """Raise ValueError unless ``value`` is a tensor that fits the shapes and lies in the support."""
        if not is_tensor(value):
            raise ValueError("The value argument to log_prob must be a Tensor")
        start = value.ndim - len(self._event_shape)
        if tuple(value.shape[start:]) != tuple(self._event_shape):
            raise ValueError(
                f"The right-most size of value must match event_shape: {Size(value.shape)} vs {self._event_shape}."
            )
        expected = (*self._batch_shape, *self._event_shape)
        for i, j in zip(reversed(tuple(value.shape)), reversed(expected), strict=False):
            if 1 not in (i, j) and i != j:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {Size(value.shape)} vs {Size(expected)}."
                )
        after = f"to be within the support ({self.support!r}) of the distribution {self!r}"
        self._check_value(value, self.support, "value argument", after)

    def __repr__(self) -> str:
        shown = [(name, self.__dict__[name]) for name in self.arg_constraints if name in self.__dict__]
        parts = [f"{name}: {value if value.numel() == 1 else value.shape}" for name, value in shown]
        return f"{type(self).__name__}({', '.join(parts)})"
