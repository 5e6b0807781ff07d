"""Activations as modules: each is the function of that name in ``nn.functional``, with its settings.

Where the formula is not in the docstring here, it is in the function's. ``inplace`` writes the result into the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .factory import empty
from .module import Module


class _Activation(Module):
    """What activations share: the settings are attributes, and are passed to the function as keywords."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._settings = tuple(settings)
        self.__dict__.update(settings)

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to ``input``."""
        return type(self)._function(input, **{name: getattr(self, name) for name in self._settings})

    def extra_repr(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self._settings if name != "inplace"]
        return ", ".join(shown + ["inplace=True"] * bool(getattr(self, "inplace", False)))


# ---- rectifiers and their relatives ----------------------------------------------------------------------------------


class ReLU(_Activation):
    """max(0, x).

    Example:
        >>> from tinygrad_fm import nn, tensor
        >>> nn.ReLU()(tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    _function = staticmethod(F.relu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class LeakyReLU(_Activation):
    """x where x > 0, elsewhere negative_slope · x."""

    _function = staticmethod(F.leaky_relu)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(negative_slope=negative_slope, inplace=inplace)


class PReLU(Module):
    """x where x > 0, elsewhere weight · x, with a weight (num_parameters,) that is learned; one, or one per channel.

    Source: He et al. 2015, "Delving deep into rectifiers", section 2.1.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty((num_parameters,), device, dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to its first value."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to ``input`` (N, C, …)."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(_Activation):
    """Leaky relu whose slopes are drawn anew for each element, evenly from lower to upper; their mean in evaluation."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__(lower=lower, upper=upper, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to ``input``."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class Hardtanh(_Activation):
    """x kept between min_val and max_val."""

    _function = staticmethod(F.hardtanh)

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        if not max_val > min_val:
            raise ValueError(f"max_val must be larger than min_val, got {min_val} and {max_val}")
        super().__init__(min_val=min_val, max_val=max_val, inplace=inplace)


class ReLU6(Hardtanh):
    """min(max(0, x), 6)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Hardsigmoid(_Activation):
    """A sigmoid of straight lines: relu6(x + 3) / 6."""

    _function = staticmethod(F.hardsigmoid)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Hardswish(_Activation):
    """x · hardsigmoid(x)."""

    _function = staticmethod(F.hardswish)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Threshold(_Activation):
    """x where it is above ``threshold``, elsewhere ``value``."""

    _function = staticmethod(F.threshold)

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(threshold=threshold, value=value, inplace=inplace)


class _Shrink(_Activation):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd=lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(_Shrink):
    """x moved towards 0 by ``lambd``, and no further than 0."""

    _function = staticmethod(F.softshrink)


class Hardshrink(_Shrink):
    """x, but 0 within ``lambd`` of 0."""

    _function = staticmethod(F.hardshrink)


# ---- smooth ones -----------------------------------------------------------------------------------------------------


class ELU(_Activation):
    """x where x > 0, elsewhere alpha · (exp(x) − 1)."""

    _function = staticmethod(F.elu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha=alpha, inplace=inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + ", inplace=True" * bool(self.inplace)


class CELU(ELU):
    """x where x > 0, elsewhere alpha · (exp(x / alpha) − 1)."""

    _function = staticmethod(F.celu)


class SELU(_Activation):
    """1.0507… · elu(x, 1.6733…), which keeps activations near mean 0 and variance 1."""

    _function = staticmethod(F.selu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class SiLU(_Activation):
    """x · sigmoid(x), also called swish."""

    _function = staticmethod(F.silu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Mish(_Activation):
    """x · tanh(softplus(x))."""

    _function = staticmethod(F.mish)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class GELU(_Activation):
    """x · Φ(x), Φ being the normal distribution's cumulative function; approximate="tanh" is faster and close.

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units".
    """

    _function = staticmethod(F.gelu)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate=approximate)


class Softplus(_Activation):
    """log(1 + exp(beta · x)) / beta, and x itself where beta · x is above ``threshold``."""

    _function = staticmethod(F.softplus)

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__(beta=beta, threshold=threshold)


class Softsign(_Activation):
    """x / (1 + |x|)."""

    _function = staticmethod(F.softsign)


class Tanh(_Activation):
    """tanh(x)."""

    _function = staticmethod(F.tanh)


class Tanhshrink(_Activation):
    """x − tanh(x)."""

    _function = staticmethod(F.tanhshrink)


class Sigmoid(_Activation):
    """1 / (1 + exp(−x))."""

    _function = staticmethod(F.sigmoid)


class LogSigmoid(_Activation):
    """log(sigmoid(x)), computed without overflow."""

    _function = staticmethod(F.logsigmoid)


# ---- along a dimension -----------------------------------------------------------------------------------------------


class _Along(_Activation):
    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)


class Softmax(_Along):
    """exp(x) divided by its sum along ``dim``.

    Example:
        >>> from tinygrad_fm import nn, tensor
        >>> nn.Softmax(dim=1)(tensor([[1.0, 1.0]]))
        tensor([[0.5000, 0.5000]])
    """

    _function = staticmethod(F.softmax)


class LogSoftmax(_Along):
    """log(softmax(x)) along ``dim``, computed without overflow."""

    _function = staticmethod(F.log_softmax)


class Softmin(_Along):
    """softmax(−x) along ``dim``."""

    _function = staticmethod(F.softmin)


class GLU(_Activation):
    """The first half of x along ``dim`` times the sigmoid of the second."""

    _function = staticmethod(F.glu)

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim=dim)
