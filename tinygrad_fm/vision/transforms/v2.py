"""The names of torchvision.transforms.v2 that mean the same here, and its own ways to make a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..._tensor import Tensor
from ...dtypes import float32
from ...ops.creation import from_numpy
from . import functional, transforms
from ._transform import _Change
from .transforms import *  # noqa: F403

if not TYPE_CHECKING:
    __all__ = ["ToDtype", "ToImage", "functional"]
    __all__ += transforms.__all__


class ToImage(_Change):
    """A Pillow image or an array (H, W) or (H, W, C) to a tensor (C, H, W) of its own numbers; a tensor stays as it is.

    >>> import numpy as np
    >>> tuple(ToImage()(np.zeros((4, 5, 3), np.uint8)).shape)
    (3, 4, 5)
    """

    def __call__(self, img: Any) -> Tensor:
        if isinstance(img, Tensor):
            return img
        array = np.array(img)
        return from_numpy(array[None] if array.ndim == 2 else np.ascontiguousarray(np.moveaxis(array, -1, 0)))


class ToDtype(_Change):
    """A tensor to another dtype; with ``scale``, its values too, as `ConvertImageDtype` does."""

    _shown = ("scale",)

    def __init__(self, dtype: Any = float32, scale: bool = False) -> None:
        self.dtype, self.scale = dtype, scale

    def __call__(self, img: Tensor) -> Tensor:
        return functional.convert_image_dtype(img, self.dtype) if self.scale else img.to(self.dtype)
