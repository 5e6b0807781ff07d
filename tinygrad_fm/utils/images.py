"""Batches of images as pictures, under torchvision.utils' names."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_files import write_atomically
from ..errors import MissingExtraError
from ..ops.functions import as_tensor, from_numpy

__all__ = ["make_grid", "save_image"]

_KINDS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP", "gif": "GIF", "webp": "WEBP", "tiff": "TIFF"}


def make_grid(
    tensor: Any,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Any:
    """Images in rows, as one image; torchvision's ``make_grid``.

    Args:
        tensor: images (N, C, H, W) with one channel or three, one image (C, H, W) or (H, W), or a list of images of one shape.
        nrow: how many in a row.
        padding: pixels between them and around.
        normalize: bring the values into 0 … 1, from ``value_range`` or from the least and the greatest.
        value_range: what is 0 and what is 1 then; beyond is cut off.
        scale_each: with ``normalize``, each image by its own least and greatest.
        pad_value: of the pixels between.

    Returns:
        (3, H', W'): a single channel is repeated. A single image comes as it is, in three channels.

    >>> import tinygrad_fm as torch
    >>> make_grid(torch.zeros(10, 1, 28, 28), nrow=5).shape
    torch.Size([3, 62, 152])
    """
    images = _batch(tensor)
    if value_range is not None and not (isinstance(value_range, tuple) and len(value_range) == 2):
        raise TypeError(f"make_grid(): value_range must be a tuple (min, max), got {value_range!r}")
    if nrow < 1 or padding < 0:
        raise ValueError(f"make_grid(): nrow must be 1 or more and padding 0 or more, got {nrow} and {padding}")
    if normalize:
        images = images.astype(np.float32) if images.dtype.kind != "f" else images.copy()
        for part in images if scale_each else [images]:
            low, high = value_range or (float(part.min()), float(part.max()))
            np.divide(np.clip(part, low, high) - low, max(high - low, 1e-5), out=part)
    if len(images) == 1:
        return from_numpy(images[0].copy())
    count, channels, height, width = images.shape
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    high, wide = height + padding, width + padding
    grid = np.full((channels, rows * high + padding, columns * wide + padding), pad_value, images.dtype)
    for i, image in enumerate(images):
        top, left = i // columns * high + padding, i % columns * wide + padding
        grid[:, top : top + height, left : left + width] = image
    return from_numpy(grid)


def save_image(tensor: Any, fp: str | os.PathLike[str], format: str | None = None, **options: Any) -> None:
    """Write images with values 0 … 1 to a file, as one grid; torchvision's ``save_image``. It is written whole or not at all.

    Args:
        tensor: as in :func:`make_grid`.
        fp: the file; its ending names the format unless ``format`` does.
        options: of :func:`make_grid`, such as ``nrow`` and ``normalize``.

    Raises:
        MissingExtraError: Pillow is not installed. ValueError: a format that is not known.
    """
    kind = (format or Path(fp).suffix.lstrip(".")).lower()
    if kind not in _KINDS:
        raise ValueError(f"save_image(): the format must be one of {', '.join(_KINDS)}, got {kind!r} of {os.fspath(fp)}")
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("save_image needs Pillow; it comes with: pip install 'tinygrad_fm[train]'") from error
    grid = make_grid(tensor, **options).numpy()
    pixels = np.clip(grid.astype(np.float64) * 255 + 0.5, 0, 255).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(written, _KINDS[kind])
    write_atomically(Path(fp), lambda file: file.write(written.getvalue()))


def _batch(tensor: Any) -> np.ndarray[Any, Any]:
    """The images (N, 3, H, W)."""
    if isinstance(tensor, Sequence) and not isinstance(tensor, str):
        arrays = [as_tensor(image).numpy(force=True) for image in tensor]
        if not arrays or any(a.shape != arrays[0].shape for a in arrays):
            shapes = ", ".join(str(a.shape) for a in arrays[:5]) or "none"
            raise ValueError(f"make_grid(): images must be of one shape, got {shapes}")
        images = np.stack(arrays)
    else:
        images = as_tensor(tensor).numpy(force=True)
        if images.ndim == 2:
            images = images[None, None]
        elif images.ndim == 3:
            images = images[None]
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not images.size:
        raise ValueError(
            f"make_grid(): images must be (N, C, H, W) with one channel or three, or one of them, got {images.shape}"
        )
    return np.broadcast_to(images, (len(images), 3, *images.shape[2:])) if images.shape[1] == 1 else images
