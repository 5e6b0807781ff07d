"""The data of the epoch that is measured: how each library loads and augments a batch of images.

Ours is its own data set, transforms and loader. PyTorch gets as good: its ``DataLoader`` over a data set that hands over whole
batches (``__getitems__``), changed by a few tensor operations; the usual transforms, image by image, are ten times slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import BATCH

SIZE, SHIFT = 60_000, 2


def images(count: int) -> tuple[Any, Any]:
    """Made-up images, uint8 (N, 28, 28), and labels int64 (N,): what is in them makes no difference to the time."""
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), rng.integers(0, 10, count)


def loader(torch: Any, options: dict[str, Any]) -> Any:
    """Shuffled batches of 64 augmented images, in the library's own manner."""
    x, y = images(options.get("size", SIZE))
    if torch.__name__ == "tinygrad_fm":
        from tinygrad_fm import data

        steps = [data.RandomHorizontalFlip(), data.RandomShift(SHIFT), data.ToTensor(), data.Normalize(0.286, 0.353)]
        return data.DataLoader(data.ImageDataset(x, y, data.Compose(steps)), BATCH, shuffle=True, drop_last=True)
    dataset = _Batches(torch, x, y, options)
    return torch.utils.data.DataLoader(dataset, BATCH, shuffle=True, drop_last=True, collate_fn=lambda batch: batch)


class _Batches:
    """Images that PyTorch's loader takes batch by batch."""

    def __init__(self, torch: Any, x: Any, y: Any, options: dict[str, Any]) -> None:
        self.torch, self.options = torch, options
        self.x = torch.nn.functional.pad(torch.from_numpy(x), (SHIFT,) * 4)[:, None]
        self.y = torch.from_numpy(y)
        self.window = torch.arange(28)

    def __len__(self) -> int:
        return len(self.y)

    def __getitems__(self, indices: list[int]) -> tuple[Any, Any]:
        torch, n = self.torch, len(indices)
        chosen = torch.tensor(indices)
        down, right = torch.randint(0, 2 * SHIFT + 1, (2, n, 1))
        columns = torch.where(torch.rand(n, 1) < 0.5, self.window.flip(0), self.window) + right
        rows = (self.window + down)[:, :, None]
        x = self.x[:, 0][chosen[:, None, None], rows, columns[:, None]][:, None]
        x = x.float().mul_(1 / (255 * 0.353)).sub_(0.286 / 0.353)
        return x.contiguous(memory_format=torch.channels_last) if self.options.get("channels_last") else x, self.y[chosen]
