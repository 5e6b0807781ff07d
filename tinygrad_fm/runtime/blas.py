"""NumPy's BLAS: how many threads it has. OpenBLAS's functions for that are called in the library that NumPy has loaded."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np


class Blas:
    """The functions of NumPy's BLAS that read and set its number of threads."""

    def __init__(self, library: Any, prefix: str, suffix: str) -> None:
        self.get: Any = getattr(library, f"{prefix}get_num_threads{suffix}")
        self.set: Any = getattr(library, f"{prefix}set_num_threads{suffix}")
        self.get.restype, self.get.argtypes = ctypes.c_int, []
        self.set.restype, self.set.argtypes = None, [ctypes.c_int]


def _libraries() -> Iterator[Any]:
    """NumPy's own library, through which what it is linked with is found too, and then the libraries its wheel brings."""
    umath: Any = sys.modules.get("numpy._core._multiarray_umath")
    folder = os.path.dirname(np.__file__)
    bundled = [*glob.glob(os.path.join(folder, ".dylibs", "*")), *glob.glob(os.path.join(f"{folder}.libs", "*"))]
    for path in [getattr(umath, "__file__", None), *(p for p in sorted(bundled) if "openblas" in os.path.basename(p))]:
        if path:
            with contextlib.suppress(OSError):  # a file that is no library, or not for this system: the next may be
                yield ctypes.CDLL(path)


_found: list[Blas | None] = []


def blas() -> Blas | None:
    """NumPy's OpenBLAS, or None if its BLAS is another one or cannot be reached."""
    if not _found:
        names = [(p, s) for p in ("scipy_openblas_", "openblas_") for s in ("64_", "", "_64_", "_")]
        _found.append(
            next(
                (
                    Blas(library, prefix, suffix)
                    for library in _libraries()
                    for prefix, suffix in names
                    if hasattr(library, f"{prefix}set_num_threads{suffix}")
                    and hasattr(library, f"{prefix}get_num_threads{suffix}")
                ),
                None,
            )
        )
    return _found[0]
