"""Which data a script trains on: ``--data auto``, ``fashion-mnist`` or ``synthetic``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from .download import NotAvailableError
from .fashion_mnist import FashionMNIST
from .image_dataset import ImageDataset
from .synthetic import SyntheticFashion

__all__ = ["CHOICES", "Splits", "load_splits"]

CHOICES = ("auto", "fashion-mnist", "synthetic")


class Splits(NamedTuple):
    """Training and test set, what to call them, and what the user must be told, if anything: a title and paragraphs.

    >>> from tinygrad_fm.utils import data
    >>> splits = data.load_splits("synthetic", size=20)
    >>> len(splits.train), len(splits.test), splits.notice
    (20, 20, None)
    """

    train: ImageDataset
    test: ImageDataset
    name: str
    notice: str | None


def load_splits(
    choice: str = "auto",
    root: str | os.PathLike[str] | None = None,
    transform: Callable[[Any], Any] | None = None,
    download: bool = True,
    size: int | None = None,
) -> Splits:
    """The data set a script was asked for.

    Args:
        choice: ``"fashion-mnist"``, ``"synthetic"``, or ``"auto"``: Fashion-MNIST where it can be had, else the
            synthetic set and a notice for the caller to print. A file that is there but damaged is an error even so:
            its owner wants to know.
        root, transform, download: as for ``FashionMNIST``.
        size: only the first so many images of either set, for a quick trial; the name then says so.

    Returns:
        ``(train, test, name, notice)``.

    Raises:
        ValueError: there is no such choice, or ``size`` is not in 1 … 60,000.
        DataError: as ``FashionMNIST`` raises it.

    >>> from tinygrad_fm.utils import data
    >>> train, test, name, notice = data.load_splits("synthetic", size=20)
    >>> train[0][0].shape, len(test)
    (torch.Size([1, 28, 28]), 20)
    """
    if choice not in CHOICES:
        raise ValueError(f"there is no data set {choice!r}; the choices are {', '.join(CHOICES)}")
    if size is not None and not 1 <= size <= 60000:
        raise ValueError(f"size must be from 1 to 60,000 images, got {size}")
    notice = None
    if choice != "synthetic":
        try:
            train, test = (FashionMNIST(root, split, transform, download) for split in (True, False))
            return _shortened(Splits(train, test, train.name, None), size)
        except NotAvailableError as error:
            if choice != "auto":
                raise
            notice = (
                "FASHION-MNIST IS NOT AVAILABLE: THIS RUN USES SYNTHETIC IMAGES\n\n"
                "The garments are drawn by the program. Scores on them say nothing about Fashion-MNIST and must not be "
                f"compared with scores on it.\n\nReason: {error}\n\n"
                "With the four files on this machine, set FASHION_MNIST_DIR to their folder."
            )
    drawn_train = SyntheticFashion(True, transform, size=size)
    drawn_test = SyntheticFashion(False, transform, size=None if size is None else min(size, 10000))
    return _shortened(Splits(drawn_train, drawn_test, drawn_train.name, notice), size)


def _shortened(splits: Splits, size: int | None) -> Splits:
    """The first ``size`` images of both sets, and a name that does not pass for the whole."""
    if size is None:
        return splits
    train, test = (
        ImageDataset(part.data[:size], part.targets[:size], part.transform, classes=part.classes, name=part.name)
        for part in (splits.train, splits.test)
    )
    return Splits(train, test, f"{splits.name}, first {size:,} images", splits.notice)
