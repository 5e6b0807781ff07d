"""What dtype comes of mixing two: every pair, as tensors, 0-d tensors and Python numbers, against PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

import tinygrad_fm
from tinygrad_fm.promotion import promote_types

from .harness import Check, compare, dtype_of

DTYPES = [
    torch.float16,
    torch.float32,
    torch.float64,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.bool,
]
NUMBERS = [True, 2, 0, 1.5]


def functions(library: Any) -> dict[str, Callable[..., Any]]:
    """The operations of either library."""
    text = """add sub mul div pow maximum minimum eq lt ge remainder fmod floor_divide atan2 logical_and bitwise_and
        bitwise_xor isclose"""
    names = text.split()
    found = {name: getattr(library, name) for name in names}
    found["where"] = lambda a, b: library.where(library.tensor([True, False, True]), a, b)
    found["+"] = lambda a, b: a + b
    found["-"] = lambda a, b: a - b
    found["*"] = lambda a, b: a * b
    found["/"] = lambda a, b: a / b
    found["//"] = lambda a, b: a // b
    found["%"] = lambda a, b: a % b
    found["**"] = lambda a, b: a**b
    found["<"] = lambda a, b: a < b
    found["&"] = lambda a, b: a & b
    found["clamp"] = lambda a, b: library.clamp(a, min=b)
    found["masked_fill"] = lambda a, b: library.masked_fill(a, library.tensor([True, False, True]), b)
    found["cat"] = lambda a, b: library.cat([a, b])
    found["stack"] = lambda a, b: library.stack([a, b])
    found["lerp"] = lambda a, b: library.lerp(a, b, 0.5)
    found["add alpha"] = lambda a, b: library.add(a, b, alpha=2)
    found["matmul"] = library.matmul
    found["+="] = lambda a, b: a.clone().add_(b)
    found["*="] = lambda a, b: a.clone().mul_(b)
    found["/="] = lambda a, b: a.clone().div_(b)
    found["copy_"] = lambda a, b: a.clone().copy_(b)
    found["setitem"] = lambda a, b: _set(a.clone(), b)
    found["fill_"] = lambda a, b: a.clone().fill_(b)
    return found


def _set(a: Any, b: Any) -> Any:
    a[...] = b
    return a


def operands() -> list[Any]:
    """Tensors with a dimension, 0-d tensors and Python numbers of every kind."""
    values = [torch.tensor([1, 2, 1]).to(dtype) for dtype in DTYPES]
    return values + [torch.tensor(2).to(dtype) for dtype in DTYPES] + NUMBERS


def describe(value: Any) -> str:
    """``float32[3]``, ``int64[]``, ``1.5``."""
    return f"{str(value.dtype)[6:]}{list(value.shape)}" if isinstance(value, torch.Tensor) else repr(value)


def report(wrong: list[str]) -> None:
    """Fail with the first of the differences, a line each."""
    if wrong:
        pytest.fail(f"{len(wrong)} differ:\n" + "\n".join(wrong[:12]), pytrace=False)


THEIRS, OURS = functions(torch), functions(tinygrad_fm)
# ours take a number where PyTorch insists on a tensor
TENSORS_ONLY = {"maximum", "minimum", "eq", "lt", "ge", "atan2", "logical_and", "bitwise_and", "bitwise_xor", "isclose", "lerp"}
TENSOR_FIRST = {"clamp", "fmod", "masked_fill"}
# PyTorch computes bool ** True, though no other power of bools; and has products of bool matrices, but not of vectors
LEFT_OUT = {("pow", "bool", "True"), ("**", "bool", "True"), ("matmul", "bool", "bool")}


@pytest.mark.parametrize("name", THEIRS)
def test_every_pair_of_dtypes(name: str) -> None:
    wrong = []
    for a, b in itertools.product(operands(), operands()):
        if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
            continue
        numbers = not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor)
        if numbers and (name in TENSORS_ONLY or (name in TENSOR_FIRST and not isinstance(a, torch.Tensor))):
            continue
        if (name, *(describe(x).partition("[")[0] for x in (a, b))) in LEFT_OUT:
            continue
        outcome = compare(THEIRS[name], OURS[name], (a, b), {}, Check(gradients=False))
        if outcome.kind == "fail":
            wrong.append(f"{describe(a)} {name} {describe(b)}: {outcome.detail}")
    report(wrong)


_UNARY = """exp log sqrt sin tanh sigmoid reciprocal abs neg sign square floor round sum mean prod cumsum amax max argmax any
    all logsumexp isnan logical_not var norm relu"""
UNARY = _UNARY.split()


@pytest.mark.parametrize("name", UNARY)
def test_every_dtype(name: str) -> None:
    wrong = []
    for dtype in DTYPES:
        if name == "argmax" and dtype is torch.bool:
            continue  # ours has it, PyTorch does not
        kwargs: dict[str, Any] = {"dim": 0} if name in ("cumsum", "logsumexp", "amax") else {}
        outcome = compare(
            getattr(torch, name),
            getattr(tinygrad_fm, name),
            (torch.tensor([1, 2, 1]).to(dtype),),
            kwargs,
            Check(gradients=False),
        )
        if outcome.kind == "fail":
            wrong.append(f"{name} {dtype}: {outcome.detail}")
    report(wrong)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "cumsum", "softmax", "log_softmax"])
def test_the_dtype_argument(name: str) -> None:
    wrong = []
    for dtype, to in itertools.product(DTYPES, DTYPES):
        kwargs = {"dtype": to, **({} if name in ("sum", "mean", "prod") else {"dim": 0})}
        outcome = compare(
            getattr(torch, name),
            getattr(tinygrad_fm, name),
            (torch.tensor([1, 2, 1]).to(dtype),),
            kwargs,
            Check(gradients=False),
        )
        if outcome.kind == "fail":
            wrong.append(f"{name} of {dtype} as {to}: {outcome.detail}")
    report(wrong)


def test_promote_types() -> None:
    for a, b in itertools.product(DTYPES, DTYPES):
        found = promote_types(dtype_of(a).numpy, dtype_of(b).numpy)
        assert found == dtype_of(torch.promote_types(a, b)).numpy
