"""Shapes, indexing, joining and reductions as ONNX nodes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tracing import Step, Value
from .dynamic_sizes import SymInt, is_static
from .export_table import NoCounterpart, like, writes
from .graph_builder import Builder, slice_end, whole

# -- shapes ------------------------------------------------------------------------------------------------------------


def reshape(g: Builder, x: str, old: Sequence[Any], new: Sequence[Any]) -> str:
    """``x`` of shape ``old`` in the shape ``new``: sizes that follow the inputs are kept (0), found (-1) or computed."""
    if tuple(old) == tuple(new):
        return x
    open_ = [axis for axis, n in enumerate(new) if isinstance(n, SymInt)]
    kept = [axis for axis in open_ if len(open_) > 1 and axis < len(old) and old[axis] == new[axis]]
    left = [axis for axis in open_ if axis not in kept]
    if 0 in new:
        kept = []
        left = open_
    if len(left) > 1 or (left and 0 in new):
        return g.node("Reshape", [x, g.shape(new)], **({"allowzero": 1} if 0 in new else {}))
    sizes = [0 if axis in kept else -1 if axis in left else n for axis, n in enumerate(new)]
    return g.node("Reshape", [x, g.ints(sizes)], **({"allowzero": 1} if 0 in new else {}))


def unsqueeze(g: Builder, x: str, axis: int) -> str:
    """A new dimension of size 1."""
    y = g.node("Unsqueeze", [x, g.ints([axis])])
    g.unsqueezed[y] = (x, axis)
    return y


def squeeze(g: Builder, x: str, axes: Sequence[int]) -> str:
    """Without dimensions of size 1."""
    if x in g.unsqueezed and [g.unsqueezed[x][1]] == list(axes):
        return g.unsqueezed[x][0]
    return g.node("Squeeze", [x, g.ints(list(axes))]) if axes else x


def transpose(g: Builder, x: str, order: Sequence[int]) -> str:
    """The dimensions in another order."""
    return x if list(order) == sorted(order) else g.shared("Transpose", [x], perm=tuple(order))


def expand(g: Builder, x: str, old: Sequence[Any], new: Sequence[Any]) -> str:
    """``x`` of shape ``old``, broadcast to ``new``."""
    before = len(new) - len(old)
    sizes = [1 if axis >= before and old[axis - before] == n else n for axis, n in enumerate(new)]
    return g.node("Expand", [x, g.shape(sizes)]) if sizes != [1] * len(old) else x


@writes("reshape", "view", "flatten", "repeat")
def write_reshape(g: Builder, step: Step) -> str:
    """Another shape."""
    x, new = step.inputs[0], step.result.shape
    if step.name == "flatten" and len(new) == 2 and x.ndim > 2 and x.shape[0] == new[0]:
        return g.node("Flatten", [g.name(x)], axis=1)
    return reshape(g, g.name(x), x.shape, new)


@writes("unsqueeze")
def write_unsqueeze(g: Builder, step: Step) -> str:
    """The first place at which a size of 1 gives the new shape."""
    old, new = step.inputs[0].shape, step.result.shape
    axis = next(i for i in range(len(new)) if (*old[:i], 1, *old[i:]) == new)
    return unsqueeze(g, g.name(step.inputs[0]), axis)


@writes("squeeze")
def write_squeeze(g: Builder, step: Step) -> str:
    """Without those dimensions of size 1 that the result does not have."""
    old, new = step.inputs[0].shape, step.result.shape
    ones = [axis for axis, n in enumerate(old) if n == 1]
    axes = next(
        some
        for some in itertools.combinations(ones, len(old) - len(new))
        if tuple(n for axis, n in enumerate(old) if axis not in some) == new
    )
    return squeeze(g, g.name(step.inputs[0]), axes)


@writes("permute", "transpose")
def write_transpose(g: Builder, step: Step) -> str:
    """The dimensions in another order."""
    order = list(range(step.inputs[0].ndim))
    if step.name == "permute":
        order = list(step.static["dims"])
    else:
        i, j = step.static["dim0"], step.static["dim1"]
        order[i], order[j] = order[j], order[i]
    return transpose(g, g.name(step.inputs[0]), order)


@writes("broadcast_to")
def write_expand(g: Builder, step: Step) -> str:
    """Expand."""
    return expand(g, g.name(step.inputs[0]), step.inputs[0].shape, step.result.shape)


# -- indexing ----------------------------------------------------------------------------------------------------------


def _spelled_out(key: tuple[Any, ...], ndim: int) -> list[Any]:
    """``key`` with ``:`` for the dimensions that the Ellipsis stands for."""
    at = key.index(...) if ... in key else len(key)
    hidden = ndim - sum(item is not None and item is not ... for item in key)
    return [*key[:at], *[slice(None)] * hidden, *key[at + 1 :]]


def getitem(g: Builder, x: str, shape: Sequence[Any], key: tuple[Any, ...]) -> str:
    """``x[key]`` for ints, slices, None and one Ellipsis."""
    items = _spelled_out(key, len(shape))
    slices, ints, new, axis, out = [], [], [], 0, 0
    for item in items:
        if item is None:
            new.append(out)
            out += 1
            continue
        if isinstance(item, slice):
            if not whole(item, shape[axis]):
                slices.append((axis, item.start or 0, slice_end(item, shape[axis]), item.step or 1))
            out += 1
        else:
            ints.append((axis, item))
        axis += 1
    if slices:
        axes, starts, ends, steps = zip(*slices, strict=True)
        x = g.node("Slice", [x, g.shape(starts), g.shape(ends), g.ints(axes), g.ints(steps)])
    for axis, index in reversed(ints):
        x = g.node("Gather", [x, g.scalar(index)], axis=axis)
    return g.node("Unsqueeze", [x, g.ints(new)]) if new else x


@writes("getitem")
def write_getitem(g: Builder, step: Step) -> str:
    """Slices and places."""
    x = step.inputs[0]
    return getitem(g, g.name(x), x.shape, step.static["key"])


@writes("split")
def write_split(g: Builder, step: Step) -> list[str]:
    """One node where the parts have fixed sizes and make up the whole, else a slice for each."""
    x, keys = step.inputs[0], step.static["keys"]
    axis = len(keys[0]) - 2
    cuts = [key[axis] for key in keys]
    if all(isinstance(cut, slice) for cut in cuts):
        sizes = [cut.stop - cut.start for cut in cuts]
        if is_static([*sizes, *(cut.start for cut in cuts)]) and sum(sizes) == x.shape[axis]:
            names: list[str] = g.node("Split", [g.name(x), g.ints(sizes)], outputs=len(sizes), axis=axis)
            return names
    return [getitem(g, g.name(x), x.shape, key) for key in keys]


@writes("view_scatter")
def write_view_scatter(g: Builder, step: Step) -> str:
    """The first input with the second in place of the part that a view shows: what a write in place comes to."""
    base, part = step.inputs
    view, static = step.static["view"], step.static
    if view in ("reshape", "view", "flatten", "unsqueeze", "squeeze"):
        return reshape(g, g.name(part), part.shape, base.shape)
    if view in ("permute", "transpose"):
        order = list(range(base.ndim))
        if view == "permute":
            order = list(static["dims"])
        else:
            order[static["dim0"]], order[static["dim1"]] = static["dim1"], static["dim0"]
        return transpose(g, g.name(part), np.argsort(order).tolist())
    if view != "getitem":
        raise NoCounterpart(f"writing in place through a view by '{view}'")
    items = _spelled_out(static["key"], base.ndim)
    left, full = list(part.shape), []
    for item in items:
        if item is None:
            left.pop(0)
        else:
            full.append(left.pop(0) if isinstance(item, slice) else 1)
    items = [item for item in items if item is not None]
    return _assign(g, g.name(base), base.shape, items, reshape(g, g.name(part), part.shape, full))


def _assign(g: Builder, base: str, shape: Sequence[Any], items: list[Any], part: str, axis: int = 0) -> str:
    """``base`` with ``part`` at ``items``, from ``axis`` on: what comes before, the part, and what comes after, joined."""
    if all(isinstance(item, slice) and whole(item, n) for item, n in zip(items[axis:], shape[axis:], strict=True)):
        return part
    item, size = items[axis], shape[axis]
    if not isinstance(item, slice):
        last = size - 1 if item == -1 else item
        item = slice(last, last + 1)
    if item.step not in (None, 1):
        raise NoCounterpart("writing in place to a slice with a step")
    lead = (slice(None),) * axis
    start, stop = item.start or 0, size if item.stop is None else item.stop
    if any(not isinstance(n, SymInt) and n < 0 for n in (start, stop)):
        start, stop = (n + size if not isinstance(n, SymInt) and n < 0 else n for n in (start, stop))
    inside = getitem(g, base, shape, (*lead, slice(start, stop), ...))
    inner = [*shape[:axis], stop - start, *shape[axis + 1 :]]
    parts = [_assign(g, inside, inner, [*items[:axis], slice(None), *items[axis + 1 :]], part, axis + 1)]
    if start != 0:
        parts.insert(0, getitem(g, base, shape, (*lead, slice(0, start), ...)))
    if stop != size:
        parts.append(getitem(g, base, shape, (*lead, slice(stop, None), ...)))
    return g.node("Concat", parts, axis=axis) if len(parts) > 1 else parts[0]


@writes("index")
def write_index(g: Builder, step: Step) -> str:
    """Arrays of indices: Gather along one dimension, GatherND along several, which are first brought to the front."""
    x, key = step.inputs[0], step.static["key"]
    arrays = [axis for axis, item in enumerate(key) if isinstance(item, Value)]
    if len(arrays) == 1:
        return g.node("Gather", [g.name(x), _indices(g, key[arrays[0]])], axis=arrays[0])
    rest = [axis for axis in range(x.ndim) if axis not in arrays]
    places, shape = _places(g, [key[axis] for axis in arrays])
    y = g.node("GatherND", [transpose(g, g.name(x), [*arrays, *rest]), places])
    dims = len(shape)
    before = arrays[0] if arrays[-1] - arrays[0] == len(arrays) - 1 else 0
    order = [*range(dims, dims + before), *range(dims), *range(dims + before, dims + len(rest))]
    return transpose(g, y, order)


def _places(g: Builder, arrays: list[Value]) -> tuple[str, list[Any]]:
    """Arrays of indices, one for each dimension, as tuples of indices, and the shape that they broadcast to."""
    ndim = max(array.ndim for array in arrays)
    padded = [(1,) * (ndim - array.ndim) + array.shape for array in arrays]
    shape = [next((n for n in sizes if n != 1), 1) for sizes in zip(*padded, strict=True)]
    columns = [unsqueeze(g, expand(g, _indices(g, array), array.shape, shape), ndim) for array in arrays]
    return g.node("Concat", columns, axis=ndim) if len(columns) > 1 else columns[0], shape


def _indices(g: Builder, value: Value) -> str:
    return g.operand(value, np.dtype(np.int64))


@writes("embedding")
def write_embedding(g: Builder, step: Step) -> str:
    """Rows of the weight."""
    return g.node("Gather", [g.name(step.inputs[0]), g.name(step.static["index"])], axis=0)


@writes("gather")
def write_gather(g: Builder, step: Step) -> str:
    """GatherElements."""
    return g.node("GatherElements", [g.name(step.inputs[0]), _indices(g, step.static["index"])], axis=step.static["dim"])


@writes("scatter", "scatter_add")
def write_scatter(g: Builder, step: Step) -> str:
    """ScatterElements, into the input or into zeros."""
    index, dim = step.static["index"], step.static["dim"]
    part = step.inputs[-1]
    src = g.operand(part, step.result.dtype)
    if not isinstance(part, Value) or part.shape != index.shape:
        src = expand(g, src, part.shape if isinstance(part, Value) else (), index.shape)
    if step.name == "scatter":
        return g.node("ScatterElements", [g.name(step.inputs[0]), _indices(g, index), src], axis=dim)
    zeros = g.node("Expand", [like(g, step, 0), g.shape(step.result.shape)])
    return g.node("ScatterElements", [zeros, _indices(g, index), src], axis=dim, reduction="add")


@writes("index_put")
def write_index_put(g: Builder, step: Step) -> str:
    """ScatterND, where the arrays of indices come first."""
    x, part = step.inputs
    key = step.static["key"]
    count = sum(isinstance(item, Value) for item in key)
    if not all(isinstance(item, Value) for item in key[:count]):
        raise NoCounterpart("with a slice in front of the indices")
    at, shape = _places(g, list(key[:count]))
    src = expand(g, g.operand(part, x.dtype), part.shape if isinstance(part, Value) else (), (*shape, *x.shape[count:]))
    reduction = "add" if step.static["accumulate"] else "none"
    return g.node("ScatterND", [g.name(x), at, src], reduction=reduction)


@writes("flip")
def write_flip(g: Builder, step: Step) -> str:
    """A slice backwards."""
    axes = list(step.static["dims"])
    ends = [g.ints([n] * len(axes)) for n in (-1, -(2**63) + 1)]
    x = g.name(step.inputs[0])
    return g.node("Slice", [x, *ends, g.ints(axes), g.ints([-1] * len(axes))]) if axes else x


@writes("roll")
def write_roll(g: Builder, step: Step) -> str:
    """The end in front of the rest."""
    x, y = step.inputs[0], g.name(step.inputs[0])
    for shift, axis in zip(step.static["shifts"], step.static["dims"], strict=True):
        size, lead = x.shape[axis], (slice(None),) * axis
        moved = shift if isinstance(size, SymInt) else shift % size
        if moved:
            cut = -moved if isinstance(size, SymInt) else size - moved
            ends = [getitem(g, y, x.shape, (*lead, part, ...)) for part in (slice(cut, None), slice(None, cut))]
            y = g.node("Concat", ends, axis=axis)
    return y


@writes("tril", "triu")
def write_triangle(g: Builder, step: Step) -> str:
    """Trilu."""
    kind = step.result.dtype
    x = g.operand(step.inputs[0], np.dtype(np.int64) if kind.kind == "b" else None)
    y = g.node("Trilu", [x, g.scalar(step.static["diagonal"])], upper=int(step.name == "triu"))
    return g.cast(y, kind) if kind.kind == "b" else y


@writes("diagonal")
def write_diagonal(g: Builder, step: Step) -> str:
    """Of a plane of fixed size, its elements by their places."""
    x, dims = step.inputs[0], (step.static["dim1"], step.static["dim2"])
    sizes = [x.shape[d] for d in dims]
    if not is_static(sizes):
        raise NoCounterpart("of dimensions whose sizes follow the inputs")
    rest = [axis for axis in range(x.ndim) if axis not in dims]
    y = transpose(g, g.name(x), [*rest, *dims])
    lead = [x.shape[axis] for axis in rest]
    y = reshape(g, y, [*lead, *sizes], [*lead, math.prod(sizes)])
    places = np.diagonal(np.arange(math.prod(sizes)).reshape(sizes), step.static["offset"])
    return g.node("Gather", [y, g.ints(places)], axis=len(rest))


@writes("one_hot")
def write_one_hot(g: Builder, step: Step) -> str:
    """OneHot."""
    return g.node("OneHot", [_indices(g, step.inputs[0]), g.scalar(step.static["classes"]), g.ints([0, 1])], axis=-1)


# -- joining and filling -----------------------------------------------------------------------------------------------


@writes("cat")
def write_cat(g: Builder, step: Step) -> str:
    """Concat."""
    return g.node("Concat", g.operands(step), axis=step.static["dim"])


@writes("stack")
def write_stack(g: Builder, step: Step) -> str:
    """Concat along a new dimension."""
    axis = step.static["dim"]
    return g.node("Concat", [g.node("Unsqueeze", [x, g.ints([axis])]) for x in g.operands(step)], axis=axis)


@writes("copy", "fill")
def write_copy(g: Builder, step: Step) -> str:
    """The second input, in the first one's shape and dtype."""
    x, source = step.inputs
    value = g.operand(source, x.dtype)
    return expand(g, value, source.shape if isinstance(source, Value) else (), x.shape)


@writes("constant_pad")
def write_pad(g: Builder, step: Step) -> str:
    """Pad."""
    shape, key = step.static["shape"], step.static["key"]
    before = [part.start for part in key]
    after = [n - part.stop for n, part in zip(shape, key, strict=True)]
    return g.node("Pad", [g.name(step.inputs[0]), g.shape([*before, *after]), like(g, step, step.static["value"])])


# -- reductions --------------------------------------------------------------------------------------------------------


def reduce(g: Builder, op: str, x: str, axes: Sequence[int] | None, keepdim: bool) -> str:
    """A reduction over ``axes``, None for all: an input from opset 18 on, of ReduceSum from 13 on; an attribute before."""
    if axes is None:
        return g.node(op, [x], keepdims=int(keepdim))
    if op == "ReduceSum" or g.opset >= 18:
        return g.node(op, [x, g.ints(list(axes))], keepdims=int(keepdim))
    return g.node(op, [x], axes=list(axes), keepdims=int(keepdim))


@writes("sum", "mean", "amax", "amin", "logsumexp")
def write_reduction(g: Builder, step: Step) -> str:
    """ReduceSum and its like."""
    op = {"sum": "Sum", "mean": "Mean", "amax": "Max", "amin": "Min", "logsumexp": "LogSumExp"}[step.name]
    x = g.operand(step.inputs[0], step.result.dtype)
    if op == "Mean" and step.static["keepdim"] and step.static["dim"] == (2, 3) and step.result.ndim == 4:
        return g.node("GlobalAveragePool", [x])
    return reduce(g, f"Reduce{op}", x, step.static["dim"], step.static["keepdim"])


@writes("max", "min")
def write_extreme(g: Builder, step: Step) -> str:
    """Of all elements."""
    return reduce(g, f"Reduce{step.name.title()}", g.name(step.inputs[0]), None, False)


@writes("any", "all")
def write_quantifier(g: Builder, step: Step) -> str:
    """The largest, or the smallest, of what is not 0."""
    x = g.cast(g.operand(step.inputs[0], np.dtype(bool)), np.int64)
    y = reduce(g, "ReduceMax" if step.name == "any" else "ReduceMin", x, step.static["dim"], step.static["keepdim"])
    return g.cast(y, step.result.dtype)


@writes("var", "std")
def write_variance(g: Builder, step: Step) -> str:
    """Σ (x − mean)² / (n − correction)."""
    value, axes = step.inputs[0], step.static["dim"]
    x = g.name(value)
    sizes = [n for axis, n in enumerate(value.shape) if axes is None or axis in axes]
    centred = g.node("Sub", [x, reduce(g, "ReduceMean", x, axes, True)])
    total = reduce(g, "ReduceSum", g.node("Mul", [centred, centred]), axes, step.static["keepdim"])
    count = 1
    for n in sizes:
        count = n * count
    y = g.node("Div", [total, g.number(count - step.static["correction"], value.dtype)])
    return g.node("Sqrt", [y]) if step.name == "std" else y


@writes("norm")
def write_norm(g: Builder, step: Step) -> str:
    """(Σ |x|ᵖ)^(1/p)."""
    p, axes, keep = step.static["p"], step.static["dim"], step.static["keepdim"]
    x = g.name(step.inputs[0])
    if p in (1, 2):
        return reduce(g, f"ReduceL{p:.0f}", x, axes, keep)
    size = g.node("Abs", [x])
    if math.isinf(p):
        return reduce(g, "ReduceMax" if p > 0 else "ReduceMin", size, axes, keep)
    if p == 0:
        some = g.cast(g.cast(x, bool), step.result.dtype)
        return reduce(g, "ReduceSum", some, axes, keep)
    powers = g.node("Pow", [size, like(g, step, p)])
    return g.node("Pow", [reduce(g, "ReduceSum", powers, axes, keep), like(g, step, 1 / p)])


@writes("argmax", "argmin")
def write_arg_extreme(g: Builder, step: Step) -> str:
    """ArgMax, ArgMin: the first of equal ones."""
    x, axis, keep = step.inputs[0], step.static["dim"], step.static["keepdim"]
    kind = np.dtype(np.int64) if x.dtype.kind == "b" else None
    name, op = g.operand(x, kind), "ArgMax" if step.name == "argmax" else "ArgMin"
    if axis is not None:
        return g.node(op, [name], axis=axis, keepdims=int(keep))
    flat = g.node("Reshape", [name, g.ints([-1])])
    return g.node("Reshape", [g.node(op, [flat], axis=0, keepdims=1), g.ints([1] * step.result.ndim)])


@writes("argtop", "argsort")
def write_order(g: Builder, step: Step) -> str:
    """The indices that TopK gives."""
    axis = step.static["dim"]
    k = step.static.get("k", step.inputs[0].shape[axis])
    _, index = g.node(
        "TopK", [g.name(step.inputs[0]), g.size(k)], outputs=2, axis=axis, largest=int(step.static["descending"]), sorted=1
    )
    return str(index)


@writes("cumsum")
def write_cumsum(g: Builder, step: Step) -> str:
    """CumSum."""
    return g.node("CumSum", [g.name(step.inputs[0]), g.ints(step.static["dim"])])
