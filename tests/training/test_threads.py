"""How many threads a run takes, and that it keeps to them. Nothing here looks at a clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import models
from tinygrad_fm import random, runtime
from tinygrad_fm.training import Trainer, cli, main, start, threads

from .conftest import data_of, small

ONE, SPUN = [0.002, 0.003, 0.002, 0.050], [0.050, 0.100, 0.001, 0.080]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = runtime.get_num_threads()
    runtime.set_num_threads(2)
    yield
    runtime.set_num_threads(before)


@pytest.mark.parametrize(
    ("one", "two", "chosen"),
    [
        (ONE, SPUN, 1),
        ([0.002] * 4, [0.0015, 0.0012, 0.0014, 0.4], 2),  # one stall, which could have met the other
        ([0.010] * 4, [0.018] * 4, 2),  # slower, but not by as much as other bits are worth
        ([0.010, 0.9, 0.011, 0.010], [0.030] * 4, 2),  # nobody knows: as many as there are
        ([0.010] * 4, [0.007] * 4, 2),
    ],
)
def test_the_choice(one: list[float], two: list[float], chosen: int) -> None:
    assert threads.choose_threads({1: one, 2: two}) == chosen


def test_trying_changes_neither_the_model_nor_the_generator() -> None:
    model = models.build("mlp", hidden=[4], batch_norm=True, dropout=0.5)
    before = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    state = random.default_generator.bits.bit_generator.state
    times = threads.time_steps(model, 20, 2)
    assert times.keys() == {1, 2} and len(times[1]) == len(times[2]) >= 3 and min(times[1]) > 0
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == before
    assert all(p.grad is None for p in model.parameters())
    assert random.default_generator.bits.bit_generator.state == state


def begin(path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> int:
    monkeypatch.setattr(start, "load_data", lambda config, choice=None: data_of(config))
    defaults = small(epochs=1)
    return main("t", "", defaults, models.build, lambda group: None, ["--out", str(path), *arguments])


@pytest.mark.parametrize(("arguments", "two", "expected"), [([], SPUN, 1), ([], ONE, 2), (["--threads", "2"], SPUN, 2)])
def test_a_busy_machine_is_said_and_recorded_and_a_resumed_run_keeps_to_it(
    arguments: list[str], two: list[float], expected: int, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threads, "time_steps", lambda *_: {1: ONE, 2: two})
    seen: list[int] = []
    step = Trainer._train_step
    monkeypatch.setattr(Trainer, "_train_step", lambda *a: (seen.append(runtime.get_num_threads()), step(*a))[1])
    assert begin(tmp_path / "run", monkeypatch, arguments) == 0
    out = capsys.readouterr().out
    assert ("Threads: 1 of 2, as other programs use the processors" in out) == (expected == 1)
    assert f"threads: {expected}\n" in out and set(seen) == {expected}
    assert json.loads((tmp_path / "run/config.json").read_text())["settings"]["threads"] == expected
    assert runtime.get_num_threads() == 2, "as it was before"
    seen.clear()
    (tmp_path / "run/summary.json").unlink()
    monkeypatch.setattr(cli, "finish", lambda trainer, stop: seen.append(runtime.get_num_threads()))
    assert main("t", "", small(), models.build, lambda group: None, ["--resume", str(tmp_path / "run")]) == 0
    assert seen == [expected]


def test_a_run_of_before_threads_were_settings_keeps_those_of_its_environment() -> None:
    start._take_threads(small(), {"threads": 3})
    assert runtime.get_num_threads() == 3
