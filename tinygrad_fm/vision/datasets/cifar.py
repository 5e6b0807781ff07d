"""CIFAR-10, from its binary version: the one "for Python" is pickled, and nothing is unpickled here."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.cache import read_bytes
from ...data.download import RemoteFile
from ...errors import DataError
from .vision import VisionDataset, folders_of, located, require_published

__all__ = ["CIFAR10"]

FOLDER = "cifar-10-batches-bin"
RECORD = 1 + 3 * 32 * 32  # a label, then the planes of red, green and blue
PER_FILE = 10000


class CIFAR10(VisionDataset):
    """Small photographs: 50,000 training or 10,000 test images, 32×32 in colour, ten classes.

    The archive ``cifar-10-binary.tar.gz`` (162 MiB) is looked for in ``root``, compared with the published one by SHA-256, and
    read without being unpacked. Where its files have been unpacked, into ``root/cifar-10-batches-bin``, they are read.

    Args:
        root: a folder.
        train: the training set, else the test set.
        transform: from a uint8 array (32, 32, 3) to what the model wants, see `ImageDataset`; None gives float32 tensors
            (3, 32, 32) in [0, 1].
        target_transform: what becomes of a label.
        download: whether a missing archive may be downloaded, into ``root``.

    Attributes:
        data: uint8 (N, 32, 32, 3). targets: int64 (N,). classes: the ten names.

    Raises:
        NotAvailableError: the archive is not there and could not be downloaded, or was not to be.
        DataError: it is not the published one, or an unpacked file has another size or other labels.

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images"; the form of the files is described on
    https://www.cs.toronto.edu/~kriz/cifar.html

    >>> from tinygrad_fm.vision import datasets
    >>> datasets.CIFAR10.names[:3]
    ('airplane', 'automobile', 'bird')
    >>> datasets.CIFAR10("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
      ...
    tinygrad_fm.data.download.NotAvailableError: ...
    """

    source = "https://www.cs.toronto.edu/~kriz/"
    archive = RemoteFile(
        "cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    )
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        wanted = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
        folder = Path(root) / FOLDER
        if all((folder / name).is_file() for name in wanted):
            contents = {folder / name: read_bytes(folder / name, 2 * PER_FILE * RECORD) for name in wanted}
        else:
            path = located(self.archive, folders_of(root), (self.source,), download)
            require_published(path, self.archive)
            contents = _members(path, wanted)
        parts = [_images_and_labels(content, path) for path, content in contents.items()]
        images, labels = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        super().__init__(images, labels, transform, target_transform, self.names)
        self.train = train


def _members(path: Path, wanted: list[str]) -> dict[Path, bytes]:
    """The wanted files of an archive, in their order; nothing is written to the disk, and nothing else is read."""
    found: dict[str, bytes] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name = member.name.removeprefix(f"{FOLDER}/")
            if name in wanted and member.isfile() and member.size == PER_FILE * RECORD:
                content = archive.extractfile(member)
                assert content is not None  # it is a file
                found[name] = content.read()
    if missing := [name for name in wanted if name not in found]:
        raise DataError(f"{path} has no file {', '.join(missing)} of {PER_FILE * RECORD} bytes in {FOLDER}/")
    return {path / name: found[name] for name in wanted}


def _images_and_labels(content: bytes, path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    if len(content) != PER_FILE * RECORD:
        raise DataError(f"{path} is damaged: it has {len(content)} bytes, expected are {PER_FILE} images of {RECORD}")
    records = np.frombuffer(content, np.uint8).reshape(PER_FILE, RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() > 9:
        raise DataError(f"{path} is damaged: there is a label {labels.max()}, they run from 0 to 9")
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels
