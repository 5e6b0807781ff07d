"""Saliency and Grad-CAM: the numbers of their formulas, a model left as it was, what cannot be explained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
import tinygrad_fm as torch
from tinygrad_fm import nn, viz
from tinygrad_fm.nn import functional as F


@pytest.mark.parametrize("name", ["mlp", "lenet", "resnet8"])
def test_saliency_is_the_slope_of_the_score(name: str) -> None:
    model = models.build(name).double().eval()
    image = torch.randn(1, 28, 28, dtype=torch.float64)
    found = viz.saliency(model, image, target=4)
    assert found.shape == (28, 28) and found.dtype == np.float64
    for y, x in ((0, 0), (13, 14), (27, 5)):
        step = torch.zeros(1, 28, 28, dtype=torch.float64)
        step[0, y, x] = 1e-6
        with torch.no_grad():
            difference = (model((image + step).unsqueeze(0)) - model((image - step).unsqueeze(0)))[0, 4].item() / 2e-6
        assert found[y, x] == pytest.approx(abs(difference), rel=1e-4, abs=1e-9)


def test_the_channel_with_the_steepest_slope_counts() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False))
    weight = model[1].weight.numpy(force=True).reshape(2, 3, 2, 2)
    np.testing.assert_allclose(viz.saliency(model, torch.ones(3, 2, 2), 1), np.abs(weight[1]).max(0), rtol=1e-6)


def pooled(**options: Any) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3, **options), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def test_with_global_average_pooling_grad_cam_is_the_class_activation_map() -> None:
    """Zhou et al. 2015: Σ wₖ Aₖ, of which Grad-CAM is the positive part, over the count of positions (section 3.1 there)."""
    model, image = pooled(padding=1), torch.randn(1, 9, 9)
    with torch.no_grad():
        maps = model[1](model[0](image.unsqueeze(0))).numpy()[0]
    weights = model[4].weight.numpy(force=True)
    for target in range(3):
        expected = np.maximum((weights[target][:, None, None] * maps).sum(0), 0) / 81
        np.testing.assert_allclose(viz.grad_cam(model, image, target, layer="1"), expected, rtol=1e-4, atol=1e-7)
        np.testing.assert_array_equal(
            viz.grad_cam(model, image, target, layer=model[1]), viz.grad_cam(model, image, target, "1")
        )


def test_small_maps_are_scaled_up() -> None:
    model, image = pooled(stride=2), torch.randn(1, 1, 12, 10)
    with torch.no_grad():
        maps = model[0](image)
    maps.requires_grad_()
    score = model[4](model[3](model[2](model[1](maps))))[0, 1]
    (slope,) = torch.autograd.grad(score, maps)
    cam = F.relu((slope.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True))
    expected = F.interpolate(cam, size=(12, 10), mode="bilinear")[0, 0].numpy(force=True)
    np.testing.assert_allclose(viz.grad_cam(model, image, 1), expected, rtol=1e-5, atol=1e-7)


def test_the_highest_score_is_the_default() -> None:
    model, image = models.build("lenet"), torch.randn(1, 28, 28)
    best = int(model.eval()(image.unsqueeze(0)).argmax(1).item())
    for explain in (viz.saliency, viz.grad_cam):
        np.testing.assert_array_equal(explain(model, image), explain(model, image, best))
    np.testing.assert_array_equal(viz.grad_cam(model, image), viz.grad_cam(model, image, layer="conv2"))


def test_a_model_is_left_as_it_was() -> None:
    model = models.build("lenet").train()
    before = model.norm1.running_mean.numpy().copy()
    image = torch.randn(1, 28, 28, requires_grad=True)
    with torch.no_grad():
        viz.saliency(model, image)
        viz.grad_cam(model, image)
    assert model.training and image.grad is None and all(p.grad is None for p in model.parameters())
    assert not model.conv1._forward_hooks and not model.conv2._forward_hooks
    np.testing.assert_array_equal(model.norm1.running_mean.numpy(), before)


def test_frozen_models_and_activations_in_place_are_explained() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64, 3)).requires_grad_(False)
    image = torch.randn(1, 6, 6)
    for explain in (viz.saliency, viz.grad_cam):
        assert np.isfinite(explain(model, image, 1)).all()


def test_what_speaks_against_a_class_is_zero() -> None:
    model, image = pooled(padding=1), torch.ones(1, 5, 5)
    with torch.no_grad():
        model[4].weight.fill_(-1.0)
        model[0].weight.fill_(1.0)
    assert not viz.grad_cam(model, image, 0).any()


@pytest.mark.parametrize("explain", [viz.saliency, viz.grad_cam])
@pytest.mark.parametrize(
    ("model", "image", "target", "message"),
    [
        (models.build("lenet"), torch.zeros(2, 1, 28, 28), None, r"one image of floats .*\(2, 1, 28, 28\)"),
        (models.build("lenet"), torch.zeros(28, 28), None, r"one image of floats"),
        (models.build("lenet"), torch.zeros(1, 28, 28, dtype=torch.int64), None, r"floats .*int64"),
        (models.build("lenet"), torch.zeros(1, 28, 28), 10, "target is a class from 0 to 9, not 10"),
        (models.build("lenet"), torch.zeros(1, 28, 28), -1, "target is a class from 0 to 9, not -1"),
        (nn.Conv2d(1, 2, 3), torch.zeros(1, 28, 28), 0, r"logits \(N, K\) .*\(1, 2, 26, 26\)"),
    ],
)
def test_what_cannot_be_explained_is_said(explain: Any, model: Any, image: Any, target: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain(model, image, target)


@pytest.mark.parametrize(
    ("name", "layer", "message"),
    [
        ("mlp", None, "MLP has no convolution: give a layer"),
        ("lenet", "conv3", r"LeNet has no layer 'conv3'; it has conv1, norm1"),
        ("lenet", nn.Conv2d(1, 1, 1), "this Conv2d is no layer of LeNet"),
        ("lenet", "fc1", r"gives maps .* it gave \(1, 120\)"),
    ],
)
def test_layers_that_give_no_maps(name: str, layer: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        viz.grad_cam(models.build(name), torch.zeros(1, 28, 28), 0, layer)


def test_a_layer_that_is_not_called() -> None:
    model = models.build("lenet")
    model.spare = nn.Conv2d(1, 1, 1)
    with pytest.raises(ValueError, match="not called"):
        viz.grad_cam(model, torch.zeros(1, 28, 28), 0, "spare")
    assert viz.grad_cam(model, torch.zeros(1, 28, 28), 0).shape == (28, 28)
