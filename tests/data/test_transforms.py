"""Transforms: torchvision's values, the same for one image as for a batch."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm.data import Compose, ImageDataset, Lambda, Normalize, ToTensor, Transform
from tinygrad_fm.data.transforms import works_on_batches
from tinygrad_fm.ops.creation import from_numpy

GREY = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)


class Flip(Transform):
    def batch(self, images: Any) -> Any:
        return images[:, :, ::-1]


class Opposite(Flip):
    """Says something else for a single image, and so must not be used for batches."""

    def __call__(self, image: Any) -> Any:
        return 255 - image


def batch_of(transform: Any, pixels: Any) -> Any:
    return ImageDataset(pixels, np.zeros(len(pixels), int), transform).__getbatch__(np.arange(len(pixels)))[0]


def test_to_tensor_divides_exactly_and_puts_channels_first() -> None:
    grey = ToTensor()(GREY[0])
    assert isinstance(grey, tinygrad_fm.Tensor)
    assert np.array_equal(grey.numpy(), GREY[:1].astype(np.float32) / np.float32(255))
    assert np.array_equal(ToTensor()(COLOUR[0]).numpy(), COLOUR[0].transpose(2, 0, 1).astype(np.float32) / np.float32(255))
    half = ToTensor()(np.full((2, 2), 0.5))
    assert (half.numpy().dtype, half.numpy()[0, 0, 0]) == (np.float64, 0.5)
    with pytest.raises(ValueError, match=r"\(H, W\) or \(H, W, C\), not \(3,\)"):
        ToTensor()(np.zeros(3))


def test_to_tensor_takes_pillow_images() -> None:
    image = pytest.importorskip("PIL.Image").fromarray(COLOUR[0])
    assert np.array_equal(ToTensor()(image).numpy(), ToTensor()(COLOUR[0]).numpy())


def test_normalize() -> None:
    image = ToTensor()(COLOUR[0])
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)
    expected = (image.numpy() - np.float32(mean).reshape(3, 1, 1)) / np.float32(std).reshape(3, 1, 1)
    result = Normalize(mean, std)(image)
    assert isinstance(result, tinygrad_fm.Tensor)
    assert np.array_equal(result.numpy(), expected)
    assert result.numpy().dtype == np.float32
    assert Normalize(0.5, 0.5)(image).numpy().max() <= 1
    double = Normalize(0.5, 0.5)(np.ones((1, 2, 2)))
    assert (type(double), double.dtype) == (np.ndarray, np.float64)


@pytest.mark.parametrize(("mean", "std"), [((0.1,), (0.0,)), ([[0.1]], 1), (0.5, (0.5, 0))])
def test_normalize_refuses_impossible_numbers(mean: Any, std: Any) -> None:
    with pytest.raises(ValueError, match="Normalize"):
        Normalize(mean, std)


def test_normalize_refuses_images_that_do_not_fit() -> None:
    with pytest.raises(TypeError, match=r"floating point.*not uint8"):
        Normalize(0.5, 0.5)(GREY[:1])
    for image in (np.zeros((2, 4, 4)), np.zeros((4, 4))):
        with pytest.raises(ValueError, match="do not fit"):
            Normalize((0.1, 0.2, 0.3), (1, 1, 1))(image)


@pytest.mark.parametrize("pixels", [GREY, COLOUR])
@pytest.mark.parametrize(
    "transform",
    [
        ToTensor(),
        Compose([ToTensor(), Normalize(0.286, 0.353)]),
        Compose([Flip(), ToTensor(), Normalize((0.286,), (0.353,)), Normalize(0.1, 2)]),
        Compose([Compose([Flip(), ToTensor()]), Normalize(0.5, 0.1)]),
        Compose([ToTensor(), Lambda(lambda image: image * 2)]),
        Compose([Opposite(), ToTensor()]),
        lambda image: image.astype(np.float32),
    ],
)
def test_a_batch_is_its_images_bit_for_bit(transform: Any, pixels: Any) -> None:
    batch = batch_of(transform, pixels).numpy()
    single = [transform(image) for image in pixels]
    assert np.array_equal(batch, np.stack([np.asarray(getattr(image, "_array", image)) for image in single]))
    assert batch.dtype == np.float32


def test_the_fused_pair_equals_its_parts() -> None:
    to_tensor, normalize = ToTensor(), Normalize((0.2, 0.3, 0.4), (0.1, 0.2, 0.3))
    apart = normalize(to_tensor(COLOUR[0])).numpy()
    fused = Compose([to_tensor, normalize])(COLOUR[0]).numpy()
    assert np.abs(fused - apart).max() < 2e-6
    floats = COLOUR[0] / 255
    assert np.array_equal(Compose([to_tensor, normalize])(floats).numpy(), normalize(to_tensor(floats)).numpy())


def test_which_transforms_work_on_batches() -> None:
    assert works_on_batches(Compose([Flip(), ToTensor(), Normalize(0, 1)]))
    for single in (Lambda(abs), abs, Opposite(), Compose([ToTensor(), abs]), Compose([Compose([abs]), ToTensor()])):
        assert not works_on_batches(single)


def test_the_images_themselves_are_never_changed() -> None:
    before = GREY.copy()
    batch_of(Compose([ToTensor(), Normalize(0.3, 0.3)]), GREY).numpy()[:] = 9
    ToTensor()(GREY[0]).numpy()[:] = 9
    floats = np.ones((2, 2), np.float32)
    ToTensor()(floats).numpy()[:] = 9
    assert np.array_equal(GREY, before)
    assert floats.max() == 1


def test_no_gradient_is_dropped_silently() -> None:
    with pytest.raises(ValueError, match="record no gradients"):
        Normalize(0.5, 0.5)(from_numpy(np.ones((1, 2, 2), np.float32)).requires_grad_())


def test_descriptions() -> None:
    assert repr(Compose([ToTensor(), Normalize(0.5, 0.25)])) == "Compose(\n    ToTensor()\n    Normalize(mean=0.5, std=0.25)\n)"
    with pytest.raises(TypeError, match="cannot be called"):
        Lambda(3)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="Transform must define batch"):
        Transform()(GREY[0])


def test_utils_data_is_the_same_place() -> None:
    import tinygrad_fm.utils.data as same

    assert same.DataLoader is sys.modules["tinygrad_fm.data"].DataLoader
    assert set(same.__all__) == set(sys.modules["tinygrad_fm.data"].__all__)
