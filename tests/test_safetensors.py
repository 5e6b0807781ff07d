"""safetensors files: what goes in comes out, what is damaged is an error. tests/extras holds them to the library's."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.safetensors import SafetensorError, load, load_file, load_model, safe_open, save, save_file, save_model


def file_of(header: Any, content: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


def entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize("kind", torch.dtypes.OURS.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3, 4)], ids=str)
def test_tensors_keep_dtype_shape_and_values(kind: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.asarray((np.random.default_rng(0).normal(size=shape) * 3).astype(kind.numpy))
    save_file({"w": torch.from_numpy(array)}, tmp_path / "f.safetensors")
    for back in (load_file(tmp_path / "f.safetensors")["w"], torch.load(tmp_path / "f.safetensors")["w"]):
        np.testing.assert_array_equal(back.numpy(), array, strict=True)


def test_what_is_mapped_can_be_written_to_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    save_file({"w": torch.ones(3), "b": torch.zeros(1, dtype=torch.uint8)}, str(path))
    before = path.read_bytes()
    loaded = load_file(path, device="cpu")
    loaded["w"].add_(1)
    assert path.read_bytes() == before
    if os.name == "posix":  # Windows keeps a file that is mapped
        save_file(loaded, path)
        assert loaded["w"].tolist() == [2, 2, 2] == load_file(path)["w"].tolist()
        assert [p.name for p in tmp_path.iterdir()] == ["f.safetensors"]


def test_save_and_load_know_the_ending(tmp_path: Path) -> None:
    state = nn.Linear(2, 3).state_dict()
    torch.save(state, tmp_path / "f.safetensors")
    back = torch.load(tmp_path / "f.safetensors")
    assert all(torch.equal(back[key], value) for key, value in state.items())
    with open(tmp_path / "f.safetensors", "rb") as file:
        assert set(torch.load(file)) == set(state)
    (tmp_path / "f").write_bytes((tmp_path / "f.safetensors").read_bytes())
    assert set(torch.load(tmp_path / "f")) == set(state)
    with pytest.raises(ValueError, match="Expected a dict"):
        torch.save([torch.ones(1)], tmp_path / "g.safetensors")
    with pytest.raises(ValueError, match="Key `step` is invalid"):
        torch.save({"step": 3}, tmp_path / "g.safetensors")
    (tmp_path / "g.safetensors").write_bytes((tmp_path / "f").read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"g\.safetensors.*end at byte"):
        torch.load(tmp_path / "g.safetensors")


def test_parts_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    save_file({"w": torch.arange(6.0).reshape(2, 3), "a": torch.ones(1, dtype=torch.int64)}, path, metadata={"epoch": "3"})
    with safe_open(path, framework="pt", device="cpu") as file:
        assert file.keys() == ["a", "w"] and file.offset_keys() == ["a", "w"] and file.metadata() == {"epoch": "3"}
        assert file.get_tensor("w").shape == (2, 3)
        part = file.get_slice("w")
        assert (part.get_shape(), part.get_dtype()) == ([2, 3], "F32")
        assert part[:, 1].tolist() == [1, 4] and part[1, 2].item() == 5 and part[...].shape == (2, 3)
        with pytest.raises(SafetensorError, match="does not contain tensor b"):
            file.get_tensor("b")
    with pytest.raises(SafetensorError, match="File is closed"):
        file.keys()
    with safe_open(path, framework="np") as file:
        assert type(file.get_tensor("w")) is np.ndarray
    with pytest.raises(ValueError, match="framework must be"):
        safe_open(path, framework="tf")
    with pytest.raises(RuntimeError, match="only device"):
        safe_open(path, device="cuda")


def test_bfloat16_becomes_float32() -> None:
    content = file_of({"w": entry("BF16", [2], [0, 4])}, np.array([1.5, -2], np.float32).view(np.uint16)[1::2].tobytes())
    with pytest.warns(UserWarning, match="bfloat16; they become float32"):
        assert load(content)["w"].tolist() == [1.5, -2]


def test_types_that_are_not_here(tmp_path: Path) -> None:
    content = file_of({"w": entry("F8_E4M3", [4], [0, 4]), "b": entry("F32", [1], [4, 8])}, bytes(8))
    with pytest.raises(CheckpointError, match="tensor 'w' of type F8_E4M3"):
        load(content)
    (tmp_path / "f").write_bytes(content)
    with safe_open(tmp_path / "f") as file:
        assert file.get_tensor("b").tolist() == [0]


def test_tensors_that_share_memory() -> None:
    weights = torch.arange(6.0)
    with pytest.raises(RuntimeError, match=r"Some tensors share memory.*use `save_model`") as caught:
        save({"a": weights, "b": weights[:2], "c": torch.ones(1)})
    assert "'c'" not in str(caught.value)
    columns = torch.arange(6.0).reshape(2, 3)
    assert load(save({"q": columns[:, :1], "k": columns[:, 1:]}))["k"].tolist() == [[1, 2], [4, 5]]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 3)
        self.head = nn.Linear(3, 4, bias=False)
        self.head.weight = self.embedding.weight


def test_a_model_with_tied_weights(tmp_path: Path) -> None:
    path, model = tmp_path / "f.safetensors", Tied()
    save_model(model, path)
    with safe_open(path) as file:
        assert file.keys() == ["embedding.weight"] and file.metadata() == {"head.weight": "embedding.weight"}
    other = Tied()
    assert load_model(other, path) == ([], [])
    assert torch.equal(other.head.weight, model.head.weight)
    save_file({"head.weight": torch.zeros(4, 3)}, path)  # a file that has the other name
    assert load_model(other, path) == ([], []) and other.embedding.weight.sum() == 0
    save_file({"bias": torch.ones(1)}, path)
    with pytest.raises(RuntimeError, match="Missing key"):
        load_model(other, path)
    missing, unexpected = load_model(other, path, strict=False)
    assert sorted(missing) == ["embedding.weight", "head.weight"] and unexpected == ["bias"]


@pytest.mark.parametrize(
    ("tensors", "metadata", "error"),
    [
        ([torch.ones(1)], None, ValueError),
        ({"w": 3}, None, ValueError),
        ({3: torch.ones(1)}, None, ValueError),
        ({"__metadata__": torch.ones(1)}, None, ValueError),
        ({"w": np.ones(2, complex)}, None, ValueError),
        ({"w": torch.ones(1)}, {"epoch": 3}, TypeError),
        ({"\ud800": torch.ones(1)}, None, ValueError),
    ],
)
def test_what_cannot_be_saved(tensors: Any, metadata: Any, error: Any, tmp_path: Path) -> None:
    with pytest.raises(error):
        save_file(tensors, tmp_path / "f", metadata)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05",
        (1 << 63).to_bytes(8, "little") + b"{}",
        file_of(b""),
        file_of(b"[]"),
        file_of(b"{"),
        file_of(b"\xff{}"),
        file_of(b'{"a":' * 100_000),
        file_of(b'{"w": {"dtype": "F32", "shape": [' + b"1" * 5000 + b'], "data_offsets": [0, 8]}}', bytes(8)),
        file_of(b'{"w": {"dtype": "I8", "shape": [0], "data_offsets": [0, 0]}, "w": {}}'),
        file_of(b'{"w": {"dtype": "F32", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', bytes(8)),
        file_of({"__metadata__": {"a": 1}}),
        file_of({"__metadata__": []}),
        file_of({"w": []}),
        file_of(b'{"\\ud800": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', bytes(8)),
        file_of({"w": entry(3)}, bytes(8)),
        file_of({"w": entry(shape=2)}, bytes(8)),
        file_of({"w": entry(shape=[2.0])}, bytes(8)),
        file_of({"w": entry(shape=[True, 2])}, bytes(8)),
        file_of({"w": entry(shape=[-2])}, bytes(8)),
        file_of({"w": entry(shape=[3])}, bytes(8)),
        file_of({"w": entry(shape=[1 << 40, 1 << 40, 0], offsets=[0, 0])}),
        file_of({"w": entry(shape=[1] * 70, offsets=[0, 4])}, bytes(4)),
        file_of({"w": entry(offsets=[8, 0])}, bytes(8)),
        file_of({"w": entry(offsets=[0, 8, 16])}, bytes(8)),
        file_of({"w": entry(offsets=[0, 1 << 62])}, bytes(8)),
        file_of({"w": entry(offsets=[8, 16])}, bytes(16)),  # a hole
        file_of({"w": entry(), "v": entry()}, bytes(8)),  # an overlap
        file_of({"w": entry()}, bytes(9)),
        file_of({"w": entry()}, bytes(7)),
        file_of({"w": entry()}, bytes(8))[:20],
    ],
)
def test_damaged_files_are_errors(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        for read in (lambda: load_file(path), lambda: load(content), lambda: torch.load(path), lambda: safe_open(path)):
            with pytest.raises(CheckpointError):
                read()
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()


def test_cut_and_changed_files() -> None:
    content = save({"w": torch.arange(4.0), "b": torch.ones(2, dtype=torch.int64)}, {"a": "b"})
    for end in range(len(content)):
        with pytest.raises(CheckpointError):
            load(content[:end])
    rng, read = random.Random(0), 0
    for _ in range(2000):
        changed = bytearray(content)
        for _ in range(rng.choice((1, 3))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        with contextlib.suppress(CheckpointError):
            read += sum(tensor.numel() for tensor in load(bytes(changed)).values()) > 0
    assert 100 < read < 1900  # the format has no checksum


def test_a_file_that_is_open() -> None:
    assert torch.load(io.BytesIO(save({"w": torch.ones(2)})))["w"].tolist() == [1, 1]
