"""The multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tinygrad_fm import Tensor, nn

from .size import check_size

MAX_LAYERS = 1000

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
}


class MLP(nn.Module):
    """Fully connected layers, each hidden one followed by an activation.

    Args:
        hidden: the units of each hidden layer; empty for a linear model.
        activation: a key of ``ACTIVATIONS``.
        dropout: probability with which the output of each hidden unit is dropped in training.
        batch_norm: normalise before each activation.
        in_features: numbers in one image.
        num_classes: K.

    Shapes:
        Images (N, ...) of ``in_features`` numbers each; logits (N, K).

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (128, 64),
        activation: str = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        in_features: int = 784,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"there is no activation {activation!r}; choose from {', '.join(ACTIVATIONS)}")
        if any(units < 1 for units in hidden):
            raise ValueError(f"every hidden layer needs at least one unit, got {list(hidden)}")
        if len(hidden) > MAX_LAYERS:
            raise ValueError(f"an mlp has at most {MAX_LAYERS:,} hidden layers, got {len(hidden):,}")
        widths = [in_features, *hidden, num_classes]
        check_size("mlp", sum(a * b for a, b in pairwise(widths)))
        layers: list[nn.Module] = [nn.Flatten()]
        width = in_features
        for units in hidden:
            layers.append(nn.Linear(width, units))
            if batch_norm:
                layers.append(nn.BatchNorm1d(units))
            layers.append(ACTIVATIONS[activation]())
            if dropout:
                layers.append(nn.Dropout(dropout))
            width = units
        layers.append(nn.Linear(width, num_classes))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
