"""Colours, greys and blur as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._geometry import Array, blurred
from ._image import _changed, _computed, _highest, _opened


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """0.2989 R + 0.587 G + 0.114 B, in one channel or three equal ones.

    Raises ValueError for another number of output channels, TypeError for an image of 2 channels or more than 3.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.rgb_to_grayscale(torch.ones(3, 2, 2)).shape
    torch.Size([1, 2, 2])
    """
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")

    def run(array: Array) -> Array:
        return np.repeat(_grey(array), num_output_channels, -3)

    return _computed(img, run)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """:func:`rgb_to_grayscale` by its older name, for Pillow images.

    >>> import numpy as np
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.to_grayscale(np.ones((2, 2, 3), np.uint8), num_output_channels=3).shape
    (2, 2, 3)
    """
    return rgb_to_grayscale(img, num_output_channels)


def _grey(array: Array) -> Array:
    """(…, 1, H, W) of (…, 3, H, W), or of one channel itself; floats."""
    if array.shape[-3] == 1:
        return array
    if array.shape[-3] != 3:
        raise TypeError(f"Input image should have 1 or 3 channels, but has {array.shape[-3]}")
    r, g, b = np.moveaxis(array, -3, 0)
    result: Array = (0.2989 * r + 0.587 * g + 0.114 * b)[..., None, :, :]
    return result


def _mixed(img: Any, factor: float, name: str, other: Callable[[Array], Array]) -> Any:
    """``factor`` parts of the image and 1 − ``factor`` of another, within the range of its dtype."""
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")
    white = _highest(_opened(img)[0].dtype)

    def run(array: Array) -> Array:
        result: Array = np.clip(factor * array + (1 - factor) * other(array), 0, white)
        return result if white == 1 else np.floor(result)  # torchvision cuts digits off here

    return _computed(img, run)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """Mixed with black: 0 is black, 1 the image itself, 2 twice as bright.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.adjust_brightness(torch.full((3, 1, 1), 0.25), 2.0).flatten()
    tensor([0.5000, 0.5000, 0.5000])
    """
    return _mixed(img, brightness_factor, "brightness_factor", np.zeros_like)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """Mixed with its mean grey: 0 is grey, 1 the image itself.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.adjust_contrast(torch.full((3, 1, 1), 0.5), 2.0).flatten()
    tensor([0.5000, 0.5000, 0.5000])
    """
    whole = _opened(img)[0].dtype.kind != "f"

    def mean(array: Array) -> Array:
        grey = _grey(array)
        result: Array = (np.floor(grey) if whole else grey).mean((-3, -2, -1), keepdims=True)
        return result

    return _mixed(img, contrast_factor, "contrast_factor", mean)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """Mixed with itself in grey: 0 is black and white, 1 the image itself. A single channel stays as it is.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.adjust_saturation(torch.ones(3, 1, 1), 0.5).flatten()
    tensor([1.0000, 1.0000, 1.0000])
    """
    whole = _opened(img)[0].dtype.kind != "f"

    def grey(array: Array) -> Array:
        return np.floor(_grey(array)) if whole else _grey(array)

    return _mixed(img, saturation_factor, "saturation_factor", grey)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The colours moved along their circle by ``hue_factor``, from −0.5 to 0.5 turns. A single channel stays as it is.

    Raises ValueError for a factor out of this range, TypeError for an image of 2 channels or more than 3.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.adjust_hue(torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1), 0.5).flatten()
    tensor([0., 1., 1.])
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    white = _highest(_opened(img)[0].dtype)

    def run(array: Array) -> Array:
        if array.shape[-3] == 1:
            return array
        if array.shape[-3] != 3:
            raise TypeError(f"Input image should have 1 or 3 channels, but has {array.shape[-3]}")
        hue, saturation, value = _hsv(np.moveaxis(array, -3, 0) / array.dtype.type(white))
        turned = np.moveaxis(_rgb((hue + hue_factor) % 1, saturation, value), 0, -3)
        return turned if white == 1 else np.floor(turned * (white + 1 - 1e-3))

    return _computed(img, run)


def _hsv(rgb: Array) -> tuple[Array, Array, Array]:
    """Hue, saturation and value, each 0 … 1, of (3, …)."""
    high, low = rgb.max(0), rgb.min(0)
    spread = high - low
    r, g, b = (high - rgb) / np.where(spread == 0, 1, spread)
    hue = np.where(high == rgb[0], b - g, np.where(high == rgb[1], 2 + r - b, 4 + g - r))
    return (np.where(spread == 0, 0, hue) / 6) % 1, spread / np.where(high == 0, 1, high), high


def _rgb(hue: Array, saturation: Array, value: Array) -> Array:
    sector = np.floor(hue * 6)
    f = hue * 6 - sector
    p, q = value * (1 - saturation), value * (1 - saturation * f)
    t = value * (1 - saturation * (1 - f))
    colours = [(value, t, p), (q, value, p), (p, value, t), (p, q, value), (t, p, value), (value, p, q)]
    index = sector.astype(np.intp) % 6
    return np.clip(np.stack([np.choose(index, [colour[channel] for colour in colours]) for channel in range(3)]), 0, 1)


def invert(img: Any) -> Any:
    """White minus the image.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.invert(torch.tensor([[[0.25]]]))
    tensor([[[0.7500]]])
    """
    return _changed(img, lambda array: (array.dtype.type(_highest(array.dtype)) - array).astype(array.dtype))


def gaussian_blur(img: Any, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None) -> Any:
    """The image under a Gaussian, mirrored at its edges.

    Args:
        img: the image, larger than half the kernel.
        kernel_size: odd; a number or (x, y).
        sigma: in pixels; a number or (x, y); 0.3 · ((kernel_size − 1) / 2 − 1) + 0.8 if None.

    Raises ValueError for a kernel that is not odd and positive, and for a sigma that is not positive.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.gaussian_blur(torch.ones(1, 4, 4), 3).shape
    torch.Size([1, 4, 4])
    """
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else [int(k) for k in kernel_size]
    if len(sizes) != 2 or any(k % 2 == 0 or k < 0 for k in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {kernel_size}")
    if sigma is None:
        widths = [0.3 * ((k - 1) * 0.5 - 1) + 0.8 for k in sizes]
    else:
        widths = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else [float(s) for s in (*sigma, *sigma)[:2]]
    if any(s <= 0.0 for s in widths):
        raise ValueError(f"sigma should have positive values. Got {sigma}")
    return _computed(img, lambda array: blurred(array, sizes, widths))
