"""Changes to images as functions, under the names of torchvision.transforms.functional.

An image is a Tensor (…, C, H, W), a Pillow image, or an array (H, W) or (H, W, C); the result is of the same kind. Integers are
rounded and stay within their range. Nothing is recorded on the tape, and the image that is given stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

from ..._tensor import Tensor
from ...data.transforms import Normalize, ToTensor, _array_of
from ...dtypes import as_numpy
from ...nn import functional as F
from ...ops.creation import from_numpy
from ._functional_color import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    gaussian_blur,
    invert,
    rgb_to_grayscale,
    to_grayscale,
)
from ._geometry import Array, inverse_affine, resized, sampled, size_to_hold
from ._image import _changed, _computed, _highest, _opened, _pillow, _rounded, get_dimensions, get_image_size, is_pillow

__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "affine",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "erase",
    "gaussian_blur",
    "get_dimensions",
    "get_image_size",
    "hflip",
    "invert",
    "normalize",
    "pad",
    "pil_to_tensor",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]


class InterpolationMode(Enum):
    """How pixels between pixels are found.

    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.InterpolationMode.BILINEAR.value
    'bilinear'
    """

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


_PILLOW_NUMBERS = {0: "nearest", 2: "bilinear", 3: "bicubic"}


# ---- conversions -----------------------------------------------------------------------------------------------------


def to_tensor(pic: Any) -> Tensor:
    """A Pillow image or an array (H, W) or (H, W, C) as a tensor (C, H, W); uint8 is divided by 255.

    >>> from tinygrad_fm.vision.transforms import functional
    >>> import numpy as np
    >>> functional.to_tensor(np.full((2, 2, 1), 255, np.uint8)).shape
    torch.Size([1, 2, 2])
    """
    return ToTensor()(pic)


def pil_to_tensor(pic: Any) -> Tensor:
    """A Pillow image as a tensor (C, H, W) with its own numbers, not scaled. Raises TypeError for anything else.

    >>> from PIL import Image
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.pil_to_tensor(Image.new("L", (2, 1), 255))
    tensor([[[255, 255]]], dtype=torch.uint8)
    """
    if not is_pillow(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    array = np.array(pic)
    return from_numpy(array[None] if array.ndim == 2 else np.ascontiguousarray(np.moveaxis(array, -1, 0)))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or (H, W), or an array (H, W) or (H, W, C), as a Pillow image.

    Floats of a tensor are taken to be 0 … 1, unless ``mode`` is "F".

    Args:
        pic: of 1 to 4 channels.
        mode: Pillow's; by the channels and the dtype if None.

    Raises:
        TypeError, ValueError: for anything else, and for a ``mode`` that does not fit.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> image = functional.to_pil_image(torch.ones(3, 4, 5))
    >>> image.mode, image.size
    ('RGB', (5, 4))
    """
    if isinstance(pic, Tensor):
        array = _array_of(pic)
        if array.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
        if array.dtype.kind == "f" and mode != "F":
            array = (array * 255).astype(np.uint8)
        array = array[..., None] if array.ndim == 2 else np.moveaxis(array, 0, -1)
    elif isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        array = pic[..., None] if pic.ndim == 2 else pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    channels, kind = array.shape[-1], array.dtype
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if channels == 1:
        known = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}
        if kind.name not in known:
            raise TypeError(f"Input type {kind} is not supported for one channel; it can be {', '.join(known)}")
        allowed = (known[kind.name],)
        array = array[..., 0]
    else:
        allowed = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}[channels]  # type: ignore[assignment]
        if kind != np.uint8:
            raise TypeError(f"Input type {kind} is not supported for {channels} channels; they must be uint8")
    if mode is not None and mode not in allowed:
        raise ValueError(
            f"Incorrect mode ({mode}) supplied for input type {kind} of {channels} channel(s). Should be {allowed}"
        )
    image = _pillow().fromarray(np.ascontiguousarray(array))
    if mode is None or mode == image.mode:
        return image
    return _pillow().frombytes(mode, image.size, image.tobytes())  # the same numbers under another name


def convert_image_dtype(image: Tensor, dtype: Any = np.float32) -> Tensor:
    """A tensor with another dtype, and its values in that dtype's range: 0 … 1 for floats, 0 … the largest for integers.

    Raises TypeError for what is no tensor, RuntimeError where an integer cannot hold a float's precision, as torchvision does.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.convert_image_dtype(torch.tensor([[[255]]], dtype=torch.uint8))
    tensor([[[1.]]])
    """
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    array, new = _array_of(image), np.dtype(as_numpy(dtype))
    old = array.dtype
    if old == new:
        return image
    if old.kind == "f":
        if new.kind == "f":
            return from_numpy(array.astype(new))
        if (old == np.float32 and new.itemsize > 2 and new.kind in "iu") or (old == np.float64 and new == np.int64):
            raise RuntimeError(f"The cast from {old} to {new} cannot be performed safely")
        return from_numpy((array.astype(np.float64) * (_highest(new) + 1.0 - 1e-3)).astype(new))
    if new.kind == "f":
        return from_numpy((array / np.float64(_highest(old))).astype(new))
    highest, target = int(_highest(old)), int(_highest(new))
    if highest > target:
        return from_numpy((array // ((highest + 1) // (target + 1))).astype(new))
    return from_numpy(array.astype(new) * new.type((target + 1) // (highest + 1)))


def normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """(tensor − mean) / std for each channel.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.normalize(torch.tensor([[[3.0]]]), mean=[1.0], std=[2.0])
    tensor([[[1.]]])
    """
    result: Tensor = Normalize(mean, std)(tensor)
    return tensor.copy_(result) if inplace else result


# ---- places ----------------------------------------------------------------------------------------------------------


def hflip(img: Any) -> Any:
    """Left and right exchanged.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.hflip(torch.tensor([[[1.0, 2.0]]]))
    tensor([[[2., 1.]]])
    """
    return _changed(img, lambda array: array[..., ::-1])


def vflip(img: Any) -> Any:
    """Top and bottom exchanged.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.vflip(torch.tensor([[[1.0], [2.0]]]))
    tensor([[[2.],
             [1.]]])
    """
    return _changed(img, lambda array: array[..., ::-1, :])


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part from row ``top`` and column ``left`` on; zeros where it reaches beyond the image.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.crop(torch.ones(1, 4, 4), top=1, left=0, height=2, width=3).shape
    torch.Size([1, 2, 3])
    """

    def run(array: Array) -> Array:
        h, w = array.shape[-2:]
        inner = array[..., max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
        outside = [max(-top, 0), max(top + height - h, 0)], [max(-left, 0), max(left + width - w, 0)]
        if not any(map(any, outside)):
            return inner.copy()
        result = np.zeros((*array.shape[:-2], height, width), array.dtype)
        row, column = min(outside[0][0], height), min(outside[1][0], width)
        result[..., row : row + inner.shape[-2], column : column + inner.shape[-1]] = inner
        return result

    return _changed(img, run)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """The middle of the image, with zeros around it where it is smaller than ``output_size``.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.center_crop(torch.ones(1, 4, 4), 2).shape
    torch.Size([1, 2, 2])
    """
    height, width = _pair(output_size)
    _, h, w = get_dimensions(img)
    if width > w or height > h:
        missing = [max(width - w, 0), max(height - h, 0)]
        img = pad(img, [missing[0] // 2, missing[1] // 2, (missing[0] + 1) // 2, (missing[1] + 1) // 2], fill=0)
        _, h, w = get_dimensions(img)
    return crop(img, round((h - height) / 2.0), round((w - width) / 2.0), height, width)


_PADDING = {"constant": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def pad(img: Any, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """The image with more around it.

    Args:
        img: the image.
        padding: pixels on all sides, (left and right, top and bottom), or (left, top, right, bottom). Negative ones cut off.
        fill: a number, or one for each channel, for "constant".
        padding_mode: "constant", "edge", "reflect" (the edge not repeated) or "symmetric".

    Raises ValueError for another mode, and for paddings that are not one, two or four numbers.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.pad(torch.ones(1, 2, 2), 1).shape
    torch.Size([1, 4, 4])
    """
    if padding_mode not in _PADDING:
        raise ValueError(f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}")
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(sides)} element tuple")
    left, top, right, bottom = sides * (4 // len(sides))

    def run(array: Array) -> Array:
        h, w = array.shape[-2:]
        array = array[..., max(-top, 0) : h - max(-bottom, 0), max(-left, 0) : w - max(-right, 0)]
        edges = [(0, 0)] * (array.ndim - 2) + [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
        if padding_mode != "constant":
            return np.pad(array, edges, padding_mode)  # type: ignore[call-overload]
        (t, _), (s, _) = edges[-2:]
        shape = (*array.shape[:-2], array.shape[-2] + sum(edges[-2]), array.shape[-1] + sum(edges[-1]))
        result = np.empty(shape, array.dtype)
        result[...] = _fill(fill, array)
        result[..., t : t + array.shape[-2], s : s + array.shape[-1]] = array
        return result

    return _changed(img, run)


def _fill(fill: Any, array: Array) -> Array:
    """A fill as (C, 1, 1) or (1, 1, 1), in the dtype of the image."""
    values = np.atleast_1d(np.asarray(0 if fill is None else fill))
    if values.ndim != 1 or len(values) not in (1, array.shape[-3]):
        raise ValueError(f"fill must be a number, or one for each of {array.shape[-3]} channels, got {fill}")
    return values.astype(array.dtype).reshape(-1, 1, 1)


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    """(H, W) of a number or a sequence."""
    if isinstance(size, str) or not isinstance(size, (int, np.integer, np.ndarray, Sequence)):
        raise TypeError(f"a size must be a number or (H, W), got {size!r}")
    sizes = [size] if isinstance(size, (int, np.integer)) else list(size)
    if len(sizes) not in (1, 2):
        raise ValueError(f"a size must be a number or (H, W), got {size}")
    return int(sizes[0]), int(sizes[-1])


def _mode(interpolation: Any) -> str:
    """The name of an interpolation: an `InterpolationMode`, or Pillow's number."""
    known = interpolation if isinstance(interpolation, int) else getattr(interpolation, "value", None)
    name = _PILLOW_NUMBERS.get(known, known) if isinstance(known, int) else known
    if name not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        raise ValueError(f"interpolation must be an InterpolationMode (NEAREST, BILINEAR, BICUBIC), got {interpolation}")
    return str(name)


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """The image at another size, as Pillow resizes.

    Args:
        img: the image.
        size: (H, W); or a number, which the shorter side gets, the other in proportion.
        interpolation: BILINEAR, BICUBIC, NEAREST or NEAREST_EXACT. NEAREST takes the pixel at i · H / OH of a tensor, as
            torchvision does, and else the one at (i + ½) · H / OH, as Pillow does.
        max_size: the longer side at most, with a number as ``size``.
        antialias: of tensors, whether an image that is made smaller is smoothed first; others always are.

    Raises ValueError for an image without pixels, a size that leaves it none, a ``max_size`` that is not greater than the
    number or comes with (H, W), and for another interpolation.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.resize(torch.ones(1, 4, 4), [2, 2]).shape
    torch.Size([1, 2, 2])
    """
    kind = _mode(interpolation)
    _, height, width = get_dimensions(img)
    if height == 0 or width == 0:
        raise ValueError(f"an image of size {(height, width)} has no pixels to resize")
    new = _new_size(height, width, size, max_size)
    if min(new) < 1:
        raise ValueError(f"an image must have at least one pixel: resizing {(height, width)} to size={size} would give {new}")
    if new == (height, width):
        return img
    if kind.startswith("nearest"):
        offset = 0.0 if kind == "nearest" and isinstance(img, Tensor) else 0.5
        rows, columns = (
            np.minimum(((np.arange(n) + offset) * (m / n)).astype(np.intp), m - 1)
            for n, m in zip(new, (height, width), strict=True)
        )
        return _changed(img, lambda array: array[..., rows[:, None], columns])
    if isinstance(img, Tensor) and not antialias:

        def interpolated(array: Array) -> Array:
            batch = array.reshape(-1, *array.shape[-3:])
            result: Array = F.interpolate(from_numpy(batch), new, mode=kind, align_corners=False)._array
            return result.reshape(*array.shape[:-2], *new)

        return _computed(img, interpolated)
    pixels = _opened(img)[0].dtype

    def rounded(array: Array) -> Array:
        """Whole numbers, also between the directions, halves up: as Pillow has it."""
        return _rounded(np.floor(array + 0.5), pixels).astype(array.dtype, copy=False) if pixels.kind in "iu" else array

    return _computed(img, lambda array: rounded(resized(array, new, kind, rounded)))


def _new_size(height: int, width: int, size: int | Sequence[int], max_size: int | None) -> tuple[int, int]:
    if not isinstance(size, int) and len(size) == 2:
        if max_size is not None:
            raise ValueError("max_size should only be passed if size specifies the length of the smaller edge")
        return int(size[0]), int(size[1])
    wanted = size if isinstance(size, int) else int(size[0])
    short, long = sorted((height, width))
    new_short, new_long = wanted, int(wanted * long / short)
    if max_size is not None:
        if max_size <= wanted:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge {size}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_short, new_long) if height <= width else (new_long, new_short)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Sequence[int],
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A part of the image at another size: `crop`, then `resize`.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.resized_crop(torch.ones(1, 8, 8), 0, 0, 4, 4, [2, 2]).shape
    torch.Size([1, 2, 2])
    """
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """The image turned, moved, scaled and sheared about its centre.

    Args:
        img: the image.
        angle: degrees, clockwise.
        translate: pixels, (to the right, down).
        scale: more than 0.
        shear: degrees, along x or (x, y).
        interpolation: NEAREST or BILINEAR.
        fill: what is outside: a number, or one for each channel.
        center: (x, y) from the upper left corner, instead of the image's centre.

    Raises ValueError for a scale that is not positive, and for another interpolation.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.affine(torch.ones(1, 4, 4), angle=0, translate=[1, 0], scale=1.0, shear=[0.0]).sum()
    tensor(12.)
    """
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    shears = (shear, 0.0) if isinstance(shear, (int, float)) else (*shear, 0.0)[:2]
    _, height, width = get_dimensions(img)
    middle = [0.0, 0.0] if center is None else [center[0] - width / 2, center[1] - height / 2]
    return _through(img, inverse_affine(middle, angle, translate, scale, shears), (height, width), interpolation, fill)


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """The image turned counter-clockwise by ``angle`` degrees.

    Args:
        img: the image.
        angle: degrees.
        interpolation: NEAREST or BILINEAR.
        expand: make the result so large that all of the image is in it, as if turned about its centre.
        center: (x, y) from the upper left corner, instead of the image's centre.
        fill: what is outside: a number, or one for each channel.

    Quarter turns for which the result has room are exact, as Pillow's are.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.rotate(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 90)
    tensor([[[2., 4.],
             [1., 3.]]])
    """
    _, height, width = get_dimensions(img)
    quarters, rest = divmod(angle % 360, 90)
    if center is None and rest == 0 and (expand or quarters % 2 == 0 or height == width):
        return _changed(img, lambda array: np.rot90(array, int(quarters), (-2, -1)).copy())
    middle = [0.0, 0.0] if center is None else [center[0] - width / 2, center[1] - height / 2]
    matrix = inverse_affine(middle, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    return _through(img, matrix, size_to_hold(matrix, height, width) if expand else (height, width), interpolation, fill)


def _through(img: Any, matrix: Sequence[float], size: tuple[int, int], interpolation: Any, fill: Any) -> Any:
    kind = _mode(interpolation)
    if kind not in ("nearest", "bilinear"):
        raise ValueError(f"interpolation of a rotated image must be NEAREST or BILINEAR, got {interpolation}")
    if kind == "nearest":
        return _changed(img, lambda array: sampled(array, matrix, size, False, _fill(fill, array)))
    return _computed(img, lambda array: sampled(array, matrix, size, True, _fill(fill, array)).astype(array.dtype))


def erase(img: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """The image with ``v`` in the rectangle of height ``h`` and width ``w`` from row ``i`` and column ``j`` on.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.erase(torch.ones(1, 2, 2), 0, 0, 1, 1, torch.tensor(0.0)).sum()
    tensor(3.)
    """
    value = np.asarray(v._array if isinstance(v, Tensor) else v)

    def run(array: Array) -> Array:
        result = array.copy()
        result[..., i : i + h, j : j + w] = value.reshape(-1, 1, 1) if value.ndim == 1 else value
        return result

    result = _changed(img, run)
    return img.copy_(result) if inplace and isinstance(img, Tensor) else result
