"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path`` and put it in place only when it is complete and on the disk.

    Whatever happens, another process sees the old file, the new one or none, never a part of one. The new file may be read by
    whom the old one could be read by.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # a name has 255 bytes at most, in UTF-8 four to a letter
    temporary = path.with_name(f"{path.name[:50]}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with open(temporary, "xb") as file:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
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


#: Seconds to ask again for a file that another process has: one that only looks whether it is free has it for a moment.
PATIENCE = 0.5


def lock(file: BinaryIO, patience: float = 0.0) -> bool:
    """Claim an open file for this process, until it is closed or the process ends; whether no other had it.

    A lock binds those who ask for it alone. Where there are none (WebAssembly), every file is free.

    Args:
        patience: for how many seconds to ask again where another has it.
    """
    end = time.monotonic() + patience
    while not _lock_now(file):
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)
    return True


def _lock_now(file: BinaryIO) -> bool:
    try:
        import fcntl
    except ImportError:
        return _lock_on_windows(file) if os.name == "nt" else True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_on_windows(file: BinaryIO) -> bool:
    import msvcrt

    here = file.tell()
    file.seek(1 << 30)  # a byte that is locked cannot be written to by others: one that nobody writes to
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    finally:
        file.seek(here)
    return True
