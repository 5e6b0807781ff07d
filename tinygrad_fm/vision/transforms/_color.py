"""Colours, greys and blur as objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...random import bits
from . import functional as F
from ._transform import _Change, _happens, _probability, _uniform


class RandomInvert(_Change):
    """White minus the image, with probability p.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomInvert(p=1.0)(torch.tensor([[[0.25]]]))
        tensor([[[0.7500]]])
    """

    _shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        return F.invert(img) if _happens(self.p) else img


class ColorJitter(_Change):
    """Brightness, contrast, saturation and hue changed at random, in a random order.

    Args:
        brightness, contrast, saturation: the factor is drawn from (least, greatest), or from 1 − x to 1 + x for a number x.
        hue: drawn from (least, greatest), or from −x to x, within ±0.5.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.ColorJitter(brightness=0.5)(torch.ones(3, 2, 2)).shape
        torch.Size([3, 2, 2])
    """

    _shown = ("brightness", "contrast", "saturation", "hue")

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        self.brightness = self._interval("brightness", brightness)
        self.contrast = self._interval("contrast", contrast)
        self.saturation = self._interval("saturation", saturation)
        self.hue = self._interval("hue", hue, 0.0, (-0.5, 0.5))

    @staticmethod
    def _interval(
        name: str, value: Any, center: float = 1.0, bound: tuple[float, float] = (0.0, math.inf)
    ) -> tuple[float, float] | None:
        """The interval to draw from; None where there is nothing to change."""
        if isinstance(value, (int, float)):
            if value < 0:
                raise ValueError(f"If {name} is a single number, it must be non negative.")
            low, high = center - float(value), center + float(value)
            low = max(low, 0.0) if name != "hue" else low
        elif len(value) == 2:
            low, high = float(value[0]), float(value[1])
        else:
            raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
        if not bound[0] <= low <= high <= bound[1]:
            raise ValueError(f"{name} values should be between {bound}, but got {(low, high)}.")
        return None if low == high == center else (low, high)

    @staticmethod
    def get_params(
        brightness: Any, contrast: Any, saturation: Any, hue: Any
    ) -> tuple[list[int], float | None, float | None, float | None, float | None]:
        """The order of the four changes, and the factor of each; None for no change."""
        order = bits().permutation(4).tolist()
        factors = [None if pair is None else _uniform(pair[0], pair[1]) for pair in (brightness, contrast, saturation, hue)]
        return order, factors[0], factors[1], factors[2], factors[3]

    def __call__(self, img: Any) -> Any:
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for which in order:
            factor = factors[which]
            if factor is not None:
                img = changes[which](img, factor)
        return img


class Grayscale(_Change):
    """The image in grey; num_output_channels is 1 or 3.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.Grayscale()(torch.ones(3, 4, 4)).shape
        torch.Size([1, 4, 4])
    """

    _shown = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = num_output_channels

    def __call__(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, self.num_output_channels)


class RandomGrayscale(_Change):
    """The image in grey with probability p, in as many channels as before.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomGrayscale(p=1.0)(torch.ones(3, 2, 2)).shape
        torch.Size([3, 2, 2])
    """

    _shown = ("p",)

    def __init__(self, p: float = 0.1) -> None:
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, F.get_dimensions(img)[0]) if _happens(self.p) else img


class GaussianBlur(_Change):
    """The image under a Gaussian; kernel_size as in `functional.gaussian_blur`, sigma drawn from (least, greatest).

    Raises ValueError for a kernel that is not odd and positive, and for a sigma that is not positive or out of order.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.GaussianBlur(3)(torch.ones(1, 4, 4)).shape
        torch.Size([1, 4, 4])
    """

    _shown = ("kernel_size", "sigma")

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
        if len(sizes) != 2 or any(k <= 0 or k % 2 == 0 for k in sizes):
            raise ValueError("Kernel size value should be an odd and positive number.")
        widths = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else [float(s) for s in sigma]
        if len(widths) != 2 or not 0.0 < widths[0] <= widths[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {sigma}")
        self.kernel_size, self.sigma = sizes, widths

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """The width."""
        return _uniform(sigma_min, sigma_max)

    def __call__(self, img: Any) -> Any:
        return F.gaussian_blur(img, self.kernel_size, self.get_params(*self.sigma))
