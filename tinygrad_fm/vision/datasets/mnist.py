"""MNIST, and the sets of letters in its form: KMNIST and EMNIST.

Every file is compared with the published one by SHA-256 before anything is read from it. The sums are those of the publishers'
files as torchvision's prototype data sets and others record them, checked against two sources each.
"""

from __future__ import annotations

import math
import os
import string
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...data import fashion_mnist
from ...data.cache import read_bytes
from ...data.download import RemoteFile
from ...data.fashion_mnist import read_idx
from ...errors import DataError
from .vision import VisionDataset, folders_of, located, require_published, unpacked

__all__ = ["EMNIST", "FashionMNIST", "KMNIST", "MNIST"]

SIDE = 28
LARGEST = 1 << 30  # bytes of a file: the largest, of EMNIST, have half of that


@dataclass(frozen=True)
class _Files:
    """A published set: where it can be had, and images and labels of its two parts."""

    sources: tuple[str, ...]
    train: tuple[RemoteFile, RemoteFile]
    test: tuple[RemoteFile, RemoteFile]


class MNIST(VisionDataset):
    """Handwritten digits: 60,000 training or 10,000 test images, 28×28, ten classes.

    The files, packed as they were published, are looked for in ``root/MNIST/raw``, where torchvision keeps them, and in
    ``root``.

    Args:
        root: a folder.
        train: the training set, else the test set.
        transform: from a uint8 array (28, 28) to what the model wants, see `ImageDataset`; None gives float32 tensors
            (1, 28, 28) in [0, 1]. All of `tinygrad_fm.vision.transforms` take such arrays.
        target_transform: what becomes of a label.
        download: whether a missing file may be downloaded, into ``root/MNIST/raw``.

    Attributes:
        data: uint8 (N, 28, 28), 0 is background. targets: int64 (N,). classes: the names of the labels.

    Raises:
        NotAvailableError: a file is not there and could not be downloaded, or was not to be.
        DataError: a file is not the published one.

    Source: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/

    >>> from tinygrad_fm.vision import datasets
    >>> datasets.MNIST("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
      ...
    tinygrad_fm.data.download.NotAvailableError: ...
    """

    files: ClassVar[_Files] = _Files(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
            ),
            RemoteFile("train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        ),
        (
            RemoteFile(
                "t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
            ),
            RemoteFile("t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    )
    names: ClassVar[tuple[str, ...]] = (
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    )
    counts: ClassVar[tuple[int, int]] = (60000, 10000)

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        folders = folders_of(root, type(self).__name__, "raw")
        count = self.counts[0 if train else 1]
        arrays = []
        for file, shape in zip(self.files.train if train else self.files.test, ((count, SIDE, SIDE), (count,)), strict=True):
            path = located(file, folders, self.files.sources, download)
            require_published(path, file)
            arrays.append(_array(read_bytes(path, LARGEST), shape, path))
        super().__init__(arrays[0], arrays[1], transform, target_transform, self.names)
        self.train = train


class FashionMNIST(VisionDataset):
    """`tinygrad_fm.data.FashionMNIST`, which says where its files are looked for, with torchvision's arguments; see `MNIST`.

    >>> from tinygrad_fm.utils.data import NotAvailableError
    >>> from tinygrad_fm.vision import datasets
    >>> try:
    ...     assert len(datasets.FashionMNIST("nowhere", train=False, download=False)) == 10000
    ... except NotAvailableError as error:
    ...     missing = error  # it says where the files were looked for
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        found = fashion_mnist.FashionMNIST(root, train, None, download)
        super().__init__(found.data, found.targets, transform, target_transform, found.classes)
        self.train = train


class KMNIST(MNIST):
    """Cursive Japanese characters in MNIST's form: ten classes, 60,000 training and 10,000 test images. See `MNIST`.

    Source: Clanuwat et al. 2018, "Deep learning for classical Japanese literature"; CC BY-SA 4.0.

    >>> from tinygrad_fm.vision import datasets
    >>> datasets.KMNIST.names[:3]
    ('o', 'ki', 'su')
    """

    files: ClassVar[_Files] = _Files(
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz", 18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
            ),
            RemoteFile("train-labels-idx1-ubyte.gz", 29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        ),
        (
            RemoteFile(
                "t10k-images-idx3-ubyte.gz", 3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
            ),
            RemoteFile("t10k-labels-idx1-ubyte.gz", 5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        ),
    )
    names: ClassVar[tuple[str, ...]] = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


_LETTERS = sorted(string.digits + string.ascii_letters)
_MERGED = sorted(set(_LETTERS) - set("cijklmopsuvwxyz"))  # of these, upper and lower case look alike


class EMNIST(VisionDataset):
    """Handwritten digits and letters, in six splits; pictures 28×28.

    The published archive ``gzip.zip`` (536 MiB) is looked for in ``root/EMNIST/raw`` and in ``root``, and read without being
    unpacked. Where it is not there, the split's own two files are looked for, packed or not, as torchvision leaves them.

    In the files, and so here, rows and columns of the pictures are exchanged, as in torchvision:
    ``transforms.Lambda(lambda image: image.T)`` as the first transform puts them upright. The labels of "letters" begin with 1;
    class 0 is called "N/A".

    Args:
        root: a folder.
        split: "byclass" (62 classes), "bymerge" and "balanced" (47: some letters look alike in both cases), "letters" (26),
            "digits" or "mnist".
        train, transform, target_transform, download: as for `MNIST`.

    Raises:
        ValueError: there is no such split. NotAvailableError, DataError: as for `MNIST`.

    Source: Cohen et al. 2017, "EMNIST: extending MNIST to handwritten letters".

    >>> from tinygrad_fm.vision import datasets
    >>> datasets.EMNIST.classes_split_dict["letters"][:3]
    ['N/A', 'a', 'b']
    """

    source = "https://biometrics.nist.gov/cs_links/EMNIST/"
    archive = RemoteFile("gzip.zip", 561753746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e")
    #: how many training and test images there are
    counts: ClassVar[dict[str, tuple[int, int]]] = {
        "byclass": (697932, 116323),
        "bymerge": (697932, 116323),
        "balanced": (112800, 18800),
        "letters": (124800, 20800),
        "digits": (240000, 40000),
        "mnist": (60000, 10000),
    }
    classes_split_dict: ClassVar[dict[str, list[str]]] = {
        "byclass": _LETTERS,
        "bymerge": _MERGED,
        "balanced": _MERGED,
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        if split not in self.counts:
            raise ValueError(f"Unknown value '{split}' for argument split. Valid values are {', '.join(self.counts)}.")
        count = self.counts[split][0 if train else 1]
        shapes = {"images-idx3": (count, SIDE, SIDE), "labels-idx1": (count,)}
        start = f"emnist-{split}-{'train' if train else 'test'}"
        wanted = {f"{start}-{part}-ubyte": shape for part, shape in shapes.items()}
        images, labels = _unpacked_files(root, wanted) or self._from_archive(root, wanted, download)
        super().__init__(images, labels, transform, target_transform, self.classes_split_dict[split])
        self.split, self.train = split, train

    def _from_archive(self, root: str | os.PathLike[str], wanted: dict[str, tuple[int, ...]], may_download: bool) -> list[Any]:
        path = located(self.archive, folders_of(root, "EMNIST", "raw"), (self.source,), may_download)
        require_published(path, self.archive)
        with zipfile.ZipFile(path) as archive:
            return [_array(archive.read(f"gzip/{name}.gz"), shape, f"{path}: {name}") for name, shape in wanted.items()]


def _unpacked_files(root: str | os.PathLike[str], wanted: dict[str, tuple[int, ...]]) -> list[Any] | None:
    """The arrays of files that somebody has taken out of the archive; None if they are not all there."""
    found = []
    for name, shape in wanted.items():
        places = [folder / (name + end) for folder in folders_of(root, "EMNIST", "raw") for end in ("", ".gz")]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            return None
        found.append(_array(read_bytes(path, LARGEST), shape, path))
    return found


def _array(content: bytes, shape: tuple[int, ...], name: object) -> npt.NDArray[np.uint8]:
    """The array in the bytes of an IDX file, packed or not. Raises DataError for another shape, and for what is none."""
    try:
        array = read_idx(unpacked(content, 4 + 4 * len(shape) + math.prod(shape), name))
    except ValueError as error:
        raise DataError(f"{name} is damaged, or holds something else: {error}") from error
    if array.shape != shape:
        raise DataError(f"{name} holds an array of shape {array.shape}, expected is {shape}")
    return array
