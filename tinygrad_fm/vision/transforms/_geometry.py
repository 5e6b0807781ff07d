"""Where the pixels of a resized, rotated or blurred image come from, on arrays (…, H, W) of floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

__all__: list[str] = []


def _triangle(x: Array) -> Array:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: Array) -> Array:
    """Keys' cubic with a = −0.5, as Pillow has it."""
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


KERNELS = {"bilinear": (_triangle, 1.0), "bicubic": (_cubic, 2.0)}


def resampling_matrix(size: int, new_size: int, kernel: str) -> Array:
    """The weights, (new_size, size), by which a row of pixels becomes a row of another length.

    A pixel is the square between two whole numbers, and a new one is centred at (i + ½) · size / new_size. Where the row gets
    shorter, the kernel gets wider in proportion, so that every pixel counts: this is Pillow's resizing, torchvision's
    ``antialias=True``.
    """
    function, reach = KERNELS[kernel]
    scale = size / new_size
    width = max(scale, 1.0)
    centres = (np.arange(new_size) + 0.5) * scale
    distance = np.arange(size) + 0.5 - centres[:, None]
    weights = np.where(np.abs(distance) < reach * width + 0.5, function(distance / width), 0)
    result: Array = weights / weights.sum(1, keepdims=True)
    return result


def resized(images: Array, size: tuple[int, int], kernel: str, between: Callable[[Array], Array]) -> Array:
    """Images (…, H, W) at another size: along the rows first, then ``between``, then along the columns."""
    (height, width), (new_height, new_width) = images.shape[-2:], size
    if new_width != width:
        images = between(images @ resampling_matrix(width, new_width, kernel).T.astype(images.dtype))
    if new_height != height:
        images = resampling_matrix(height, new_height, kernel).astype(images.dtype) @ images
    return images


def inverse_affine(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> tuple[float, ...]:
    """The six numbers that lead from a place in the result to its place in the image: torchvision's parameters.

    Forward, a place p goes to translate + center + R(angle) · Shear · scale · (p − center), angles in degrees, clockwise as y
    points down.
    """
    rot, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    (cx, cy), (tx, ty) = center, translate
    a = math.cos(rot - sy) / math.cos(sy)
    b = -math.cos(rot - sy) * math.tan(sx) / math.cos(sy) - math.sin(rot)
    c = math.sin(rot - sy) / math.cos(sy)
    d = -math.sin(rot - sy) * math.tan(sx) / math.cos(sy) + math.cos(rot)
    m = [d / scale, -b / scale, 0.0, -c / scale, a / scale, 0.0]  # the inverse of a rotation with shear has determinant 1
    m[2] = m[0] * (-cx - tx) + m[1] * (-cy - ty) + cx
    m[5] = m[3] * (-cx - tx) + m[4] * (-cy - ty) + cy
    return tuple(m)


def size_to_hold(matrix: Sequence[float], height: int, width: int) -> tuple[int, int]:
    """(H, W) that hold all of an image turned about its centre, in whole pixels, as torchvision and Pillow count them."""
    a, b, c, d, e, f = matrix
    corners = np.array([[x, y] for x in (-width / 2, width / 2) for y in (-height / 2, height / 2)])
    places = corners @ np.array([[a, b], [d, e]]).T + [c + width / 2, f + height / 2]
    # what is within a rounding error of a pixel's edge does not ask for the next pixel
    low, high = np.floor(np.round(places.min(0), 4)), np.ceil(np.round(places.max(0), 4))
    new_width, new_height = (int(n) for n in high - low)
    return new_height, new_width


def sampled(images: Array, matrix: Sequence[float], size: tuple[int, int], bilinear: bool, fill: Array) -> Array:
    """Images (…, C, H, W) looked at through an affine map of places relative to the centres of result and image.

    Args:
        images: of any dtype.
        matrix: from a place in the result to one in the image.
        size: of the result.
        bilinear: mix the four nearest pixels, else take the one that the place is in.
        fill: (C, 1, 1), what is outside.
    """
    (height, width), (new_height, new_width) = images.shape[-2:], size
    x = np.arange(new_width) + 0.5 - new_width / 2
    y = (np.arange(new_height) + 0.5 - new_height / 2)[:, None]
    a, b, c, d, e, f = matrix
    across, down = a * x + b * y + (c + width / 2), d * x + e * y + (f + height / 2)

    def pixels(column: Array, row: Array) -> Array:
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        found = images[..., np.clip(row, 0, height - 1).astype(np.intp), np.clip(column, 0, width - 1).astype(np.intp)]
        return np.where(inside, found, fill)

    if not bilinear:
        # a place on the edge between two pixels up to rounding is in the one that Pillow takes
        return pixels(np.floor(np.round(across, 9)), np.floor(np.round(down, 9)))
    left, top = np.floor(across - 0.5), np.floor(down - 0.5)
    right_share, lower_share = across - 0.5 - left, down - 0.5 - top
    upper = pixels(left, top) * (1 - right_share) + pixels(left + 1, top) * right_share
    lower = pixels(left, top + 1) * (1 - right_share) + pixels(left + 1, top + 1) * right_share
    result: Array = upper * (1 - lower_share) + lower * lower_share
    return result


def blurred(images: Array, kernel_size: Sequence[int], sigma: Sequence[float]) -> Array:
    """Images (…, H, W) under a Gaussian, the image mirrored at its edges; sizes and widths are (x, y)."""
    for axis, size, width in ((-1, kernel_size[0], sigma[0]), (-2, kernel_size[1], sigma[1])):
        half = size // 2
        weights = np.exp(-0.5 * (np.arange(-half, half + 1) / width) ** 2)
        weights /= weights.sum()
        edges = [(0, 0)] * images.ndim
        edges[axis] = (half, half)
        padded, length = np.pad(images, edges, "reflect"), images.shape[axis]
        taps = (np.take(padded, np.arange(k, k + length), axis) * images.dtype.type(w) for k, w in enumerate(weights))
        images = sum(taps, np.zeros_like(images))
    return images
