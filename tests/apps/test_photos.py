"""Pictures that nobody prepared: sizes, colours, grounds, transparency, formats, damage."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from apps.photos import Prepared, prepare, prepare_photo, read_photo, save_prepared
from tinygrad_fm.errors import DataError, MissingExtraError

Array = np.ndarray[Any, Any]

SHAPE = [
    (0.3, 0.1),
    (0.7, 0.1),
    (0.95, 0.35),
    (0.8, 0.45),
    (0.7, 0.35),
    (0.7, 0.9),
    (0.3, 0.9),
    (0.3, 0.35),
    (0.2, 0.45),
    (0.05, 0.35),
]


def shirt(side: int = 300) -> Array:
    """How much of each pixel a T-shirt covers, float (side, side) from 0 to 1."""
    large = Image.new("L", (4 * side, 4 * side))
    ImageDraw.Draw(large).polygon([(4 * side * x, 4 * side * y) for x, y in SHAPE], fill=255)
    return np.asarray(large.resize((side, side), Image.Resampling.BOX)) / 255


def on(ground: Any, colour: Any, share: Array | None = None) -> Array:
    """A garment of one colour before a ground: uint8 (H, W, 3)."""
    share = shirt() if share is None else share
    covers = np.repeat(share[:, :, None], 3, 2)
    picture = (1 - covers) * np.asarray(ground, float) + covers * np.asarray(colour, float)
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


EXPECTED = prepare(on(255, 0)).image


def near(found: Prepared, limit: float = 6.0) -> bool:
    off = float(np.abs(found.image.astype(float) - EXPECTED).mean())
    print(f"the mean difference is {off:.1f}")  # shown if the test fails
    return off < limit


def test_what_is_expected_is_a_shirt_that_fills_the_picture() -> None:
    assert EXPECTED.shape == (28, 28) and EXPECTED.dtype == np.uint8 and EXPECTED.max() == 255
    filled = EXPECTED > 127
    assert filled[:, 1].any() and filled[:, -2].any() and filled[2:-2].any(1).sum() >= 22  # 0.9 wide, 0.8 high
    assert not EXPECTED[0].any() and not EXPECTED[-1].any()
    assert abs(int(np.flatnonzero(filled.any(1))[0]) - int(27 - np.flatnonzero(filled.any(1))[-1])) <= 1


@pytest.mark.parametrize(
    ("ground", "colour", "inverted"),
    [
        (255, 0, True),
        (0, 255, False),
        (255, (200, 30, 40), True),
        ((250, 248, 240), (20, 40, 120), True),
        (20, (90, 90, 80), False),
        (128, 20, True),
        (128, 240, False),
        (255, (255, 255, 0), True),
        ((80, 150, 80), (190, 50, 50), True),
        (255, 215, True),
    ],
)
def test_any_colour_on_any_ground_gives_the_same(ground: Any, colour: Any, inverted: bool) -> None:
    found = prepare(on(ground, colour))
    assert near(found) and found.doubt is None
    if abs(np.mean(np.broadcast_to(ground, 3)) - np.mean(np.broadcast_to(colour, 3))) > 10:
        assert found.inverted is inverted


def test_shades_within_the_garment_are_kept_dark_is_light() -> None:
    share = shirt()
    colour = np.broadcast_to(np.where(np.arange(300) < 150, 20.0, 140.0)[None, :, None], (300, 300, 3))
    found = prepare(on(255, colour, share)).image
    left, right = found[14, 10], found[14, 17]
    assert left == pytest.approx(255, abs=5) and right == pytest.approx(255 * 115 / 235, abs=8)


def test_on_grey_black_and_white_parts_both_stand_out() -> None:
    halves = np.where(np.arange(300) < 150, 20.0, 236.0)[None, :, None] * np.ones((300, 300, 3))
    found = prepare(on(128, halves)).image
    assert found[14, 10] > 200 and found[14, 17] > 200


def test_a_colour_as_light_as_the_ground_is_told_by_its_colour(rng: np.random.Generator) -> None:
    noisy = on((80, 150, 80), (205, 90, 70)) + rng.normal(0, 6, (300, 300, 3))  # both have a luma of 121
    found = prepare(np.clip(noisy, 0, 255).astype(np.uint8)).image
    assert found[10:20, 10:18].std() < 12


@pytest.mark.parametrize("size", [(28, 28), (37, 61), (90, 70), (640, 480), (3000, 1700)])
def test_size_and_place_do_not_matter(size: tuple[int, int]) -> None:
    side = round(0.8 * min(size))
    picture = np.full((size[1], size[0], 3), 255, np.uint8)
    picture[2 : 2 + side, -side - 3 : -3] = on(255, 30, shirt(side))
    image = Image.fromarray(picture)
    image.thumbnail((280, 280))
    assert near(prepare(np.asarray(image)), 25 if min(size) < 40 else 12)


def test_the_form_is_kept_and_the_odd_pixel_is_at_the_left() -> None:
    picture = np.full((200, 100), 255, np.uint8)
    picture[20:180, 40:60] = 0
    found = prepare(picture).image > 127
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    assert len(rows) == 28
    assert len(columns) == 4 and columns.tolist() == [12, 13, 14, 15]  # 28 · 20 / 160 = 3.5
    picture[:, :] = 255
    picture[20:180, 40:57] = 0
    columns = np.flatnonzero((prepare(picture).image > 127).any(0))
    assert columns.tolist() == [13, 14, 15]


def test_noise_shadow_light_from_the_side_and_specks(rng: np.random.Generator) -> None:
    light = np.linspace(0.7, 1.0, 300)[None, :, None] * np.linspace(0.9, 1.0, 300)[:, None, None]
    noisy = on(240, 30) * light + rng.normal(0, 8, (300, 300, 3))
    assert near(prepare(np.clip(noisy, 0, 255).astype(np.uint8)), 14)
    soft = np.asarray(Image.fromarray((shirt() * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(6))) / 255
    shadow = 250 * (1 - 0.07 * np.roll(soft, 10, 1))[:, :, None]
    assert near(prepare(on(shadow, 30)), 12)
    specks = on(255, 30)
    specks[5:290:40, 5] = 0
    assert near(prepare(specks))


def test_a_fashion_mnist_like_picture_passes_as_it_is() -> None:
    for given in (EXPECTED, 255 - EXPECTED):
        found = prepare(given)
        np.testing.assert_allclose(found.image.astype(int), EXPECTED, atol=5)
    assert prepare(255 - EXPECTED).inverted and not prepare(EXPECTED).inverted


@pytest.mark.parametrize("colour", [0, 60, 200, 255])
def test_a_cut_out_garment_is_put_on_what_it_stands_out_from(colour: int) -> None:
    alpha = np.rint(shirt() * 255).astype(np.uint8)
    for hidden in (0, 255):  # what editors leave below transparent pixels is no part of the picture
        picture = np.full((300, 300, 4), colour, np.uint8)
        picture[alpha == 0, :3] = hidden
        picture[:, :, 3] = alpha
        assert near(prepare(picture))


@pytest.mark.parametrize("ground", [0, 255])
def test_the_rim_of_a_cut_out_garment_tells_its_ground(ground: int) -> None:
    shades = np.where(np.arange(300) < 150, 90.0, 160.0)[None, :, None] * np.ones((300, 300, 3))
    share = np.asarray(Image.fromarray((shirt() * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))) / 255
    picture = on(ground, shades, share)
    cut = np.dstack([picture, np.where(share > 0.03, 255, 0).astype(np.uint8)])
    found, whole = prepare(cut), prepare(picture)
    assert found.inverted is (ground == 255)
    assert np.abs(found.image.astype(int) - whole.image).mean() < 8


def test_a_photo_with_round_transparent_corners_is_a_photo() -> None:
    picture = np.dstack([on((200, 220, 255), 30), np.full((300, 300), 255, np.uint8)])
    picture[:12, :12, 3] = picture[-12:, -12:, 3] = 0
    assert near(prepare(picture))


def test_nothing_to_see_is_an_error() -> None:
    for picture in (np.full((50, 50), 255, np.uint8), np.zeros((50, 50, 4), np.uint8), np.full((1, 1), 9, np.uint8)):
        with pytest.raises(DataError, match=r"stands out|transparent all over"):
            prepare(picture)
    for wrong in (np.zeros((5, 5)), np.zeros((5, 5, 2), np.uint8), np.zeros((0, 5), np.uint8), np.zeros(5, np.uint8)):
        with pytest.raises(ValueError, match="a picture is uint8"):
            prepare(wrong)


def test_an_uneven_background_is_doubted(rng: np.random.Generator) -> None:
    wall = Image.fromarray(rng.integers(0, 2, (6, 6, 3), np.uint8) * 255).resize((300, 300), Image.Resampling.NEAREST)
    assert prepare(on(np.asarray(wall), 128)).doubt is not None


def _saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_formats_depths_and_palettes(tmp_path: Path) -> None:
    plain = Image.fromarray(on(255, 20))
    grey = np.asarray(plain.convert("L"))
    clear = Image.fromarray(np.dstack([on(20, 20), np.rint(shirt() * 255).astype(np.uint8)]))
    files = [
        _saved(tmp_path / "a.jpg", plain, quality=40),
        _saved(tmp_path / "b.jpg", plain.convert("CMYK")),
        _saved(tmp_path / "c.bmp", plain),
        _saved(tmp_path / "d.png", plain.quantize(8)),
        _saved(tmp_path / "e.png", clear),
        _saved(tmp_path / "f.png", clear.quantize(8)),
        _saved(tmp_path / "g.png", plain.convert("1")),
        _saved(tmp_path / "h.png", Image.fromarray(grey.astype(np.uint16) * 257)),
        _saved(tmp_path / "i.png", Image.fromarray(grey.astype(np.uint16) * 16)),
        _saved(tmp_path / "j.tif", Image.fromarray(grey.astype(np.int32) * 257)),
        _saved(tmp_path / "k.tif", Image.fromarray((grey / 255).astype(np.float32))),
        _saved(tmp_path / "l.gif", plain, save_all=True, append_images=[Image.new("RGB", plain.size, "red")]),
        _saved(tmp_path / "m.png", clear.convert("LA")),
    ]
    for path in files:
        assert near(prepare_photo(path), 16), path.name


def test_a_camera_held_sideways_is_heeded(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    turned = Image.fromarray(on(255, 20)).transpose(Image.Transpose.ROTATE_90)
    assert near(prepare_photo(_saved(tmp_path / "a.jpg", turned, exif=exif)), 16)
    assert not near(prepare_photo(_saved(tmp_path / "b.jpg", turned)), 40)


def test_large_pictures_are_read_small(tmp_path: Path) -> None:
    large = Image.fromarray(on(255, 20)).resize((3000, 2000))
    assert read_photo(_saved(tmp_path / "a.png", large)).shape == (187, 280, 4)


def test_damaged_files_are_data_errors(tmp_path: Path, rng: np.random.Generator) -> None:
    whole = _saved(tmp_path / "a.png", Image.fromarray(on(255, 20))).read_bytes()
    path = tmp_path / "b.png"
    refused = 0
    for _ in range(60):
        spoilt = bytearray(whole[: rng.integers(0, len(whole))] if rng.random() < 0.5 else whole)
        for place in rng.integers(0, max(len(spoilt), 1), 6 if spoilt else 0):
            spoilt[place] = rng.integers(0, 256)
        path.write_bytes(spoilt)
        try:
            prepare_photo(path)
        except DataError as error:
            refused += 1
            assert str(error).startswith(str(path))
    assert refused > 40
    with pytest.raises(DataError, match="no such file"):
        prepare_photo(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match="folder"):
        prepare_photo(tmp_path)


def test_what_the_model_sees_can_be_kept(tmp_path: Path) -> None:
    found = prepare(on(255, 20))
    save_prepared(found, tmp_path / "new" / "seen.png")
    with Image.open(tmp_path / "new" / "seen.png") as image:
        np.testing.assert_array_equal(np.asarray(image), found.image)


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"tinygrad_fm\[train\]"):
        read_photo(tmp_path)
