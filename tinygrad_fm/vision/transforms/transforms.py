"""Changes to images as objects, under the names of torchvision.transforms; `functional` has what they do.

An image is a Tensor (…, C, H, W), a Pillow image, or an array (H, W) or (H, W, C). Whatever is random is drawn from the default
generator (``torch.manual_seed``), in a worker of a DataLoader from that of the worker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._tensor import Tensor
from ...data.transforms import Compose, Lambda, Normalize, ToTensor
from ...dtypes import float32
from ...random import bits
from . import functional as F
from ._color import ColorJitter, GaussianBlur, Grayscale, RandomGrayscale, RandomInvert
from ._container import RandomApply, RandomChoice, RandomOrder
from ._transform import _Change, _happens, _probability, _uniform, _whole
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


class ToPILImage(_Change):
    """A tensor (C, H, W) or an array (H, W, C) to a Pillow image; see `functional.to_pil_image`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.ToPILImage()(torch.ones(1, 4, 5)).size
        (5, 4)
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, img: Any) -> Any:
        return F.to_pil_image(img, self.mode)


class PILToTensor(_Change):
    """A Pillow image to a tensor (C, H, W) of its own numbers, not scaled.

    Example:
        >>> from PIL import Image
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.PILToTensor()(Image.new("RGB", (5, 4))).shape
        torch.Size([3, 4, 5])
    """

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
    """The middle of the image: size, a number or (H, W).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.CenterCrop(2)(torch.ones(1, 4, 4)).shape
        torch.Size([1, 2, 2])
    """

    _shown = ("size",)

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = F._pair(size)

    def __call__(self, img: Any) -> Any:
        return F.center_crop(img, self.size)


class Pad(_Change):
    """The image with more around it; arguments are those of `functional.pad`.

    Raises ValueError for another mode, and for paddings that are not one, two or four numbers.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.Pad(1)(torch.ones(1, 2, 2)).shape
        torch.Size([1, 4, 4])
    """

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
    """Left and right exchanged, with probability p.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomHorizontalFlip(p=1.0)(torch.tensor([[[1.0, 2.0]]]))
        tensor([[[2., 1.]]])
    """

    _shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        return F.hflip(img) if _happens(self.p) else img


class RandomVerticalFlip(_Change):
    """Top and bottom exchanged, with probability p.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomVerticalFlip(p=1.0)(torch.tensor([[[1.0], [2.0]]]))
        tensor([[[2.],
                 [1.]]])
    """

    _shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = _probability(p)

    def __call__(self, img: Any) -> Any:
        return F.vflip(img) if _happens(self.p) else img


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

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomRotation(10)(torch.ones(1, 4, 4)).shape
        torch.Size([1, 4, 4])
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

    Raises ValueError for degrees or shears that are not one number, not negative, or as many as said above; for shares outside
    [0, 1]; for scales that are not positive; and for another interpolation.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomAffine(10)(torch.ones(1, 4, 4)).shape
        torch.Size([1, 4, 4])
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

    Raises ValueError for a range that is out of order or negative, and for another interpolation.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", section 6.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomResizedCrop(3)(torch.ones(1, 8, 8)).shape
        torch.Size([1, 3, 3])
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


class RandomErasing(_Change):
    """A random rectangle of a tensor or array is overwritten, with probability p.

    Args:
        p: the probability.
        scale: (least, greatest) share of the image's area.
        ratio: (least, greatest) height divided by width.
        value: a number, one for each channel, or "random" for normal noise.
        inplace: write into the tensor that is given.

    Raises ValueError for a range that is out of order, shares outside [0, 1], ratios that are not positive, another word than
    "random", and, when called, for a number of values that is neither one nor that of the channels.

    Source: Zhong et al. 2017, "Random erasing data augmentation", algorithm 1.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm.vision import transforms
        >>> transforms.RandomErasing(p=0.0)(torch.ones(1, 2, 2)).sum()
        tensor(4.)
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
