"""SyntheticFashion: garments drawn by the program, for machines with no network and no files."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ...atomic_files import write_atomically
from ..cache import cache_folder, reason
from ..image_dataset import CLASSES, ImageDataset, digest_of
from .garments import SIDE, draw

#: Raised whenever the drawings change, so that nobody meets old ones in a cache.
VERSION = 1

_CHUNK = 1000  # images drawn together: a hundred of each class, small enough to stay in the processor's cache

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]


class SyntheticFashion(ImageDataset):
    """60,000 training and 10,000 test images of drawn garments, in Fashion-MNIST's classes and format.

    Silhouettes with random proportions, sleeves, necks, buttons, straps, soles and handles, cloth with folds, stripes
    and prints, and noise. A linear model reaches about 87 %, an MLP with 128 and 64 units about 93 %.

    The same seed gives the same bytes on every machine. Drawing all takes a few seconds; the result is kept in the
    user's cache folder and checked when it is read again.

    Args:
        train: the training set, else the test set; no image is in both.
        transform: see ``ImageDataset``; None gives float32 tensors (1, 28, 28) in [0, 1].
        seed: which set of all possible ones.
        size: only the first so many images; 60,000 or 10,000 by default.

    Raises:
        ValueError: ``size`` is out of range or ``seed`` negative.

    >>> garments = SyntheticFashion(size=10)
    >>> image, label = garments[0]
    >>> tuple(image.shape), garments.classes[label] in garments.classes
    ((1, 28, 28), True)
    """

    def __init__(
        self, train: bool = True, transform: Callable[[Any], Any] | None = None, seed: int = 0, size: int | None = None
    ) -> None:
        full = 60000 if train else 10000
        count = full if size is None else size
        if not 0 < count <= full or seed < 0:
            raise ValueError(f"size {size} must be in 1 … {full} and seed {seed} not negative")
        # A few images are drawn sooner than a file is read.
        images, labels = _cached(train, seed, count) if count > _CHUNK else _drawn(train, seed, count)
        super().__init__(images, labels, transform)
        self.train = train
        self.seed = seed


def _drawn(train: bool, seed: int, count: int) -> tuple[Images, Labels]:
    """The first ``count`` images and labels.

    Each chunk has random streams of its own, so a shorter set is the beginning of a longer one.
    """
    images = np.empty((count, SIDE, SIDE), np.uint8)
    labels = np.empty(count, np.uint8)
    for start in range(0, count, _CHUNK):
        part = slice(start, min(start + _CHUNK, count))
        chunk, chunk_labels = _chunk((seed, int(train), start // _CHUNK))
        images[part], labels[part] = chunk[: part.stop - start], chunk_labels[: part.stop - start]
    return images, labels


def _chunk(key: tuple[int, ...]) -> tuple[Images, Labels]:
    kinds = len(CLASSES)
    each = _CHUNK // kinds
    drawn = np.concatenate([draw(k, each, _bits(*key, k)) for k in range(kinds)])
    order = np.argsort(_bits(*key, kinds).random_raw(_CHUNK), kind="stable")
    return drawn[order], (order // each).astype(np.uint8)


def _bits(*key: int) -> np.random.PCG64:
    return np.random.PCG64(np.random.SeedSequence(key))


def _cached(train: bool, seed: int, count: int) -> tuple[Images, Labels]:
    """From the cache if it is there and whole, else drawn and put there.

    A damaged cache file is only a copy of what can be drawn again, so it is replaced.
    """
    try:
        path = cache_folder() / f"synthetic-fashion-v{VERSION}-{'train' if train else 'test'}-{count}-seed{seed}.npz"
        if path.is_file():
            found = _read(path, count)
            if found is not None:
                return found
    except OSError as error:
        warnings.warn(f"the cached synthetic images cannot be read: {reason(error)}", stacklevel=4)
    images, labels = _drawn(train, seed, count)

    def write(file: BinaryIO) -> None:
        np.savez(file, images=images, labels=labels, sha256=np.array(digest_of(images, labels)))

    try:
        write_atomically(path, write)
    except OSError as error:
        warnings.warn(
            f"the synthetic images could not be kept in {path.parent} ({reason(error)}) and will be drawn again next "
            "time; TINYGRAD_FM_CACHE can name another folder",
            stacklevel=4,
        )
    return images, labels


def _read(path: Path, count: int) -> tuple[Images, Labels] | None:
    """What the file holds, or None if it is not what was once written there."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            images, labels, sha256 = file["images"], file["labels"], str(file["sha256"])
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile):  # cut off, overwritten, or some other program's
        return None
    fits = images.shape == (count, SIDE, SIDE) and labels.shape == (count,) and images.dtype == labels.dtype == np.uint8
    return (images, labels) if fits and sha256 == digest_of(images, labels) else None
