"""The step player in a real browser: through a whole recording forward and back, by keys, buttons and slider, at any size."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import models
import tinygrad_fm as torch
from tinygrad_fm import nn, viz

from . import browser

pytestmark = pytest.mark.skipif(browser.find() is None, reason="no Chromium is installed")

KEYS = {
    " ": ("Space", 32),
    "ArrowLeft": ("ArrowLeft", 37),
    "ArrowRight": ("ArrowRight", 39),
    "Home": ("Home", 36),
    "End": ("End", 35),
}

# what the page shows, in one look
LOOK = """(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const ids = (name) => all(`svg [data-node].${name}`).map((e) => e.dataset.node);
  const texts = (id, slot) => all(`[data-node="${id}"] [data-slot=${slot}]`).map((e) => e.textContent).join("");
  return { title: document.querySelector("h2").textContent, say: all(".words li").map((e) => e.textContent), lit: ids("lit"),
    waiting: ids("waiting"), gives: ids("gives"), reads: ids("reads"), count: document.querySelector(".count").textContent,
    live: document.querySelector("[aria-live]").getAttribute("aria-live"), figures: all("figure b").map((e) => e.textContent),
    data: Object.fromEntries(all("[data-node]").map((e) => [e.dataset.node, texts(e.dataset.node, "data")])),
    grad: Object.fromEntries(all("[data-node]").map((e) => [e.dataset.node, texts(e.dataset.node, "grad")])) };
})()"""


@pytest.fixture(scope="module")
def page() -> Iterator[browser.Page]:
    with browser.Page() as page:
        yield page


def press(page: browser.Page, key: str) -> None:
    code, number = KEYS[key]
    text = {"text": key} if key == " " else {}
    page.send("Input.dispatchKeyEvent", type="keyDown", key=key, code=code, windowsVirtualKeyCode=number, **text)
    page.send("Input.dispatchKeyEvent", type="keyUp", key=key, code=code, windowsVirtualKeyCode=number)


def look(page: browser.Page) -> Any:
    return page.ask(LOOK)


def wait_for(page: browser.Page, condition: str) -> None:
    until = time.monotonic() + 60
    while not page.ask(condition):
        assert time.monotonic() < until, condition
        time.sleep(0.02)


def expression() -> tuple[viz.Graph, dict[str, Any]]:
    a, b, c = (torch.tensor(v, requires_grad=True) for v in (2.0, -3.0, 10.0))
    e = a * b
    d = e + c
    L = d * a
    graph = viz.draw(L, names={"a": a, "b": b, "c": c, "d": d, "e": e, "L": L})
    return graph, json.loads(json.dumps(graph.data(steps=True)))["steps"]


def open_steps(page: browser.Page, folder: Path, graph: viz.Graph) -> None:
    page.open(graph.save(folder / "steps.html", steps=True))
    assert not page.problems()


def test_through_a_whole_recording_and_back(page: browser.Page, tmp_path: Path) -> None:
    graph, steps = expression()
    open_steps(page, tmp_path, graph)
    count = len(steps["steps"])
    assert look(page)["count"] == f"0 / {count}" and look(page)["lit"] == []
    seen = [look(page)]
    for i, step in enumerate(steps["steps"]):
        press(page, "ArrowRight")
        now = look(page)
        seen.append(now)
        assert (now["title"], now["say"], now["count"]) == (step["title"], step["say"], f"{i + 1} / {count}")
        assert now["lit"] == step["nodes"]
        assert sorted(now["waiting"]) == sorted(step.get("waiting", []))
        assert sorted(now["gives"]) == sorted({id for id, _ in step.get("gives", [])})
        assert sorted(now["reads"]) == sorted(step.get("reads", []))
        for kind, slot in (("values", "data"), ("gradients", "grad")):
            for id, index in step.get(kind, {}).items():
                assert now[slot][id] == f"{slot} {steps['arrays'][index]['text']}"
    assert seen[-1]["grad"]["in1"] == "grad -2" and seen[0]["grad"]["in1"] == "" and seen[0]["data"]["in1"] == "data 2"
    press(page, "ArrowRight")  # nothing beyond the end
    assert look(page) == seen[-1]
    for expected in reversed(seen[:-1]):
        press(page, "ArrowLeft")
        assert look(page) == expected
    assert not page.problems()


def test_keys_buttons_slider_and_speed(page: browser.Page, tmp_path: Path) -> None:
    graph, steps = expression()
    open_steps(page, tmp_path, graph)
    count = len(steps["steps"])
    press(page, "End")
    assert look(page)["count"] == f"{count} / {count}"
    press(page, "Home")
    assert look(page)["count"] == f"0 / {count}"
    for kind, expected in (("forward", 1), ("forward", 2), ("back", 1), ("last", count), ("first", 0)):
        r = page.ask(f"document.querySelector('.panel .{kind}').getBoundingClientRect().toJSON()")
        page.click(r["x"] + r["width"] / 2, r["y"] + r["height"] / 2)
        assert look(page)["count"] == f"{expected} / {count}"
    page.ask(
        "(() => { const s = document.querySelector('input[type=range]'); s.value = 5; s.dispatchEvent(new Event('input')); })()"
    )
    assert look(page)["count"] == f"5 / {count}" and look(page)["title"] == steps["steps"][4]["title"]
    assert steps["steps"][4]["title"] in page.ask("document.querySelector('input[type=range]').getAttribute('aria-valuetext')")
    page.ask(
        "window.setTimeout = ((wait) => (action, pause) => { window.pause = pause; return wait(() => 0, 1e6); })(setTimeout)"
    )
    press(page, "ArrowRight")  # the keys work on, after a click on a button that has nothing more to do
    assert look(page)["count"] == f"6 / {count}"
    page.ask("document.activeElement.blur()")  # space would press the button that has the focus
    for speed in ("0.5", "4"):
        page.ask(f"document.querySelector('.panel select').value = '{speed}'")
        press(page, " ")
        press(page, " ")
        assert page.ask("window.pause") == page.ask("Player.PAUSE") / float(speed)
    labels = page.ask(
        "[...document.querySelectorAll('.panel button, .panel select, .panel input')].map((e) => e.getAttribute('aria-label'))"
    )
    assert len(labels) == 7 and all(labels)


def test_it_plays_to_the_end_and_stops_there(page: browser.Page, tmp_path: Path) -> None:
    graph, steps = expression()
    open_steps(page, tmp_path, graph)
    page.ask("Player.PAUSE = 40")
    page.ask("window.seen = []; document.getElementById('page').addEventListener('step', (e) => seen.push(e.detail.position))")
    press(page, " ")
    assert look(page)["live"] == "off"  # a screen reader would not keep up
    wait_for(page, f"seen.length === {len(steps['steps'])} && document.querySelector('.play').title === 'play (space)'")
    assert page.ask("seen") == list(range(1, len(steps["steps"]) + 1))
    assert look(page)["live"] == "polite"
    page.ask("Player.PAUSE = 100000")
    press(page, " ")  # again from the beginning
    press(page, " ")
    assert look(page)["count"].startswith("0 /")


def test_lenet_with_heat_on_a_phone(page: browser.Page, tmp_path: Path) -> None:
    torch.manual_seed(0)
    lenet = models.build("lenet")
    path = viz.draw(lenet, (8, 1, 28, 28)).save(tmp_path / "lenet.html", steps=True)
    assert path.stat().st_size < 600_000
    page.send("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    try:
        page.open(path)
        assert page.ask("document.documentElement.scrollWidth") <= 390
        for _ in range(17):  # forward, and back through the first operations
            press(page, "ArrowRight")
        assert page.ask("document.querySelectorAll('.heat canvas').length") >= 1
        assert "gradient that arrived at" in " ".join(look(page)["figures"])
        inside = """(() => {
          const place = (selector) => document.querySelector(selector).getBoundingClientRect();
          const lit = place("svg [data-node].lit > .shape"), frame = place(".graph > svg");
          return lit.top >= frame.top && lit.bottom <= frame.bottom && lit.left >= frame.left && lit.right <= frame.right;
        })()"""
        assert page.ask(inside), "the node of the step is in sight"
        assert not page.problems()
    finally:
        page.send("Emulation.clearDeviceMetricsOverride")


def test_a_step_in_a_closed_module_lights_the_module(page: browser.Page, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), nn.Linear(4, 2))
    open_steps(page, tmp_path, viz.draw(model, (1, 3), depth=1))
    press(page, "ArrowRight")
    assert look(page)["lit"] == ["0#1"] and look(page)["title"] == "0.0: linear(input, 0.0.weight, 0.0.bias)"


def test_two_players_on_a_page_and_one_that_is_taken_away(page: browser.Page, tmp_path: Path) -> None:
    graph, steps = expression()
    open_steps(page, tmp_path, graph)
    made = """(() => {
      const data = JSON.parse(document.getElementById("data").textContent), place = document.createElement("div");
      place.style.height = "600px";
      document.body.append(place);
      window.second = new Player(place, data.graph, data.steps);
      second.forward();
      const shown = [second.position, document.querySelector(".count").textContent];
      second.destroy();
      return [...shown, place.childElementCount];
    })()"""
    assert page.ask(made) == [1, f"0 / {len(steps['steps'])}", 0]
    press(page, "ArrowRight")
    assert look(page)["count"].startswith("1 /") and page.ask("second.position") == 1


def test_the_picture_shows_each_step_in_its_turn_and_stands_still_for_who_wants_that(page: browser.Page) -> None:
    svg = Path(__file__).resolve().parents[2] / "docs/images/player.svg"
    assert svg.stat().st_size < 100_000
    page.open(svg)
    titles = page.ask("[...document.querySelectorAll('.what')].map((e) => e.textContent)")
    assert len(titles) > 10
    seen = """((k) => {
      const all = document.getAnimations(), length = all[0].effect.getComputedTiming().duration;
      all.forEach((a) => { a.pause(); a.currentTime = (length * (k + 0.5)) / (STEPS + 4); });
      const there = [...document.querySelectorAll(".during")].filter((e) => getComputedStyle(e).opacity === "1");
      return there.flatMap((e) => [...e.querySelectorAll(".what")].map((t) => t.textContent));
    })""".replace("STEPS", str(len(titles)))
    for k, title in enumerate(titles, 1):
        assert page.ask(f"{seen}({k})") == [title]
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    try:
        assert page.ask("document.getAnimations().length") == 0
        assert page.ask("[...document.querySelectorAll('.grad')].every((e) => getComputedStyle(e).opacity === '1')")
        assert page.ask("getComputedStyle(document.querySelector('.still')).display") != "none"
    finally:
        page.send("Emulation.setEmulatedMedia", features=[])


def test_hostile_names_stay_text(page: browser.Page, tmp_path: Path) -> None:
    name = '</script><script>document.title="hacked"</script><b>"\'&{|}\\'
    x = torch.ones(2, requires_grad=True)
    open_steps(page, tmp_path, viz.draw((x * 2).sum(), names={name: x}))
    press(page, "ArrowRight")
    assert look(page)["title"] == f"mul({name}, 2)" and page.ask("document.title") != "hacked"
