"""Pictures in folders, one for each class."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...data.dataset import Dataset
from ...errors import DataError, MissingExtraError

__all__ = ["DatasetFolder", "ImageFolder"]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def pil_loader(path: str) -> Any:
    """The picture in a file, as a Pillow image in RGB.

    Raises:
        DataError: it is no picture that Pillow knows, or is damaged.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("pictures in files need Pillow: pip install 'tinygrad_fm[train]'") from error
    try:
        with open(path, "rb") as file, Image.open(file) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is no picture that Pillow can read, or it is damaged: {error}") from error


def find_classes(directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """The folders in ``directory``, sorted, and the label of each. Raises FileNotFoundError if there are none."""
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: label for label, name in enumerate(classes)}


class DatasetFolder(Dataset[tuple[Any, Any]]):
    """Files in folders, ``root/class/…/file``; the folders, sorted, are the classes.

    Args:
        root: the folder of the folders.
        loader: from a path to a sample.
        extensions: the ends of the names of the files that belong to it, in any case.
        transform, target_transform: what becomes of a sample and of a label.
        is_valid_file: says of a path whether it belongs to the set, instead of ``extensions``.
        allow_empty: whether a class may have no files.

    Attributes:
        classes: the names. class_to_idx: the label of each. samples: (path, label) of each sample. targets: the labels.

    Raises:
        ValueError: neither or both of ``extensions`` and ``is_valid_file`` are given.
        FileNotFoundError: there is no folder of a class, or a class has no file.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from tinygrad_fm.vision import datasets
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name in ("cat", "dog"):
    ...         Path(root, name).mkdir()
    ...         Path(root, name, "1.txt").touch()
    ...     found = datasets.DatasetFolder(root, loader=str, extensions=[".txt"])
    >>> found.classes, found.targets
    (['cat', 'dog'], [0, 1])
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: Sequence[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        if (extensions is None) == (is_valid_file is None):
            raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
        self.root, self.loader, self.extensions = os.fspath(root), loader, extensions
        self.transform, self.target_transform = transform, target_transform
        self.classes, self.class_to_idx = self.find_classes(self.root)
        if is_valid_file is None:
            ends = tuple(end.lower() for end in extensions or ())
            is_valid_file = lambda path: path.lower().endswith(ends)
        self.samples = [
            (path, label) for name, label in self.class_to_idx.items() for path in _files(Path(root, name), is_valid_file)
        ]
        self.targets = [label for _, label in self.samples]
        empty = sorted(set(self.class_to_idx.values()) - set(self.targets))
        if empty and not allow_empty:
            names = ", ".join(self.classes[label] for label in empty)
            known = f" Supported extensions are: {', '.join(extensions)}" if extensions else ""
            raise FileNotFoundError(f"Found no valid file for the classes {names}.{known}")

    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:
        """Classes and labels; a subclass may choose others."""
        return find_classes(directory)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, label = self.samples[index]
        sample = self.loader(path)
        sample = sample if self.transform is None else self.transform(sample)
        return sample, label if self.target_transform is None else self.target_transform(label)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} files of {len(self.classes)} classes in {self.root})"


class ImageFolder(DatasetFolder):
    """Pictures in folders, ``root/dog/1.png``, ``root/cat/a/2.jpg``; the folders, sorted, are the classes.

    Samples are Pillow images in RGB until a ``transform`` makes tensors of them. They are read when they are asked for; a
    `DataLoader` with ``num_workers`` reads them in several processes.

    Args:
        root: the folder of the folders.
        transform, target_transform: what becomes of a picture and of a label.
        loader: from a path to a picture; by default Pillow, in RGB.
        is_valid_file: says of a path whether it is a picture; by default its extension does (.jpg, .png, .webp and so on).
        allow_empty: whether a class may have no pictures.

    Attributes:
        classes, class_to_idx, samples (also ``imgs``), targets: see `DatasetFolder`.

    Raises:
        FileNotFoundError: there is no folder of a class, or a class has no picture.
        DataError: from indexing, for a file that is no picture or is damaged; it names the file.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from tinygrad_fm.vision import datasets
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name in ("cat", "dog"):
    ...         Path(root, name).mkdir()
    ...         Path(root, name, "1.png").touch()
    ...     found = datasets.ImageFolder(root)
    >>> len(found), found.class_to_idx
    (2, {'cat': 0, 'dog': 1})
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] = pil_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples


def _files(folder: Path, is_valid: Callable[[str], bool]) -> list[str]:
    """The valid files below a folder, in a definite order."""
    found = []
    for place, _, names in sorted(os.walk(folder, followlinks=True)):
        found += [path for name in sorted(names) if is_valid(path := os.path.join(place, name))]
    return found
