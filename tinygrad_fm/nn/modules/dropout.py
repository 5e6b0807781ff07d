"""Dropout."""

from __future__ import annotations

from ...tensor import Tensor
from .. import functional as F
from .module import Module


class Dropout(Module):
    """While training, sets each element to zero with probability ``p`` and multiplies the others by 1 / (1 − p).

    Args:
        p: probability of an element to be dropped.
        inplace: write the result into the input.

    Shapes: any, unchanged.

    Raises:
        ValueError: ``p`` outside [0, 1].

    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", section 10
    for the scaling in training.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm import tensor
        >>> layer, x = nn.Dropout(0.5), tensor(np.ones(1000))
        >>> sorted(set(layer(x).tolist())), set(layer.eval()(x).tolist())
        ([0.0, 2.0], {1.0})
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Drop elements of ``input``, in training mode."""
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
