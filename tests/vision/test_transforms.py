"""Transforms as objects: what they draw, that a seed decides it, how they print, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinygrad_fm as torch
from tinygrad_fm.data import DataLoader, ImageDataset
from tinygrad_fm.vision import transforms as T
from tinygrad_fm.vision.transforms import functional as F
from tinygrad_fm.vision.transforms import v2

IMAGE = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)

RANDOM: list[Any] = [
    T.RandomCrop((5, 6)),
    T.RandomCrop(9, padding=2, padding_mode="reflect"),
    T.RandomCrop(20, pad_if_needed=True, fill=3),
    T.RandomHorizontalFlip(),
    T.RandomVerticalFlip(),
    T.RandomInvert(),
    T.RandomRotation(30),
    T.RandomRotation((10, 20), T.InterpolationMode.BILINEAR, expand=True),
    T.RandomAffine(15, (0.2, 0.1), (0.5, 1.5), 10),
    T.RandomAffine((5, 6), shear=(-10, 10, -5, 5), fill=9),
    T.RandomResizedCrop(7),
    T.ColorJitter(0.4, 0.4, 0.4, 0.1),
    T.ColorJitter(brightness=(0.5, 0.6), hue=(-0.2, 0.0)),
    T.RandomGrayscale(0.5),
    T.GaussianBlur(3),
    T.RandomErasing(0.9),
    T.RandomErasing(0.9, value=[1, 2, 3]),
    T.RandomApply([T.RandomHorizontalFlip(1.0), T.RandomVerticalFlip(1.0)]),
    T.RandomChoice([T.RandomHorizontalFlip(1.0), T.Pad(1)], p=[1, 2]),
    T.RandomOrder([T.Resize(8), T.Pad(1)]),
]


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: type(t).__name__)
def test_a_seed_decides_and_images_of_all_kinds_get_the_same(transform: Any) -> None:
    before = IMAGE.copy()
    seen = set()
    for seed in range(12):
        found = []
        for image in (IMAGE, Image.fromarray(IMAGE), F.pil_to_tensor(Image.fromarray(IMAGE))):
            torch.manual_seed(seed)
            found.append(transform(image))
        array, pillow, tensor = found
        np.testing.assert_array_equal(np.asarray(pillow), array)
        np.testing.assert_array_equal(tensor.numpy().transpose(1, 2, 0), array)
        seen.add((array.shape, array.tobytes()))
    assert len(seen) > 1
    np.testing.assert_array_equal(IMAGE, before)
    assert repr(transform).startswith(type(transform).__name__ + "(")


def test_random_crops_cover_all_places_evenly() -> None:
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    torch.manual_seed(0)
    counts = np.bincount([T.RandomCrop(2)(image)[0, 0] for _ in range(900)], minlength=16)
    assert counts[counts > 0].tolist() == counts[[0, 1, 2, 4, 5, 6, 8, 9, 10]].tolist()
    assert counts[counts > 0].min() > 60


def test_drawn_parameters_stay_within_what_was_asked() -> None:
    torch.manual_seed(0)
    for _ in range(300):
        assert 10 <= T.RandomRotation.get_params((10, 20)) <= 20
        angle, moved, scale, shear = T.RandomAffine.get_params((-5, 5), (0.2, 0.1), (0.5, 2), (-3, 3, 1, 2), (50, 30))
        assert -5 <= angle <= 5
        assert abs(moved[0]) <= 10
        assert abs(moved[1]) <= 3
        assert 0.5 <= scale <= 2
        assert -3 <= shear[0] <= 3
        assert 1 <= shear[1] <= 2
        top, left, h, w = T.RandomResizedCrop.get_params(IMAGE, (0.2, 0.5), (0.5, 2))
        assert 0 <= top <= 9 - h
        assert 0 <= left <= 12 - w
        assert 0.1 * 108 <= h * w <= 0.6 * 108
        order, *factors = T.ColorJitter.get_params((0.5, 1.5), None, (1, 1.1), (-0.1, 0.1))
        assert sorted(order) == [0, 1, 2, 3]
        assert factors[1] is None
        assert -0.1 <= factors[3] <= 0.1  # type: ignore[operator]
        erased = T.RandomErasing.get_params(IMAGE, (0.1, 0.3), (0.5, 2), [0])
        assert erased is not None
        assert erased[2] < 9
        assert erased[3] < 12
    assert T.RandomResizedCrop.get_params(np.zeros((2, 40)), (1, 1), (1, 1)) == (0, 19, 2, 2)  # nothing fits: the middle


def test_erasing_writes_what_was_asked_for() -> None:
    torch.manual_seed(0)
    image = torch.zeros(3, 10, 10)
    erased = T.RandomErasing(1.0, (0.2, 0.2), (1.0, 1.0), value=[1, 2, 3])(image)
    assert not image.any()
    assert sorted(set(erased[2].reshape(-1).tolist())) == [0.0, 3.0]
    assert T.RandomErasing(1.0, value=1, inplace=True)(image) is image
    assert image.any()
    noise = T.RandomErasing(1.0, value="random")(torch.zeros(3, 10, 10))
    assert (noise < 0).any()
    assert T.RandomErasing(0.0)(image) is image


def test_choices_follow_their_weights() -> None:
    torch.manual_seed(0)
    pick = T.RandomChoice([lambda _: "a", lambda _: "b", lambda _: "c"], p=[0, 3, 1])
    drawn = [pick(None) for _ in range(400)]
    assert set(drawn) == {"b", "c"}
    assert 0.65 < drawn.count("b") / 400 < 0.85
    assert {T.RandomOrder([lambda s: s + "a", lambda s: s + "b"])("") for _ in range(40)} == {"ab", "ba"}


def test_the_usual_recipe_in_a_loader() -> None:
    recipe = T.Compose(
        [
            T.ToPILImage(),
            T.RandomCrop(28, padding=4),
            T.RandomHorizontalFlip(),
            T.ToTensor(),
            T.Normalize((0.5,), (0.5,)),
            T.RandomErasing(),
        ]
    )
    data = ImageDataset(np.zeros((6, 28, 28), np.uint8), [0] * 6, recipe)
    batches: Any = DataLoader(data, batch_size=3)
    for images, _ in batches:
        assert tuple(images.shape) == (3, 1, 28, 28)
        assert images.dtype == torch.float32


def test_the_newer_names() -> None:
    recipe = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Resize((4, 4))])
    assert torch.equal(recipe(IMAGE), v2.Resize((4, 4))(T.ToTensor()(IMAGE)))
    assert v2.ToImage()(recipe(IMAGE)).dtype == torch.float32
    assert set(vars(T)["__all__"]) <= set(vars(v2)["__all__"])


def test_they_print_as_torchvisions() -> None:
    assert repr(T.Resize(5)) == "Resize(size=5, interpolation=bilinear, max_size=None, antialias=True)"
    assert repr(T.RandomHorizontalFlip(0.25)) == "RandomHorizontalFlip(p=0.25)"
    assert repr(T.RandomCrop(4, padding=1)) == "RandomCrop(size=(4, 4), padding=1)"
    assert repr(T.RandomApply([T.CenterCrop(3)])) == "RandomApply(\n    p=0.5\n    CenterCrop(size=(3, 3))\n)"


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: T.RandomCrop(20)(IMAGE), ValueError, r"crop size \(20, 20\) is larger than input image size \(9, 12\)"),
        (lambda: T.RandomHorizontalFlip(1.5), ValueError, "p=1.5"),
        (lambda: T.RandomRotation(-3), ValueError, "must be positive"),
        (lambda: T.RandomRotation((1, 2, 3)), ValueError, "length 2"),
        (lambda: T.RandomAffine(3, translate=(2, 0)), ValueError, "between 0 and 1"),
        (lambda: T.RandomAffine(3, scale=(0, 1)), ValueError, "positive"),
        (lambda: T.RandomAffine(3, shear=(1, 2, 3)), ValueError, "length 2 or 4"),
        (lambda: T.RandomResizedCrop(3, scale=(1, 0.5)), ValueError, "of kind"),
        (lambda: T.ColorJitter(-1), ValueError, "must be non negative"),
        (lambda: T.ColorJitter(hue=0.7), ValueError, "hue values should be between"),
        (lambda: T.ColorJitter((1, 2, 3)), TypeError, "length 2"),
        (lambda: T.GaussianBlur(4), ValueError, "odd and positive"),
        (lambda: T.GaussianBlur(3, (2, 1)), ValueError, "of the form"),
        (lambda: T.RandomErasing(value="noise"), ValueError, "should be 'random'"),
        (lambda: T.RandomErasing(1.0, value=[1, 2])(torch.zeros(3, 9, 9)), ValueError, "a single value or 3"),
        (lambda: T.RandomErasing(scale=(0.5, 2)), ValueError, "between 0 and 1"),
        (lambda: T.RandomApply(5), TypeError, "should be a sequence"),  # type: ignore[arg-type]
        (lambda: T.RandomChoice([T.Pad(1)], p=[1, 2]), ValueError, "one weight"),
        (lambda: T.Resize((1, 2, 3)), ValueError, r"a number or \(H, W\)"),
        (lambda: T.Resize(2.5), TypeError, "got 2.5"),  # type: ignore[arg-type]
        (lambda: T.CenterCrop(None), TypeError, "got None"),  # type: ignore[arg-type]
        (lambda: T.RandomCrop("a"), TypeError, "got 'a'"),  # type: ignore[arg-type]
        (lambda: T.ToTensor()("cat.png"), TypeError, "pic should be a Pillow image or an array of numbers. Got <class 'str'>"),
        (lambda: T.ToTensor()(None), TypeError, "Got <class 'NoneType'>"),
        (lambda: T.Pad((1, 2, 3)), ValueError, "3 element"),
        (lambda: T.Grayscale()(torch.zeros(2, 3, 3)), TypeError, "1 or 3 channels"),
    ],
)
def test_wrong_arguments_are_named(wrong: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        wrong()


def test_what_torchvision_has_and_we_have_not_says_what_to_do_instead() -> None:
    with pytest.raises(
        AttributeError, match=r"'torchvision\.transforms\.RandAugment' is left out .*transforms\.Lambda takes any"
    ):
        _ = T.RandAugment  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match=r"'tinygrad_fm\.vision\.datasets\.CIFAR100' is left out .* a Dataset of your own"):
        from tinygrad_fm.vision.datasets import CIFAR100  # type: ignore[attr-defined]  # noqa: F401
    with pytest.raises(AttributeError, match=r"'torchvision\.transforms' has no 'Resise'"):
        _ = T.Resise  # type: ignore[attr-defined]
