"""``save`` and ``load``: tensors and what holds them in files of PyTorch's format, of safetensors' or of our own.

The name's ending says what is written; what is read is told by its content, whatever its name. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from . import safetensors
from .atomic_files import write_atomically
from .devices import check_device
from .errors import CheckpointError, printable
from .formats import npz, pytorch_reader, pytorch_writer

__all__ = ["load", "load_parts", "save"]

# what zipfile and NumPy's reader raise for damaged content; OSError is left alone, it says that the disk failed
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    EOFError,
    NotImplementedError,
    OverflowError,
    MemoryError,
    SyntaxError,
    RecursionError,
)


def save(obj: Any, f: str | os.PathLike[str] | BinaryIO, *_: Any, **__: Any) -> None:
    """Write ``obj`` to a file, whole or not at all.

    A name that ends in ``.pt``, ``.pth`` or ``.pth.tar`` gets PyTorch's format, which its ``load(f, weights_only=True)`` reads;
    ``.safetensors`` gets safetensors', for a dict of tensors; every other one a ``.npz`` archive of our own.

    Args:
        obj: tensors, None, bools, strings, numbers, and dicts, lists and tuples of them, nested at will. Dtypes, shapes and
            ``requires_grad`` are kept, and tensors that share memory still share it after loading (in ``.npz``, those that
            share a whole array). PyTorch's format also takes sets, bytes, complex numbers, ``torch.Size``, dtypes and devices,
            and keeps OrderedDicts and Parameters; ours also takes NumPy's arrays. Other mappings come back as dicts.
        f: a path, or a file opened for writing in binary mode, whose ``name`` counts. A path is written beside itself and
            renamed.
        *_, **__: PyTorch's further arguments are accepted and have no effect.

    Raises:
        TypeError: something in ``obj`` is of another type; the message says where.
        OSError: the file cannot be written; what was there before is untouched.

    See https://docs.pytorch.org/docs/stable/generated/torch.save.html

    >>> import io, tinygrad_fm as torch
    >>> from tinygrad_fm.serialization import save, load
    >>> file = io.BytesIO()
    >>> save({"weights": [torch.ones(2)], "step": 7}, file)
    >>> load(file)
    {'weights': [tensor([1., 1.])], 'step': 7}
    """
    write = _writer(f if isinstance(f, (str, os.PathLike)) else getattr(f, "name", ""))
    if isinstance(f, (str, os.PathLike)):
        write_atomically(Path(f), lambda file: write(obj, file))
    else:
        write(obj, f)


def _writer(name: Any) -> Callable[[Any, BinaryIO], None]:
    """The format for a file of this name; a file without one may have a number for it."""
    ending = os.fspath(name).lower() if isinstance(name, (str, os.PathLike)) else ""
    if ending.endswith((".pt", ".pth", ".pth.tar")):
        return pytorch_writer.write
    return safetensors.write if ending.endswith(".safetensors") else npz.write


def load(
    f: str | os.PathLike[str] | BinaryIO,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read what :func:`save` wrote, or PyTorch's ``torch.save`` since PyTorch 1.6, or a safetensors file.

    Of PyTorch's files are read what its ``weights_only=True`` reads: tensors, Parameters, numbers, text and bytes, dicts,
    OrderedDicts, Counters, lists, tuples and sets, ``torch.Size``, dtypes and devices. Tensors that share a storage still share
    it. bfloat16 becomes float32, with a warning.

    Args:
        f: a path, or a file opened for reading in binary mode; it is read from its beginning.
        map_location: where tensors go that were saved on another device: "cpu", ``device("cpu")``, a dict of such names, or
            a function of a storage and its location. Without it, a file with tensors of a GPU is an error, as in PyTorch.
        weights_only: True or False, nothing is ever unpickled here.
        mmap: whether to map the tensors of a file of PyTorch's into memory, instead of reading them; f must be a path then.
        pickle_module, **pickle_load_args: PyTorch's; they have no effect.

    Raises:
        ValueError: ``mmap`` for a file that is not a path.
        CheckpointError: the file is damaged, or another program's; the message says which and what to do.
        UnpicklingError: (a CheckpointError, and ``pickle.UnpicklingError``) it holds other things, which would have to be
            imported; the message names the first.
        RuntimeError: it has tensors of another device.
        OSError: it cannot be read.

    See https://docs.pytorch.org/docs/stable/generated/torch.load.html

    >>> import io, tinygrad_fm as torch
    >>> file = io.BytesIO()
    >>> torch.save(torch.nn.Linear(1, 1, bias=False).state_dict(), file)
    >>> torch.load(file)["weight"].shape
    torch.Size([1, 1])
    """
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if pickle_load_args and weights_only is not False:
        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    if not (isinstance(map_location, dict) or callable(map_location)):
        check_device(map_location)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(file, os.fspath(f), map_location, os.fspath(f) if mmap else None)
    if mmap:
        raise ValueError("f must be a file path in order to use the mmap argument")
    if not getattr(f, "seekable", lambda: True)():  # some of Python's own files do not say
        f = io.BytesIO(f.read())
    f.seek(0)
    return _read(f, str(getattr(f, "name", "the file")), map_location)


def load_parts(f: str | os.PathLike[str], keys: Collection[str]) -> Any:
    """As :func:`load`, of a dict in our own format, but without what lies under other keys than these: it is not even read."""
    with open(f, "rb") as file:
        return _read(file, os.fspath(f), keys=keys)


def _read(
    file: BinaryIO, name: str, map_location: Any = None, mapped: str | None = None, keys: Collection[str] | None = None
) -> Any:
    start, name = file.read(512), printable(name)
    if not isinstance(start, bytes):
        raise TypeError(f"load(): {name} must be opened in binary mode, 'rb'")
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    is_archive = start.startswith(b"PK\x03\x04")
    if safetensors.begins(start, size) or (name.lower().endswith(".safetensors") and not is_archive):
        return safetensors.read(file, name)
    if not is_archive:
        raise CheckpointError(f"{name} {_foreign(start)}")
    with _damage_named(name), zipfile.ZipFile(file) as archive:
        members = archive.namelist()
        if "structure.npy" in members:
            return npz.read(archive, size, keys)
        what = pytorch_reader.foreign(members)
        if what is None:
            return pytorch_reader.read(file, archive, name, map_location, mapped)
    raise CheckpointError(f"{name} {what}")


@contextlib.contextmanager
def _damage_named(name: str) -> Iterator[None]:
    """What readers raise for damaged content becomes a CheckpointError that names the file."""
    try:
        yield
    except pytorch_reader.MapLocationError as error:
        raise (error.__cause__ or error) from None
    except (CheckpointError, *_DAMAGE, OSError) as error:
        # a false address is an invalid argument; any other fault of the system's is not the file's
        if isinstance(error, CheckpointError) or (isinstance(error, OSError) and error.errno != errno.EINVAL):
            raise
        raise CheckpointError(
            f"{name} is damaged, or its end is missing ({str(error) or type(error).__name__}). It cannot be repaired: use "
            "another checkpoint, or save it anew."
        ) from error


_PICKLE_OF_PYTORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the magic number before PyTorch 1.6
_STARTS = {
    b"\x89HDF\r\n": "is an HDF5 file, of Keras or h5py. Read it with h5py, and give the arrays to load_state_dict().",
    b"GGUF": "is a GGUF file of quantised weights, which are not read here.",
    b"\x93NUMPY": "is a single NumPy array: read it with numpy.load().",
}


def _foreign(start: bytes) -> str:
    """What a file that is no zip archive seems to be."""
    if not start:
        return "is empty. Use another checkpoint, or save it anew."
    if start.startswith(_PICKLE_OF_PYTORCH) or start[257:262] == b"ustar":
        return (
            "is of the format that PyTorch had before version 1.6. Load it with PyTorch and save it again: "
            "torch.save(torch.load(file), 'new.pt')"
        )
    if start[:1] == b"\x80":
        return "is a bare pickle; nothing is unpickled here. Convert it to arrays or tensors where it was made."
    for magic, words in _STARTS.items():
        if start.startswith(magic):
            return words
    return f"begins with {start[:4]!r}: it was not written by save(), or its beginning is damaged."
