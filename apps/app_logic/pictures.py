"""Pictures as visitors bring them, prepared for a model: uploads, drawings, test images. Everything stays in memory."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.photos import decode_photo, prepare
from tinygrad_fm.errors import DataError, printable

from .settings import MAX_MEGABYTES

Pixels = npt.NDArray[np.uint8]

_MAX_BYTES = MAX_MEGABYTES << 20
_PNG_URL = "data:image/png;base64,"
_MAX_DRAWING = 2 << 20  # of the text; 280×280 pixels take some 10 kB


@dataclass(frozen=True)
class Picture:
    """A picture and what became of it.

    Attributes:
        name: for the visitor, without anything that is not printable.
        original: uint8 (H, W), (H, W, 3) or (H, W, 4), reduced.
        cutout: the garment alone, transparent around it: uint8 (H, W, 4).
        image: what the model sees: uint8 (28, 28), light on dark.
        doubt: what may have gone wrong, in words; None if nothing did.
        label: the true class, where it is known.
    """

    name: str
    original: Pixels
    cutout: Pixels
    image: Pixels
    doubt: str | None = None
    label: int | None = None


def from_file(content: bytes, name: str) -> Picture:
    """A file that was uploaded, of any kind. Raises DataError, a sentence, if it is too large or no picture that is read."""
    name = printable(name)
    if len(content) > _MAX_BYTES:
        raise DataError(f"{name}: the file has {len(content):,} bytes, the limit is {_MAX_BYTES:,}; save it smaller first")
    try:
        pixels = decode_photo(content, name)
        found = prepare(pixels, name)
    except MemoryError as error:
        raise DataError(f"{name}: there is not enough memory for this picture; save it smaller first") from error
    return Picture(name, pixels, found.cutout, found.image, found.doubt)


def from_drawing(url: Any, fill: bool = True) -> Picture | None:
    """What was drawn on the canvas, as it gives it: a PNG as a data URL. None if nothing was drawn.

    Args:
        url: from the browser, so it may be anything.
        fill: make what closed outlines enclose part of the garment: the models know no outlines.

    Raises DataError if it is no drawing.
    """
    if url in (None, ""):
        return None
    if not isinstance(url, str) or not url.startswith(_PNG_URL) or len(url) > _MAX_DRAWING:
        raise DataError("the drawing is no PNG of the canvas")
    try:
        content = base64.b64decode(url[len(_PNG_URL) :], validate=True)
    except ValueError as error:
        raise DataError("the drawing is no PNG of the canvas") from error
    pixels = decode_photo(content, "the drawing")
    if pixels.min() == pixels.max() or not (pixels[:, :, :3] < 250).any():
        return None
    found = prepare(filled(pixels) if fill else pixels, "the drawing")
    return Picture("the drawing", pixels, found.cutout, found.image, found.doubt)


def filled(pixels: Pixels) -> Pixels:
    """A drawing (H, W, 4) on white whose closed outlines are filled, with the mean shade of the strokes.

    >>> ring = np.full((5, 5, 4), 255, np.uint8)
    >>> ring[1:4, 1:4, :3] = 100
    >>> ring[2, 2, :3] = 255
    >>> filled(ring)[[0, 1, 2], 2, 0].tolist()
    [255, 100, 100]
    """
    from PIL import Image, ImageDraw

    ink = (pixels[:, :, :3] < 200).any(2)
    if not ink.any():
        return pixels
    flooded = Image.fromarray(np.pad(ink, 1).astype(np.uint8) * 255).copy()
    ImageDraw.floodfill(flooded, (0, 0), 128)
    inside = np.asarray(flooded)[1:-1, 1:-1] != 128
    result = pixels.copy()
    result[inside, :3] = np.minimum(pixels[inside, :3], pixels[ink, :3].mean(0))
    return result


def from_test_set(image: Pixels, label: int, number: int) -> Picture:
    """A test image (28, 28), which is as models take it already; what is not black in it is the garment."""
    cutout = np.dstack([image, image, image, (image > 0) * np.uint8(255)])
    rows, columns = (np.flatnonzero((image > 0).any(axis)) for axis in (1, 0))
    if len(rows):
        cutout = cutout[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Picture(f"test image {number:,}", image, cutout, image, label=label)


def png(pixels: Pixels) -> bytes:
    """Pixels as a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def data_url(pixels: Pixels) -> str:
    """Pixels as an address that holds them: no file, and nothing that the server would have to keep."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def coloured(values: npt.NDArray[Any], colours: str, low: float | None = None, high: float | None = None) -> Pixels:
    """Numbers (H, W) by one of matplotlib's colour maps, from ``low`` to ``high`` (theirs by default); NaN is transparent.

    >>> coloured(np.array([[0.0, 1.0, np.nan]]), "gray").tolist()
    [[[0, 0, 0, 255], [255, 255, 255, 255], [0, 0, 0, 0]]]
    """
    import matplotlib

    known = np.isfinite(values)
    low = float(values[known].min(initial=np.inf)) if low is None else low
    high = float(values[known].max(initial=-np.inf)) if high is None else high
    shares = np.where(known, (values - low) / (high - low) if high > low else 0.0, 0.0)
    result: Pixels = np.asarray(matplotlib.colormaps[colours](np.clip(shares, 0, 1), bytes=True)).copy()
    result[~known] = 0
    return result


def overlaid(image: Pixels, heat: npt.NDArray[Any], colours: str = "turbo") -> Pixels:
    """A grey image (H, W) under heat of its size: the hotter, the more of the colour. uint8 (H, W, 3)."""
    top = float(heat.max(initial=0.0))
    share = (heat / top if top > 0 else np.zeros_like(heat))[:, :, None]
    colour = coloured(share[:, :, 0], colours, 0, 1)[:, :, :3]
    return np.rint(image[:, :, None] * (1 - 0.65 * share) + colour * (0.65 * share)).astype(np.uint8)
