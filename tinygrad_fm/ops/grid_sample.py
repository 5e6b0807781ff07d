"""Images and volumes sampled at the points of a grid, and the grids of affine maps (spatial transformers).

M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, "Spatial Transformer Networks" (2015).
https://pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from .elementwise import where
from .image_geometry import Array
from .indexing import index_select
from .matmul import matmul
from .shape import movedim, to_shape

__all__ = ["affine_grid", "grid_sample"]

_MODES, _PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


# -- where a point lies ------------------------------------------------------------------------------------------------


def _finite(at: Any) -> Any:
    """Coordinates of which those that are infinite or NaN are constants far outside."""
    x = raw(at)
    if np.isfinite(x).all():
        return at
    return where(np.isfinite(x), at, np.nan_to_num(x, nan=-1e9, posinf=1e9, neginf=-1e9))


def _place(at: Any, size: int, align_corners: bool) -> Any:
    """A coordinate from −1 to 1 as one among ``size`` elements: the corners' centres, or their outer edges."""
    return (at + 1) * ((size - 1) / 2) if align_corners else ((at + 1) * size - 1) / 2


def _reflected(at: Any, size: int, align_corners: bool) -> Any:
    """``at`` reflected at the borders, which are the centres of the corner elements or their outer edges, as often as needed.

    Between two reflections that is ± ``at`` and a constant."""
    low, high = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
    span = high - low
    if not span:
        return at * 0.0
    x = raw(at) - low
    distance = np.abs(x)
    turns, rest = np.floor(distance / span), np.fmod(distance, span)
    even = turns % 2 == 0
    sign = np.where(x < 0, -1, 1) * np.where(even, 1, -1)
    value = np.where(even, rest + low, span - rest + low)
    constant = (value - sign * raw(at)).astype(x.dtype)
    return at * sign.astype(x.dtype) + constant


def _inside(at: Any, size: int, padding_mode: str, align_corners: bool) -> Any:
    """``at`` brought among the elements, as the padding asks for. It has no gradient where it was cut off."""
    if padding_mode == "zeros":
        return at
    if padding_mode == "reflection":
        at = _reflected(at, size, align_corners)
    x = raw(at)
    cut = np.clip(np.nan_to_num(x, nan=0.0), 0, size - 1).astype(x.dtype)
    return where((x > 0) & (x < size - 1), at, cut)


# -- what is there -----------------------------------------------------------------------------------------------------


class _Image:
    """Images or volumes (N, C, …) as rows of channels, of which points take some: (N·D·H·W, C)."""

    def __init__(self, input: Any, points: tuple[int, ...]) -> None:
        n, channels, *size = input.shape
        self.size, self.points = tuple(size), points
        self.rows = to_shape(movedim(input, 1, -1), shape=(n * math.prod(size), channels))
        self.first = (np.arange(n) * math.prod(size)).reshape(n, *(1,) * len(size))

    def at(self, indices: tuple[Array, ...]) -> Any:
        """The elements there, (N, …, C); zeros for places outside."""
        seen = np.ones(self.points, bool)
        place = np.zeros(self.points, np.int64)
        for index, n in zip(indices, self.size, strict=True):
            seen &= (index >= 0) & (index < n)
            place = place * n + np.clip(index, 0, n - 1)
        found = index_select(self.rows, 0, (place + self.first).reshape(-1))
        found = to_shape(found, shape=(*self.points, self.rows.shape[1]))
        return found if seen.all() else where(seen[..., None], found, np.zeros((), raw(found).dtype))


def _whole(x: Array) -> Array:
    """Real numbers, which may be too large for one or NaN, as integers: those lie outside."""
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(x) < 2.0**31, x, -100).astype(np.int64)


def _nearest(image: _Image, at: list[Any]) -> Any:
    """The element nearest to each point. The coordinates are taken along, as their gradients are zeros and not missing."""
    values = image.at(tuple(_whole(np.rint(raw(x))) for x in at))
    for x in at:
        if getattr(x, "requires_grad", False):
            values = where(np.array(True), values, x[..., None])
    return values


def _linear(image: _Image, at: list[Any]) -> Any:
    """Σ of the corners around each point, by how near they are in each dimension."""
    below = [np.floor(raw(x)) for x in at]
    parts = [x - low for x, low in zip(at, below, strict=True)]
    total: Any = None
    for corner in itertools.product((0, 1), repeat=len(at)):
        weight: Any = None
        for part, side in zip(parts, corner, strict=True):
            share = part if side else 1 - part
            weight = share if weight is None else weight * share
        values = image.at(tuple(_whole(low) + side for low, side in zip(below, corner, strict=True)))
        share = values * weight[..., None]
        total = share if total is None else total + share
    return total


def _keys(t: Any) -> list[Any]:
    """The weights of the four neighbours of a point ``t`` beyond the second: Keys' cubic convolution (1981) with a = −0.75."""
    a = -0.75
    near = lambda d: ((a + 2) * d - (a + 3)) * d * d + 1
    far = lambda d: ((d - 5) * d + 8) * d * a - 4 * a
    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _cubic(image: _Image, at: list[Any], padding_mode: str, align_corners: bool) -> Any:
    """Σ of the sixteen elements around each point; each of them is brought inside by itself."""
    below = [np.floor(raw(x)) for x in at]
    weights = [_keys(x - low) for x, low in zip(at, below, strict=True)]
    total: Any = None
    for i, j in itertools.product(range(4), repeat=2):
        places = [low + shift - 1 for low, shift in zip(below, (i, j), strict=True)]
        inside = [_inside(p, n, padding_mode, align_corners) for p, n in zip(places, image.size, strict=True)]
        share = image.at(tuple(_whole(p) for p in inside)) * (weights[0][i] * weights[1][j])[..., None]
        total = share if total is None else total + share
    return total


def _check_shapes(op: str, input: Any, grid: Any, mode: str) -> None:
    """Raise unless input and grid fit each other, and are of one floating dtype."""
    shape, dims = tuple(input.shape), len(input.shape) - 2
    if dims not in (2, 3) or len(grid.shape) != dims + 2:
        raise ShapeError(
            f"{op}(): expected 4D or 5D input and grid with the same number of dimensions, got {shape} and {tuple(grid.shape)}"
        )
    if grid.shape[0] != shape[0] or grid.shape[-1] != dims:
        raise ShapeError(f"{op}(): expected a grid of shape ({shape[0]}, …, {dims}), got {tuple(grid.shape)} for input {shape}")
    if not all(shape[2:]):
        raise ShapeError(f"{op}(): expected input to have non-empty spatial dimensions, got {shape}")
    if mode == "bicubic" and dims == 3:
        raise NotImplementedError(f"{op}(): bicubic interpolation only supports 4D input, got shape {shape}")
    kinds = raw(input).dtype, raw(grid).dtype
    if kinds[0] != kinds[1]:
        raise RuntimeError(
            f"{op}(): expected input and grid to have same dtype, but input has {kinds[0]} and grid has {kinds[1]}"
        )
    if kinds[0].kind != "f":
        raise NotImplementedError(f"{op}(): not implemented for {kinds[0]}; use .float()")


def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """The values of images or volumes at the points of a grid.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W).
        grid: (N, OH, OW, 2) or (N, OD, OH, OW, 3): for each point of the result x, y (and z), from −1 (left, top) to 1; of
            input's dtype.
        mode: "bilinear" (of volumes, too), "nearest" or "bicubic" (images only).
        padding_mode: what lies outside: "zeros", the "border"'s elements, or the image in "reflection".
        align_corners: whether −1 and 1 are the centres of the corner elements, or (by default) their outer edges.

    Returns:
        (N, C, OH, OW) or (N, C, OD, OH, OW), differentiable in both; the grid's gradient is zero for "nearest".

    Raises:
        ShapeError: shapes that do not fit. ValueError: another mode or padding.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import grid_sample
    >>> grid_sample(torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 1, 2))
    tensor([[[[2.]]]])
    """
    op = "grid_sample"
    if mode not in _MODES:
        raise ValueError(f"nn.functional.{op}(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'")
    if padding_mode not in _PADDINGS:
        raise ValueError(
            f"nn.functional.{op}(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '{padding_mode}'"
        )
    _check_shapes(op, input, grid, mode)
    dims = len(input.shape) - 2
    corners = bool(align_corners)
    image = _Image(input, tuple(grid.shape[:-1]))
    at = [_place(_finite(grid[..., dims - 1 - i]), n, corners) for i, n in enumerate(image.size)]  # x comes first, and is last
    if mode == "bicubic":
        y = _cubic(image, at, padding_mode, corners)
    else:
        at = [_inside(x, n, padding_mode, corners) for x, n in zip(at, image.size, strict=True)]
        y = _linear(image, at) if mode == "bilinear" else _nearest(image, at)
    return movedim(y, -1, 1)


# -- grids -------------------------------------------------------------------------------------------------------------


def _steps(count: int, align_corners: bool, dtype: Any) -> Array:
    """``count`` coordinates from −1 to 1."""
    if count <= 1:
        return np.zeros(count, dtype)
    steps = np.linspace(-1, 1, count, dtype=dtype)
    return steps if align_corners else steps * dtype.type((count - 1) / count)


def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Tensor:
    """The grid for :func:`grid_sample` of affine maps: of each point of the result, where in the input it comes from.

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes: a matrix and, as the last column, a shift.
        size: of the result, (N, C, H, W) or (N, C, D, H, W).
        align_corners: as for :func:`grid_sample`.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ValueError: ``theta`` is not floating-point or not of the shape that ``size`` asks for, or a size is not positive.
        NotImplementedError: ``size`` has neither 4 nor 5 entries.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import affine_grid
    >>> affine_grid(torch.eye(2, 3)[None], (1, 1, 1, 2))
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    op, shape, wanted = "affine_grid", tuple(theta.shape), tuple(int(n) for n in size)
    if raw(theta).dtype.kind != "f":
        raise ValueError(f"Expected theta to have floating point type, but got {raw(theta).dtype}")
    dims = len(wanted) - 2
    if dims not in (2, 3):
        raise NotImplementedError(f"{op}() only supports 4D and 5D sizes, for 2D and 3D affine transforms; got size {wanted}")
    if shape != (wanted[0], dims, dims + 1):
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size {wanted}. Got {shape}."
        )
    if min(wanted) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {wanted}")
    dtype = raw(theta).dtype
    axes = np.meshgrid(*(_steps(n, bool(align_corners), dtype) for n in wanted[2:]), indexing="ij")
    points = np.stack([*axes[::-1], np.ones_like(axes[0])], -1).reshape(-1, dims + 1)  # x, y, (z,) 1
    return to_shape(matmul(points, theta.mT), shape=(wanted[0], *wanted[2:], dims))
