"""Changes to images as objects, under the names of torchvision.transforms; `functional` has what they do.

An image is a Tensor (…, C, H, W), a Pillow image, or an array (H, W) or (H, W, C). Whatever is random is drawn from the default
generator (``torch.manual_seed``), in a worker of a DataLoader from that of the worker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..._tensor import Tensor
from ...data.transforms import Compose, Lambda, Normalize, ToTensor
from ...dtypes import float32
from ...random import bits
from . import functional as F
from .functional import InterpolationMode

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "GaussianBlur",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomOrder",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
]


class _Change:
    """What the transforms here share: they print their settings."""

    _shown: tuple[str, ...] = ()

    def __call__(self, img: Any) -> Any:
        """The changed image."""
        raise NotImplementedError

    def forward(self, img: Any) -> Any:
        """As the call, for code that treats transforms as modules."""
        return self(img)

    def __repr__(self) -> str:
        shown = (f"{name}={_plain(getattr(self, name))}" for name in self._shown)
        return f"{type(self).__name__}({', '.join(shown)})"


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, InterpolationMode) else value


def _happens(p: float) -> bool:
    return bool(bits().random() < p)


def _uniform(low: float, high: float) -> float:
    return float(bits().uniform(low, high)) if high > low else float(low)


def _whole(low: int, high: int) -> int:
    """From ``low`` to ``high``, both possible."""
    return int(bits().integers(low, high + 1))


def _probability(p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"a probability must be between 0 and 1, got p={p}")
    return p


class ToPILImage(_Change):
    """A tensor (C, H, W) or an array (H, W, C) to a Pillow image; see `functional.to_pil_image`."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, img: Any) -> Any:
        return F.to_pil_image(img, self.mode)


class PILToTensor(_Change):
    """A Pillow image to a tensor (C, H, W) of its own numbers, not scaled."""

    def __call__(self, img: Any) -> Tensor:
        return F.pil_to_tensor(img)


class ConvertImageDtype(_Change):
    """A tensor to another dtype and its range; see `functional.convert_image_dtype`.

    >>> import tinygrad_fm as torch
    >>> ConvertImageDtype(torch.float32)(torch.tensor([[[0, 255]]], dtype=torch.uint8)).tolist()
    [[[0.0, 1.0]]]
    """

    def __init__(self, dtype: Any = float32) -> None:
        self.dtype = dtype

    def __call__(self, img: Tensor) -> Tensor:
        return F.convert_image_dtype(img, self.dtype)


class Resize(_Change):
    """The image at another size; arguments are those of `functional.resize`.

    >>> import numpy as np
    >>> Resize((2, 2))(np.array([[0, 0, 4, 4], [0, 0, 4, 4]], np.uint8)).tolist()
    [[1, 3], [1, 3]]
    """

    _shown = ("size", "interpolation", "max_size", "antialias")

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        F._pair(size)
        F._mode(interpolation)
        self.size, self.interpolation, self.max_size, self.antialias = size, interpolation, max_size, antialias

    def __call__(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)


class CenterCrop(_Change):
    """The middle of the image: size, a number or (H, W)."""

    _shown = ("size",)

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = F._pair(size)

    def __call__(self, img: Any) -> Any:
        return F.center_crop(img, self.size)


class Pad(_Change):
    """The image with more around it; arguments are those of `functional.pad`."""

    _shown = ("padding", "fill", "padding_mode")

    def __init__(self, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> None:
        if not isinstance(padding, int) and len(padding) not in (1, 2, 4):
            raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple")
        if padding_mode not in F._PADDING:
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def __call__(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)


class RandomCrop(_Change):
    """A part of the image, at a random place.

    Args:
        size: a number or (H, W).
        padding: what is put around the image first; see `functional.pad`.
        pad_if_needed: put more around an image that is smaller than ``size``.
        fill, padding_mode: see `functional.pad`.

    Raises:
        ValueError: from the call, for an image that is smaller than ``size``.

    >>> import tinygrad_fm as torch
    >>> tuple(RandomCrop(28, padding=2)(torch.zeros(1, 28, 28)).shape)
    (1, 28, 28)
    """

    _shown = ("size", "padding")

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size, self.padding, self.pad_if_needed = F._pair(size), padding, pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where to crop: top, left, height, width."""
        _, h, w = F.get_dimensions(img)
        th, tw = output_size
        if h < th or w < tw:
            raise ValueError(f"Required crop size {(th, tw)} is larger than input image size {(h, w)}")
        return _whole(0, h - th), _whole(0, w - tw), th, tw

    def __call__(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, height, width = F.get_dimensions(img)
        if self.pad_if_needed:
            missing = max(self.size[1] - width, 0), max(self.size[0] - height, 0)
            if any(missing):
                img = F.pad(img, missing, self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))


class RandomHorizontalFlip(_Change):
    """Left and right exchanged, with probability p."""

    _shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        return F.hflip(img) if _happens(self.p) else img


class RandomVerticalFlip(_Change):
    """Top and bottom exchanged, with probability p."""

    _shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        return F.vflip(img) if _happens(self.p) else img


class RandomInvert(_Change):
    """White minus the image, with probability p."""

    _shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        return F.invert(img) if _happens(self.p) else img


def _range(name: str, value: Any, lowest: float | None = None) -> tuple[float, float]:
    """(−value, value) of a number, or the pair itself."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive, got {value}")
        return -float(value), float(value)
    if len(value) != 2:
        raise ValueError(f"{name} should be a number or a sequence of length 2, got {value}")
    return float(value[0]), float(value[1])


class RandomRotation(_Change):
    """The image turned by a random angle.

    Args:
        degrees: (least, greatest), counter-clockwise, or a number for both directions.
        interpolation, expand, center, fill: see `functional.rotate`.
    """

    _shown = ("degrees", "interpolation", "expand", "fill")

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Any = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
    ) -> None:
        F._mode(interpolation)
        self.degrees = _range("degrees", degrees)
        self.interpolation, self.expand, self.center, self.fill = interpolation, expand, center, fill

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """The angle."""
        return _uniform(degrees[0], degrees[1])

    def __call__(self, img: Any) -> Any:
        return F.rotate(img, self.get_params(self.degrees), self.interpolation, self.expand, self.center, self.fill)


class RandomAffine(_Change):
    """The image turned, moved, scaled and sheared at random.

    Args:
        degrees: (least, greatest) angle, clockwise, or a number for both directions; 0 for none.
        translate: the largest shares of width and height to move by, or None.
        scale: (least, greatest), or None.
        shear: degrees along x, a number for both directions, (least, greatest), or four numbers for x and y; or None.
        interpolation, fill, center: see `functional.affine`.
    """

    _shown = ("degrees", "translate", "scale", "shear")

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        F._mode(interpolation)
        if translate is not None and (len(translate) != 2 or not all(0.0 <= t <= 1.0 for t in translate)):
            raise ValueError(f"translation values should be two between 0 and 1, got {translate}")
        if scale is not None and (len(scale) != 2 or not all(s > 0 for s in scale)):
            raise ValueError(f"scale values should be two, and positive, got {scale}")
        self.degrees = _range("degrees", degrees)
        if shear is None or isinstance(shear, (int, float)):
            self.shear = None if shear is None else _range("shear", shear)
        elif len(shear) in (2, 4):
            self.shear = tuple(float(s) for s in shear)  # type: ignore[assignment]
        else:
            raise ValueError(f"shear should be a number, or a sequence of length 2 or 4, got {shear}")
        self.translate, self.scale = translate, scale
        self.interpolation, self.fill, self.center = interpolation, fill, center

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Angle, movement (x, y) in pixels, scale, and shear (x, y). ``img_size`` is (W, H)."""
        angle = _uniform(degrees[0], degrees[1])
        moved = (0, 0)
        if translate is not None:
            across, down = (float(share * n) for share, n in zip(translate, img_size, strict=True))
            moved = round(_uniform(-across, across)), round(_uniform(-down, down))
        scale = 1.0 if scale_ranges is None else _uniform(scale_ranges[0], scale_ranges[1])
        shear = (0.0, 0.0)
        if shears is not None:
            shear = _uniform(shears[0], shears[1]), _uniform(shears[2], shears[3]) if len(shears) == 4 else 0.0
        return angle, moved, scale, shear

    def __call__(self, img: Any) -> Any:
        _, height, width = F.get_dimensions(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])
        return F.affine(img, *drawn, interpolation=self.interpolation, fill=self.fill, center=self.center)


class RandomResizedCrop(_Change):
    """A random part of the image, of random size and form, at one size.

    Args:
        size: of the result, a number or (H, W).
        scale: (least, greatest) share of the image's area.
        ratio: (least, greatest) width divided by height.
        interpolation, antialias: see `functional.resize`.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", section 6.
    """

    _shown = ("size", "scale", "ratio", "interpolation", "antialias")

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        F._mode(interpolation)
        if scale[0] > scale[1] or ratio[0] > ratio[1] or ratio[0] <= 0 or scale[0] < 0:
            raise ValueError(f"Scale and ratio should be of kind (min, max), got {scale} and {ratio}")
        self.size, self.scale, self.ratio = F._pair(size), tuple(scale), tuple(ratio)
        self.interpolation, self.antialias = interpolation, antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Where to crop: top, left, height, width. After ten attempts that do not fit, the middle."""
        _, height, width = F.get_dimensions(img)
        for _ in range(10):
            area = height * width * _uniform(scale[0], scale[1])
            form = math.exp(_uniform(math.log(ratio[0]), math.log(ratio[1])))
            w, h = round(math.sqrt(area * form)), round(math.sqrt(area / form))
            if 0 < w <= width and 0 < h <= height:
                return _whole(0, height - h), _whole(0, width - w), h, w
        form = width / height
        w = round(height * ratio[1]) if form > ratio[1] else width
        h = round(width / ratio[0]) if form < ratio[0] else height
        return (height - h) // 2, (width - w) // 2, h, w

    def __call__(self, img: Any) -> Any:
        place = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *place, self.size, self.interpolation, antialias=self.antialias)


class ColorJitter(_Change):
    """Brightness, contrast, saturation and hue changed at random, in a random order.

    Args:
        brightness, contrast, saturation: the factor is drawn from (least, greatest), or from 1 − x to 1 + x for a number x.
        hue: drawn from (least, greatest), or from −x to x, within ±0.5.
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
    """The image in grey; num_output_channels is 1 or 3."""

    _shown = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = num_output_channels

    def __call__(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, self.num_output_channels)


class RandomGrayscale(_Change):
    """The image in grey with probability p, in as many channels as before."""

    _shown = ("p",)

    def __init__(self, p: float = 0.1) -> None:
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, F.get_dimensions(img)[0]) if _happens(self.p) else img


class GaussianBlur(_Change):
    """The image under a Gaussian; kernel_size as in `functional.gaussian_blur`, sigma drawn from (least, greatest)."""

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


class RandomErasing(_Change):
    """A random rectangle of a tensor or array is overwritten, with probability p.

    Args:
        p: the probability.
        scale: (least, greatest) share of the image's area.
        ratio: (least, greatest) height divided by width.
        value: a number, one for each channel, or "random" for normal noise.
        inplace: write into the tensor that is given.

    Source: Zhong et al. 2017, "Random erasing data augmentation", algorithm 1.
    """

    _shown = ("p", "scale", "ratio", "value", "inplace")

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ) -> None:
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        if scale[0] > scale[1] or ratio[0] > ratio[1] or ratio[0] <= 0:
            raise ValueError(f"Scale and ratio should be of kind (min, max), got {scale} and {ratio}")
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError(f"Scale should be between 0 and 1, got {scale}")
        self.p, self.scale, self.ratio, self.value, self.inplace = _probability(p), scale, ratio, value, inplace

    @staticmethod
    def get_params(
        img: Any, scale: Sequence[float], ratio: Sequence[float], value: Sequence[float] | None = None
    ) -> tuple[int, int, int, int, Any] | None:
        """Top, left, height, width and value (None draws noise); None if ten attempts did not fit."""
        channels, height, width = F.get_dimensions(img)
        for _ in range(10):
            area = height * width * _uniform(scale[0], scale[1])
            form = math.exp(_uniform(math.log(ratio[0]), math.log(ratio[1])))
            h, w = round(math.sqrt(area * form)), round(math.sqrt(area / form))
            if h < height and w < width:
                v: Any = bits().standard_normal((channels, h, w), np.float32) if value is None else np.asarray(value)
                return _whole(0, height - h), _whole(0, width - w), h, w, v
        return None

    def __call__(self, img: Any) -> Any:
        if not _happens(self.p):
            return img
        value = None if self.value == "random" else np.atleast_1d(self.value)
        channels = F.get_dimensions(img)[0]
        if value is not None and len(value) not in (1, channels):
            raise ValueError(
                f"If value is a sequence, it should have either a single value or {channels} (number of input channels)"
            )
        drawn = self.get_params(img, self.scale, self.ratio, value)  # type: ignore[arg-type]
        return img if drawn is None else F.erase(img, *drawn, self.inplace)


class _OfTransforms(_Change):
    """What consists of other transforms."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n" + "".join(f"    {step}\n" for step in self.transforms) + ")"


class RandomApply(_OfTransforms):
    """All of the transforms one after another, with probability p; else none.

    >>> import numpy as np
    >>> RandomApply([RandomHorizontalFlip(1.0)], p=1.0)(np.array([[1, 2]], np.uint8)).tolist()
    [[2, 1]]
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        if _happens(self.p):
            for step in self.transforms:
                img = step(img)
        return img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n    p={self.p}\n" + "".join(f"    {step}\n" for step in self.transforms) + ")"


class RandomChoice(_OfTransforms):
    """One of the transforms; p are their weights, equal ones if None."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and (len(p) != len(transforms) or min(p) < 0 or sum(p) <= 0):
            raise ValueError(f"p must have one weight, not negative, for each of {len(transforms)} transforms, got {p}")
        self.p = p

    def __call__(self, img: Any) -> Any:
        weights = None if self.p is None else np.asarray(self.p, float) / sum(self.p)
        return self.transforms[int(bits().choice(len(self.transforms), p=weights))](img)


class RandomOrder(_OfTransforms):
    """All of the transforms, in a random order."""

    def __call__(self, img: Any) -> Any:
        for which in bits().permutation(len(self.transforms)):
            img = self.transforms[which](img)
        return img
