"""What the app's page of predictions does, without the page: pictures of all kinds in, what a model makes of them out."""

from __future__ import annotations

import base64
import io
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from apps.app_logic import first_model, local_data, pictures, processes
from apps.app_logic.inspection import Inspected
from apps.app_logic.pictures import coloured, data_url, from_drawing, from_file, from_test_set, overlaid
from tinygrad_fm.errors import CheckpointError, DataError
from tinygrad_fm.training import RunFolder

from .test_hostile_pictures import BOMBS, BROKEN, PROGRAMS, progressive_jpeg


def photo(mode: str = "RGB") -> Image.Image:
    """A dark pair of trousers on a light ground, higher than it is wide."""
    image = Image.new("RGB", (300, 400), (225, 220, 210))
    draw = ImageDraw.Draw(image)
    draw.polygon([(100, 60), (200, 60), (215, 340), (165, 340), (150, 130), (135, 340), (85, 340)], fill=(40, 45, 90))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    return encoded(photo().transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)


def cut() -> bytes:
    alpha = photo("L").point(lambda value: 255 if value < 130 else 0)
    image = photo("RGBA")
    image.putalpha(alpha)
    return encoded(image, "PNG")


def deep() -> bytes:
    return encoded(Image.fromarray(np.asarray(photo("L")).astype(np.uint16) * 257), "PNG")


def animated(kind: str) -> bytes:
    return encoded(photo(), kind, save_all=True, append_images=[Image.new("RGB", (300, 400), c) for c in ("red", "blue")])


KINDS = {
    "photo.jpg": encoded(photo(), "JPEG"),
    "held sideways.jpg": turned(),
    "cut out.png": cut(),
    "palette.png": encoded(photo().quantize(16), "PNG"),
    "grey and alpha.png": encoded(photo("LA"), "PNG"),
    "16 bits.png": deep(),
    "print.jpg": encoded(photo("CMYK"), "JPEG"),
    "print.tif": encoded(photo("CMYK"), "TIFF"),
    "animated.gif": animated("GIF"),
    "animated.webp": animated("WEBP"),
    "photo.webp": encoded(photo(), "WEBP"),
    "no ending": encoded(photo(), "BMP"),
}
EXPECTED = from_file(encoded(photo(), "PNG"), "expected.png")


@pytest.mark.parametrize("name", KINDS)
def test_photographs_of_every_kind_come_to_the_same(name: str) -> None:
    found = from_file(KINDS[name], name)
    difference = np.abs(found.image.astype(int) - EXPECTED.image.astype(int))
    assert found.image.shape == (28, 28) and difference.mean() < 8, difference.mean()
    assert found.name == name and found.doubt is None
    height, width = found.cutout.shape[:2]
    assert height / width == pytest.approx(280 / 130, rel=0.08) and found.cutout.shape[2] == 4
    solid = found.cutout[:, :, 3] > 0
    assert solid.mean() == pytest.approx((EXPECTED.cutout[:, :, 3] > 0).mean(), abs=0.06)


def test_the_cut_out_is_the_garment_in_its_colours() -> None:
    solid = EXPECTED.cutout[:, :, 3] > 0
    colour = np.median(EXPECTED.cutout[solid][:, :3], 0)
    assert np.abs(colour - (40, 45, 90)).max() < 5
    assert not solid[-1, solid.shape[1] // 2]  # between the legs


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("photo.png", encoded(photo(), "PNG"))
    return buffer.getvalue()


class Evil:
    def __reduce__(self) -> Any:
        raise AssertionError("unpickled")


BAD: dict[str, bytes] = {
    **PROGRAMS,
    **BROKEN,
    "archive.png": archive(),
    "pickled.png": pickle.dumps({"a": [1, 2, 3]}),
    "page.png": b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "cut short.jpg": encoded(photo(), "JPEG")[:4000],
    "all white.png": encoded(Image.new("RGB", (200, 200), "white"), "PNG"),
    "transparent.png": encoded(Image.new("RGBA", (200, 200), (0, 0, 0, 0)), "PNG"),
    "long.jpg": progressive_jpeg(65_500, 65_500),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_gets_a_sentence(name: str) -> None:
    with pytest.raises(DataError) as caught:
        from_file(BAD[name], name)
    text = str(caught.value)
    assert text.startswith(f"{name}: ") and len(text) < 300 and "\n" not in text and text.isprintable()


@pytest.mark.parametrize("name", [name for name in BOMBS if not name.startswith("a ")])
def test_bombs_get_a_sentence(name: str) -> None:
    with pytest.raises(DataError, match=r"pixels|cannot be read"):
        from_file(BOMBS[name], name)


def test_telephones_own_format_is_named() -> None:
    content = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    with pytest.raises(DataError, match="HEIC picture, which is not read here; save it as JPEG"):
        from_file(content, "IMG_0001.HEIC")


def test_more_than_20_megabytes_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "decode_photo", lambda *_: pytest.fail("decoded"))
    with pytest.raises(DataError, match="20,971,521 bytes, the limit is 20,971,520; save it smaller"):
        from_file(bytes((20 << 20) + 1), "large.jpg")


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name, content in {**KINDS, "page.png": BAD["page.png"]}.items():
        try:
            from_file(content, name)
        except DataError:
            assert name == "page.png"
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_not_printable_are_escaped() -> None:
    assert from_file(KINDS["photo.jpg"], "a\x1b[31m\n.jpg").name.isprintable()


# -- drawings and test images ------------------------------------------------------------------------------------------


def drawing(outline: bool) -> str:
    image = Image.new("RGBA", (280, 280), "white")
    ImageDraw.Draw(image).rectangle((60, 40, 220, 240), outline=(50, 50, 50), width=20, fill=None if outline else (50, 50, 50))
    return "data:image/png;base64," + base64.b64encode(encoded(image, "PNG")).decode()


def test_closed_outlines_are_filled() -> None:
    whole, outline, kept = from_drawing(drawing(False)), from_drawing(drawing(True)), from_drawing(drawing(True), fill=False)
    assert whole is not None and outline is not None and kept is not None
    np.testing.assert_array_equal(outline.image, whole.image)
    assert kept.image[14, 14] == 0 and outline.image[14, 14] == 255
    np.testing.assert_array_equal(outline.original, kept.original)


def test_an_open_line_is_not_filled() -> None:
    image = Image.new("RGBA", (280, 280), "white")
    ImageDraw.Draw(image).line([(60, 40), (60, 240), (220, 240)], fill=(50, 50, 50), width=20)
    found = from_drawing("data:image/png;base64," + base64.b64encode(encoded(image, "PNG")).decode())
    assert found is not None and found.image[4, 20] == 0


def test_an_empty_canvas_is_no_drawing() -> None:
    blank = base64.b64encode(encoded(Image.new("RGBA", (280, 280), "white"), "PNG")).decode()
    assert from_drawing(None) is None and from_drawing("") is None and from_drawing(f"data:image/png;base64,{blank}") is None


@pytest.mark.parametrize(
    "url",
    [
        5,
        {"a": 1},
        "http://elsewhere.example/a.png",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/png;base64,%%%",
        "data:image/png;base64,é",
        "data:image/png;base64,AAAA",
        "data:image/png;base64," + "A" * (3 << 20),
        "data:image/png;base64," + base64.b64encode(BOMBS["1.6 GB.png"]).decode(),
    ],
)
def test_what_the_canvas_never_sends_gets_a_sentence(url: Any) -> None:
    with pytest.raises(DataError, match="drawing"):
        from_drawing(url)


def test_test_images_are_taken_as_they_are() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[5:20, 8:18] = 200
    found = from_test_set(image, 3, 1234)
    assert (found.name, found.label, found.cutout.shape) == ("test image 1,234", 3, (15, 10, 4))
    assert found.image is image
    assert from_test_set(np.zeros((28, 28), np.uint8), 0, 0).cutout.shape == (28, 28, 4)


def test_pictures_travel_within_addresses() -> None:
    head, content = data_url(EXPECTED.cutout).split(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))), EXPECTED.cutout)


def test_heat_lies_over_the_image_where_it_is_hot() -> None:
    image = np.full((4, 4), 100, np.uint8)
    heat = np.zeros((4, 4))
    np.testing.assert_array_equal(overlaid(image, heat), np.full((4, 4, 3), 100))
    heat[1, 2] = 3.0
    found = overlaid(image, heat)
    assert (found[1, 2] != 100).any() and (np.delete(found.reshape(16, 3), 6, 0) == 100).all()
    assert coloured(np.full((2, 2), 7.0), "viridis").shape == (2, 2, 4)
    assert not coloured(np.full((2, 2), np.nan), "viridis").any()


# -- the model ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lenet(trained: Path) -> Inspected:
    return Inspected(RunFolder(trained / "lenet").last)


def test_the_answer_is_that_of_the_command(lenet: Inspected, trained: Path, tmp_path: Path, command: Any) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(photo(), "PNG"))
    _, out, _ = command("predict", trained / "lenet" / "checkpoints" / "last.npz", tmp_path / "photo.png")
    probabilities = lenet.probabilities([EXPECTED.image])[0]
    best = int(probabilities.argmax())
    assert f"{lenet.classes[best]} {probabilities[best]:.1%}" in out
    assert lenet.probabilities([]).shape == (0, 10)


def test_each_convolution_and_class_can_be_explained(lenet: Inspected) -> None:
    assert lenet.convolutions == ("conv1", "conv2")
    for target in (0, 9):
        for layer in (None, "conv1", "conv2"):
            found = lenet.explain(EXPECTED.image, target, layer)
            assert found.saliency.shape == (28, 28) and found.grad_cam is not None and found.grad_cam.shape == (28, 28)
    assert {name: maps.shape for name, maps in found.maps.items()} == {"conv1": (6, 28, 28), "conv2": (16, 10, 10)}
    first, last = (lenet.explain(EXPECTED.image, 9, layer).grad_cam for layer in ("conv1", "conv2"))
    assert first is not None and last is not None and not np.array_equal(first, last)


def test_a_model_without_convolutions_has_a_saliency_map_alone(trained: Path) -> None:
    found = Inspected(RunFolder(trained / "mlp").last).explain(EXPECTED.image, 1)
    assert found.saliency.any() and found.grad_cam is None and found.maps == {}


def test_several_visitors_at_once_get_their_own_answers(lenet: Inspected) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (28, 28)).astype(np.uint8) for _ in range(8)]
    alone = [lenet.explain(image, 1) for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: lenet.explain(image, 1), images))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.saliency, other.saliency)
        for name, maps in one.maps.items():
            np.testing.assert_array_equal(maps, other.maps[name])


def test_a_model_that_gives_no_numbers_is_said(trained: Path, lenet: Inspected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.app_logic.inspection.predict", lambda *_: np.full((1, 10), np.nan, np.float32))
    with pytest.raises(CheckpointError, match="gives no numbers"):
        lenet.probabilities([EXPECTED.image])


# -- the first model -----------------------------------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, list[str]]]:
    """What would be started; the folders are made, as when a run is begun."""
    found: list[tuple[Path, list[str]]] = []

    def start(folder: Path, script: str, arguments: list[str]) -> None:
        assert script == "train_cnn.py"
        folder.mkdir(parents=True)
        found.append((folder, arguments))

    monkeypatch.setattr(processes, "start", start)
    monkeypatch.setattr(processes, "is_running", lambda folder: any(folder == path for path, _ in found))
    return found


@pytest.mark.parametrize(("is_here", "data"), [(True, "fashion-mnist"), (False, "synthetic")])
def test_the_first_model_is_trained_on_what_is_here(
    tmp_path: Path, started: Any, monkeypatch: pytest.MonkeyPatch, is_here: bool, data: str
) -> None:
    monkeypatch.setattr(local_data, "has_fashion_mnist", lambda: is_here)
    assert first_model.begin(tmp_path) == tmp_path / "first-model"
    assert started[0][1][-2:] == ["--data", data]


def test_visitors_who_come_together_wait_for_one_model(tmp_path: Path, started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_data, "has_fashion_mnist", lambda: False)
    (tmp_path / "first-model").mkdir()  # left from before
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(first_model.begin, [tmp_path] * 4)) == {tmp_path / "first-model-2"}
    assert len(started) == 1
