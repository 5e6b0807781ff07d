"""The interactive page in a real browser: it shows itself, and a click opens or closes a module and lays it out anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn, viz

from . import browser

pytestmark = pytest.mark.skipif(browser.find() is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def page() -> Iterator[browser.Page]:
    with browser.Page() as page:
        yield page


class Net(nn.Module):
    """Two levels of modules, and a run of equal ones."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(6, 8), nn.Tanh())
        self.middle = nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(3)))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.middle(self.stem(x)))


def shown(page: browser.Page, what: str) -> set[str]:
    """The ids of what the page shows: "node" or "box"."""
    return set(page.ask(f"[...document.querySelectorAll('[data-{what}]')].map((e) => e.dataset.{what})"))


def rectangle(page: browser.Page, selector: str) -> dict[str, float]:
    return page.ask(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")  # type: ignore[no-any-return]


def click_head(page: browser.Page, box: str) -> None:
    r = rectangle(page, f'[data-box="{box}"]')
    page.click(r["x"] + 25, r["y"] + 12)


def overlaps(page: browser.Page) -> list[Any]:
    """Pairs of nodes whose shapes lie over one another."""
    script = """(() => {
      const shapes = [...document.querySelectorAll('[data-node] > .shape')].map((e) => e.getBoundingClientRect());
      const pairs = [];
      shapes.forEach((a, i) => shapes.slice(i + 1).forEach((b) => {
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) pairs.push([a, b]);
      }));
      return pairs.length;
    })()"""
    return page.ask(script)  # type: ignore[no-any-return]


def open_graph(page: browser.Page, folder: Path, graph: viz.Graph) -> None:
    page.open(graph.save(folder / "graph.html"))
    assert not page.problems()


def test_a_click_closes_a_module_and_another_opens_it(page: browser.Page, tmp_path: Path) -> None:
    open_graph(page, tmp_path, viz.draw(Net(), torch.ones(1, 6)))
    before, height = shown(page, "node"), rectangle(page, "#root")["height"]
    assert "stem#1" in shown(page, "box")
    assert {"op1", "op2", "p1"} <= before
    click_head(page, "stem#1")
    assert "stem#1" in shown(page, "node")
    assert not shown(page, "node") & {"op1", "op2", "p1"}
    assert rectangle(page, "#root")["height"] < height, "closing a module must lay the graph out anew"
    r = rectangle(page, '[data-node="stem#1"]')
    page.click(r["x"] + r["width"] / 2, r["y"] + r["height"] / 2)
    assert shown(page, "node") == before
    assert rectangle(page, "#root")["height"] == pytest.approx(height, abs=1)
    assert not page.problems()


def test_equal_parts_are_shown_once_until_asked_for(page: browser.Page, tmp_path: Path) -> None:
    open_graph(page, tmp_path, viz.draw(Net(), torch.ones(1, 6)))
    count = len(shown(page, "node"))
    r = rectangle(page, "[data-repeat]")
    page.click(r["x"] + r["width"] / 2, r["y"] + r["height"] / 2)
    assert len(shown(page, "node")) == count + 2 * 4  # two more of linear, weight, bias and relu
    repeat = next(box for box in shown(page, "box") if box.startswith("repeat"))
    r = rectangle(page, f'[data-box="{repeat}"]')
    page.click(r["x"] + 25, r["y"] + 12)
    assert len(shown(page, "node")) == count


@pytest.mark.parametrize("options", [{}, {"fold": False}, {"depth": 1}, {"backward": True}, {"direction": "LR"}])
def test_nodes_do_not_overlap(page: browser.Page, tmp_path: Path, options: dict[str, Any]) -> None:
    open_graph(page, tmp_path, viz.draw(Net(), torch.ones(1, 6), **options))
    assert len(shown(page, "node")) > 4
    assert overlaps(page) == 0


def test_the_page_shows_what_the_picture_shows(page: browser.Page, tmp_path: Path) -> None:
    for options in ({}, {"depth": 1}, {"depth": 2}, {"fold": False}):
        graph = viz.draw(Net(), torch.ones(1, 6), **options)
        open_graph(page, tmp_path, graph)
        assert shown(page, "node") == {node.id for node in graph.view.nodes}


def test_pan_and_zoom(page: browser.Page, tmp_path: Path) -> None:
    open_graph(page, tmp_path, viz.draw(Net(), torch.ones(1, 6)))
    before, nodes = rectangle(page, "#root"), shown(page, "node")
    page.drag(30, 600, 90, -40)
    moved = rectangle(page, "#root")
    assert (moved["x"] - before["x"], moved["y"] - before["y"]) == pytest.approx((90, -40), abs=1)
    page.wheel(600, 500, -400)
    assert rectangle(page, "#root")["width"] > 1.3 * moved["width"]
    assert shown(page, "node") == nodes


def test_the_depth_is_chosen_from_a_list(page: browser.Page, tmp_path: Path) -> None:
    open_graph(page, tmp_path, viz.draw(Net(), torch.ones(1, 6)))
    page.ask("(() => { const s = document.getElementById('depth'); s.value = '1'; s.dispatchEvent(new Event('change')); })()")
    assert {"stem#1", "middle#1", "head#1"} <= shown(page, "node")


@pytest.mark.parametrize("what", ["time", "memory", "grad"])
def test_measured_values_are_coloured_and_their_scale_is_shown(page: browser.Page, tmp_path: Path, what: str) -> None:
    open_graph(page, tmp_path, viz.draw(Net(), torch.ones(1, 6), color_by=what))
    assert page.ask("document.querySelectorAll('#scale .step').length") >= 7
    fills = page.ask("[...document.querySelectorAll('[data-node] > .shape')].map((e) => e.getAttribute('fill'))")
    assert len(set(fills)) > 2


def test_hostile_names_stay_text(page: browser.Page, tmp_path: Path) -> None:
    name = '</script><script>document.title="hacked"</script><b>"\'&{|}\\'
    x = torch.ones(2, requires_grad=True)
    open_graph(page, tmp_path, viz.draw((x * 2).sum(), names={name: x}))
    texts = page.ask("[...document.querySelectorAll('text')].map((e) => e.textContent)")
    assert name in texts
    assert page.ask("document.title") != "hacked"


def test_a_long_chain_opens(page: browser.Page, tmp_path: Path) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x
    for i in range(3000):
        y = torch.sin(y) if i * i % 7 < 3 else y * x
    open_graph(page, tmp_path, viz.draw(y.sum()))
    assert 3 < len(shown(page, "node")) < 300


def test_the_page_opens_fitted_and_its_buttons_say_what_they_do(page: browser.Page, tmp_path: Path) -> None:
    import models

    open_graph(page, tmp_path, viz.draw(models.build("lenet"), (4, 1, 28, 28)))
    root, frame = rectangle(page, "#root"), rectangle(page, "svg[role=img]")
    assert frame["left"] <= root["left"] and root["right"] <= frame["right"]
    assert frame["top"] <= root["top"] and root["bottom"] <= frame["bottom"]
    titles = page.ask("[...document.querySelectorAll('button, select')].map((e) => e.title)")
    assert titles == ["show the whole graph", "zoom in", "zoom out", "how deep modules are open"]


def test_labels_lie_over_edges_and_pills_beside_text(page: browser.Page, tmp_path: Path) -> None:
    open_graph(page, tmp_path, viz.draw(Net(), torch.ones(1, 6), depth=2))
    script = """(() => {
      const boxes = [...document.querySelectorAll('[data-repeat] > .shape')].map((e) => e.getBoundingClientRect());
      const texts = [...document.querySelectorAll('#root text')].filter((e) => e.textContent !== 'show all');
      const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
      const hits = texts.filter((t) => boxes.some((b) => over(b, t.getBoundingClientRect()))).map((t) => t.textContent);
      const order = [...document.querySelectorAll('#root > *')];
      const heads = order.map((e, i) => (e.tagName === 'text' ? i : -1)).filter((i) => i >= 0);
      const edges = order.map((e, i) => (e.dataset.edge ? i : -1)).filter((i) => i >= 0);
      return [boxes.length, hits, Math.min(...heads) > Math.max(...edges)];
    })()"""
    count, hits, above = page.ask(script)
    assert count and not hits and above


def test_the_scale_shows_its_ends_and_numbers_keep_their_sign(page: browser.Page, tmp_path: Path) -> None:
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(-3.0, requires_grad=True)
    open_graph(page, tmp_path, viz.draw(a * b * -2, names={"a": a, "b": b}, color_by="grad"))
    steps = page.ask("[...document.querySelectorAll('#scale .step')].map((e) => e.textContent.trim())")
    assert (steps[0], steps[-1]) == ("1", "6") and len(steps) == 9
    texts = page.ask("[...document.querySelectorAll('#root text')].map((e) => e.textContent)")
    assert "gradient -4" in texts and "gradient 6" in texts
