"""Relative precision over the whole range, of values and gradients, in float32 and float64, against mpmath's 400 digits.

Small results that are differences of large numbers (1 − erf(x), exp(x) − 1, log(1 + x)) are lost where they are computed so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F

mp = mpmath.mp
DIGITS = 400  # more than float64's exponents have: differences of neighbours at 1e-300 are seen


@dataclass(frozen=True)
class Row:
    """A function, what it should be, and from where to where."""

    name: str
    ours: Callable[[Any], Any]
    exact: Callable[[Any], Any]
    low: float = -math.inf
    high: float = math.inf
    slope: tuple[float, float] = (-math.inf, math.inf)  # where the gradient is held to it, too


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x)) if x < 1000 else x + mp.exp(-x)


def normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def unit(x: Any, alpha: float, scale: float, stretch: float) -> Any:
    return scale * (x if x > 0 else alpha * mp.expm1(x * stretch))


def constant(x: Any, value: float) -> Any:
    return torch.full_like(x, value)


def two_classes(x: Any) -> Any:
    """Logits x and 0."""
    return torch.stack([x, torch.zeros_like(x)], 1)


def first_class(x: Any) -> Any:
    return torch.zeros(len(x), dtype=torch.int64)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

ROWS = [
    Row("exp", torch.exp, mp.exp),
    # the gradient is that of the result, y + 1, as in PyTorch, where a write to the input is allowed
    Row("expm1", torch.expm1, mp.expm1, slope=(-4, math.inf)),
    Row("log1p", torch.log1p, mp.log1p, low=-0.99),
    Row("sinh", torch.sinh, mp.sinh),
    Row("tanh", torch.tanh, mp.tanh, slope=(-2, 2)),
    Row("asinh", torch.asinh, mp.asinh),
    Row("atan", torch.atan, mp.atan),
    Row("asin", torch.asin, mp.asin, low=-0.9999, high=0.9999),
    Row("acosh", torch.acosh, mp.acosh, low=1.01, high=1e15),
    Row("atanh", torch.atanh, mp.atanh, low=-0.9999, high=0.9999),
    Row("erf", torch.erf, mp.erf),
    Row("erfc", torch.erfc, mp.erfc),
    Row("special.ndtr", torch.special.ndtr, normal),
    Row("special.log_ndtr", torch.special.log_ndtr, lambda x: mp.log(normal(x)), low=-1e10),
    Row("special.erfcx", torch.special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), low=-5, high=1e10, slope=(-5, 4)),
    Row("special.entr", torch.special.entr, lambda x: -x * mp.log(x), low=1e-30),
    Row("special.xlog1py", lambda x: torch.special.xlog1py(constant(x, 2.0), x), lambda x: 2 * mp.log1p(x), low=-0.99),
    Row("special.expit", torch.special.expit, sigmoid, slope=(-math.inf, 3)),
    Row("special.i0e", torch.special.i0e, lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), low=-700, high=700, slope=(0.2, 5)),
    Row("erfinv", torch.erfinv, mp.erfinv, low=-0.99, high=0.99),
    Row("sinc", torch.sinc, lambda x: mp.sinc(mp.pi * x), low=-0.8, high=0.8),
    Row("lgamma", torch.lgamma, mp.loggamma, low=1e-30, high=1e10),
    Row("logaddexp2", lambda x: torch.logaddexp2(x, constant(x, -3.0)), lambda x: mp.log(2**x + 0.125) / mp.log(2), high=600),
    Row("sigmoid", torch.sigmoid, sigmoid, slope=(-math.inf, 3)),
    Row("logit", torch.logit, lambda x: mp.log(x / (1 - x)), low=1e-30, high=0.9999),
    Row("logaddexp", lambda x: torch.logaddexp(x, constant(x, -3.0)), lambda x: mp.log(mp.exp(x) + mp.exp(-3)), high=600),
    Row("xlogy", lambda x: torch.xlogy(constant(x, 2.0), x), lambda x: 2 * mp.log(x), low=1e-30),
    Row("hypot", lambda x: torch.hypot(x, constant(x, 1.0)), lambda x: mp.sqrt(x * x + 1)),
    Row("atan2 of x", lambda x: torch.atan2(x, constant(x, 2.0**-66)), lambda x: mp.atan2(x, mp.mpf(2) ** -66)),
    Row("elu", F.elu, lambda x: unit(x, 1, 1, 1)),
    Row("elu of 2", lambda x: F.elu(x, 2.0), lambda x: unit(x, 2, 1, 1)),
    Row("celu of 0.5", lambda x: F.celu(x, 0.5), lambda x: unit(x, 0.5, 1, 2)),
    Row("selu", F.selu, lambda x: unit(x, SELU_ALPHA, SELU_SCALE, 1)),
    Row("gelu", F.gelu, lambda x: x * normal(x)),
    Row(
        "gelu of tanh",
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)),
        low=-8,
        high=1000,
    ),
    Row("silu", F.silu, lambda x: x * sigmoid(x), low=-80),
    Row("mish", F.mish, lambda x: x * mp.tanh(softplus(x)), low=-80),
    Row("softplus", F.softplus, softplus, high=20),  # beyond it is x, by definition
    Row("logsigmoid", F.logsigmoid, lambda x: -softplus(-x)),
    Row("softsign", F.softsign, lambda x: x / (1 + abs(x))),
    Row("tanhshrink", F.tanhshrink, lambda x: x - mp.tanh(x)),
    Row("log_softmax", lambda x: F.log_softmax(two_classes(x), 1)[:, 0], lambda x: -softplus(-x), high=4, slope=(-math.inf, 2)),
    Row(
        "cross_entropy",
        lambda x: F.cross_entropy(two_classes(x), first_class(x), reduction="none"),
        lambda x: softplus(-x),
        high=4,
    ),
    *[
        Row(
            f"binary_cross_entropy_with_logits of {t}",
            lambda x, t=t: F.binary_cross_entropy_with_logits(x, constant(x, t), reduction="none"),
            lambda x, t=t: (1 - t) * softplus(x) + t * softplus(-x),
        )
        for t in (0.0, 1.0, 0.25)
    ],
    *[
        Row(
            f"soft_margin_loss of {t}",
            lambda x, t=t: F.soft_margin_loss(x, constant(x, t), reduction="none"),
            lambda x, t=t: softplus(-t * x),
        )
        for t in (1.0, -1.0)
    ],
    Row(
        "huber_loss",
        lambda x: F.huber_loss(x, constant(x, 0.0), reduction="none"),
        lambda x: x * x / 2 if abs(x) < 1 else abs(x) - 0.5,
    ),
    Row(
        "smooth_l1_loss",
        lambda x: F.smooth_l1_loss(x, constant(x, 0.0), beta=0.25, reduction="none"),
        lambda x: 2 * x * x if abs(x) < 0.25 else abs(x) - 0.125,
    ),
    Row("poisson_nll_loss", lambda x: F.poisson_nll_loss(x, constant(x, 0.0), reduction="none"), mp.exp),
]

SIZES = [1e-30, 1e-12, 1e-8, 1e-6, 1e-4, 0.003, 0.05, 0.3, 0.7, 1.3, 2.1, 3.2, 4.4, 5.7, 8.3, 10.1, 12.6, 15.0, 17.3, 20.7]
SIZES += [26.2, 31.0, 38.5, 60.0, 86.0, 104.0, 330.0, 690.0, 3000.0, 1e10, 1e18, 1e25, 1e36]
POINTS = np.array(
    [*(-x for x in SIZES), *SIZES, 0.5 + 1e-5, 0.5 - 1e-5, 0.9, 0.99], np.float32
)  # the same numbers in both dtypes


def exact(row: Row, x: float, order: int) -> float:
    """The function's value, or its derivative, as float64 has it."""
    with mpmath.workdps(DIGITS):
        try:
            return float(row.exact(mp.mpf(x)) if order == 0 else mpmath.diff(row.exact, mp.mpf(x)))
        except OverflowError:
            return math.inf


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_relative_error(row: Row) -> None:
    points = POINTS[(row.low <= POINTS) & (row.high >= POINTS)]
    wrong = []
    for order in (0, 1):
        low, high = row.slope if order else (-math.inf, math.inf)
        kept = (low <= points) & (points <= high)
        want = np.array([exact(row, float(x), order) for x in points[kept]])
        for dtype in (np.float32, np.float64):
            x = torch.from_numpy(points[kept].astype(dtype)).requires_grad_()
            y = row.ours(x)
            y.sum().backward()
            assert x.grad is not None
            got = (x.grad if order else y.detach()).numpy().astype(np.float64)
            limits = np.finfo(dtype)
            representable = (np.abs(want) > limits.tiny) & (np.abs(want) < limits.max)
            with np.errstate(all="ignore"):
                error = np.abs(got / want - 1) / limits.eps
            bad = representable & ~(error < 1000)  # exp(−x²) of a rounded x² loses some hundreds
            bad |= (np.abs(want) <= limits.tiny) & ~(np.abs(got) <= 2 * limits.tiny)
            wrong += [
                f"{'gradient' if order else 'value'} at {x:g} in {np.dtype(dtype)}: {g:.9g}, not {w:.9g}"
                for x, g, w in zip(points[kept][bad], got[bad], want[bad], strict=True)
            ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("offset", "scale"), [(0, 1), (1e4, 1), (1e6, 1), (1e3, 1e-3), (0, 1e-25), (0, 1e18), (-1e7, 8)])
@pytest.mark.parametrize("dim", [None, 0, 1, (0, 2)])
def test_spread_of_small_deviations_from_a_large_mean(offset: float, scale: float, dim: Any) -> None:
    drawn = np.random.default_rng(0).standard_normal((5, 7, 33))
    for dtype in (np.float32, np.float64):
        x = (offset + scale * drawn).astype(dtype)
        exact = x.astype(np.longdouble)
        for name, want in (("var", exact.var(dim, ddof=1)), ("std", exact.std(dim, ddof=1))):
            if np.max(want) < np.finfo(dtype).max and np.min(want) > np.finfo(dtype).tiny:
                got = getattr(torch, name)(torch.from_numpy(x), dim).numpy()
                np.testing.assert_allclose(got, want, rtol=4 * np.finfo(dtype).eps)
