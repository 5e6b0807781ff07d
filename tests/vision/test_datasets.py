"""The readers of data sets, on small files of the real form; nothing is downloaded."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinygrad_fm as torch
from tinygrad_fm.data import DataLoader
from tinygrad_fm.data.download import NotAvailableError, RemoteFile
from tinygrad_fm.errors import DataError
from tinygrad_fm.vision import datasets, transforms
from tinygrad_fm.vision.datasets import cifar, folder, mnist

RNG = np.random.default_rng(0)


def idx(array: Any) -> bytes:
    """An IDX file of unsigned bytes."""
    sizes = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def published(name: str, content: bytes) -> RemoteFile:
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())


# ---- MNIST and KMNIST ------------------------------------------------------------------------------------------------


@pytest.fixture(params=[datasets.MNIST, datasets.KMNIST])
def digits(request: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A class with five training and three test images of its own, the folder of its files, and what they hold."""
    kind, counts = request.param, (5, 3)
    place = tmp_path / kind.__name__ / "raw"
    place.mkdir(parents=True)
    arrays: list[Any] = []
    files: list[Any] = []
    for part, count in zip(("train", "t10k"), counts, strict=True):
        pair = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8), RNG.integers(0, 10, count, dtype=np.uint8)
        names = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
        for name, array in zip(names, pair, strict=True):
            (place / name).write_bytes(gzip.compress(idx(array)))
        arrays.append(pair)
        files.append(tuple(published(name, (place / name).read_bytes()) for name in names))
    monkeypatch.setattr(kind, "counts", counts)
    monkeypatch.setattr(kind, "files", mnist._Files(("http://127.0.0.1:9/",), *files))
    return kind, place, arrays


def test_both_parts_are_read(digits: Any, tmp_path: Path) -> None:
    kind, place, arrays = digits
    for train, (images, labels) in zip((True, False), arrays, strict=True):
        for root in (tmp_path, str(place)):
            data = kind(root, train)
            np.testing.assert_array_equal(data.data, images)
            np.testing.assert_array_equal(data.targets, labels)
    image, label = kind(tmp_path)[2]
    assert (tuple(image.shape), image.dtype, label) == ((1, 28, 28), torch.float32, int(arrays[0][1][2]))
    assert len(kind(tmp_path).classes) == 10


def test_labels_and_pictures_are_transformed(digits: Any, tmp_path: Path) -> None:
    kind, _, arrays = digits
    change = transforms.Compose([transforms.Resize(14), transforms.ToTensor()])
    data = kind(tmp_path, transform=change, target_transform=lambda label: label + 100)
    batches: Any = DataLoader(data, batch_size=5)
    images, labels = next(iter(batches))
    assert tuple(images.shape) == (5, 1, 14, 14)
    assert labels.tolist() == [int(label) + 100 for label in arrays[0][1]]
    assert data[1][1] == arrays[0][1][1] + 100


def test_missing_and_wrong_files_are_named(digits: Any, tmp_path: Path) -> None:
    kind, place, _ = digits
    file = place / "train-labels-idx1-ubyte.gz"
    good = file.read_bytes()
    for wrong in (good[:-3], good[:-1] + b"\1", b"", gzip.compress(idx(np.zeros(5)))):
        file.write_bytes(wrong)
        with pytest.raises(DataError, match=r"train-labels.* is not the published file: .*SHA-256"):
            kind(tmp_path)
    file.unlink()
    with pytest.raises(NotAvailableError, match=r"train-labels.* is in none of: .*http://127.*download=True"):
        kind(tmp_path)
    with pytest.raises(NotAvailableError, match="could not be downloaded"):
        kind(tmp_path, download=True)
    kind(tmp_path, train=False)  # the other part has all it needs


def test_the_published_sums_are_those_of_sha256() -> None:
    files = [
        file for kind in (datasets.MNIST, datasets.KMNIST) for pair in (kind.files.train, kind.files.test) for file in pair
    ]
    files += [datasets.EMNIST.archive, datasets.CIFAR10.archive]
    assert len({file.sha256 for file in files}) == len(files) == 10
    assert all(len(file.sha256) == 64 and int(file.sha256, 16) and file.size > 4000 for file in files)


def test_fashion_mnist_has_torchvisions_arguments(tmp_path: Path) -> None:
    with pytest.raises(NotAvailableError, match="download=True"):
        datasets.FashionMNIST(tmp_path, True, None, None, False)


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FASHION_MNIST_DIR", raising=False)
    monkeypatch.setenv("TINYGRAD_FM_CACHE", str(tmp_path / "cache"))


# ---- EMNIST ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The archive of an EMNIST with four training and two test images in each split."""
    place = tmp_path / "EMNIST" / "raw"
    place.mkdir(parents=True)
    counts = dict.fromkeys(datasets.EMNIST.counts, (4, 2))
    contents = {}
    with zipfile.ZipFile(place / "gzip.zip", "w") as archive:
        for split in counts:
            highest = len(datasets.EMNIST.classes_split_dict[split]) - 1
            for part, count in (("train", 4), ("test", 2)):
                images = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
                labels = np.array([1, highest, highest, 1][:count], np.uint8)
                contents[split, part] = images, labels
                archive.writestr(f"gzip/emnist-{split}-{part}-images-idx3-ubyte.gz", gzip.compress(idx(images)))
                archive.writestr(f"gzip/emnist-{split}-{part}-labels-idx1-ubyte.gz", gzip.compress(idx(labels)))
    monkeypatch.setattr(datasets.EMNIST, "counts", counts)
    monkeypatch.setattr(datasets.EMNIST, "archive", published("gzip.zip", (place / "gzip.zip").read_bytes()))
    monkeypatch.setattr(datasets.EMNIST, "source", "http://127.0.0.1:9/")
    return place, contents


@pytest.mark.parametrize(
    ("split", "classes", "last"),
    [
        ("byclass", 62, "z"),
        ("bymerge", 47, "t"),
        ("balanced", 47, "t"),
        ("letters", 27, "z"),
        ("digits", 10, "9"),
        ("mnist", 10, "9"),
    ],
)
def test_every_split_is_read_from_the_archive(letters: Any, tmp_path: Path, split: str, classes: int, last: str) -> None:
    for train, part in ((True, "train"), (False, "test")):
        data = datasets.EMNIST(tmp_path, split, train)
        images, labels = letters[1][split, part]
        np.testing.assert_array_equal(data.data, images)  # as they lie in the file: rows and columns exchanged
        np.testing.assert_array_equal(data.targets, labels)
        assert (len(data.classes), data.classes[-1]) == (classes, last)
    assert not (letters[0] / "gzip").exists()  # nothing was unpacked


def test_letters_begin_with_1_and_lie_on_their_side(letters: Any, tmp_path: Path) -> None:
    upright = transforms.Lambda(lambda image: image.T)
    data = datasets.EMNIST(tmp_path, "letters", transform=transforms.Compose([upright, transforms.ToTensor()]))
    image, label = data[0]
    assert (label, data.classes[label], data.classes[0]) == (1, "a", "N/A")
    np.testing.assert_allclose(image.numpy()[0], letters[1]["letters", "train"][0][0].T / np.float32(255))


def test_files_taken_out_of_the_archive_will_do(letters: Any, tmp_path: Path) -> None:
    place, contents = letters
    with zipfile.ZipFile(place / "gzip.zip") as archive:
        for name in archive.namelist():
            if "digits-test" in name:
                content = archive.read(name)
                packed = "labels" in name
                (place / Path(name).name.removesuffix("" if packed else ".gz")).write_bytes(
                    content if packed else gzip.decompress(content)
                )
    (place / "gzip.zip").unlink()
    data = datasets.EMNIST(tmp_path, "digits", False)
    np.testing.assert_array_equal(data.data, contents["digits", "test"][0])
    (place / "emnist-digits-test-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(3))))
    with pytest.raises(DataError, match=r"holds an array of shape \(3,\), expected is \(2,\)"):
        datasets.EMNIST(tmp_path, "digits", False)
    (place / "emnist-digits-test-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(2)))[:-9])
    with pytest.raises(DataError, match="damaged"):
        datasets.EMNIST(tmp_path, "digits", False)
    with pytest.raises(NotAvailableError, match=r"gzip\.zip is in none of"):
        datasets.EMNIST(tmp_path, "digits", True)


def test_a_wrong_split_and_a_wrong_archive_are_named(letters: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Unknown value 'words' for argument split\. Valid values are byclass"):
        datasets.EMNIST(tmp_path, "words")
    (letters[0] / "gzip.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="it has 2 bytes, expected are"):
        datasets.EMNIST(tmp_path, "digits")


# ---- CIFAR-10 --------------------------------------------------------------------------------------------------------


def small_cifar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **extra: bytes) -> dict[str, bytes]:
    """An archive of files of four images each, and its members."""
    monkeypatch.setattr(cifar, "PER_FILE", 4)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    members = {}
    for name in names:
        records = RNG.integers(0, 256, (4, cifar.RECORD), dtype=np.uint8)
        records[:, 0] = RNG.integers(0, 10, 4)
        members[name] = records.tobytes()
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, content in {"readme.html": b"<html>", **members, **extra}.items():
            entry = tarfile.TarInfo(name if "/" in name else f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    content = (tmp_path / "cifar-10-binary.tar.gz").read_bytes()
    monkeypatch.setattr(datasets.CIFAR10, "archive", published("cifar-10-binary.tar.gz", content))
    monkeypatch.setattr(datasets.CIFAR10, "source", "http://127.0.0.1:9/")
    return members


def test_cifar_is_read_from_its_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    members = small_cifar(monkeypatch, tmp_path, **{"../outside": b"evil", "/etc/evil": b"evil"})
    data = datasets.CIFAR10(tmp_path)
    records = np.frombuffer(b"".join(members[f"data_batch_{i}.bin"] for i in range(1, 6)), np.uint8).reshape(20, -1)
    np.testing.assert_array_equal(data.targets, records[:, 0])
    red_of_the_second_row = records[7, 1 + 32 : 1 + 64]
    np.testing.assert_array_equal(data.data[7, 1, :, 0], red_of_the_second_row)
    np.testing.assert_array_equal(data.data[7, :, :, 2].ravel(), records[7, 1 + 2048 :])
    image, label = data[7]
    assert (tuple(image.shape), label) == ((3, 32, 32), int(records[7, 0]))
    test = datasets.CIFAR10(tmp_path, train=False)
    assert (len(test), len(data), data.classes[6]) == (4, 20, "frog")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cifar-10-binary.tar.gz"]  # nothing was unpacked
    assert not outside.exists()


def test_unpacked_cifar_will_do_and_pickles_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    members = small_cifar(monkeypatch, tmp_path)
    (tmp_path / "cifar-10-binary.tar.gz").unlink()
    pickled = tmp_path / "cifar-10-batches-py"
    pickled.mkdir()
    (pickled / "test_batch").write_bytes(pickle.dumps({"labels": [0]}))
    with pytest.raises(NotAvailableError, match=r"cifar-10-binary.tar.gz is in none of"):
        datasets.CIFAR10(tmp_path)
    place = tmp_path / "cifar-10-batches-bin"
    place.mkdir()
    (place / "test_batch.bin").write_bytes(members["test_batch.bin"])
    assert len(datasets.CIFAR10(tmp_path, train=False)) == 4
    (place / "test_batch.bin").write_bytes(members["test_batch.bin"][:-1])
    with pytest.raises(DataError, match=r"test_batch.bin is damaged: it has 12291 bytes"):
        datasets.CIFAR10(tmp_path, train=False)
    (place / "test_batch.bin").write_bytes(b"\x0b" + members["test_batch.bin"][1:])
    with pytest.raises(DataError, match="there is a label 11, they run from 0 to 9"):
        datasets.CIFAR10(tmp_path, train=False)


def test_a_damaged_or_incomplete_archive_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small_cifar(monkeypatch, tmp_path)
    monkeypatch.setattr(cifar, "PER_FILE", 5)
    with pytest.raises(DataError, match=r"has no file data_batch_1.bin, .*data_batch_5.bin of 15365 bytes"):
        datasets.CIFAR10(tmp_path)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="is not the published file"):
        datasets.CIFAR10(tmp_path)


# ---- folders ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name, shade in {"dog/b.png": 10, "dog/a.JPG": 20, "dog/deep/er/c.bmp": 30, "ant/z.webp": 40, "cat/1.png": 50}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L" if shade == 10 else "RGB", (6, 4), (shade,) * (1 if shade == 10 else 3)).save(path)
    (tmp_path / "dog" / "notes.txt").write_text("not a picture")
    (tmp_path / "readme.png").write_bytes(b"beside the classes")
    return tmp_path


def test_folders_are_classes(pictures: Path) -> None:
    data = datasets.ImageFolder(pictures)
    assert data.classes == ["ant", "cat", "dog"]
    assert data.class_to_idx == {"ant": 0, "cat": 1, "dog": 2}
    assert [(Path(path).name, label) for path, label in data.samples] == [
        ("z.webp", 0), ("1.png", 1), ("a.JPG", 2), ("b.png", 2), ("c.bmp", 2)
    ]  # fmt: skip
    assert data.targets == [0, 1, 2, 2, 2]
    assert data.imgs is data.samples
    image, label = data[3]
    assert (image.mode, image.size, image.getpixel((0, 0)), label) == ("RGB", (6, 4), (10, 10, 10), 2)


def negative(label: int) -> int:
    return -label


def test_folders_in_a_loader_with_workers(pictures: Path) -> None:
    change = transforms.Compose([transforms.Resize((3, 3)), transforms.ToTensor()])
    data = datasets.ImageFolder(pictures, change, target_transform=negative)
    batches: Any = DataLoader(data, batch_size=5, num_workers=2)
    images, labels = next(iter(batches))
    assert tuple(images.shape) == (5, 3, 3, 3)
    assert labels.tolist() == [0, -1, -2, -2, -2]


def test_which_files_belong_to_it(pictures: Path) -> None:
    chosen = datasets.ImageFolder(pictures, is_valid_file=lambda path: path.endswith(("1.png", "b.png")), allow_empty=True)
    assert [Path(path).name for path, _ in chosen.samples] == ["1.png", "b.png"]
    with pytest.raises(FileNotFoundError, match=r"Found no valid file for the classes ant\."):
        datasets.ImageFolder(pictures, is_valid_file=lambda path: path.endswith(".png"))
    text = datasets.DatasetFolder(pictures, lambda path: Path(path).read_text(), (".TXT",), allow_empty=True)
    assert text[0] == ("not a picture", 2)
    (pictures / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"classes empty\. Supported extensions are: \.jpg"):
        datasets.ImageFolder(pictures)
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        datasets.ImageFolder(pictures / "empty")
    with pytest.raises(ValueError, match="cannot be None or not None at the same time"):
        datasets.DatasetFolder(pictures, folder.pil_loader)


def test_broken_pictures_are_named(pictures: Path) -> None:
    whole = (pictures / "dog" / "a.JPG").read_bytes()
    for content in (b"", b"no picture", whole[: len(whole) // 2], whole[:20] + bytes(200)):
        (pictures / "cat" / "1.png").write_bytes(content)
        with pytest.raises(DataError, match=r"1\.png is no picture that Pillow can read, or it is damaged"):
            datasets.ImageFolder(pictures)[1]
    data = datasets.ImageFolder(pictures)
    (pictures / "cat" / "1.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1\.png"):
        data[1]
