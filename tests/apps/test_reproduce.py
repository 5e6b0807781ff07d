"""``python -m apps reproduce``: rows of tiny recipes on drawn images, trained by real processes; the committed page."""

from __future__ import annotations

import copy
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import models
from apps.results import launch, records, sprint
from apps.results.page import page, read_results
from apps.results.records import Row, mean_and_deviation
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.training import RECIPES, Recipe, RunFolder, main

from .conftest import ROOT, Command
from .train_tiny import SCRIPT, TINY


@contextmanager
def tiny_recipes() -> Iterator[None]:
    """The recipes are the tiny ones; afterwards those that were, in their order."""
    saved = dict(RECIPES)
    RECIPES.clear()
    RECIPES.update(TINY)
    try:
        yield
    finally:
        RECIPES.clear()
        RECIPES.update(saved)


@pytest.fixture(autouse=True)
def tiny() -> Iterator[None]:
    """Without the fixture `monkeypatch`, which is undone first so: what a test changes in the recipes is back by then."""
    with tiny_recipes(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("apps.reproduce.draw", lambda *_: [])  # once is enough, in `measured`
        yield


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with docs/ and runs/ in which both rows are measured."""
    base = tmp_path_factory.mktemp("measured")
    (base / "README.md").write_text("Before.\n\n<!-- results -->\n<!-- end of results -->\n\nAfter.\n")
    with pytest.MonkeyPatch.context() as patch, tiny_recipes():
        patch.chdir(base)
        assert apps_main("reproduce", "mlp", "fast", "--jobs", "2", "--docs", "docs", "--runs", "runs") == 0
    return base


def apps_main(*arguments: str) -> int:
    from apps.__main__ import main

    return main(arguments)


@pytest.fixture
def place(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may spoil; it is the present folder."""
    shutil.copytree(measured, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


WHERE = ("--docs", "docs", "--runs", "runs")


def row_of(place: Path, name: str) -> Row:
    return Row(name, TINY[name], place / "docs/results")


def test_a_record_has_what_the_run_folder_says(place: Path) -> None:
    for name, flips in (("mlp", False), ("fast", True)):
        row = row_of(place, name)
        assert [record["seed"] for record in row.records] == list(TINY[name].seeds)
        assert not row.missing and not row.left_out
        for record in row.records:
            folder = RunFolder(place / f"runs/{name}/{record['seed']}")
            summary = json.loads((folder.path / "summary.json").read_text())
            assert record["test_accuracy_flipped" if flips else "test_accuracy"] == summary["test_accuracy"]
            assert record["confusion"] == summary["confusion"]
            assert record["parameters"] == summary["parameters"]
            assert (record["flops"], record["cpu_seconds"]) == (summary["flops"], summary["cpu_seconds"])
            assert record["epochs"]["cpu_seconds"][-1] <= record["cpu_seconds"] + 0.001
            epochs = [r for r in folder.read_metrics() if r["kind"] == "epoch"]
            assert record["epochs"]["validation_accuracy"] == pytest.approx([r["val_accuracy"] for r in epochs], abs=1e-6)
            assert record["validation_accuracy"] == pytest.approx(epochs[-1]["val_accuracy"])
            wrong = sum(map(sum, record["confusion"])) - sum(record["confusion"][k][k] for k in range(10))
            assert len(record["mistakes"]) == min(wrong, records.MISTAKES)
            sure = [mistake["probability"] for mistake in record["mistakes"]]
            assert sure == sorted(sure, reverse=True)
            assert all(mistake["true"] != mistake["predicted"] for mistake in record["mistakes"])
            assert sum(record["calibration"]["before"]["counts"]) == 200


def test_the_page_says_what_the_records_say_and_no_more(place: Path) -> None:
    text = (place / "docs/results.md").read_text()
    mean, deviation = mean_and_deviation(row_of(place, "mlp").accuracies())
    assert deviation is not None
    assert f"**{100 * mean:.2f} ± {100 * deviation:.2f} %**" in text
    line = next(line for line in text.splitlines() if "reproduce fast`" in line)
    mean, deviation = mean_and_deviation(row_of(place, "fast").accuracies())
    cells = line.split(" | ")
    assert deviation is None and "**" not in cells[2] and cells[3] == f"**{100 * mean:.2f} %**"
    assert "| LeNet, best | 61,750 | not measured yet |" in text
    assert "misses its target of 90.3 % by" in text and "More units were tried." in text
    pictures = set(re.findall(r"\]\((images/results/[^)]+)\)", text))
    assert {f"images/results/{p.name}" for p in (place / "docs/images/results").iterdir()} == pictures
    assert len(pictures) >= 4


def test_operations_are_the_networks_and_those_of_muon(place: Path) -> None:
    row = row_of(place, "mlp")
    network, steps = row.mean_of("flops"), row.records[0]["epochs"]["steps"][-1]
    assert row.config.optimizer == "adamw" and row.operations == network is not None
    row.config = replace(row.config, optimizer="muon", options={**row.config.options, "hidden": [16, 8]})
    per_step = 5 * 2 * (16 * 16 * (784 + 16 + 784) + 8 * 8 * (16 + 8 + 16))  # the last layer is AdamW's
    assert row.operations == network + steps * per_step


def test_the_readme_has_the_lines_of_what_is_measured_and_the_sprint(place: Path, command: Command) -> None:
    text = (place / "README.md").read_text()
    assert text.startswith("Before.\n\n<!-- results -->\n") and text.endswith("<!-- end of results -->\n\nAfter.\n")
    mean, deviation = mean_and_deviation(row_of(place, "mlp").accuracies())
    assert deviation is not None
    assert f"| {100 * mean:.2f} ± {100 * deviation:.2f} % |" in text and "| `mlp` |" in text and "lenet_best" not in text
    assert command("reproduce", "--write", *WHERE)[0] == 0 and (place / "README.md").read_text() == text
    (place / "README.md").write_text("No marks.")
    code, _, err = command("reproduce", "--write", *WHERE)
    assert code != 0 and "README.md has no part between <!-- results --> and <!-- end of results -->" in err
    assert (place / "README.md").read_text() == "No marks."


def test_the_page_follows_from_the_records_alone(place: Path, command: Command) -> None:
    before = (place / "docs/results.md").read_bytes()
    shutil.rmtree(place / "runs")
    (place / "docs/results.md").unlink()
    assert command("reproduce", "--write", *WHERE)[0] == 0
    assert (place / "docs/results.md").read_bytes() == before


def test_what_is_measured_is_not_trained_again(place: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(place / "runs")
    monkeypatch.setattr(launch, "_start", lambda *_, **__: pytest.fail("a training was started"))
    code, out, _ = command("reproduce", "mlp", "fast", *WHERE)
    assert code == 0 and "mlp: measured already: seeds 0, 1" in out


def test_a_lost_record_comes_from_the_run_folder_without_training(
    place: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place / "docs/results/mlp/seed1.json"
    before = path.read_bytes()
    monkeypatch.setattr(launch, "_start", lambda *_, **__: pytest.fail("a training was started"))
    path.unlink()
    assert command("reproduce", "mlp", *WHERE)[0] == 0
    assert path.read_bytes() == before


def test_a_changed_recipe_counts_no_old_record_and_keeps_the_old_run(
    place: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = Recipe(SCRIPT, "", {"epochs": 5}, seeds=(0, 1))
    monkeypatch.setitem(RECIPES, "mlp", changed)
    code, _, _ = command("reproduce", "--write", *WHERE)
    text = (place / "docs/results.md").read_text()
    assert code == 0
    assert "- mlp, seed 1: epochs 2, not 5: not counted, the recipe has changed since." in text
    assert "| MLP, 784-128-64-10 | 109,770 | not measured yet |" in text
    (run,) = [launch.Run(Row("mlp", changed, place / "docs/results"), 1, RunFolder(place / "runs/mlp/1"))]
    launch._put_aside_other(run)
    assert not (place / "runs/mlp/1").exists() and (place / "runs/mlp/1-old1/summary.json").exists()
    assert "--recipe" in launch.command_of(run, 1)


def test_threads_and_the_like_make_no_other_run_but_settings_do() -> None:
    config = records.config_of_recipe("mlp", TINY["mlp"])
    assert records.differences({**config.as_dict(), "threads": 7, "seed": 3, "save_every": 5}, config) == []
    assert records.differences({**config.as_dict(), "lr": 0.5}, config) == ["lr 0.5, not 0.003"]
    assert "there is no setting 'speed'" in records.differences({**config.as_dict(), "speed": 1}, config)[0]
    older = {name: value for name, value in config.as_dict().items() if name != "tta"}
    assert records.differences(older, config) == [], "a setting that is new has its default"


def test_a_row_killed_on_the_way_goes_on_and_comes_to_the_same(place: Path, command: Command) -> None:
    before = json.loads((place / "docs/results/fast/seed0.json").read_text())
    for path in (place / "runs/fast/0", place / "docs/results/fast"):
        shutil.rmtree(path)
    code = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}]
from tests.apps import train_tiny
from tinygrad_fm.training import RECIPES
RECIPES.clear()
RECIPES.update(train_tiny.TINY)
from apps.__main__ import main
sys.exit(main(["reproduce", "fast", "--seeds", "0", *{WHERE!r}]))
"""
    metrics = place / "runs/fast/0/metrics.jsonl"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        if metrics.exists() and metrics.read_bytes().count(b"\n") > 3:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode in (0, 143), out  # it may have been through
    assert "Stopped. The same command goes on." in out or process.returncode == 0
    assert command("reproduce", "fast", "--seeds", "0", *WHERE)[0] == 0
    after = json.loads((place / "docs/results/fast/seed0.json").read_text())
    vary = {"seconds", "cpu_seconds", "started", "epochs", "environment", "settings"}
    assert {k: v for k, v in after.items() if k not in vary} == {k: v for k, v in before.items() if k not in vary}
    assert after["epochs"]["validation_accuracy"] == before["epochs"]["validation_accuracy"]


def test_check_trains_anew_and_says_whether_it_is_within_the_noise(
    place: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    code, out, _ = command("reproduce", "--check", "mlp", *WHERE)
    assert {p: p.read_bytes() for p in place.rglob("*") if p.is_file()} == before, "a check writes nothing"
    mean, deviation = mean_and_deviation(row_of(place, "mlp").accuracies())
    assert deviation is not None and f"the noise is ± {100 * max(0.005, 3 * deviation):.2f} points: within it" in out
    found = row_of(place, "mlp").records[0]["test_accuracy"]
    assert f"mlp, seed 0: test accuracy {found:.2%}, {100 * (found - mean):+.2f} points from {mean:.2%}, the mean of 2" in out
    assert code == 0 and "Its weights are those of the record, bit for bit." in out
    # and where the committed result is another
    path = place / "docs/results/fast/seed0.json"
    record = json.loads(path.read_text())
    threads, record["environment"]["threads"], record["weights_sha256"] = record["environment"]["threads"], 77, "0" * 64
    records.write(path, {**record, "test_accuracy_flipped": record["test_accuracy_flipped"] - 0.006})
    monkeypatch.setattr("apps.reproduce.train", lambda runs, jobs, stop, done: done(runs[0]._replace(folder=run)) or [])
    run = RunFolder(place / "runs/fast/0")
    code, out, _ = command("reproduce", "--check", "fast", *WHERE)
    assert code == 1 and "+0.60 points" in out and "± 0.50 points: NOT within it" in out
    assert f"not those of the record, bit for bit, which was made otherwise: threads 77 -> {threads}." in out


def test_a_run_that_does_not_do_what_it_says_is_no_result(place: Path) -> None:
    folder = RunFolder(place / "runs/mlp/0")
    summary = json.loads((folder.path / "summary.json").read_text())
    folder.write_json("summary.json", {**summary, "test_accuracy": 0.99})
    with pytest.raises(CheckpointError, match=r"its summary says 99.00% .* its checkpoint gets"):
        records.condense(folder, "mlp")
    (folder.path / "summary.json").unlink()
    with pytest.raises(CheckpointError, match="holds no finished run"):
        records.condense(folder, "mlp")


def test_a_run_that_held_nothing_out_has_no_temperature_and_no_sprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(SCRIPT, "", {"validation": 0, "epochs": 1}, seeds=(0,))
    monkeypatch.setitem(RECIPES, "mlp", recipe)
    config = records.config_of_recipe("mlp", recipe)
    run = tmp_path / "run"
    assert main(SCRIPT, "", config, models.build, lambda group: None, ["--out", str(run)]) == 0
    record = records.condense(RunFolder(run), "mlp")
    assert record["validation_accuracy"] is None and record["calibration"]["temperature"] is None
    assert record["epochs"]["validation_accuracy"] == [None]
    records.write(records.path_of(tmp_path / "results", "mlp", 0), record)
    row = Row("mlp", recipe, tmp_path / "results")
    assert not row.left_out and sprint.curve_of(row) is None
    text = page(read_results(tmp_path / "results")._replace(rows=[row]))
    assert "- mlp: trained on all images, with none held out." in text
    assert re.search(r"^\| MLP, 784-128-64-10 \| \d+\.\d\d % \| – \| – \| \d", text, re.M)


def test_a_damaged_record_and_wrong_arguments_are_named(place: Path, command: Command) -> None:
    for arguments, says in [
        ((), "give either rows, --all, --check ROW or --write; the rows are mlp, fast, lenet_best"),
        (("mlp", "--all"), "give either"),
        (("mpl",), "there is no recipe 'mpl'; did you mean 'mlp'"),
        (("mlp", "--seeds", "7"), "mlp has the seeds 0, 1, not 7"),
        (("--check", "lenet_best"), "lenet_best is not measured yet"),
        (("mlp", "--jobs", "0"), "must be at least 1, got 0"),
    ]:
        code, _, err = command("reproduce", *arguments, *WHERE)
        assert code == 2 and says in err, err
    (place / "docs/results/mlp/seed1.json").write_text('{"row": "mlp"}')
    code, _, err = command("reproduce", "--write", *WHERE)
    assert code == 2 and "seed1.json is damaged" in err


def test_the_sprint_is_its_definition(place: Path) -> None:
    row = row_of(place, "mlp")
    row.records.append(copy.deepcopy(row.records[0]))
    accuracies = [[0.5, 0.92, 0.94], [0.5, 0.88, 0.94], [0.5, 0.90, 0.91]]
    seconds = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]]
    for record, accuracy, times in zip(row.records, accuracies, seconds, strict=True):
        columns: Any = {"validation_accuracy": accuracy, "cpu_seconds": times}
        record["epochs"].update(columns)
    at_90, at_93 = sprint.time_to(row, 0.90), sprint.time_to(row, 0.93)
    assert at_90 is not None and at_90[1:] == (2, 4.0, 2.0, 6.0)
    assert at_93 is not None and at_93[1:] == (3, 6.0, 3.0, 9.0)
    assert sprint.time_to(row, 0.931) is None
    assert "**4 s** | MLP, 784-128-64-10 | 2 | 3 | 2 to 6 s |" in page(
        read_results(place / "docs/results")._replace(rows=[row])
    )
    del row.records[2:]
    assert sprint.time_to(row, 0.5) is None, "two seeds are too few"


def test_deviations_are_those_of_samples() -> None:
    assert mean_and_deviation([0.9, 0.92, 0.94, 0.92]) == pytest.approx((0.92, 0.0163299), rel=1e-5)
    assert mean_and_deviation([0.9]) == (0.9, None)
