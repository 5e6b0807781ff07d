"""The comparison itself: what differs is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

import tinygrad_fm
from tinygrad_fm.autograd.primitives import primitive

from .harness import Check, Converter, compare


def x() -> torch.Tensor:
    return torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64, requires_grad=True)


def square(rule: Callable[..., Any]) -> Callable[..., Any]:
    return primitive(lambda a: a * a, name="square", a=rule)


WRONG: dict[str, Callable[[Any], Any]] = {
    "value": lambda t: t * t + 1e-6,
    "dtype": lambda t: (t * t).float(),
    "shape": lambda t: (t * t).reshape(3),
    "an array": lambda t: (t * t).detach().numpy(),
    "no gradient": lambda t: (t * t).detach(),
    "gradient": square(lambda g, a: 2.001 * g * a),
    "gradient of zeros": square(lambda g, a: 0 * g * a),
    "second gradient": square(lambda g, a: g * (2 * a if not isinstance(a, tinygrad_fm.Tensor) else 2 * a.detach())),
    "an exception": lambda t: t @ t,
    "two results": lambda t: (t * t, t),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found(what: str) -> None:
    outcome = compare(torch.square, WRONG[what], (x(),), {}, Check(second=True))
    assert outcome.kind == "fail"
    assert outcome.detail


def test_what_is_right_passes() -> None:
    assert compare(torch.square, tinygrad_fm.square, (x(),), {}, Check(second=True)).kind == "pass"


def test_an_exception_that_is_missing_is_found() -> None:
    wide = torch.ones(2, 3)
    assert compare(torch.matmul, lambda a, b: a, (wide, wide), {}, Check()).kind == "fail"
    assert compare(torch.matmul, tinygrad_fm.matmul, (wide, wide), {}, Check()).kind == "pass"


def test_an_exception_of_another_type_is_found() -> None:
    def wrong(a: Any, b: Any) -> Any:
        raise KeyError

    assert compare(torch.matmul, wrong, (torch.ones(2, 3),) * 2, {}, Check()).kind == "fail"


def test_a_warning_of_numpys_is_found() -> None:
    def loud(t: Any) -> Any:
        return tinygrad_fm.from_numpy(t.detach().numpy() / 0)

    assert compare(lambda t: t / 0, loud, (torch.ones(2),), {}, Check(gradients=False)).kind == "fail"


def test_what_is_not_offered_is_skipped() -> None:
    assert compare(torch.square, tinygrad_fm.square, (torch.ones(2, dtype=torch.complex64),), {}, Check()).kind == "skip"


def test_conversion_keeps_strides_sharing_and_requires_grad() -> None:
    base = torch.arange(12.0).view(3, 4)
    part, column = base.t()[1:], base[:, 1]
    wide = torch.ones(3, 1).expand(3, 4)
    leaf = torch.ones(2, requires_grad=True)
    ours = Converter()([base, part, column, wide, leaf, leaf])
    assert [t.stride() for t in ours] == [t.stride() for t in (base, part, column, wide, leaf, leaf)]
    assert ours[4] is ours[5]
    assert ours[4].requires_grad
    assert not ours[0].requires_grad
    ours[0].numpy()[0, 1] = 99.0
    assert ours[1][0, 0].item() == ours[2][0].item() == 99.0
    assert base[0, 1].item() == 1.0  # PyTorch's own stays as it is
