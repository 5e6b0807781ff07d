"""``python -m apps evaluate`` and ``plot``: what they say and write about finished runs, and about broken ones."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from tinygrad_fm import serialization
from tinygrad_fm.nn import Module
from tinygrad_fm.training import RunFolder, evaluate, load_model, write_pictures
from tinygrad_fm.training.checkpoint_scores import images_of, score

from .conftest import Command

PNG = b"\x89PNG\r\n\x1a\n"


def digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_every_checkpoint_is_in_the_table_and_nothing_of_the_run_is_changed(runs: Path, command: Command) -> None:
    before = digests(runs)
    code, out, err = command("evaluate", runs / "lenet", runs / "mlp")
    assert (code, err) == (0, "")
    summary = json.loads((runs / "lenet/summary.json").read_text())
    first = out.partition("mlp: 240")[0]
    assert re.search(rf"^last +30 +{summary['test_accuracy']:.2%} +{summary['test_loss']:.4f} +61,750$", first, re.M)
    for name in ("step-10", "step-20", "step-30", "best", "last"):
        assert re.search(rf"^{name} ", first, re.M), name
    assert "240 test images of SyntheticFashion, first 240 images" in first
    assert "say nothing about Fashion-MNIST" in first
    assert before.items() <= digests(runs).items()


def test_the_record_agrees_with_what_training_found(runs: Path, command: Command) -> None:
    assert command("evaluate", runs / "lenet")[0] == 0
    target = runs / "lenet/evaluation/own"
    record = json.loads((target / "evaluation.json").read_text())
    summary = json.loads((runs / "lenet/summary.json").read_text())
    last = record["checkpoints"]["last"]
    assert last["confusion"] == summary["confusion"]
    assert last["per_class"] == summary["per_class"]
    assert record["checkpoints"]["step-10"]["confusion"] != last["confusion"]
    for name in record["checkpoints"]:
        assert (target / f"confusion-{name}.png").read_bytes().startswith(PNG)


def test_evaluation_is_in_eval_mode_and_in_batches(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(runs / "lenet")
    model, _ = load_model(folder.last, models.build)
    data = images_of(folder)
    sizes: list[int] = []
    modes: list[bool] = []

    def note(module: Module, args: Any) -> None:
        sizes.append(len(args[0]))
        modes.append(module.training)

    handle = model.register_forward_pre_hook(note)
    model.train()
    before = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
    one = evaluate(model, data, batch_size=64)
    handle.remove()
    assert max(sizes) == 64 and sum(sizes) == len(data) and not any(modes)
    assert model.training
    np.testing.assert_allclose(evaluate(model, data, batch_size=1).probabilities, one.probabilities, atol=1e-5)
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name], err_msg=name)


def test_flip_averaging_has_a_folder_of_its_own(runs: Path, command: Command) -> None:
    code, out, _ = command("evaluate", runs / "mlp", "--tta")
    assert code == 0 and "each with its mirror image" in out
    assert json.loads((runs / "mlp/evaluation/tta/evaluation.json").read_text())["tta"] is True
    assert not (runs / "mlp/evaluation/own").exists()


def test_foreign_and_damaged_checkpoints_are_named_and_the_others_go_on(runs: Path, command: Command) -> None:
    spoilt = runs / "mlp/checkpoints"
    (spoilt / "step-1.npz").write_bytes(b"this is no checkpoint")
    (spoilt / "step-2.npz").write_bytes((spoilt / "last.npz").read_bytes()[:-500])
    serialization.save({"weights": {}}, spoilt / "step-3.npz")
    whole = serialization.load(spoilt / "last.npz")
    serialization.save({**whole, "model": {"name": "mlp", "options": {"hidden": [5]}}}, spoilt / "step-4.npz")
    serialization.save({**whole, "dataset": {**whole["dataset"], "classes": ["a", "b"]}}, spoilt / "step-5.npz")
    np.save(spoilt / "object.npy", np.array([{}], object), allow_pickle=True)
    (spoilt / "object.npy").rename(spoilt / "step-6.npz")
    (runs / "empty").mkdir()
    code, out, err = command("evaluate", runs / "empty", runs / "nowhere", runs / "mlp", runs / "lenet")
    assert code == 1
    lines = [line for line in err.splitlines() if line.startswith("python -m apps evaluate: ")]
    assert len(lines) == 8 and "Traceback" not in err
    for number in range(1, 7):
        assert sum(f"step-{number}.npz" in line for line in lines) == 1
    assert "is no checkpoint of a training run: it lacks" in err and "other classes" in err
    assert "nowhere is no folder" in err and "it has no config.json" in err
    assert out.count("Written to") == 2


def test_a_checkpoint_that_is_one_file_with_another_is_run_once(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(runs / "mlp")
    folder.best.unlink()
    folder.best.hardlink_to(folder.last)
    scores, errors = score(folder, images_of(folder), models.build)
    by_name = {s.name: s for s in scores}
    assert not errors
    assert by_name["best"].evaluation is by_name["last"].evaluation


def test_plot_draws_those_that_can_be_read(runs: Path, command: Command, tmp_path: Path) -> None:
    code, out, err = command("plot", runs / "mlp", runs / "nowhere", runs / "lenet", "--out", "both.svg")
    assert code == 1 and "nowhere is no folder" in err and "wrote both.svg" in out
    assert b"<svg" in (tmp_path / "both.svg").read_bytes()
    assert command("plot", runs / "mlp")[0] == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(PNG)
    with open(runs / "lenet/metrics.jsonl", "ab") as file:
        file.write(b'{"kind": "step", "st')  # being written while it is read
    assert command("plot", runs / "lenet")[0] == 0
    with open(runs / "lenet/metrics.jsonl", "ab") as file:
        file.write(b"\n")
    code, _, err = command("plot", runs / "lenet")
    assert code == 1 and "metrics.jsonl, line" in err


@pytest.mark.parametrize("name", ["cost$1_$2", r"a$\frac{$b", "tab\there", os.fsdecode(b"by\xff"), "%s {x}"])
def test_a_run_may_be_called_anything(name: str, runs: Path, command: Command, tmp_path: Path) -> None:
    run = (runs / "mlp").rename(tmp_path / name)
    folder = RunFolder(run)
    data = images_of(folder)
    model, _ = load_model(folder.last, models.build)
    assert write_pictures(folder, evaluate(model, data), data, "the set") == ["curves.png", "confusion.png", "samples.png"]
    folder.write_json("x.json", {"name": name})
    assert folder.read_json("x.json", dict) == {"name": name}
    assert command("plot", run) == (0, "wrote curves.png\n", "")
    code, out, err = command("evaluate", run)
    assert (code, err) == (0, "") and "precision / recall" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate",),
        ("evaluate", "x", "--data", "cifar"),
        ("plot", "x", "--out", "x.bmp"),
        ("predict", "x"),
        ("compare", "x"),
        ("compare", "--epochs", "0"),
        ("compare", "--epochs", "many"),
        ("features",),
        ("features", "x", "--filters", "x.txt"),
    ],
)
def test_wrong_arguments_end_with_code_2(arguments: tuple[str, ...], command: Command, tmp_path: Path) -> None:
    code, _, err = command(*arguments)
    assert code == 2 and err and "Traceback" not in err
    assert not any(tmp_path.iterdir())


def test_a_missing_extra_is_named(runs: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, out, err = command("evaluate", runs / "mlp")
    assert code == 1 and "tinygrad_fm[train]" in err and "precision / recall" in out
    monkeypatch.setitem(sys.modules, "PIL", None)
    code, _, err = command("predict", runs / "mlp", runs / "mlp/curves.png")
    assert code != 0 and "needs Pillow" in err and "tinygrad_fm[train]" in err
