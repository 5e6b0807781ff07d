"""Normalisation: the statistics of an input, and the input brought to mean 0 and variance 1 by them.

Letters: x (N, C, …) with N samples and C channels. Running statistics are kept by ``nn``; operations know nothing of them.
Each is defined as a composition. batch_norm and layer_norm, and group_norm in its own file, also have fused kernels, held to
those by tests: for LeNet's first batch norm, (64, 6, 28, 28), forward and backward took 0.35 ms instead of 0.85.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import fused
from ..autograd.tensor_type import Tensor
from ..errors import AutogradError, ShapeError
from ..promotion import only_floats
from ..runtime import run_compiled, take_over_blas, use_compiled
from .clamp import clamp
from .creation import zeros
from .elementwise import quiet, rsqrt
from .half_precision import in_single
from .image_geometry import Array, batch_last, by_channels
from .join_split import cat
from .normalization_compiled import normalize_each, normalize_each_gradient, normalize_rows, normalize_rows_gradient
from .reduction import mean

__all__ = ["batch_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm"]

_ALONE = 9_000  # elements below which OpenBLAS uses one thread whatever it has
Rule = tuple[Any, Any, Any]


def _per_channel(values: Any, x: Any) -> Any:
    """``values`` (C,) so that they broadcast against ``x`` (N, C, …): (C, 1, …)."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def check_affine(op: str, input: Any, shape: tuple[int, ...], weight: Any, bias: Any) -> None:
    """Both are of ``shape`` and of the input's dtype, or float32 for float16."""
    dtype = raw(input).dtype
    for name, value in (("weight", weight), ("bias", bias)):
        if value is None:
            continue
        if tuple(value.shape) != shape:
            raise ShapeError(f"{op}(): {name} must have shape {shape}, got {tuple(value.shape)}")
        if raw(value).dtype != dtype and not (dtype == np.float16 and raw(value).dtype == np.float32):
            raise AutogradError(f"{op}(): mixed dtype: input is {dtype}, but {name} {raw(value).dtype}; convert one with .to()")


def affine(x: Any, weight: Any, bias: Any) -> Any:
    """x · weight + bias, without what is None."""
    if weight is not None:
        x = x * weight
    return x if bias is None else x + bias


def spread(values: Any, x: Any) -> Any:
    """``values`` (C,) or None so that they broadcast against ``x`` (N, C, …)."""
    return None if values is None else _per_channel(values, x)


# -- batch norm --------------------------------------------------------------------------------------------------------


def _composed_batch_norm(x: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    others = (0, *range(2, x.ndim))
    average = mean(x, others, keepdim=True)  # (1, C, 1, …)
    centred = x - average
    var = mean(centred * centred, others, keepdim=True)
    y = affine(centred * rsqrt(var + eps), spread(weight, x), spread(bias, x))
    return y, average.reshape(-1), var.reshape(-1)


class _Rows:
    """An image's channels as rows of memory, (C, H, W·N), on which the fused kernels work: large ones on all threads.
    Sums add up W·N elements in BLAS, and then their H sums, which keeps float32's error small."""

    def __init__(self, x: Array) -> None:
        c, h, w, n = (x.shape[axis] for axis in (1, 2, 3, 0))
        self.shape, self.rows, self.count = (c, h, w, n), (c, h, w * n), h * w * n
        self.ones = np.ones(w * n, x.dtype)
        if x.size > _ALONE:
            take_over_blas()  # whose threads would add up in another order than one of them

    def of(self, x: Array) -> Array:
        """``x`` (N, C, H, W) as rows; a copy only if it does not lie in memory like that."""
        return batch_last(x).reshape(self.rows)

    def image(self, rows: Array) -> Array:
        """Rows as an image (N, C, H, W) again."""
        return rows.reshape(self.shape).transpose(3, 0, 1, 2)

    def sum(self, part: Array) -> Array:
        """The sum of each channel of some rows: (channels, 1, 1)."""
        return (part @ self.ones).sum(1)[:, None, None]

    def dot(self, a: Array, b: Array) -> Array:
        """The inner product of each channel of two sets of rows: (channels, 1, 1)."""
        return np.vecdot(a, b).sum(1)[:, None, None]

    def each(self, work: Callable[[slice], None]) -> None:
        """Run ``work`` over the channels, in as many parts as memory and threads ask for."""
        by_channels(lambda start, stop: work(slice(start, stop)), self.rows[0], self.rows[0] * self.count)


def _normalized_rows(x: Array, scale: Array | None, shift: Array | None, eps: float) -> tuple[Array, Array, Array, Array]:
    """Rows (R, M), each brought to mean 0 and variance 1, times ``scale`` plus ``shift`` (R,); their mean, variance and
    1 / √(variance + eps)."""
    count = len(x)
    scale = np.ones(count, x.dtype) if scale is None else np.ascontiguousarray(scale)
    shift = np.zeros(count, x.dtype) if shift is None else np.ascontiguousarray(shift)
    y, (mean, var, inv) = np.empty_like(x), (np.empty(count, x.dtype) for _ in range(3))
    run_compiled(lambda a, b: normalize_rows(x, scale, shift, eps, y, mean, var, inv, a, b), count, x.size)
    return y, mean, var, inv


def _rows_gradient(g: Array, x: Array, scale: Array | None, mean: Array, inv: Array) -> tuple[Array, Array, Array]:
    """The gradient of x in :func:`_normalized_rows`, and Σ g · (x − mean) and Σ g of each row."""
    count, mean, inv = len(x), mean.reshape(-1), inv.reshape(-1)
    scale = np.ones(count, x.dtype) if scale is None else np.ascontiguousarray(scale)
    dx, through, total = np.empty_like(x), np.empty(count, x.dtype), np.empty(count, x.dtype)
    run_compiled(lambda a, b: normalize_rows_gradient(g, x, scale, mean, inv, dx, through, total, a, b), count, x.size)
    return dx, through, total


def _batch_norm_rule(g: Any, x: Array, weight: Any, mean: Array, inv: Array, needs: tuple[bool, ...]) -> Rule:
    g = g[0]
    if g is None:
        return None, None, None
    channels = mean.shape  # (C, 1, 1) for images, (C, 1, …) else
    if x.ndim == 4:
        dx, through, total = _image_rule(g, x, weight, mean, inv)
    else:
        others = (0, *range(2, x.ndim))
        count = x.size // x.shape[1]
        centred = x - mean
        total = g.sum(others).reshape(channels)
        through = (g * centred).sum(others).reshape(channels)
        centred *= through * inv * inv / -count
        centred += g
        centred -= total / count
        centred *= inv if weight is None else inv * weight.reshape(channels)
        dx = centred
    return dx, (through * inv).reshape(-1) if needs[1] else None, total.reshape(-1) if needs[2] else None


def _image_rule(g: Array, x: Array, weight: Any, mean: Array, inv: Array) -> tuple[Array, Array, Array]:
    """The gradient of x, Σ g · (x − mean) and Σ g per channel."""
    if use_compiled(x.dtype, x.size):
        gradient, values = (batch_last(a).reshape(x.shape[1], -1) for a in (g, x))
        dx, *sums = _rows_gradient(gradient, values, weight, mean, inv)
        return dx.reshape(*x.shape[1:], len(x)).transpose(3, 0, 1, 2), *(a.reshape(mean.shape) for a in sums)
    rows = _Rows(x)
    image, gradient, dx = rows.of(x), rows.of(g), np.empty(rows.rows, x.dtype)
    through, total = np.empty_like(mean), np.empty_like(mean)
    scale = inv if weight is None else inv * weight[:, None, None]

    def work(c: slice) -> None:
        gc, t = gradient[c], np.subtract(image[c], mean[c], out=dx[c])
        total[c], through[c] = rows.sum(gc), rows.dot(gc, t)
        t *= through[c] * inv[c] * inv[c] / -rows.count
        t += gc
        t -= total[c] / rows.count
        t *= scale[c]

    rows.each(work)
    return rows.image(dx), through, total


@fused(
    _composed_batch_norm,
    name="batch_norm",
    promotion=only_floats,
    inputs="x weight bias",
    outputs=3,
    residuals="mean inv",
    joint=_batch_norm_rule,
)
@quiet
def _batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Any, Array, Array]:
    if x.ndim == 4:
        y, average, var, inv = _image_norm(x, weight, bias, eps)
    else:
        others = (0, *range(2, x.ndim))
        shape = (-1, *(1,) * (x.ndim - 2))
        average = x.mean(others).reshape(shape)
        y = x - average
        var = (y * y).mean(others).reshape(shape)
        inv = 1 / np.sqrt(var + np.asarray(eps, x.dtype))
        y *= inv if weight is None else inv * weight.reshape(shape)
        if bias is not None:
            y += bias.reshape(shape)
    return (y, average.reshape(-1), var.reshape(-1)), average, inv


def _image_norm(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array, Array]:
    """The result, and mean, variance and 1 / √(variance + eps) per channel: (C, 1, 1)."""
    if use_compiled(x.dtype, x.size):
        y, *found = _normalized_rows(batch_last(x).reshape(x.shape[1], -1), weight, bias, eps)
        return y.reshape(*x.shape[1:], len(x)).transpose(3, 0, 1, 2), *(a[:, None, None] for a in found)
    rows = _Rows(x)
    image, y = rows.of(x), np.empty(rows.rows, x.dtype)
    average, var, inv = (np.empty((len(y), 1, 1), x.dtype) for _ in range(3))

    def work(c: slice) -> None:
        average[c] = rows.sum(image[c]) / rows.count
        t = np.subtract(image[c], average[c], out=y[c])
        var[c] = rows.dot(t, t) / rows.count
        inv[c] = 1 / np.sqrt(var[c] + np.asarray(eps, x.dtype))
        t *= inv[c] if weight is None else inv[c] * weight[c, None, None]
        if bias is not None:
            t += bias[c, None, None]

    rows.each(work)
    return rows.image(y), average, var, inv


def batch_norm(x: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    """(x − mean) / √(var + eps) · weight + bias, per channel, with mean and biased variance of the batch.

    Args:
        x: (N, C, …).
        weight, bias: (C,) or None.
        eps: added to the variance.

    Returns:
        The result, and as plain arrays (C,) the batch's mean and variance, without gradients.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithm 1.

    >>> import tinygrad_fm as torch
    >>> y, mean, var = torch.batch_norm(torch.tensor([[1.0], [3.0]]), None, None, 0.0)
    >>> y.tolist(), mean.tolist(), var.tolist()
    ([[-1.0], [1.0]], [2.0], [1.0])
    """
    y, average, var = in_single(_batch_norm, x, weight, bias, eps=eps)
    return y, raw(average), raw(var)


def _composed_normalize(x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, eps: float) -> Any:
    scale = rsqrt(running_var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -running_mean * scale
    if bias is not None:
        shift = shift + bias
    return x * _per_channel(scale, x) + _per_channel(shift, x)


def _normalize_rule(
    g: Array, x: Array, running_mean: Array, inv: Array, weight: Any, needs: tuple[bool, ...]
) -> tuple[Any, ...]:
    others = (0, *range(2, x.ndim))
    scale = inv if weight is None else inv * weight
    dx = g * _per_channel(scale, x) if needs[0] else None
    dw = (g * (x - _per_channel(running_mean, x))).sum(others) * inv if needs[3] else None
    return dx, None, None, dw, g.sum(others) if needs[4] else None


@fused(
    _composed_normalize,
    name="normalize_channels",
    promotion=only_floats,
    inputs="x running_mean running_var weight bias",
    residuals="inv",
    joint=_normalize_rule,
)
@quiet
def _normalize(
    x: Array, running_mean: Array, running_var: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array]:
    inv = 1 / np.sqrt(running_var + np.asarray(eps, running_var.dtype))
    scale = inv if weight is None else inv * weight
    shift = -running_mean * scale if bias is None else bias - running_mean * scale
    scale, shift, y = _per_channel(scale, x), _per_channel(shift, x), np.empty_like(x)

    def work(start: int, stop: int) -> None:
        part = y[:, start:stop]
        np.multiply(x[:, start:stop], scale[start:stop], out=part)
        part += shift[start:stop]

    by_channels(work, x.shape[1], x.size)
    return y, inv


def normalize_channels(x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, eps: float) -> Tensor:
    """(x − running_mean) / √(running_var + eps) · weight + bias, per channel: batch norm in evaluation.

    Computed as x · scale + shift, with scale and shift found for each channel first: two passes over x.

    Args:
        x: (N, C, …).
        running_mean, running_var: (C,); they get no gradients.
        weight, bias: (C,) or None.
        eps: added to the variance.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithm 2.
    """
    return _normalize(x, raw(running_mean), raw(running_var), weight, bias, eps=eps)


# -- layer norm --------------------------------------------------------------------------------------------------------


def _composed_layer_norm(x: Any, weight: Any, bias: Any, dims: int, eps: float) -> Any:
    last = tuple(range(-dims, 0))
    centred = x - mean(x, last, keepdim=True)
    return affine(centred * rsqrt(mean(centred * centred, last, keepdim=True) + eps), weight, bias)


def _compiles_rows(x: Array) -> bool:
    return x.flags.c_contiguous and use_compiled(x.dtype, x.size)


def _rows_of(x: Array, dims: int) -> tuple[Array, tuple[int, ...]]:
    """The last ``dims`` dimensions as rows (R, M), and the shape of a number for each of these."""
    kept = x.shape[: x.ndim - dims]
    return x.reshape(math.prod(kept), math.prod(x.shape[x.ndim - dims :])), kept + (1,) * dims


def _normalized_each(x: Array, weight: Array | None, bias: Array | None, dims: int, eps: float) -> tuple[Array, Array, Array]:
    rows, shape = _rows_of(x, dims)
    (count, length), y = rows.shape, np.empty_like(rows)
    mean, inv = np.empty((2, count), x.dtype)
    w = np.ones(length, x.dtype) if weight is None else np.ascontiguousarray(weight).reshape(-1)
    b = np.zeros(length, x.dtype) if bias is None else np.ascontiguousarray(bias).reshape(-1)
    run_compiled(lambda start, stop: normalize_each(rows, w, b, eps, y, mean, inv, start, stop), count, x.size)
    return y.reshape(x.shape), mean.reshape(shape), inv.reshape(shape)


_PARTS = 16  # of the rows, whose sums are added up: as many on any number of threads


def _each_gradient(g: Array, x: Array, weight: Array | None, average: Array, inv: Array, dims: int) -> Rule:
    rows, _ = _rows_of(x, dims)
    count, length = rows.shape
    gradient, mean, slope = np.ascontiguousarray(g).reshape(rows.shape), average.reshape(-1), inv.reshape(-1)
    w = np.ones(length, x.dtype) if weight is None else np.ascontiguousarray(weight).reshape(-1)
    dx, (dw, db) = np.empty_like(rows), np.empty((2, min(_PARTS, count), length), x.dtype)
    work = lambda start, stop: normalize_each_gradient(gradient, rows, w, mean, slope, dx, dw, db, start, stop)
    run_compiled(work, len(dw), x.size)
    sizes = x.shape[x.ndim - dims :]
    return dx.reshape(x.shape), dw.sum(0).reshape(sizes), db.sum(0).reshape(sizes)


def _layer_norm_rule(
    g: Array, x: Array, weight: Any, bias: Any, average: Array, inv: Array, dims: int, needs: tuple[bool, ...]
) -> Rule:
    last, first = tuple(range(-dims, 0)), tuple(range(x.ndim - dims))
    if _compiles_rows(x):
        dx, dw, db = _each_gradient(g, x, weight, average, inv, dims)
        return dx, dw if needs[1] else None, db if needs[2] else None
    normal = x - average
    normal *= inv
    dw = (g * normal).sum(first) if needs[1] else None
    db = g.sum(first) if needs[2] else None
    if not needs[0]:
        return None, dw, db
    dx = g * 1 if weight is None else g * weight
    share = (dx * normal).mean(last, keepdims=True)
    dx -= dx.mean(last, keepdims=True)
    normal *= share
    dx -= normal
    dx *= inv
    return dx, dw, db


@fused(
    _composed_layer_norm,
    name="layer_norm",
    promotion=only_floats,
    inputs="x weight bias",
    residuals="average inv",
    joint=_layer_norm_rule,
)
@quiet
def _layer_norm(x: Array, weight: Array | None, bias: Array | None, dims: int, eps: float) -> tuple[Array, Array, Array]:
    if _compiles_rows(x):
        return _normalized_each(x, weight, bias, dims, eps)
    last = tuple(range(-dims, 0))
    average = x.mean(last, keepdims=True)
    y = x - average
    inv = 1 / np.sqrt((y * y).mean(last, keepdims=True) + np.asarray(eps, x.dtype))
    y *= inv
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y, average, inv


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """(x − mean) / √(var + eps) · weight + bias over the last dimensions, with their own mean and biased variance.

    Args:
        input: (…, *normalized_shape).
        normalized_shape: the sizes of the last dimensions.
        weight, bias: of shape ``normalized_shape``, or None.
        eps: added to the variance.

    Raises:
        ShapeError: the input does not end in ``normalized_shape``, or weight or bias have another shape.

    Source: Ba et al. 2016, "Layer normalization", eq. 4.

    >>> import tinygrad_fm as torch
    >>> torch.layer_norm(torch.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    sizes = tuple(normalized_shape)
    if not sizes or tuple(input.shape[-len(sizes) :]) != sizes:
        raise ShapeError(
            f"layer_norm(): expected an input of shape (..., {', '.join(map(str, sizes))}), got {tuple(input.shape)}"
        )
    check_affine("layer_norm", input, sizes, weight, bias)
    if not all(sizes):
        return affine(input, weight, bias).to(input.dtype)
    return in_single(_layer_norm, input, weight, bias, dims=len(sizes), eps=eps)


# -- without a kernel of their own ---------------------------------------------------------------------------------------


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """x / √(mean(x²) + eps) · weight, over the last dimensions.

    Args:
        normalized_shape: the sizes of those dimensions. weight: of that shape, of any float dtype. eps: the epsilon of the
            input's dtype if None, and of float32 for float16.

    Returns:
        A tensor of the input's dtype.

    Raises:
        ShapeError: the last sizes of ``input`` are not ``normalized_shape``.

    Source: Zhang and Sennrich 2019, "Root mean square layer normalization", eq. 4.

    >>> import tinygrad_fm as torch
    >>> torch.rms_norm(torch.tensor([[3.0, 4.0]]), (2,))
    tensor([[0.8485, 1.1314]])
    """
    shape = tuple(normalized_shape)
    if tuple(input.shape[-len(shape) :]) != shape:
        raise ShapeError(f"rms_norm(): expected the last sizes {shape}, got an input of shape {tuple(input.shape)}")
    return in_single(_rms_norm, input, weight, dims=len(shape), eps=eps).to(input.dtype)


def _rms_norm(x: Any, weight: Any, dims: int, eps: float | None) -> Any:
    eps = float(np.finfo(raw(x).dtype).eps) if eps is None else eps
    y = x * rsqrt((x * x).mean(tuple(range(-dims, 0)), keepdim=True) + eps)
    return y if weight is None else y * weight


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha · mean of x² over ``size`` neighbouring channels)^beta, for (N, C, …).

    Raises:
        ValueError: ``input`` has fewer than 3 dimensions.

    Source: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks", section 3.3.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.local_response_norm(torch.ones(1, 3, 2, 2), 3).shape
    torch.Size([1, 3, 2, 2])
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm(): expected an input of 3 dimensions or more, got {input.ndim}")
    n, c = input.shape[:2]
    square = (input * input).reshape(n, c, math.prod(input.shape[2:]))
    ends = [zeros(n, pad, square.shape[2], dtype=input.dtype) for pad in (size // 2, (size - 1) // 2)]
    padded = cat([ends[0], square, ends[1]], 1)
    total = sum((padded.narrow(1, i, c) for i in range(1, size)), padded.narrow(1, 0, c))
    return input / ((total * (alpha / size) + k) ** beta).reshape(input.shape)


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """``input`` divided by its p-norm along ``dim``, or by ``eps`` where that is larger.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import normalize
    >>> normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    return input / clamp(input.norm(p, dim, keepdim=True), min=eps)
