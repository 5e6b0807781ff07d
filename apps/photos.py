"""From anybody's picture of a garment to what the models take: 28×28, light on dark, as Fashion-MNIST's own were made.

Xiao, Rasul and Vollgraf 2017, https://arxiv.org/abs/1708.07747, section 2: the edges that look like the corners are trimmed
(within 5 % of the greatest distance), the longer side is scaled to 28, the shorter one extended, the picture negated and
made grey. Their pictures are all of dark or coloured things on white; here the ground is found first, whatever it is, and
what is kept of each pixel is its distance from the ground, which is light on dark in any case.

Pillow, which the extra ``train`` brings, reads the files; it is imported when first used.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinygrad_fm.atomic_files import write_atomically
from tinygrad_fm.errors import DataError, MissingExtraError

Array = npt.NDArray[Any]

SIZE = 28
_WORK = 10 * SIZE  # larger pictures are first reduced to this, which takes most of the noise with them
_TILE_WIDTH, _TILE_LENGTH = 322, 323  # TIFF's tags
_CLOSE = 0.05 * 255  # the paper's tolerance
#: What is read. Pillow knows more, by content whatever the name, and some are programs: it hands PostScript to Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
MAX_PIXELS = 50_000_000  # decoded, they take up to 400 MB; a picture of 21 kB may have billions
MAX_BYTES = 1 << 28  # of the file

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601-2, as Pillow's convert("L")


class Prepared(NamedTuple):
    """A picture as a model takes it.

    Attributes:
        image: uint8 (28, 28), light on dark; its brightest pixel is 255, as in Fashion-MNIST.
        inverted: whether the garment was darker than the ground.
        doubt: what may have gone wrong, in words; None if nothing did.
        cutout: the garment in its own colours, cut out by its bounding box, transparent around it: uint8 (H, W, 4).
    """

    image: npt.NDArray[np.uint8]
    inverted: bool
    doubt: str | None
    cutout: npt.NDArray[np.uint8]


def prepare_photo(path: str | os.PathLike[str]) -> Prepared:
    """Read a picture of one garment, of any size, colour, depth or transparency, and prepare it for a model.

    The first frame of an animation is taken, and a camera's note on how it was held (EXIF) is heeded.

    Raises:
        DataError: the file cannot be read as a picture, or nothing stands out in it.
        MissingExtraError: Pillow is not installed.
    """
    return prepare(read_photo(path), os.fspath(path))


def read_photo(path: str | os.PathLike[str]) -> npt.NDArray[np.uint8]:
    """The pixels of a picture, red, green, blue and opacity: uint8 (H, W, 4), the longer side at most 280.

    The file may come from anywhere: only raster formats are read (`FORMATS`), whatever it is called, and its sizes are
    held against `MAX_BYTES` and `MAX_PIXELS` before it is decoded.

    Raises:
        DataError: there is no such file, it cannot be read as a picture, or it is too large.
        MissingExtraError: Pillow is not installed.
    """
    _check_pillow()
    name = os.fspath(path)
    try:
        file = Path(path).stat()
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: there is no such file, or it cannot be reached ({error})") from error
    if not stat.S_ISREG(file.st_mode):
        raise DataError(f"{name}: this is {'a folder' if stat.S_ISDIR(file.st_mode) else 'no regular file'}, not a picture")
    if file.st_size > MAX_BYTES:
        raise DataError(f"{name}: the file has {file.st_size:,} bytes, the limit is {MAX_BYTES:,}")
    return _decoded(path, name)


def decode_photo(content: bytes, name: str) -> npt.NDArray[np.uint8]:
    """The same of a file's content, whose size is the caller's to limit; ``name`` is for messages, nothing is written.

    Raises:
        DataError: it cannot be read as a picture, or has too many pixels.
        MissingExtraError: Pillow is not installed.
    """
    return _decoded(io.BytesIO(content), name)


def _check_pillow() -> None:
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("reading pictures needs Pillow; it comes with: pip install 'tinygrad_fm[train]'") from error


def _decoded(file: str | os.PathLike[str] | io.BytesIO, name: str) -> npt.NDArray[np.uint8]:
    _check_pillow()
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of size, and of oddities in the file that do not hinder reading it
            with Image.open(file, formats=[known for known in FORMATS if known in Image.OPEN]) as image:
                _check_size(image)
                picture = _eight_bits(image)
                ImageOps.exif_transpose(picture, in_place=True)
                picture = picture.convert("RGBA")
        picture.thumbnail((_WORK, _WORK), Image.Resampling.LANCZOS)
    except UnidentifiedImageError as error:
        if _is_heif(file):
            raise DataError(f"{name}: this is a HEIF or HEIC picture, which is not read here; save it as JPEG first") from error
        raise DataError(f"{name}: this is no picture of a format that is read here ({', '.join(FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: it has far more pixels than the limit, {MAX_PIXELS:,}; save it smaller first") from error
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # what a decoder raises on a damaged file is anybody's guess: SyntaxError, struct.error ...
        raise DataError(f"{name}: the picture cannot be read: {error}") from error
    return np.asarray(picture)


def _is_heif(file: str | os.PathLike[str] | io.BytesIO) -> bool:
    """Whether it is what many telephones make of a photo: a box ``ftyp`` with one of HEIF's brands (ISO/IEC 23008-12)."""
    start = file.getvalue()[:12] if isinstance(file, io.BytesIO) else _start(file)
    return start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def _start(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read(12)


def _check_size(image: Any) -> None:
    """Raise a ValueError for a picture that would take too much memory, before a byte of it is decoded."""
    sizes = [image.size]
    if image.format == "TIFF":
        sizes.append((image.tag_v2.get(_TILE_WIDTH, 0), image.tag_v2.get(_TILE_LENGTH, 0)))
    elif image.format in ("JPEG", "MPO") and not image.info.get("progressive"):
        image.draft("RGB", (2 * _WORK, 2 * _WORK))  # decodes it small, row by row; a progressive one is kept whole
        sizes = [image.size]
    for width, height in sizes:
        if width * height > MAX_PIXELS:
            raise ValueError(f"it has {width:,} × {height:,} pixels, the limit is {MAX_PIXELS:,}; save it smaller first")
    image.draft("RGB", (2 * _WORK, 2 * _WORK))


def _eight_bits(image: Any) -> Any:
    """Deeper grey pictures, which Pillow's own conversion would cut off at 255, scaled to 8 bits; others as they are."""
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode == "F" and not np.isfinite(values).all():
        raise ValueError("it has values that are no numbers")
    top = float(values.max(initial=0))
    if image.mode == "F":
        full = next((full for full in (1.0, 255.0, 65535.0) if top <= full), top)
    else:
        full = max(255.0, 2.0 ** np.ceil(np.log2(top + 1)) - 1)  # a camera's 12 bits are kept in 16
    small = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), 64):  # some rows at a time, for the sake of memory
        rows = slice(start, start + 64)
        small[rows] = np.rint(np.clip(values[rows].astype(np.float64) / full, 0, 1) * 255)
    result = Image.fromarray(small)
    result.info = dict(image.info)
    result.getexif().update(image.getexif())
    return result


def prepare(pixels: npt.NDArray[np.uint8], name: str | None = None) -> Prepared:
    """Prepare the pixels of a picture, uint8 (H, W), (H, W, 3) or (H, W, 4), for a model; ``name`` is for messages.

    Raises:
        DataError: nothing in the picture stands out from the ground.
        ValueError: the array is none of these.
        MissingExtraError: Pillow is not installed.

    >>> white = np.full((90, 60), 255, np.uint8)
    >>> white[10:80, 20:40] = 30
    >>> found = prepare(white)
    >>> found.inverted, found.image[14, [8, 9, 10, 17, 18, 19]].tolist(), found.cutout.shape
    (True, [0, 0, 255, 255, 0, 0], (70, 20, 4))
    """
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, 2)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or not pixels.size:
        raise ValueError(f"a picture is uint8 (H, W), (H, W, 3) or (H, W, 4), not {pixels.dtype} {pixels.shape}")
    try:
        colours, ground = _ground(pixels)
        mask, box = _garment(colours, ground)
    except DataError as error:
        raise error if name is None else DataError(f"{name}: {error}") from error
    signed = (colours - ground.colours) @ _LUMA
    light = np.abs(signed)
    colourful = np.abs(colours - ground.colours).max(2)
    if light[mask].mean() < 0.5 * colourful[mask].mean():  # as yellow on white
        light = colourful
    light[~_wider(mask)] = 0
    inverted = bool(signed[mask].mean() < 0)
    if inverted:  # in shares of the ground's own light, which may come from the side
        light /= np.maximum(ground.colours @ _LUMA, 32)
    cutout = np.dstack([np.rint(colours[box]).astype(np.uint8), mask[box] * np.uint8(255)])
    return Prepared(_fitted(light, box), inverted, ground.doubt, cutout)


class _Ground(NamedTuple):
    """What is behind the garment: its colour at each pixel (H, W, 3), its noise, and a doubt about it."""

    colours: Array
    noise: float
    doubt: str | None


def _ground(pixels: Array) -> tuple[Array, _Ground]:
    """The colours (H, W, 3) of a picture, and the ground that the garment is on or, cut out, is to be put on."""
    colours: Array = pixels[:, :, :3].astype(np.float32)
    if pixels.shape[2] == 3:
        return colours, _ground_found(_blurred(colours))
    opacity = pixels[:, :, 3:].astype(np.float32) / 255
    if not (opacity > 0.1).any():
        raise DataError("the picture is transparent all over")
    solid = opacity[:, :, 0] > 0.5
    if solid.mean() < 0.95:
        behind = np.full(3, 255 if _wants_light(colours @ _LUMA, opacity[:, :, 0]) else 0, np.float32)
        colours = opacity * colours + (1 - opacity) * behind
        return colours, _Ground(np.broadcast_to(behind, colours.shape), 0.0, None)
    rim = solid & ~_filtered(solid, "MinFilter", 9)  # a photo with round corners: what is beside them is the ground
    colours = opacity * colours + (1 - opacity) * (np.median(colours[rim], 0) if rim.any() else 255)
    return colours, _ground_found(_blurred(colours))


def _ground_found(colours: Array) -> _Ground:
    """The ground as the border of a picture has it: one colour, or one that changes evenly, as with light from the side.

    The colour of a corner, or that most common on the border, whichever fits most of the border, is the first guess; then a
    plane is fitted to all that is near, several times.
    """
    height, width = colours.shape[:2]
    down, right = (np.linspace(-1, 1, n, dtype=np.float32) for n in (height, width))
    places = np.stack(np.broadcast_arrays(np.float32(1), down[:, None], right), 2)  # (H, W, 3): 1, y, x
    strip = max(1, round(0.02 * min(height, width)))
    border = np.ones((height, width), bool)
    border[strip:-strip, strip:-strip] = False
    values, where = colours[border], places[border]
    n = max(1, min(height, width) // 12)
    corners = [colours[y, x].reshape(-1, 3) for y in (slice(n), slice(-n, None)) for x in (slice(n), slice(-n, None))]
    guesses = [np.median(part, 0) for part in (*corners, values)]
    near = max((np.abs(values - guess).max(1) < 40 for guess in guesses), key=lambda found: found.sum())
    for _ in range(4):
        if near.mean() > 0.5:
            plane = np.linalg.lstsq(where[near], values[near], rcond=None)[0]
        else:  # a slope found on a small part would run away elsewhere
            plane = np.stack([np.median(values[near], 0), *np.zeros((2, 3), np.float32)])
        off = np.abs(values - where @ plane).max(1)
        noise = 1.4826 * float(np.median(off[near]))
        near = off < max(_CLOSE, 3 * noise)
        if not near.any():
            break
    doubt = None if near.mean() > 0.5 else "uneven background, or cut off: it works best with a plain one all around"
    return _Ground(np.clip(places @ plane, 0, 255).astype(np.float32), noise, doubt)


def _wants_light(luma: Array, opacity: Array) -> bool:
    """Whether a cut-out garment is to be put on white and not on black.

    The rim of what was cut out of a picture is mixed with the ground it was cut from, and that is what it goes back to. Where
    the rim tells nothing, the garment is put on what it stands out from best.
    """
    solid = opacity > 0.5
    rim = solid & ~_filtered(solid, "MinFilter", 3)
    inside = solid & ~rim
    if inside.any() and rim.any():
        lighter = float(luma[rim].mean() - luma[inside].mean())
        if abs(lighter) > 20:
            return lighter > 0
    return bool((luma * opacity).sum() < 127.5 * opacity.sum())


def _garment(colours: Array, ground: _Ground) -> tuple[Array, tuple[slice, slice]]:
    """Where the garment is: bool (H, W), and the rows and columns that it takes."""
    off = np.abs(_blurred(colours) - ground.colours).max(2)
    least = max(_CLOSE, 4 * ground.noise)
    mask = off > least
    if mask.any():  # beside a strong contrast a faint one is a shadow
        least = max(least, 0.1 * float(np.percentile(off[mask], 95)))
        mask = off > least
    speck = 1 + 2 * round(max(mask.shape) / 250)
    opened = _filtered(_filtered(mask, "MinFilter", speck), "MaxFilter", speck)
    mask = opened if opened.any() else mask
    if mask.sum() < 4:
        raise DataError("nothing in the picture stands out from its background")
    sharp = mask & (np.abs(colours - ground.colours).max(2) > least)  # blurring has widened the mask
    rows, columns = (np.flatnonzero((sharp if sharp.any() else mask).any(axis)) for axis in (1, 0))
    return mask, (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))


def _blurred(colours: Array) -> Array:
    from PIL import Image, ImageFilter

    radius = max(colours.shape) / 200  # a seventh of a pixel of the result
    blur = ImageFilter.GaussianBlur(radius)
    return np.asarray(Image.fromarray(np.rint(colours).astype(np.uint8)).filter(blur)).astype(np.float32)


def _filtered(mask: Array, kind: str, size: int) -> Array:
    from PIL import Image, ImageFilter

    if size == 1 or min(mask.shape) < size:
        return mask
    picture = Image.fromarray(mask.astype(np.uint8) * 255).filter(getattr(ImageFilter, kind)(size))
    return np.asarray(picture) > 0


def _wider(mask: Array) -> Array:
    """The mask and the pixels around it, which are partly the garment's."""
    return _filtered(mask, "MaxFilter", 3 + 2 * round(max(mask.shape) / 250))


def _fitted(light: Array, box: tuple[slice, slice]) -> npt.NDArray[np.uint8]:
    """The part of ``light`` (H, W) in a box, its longer side scaled to 28, in the middle of a square."""
    from PIL import Image

    part = light[box]
    scale = SIZE / max(part.shape)
    height, width = (max(1, round(n * scale)) for n in part.shape)
    small = np.asarray(Image.fromarray(part.astype(np.float32)).resize((width, height), Image.Resampling.LANCZOS))
    small = np.clip(small, 0, part.max())  # the filter overshoots at edges
    result = np.zeros((SIZE, SIZE), np.uint8)
    top, left = (SIZE - height + 1) // 2, (SIZE - width + 1) // 2  # the odd pixel is at the top and left, as theirs is
    result[top : top + height, left : left + width] = np.rint(small * (255 / small.max()))
    return result


def save_prepared(photo: Prepared, path: str | os.PathLike[str]) -> None:
    """Write a prepared picture as a PNG file. Raises OSError if it cannot be written."""
    from PIL import Image

    write_atomically(Path(path), lambda file: Image.fromarray(photo.image).save(file, format="PNG"))
