"""Folding: equal neighbours drawn once, depth, and graphs that are too large to draw as they are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn, viz


def repeats(graph: viz.Graph) -> list[tuple[int, int]]:
    return [(b.copies, b.period) for b in graph.content.boxes() if b.what == "repeat"]


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        return x + torch.tanh(self.layer(x))


def stack(*widths: int) -> nn.Sequential:
    return nn.Sequential(*map(Block, widths))


def test_equal_modules_are_drawn_once() -> None:
    graph = viz.draw(stack(4, 4, 4), torch.ones(2, 4))
    assert repeats(graph) == [(3, 1)]
    assert {n.id for n in graph.view.nodes} == {"in1", "op1", "p1", "p2", "op2", "op3", "out1"}
    lines = [(line.source.id, line.target.id) for line in graph.view.lines]
    assert sorted(lines) == sorted(
        [("in1", "op1"), ("p1", "op1"), ("p2", "op1"), ("op1", "op2"), ("in1", "op3"), ("op2", "op3"), ("op3", "out1")]
    )
    assert "× 3" in str(graph)
    assert "× 3" in graph.dot()


def test_unfolded_on_request() -> None:
    graph = viz.draw(stack(4, 4, 4), torch.ones(2, 4), fold=False)
    assert len(graph.view.nodes) == 1 + 3 * 5 + 1
    assert "×" not in str(graph)


def test_what_differs_is_not_folded() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 6)

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x))

    assert repeats(viz.draw(Wide(), torch.ones(2, 4))) == []


def test_equal_parts_wired_differently_are_not_folded() -> None:
    class Crossed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(4))

        def forward(self, x: Any) -> Any:
            a = self.layers[0](x)
            b = self.layers[1](a)
            c = self.layers[2](a)  # reads what the first made, not its predecessor
            return self.layers[3](c) + b

    assert repeats(viz.draw(Crossed(), torch.ones(2, 4))) == [(2, 1), (2, 1)]


def test_periods_of_several_modules() -> None:
    layers = [layer for _ in range(4) for layer in (nn.Linear(4, 4), nn.Tanh())]
    graph = viz.draw(nn.Sequential(*layers), torch.ones(2, 4))
    assert repeats(graph) == [(4, 2)]
    assert len(graph.view.nodes) == 1 + 4 + 1
    assert "× 4" in str(graph)


def test_nested_runs() -> None:
    graph = viz.draw(nn.Sequential(stack(4, 4), stack(4, 4), stack(4, 4)), torch.ones(2, 4))
    assert repeats(graph) == [(3, 1), (2, 1), (2, 1), (2, 1)]
    assert len(graph.view.nodes) == 7


def test_shared_weights_are_folded_too() -> None:
    layer = nn.Linear(4, 4)
    graph = viz.draw(nn.Sequential(layer, layer, layer, nn.Tanh()), torch.ones(2, 4))
    assert len([n for n in graph.view.nodes if n.role == "parameter"]) == 2


def test_runs_of_operations_from_three_on() -> None:
    x = torch.ones(2, requires_grad=True)
    assert repeats(viz.draw(torch.exp(torch.exp(x)))) == []
    graph = viz.draw(torch.exp(torch.exp(torch.exp(x))), names={"x": x})
    assert repeats(graph) == [(3, 1)]
    assert [(line.source.id, line.target.id) for line in graph.view.lines] == [("in1", "op1"), ("op1", "out1")]


def test_named_tensors_are_never_folded_away() -> None:
    names = {name: torch.ones(2, requires_grad=True) for name in "abcd"}
    a, b, c, d = names.values()
    graph = viz.draw(a + b + c + d, names=names)
    assert {n.item.title for n in graph.view.nodes if n.item} >= set("abcd")


def test_resnet20_fits_a_screen() -> None:
    import models

    net, x = models.build("resnet20"), torch.ones(1, 1, 28, 28)
    assert len(viz.draw(net, x, depth=1).view.nodes) <= 12
    assert sorted(repeats(viz.draw(net, x))) == [(2, 1), (2, 1), (3, 1)]
    whole = viz.draw(net, x, fold=False)
    assert len(whole.view.nodes) == len(whole.content.items) > 100


def test_a_large_model_folds_by_itself_and_says_so() -> None:
    widths = [4 + (i * i // 3) % 5 for i in range(121)]
    net = nn.Sequential(*(nn.Sequential(nn.Linear(a, b), nn.Tanh()) for a, b in pairwise(widths)))
    graph = viz.draw(net, torch.ones(1, 4))
    assert len(graph.view.nodes) <= 300
    assert graph.notes
    assert any("fold" in note or "groups" in note for note in graph.notes)
    assert graph.notes[0] in str(graph)


def test_a_depth_that_needs_thousands_of_nodes_is_refused_in_words() -> None:
    class Many(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(2, 2))

        def forward(self, x: Any) -> Any:
            parts = [x * i + torch.ones(2, requires_grad=True) for i in range(1700)]
            return sum(parts[1:], parts[0])

    with pytest.raises(ValueError, match=r"depth=9 would draw .* choose a smaller depth"):
        viz.draw(Many(), torch.ones(2), depth=9, fold=False)


def chain(count: int, uneven: bool) -> Any:
    x = torch.ones(2, requires_grad=True)
    y = x
    for i in range(count):
        y = y * 1.0001 if not uneven or (i * i * 7) % 11 < 5 else torch.sin(y)
    return y.sum()


@pytest.mark.parametrize(("count", "uneven"), [(20_000, False), (100_000, True)])
def test_a_hundred_thousand_operations(count: int, uneven: bool) -> None:
    loss = chain(count, uneven)
    graph = viz.draw(loss)
    texts = str(graph), graph.dot(), graph.html()
    assert len(graph.view.nodes) < 300
    assert all(len(text) < 2_000_000 for text in texts)
    assert f"{count + 1:,} operations" in texts[0]
    assert sum(len(node.items) for node in graph.view.nodes) == len(graph.content.items)
