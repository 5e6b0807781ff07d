"""Activations as modules: each is the function of that name in ``nn.functional``, with its settings."""

from __future__ import annotations

from typing import ClassVar

from ...tensor import Tensor
from .. import functional as F
from .module import Module


class _Activation(Module):
    """An activation with settings: ``_settings`` names the attributes, in the order in which they print."""

    _settings: ClassVar[tuple[str, ...]] = ()

    def extra_repr(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self._settings]
        return ", ".join(shown + ["inplace=True"] * bool(getattr(self, "inplace", False)))


class ReLU(_Activation):
    """max(0, x).

    Args:
        inplace: write the result into the input.

    Example:
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm import tensor
        >>> nn.ReLU()(tensor([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element of ``input``."""
        return F.relu(input, inplace=self.inplace)


class LeakyReLU(_Activation):
    """x where x > 0, elsewhere negative_slope · x.

    Args:
        negative_slope: the slope below zero.
        inplace: write the result into the input.
    """

    _settings = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element of ``input``."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class GELU(_Activation):
    """x · Φ(x), Φ being the normal distribution's cumulative function.

    Args:
        approximate: "none", or "tanh" for the faster form.

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units".
    """

    _settings = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element of ``input``."""
        return F.gelu(input, approximate=self.approximate)


class Tanh(_Activation):
    """tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element of ``input``."""
        return F.tanh(input)


class Sigmoid(_Activation):
    """1 / (1 + exp(−x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element of ``input``."""
        return F.sigmoid(input)


class Softmax(_Activation):
    """exp(x) divided by its sum along ``dim``.

    Example:
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm import tensor
        >>> nn.Softmax(dim=1)(tensor([[1.0, 1.0]])).tolist()
        [[0.5, 0.5]]
    """

    _settings = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to ``input`` along ``self.dim``."""
        return F.softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(Softmax):
    """log(softmax(x)) along ``dim``, computed without overflow."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to ``input`` along ``self.dim``."""
        return F.log_softmax(input, self.dim, _stacklevel=5)
