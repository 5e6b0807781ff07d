"""Gradients of piecewise linear functions: constants, and yet functions of the input. Writing to quotients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd import grad, primitive

F = torch.nn.functional

PIECEWISE: dict[str, Any] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "prelu": lambda x: F.prelu(x, torch.tensor([0.25])),
    "rrelu": lambda x: F.rrelu(x, training=True),
    "hardtanh": F.hardtanh,
    "hardsigmoid": F.hardsigmoid,
    "hardshrink": F.hardshrink,
    "softshrink": F.softshrink,
    "threshold": lambda x: F.threshold(x, 0.1, 20.0),
    "abs": torch.abs,
    "power 1": lambda x: x**1,
    "norm 1": lambda x: x.norm(1),
    "l1_loss": lambda x: F.l1_loss(x, torch.zeros(4)),
    "max_pool1d": lambda x: F.max_pool1d(x.view(1, 4), 2),
    "avg_pool1d": lambda x: F.avg_pool1d(x.view(1, 4), 2),
}


@pytest.mark.parametrize("name", PIECEWISE)
def test_the_second_derivative_is_zero(name: str) -> None:
    x = torch.tensor([-2.0, -0.3, 0.4, 3.0], requires_grad=True)
    (dx,) = grad(PIECEWISE[name](x).sum(), x, create_graph=True)
    assert dx.requires_grad
    (ddx,) = grad(dx.sum(), x)
    assert ddx.tolist() == [0.0] * 4
    dx = grad(PIECEWISE[name](x).sum(), x, create_graph=True)[0]
    (dx * dx).sum().backward()  # a gradient penalty
    assert x.grad.tolist() == [0.0] * 4


def test_a_gradient_penalty_through_a_network_of_relus() -> None:
    x = torch.tensor([[0.5, -1.0]], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([[1.0, 2.0], [-3.0, 0.5]], dtype=torch.float64, requires_grad=True)

    def penalty(x: Any, w: Any) -> Any:
        (dx,) = grad((F.relu(x @ w) ** 2).sum(), x, create_graph=True)
        return (dx.norm() - 1) ** 2

    assert torch.autograd.gradcheck(penalty, (x, w))


@pytest.mark.parametrize(
    "f", [torch.floor, torch.sign, lambda x: x.clamp(-1, 1), lambda x: x * 2, lambda x: x.max(), lambda x: x**0]
)
def test_elsewhere_a_constant_gradient_depends_on_nothing(f: Any) -> None:
    x = torch.tensor([-2.0, -0.3, 0.4, 3.0], requires_grad=True)
    (dx,) = grad(f(x).sum(), x, create_graph=True)
    assert not dx.requires_grad


def test_an_operation_of_ones_own_may_say_so() -> None:
    step = primitive(np.abs, name="my_abs", piecewise="x", x=lambda g, x: g * np.sign(x._array if hasattr(x, "_array") else x))
    x = torch.tensor([-2.0, 3.0], requires_grad=True)
    (dx,) = grad(step(x).sum(), x, create_graph=True)
    assert dx.tolist() == [-1.0, 1.0] and grad(dx.sum(), x)[0].tolist() == [0.0, 0.0]


QUOTIENTS: dict[str, Any] = {
    "a / b": lambda a, b: a / b,
    "1 / b": lambda a, b: 1 / b,
    "div_": lambda a, b: a.clone().div_(b),
    "share": lambda a, b: b / b.sum(),
    "unit": lambda a, b: b / b.norm(),
    "standardised": lambda a, b: (b - b.mean()) / b.std(),
    "normalize": lambda a, b: F.normalize(b.view(1, 3)),
    "softsign": lambda a, b: F.softsign(b),
    "temperature": lambda a, b: a / b[0],
}
WRITES: dict[str, Any] = {
    "add_": lambda y: y.add_(1),
    "mul_": lambda y: y.mul_(2),
    "[0] =": lambda y: y.__setitem__(0, 3.0),
    "relu_": lambda y: y.relu_(),
    "masked_fill_": lambda y: y.masked_fill_(y.detach() > 1, 0.5),
}


@pytest.mark.parametrize("quotient", QUOTIENTS)
@pytest.mark.parametrize("write", WRITES)
def test_a_quotient_may_be_written_to(quotient: str, write: str) -> None:
    a = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([2.0, 0.7, -1.5], dtype=torch.float64, requires_grad=True)

    def f(a: Any, b: Any) -> Any:
        y = QUOTIENTS[quotient](a, b)
        WRITES[write](y)
        return y.exp() + a.sum() * 0

    assert torch.autograd.gradcheck(f, (a, b))
