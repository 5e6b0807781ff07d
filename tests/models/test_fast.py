"""What is particular to ``fast``: whitening filters that are not trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import models
import train_cnn
from models.fast import whitening_filters
from tinygrad_fm import Tensor, manual_seed, nn, randn, training
from tinygrad_fm.training import Config, Silence, Trainer, load_data


def images(count: int = 400) -> np.ndarray:
    """Noise whose neighbours are alike, (N, 1, 28, 28)."""
    noise = np.random.default_rng(3).normal(size=(count, 1, 30, 30))
    return (noise[..., 2:, 2:] + 2 * noise[..., 1:-1, 1:-1] + noise[..., :-2, 2:] + 0.5).astype(np.float32)


def test_whitened_patches_are_uncorrelated() -> None:
    pictures = images()
    filters = whitening_filters(pictures)
    assert filters.shape == (9, 1, 3, 3) and filters.dtype == np.float32
    seen = nn.functional.conv2d(Tensor(pictures), Tensor(filters)).numpy().transpose(1, 0, 2, 3).reshape(9, -1).astype(float)
    np.testing.assert_allclose(seen @ seen.T / seen.shape[1], np.eye(9), atol=0.01)
    flat = filters.reshape(9, 9)
    assert (flat[np.arange(9), np.abs(flat).argmax(1)] > 0).all(), "an eigenvector's sign is arbitrary, ours is not"
    assert (np.diff(np.linalg.norm(flat, axis=1)) > 0).all(), "the direction of the largest variance comes first"


def test_the_first_convolution_is_made_from_images_and_has_no_gradient() -> None:
    manual_seed(0)
    model = models.build("fast", channels=[6, 7], blocks=[1, 1])
    model.initialize_from(Tensor(images()))
    filters = model.whiten.weight.numpy()
    np.testing.assert_array_equal(filters[:9], whitening_filters(images()))
    np.testing.assert_array_equal(filters[9:], -filters[:9])
    first = model.whiten(randn(2, 1, 28, 28))
    assert tuple(first.shape) == (2, 18, 14, 14) and not first.requires_grad, "nothing of the largest map is on the tape"
    model(randn(4, 1, 28, 28)).square().sum().backward()
    assert model.whiten.weight.grad is None


SMALL = {"data": "synthetic", "train_size": 90, "validation": 30, "batch_size": 20, "epochs": 2, "ema": 0.9}


def test_training_whitens_from_the_training_images_alone(tmp_path: Path) -> None:
    config = Config(model="fast", options={"channels": [4], "blocks": [1]}, **SMALL)  # type: ignore[arg-type]
    data, folder = load_data(config), training.RunFolder(tmp_path / "run")
    model = models.build(config.model, **config.options)
    training.initialise_from_data(model, data)
    raw = data.train.dataset.data[np.asarray(data.train.indices)]
    expected = whitening_filters(training.evaluation_transform().batch(raw))
    before = model.whiten.weight.numpy().copy()
    np.testing.assert_array_equal(before[:9], expected)
    with folder.created():
        trainer = Trainer(config, model, data, folder, Silence())
        trainer.fit()
    optimized = [p for group in trainer.optimizer.param_groups for p in group["params"]]
    assert len(optimized) == len([*model.parameters()]) - 1, "the frozen filters are not among them"
    assert not any(p is model.whiten.weight for p in optimized)
    np.testing.assert_array_equal(model.whiten.weight.numpy(), before)
    np.testing.assert_array_equal(trainer.evaluated_model.whiten.weight.numpy(), before)  # type: ignore[union-attr]
    loaded, _ = training.load_model(folder.last, models.build)
    np.testing.assert_array_equal(loaded.whiten.weight.numpy(), before)


def test_a_run_that_has_no_checkpoint_yet_is_whitened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYGRAD_FM_CACHE", str(tmp_path / "cache"))
    small = "--model fast --channels 4 --blocks 1 --data synthetic --train-size 60 --validation 0 --batch-size 20 --epochs 1"
    digests = []
    for arguments in ([*small.split(), "--threads", "1", "--out", f"{tmp_path}/run"], ["--resume", f"{tmp_path}/run"]):
        assert training.main("train_cnn.py", "", train_cnn.DEFAULTS, models.build, train_cnn.model_options, arguments) == 0
        digests.append(json.loads((tmp_path / "run/summary.json").read_text())["weights_sha256"])
        shutil.rmtree(tmp_path / "run/checkpoints")
        for name in ("metrics.jsonl", "summary.json"):
            (tmp_path / "run" / name).unlink()
    assert digests[0] == digests[1]
