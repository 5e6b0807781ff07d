"""The parts of training: settings, scores, data, recipes, the average, evaluation, the run folder, models by checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
import tinygrad_fm as torch
from tinygrad_fm import io, nn, optim, random, training
from tinygrad_fm.data import TensorDataset
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.ops import from_numpy
from tinygrad_fm.training import Config, RunFolder, WeightAverage
from tinygrad_fm.training.cli_arguments import config_of
from tinygrad_fm.training.config import INITS, OPTIMIZERS, SCHEDULES, differences
from tinygrad_fm.training.run_folder import MetricsLog

from .conftest import data_of, small, trainer_of

# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"data": "mnist"}, "data must be one of auto, fashion-mnist, synthetic, got mnist"),
        ({"optimizer": "adagrad"}, "optimizer must be one of sgd"),
        ({"schedule": "linear"}, "schedule must"),
        ({"init": "zero"}, "init must"),
        ({"epochs": None}, "either epochs or steps"),
        ({"steps": 5}, "either epochs or steps"),
        ({"epochs": 2.5}, "epochs must be a positive integer, got 2.5"),
        ({"batch_size": 0}, "batch_size must be a positive integer"),
        ({"validation": 0}, "validation must"),
        ({"lr": float("nan")}, "lr must be positive, got nan"),
        ({"lr": 0}, "lr must be positive"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative"),
        ({"momentum": 1.0}, "momentum must"),
        ({"label_smoothing": 1.0}, "label_smoothing must"),
        ({"ema": 1.5}, "ema must"),
        ({"augment": ["flip", "turn"]}, "augment must name some of"),
        ({"threads": True}, "threads must"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Config(**settings)


def test_settings_survive_json() -> None:
    config = small(ema=0.9, lr=1e-3)
    assert Config.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    with pytest.raises(CheckpointError, match="colour"):
        Config.from_dict({"colour": "red"})


def test_differences_between_environments() -> None:
    assert differences({"numpy": "1", "threads": 2}, {"numpy": "1", "threads": 4}) == ["threads 2 -> 4"]
    assert {"numpy", "python", "threads", "tinygrad_fm", "machine"} <= training.environment().keys()


# -- scores ------------------------------------------------------------------------------------------------------------


def test_scores_by_hand() -> None:
    labels, predictions = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]
    matrix = training.confusion_matrix(labels, predictions, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    precision, recall = training.precision_recall(matrix)
    np.testing.assert_allclose(precision, [1 / 2, 1 / 2, 1, 0])
    np.testing.assert_allclose(recall, [1 / 2, 1, 2 / 3, 0])
    assert training.accuracy(labels, predictions) == pytest.approx(4 / 6)


def test_scores_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="as many predictions"):
        training.accuracy([1, 2], [1])
    with pytest.raises(ValueError, match="as many"):
        training.accuracy([], [])
    with pytest.raises(ValueError, match=r"prediction is out of range.*to 3"):
        training.confusion_matrix([0], [3], 3)


# -- data --------------------------------------------------------------------------------------------------------------


def test_the_split_holds_out_by_seed_and_leaves_nothing_out() -> None:
    data, other = data_of(small()), data_of(small(seed=1))
    held, rest = set(data.validation.indices), set(data.train.indices)
    assert len(held) == 40 and len(rest) == 80 and not held & rest
    assert set(other.validation.indices) != held
    assert set(training.load_data(small()).validation.indices) == held


def test_augmentation_is_for_training_alone() -> None:
    data = data_of(small())
    random.manual_seed(0)
    images = [data.train.dataset[5][0].numpy() for _ in range(2)]
    assert (images[0] != images[1]).any()
    assert (data.validation.dataset[5][0].numpy() == data.validation.dataset[5][0].numpy()).all()
    plain = data_of(small(augment=())).train.dataset[5][0].numpy()
    np.testing.assert_array_equal(plain, data.validation.dataset[5][0].numpy())


def test_a_validation_part_that_leaves_nothing_to_train_on() -> None:
    with pytest.raises(ValueError, match=r"validation must leave at least one batch of 20.*110 of 120"):
        training.load_data(small(validation=110))


# -- recipes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_is_the_one_it_is_called(name: str) -> None:
    made = training.make_optimizer(small(optimizer=name, weight_decay=0.25), nn.Linear(2, 2))
    group = made.param_groups[0]
    assert type(made).__name__.lower() == {"momentum": "sgd", "nag": "sgd"}.get(name, name)
    assert group["lr"] == OPTIMIZERS[name] and group["weight_decay"] == 0.25
    if isinstance(made, optim.SGD):
        assert (group["momentum"], group["nesterov"]) == {"sgd": (0, False), "momentum": (0.9, False), "nag": (0.9, True)}[name]


def test_the_numbers_of_a_script_are_for_its_own_optimizer() -> None:
    defaults = Config(lr=0.01, epochs=3, options={"hidden": [5]})
    same = config_of({"steps": 7}, defaults)
    assert (same.lr, same.weight_decay, same.steps, same.epochs, same.options) == (0.01, 0.01, 7, None, {"hidden": [5]})
    other = config_of({"optimizer": "momentum", "hidden": [6]}, defaults)
    assert (other.lr, other.weight_decay, other.options) == (OPTIMIZERS["momentum"], 0, {"hidden": [6]})
    given = config_of({"optimizer": "sgd", "lr": 0.5, "weight_decay": 0.1, "model": "lenet", "depth": 3}, defaults)
    assert (given.lr, given.weight_decay, given.options) == (0.5, 0.1, {"depth": 3})


def rates(name: str, total: int = 12) -> list[float]:
    """The learning rate at each step."""
    config = small(schedule=name, optimizer="sgd", lr=1.0)
    optimizer = training.make_optimizer(config, nn.Linear(2, 2))
    schedule = training.make_schedule(config, optimizer, total)
    found = []
    for _ in range(total):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule is not None:
            schedule.step(1.0) if name == "plateau" else schedule.step()
    return found


def test_schedules() -> None:
    assert rates("constant") == [1.0] * 12
    np.testing.assert_allclose(rates("step"), [1.0] * 4 + [0.1] * 4 + [0.01] * 4)
    np.testing.assert_allclose(rates("multistep"), [1.0] * 6 + [0.1] * 3 + [0.01] * 3)
    np.testing.assert_allclose(rates("cosine"), 0.5 + 0.5 * np.cos(np.pi * np.arange(12) / 12))
    np.testing.assert_allclose(rates("plateau"), [1.0] * 5 + [0.1] * 4 + [0.01] * 3, rtol=1e-6)
    cycle = rates("onecycle")
    assert cycle[0] == pytest.approx(0.04) and max(cycle) > 0.95 and cycle[-1] < 1e-4
    assert set(SCHEDULES) == {"constant", "step", "multistep", "cosine", "plateau", "onecycle"}


@pytest.mark.parametrize("how", INITS)
def test_initial_weights(how: str) -> None:
    random.manual_seed(0)
    layer = nn.Linear(400, 200)
    before = layer.weight.detach().numpy().copy()
    training.initialise(nn.Sequential(nn.Flatten(), layer, nn.BatchNorm1d(200)), how)
    weight = layer.weight.detach().numpy()
    if how == "default":
        np.testing.assert_array_equal(weight, before)
        return
    expected = {"random": 0.05, "xavier": (2 / 600) ** 0.5, "he": (2 / 400) ** 0.5}[how]
    assert weight.std() == pytest.approx(expected, rel=0.02)
    assert not layer.bias.detach().numpy().any()


def test_the_average_follows_its_formula() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(model, 0.5)
    expected = model[0].weight.detach().numpy().copy()
    for t in range(1, 8):
        model[0].weight.detach().numpy()[...] = t
        model[1].num_batches_tracked.numpy()[...] = t
        average.update()
        decay = min(0.5, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * t
    state = average.state_dict()
    np.testing.assert_allclose(state["values"]["0.weight"], expected, rtol=1e-6)
    assert state["values"]["1.num_batches_tracked"] == 7 and state["updates"] == 7
    with pytest.raises(KeyError), average.in_place():
        np.testing.assert_allclose(model[0].weight.detach().numpy(), expected, rtol=1e-6)
        raise KeyError
    assert model[0].weight.detach().numpy()[0, 0] == 7


# -- evaluation --------------------------------------------------------------------------------------------------------


def test_evaluation_counts_every_sample_once_and_leaves_the_model_as_it_was(rng: np.random.Generator) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(12, 3))
    model[1].eval()
    images, labels = rng.normal(size=(7, 1, 3, 4)).astype(np.float32), rng.integers(0, 3, 7)
    found = training.evaluate(model, TensorDataset(images, labels), batch_size=3)
    assert model.training and not model[1].training
    logits = images.reshape(7, 12).astype(float) @ model[2].weight.detach().numpy().T.astype(float) + model[2].bias.tolist()
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found.probabilities, shares, rtol=1e-5)
    assert found.loss == pytest.approx(-np.log(shares[np.arange(7), labels]).mean(), rel=1e-5)
    assert found.accuracy == (shares.argmax(1) == labels).mean()
    assert found.confusion.sum() == 7


def test_flip_averaging_is_the_mean_over_the_mirror_image(rng: np.random.Generator) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    images = rng.normal(size=(4, 1, 3, 4)).astype(np.float32)
    both = training.predict(model, from_numpy(images), tta=True)
    one, other = (training.predict(model, from_numpy(x.copy())) for x in (images, images[..., ::-1]))
    np.testing.assert_allclose(both, (one + other) / 2, rtol=1e-6)
    assert (one != other).any()


def test_an_empty_set_cannot_be_evaluated() -> None:
    with pytest.raises(ValueError, match="empty"):
        training.evaluate(nn.Linear(1, 1), TensorDataset(np.zeros((0, 1)), np.zeros(0)))


# -- the run folder ----------------------------------------------------------------------------------------------------


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path / "new/deep").create()
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(FileExistsError, match="choose another --out"):
            RunFolder(path).create()


def test_records_that_are_cut_off_are_left_out_and_damaged_ones_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    log = MetricsLog(folder.metrics)
    for step in range(3):
        log.append({"kind": "step", "step": step})
    log.close()
    size = folder.metrics.stat().st_size
    assert log.size == size
    folder.metrics.write_bytes(folder.metrics.read_bytes()[:-3])
    assert [record["step"] for record in folder.read_metrics()] == [0, 1]
    assert folder.check_metrics(0) and not folder.check_metrics(size)
    again = MetricsLog(folder.metrics, keep=size // 3)
    again.append({"kind": "epoch", "epoch": 1})
    again.close()
    assert [record["kind"] for record in folder.read_metrics()] == ["step", "epoch"]
    for damage in (b"[1]\n", b"\xff\n", b'{"kind": "song"}\n', b"{}\n", b"\n"):
        folder.metrics.write_bytes(b'{"kind": "step"}\n' + damage)
        with pytest.raises(CheckpointError, match=r"metrics\.jsonl, line 2 is damaged"):
            list(folder.read_metrics())


def test_numbers_that_json_does_not_know_are_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        folder.write_json("summary.json", {"loss": float("nan")})
    assert folder.read_json("summary.json") is None


# -- models from checkpoints -------------------------------------------------------------------------------------------


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
    io.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(CheckpointError, match=r"no checkpoint of a training run: it lacks format, model"):
        training.load_checkpoint(path)


def test_a_checkpoint_of_a_model_that_there_is_not(tmp_path: Path) -> None:
    trainer = trainer_of(small(), tmp_path / "run")
    trainer.save()
    state = io.load(trainer.folder.last)
    smaller = {"name": "mlp", "options": {"hidden": [9]}}
    for change, says in (({"name": "gpt", "options": {}}, "no model 'gpt'"), (smaller, "size mismatch")):
        io.save({**state, "model": change}, trainer.folder.last)
        with pytest.raises(CheckpointError, match=rf"(?s)last\.npz.*{says}"):
            training.load_model(trainer.folder.last, models.build)


def test_tensors_are_torch_like(tmp_path: Path) -> None:
    trainer = trainer_of(small(), tmp_path / "run")
    trainer.save()
    assert all(isinstance(value, torch.Tensor) for value in io.load(trainer.folder.last)["weights"].values())
