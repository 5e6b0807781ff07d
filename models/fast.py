"""A small network for the most accuracy in a few minutes of processor time.

The first convolution, which has the largest map, is not trained: it whitens patches of the training images. What is spent is
spent on a quarter and a sixteenth of the image, in residual blocks.

Sources: the whitening is that of Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU" (airbench), section 3.1; the
blocks are those of ``models/resnet.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_fm import Tensor, from_numpy, nn, no_grad

from .resnet import residual_stage
from .size import check_size

SIDE, STRIDE = 3, 2  # of the whitening filters
MAX_STAGES = 4  # 14 -> 7 -> 4 -> 2
_EPSILON = 5e-4  # added to each variance: patches of a few rarely seen kinds would be blown up


class Fast(nn.Module):
    """A whitening convolution, frozen; stages of residual blocks at 14×14, 7×7 …; global max pooling; a linear layer.

    With the defaults 166,090 parameters are trained, and 162 frozen.

    Args:
        channels: of each stage.
        blocks: residual blocks of each stage, two 3×3 convolutions each.
        num_classes: K.

    Shapes:
        Images (N, 1, 28, 28); logits (N, K).

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, channels: Sequence[int] = (32, 64), blocks: Sequence[int] = (2, 2), num_classes: int = 10) -> None:
        super().__init__()
        if not 1 <= len(channels) == len(blocks) <= MAX_STAGES or min(*channels, *blocks) < 1:
            raise ValueError(
                f"fast needs 1 to {MAX_STAGES} positive numbers of channels, and as many of blocks, got {list(channels)} and "
                f"{list(blocks)}"
            )
        check_size("fast", 18 * max(channels) ** 2 * sum(blocks))
        widths = [2 * SIDE * SIDE, *channels]
        self.whiten = nn.Conv2d(1, widths[0], SIDE, STRIDE, padding=SIDE // 2, bias=False)
        self.whiten.weight.requires_grad_(False)
        self.relu = nn.ReLU()
        self.stages = nn.Sequential(
            *(
                residual_stage(widths[stage], widths[stage + 1], count, stride=2 if stage else 1)
                for stage, count in enumerate(blocks)
            )
        )
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(self.relu(self.whiten(x)))
        return self.fc(self.flatten(self.pool(x)))

    def initialize_from(self, images: Tensor) -> None:
        """Make the first convolution whiten the patches of ``images`` (N, 1, 28, 28), normalised as in training.

        Training calls it once, at the start; a checkpoint has the filters.
        """
        filters = whitening_filters(images.numpy())
        with no_grad():
            self.whiten.weight.copy_(from_numpy(np.concatenate([filters, -filters])))  # a rectifier keeps both signs


def whitening_filters(images: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Filters, float32 (side², 1, side, side), whose outputs over the patches of images (N, 1, H, W) are uncorrelated, each
    with a mean square of 1: the eigenvectors of the patches' second moments, divided by the roots of the eigenvalues.

    The largest comes first; the largest number in each filter is positive.
    """
    patches = np.lib.stride_tricks.sliding_window_view(images[:, 0], (side, side), (1, 2))  # (N, H', W', side, side)
    rows = patches.reshape(-1, side * side).astype(np.float64)
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    filters = (vectors / np.sqrt(values + _EPSILON)).T[::-1]
    largest = np.take_along_axis(filters, np.abs(filters).argmax(1)[:, None], 1)
    return (filters * np.sign(largest)).astype(np.float32).reshape(-1, 1, side, side)
