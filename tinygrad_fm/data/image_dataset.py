"""Labelled pictures held in memory: what ``FashionMNIST`` and ``SyntheticFashion`` have in common."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._tensor import Tensor
from ..ops.creation import from_numpy
from .dataset import Dataset, IndexArray
from .transforms import ToTensor, apply_to_batch

__all__ = ["CLASSES", "ImageDataset"]

#: The ten classes of Fashion-MNIST, by label.
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

_PLAIN = ToTensor()


def digest_of(images: npt.NDArray[np.uint8], labels: npt.NDArray[Any]) -> str:
    """SHA-256 of the images' bytes followed by the labels' (int64, low byte first), in hex digits."""
    total = hashlib.sha256(np.ascontiguousarray(images).data)
    total.update(np.ascontiguousarray(labels, "<i8").data)
    return total.hexdigest()


class ImageDataset(Dataset[tuple[Any, int]]):
    """Images and labels in arrays. They stay uint8; each batch is converted when it is asked for.

    Args:
        data: uint8 (N, H, W) or (N, H, W, C).
        targets: N integer labels.
        transform: from one uint8 image to what the model wants; None gives a float32 tensor (C, H, W) in [0, 1]. A
            ``Transform`` is applied to whole batches, any other callable image by image.
        classes: the name of each label.
        name: what outputs call this data set; the class name by default.

    Attributes:
        data, images: the images, one array under two names.
        targets, labels: the labels, int64 (N,), likewise.
        classes, name, transform: as given.

    Raises:
        ValueError: a shape or dtype is not as above, or a label has no class.

    >>> pictures = ImageDataset(np.zeros((3, 28, 28), np.uint8), [2, 0, 1])
    >>> image, label = pictures[0]
    >>> tuple(image.shape), label
    ((1, 28, 28), 2)
    """

    def __init__(
        self,
        data: npt.NDArray[np.uint8],
        targets: Sequence[int] | npt.NDArray[Any],
        transform: Callable[[Any], Any] | None = None,
        *,
        classes: Sequence[str] = CLASSES,
        name: str | None = None,
    ) -> None:
        labels = np.asarray(targets)
        if data.dtype != np.uint8 or data.ndim not in (3, 4):
            raise ValueError(f"images must be uint8 (N, H, W) or (N, H, W, C), not {data.dtype} {data.shape}")
        if labels.shape != data.shape[:1] or labels.dtype.kind not in "iu":
            raise ValueError(f"{len(data)} images want as many integer labels, not {labels.dtype} {labels.shape}")
        if labels.size and not 0 <= labels.min() <= labels.max() < len(classes):
            raise ValueError(f"labels run from {labels.min()} to {labels.max()}, there are {len(classes)} classes")
        self.data = data
        self.targets = labels.astype(np.int64)
        self.transform = transform
        self.classes = tuple(classes)
        self.name = name or type(self).__name__

    @property
    def images(self) -> npt.NDArray[np.uint8]:
        return self.data

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        return self.targets

    @property
    def class_to_idx(self) -> dict[str, int]:
        return {name: label for label, name in enumerate(self.classes)}

    @property
    def digest(self) -> str:
        """SHA-256 of images and labels, the same on every machine."""
        return digest_of(self.data, self.targets)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        index = operator.index(index)
        return (self.transform or _PLAIN)(self.data[index]), int(self.targets[index])

    def __getbatch__(self, indices: IndexArray) -> list[Tensor]:
        images = apply_to_batch(self.transform or _PLAIN, self.data.take(np.asarray(indices, np.intp), 0))
        return [images, from_numpy(self.targets.take(np.asarray(indices, np.intp)))]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images of {self.data.shape[1:]}, {len(self.classes)} classes)"
