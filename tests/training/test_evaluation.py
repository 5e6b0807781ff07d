"""Evaluating a model."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fm import nn, training
from tinygrad_fm.data import TensorDataset
from tinygrad_fm.ops.functions import from_numpy


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
