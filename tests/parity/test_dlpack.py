"""Memory shared with PyTorch and NumPy by DLPack, both ways."""

from __future__ import annotations

import numpy as np
import pytest

theirs = pytest.importorskip("torch")

import tinygrad_fm  # noqa: E402
from tinygrad_fm.utils.dlpack import from_dlpack  # noqa: E402


def test_from_pytorch_and_back_over_the_same_memory() -> None:
    source = theirs.arange(6.0).reshape(2, 3).T
    ours = tinygrad_fm.from_dlpack(source)
    ours[0, 0] = 7
    again = theirs.from_dlpack(ours)
    again[1, 1] = 8
    assert source.tolist() == ours.tolist() == again.tolist() and source[0, 0] == 7 and ours[1, 1] == 8


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"])
def test_every_dtype(dtype: str) -> None:
    array = np.array([0, 1], dtype)
    assert from_dlpack(array).dtype is getattr(tinygrad_fm, dtype)
    assert np.from_dlpack(tinygrad_fm.from_numpy(array)).dtype == array.dtype


def test_what_cannot_be_shared_says_so() -> None:
    with pytest.raises(BufferError, match="detach"):
        theirs.from_dlpack(tinygrad_fm.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="list"):
        tinygrad_fm.from_dlpack([1, 2])
    copy = tinygrad_fm.from_dlpack(array := np.zeros(1), copy=True)
    copy[0] = 1
    assert array[0] == 0


def test_a_device_as_a_context() -> None:
    for lib in (theirs, tinygrad_fm):
        with lib.device("cpu") as device:
            assert lib.ones(1).device == device
