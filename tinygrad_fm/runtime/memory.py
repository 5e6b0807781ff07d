"""How the C library keeps the memory of freed arrays."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # glibc's malloc.h
_KEPT = 1 << 30


def tune_allocator() -> bool:
    """Tell the C library to keep the memory of freed arrays for the next ones, instead of returning it to the system.

    Training allocates the same arrays in every step; by default glibc hands large ones back and the system clears each of
    their pages anew. Keeping them made a LeNet step 2.5 times faster. The price is that the process does not shrink: it
    keeps up to 1 GiB of what was freed last, and what lies before memory that is still in use.

    Returns:
        Whether the C library is glibc and accepted. Elsewhere nothing happens.

    >>> from tinygrad_fm import runtime
    >>> runtime.tune_allocator() in (True, False)
    True
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version") or not hasattr(libc, "mallopt"):
        return False
    # No array is a mapping of its own, however large: one that is goes back to the system when it is freed.
    return bool(libc.mallopt(_M_MMAP_MAX, 0)) and bool(libc.mallopt(_M_TRIM_THRESHOLD, _KEPT))
