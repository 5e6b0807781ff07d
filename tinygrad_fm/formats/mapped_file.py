"""Files as memory."""

from __future__ import annotations

import os
from typing import Any


def mapped(path: str | os.PathLike[str]) -> Any:
    """The bytes of a file, read when they are first looked at; writes to them stay private to this process.

    Where a file cannot be mapped (an empty one, some systems) it is read.
    """
    with open(path, "rb") as file:
        try:
            import mmap

            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (ImportError, OSError, ValueError):
            return bytearray(file.read())
