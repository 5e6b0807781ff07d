"""Shapes, indexing, joining and reductions of ONNX files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import box
from ..errors import ShapeError
from ..nn import functional as F
from ..ops import functions as ops
from .import_table import Node, axes_of, dtype_of, ints, limited, number, reads

# -- made from nothing -------------------------------------------------------------------------------------------------


_CONSTANTS: dict[str, Any] = {
    "value": None,
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


@reads("Constant")
def constant(node: Node) -> Any:
    """A tensor, a number or a list of them."""
    for name, value in node.attributes.items():
        if name in _CONSTANTS:
            return box(np.array(value, _CONSTANTS[name]))
    raise ValueError(f"a constant of {', '.join(node.attributes) or 'nothing'}; tensors, numbers and lists of them are offered")


@reads("ConstantOfShape")
def constant_of_shape(node: Node, shape: Any) -> Any:
    """One number in a shape."""
    value = node.get("value", np.zeros(1, np.float32))
    return box(np.full(limited(ints(shape)), value.reshape(-1)[0], value.dtype))


@reads("Range")
def range_(node: Node, start: Any, limit: Any, delta: Any) -> Any:
    """From ``start`` to before ``limit``."""
    first, step = start.item(), delta.item()
    (count,) = limited([max(math.ceil((limit.item() - first) / step), 0)])
    return box((first + step * np.arange(count)).astype(start._array.dtype))


@reads("EyeLike")
def eye_like(node: Node, x: Any) -> Any:
    """Ones on a diagonal."""
    rows, columns = x.shape
    dtype = dtype_of(node.get("dtype")) if "dtype" in node.attributes else x.dtype
    return box(np.eye(rows, columns, node.get("k", 0), dtype.numpy))


@reads("Shape")
def shape_(node: Node, x: Any) -> Any:
    """The sizes, or some of them."""
    return box(np.array(x.shape[node.get("start", 0) : node.get("end", x.ndim)], np.int64))


@reads("Size")
def size(node: Node, x: Any) -> Any:
    """The number of elements."""
    return box(np.array(x.numel(), np.int64))


# -- shapes ------------------------------------------------------------------------------------------------------------


@reads("Reshape")
def reshape(node: Node, x: Any, shape: Any) -> Any:
    """A 0 keeps a size, -1 is found."""
    sizes = ints(shape)
    if not node.get("allowzero", 0):
        sizes = [x.shape[i] if n == 0 and i < x.ndim else n for i, n in enumerate(sizes)]
    return x.reshape(*sizes) if sizes else x.reshape(())


@reads("Flatten")
def flatten(node: Node, x: Any) -> Any:
    """A matrix: all dimensions before the axis, and all from it on."""
    axis = node.get("axis", 1)
    if not -x.ndim <= axis <= x.ndim:
        raise IndexError(f"axis {axis} is out of range for {x.ndim} dimensions")
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@reads("Squeeze")
def squeeze(node: Node, x: Any, axes: Any = None) -> Any:
    """Without dimensions of size 1."""
    chosen = axes_of(node, axes)
    if chosen is None:
        return x.squeeze()
    wrong = [axis for axis in chosen if not -x.ndim <= axis < x.ndim or x.shape[axis] != 1]
    if wrong:
        raise ShapeError(f"axes {wrong} of a tensor of shape {tuple(x.shape)} do not have size 1")
    return x.squeeze(tuple(chosen))


@reads("Unsqueeze")
def unsqueeze(node: Node, x: Any, axes: Any = None) -> Any:
    """New dimensions of size 1, at places of the result."""
    chosen = axes_of(node, axes, [])
    ndim = x.ndim + len(chosen)
    for axis in sorted(axis + ndim if axis < 0 else axis for axis in chosen):
        x = x.unsqueeze(axis)
    return x


@reads("Transpose")
def transpose(node: Node, x: Any) -> Any:
    """The dimensions in another order, by default the reverse."""
    return x.permute(tuple(node.get("perm", range(x.ndim)[::-1])))


@reads("Expand")
def expand(node: Node, x: Any, shape: Any) -> Any:
    """Broadcast against a shape, in both ways."""
    return x.expand(*limited(np.broadcast_shapes(x.shape, tuple(ints(shape)))))


@reads("Tile")
def tile(node: Node, x: Any, repeats: Any) -> Any:
    """Repeated along each dimension."""
    counts = ints(repeats)
    limited([n * count for n, count in zip(x.shape, counts, strict=True)])
    return x.repeat(*counts) if counts else x


@reads("DepthToSpace", "SpaceToDepth")
def depth_to_space(node: Node, x: Any) -> Any:
    """Elements moved between channels and space, in one of two orders."""
    r = node.get("blocksize")
    n, c, h, w = x.shape
    if node.op == "SpaceToDepth":
        order = (0, 3, 5, 1, 2, 4) if node.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
        y = x.reshape(n, c, h // r, r, w // r, r).permute(order)
        return y.reshape(n, c * r * r, h // r, w // r)
    if node.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, r)
    y = x.reshape(n, r, r, c // (r * r), h, w).permute(0, 3, 4, 1, 5, 2)
    return y.reshape(n, c // (r * r), h * r, w * r)


# -- joining and padding -----------------------------------------------------------------------------------------------


@reads("Concat")
def concat(node: Node, *inputs: Any) -> Any:
    """Joined along an axis."""
    limited([sum(x.numel() for x in inputs)])
    return ops.cat(inputs, node.get("axis", 1))


@reads("Split")
def split(node: Node, x: Any, sizes: Any = None) -> Any:
    """Parts along an axis: of given sizes, or as many as there are outputs."""
    axis = node.get("axis", 0)
    chosen = ints(sizes) if sizes is not None else node.get("split")
    if chosen is None:
        count = len(node.outputs)
        if node.get("num_outputs", count) != count:
            raise ValueError(f"num_outputs is {node.get('num_outputs')}, but there are {count} outputs")
        part = -(-x.shape[axis] // count)
        chosen = [min(part, max(x.shape[axis] - part * i, 0)) for i in range(count)]
    return x.split(list(chosen), axis)


_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@reads("Pad")
def pad(node: Node, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    """Elements added at both ends of each dimension, or taken away."""
    widths = ints(pads) if pads is not None else node.get("pads", node.get("paddings"))
    chosen = [axis % x.ndim for axis in ints(axes)] if axes is not None else list(range(x.ndim))
    mode = node.get("mode", "constant")
    if mode not in _MODES or widths is None or len(widths) != 2 * len(chosen):
        raise ValueError(f"mode {mode!r} with pads {widths} for {len(chosen)} axes")
    both = {axis: (widths[i], widths[i + len(chosen)]) for i, axis in enumerate(chosen)}
    limited([n + sum(both.get(axis, (0, 0))) for axis, n in enumerate(x.shape)])
    if mode == "constant":
        fill = number(value, node.get("value", 0))
        return F.pad(x, [n for axis in reversed(range(x.ndim)) for n in both.get(axis, (0, 0))], value=fill)
    for axis, (low, high) in both.items():
        if low or high:
            moved = x.movedim(axis, -1)
            rows = F.pad(moved.reshape(1, -1, moved.shape[-1]), (low, high), _MODES[mode])
            x = rows.reshape(*moved.shape[:-1], rows.shape[-1]).movedim(-1, axis)
    return x


# -- indexing ----------------------------------------------------------------------------------------------------------


@reads("Slice")
def slice_(node: Node, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    """Parts of some dimensions; attributes before version 10, inputs since."""
    first, last = (node.get("starts"), node.get("ends")) if starts is None else (ints(starts), ints(ends))
    chosen = axes_of(node, axes) or range(len(first))
    by = ints(steps) if steps is not None else [1] * len(first)
    for axis, start, end, step in zip(chosen, first, last, by, strict=True):
        n = x.shape[axis]
        places = range(n)[_bounds(start, end, step, n)]
        if step > 0:
            key = (*[slice(None)] * (axis % x.ndim), slice(places.start, max(places.stop, places.start), step))
            x = x[key]
        else:
            x = ops.index_select(x, axis, box(np.array(places, np.int64)))
    return x


def _bounds(start: int, end: int, step: int, n: int) -> slice:
    """The slice as Python has it: an end before the first element, going backwards, is None."""
    if step < 0 and end < -n:
        return slice(start, None, step)
    return slice(start, end, step)


def _counted(index: Any, n: int) -> Any:
    """Indices from the start, where some count from the end."""
    array = index._array.astype(np.int64)
    return box(np.where(array < 0, array + n, array))


@reads("Gather")
def gather(node: Node, x: Any, index: Any) -> Any:
    """The slices at indices of any shape."""
    axis = node.get("axis", 0)
    axis = axis + x.ndim if axis < 0 else axis
    limited([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])
    flat = ops.index_select(x, axis, _counted(index, x.shape[axis]).reshape(-1))
    return flat.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


@reads("GatherElements")
def gather_elements(node: Node, x: Any, index: Any) -> Any:
    """One element for each index."""
    axis = node.get("axis", 0)
    return ops.gather(x, axis, _counted(index, x.shape[axis]))


@reads("GatherND")
def gather_nd(node: Node, x: Any, index: Any) -> Any:
    """The slices at tuples of indices."""
    if node.get("batch_dims", 0):
        raise NotImplementedError("batch_dims is not offered")
    depth = index.shape[-1]
    limited([*index.shape[:-1], *x.shape[depth:]])
    return x[tuple(index[..., i] for i in range(depth))]


def _no_reduction(node: Node) -> bool:
    reduction = node.get("reduction", "none")
    if reduction not in ("none", "add"):
        raise NotImplementedError(f"reduction {reduction!r} is not offered")
    return reduction == "none"


@reads("ScatterElements", "Scatter")
def scatter_elements(node: Node, x: Any, index: Any, updates: Any) -> Any:
    """One element written, or added, at each index."""
    axis = node.get("axis", 0)
    places = _counted(index, x.shape[axis])
    return (ops.scatter if _no_reduction(node) else ops.scatter_add)(x, axis, places, updates)


@reads("ScatterND")
def scatter_nd(node: Node, x: Any, index: Any, updates: Any) -> Any:
    """Slices written, or added, at tuples of indices."""
    places = tuple(index[..., i] for i in range(index.shape[-1]))
    return ops.index_put(x, places, updates, accumulate=not _no_reduction(node))


@reads("OneHot")
def one_hot(node: Node, index: Any, depth: Any, values: Any) -> Any:
    """A new axis with the second value at the index, the first elsewhere."""
    classes = int(depth.item())
    axis = node.get("axis", -1)
    limited([*index.shape, classes])
    rows = np.arange(classes) == _counted(index, classes)._array[..., None]
    return ops.where(box(rows), values[1], values[0]).movedim(-1, axis)


@reads("NonZero")
def nonzero(node: Node, x: Any) -> Any:
    """The indices of what is not 0: (ndim, n)."""
    return ops.nonzero(x).transpose(0, 1)


@reads("Trilu")
def trilu(node: Node, x: Any, k: Any = None) -> Any:
    """A triangle of each matrix."""
    return (ops.triu if node.get("upper", 1) else ops.tril)(x, int(number(k, 0)))


# -- reductions --------------------------------------------------------------------------------------------------------


@reads(*(f"Reduce{kind}" for kind in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")))
def reduce(node: Node, x: Any, axes: Any = None) -> Any:
    """Over some axes, or all."""
    keep, chosen = bool(node.get("keepdims", 1)), axes_of(node, axes)
    if not chosen and node.get("noop_with_empty_axes", 0):
        every: tuple[int, ...] = ()
    else:
        every = tuple(axis % x.ndim for axis in chosen) if chosen else tuple(range(x.ndim))
    kind = node.op.removeprefix("Reduce")
    before = {"L1": ops.abs, "L2": ops.square, "SumSquare": ops.square, "LogSumExp": ops.exp}
    after = {"L2": ops.sqrt, "LogSum": ops.log, "LogSumExp": ops.log}
    if kind == "LogSumExp" and every:
        return ops.logsumexp(x, every, keep)
    y = before[kind](x) if kind in before else x
    if every:
        y = _reduced(kind, y, every, keep)
    return (after[kind](y) if kind in after else y).to(x.dtype)


def _extreme_of(dtype: np.dtype[Any], largest: bool) -> Any:
    """The largest or the smallest number of a dtype."""
    if dtype.kind == "b":
        return largest
    if dtype.kind == "f":
        return math.inf if largest else -math.inf
    return int(np.iinfo(dtype).max if largest else np.iinfo(dtype).min)


def _reduced(kind: str, x: Any, axes: tuple[int, ...], keep: bool) -> Any:
    if kind in ("Max", "Min"):
        empty = any(x.shape[axis] == 0 for axis in axes)
        if empty:
            shape = [1 if axis in axes else n for axis, n in enumerate(x.shape) if keep or axis not in axes]
            return ops.full(shape, _extreme_of(x._array.dtype, kind == "Min"), dtype=x.dtype)
        return (ops.amax if kind == "Max" else ops.amin)(x, axes, keep)
    if kind == "Mean":
        return ops.mean(x if x.is_floating_point() else x.double(), axes, keep)
    if kind == "Prod":
        for axis in sorted(axes, reverse=True):
            x = ops.prod(x, axis, keep)
        return x
    return ops.sum(x, axes, keep)


@reads("ArgMax", "ArgMin")
def arg_extreme(node: Node, x: Any) -> Any:
    """The first of equal ones, or the last."""
    axis, keep = node.get("axis", 0), bool(node.get("keepdims", 1))
    find = ops.argmax if node.op == "ArgMax" else ops.argmin
    if node.get("select_last_index", 0):
        return x.shape[axis] - 1 - find(ops.flip(x, axis), axis, keep)
    return find(x, axis, keep)


@reads("TopK")
def topk(node: Node, x: Any, k: Any = None) -> Any:
    """The largest, or the smallest, in order."""
    count = node.get("k") if k is None else int(k.item())
    return tuple(ops.topk(x, count, node.get("axis", -1), bool(node.get("largest", 1))))


@reads("CumSum")
def cumsum(node: Node, x: Any, axis: Any) -> Any:
    """Running sums, also backwards, and without the element itself."""
    along = int(axis.item())
    y = ops.flip(x, along) if node.get("reverse", 0) else x
    total = ops.cumsum(y, along).to(x.dtype)
    if node.get("exclusive", 0):
        total = total - y
    return ops.flip(total, along) if node.get("reverse", 0) else total
