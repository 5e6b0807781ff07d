"""SyntheticFashion: the same everywhere, hard enough, quick, and never read from a damaged cache."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tinygrad_fm.data import CLASSES, SyntheticFashion
from tinygrad_fm.data.synthetic import dataset as module


def test_the_bytes_are_the_same_on_every_machine() -> None:
    # A change to the drawings changes these: raise VERSION in synthetic.py with them.
    assert SyntheticFashion(size=1000).digest == "75aeada9e60567baabd44b135440611f27d0b0ab0df8e2cdba6702b1728091a7"
    assert SyntheticFashion(train=False, size=1000).digest == "57e6041ea9ff47529a366bd121cb6d01541e081f3ef1d20b8ad20f80c6a7d2d5"


def test_shapes_classes_and_balance() -> None:
    data = SyntheticFashion(size=1000)
    assert (data.images.shape, data.images.dtype, data.labels.dtype) == ((1000, 28, 28), np.uint8, np.int64)
    assert np.bincount(data.labels).tolist() == [100] * 10
    assert data.classes == CLASSES
    image, label = data[3]
    assert tuple(image.shape) == (1, 28, 28)
    assert 0 <= image.numpy().min() <= image.numpy().max() <= 1
    assert label == data.labels[3]


def test_a_smaller_set_is_the_beginning_of_a_larger() -> None:
    large, small = SyntheticFashion(size=1200), SyntheticFashion(size=30)
    assert np.array_equal(large.images[:30], small.images)
    assert np.array_equal(large.labels[:30], small.labels)
    assert len(SyntheticFashion(size=1200)) == 1200


def test_images_differ_from_one_another_and_between_sets() -> None:
    sets = [SyntheticFashion(size=1000), SyntheticFashion(train=False, size=1000), SyntheticFashion(seed=1, size=1000)]
    everything = np.concatenate([data.images.reshape(-1, 784) for data in sets])
    assert len(np.unique(everything, axis=0)) == 3000


def test_every_image_shows_something_on_black() -> None:
    images = SyntheticFashion(size=1000).images
    lit = (images > 25).mean(axis=(1, 2))
    assert lit.min() > 0.02
    assert lit.max() < 0.9
    assert (images == 0).mean() > 0.3


def test_garments_look_like_their_kind() -> None:
    data = SyntheticFashion(size=1000)
    shown = {name: data.images[data.labels == label] > 0 for label, name in enumerate(data.classes)}
    height = {name: mask.any(axis=2).sum(axis=1).mean() for name, mask in shown.items()}
    width = {name: mask.any(axis=1).sum(axis=1).mean() for name, mask in shown.items()}
    assert height["Trouser"] > 1.5 * width["Trouser"]
    assert height["Dress"] > 1.3 * width["Dress"]
    assert width["Sneaker"] > 1.5 * height["Sneaker"]
    assert height["Ankle boot"] > 1.5 * height["Sneaker"]
    # A leg on either side and nothing between them; a sleeve where a dress has none.
    assert shown["Trouser"][:, 20, 13:15].mean() < 0.6
    assert shown["Dress"][:, 20, 13:15].mean() > 0.9
    assert shown["Pullover"][:, 14, 4:24].mean() > 0.8 > shown["Dress"][:, 14, 4:24].mean()


@pytest.mark.parametrize("arguments", [{"size": 0}, {"size": 60001}, {"size": 10001, "train": False}, {"seed": -1}])
def test_arguments_out_of_range(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be in 1"):
        SyntheticFashion(**arguments)  # type: ignore[arg-type]


# The cache.


def cached_file(cache: Path) -> Path:
    (path,) = cache.iterdir()
    return path


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images were drawn, call by call."""
    counts: list[int] = []
    real = module._drawn

    def count(train: bool, seed: int, size: int) -> tuple[module.Images, module.Labels]:
        counts.append(size)
        return real(train, seed, size)

    monkeypatch.setattr(module, "_drawn", count)
    return counts


def test_the_second_time_comes_from_the_cache(cache: Path, drawings: list[int]) -> None:
    first, second = SyntheticFashion(size=1001), SyntheticFashion(size=1001)
    assert drawings == [1001]
    assert first.digest == second.digest
    assert os.listdir(cache) == [f"synthetic-fashion-v{module.VERSION}-train-1001-seed0.npz"]
    SyntheticFashion(size=1001, seed=1)
    SyntheticFashion(size=1001, train=False)
    assert drawings == [1001] * 3


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "another array", "another shape", "pickle"])
def test_a_damaged_cache_is_drawn_again(damage: str, cache: Path, drawings: list[int]) -> None:
    digest = SyntheticFashion(size=1001).digest
    path = cached_file(cache)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "another array":
        np.savez(path, images=np.zeros((1001, 28, 28), np.uint8), labels=np.zeros(1001, np.uint8), sha256=np.array("0"))
    elif damage == "another shape":  # the same bytes
        with np.load(path) as file:
            np.savez(path, images=file["images"].reshape(28, 1001, 28), labels=file["labels"], sha256=file["sha256"])
    elif damage == "pickle":
        np.savez(path, images=np.array([object()]), labels=np.zeros(1), sha256=np.array("0"))
    else:
        path.write_bytes(b"" if damage == "empty" else b"hello")
    assert SyntheticFashion(size=1001).digest == digest
    assert drawings == [1001, 1001]
    assert SyntheticFashion(size=1001).digest == digest
    assert drawings == [1001, 1001]
    assert cached_file(cache) == path


def test_without_a_cache_folder_it_works_and_warns(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="could not be kept"):
        assert len(SyntheticFashion(size=1001)) == 1001
