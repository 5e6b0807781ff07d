"""Files on the user's disk: where the cache is, and reading with errors that help."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from ..errors import DataError, printable

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """The user's cache folder for data sets, which need not exist yet.

    It is the one that the environment variable ``TINYGRAD_FM_CACHE`` names, else what is usual on the platform.

    >>> import os
    >>> from unittest import mock
    >>> with mock.patch.dict(os.environ, TINYGRAD_FM_CACHE="sets"):
    ...     print(cache_folder())
    sets
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


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a regular file; ``DataError`` if there is none that can be read, or it has more than ``limit`` bytes."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
            raise DataError(f"{path} is {kind}; a data file was expected there. Move it away or choose another folder.")
        if found.st_size > limit:
            raise DataError(f"{path} has {found.st_size} bytes; a data file of at most {limit} was expected there.")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {reason(error)}. Check the file and its permissions.") from error


def reason(error: BaseException) -> str:
    """What went wrong in a few words: the system's own text where there is one, also inside a ``URLError``.

    Some of it may be a server's text: what a terminal would obey is escaped, and no more than 200 letters are taken.
    """
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return reason(inner)
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(inner or error)
    return printable(text[:200]) or type(error).__name__
