"""Inf, NaN, the largest and smallest numbers, both zeros: values and gradients as PyTorch gives them, without a warning."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

import tinygrad_fm

from .harness import Check, compare

inf, nan = math.inf, math.nan
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e-30, 1e30, -1e30, 3e38, 88.0, -104.0, 720.0, inf, -inf, nan]

_UNARY = """exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square abs neg sign sin cos tan asin acos atan sinh cosh
    tanh sigmoid erf floor ceil round trunc relu isnan isinf isfinite"""
UNARY = _UNARY.split()
_ACTIVATIONS = "relu leaky_relu gelu elu selu silu mish softplus softsign logsigmoid hardtanh relu6 hardswish hardsigmoid"
ACTIVATIONS = _ACTIVATIONS.split()
# plain arithmetic goes to NumPy without a context that costs three times the operation; NumPy may warn of overflow there
MAY_WARN = {"add", "sub", "mul", "silu", "mish", "hardswish", "var", "std", "prod"}
_BINARY = "add sub mul div pow maximum minimum fmax fmin remainder fmod floor_divide atan2 eq lt le"
BINARY = _BINARY.split()


def reductions(library: Any) -> dict[str, Callable[..., Any]]:
    """Reductions of a vector, of either library."""
    text = "sum mean prod var std amax amin max min argmax argmin any all norm cumsum"
    names = text.split()
    found: dict[str, Callable[..., Any]] = {}
    for name in names:
        found[name] = getattr(library, name)
    found["cumsum"] = lambda x: library.cumsum(x, 0)
    found["max dim"] = lambda x: library.max(x, dim=0)
    found["min dim"] = lambda x: library.min(x, dim=0)
    found["logsumexp"] = lambda x: library.logsumexp(x, 0)
    found["softmax"] = lambda x: library.softmax(x, 0)
    found["log_softmax"] = lambda x: library.log_softmax(x, 0)
    found["norm 1"] = lambda x: library.norm(x, 1)
    found["norm inf"] = lambda x: library.norm(x, inf)
    found["norm 3"] = lambda x: library.norm(x, 3)
    found["norm 0"] = lambda x: library.norm(x, 0)
    found["sort"] = lambda x: library.sort(x)[0]
    found["topk"] = lambda x: library.topk(x, 1)[0]
    return found


VECTORS = [
    [0.0, 0.0, 0.0],
    [1.0, 1.0, 0.5],
    [inf, 1.0, 0.0],
    [-inf, 1.0, 0.0],
    [-inf, -inf],
    [inf, inf, 1.0],
    [inf, -inf, 0.0],
    [nan, 1.0, 2.0],
    [1.0, nan, inf],
    [0.0, 2.0, 0.0],
    [0.0, 2.0, 3.0],
    [1e30, 1e30, -1e30],
    [1000.0, 0.0],
    [-1000.0, -1001.0],
    [3.0],
    [0.0],
    [-0.0, 0.0],
]


def agree(theirs: Any, ours: Any, calls: list[tuple[Any, ...]], gradients: bool = True, quiet: bool = True) -> None:
    """Fail with a line for each call that differs."""
    wrong = []
    for number, args in enumerate(calls):
        outcome = compare(theirs, ours, args, {}, Check(gradients=gradients, quiet=quiet))
        if outcome.kind == "fail":
            wrong.append(f"call {number}: {outcome.detail}")
    if wrong:
        pytest.fail(f"{len(wrong)} differ:\n" + "\n".join(wrong[:10]), pytrace=False)


def vector(values: list[float], dtype: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: Any) -> None:
    calls = [(vector(SPECIAL, dtype),)]
    agree(getattr(torch, name), getattr(tinygrad_fm, name), calls)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if hasattr(tinygrad_fm.nn.functional, name)])
def test_activations(name: str) -> None:
    ours = getattr(tinygrad_fm.nn.functional, name)
    # what gradient belongs to NaN differs among PyTorch's own; softsign's slope at infinity is 0, where PyTorch has NaN
    calls = [(vector(SPECIAL[:-3] if name == "softsign" else SPECIAL[:-1], torch.float64),)]
    agree(getattr(torch.nn.functional, name), ours, calls, quiet=name not in MAY_WARN)
    agree(getattr(torch.nn.functional, name), ours, [(vector([nan], torch.float64),)], gradients=False)


# but where PyTorch's float32 quotients overflow on the way
BINARY_CASES = [(name, torch.float64) for name in BINARY] + [
    (name, torch.float32) for name in BINARY if name not in ("remainder", "fmod", "atan2")
]


@pytest.mark.parametrize(("name", "dtype"), BINARY_CASES)
def test_binary(name: str, dtype: Any) -> None:
    a, b = zip(*itertools.product(SPECIAL, SPECIAL), strict=True)
    gradients = name not in ("remainder", "fmod")
    calls = [(vector(list(a), dtype), vector(list(b), dtype))]
    agree(getattr(torch, name), getattr(tinygrad_fm, name), calls, gradients, name not in MAY_WARN)


@pytest.mark.parametrize("name", reductions(torch))
def test_reductions(name: str) -> None:
    for values in VECTORS:
        # where the value is NaN already, whether its gradients are NaN, 0 or infinite differs
        finite = all(math.isfinite(value) for value in values)
        gradients = finite or name not in ("var", "std", "prod", "norm", "norm 1", "norm 3", "norm inf", "max", "min")
        call = (vector(values, torch.float64),)
        agree(reductions(torch)[name], reductions(tinygrad_fm)[name], [call], gradients, quiet=name not in MAY_WARN)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.0, 0.5, 1.5, 2.0, -0.5, inf, -inf, nan])
def test_powers_of_special_numbers(exponent: float) -> None:
    numbers = [abs(x) for x in SPECIAL] if exponent in (0.5, -0.5) else SPECIAL  # the sign of roots of −0 varies
    calls = [(vector(numbers, torch.float64), exponent)]
    agree(torch.pow, tinygrad_fm.pow, calls)


@pytest.mark.parametrize("base", [0, 1, 2, -2, 0.0, 0.5, -0.5, inf, nan])
def test_special_bases(base: float) -> None:
    calls = [(base, vector(SPECIAL, torch.float64))]
    agree(torch.pow, tinygrad_fm.pow, calls)


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (None, 0.5), (0.5, None), (1.0, -1.0), (-inf, inf), (nan, 1.0)])
def test_clamp(bounds: tuple[Any, Any]) -> None:
    calls = [(vector(SPECIAL, torch.float64), *bounds)]
    agree(torch.clamp, tinygrad_fm.clamp, calls)


def test_where_keeps_what_was_not_chosen_out() -> None:
    def safe(library: Any) -> Callable[..., Any]:
        return lambda x: library.where(x > 0, x, library.zeros_like(x)).sqrt()

    agree(safe(torch), safe(tinygrad_fm), [(vector(SPECIAL, torch.float64),)])


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int64])
@pytest.mark.parametrize("name", ["add", "mul", "neg", "abs", "pow", "floor_divide", "remainder", "sum", "prod"])
def test_integers_wrap_around(name: str, dtype: Any) -> None:
    info = torch.iinfo(dtype)
    x = torch.tensor([info.min, info.max, 1, info.max - 1], dtype=dtype)
    args = {"pow": (x, 2), "floor_divide": (x, 2), "remainder": (x, 3), "add": (x, x), "mul": (x, x)}.get(name, (x,))
    agree(getattr(torch, name), getattr(tinygrad_fm, name), [args], gradients=False)


@pytest.mark.parametrize("to", [torch.int64, torch.int32, torch.bool, torch.float16])
def test_casts(to: Any) -> None:
    x = torch.tensor([0.0, -0.9, 1.5, -2.5, 1e4, nan if to in (torch.bool, torch.float16) else 7.0])

    def cast(library: Any) -> Callable[..., Any]:
        return lambda t: t.to(getattr(library, str(to).removeprefix("torch.")))

    agree(cast(torch), cast(tinygrad_fm), [(x,)], gradients=False)
