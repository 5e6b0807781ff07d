"""What an operation reads, in its order: numbers, constants, indices, masks; what a model was handed and what it made."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn, viz


def operation(graph: viz.Graph) -> str:
    """The first operation's line of the text."""
    return next(line.strip() for line in str(graph).splitlines() if "=" in line)


def labels(graph: viz.Graph) -> list[tuple[str, str]]:
    return [(edge.source.title, edge.label) for edge in graph.content.edges if edge.target.id == "op1"]


A = [
    (lambda a: a + 1, "add(a, 1)", "x + 1"),
    (lambda a: a + 2, "add(a, 2)", "x + 2"),
    (lambda a: a - 1, "sub(a, 1)", "x − 1"),
    (lambda a: 1 - a, "sub(1, a)", "1 − x"),
    (lambda a: a * 0.5, "mul(a, 0.5)", "x × 0.5"),
    (lambda a: a / 2, "div(a, 2)", "x / 2"),
    (lambda a: 2 / a, "div(2, a)", "2 / x"),
    (lambda a: a**3, "pow(a, 3)", "x ** 3"),
    (lambda a: 3**a, "pow(3, a)", "3 ** x"),
]


@pytest.mark.parametrize(("run", "text", "brief"), A, ids=[text for _, text, _ in A])
@pytest.mark.parametrize("how", ["tape", "trace"])
def test_numbers_stand_where_they_were_given(run: Any, text: str, brief: str, how: str) -> None:
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    with viz.trace() as t:
        y = run(a)
    if how == "tape":
        y = run(a)
        graph = viz.draw(y, names={"a": a})
    else:
        graph = t.draw(names={"a": a})
    assert f"= {text}  (2,) float32" in operation(graph)
    assert graph.content.operations()[0].brief == brief


def test_different_computations_have_different_pictures() -> None:
    a, b = (torch.tensor(v, requires_grad=True) for v in (2.0, 3.0))
    runs = [a + 1, a + 2, a - 1, 1 - a, a - b, b - a, a / b, b / a, a**b, b**a, a * torch.tensor(2.0), a * torch.tensor(3.0)]
    pictures = [viz.draw(y, names={"a": a, "b": b}).dot() for y in runs]
    assert len(set(pictures)) == len(pictures)


def test_equal_operations_with_other_numbers_are_not_folded() -> None:
    x = torch.ones(2, requires_grad=True)
    graph = viz.draw(x + 1 + 2 + 3 + 4)
    assert len(graph.view.nodes) == 1 + 4 + 1


def test_operands_of_two_tensors_are_told_apart() -> None:
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    assert labels(viz.draw(b - a, names={"a": a, "b": b})) == [("b", "left"), ("a", "right")]
    assert labels(viz.draw(a + b, names={"a": a, "b": b})) == [("a", ""), ("b", "")]
    assert "left: " in viz.draw(a / b).dot()


def test_a_constant_is_drawn_though_no_rule_reads_it() -> None:
    a = torch.ones(3, requires_grad=True)
    offset = torch.tensor([1.0, 2.0, 3.0])
    y = a + offset
    assert labels(viz.draw(y, names={"a": a, "offset": offset})) == [("a", ""), ("offset", "")]
    y.sum().backward()
    assert labels(viz.draw(y, names={"a": a, "offset": offset})) == [("a", ""), ("offset", "")]
    one = viz.draw(a + torch.tensor(2.5))
    assert [(i.title, i.role) for i in one.content.items if i.shape == ()] == [("2.5", "constant")]


X = torch.arange(12.0).reshape(4, 3).requires_grad_()
ROWS, COLUMN, MASK = torch.tensor([0, 2]), torch.zeros(4, 1).long(), torch.tensor([[True, False, True]] * 4)


@pytest.mark.parametrize("how", ["tape", "trace"])
@pytest.mark.parametrize(
    ("run", "label"),
    [
        (lambda: F.embedding(ROWS, X), "index"),
        (lambda: X.gather(1, COLUMN), "index"),
        (lambda: X[ROWS], "index"),
        (lambda: X[1:, ROWS], "index"),
        (lambda: X.index_select(0, ROWS), "index"),
        (lambda: X.masked_fill(MASK, 0.0), "mask"),
        (lambda: torch.where(MASK, X, 0.0), "condition"),
        (lambda: X.scatter(1, COLUMN, 0.5), "index"),
        (lambda: F.cross_entropy(X, torch.zeros(4).long()), "target"),
    ],
)
def test_indices_and_masks_are_drawn(run: Any, label: str, how: str) -> None:
    with viz.trace() as t:
        y = run()
    graph = t.draw() if how == "trace" else viz.draw(y)
    found = {edge.label: edge.dtype for edge in graph.content.edges}
    assert found[label] in ("int64", "bool")


class Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(10, 4), nn.Embedding(5, 4)

    def forward(self, x: Any) -> Any:
        return self.words(x) + self.places(torch.arange(5)) + torch.ones(4)


def test_what_forward_makes_is_a_constant() -> None:
    graph = viz.draw(Positions(), torch.zeros(2, 5).long())
    roles = {i.shape: i.role for i in graph.content.items if i.role in ("input", "constant")}
    assert roles == {(2, 5): "input", (5,): "constant", (4,): "constant"}


def test_a_result_that_is_a_constant_is_no_input() -> None:
    class Constant(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.ones(3)

    class Same(nn.Module):
        def forward(self, x: Any) -> Any:
            return x

    assert str(viz.draw(Constant(), torch.zeros(2))).splitlines()[-1].strip() == "output = constant"
    assert str(viz.draw(Same(), torch.zeros(2))).splitlines()[-1].strip() == "output = input"


def test_sizes_and_lists_of_names_are_taken() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 2))
    graph = viz.draw(net, (3, 2, 4), names=["images"])
    assert graph.content.items[0].title == "images" and graph.content.items[0].shape == (3, 2, 4)
    assert next(i.dtype for i in viz.draw(Positions(), (2, 5)).content.items if i.role == "input") == "int64"
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    assert "%1 = mul(first, second)" in str(viz.draw(a * b, names=["first", "second"]))
    with pytest.raises(ValueError, match=r"3 names for 2 inputs \(leaf 1, leaf 2\)"):
        viz.draw(a * b, names=["a", "b", "loss"])
    with pytest.raises(TypeError, match=r'names must be a dict such as \{"x": x'):
        viz.draw(a * b, names=[a, b])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"draw\(\): a model runs on tensors or on their shapes, .* got str"):
        viz.draw(net, "images")


def test_saved_arrays_are_called_what_they_are() -> None:
    loss = F.cross_entropy(X, torch.zeros(4).long())
    lines = viz.draw(loss, backward=True).dot()
    assert "saves exp(input − maximum) (4, 3)" in lines and "saves sum of exp over the classes" in lines


@pytest.mark.parametrize("run", [lambda: X[ROWS], lambda: X.index_select(0, ROWS), lambda: X[1:, ROWS], lambda: X[MASK]])
def test_indices_have_the_callers_names(run: Any) -> None:
    graph = viz.draw(run(), names={"x": X, "rows": ROWS, "mask": MASK})
    last = graph.content.operations()[-1]
    sources = [e.source.title for e in graph.content.edges if e.target is last and e.label == "index"]
    assert sources in (["rows"], ["mask"])


def test_an_index_that_was_computed_comes_from_its_operation() -> None:
    with viz.trace() as t:
        X[X.argmax(0)]
    edges = [(e.source.title, e.target.title, e.label) for e in t.draw(names={"x": X}).content.edges]
    assert ("argmax", "index", "index") in edges


def test_an_input_that_is_an_index_is_an_input() -> None:
    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.ones(10, 4))

        def forward(self, x: Any) -> Any:
            return self.table[x]

    graph = viz.draw(Table(), torch.tensor([1, 2, 3]))
    assert [(i.title, i.role) for i in graph.content.items if i.shape == (3,)] == [("input", "input")]
