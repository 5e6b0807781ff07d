"""With the garbage collector off, a finished step leaves nothing behind; a step that failed neither."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd.node import Node


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def nodes(no_collector: None, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Weak references to every node recorded during the test."""
    seen: list[Any] = []
    init = Node.__init__

    def recording(self: Node, *args: Any) -> None:
        init(self, *args)
        seen.append(weakref.ref(self))

    monkeypatch.setattr(Node, "__init__", recording)
    return seen


def alive(nodes: list[Any]) -> int:
    return sum(node() is not None for node in nodes)


def network(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    h = (x @ w + b).relu()
    h = torch.cat([h, h * 2], dim=1).softmax(1)
    top, _ = h.max(dim=1)
    return (h[:, 1:] ** 2).mean() + top.sum()


@pytest.fixture
def params() -> list[torch.Tensor]:
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal((4, 3)))
    return [x, *(torch.tensor(rng.standard_normal(s), requires_grad=True) for s in ((3, 5), (5,)))]


def test_a_finished_step_leaves_nothing(nodes: list[Any], params: list[torch.Tensor]) -> None:
    loss = network(*params)
    loss.backward()
    assert len(nodes) > 5
    del loss
    assert alive(nodes) == 0


def test_a_graph_dropped_without_backward(nodes: list[Any], params: list[torch.Tensor]) -> None:
    loss = network(*params)
    del loss
    assert alive(nodes) == 0


def test_a_step_with_create_graph(nodes: list[Any], params: list[torch.Tensor]) -> None:
    loss = network(*params)
    grads = torch.autograd.grad(loss, params[1:], create_graph=True)
    sum(g.square().sum() for g in grads).backward()
    del loss, grads
    assert alive(nodes) == 0


def test_backward_with_create_graph_lives_as_long_as_the_gradients(nodes: list[Any], params: list[torch.Tensor]) -> None:
    network(*params).backward(create_graph=True)
    for p in params[1:]:
        p.grad = None
    assert alive(nodes) == 0


def test_an_exception_in_the_forward_pass(nodes: list[Any], params: list[torch.Tensor]) -> None:
    def step() -> None:
        h = params[0] @ params[1]
        h @ torch.ones(7, 7, dtype=torch.float64)

    try:
        step()
    except RuntimeError:
        pass
    else:
        pytest.fail("shapes that do not fit must raise")
    assert nodes
    assert alive(nodes) == 0


def test_an_exception_in_the_backward_pass(nodes: list[Any], params: list[torch.Tensor]) -> None:
    def explode(grad: torch.Tensor) -> None:
        raise KeyError("from a hook")

    def step() -> None:
        h = params[0] @ params[1]
        h.register_hook(explode)
        h.tanh().sum().backward()

    try:
        step()
    except KeyError:
        pass
    else:
        pytest.fail("the hook's exception must come through")
    assert nodes
    assert alive(nodes) == 0


def test_views_and_writes_in_place(nodes: list[Any], params: list[torch.Tensor]) -> None:
    h = params[0] @ params[1]
    view = h[1:]
    view.mul_(2)
    h[0] = h[1] * 3
    h.t().add_(1)
    h.sum().backward()
    del h, view
    assert alive(nodes) == 0


def test_hooks_and_retained_gradients(nodes: list[Any], params: list[torch.Tensor]) -> None:
    h = params[0] @ params[1]
    h.retain_grad()
    h.register_hook(lambda g: g * 2)
    h.sum().backward()
    assert h.grad is not None
    reference = weakref.ref(h)
    del h
    assert reference() is None
    assert alive(nodes) == 0


def test_tensors_are_released_too(no_collector: None) -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    z = y.exp()
    references = [weakref.ref(t) for t in (x, y, z)]
    z.sum().backward()
    del x, y, z
    assert [r() for r in references] == [None, None, None]


def test_saved_arrays_go_as_soon_as_they_are_used(no_collector: None) -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.exp()
    array = weakref.ref(y.detach().numpy())
    z = (y * 2).sum()
    del y
    assert array() is not None  # exp's rule reads its result
    z.backward()
    assert array() is None  # though the graph still hangs on z


def test_only_what_a_live_rule_reads_is_kept(no_collector: None) -> None:
    x, w = torch.ones(3), torch.ones(3, requires_grad=True)
    big = x + 1
    kept = weakref.ref(big.numpy())
    y = w + big  # addition reads nothing
    del big
    assert kept() is None
    assert y.requires_grad


def test_leaves_are_not_kept_by_the_graph(no_collector: None) -> None:
    x = torch.ones(3, requires_grad=True)
    gone = weakref.ref(x)
    y = (x * 2).sum()
    del x
    assert gone() is None
    y.backward()  # delivers to nobody, and does not fail


def test_functional_transforms_leave_nothing(nodes: list[Any], params: list[torch.Tensor]) -> None:
    x = params[0]
    torch.func.grad(lambda t: (t["a"] ** 2).sum())({"a": x})
    torch.func.vjp(lambda q: q * q, x)[1](x)
    torch.func.jvp(lambda q: q * q, (x,), (x,))
    torch.func.hessian(lambda q: (q**3).sum())(x[0])
    assert len(nodes) > 20
    assert alive(nodes) == 0
