"""Our safetensors files beside those of the library of that name: the same bytes, and each reads what the other writes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import tinygrad_fm as torch
from tinygrad_fm import safetensors as ours
from tinygrad_fm.errors import CheckpointError

RNG = np.random.default_rng(0)
ARRAYS = {
    **{dtype.name: (RNG.normal(size=(2, 3)) * 9).astype(dtype.numpy) for dtype in torch.dtypes.OURS.values()},
    "none": np.zeros((0, 3), np.float32),
    "number": np.array(2.5, np.float32),
    'ü "quoted"\n': np.ones(1, np.int16),
    "bool.more": np.array([True, False, True]),
}


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_the_bytes_are_the_librarys(metadata: Any) -> None:
    assert ours.save(ARRAYS, metadata) == safetensors.numpy.save(ARRAYS, metadata)


def test_each_reads_the_others_files(tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    safetensors.numpy.save_file(ARRAYS, path, {"epoch": "3"})
    for loaded in (ours.load_file(path), torch.load(path)):
        assert set(loaded) == set(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(loaded[name].numpy(), array, strict=True)
    with ours.safe_open(path, "np") as mine, safetensors.safe_open(path, "np") as theirs:
        assert mine.keys() == sorted(theirs.keys()) and mine.metadata() == theirs.metadata()
        assert mine.offset_keys() == theirs.offset_keys()
        part, other = mine.get_slice("float32"), theirs.get_slice("float32")
        assert (part.get_shape(), part.get_dtype()) == (other.get_shape(), other.get_dtype())
        np.testing.assert_array_equal(part[:, 1:], other[:, 1:], strict=True)
    ours.save_file({name: torch.from_numpy(array) for name, array in ARRAYS.items()}, path)
    back = safetensors.numpy.load_file(path)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(back[name], array, strict=True)


def test_arrays_that_are_not_contiguous_are_written_right() -> None:
    base = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    for array in (base.T, base[:, ::-1], base[..., ::2], np.asfortranarray(base), np.broadcast_to(base[0], (5, 3, 4))):
        np.testing.assert_array_equal(safetensors.numpy.load(ours.save({"w": torch.from_numpy(array)}))["w"], array)


def edited(content: bytes, rng: random.Random) -> bytes:
    """A file whose header says something else, of the right length."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    name = rng.choice(list(header))
    entry = header[name]
    field = rng.choice(["dtype", "shape", "data_offsets", "name", "drop"])
    if field == "dtype":
        entry["dtype"] = rng.choice(["F32", "I64", "BOOL", "F16", "X"])
    elif field == "name":
        header[rng.choice(list(header))] = header.pop(name)
    elif field == "drop":
        del entry[rng.choice(list(entry))]
    elif entry[field]:
        entry[field][rng.randrange(len(entry[field]))] = rng.choice([0, 1, 2, 5, 8, 24, -1, 1 << 70, None, 1.0, "1"])
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def test_what_the_library_refuses_is_refused() -> None:
    """And what it reads is read alike: of headers changed at random, and bytes."""
    content = ours.save({name: ARRAYS[name] for name in ("float32", "int8", "bool", "none")})
    rng = random.Random(0)
    read = 0
    for i in range(2000):
        if i % 2:
            changed = edited(content, rng)
        else:
            at = rng.randrange(len(content))
            changed = content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
        try:
            theirs = safetensors.numpy.load(changed)
        except Exception:  # the library has errors of several kinds
            with pytest.raises(CheckpointError):
                ours.load(changed)
            continue
        read += 1
        mine = ours.load(changed)
        assert set(mine) == set(theirs)
        for name, array in theirs.items():
            np.testing.assert_array_equal(mine[name].numpy(), array.view(np.uint8) != 0 if array.dtype == bool else array)
    assert 50 < read < 1500
