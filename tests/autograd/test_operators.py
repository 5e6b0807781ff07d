"""Python's operators: what a tensor does not know may answer for itself; arrays and numbers are taken."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch

ARITHMETIC = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
BITS = ["and", "or", "xor"]
ORDER = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


class Answers:
    """Answers every reflected operator and comparison with its name."""


for _name in [*(f"__r{n}__" for n in ARITHMETIC + BITS), *(f"__{n}__" for n in ORDER)]:
    setattr(Answers, _name, lambda self, other, name=_name: name)


@pytest.mark.parametrize("name", ARITHMETIC + BITS)
def test_the_other_operand_is_asked(name: str) -> None:
    x = torch.ones(2, 2, dtype=torch.int64 if name in BITS else torch.float32)
    plain, inplace = getattr(operator, f"{name}_" if name in ("and", "or") else name), getattr(operator, f"i{name}")
    assert plain(x, Answers()) == f"__r{name}__"
    assert inplace(x, Answers()) == f"__r{name}__"
    assert getattr(x, f"__{name}__")(Answers()) is NotImplemented


@pytest.mark.parametrize("name", ORDER)
def test_the_other_operand_is_asked_to_compare(name: str) -> None:
    assert getattr(operator, name)(torch.ones(2), Answers()) == f"__{ORDER[name]}__"


@pytest.mark.parametrize("other", [None, object(), {"a": 1.0}])
@pytest.mark.parametrize("name", ARITHMETIC)
def test_what_nobody_answers_is_a_type_error(name: str, other: Any) -> None:
    x, op = torch.ones(2), getattr(operator, name)
    with pytest.raises(TypeError, match="unsupported operand"):
        op(x, other)
    with pytest.raises(TypeError):
        op(other, x)
    with pytest.raises(TypeError):
        getattr(operator, f"i{name}")(x, other)


def test_what_is_no_number_equals_no_tensor() -> None:
    x = torch.ones(2)
    assert (x == None) is False and (x != "a") is True  # noqa: E711
    with pytest.raises(TypeError, match="not supported between"):
        _ = x < None  # type: ignore[operator]


def test_functions_name_the_argument() -> None:
    for call in (lambda: torch.mul(torch.ones(2), None), lambda: torch.ones(2).add("a")):
        with pytest.raises(TypeError, match="must be a Tensor or a number"):
            call()


@pytest.mark.parametrize("other", [2, 2.0, True, np.float32(2), np.array([1.0, 2.0], np.float32), torch.ones(2)])
@pytest.mark.parametrize("name", ["add", "mul", "sub", "truediv", "pow"])
def test_numbers_and_arrays_are_taken(name: str, other: Any) -> None:
    x, op = torch.tensor([3.0, 4.0]), getattr(operator, name)
    values = other.numpy() if isinstance(other, torch.Tensor) else other
    if name != "sub" or other is not True:
        np.testing.assert_allclose(op(x, other).numpy(), op(x.numpy(), values), rtol=1e-6)
        np.testing.assert_allclose(op(other, x).numpy(), op(values, x.numpy()), rtol=1e-6)


def test_numpy_gets_the_array_where_nothing_is_recorded() -> None:
    x = torch.ones(2, requires_grad=True)
    for convert in (lambda: x.numpy(), lambda: np.asarray(x), lambda: np.array(x)):
        with pytest.raises(RuntimeError, match="detach"):
            convert()
        with torch.no_grad():
            assert convert().tolist() == [1.0, 1.0]
        with torch.inference_mode():
            assert convert().tolist() == [1.0, 1.0]


def test_views_name_their_base() -> None:
    x = torch.ones(2, 3)
    view = x[0][1:]
    assert view._base is x and view._is_view() and x._base is None and not x._is_view()


def test_flags_are_bools_and_data_floats() -> None:
    with pytest.raises(TypeError, match="bool, got str"):
        torch.ones(2).requires_grad_("yes")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="floating-point"):
        torch.ones(2, requires_grad=True).data = torch.ones(2, dtype=torch.int64)
