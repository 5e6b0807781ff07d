"""Files on the user's disk: where the cache is, reading with errors that help, writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tinygrad_fm.errors import DataError


def cache_folder() -> Path:
    """The user's cache folder for data sets, which need not exist yet.

    It is the one that the environment variable ``TINYGRAD_FM_CACHE`` names, else what is usual on the platform.
    """
    chosen = os.environ.get("TINYGRAD_FM_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(base)) / "tinygrad_fm"


def present(path: Path) -> bool:
    """Whether there is something at ``path``, be it only a broken link; not to be able to tell is an error."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DataError(f"{path} cannot be reached: {reason(error)}. Check the path and the permissions.") from error
    return True


def read_bytes(path: Path) -> bytes:
    """The content of a regular file; ``DataError`` if there is none that can be read."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise DataError(f"{path} is {kind}; a data file was expected there. Move it away or choose another folder.")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {reason(error)}. Check the file and its permissions.") from error


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path`` and put it in place only when it is complete and on the disk.

    Whatever happens, another process sees the old file, the new one or none, never a part of one.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished file and make the renaming itself last through a power cut."""
    os.replace(temporary, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def reason(error: BaseException) -> str:
    """What went wrong in a few words: the system's own text where there is one, also inside a ``URLError``."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return reason(inner)
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__
