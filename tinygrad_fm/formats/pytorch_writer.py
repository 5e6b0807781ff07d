"""Writing what PyTorch's ``load(weights_only=True)`` reads: the archive that its ``torch.save`` writes, record for record.

See :mod:`.pytorch_reader` for the format. The pickle is put together here, of protocol 2, whose operations ``pickletools``
describes: it names PyTorch's functions, which need not be installed for that.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from .._tensor import Size, Tensor
from ..devices import device
from ..dtypes import OURS, dtype
from ..nn.parameter import Parameter
from .pytorch_reader import STORAGES
from .shared_memory import storages

_ALIGNMENT = 64
_FULL = 0xFFFFFFFF  # what stands in a field of 32 bits whose number is in the fields of zip64
_LARGE = _FULL  # from here on a size or an address is
_VERSION = b"3\n"
_STORAGES = {dtype: f"{name}Storage" for name, dtype in STORAGES.items()}


def write(obj: Any, file: BinaryIO) -> None:
    """Write ``obj`` as PyTorch's ``torch.save`` would.

    Raises:
        TypeError: something in it is of a type that PyTorch's ``load`` refuses; the message says where.
        ValueError: a number is too large, or the nesting too deep.
        RuntimeError: tensors of different dtypes share memory.
    """
    pickler = _Pickler()
    try:
        pickler.put(obj, "the object")
    except RecursionError:
        raise ValueError("save(): the object is nested too deeply") from None
    pickle, arrays = pickler.finish()
    archive = _Archive(file)
    archive.add("data.pkl", pickle)
    archive.add(".format_version", b"1")
    archive.add(".storage_alignment", str(_ALIGNMENT).encode())
    archive.add("byteorder", sys.byteorder.encode())
    for i, array in enumerate(arrays):
        archive.add(f"data/{i}", array.view(np.uint8).data if array.size else b"")
    archive.add("version", _VERSION)
    archive.finish()


class _Archive:
    """The zip archive, laid out as PyTorch's writer does it, which computes addresses of storages by it.

    Each record's bytes begin at a multiple of 64, behind a header without sizes, which follow the bytes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0
        self._directory: list[bytes] = []

    def _write(self, content: Any) -> None:
        self._file.write(content)
        self._at += len(content)

    def add(self, name: str, content: Any) -> None:
        """One record, of bytes."""
        label, header, size = f"archive/{name}".encode(), self._at, len(content)
        large = size >= _LARGE or header >= _LARGE
        extra = b""
        if large:
            fields = [*([size, size] if size >= _LARGE else []), *([header] if header >= _LARGE else [])]
            extra = struct.pack(f"<HH{len(fields)}Q", 1, 8 * len(fields), *fields)
        flags = 0x0808 if size else 0x0800  # sizes behind the content; names in UTF-8
        before = header + 30 + len(label) + len(extra) + 4
        padding = -before % _ALIGNMENT
        padded = extra + struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        self._write(struct.pack("<4s5H3I2H", b"PK\3\4", 0, flags, 0, 0, 0, 0, 0, 0, len(label), len(padded)) + label + padded)
        self._write(content)
        checksum = zlib.crc32(content)
        if size:
            self._write(struct.pack("<4sI2Q" if large else "<4s3I", b"PK\7\x08", checksum, size, size))
        shown, place = (_FULL if number >= _LARGE else number for number in (size, header))
        entry = (b"PK\1\2", 0, 0, flags, 0, 0, 0, checksum, shown, shown, len(label), len(extra), 0, 0, 0, 0, place)
        self._directory.append(struct.pack("<4s6H3I5H2I", *entry) + label + extra)

    def finish(self) -> None:
        """The directory, and what says where it is."""
        start, count = self._at, len(self._directory)
        directory = b"".join(self._directory)
        self._write(directory)
        end = self._at
        self._write(struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 0x031E, 45, 0, 0, count, count, len(directory), start))
        self._write(struct.pack("<4sIQI", b"PK\6\7", 0, end, 1))
        few = min(count, 0xFFFF)
        self._write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, few, few, min(len(directory), _FULL), min(start, _FULL), 0))


class _Pickler:
    """Puts the pickle together. Where tensors lie in memory is known at the end, so their places stay open until then."""

    def __init__(self) -> None:
        self._parts: list[bytes | int] = [b"\x80\x02"]  # pieces of the pickle, and the numbers of arrays that go in between
        self._arrays: list[np.ndarray[Any, Any]] = []
        self._known: dict[int, int] = {}  # id of an array: its number
        self._memo: dict[int, int] = {}  # id of a value: its number in the pickle's memo
        self._kept: list[Any] = []  # the values whose ids are in use

    def finish(self) -> tuple[bytes, list[np.ndarray[Any, Any]]]:
        """The pickle, and the storages that go with it."""
        flat, places = storages(self._arrays)
        out = []
        for part in self._parts:
            if isinstance(part, bytes):
                out.append(part)
                continue
            array, place = self._arrays[part], places[part]
            storage = flat[place.storage]
            kind = _name("torch", _STORAGES[OURS[storage.dtype]])
            out.append(
                b"(" + _text("storage") + kind + _text(str(place.storage)) + _text("cpu") + _number(storage.size) + b"tQ"
            )
            out += [_number(place.offset), _numbers(array.shape), _numbers(place.strides)]
        return b"".join(out) + b".", flat

    def _remember(self, value: Any) -> None:
        number = self._memo[id(value)] = len(self._memo)
        self._kept.append(value)
        self._parts.append(b"r" + number.to_bytes(4, "little"))

    def put(self, value: Any, where: str) -> None:
        """Append what makes ``value``; ``where`` says in an error where it was found."""
        if id(value) in self._memo:
            self._parts.append(b"j" + self._memo[id(value)].to_bytes(4, "little"))
        elif isinstance(value, Tensor):
            self._put_tensor(value)
        elif isinstance(value, Mapping):
            self._put_mapping(value, where)
        elif type(value) is Size:
            self._parts.append(_name("torch", "Size") + _numbers(value) + b"\x85R")
        elif isinstance(value, (list, tuple, set)):
            self._put_sequence(value, where)
        else:
            self._parts.append(_simple(value, where))

    def _put_tensor(self, value: Tensor) -> None:
        array = value._array
        if id(array) not in self._known:
            self._known[id(array)] = len(self._arrays)
            self._arrays.append(array)
        hooks = _name("collections", "OrderedDict") + b")R"
        wants = b"\x88" if value.requires_grad else b"\x89"
        is_parameter = isinstance(value, Parameter)
        self._parts.append(
            (_name("torch._utils", "_rebuild_parameter") if is_parameter else b"") + _name("torch._utils", "_rebuild_tensor_v2")
        )
        self._parts += [b"(", self._known[id(array)], (b"\x89" if is_parameter else wants) + hooks + b"tR"]
        if is_parameter:
            self._parts.append(wants + hooks + b"\x87R")
        self._remember(value)

    def _put_mapping(self, value: Mapping[Any, Any], where: str) -> None:
        if isinstance(value, OrderedDict):
            self._parts.append(_name("collections", "OrderedDict") + b")R")
        elif isinstance(value, Counter):
            self._parts.append(_name("collections", "Counter") + b"}\x85R")
        else:
            self._parts.append(b"}")
        self._remember(value)
        if value:
            self._parts.append(b"(")
            for key, item in value.items():
                self.put(key, f"a key of {where}")
                self.put(item, f"{where}[{key!r}]")
            self._parts.append(b"u")
        metadata = getattr(value, "_metadata", None)
        if isinstance(value, OrderedDict) and isinstance(metadata, dict):
            self._parts.append(b"}" + _text("_metadata"))
            self.put(metadata, f"{where}._metadata")
            self._parts.append(b"sb")

    def _put_sequence(self, value: list[Any] | tuple[Any, ...] | set[Any], where: str) -> None:
        if isinstance(value, list):
            self._parts.append(b"]")
            self._remember(value)
        self._parts.append(_name("__builtin__", "set") + b"](" if isinstance(value, set) else b"(")
        for i, item in enumerate(value):
            self.put(item, f"{where}[{i}]")
        self._parts.append(b"e" if isinstance(value, list) else b"e\x85R" if isinstance(value, set) else b"t")
        if value and not isinstance(value, list):
            self._remember(value)


def _simple(value: Any, where: str) -> bytes:
    """What makes a value that holds no others."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value if value is None else bool(value)]
    if isinstance(value, (int, np.integer)):
        return _number(int(value))
    if isinstance(value, (float, np.floating)):
        return b"G" + struct.pack(">d", float(value))
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, complex):
        return (
            _name("__builtin__", "complex")
            + b"G"
            + struct.pack(">d", value.real)
            + b"G"
            + struct.pack(">d", value.imag)
            + b"\x86R"
        )
    if isinstance(value, (bytes, bytearray)):
        made = _name("_codecs", "encode") + _text(value.decode("latin-1")) + _text("latin1") + b"\x86R"
        return made if isinstance(value, bytes) else _name("__builtin__", "bytearray") + made + b"\x85R"
    if isinstance(value, dtype):
        return _name("torch", value.name)
    if isinstance(value, device):
        return _name("torch", "device") + _text("cpu") + b"\x85R"
    if isinstance(value, np.ndarray):
        raise TypeError(
            f"save(): PyTorch's load() takes no NumPy arrays; there is one in {where}. Save a tensor: torch.from_numpy(array)"
        )
    hint = "; save its state_dict()" if hasattr(value, "state_dict") else ""
    raise TypeError(
        f"save(): a {type(value).__name__} cannot be saved{hint}; it is in {where}. There can be tensors, numbers, strings, "
        "None, and dicts, lists, tuples and sets of them."
    )


def _name(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _text(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(content)) + content


def _number(number: int) -> bytes:
    if 0 <= number < 1 << 16:
        return b"K" + bytes([number]) if number < 256 else b"M" + struct.pack("<H", number)
    if -(1 << 31) <= number < 1 << 31:
        return b"J" + struct.pack("<i", number)
    size = number.bit_length() // 8 + 1
    if size > 255:
        raise ValueError(f"save(): a whole number of {size:,} bytes; PyTorch reads up to 255")
    return b"\x8a" + bytes([size]) + number.to_bytes(size, "little", signed=True)


def _numbers(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number, numbers)) + b"t"
