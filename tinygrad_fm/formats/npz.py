"""Our own format: nested values and tensors in one ``.npz`` file, without pickle.

The file is an ordinary NumPy archive. Each array is an entry of its own, ``0``, ``1``, …; the entry ``structure`` is JSON in
UTF-8 that says how they hang together. None, bools, strings and numbers stand for themselves and lists are lists; everything
else is an object with one key that names its kind: ``{"tensor": 0}``, ``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}``.
Nothing in such a file is ever executed, and every byte of the content is covered by a checksum.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections.abc import Collection, Mapping
from typing import Any, BinaryIO

import numpy as np

from .._tensor import Tensor
from ..dtypes import OURS
from ..ops.creation import from_numpy

FORMAT = 1
_MAGIC = "tinygrad_fm"


def write(obj: Any, file: BinaryIO) -> None:
    """Write ``obj``. Raises TypeError for what is no tensor, array, number, text, or dict, list or tuple of them."""
    arrays: list[np.ndarray[Any, Any]] = []
    structure = _encode(obj, "the object", arrays, {})
    head = json.dumps({"format": _MAGIC, "version": FORMAT, "content": structure}).encode()
    write_archive({"structure": np.frombuffer(head, np.uint8)} | {str(i): array for i, array in enumerate(arrays)}, file)


def write_archive(entries: Mapping[str, np.ndarray[Any, Any]], file: BinaryIO) -> None:
    """As ``np.savez`` does it, but without the time of day: the same content gives the same bytes."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in entries.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def read(archive: zipfile.ZipFile, size: int, keys: Collection[str] | None = None) -> Any:
    """Read what :func:`write` wrote; of a dict, what lies under other ``keys`` than these is not even looked at.

    Args:
        archive: the directory of the file.
        size: of the whole file, in bytes.

    Raises ValueError, or what zipfile raises, if it is damaged.
    """
    return _Archive(archive, size).content(keys)


# -- writing -----------------------------------------------------------------------------------------------------------


def _encode(value: Any, where: str, arrays: list[np.ndarray[Any, Any]], known: dict[int, int]) -> Any:
    """``value`` as JSON can hold it; its arrays are put into ``arrays``, ``known`` maps their ids to their numbers."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Tensor):
        kind = "leaf" if value.requires_grad else "tensor"
        return {kind: _entry(value._array, arrays, known)}
    if isinstance(value, np.ndarray):
        if value.dtype not in OURS:
            raise TypeError(f"save(): an array of dtype {value.dtype} cannot be saved; it is in {where}")
        return {"array": _entry(value, arrays, known)}
    if isinstance(value, np.generic):
        return _encode(value.item(), where, arrays, known)
    if isinstance(value, Mapping):
        pairs = [
            [_encode(key, f"a key of {where}", arrays, known), _encode(item, f"{where}[{key!r}]", arrays, known)]
            for key, item in value.items()
        ]
        return {"dict": pairs}
    if isinstance(value, (list, tuple)):
        items = [_encode(item, f"{where}[{i}]", arrays, known) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, (bool, int, float, str)):  # of a class derived from it, such as an enumeration
        base = next(t for t in (bool, int, float, str) if isinstance(value, t))
        return base(value)
    hint = "; save its state_dict()" if hasattr(value, "state_dict") else ""
    raise TypeError(
        f"save(): a {type(value).__name__} cannot be saved{hint}; it is in {where}. There can be tensors, numbers, strings, "
        "None, and dicts, lists and tuples of them."
    )


def _entry(array: np.ndarray[Any, Any], arrays: list[np.ndarray[Any, Any]], known: dict[int, int]) -> int:
    if id(array) not in known:
        known[id(array)] = len(arrays)
        arrays.append(array)
    return known[id(array)]


# -- reading -----------------------------------------------------------------------------------------------------------


_ARRAY = re.compile(  # the beginning of a .npy entry: magic, version, length, and a header that is not evaluated but matched
    rb"\x93NUMPY[\x01-\x03]\x00(?:..|....)\{'descr': '(?P<dtype>[^']{1,20})', "
    rb"'fortran_order': (?P<fortran>True|False), 'shape': \((?P<shape>(?:\d{1,18},? ?){0,64})\), \} *\n",
    re.DOTALL,
)
_ROOM = 64 << 20


class _Archive:
    """An archive while its content is put together; each entry is read when it is first met, and only then.

    save() does not compress. What others have compressed may unpack to four times its size and 64 MiB, not to any size.
    """

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self._left = self._limit = 4 * size + _ROOM
        self._arrays: dict[Any, np.ndarray[Any, Any]] = {}

    def content(self, keys: Collection[str] | None) -> Any:
        head = json.loads(self._array("structure").tobytes())
        if head["format"] != _MAGIC:
            raise ValueError(f"its format calls itself {head['format']!r}")
        if head["version"] > FORMAT:
            raise ValueError(f"it is of version {head['version']}, this program reads up to {FORMAT}; update it")
        content = head["content"]
        if keys is not None and isinstance(content, dict) and list(content) == ["dict"]:
            content = {"dict": [[key, value] for key, value in content["dict"] if key in keys]}
        return self._decode(content)

    def _array(self, name: Any) -> np.ndarray[Any, Any]:
        found = self._arrays.get(name)
        if found is None:
            found = self._arrays[name] = self._read_array(f"{name}.npy")
        return found

    def _read_array(self, name: str) -> np.ndarray[Any, Any]:
        entry = self._archive.getinfo(name)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is compressed by method {entry.compress_type}")
        if entry.flag_bits & 1:
            raise ValueError(f"{name} is encrypted")
        self._left -= entry.file_size
        if self._left < 0:
            raise ValueError(
                f"it unpacks to more than {self._limit >> 20:,} MiB, the limit for a file of its size: it was not written by "
                "save(), which does not compress"
            )
        with self._archive.open(entry) as file:
            data = file.read(entry.file_size)  # no more than it says it is; at its end the checksum is compared
        head = _ARRAY.match(data)
        if head is None:
            raise ValueError(f"{name} does not begin like an array")
        stored = head["dtype"].decode()
        dtype = np.dtype(stored).newbyteorder("=") if re.fullmatch(r"[<>|][biuf]\d", stored) else None
        if dtype not in OURS:
            raise ValueError(f"{name} is of dtype {stored!r}; save() writes numbers, no object arrays or text")
        shape = tuple(int(n) for n in re.findall(rb"\d+", head["shape"]))
        if math.prod(shape) * dtype.itemsize != len(data) - head.end():
            raise ValueError(f"{name} has {len(data) - head.end():,} bytes, not those of the shape {shape}")
        array = np.frombuffer(bytearray(data[head.end() :]), stored).astype(dtype, copy=False)
        return array.reshape(shape, order="F" if head["fortran"] == b"True" else "C")

    def _decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind == "dict":
            return {self._decode(key): self._decode(item) for key, item in content}
        if kind == "tuple":
            return tuple(self._decode(item) for item in content)
        if kind not in ("array", "tensor", "leaf"):
            raise ValueError(f"it has a value of the unknown kind {kind!r}")
        array = self._array(content)
        return array if kind == "array" else from_numpy(array).requires_grad_(kind == "leaf")
