"""What the picture contains: steps, names, roles, modules, for every kind of computation."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn, viz
from tinygrad_fm.viz.content import Box, Edge, Item


def leaf(*shape: int) -> Any:
    return torch.ones(shape, requires_grad=True)


def ops(graph: viz.Graph) -> list[str]:
    return [item.title for item in graph.content.operations()]


def roles(graph: viz.Graph) -> dict[str, str]:
    return {item.title: item.role for item in graph.content.items}


def item(graph: viz.Graph, title: str) -> Item:
    return next(i for i in graph.content.items if i.title == title)


def into(graph: viz.Graph, target: str) -> list[Edge]:
    return [e for e in graph.content.edges if e.target.title == target]


def boxes(graph: viz.Graph) -> list[Box]:
    return [b for b in graph.content.boxes() if b.what == "module"]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.act = nn.Tanh()
        self.last = nn.Linear(3, 2, bias=False)

    def forward(self, x: Any) -> Any:
        return self.last(self.act(self.first(x)) * 2)


# -- expressions ---------------------------------------------------------------------------------------------------------


def test_forward_order_names_and_shapes() -> None:
    a, b = leaf(2, 3), leaf(3)
    total = (a * b).sum()
    graph = viz.draw(total, names={"a": a, "b": b, "total": total})
    assert [i.title for i in graph.content.items] == ["a", "b", "mul", "sum", "total"]
    assert [(e.source.title, e.target.title, e.shape, e.dtype) for e in graph.content.edges] == [
        ("a", "mul", (2, 3), "float32"),
        ("b", "mul", (3,), "float32"),
        ("mul", "sum", (2, 3), "float32"),
        ("sum", "total", (), "float32"),
    ]
    assert roles(graph) == {"a": "leaf", "b": "leaf", "mul": "operation", "sum": "operation", "total": "output"}


def test_a_tensor_used_twice_is_drawn_once_with_two_edges() -> None:
    x = leaf(2)
    graph = viz.draw((x * x).sum(), names={"x": x})
    assert [e.source.title for e in into(graph, "mul")] == ["x", "x"]
    assert len(graph.view.lines) == 4
    assert [i.title for i in graph.content.items].count("x") == 1


def test_two_losses_sharing_a_trunk() -> None:
    x = leaf(3)
    trunk = torch.exp(x)
    one, two = trunk.sum(), (trunk * trunk).mean()
    graph = viz.draw([one, two], names={"one": one, "two": two})
    assert ops(graph) == ["exp", "sum", "mul", "mean"]
    assert [i.title for i in graph.content.items if i.role == "output"] == ["one", "two"]


def test_a_leaf_by_itself() -> None:
    x = leaf(2)
    graph = viz.draw(x, names={"x": x})
    assert ops(graph) == []
    assert str(graph).splitlines()[1:] == ["  x  (2,) float32  leaf", "  output x"]


def test_integers_and_other_inputs_without_gradient_that_a_rule_reads() -> None:
    x, k = leaf(4, 3), torch.tensor([0, 2, 1, 0])
    loss = torch.nn.functional.cross_entropy(x, k)
    graph = viz.draw(loss, names={"logits": x, "labels": k})
    assert (item(graph, "labels").role, item(graph, "labels").dtype) == ("input", "int64")


def test_numbers_are_written_on_the_operation() -> None:
    assert item(viz.draw(leaf(2) * 2.5), "mul").brief.endswith("2.5")


def test_several_outputs() -> None:
    x = leaf(2, 3)
    values, _ = torch.autograd.primitive(
        lambda x: (x + 1, x[:, :1] * 2), name="pair", outputs=2, x=lambda g: g[0] if g[0] is not None else None
    )(x)
    small = torch.autograd.primitive(
        lambda x: (x + 1, x[:, :1] * 2), name="pair", outputs=2, x=lambda g: g[0] if g[0] is not None else None
    )(x)[1]
    graph = viz.draw([values.sum(), small.sum()])
    assert [e.shape for e in graph.content.edges if e.source.title == "pair"] == [(2, 3), (2, 1)]


def test_in_place_operations() -> None:
    x = leaf(3)
    y = x * 2
    y.mul_(3)
    y += 1
    assert ops(viz.draw(y.sum())) == ["mul", "mul", "add", "sum"]


def test_writing_through_views() -> None:
    x = leaf(4)
    y = x * 1
    part = y[1:3]
    part.mul_(5)
    graph = viz.draw(y.sum(), names={"x": x})
    assert "view_scatter" in ops(graph)
    assert sorted(e.source.title for e in into(graph, "view_scatter")) == ["mul", "mul"]


def test_a_view_that_lags_is_drawn_up_to_date_and_left_as_it_was() -> None:
    x = leaf(4)
    y = x * 1
    part = y[1:3]
    y.mul_(5)
    node, seen = part._node, part._view.seen
    assert ops(viz.draw(part)) == ["mul", "mul", "getitem"]
    assert part._node is node
    assert part._view.seen == seen


def test_before_and_after_backward() -> None:
    x, w = torch.ones(2, 3), leaf(4, 3)
    loss = torch.nn.functional.linear(x, w).exp().sum()
    before = viz.draw(loss, names={"x": x, "w": w})
    loss.backward()
    after = viz.draw(loss, names={"x": x, "w": w})
    assert ops(before) == ops(after) == ["linear", "exp", "sum"]
    assert "x" in roles(before)  # its array is no longer held afterwards


def test_without_a_tape_it_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"no tape.*viz\.trace"):
        viz.draw(torch.ones(2) * 2)
    with pytest.raises(TypeError, match="expected a Tensor, a Module or a trace, got int"):
        viz.draw([3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color_by": "mood"}, "color_by must be one of"),
        ({"direction": "UP"}, "direction must be"),
        ({"depth": 0}, "depth must be"),
        ({"color_by": "time"}, "a tape holds no times"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        viz.draw(leaf(2) * 2, **options)


# -- modules -------------------------------------------------------------------------------------------------------------


def test_modules_are_boxes_and_parameters_have_their_names() -> None:
    net, x = Net(), torch.ones(5, 4)
    graph = viz.draw(net(x).sum(), model=net, names={"x": x})
    assert [(b.path, b.kind, b.parameters) for b in boxes(graph)] == [
        ("", "Net", 21),
        ("first", "Linear", 15),
        ("act", "Tanh", 0),
        ("last", "Linear", 6),
    ]
    assert [i.title for i in graph.content.items if i.role == "parameter"] == ["first.weight", "first.bias", "last.weight"]
    assert item(graph, "first.weight").box.path == "first"  # type: ignore[union-attr]
    assert item(graph, "mul").box.path == ""  # type: ignore[union-attr]
    assert graph.content.title == "Net · 21 parameters · 84 B · 5 operations"


def test_without_the_model_names_come_from_the_module_that_was_called() -> None:
    net = Net()
    without, with_model = viz.draw(net(torch.ones(5, 4))), viz.draw(net(torch.ones(5, 4)), model=net)
    assert str(without).splitlines()[1:] == str(with_model).splitlines()[1:]


def test_a_model_and_an_input() -> None:
    net = Net()
    graph = viz.draw(net, torch.ones(5, 4))
    assert roles(graph)["input"] == "input"
    assert [e.shape for e in into(graph, "output")] == [(5, 2)]
    with pytest.raises(ValueError, match="needs an input"):
        viz.draw(net)


def test_buffers_have_their_names() -> None:
    graph = viz.draw(nn.Sequential(nn.BatchNorm1d(3)).eval(), torch.ones(2, 3))
    assert {i.title for i in graph.content.items if i.role == "constant"} == {"0.running_mean", "0.running_var"}


def test_an_operation_of_the_users_own() -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(3)
    for graph in (viz.draw(Double.apply(x).sum(), names={"x": x}, backward=True), traced(lambda: Double.apply(x).sum(), x)):
        assert [e.source.title for e in into(graph, ops(graph)[-2])] == ["x"]
        assert "Double" in ops(graph)[-2]


def traced(run: Any, x: Any) -> viz.Graph:
    with viz.trace() as t:
        run()
    return t.draw(names={"x": x})


def test_activations_that_are_computed_again() -> None:
    from tinygrad_fm.utils.checkpoint import checkpoint

    x = leaf(3)
    y = checkpoint(lambda x: torch.exp(torch.sin(x)), x, use_reentrant=False).sum()
    graph = viz.draw(y, names={"x": x}, color_by="grad")
    assert ops(graph) == ["sin", "exp", "sum"]
    y.backward()
    assert item(graph, "x").measures["gradient"] == pytest.approx(float(np.linalg.norm(x.grad.numpy())))  # type: ignore[union-attr]


def test_a_module_that_is_called_twice_has_two_boxes() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.act = nn.Linear(3, 3), nn.Tanh()

        def forward(self, x: Any) -> Any:
            return self.layer(self.act(self.layer(x)))

    graph = viz.draw(Twice(), torch.ones(1, 3))
    assert [b.title() for b in boxes(graph)] == ["Twice", "layer: Linear", "act: Tanh", "layer: Linear (call 2)"]
    assert [i.title for i in graph.content.items].count("layer.weight") == 1


def test_containers_that_are_not_called_are_boxes_too() -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return x

    assert [b.path for b in boxes(viz.draw(Listed(), torch.ones(1, 2)))] == ["", "layers", "layers.0", "layers.1"]


def test_a_model_that_is_gone_leaves_the_operations() -> None:
    net: Any = Net()
    y = net(torch.ones(1, 4)).sum()
    del net
    gc.collect()
    graph = viz.draw(y)
    assert ops(graph) == ["linear", "tanh", "mul", "linear", "sum"]
    assert boxes(graph) == []


def test_depth_one_shows_one_box_per_child() -> None:
    graph = viz.draw(Net(), torch.ones(1, 4), depth=1)
    assert [n.closed.path for n in graph.view.nodes if n.closed] == ["first", "act", "last"]
    assert [(line.source.id, line.target.id) for line in graph.view.lines] == [
        ("in1", "first#1"),
        ("first#1", "act#1"),
        ("act#1", "op3"),
        ("op3", "last#1"),
        ("last#1", "out1"),
    ]


def test_lenet() -> None:
    import models

    graph = viz.draw(models.build("lenet"), torch.ones(1, 1, 28, 28))
    inner = [b for b in boxes(graph) if b.path]
    assert len(inner) == 13
    shapes = {e.shape[1:] for e in graph.content.edges if e.source.id.startswith("op")}
    assert shapes == {(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (400,), (120,), (84,), (10,)}
    assert [b.parameters for b in inner] == [156, 12, 0, 0, 2416, 32, 0, 0, 48120, 0, 10164, 0, 850]
    folded = viz.draw(models.build("lenet"), torch.ones(1, 1, 28, 28), depth=1)
    assert [n.closed.path for n in folded.view.nodes if n.closed] == [b.path for b in inner]


# -- the backward pass ---------------------------------------------------------------------------------------------------


def test_what_a_rule_keeps() -> None:
    x, w = torch.ones(5, 4), leaf(3, 4)
    graph = viz.draw(torch.nn.functional.linear(x, w).tanh().sum(), names={"x": x, "w": w}, backward=True)
    kept = {i.title: [(k.shape, k.bytes) for k in i.kept or ()] for i in graph.content.operations()}
    assert kept["linear"] == [((5, 4), 80)]  # the input, for the weight's gradient; the weight itself is not needed
    assert kept["tanh"] == [((5, 3), 60)]
    assert item(graph, "linear").rules == ("weight",)
    assert "saves" in graph.dot()
    assert [e.live for e in into(graph, "linear")] == [False, True]


def test_what_an_operation_of_several_results_keeps_is_counted_once() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8))
    kept = {k.name: k.bytes for k in item(viz.draw(model, torch.ones(5, 4)), "batch_norm").kept or ()}
    assert kept["x"] == 5 * 8 * 4 and kept["1 / standard deviation"] == 8 * 4
    graph = viz.draw(torch.nn.LSTM(4, 3), torch.ones(5, 2, 4))
    assert sum(k.bytes for k in item(graph, "lstm").kept or ()) > 5 * 2 * 12 * 4  # the gates of all steps, and more


def test_memory_that_a_leaf_holds_anyway_costs_nothing() -> None:
    x, w = leaf(5, 4), leaf(3, 4)
    graph = viz.draw(torch.nn.functional.linear(x, w).sum())
    assert [k.bytes for k in item(graph, "linear").kept or ()] == [0, 0]


def test_gradients_before_and_after_backward() -> None:
    net = Net()
    loss = net(torch.ones(5, 4)).sum()
    before = viz.draw(loss, model=net, color_by="grad")
    known = {i.title: i.measures["gradient"] for i in before.content.items if "gradient" in i.measures}
    assert set(known) == {"first.weight", "first.bias", "last.weight", "linear", "tanh", "mul", "sum"}
    assert net.first.weight.grad is None
    loss.backward()
    after = viz.draw(loss, model=net, color_by="grad")
    for name, parameter in net.named_parameters():
        norm = float(np.linalg.norm(parameter.grad.numpy()))  # type: ignore[union-attr]
        assert known[name] == pytest.approx(norm, rel=1e-5)
        assert item(after, name).measures["gradient"] == pytest.approx(norm, rel=1e-5)
    assert any("backward pass is over" in note for note in after.notes)


def test_nan_and_zero_gradients_stand_out() -> None:
    x, z, dead = leaf(2), torch.zeros(2, requires_grad=True), leaf(2)
    loss = (x * torch.sqrt(z - 1)).sum() + (dead * 0).sum()
    dot = viz.draw(loss, names={"x": x, "dead": dead}, color_by="grad").dot()
    assert "NaN" in dot
    assert "zero" in dot


def test_the_graph_of_a_gradient() -> None:
    x = leaf(3)
    y = torch.tanh(x).sum()
    (dx,) = torch.autograd.grad(y, x, create_graph=True)
    graph = viz.draw([y, dx], names={"x": x, "y": y, "dx": dx})
    gradient = [i for i in graph.content.operations() if i.role == "gradient"]
    assert gradient
    assert {i.gradient_of for i in gradient} <= {"tanh", "sum"}
    assert [b.what for b in graph.content.boxes()] == ["backward"]
    assert roles(graph)["tanh"] == "operation"


def test_gradients_of_modules_stand_in_boxes_of_their_own() -> None:
    net = Net()
    (dw,) = torch.autograd.grad(net(torch.ones(1, 4)).sum(), net.first.weight, create_graph=True)
    graph = viz.draw(dw, model=net)
    outer = next(b for b in graph.content.boxes() if b.what == "backward")
    inside = [b for b in graph.content.boxes() if b.path == "first" and b.parent is not None]
    assert any(b.parent.parent is outer for b in inside)  # type: ignore[union-attr]


# -- drawing changes nothing ---------------------------------------------------------------------------------------------


class Random(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm, self.drop = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)

    def forward(self, x: Any) -> Any:
        return self.drop(self.norm(self.layer(x)))


@pytest.mark.parametrize("options", [{}, {"color_by": "time"}, {"color_by": "grad"}, {"backward": True}])
def test_running_a_model_to_draw_it_leaves_no_trace(options: dict[str, Any]) -> None:
    net = Random()
    x = torch.randn(8, 4)
    net(x).sum().backward()
    gradients = {name: p.grad.numpy().copy() for name, p in net.named_parameters()}  # type: ignore[union-attr]
    buffers = {name: (b, b.numpy().copy()) for name, b in net.named_buffers()}
    position = torch.get_rng_state()
    viz.draw(net, x, **options)
    assert torch.equal(torch.get_rng_state(), position)
    for name, parameter in net.named_parameters():
        np.testing.assert_array_equal(parameter.grad.numpy(), gradients[name])  # type: ignore[union-attr]
    for name, buffer in net.named_buffers():
        assert buffer is buffers[name][0]
        np.testing.assert_array_equal(buffer.numpy(), buffers[name][1])


@pytest.mark.parametrize("options", [{}, {"color_by": "memory"}, {"color_by": "grad"}, {"backward": True}])
def test_drawing_a_tape_leaves_it_whole(options: dict[str, Any]) -> None:
    def run(drawn: bool) -> tuple[Any, list[str]]:
        x, calls = leaf(3), []
        y = torch.tanh(x * 2)
        y.register_hook(lambda g: calls.append("hook"))
        loss = y.sum()
        if drawn:
            graph = viz.draw(loss, **options)
            assert calls == []
            for text in (graph.dot(), graph.html(), str(graph)):
                assert "tanh" in text
        loss.backward()
        return x.grad.numpy(), calls  # type: ignore[union-attr]

    plain, drawn = run(False), run(True)
    np.testing.assert_array_equal(plain[0], drawn[0])
    assert plain[1] == drawn[1] == ["hook"]


def test_a_graph_keeps_no_large_tape_alive() -> None:
    x = leaf(3_000_000)
    y = torch.exp(x).sum()
    node = weakref.ref(y._node)
    graph = viz.draw(y)
    del y
    gc.collect()
    assert node() is None
    assert "exp" in str(graph)
