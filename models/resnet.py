"""The residual network for small images.

Source: He et al. 2015, "Deep residual learning for image recognition", section 4.2.
"""

from __future__ import annotations

from tinygrad_fm import Tensor, nn

from .size import check_size


class Block(nn.Module):
    """Two 3×3 convolutions around which the input is led and added.

    Where the size changes, the input is led through a 1×1 convolution (the paper's option B).

    Args:
        inputs, outputs: channels.
        stride: of the first convolution.

    Shapes:
        (N, inputs, H, W) to (N, outputs, H / stride, W / stride), rounded up.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        return self.relu2(y + self.shortcut(x))


class ResNet(nn.Module):
    """A 3×3 convolution, three stages of residual blocks, global average pooling, a linear layer.

    Args:
        depth: 6n + 2 layers, n blocks in each stage; 20 has 272,186 parameters.
        width: channels of the first stage; the others have two and four times as many.
        num_classes: K.
        in_channels: of the images.

    Shapes:
        Images (N, in_channels, H, W); logits (N, K).

    Raises:
        ValueError: ``depth`` is not 6n + 2, or ``width`` not positive.
    """

    def __init__(self, depth: int = 20, width: int = 16, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        if not 8 <= depth <= 1202 or (depth - 2) % 6:
            raise ValueError(f"the depth of resnet must be 6n + 2 (8, 14, 20, 32, 44 ... 1202), got {depth}")
        if width < 1:
            raise ValueError(f"the width of resnet must be positive, got {width}")
        check_size("resnet", 63 * width * width * (depth - 2) // 3)
        self.stem = nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        blocks = (depth - 2) // 6
        self.stage1 = residual_stage(width, width, blocks, stride=1)
        self.stage2 = residual_stage(width, 2 * width, blocks, stride=2)
        self.stage3 = residual_stage(2 * width, 4 * width, blocks, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(4 * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage3(self.stage2(self.stage1(self.stem(x))))
        return self.fc(self.flatten(self.pool(x)))


def residual_stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    """``blocks`` blocks, the first of which changes the channels and has the stride."""
    return nn.Sequential(Block(inputs, outputs, stride), *(Block(outputs, outputs) for _ in range(blocks - 1)))
