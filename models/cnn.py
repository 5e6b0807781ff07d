"""A small convolutional network: two convolutions, two linear layers."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_fm import Tensor, nn

from .size import check_size


class CNN(nn.Module):
    """Two 3×3 convolutions, each with batch norm, rectifier and pooling; a hidden layer with dropout: 220,426 parameters.

    Args:
        channels: of the two convolutions.
        dense: units of the hidden layer.
        dropout: probability of dropping each of them.
        num_classes: K.

    Shapes:
        Images (N, 1, 28, 28); logits (N, K).

    Raises:
        ValueError: ``channels`` are not two positive numbers.
    """

    def __init__(
        self, channels: Sequence[int] = (32, 64), dense: int = 64, dropout: float = 0.3, num_classes: int = 10
    ) -> None:
        super().__init__()
        if len(channels) != 2 or min(*channels, dense) < 1:
            raise ValueError(f"cnn needs two positive numbers of channels and a positive width, got {list(channels)}, {dense}")
        first, second = channels
        check_size("cnn", 9 * first * (1 + second) + 49 * second * dense)
        self.features = nn.Sequential(
            nn.Conv2d(1, first, 3, padding=1),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 3, padding=1),
            nn.BatchNorm2d(second),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(second * 7 * 7, dense), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dense, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))
