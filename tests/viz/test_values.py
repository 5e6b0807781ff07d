"""Numbers in pictures: data and gradients on the nodes, and colours by gradient."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn, viz
from tinygrad_fm.viz.recording import value_text
from tinygrad_fm.viz.style import HEAT, Heat


def expression() -> tuple[Any, dict[str, Any]]:
    a, b, c, f = (torch.tensor(v, requires_grad=True) for v in (2.0, -3.0, 10.0, -2.0))
    loss = (a * b + c) * f
    return loss, {"a": a, "b": b, "c": c, "f": f, "L": loss}


KNOWN = {
    "a": ("2", "6"),
    "b": ("-3", "-4"),
    "c": ("10", "-2"),
    "f": ("-2", "4"),
    "mul": ("-6", "-2"),
    "add": ("4", "-2"),
    "L": ("-8", "1"),
}


def numbers(graph: viz.Graph) -> dict[str, tuple[str, str]]:
    return {i.name or i.title: (i.data, i.grad) for i in graph.content.items if i.role != "output"}


@pytest.mark.parametrize("after", [False, True])
def test_data_and_gradient_stand_on_every_node(after: bool) -> None:
    loss, names = expression()
    if after:
        loss.backward()
    graph = viz.draw(loss, names=names, values=True)
    assert numbers(graph) == KNOWN
    assert not graph.notes
    assert (names["a"].grad is not None) is after  # drawing leaves what it finds
    for text in ("data -6", "grad -2", "data -3", "grad -4"):
        assert text in graph.dot() and text in str(graph) and text in graph.html()


def test_a_trace_knows_its_numbers() -> None:
    with viz.trace() as t:
        loss, names = expression()
        loss.backward()
    assert numbers(t.draw(names=names, values=True)) == KNOWN


def test_a_models_numbers() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    x = torch.tensor([[1.0, 2.0]])
    graph = viz.draw(net, x, values=True)
    assert graph.content.items[0].data == "1  2"
    result = next(i for i in graph.content.operations() if i.id == "op3")
    assert result.data == value_text(net(x).numpy(force=True)) and result.grad == "1"
    assert all(p.grad is None for p in net.parameters())


def test_after_a_step_of_the_optimizer_old_numbers_are_not_made_up() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    y = w * 3
    loss = y * y
    loss.backward()
    with torch.no_grad():
        w.sub_(1.0)
    graph = viz.draw(loss, names={"w": w}, values=True)
    assert [i.data for i in graph.content.operations()] == ["", "36"]
    assert "some values are not known any more" in graph.notes[0]


def test_values_of_operations_with_several_results_views_and_writes() -> None:
    x = torch.tensor([[3.0, 1.0], [2.0, 5.0]], requires_grad=True)
    values, _ = x.max(1)
    y = x * 1
    y[0] = 7.0
    loss = (values * 2).sum() + y.sum()
    loss.backward()
    graph = viz.draw(loss, names={"x": x}, values=True)
    assert not graph.notes
    assert next(i for i in graph.content.items if i.title == "x").grad == value_text(x.grad.numpy())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array(1 / 3), "0.3333"),
        (np.array(7), "7"),
        (np.array([True, False]), "True  False"),
        (np.zeros((0, 3)), "empty"),
        (np.arange(100.0), "0 … 99"),
        (np.r_[np.arange(9.0), np.nan, np.inf], "0 … 8, 2 not finite"),
        (np.full(9, np.nan), "9 not finite"),
        (np.arange(10) % 2 == 0, "5 of 10 True"),
    ],
)
def test_numbers_as_text(array: Any, text: str) -> None:
    assert value_text(array).replace("\N{FIGURE SPACE}", "") == text


# -- colours by gradient -------------------------------------------------------------------------------------------------


def vanishing() -> Any:
    x = torch.full((4,), 0.5, requires_grad=True)
    for _ in range(8):
        x = torch.sigmoid(x)
    return x.sum()


def test_coloured_pictures_show_every_gradient() -> None:
    graph = viz.draw(vanishing(), color_by="grad")
    heat = Heat("grad", graph.view)
    shown = [heat.values(n) for n in graph.view.nodes if n.item is not None and n.item.title == "sigmoid"]
    assert len(shown) == 8 and all(len(values) == 1 for values in shown)
    assert shown[0][0] < 1e-3 * shown[-1][0]


def test_folded_on_request_they_show_the_range() -> None:
    graph = viz.draw(vanishing(), color_by="grad", fold=True)
    heat = Heat("grad", graph.view)
    node = next(n for n in graph.view.nodes if n.copies == 8)
    values = heat.values(node)
    assert len(values) == 8
    assert heat.text(node) == f"gradients {min(values):.3g} … {max(values):.3g}"
    assert heat.color(node) == HEAT[-1]


def test_a_nan_among_folded_ones_is_not_hidden() -> None:
    z = torch.tensor([-1.0, 4.0], requires_grad=True)
    y = torch.sqrt(torch.sqrt(torch.sqrt(z)))
    graph = viz.draw(y.sum(), color_by="grad", fold=True)
    node = next(n for n in graph.view.nodes if n.copies == 3)
    assert Heat("grad", graph.view).color(node) == "#1b1b1b" and "nan" in Heat("grad", graph.view).text(node)


@pytest.mark.parametrize("after", [False, True])
def test_single_numbers_keep_their_sign(after: bool) -> None:
    loss, names = expression()
    if after:
        loss.backward()
    graph = viz.draw(loss, names=names, color_by="grad")
    found = {i.name or i.title: i.measures["gradient"] for i in graph.content.items if "gradient" in i.measures}
    assert found == {"a": 6, "b": -4, "c": -2, "f": 4, "mul": -2, "add": -2, "L": 1}
    assert "gradient -4" in graph.dot() and "gradient -4" in str(graph)


def test_gradients_kept_by_retain_grad_are_shown_after_backward() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    h = w * 3
    h.retain_grad()
    loss = (h * h).sum()
    loss.backward()
    with torch.no_grad():
        w.zero_()  # so that nothing can be computed again
    graph = viz.draw(loss, color_by="grad")
    found = {i.title: i.measures.get("gradient") for i in graph.content.operations()}
    assert found["sum"] is None
    norms = [i.measures["gradient"] for i in graph.content.operations() if "gradient" in i.measures]
    assert norms == [pytest.approx(float(np.linalg.norm(h.grad.numpy())))]  # type: ignore[union-attr]
    assert "retain_grad" in graph.notes[0]


def test_after_backward_gradients_are_computed_again() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1])
    loss = nn.functional.cross_entropy(net(x), y)
    before = viz.draw(loss, model=net, color_by="grad")
    loss.backward()
    gradients = [p.grad.numpy().copy() for p in net.parameters()]  # type: ignore[union-attr]
    after = viz.draw(loss, model=net, color_by="grad")
    known = [{i.id: i.measures["gradient"] for i in g.content.operations()} for g in (before, after)]
    assert known[1] == pytest.approx(known[0], rel=1e-4) and not after.notes
    for p, g in zip(net.parameters(), gradients, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), g)  # type: ignore[union-attr]


def test_the_scale_gives_the_ends_of_its_steps() -> None:
    graph = viz.draw(vanishing(), color_by="grad")
    heat = Heat("grad", graph.view)
    scale = heat.scale()
    assert [color for color, _, _ in scale] == list(HEAT)
    assert scale[0][1] == f"{heat.low:.3g}" and scale[-1][2] == f"{heat.high:.3g}"
    assert all(end == start for (_, _, end), (_, start, _) in pairwise(scale))
