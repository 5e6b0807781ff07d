"""The loop: a run that is left at any point and taken up again is the run that was never left."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.platforms import needs_processes
from tinygrad_fm import autograd, serialization, training
from tinygrad_fm.errors import CheckpointError, NonFiniteLossError
from tinygrad_fm.training import Config, Interrupted, RunFolder, StopRequest, Trainer, load_checkpoint

from .conftest import small, trainer_of

WALL_CLOCK = {"seconds", "cpu_seconds"}


def records(path: Path) -> list[dict[str, Any]]:
    """metrics.jsonl without its wall-clock fields."""
    return [{k: v for k, v in record.items() if k not in WALL_CLOCK} for record in RunFolder(path).read_metrics()]


def same(a: Any, b: Any, where: str = "") -> None:
    """Assert that two nested values are equal to the bit, wall-clock fields apart."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a.keys() - WALL_CLOCK - {"metrics_size"}:  # which counts the digits of the seconds
            same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            same(x, y, f"{where}/{i}")
    elif hasattr(a, "numpy"):
        assert a.numpy().tobytes() == b.numpy().tobytes() and a.dtype is b.dtype, where
    elif isinstance(a, np.ndarray):
        assert a.tobytes() == b.tobytes(), where
    else:
        assert a == b, where


def resume(config: Config, path: Path) -> Trainer:
    """A new trainer that stands where the last checkpoint in ``path`` does."""
    trainer = trainer_of(config, path)
    folder = trainer.folder
    if folder.has_begun():
        trainer.load_state_dict(load_checkpoint(folder.last), folder.last)
    return trainer


class Killed(BaseException):
    """Stands for the death of the process."""


def train_with_deaths(config: Config, path: Path, seed: int) -> int:
    """Train to the end although the process dies again and again, at random calls that reach the disk; returns how often."""
    rng = np.random.default_rng(seed)
    real = {name: getattr(os, name) for name in ("fsync", "replace", "link") if hasattr(os, name)}
    deaths = 0
    while True:
        left = int(rng.integers(1, 40))

        def dying(name: str) -> Any:
            def call(*args: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    raise Killed
                return real[name](*args)

            return call

        trainer = resume(config, path)
        with pytest.MonkeyPatch.context() as patch:
            for name in real:
                patch.setattr(os, name, dying(name))
            try:
                trainer.fit()
                return deaths
            except Killed:
                deaths += 1
                # what a killed process leaves behind beside its files
                (path / "checkpoints" / "last.npz.123.tmp").write_bytes(b"PK\x03\x04half")
                with open(path / "metrics.jsonl", "ab") as file:
                    file.write(b'{"kind": "step", "los')
                with RunFolder(path).opened():
                    assert not list(path.rglob("*.tmp"))


RECIPES = [
    {},
    {"optimizer": "momentum", "schedule": "plateau", "patience": 1, "lr": 0.5, "augment": []},
    {"optimizer": "nag", "schedule": "cosine", "ema": 0.9, "tta": True},
    {"optimizer": "nadam", "schedule": "multistep", "steps": 11, "epochs": None, "save_every": 4},
    {"optimizer": "rmsprop", "schedule": "step", "label_smoothing": 0.1, "clip_norm": 0.5, "early_stopping": 1, "lr": 0.05},
    {"optimizer": "adam", "schedule": "constant", "composed": True, "init": "he", "epochs": 2},
    {"optimizer": "sgd", "schedule": "onecycle", "seed": -3, "options": {"hidden": [], "dropout": 0.0}},
    {"model": "lenet", "options": {}, "ema": 0.8, "epochs": 2, "tta": True},
    {"model": "vgg3", "options": {"width": 3, "dense": 5}, "schedule": "plateau"},
    {"optimizer": "muon", "schedule": "onecycle", "epochs": 2},
    {
        "model": "fast",
        "options": {"channels": [4, 5], "blocks": [1, 1]},
        "augment": ["altflip", "shift"],
        "shift_padding": "reflect",
        "bn_bias_lr": 16,
        "schedule": "triangular",
        "ema": 0.9,
    },
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.get("optimizer", recipe.get("model", "adamw")))
def test_a_run_that_dies_again_and_again_ends_like_one_that_never_did(recipe: dict[str, Any], tmp_path: Path) -> None:
    config = small(**recipe, checkpoint_seconds=0.0)
    trainer_of(config, tmp_path / "whole").fit()
    deaths = train_with_deaths(config, tmp_path / "broken", seed=1)
    assert deaths >= 2
    assert records(tmp_path / "broken") == records(tmp_path / "whole")
    names = [path.name for path in RunFolder(tmp_path / "whole").all_checkpoints()]
    assert names == [path.name for path in RunFolder(tmp_path / "broken").all_checkpoints()]
    for name in names:
        whole, broken = (load_checkpoint(tmp_path / run / "checkpoints" / name) for run in ("whole", "broken"))
        same(whole, broken, name)


def test_checkpoints_are_written_seldom_unless_asked_for(tmp_path: Path) -> None:
    trainer = trainer_of(small(epochs=4), tmp_path / "run")
    saved: list[int] = []
    save = trainer.save
    trainer.save = lambda path=None: (saved.append(trainer.progress.step), save(path))[1]  # type: ignore[assignment,return-value,func-returns-value]
    trainer.fit()
    assert set(saved) <= {0, 4, 8, 12, 16}  # the beginning and the ends of epochs


def test_every_step_and_epoch_is_recorded(tmp_path: Path) -> None:
    trainer = trainer_of(small(epochs=2), tmp_path / "run")
    trainer.fit()
    found = records(tmp_path / "run")
    assert [(r["kind"], r["epoch"], r["step"]) for r in found] == [
        ("step", 1, 1),
        ("step", 1, 2),
        ("step", 1, 3),
        ("step", 1, 4),
        ("epoch", 1, 4),
        ("step", 2, 5),
        ("step", 2, 6),
        ("step", 2, 7),
        ("step", 2, 8),
        ("epoch", 2, 8),
    ]
    steps = [r for r in found if r["kind"] == "step" and r["epoch"] == 2]
    assert found[-1]["train_loss"] == pytest.approx(np.mean([r["loss"] for r in steps]), rel=1e-12)
    assert found[-1]["train_accuracy"] == pytest.approx(np.mean([r["accuracy"] for r in steps]))
    assert steps[-1]["lr"] < steps[0]["lr"]
    validation = trainer.validate()
    assert validation is not None and found[-1]["val_accuracy"] == validation.accuracy


def test_training_by_steps_ends_at_the_step(tmp_path: Path) -> None:
    trainer = trainer_of(small(steps=6, epochs=None, save_every=2), tmp_path / "run")
    trainer.fit()
    assert trainer.progress.step == 6 and trainer.finished
    assert records(tmp_path / "run")[-1]["kind"] == "epoch"
    assert [path.name for path in trainer.folder.all_checkpoints()] == [
        "step-2.npz",
        "step-4.npz",
        "step-6.npz",
        "best.npz",
        "last.npz",
    ]
    assert load_checkpoint(trainer.folder.at_step(4))["progress"]["step"] == 4


def test_another_seed_gives_another_run(tmp_path: Path) -> None:
    for seed in (0, 1):
        trainer_of(small(seed=seed, epochs=1), tmp_path / str(seed)).fit()
    assert records(tmp_path / "0") != records(tmp_path / "1")


def test_early_stopping_counts_epochs_without_a_better_one(tmp_path: Path) -> None:
    trainer = trainer_of(small(epochs=50, early_stopping=2, lr=1e-12, schedule="constant", augment=[]), tmp_path / "run")
    trainer.model.eval()  # nothing is learned, and without dropout and running statistics nothing moves
    trainer.model.train = lambda mode=True: trainer.model  # type: ignore[assignment,method-assign,return-value]
    trainer.fit()
    assert trainer.progress.stopped_early and trainer.finished
    assert trainer.progress.epoch == trainer.progress.best_epoch + 2


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    trainer = trainer_of(small(lr=1e30, optimizer="sgd", schedule="constant", options={"hidden": [4]}), tmp_path / "run")
    with pytest.raises(NonFiniteLossError, match=r"at step \d+ \(epoch 1\), with learning rate 1e\+30.*last\.npz.*--lr"):
        trainer.fit()
    kept = load_checkpoint(trainer.folder.last)
    assert all(np.isfinite(tensor.numpy()).all() for tensor in kept["weights"].values())
    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        assert np.isfinite(json.loads(line)["loss"])


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    trainer = trainer_of(small(), tmp_path / "run")
    trainer.save()
    before = trainer.folder.last.read_bytes()
    next(iter(trainer.model.parameters())).detach().numpy()[0, 0] = np.inf
    with pytest.raises(NonFiniteLossError, match=r"layers\.1\.weight is no longer finite"):
        trainer.save()
    assert trainer.folder.last.read_bytes() == before


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small(checkpoint_seconds=0.0)
    trainer_of(config, tmp_path / "whole").fit()
    trainer = trainer_of(config, tmp_path / "run")
    write, calls = np.lib.format.write_array, 0

    def full(*args: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 60:
            raise OSError(28, "No space left on device")
        write(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", full)
        with pytest.raises(OSError, match="No space"):
            trainer.fit()
    assert not list((tmp_path / "run").rglob("*.tmp"))
    assert 0 < load_checkpoint(trainer.folder.last)["progress"]["step"] < trainer.total
    resume(config, tmp_path / "run").fit()
    assert records(tmp_path / "run") == records(tmp_path / "whole")


def test_a_stop_is_obeyed_after_the_step_and_saved(tmp_path: Path) -> None:
    config = small()
    trainer_of(config, tmp_path / "whole").fit()
    trainer = trainer_of(config, tmp_path / "run")
    stop = StopRequest()
    trainer.report.step = lambda loss: setattr(stop, "signal", 2 if trainer.progress.step == 5 else None)  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="SIGINT"):
        trainer.fit(stop)
    assert load_checkpoint(trainer.folder.last)["progress"]["step"] == 5
    resume(config, tmp_path / "run").fit()
    assert records(tmp_path / "run") == records(tmp_path / "whole")
    same(load_checkpoint(tmp_path / "run/checkpoints/last.npz"), load_checkpoint(tmp_path / "whole/checkpoints/last.npz"))


def test_a_stop_while_an_epoch_is_told_of_is_saved_too(tmp_path: Path) -> None:
    """As a terminal that is closed stops it: at the moment something is written to it."""
    trainer, stop = trainer_of(small(lr=1e-12, schedule="constant"), tmp_path / "run"), StopRequest()
    trainer.report.line = lambda text="": setattr(stop, "signal", 1 if trainer.progress.epoch == 2 else None)  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="SIGHUP"):
        trainer.fit(stop)
    assert load_checkpoint(trainer.folder.last)["progress"]["step"] == trainer.progress.step == 8


@needs_processes
def test_two_processes_cannot_train_into_one_folder(tmp_path: Path) -> None:
    first, second = trainer_of(small(), tmp_path / "run"), trainer_of(small(), tmp_path / "run")
    first.report.step = lambda loss: second.fit()  # type: ignore[method-assign]
    with pytest.raises(CheckpointError, match="another process"):
        first.fit()


def test_batch_norm_and_dropout_are_in_their_modes(tmp_path: Path) -> None:
    trainer = trainer_of(small(epochs=1), tmp_path / "run")
    seen: list[tuple[bool, int]] = []
    trainer.model.register_forward_hook(lambda model, args, out: seen.append((model.training, len(out))))
    trainer.fit()
    assert seen == [(True, 20)] * 4 + [(False, 40)]
    assert trainer.model.training


def test_composed_runs_without_fused_kernels(tmp_path: Path) -> None:
    seen = set()
    trainer = trainer_of(small(epochs=1, composed=True), tmp_path / "run")
    trainer.model.register_forward_hook(lambda *_: seen.add(autograd.modes.state.composed))
    trainer.fit()
    assert seen == {True}


def test_the_average_is_what_is_evaluated_and_saved(tmp_path: Path) -> None:
    trainer = trainer_of(small(ema=0.5), tmp_path / "run")
    trainer.fit()
    weights = {name: tensor.numpy().copy() for name, tensor in trainer.model.state_dict().items()}
    averaged = {name: tensor.numpy().copy() for name, tensor in trainer.evaluated_model.state_dict().items()}
    assert any((averaged[name] != weights[name]).any() for name in weights)
    expected = training.evaluate(trainer.evaluated_model, trainer.data.validation).accuracy
    same(weights, {name: tensor.numpy() for name, tensor in trainer.model.state_dict().items()})
    assert records(tmp_path / "run")[-1]["val_accuracy"] == expected
    import models

    loaded, _ = training.load_model(trainer.folder.last, models.build)
    same({name: tensor.numpy() for name, tensor in loaded.state_dict().items()}, averaged)


@pytest.mark.parametrize("schedule", ["multistep", "onecycle", "cosine", "step", "plateau"])
def test_options_of_optimizer_and_schedule_are_the_runs_own(schedule: str, tmp_path: Path) -> None:
    """Other versions have other names and forms for them: milestones were a list once."""
    config = small(schedule=schedule, steps=10, epochs=None, lr=0.01)
    trainer_of(config, tmp_path / "whole").fit()
    trainer, stop = trainer_of(config, tmp_path / "run"), StopRequest()
    trainer.report.step = lambda loss: setattr(stop, "signal", 2 if trainer.progress.step == 6 else None)  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        trainer.fit(stop)
    state = serialization.load(trainer.folder.last)
    for name in ("milestones", "gamma", "total_steps", "T_max", "step_size", "factor", "_schedule_phases"):
        if name in state["schedule"]:
            state["schedule"][name] = [1, 2]
    state["schedule"]["verbose"] = False
    state["optimizer"]["param_groups"][0].pop("weight_decay")
    state["optimizer"]["param_groups"][0]["eps"] = 7.0
    serialization.save(state, trainer.folder.last)
    resume(config, tmp_path / "run").fit()
    same(load_checkpoint(tmp_path / "run/checkpoints/last.npz"), load_checkpoint(tmp_path / "whole/checkpoints/last.npz"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state["schedule"].update(last_epoch=7), "schedule.last_epoch is 7, not 0"),
        (lambda state: state["optimizer"]["param_groups"][0].update(lr="high"), "optimizer.lr must be a finite number"),
        (lambda state: state["optimizer"]["param_groups"][0].pop("lr"), "optimizer lacks lr"),
        (lambda state: state.update(progress=[1]), "progress must be an object, got a list"),
        (lambda state: state.update(format="1"), "format must be a whole number"),
        (lambda state: state.update(metrics_size=-1), "metrics_size must be a whole number from 0 on"),
        (lambda state: state.update(environment="linux"), "environment must be an object"),
        (lambda state: state["dataset"].update(classes={"a": 1}), "dataset.classes must be a list, got an object"),
        (lambda state: state["weights"].update({"layers.1.bias": "?"}), r"weights.layers.1.bias must be a Tensor, got '\?'"),
        (lambda state: state["weights"]["layers.1.bias"].fill_(np.nan), "the weights layers.1.bias have values that are not"),
        (lambda state: state["weights"].pop("layers.1.weight"), "Missing key"),
        (lambda state: state["optimizer"]["param_groups"].clear(), "parameter groups"),
        (lambda state: state["progress"].update(colour="red"), "colour"),
        (lambda state: state.pop("schedule"), "lacks schedule"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_an_error_that_names_it(change: Any, says: str, tmp_path: Path) -> None:
    trainer = trainer_of(small(), tmp_path / "run")
    trainer.save()
    state = serialization.load(trainer.folder.last)
    change(state)
    serialization.save(state, trainer.folder.last)
    with pytest.raises(CheckpointError, match=rf"(?s)last\.npz.*{says}"):
        resume(small(), tmp_path / "run")


def test_without_validation_the_last_epoch_is_what_there_is(tmp_path: Path) -> None:
    config = small(validation=0, epochs=2, tta=True)
    trainer = trainer_of(config, tmp_path / "run")
    assert len(trainer.data.train) == 120 and len(trainer.data.validation) == 0
    trainer.fit()
    assert trainer.finished and trainer.validate() is None
    assert not trainer.folder.best.exists() and trainer.folder.last.exists()
    epochs = [record for record in records(tmp_path / "run") if record["kind"] == "epoch"]
    assert len(epochs) == 2 and not any(name.startswith("val_") for name in epochs[0])
    result = training.finish(trainer, StopRequest())
    assert [result[name] for name in ("val_accuracy", "val_loss", "best_val_accuracy", "best_epoch")] == [None] * 4
    assert result["weights"] == "last" and trainer.folder.read_summary() is not None
    again = resume(config, tmp_path / "run")
    assert again.finished


def test_a_run_without_validation_dies_and_ends_alike(tmp_path: Path) -> None:
    config = small(validation=0, epochs=2, checkpoint_seconds=0.0)
    trainer_of(config, tmp_path / "whole").fit()
    train_with_deaths(config, tmp_path / "broken", seed=2)
    whole, broken = (load_checkpoint(tmp_path / run / "checkpoints/last.npz") for run in ("whole", "broken"))
    same(whole, broken)


def test_processor_time_is_counted_over_resumptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**6, 3))  # each look finds three seconds more
    monkeypatch.setattr("time.process_time", lambda: float(next(clock)))
    config = small(epochs=2, save_every=5)
    trainer = trainer_of(config, tmp_path / "run")
    stop = StopRequest()
    with pytest.raises(RuntimeError, match="enough"):
        trainer.fit(stop, lambda record: (_ for _ in ()).throw(RuntimeError("enough")))
    first = trainer.progress.cpu_seconds
    assert first is not None and first > 0
    saved = load_checkpoint(tmp_path / "run/checkpoints/last.npz")["progress"]["cpu_seconds"]
    second = resume(config, tmp_path / "run")
    assert second.progress.cpu_seconds == saved > 0
    second.fit()
    told = [record["cpu_seconds"] for record in RunFolder(tmp_path / "run").read_metrics() if record["kind"] == "epoch"]
    assert second.progress.cpu_seconds is not None
    assert 0 < told[0] <= saved < saved + 3 <= told[1] <= second.progress.cpu_seconds


def test_a_run_begun_before_processor_time_was_counted_has_none(tmp_path: Path) -> None:
    config = small(epochs=2)
    trainer, stop = trainer_of(config, tmp_path / "run"), StopRequest()
    trainer.report.step = lambda loss: setattr(stop, "signal", 2 if trainer.progress.step == 3 else None)  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        trainer.fit(stop)
    last = tmp_path / "run/checkpoints/last.npz"
    content: dict[str, Any] = dict(load_checkpoint(last))
    del content["progress"]["cpu_seconds"]
    serialization.save(content, last)
    again = resume(config, tmp_path / "run")
    again.fit()
    assert again.progress.cpu_seconds is None
    told = [record for record in RunFolder(tmp_path / "run").read_metrics() if record["kind"] == "epoch"]
    assert told and not any("cpu_seconds" in record for record in told)
    assert training.finish(again, StopRequest())["cpu_seconds"] is None
