"""Data, optimizers, schedules, initial weights and averages, as a configuration names them."""

from __future__ import annotations

import numpy as np
import pytest

import models
from tinygrad_fm import nn, optim, random, training
from tinygrad_fm.training import Config
from tinygrad_fm.training.cli_arguments import config_of
from tinygrad_fm.training.config import INITS, OPTIMIZERS, SCHEDULES

from .conftest import data_of, small


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


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_is_the_one_it_is_called(name: str) -> None:
    made = training.make_optimizer(small(optimizer=name, weight_decay=0.25), nn.Linear(2, 2))
    group = made.param_groups[0]
    assert type(made).__name__.lower() == {"momentum": "sgd", "nag": "sgd", "muon": "muonwithadamw"}.get(name, name)
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
    average = training.make_average(Config(ema=0.5), model)
    assert average is not None and training.make_average(Config(), model) is None
    expected = model[0].weight.detach().numpy().copy()
    for t in range(1, 8):
        model[0].weight.detach().numpy()[...] = t
        model[1].running_mean.numpy()[...] = t
        model[1].num_batches_tracked.numpy()[...] = t
        average.update_parameters(model)
        share = 1 - min(0.5, (1 + t) / (10 + t))
        expected += share * (t - expected)
    np.testing.assert_array_equal(average.module[0].weight.detach().numpy(), expected)
    assert average.module[1].num_batches_tracked == 7 and 5 < average.module[1].running_mean[0] < 7
    assert average.n_averaged == 8 and model[0].weight[0, 0] == 7


def test_batch_norm_over_single_values_needs_larger_batches() -> None:
    normed = models.build("mlp", hidden=[3], batch_norm=True)
    with pytest.raises(ValueError, match="batch_size must be at least 2 for this model"):
        training.check_batch_size(normed, 1)
    before = normed.state_dict()["layers.2.running_mean"].tolist()
    training.check_batch_size(normed, 2)
    training.check_batch_size(models.build("mlp", hidden=[3]), 1)
    training.check_batch_size(models.build("cnn"), 1)  # over the places of an image
    assert normed.state_dict()["layers.2.running_mean"].tolist() == before
