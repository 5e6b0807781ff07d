"""Which kernels run: NumPy's, which are the definition, or compiled ones, where numba is installed (the extra ``fast``).

A compiled kernel is a loop over arrays, written in Python and marked with :func:`compiled`. It stands beside the NumPy kernel
that it replaces, and a test holds the two together. numba is imported, and a kernel compiled, when it is first called: about
a second each. What was compiled is kept in a folder of the user's (:func:`cache_folder`) and found there by later processes.

:func:`use_compiled` is the one place that decides.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .threads import blas_has_threads, parallel

CHOICES = ("auto", "numpy", "compiled")

VARIABLE = "TINYGRAD_FM_KERNELS"

_LEAST = 1 << 12  # elements below which NumPy's calls are as quick

_FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}

# Sums may be added up in any order and products fused with them, which is what lets them use whole vector registers.
# Not among these: that there is no NaN and no infinity.
_ARITHMETIC = {"reassoc", "contract", "nsz", "arcp"}


# -- the choice --------------------------------------------------------------------------------------------------------

_choice: str | None = None  # None until it is asked for: the environment variable, or "auto"
_there: bool | None = None  # whether compiled kernels run; None until the first large operation asks


def set_kernels(choice: str) -> None:
    """Choose the kernels that run from now on.

    Args:
        choice: "auto", compiled ones for large float arrays where numba is installed, else NumPy's; "numpy" for NumPy's
            alone; "compiled" for compiled ones whatever the size. Without numba, "compiled" warns and NumPy's run.

    The environment variable ``TINYGRAD_FM_KERNELS`` has the same values and holds until this is called.

    Raises:
        ValueError: another choice.

    >>> from tinygrad_fm import runtime
    >>> runtime.set_kernels("numpy")
    >>> runtime.get_kernels()
    'numpy'
    >>> runtime.set_kernels("auto")
    """
    global _choice, _there
    if choice not in CHOICES:
        raise ValueError(f"set_kernels(): expected one of {', '.join(map(repr, CHOICES))}, got {choice!r}")
    _choice, _there = choice, None
    if choice == "compiled" and not _find():
        warnings.warn(f"compiled kernels were asked for, but {_why_not}; NumPy's run instead", stacklevel=2)


def get_kernels() -> str:
    """Which kernels run large operations here: "numpy" or "compiled". Imports numba if that has to be known.

    >>> from tinygrad_fm import runtime
    >>> runtime.get_kernels() in ("numpy", "compiled")
    True
    """
    return "compiled" if _decide() else "numpy"


def describe_kernels() -> str:
    """Which kernels run and why, in words.

    >>> from tinygrad_fm import runtime
    >>> runtime.describe_kernels().startswith(("compiled, by numba", "NumPy's"))
    True
    """
    if _decide():
        return f"compiled, by numba {_numba.__version__}"
    return f"NumPy's; {_why_not}" if _why_not else "NumPy's, as chosen"


def use_compiled(dtype: np.dtype[Any], size: int) -> bool:
    """Whether a compiled kernel, where there is one, runs for ``size`` elements, or multiplications, of ``dtype``.

    >>> import numpy as np
    >>> from tinygrad_fm import runtime
    >>> runtime.use_compiled(np.dtype(np.int64), 10**6)  # kernels are compiled for float32 and float64
    False
    """
    if _there is None:
        return (size >= _LEAST or _chosen() == "compiled") and dtype in _FLOATS and _decide()
    return _there and (size >= _LEAST or _choice == "compiled") and dtype in _FLOATS


def _chosen() -> str:
    if _choice is None:
        named = os.environ.get(VARIABLE, "").strip() or "auto"
        if named not in CHOICES:
            warnings.warn(f"{VARIABLE} should be one of {', '.join(CHOICES)}, not {named!r}: taken as auto", stacklevel=4)
            named = "auto"
        set_kernels(named)
    return str(_choice)


def _decide() -> bool:
    global _there  # noqa: PLW0603
    if _there is None:
        _there = _chosen() != "numpy" and _find()
    return _there


_SHARED = 1 << 17  # elements below which a second thread does not pay


def run_compiled(work: Callable[[int, int], None], count: int, size: int) -> None:
    """Run ``work(start, stop)``, a compiled kernel, over ``range(count)``: on all threads of ours if ``size`` elements pay.

    >>> from tinygrad_fm import runtime
    >>> found = [0] * 4
    >>> def work(start, stop):
    ...     found[start:stop] = range(start, stop)
    >>> runtime.run_compiled(work, 4, size=4)
    >>> found
    [0, 1, 2, 3]
    """
    if size < _SHARED or blas_has_threads():
        work(0, count)
    else:
        parallel(work, count)


# -- numba -------------------------------------------------------------------------------------------------------------

_numba: Any = None
_why_not = ""


def _find() -> bool:
    """Import numba; say in ``_why_not`` what kept it from that. It refuses a NumPy or Python that it does not know."""
    global _numba, _why_not  # noqa: PLW0603
    if _numba is None and not _why_not:
        try:
            _numba = importlib.import_module("numba")
        except ModuleNotFoundError:
            _why_not = "numba is not installed (python -m pip install 'tinygrad_fm[fast]')"
        except Exception as error:  # whatever a broken or too old installation raises
            _why_not = f"numba cannot be imported here: {error}"
    return _numba is not None


def cache_folder() -> Path:
    """Where compiled kernels are kept: ``tinygrad_fm/kernels`` in the user's cache folder."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tinygrad_fm" / "kernels"


def _compile(function: Callable[..., Any], keep: bool) -> Any:
    """numba's form of ``function``; what it compiles is kept on disk if ``keep``, where there is a folder for it."""
    options = {"nogil": True, "fastmath": _ARITHMETIC, "error_model": "numpy"}
    with _setting:
        before = _numba.config.CACHE_DIR
        try:
            _numba.config.CACHE_DIR = str(cache_folder())  # which numba reads when it makes a dispatcher, here
            return _numba.njit(function, cache=keep, **options)
        except (RuntimeError, OSError):  # no home, or nothing can be written there
            return _numba.njit(function, **options)
        finally:
            _numba.config.CACHE_DIR = before


_setting = threading.Lock()  # two threads that set the folder at once would leave kernels in the present folder
_notice: Callable[[str], None] | None = None


def on_compiling(notice: Callable[[str], None] | None) -> None:
    """Have ``notice`` called with a sentence, once, before the first kernel is compiled that is not found in the cache.

    >>> from tinygrad_fm import runtime
    >>> runtime.on_compiling(print)
    >>> runtime.on_compiling(None)  # no notice
    """
    global _notice  # noqa: PLW0603
    _notice = notice


def _tell(function: Callable[..., Any]) -> None:
    """Give notice, if it looks as if ``function`` had yet to be compiled."""
    notice = _notice
    if notice is not None and next(cache_folder().rglob(f"*.{function.__name__}-*.nbi"), None) is None:
        on_compiling(None)
        notice("Compiling kernels, once for this machine: about a second each …")


class Compiled:
    """A loop over arrays that numba compiles when it is first called, for each combination of dtypes; `compiled` makes one.

    >>> from tinygrad_fm import runtime
    >>> def double(x, out):
    ...     for i in range(x.size):
    ...         out[i] = x[i] + x[i]
    >>> isinstance(runtime.compiled(double), runtime.Compiled)
    True
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function, self._run, self._kept = function, self._begin, True

    def __call__(self, *args: Any) -> Any:
        try:
            return self._run(*args)
        except Exception:  # the loops raise nothing: what was kept on disk cannot be read, or what is new not be kept
            if not self._kept or _numba is None:
                raise
            self._run, self._kept = _compile(self._function, keep=False), False
            return self._run(*args)

    def _begin(self, *args: Any) -> Any:
        if not _find():
            raise ImportError(f"{self._function.__name__} is a compiled kernel, but {_why_not}")
        _tell(self._function)
        self._run = _compile(self._function, keep=True)
        return self._run(*args)


def compiled(function: Callable[..., Any]) -> Compiled:
    """Mark a loop over arrays to be compiled. It runs without Python's lock, so several threads may be in it at once.

    Numbers that come as arguments should have the arrays' dtype: ``dtype.type(0.9)``. A Python float makes the arithmetic of
    float32 arrays float64.

    Calling it raises ImportError where numba is not installed.

    >>> from tinygrad_fm import runtime
    >>> @runtime.compiled
    ... def double(x, out):
    ...     for i in range(x.size):
    ...         out[i] = x[i] + x[i]
    >>> double.__name__  # numba compiles it when it is called
    'double'
    """
    return Compiled(function)
