"""What the app's page of runs does, without the page: start, stop and resume processes, read what they write, check a form."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from apps.app_logic import processes
from apps.app_logic.run_form import Wanted, checked
from apps.app_logic.run_states import RunState, all_runs, side_by_side, state_of, total_steps
from tinygrad_fm.atomic_files import lock
from tinygrad_fm.errors import CheckpointError

OLD_RUN = Path(__file__).parents[1] / "training" / "old_run"
QUICK = ["--data=synthetic", "--train-size=200", "--validation=40", "--batch-size=20", "--hidden=8", "--threads=1"]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """A folder for runs; what still trains into it in the end is stopped."""
    runs = tmp_path / "runs"
    yield runs
    for path in all_runs(runs):
        if processes.is_running(path):
            processes.stop(path)
            wait(path, lambda state: not state.own)


def wait(path: Path, ready: Callable[[RunState], bool]) -> RunState:
    until = time.monotonic() + 60
    while not ready(state := state_of(path)):
        assert time.monotonic() < until, (state.status, state.problem, processes.said(path))
        time.sleep(0.05)
    return state


def test_a_run_is_started_stopped_and_resumed(base: Path) -> None:
    path = base / "a run"
    processes.start(path, "train_mlp.py", [*QUICK, "--steps", "1000000"])
    assert processes.await_start(path, 60) == ""
    state = wait(path, lambda state: state.step > 3)
    assert (state.status, state.own, state.total, state.is_drawn) == ("training", True, 1_000_000, True)
    with pytest.raises(CheckpointError, match="trained already"):
        processes.resume(path, "train_mlp.py")
    processes.stop(path)
    processes.stop(path)  # twice is as once: the step is not cut off
    state = wait(path, lambda state: not state.own)
    assert (state.status, state.problem) == ("stopped", "")
    assert state.step == state.records[-1]["step"] and "Go on with" in processes.said(path)
    with pytest.raises(CheckpointError, match="no process that was started here"):
        processes.stop(path)

    processes.resume(path, "train_mlp.py")
    further = wait(path, lambda state: state.step > further_than(state.step, path))
    assert further.status == "training" and "--resume" in processes.said(path) and "--out" not in processes.said(path)
    steps = [record["step"] for record in further.records if record["kind"] == "step"]
    assert steps == list(range(1, len(steps) + 1))  # nothing is missing, nothing twice


def further_than(step: int, path: Path) -> int:
    """Where the checkpoint left it, once the process says so; else beyond all."""
    said = processes.said(path)
    return int(said.split("Resumed after step ")[1].split(",")[0]) if "Resumed after step" in said else step


def test_a_short_run_finishes(base: Path) -> None:
    processes.start(base / "short", "train_mlp.py", [*QUICK, "--steps", "3", "--validation", "0"])
    state = wait(base / "short", lambda state: state.summary is not None and not state.own)
    assert (state.status, state.step, state.share, state.problem) == ("finished", 3, 1.0, "")
    assert "test accuracy" in state.told() and "validation" not in state.told()


def test_a_run_that_cannot_begin_says_why_and_leaves_nothing(base: Path) -> None:
    processes.start(base / "none", "train_mlp.py", [*QUICK, "--validation", "200"])
    assert "--validation: must leave at least one batch" in processes.await_start(base / "none", 60)
    assert list(base.iterdir()) == []


def test_of_two_starts_at_once_one_begins(base: Path) -> None:
    def start(_: int) -> str:
        try:
            processes.start(base / "twice", "train_mlp.py", [*QUICK, "--steps", "2"])
        except FileExistsError:
            return "refused"
        return "started"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(start, range(2))) == ["refused", "started"]
    assert wait(base / "twice", lambda state: state.summary is not None).step == 2


@pytest.mark.parametrize("function", ["Popen", "write_json"])
def test_a_start_that_fails_leaves_nothing(base: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    owner = processes.subprocess if function == "Popen" else processes.RunFolder
    monkeypatch.setattr(owner, function, fail)
    with pytest.raises(OSError, match="No space"):
        processes.start(base / "full", "train_mlp.py", QUICK)
    assert list(base.iterdir()) == []


def test_facts_that_were_tampered_with_hit_no_process(trained: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(trained / "mlp", tmp_path / "mlp"))
    (path / "process.log").write_text("$ python train_mlp.py\n")
    for pid in (0, 1, -1, "7", 2**40):
        (path / "process.json").write_text(json.dumps({"pid": pid, "command": []}))
        with pytest.raises(CheckpointError):
            processes.stop(path)


def test_a_run_that_is_resumed_while_it_is_stopped_is_asked_by_its_new_number(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old number may be another program's by now."""
    path = Path(shutil.copytree(trained / "mlp", tmp_path / "mlp"))
    (path / "process.json").write_text(json.dumps({"pid": 1111, "command": []}))

    def resumed_meanwhile(_: Path) -> bool:
        (path / "process.json").write_text(json.dumps({"pid": 2222, "command": []}))
        return True

    asked: list[int] = []
    monkeypatch.setattr(processes, "is_running", resumed_meanwhile)
    monkeypatch.setattr(processes.os, "kill", lambda pid, _: asked.append(pid))
    processes.stop(path)
    assert asked == [2222]


def test_a_run_of_another_process_is_seen_to_train(trained: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(trained / "mlp", tmp_path / "mlp"))
    (path / "summary.json").unlink()
    assert state_of(path).status == "stopped"
    with open(path / "metrics.jsonl", "ab") as file:
        assert lock(file)
        state = state_of(path)
        assert (state.status, state.own) == ("training", False)
        with pytest.raises(CheckpointError, match="by another process"):
            processes.resume(path, "train_mlp.py")


# -- reading ---------------------------------------------------------------------------------------------------------------


def test_metrics_are_read_on_from_where_they_were(trained: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(trained / "mlp", tmp_path / "mlp"))
    whole = (path / "metrics.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    metrics = path / "metrics.jsonl"
    metrics.write_bytes(b"".join(lines[:5]) + lines[5][:20])  # half a line: it is being written
    assert len(state_of(path).records) == 5 and state_of(path).problem == ""
    metrics.write_bytes(b"".join(lines[:9]))
    assert len(state_of(path).records) == 9
    changed = b"".join(lines[:7]) + lines[0] + lines[8]  # cut back and grown again
    metrics.write_bytes(changed[: len(changed) - 3])
    assert [record["step"] for record in state_of(path).records][-1] == 1
    metrics.write_bytes(b"".join(lines[:3]))
    assert len(state_of(path).records) == 3
    metrics.write_bytes(b"".join(lines[:3]) + b"{}\n" + lines[4])
    state = state_of(path)
    assert len(state.records) == 3 and "line 4 is damaged" in state.problem
    metrics.write_bytes(whole)
    assert len(state_of(path).records) == len(lines) and state_of(path).problem == ""
    metrics.unlink()
    assert state_of(path).records == ()
    shutil.rmtree(path)
    assert state_of(path).status == "unreadable"


def test_a_run_of_an_older_version_is_shown() -> None:
    state = state_of(OLD_RUN)
    assert state.config and state.records and state.problem == ""


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"settings": 3}', "\x00"])
def test_a_config_that_is_none_is_a_sentence(trained: Path, tmp_path: Path, content: str) -> None:
    path = Path(shutil.copytree(trained / "mlp", tmp_path / "mlp"))
    (path / "config.json").write_text(content)
    state = state_of(path)
    assert state.status == "unreadable" and "config.json" in state.problem and state.records


def test_the_latest_run_is_first_and_files_are_no_runs(trained: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(trained, tmp_path / "runs"))
    (base / "notes.txt").write_text("")
    (base / "empty").mkdir()
    with open(base / "lenet" / "metrics.jsonl", "ab"):
        (base / "lenet" / "metrics.jsonl").touch()
    assert [path.name for path in all_runs(base)] == ["lenet", "mlp"]
    assert all_runs(tmp_path / "nowhere") == []


def test_steps_in_all_follow_from_the_settings(trained: Path) -> None:
    state = state_of(trained / "mlp")
    assert total_steps(state.config) == state.step == state.total
    for broken in ({}, {"settings": {}}, {"settings": {"epochs": 3, "batch_size": 0}}, {"settings": {"epochs": "3"}}):
        assert total_steps(broken) == 0


def test_settings_that_differ_come_first(trained: Path) -> None:
    configs = {name: state_of(trained / name).config for name in ("mlp", "lenet")}
    different, same = side_by_side({**configs, "older": {"settings": {"lr": 0.5}}})
    assert ("model", "mlp", "lenet", "—") in different and all(len(set(row[1:])) > 1 for row in different)
    assert ("options: hidden", "32", "—", "—") in different
    assert all(len(set(row[1:])) == 1 for row in same)


# -- the form --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lr": "abc"}, "Learning rate: invalid float value: 'abc'"),
        ({"lr": "-1"}, "Learning rate: must be positive, got -1.0"),
        ({"lr": "nan"}, "Learning rate: must be positive"),
        ({"batch_size": 0}, "Images per step: must be a positive integer"),
        ({"unit": "steps", "length": -3}, "How long: must be a positive integer"),
        ({"name": "../up"}, "Name: letters"),
        ({"name": "a/b"}, "Name: letters"),
        ({"name": "."}, "Name: letters"),
        ({"name": "a\nb"}, "Name: letters"),
        ({"name": "there"}, "There is a run named there already"),
        ({"further": "--help"}, "The further options: --help is for a terminal"),
        ({"further": "--out elsewhere"}, "--out is not for the app"),
        ({"further": "--res there"}, "--resume is not for the app"),
        ({"further": "--track wandb"}, "--track is not for the app"),
        ({"further": "'"}, "The further options: No closing quotation"),
        ({"further": "--hiden 3"}, "The further options: unrecognized arguments: --hiden 3"),
        ({"further": "--dropout x"}, "The further options: argument --dropout: invalid float value"),
        ({"data": "fashion-mnist"}, "Fashion-MNIST is not on this machine"),
        ({"further": "--data auto"}, "Fashion-MNIST is not on this machine"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], fields: dict[str, Any], message: str
) -> None:
    monkeypatch.delenv("FASHION_MNIST_DIR", raising=False)
    monkeypatch.setenv("TINYGRAD_FM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError) as caught:
        checked(Wanted(**fields), tmp_path)
    assert str(caught.value).startswith(message)
    assert capfd.readouterr() == ("", "")


def test_the_form_says_what_the_command_line_would(tmp_path: Path) -> None:
    wanted = Wanted("one", "lenet", unit="steps", length=7, lr="0.02", augment=("flip", "shift"), further="--no-tta")
    found = checked(wanted, tmp_path)
    assert (found.folder, found.script) == (tmp_path / "one", "train_cnn.py")
    assert (found.config.model, found.config.steps, found.config.epochs, found.config.lr) == ("lenet", 7, None, 0.02)
    assert found.config.augment == ("flip", "shift")
    assert checked(Wanted(), tmp_path).folder.parent == tmp_path  # a name is found where none is given
