"""Products, convolutions, poolings, normalisations and resizing of ONNX files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import box
from ..nn import functional as F
from ..ops import functions as ops
from .import_table import Node, ints, limited, number, reads

# -- products ----------------------------------------------------------------------------------------------------------


@reads("MatMul")
def matmul(node: Node, a: Any, b: Any) -> Any:
    """The product of matrices, or of batches of them."""
    if a.ndim > 1 and b.ndim > 1:
        limited([*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]])
    return ops.matmul(a, b)


@reads("Gemm")
def gemm(node: Node, a: Any, b: Any, c: Any = None) -> Any:
    """alpha · a · b + beta · c; a linear layer where ``b`` is transposed."""
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    left = a.t() if node.get("transA", 0) else a
    limited([left.shape[0], b.shape[0 if node.get("transB", 0) else 1]])
    if node.get("transB", 0) and alpha == beta == 1 and (c is None or tuple(c.shape) == (b.shape[0],)):
        return F.linear(left, b, c)
    y = left @ (b.t() if node.get("transB", 0) else b)
    y = y if alpha == 1 else y * alpha
    return y if c is None else y + (c if beta == 1 else c * beta)


@reads("Einsum")
def einsum(node: Node, *inputs: Any) -> Any:
    """Einstein's summation."""
    left, arrow, right = node.get("equation").replace(" ", "").partition("->")
    if arrow and "." not in left:
        sizes = {
            label: n for term, x in zip(left.split(","), inputs, strict=False) for label, n in zip(term, x.shape, strict=False)
        }
        limited([sizes.get(label, 1) for label in right])
    return ops.einsum(node.get("equation"), *inputs)


# -- windows -----------------------------------------------------------------------------------------------------------


def _each(node: Node, name: str, count: int, default: int = 1) -> list[int]:
    found = list(node.get(name) or [default] * count)
    if len(found) != count or min(found) < (0 if name == "output_padding" else 1):
        raise ValueError(f"{name} {found} for {count} dimensions of space")
    return found


def _space(x: Any) -> int:
    """How many dimensions of space: one or two."""
    if x.ndim not in (3, 4):
        raise NotImplementedError(f"an input of shape {tuple(x.shape)}: images and sequences in batches are offered")
    return x.ndim - 2


def _pads(node: Node, x: Any, kernel: list[int]) -> list[tuple[int, int]]:
    """The padding at the start and the end of each dimension of space."""
    mode, count = node.get("auto_pad", "NOTSET"), len(kernel)
    found = [(0, 0)] * count
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        found = []
        for n, k, s, d in zip(x.shape[2:], kernel, _each(node, "strides", count), _each(node, "dilations", count), strict=True):
            found.append(_halves(max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0), mode))
    elif mode == "NOTSET":
        given = node.get("pads") or [0] * 2 * count
        if len(given) != 2 * count:
            raise ValueError(f"pads {given} for {count} dimensions of space")
        found = list(zip(given[:count], given[count:], strict=True))
    elif mode != "VALID":
        raise ValueError(f"auto_pad {mode!r}")
    limited([*x.shape[:2], *(n + a + b for n, (a, b) in zip(x.shape[2:], found, strict=True))])
    return found


def _halves(total: int, mode: str) -> tuple[int, int]:
    """Padding of ``total`` in two halves, the larger one at the end, or with SAME_LOWER at the start."""
    ends = (total // 2, total - total // 2)
    return ends[::-1] if mode == "SAME_LOWER" else ends


def _padded(x: Any, pads: list[tuple[int, int]], value: float) -> Any:
    """``x`` with its padding made explicit."""
    return F.pad(x, [n for ends in reversed(pads) for n in ends], value=value) if any(map(any, pads)) else x


@reads("Conv")
def conv(node: Node, x: Any, weight: Any, bias: Any = None) -> Any:
    """A convolution, whose padding may differ at both ends."""
    count = _space(x)
    pads = _pads(node, x, list(weight.shape[2:]))
    padding = [low for low, _ in pads]
    if any(low != high or low < 0 for low, high in pads):
        x, padding = _padded(x, pads, 0.0), [0] * count
    options = {"stride": tuple(_each(node, "strides", count)), "dilation": tuple(_each(node, "dilations", count))}
    op = F.conv1d if count == 1 else F.conv2d
    return op(x, weight, bias, padding=tuple(padding), groups=node.get("group", 1), **options)


@reads("ConvTranspose")
def conv_transpose(node: Node, x: Any, weight: Any, bias: Any = None) -> Any:
    """The whole result, of which the padding is then cut off, or that is made longer."""
    count = _space(x)
    kernel = list(weight.shape[2:])
    strides, dilations = _each(node, "strides", count), _each(node, "dilations", count)
    more = _each(node, "output_padding", count, 0)
    full = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(x.shape[2:], strides, dilations, kernel, strict=True)]
    limited([x.shape[0], weight.shape[1] * node.get("group", 1), *full])
    wanted, mode = node.get("output_shape"), node.get("auto_pad", "NOTSET")
    if wanted is None and mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    if wanted is not None:
        halves = "SAME_UPPER" if mode == "SAME_UPPER" else "SAME_LOWER"  # as the standard has it for a given size
        pads = [_halves(n + m - size, halves) for n, m, size in zip(full, more, wanted[-count:], strict=True)]
    else:
        given = node.get("pads") or [0] * 2 * count
        pads = list(zip(given[:count], given[count:], strict=True))
    limited([*x.shape[:2], *(n + m + abs(a) + abs(b) for n, m, (a, b) in zip(full, more, pads, strict=True))])
    op = F.conv_transpose1d if count == 1 else F.conv_transpose2d
    y = op(x, weight, None, stride=tuple(strides), dilation=tuple(dilations), groups=node.get("group", 1))
    y = F.pad(y, [n for (low, high), m in reversed(list(zip(pads, more, strict=True))) for n in (-low, m - high)])
    return y if bias is None else y + bias.reshape(-1, *[1] * count)


@reads("MaxPool")
def max_pool(node: Node, x: Any) -> Any:
    """The largest of each window; where it is, is not offered."""
    if len([name for name in node.outputs if name]) > 1:
        raise NotImplementedError("the output Indices is not offered")
    count = _space(x)
    kernel = _each(node, "kernel_shape", count)
    pads = _pads(node, x, kernel)
    padding = [low for low, _ in pads]
    if any(low != high or 2 * low > k for (low, high), k in zip(pads, kernel, strict=True)):
        lowest = -math.inf if x.is_floating_point() else int(np.iinfo(x._array.dtype).min)
        x, padding = _padded(x, pads, lowest), [0] * count
    op = F.max_pool1d if count == 1 else F.max_pool2d
    strides, dilations = _each(node, "strides", count), _each(node, "dilations", count)
    return op(x, tuple(kernel), tuple(strides), tuple(padding), tuple(dilations), bool(node.get("ceil_mode", 0)))


@reads("AveragePool")
def average_pool(node: Node, x: Any) -> Any:
    """The average of each window."""
    count = _space(x)
    kernel, strides = _each(node, "kernel_shape", count), _each(node, "strides", count)
    if any(d != 1 for d in _each(node, "dilations", count)):
        raise NotImplementedError("dilations are not offered")
    pads, ceil, with_pads = _pads(node, x, kernel), bool(node.get("ceil_mode", 0)), bool(node.get("count_include_pad", 0))
    op = F.avg_pool1d if count == 1 else F.avg_pool2d
    padding = tuple(low for low, _ in pads)
    if all(low == high and 2 * low <= k for (low, high), k in zip(pads, kernel, strict=True)):
        return op(x, tuple(kernel), tuple(strides), padding, ceil, with_pads)
    ones = _padded(ops.ones(1, 1, *x.shape[2:], dtype=x.dtype), pads, float(with_pads))
    sums, counts = (op(part, tuple(kernel), tuple(strides), 0, ceil) for part in (_padded(x, pads, 0.0), ones))
    return sums / counts


@reads("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node, x: Any) -> Any:
    """Over all dimensions of space."""
    space = tuple(range(2, x.ndim))
    return ops.mean(x, space, keepdim=True) if node.op == "GlobalAveragePool" else ops.amax(x, space, keepdim=True)


# -- normalisation -----------------------------------------------------------------------------------------------------


@reads("BatchNormalization")
def batch_norm(node: Node, x: Any, scale: Any, bias: Any, mean: Any, var: Any) -> Any:
    """By the running statistics; while the model trains by those of the batch, towards which the running ones move."""
    if node.get("spatial", 1) != 1:
        raise NotImplementedError("spatial=0 is not offered")
    eps, momentum = node.get("epsilon", 1e-5), 1 - node.get("momentum", 0.9)
    if not node.get("training_mode", 0):
        return F.batch_norm(x, mean, var, scale, bias, node.training, momentum, eps)
    y, batch_mean, batch_var = ops.batch_norm(x, scale, bias, eps)
    moved = (box(old._array * (1 - momentum) + new * momentum) for old, new in ((mean, batch_mean), (var, batch_var)))
    return (y, *moved)


@reads("InstanceNormalization")
def instance_norm(node: Node, x: Any, scale: Any, bias: Any) -> Any:
    """Each channel of each sample by its own statistics."""
    return F.instance_norm(x, weight=scale, bias=bias, eps=node.get("epsilon", 1e-5))


@reads("LayerNormalization")
def layer_norm(node: Node, x: Any, scale: Any, bias: Any = None) -> Any:
    """Over the last dimensions; with further outputs also mean and 1 / σ."""
    axis = node.get("axis", -1)
    dims = tuple(range(axis % x.ndim, x.ndim))
    eps = node.get("epsilon", 1e-5)
    if len([name for name in node.outputs if name]) == 1 and tuple(scale.shape) == tuple(x.shape[dims[0] :]):
        return F.layer_norm(x, x.shape[dims[0] :], scale, bias, eps)
    mean = ops.mean(x, dims, keepdim=True)
    centred = x - mean
    inverse = ops.rsqrt(ops.mean(centred * centred, dims, keepdim=True) + eps)
    y = centred * inverse * scale
    return (y if bias is None else y + bias, mean, inverse)


@reads("RMSNormalization")
def rms_norm(node: Node, x: Any, scale: Any) -> Any:
    """x / √(mean(x²) + eps) · scale."""
    dims = tuple(range(node.get("axis", -1) % x.ndim, x.ndim))
    return x * ops.rsqrt(ops.mean(x * x, dims, keepdim=True) + node.get("epsilon", 1e-5)) * scale


@reads("GroupNormalization")
def group_norm(node: Node, x: Any, scale: Any, bias: Any) -> Any:
    """Groups of channels; before version 21 with one scale for each group."""
    groups = node.get("num_groups")
    if node.opset < 21:
        scale, bias = (v.repeat_interleave(x.shape[1] // groups, 0) for v in (scale, bias))
    return F.group_norm(x, groups, scale, bias, node.get("epsilon", 1e-5))


@reads("LRN")
def lrn(node: Node, x: Any) -> Any:
    """Over neighbouring channels; of an even number one more behind than before, which is the other way round in PyTorch."""
    size = node.get("size")
    limited([x.shape[0], x.shape[1] + size, *x.shape[2:]])
    options = (size, node.get("alpha", 0.0001), node.get("beta", 0.75), node.get("bias", 1.0))
    if size % 2:
        return F.local_response_norm(x, *options)
    return ops.flip(F.local_response_norm(ops.flip(x, 1), *options), 1)


@reads("LpNormalization")
def lp_normalization(node: Node, x: Any) -> Any:
    """``x`` by its norm; 0 where that is 0."""
    norm = x.norm(node.get("p", 2), node.get("axis", -1), keepdim=True)
    return ops.where(norm == 0, 0.0, x / norm)


@reads("MeanVarianceNormalization")
def mean_variance(node: Node, x: Any) -> Any:
    """(x − mean) / (σ + 1e-9)."""
    axes = tuple(node.get("axes", (0, 2, 3)))
    centred = x - ops.mean(x, axes, keepdim=True)
    return centred / (ops.sqrt(ops.mean(centred * centred, axes, keepdim=True)) + 1e-9)


@reads("Dropout")
def dropout(node: Node, x: Any, ratio: Any = None, training: Any = None) -> Any:
    """Random zeros while the model trains; the mask is all True otherwise."""
    share = number(ratio, node.get("ratio", 0.5))
    y = F.dropout(x, share, node.training)
    if len([name for name in node.outputs if name]) == 1:
        return y
    return y, (y != 0) if node.training else ops.ones_like(x, dtype=bool)


# -- resizing ----------------------------------------------------------------------------------------------------------


@reads("Resize", "Upsample")
def resize(node: Node, x: Any, *more: Any) -> Any:
    """Each axis by itself: places picked, or the product with a matrix of weights."""
    scales, sizes = _resized(node, x, more)
    out = limited([math.floor(n * s) for n, s in zip(x.shape, scales, strict=True)] if sizes is None else sizes)
    mode = node.get("mode", "nearest")
    if node.get("antialias", 0) or node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise NotImplementedError("antialias and keep_aspect_ratio_policy are not offered")
    for axis, (n, size, scale) in enumerate(zip(x.shape, out, scales, strict=True)):
        if n == size and scale == 1:
            continue
        at = _source(node, n, size, scale)
        if mode == "nearest":
            x = ops.index_select(x, axis, box(np.clip(_rounded(node, at), 0, n - 1).astype(np.int64)))
        elif mode in ("linear", "cubic"):
            weights = box(_weights(node, mode, at, n).astype(x._array.dtype))
            x = ops.matmul(x.movedim(axis, -1), weights.t()).movedim(-1, axis)
        else:
            raise ValueError(f"mode {mode!r}")
    return x


def _resized(node: Node, x: Any, more: tuple[Any, ...]) -> tuple[list[float], list[int] | None]:
    """The scale of each axis, and the sizes of the result where they are given."""
    if node.op == "Upsample" or node.opset < 11:
        given = more[0]._array.tolist() if more else node.get("scales")
        return [float(s) for s in given], None
    _, scales, sizes = (*more, None, None, None)[:3]
    axes = [axis % x.ndim for axis in node.get("axes", range(x.ndim))]
    full = [1.0] * x.ndim
    if sizes is not None and sizes.numel():
        wanted = list(x.shape)
        for axis, n in zip(axes, ints(sizes), strict=True):
            wanted[axis], full[axis] = n, n / x.shape[axis]
        return full, wanted
    for axis, s in zip(axes, scales._array.tolist(), strict=True):
        full[axis] = float(s)
    return full, None


def _source(node: Node, n: int, out: int, scale: float) -> np.ndarray[Any, Any]:
    """Where each element of the result lies among the ``n`` of the input."""
    mode = node.get(
        "coordinate_transformation_mode", "asymmetric" if node.op == "Upsample" or node.opset < 11 else "half_pixel"
    )
    at = np.arange(out, dtype=np.float64)
    if mode == "asymmetric":
        return at / scale
    if mode == "align_corners":
        return at * ((n - 1) / (n * scale - 1)) if n * scale != 1 else at * 0
    if mode == "pytorch_half_pixel" and out <= 1:
        return at * 0
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (at + 0.5) / scale - 0.5
    if mode == "half_pixel_symmetric":
        return n / 2 * (1 - out / (n * scale)) + (at + 0.5) / scale - 0.5
    raise NotImplementedError(f"coordinate_transformation_mode {mode!r} is not offered")


def _rounded(node: Node, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Places as whole numbers."""
    mode = node.get("nearest_mode", "floor" if node.op == "Upsample" or node.opset < 11 else "round_prefer_floor")
    ways: dict[str, Any] = {
        "floor": np.floor,
        "ceil": np.ceil,
        "round_prefer_floor": lambda x: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    }
    found: np.ndarray[Any, Any] = ways[mode](at)
    return found


def _weights(node: Node, mode: str, at: np.ndarray[Any, Any], n: int) -> np.ndarray[Any, Any]:
    """(out, n): each element of the result as a mixture of those of the input."""
    low = np.floor(at)
    matrix, rows = np.zeros((len(at), n)), np.arange(len(at))
    a = node.get("cubic_coeff_a", -0.75)
    for shift in (0, 1) if mode == "linear" else (-1, 0, 1, 2):
        d = np.abs(at - low - shift)
        if mode == "linear":
            part = 1 - d
        else:
            near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((d - 5) * d + 8) * d * a - 4 * a
            part = np.where(d <= 1, near, far)
        place = (low + shift).astype(np.int64)
        if node.get("exclude_outside", 0):
            part = np.where((place < 0) | (place >= n), 0.0, part)
        np.add.at(matrix, (rows, np.clip(place, 0, n - 1)), part)
    return matrix / matrix.sum(1, keepdims=True) if node.get("exclude_outside", 0) else matrix
