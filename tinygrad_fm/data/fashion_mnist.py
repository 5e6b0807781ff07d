"""Fashion-MNIST, as Zalando Research publishes it.

Xiao, Rasul and Vollgraf 2017, https://arxiv.org/abs/1708.07747; MIT licence.

Every file is compared with its published SHA-256 before it is used, wherever it comes from: MNIST's handwritten digits
bear the same four file names, and people have trained on them without noticing.
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

TRAIN_IMAGES = RemoteFile(
    "train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
)
TRAIN_LABELS = RemoteFile(
    "train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
)
TEST_IMAGES = RemoteFile(
    "t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
)
TEST_LABELS = RemoteFile("t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5")
SHAPES = {
    TRAIN_IMAGES.name: (60000, 28, 28),
    TRAIN_LABELS.name: (60000,),
    TEST_IMAGES.name: (10000, 28, 28),
    TEST_LABELS.name: (10000,),
}

_IDX_UINT8 = 8  # the type code of unsigned bytes in an IDX header


class FashionMNIST(ImageDataset):
    """The 60,000 training or 10,000 test images of Fashion-MNIST, 28×28, ten classes.

    Each file is looked for in ``root`` (and where torchvision keeps it below: ``root/FashionMNIST/raw``), then in the
    folder that the environment variable ``FASHION_MNIST_DIR`` names, then in the user's cache folder, and else
    downloaded into ``root``, or into the cache folder if no root is given.

    A damaged file in a folder of yours is an error and is left as it is; one in the cache folder is downloaded again,
    with a warning.

    Args:
        root: a folder with the four ``.gz`` files, or where they shall be put.
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


def _load(file: RemoteFile, root: Path | None, may_download: bool) -> npt.NDArray[np.uint8]:
    cache = cache_folder()
    own = _folders_of_the_user(root)
    path = next((folder / file.name for folder in own if present(folder / file.name)), None)
    if path is None and os.path.lexists(cache / file.name):  # a cache out of reach is as good as none
        path = cache / file.name
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


def _fetch(file: RemoteFile, folder: Path, looked_in: list[Path], may_download: bool) -> Path:
    if not may_download:
        places = ", ".join(str(place) for place in [*looked_in, cache_folder()])
        raise NotAvailableError(
            f"{file.name} is in none of: {places}. Put it into one of them, name its folder in FASHION_MNIST_DIR, "
            "or allow the download (download=True)."
        )
    return download(file, [source + file.name for source in SOURCES], folder)


def _verified(path: Path, file: RemoteFile) -> npt.NDArray[np.uint8]:
    content = read_bytes(path)
    found = hashlib.sha256(content).hexdigest()
    if found == file.sha256:
        return read_idx(gzip.decompress(content))
    raise DataError(
        f"{path} {_what_is_wrong(content, file)}.\n"
        f"Found: {len(content)} bytes with SHA-256 {found}.\n"
        f"Expected: {file.size} bytes with SHA-256 {file.sha256}.\n"
        "Delete it or move it away, then it is downloaded anew, or name a folder with the published file in "
        "FASHION_MNIST_DIR."
    )


def _what_is_wrong(content: bytes, file: RemoteFile) -> str:
    """Why a file with the wrong checksum is wrong, for its owner."""
    if not content:
        return "is empty"
    if not content.startswith(b"\x1f\x8b"):
        return f"is not gzip-compressed, it begins with {content[:16]!r}{_guess(content)}"
    shape = SHAPES[file.name]
    header = 4 + 4 * len(shape)
    try:
        # One byte more than wanted is enough to see that it is too long; another's file could unpack to anything.
        unpacked = gzip.GzipFile(fileobj=io.BytesIO(content)).read(header + math.prod(shape) + 1)
    except EOFError:
        return "is truncated, its compressed data breaks off"
    except (zlib.error, gzip.BadGzipFile) as error:
        return f"is corrupt: {error}"
    try:
        array = read_idx(unpacked)
    except ValueError as error:
        return f"holds something else: {error}"
    if array.shape != shape:
        return f"holds an array of shape {array.shape}, expected is {shape}"
    return f"holds another data set{_compare(array)}"


def _guess(content: bytes) -> str:
    if content.lstrip()[:1] == b"<":
        return " (a web page, perhaps an error message, saved under this name)"
    if content.startswith(b"version https://git-lfs"):
        return " (a Git LFS pointer instead of the file)"
    if content.startswith(bytes([0, 0, _IDX_UINT8])):
        return " (an unpacked IDX file; the packed one is wanted)"
    return ""


def _compare(array: npt.NDArray[np.uint8]) -> str:
    """What distinguishes an array of the right shape from Fashion-MNIST's."""
    digits = "MNIST's handwritten digits bear the same file names"
    if array.ndim == 1:
        counts = np.bincount(array, minlength=10).tolist()
        return f" ({digits}): its labels occur {counts[:12]} times, Fashion-MNIST's equally often"
    return f" ({digits}): its mean pixel is {array.mean():.1f}, Fashion-MNIST's is about 73"
