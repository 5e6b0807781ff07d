"""Data, optimizers, schedules, initial weights and averages, as a configuration names them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
from tinygrad_fm import nn, optim, randn, random, training
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


def rates(name: str, total: int = 12, **settings: Any) -> list[float]:
    """The learning rate at each step."""
    config = small(schedule=name, optimizer="sgd", lr=1.0, **settings)
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
    np.testing.assert_allclose(rates("triangular", 9), [0.2, 0.6, *np.linspace(1, 0, 8)[:-1]], atol=1e-4)
    assert set(SCHEDULES) == {"constant", "step", "multistep", "cosine", "plateau", "onecycle", "triangular"}


@pytest.mark.parametrize(("name", "start"), [("onecycle", 0.04), ("triangular", 0.2)])
def test_the_share_of_the_rise(name: str, start: float) -> None:
    for share in (0.1, 0.6):
        rate = rates(name, 101, pct_start=share)
        assert rate[0] == pytest.approx(start) and int(np.argmax(rate)) == pytest.approx(100 * share, abs=1.01)


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_rate_is_negative_after_the_last_step_either(name: str) -> None:
    config = small(schedule=name, optimizer="sgd", lr=1.0)
    optimizer = training.make_optimizer(config, nn.Linear(2, 2))
    schedule = training.make_schedule(config, optimizer, 7)
    for _ in range(7 if schedule else 0):
        optimizer.step()
        schedule.step(1.0) if name == "plateau" else schedule.step()
    assert 0 <= optimizer.param_groups[0]["lr"] <= 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_biases_of_batch_norm_have_a_rate_of_their_own(name: str) -> None:
    random.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3), nn.BatchNorm1d(3))
    config = small(optimizer=name, lr=0.01, weight_decay=0.02, bn_bias_lr=8, schedule="triangular")
    optimizer = training.make_optimizer(config, model)
    *others, biases = optimizer.param_groups
    assert biases["params"] == [model[2].bias, model[5].bias]
    rest = [p for group in others for p in group["params"]]
    assert set(rest) == set(model.parameters()) - set(biases["params"]) and len(rest) == 6
    assert biases["lr"] == 8 * 0.01 and biases["weight_decay"] == 0.02 / 8, "the product, by which weights decay, is the same"
    schedule = training.make_schedule(config, optimizer, 20)
    for _ in range(15):
        optimizer.zero_grad()
        model(randn(5, 4)).square().sum().backward()
        optimizer.step()
        schedule.step()
        assert biases["lr"] == pytest.approx(8 * others[0]["lr"])
    assert len(training.make_optimizer(small(optimizer=name), model).param_groups) == len(others)


def test_what_is_frozen_is_not_given_to_the_optimizer() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[0].weight.requires_grad_(False)
    model[1].bias.requires_grad_(False)
    groups = training.make_optimizer(small(bn_bias_lr=8.0), model).param_groups
    assert [group["params"] for group in groups] == [[model[0].bias, model[1].weight]]


def test_an_image_is_mirrored_in_exactly_every_second_epoch() -> None:
    config = small(augment=["altflip"])
    data, plain = data_of(config), data_of(small(augment=()))
    seen = []
    for epoch in range(4):
        data.set_epoch(epoch)
        seen.append(np.stack([data.train[i][0].numpy() for i in range(len(data.train))]))
    images = np.stack([plain.train[i][0].numpy() for i in range(len(plain.train))])
    mirrored = images[..., ::-1]
    first = (seen[0] == mirrored).all((1, 2, 3))
    assert 0.3 < first.mean() < 0.7, "about half of the training images, which are a part of all"
    for epoch in range(4):
        turned = first if epoch % 2 == 0 else ~first
        np.testing.assert_array_equal(seen[epoch], np.where(turned[:, None, None, None], mirrored, images))
    data.set_epoch(1)
    same_image = data.validation[3][0].numpy()
    np.testing.assert_array_equal(same_image, plain.validation[3][0].numpy())
    assert data.digest == plain.digest, "the data set is the one it was"


def test_shifts_reflect_where_they_are_asked_to() -> None:
    dataset = data_of(small(augment=["shift"], shift_padding="reflect")).train.dataset
    assert "RandomShift(2, padding_mode='reflect')" in repr(dataset.transform)


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
