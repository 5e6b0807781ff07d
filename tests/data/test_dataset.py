"""Data sets, the ways to cut and join them, and when the fast path may be taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm.data import ConcatDataset, Dataset, ImageDataset, Subset, TensorDataset, random_split
from tinygrad_fm.data.dataset import fast_path
from tinygrad_fm.ops.creation import from_numpy
from tinygrad_fm.random import Generator

X = np.arange(24.0, dtype=np.float32).reshape(8, 3)
Y = np.arange(8, dtype=np.int64)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def test_tensor_dataset_gives_rows_and_whole_batches() -> None:
    data = TensorDataset(from_numpy(X), from_numpy(Y))
    x, y = data[-1]
    assert (x.tolist(), y.item(), len(data)) == ([21, 22, 23], 7, 8)
    get = fast_path(data)
    assert get is not None
    x, y = get(np.array([5, 0]))
    assert (x.tolist(), y.tolist()) == ([[15, 16, 17], [0, 1, 2]], [5, 0])
    assert (x.numpy().dtype, y.numpy().dtype) == (np.float32, np.int64)


def test_tensor_dataset_keeps_the_tape() -> None:
    weight = from_numpy(X.copy()).requires_grad_()
    get = fast_path(TensorDataset(weight))
    assert get is not None
    get(np.array([1, 1, 4]))[0].sum().backward()
    assert weight.grad.numpy()[:, 0].tolist() == [0, 2, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("tensors", [(), (X, Y[:5]), (X, np.float32(1))])
def test_tensor_dataset_wants_one_common_length(tensors: tuple[Any, ...]) -> None:
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors.* common first dimension"):
        TensorDataset(*tensors)


def test_concatenation() -> None:
    joined: Any = ConcatDataset([[1, 2], [], [3]])
    assert [joined[i] for i in range(-3, 3)] == [1, 2, 3, 1, 2, 3]
    with pytest.raises(IndexError, match="index 3 is out of range for 3"):
        joined[3]
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length: -4 of 3"):
        joined[-4]
    with pytest.raises(AssertionError, match="should not be an empty iterable"):
        ConcatDataset([])
    more = TensorDataset(X) + TensorDataset(X)
    assert len(more) == 16
    assert more[9][0].tolist() == [3, 4, 5]


def test_random_split_cuts_without_overlap_and_repeats_with_its_seed() -> None:
    parts = random_split(range(100), [70, 20, 10], generator=seeded(3))
    assert [len(part) for part in parts] == [70, 20, 10]
    together = [part[i] for part in parts for i in range(len(part))]
    assert sorted(together) == list(range(100))
    assert together != sorted(together)
    again = random_split(range(100), [70, 20, 10], generator=seeded(3))
    assert [part.indices for part in again] == [part.indices for part in parts]
    assert random_split(range(100), [70, 30], generator=seeded(4))[1].indices != parts[1].indices
    tinygrad_fm.manual_seed(5)
    first = random_split(range(100), [50, 50])[0].indices
    tinygrad_fm.manual_seed(5)
    assert random_split(range(100), [50, 50])[0].indices == first


@pytest.mark.parametrize(
    ("total", "fractions", "sizes"),
    [(10, [0.3, 0.3, 0.4], [3, 3, 4]), (10, [1 / 3] * 3, [4, 3, 3]), (11, [0.25] * 4, [3, 3, 3, 2]), (7, [0.1] * 10, None)],
)
def test_fractions_share_out_what_rounding_leaves(total: int, fractions: list[float], sizes: list[int] | None) -> None:
    if sizes is None:
        with pytest.warns(UserWarning, match="Length of split at index [789] is 0"):
            parts = random_split(range(total), fractions, generator=seeded(0))
        assert [len(part) for part in parts] == [1] * 7 + [0] * 3
    else:
        assert [len(part) for part in random_split(range(total), fractions, generator=seeded(0))] == sizes


@pytest.mark.parametrize("lengths", [[5, 4], [5, 6], [12, -2], [0.5, 0.4], [4.5, 5.5], [1.5, -0.5], []])
def test_lengths_that_do_not_add_up(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match=r"Sum of input lengths|Fraction at index 0 is not between 0 and 1, but 1.5"):
        random_split(range(10), lengths)


def test_subsets_pass_the_fast_path_through() -> None:
    images = ImageDataset(np.arange(8 * 4, dtype=np.uint8).reshape(8, 2, 2), Y)
    part = Subset(Subset(images, [7, 6, 5, 4]), np.array([3, 1]))  # type: ignore[arg-type]
    get = fast_path(part)
    assert get is not None
    assert get(np.array([1, 0, -1]))[1].tolist() == [6, 4, 6] == [part[i][1] for i in (1, 0, -1)]
    assert fast_path(Subset([1, 2, 3], [0])) is None
    with pytest.raises(IndexError):
        get(np.array([2]))
    assert Subset(np.arange(10) * 2, [4, 5, 6])[[0, 2]].tolist() == [8, 12]


def test_a_list_of_indices_changed_between_passes_counts() -> None:
    indices = [0, 1]
    part = Subset(ImageDataset(np.zeros((8, 2, 2), np.uint8), Y), indices)
    indices[0] = 5
    get = fast_path(part)
    assert get is not None
    assert get(np.array([0]))[1].tolist() == [5]


def test_a_subclass_that_changes_samples_is_not_bypassed() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            return super().__getitem__(index)[0] * 2

    class DoubledSubset(Subset[Any]):
        def __getitem__(self, index: Any) -> Any:
            return super().__getitem__(index)[0] * 2

    class Both(Doubled):
        def __getbatch__(self, indices: Any) -> Any:
            return "of its own"

    class Renamed(TensorDataset):
        pass

    data = TensorDataset(X)
    assert fast_path(Doubled(X)) is None
    assert fast_path(DoubledSubset(data, [0, 1])) is None
    assert fast_path(Subset(Doubled(X), [0, 1])) is None
    assert fast_path(Both(X))(np.array([0])) == "of its own"  # type: ignore[misc]
    assert fast_path(Renamed(X)) is not None


def test_a_dataset_without_getitem_says_so() -> None:
    class Empty(Dataset[int]):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define __getitem__"):
        Empty()[0]


# ImageDataset


def test_images_keep_their_dtype_and_are_scaled_when_asked_for() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 5, 4), dtype=np.uint8)
    data = ImageDataset(pixels, Y, name="Small")
    assert data.images is data.data is pixels
    assert data.labels is data.targets
    assert data.name == "Small"
    image, label = data[np.int64(2)]  # type: ignore[arg-type]
    assert np.array_equal(image.numpy(), pixels[2:3].astype(np.float32) / 255)
    assert type(label) is int
    with pytest.raises(IndexError):
        data[8]
    with pytest.raises(TypeError):
        data[1.5]  # type: ignore[call-overload]


def test_the_digest_is_that_of_the_data() -> None:
    import hashlib

    pixels = np.arange(32, dtype=np.uint8).reshape(8, 2, 2)
    expected = hashlib.sha256(bytes(range(32)) + b"".join(int(y).to_bytes(8, "little") for y in Y)).hexdigest()
    assert ImageDataset(pixels, Y).digest == expected
    assert ImageDataset(np.asfortranarray(pixels), Y.astype(np.uint8)).digest == expected
    assert ImageDataset(pixels, Y[::-1]).digest != expected


@pytest.mark.parametrize(
    ("data", "targets", "words"),
    [
        (np.zeros((8, 2, 2), np.float32), Y, "must be uint8"),
        (np.zeros((8, 4), np.uint8), Y, r"not uint8 \(8, 4\)"),
        (np.zeros((7, 2, 2), np.uint8), Y, "7 images want as many integer labels"),
        (np.zeros((8, 2, 2), np.uint8), Y / 2, "not float64"),
        (np.zeros((8, 2, 2), np.uint8), Y + 3, "labels run from 3 to 10, there are 10 classes"),
        (np.zeros((8, 2, 2), np.uint8), Y - 1, "labels run from -1"),
    ],
)
def test_images_and_labels_must_fit(data: Any, targets: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ImageDataset(data, targets)
