"""Long graphs in columns, and names that a picture's languages could take for their own."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import models
import tinygrad_fm as torch
from tinygrad_fm import nn, viz

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def ratio(graph: viz.Graph) -> float:
    """Width by height of the SVG."""
    width, height = map(float, re.search(r'width="(\d+)pt" height="(\d+)pt"', graph.svg()).groups())  # type: ignore[union-attr]
    return width / height


@needs_dot
@pytest.mark.parametrize("options", [{}, {"direction": "LR"}, {"color_by": "memory"}, {"backward": True}])
@pytest.mark.parametrize("name", ["lenet", "cnn"])
def test_models_that_are_chains_fit_a_slide(name: str, options: dict[str, Any]) -> None:
    assert 0.8 < ratio(viz.draw(models.build(name), (64, 1, 28, 28), **options)) < 3.5


@needs_dot
def test_long_expressions_fit_a_page() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x
    for i in range(16):
        y = torch.sin(y) if i % 3 else y * x.detach()
    one_line = viz.draw(y, fold=False, aspect=100)  # to compare with: widths depend on the fonts that dot finds
    assert 1 < ratio(viz.draw(y)) < 0.75 * ratio(one_line)


@needs_dot
def test_the_aspect_is_the_callers_choice() -> None:
    lenet = models.build("lenet")
    narrow, wide = (ratio(viz.draw(lenet, (64, 1, 28, 28), aspect=a)) for a in (0.1, 3))
    assert narrow < 0.4 and wide > 1.5
    with pytest.raises(ValueError, match="aspect must be a number above 0"):
        viz.draw(lenet, (64, 1, 28, 28), aspect=0)


def test_every_cut_tensor_leaves_once_and_arrives_where_it_is_read() -> None:
    graph = viz.draw(models.build("lenet"), (64, 1, 28, 28))
    columns = graph.picture.columns
    assert sorted(set(columns.values())) == [0, 1, 2]
    crossing = [line for line in graph.view.lines if columns[line.source] != columns[line.target]]
    assert len(crossing) == 2
    dot = graph.dot()
    for line, letter, column in zip(crossing, "AB", (1, 2), strict=True):
        assert f'{line.source.id} -> "to-{letter}"' in dot and f'"from-{letter}-{column}" -> {line.target.id}' in dot


def test_short_and_branched_graphs_stay_whole() -> None:
    assert not viz.draw(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (2, 4)).picture.columns
    assert not viz.draw(models.build("resnet20"), (2, 1, 28, 28)).picture.columns


@needs_dot
def test_module_names_with_controls_and_colons() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name in ("a\x01", "a\x02", "b:c", "d\x1b[31m", "e\ud800", "f\n"):
                self.add_module(name, nn.Sequential(nn.Linear(2, 2), nn.Tanh()))

        def forward(self, x: Any) -> Any:
            for child in self.children():
                x = child(x)
            return x

    for options in ({"fold": False}, {"depth": 1, "fold": False}):
        graph = viz.draw(Net(), (1, 2), **options)
        root = ET.fromstring(graph.svg())
        ids = [e.get("id", "") for e in root.iter("{http://www.w3.org/2000/svg}g") if e.get("class") in ("node", "cluster")]
        assert len(ids) == len(set(ids))
        assert sum("Sequential" in "".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")) == 6
        for text in (str(graph), graph.dot()):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", text)
