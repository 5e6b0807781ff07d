"""What the data sets of pictures share: where their files are looked for, and what is done with labels."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.collate import default_collate
from ...data.dataset import IndexArray
from ...data.download import NotAvailableError, RemoteFile, download
from ...data.image_dataset import ImageDataset
from ...errors import DataError

__all__: list[str] = []

BLOCK = 1 << 20


class VisionDataset(ImageDataset):
    """An `ImageDataset` whose labels may be transformed too; the base of the data sets here."""

    def __init__(
        self,
        data: npt.NDArray[np.uint8],
        targets: npt.NDArray[Any],
        transform: Callable[[Any], Any] | None,
        target_transform: Callable[[Any], Any] | None,
        classes: Sequence[str],
    ) -> None:
        super().__init__(data, targets, transform, classes=classes)
        self.target_transform = target_transform

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, label = super().__getitem__(index)
        return image, label if self.target_transform is None else self.target_transform(label)

    def __getbatch__(self, indices: IndexArray) -> Any:
        if self.target_transform is None:
            return super().__getbatch__(indices)
        return default_collate([self[int(i)] for i in indices])


def located(file: RemoteFile, folders: Sequence[Path], sources: Sequence[str], may_download: bool) -> Path:
    """The file in the first of ``folders`` that has it, else downloaded into the first.

    Raises:
        NotAvailableError: it is nowhere, and could not be downloaded or was not to be.
    """
    for folder in folders:
        if (folder / file.name).is_file():
            return folder / file.name
    if may_download:
        return download(file, [source + file.name for source in sources], folders[0])
    places = ", ".join(map(str, folders))
    raise NotAvailableError(
        f"{file.name} is in none of: {places}. Put it there ({sources[0]}{file.name} has it), or allow the download "
        "(download=True)."
    )


def require_published(path: Path, file: RemoteFile) -> None:
    """Raise DataError unless the file at ``path`` is the published one, by its size and SHA-256."""
    found, total = path.stat().st_size, hashlib.sha256()
    if found == file.size:
        with path.open("rb") as content:
            while block := content.read(BLOCK):
                total.update(block)
    if found != file.size or total.hexdigest() != file.sha256:
        what = f"{found} bytes" if found != file.size else f"SHA-256 {total.hexdigest()}"
        raise DataError(
            f"{path} is not the published file: it has {what}, expected are {file.size} bytes with SHA-256 {file.sha256}. "
            "It is damaged, or another's; delete it or move it away, then it can be downloaded anew (download=True)."
        )


def unpacked(content: bytes, size: int, name: object) -> bytes:
    """What a gzip file holds, or the bytes themselves if they are not packed; never more than one byte past ``size``.

    Raises:
        DataError: the packed data is damaged.
    """
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(content)).read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{name} is damaged: {error}") from error


def folders_of(root: str | os.PathLike[str], *inner: str) -> list[Path]:
    """Where a data set's files may be: where torchvision keeps them below ``root``, and ``root`` itself."""
    return [Path(root).joinpath(*inner), Path(root)] if inner else [Path(root)]
