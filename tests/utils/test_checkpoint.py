"""Checkpointed functions: the gradients of the plain ones, with less kept."""

from __future__ import annotations

import gc
import weakref

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.utils.checkpoint import checkpoint, checkpoint_sequential


def _model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 1))


def _gradients(model: nn.Module, run: object) -> list[list[float]]:
    x = torch.arange(12.0).reshape(2, 6).requires_grad_()
    torch.manual_seed(1)
    model.zero_grad()
    run(x).sum().backward()  # type: ignore[operator]
    return [x.grad.tolist(), *(p.grad.tolist() for p in model.parameters())]


def test_gradients_and_dropout_are_those_of_the_plain_run() -> None:
    model = _model()
    plain = _gradients(model, model)
    assert _gradients(model, lambda x: checkpoint(model, x)) == plain
    assert _gradients(model, lambda x: checkpoint_sequential(model, 3, x)) == plain


def test_only_the_inputs_are_kept() -> None:
    held: list[weakref.ref[object]] = []

    def f(x: torch.Tensor) -> torch.Tensor:
        h = x.exp()
        held.append(weakref.ref(h._array))
        return h.sin() * 2

    x = torch.ones(3, requires_grad=True)
    gc.disable()
    try:
        y = checkpoint(f, x)
        assert held[0]() is None
        y.sum().backward()
        assert len(held) == 2 and held[1]() is None
    finally:
        gc.enable()


def test_second_order_and_autograd_grad() -> None:
    x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(checkpoint(lambda x: (x * x).exp() * x, x).sum(), x, create_graph=True)
    (gg,) = torch.autograd.grad(g.sum(), x)
    e = (x * x).exp().detach()
    assert torch.allclose(g, e * (1 + 2 * x * x)) and torch.allclose(gg, e * (6 * x + 4 * x**3))


def test_going_back_twice_needs_retain_graph() -> None:
    x = torch.ones(2, requires_grad=True)
    y = checkpoint(lambda x: x.exp() * x, x).sum()
    y.backward(retain_graph=True)
    first = x.grad.clone()
    y.backward()
    assert torch.equal(x.grad, 2 * first)
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_an_input_changed_in_between_is_refused() -> None:
    x = torch.ones(2, requires_grad=True)
    h = x * 1
    y = checkpoint(lambda h: h * 3, h)
    z = checkpoint(lambda h: h * h, h)
    h.add_(1)
    y.sum().backward()  # read nothing that changed: 3 is a constant
    with pytest.raises(RuntimeError, match="modified in place"):
        z.sum().backward()


def test_a_function_that_does_something_else_the_second_time_is_refused() -> None:
    calls: list[int] = []

    def f(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x.exp() if len(calls) == 1 else x.exp().exp()

    with pytest.raises(RuntimeError, match="other operations"):
        checkpoint(f, torch.ones(2, requires_grad=True)).sum().backward()


def test_numbers_of_segments_are_checked() -> None:
    with pytest.raises(ValueError, match="between 1 and"):
        checkpoint_sequential(_model(), 7, torch.ones(2, 6))
