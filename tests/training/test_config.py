"""Settings: what is out of range is named, and what is saved comes back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tinygrad_fm import training
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.training import Config
from tinygrad_fm.training.config import differences

from .conftest import small


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"data": "mnist"}, "data must be one of auto, fashion-mnist, synthetic, got 'mnist'"),
        ({"optimizer": "adagrad"}, "optimizer must be one of sgd"),
        ({"schedule": "linear"}, "schedule must"),
        ({"init": "zero"}, "init must"),
        ({"epochs": None}, "either epochs or steps"),
        ({"steps": 5}, "either epochs or steps"),
        ({"epochs": 2.5}, "epochs must be a positive integer, got 2.5"),
        ({"batch_size": 0}, "batch_size must be a positive integer"),
        ({"validation": -1}, "validation must be a whole number from 0 on, got -1"),
        ({"validation": 0, "early_stopping": 3}, "early_stopping 3 needs images that are held out: validation is 0"),
        ({"validation": 0, "schedule": "plateau"}, "schedule plateau needs images that are held out: validation is 0"),
        ({"lr": float("nan")}, "lr must be positive, got nan"),
        ({"lr": 0}, "lr must be positive"),
        ({"weight_decay": -1.0}, "weight_decay must be finite and not negative"),
        ({"momentum": 1.0}, "momentum must"),
        ({"label_smoothing": 1.0}, "label_smoothing must"),
        ({"ema": 1.5}, "ema must"),
        ({"augment": ["flip", "turn"]}, "augment[1] must be one of flip, altflip, shift, erase, got 'turn'"),
        ({"augment": ["flip", "shift", "altflip"]}, "augment must have either flip or altflip, got both"),
        ({"shift_padding": "zero"}, "shift_padding must be one of constant, reflect, got 'zero'"),
        ({"bn_bias_lr": 0.0}, "bn_bias_lr must be positive, got 0.0"),
        ({"pct_start": 1.0}, "pct_start must be between 0 and 1"),
        ({"augment": "flip"}, "augment must be a list, got 'flip'"),
        ({"threads": True}, "threads must"),
        ({"threads": 5000}, "threads must be at most 1024"),
        ({"clip_norm": float("inf")}, "clip_norm must be finite, got inf"),
        ({"checkpoint_seconds": float("inf")}, "checkpoint_seconds must be finite"),
        ({"checkpoint_seconds": "often"}, "checkpoint_seconds must be finite and not negative, got 'often'"),
        ({"gamma": [0.1]}, "gamma must be between 0 and 1, got a list"),
        ({"tta": 1}, "tta must be true or false, got 1"),
        ({"options": []}, "options must be an object, got a list"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"steps": 10**5000, "epochs": None}, "steps must be at most 10^12, got a number of more than 60 digits"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Config(**settings)


def test_settings_survive_json() -> None:
    config = small(ema=0.9, lr=1e-3)
    assert Config.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    with pytest.raises(CheckpointError, match=r"runs/a/config\.json: .* there is no setting 'colour'"):
        Config.from_dict({"colour": "red"}, "runs/a/config.json")


def test_differences_between_environments() -> None:
    assert differences({"numpy": "1", "threads": 2}, {"numpy": "1", "threads": 4}) == ["threads 2 -> 4"]
    assert {"numpy", "python", "threads", "tinygrad_fm", "machine"} <= training.environment().keys()
