"""Gradients at NaN and infinity, of nothing, and of what does not depend on its input: PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

import tinygrad_fm

inf, nan = math.inf, math.nan
POINTS = [nan, inf, -inf, 0.0, 1.0, -1.0, 0.3]
Call = Callable[[Any, Any], Any]  # of the library and x

_NAMES = """elu selu celu hardswish hardsigmoid relu relu6 hardtanh softshrink hardshrink leaky_relu tanhshrink silu mish gelu
    softplus logsigmoid"""
ACTIVATIONS = _NAMES.split()

CALLS: dict[str, Call] = {name: lambda lib, x, name=name: getattr(lib.nn.functional, name)(x) for name in ACTIVATIONS}
CALLS |= {
    "threshold": lambda lib, x: lib.nn.functional.threshold(x, 0.5, 2.0),
    "clamp": lambda lib, x: lib.clamp(x, -0.5, 0.5),
    "clamp min": lambda lib, x: lib.clamp(x, min=-0.5),
    "clamp of tensors": lambda lib, x: lib.clamp(x, lib.full_like(x, -0.5), lib.full_like(x, 0.5)),
    "clamp of crossed tensors": lambda lib, x: lib.clamp(x, lib.full_like(x, 0.5), lib.full_like(x, -0.5)),
    "clamp of NaN": lambda lib, x: lib.clamp(x, lib.full_like(x, nan)),
    "prelu": lambda lib, x: lib.nn.functional.prelu(x, lib.tensor([0.25], dtype=lib.float64)),
    "huber_loss": lambda lib, x: lib.nn.functional.huber_loss(x, lib.zeros_like(x), reduction="none"),
    "huber_loss of 3": lambda lib, x: lib.nn.functional.huber_loss(x, lib.ones_like(x), delta=3.0, reduction="none"),
    "smooth_l1_loss": lambda lib, x: lib.nn.functional.smooth_l1_loss(x, lib.zeros_like(x), reduction="none"),
    "smooth_l1_loss of 0": lambda lib, x: lib.nn.functional.smooth_l1_loss(x, lib.zeros_like(x), beta=0.0, reduction="none"),
    "l1_loss": lambda lib, x: lib.nn.functional.l1_loss(x, lib.zeros_like(x), reduction="none"),
    "mse_loss": lambda lib, x: lib.nn.functional.mse_loss(x, lib.zeros_like(x), reduction="none"),
    "kl_div, target": lambda lib, x: lib.nn.functional.kl_div(lib.zeros_like(x), x, reduction="none"),
    "kl_div, input": lambda lib, x: lib.nn.functional.kl_div(x, lib.zeros_like(x) - 0.5, reduction="none"),
    "logit": lambda lib, x: lib.logit(x),
    "logit of 1.5": lambda lib, x: lib.logit(x * 0 + 1.5),
    "logit with eps": lambda lib, x: lib.logit(x, 0.1),
    "logit with eps 0": lambda lib, x: lib.logit(x, 0.0),
    "xlogy of 0": lambda lib, x: lib.xlogy(lib.zeros_like(x), x),
    "xlogy of 2": lambda lib, x: lib.xlogy(2.0, x),
    "xlogy, first": lambda lib, x: lib.xlogy(x, lib.full_like(x, 2.0)),
    "xlogy, first, of 0": lambda lib, x: lib.xlogy(x, 0.0),
    "erfc": lambda lib, x: lib.erfc(x),
    "atan2": lambda lib, x: lib.atan2(x, lib.ones_like(x)),
    "hypot": lambda lib, x: lib.hypot(x, lib.ones_like(x)),
}

WHOLE: dict[str, Call] = {name: lambda lib, x, name=name: getattr(lib, name)(x) for name in ("max", "min", "median")}
WHOLE |= {f"{name} of dim": lambda lib, x, name=name: getattr(lib, name)(x, dim=0)[0] for name in ("max", "min", "median")}
WHOLE |= {name: lambda lib, x, name=name: getattr(lib, name)(x, 0) for name in ("amax", "amin")}
WHOLE |= {f"norm {p}": lambda lib, x, p=p: lib.norm(x, p) for p in (0.5, 1, 2, 3, inf, -inf)}
WHOLE |= {
    "aminmax": lambda lib, x: sum(lib.aminmax(x)),
    "aminmax of dim": lambda lib, x: sum(lib.aminmax(x, dim=0)),
    "logsumexp": lambda lib, x: lib.logsumexp(x, 0),
    "cumsum": lambda lib, x: lib.cumsum(x, 0),
}
VECTORS = [[nan, 1.0, 2.0], [1.0, nan, nan], [1.0, 2.0, 2.0], [inf, inf, 1.0], [-inf, inf, nan], [3.0]]

STRUCTURE: dict[str, Call] = {
    "matrix_power of 0": lambda lib, x: lib.matrix_power(x.reshape(2, 2), 0),
    "matrix_power of 0, batch": lambda lib, x: lib.matrix_power(x.reshape(1, 2, 2).expand(3, 2, 2), 0),
    "index_fill of a 0-d tensor": lambda lib, x: lib.index_fill(x.sum(), 0, lib.tensor([0]), 5.0),
    "index_fill by a 0-d index": lambda lib, x: lib.index_fill(x.sum(), 0, lib.tensor(0), 5.0),
    "index_fill's value": lambda lib, x: lib.index_fill(x, 0, lib.tensor([0, 2]), x[1]),
    "index_copy of a 0-d tensor": lambda lib, x: lib.index_copy(x.sum(), 0, lib.tensor([0]), lib.ones(1, dtype=lib.float64)),
    "index_copy's source": lambda lib, x: lib.index_copy(x, 0, lib.tensor([2, 1]), x[:2] * 3),
}


def result(library: Any, call: Call, values: list[float]) -> tuple[list[float], list[float]]:
    x = library.tensor(values, dtype=library.float64, requires_grad=True)
    y = call(library, x)
    y.sum().backward()
    return y.detach().reshape(-1).tolist(), x.grad.tolist()


def same(call: Call, values: list[float]) -> None:
    theirs, ours = (result(library, call, values) for library in (torch, tinygrad_fm))
    for what, a, b in zip(("values", "gradient"), theirs, ours, strict=True):
        assert b == pytest.approx(a, rel=1e-6, abs=1e-12, nan_ok=True), f"{what} at {values}"  # their 1/6 is a float32


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # plain arithmetic with inf may warn: see test_extremal
@pytest.mark.parametrize("name", CALLS)
def test_elementwise(name: str) -> None:
    same(CALLS[name], POINTS)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("values", VECTORS, ids=str)
def test_of_a_vector(name: str, values: list[float]) -> None:
    same(WHOLE[name], values)


@pytest.mark.parametrize("name", STRUCTURE)
def test_zeros_and_places(name: str) -> None:
    same(STRUCTURE[name], [1.0, 2.0, 3.0, 4.0])


def test_median_of_nothing() -> None:
    same(lambda lib, x: lib.median(x), [])
    for library in (torch, tinygrad_fm):
        assert library.median(library.tensor([], dtype=library.int64)).item() == -(2**63)
        with pytest.raises(RuntimeError):
            library.randperm(-1)
