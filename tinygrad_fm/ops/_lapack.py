"""NumPy's factorizations, with an error wherever LAPACK fails.

NumPy learns of a failure by a flag of the processor that WebAssembly has not. There it returns NaN in place of every matrix
that LAPACK failed at, which is looked for here: what comes of other matrices is never NaN throughout, unless they have NaNs
themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@cache
def numpy_raises() -> bool:
    """Whether NumPy notices that LAPACK has failed."""
    try:
        np.linalg.inv(np.zeros((1, 1)))
    except np.linalg.LinAlgError:
        return True
    return False


def _raising(kernel: Callable[..., Any], failed: Callable[[Any, Array], Array]) -> Callable[..., Any]:
    """``kernel``, of ``numpy.linalg``; ``failed(result, x)`` says of which matrices x the result is none."""

    @wraps(kernel)
    def checked(x: Array, *others: Any, **options: Any) -> Any:
        found = kernel(x, *others, **options)
        if not numpy_raises() and x.size and failed(found, x).any():
            raise np.linalg.LinAlgError(f"{kernel.__name__}() failed")
        return found

    return checked


def _all_nan(part: Array, dims: tuple[int, ...] = (-2, -1)) -> Array:
    return np.asarray(np.isnan(part).all(dims))


def _singular(inverses: Array, x: Array) -> Array:
    """A NaN in x makes NaNs of its inverse, and no failure."""
    return _all_nan(inverses) & np.isfinite(x).all((-2, -1))


def _unsolved(solution: Array, x: Array) -> Array:
    """NaNs on the right are no failure either."""
    return _singular(np.linalg.inv(x), x) if np.isnan(solution).any() else np.zeros(x.shape[:-2], bool)


inv = _raising(np.linalg.inv, _singular)
solve = _raising(np.linalg.solve, _unsolved)
cholesky = _raising(np.linalg.cholesky, lambda found, x: _all_nan(found))
svd = _raising(np.linalg.svd, lambda found, x: _all_nan(found[0]))
eigh = _raising(np.linalg.eigh, lambda found, x: _all_nan(found[0], (-1,)))
