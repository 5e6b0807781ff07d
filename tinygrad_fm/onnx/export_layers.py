"""Products, convolutions, poolings and normalisations as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tracing import Step
from .dynamic_sizes import SymInt
from .export_shapes import reduce, reshape, transpose, unsqueeze
from .export_table import NoCounterpart, like, writes
from .graph_builder import Builder

# -- products ----------------------------------------------------------------------------------------------------------


@writes("matmul")
def write_matmul(g: Builder, step: Step) -> str:
    """MatMul."""
    return g.node("MatMul", g.operands(step))


@writes("linear")
def write_linear(g: Builder, step: Step) -> str:
    """Gemm of matrices, else MatMul and Add."""
    x, weight, *bias = g.operands(step)
    bias = [b for b in bias if b]
    if step.inputs[0].ndim == 2:
        return g.node("Gemm", [x, weight, *bias], transB=1)
    y = g.node("MatMul", [x, g.shared("Transpose", [weight], perm=(1, 0))])
    return g.node("Add", [y, *bias]) if bias else y


# -- windows -----------------------------------------------------------------------------------------------------------


def _end(size: Any, out: Any, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """The padding at the end of one axis: as much as at the start if that gives the size of the result, else what it needs."""
    reach = dilation * (kernel - 1) + 1

    def gives(n: int, o: int) -> bool:
        return (n + 2 * padding - reach) // stride + 1 == o

    sizes, outs = (n.values if isinstance(n, SymInt) else (n,) for n in (size, out))
    if all(gives(n, o) for n, o in zip(sizes, outs if len(outs) > 1 else outs * len(sizes), strict=True)):
        return padding
    needed = (out - 1) * stride + reach - size - padding
    if isinstance(needed, SymInt):
        raise NoCounterpart("whose padding follows the size of the image")
    return max(needed, 0)


def window(geo: Any, axes: slice = slice(None)) -> dict[str, Any]:
    """The attributes of a sliding window, along both axes of an image or the second only."""
    parts = (geo.size, geo.out, geo.kernel, geo.stride, geo.padding, geo.dilation)
    ends = [_end(*along) for along in zip(*parts, strict=True)][axes]
    return {
        "kernel_shape": list(geo.kernel[axes]),
        "strides": list(geo.stride[axes]),
        "pads": [*geo.padding[axes], *ends],
        "dilations": list(geo.dilation[axes]),
    }


def _on_rows(g: Builder, name: str, geo: Any) -> str | None:
    """Of an image of one row that a sequence was made into, the sequence."""
    made = g.unsqueezed.get(name)
    return made[0] if made is not None and made[1] == 2 and geo.kernel[0] == 1 and geo.size[0] == 1 else None


@writes("conv2d", "conv_transpose2d")
def write_conv(g: Builder, step: Step) -> str:
    """Conv, ConvTranspose; of sequences that were made into images, over the sequences themselves."""
    x, weight, *bias = g.operands(step)
    geo = step.static["geo"]
    bias = [b for b in bias if b]
    transposed = step.name == "conv_transpose2d"
    rows = _on_rows(g, x, geo if not transposed else geo._replace(size=geo.out))
    kernels = _on_rows(g, weight, geo._replace(size=(1, 1)))
    axes = slice(1, 2) if rows and kernels else slice(None)
    if rows and kernels:
        x, weight = rows, kernels
    attributes = window(geo, axes)
    if transposed:
        y = _transposed(g, step, x, weight, attributes, axes)
    else:
        y = g.node("Conv", [x, weight, *bias], group=geo.groups, **attributes)
    return unsqueeze(g, y, 2) if rows and kernels else y


def _transposed(g: Builder, step: Step, x: str, weight: str, attributes: dict[str, Any], axes: slice) -> str:
    """ConvTranspose with the size of its result: what the padding leaves open is added at the end."""
    geo = step.static["geo"]
    more = []
    for size, out, k, s, p, d in list(zip(geo.size, geo.out, geo.kernel, geo.stride, geo.padding, geo.dilation, strict=True))[
        axes
    ]:
        left = size - ((out - 1) * s - 2 * p + d * (k - 1) + 1)
        if isinstance(left, SymInt):
            raise NoCounterpart("whose size follows the image in another way than by its stride")
        more.append(left)
    before = list(geo.padding[axes])
    attributes["pads"] = [*before, *before]
    if any(more):
        attributes["output_padding"] = more
    return g.node("ConvTranspose", [x, weight], group=geo.groups, **attributes)


@writes("max_pool2d")
def write_max_pool(g: Builder, step: Step) -> str:
    """MaxPool."""
    return _pool(g, step, "MaxPool")


@writes("window_sums")
def write_window_sums(g: Builder, step: Step) -> str:
    """The averages of windows, padding included, times their size."""
    geo = step.static["geo"]
    y, count = _pool(g, step, "AveragePool", count_include_pad=1), geo.kernel[0] * geo.kernel[1]
    g.averages[step.result.number] = y, count
    return g.node("Mul", [y, like(g, step, count)])


def _pool(g: Builder, step: Step, op: str, **more: Any) -> str:
    geo, x = step.static["geo"], g.name(step.inputs[0])
    rows = _on_rows(g, x, geo)
    attributes = window(geo, slice(1, 2) if rows else slice(None))
    if op == "AveragePool":
        del attributes["dilations"]  # an attribute from opset 19 on
    y = g.node(op, [rows or x], **attributes, **more)
    return unsqueeze(g, y, 2) if rows else y


def _patches(channels: int, geo: Any, dtype: Any) -> np.ndarray[Any, Any]:
    """Filters that pick one element of the window each: (C·KH·KW, 1, KH, KW)."""
    taps = geo.kernel[0] * geo.kernel[1]
    return np.tile(np.eye(taps, dtype=dtype).reshape(taps, 1, *geo.kernel), (channels, 1, 1, 1))


@writes("im2col")
def write_unfold(g: Builder, step: Step) -> str:
    """A convolution by filters that pick one element each."""
    geo, x = step.static["geo"], step.inputs[0]
    channels = x.shape[1]
    y = g.node("Conv", [g.name(x), g.constant(_patches(channels, geo, x.dtype))], group=channels, **window(geo))
    depth = channels * geo.kernel[0] * geo.kernel[1]
    return reshape(g, y, (x.shape[0], depth, *geo.out), step.result.shape)


@writes("col2im")
def write_fold(g: Builder, step: Step) -> str:
    """The adjoint of that convolution."""
    geo, x = step.static["geo"], step.inputs[0]
    channels = step.result.shape[1]
    image = reshape(g, g.name(x), x.shape, (x.shape[0], x.shape[1], *geo.out))
    weight = g.constant(_patches(channels, geo, x.dtype))
    whole_step = Step("", None, [], [], {"geo": geo._replace(groups=channels)}, step.module)
    return _transposed(g, whole_step, image, weight, window(geo), slice(None))


@writes("depth_windows")
def write_depth_windows(g: Builder, step: Step) -> str:
    """The slices of volumes (N, C, D, H, W) that each window sees along the depth, as channels: (N·OD, C·KD, H, W)."""
    geo, x = step.static["geo"], step.inputs[0]
    (size,), (out,), (kernel,), (stride,), (padding,), (dilation,) = geo[:6]
    if isinstance(size, SymInt):
        raise NoCounterpart("whose windows follow the depth of the volume")
    places = np.arange(out)[:, None] * stride + np.arange(kernel) * dilation  # (OD, KD), from the start of the padding
    after = max(int(places.max()) + 1 - size - padding, 0)
    y = g.name(x)
    if padding or after:
        y = g.node("Pad", [y, g.ints([0, 0, padding, 0, 0, 0, 0, after, 0, 0]), like(g, step, 0)])
    seen = g.node("Gather", [y, g.ints(places)], axis=2)  # (N, C, OD, KD, H, W)
    n, c, _, height, width = x.shape
    slices = transpose(g, seen, (0, 2, 1, 3, 4, 5))
    return reshape(g, slices, (n, out, c, kernel, height, width), step.result.shape)


@writes("argadaptive")
def write_adaptive_places(g: Builder, step: Step) -> str:
    """Row · W + column of the maximum of each adaptive window: the windows as rows of a table of places, then ArgMax."""
    x, out = step.inputs[0], step.static["out"]
    n, c, height, width = x.shape
    if isinstance(height, SymInt) or isinstance(width, SymInt):
        raise NoCounterpart("whose windows follow the size of the image")
    places = []
    for rows in _windows(height, out[0]):
        for columns in _windows(width, out[1]):
            places.append((rows[:, None] * width + columns).reshape(-1))
    table = np.stack(places)  # (OH·OW, elements of a window, the last ones repeated)
    flat = reshape(g, g.name(x), x.shape, (n, c, height * width))
    best = g.node("ArgMax", [g.node("Gather", [flat, g.ints(table)], axis=2)], axis=3, keepdims=0)
    starts = g.ints(np.arange(len(table)) * table.shape[1])
    return g.node("Gather", [g.ints(table.reshape(-1)), g.node("Add", [best, starts])], axis=0)


def _windows(n: int, out: int) -> list[np.ndarray[Any, Any]]:
    """The places of adaptive windows, of one length: the last place repeated where a window is shorter."""
    bounds = [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]
    most = max(stop - start for start, stop in bounds)
    return [np.minimum(np.arange(start, start + most), stop - 1) for start, stop in bounds]


# -- normalisation -----------------------------------------------------------------------------------------------------


@writes("normalize_channels")
def write_batch_norm(g: Builder, step: Step) -> str:
    """BatchNormalization by running statistics."""
    x, mean, var, weight, bias = step.inputs
    channels = x.shape[1]
    names = [
        g.name(v) if v is not None else g.constant(np.full(channels, fill, x.dtype)) for v, fill in ((weight, 1), (bias, 0))
    ]
    return g.node("BatchNormalization", [g.name(x), *names, g.name(mean), g.name(var)], epsilon=step.static["eps"])


@writes("batch_norm")
def write_batch_statistics(g: Builder, step: Step) -> list[str]:
    """Batch norm without running statistics: by those of the batch."""
    x = step.inputs[0]
    y, mean, var = _standardized(g, step, g.name(x), [0, *range(2, x.ndim)])
    return [_scaled(g, step, y), *(g.node("Reshape", [s, g.ints([-1])]) for s in (mean, var))]


def _standardized(g: Builder, step: Step, x: str, axes: list[int]) -> tuple[str, str, str]:
    """``x`` with mean 0 and variance 1 over ``axes``, and those that it had."""
    mean = reduce(g, "ReduceMean", x, axes, True)
    centred = g.node("Sub", [x, mean])
    var = reduce(g, "ReduceMean", g.node("Mul", [centred, centred]), axes, True)
    eps = g.constant(np.asarray(step.static["eps"], step.inputs[0].dtype))
    return g.node("Div", [centred, g.node("Sqrt", [g.node("Add", [var, eps])])]), mean, var


def _scaled(g: Builder, step: Step, y: str) -> str:
    """``y`` (N, C, …) times the step's weight (C,) plus its bias, where it has them."""
    value, weight, bias = step.inputs
    spread = (-1, *(1,) * (value.ndim - 2))
    for part, op in ((weight, "Mul"), (bias, "Add")):
        if part is not None:
            y = g.node(op, [y, g.node("Reshape", [g.name(part), g.ints(spread)])])
    return y


@writes("group_norm")
def write_group_norm(g: Builder, step: Step) -> str:
    """Each group of channels by its own statistics; GroupNormalization has a weight for each channel from opset 21 on only."""
    x, groups = step.inputs[0], step.static["groups"]
    shape = (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    y, _, _ = _standardized(g, step, reshape(g, g.name(x), x.shape, shape), [*range(2, len(shape))])
    return _scaled(g, step, reshape(g, y, shape, x.shape))


@writes("layer_norm")
def write_layer_norm(g: Builder, step: Step) -> str:
    """LayerNormalization."""
    x, weight, bias = step.inputs
    dims = step.static["dims"]
    scale = g.name(weight) if weight is not None else g.constant(np.ones(x.shape[-dims:], x.dtype))
    more = [g.name(bias)] if bias is not None else []
    return g.node("LayerNormalization", [g.name(x), scale, *more], axis=-dims, epsilon=step.static["eps"])
