"""The formats: golden files, hostile names, the dot program there and missing, notebooks."""

from __future__ import annotations

import logging
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import tinygrad_fm as torch
from tests.platforms import needs_processes
from tinygrad_fm import nn, viz

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
GOLDEN = Path(__file__).parent / "golden"
HOSTILE = [
    "<b>bold</b>",
    "{a|b}",
    'say "hi"',
    "back\\slash\\",
    "</title><script>",
    "größe · 大",
    "a\nb",
    "%s {0}",
    "<>",
    "&amp;",
    "\\N",
    "",
    "tab\tbell\x07",
    "' onload='x",
    "-->",
    "node",
    "*/",
]


def perceptron() -> viz.Graph:
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    return viz.draw(net, torch.zeros(5, 4))


def expression() -> viz.Graph:
    a, b = (torch.tensor(float(v), requires_grad=True) for v in (2, -3))
    c = a * b
    loss = torch.tanh(c + a**2)
    return viz.draw(loss, names={"a": a, "b": b, "c": c, "loss": loss}, backward=True)


@pytest.mark.parametrize("graph", [perceptron, expression], ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", ["gv", "txt"])
def test_golden_files(graph: Any, kind: str, tmp_path: Path) -> None:
    """To accept a change: delete the file in golden/, run once, look at what was written, and commit it."""
    written = graph().save(tmp_path / f"g.{kind}").read_text(encoding="utf-8")
    golden = GOLDEN / f"{graph.__name__}.{kind}"
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(written, encoding="utf-8")
        pytest.fail(f"{golden} was missing and has been written; look at it")
    assert written == golden.read_text(encoding="utf-8")


def test_a_closed_module_is_printed_with_what_it_reads() -> None:
    layer = nn.Linear(4, 4)
    net = nn.Sequential(nn.Sequential(layer, nn.ReLU()), nn.Sequential(nn.Linear(4, 2)))
    lines = [line.strip() for line in str(viz.draw(net, torch.zeros(5, 4), depth=1)).splitlines()]
    assert lines[3:] == [
        "0: Sequential(input)  20 parameters · 80 B  → (5, 4)",
        "1: Sequential(0)  10 parameters · 40 B  → (5, 2)",
        "output = 1",
    ]


def test_the_same_computation_gives_the_same_picture() -> None:
    assert perceptron().dot() == perceptron().dot()
    assert perceptron().html() == perceptron().html()


@needs_dot
def test_every_ending(tmp_path: Path) -> None:
    graph = perceptron()
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "gv": b"digraph", "html": b"<!doctype", "txt": b"Sequential"}
    for kind, start in starts.items():
        path = tmp_path / "deep" / f"graph.{kind}"
        assert graph.save(path) == path
        assert path.read_bytes().startswith(start)
    assert sorted(p.suffix for p in (tmp_path / "deep").iterdir()) == sorted(f".{kind}" for kind in starts)


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'graph.bmp' must end in one of \.svg"):
        perceptron().save(tmp_path / "graph.bmp")
    assert list(tmp_path.iterdir()) == []


@needs_dot
def test_the_picture_shows_shapes_dtypes_roles_and_a_legend() -> None:
    svg = expression().svg()
    root = ET.fromstring(svg)
    texts = "".join(root.itertext())
    for text in ("leaf tensor", "operation", "output", "float32", "()", "gradient for", "saves"):
        assert text in texts
    assert "red arrows" in texts


@needs_dot
@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_hostile_names(name: str) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    graph = viz.draw(y.sum(), names={name: x, name + "2": y})
    root = ET.fromstring(graph.svg())  # dot took it, and what it wrote is XML
    shown = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name.replace("\n", "").replace("\t", " "))
    joined = "".join(shown).replace("\xa0", " ")
    assert visible.strip() in joined
    assert "<script>alert" not in graph.html()
    assert str(graph)


@needs_dot
def test_hostile_module_and_parameter_names() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name in ("<b>", "{|}", "größe"):
                self.add_module(name, nn.Linear(2, 2))

        def forward(self, x: Any) -> Any:
            for child in self.children():
                x = child(x)
            return x

    for options in ({"fold": False}, {"depth": 1}, {}):
        ET.fromstring(viz.draw(Net(), torch.ones(1, 2), **options).svg())


def test_without_the_dot_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    graph = perceptron()
    with caplog.at_level(logging.WARNING):
        written = graph.save(tmp_path / "graph.svg")
    assert written == tmp_path / "graph.gv"
    assert written.read_text().startswith("digraph")
    assert len(caplog.records) == 1
    assert "install Graphviz" in caplog.text
    assert "\n" not in caplog.records[0].getMessage()
    for kind in ("gv", "txt", "html"):
        assert graph.save(tmp_path / f"other.{kind}").suffix == f".{kind}"
    with pytest.raises(RuntimeError, match="install Graphviz"):
        graph.svg()
    bundle = graph._repr_mimebundle_()
    assert bundle["text/html"].startswith("<iframe")
    assert "install Graphviz" in bundle["text/plain"]


@needs_processes
def test_a_dot_program_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\ncat > /dev/null\necho 'no fonts today' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    graph = perceptron()
    with pytest.raises(RuntimeError, match=r"exit code 3.*no fonts today"):
        graph.save(tmp_path / "graph.png")
    assert not (tmp_path / "graph.png").exists()
    bundle = graph._repr_mimebundle_()
    assert bundle["text/html"].startswith("<iframe")
    assert "no fonts today" in bundle["text/plain"]


@needs_dot
def test_in_a_notebook_the_picture_fits_the_cell() -> None:
    bundle = perceptron()._repr_mimebundle_(include=None, exclude=None)
    assert bundle["image/svg+xml"].startswith("<svg ")
    assert "max-width:100%" in bundle["image/svg+xml"]
    ET.fromstring(bundle["image/svg+xml"])
    assert bundle["text/plain"] == "<Graph: Sequential · 23 parameters · 92 B · 3 operations>"


@needs_dot
def test_a_picture_wider_than_a_cell_says_that_it_is_smaller() -> None:
    """A notebook that shows it as an image does not heed max-width."""
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(12):
        y = y.exp()
    graph = torch.draw(y, direction="LR", aspect=100, fold=False)
    before, after = (
        [float(ET.fromstring(svg).attrib[side].removesuffix("pt")) for side in ("width", "height")]
        for svg in (graph.svg(), graph._repr_mimebundle_()["image/svg+xml"])
    )
    assert before[0] > after[0] == 640
    assert after[1] == pytest.approx(before[1] * 640 / before[0], abs=1)


def test_the_page_needs_nothing_else() -> None:
    page = perceptron().html()
    assert "dagre" in page
    assert "Permission is hereby granted" in page  # the layout library's licence
    for outside in ('src="', "href=", "@import", "fetch(", "XMLHttpRequest", "sourceMappingURL"):
        assert outside not in page


@needs_dot
@pytest.mark.parametrize("what", ["time", "memory", "grad"])
def test_the_colour_scale_is_printed(what: str) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    graph = viz.draw(net, torch.randn(5, 4), color_by=what)
    texts = "".join(ET.fromstring(graph.svg()).itertext())
    title = {"time": "time, forward and backward", "memory": "bytes saved", "grad": "norm of the gradient"}[what]
    assert title in texts
    assert "[" in str(graph)
