"""Files for the tests of formats: one that PyTorch wrote, and archives made by hand."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

CHECKPOINT = Path(__file__).parent / "torch-2.13.pt"  # tests/parity/test_pytorch_files.py makes it


def archive(pickle: bytes, *storages: bytes, method: int = zipfile.ZIP_STORED, **more: bytes) -> bytes:
    """A file as torch.save lays it out, of a pickle and storages."""
    entries = {"data.pkl": pickle, "byteorder": b"little", "version": b"3\n"} | more
    entries |= {f"data/{i}": storage for i, storage in enumerate(storages)}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in entries.items():
            made.writestr(zipfile.ZipInfo(f"archive/{name}"), content, method)
    return file.getvalue()


def text(value: str) -> bytes:
    """A string, as an operation of a pickle."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    """A whole number, as an operation of a pickle."""
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def numbers(values: tuple[int, ...]) -> bytes:
    """A tuple of whole numbers."""
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(
    size: tuple[int, ...] = (2,),
    stride: tuple[int, ...] = (1,),
    offset: int = 0,
    kind: str = "FloatStorage",
    count: int = 2,
    key: str = "0",
    location: str = "cpu",
    requires_grad: bytes = b"\x89",
) -> bytes:
    """The operations that rebuild a tensor."""
    storage = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text(location) + number(count) + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + number(offset)
        + numbers(size)
        + numbers(stride)
        + requires_grad
        + hooks
        + b"tR"
    )


def pickled(*operations: bytes) -> bytes:
    """A whole pickle."""
    return b"\x80\x02" + b"".join(operations) + b"."
