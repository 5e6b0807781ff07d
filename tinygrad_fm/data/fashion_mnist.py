"""Fashion-MNIST, as Zalando Research publishes it.

Xiao, Rasul and Vollgraf 2017, https://arxiv.org/abs/1708.07747; MIT licence.

What is in a file is compared with what was published, by SHA-256, before it is used, wherever it comes from: MNIST's
handwritten digits bear the same four file names, and people have trained on them without noticing. How it is packed makes no
difference: the files may be unpacked, or packed again.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .cache import cache_folder, present, read_bytes
from .download import NotAvailableError, RemoteFile, download
from .image_dataset import ImageDataset

__all__ = ["FashionMNIST"]

#: Where the files can be had; the second is plain HTTP, so the checksum is what protects the user.
SOURCES = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)


@dataclass(frozen=True)
class ArrayFile(RemoteFile):
    """A published array: as a `RemoteFile`, packed by gzip; its shape, and the SHA-256 of the IDX file when unpacked."""

    shape: tuple[int, ...]
    contents: str

    @property
    def names(self) -> tuple[str, str]:
        """What the file is called, packed and unpacked."""
        return self.name, self.name.removesuffix(".gz")

    @property
    def unpacked_size(self) -> int:
        return 4 + 4 * len(self.shape) + math.prod(self.shape)


TRAIN_IMAGES = ArrayFile(
    "train-images-idx3-ubyte.gz",
    26421880,
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    (60000, 28, 28),
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
)
TRAIN_LABELS = ArrayFile(
    "train-labels-idx1-ubyte.gz",
    29515,
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    (60000,),
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
)
TEST_IMAGES = ArrayFile(
    "t10k-images-idx3-ubyte.gz",
    4422102,
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    (10000, 28, 28),
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
)
TEST_LABELS = ArrayFile(
    "t10k-labels-idx1-ubyte.gz",
    5148,
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    (10000,),
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)

_MEAN_PIXEL = 73.0  # 72.94 in the training set, 73.15 in the test set; MNIST's 33.3 and 33.8
_IDX_UINT8 = 8  # the type code of unsigned bytes in an IDX header


class FashionMNIST(ImageDataset):
    """The 60,000 training or 10,000 test images of Fashion-MNIST, 28×28, ten classes.

    Each file is looked for in ``root`` (and where torchvision keeps it below: ``root/FashionMNIST/raw``), then in the
    folder that the environment variable ``FASHION_MNIST_DIR`` names, then in the user's cache folder, and else
    downloaded into ``root``, or into the cache folder if no root is given.

    A file may be unpacked as well, ``train-images-idx3-ubyte`` without ``.gz``, or packed again: its contents decide.

    A damaged file in a folder of yours is an error and is left as it is; one in the cache folder is downloaded again,
    with a warning.

    Args:
        root: a folder with the four files, or where they shall be put.
        train: the training set, else the test set.
        transform: see ``ImageDataset``; None gives float32 tensors (1, 28, 28) in [0, 1].
        download: whether a missing file may be downloaded.

    Attributes:
        data, images: uint8 (N, 28, 28), 0 is background.
        targets, labels: int64 (N,).
        classes: the ten names.
        digest: SHA-256 of images and labels.

    Raises:
        NotAvailableError: a file is nowhere and could not be downloaded, or was not to be.
        DataError: a file is truncated, corrupt, another data set's, or cannot be read; the message names it and says
            what to do.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "train-images-idx3-ubyte.gz").write_bytes(b"no image")
    ...     FashionMNIST(folder, download=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
      ...
    tinygrad_fm.errors.DataError: ...
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        download: bool = True,
    ) -> None:
        wanted = (TRAIN_IMAGES, TRAIN_LABELS) if train else (TEST_IMAGES, TEST_LABELS)
        images, labels = (_load(file, None if root is None else Path(root), download) for file in wanted)
        super().__init__(images, labels, transform, name="Fashion-MNIST")
        self.train = train


def read_idx(content: bytes) -> npt.NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes.

    The format: two zeros, the type code 8, the number of dimensions, their sizes as big-endian uint32, the data.

    Raises:
        ValueError: the header is not that of such a file, or the data is longer or shorter than the header says.

    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9])).tolist()
    [7, 8, 9]
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, _IDX_UINT8]) or content[3] == 0:
        raise ValueError(
            f"the IDX header begins with {content[:4].hex(' ') or 'nothing'}, not with 00 00 08 and a number of dimensions"
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"the IDX header wants {start} bytes, there are {len(content)}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", content[3], 4))
    if len(content) - start != math.prod(shape):
        raise ValueError(f"the IDX header says shape {shape}, but {len(content) - start} bytes follow")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _load(file: ArrayFile, root: Path | None, may_download: bool) -> npt.NDArray[np.uint8]:
    cache = cache_folder()
    own = _folders_of_the_user(root)
    path = next((folder / name for folder in own for name in file.names if present(folder / name)), None)
    if path is None:  # a cache out of reach is as good as none
        path = next((cache / name for name in file.names if os.path.lexists(cache / name)), None)
    if path is None:
        path = _fetch(file, root or cache, own, may_download)
    try:
        return _verified(path, file)
    except DataError as damage:
        if path.parent in own or not may_download:
            raise
        warnings.warn(f"{damage}\nIt is in the cache folder and is downloaded again.", stacklevel=4)
        try:
            return _verified(_fetch(file, cache, own, may_download), file)
        except NotAvailableError as failure:
            raise DataError(f"{damage}\nDownloading it again failed: {failure}") from failure


def _folders_of_the_user(root: Path | None) -> list[Path]:
    folders = [] if root is None else [root, root / "FashionMNIST" / "raw"]
    if os.environ.get("FASHION_MNIST_DIR"):
        folders.append(Path(os.environ["FASHION_MNIST_DIR"]).expanduser())
    return folders


def _fetch(file: ArrayFile, folder: Path, looked_in: list[Path], may_download: bool) -> Path:
    if not may_download:
        places = ", ".join(str(place) for place in [*looked_in, cache_folder()])
        raise NotAvailableError(
            f"{file.name} (or {file.names[1]}, unpacked) is in none of: {places}. Put it into one of them, name its folder in "
            "FASHION_MNIST_DIR, "
            "or allow the download (download=True)."
        )
    return download(file, [source + file.name for source in SOURCES], folder)


def _verified(path: Path, file: ArrayFile) -> npt.NDArray[np.uint8]:
    """The array in a file, if it is the published one, however it is packed."""
    content = read_bytes(path, limit=2 * file.unpacked_size + 4096)
    unpacked = content
    try:
        if content.startswith(b"\x1f\x8b"):
            # One byte more than wanted is enough to see that it is too long; another's file could unpack to anything.
            unpacked = gzip.GzipFile(fileobj=io.BytesIO(content)).read(file.unpacked_size + 1)
        if hashlib.sha256(unpacked).hexdigest() == file.contents:
            return read_idx(unpacked)
        what = _what_is_wrong(unpacked, file)
    except EOFError:
        what = "is truncated, its compressed data breaks off"
    except (zlib.error, gzip.BadGzipFile) as error:
        what = f"is corrupt: {error}"
    raise DataError(
        f"{path} {what}.\n"
        f"Found: {len(content)} bytes with SHA-256 {hashlib.sha256(content).hexdigest()}.\n"
        f"Expected: {file.size} bytes with SHA-256 {file.sha256}, or unpacked {file.unpacked_size} with {file.contents}.\n"
        "Delete it or move it away, then it is downloaded anew, or name a folder with the published file in "
        "FASHION_MNIST_DIR."
    )


def _what_is_wrong(unpacked: bytes, file: ArrayFile) -> str:
    """Why a file of other contents is wrong, for its owner."""
    if not unpacked:
        return "is empty"
    try:
        array = read_idx(unpacked)
    except ValueError as error:
        return f"holds something else{_guess(unpacked)}: {error}"
    if array.shape != file.shape:
        return f"holds an array of shape {array.shape}, expected is {file.shape}"
    return f"holds another data set, or one that was changed{_compare(array)}"


def _guess(content: bytes) -> str:
    if content.lstrip()[:1] == b"<":
        return " (a web page, perhaps an error message, saved under this name)"
    if content.startswith(b"version https://git-lfs"):
        return " (a Git LFS pointer instead of the file)"
    return ""


def _compare(array: npt.NDArray[np.uint8]) -> str:
    """What tells an array of the right shape from Fashion-MNIST's, where something does."""
    digits = "MNIST's handwritten digits bear the same file names"
    if array.ndim == 1:
        counts = np.bincount(array.astype(np.intp), minlength=10).tolist()
        if len(set(counts)) > 1:
            return f" ({digits}): its labels occur {counts[:12]} times, Fashion-MNIST's equally often"
    elif abs(array.mean() - _MEAN_PIXEL) > 1:
        return f" ({digits}): its mean pixel is {array.mean():.1f}, Fashion-MNIST's is {_MEAN_PIXEL}"
    return ""
