"""A small network in VGG's manner: stacks of 3×3 convolutions between poolings.

Source: Simonyan and Zisserman 2014, "Very deep convolutional networks for large-scale image recognition".
"""

from __future__ import annotations

from tinygrad_fm import Tensor, nn

from .size import check_size


class VGG(nn.Module):
    """Three stages of 3×3 convolutions with batch norm, each twice as wide as the one before, then two linear layers.

    Args:
        depth: convolutions in all, 3 to 12, spread over the stages; the earlier stages get those left over.
        width: channels of the first stage.
        dense: units of the hidden layer.
        dropout: probability of dropping each of them.
        num_classes: K.

    Shapes:
        Images (N, 1, 28, 28); logits (N, K).

    Raises:
        ValueError: ``depth`` or a width is out of range.
    """

    def __init__(self, depth: int = 6, width: int = 16, dense: int = 128, dropout: float = 0.3, num_classes: int = 10) -> None:
        super().__init__()
        if not 3 <= depth <= 12:
            raise ValueError(f"the depth of vgg must be from 3 to 12 convolutions, got {depth}")
        if min(width, dense) < 1:
            raise ValueError(f"the widths of vgg must be positive, got {width} and {dense}")
        check_size("vgg", 63 * width * width * depth + 36 * width * dense)
        layers: list[nn.Module] = []
        inputs = 1
        for stage in range(3):
            outputs = width << stage
            for _ in range(depth // 3 + (stage < depth % 3)):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
                inputs = outputs
            layers.append(nn.MaxPool2d(2))  # 28 -> 14 -> 7 -> 3
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs * 3 * 3, dense), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dense, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))
