"""Models from checkpoints, and what is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import models
import tinygrad_fm as torch
from tinygrad_fm import nn, serialization, training
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.training import Config, RunFolder

from .conftest import small, trainer_of


def test_a_model_comes_back_from_its_checkpoint(tmp_path: Path) -> None:
    trainer = trainer_of(small(epochs=1), tmp_path / "run")
    trainer.fit()
    model, content = training.load_model(trainer.folder.best, models.build)
    assert content["model"] == {"name": "mlp", "options": {"hidden": [12], "dropout": 0.2, "batch_norm": True}}
    assert not model.training
    expected = trainer.validate().probabilities
    np.testing.assert_array_equal(training.evaluate(model, trainer.data.validation).probabilities, expected)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.npz"
    with pytest.raises(CheckpointError, match=r"there is no checkpoint .*last\.npz"):
        training.load_checkpoint(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        training.load_checkpoint(tmp_path)
    serialization.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(CheckpointError, match=r"no checkpoint of a training run: it lacks format, model"):
        training.load_checkpoint(path)


def test_a_checkpoint_of_a_model_that_there_is_not(tmp_path: Path) -> None:
    trainer = trainer_of(small(), tmp_path / "run")
    trainer.save()
    state = serialization.load(trainer.folder.last)
    smaller = {"name": "mlp", "options": {"hidden": [9]}}
    for change, says in (({"name": "gpt", "options": {}}, "no model 'gpt'"), (smaller, "size mismatch")):
        serialization.save({**state, "model": change}, trainer.folder.last)
        with pytest.raises(CheckpointError, match=rf"(?s)last\.npz.*{says}"):
            training.load_model(trainer.folder.last, models.build)


def test_tensors_are_torch_like(tmp_path: Path) -> None:
    trainer = trainer_of(small(), tmp_path / "run")
    trainer.save()
    assert all(isinstance(value, torch.Tensor) for value in serialization.load(trainer.folder.last)["weights"].values())


def test_checkpoints_are_npz_archives_whatever_their_name(tmp_path: Path) -> None:
    trainer = trainer_of(small(), tmp_path / "run")
    trainer.save(tmp_path / "kept.pt")
    with np.load(tmp_path / "kept.pt") as archive:
        assert "structure" in archive
    training.load_model(tmp_path / "kept.pt", models.build)


def test_a_run_of_before_the_average_was_an_averaged_model_goes_on(tmp_path: Path) -> None:
    """``old_run`` was written by version 0.1, in the second of three epochs, with ``--ema 0.9 --label-smoothing 0.1``."""
    run = Path(shutil.copytree(Path(__file__).with_name("old_run"), tmp_path / "run"))
    folder = RunFolder(run)
    config = Config.from_dict(folder.read_config()["settings"])
    state = training.load_checkpoint(folder.last)
    trainer = trainer_of(config, run)
    trainer.load_state_dict(state, folder.last)
    assert trainer.average is not None and state["average"] is not None
    assert trainer.average.n_averaged == state["average"]["updates"] + 1 == 6
    for name, tensor in trainer.average.module.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), state["average"]["values"][name])
    for name, tensor in trainer.model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), state["weights"][name].numpy())
    for number, moments in trainer.optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            np.testing.assert_array_equal(np.asarray(value), np.asarray(state["optimizer"]["state"][number][name]))
    trainer.fit()
    records = list(folder.read_metrics())
    assert [r["step"] for r in records if r["kind"] == "step"] == list(range(1, 11))
    # what the plain loss was before is not known, so the second epoch's mean is not
    assert [("train_cross_entropy" in r) for r in records if r["kind"] == "epoch"] == [False, False, True]
    model, _ = training.load_model(folder.last, models.build)
    assert training.evaluate(model, trainer.data.validation).loss == records[-1]["val_loss"]
