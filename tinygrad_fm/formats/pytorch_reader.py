"""Reading what ``torch.save`` writes since PyTorch 1.6: a zip archive of one pickle and the bytes of each storage.

``NAME/data.pkl`` is the pickle; in it a tensor is a storage's number with offset, sizes and strides. ``NAME/data/0`` and so on
are the storages, uncompressed, at addresses that can be mapped. Every number is held against what the file holds before
anything is made of it: sizes and strides against the storage, the storage against its record, the record against the file.

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import math
import os
import re
import sys
import warnings
import zipfile
import zlib
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .. import dtypes
from .._tensor import Size, Tensor
from ..devices import device
from ..errors import CheckpointError, UnpicklingError, printable
from ..nn.parameter import Parameter
from ..ops.creation import from_numpy
from . import weights_only_unpickler
from .mapped_file import mapped
from .weights_only_unpickler import Function, Refused

_NEWEST = 10  # of the versions of the format, which PyTorch reads up to
STORAGES = {
    "Float": dtypes.float32,
    "Double": dtypes.float64,
    "Half": dtypes.float16,
    "Byte": dtypes.uint8,
    "Char": dtypes.int8,
    "Short": dtypes.int16,
    "Int": dtypes.int32,
    "Long": dtypes.int64,
    "Bool": dtypes.bool_,
}

_OTHER_DTYPES = {"uint16", "uint32", "uint64", "complex32", "complex64", "complex128"}
_HERE = ", ".join(dtype.name for dtype in dtypes.OURS.values())


class Records:
    """The records of an archive: where each lies in the file, and its bytes.

    Raises ValueError, and what ``zipfile`` raises, for a damaged one, and for one that PyTorch would not write: with compressed
    or overlapping records, two of one name, or names that lead out of the archive.
    """

    def __init__(self, file: BinaryIO, archive: zipfile.ZipFile) -> None:
        self._file = file
        entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) < len(entries):
            raise ValueError("two of its records have one name")
        for entry in entries:
            name, parts = printable(entry.filename[:100]), entry.filename.replace("\\", "/").split("/")
            if ".." in parts or parts[0] == "" or re.fullmatch("[A-Za-z]:", parts[0]):
                raise ValueError(f"the name of its record {name!r} leads out of the archive")
        ends = [entry.header_offset for entry in entries[1:]] + [archive.start_dir]
        self._ends = dict(zip(self._entries, ends, strict=True))
        self._checked = any(entry.CRC for entry in entries)  # PyTorch can be told to leave the checksums out
        roots = [name[: -len("data.pkl")] for name in self._entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise ValueError(f"it has {len(roots)} records data.pkl")
        self._root = roots[0]

    def __contains__(self, name: str) -> bool:
        return self._root + name in self._entries

    def locate(self, name: str) -> tuple[int, int]:
        """Where a record begins in the file, and how many bytes it has."""
        if name not in self:
            raise ValueError(f"it lacks the record {printable(name[:100])}")
        entry = self._entries[self._root + name]
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.compress_size != entry.file_size:
            raise ValueError(
                f"its record {printable(name[:100])} is compressed or encrypted, which PyTorch never does. Unpack "
                "the archive, and pack it again with zip -0"
            )
        self._file.seek(entry.header_offset)
        head = self._file.read(30)
        if len(head) < 30 or not head.startswith(b"PK\x03\x04"):
            raise ValueError(f"its record {name} has no header")
        name_size, extra_size = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
        if self._file.read(name_size) != entry.filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437"):
            raise ValueError(f"its record {name} has another name in its header")
        start = entry.header_offset + 30 + name_size + extra_size
        if start + entry.file_size > self._ends[entry.filename]:
            raise ValueError(f"its record {name} of {entry.file_size:,} bytes reaches into what follows, or beyond the file")
        return start, entry.file_size

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """The bytes of a record, in memory of their own."""
        start, size = self.locate(name)
        content = np.empty(size, np.uint8)
        self._file.seek(start)
        if not _fill(self._file, content.data):
            raise ValueError(f"its record {name} ends early")
        if self._checked and zlib.crc32(content.data) != self._entries[self._root + name].CRC:
            raise ValueError(f"the checksum of its record {name} is wrong")
        return content


class MapLocationError(Exception):
    """The user's function ``map_location`` raised its cause: that is no fault of the file."""


def _fill(file: Any, view: memoryview) -> bool:
    """Read as many bytes as ``view`` has; whether there were so many."""
    while view:
        if hasattr(file, "readinto"):
            count = file.readinto(view)
        else:
            part = file.read(len(view))
            count = len(part)
            view[:count] = part
        if not count:
            return False
        view = view[count:]
    return True


class _StorageType(NamedTuple):
    """What ``torch.FloatStorage`` stands for; bfloat16's numbers become float32."""

    dtype: dtypes.dtype
    bfloat16: bool = False


class _Storage(NamedTuple):
    """Memory that tensors look at, as a flat array."""

    array: np.ndarray[Any, Any]
    kind: _StorageType


class _Reader:
    """Makes the tensors that a pickle describes."""

    def __init__(self, records: Records, map_location: Any, mapped: Any) -> None:
        self._records = records
        self._map_location = map_location
        self._mapped = mapped  # the whole file, or None
        self._storages: dict[str, _Storage] = {}
        order = records.read("byteorder").tobytes() if "byteorder" in records else b"little"
        if order not in (b"little", b"big"):
            raise ValueError(f"its byteorder is {order[:20]!r}, neither little nor big")
        self._swapped = order.decode() != sys.byteorder
        self.has_bfloat16 = False

    def known(self) -> dict[str, Any]:
        """What the names of PyTorch's pickles stand for."""
        return {
            "torch._utils._rebuild_tensor": Function(self._tensor),
            "torch._utils._rebuild_tensor_v2": Function(self._tensor),
            "torch._utils._rebuild_parameter": Function(_parameter),
            "torch.Size": Function(_size),
            "torch.device": Function(self._device),
            **{f"torch.{name}Storage": _StorageType(dtype) for name, dtype in STORAGES.items()},
            "torch.BFloat16Storage": _StorageType(dtypes.float32, bfloat16=True),
            **{f"torch.{dtype.name}": dtype for dtype in dtypes.OURS.values()},
            "torch.bfloat16": dtypes.float32,
        }

    # -- storages ----------------------------------------------------------------------------------------------------

    def storage(self, identity: Any) -> _Storage:
        """The storage of a persistent id: ``("storage", type, key, location, number of elements)``."""
        if type(identity) is not tuple or len(identity) != 5 or identity[0] != "storage":
            raise ValueError("a persistent id that is no storage")
        _, kind, key, location, count = identity
        if not (isinstance(kind, _StorageType) and type(key) is type(location) is str and type(count) is int and count >= 0):
            raise ValueError("a storage that is not given by type, name, location and length")
        if key not in self._storages:
            self._storages[key] = self._read_storage(kind, key, location, count)
        found = self._storages[key]
        if found.kind != kind or found.array.size != count:
            raise ValueError(f"storage {printable(key[:50])} is named twice, of different type or length")
        return found

    def _read_storage(self, kind: _StorageType, key: str, location: str, count: int) -> _Storage:
        stored = np.dtype(np.uint16) if kind.bfloat16 else kind.dtype.numpy
        name = f"data/{key}"
        start, size = self._records.locate(name)
        if not count * stored.itemsize <= size < (count + 1) * stored.itemsize:
            raise ValueError(f"storage {printable(key[:50])} has {size:,} bytes, not those of {count:,} elements of {stored}")
        if self._mapped is not None and count and start % stored.itemsize == 0:
            content = np.frombuffer(self._mapped, np.uint8, size, start)
        else:
            content = self._records.read(name)
        array = content[: count * stored.itemsize].view(stored)
        if self._swapped:
            array = array.byteswap()
        if kind.bfloat16:
            self.has_bfloat16 = True
            array = (array.astype(np.uint32) << 16).view(np.float32)
        elif stored == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
            array = array.view(np.uint8) != 0
        return _Storage(self._placed(array, location), kind)

    def _placed(self, array: np.ndarray[Any, Any], location: str) -> np.ndarray[Any, Any]:
        """A storage on the device that ``map_location`` says, of one that was on ``location``: the CPU, or it is an error."""
        where = self._map_location
        if isinstance(where, dict):
            location = where.get(location, location)
        elif callable(where):
            placed = _called(where, array, location)
            if placed is not None:
                return placed
        elif where is not None:
            return array
        if str(location).partition(":")[0] != "cpu":
            raise RuntimeError(
                f"the file has tensors that were saved on {printable(str(location)[:50])!r}, and there is only the CPU "
                'here; load it with map_location="cpu"'
            )
        return array

    # -- tensors -----------------------------------------------------------------------------------------------------

    def _tensor(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any = False,
        hooks: Any = None,
        metadata: Any = None,
    ) -> Tensor:
        """``torch._utils._rebuild_tensor_v2``."""
        if not isinstance(storage, _Storage) or hooks or metadata:
            raise ValueError("a tensor that is not of a storage alone, or has hooks")
        array = _view(storage.array, offset, size, stride)
        return from_numpy(array).requires_grad_(_wants_grad(array, requires_grad))

    def _device(self, type: Any, index: Any = None) -> device:
        if not isinstance(type, str) or not isinstance(index, int | None):
            raise ValueError("a device that is no text")
        return device("cpu") if self._map_location is not None else device(type, index)


def _called(map_location: Any, array: np.ndarray[Any, Any], location: str) -> np.ndarray[Any, Any] | None:
    """The storage that a function says, None where it leaves that open."""
    try:
        placed = map_location(from_numpy(array), location)
        if placed is None:
            return None
        if not (isinstance(placed, Tensor) and placed._array.shape == array.shape and placed._array.dtype == array.dtype):
            raise TypeError(f"map_location must return the storage that it was given, or None, got {type(placed).__name__}")
        return placed._array
    except Exception as error:
        raise MapLocationError from error


def _view(array: np.ndarray[Any, Any], offset: Any, size: Any, stride: Any) -> np.ndarray[Any, Any]:
    """A part of a flat array, with sizes and strides of its own that must lie within it."""
    numbers = (offset, *size, *stride) if type(size) in (tuple, list, Size) and type(stride) in (tuple, list) else ("",)
    if not all(type(n) is int and 0 <= n < sys.maxsize for n in numbers) or len(size) != len(stride):
        raise ValueError("a tensor whose offset, sizes and strides are not all numbers from 0 on")
    itemsize = array.dtype.itemsize
    if len(size) > 64 or math.prod(n or 1 for n in size) * itemsize > sys.maxsize:
        raise ValueError("a tensor of too many elements or dimensions")
    if 0 in size:
        return np.empty(size, array.dtype)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if last >= array.size:
        raise ValueError(
            f"a tensor that reaches to element {last:,} of a storage of {array.size:,}: offset {offset:,}, sizes {tuple(size)} "
            f"and strides {tuple(stride)}"
        )
    strides = [s * itemsize if n > 1 else itemsize for n, s in zip(size, stride, strict=True)]
    view = np.ndarray(tuple(size), array.dtype, array, offset * itemsize, strides)
    steps = sorted((s, n) for n, s in zip(size, stride, strict=True) if n > 1)
    reach = 0
    for step, count in steps:
        if step <= reach:  # two indices are one element: as in PyTorch, nothing is written there
            view.flags.writeable = False
        reach += step * (count - 1)
    return view


def _wants_grad(array: np.ndarray[Any, Any], requires_grad: Any) -> bool:
    if type(requires_grad) is not bool or (requires_grad and array.dtype.kind != "f"):
        raise ValueError(f"a tensor of {array.dtype} whose requires_grad is {requires_grad!r}")
    return requires_grad


def _parameter(data: Any, requires_grad: Any, hooks: Any) -> Parameter:
    """``torch._utils._rebuild_parameter``."""
    if type(data) is not Tensor or hooks:
        raise ValueError("a parameter that is not of a tensor, or has hooks")
    return Parameter(data.detach(), _wants_grad(data._array, requires_grad))


def _size(lengths: Any) -> Size:
    if type(lengths) is not tuple or not all(type(n) is int for n in lengths):
        raise ValueError("a torch.Size that is not of whole numbers")
    return Size(lengths)


# -- files -------------------------------------------------------------------------------------------------------------

_CONVERT = "Load it with PyTorch, where it was made, and save what it holds: torch.save(model.state_dict(), 'weights.pt')"


def foreign(names: list[str]) -> str | None:
    """What another program of PyTorch wrote, by the records of the archive; None if it may be of ``torch.save``."""
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return (
            "is a TorchScript archive: a program with its weights. Take the weights out with PyTorch: "
            "torch.save(torch.jit.load(file).state_dict(), 'weights.pt')"
        )
    if "archive_format" in inner:
        return (
            "is a program that torch.export saved, with its weights. Take the weights out with PyTorch: "
            "torch.save(torch.export.load(file).state_dict, 'weights.pt')"
        )
    if "data.pkl" in inner:
        return None
    return (
        f"is an archive of something else, with entries such as {printable(', '.join(names[:3])) or 'none'}; expected was a "
        "file written by save() or by PyTorch's torch.save. Other .npz files are read with numpy.load()."
    )


def _refusal(error: Refused) -> str:
    """The rest of a sentence about what a file asks for."""
    module, _, name = error.name.rpartition(".")
    if not error.name:
        return f"is refused: {error}"
    where = f"names {printable(error.name[:100])} at byte {error.position} of its data.pkl"
    if module.startswith("numpy"):
        return (
            f"{where}, a value of NumPy's. Only tensors, Python's numbers and text, and dicts, lists and tuples of them are "
            "read: save float(x) or torch.from_numpy(x) instead"
        )
    if name in ("_rebuild_from_type_v2", "_rebuild_parameter_with_state"):
        return f"{where}: it has a tensor of a class of its own, or with attributes. Save tensor.detach() instead"
    if module.startswith("torch") and (name.startswith("_rebuild") or name.endswith("Storage") or name in _OTHER_DTYPES):
        return (
            f"{where}: it has tensors of a kind that is not here, such as sparse, quantised or complex ones. There are "
            f"{_HERE}, and bfloat16; convert the tensors with PyTorch, for example with .to_dense(), .float() or .long()"
        )
    if error.is_all:
        return f"is no state dict but a whole object pickled: it {where}, and nothing is imported or run here. {_CONVERT}"
    return (
        f"{where}, which is not read: only tensors, numbers and text, and dicts, lists and tuples of them are, and nothing is "
        f"imported or run. {_CONVERT}"
    )


def read(file: BinaryIO, archive: zipfile.ZipFile, name: str, map_location: Any, path: str | os.PathLike[str] | None) -> Any:
    """What ``torch.save`` wrote.

    Args:
        file: the file, which can seek.
        archive: its directory.
        name: what messages call it.
        map_location: as ``load`` has it.
        path: the file's, if it is to be mapped into memory rather than read.

    Raises:
        UnpicklingError: it names something to be imported.
        ValueError, or what zipfile raises: it is damaged.
        RuntimeError: it has tensors of another device.
    """
    records = Records(file, archive)
    version = records.read("version").tobytes().strip() if "version" in records else b"3"
    if not version.isdigit() or not 1 <= int(version[:9]) <= _NEWEST:
        raise CheckpointError(f"{name} is of version {version[:20]!r} of PyTorch's format; this program reads 1 to {_NEWEST}")
    reader = _Reader(records, map_location, None if path is None else mapped(path))
    try:
        value = weights_only_unpickler.load(
            records.read("data.pkl").tobytes(), reader.known(), reader.storage, (Tensor, Parameter, Size, device, dtypes.dtype)
        )
    except Refused as error:
        raise UnpicklingError(f"{name} {_refusal(error)}.") from error
    if reader.has_bfloat16:
        warnings.warn(f"{name} has tensors of bfloat16; they become float32, which holds the same values", stacklevel=4)
    return value
