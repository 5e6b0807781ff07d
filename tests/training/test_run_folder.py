"""The run folder and metrics.jsonl."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tinygrad_fm.atomic_files import lock
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.training import RunFolder
from tinygrad_fm.training.metrics_log import MetricsLog


def step(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {"kind": "step", "step": number, "epoch": 1, "loss": 2.5, "accuracy": 0.25, "lr": 1e-3, **changes}


def line(record: Any) -> bytes:
    return json.dumps(record).encode() + b"\n"


def create(path: Path) -> None:
    with RunFolder(path).created():
        pass


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "new/deep")
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(FileExistsError, match="choose another --out"):
            create(path)


LEFT_OVER = ("checkpoints/", "metrics.jsonl", "config.json.0a1b2c3d.tmp", "checkpoints/last.npz.0a1b2c3d.tmp")


@pytest.mark.parametrize("count", range(len(LEFT_OVER) + 1))
def test_what_a_kill_leaves_while_the_folder_is_made_is_as_good_as_nothing(count: int, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in LEFT_OVER[:count]:
        (run / name).mkdir() if name.endswith("/") else (run / name).touch()
    with pytest.raises(CheckpointError, match="start it anew, with --out" if count else "no config.json"):
        RunFolder(run).read_config()
    create(run)
    assert {path.name for path in run.rglob("*")} == {"checkpoints", "metrics.jsonl"}


@pytest.mark.parametrize(
    "name", ["notes.txt", "data.tmp", "checkpoints/last.npz", "checkpoints/mine.tmp", "metrics.jsonl", "more/x.tmp"]
)
def test_what_may_be_the_users_is_not(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError):
        create(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_is_locked_before_it_is_swept(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with RunFolder(run).created():
        RunFolder(run).write_json("config.json", CONFIG)
        half = run / "checkpoints/last.npz.0a1b2c3d.tmp"
        half.touch()
        for enter in (RunFolder(run).opened, RunFolder(run).locked):
            with pytest.raises(CheckpointError, match="trained into by another process"), enter():
                pass
        assert half.exists()
    with RunFolder(run).opened():
        assert not half.exists()


def test_records_that_are_cut_off_are_left_out_and_damaged_ones_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    log = MetricsLog(folder.metrics)
    for number in range(3):
        log.append(step(number))
    log.close()
    size = folder.metrics.stat().st_size
    assert log.size == size
    folder.metrics.write_bytes(folder.metrics.read_bytes()[:-3])
    assert [record["step"] for record in folder.read_metrics()] == [0, 1]
    again = MetricsLog(folder.metrics)
    assert not again.keep(size), "half a line is lost"
    again.append(step(7))
    assert [record["step"] for record in folder.read_metrics()] == [0, 1, 7]
    assert again.keep(2 * size // 3) and not again.keep(2 * size // 3 - 5) and again.keep(0)
    again.close()
    assert folder.metrics.read_bytes() == b""


DAMAGE = {
    "a list": b"[1]\n",
    "no text": b"\xff\n",
    "an empty line": b"\n",
    "deep": b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "of another kind": line(step(kind="song")),
    "with a kind only": b'{"kind": "step"}\n',
    "a loss that is text": line(step(loss="low")),
    "a loss that is no number": line(step(loss=float("nan"))),
    "a loss that is too large": line(step()).replace(b"2.5", b"1e999"),
    "a large integer": line(step()).replace(b"2.5", b"9" * 400),
    "a step before the first": line(step(-1)),
    "a bool": line(step(loss=True)),
    "an epoch without its validation": line(step(kind="epoch")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_records_are_named(damage: bytes, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.metrics.write_bytes(line(step()) + damage)
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl, line 2 is damaged"):
        list(folder.read_metrics())


CONFIG = {"settings": {}, "environment": {}, "model": {}, "dataset": {"name": "n", "choice": "synthetic", "digest": "0"}}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"[]", "must be an object, got a list"),
        (b"{}", "lacks dataset, environment, model"),
        (json.dumps({**CONFIG, "settings": [1]}).encode(), "settings must be an object, got a list"),
        (json.dumps({**CONFIG, "dataset": {**CONFIG["dataset"], "choice": "auto"}}).encode(), "dataset.choice must be one of"),
        (json.dumps({**CONFIG, "dataset": {**CONFIG["dataset"], "name": "\ud800"}}).encode(), "dataset.name must be text"),
        (json.dumps(CONFIG).encode("utf-16")[:-1], "damaged"),
    ],
)
def test_a_damaged_config_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(
        CheckpointError, match=rf"config\.json is damaged: .*{says}" if says != "damaged" else "config.json is damaged"
    ):
        RunFolder(tmp_path).read_config()


def test_numbers_that_json_does_not_know_are_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        folder.write_json("summary.json", {"loss": float("nan")})
    assert folder.read_summary() is None


def test_a_look_at_the_lock_keeps_no_training_from_it(tmp_path: Path) -> None:
    """The app looks whether a run is being trained: it has the lock for a moment, which a training that begins waits for."""
    path = tmp_path / "metrics.jsonl"
    looked_at = open(path, "ab")  # noqa: SIM115
    assert lock(looked_at)
    with pytest.raises(CheckpointError, match="is being trained into by another process"):
        MetricsLog(path)
    threading.Timer(0.05, looked_at.close).start()
    MetricsLog(path).close()
