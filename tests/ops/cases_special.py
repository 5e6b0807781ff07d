"""Rows of the table for special functions, running results and order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .case import Array, C, function

MATRIX = (3, 4)
CUBE = (2, 3, 4)
PAIR = (MATRIX, MATRIX)


def _each(function: Callable[[float], float]) -> Callable[[Array], Any]:
    return lambda x: np.vectorize(function, otypes=[np.float64])(x).astype(x.dtype)


def np_digamma(x: float) -> float:
    """By its recurrence up to where the asymptotic series has two terms."""
    shifted = x + 2000
    return math.log(shifted) - 1 / (2 * shifted) - 1 / (12 * shifted**2) - sum(1 / (x + k) for k in range(2000))


def np_trigamma(x: float) -> float:
    """By its series, and the integral of what is left of it."""
    return sum(1 / (x + k) ** 2 for k in range(2000)) + 1 / (x + 2000) + 0.5 / (x + 2000) ** 2 + 1 / 6 / (x + 2000) ** 3


def np_i0(x: float) -> float:
    """By its power series."""
    return sum((x * x / 4) ** k / math.factorial(k) ** 2 for k in range(30))


def np_i1(x: float) -> float:
    """By its power series."""
    return x / 2 * sum((x * x / 4) ** k / math.factorial(k) / math.factorial(k + 1) for k in range(30))


def np_normal(x: float) -> float:
    """The normal distribution function."""
    return math.erfc(-x / math.sqrt(2)) / 2


def np_bisected(function: Callable[[float], float], low: float, high: float) -> Callable[[Array], Any]:
    """The inverse of a rising function."""

    def inverse(y: float) -> float:
        left, right = low, high
        for _ in range(80):
            middle = (left + right) / 2
            left, right = (middle, right) if function(middle) < y else (left, middle)
        return left

    return _each(inverse)


def np_cummax(x: Array) -> tuple[Array, Array]:
    y = np.maximum.accumulate(x, 1)
    return y, np.maximum.accumulate(np.where(x == y, np.arange(x.shape[1])[:, None], 0), 1)


def np_cummin(x: Array) -> tuple[Array, Array]:
    y, at = np_cummax(-x)
    return -y, at


SPECIAL = [
    C("lgamma", _each(math.lgamma), MATRIX),
    C("lgamma", _each(math.lgamma), MATRIX, domain="positive"),
    C("digamma", _each(np_digamma), MATRIX, domain="positive"),
    C("polygamma", _each(np_trigamma), MATRIX, domain="positive", call=lambda x: function("polygamma")(1, x)),
    C("mvlgamma", lambda x: _each(math.lgamma)(x) + _each(math.lgamma)(x - 0.5) + math.log(math.pi) / 2, MATRIX,
      domain="above one", p=2),
    C("i0", _each(np_i0), MATRIX),
    C("i0e", lambda x: _each(np_i0)(x) * np.exp(-np.abs(x)), MATRIX),
    C("i1", _each(np_i1), MATRIX),
    C("i1e", lambda x: _each(np_i1)(x) * np.exp(-np.abs(x)), MATRIX),
    C("erfinv", np_bisected(math.erf, -6, 6), MATRIX, domain="unit"),
    C("erfcx", _each(lambda x: math.exp(x * x) * math.erfc(x)), MATRIX),
    C("ndtr", _each(np_normal), MATRIX),
    C("ndtri", np_bisected(np_normal, -9, 9), MATRIX, domain="probability"),
    C("log_ndtr", _each(lambda x: math.log(np_normal(x))), MATRIX),
    C("sinc", np.sinc, MATRIX),
    C("entr", lambda x: -x * np.log(x), MATRIX, domain="positive", bare=False),
    C("xlog1py", lambda x, y: x * np.log1p(y), *PAIR, domain="positive", broadcasts=True, bare=False),
    C("logaddexp2", np.logaddexp2, *PAIR, broadcasts=True, bare=False),
    C("copysign", np.copysign, *PAIR, broadcasts=True),
    C("ldexp", lambda x, e: x * 2**e, *PAIR, broadcasts=True),
    C("float_power", np.power, *PAIR, domain="positive", bare=False,
      call=lambda x, e: function("float_power")(x, e).to(x.dtype)),
]  # fmt: skip

RUNNING = [
    C("cummax", np_cummax, CUBE, dim=1),
    C("cummin", np_cummin, CUBE, dim=1),
    C("logcumsumexp", lambda x: np.log(np.exp(x).cumsum(1)), CUBE, dim=1, bare=False),
    C("trapezoid", lambda y: (y[:, 1:] + y[:, :-1]).sum(1) / 2 * 0.3, CUBE, dx=0.3, dim=1),
    C("trapezoid", lambda y, x: ((y[:, 1:] + y[:, :-1]) * np.diff(x)).sum(1) / 2, MATRIX, (4,), empty=None),
    C("cumulative_trapezoid", lambda y: (y[..., 1:] + y[..., :-1]).cumsum(-1) / 2, CUBE),
]

ORDER = [
    C("msort", lambda x: np.sort(x, 0), CUBE),
    C("kthvalue", lambda x: (np.sort(x, 1)[:, 1], np.argsort(x, 1)[:, 1]), CUBE, k=2, dim=1),
    C("mode", lambda x: (x.min(1), x.argmin(1)), CUBE, dim=1),
    C("nanmedian", lambda x: np.sort(x.ravel())[4], (3, 3), empty=None),
    C("nanmedian", lambda x: (np.sort(x, 1)[:, 1], np.argsort(x, 1)[:, 1]), CUBE, dim=1),
    C("nanquantile", lambda x: np.quantile(x, 0.3), MATRIX, q=0.3, empty=None, bare=False),
    C("nanquantile", lambda x: np.quantile(x, 0.6, axis=1), CUBE, q=0.6, dim=1, bare=False, empty=None),
]  # fmt: skip

DISTANCE = [C("pdist", lambda x: np.array([np.sqrt(((x[i] - x[j]) ** 2).sum()) for i in range(3) for j in range(i + 1, 3)]),
              MATRIX, empty=None, bare=False)]  # fmt: skip

REDUCED = np.array([[0, 2, 1, 0], [1, 0, 1, 2]], np.int64)
BOTH = ((3, 4), (2, 4))


def t(values: Any) -> Any:
    """A Tensor of integers that an operation takes beside its inputs."""
    import tinygrad_fm

    return tinygrad_fm.tensor(values)


def np_scatter_reduce(ufunc: Any) -> Callable[[Array, Array], Array]:
    def scattered(x: Array, src: Array) -> Array:
        y = x.copy()
        ufunc.at(y, (REDUCED, np.arange(4)), src)
        return y

    return scattered


def np_index_mean(x: Array, source: Array) -> Array:
    y = x.copy()
    y[2] = source.mean(0)
    return y


def np_part(x: Array, part: Array, key: Any) -> Array:
    y = x.copy()
    y[key] = part
    return y


def np_exp_of(x: Array) -> Array:
    total = term = np.eye(len(x))
    for n in range(1, 60):
        term = term @ x / n
        total = total + term
    return total.astype(x.dtype)


def np_renorm(x: Array) -> Array:
    size = np.sqrt((x * x).sum(1, keepdims=True))
    return x * np.where(size > 1.5, 1.5 / (size + 1e-7), 1)


def reducing(reduce: str) -> Callable[..., Any]:
    return lambda x, src: function("scatter_reduce")(x, 0, t(REDUCED), src, reduce)


SCATTER = [
    C("scatter_reduce", np_scatter_reduce(np.add), *BOTH, call=reducing("sum"), empty=None, bare=False),
    C("scatter_reduce", np_scatter_reduce(np.multiply), *BOTH, call=reducing("prod"), empty=None, bare=False),
    C("scatter_reduce", np_scatter_reduce(np.maximum), *BOTH, call=reducing("amax"), empty=None, bare=False),
    C("scatter_reduce", np_scatter_reduce(np.minimum), *BOTH, call=reducing("amin"), empty=None, bare=False),
    C("index_reduce", np_index_mean, (3, 4), (2, 4), empty=None, bare=False,
      call=lambda x, s: function("index_reduce")(x, 0, t([2, 2]), s, "mean", include_self=False)),
    C("put", lambda x, s: np_part(x, s.reshape(2, 2), np.ix_([0, 2], [1, 3])), (3, 4), (4,), empty=None, bare=False,
      call=lambda x, s: function("put")(x, t([1, 3, 9, 11]), s)),
    C("dsplit", lambda x: tuple(np.split(x, 2, 2)), CUBE, indices_or_sections=2, bare=False),
    C("select_scatter", lambda x, s: np_part(x, s, (slice(None), 1)), (3, 4), (3,), bare=False, dim=1, index=1),
    C("slice_scatter", lambda x, s: np_part(x, s, (slice(None), slice(0, 4, 2))), (3, 4), (3, 2), bare=False, dim=1, step=2),
    C("diagonal_scatter", lambda x, s: np_part(x, s, (np.arange(3), np.arange(3))), (3, 4), (3,), bare=False, empty=None),
]  # fmt: skip

MATRICES = [
    C("addbmm", lambda x, a, b: x + (a @ b).sum(0), (3, 5), (2, 3, 4), (2, 4, 5), empty=None, bare=False),
    C("addr", lambda x, a, b: 2 * x + np.outer(a, b), (3, 4), (3,), (4,), beta=2, bare=False, empty=None),
    C("adjoint", lambda x: x.swapaxes(-1, -2), CUBE, bare=False),
    C("chain_matmul", lambda a, b, c: a @ b @ c, (3, 2), (2, 5), (5, 4), empty=None, bare=False),
    C("cross", lambda a, b: np.cross(a, b), (2, 3), (2, 3), dim=1, bare=False),
    C("matrix_exp", np_exp_of, (3, 3), empty=None, bare=False),
    C("renorm", np_renorm, MATRIX, p=2, dim=0, maxnorm=1.5, bare=False),
    C("vander", lambda x: np.vander(x, 3), (4,), N=3, bare=False),
    C("cov", np.cov, MATRIX, empty=None, bare=False),
    C("corrcoef", np.corrcoef, MATRIX, empty=None, bare=False),
]  # fmt: skip

SPECIAL_CASES = [*SCATTER, *MATRICES, *DISTANCE, *SPECIAL, *RUNNING, *ORDER]
