"""The safetensors format, under the names of the library ``safetensors.torch``: a dict of tensors in a file, and no more.

A file is eight bytes with the length of the header, the header, which is JSON and says of each tensor its dtype, shape and
place, and the numbers, little-endian and in C order::

    {"__metadata__": {"format": "pt"}, "fc.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}

Source: https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeGuard

import numpy as np

from ._tensor import Tensor
from .atomic_files import write_atomically
from .devices import check_device
from .dtypes import OURS
from .errors import CheckpointError, printable
from .formats.mapped_file import mapped
from .formats.shared_memory import groups
from .ops.creation import from_numpy

__all__ = ["SafetensorError", "load", "load_file", "load_model", "safe_open", "save", "save_file", "save_model"]

SafetensorError = CheckpointError  #: the library's name for it

_LONGEST_HEADER = 100_000_000  # bytes, the format's own limit
_DTYPES = {  # in the order in which the numbers lie in a file, of the library's too
    "I64": "<i8",
    "F64": "<f8",
    "F32": "<f4",
    "I32": "<i4",
    "BF16": "<u2",  # read as float32
    "F16": "<f2",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}
_NAMES = {np.dtype(stored): name for name, stored in _DTYPES.items() if name != "BF16"}
_ORDER = {name: i for i, name in enumerate(_DTYPES)}


# -- writing -----------------------------------------------------------------------------------------------------------


def save_file(tensors: Mapping[str, Any], filename: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors to a file, whole or not at all, in the bytes that the library writes.

    Args:
        tensors: names to tensors or arrays, of any order in memory.
        filename: the path, which usually ends in ``.safetensors``.
        metadata: text under names of your own, which :class:`safe_open` gives back.

    Raises:
        RuntimeError: tensors share memory, which the format cannot say; :func:`save_model` writes one of them, or clone them.
        TypeError, ValueError: for what is no dict of tensors, or of text.

    >>> import os, tempfile, tinygrad_fm as torch
    >>> from tinygrad_fm.safetensors import load_file, save_file
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save_file({"weight": torch.ones(2, 3)}, path)
    >>> load_file(path)
    {'weight': tensor([[1., 1., 1.],
            [1., 1., 1.]])}
    """
    parts = _encoded(tensors, metadata)
    write_atomically(Path(filename), lambda file: file.writelines(parts))


def save(tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """As :func:`save_file`, but the bytes of the file are returned.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.safetensors import load, save
    >>> data = save({"weight": torch.ones(2)})
    >>> type(data), load(data)
    (<class 'bytes'>, {'weight': tensor([1., 1.])})
    """
    return b"".join(_encoded(tensors, metadata))


def write(obj: Any, file: BinaryIO) -> None:
    """As :func:`save_file`, to an open file: what ``tinygrad_fm.save`` does for names that end in .safetensors."""
    file.writelines(_encoded(obj, None))


def _encoded(tensors: Any, metadata: Any) -> list[Any]:
    """The file in pieces: length, header, and the numbers of each tensor."""
    if not isinstance(tensors, Mapping):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    arrays = {name: _array(name, value) for name, value in tensors.items()}
    shared = _shared(arrays)
    if shared:
        raise RuntimeError(
            "Some tensors share memory, this will lead to duplicate memory on disk and potential differences when loading them "
            f"again: {shared}. A potential way to correctly save your model is to use `save_model`."
        )
    header: dict[str, Any] = {}
    if metadata is not None:
        if not (isinstance(metadata, Mapping) and all(type(key) is type(text) is str for key, text in metadata.items())):
            raise TypeError(f"metadata must be a dict of text to text, got {metadata!r}")
        header["__metadata__"] = dict(metadata)
    at, contents = 0, []
    for name in sorted(arrays, key=lambda name: (_ORDER[_NAMES[arrays[name].dtype]], name)):
        array = arrays[name]
        kind = _NAMES[array.dtype]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        contents.append(np.ascontiguousarray(array, _DTYPES[kind]).reshape(-1).view(np.uint8).data)
        at += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little"), text, *contents]


def _array(name: Any, value: Any) -> np.ndarray[Any, Any]:
    array = value._array if isinstance(value, Tensor) else value
    if not isinstance(name, str) or name == "__metadata__":
        raise ValueError(f"a tensor cannot have the name {name!r}")
    if not isinstance(array, np.ndarray) or array.dtype not in OURS:
        raise ValueError(f"Key `{name}` is invalid, expected torch.Tensor but received {type(value)}")
    return array


def _shared(arrays: Mapping[str, np.ndarray[Any, Any]]) -> list[set[str]]:
    """The names of the arrays that have an element in common with another."""
    names, found = list(arrays), []
    for group in groups(list(arrays.values())):
        together = {names[i] for i in group for j in group if i != j and _overlap(arrays[names[i]], arrays[names[j]])}
        found += [together] if together else []
    return found


def _overlap(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    try:
        return np.shares_memory(a, b, max_work=10_000)  # type: ignore[arg-type]  # any number will do
    except np.exceptions.TooHardError:
        return True


# -- reading -----------------------------------------------------------------------------------------------------------


class _Entry(NamedTuple):
    """Where a tensor lies, behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class _File:
    """A file whose header has been read and checked; ``buffer`` is all of it."""

    def __init__(self, buffer: Any, name: str) -> None:
        self.name = name
        self._buffer = buffer
        try:
            self._read_header()
        except (ValueError, RecursionError) as error:
            raise CheckpointError(
                f"{name} is no safetensors file, or damaged: {printable(str(error)[:300])}. It cannot be repaired: get it again"
            ) from error

    def _read_header(self) -> None:
        size = len(self._buffer)
        length = int.from_bytes(self._buffer[:8], "little")
        if size < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise ValueError(f"a header of {length:,} bytes in a file of {size:,}, or its end is missing")
        text = self._buffer[8 : 8 + length]
        if text[:1] != b"{":
            raise ValueError("its header does not begin with {")
        header = json.loads(bytes(text).decode(), object_pairs_hook=_without_duplicates)
        self.metadata = header.pop("__metadata__", None)
        if self.metadata is not None and not (
            isinstance(self.metadata, dict) and all(type(text) is str for text in self.metadata.values())
        ):
            raise ValueError("its metadata is not text under names")
        entries = {name: _entry(name, item) for name, item in header.items()}
        self.entries = dict(sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)))
        self._begin = end = 8 + length
        for name, entry in self.entries.items():
            if self._begin + entry.start != end:
                raise ValueError(f"tensor {name!r} does not begin where the one before it ends")
            end = self._begin + entry.end
        if end != size:
            raise ValueError(f"its tensors end at byte {end:,} of {size:,}")

    def stored(self, name: str) -> np.ndarray[Any, Any]:
        """The numbers of a tensor as they are in the file, with no copy where their address allows."""
        entry = self.entries.get(name)
        if entry is None:
            raise CheckpointError(f"File does not contain tensor {printable(name)}")
        if entry.dtype not in _DTYPES:
            raise CheckpointError(
                f"{self.name} has the tensor {printable(name)!r} of type {printable(entry.dtype[:20])}, which is not "
                f"here; there are {', '.join(_DTYPES)}"
            )
        stored = np.dtype(_DTYPES[entry.dtype])
        if entry.start == entry.end:
            return np.empty(entry.shape, stored)
        array = np.frombuffer(self._buffer, stored, (entry.end - entry.start) // stored.itemsize, self._begin + entry.start)
        return (array if array.flags.aligned else array.copy()).reshape(entry.shape)

    def array(self, name: str, key: Any = ()) -> np.ndarray[Any, Any]:
        """A tensor, or what ``key`` takes of it, as an array of a dtype that we have."""
        array = self.stored(name)[key]
        kind = self.entries[name].dtype
        if kind == "BF16":
            return np.asarray((array.astype(np.uint32) << 16).view(np.float32))
        if kind == "BOOL" and array.view(np.uint8).max(initial=0) > 1:
            return np.asarray(array.view(np.uint8) != 0)
        return np.asarray(array.astype(array.dtype.newbyteorder("="), copy=False))

    def tensors(self) -> dict[str, Tensor]:
        """All tensors."""
        if any(entry.dtype == "BF16" for entry in self.entries.values()):
            _warn_of_bfloat16(self.name)
        return {name: from_numpy(self.array(name)) for name in self.entries}


def _warn_of_bfloat16(name: str) -> None:
    warnings.warn(f"{name} has tensors of bfloat16; they become float32, which holds the same values", stacklevel=4)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in its header")
    return found


def _entry(name: str, item: Any) -> _Entry:
    """What the header says of a tensor, checked by itself."""
    name.encode()  # half a surrogate pair is no name
    fields = item if isinstance(item, dict) else {}
    dtype, shape, offsets = (fields.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not (isinstance(dtype, str) and _are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2):
        raise ValueError(f"tensor {name!r} is not given by dtype, shape and data_offsets")
    start, end = offsets
    itemsize = np.dtype(_DTYPES[dtype]).itemsize if dtype in _DTYPES else 1
    if len(shape) > 64 or math.prod(n or 1 for n in shape) * itemsize > sys.maxsize:
        raise ValueError(f"tensor {name!r} has too many elements or dimensions")
    if start > end or (dtype in _DTYPES and math.prod(shape) * itemsize != end - start):
        raise ValueError(f"tensor {name!r} has {end - start:,} bytes, not those of {shape} elements of {dtype}")
    return _Entry(dtype, tuple(shape), start, end)


def _are_sizes(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < sys.maxsize for value in values)


def _opened(filename: str | os.PathLike[str]) -> _File:
    """A file mapped into memory; writes to its tensors stay private to this process."""
    return _File(mapped(filename), printable(os.fspath(filename)))


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """All tensors of a file, by name. It is mapped into memory: numbers are read when they are first looked at.

    bfloat16 becomes float32, with a warning.

    Raises:
        CheckpointError: the file is damaged, or has a type that is not here.
        OSError: it cannot be read.
        RuntimeError: the device is not the CPU.

    >>> import os, tempfile, tinygrad_fm as torch
    >>> from tinygrad_fm.safetensors import load_file, save_file
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save_file({"weight": torch.ones(2)}, path)
    >>> load_file(path)["weight"]
    tensor([1., 1.])
    """
    check_device(device)
    return _opened(filename).tensors()


def load(data: bytes) -> dict[str, Tensor]:
    """All tensors of a file whose bytes are ``data``, as :func:`save` makes them.

    Raises CheckpointError for bytes that are damaged, or have a type that is not here.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.safetensors import load, save
    >>> load(save({"weight": torch.ones(2)}))
    {'weight': tensor([1., 1.])}
    """
    return _File(bytearray(data), "the data").tensors()


def read(file: BinaryIO, name: str) -> dict[str, Tensor]:
    """All tensors of an open file: what ``tinygrad_fm.load`` does."""
    return _File(bytearray(file.read()), name).tensors()


def begins(start: bytes, size: int) -> bool:
    """Whether a file of ``size`` bytes that begins so looks like a safetensors file."""
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size - 8


class safe_open:
    """A file whose tensors are read one by one, or in part.

    Args:
        filename: the path.
        framework: "pt" (or "torch") gives tensors, "np" (or "numpy") arrays.
        device: "cpu".

    Raises:
        ValueError: for another framework.
        RuntimeError: for another device.
        CheckpointError: the file is damaged; later, if a tensor is asked for that it does not have, or after the block.
        OSError: it cannot be read.

    >>> import os, tempfile, tinygrad_fm as torch
    >>> from tinygrad_fm.safetensors import safe_open, save_file
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save_file({"weight": torch.arange(6.0).reshape(2, 3)}, path, metadata={"epoch": "3"})
    >>> with safe_open(path, framework="pt") as f:
    ...     print(f.keys(), f.metadata(), f.get_slice("weight")[:, 1])
    ['weight'] {'epoch': '3'} tensor([1., 4.])
    """

    def __init__(self, filename: str | os.PathLike[str], framework: str = "pt", device: Any = "cpu") -> None:
        check_device(device)
        if framework not in ("pt", "torch", "np", "numpy"):
            raise ValueError(f"framework must be 'pt' or 'np', got {framework!r}")
        self._wraps = from_numpy if framework in ("pt", "torch") else np.asarray
        self._opened: _File | None = _opened(filename)

    @property
    def _file(self) -> _File:
        if self._opened is None:
            raise CheckpointError("File is closed")
        return self._opened

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened = None  # what was taken out of it stays

    def keys(self) -> list[str]:
        """The names, sorted."""
        return sorted(self._file.entries)

    def offset_keys(self) -> list[str]:
        """The names in the order in which the tensors lie in the file."""
        return list(self._file.entries)

    def metadata(self) -> dict[str, str] | None:
        """The text that was saved along."""
        return self._file.metadata

    def get_tensor(self, name: str) -> Any:
        """One tensor."""
        return self.get_slice(name)[()]

    def get_slice(self, name: str) -> _Slice:
        """One tensor, to be indexed before it is read."""
        self._file.stored(name)
        return _Slice(self._file, name, self._wraps)


class _Slice:
    """A tensor of a file, of which the part that is asked for is read."""

    def __init__(self, file: _File, name: str, wraps: Any) -> None:
        self._file, self._name, self._wraps = file, name, wraps

    def get_shape(self) -> list[int]:
        """The sizes of its dimensions."""
        return list(self._file.entries[self._name].shape)

    def get_dtype(self) -> str:
        """The format's name of its type, such as "F32"."""
        return self._file.entries[self._name].dtype

    def __getitem__(self, key: Any) -> Any:
        if self.get_dtype() == "BF16":
            _warn_of_bfloat16(self._file.name)
        return self._wraps(self._file.array(self._name, key))


# -- whole models ------------------------------------------------------------------------------------------------------


def save_model(
    model: Any, filename: str | os.PathLike[str], metadata: Mapping[str, str] | None = None, force_contiguous: bool = True
) -> None:
    """Write a module's state dict; of tensors that share memory one is written, and the metadata name it for the others.

    Args:
        model: a module.
        filename: the path.
        metadata: as for :func:`save_file`.
        force_contiguous: the library's; any order in memory is written right.

    Raises RuntimeError where none of those that share memory covers it all.

    >>> import os, tempfile, tinygrad_fm as torch
    >>> from tinygrad_fm.safetensors import load_file, save_model
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save_model(torch.nn.Linear(3, 2), path)
    >>> {name: tuple(tensor.shape) for name, tensor in load_file(path).items()}
    {'bias': (2,), 'weight': (2, 3)}
    """
    state = dict(model.state_dict())
    notes = dict(metadata or {})
    for kept, others in _tied(state).items():
        for name in others:
            notes.setdefault(name, kept)
            del state[name]
    save_file(state, filename, notes or None)


def load_model(
    model: Any, filename: str | os.PathLike[str], strict: bool = True, device: Any = "cpu"
) -> tuple[list[str], list[str]]:
    """Load a file of :func:`save_model` into a module; returns the names that were missing, and those that were not expected.

    Raises RuntimeError, listing them, if ``strict`` and there are any; or where shapes differ.

    >>> import os, tempfile, tinygrad_fm as torch
    >>> from tinygrad_fm.safetensors import load_model, save_model
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save_model(torch.nn.Linear(3, 2), path)
    >>> load_model(torch.nn.Linear(3, 2, bias=False), path, strict=False)
    ([], ['bias'])
    """
    state = load_file(filename, device)
    for kept, others in _tied(dict(model.state_dict())).items():
        there = [name for name in (kept, *others) if name in state]
        state |= {name: state[there[0]] for name in (kept, *others) if there and name not in state}
    missing, unexpected = model.load_state_dict(state, strict=strict)
    return missing, unexpected


def _tied(state: Mapping[str, Any]) -> dict[str, list[str]]:
    """Of each group of names whose tensors share memory, one that covers it all, and the others."""
    arrays = {name: _array(name, value) for name, value in state.items()}
    found: dict[str, list[str]] = {}
    for names in _shared(arrays):
        whole = sorted(name for name in names if all(_covers(arrays[name], arrays[other]) for other in names))
        if not whole:
            raise RuntimeError(f"none of {sorted(names)}, which share memory, covers it all; clone them before saving")
        found[whole[0]] = sorted(names - {whole[0]})
    return found


def _covers(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Whether a dense array takes up all the memory that another lies in."""
    (low, high), (start, end) = (np.lib.array_utils.byte_bounds(array) for array in (a, b))
    return high - low == a.nbytes and low <= start and end <= high
