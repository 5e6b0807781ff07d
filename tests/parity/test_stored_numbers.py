"""Python numbers put into tensors of every dtype, by every operation that does so: PyTorch's result, or an error as there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import tinygrad_fm

DTYPES = ["uint8", "int8", "int16", "int32", "int64", "bool", "float16", "float32", "float64"]
NUMBERS: list[Any] = [0, 1, -1, True, 1.5, -1.5, 127, 127.5, 128, -128, -128.5, -129, 255, 255.9, 256, 256.7, -255, -256, 300]
NUMBERS += [2**31, 2**31 + 0.5, -(2**31) - 1, 1e10, 65504.0, 1e30, -1e30, 1e39, math.nan, math.inf, -math.inf]
NUMBERS += [2**63 - 1, 2**63, 2**64, -(2**63) - 1, 2.0**63]

Run = Callable[[Any, Any, Any], Any]  # of the library, a tensor of three zeros, and the number


def written(write: Callable[[Any, Any, Any], Any]) -> Run:
    """The tensor after a write to it."""

    def run(library: Any, x: Any, value: Any) -> Any:
        write(library, x, value)
        return x

    return run


def mask(library: Any) -> Any:
    return library.tensor([True, False, True])


def functional(library: Any) -> Any:
    return library.nn.functional


FORMS: dict[str, Run] = {
    "tensor": lambda lib, x, v: lib.tensor(v, dtype=x.dtype),
    "tensor of a list": lambda lib, x, v: lib.tensor([[v, 0]], dtype=x.dtype),
    "as_tensor": lambda lib, x, v: lib.as_tensor([v], dtype=x.dtype),
    "new_tensor": lambda lib, x, v: x.new_tensor([v]),
    "full": lambda lib, x, v: lib.full((2,), v, dtype=x.dtype),
    "full_like": lambda lib, x, v: lib.full_like(x, v),
    "new_full": lambda lib, x, v: x.new_full((2,), v),
    "x[0] =": written(lambda lib, x, v: x.__setitem__(0, v)),
    "x[0:2] =": written(lambda lib, x, v: x.__setitem__(slice(0, 2), v)),
    "x[mask] =": written(lambda lib, x, v: x.__setitem__(mask(lib), v)),
    "x[indices] =": written(lambda lib, x, v: x.__setitem__(lib.tensor([0, 1]), v)),
    "fill": lambda lib, x, v: lib.fill(x, v),
    "fill_": written(lambda lib, x, v: x.fill_(v)),
    "masked_fill": lambda lib, x, v: lib.masked_fill(x, mask(lib), v),
    "masked_fill of a tensor": lambda lib, x, v: lib.masked_fill(x, mask(lib), lib.tensor(v, dtype=lib.float64)),
    "masked_fill_": written(lambda lib, x, v: x.masked_fill_(mask(lib), v)),
    "index_fill": lambda lib, x, v: lib.index_fill(x, 0, lib.tensor([0]), v),
    "index_fill_": written(lambda lib, x, v: x.index_fill_(0, lib.tensor([0]), v)),
    "scatter": lambda lib, x, v: lib.scatter(x, 0, lib.tensor([0]), v),
    "scatter_": written(lambda lib, x, v: x.scatter_(0, lib.tensor([0]), v)),
    "scatter adding": lambda lib, x, v: lib.scatter(x, 0, lib.tensor([0]), v, reduce="add"),
    "clamp below": lambda lib, x, v: lib.clamp(x, min=v),
    "clamp above": lambda lib, x, v: lib.clamp(x, max=v),
    "where": lambda lib, x, v: lib.where(mask(lib), x, v),
    "threshold": lambda lib, x, v: functional(lib).threshold(x, 1, v),
    "nan_to_num": lambda lib, x, v: lib.nan_to_num(x, v),
}


def outcome(run: Run, library: Any, dtype: str, value: Any) -> Any:
    """The dtype and the elements, or None where it raises."""
    try:
        y = run(library, library.zeros(3, dtype=getattr(library, dtype)), value)
    except (RuntimeError, OverflowError, ValueError, TypeError, NotImplementedError):
        return None
    return str(y.dtype), repr(y.tolist())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_stored_or_refused(form: str, dtype: str) -> None:
    wrong = []
    for value in NUMBERS:
        theirs, ours = (outcome(FORMS[form], library, dtype, value) for library in (torch, tinygrad_fm))
        if float(value) == 2.0**63 and theirs and "-9223372036854775808" in theirs[1]:
            theirs = None  # wrapped around, as int64's largest number is rounded up when compared with a float
        if type(value) is int and not -(2**63) <= value < 2**64 and dtype[0] in "bf":
            theirs = ours  # Python's own integers have no bounds here
        if ours != theirs and not (theirs is None and type(value) is int and value == 2**63 and dtype[0] in "bf"):
            wrong.append(f"{value!r}: PyTorch {theirs or 'raises'}, here {ours or 'raises'}")
    assert not wrong, "\n".join(wrong)


def test_the_message_says_what_fits() -> None:
    with pytest.raises(RuntimeError, match=r"full\(\): value 300 cannot be converted to type uint8 .* it holds -255 to 255"):
        tinygrad_fm.full((2,), 300, dtype=tinygrad_fm.uint8)


@pytest.mark.parametrize("library", [torch, tinygrad_fm], ids=["torch", "ours"])
def test_ends_of_ranges(library: Any) -> None:
    for dtype, end in (("uint8", 300), ("uint8", -1.5), ("int32", math.nan), ("int64", math.inf), ("int64", 1e30)):
        with pytest.raises(RuntimeError):
            library.linspace(0, end, 3, dtype=getattr(library, dtype))
    assert library.linspace(0, 255, 2, dtype=library.uint8).tolist() == [0, 255]


@pytest.mark.parametrize("library", [torch, tinygrad_fm], ids=["torch", "ours"])
def test_drawn_numbers_and_factors(library: Any) -> None:
    byte = library.tensor([1, 2], dtype=library.uint8)
    calls: list[Callable[[], Any]] = [
        lambda: library.randint(300, (2,), dtype=library.uint8),
        lambda: library.randint(-5, 5, (2,), dtype=library.uint8),
        lambda: library.randint(0, 3, (2,), dtype=library.bool),
        lambda: library.index_add(byte, 0, library.tensor([0]), byte[:1], alpha=300),
        lambda: library.add(byte, byte, alpha=300),
        lambda: library.full((1,), library.tensor(math.nan), dtype=library.int64),
        lambda: library.tensor(np.float64("nan"), dtype=library.int64),
        lambda: library.full_like(library.zeros(2), math.inf, dtype=library.int32),
    ]
    for call in calls:
        with pytest.raises(RuntimeError):
            call()
    assert library.randint(255, 256, (2,), dtype=library.uint8).tolist() == [255, 255]


INTEGERS = ["uint8", "int8", "int16", "int32", "int64", "bool"]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("base", [0, 1, 2])
def test_integers_to_a_negative_whole_power(dtype: str, base: int) -> None:
    for library in (torch, tinygrad_fm):
        x = library.tensor([base], dtype=getattr(library, dtype))
        for power in (lambda: x**-1, lambda: library.pow(x, -2), lambda: x.pow(-1), lambda: x.clone().pow_(-1)):  # noqa: B023
            with pytest.raises(RuntimeError):
                power()
        assert library.pow(library.tensor([2]), -1.0).tolist() == [0.5]
