"""The page of runs in a real browser: a run is started, seen while it trains, stopped and resumed; a cell is clicked; folders
are broken."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.app_logic import processes
from apps.app_logic.run_states import state_of
from tinygrad_fm.training import RunFolder
from tinygrad_fm.training.run_folder import PROCESS_LOG

from .conftest import App, visitor


@pytest.fixture
def runs(app: App) -> Iterator[Path]:
    """The folder of the app's runs, empty; in the end nothing trains into it, and it is as it was."""
    kept = app.folder / "kept"
    app.runs.rename(kept)
    app.runs.mkdir()
    yield app.runs
    until = time.monotonic() + 60
    while alive := [path for path in app.runs.iterdir() if processes.is_running(path)]:
        assert time.monotonic() < until, alive
        for path in alive:
            processes.stop(path)
        time.sleep(0.1)
    shutil.rmtree(app.runs)
    kept.rename(app.runs)


@pytest.fixture
def finished(app: App, runs: Path) -> Path:
    """A finished run, to be copied."""
    return app.folder / "kept" / "mlp"


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tabpanel", name=name)).not_to_be_empty()


def start(page: Page, name: str, **fields: str) -> None:
    """Fill in the form, and send it."""
    entries = {"Name": name, "How long": "1000000", "Only the first images": "400", "Images held out": "100", **fields}
    for label, value in entries.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_text("steps", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()


def test_a_run_is_started_seen_live_stopped_and_resumed(page: Page, app: App, runs: Path) -> None:
    page.goto(f"{app.url}/runs")
    start(page, "my run", **{"Learning rate": "fast"})
    expect(page.get_by_text("Learning rate: invalid float value: 'fast'")).to_be_visible()
    assert list(runs.iterdir()) == []
    page.get_by_label("Learning rate", exact=True).fill("0.01")  # all else is still there
    page.get_by_role("button", name="Start", exact=True).click()

    stop = page.get_by_role("button", name="Stop my run")
    expect(stop).to_be_visible()
    expect(page.get_by_text(re.compile("validation accuracy .* drawn images"))).to_be_visible()
    curve = page.locator('path[aria-roledescription="line mark"]').first
    before = curve.get_attribute("d")
    expect(curve).not_to_have_attribute("d", str(before))  # it grows by itself
    page.reload()
    stop.click()
    resume = page.get_by_role("button", name="Resume my run")
    expect(resume).to_be_visible()
    state = state_of(runs / "my run")
    assert (state.status, state.problem) == ("stopped", "") and state.step > 0
    resume.click()
    expect(stop).to_be_visible()
    page.get_by_text("What it said").click()
    expect(page.locator("code").filter(has_text="validation loss")).to_be_visible()  # its last lines
    expect(page.get_by_text(re.compile(r"^step [\d,]+ of 1,000,000"))).not_to_have_text(
        re.compile(rf"^step {state.step:,} of"), use_inner_text=True
    )
    assert f"Resumed after step {state.step:,}" in (runs / "my run" / PROCESS_LOG).read_text(encoding="utf-8")


def test_a_run_that_cannot_begin_says_why(page: Page, app: App, runs: Path) -> None:
    page.goto(f"{app.url}/runs")
    start(page, "none", **{"Images held out": "400"})
    expect(page.get_by_text("must leave at least one batch")).to_be_visible()
    assert list(runs.iterdir()) == []


def test_a_clicked_cell_shows_its_images(page: Page, app: App, runs: Path, finished: Path) -> None:
    shutil.copytree(finished, runs / "run")
    found = RunFolder(finished).read_json("summary.json", dict)
    matrix, classes = found["confusion"], list(found["per_class"])
    page.goto(f"{app.url}/runs")
    open_tab(page, "Predictions")
    expect(page.get_by_text(f"{found['test_accuracy']:.2%} of 240 test images")).to_be_visible()
    expect(page.get_by_text("says nothing about Fashion-MNIST")).to_be_visible()
    for true, predicted in ((9, 9), (0, 8)):
        cell = f'path[aria-label*="predicted label: {classes[predicted]}; true label: {classes[true]};"]'
        page.locator(cell).last.click(force=True)
        expect(page.get_by_role("combobox", name="True label")).to_have_value(classes[true])
        expect(page.get_by_role("combobox", name="Predicted label")).to_have_value(classes[predicted])
        count = matrix[true][predicted]
        panel = page.get_by_role("tabpanel", name="Predictions")
        expect(panel.get_by_text(re.compile(f"^{count} image"))).to_be_visible()
        shown = f"predicted {classes[predicted]} .*" + ("" if true == predicted else f"true {classes[true]}")
        column = panel.locator("figure").filter(has_text=re.compile(f"^{shown}"))
        assert column.count() >= min(count, 12)
    expect(page.get_by_role("heading", name="Most confident mistakes")).to_be_visible()
    expect(page.get_by_role("table", name="Scores of each class").get_by_role("row")).to_have_count(1 + len(classes))


def test_settings_that_differ_come_first(page: Page, app: App, runs: Path, finished: Path) -> None:
    for name, rate in (("a", "0.003"), ("b", "0.5")):
        shutil.copytree(finished, runs / name)
        text = (runs / name / "config.json").read_text()
        (runs / name / "config.json").write_text(re.sub(r'"lr": [\d.]+', f'"lr": {rate}', text))
    page.goto(f"{app.url}/runs")
    open_tab(page, "Settings")
    first = page.get_by_role("table", name="Settings").first.get_by_role("row")
    expect(first).to_have_count(2)
    expect(first.nth(1)).to_contain_text("lr")


def test_folders_that_are_broken_or_vanish_do_not_break_the_page(page: Page, app: App, runs: Path, finished: Path) -> None:
    names = [os.fsdecode(b"![x](http:evil) \xff"), "cut", "no config", "vanishes"]
    for name in names:
        shutil.copytree(finished, runs / name)
    (runs / "no config" / "config.json").write_text('{"settings":')
    text = (runs / "cut" / "config.json").read_text()
    (runs / "cut" / "config.json").write_text(text.replace('"relu"', '"\\ud800 ![x](http:evil)"'))
    with open(runs / "cut" / "metrics.jsonl", "ab") as file:
        file.write(b'{"kind": "step", "st')
    for path in (runs / "cut" / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    page.goto(f"{app.url}/runs")
    expect(page.get_by_role("button", name="Remove ")).to_have_count(3)  # the latest ones
    page.get_by_role("combobox", name="Runs to look at").click()
    page.get_by_role("option").click()  # the other one
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Remove ")).to_have_count(4)
    expect(page.get_by_text("is damaged: ")).to_be_visible()
    assert page.locator("img[src*=evil]").count() == 0
    shutil.rmtree(runs / "vanishes")
    expect(page.get_by_role("button", name="Remove vanishes")).to_be_hidden()  # it was seen to have gone
    open_tab(page, "Predictions")
    page.get_by_role("combobox", name="Run", exact=True).click()
    page.get_by_role("option", name="cut").click()
    expect(page.get_by_text(re.compile("last.npz"))).to_be_visible()
    open_tab(page, "Settings")
    expect(page.get_by_text("no config: its config.json cannot be read")).to_be_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_phone_shows_all_of_it(app: App, browser: Browser, runs: Path, finished: Path, colours: str) -> None:
    shutil.copytree(finished, runs / "run")
    with visitor(app, browser, viewport={"width": 390, "height": 800}, color_scheme=colours) as page:
        page.goto(f"{app.url}/runs")
        expect(page.get_by_role("heading", name="Accuracy")).to_be_visible()
        for tab in ("Training", "Predictions", "Settings", "Start a run"):
            open_tab(page, tab)
            assert page.evaluate("document.scrollingElement.scrollWidth") <= 390, tab
