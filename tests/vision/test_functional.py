"""Changes to images against plain definitions, and against Pillow where it does the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

import tinygrad_fm as torch
from tinygrad_fm.vision.transforms import functional as F
from tinygrad_fm.vision.transforms.functional import InterpolationMode

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (9, 12), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8)
SMOOTH = (np.add.outer(np.arange(24) * 5, np.arange(32) * 4)).astype(np.uint8)
BOTH = [GREY, COLOUR]


def tensor_of(array: Any) -> torch.Tensor:
    """An array (H, W) or (H, W, C) as a tensor (C, H, W) of the same numbers."""
    return torch.tensor(np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1)))


def array_of(image: Any) -> Any:
    """The numbers of an image of any kind, as (C, H, W)."""
    if isinstance(image, torch.Tensor):
        return image.numpy()
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


CHANGES = {
    "hflip": F.hflip,
    "vflip": F.vflip,
    "crop": lambda image: F.crop(image, -2, 3, 7, 20),
    "crop outside": lambda image: F.crop(image, 20, 20, 3, 3),
    "center_crop": lambda image: F.center_crop(image, (11, 5)),
    "pad edge": lambda image: F.pad(image, (1, 2), padding_mode="edge"),
    "pad zeros": lambda image: F.pad(image, (1, 2, 3, -1)),
    "resize": lambda image: F.resize(image, 5),
    "resize up": lambda image: F.resize(image, (20, 15)),
    "resized_crop": lambda image: F.resized_crop(image, 1, 2, 5, 6, (8, 8)),
    "rotate": lambda image: F.rotate(image, 30, InterpolationMode.BILINEAR),
    "rotate expand": lambda image: F.rotate(image, 30, expand=True, center=(2, 3)),
    "affine": lambda image: F.affine(image, 20, (2, -1), 1.3, (10, 5), InterpolationMode.BILINEAR),
    "brightness": lambda image: F.adjust_brightness(image, 1.4),
    "contrast": lambda image: F.adjust_contrast(image, 0.3),
    "saturation": lambda image: F.adjust_saturation(image, 0.4),
    "hue": lambda image: F.adjust_hue(image, 0.2),
    "grayscale": lambda image: F.rgb_to_grayscale(image, 3),
    "one grey channel": F.rgb_to_grayscale,
    "invert": F.invert,
    "blur": lambda image: F.gaussian_blur(image, (3, 5), (0.8, 1.2)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@pytest.mark.parametrize("pixels", BOTH, ids=["grey", "colour"])
def test_all_kinds_of_images_are_changed_alike_and_stay_what_they_are(change: Any, pixels: Any) -> None:
    before = pixels.copy()
    array, pillow, tensor = change(pixels), change(Image.fromarray(pixels)), change(tensor_of(pixels))
    assert (type(array), type(tensor)) == (np.ndarray, torch.Tensor)
    assert isinstance(pillow, Image.Image)
    assert array.dtype == np.uint8
    assert tensor.dtype == torch.uint8
    np.testing.assert_array_equal(array_of(array), array_of(tensor))
    np.testing.assert_array_equal(array_of(pillow), array_of(tensor))
    np.testing.assert_array_equal(pixels, before)
    batch = change(torch.stack([tensor_of(pixels), tensor_of(pixels[::-1].copy())]))
    np.testing.assert_array_equal(batch[0].numpy(), tensor.numpy())
    real = change(tensor_of(pixels).double() / 255)
    assert real.dtype == torch.float64
    np.testing.assert_allclose(np.clip(real.numpy(), 0, 1) * 255, tensor.numpy(), atol=3)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_nothing_of_the_input_is_shared(kind: Any) -> None:
    given = np.zeros((6, 6), kind)
    for change in CHANGES.values():
        result = change(given)
        result[...] = 1
        assert not given.any()


# ---- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(5, 7), (20, 30), (9, 5), (1, 1), (30, 3)])
@pytest.mark.parametrize(("mode", "theirs"), [("BILINEAR", Image.Resampling.BILINEAR), ("BICUBIC", Image.Resampling.BICUBIC)])
@pytest.mark.parametrize("pixels", [*BOTH, SMOOTH])
def test_resizing_is_pillows(pixels: Any, mode: str, theirs: Any, size: tuple[int, int]) -> None:
    ours = F.resize(pixels, size, InterpolationMode[mode]).astype(int)
    expected = np.asarray(Image.fromarray(pixels).resize(size[::-1], theirs)).astype(int)
    assert np.abs(ours - expected).max() <= 2  # weights of 22 bits there, and halves are rounded up
    assert np.abs(ours - expected).mean() < 0.5 or ours.size < 10


@pytest.mark.parametrize("size", [(5, 7), (20, 29), (9, 5), (1, 1), (31, 3)])
def test_nearest_is_pillows_and_of_tensors_torchvisions(size: tuple[int, int]) -> None:
    expected = np.asarray(Image.fromarray(COLOUR).resize(size[::-1], Image.Resampling.NEAREST))
    np.testing.assert_array_equal(F.resize(COLOUR, size, InterpolationMode.NEAREST), expected)
    np.testing.assert_array_equal(
        array_of(F.resize(tensor_of(COLOUR), size, InterpolationMode.NEAREST_EXACT)), array_of(expected)
    )
    rows, columns = ([math.floor(i * m / n) for i in range(n)] for n, m in zip(size, COLOUR.shape, strict=False))
    legacy = array_of(F.resize(tensor_of(COLOUR), size, InterpolationMode.NEAREST))
    np.testing.assert_array_equal(legacy, array_of(COLOUR[rows][:, columns]))


def test_the_shorter_side_decides() -> None:
    def size(image: Any) -> tuple[int, ...]:
        return tuple(int(n) for n in image.shape[-2:])

    wide, tall = torch.zeros(1, 10, 25), torch.zeros(1, 25, 10)
    assert size(F.resize(wide, 4)) == (4, 10)
    assert size(F.resize(tall, [4])) == (10, 4)
    assert size(F.resize(wide, 7)) == (7, 17)
    assert size(F.resize(wide, 8, max_size=15)) == (6, 15)
    assert F.resize(wide, 10) is wide
    with pytest.raises(ValueError, match="must be strictly greater"):
        F.resize(wide, 8, max_size=8)
    with pytest.raises(ValueError, match="max_size should only be passed"):
        F.resize(wide, (8, 9), max_size=20)


def test_without_antialiasing_tensors_are_interpolated() -> None:
    image = torch.tensor(RNG.random((2, 3, 9, 12)).astype(np.float32))
    expected = torch.nn.functional.interpolate(image, (4, 5), mode="bilinear", align_corners=False)
    assert torch.equal(F.resize(image, (4, 5), antialias=False), expected)
    assert not torch.allclose(F.resize(image, (4, 5)), expected)


# ---- places ----------------------------------------------------------------------------------------------------------


def by_definition(image: Any, inverse: Any, fill: float) -> Any:
    """Each pixel's centre through the inverse, pixel by pixel."""
    height, width = image.shape
    result = np.full_like(image, fill)
    for i in range(height):
        for j in range(width):
            x, y, _ = inverse @ [j + 0.5, i + 0.5, 1]
            column, row = math.floor(x), math.floor(y)
            if 0 <= column < width and 0 <= row < height:
                result[i, j] = image[row, column]
    return result


@pytest.mark.parametrize(
    ("angle", "translate", "scale", "shear", "center"),
    [(30, (0, 0), 1, 0, None), (-75, (3, -2), 0.7, 0, None), (10, (1, 0), 1.5, (20, -10), (3, 4)), (0, (2, 1), 1, 15, None)],
)
def test_affine_maps_are_the_product_of_their_parts(
    angle: float, translate: Any, scale: float, shear: Any, center: Any
) -> None:
    height, width = GREY.shape
    cx, cy = center or (width / 2, height / 2)
    sx, sy = (math.radians(s) for s in (shear if isinstance(shear, tuple) else (shear, 0)))
    rot = math.radians(angle)

    def moved(x: float, y: float) -> Any:
        return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])

    turned = np.array([[math.cos(rot), -math.sin(rot), 0], [math.sin(rot), math.cos(rot), 0], [0, 0, 1]])
    along_y = np.array([[1, 0, 0], [-math.tan(sy), 1, 0], [0, 0, 1]])
    along_x = np.array([[1, -math.tan(sx), 0], [0, 1, 0], [0, 0, 1]])
    linear = turned @ np.diag([scale, scale, 1]) @ along_y @ along_x
    inverse = np.linalg.inv(moved(*translate) @ moved(cx, cy) @ linear @ moved(-cx, -cy))
    got = F.affine(GREY, angle, translate, scale, shear, fill=3, center=center)
    expected = by_definition(GREY, inverse, 3)
    assert (got != expected).mean() <= 0.02  # a centre that falls on the edge of two pixels may go either way
    pillow = Image.fromarray(GREY).transform((width, height), Image.Transform.AFFINE, inverse[:2].ravel().tolist(), fillcolor=3)
    assert (got != np.asarray(pillow)).mean() <= 0.02


@pytest.mark.parametrize("angle", [0, 17, 45, 90, 135, 180, -90, 271.5, 360])
@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("pixels", [GREY, SMOOTH, SMOOTH[:7, :7]])
def test_rotation_is_pillows(pixels: Any, angle: float, expand: bool) -> None:
    ours = F.rotate(pixels, angle, expand=expand, fill=5)
    theirs = np.asarray(Image.fromarray(pixels).rotate(angle, expand=expand, fillcolor=5))
    assert ours.shape == theirs.shape
    if angle % 90 == 0 and (expand or angle % 180 == 0 or pixels.shape[0] == pixels.shape[1]):
        turns = np.rot90(pixels, int(angle) // 90)
        np.testing.assert_array_equal(ours, turns)
    if not expand or angle % 90 == 0:
        assert (ours != theirs).mean() <= 0.03


def test_bilinear_rotation_mixes_with_the_fill_at_the_edges() -> None:
    white = np.full((1, 8, 8), 1.0)
    turned = F.rotate(torch.tensor(white), 45, InterpolationMode.BILINEAR).numpy()[0]
    assert turned[0, 0] == 0
    assert turned[4, 4] == 1
    assert 0 < turned[0, 3] <= 1
    quarter = F.affine(torch.tensor(white), 0, (0.5, 0), 1.0, 0, InterpolationMode.BILINEAR).numpy()[0]
    assert quarter[0].tolist() == [0.5] + [1.0] * 7


def test_padding_and_cropping_are_pillows() -> None:
    image = Image.fromarray(COLOUR)
    np.testing.assert_array_equal(np.asarray(F.pad(image, 3, fill=9)), np.asarray(ImageOps.expand(image, 3, (9, 9, 9))))
    np.testing.assert_array_equal(np.asarray(F.crop(image, -1, -2, 20, 20)), np.asarray(image.crop((-2, -1, 18, 19))))
    for mode in ("edge", "reflect", "symmetric"):
        expected = np.pad(COLOUR, ((2, 4), (1, 3), (0, 0)), mode)
        np.testing.assert_array_equal(F.pad(COLOUR, [1, 2, 3, 4], padding_mode=mode), expected)
    striped = F.pad(COLOUR, 1, fill=(1, 2, 3))
    assert striped[0, 0].tolist() == [1, 2, 3]
    small = F.center_crop(GREY, 20)
    assert small.shape == (20, 20)
    np.testing.assert_array_equal(small[5:14, 4:16], GREY)


# ---- colours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.7])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (F.adjust_brightness, ImageEnhance.Brightness),
        (F.adjust_contrast, ImageEnhance.Contrast),
        (F.adjust_saturation, ImageEnhance.Color),
    ],
)
def test_enhancing_is_pillows_up_to_rounding(ours: Any, theirs: Any, factor: float) -> None:
    got = ours(COLOUR, factor).astype(int)
    expected = np.asarray(theirs(Image.fromarray(COLOUR)).enhance(factor)).astype(int)
    assert np.abs(got - expected).max() <= 2


def test_hue_goes_around() -> None:
    red = torch.tensor(np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1))
    assert np.round(F.adjust_hue(red, 1 / 3).numpy().ravel(), 6).tolist() == [0, 1, 0]
    assert np.round(F.adjust_hue(red, -1 / 3).numpy().ravel(), 6).tolist() == [0, 0, 1]
    image = torch.tensor(RNG.random((3, 6, 7)))
    np.testing.assert_allclose(F.adjust_hue(image, 0.0).numpy(), image.numpy(), atol=1e-12)
    np.testing.assert_allclose(F.adjust_hue(F.adjust_hue(image, 0.5), 0.5).numpy(), image.numpy(), atol=1e-9)
    assert np.abs(F.adjust_hue(COLOUR, 0.0).astype(int) - COLOUR).max() <= 1


def test_grey_has_its_weights() -> None:
    image = torch.tensor(np.eye(3).reshape(3, 1, 3))
    assert np.round(F.rgb_to_grayscale(image).numpy().ravel(), 4).tolist() == [0.2989, 0.587, 0.114]
    assert F.rgb_to_grayscale(Image.fromarray(COLOUR)).mode == "L"


def test_blurring_is_a_mean_with_gaussian_weights() -> None:
    image = RNG.random((6, 7))
    weights = np.exp(-0.5 * (np.arange(-1, 2) / 0.7) ** 2)
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    padded = np.pad(image, 1, "reflect")
    expected = [[(padded[i : i + 3, j : j + 3] * kernel).sum() for j in range(7)] for i in range(6)]
    np.testing.assert_allclose(F.gaussian_blur(image, 3, 0.7), expected, rtol=1e-12)


# ---- conversions -----------------------------------------------------------------------------------------------------


def test_to_pillow_and_back() -> None:
    for pixels in (*BOTH, RNG.integers(0, 256, (4, 5, 4), dtype=np.uint8), RNG.integers(0, 256, (4, 5, 2), dtype=np.uint8)):
        image = F.to_pil_image(pixels)
        np.testing.assert_array_equal(np.asarray(image), pixels)
        assert torch.equal(F.pil_to_tensor(image), tensor_of(pixels))
        again = F.to_pil_image(F.to_tensor(image))
        np.testing.assert_array_equal(np.asarray(again), pixels)
    assert F.to_pil_image(torch.ones(1, 2, 2)).mode == "L"
    assert F.to_pil_image(torch.ones(2, 2), mode="F").mode == "F"
    assert F.to_pil_image(np.zeros((2, 2, 3), np.uint8), mode="HSV").mode == "HSV"
    assert F.to_pil_image(np.zeros((2, 2), np.int32)).mode == "I"
    for wrong, error, words in (
        (torch.zeros(5, 2, 2), ValueError, "more than 4|> 4 channels"),
        (torch.zeros(2), ValueError, "2/3 dimensional"),
        (np.zeros((2, 2), np.int64), TypeError, "int64 is not supported"),
        ([1], TypeError, "Tensor or ndarray"),
    ):
        with pytest.raises(error, match=words):
            F.to_pil_image(wrong)
    with pytest.raises(ValueError, match="Incorrect mode"):
        F.to_pil_image(np.zeros((2, 2, 3), np.uint8), mode="L")
    with pytest.raises(TypeError, match="should be PIL Image"):
        F.pil_to_tensor(GREY)


def test_dtypes_keep_what_is_white() -> None:
    whites = {torch.uint8: 255, torch.int16: 32767, torch.int32: 2**31 - 1, torch.float32: 1.0, torch.float64: 1.0}
    byte = torch.tensor([[[0, 128, 255]]], dtype=torch.uint8)
    for kind, white in whites.items():
        got = F.convert_image_dtype(byte, kind)
        assert got.dtype == kind
        assert got[0, 0, 0].item() == 0
        if kind.is_floating_point:
            assert got[0, 0, 2].item() == white
        else:
            assert got[0, 0, 2].item() == 255 * ((white + 1) // 256)
        assert torch.equal(F.convert_image_dtype(got, torch.uint8), byte)
    with pytest.raises(RuntimeError, match="cannot be performed safely"):
        F.convert_image_dtype(torch.zeros(1, 1, 1), torch.int32)
    with pytest.raises(TypeError, match="should be Tensor"):
        F.convert_image_dtype(GREY, torch.uint8)  # type: ignore[arg-type]


# ---- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: F.hflip([1, 2]), TypeError, "must be a Tensor, a Pillow image or an array, got list"),
        (lambda: F.hflip(torch.zeros(3)), TypeError, r"must be \(…, H, W\), not \(3,\)"),
        (lambda: F.hflip(np.zeros((2, 2, 2, 2))), ValueError, r"\(H, W\) or \(H, W, C\), not \(2, 2, 2, 2\)"),
        (lambda: F.hflip(Image.new("P", (2, 2))), ValueError, r"mode 'P' .*convert\('RGB'\)"),
        (lambda: F.hflip(torch.zeros(1, 2, 2, requires_grad=True)), ValueError, "record no gradients"),
        (lambda: F.resize(GREY, (2, 2), "bilinear"), ValueError, "interpolation must be an InterpolationMode"),
        (lambda: F.rotate(GREY, 3, InterpolationMode.BICUBIC), ValueError, "must be NEAREST or BILINEAR"),
        (lambda: F.pad(GREY, (1, 2, 3)), ValueError, "1, 2, or 4 element tuple, not a 3 element"),
        (lambda: F.pad(GREY, 1, padding_mode="wrap"), ValueError, "constant, edge, reflect or symmetric"),
        (lambda: F.pad(COLOUR, 1, fill=(1, 2)), ValueError, "one for each of 3 channels"),
        (lambda: F.affine(GREY, 0, (0, 0), 0, 0), ValueError, "scale should be positive"),
        (lambda: F.adjust_brightness(GREY, -1), ValueError, "not non-negative"),
        (lambda: F.adjust_hue(GREY, 0.6), ValueError, r"not in \[-0.5, 0.5\]"),
        (lambda: F.rgb_to_grayscale(GREY, 2), ValueError, "either 1 or 3"),
        (lambda: F.rgb_to_grayscale(torch.zeros(2, 3, 3)), TypeError, "1 or 3 channels, but has 2"),
        (lambda: F.gaussian_blur(GREY, 4), ValueError, "odd and positive"),
        (lambda: F.gaussian_blur(GREY, 3, 0.0), ValueError, "positive values"),
        (lambda: F.gaussian_blur(GREY > 9, 3), TypeError, "an image of bool has no shades"),
        (lambda: F.resize(GREY, 0), ValueError, "at least one pixel"),
        (lambda: F.resize(torch.zeros(1, 0, 4), 5), ValueError, r"size \(0, 4\) has no pixels"),
    ],
)
def test_bad_input_is_named(wrong: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        wrong()
