"""PyTorch's files made to do harm, or damaged: an error, in bounded time and memory, and nothing in them is imported or run."""

from __future__ import annotations

import builtins
import collections
import contextlib
import io
import os
import pickle
import random
import struct
import sys
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tinygrad_fm as torch
from tests.formats.files import CHECKPOINT, archive, number, pickled, tensor, text
from tinygrad_fm.errors import CheckpointError, UnpicklingError
from tinygrad_fm.formats import weights_only_unpickler

TWO = struct.pack("<2f", 1.0, 2.0)


def load(content: bytes, **options: Any) -> Any:
    return torch.load(io.BytesIO(content), **options)


@contextlib.contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """Fail if more than ``limit`` bytes are taken at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


class Calls:
    """A value whose pickle is a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


# -- what would be run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "call",
    [
        Calls(os.system, "touch harm"),
        Calls(eval, "open('harm', 'w')"),
        Calls(exec, "open('harm', 'w')"),
        Calls(open, "harm", "w"),
        Calls(builtins.__import__, "antigravity"),
        Calls(io.FileIO, "harm", "w"),
        Calls(pickle.loads, pickle.dumps(1)),
        Calls(map, print, [1]),
    ],
    ids=lambda call: call.call[0].__name__,
)
def test_no_call_is_made(call: Calls, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for value in (call, {"weights": [call]}, Calls(collections.OrderedDict, [("a", call)])):
        with pytest.raises(CheckpointError) as caught:
            load(archive(pickle.dumps(value, protocol)))
        assert protocol < 2 or "names" in str(caught.value)
        assert not list(tmp_path.iterdir())


def test_an_error_names_the_global_and_its_byte() -> None:
    content = archive(pickled(b"}", text("a"), b"cos\nsystem\n", text("ls"), b"\x85Rs"))
    with pytest.raises(UnpicklingError, match=r"the file names os\.system at byte 9 of its data\.pkl") as caught:
        load(content)
    assert isinstance(caught.value, pickle.UnpicklingError)
    with pytest.raises(UnpicklingError, match=r"whole object pickled: it names __main__\.Net at byte 2 .*\.state_dict\(\)"):
        load(archive(pickled(b"c__main__\nNet\n)\x81}b")))
    with pytest.raises(UnpicklingError, match=r"names x\\x1b\[31m\.y at"):
        load(archive(pickled(b"cx\x1b[31m\ny\n")))


def test_nothing_that_a_file_names_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "harmful_module.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    for names in (b"charmful_module\nRun\n", b"\x8c\x0eharmful_module\x8c\x03Run\x93", b"(iharmful_module\nRun\n"):
        with pytest.raises(CheckpointError):
            load(archive(pickled(names, b")R")))
    assert "harmful_module" not in sys.modules


@pytest.mark.parametrize(
    "operations",
    [
        b"ctorch\nFloatStorage\n)R",  # calls a type
        b"ctorch\nfloat32\n)R",
        b"ccollections\nOrderedDict\n(KKtR",
        b"ccollections\nOrderedDict\n)R}" + text("items") + b"Nsb",  # attributes of one's own
        b"ccollections\nOrderedDict\n)R}" + text("_metadata") + b"]sb",
        b"ccollections\nOrderedDict\n)R}" + text("_metadata") + b"}" + text("") + b"Nssb",
        b"]}b",
        b"}K\x01a",
        b"]K\x01K\x02s",
        b"K\x01\x85Q",
        b"(" + text("module") + b"NNNNtQ",
        b"cbuiltins\nset\nK\x05\x85R",
        b"cbuiltins\nbytearray\n" + number(1 << 40) + b"\x85R",
        b"c_codecs\nencode\n" + text("x") + text("idna") + b"\x86R",
        b"ctorch\nSize\n" + text("x") + b"\x85R",
        b"ctorch\nSize\n(" + text("x") + b"t\x85R",
        b"ctorch\ndevice\n(NtR",
        b"q\x00",
        b"h\x00",
        b"R",
        b"\x86",
        b"e",
        b"u",
        b"(K\x01u",
        b"",
        b"X\xff\xff\xff\x7fab",
        b"\x8d" + b"\xff" * 8 + b"ab",
        b"\x8b" + struct.pack("<i", 1 << 30),
        b"\x8a\xff" + b"\x7f" * 10,
        b"ctorch",
        b"}]Ns",  # a list as a key
        b"}" + tensor() + b"Ns",
        b"ctorch\nFloatStorage\n",  # what stands for a name is no result
        b"]ctorch._utils\n_rebuild_tensor_v2\na",
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(2) + b"tQ",
    ],
)
def test_other_operations_are_errors(operations: bytes) -> None:
    with pytest.raises(CheckpointError):
        load(archive(pickled(operations), TWO))


# -- tensors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": (3,)}, "reaches to element 2 of a storage of 2"),
        ({"offset": 1}, "reaches to element 2"),
        ({"stride": (2,)}, "reaches to element 2"),
        ({"stride": (1 << 62,)}, "reaches to element"),
        ({"offset": -1}, "not all numbers from 0 on"),
        ({"stride": (-1,)}, "not all numbers from 0 on"),
        ({"size": (-2,)}, "not all numbers from 0 on"),
        ({"size": (1 << 64,)}, "not all numbers from 0 on"),
        ({"size": (2, 2)}, "not all numbers from 0 on"),
        ({"size": (1 << 40, 1 << 40), "stride": (0, 0)}, "too many elements"),
        ({"size": (0, 1 << 62), "stride": (1, 1)}, "too many elements"),
        ({"size": (1,) * 65, "stride": (1,) * 65}, "too many elements or dimensions"),
        ({"count": 3}, r"8 bytes, not those of 3 elements"),
        ({"count": 1}, r"8 bytes, not those of 1 elements"),
        ({"count": 1 << 61}, "8 bytes, not those"),
        ({"count": -1}, "length"),
        ({"kind": "DoubleStorage"}, "8 bytes, not those of 2 elements of float64"),
        ({"kind": "ComplexFloatStorage"}, "kind that is not here"),
        ({"kind": "QInt8Storage"}, "kind that is not here"),
        ({"key": "7"}, "lacks the record data/7"),
        ({"key": "../version"}, r"lacks the record data/\.\./version"),
        ({"requires_grad": b"K\x01"}, "requires_grad is 1"),
        ({"kind": "IntStorage", "requires_grad": b"\x88"}, "requires_grad is True"),
    ],
)
def test_tensors_are_held_against_their_storage(options: dict[str, Any], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        load(archive(pickled(tensor(**options)), TWO))


def test_a_tensor_of_few_numbers_and_many_elements_takes_no_memory() -> None:
    with memory_below(10 << 20):
        huge = load(archive(pickled(tensor((1 << 30, 1 << 20), (0, 0))), TWO))
        with pytest.warns(UserWarning, match="bfloat16"):
            half = load(archive(pickled(tensor((1 << 30,), (0,), kind="BFloat16Storage", count=4)), TWO))
    assert huge.shape == (1 << 30, 1 << 20) and half.shape == (1 << 30,)
    with pytest.raises(RuntimeError, match="share one place in memory"):
        load(archive(pickled(tensor((3,), (0,))), TWO)).add_(1)


def test_one_storage_has_one_type() -> None:
    with pytest.raises(CheckpointError, match="named twice"):
        load(archive(pickled(tensor(), tensor(kind="IntStorage"), b"\x86"), TWO))
    with pytest.raises(CheckpointError, match="named twice"):
        load(archive(pickled(tensor(), tensor((1,), count=1), b"\x86"), TWO))


def test_where_tensors_were() -> None:
    content = archive(pickled(tensor(location="cuda:0")), TWO)
    seen = []
    with pytest.raises(RuntimeError, match=r"saved on 'cuda:0'.*map_location=\"cpu\""):
        load(content)
    with pytest.raises(RuntimeError, match="saved on 'cuda:0'"):
        load(content, map_location=lambda storage, location: seen.append((len(storage), location)))
    for where in (
        "cpu",
        torch.device("cpu"),
        {"cuda:0": "cpu"},
        {"cuda:0": torch.device("cpu:0")},
        lambda storage, location: storage,
    ):
        assert load(content, map_location=where).tolist() == [1, 2]
    with pytest.raises(TypeError, match="must return the storage"):
        load(content, map_location=lambda storage, location: 5)
    with pytest.raises(RuntimeError, match="only device"):
        load(content, map_location="cuda:1")
    assert seen == [(2, "cuda:0")]


def test_pytorchs_arguments() -> None:
    content = archive(pickled(tensor()), TWO)
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        load(content, weights_only=True, pickle_module=pickle)
    assert load(content, weights_only=False, pickle_module=pickle, encoding="latin1").tolist() == [1, 2]
    with pytest.warns(UserWarning, match="only works if"):
        load(content, encoding="latin1")
    with pytest.raises(ValueError, match="f must be a file path in order to use the mmap argument"):
        load(content, mmap=True)
    with pytest.raises(TypeError, match="binary mode"):
        torch.load(io.StringIO("PK"))


def test_the_other_order_of_bytes() -> None:
    content = archive(pickled(tensor()), struct.pack(">2f", 1, 2), byteorder=b"big")
    assert load(content).tolist() == [1, 2]
    with pytest.raises(CheckpointError, match="neither little nor big"):
        load(archive(pickled(tensor()), TWO, byteorder=b"middle"))
    with pytest.raises(CheckpointError, match="version b'11'"):
        load(archive(pickled(tensor()), TWO, version=b"11"))


# -- the archive -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../harm", "/etc/passwd", "a/../../harm", "..\\harm", "C:\\harm"])
def test_names_that_lead_out_of_the_archive(name: str) -> None:
    file = io.BytesIO(archive(pickled(tensor()), TWO))
    with zipfile.ZipFile(file, "a") as more:
        more.writestr(name, b"harm")
    with pytest.raises(CheckpointError, match="leads out of the archive"):
        load(file.getvalue())


def test_compressed_records_and_two_of_one_name() -> None:
    bomb = archive(pickled(tensor((1 << 24,), count=1 << 24)), bytes(1 << 26), method=zipfile.ZIP_DEFLATED)
    with memory_below(10 << 20), pytest.raises(CheckpointError, match=r"compressed or encrypted.*zip -0"):
        load(bomb)
    file = io.BytesIO(archive(pickled(tensor()), TWO))
    with zipfile.ZipFile(file, "a") as more, pytest.warns(UserWarning, match="Duplicate"):
        more.writestr("archive/data/0", bytes(8))
    with pytest.raises(CheckpointError, match="two of its records have one name"):
        load(file.getvalue())
    file = io.BytesIO(archive(pickled(tensor()), TWO))
    with zipfile.ZipFile(file, "a") as more:
        more.writestr("other/data.pkl", b"")
    with pytest.raises(CheckpointError, match=r"2 records data\.pkl"):
        load(file.getvalue())


def test_records_that_overlap() -> None:
    """Two names for one stretch of the file: many of them would unpack a small file to a large one."""
    content = archive(pickled(tensor(), tensor(key="1"), b"\x86"), TWO, TWO)
    start, other = (content.rindex(b"archive/data/%d" % i) for i in (0, 1))
    place = content[start - 4 : start]
    with pytest.raises(CheckpointError, match="damaged"):
        load(content[: other - 4] + place + content[other:])
    size = content.rindex(b"archive/data/0") - 46 + 20
    longer = content[:size] + struct.pack("<2I", 60, 60) + content[size + 8 :]
    with pytest.raises(CheckpointError, match="reaches into what follows"):
        load(longer)


def test_other_archives_of_pytorch_are_named() -> None:
    for more, says in (
        ({"constants.pkl": b"x"}, "TorchScript archive"),
        ({"code/__torch__.py": b"x"}, "TorchScript archive"),
        ({"archive_format": b"pt2"}, r"torch\.export"),
    ):
        with pytest.raises(CheckpointError, match=says):
            load(archive(pickled(b"N"), **more))
    for start, says in (
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", r"before version 1\.6"),
        (b"\x80\x04N.", "bare pickle"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"GGUF", "GGUF"),
        (b"\x93NUMPY", r"numpy\.load"),
        (bytes(257) + b"ustar", r"before version 1\.6"),
    ):
        with pytest.raises(CheckpointError, match=says):
            load(start)


# -- too much of a thing -----------------------------------------------------------------------------------------------


def bombs() -> dict[str, bytes]:
    """Operations that make much of little."""
    encoded = b"c_codecs\nencode\nh\x00" + text("latin1") + b"\x86R"
    minus = [b"J" + struct.pack("<i", number) for number in (-1, -2)]  # whose hashes are the same
    tuples = (b"(" + b"".join(minus[i >> k & 1] for k in range(16)) + b"tN" for i in range(20_000))
    return {
        "deep lists": b"]" * 100_000 + b"a" * 99_999,
        "deep tuples": b"N" + b"\x85" * 150_000,
        "a deep tuple as a key": b"}N" + b"\x85" * 150_000 + b"Ns",
        "a wide tuple as a key": b"}(" + b"N" * 150_000 + b"tNs",
        "a doubled tuple as a key": b"}N" + b"q\x00h\x00\x86" * 60 + b"Ns",
        "a string copied": text("x" * 1_000_000) + b"q\x00(" + encoded * 1000 + b"t",
        "a list copied": b"](" + b"N" * 100_000 + b"eq\x00(" + b"cbuiltins\nset\nh\x00\x85R" * 10_000 + b"t",
        "containers": b"(" + b"]" * 200_001 + b"t",
        "marks": b"(" * 200_001,
        "a large number": b"\x8b" + struct.pack("<i", 3_000_000) + b"\x7f" * 3_000_000,
        "numbers of one hash": b"}(" + b"".join(number(i * ((1 << 61) - 1)) + b"N" for i in range(1, 20_000)) + b"u",
        "tuples of one hash": b"}(" + b"".join(tuples) + b"u",
    }


@pytest.mark.parametrize("name", bombs())
def test_bombs_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive(pickled(bombs()[name]))
    monkeypatch.setattr(weights_only_unpickler, "_CONTAINERS", 100_000)
    with memory_below(100 << 20), pytest.raises(CheckpointError):
        load(content)


def test_what_refers_to_itself_is_read() -> None:
    back = load(archive(pickled(b"]q\x00h\x00a")))
    assert back[0] is back
    doubled = b"]" + b"".join(b"q%c]h%ch%c\x86a" % (i, i, i) for i in range(60))
    assert len(load(archive(pickled(doubled)))) == 1


# -- ten thousand mutated files ----------------------------------------------------------------------------------------


def small() -> bytes:
    """A checkpoint of a linear layer and its optimizer."""

    class Named(io.BytesIO):
        name = "f.pt"

    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)
    file = Named()
    torch.save({"model": model.state_dict(), "step": torch.tensor(3), "more": [1.5, "x", (2, None), {True}]}, file)
    return file.getvalue()


def shown(value: Any) -> str:
    return repr(value) + repr([getattr(item, "_metadata", None) for item in value.values()])


def test_damaged_files_are_errors_or_right(tmp_path: Path) -> None:
    content, right = small(), shown(load(small()))
    rng = random.Random(0)
    path, harmless = tmp_path / "f.pt", 0
    for i in range(3000):
        if i < 1000:
            damaged = content[: i * len(content) // 1000]
        else:
            at = rng.randrange(len(content))
            damaged = content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
        path.write_bytes(damaged)
        try:
            back = torch.load(path if i % 2 else io.BytesIO(damaged))
        except CheckpointError:
            continue
        harmless += 1  # such as padding, which nothing reads
        assert shown(back) == right
    assert harmless < 2000


def taken_apart(content: bytes) -> tuple[bytes, list[bytes]]:
    """The pickle and the storages of a file."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        root = next(name for name in file.namelist() if name.endswith("data.pkl"))[: -len("data.pkl")]
        count = sum(name.startswith(f"{root}data/") for name in file.namelist())
        return file.read(f"{root}data.pkl"), [file.read(f"{root}data/{i}") for i in range(count)]


def test_mutated_pickles_do_no_harm() -> None:
    """The checksums are right, so that the pickle is read: an error, or some value, and nothing is imported."""
    files = [taken_apart(CHECKPOINT.read_bytes())] + [taken_apart(small())] * 5
    rng = random.Random(0)
    codes = [code.encode("latin-1") for code in weights_only_unpickler._OPERATIONS]
    names = [
        b"cos\nsystem\n",
        b"cbuiltins\neval\n",
        b"cbuiltins\nbytearray\n",
        b"ctorch\nLongStorage\n",
        number(1 << 62),
        number(-1),
    ]
    loaded = 0
    for _ in range(8000):
        original, storages = rng.choice(files)
        changed = bytearray(original)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at, size = rng.randrange(2, len(changed)), rng.choice((0, 1, 1, 4, 20))
            start = rng.randrange(len(changed))
            instead = [bytes([rng.randrange(256)]), rng.choice(codes), rng.choice(names), changed[start : start + 20]]
            changed[at : at + size] = rng.choice(instead)
        content = archive(bytes(changed), *storages)
        modules = set(sys.modules)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                load(content)
                loaded += 1
            except CheckpointError:
                pass
            except RuntimeError as error:
                assert "map_location" in str(error)
        assert set(sys.modules) == modules
    assert 100 < loaded < 3000
