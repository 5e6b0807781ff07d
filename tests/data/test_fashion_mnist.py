"""FashionMNIST: where it looks, what it makes of damaged files, and, where they are at hand, the real ones."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_fm.data import CLASSES, FashionMNIST, NotAvailableError
from tinygrad_fm.data import fashion_mnist as module
from tinygrad_fm.data.fashion_mnist import ArrayFile, read_idx
from tinygrad_fm.errors import DataError

CONSTANTS = ["TRAIN_IMAGES", "TRAIN_LABELS", "TEST_IMAGES", "TEST_LABELS"]
NAMES = [f"{kind}-ubyte.gz" for kind in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")]
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
LABELS = np.arange(40, dtype=np.uint8) % 10


def idx(array: np.ndarray[Any, Any]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def pack(array: np.ndarray[Any, Any]) -> bytes:
    return gzip.compress(idx(array), mtime=0)


SMALL = dict(zip(NAMES, [pack(IMAGES), pack(LABELS), pack(IMAGES[:20]), pack(LABELS[:20])], strict=True))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Pretend that the published files are four small ones."""
    for constant, (name, content) in zip(CONSTANTS, SMALL.items(), strict=True):
        unpacked = gzip.decompress(content)
        sums = [hashlib.sha256(part).hexdigest() for part in (content, unpacked)]
        monkeypatch.setattr(module, constant, ArrayFile(name, len(content), sums[0], read_idx(unpacked).shape, sums[1]))
    return SMALL


def lay_out(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


# Where it looks.


def test_the_four_places_in_their_order(
    small: dict[str, bytes], tmp_path: Path, cache: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOURCES", (server.url,))
    server.files = small
    places = [lay_out(tmp_path / "root", small), lay_out(tmp_path / "env", small), lay_out(cache, small)]
    monkeypatch.setenv("FASHION_MNIST_DIR", str(places[1]))
    opened: list[Path] = []
    real = module.read_bytes
    monkeypatch.setattr(module, "read_bytes", lambda path, limit: opened.append(path) or real(path, limit))
    for place in places:
        opened.clear()
        assert len(FashionMNIST(tmp_path / "root")) == 40
        assert [path.parent for path in opened] == [place, place]
        shutil.rmtree(place)
    assert server.requests == []
    assert len(FashionMNIST(tmp_path / "root")) == 40
    assert [name for name, _ in server.requests] == NAMES[:2]
    assert sorted(os.listdir(tmp_path / "root")) == NAMES[:2]


def test_it_downloads_into_the_cache_once(
    small: dict[str, bytes], cache: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOURCES", ("http://127.0.0.1:9/", server.url))  # the first source is down
    server.files = small
    for _ in range(2):
        data = FashionMNIST(train=False)
        assert np.array_equal(data.images, IMAGES[:20])
        assert data.labels.tolist() == LABELS[:20].tolist()
    assert [name for name, _ in server.requests] == NAMES[2:]
    assert sorted(os.listdir(cache)) == sorted(NAMES[2:])


def test_a_folder_made_by_torchvision_is_understood(small: dict[str, bytes], tmp_path: Path) -> None:
    lay_out(tmp_path / "FashionMNIST" / "raw", small)
    assert len(FashionMNIST(tmp_path, download=False)) == 40


def test_missing_files_name_the_places_looked_in(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "env"))
    with pytest.raises(NotAvailableError) as caught:
        FashionMNIST(tmp_path / "root", download=False)
    for part in (NAMES[0], str(tmp_path / "root"), str(tmp_path / "env"), str(cache), "FASHION_MNIST_DIR", "download=True"):
        assert part in str(caught.value)
    with pytest.raises(NotAvailableError, match="Connection refused"):
        FashionMNIST(tmp_path / "root")


# Packing: the contents decide.


PACKINGS: dict[str, Any] = {
    "unpacked": lambda content: content,
    "not at all": lambda content: gzip.compress(content, 0, mtime=1),
    "best": lambda content: gzip.compress(content, 9, mtime=1),
    "in two parts": lambda content: gzip.compress(content[:1000]) + gzip.compress(content[1000:]),
    "padded": lambda content: gzip.compress(content) + bytes(100),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_files_packed_otherwise_are_read(small: dict[str, bytes], tmp_path: Path, packing: str, suffix: str) -> None:
    files = {name.removesuffix(".gz") + suffix: PACKINGS[packing](gzip.decompress(content)) for name, content in small.items()}
    for folder in (tmp_path, tmp_path / "FashionMNIST" / "raw", tmp_path / "cache"):
        lay_out(folder, files)
        for train, images in ((True, IMAGES), (False, IMAGES[:20])):
            data = FashionMNIST(tmp_path, train, download=False)
            np.testing.assert_array_equal(data.images, images)
        for name in files:
            (folder / name).unlink()


def test_the_packed_file_goes_before_the_unpacked_one(small: dict[str, bytes], tmp_path: Path) -> None:
    lay_out(tmp_path, small | {name.removesuffix(".gz"): b"damaged" for name in small})
    assert len(FashionMNIST(tmp_path, download=False)) == 40


def test_a_file_far_too_large_is_not_read(small: dict[str, bytes], tmp_path: Path) -> None:
    lay_out(tmp_path, small)
    os.truncate(tmp_path / NAMES[0], 1 << 40)  # takes no room on the disk
    with pytest.raises(DataError, match=f"{NAMES[0]} has 1099511627776 bytes; a data file of at most"):
        FashionMNIST(tmp_path)


def test_messages_do_not_contradict_themselves(small: dict[str, bytes], tmp_path: Path) -> None:
    """One label and one pixel changed: neither counts nor means tell it from the real set, and are not said to."""
    images = np.full_like(IMAGES, 73)
    lay_out(tmp_path, small | {NAMES[0]: pack(images)})
    with pytest.raises(DataError, match="or one that was changed") as caught:
        FashionMNIST(tmp_path)
    assert "mean" not in str(caught.value)
    lay_out(tmp_path, small | {NAMES[1]: pack(LABELS[::-1])})
    with pytest.raises(DataError, match="or one that was changed") as caught:
        FashionMNIST(tmp_path)
    assert "occur" not in str(caught.value)


# Damaged files.

GOOD = SMALL[NAMES[0]]
MIDDLE = len(GOOD) // 2
DAMAGE = {
    "truncated": (GOOD[:MIDDLE], "is truncated"),
    "empty": (b"", "is empty"),
    "corrupt": (GOOD[:MIDDLE] + bytes([GOOD[MIDDLE] ^ 255]) + GOOD[MIDDLE + 1 :], "is corrupt|is truncated|holds"),
    "wrong sum": (GOOD[:-8] + bytes(4) + GOOD[-4:], "is corrupt"),
    "junk after the end": (GOOD + b"junk", "is corrupt"),
    "web page": (b"<!DOCTYPE html><title>404</title>", "holds something else .a web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "unpacked, one byte changed": (idx(IMAGES)[:-1] + b"x", "another data set, or one that was changed"),
    "unpacked, truncated": (idx(IMAGES)[:-1], "IDX header says shape .* but 31359 bytes follow"),
    "no array": (gzip.compress(b"hello world"), "holds something else: the IDX header begins with 68 65 6c 6c"),
    "labels for images": (SMALL[NAMES[1]], "holds an array of shape \\(40,\\), expected is \\(40, 28, 28\\)"),
    "another size": (pack(IMAGES[:30]), "shape \\(30, 28, 28\\)"),
    "too long": (gzip.compress(idx(IMAGES) + bytes(10**6)), "holds something else: .* but 31361 bytes follow"),
    "other images": (pack(IMAGES // 4), "another data set.*MNIST's handwritten digits.*mean pixel is 31"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_of_the_user_is_named_and_left_alone(
    small: dict[str, bytes], kind: str, tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOURCES", (server.url,))
    server.files = small
    content, words = DAMAGE[kind]
    lay_out(tmp_path, small | {NAMES[0]: content})
    for root in (tmp_path, None):  # as an argument, and in the environment
        if root is None:
            monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
        with pytest.raises(DataError, match=words) as caught:
            FashionMNIST(root)
        message = str(caught.value)
        assert not isinstance(caught.value, NotAvailableError)
        for part in (str(tmp_path / NAMES[0]), f"{len(content)} bytes", hashlib.sha256(content).hexdigest(), "Delete it"):
            assert part in message
        assert f", or unpacked {len(idx(IMAGES))} with {hashlib.sha256(idx(IMAGES)).hexdigest()}" in message
        assert f"Expected: {len(GOOD)} bytes with SHA-256 {hashlib.sha256(GOOD).hexdigest()}" in message
    assert (tmp_path / NAMES[0]).read_bytes() == content
    assert server.requests == []


def test_digits_among_the_labels_are_recognised_by_their_counts(small: dict[str, bytes], tmp_path: Path) -> None:
    lay_out(tmp_path, small | {NAMES[1]: pack(LABELS // 2)})
    with pytest.raises(DataError, match=r"MNIST's handwritten digits.*occur \[8, 8, 8, 8, 8, 0, 0, 0, 0, 0\] times"):
        FashionMNIST(tmp_path)


def test_a_folder_in_the_place_of_a_file(small: dict[str, bytes], tmp_path: Path) -> None:
    lay_out(tmp_path, {name: small[name] for name in NAMES[1:]})
    (tmp_path / NAMES[0]).mkdir()
    with pytest.raises(DataError, match=f"{NAMES[0]} is a folder"):
        FashionMNIST(tmp_path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("in the way")
    with pytest.raises(DataError, match="cannot be reached: Not a directory"):
        FashionMNIST(tmp_path / "root")


def test_links_that_lead_nowhere_or_in_a_circle(small: dict[str, bytes], tmp_path: Path) -> None:
    lay_out(tmp_path, small)
    path = tmp_path / NAMES[0]
    path.unlink()
    path.symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=f"{NAMES[0]} cannot be read: No such file"):
        FashionMNIST(tmp_path)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(DataError, match=f"{NAMES[0]} cannot be read: Too many levels of symbolic links"):
        FashionMNIST(tmp_path)


def test_a_cache_out_of_reach_is_as_good_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TINYGRAD_FM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(NotAvailableError, match="cannot be written: Not a directory"):
        FashionMNIST()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_files_and_folders_without_permission(small: dict[str, bytes], tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "folder", small)
    (folder / NAMES[0]).chmod(0)
    with pytest.raises(DataError, match=f"{NAMES[0]} cannot be read: Permission denied"):
        FashionMNIST(folder)
    folder.chmod(0)
    with pytest.raises(DataError, match="cannot be reached: Permission denied"):
        FashionMNIST(folder)
    folder.chmod(0o700)


def test_a_damaged_file_in_the_cache_is_downloaded_again(
    small: dict[str, bytes], cache: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(cache, small | {NAMES[0]: GOOD[:MIDDLE]})
    with pytest.raises(DataError, match="truncated"):
        FashionMNIST(download=False)
    with pytest.warns(UserWarning, match="truncated"), pytest.raises(DataError, match=r"(?s)truncated.*again failed") as caught:
        FashionMNIST()
    assert not isinstance(caught.value, NotAvailableError)  # so that nobody falls back to other data
    monkeypatch.setattr(module, "SOURCES", (server.url,))
    server.files = small
    with pytest.warns(UserWarning, match=f"(?s){NAMES[0]} is truncated.*downloaded again"):
        assert np.array_equal(FashionMNIST().images, IMAGES)
    assert (cache / NAMES[0]).read_bytes() == GOOD
    assert len(FashionMNIST()) == 40


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x0d\x01\0\0\0\0",
        b"\1\0\x08\x01\0\0\0\0",
        b"\0\0\x08\0",
        idx(LABELS)[:6],
        idx(LABELS)[:-1],
        idx(LABELS) + b"x",
    ],
)
def test_bad_idx_headers(content: bytes) -> None:
    with pytest.raises(ValueError, match="IDX header"):
        read_idx(content)


def test_idx_keeps_shape_and_values() -> None:
    assert np.array_equal(read_idx(idx(IMAGES)), IMAGES)
    assert read_idx(idx(np.empty((0, 28, 28), np.uint8))).shape == (0, 28, 28)


# The real files.


def test_the_real_set(real_folder: Path) -> None:
    train, test = FashionMNIST(real_folder), FashionMNIST(real_folder, train=False)
    assert train.data.shape == (60000, 28, 28)
    assert test.data.shape == (10000, 28, 28)
    assert train.data.dtype == np.uint8
    assert (round(float(train.data.mean()), 3), round(float(train.data.std()), 3)) == (72.940, 90.021)
    assert np.bincount(train.targets).tolist() == [6000] * 10
    assert np.bincount(test.targets).tolist() == [1000] * 10
    assert train.targets[:5].tolist() == [9, 0, 0, 3, 0]
    assert train.classes == CLASSES
    assert train.class_to_idx["Ankle boot"] == 9
    assert train.name == test.name == "Fashion-MNIST"
    assert train.digest != test.digest
    image, label = train[0]
    assert (tuple(image.shape), image.numpy().dtype, label) == ((1, 28, 28), np.float32, 9)
    assert np.array_equal(image.numpy()[0], train.data[0].astype(np.float32) / np.float32(255))


def test_the_real_set_packed_again(real_folder: Path, tmp_path: Path) -> None:
    for name, packing in zip(NAMES, (lambda content: gzip.compress(content, 1), bytes) * 2, strict=True):
        (tmp_path / name).write_bytes(packing(gzip.decompress((real_folder / name).read_bytes())))
    for train in (True, False):
        again = FashionMNIST(tmp_path, train, download=False)
        assert again.digest == FashionMNIST(real_folder, train).digest


def test_a_real_file_with_one_bit_flipped(real_folder: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).symlink_to(real_folder / name)
    content = bytearray((real_folder / NAMES[3]).read_bytes())
    content[1000] ^= 1
    (tmp_path / NAMES[3]).unlink()
    (tmp_path / NAMES[3]).write_bytes(content)
    assert len(FashionMNIST(tmp_path)) == 60000
    with pytest.raises(DataError, match=NAMES[3]):
        FashionMNIST(tmp_path, train=False)
