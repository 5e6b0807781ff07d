"""Filters and feature maps: the right numbers, a model left as it was, files that are pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import models
import tinygrad_fm as torch
from tinygrad_fm import nn, viz
from tinygrad_fm.viz.conv_features import mosaic


def test_filters_are_copies_of_the_weights() -> None:
    model = models.build("lenet")
    found = viz.filters(model).arrays
    assert list(found) == ["conv1", "conv2"]
    np.testing.assert_array_equal(found["conv2"], model.conv2.weight.numpy(force=True))
    found["conv2"][:] = 0
    assert model.conv2.weight.abs().sum().item() > 0


def test_maps_are_what_each_convolution_gives_in_evaluation_mode() -> None:
    model = models.build("lenet").train()
    image = torch.randn(1, 28, 28)
    before = model.norm1.running_mean.numpy().copy()
    found = viz.feature_maps(model, image).arrays
    assert {name: array.shape for name, array in found.items()} == {"conv1": (6, 28, 28), "conv2": (16, 10, 10)}
    assert model.training and not model.conv1._forward_hooks
    np.testing.assert_array_equal(model.norm1.running_mean.numpy(), before)
    model.eval()
    with torch.no_grad():
        first = model.conv1(image.unsqueeze(0))
        second = model.conv2(model.pool1(model.relu1(model.norm1(first))))
    np.testing.assert_allclose(found["conv1"], first.numpy()[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["conv2"], second.numpy()[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["lenet", "resnet8", "vgg3"])
def test_pictures_are_written(name: str, tmp_path: Path) -> None:
    model = models.build(name)
    viz.filters(model).save(tmp_path / "filters.png")
    viz.feature_maps(model, torch.zeros(1, 28, 28)).save(tmp_path / "maps.svg")
    assert (tmp_path / "filters.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "maps.svg").read_bytes()
    assert viz.filters(model)._repr_png_().startswith(b"\x89PNG")


def test_depthwise_and_large_layers(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(1, 80, 3), nn.Conv2d(80, 80, 3, groups=80))
    viz.filters(model).save(tmp_path / "a.png")
    assert viz.feature_maps(model, torch.zeros(1, 1, 9, 9)).arrays["1"].shape == (80, 5, 5)


def test_what_cannot_be_looked_at_is_said() -> None:
    with pytest.raises(ValueError, match="MLP has no convolutions"):
        viz.filters(models.build("mlp"))
    with pytest.raises(ValueError, match=r"one image .*\(2, 1, 28, 28\)"):
        viz.feature_maps(models.build("lenet"), torch.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError, match=r"must end in \.png"):
        viz.filters(models.build("lenet")).save("picture.bmp")


def test_mosaic_keeps_the_order_and_leaves_gaps() -> None:
    tiles = np.arange(5.0)[:, None, None] * np.ones((5, 2, 2))
    whole = mosaic(tiles, columns=3)
    assert whole.shape == (5, 8)
    assert whole[0, [0, 3, 6]].tolist() == [0, 1, 2] and whole[3, [0, 3]].tolist() == [3, 4]
    assert np.isnan(whole[2]).all() and np.isnan(whole[:, 2]).all() and np.isnan(whole[3:, 6:]).all()


def test_the_picture_says_what_it_shows() -> None:
    from matplotlib.text import Text

    model = models.build("lenet")
    for tiles, wanted in (
        (viz.filters(model), {"input channels", "filters", "conv2: 16 filters 5×5"}),
        (viz.feature_maps(model, torch.zeros(1, 28, 28) + torch.arange(28.0)), {"conv1: 6 maps 28×28"}),
    ):
        figure = tiles._figure()
        shown = {text.get_text() for text in figure.findobj(Text)}
        assert wanted <= shown
        assert len(figure.axes) >= 2 * len(tiles.arrays)  # each with a colour bar
    assert "before normalization and activation" in figure._suptitle.get_text()
