"""LeNet, with batch normalisation and rectifiers.

Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.
"""

from __future__ import annotations

from tinygrad_fm import Tensor, nn


class LeNet(nn.Module):
    """Two convolutions with pooling, three linear layers: 61,750 parameters for ten classes.

    Args:
        num_classes: K.

    Shapes:
        Images (N, 1, 28, 28); logits (N, K).
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.norm1 = nn.BatchNorm2d(6)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.norm2 = nn.BatchNorm2d(16)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(120, 84)
        self.relu4 = nn.ReLU()
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.relu1(self.norm1(self.conv1(x))))  # (N, 6, 14, 14)
        x = self.pool2(self.relu2(self.norm2(self.conv2(x))))  # (N, 16, 5, 5)
        x = self.relu3(self.fc1(x.flatten(1)))
        x = self.relu4(self.fc2(x))
        return self.fc3(x)
