"""--data auto, fashion-mnist, synthetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.platforms import WASM
from tinygrad_fm.data import NotAvailableError, load_splits, sources
from tinygrad_fm.data.synthetic import SyntheticFashion
from tinygrad_fm.errors import DataError
from tinygrad_fm.training.console import framed


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw_few(*arguments: Any, size: int | None) -> SyntheticFashion:
        return SyntheticFashion(*arguments, size=size or 30)

    monkeypatch.setattr(sources, "SyntheticFashion", draw_few)


def test_auto_falls_back_at_once_and_says_so() -> None:
    train, test, name, notice = load_splits("auto")
    assert name == train.name == "SyntheticFashion"
    assert (train.train, test.train) == (True, False)  # type: ignore[attr-defined]
    assert notice is not None
    frame = framed(notice)
    lines = frame.splitlines()
    assert {len(line) for line in lines} == {78}
    assert lines[0] == lines[-1] == "#" * 78
    assert frame.isascii()
    for words in ("SYNTHETIC", "Reason: train-images", "new thread" if WASM else "Connection refused", "FASHION_MNIST_DIR"):
        assert words in notice


def test_synthetic_is_what_was_asked_for_and_needs_no_notice() -> None:
    assert load_splits("synthetic").notice is None


def test_fashion_mnist_never_falls_back() -> None:
    with pytest.raises(NotAvailableError):
        load_splits("fashion-mnist")
    with pytest.raises(NotAvailableError):
        load_splits("fashion-mnist", download=False)


@pytest.mark.parametrize("choice", ["auto", "fashion-mnist"])
def test_a_damaged_file_is_an_error_even_for_auto(choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b broken")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is"):
        load_splits(choice)


def test_a_shorter_set_says_so_in_its_name() -> None:
    train, test, name, notice = load_splits("synthetic", size=20)
    assert (len(train), len(test), name, notice) == (20, 20, "SyntheticFashion, first 20 images", None)
    assert train.digest == SyntheticFashion(size=20).digest
    for size in (0, 60001):
        with pytest.raises(ValueError, match=f"got {size}"):
            load_splits("synthetic", size=size)


def test_an_unknown_choice_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'mnist'; the choices are auto, fashion-mnist, synthetic"):
        load_splits("mnist")


@pytest.mark.parametrize("choice", ["auto", "fashion-mnist"])
def test_the_real_set_is_taken_where_it_is(choice: str, real_folder: Path) -> None:
    splits = load_splits(choice, root=real_folder)
    assert splits.notice is None
    assert (splits.name, len(splits.train), len(splits.test)) == ("Fashion-MNIST", 60000, 10000)
