"""save and load: what goes in comes out, and nothing but what was put in."""

from __future__ import annotations

import collections
import enum
import io
import os
import pickle
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_fm as torch
from tinygrad_fm import dtypes
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.formats import npz as module
from tinygrad_fm.serialization import load, load_parts, save


def through(value: Any) -> Any:
    """``value`` after a round through a file."""
    file = io.BytesIO()
    save(value, file)
    return load(file)


SAMPLE = {
    "weights": {"0.weight": torch.arange(6.0).reshape(2, 3), "0.bias": torch.zeros(2)},
    "state": {0: {"step": torch.tensor(3.0)}, (1, "b"): [None, True, 2**200, -0.5, "ü"]},
    "pair": (1, (2.0, ())),
}


@pytest.mark.parametrize("kind", dtypes.OURS.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (5,), (2, 3, 4)], ids=str)
def test_tensors_keep_dtype_shape_and_values(kind: Any, shape: tuple[int, ...]) -> None:
    array = (np.random.default_rng(0).normal(size=shape) * 3).astype(kind.numpy)
    back = through(torch.from_numpy(np.asarray(array)))
    assert isinstance(back, torch.Tensor)
    assert back.dtype is kind and tuple(back.shape) == shape
    np.testing.assert_array_equal(back.numpy(), array)


def test_views_and_odd_memory_orders_keep_their_values() -> None:
    base = np.arange(24.0).reshape(2, 3, 4)
    for array in (base.T, base[:, ::-1], base[..., ::2], np.broadcast_to(base[:1], (5, 3, 4)), np.asfortranarray(base)):
        np.testing.assert_array_equal(through(torch.from_numpy(array)).numpy(), array)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@given(VALUES)
def test_nested_values_come_back_as_they_were(value: Any) -> None:
    back = through(value)
    assert back == value
    assert repr(back) == repr(value)  # tells 1 from True and 1.0, lists from tuples, the order of keys


def test_special_floats() -> None:
    back = through([float("inf"), -float("inf"), float("nan"), -0.0])
    assert repr(back) == "[inf, -inf, nan, -0.0]"


def test_other_mappings_and_derived_numbers_become_plain() -> None:
    class Level(enum.IntEnum):
        HIGH = 2

    back = through(collections.OrderedDict(a=Level.HIGH, b=np.float32(0.5), c=torch.Size([2, 3])))
    assert back == {"a": 2, "b": 0.5, "c": (2, 3)}
    assert type(back) is dict and type(back["a"]) is int and type(back["b"]) is float


def test_requires_grad_and_arrays_are_told_apart() -> None:
    leaf, tensor, array = through([torch.ones(2, requires_grad=True), torch.ones(2), np.ones(2)])
    assert leaf.requires_grad and leaf.is_leaf and not tensor.requires_grad
    assert type(array) is np.ndarray


def test_tensors_that_share_an_array_share_it_again() -> None:
    tied = torch.ones(3)
    first, second = through([tied, tied.detach()])
    first.numpy()[0] = 7
    assert second.tolist() == [7, 1, 1]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": [{1, 2}]}, r"a set cannot be saved; it is in the object\['a'\]\[0\]"),
        (np.array([object()]), "array of dtype object"),
        ({"when": np.array(["2020"], "M8[Y]")}, r"datetime64.*\['when'\]"),
        (lambda: 0, "a function"),
        (type("Model", (), {"state_dict": dict})(), r"save its state_dict\(\)"),
    ],
)
def test_what_cannot_be_saved_is_named(value: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=says):
        save(value, tmp_path / "f.npz")
    assert not list(tmp_path.iterdir())


def test_the_file_is_a_numpy_archive_and_the_same_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a.ckpt", tmp_path / "b.npz"
    save(SAMPLE, str(first))
    save(SAMPLE, second)
    assert first.read_bytes() == second.read_bytes()
    with np.load(first, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["0"], [[0, 1, 2], [3, 4, 5]])
        assert b"0.weight" in archive["structure"].tobytes()


def test_pytorchs_arguments_are_accepted(tmp_path: Path) -> None:
    save(SAMPLE, tmp_path / "f", pickle_protocol=2)
    for options in ({"map_location": "cpu"}, {"weights_only": False, "mmap": None}, {"map_location": None}):
        assert load(tmp_path / "f", **options)["pair"] == (1, (2.0, ()))
    with pytest.raises(RuntimeError, match="only device"):
        load(tmp_path / "f", map_location="cuda")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")


def test_a_stream_that_cannot_seek(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, content: bytes) -> None:
            self.content = io.BytesIO(content)

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            return self.content.readinto(into)

    file = io.BytesIO()
    save(SAMPLE, file)
    assert load(io.BufferedReader(Pipe(file.getvalue())))["pair"] == SAMPLE["pair"]


def damaged_copies(content: bytes) -> Any:
    for end in range(len(content)):
        yield f"cut at {end}", content[:end]
    for at in range(len(content)):
        for flip in (0x01, 0x80, 0xFF):
            yield f"byte {at} ^ {flip}", content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]


def test_damage_is_an_error_or_changes_nothing() -> None:
    file = io.BytesIO()
    save(SAMPLE, file)
    whole, harmless, count = repr(SAMPLE), 0, 0
    for what, content in damaged_copies(file.getvalue()):
        count += 1
        try:
            back = load(io.BytesIO(content))
        except CheckpointError:
            continue
        harmless += 1  # such as the time of an entry
        assert not what.startswith("cut")
        assert repr(back) == whole, what
    assert harmless < count / 3


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return file.getvalue()


def header(shape: str, dtype: str = "|u1") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"hello world", "begins with b'hell'"),
        (pickle.dumps({"a": 1}), "is a bare pickle"),
        (npz(w=np.ones(2)), r"something else, with entries such as w\.npy.*numpy\.load"),
        (npz(structure=np.array(["x"], object)), "damaged.*[Oo]bject arrays"),
        (npz(structure=np.frombuffer(b'{"format": "other"}', np.uint8)), "damaged.*'other'"),
        (npz(structure=np.frombuffer(b'{"format": "tinygrad_fm", "version": 99}', np.uint8)), "version 99.*update"),
        (npz(structure=np.frombuffer(b"[" * 100_000, np.uint8)), "damaged"),
        (zipped(structure_npy=b"text"), "damaged"),
        (npz(structure=np.frombuffer(b"[" * 100_000 + b"]" * 100_000, np.uint8)), "damaged"),
        (zipped(structure_npy=header("(" * 4000)), "damaged.*begin like an array"),
        (zipped(structure_npy=header("(3,)") + b"{}"), r"damaged.*2 bytes, not those of the shape \(3,\)"),
        (zipped(structure_npy=header("(3,)", "<c8") + b"\0" * 24), "damaged.*dtype '<c8'"),
        (zipped(), "."),
    ],
)
def test_foreign_files_are_named(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=says) as caught:
        load(path)
    assert "model.pt" in str(caught.value)


def repacked(content: bytes, method: int, **more: bytes) -> bytes:
    """The same archive, compressed, with further entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        for name, data in more.items():
            new.writestr(f"{name}.npy", data)
    return file.getvalue()


def test_what_unpacks_to_more_than_a_limit_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROOM", 1 << 20)
    file = io.BytesIO()
    save({"a": torch.zeros(1 << 18), "b": torch.zeros(1 << 18), "c": torch.ones(3)}, file)
    whole = file.getvalue()
    assert load(io.BytesIO(whole))["c"].tolist() == [1, 1, 1]
    packed = repacked(whole, zipfile.ZIP_DEFLATED)
    assert len(packed) < 10_000
    with pytest.raises(CheckpointError, match="unpacks to more than 1 MiB, the limit for a file of its size"):
        load(io.BytesIO(packed))
    with pytest.raises(CheckpointError, match="compressed by method 12"):
        load(io.BytesIO(repacked(whole, zipfile.ZIP_BZIP2)))


def test_a_size_that_lies_is_not_believed() -> None:
    """The directory says 100 bytes, the stream unpacks to 300 MB: a reader that believes the stream would need them."""
    data = zlib.compress(bytes(300 << 20), 9)[2:-4]
    name = b"structure.npy"
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, 0, len(data), 100, len(name), 0) + name + data
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 33, 0, len(data), 100, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local), 0)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError):
            load(io.BytesIO(local + entry + end))
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()


def test_entries_that_nobody_asks_for_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    save(SAMPLE, path)
    path.write_bytes(repacked(path.read_bytes(), zipfile.ZIP_STORED, more=b"no array"))
    assert repr(load(path)) == repr(SAMPLE)
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("0.npy").header_offset + 150
    content = bytearray(path.read_bytes())
    content[at] ^= 1  # in the values of the first array, that of "weights"
    path.write_bytes(content)
    assert load_parts(path, ["pair", "nothing"]) == {"pair": SAMPLE["pair"]}
    with pytest.raises(CheckpointError, match="CRC"):
        load_parts(path, ["weights"])


def test_nothing_is_unpickled() -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return warnings.warn, ("unpickled",)

    for content in (pickle.dumps(Trap()), npz(structure=np.array([Trap()], object))):
        with pytest.raises(CheckpointError):
            load(io.BytesIO(content))


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.npz"
    save([1], path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    for broken in ("os.fsync", "os.replace", "numpy.lib.format.write_array"):
        with monkeypatch.context() as patch:
            patch.setattr(broken, full)
            with pytest.raises(OSError, match="No space"):
                save([2], path)
        assert load(path) == [1]
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_that_is_written_again_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    for mode in (0o600, 0o640, 0o664):
        save([1], path)
        path.chmod(mode)
        save([2], path)
        assert path.stat().st_mode & 0o777 == mode and load(path) == [2]


def test_a_name_as_long_as_it_may_be(tmp_path: Path) -> None:
    for path in (tmp_path / ("a" * 251 + ".npz"), tmp_path / ("ü" * 125 + ".npz")):
        save([1], path)
        assert load(path) == [1]
