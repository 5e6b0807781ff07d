"""The images that are on this machine: the app fetches none."""

from __future__ import annotations

import os
from functools import lru_cache

from tinygrad_fm.data import FashionMNIST, ImageDataset, NotAvailableError, load_splits
from tinygrad_fm.data.cache import cache_folder
from tinygrad_fm.errors import DataError
from tinygrad_fm.training import Config, RunFolder, evaluation_transform

MISSING = (
    "Fashion-MNIST is not on this machine, and the app fetches nothing: train_mlp.py does, once, in a terminal; or set "
    "FASHION_MNIST_DIR to the folder of its four files"
)


def has_fashion_mnist() -> bool:
    """Whether its files are here, whole. Raises DataError if one is damaged."""
    try:
        return _read(os.environ.get("FASHION_MNIST_DIR"), cache_folder())
    except NotAvailableError:
        return False


@lru_cache(maxsize=1)
def _read(*places: object) -> bool:
    for train in (True, False):
        FashionMNIST(train=train, download=False)
    return True


def images_for(folder: RunFolder) -> ImageDataset:
    """The test images of the set that a run was trained on.

    Raises:
        CheckpointError: the folder is no run's. DataError: its images are not here, or are damaged.
    """
    saved = folder.read_config()
    return _test_images(saved["dataset"]["choice"], Config.from_dict(saved["settings"]).train_size)


@lru_cache(maxsize=2)
def _test_images(choice: str, size: int | None) -> ImageDataset:
    try:
        splits = load_splits(choice, transform=evaluation_transform(), download=False, size=size)
    except NotAvailableError as error:
        raise DataError(MISSING) from error
    splits.test.name = splits.name  # which tells of the size
    return splits.test
