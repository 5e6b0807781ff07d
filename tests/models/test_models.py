"""The models: sizes, shapes, gradients, and errors that say what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models import MODELS, build
from tinygrad_fm import nn
from tinygrad_fm.ops.functions import from_numpy


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


SIZES: list[tuple[str, dict[str, Any], int]] = [
    ("mlp", {}, 109_386),
    ("mlp", {"hidden": [], "num_classes": 3}, 784 * 3 + 3),
    ("mlp", {"hidden": [20, 30, 40], "activation": "tanh", "dropout": 0.5, "batch_norm": True}, 18_160),
    ("lenet", {}, 61_750),
    ("cnn", {}, 220_426),
    ("resnet", {}, 272_186),
    ("resnet20", {}, 272_186),
    ("resnet8", {"width": 4}, 5_142),
    ("vgg", {}, 147_386),
    ("vgg4", {"width": 4, "dense": 16}, 4_206),
    ("fast", {}, 166_252),
    ("fast", {"channels": [36, 72]}, 209_332),
    ("fast", {"channels": [20, 8, 4, 4], "blocks": [2, 1, 1, 3]}, 18_460),
]


@pytest.mark.parametrize(("name", "options", "size"), SIZES)
def test_sizes_shapes_and_gradients(name: str, options: dict[str, Any], size: int) -> None:
    model = build(name, **options)
    assert count(model) == size
    images = from_numpy(np.random.default_rng(0).normal(size=(2, 1, 28, 28)).astype(np.float32))
    logits = model(images)
    assert tuple(logits.shape) == (2, options.get("num_classes", 10))
    logits.square().sum().backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and np.isfinite(p.grad.numpy()).all() for p in trained)


def test_the_limits_of_the_sizes() -> None:
    assert count(build("cnn")) <= 230_000
    assert count(build("resnet20")) <= 300_000


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("lenett", {}, "no model 'lenett'; did you mean 'lenet'"),
        ("mlp5", {}, "no model 'mlp5'"),
        ("", {}, "no model ''"),
        ("ResNet-20", {}, "the models are|The models are"),
        ("mlp", {"hiden": [3]}, "mlp has no option 'hiden'; did you mean 'hidden'"),
        ("mlp", {"activation": "swish"}, "no activation 'swish'"),
        ("mlp", {"hidden": [3, 0]}, "at least one unit"),
        ("mlp", {"hidden": [3], "dropout": 2.0}, "between 0 and 1"),
        ("cnn", {"channels": [3]}, "two positive numbers"),
        ("resnet21", {}, r"6n \+ 2.*got 21"),
        ("resnet", {"depth": 2}, r"6n \+ 2"),
        ("vgg", {"depth": 20}, "from 3 to 12"),
        ("resnet99999999998", {}, r"6n \+ 2.*1202\), got 99999999998"),
        ("resnet" + "9" * 5000, {}, "no model"),
        ("mlp", {"hidden": [10**12]}, r"7\.9e\+14 parameters; at most 200,000,000"),
        ("mlp", {"hidden": [10**4000]}, "at most 200,000,000"),
        ("mlp", {"hidden": [1] * 2000}, "at most 1,000 hidden layers"),
        ("cnn", {"channels": [30000, 30000]}, "parameters; at most"),
        ("vgg", {"width": 10**9}, "parameters; at most"),
        ("resnet", {"width": 10**6}, "parameters; at most"),
        ("fast", {"channels": [8]}, r"as many of blocks, got \[8\] and \[2, 2\]"),
        ("fast", {"channels": [8, 0]}, "positive numbers of channels"),
        ("fast", {"channels": [], "blocks": []}, "1 to 4 positive numbers"),
        ("fast", {"channels": [8] * 5, "blocks": [1] * 5}, "1 to 4 positive numbers"),
        ("fast", {"channels": [10**5, 10**5]}, "parameters; at most"),
        ("fast", {"blocks": [1, 10**12]}, "parameters; at most"),
        ("mlp", {"hidden": 128}, "hidden must be a list, got 128"),
        ("mlp", {"hidden": "[1,2"}, r"hidden must be a list, got '\[1,2'"),
        ("mlp", {"hidden": [1.5]}, r"hidden\[0\] must be a whole number, got 1.5"),
        ("mlp", {"batch_norm": "yes"}, "batch_norm must be true or false, got 'yes'"),
        ("mlp", {"dropout": None}, "dropout must be a number, got None"),
        ("vgg", {"depth": "6"}, "depth must be a whole number, got '6'"),
        ("vgg", {"dropout": float("nan")}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_built_is_named(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(name, **options)


def test_every_model_has_a_row_above() -> None:
    assert set(MODELS) <= {name for name, _, _ in SIZES}
