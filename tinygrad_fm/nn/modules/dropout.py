"""Dropout, of elements and of whole channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ..._tensor import Tensor
from .. import functional as F
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    _function: ClassVar[Callable[..., Tensor]]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Drop parts of ``input``, in training mode."""
        return type(self)._function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """While training, sets each element to zero with probability ``p`` and multiplies the others by 1 / (1 − p).

    Args:
        p: probability of an element to be dropped.
        inplace: write the result into the input.

    Shapes: any, unchanged.

    Raises:
        ValueError: ``p`` outside [0, 1].

    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", section 10 for
    the scaling in training.

    Example:
        >>> from tinygrad_fm import nn, ones
        >>> layer, x = nn.Dropout(0.5), ones(1000)
        >>> sorted(set(layer(x).tolist())), set(layer.eval()(x).tolist())
        ([0.0, 2.0], {1.0})
    """

    _function = staticmethod(F.dropout)


class Dropout1d(_DropoutNd):
    """`Dropout` of whole channels of (N, C, L) or (C, L).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Dropout1d().eval()(torch.ones(1, 2, 3)).sum()
        tensor(6.)
    """

    _function = staticmethod(F.dropout1d)


class Dropout2d(_DropoutNd):
    """`Dropout` of whole channels of (N, C, H, W). Other inputs are taken as (N, C, …), with a warning, as in PyTorch.

    Source: Tompson et al. 2015, "Efficient object localization using convolutional networks", section 3.3.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Dropout2d().eval()(torch.ones(1, 2, 3, 3)).sum()
        tensor(18.)
    """

    _function = staticmethod(F.dropout2d)


class AlphaDropout(_DropoutNd):
    """Dropout for `SELU`: keeps mean 0 and variance 1.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AlphaDropout().eval()(torch.ones(3))
        tensor([1., 1., 1.])
    """

    _function = staticmethod(F.alpha_dropout)


class Dropout3d(_DropoutNd):
    """`Dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Dropout3d().eval()(torch.ones(1, 2, 3, 3, 3)).sum()
        tensor(54.)
    """

    _function = staticmethod(F.dropout3d)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels of (N, C, …).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.FeatureAlphaDropout().eval()(torch.ones(1, 2, 3)).sum()
        tensor(6.)
    """

    _function = staticmethod(F.feature_alpha_dropout)
