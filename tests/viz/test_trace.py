"""``viz.trace()``: what the tape does not hold."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import tinygrad_fm as torch
from tests.platforms import needs_threads
from tinygrad_fm import nn, viz


def texts(graph: viz.Graph) -> list[str]:
    return [line.strip() for line in str(graph).splitlines()]


def test_parts_without_gradient() -> None:
    x = torch.ones(3, requires_grad=True)
    with viz.trace() as t:
        y = x * 2
        with torch.no_grad():
            hits = (y > 1).float().mean()
        (y.detach() * 3).sum()
        loss = y.sum()
    graph = t.draw(names={"x": x, "hits": hits, "loss": loss})
    roles = [(i.title, i.role) for i in graph.content.operations()]
    assert roles == [
        ("mul", "operation"),
        ("gt", "untracked"),
        ("to", "untracked"),
        ("mean", "untracked"),
        ("mul", "untracked"),
        ("sum", "untracked"),
        ("sum", "operation"),
    ]
    sources = {e.target.id: e.source.id for e in graph.content.edges}
    assert sources["op2"] == "op1"  # the comparison reads the product
    assert sources["op5"] == "op1"  # and so does what was computed from its detached value
    assert [i.title for i in graph.content.items if i.role == "output"] == ["hits", "output", "loss"]


def test_in_place_without_gradient() -> None:
    with viz.trace() as t:
        a = torch.ones(3)
        a.add_(1)
        b = a * 2
        b.mul_(3).sum()
    graph = t.draw()
    assert [i.title for i in graph.content.operations()] == ["add_", "mul", "mul_", "sum"]
    chain = [(e.source.id, e.target.id) for e in graph.content.edges if e.source.id.startswith("op")]
    assert chain == [("op1", "op2"), ("op2", "op3"), ("op3", "op4"), ("op4", "out1")]


def test_times_and_gradients_of_a_step() -> None:
    x = torch.ones(50, 50, requires_grad=True)
    with viz.trace() as t:
        torch.exp(x).sum().backward()
    graph = t.draw(color_by="time", names={"x": x})
    for operation in graph.content.operations():
        assert operation.measures["forward"] > 0
        assert operation.measures["backward"] > 0
    assert [i.order for i in graph.content.operations()] == [2, 1]
    assert "forward" in str(graph)
    by_gradient = t.draw(color_by="grad", names={"x": x})
    norms = {i.title: i.measures.get("gradient") for i in by_gradient.content.items}
    assert norms["sum"] == 1.0
    assert norms["exp"] == pytest.approx(50.0)
    assert norms["x"] == pytest.approx(50 * torch.e, rel=1e-5)


def test_what_is_kept_is_known_after_backward_too() -> None:
    x = torch.ones(4, 4, requires_grad=True)
    with viz.trace() as t:
        torch.exp(x).sum().backward()
    operation = t.draw().content.operations()[0]
    assert [(k.name, k.bytes) for k in operation.kept or ()] == [("result", 64)]


def test_an_operation_that_fails_in_its_kernel() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    with pytest.raises((ValueError, RuntimeError)), viz.trace() as t:
        torch.exp(x) @ torch.ones(2, 3)
    graph = t.draw(names={"x": x})
    *_, last = graph.content.operations()
    assert (last.role, last.title) == ("failed", "matmul")
    assert [e.shape for e in graph.content.edges if e.target is last] == [(2, 3), (2, 3)]
    assert t.failed is not None
    assert "cut short by an error" in graph.notes
    assert "FAILED" in str(graph)
    assert "#c01f1f" in graph.dot()


def test_an_operation_that_refuses_its_arguments_inside_a_module() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(5, 2))
    with pytest.raises(RuntimeError), viz.trace(places=True) as t:
        net(torch.ones(1, 4))
    *_, last = t.draw(model=net).content.operations()
    assert (last.role, last.title, last.box and last.box.path) == ("failed", "linear", "2")
    assert "(1, 3)" in last.error
    assert last.place.rpartition(":")[0] == __file__


def test_an_error_that_is_no_operations() -> None:
    with pytest.raises(KeyError), viz.trace() as t:
        torch.ones(2) * 2
        raise KeyError("elsewhere")
    assert [i.role for i in t.draw().content.operations()] == ["untracked"]


def test_what_was_recorded_before_belongs_to_the_picture() -> None:
    x = torch.ones(3, requires_grad=True)
    y = torch.exp(x)
    with viz.trace() as t:
        y.sum()
    assert [i.title for i in t.draw(names={"x": x}).content.operations()] == ["exp", "sum"]


@needs_threads
def test_only_the_thread_that_traces_is_seen() -> None:
    def other() -> None:
        torch.exp(torch.ones(2))

    with viz.trace() as t:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        torch.sin(torch.ones(2))
    assert [i.title for i in t.draw().content.operations()] == ["sin"]


def test_the_line_of_the_users_code() -> None:
    x = torch.ones(3, requires_grad=True)
    with torch.autograd.record_places():
        y = torch.nn.functional.relu(x)
    z = y * 2
    places = {i.title: i.place for i in viz.draw(z).content.operations()}
    assert places["relu"].rpartition(":")[0] == __file__
    assert places["mul"] == ""
    assert places["relu"] in viz.draw(z).dot()
    with torch.autograd.record_places(), viz.trace() as t:
        torch.exp(torch.ones(2))
    assert t.draw().content.operations()[0].place.startswith(__file__)


def test_a_trace_of_nothing() -> None:
    with viz.trace() as t:
        pass
    assert str(t.draw()) == "0 operations"


def test_a_recorded_backward_in_a_trace() -> None:
    x = torch.ones(3, requires_grad=True)
    with viz.trace() as t:
        y = (x * x).sum()
        torch.autograd.grad(y, x, create_graph=True)
    roles: list[Any] = [i.role for i in t.draw(names={"x": x}).content.operations()]
    assert roles[:2] == ["operation", "operation"]
    assert set(roles[2:]) == {"gradient"}
