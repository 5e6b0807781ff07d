"""Trackers beside metrics.jsonl: what they are told, and that nothing they do reaches the run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import models
from tinygrad_fm.errors import MissingExtraError
from tinygrad_fm.training import RunFolder, Trainer, main
from tinygrad_fm.training.tracking import Tracking, background, check_trackers, tracking
from tinygrad_fm.training.tracking.open import flat

from .conftest import small, trainer_of


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, method: str) -> Callable[..., None]:
        if method not in ("scalars", "histograms", "picture", "graph", "summary", "close"):
            raise AttributeError(method)
        return lambda *arguments: self.told.append((method, arguments))


def bits(trainer: Trainer) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in trainer.model.state_dict().items()}


def fitted(path: Path, opened: Callable[[], Any] | None, say: Callable[[str], object] = lambda text: None) -> Trainer:
    """A small run, told to one logger, and its end."""
    trainer = trainer_of(small(clip_norm=1.0), path)
    if opened is not None:
        trainer.tracking = Tracking({"the tracker": opened}, say)
    trainer.fit()
    trainer.tracking.close()
    return trainer


def test_what_a_logger_is_told(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer = fitted(tmp_path / "run", lambda: recorder)
    steps = {r["step"]: r for r in RunFolder(tmp_path / "run").read_metrics() if r["kind"] == "step"}
    epochs = {r["step"]: r for r in RunFolder(tmp_path / "run").read_metrics() if r["kind"] == "epoch"}
    told = {step: values for method, (values, step) in recorder.told[:-1] if method == "scalars" and "train/loss" in values}
    assert {step: values["train/loss"] for step, values in told.items()} == {step: r["loss"] for step, r in steps.items()}
    assert all(values["norm/gradient"] > 0 and values["norm/weights"] > 0 for values in told.values())
    ends = {step: v for method, (v, step) in recorder.told[:-1] if method == "scalars" and "validation/loss" in v}
    assert {step: values["validation/loss"] for step, values in ends.items()} == {s: r["val_loss"] for s, r in epochs.items()}
    (first, _), (second, _) = (arguments for method, arguments in recorder.told if method == "histograms")
    names = {name for name, _ in trainer.model.named_parameters()}
    assert first.keys() == second.keys() == {f"{kind}/{name}" for kind in ("weight", "gradient") for name in names}
    counts, edges = first["weight/layers.1.weight"]
    assert counts.sum() == trainer.model.layers[1].weight.numel() and len(edges) == len(counts) + 1
    assert recorder.told[-1] == ("close", ())


def test_the_norm_of_gradients_is_that_before_clipping(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer = trainer_of(small(clip_norm=1e-3), tmp_path / "run")
    trainer.tracking = Tracking({"x": lambda: recorder})
    trainer.fit()
    trainer.tracking.close()
    norms = [values["norm/gradient"] for method, (values, _) in recorder.told[:-1] if "train/loss" in values]
    assert min(norms) > 1e-2


class Bad(Recorder):
    """Raises when it is told of something."""

    def __init__(self, error: BaseException, method: str) -> None:
        super().__init__()
        self.error, self.method = error, method

    def __getattribute__(self, name: str) -> Any:
        if name == object.__getattribute__(self, "__dict__").get("method"):
            raise self.error
        return super().__getattribute__(name)


def raising() -> Any:
    raise OSError("no server")


FAILURES: dict[str, Callable[[], Any]] = {
    "when it is opened": raising,
    "at a number": lambda: Bad(RuntimeError("broken\nin two lines"), "scalars"),
    "at a histogram": lambda: Bad(ValueError(), "histograms"),
    "at the end": lambda: Bad(OSError("disk full"), "close"),
    "by leaving": lambda: Bad(SystemExit(3), "scalars"),
    "by an interrupt": lambda: Bad(KeyboardInterrupt(), "scalars"),
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_logger_that_fails_is_warned_of_once_and_harms_nothing(how: str, tmp_path: Path) -> None:
    said: list[str] = []
    plain = bits(fitted(tmp_path / "plain", None))
    assert bits(fitted(tmp_path / "run", FAILURES[how], said.append)) == plain
    (warning,) = said
    assert warning.startswith("Warning: the tracker failed, and gets no more of this run: ")
    assert "\n" not in warning
    assert len(list(RunFolder(tmp_path / "run").read_metrics())) == len(list(RunFolder(tmp_path / "plain").read_metrics()))


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Never opens while a test runs."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("when", ["opened", "told"])
def test_a_logger_that_hangs_is_left(when: str, gate: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Recorder):
        def scalars(self, *_: Any) -> None:
            gate.wait()

    def opened() -> Any:
        if when == "opened":
            gate.wait()
        return Hanging()

    monkeypatch.setattr(background, "_PATIENCE", 0.1)
    said: list[str] = []
    fitted(tmp_path / "run", opened, said.append)
    (warning,) = said
    assert warning.startswith("Warning: the tracker does not come to an end, and is left: its last records may be missing.")


def test_a_full_queue_drops_and_is_warned_of_once(
    gate: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(background, "_ROOM", 3)
    said: list[str] = []
    trainer = trainer_of(small(), tmp_path / "run")

    def opened() -> Any:
        gate.wait()
        return recorder

    trainer.tracking = Tracking({"the tracker": opened}, said.append)
    trainer.fit()
    gate.set()
    trainer.tracking.close()
    assert [method for method, _ in recorder.told] == ["scalars"] * 3 + ["close"]
    (warning,) = said
    assert "does not keep up" in warning


def test_steps_are_left_out_when_they_cost_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(tracking, "_CREDIT", 0.0)
    monkeypatch.setattr(tracking, "_SHARE", 0.0)  # then one step is too much
    fitted(tmp_path / "run", lambda: recorder)
    told = [values for method, (values, *_) in recorder.told[:-1] if method == "scalars"]
    assert sum("train/loss" in values for values in told) == 1
    assert sum("validation/loss" in values for values in told) == 3


def test_a_missing_package_is_named_with_its_extra_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)
    arguments = ["--out", str(tmp_path / "run"), "--track", "trackio"]
    with pytest.raises(MissingExtraError, match=r"tinygrad_fm\[track-trackio\]"):
        check_trackers(["trackio"])
    with pytest.raises(SystemExit, match="2"):
        main("train_mlp.py", "", small(), models.build, lambda group: None, arguments)
    assert "--track trackio needs the package trackio" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_package_that_is_broken_does_not_stop_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "wandb.py").write_text("raise RuntimeError('broken')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    check_trackers(["wandb"])


def test_settings_are_flat() -> None:
    found = flat(small(track=["wandb"]).as_dict())
    assert found["options.hidden"] == "12" and found["track"] == "wandb" and found["ema"] == "none"
    assert all(type(value) in (bool, int, float, str) for value in found.values())
