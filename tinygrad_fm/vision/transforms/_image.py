"""The kinds of images: tensors, arrays and Pillow's, as arrays (…, C, H, W) and back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..._tensor import Tensor
from ...data.transforms import _array_of
from ...errors import MissingExtraError
from ...ops.creation import from_numpy
from ._geometry import Array

_PILLOW_MODES = ("L", "LA", "RGB", "RGBA", "F", "I", "I;16")


def is_pillow(image: Any) -> bool:
    """Whether ``image`` is Pillow's; asking does not import it."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(image, pillow.Image)


def _opened(image: Any) -> tuple[Array, Callable[[Array], Any]]:
    """An image as an array (…, C, H, W), and what makes an image of its kind of such an array."""
    if isinstance(image, Tensor):
        array = _array_of(image)
        if array.ndim < 2:
            raise TypeError(f"Tensor is not a torch image: it must be (…, H, W), not {tuple(array.shape)}")
        return (array, from_numpy) if array.ndim > 2 else (array[None], lambda result: from_numpy(result[0]))
    if not isinstance(image, np.ndarray) and not is_pillow(image):
        raise TypeError(f"an image must be a Tensor, a Pillow image or an array, got {type(image).__name__}")
    if is_pillow(image) and image.mode not in _PILLOW_MODES:
        raise ValueError(f"a Pillow image of mode {image.mode!r} has no pixels to compute with; image.convert('RGB') has")
    array = np.asarray(image)
    if array.ndim not in (2, 3):
        raise ValueError(f"an array must be an image (H, W) or (H, W, C), not {array.shape}")
    flat, pillow = array.ndim == 2, is_pillow(image)

    def close(result: Array) -> Any:
        result = result[0] if len(result) == 1 and (flat or pillow) else np.moveaxis(result, 0, -1)
        result = np.ascontiguousarray(result)
        return _pillow().fromarray(result) if pillow else result

    return array[None] if flat else np.moveaxis(array, -1, 0), close


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("Pillow images need Pillow: pip install 'tinygrad_fm[train]'") from error
    return Image


def _changed(image: Any, function: Callable[[Array], Array]) -> Any:
    """The image with ``function`` applied to it as an array (…, C, H, W), which returns a new one."""
    array, close = _opened(image)
    return close(np.ascontiguousarray(function(array)))


def _computed(image: Any, function: Callable[[Array], Array]) -> Any:
    """As `_changed`, with the arithmetic in floating point, and rounded for integers."""

    def run(array: Array) -> Array:
        kind = array.dtype
        if kind.kind not in "iuf":
            raise TypeError(f"an image of {kind} has no shades to compute with; make it uint8 or float first")
        # in one order of memory, so that products are added up alike for all kinds of images
        result = function(array.astype(np.float64 if kind == np.float64 else np.float32, order="C"))
        return _rounded(result, kind)

    return _changed(image, run)


def _rounded(result: Array, kind: Any) -> Array:
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        result = np.clip(np.rint(result), limits.min, limits.max)
    return result.astype(kind, copy=False)


def _highest(kind: Any) -> float:
    """What white is."""
    return 1.0 if kind.kind == "f" else float(np.iinfo(kind).max)


def get_dimensions(img: Any) -> list[int]:
    """[C, H, W].

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.get_dimensions(torch.ones(3, 4, 5))
    [3, 4, 5]
    """
    return [int(n) for n in _opened(img)[0].shape[-3:]]


def get_image_size(img: Any) -> list[int]:
    """[W, H].

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.vision.transforms import functional
    >>> functional.get_image_size(torch.ones(3, 4, 5))
    [5, 4]
    """
    _, height, width = get_dimensions(img)
    return [width, height]
