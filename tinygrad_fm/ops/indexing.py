"""Indexing: ``x[...]``, ``x[...] = v``, and the functions that read, write, add or fill at indices and masks.

An index is taken apart into a basic part (ints, slices, None, Ellipsis), which gives a view, and an advanced part (masks and
arrays of indices), which gives a copy. Reading and writing are each
other's derivatives: :data:`basic` and :data:`place`, :data:`gather_at` and :data:`add_into`.
https://pytorch.org/docs/stable/tensor_view.html, https://numpy.org/doc/stable/user/basics.indexing.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import box, is_tensor, raw
from ..autograd.broadcast import broadcast_to, broadcasts_to, sum_to
from ..autograd.inplace import inplace
from ..autograd.node import memory_order
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..autograd.view import Replay, View
from ..dtypes import all_as_stored, as_stored, as_written, bool_
from ..errors import OutOfRangeError, ShapeError
from ._arguments import as_index, int64, one_dim
from .copy import copy
from .elementwise import where
from .index_key import ALL, Key, arrangement, is_whole, plain_key, split_key
from .shape import Array, broadcast_tensors, ravel, to_shape, view_op

__all__ = [
    "argwhere",
    "index_add",
    "index_copy",
    "index_fill",
    "index_put",
    "index_select",
    "masked_fill",
    "masked_scatter",
    "masked_select",
    "nonzero",
    "put",
    "take",
    "unbind",
    "unravel_index",
]


def zeros_in_order_of(like: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of ``like``'s dtype, with the axes in memory in the same order if there are equally many."""
    order = memory_order(like) if like.ndim == len(shape) else None
    if order is None:
        return np.zeros(shape, like.dtype)
    return np.zeros([shape[axis] for axis in order], like.dtype).transpose(np.argsort(order))


def _place(part: Array, key: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    out = zeros_in_order_of(np.asarray(part), shape)
    out[key] = part
    return out


# `key` is a tuple of ints, slices, None and one Ellipsis: with that NumPy gives a view, never a scalar
basic = view_op(lambda x, key: x[key], name="getitem", x=lambda g, key, x_shape: place(g, key=key, shape=x_shape))

place: Any = primitive(_place, name="place", promotion=None, part=lambda g, key: basic(g, key=key))


def flat_indices(shape: tuple[int, ...], key: Key) -> Array:
    """Where the elements of ``x[key]`` lie in the flattened ``x``, which has ``shape``; no index in ``key`` is negative."""
    key = key + (ALL,) * (len(shape) - len(key))
    arrays, others, before = arrangement(key)
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    found = key[arrays[0]] * strides[arrays[0]]
    for i in arrays[1:]:
        found = found + key[i] * strides[i]
    ndim = found.ndim
    found = found.reshape(found.shape + (1,) * (len(others) - before))
    for at, i in enumerate(others):
        behind = len(others) - at - 1 + (ndim if at < before else 0)
        found = found + np.arange(0, shape[i] * strides[i], strides[i] or 1).reshape(-1, *(1,) * behind)
    return found


def add_at(shape: tuple[int, ...], where: Array, values: Array) -> Array:
    """Zeros of ``shape``, with each of ``values`` added at its place in the flattened array; repeated places add up."""
    out = np.zeros(shape, values.dtype)
    np.add.at(out.reshape(-1), where.ravel(), values.ravel())  # in one dimension NumPy needs but 1 ns an element
    return out


def _gather_at(x: Array, key: Key) -> Array:
    arrays, _, at = arrangement(key)
    return np.asarray(np.take(x, as_index(key[at]), at) if len(arrays) == 1 else x[key])


# in `key` are arrays of indices, none of them negative, and `:`
gather_at = primitive(_gather_at, name="index", promotion=None, x=lambda g, key, x_shape: add_into(g, key=key, shape=x_shape))

add_into: Any = primitive(
    lambda part, key, shape: add_at(shape, flat_indices(shape, key), np.asarray(part)),
    name="index_add",
    promotion=None,
    part=lambda g, key: gather_at(g, key=key),
)


# -- x[...] ------------------------------------------------------------------------------------------------------------


def getitem(input: Any, index: Any) -> Tensor:
    """``input[index]``, with PyTorch's rules.

    Args:
        index: ints, slices with positive steps, None, Ellipsis, bool masks (tensor, array or list), arrays of indices, or a
            tuple of these. With ints and slices only, the result is a view; otherwise a copy.

    Raises:
        IndexError: too many indices, one out of range, a mask that does not fit, index arrays that do not broadcast.
        ValueError: a negative step.
    """
    key = plain_key(index)
    if key is not None:
        try:
            return basic(input, key=key)
        except (IndexError, OverflowError):
            pass  # the slow path raises the same error with our message
    key, advanced = split_key(tuple(input.shape), index)
    if advanced is None:
        return basic(input, key=key)
    return gather_at(input if is_whole(key) else basic(input, key=key), key=advanced)


def _put(x: Array, values: Any, key: Key, accumulate: bool) -> Array:
    out = x.copy("K")
    if not accumulate:
        out[key] = values
        return out
    at = flat_indices(x.shape, key)
    out += add_at(x.shape, at, np.broadcast_to(values, at.shape).astype(x.dtype, copy=False))
    return out


_index_put: Any = primitive(
    _put,
    name="index_put",
    promotion=None,
    x=lambda g, key, accumulate: g if accumulate else _index_put(g, 0.0, key=key, accumulate=False),
    values=lambda g, key, values_shape: sum_to(gather_at(g, key=key), shape=values_shape),
)


def _fitting(values: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """``values`` to be written to a place of ``shape`` and ``dtype``, without surplus dimensions of size 1 in front."""
    if isinstance(values, (int, float)):
        return as_written("setitem", values, dtype)
    if not hasattr(values, "shape"):
        values = all_as_stored("setitem", np.asarray(values), dtype)
    given = tuple(np.shape(raw(values)))
    stripped = given
    while len(stripped) > len(shape) and stripped[0] == 1:
        stripped = stripped[1:]
    if not broadcasts_to(stripped, shape):
        raise ShapeError(f"a value of shape {given} does not fit into the indexed place of shape {shape}")
    return values if stripped == given else to_shape(values, shape=stripped)


def _same_dtype_by_index(dtype: np.dtype[Any], values: Any) -> None:
    """Refuse a tensor of another dtype where places are given by arrays of indices, as PyTorch does."""
    given = getattr(raw(values), "dtype", dtype)
    if is_tensor(values) and given != dtype:
        raise RuntimeError(
            f"index_put(): values written at indices must have the tensor's dtype {dtype}, got {given}; use .to()"
        )


def _taken_shape(shape: tuple[int, ...], key: Key) -> tuple[int, ...]:
    """The shape of ``x[key]`` for an ``x`` of ``shape``."""
    key = key + (ALL,) * (len(shape) - len(key))
    arrays, others, before = arrangement(key)
    left = [shape[i] for i in others]
    return (*left[:before], *np.broadcast_shapes(*(key[i].shape for i in arrays)), *left[before:])


def setitem(input: Any, index: Any, value: Any) -> None:
    """``input[index] = value``, on the tape: also through views, and for every index that :func:`getitem` takes.

    Args:
        value: a number, or a tensor or array that broadcasts to the indexed place; it is cast to ``input``'s dtype.

    Raises:
        ShapeError: the value does not fit. AutogradError: ``input`` is a leaf that requires a gradient.
    """
    dtype = raw(input).dtype
    key, advanced = split_key(tuple(input.shape), index)
    target = input if is_whole(key) else basic(input, key=key)
    if advanced is None:
        inplace(copy, target, _fitting(value, tuple(target.shape), dtype))
        return
    fitting = _fitting(value, _taken_shape(tuple(target.shape), advanced), dtype)
    if getattr(raw(index), "dtype", None) != np.bool_ or np.size(raw(fitting)) != 1:  # one value for a mask is cast
        _same_dtype_by_index(dtype, fitting)
    inplace(_index_put, target, fitting, key=advanced, accumulate=False)


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy of ``input`` with ``input[indices] = values``, or with ``values`` added there.

    Args:
        indices: a tuple of index arrays or masks. accumulate: add, so that repeated indices add up.

    Raises:
        IndexError: ``indices`` are not tensors of integers or bools alone.

    >>> import tinygrad_fm as torch
    >>> torch.index_put(torch.zeros(3), (torch.tensor([0, 2]),), torch.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    key, advanced = split_key(tuple(input.shape), tuple(indices))
    if advanced is None or not is_whole(key):
        raise IndexError("index_put(): indices must be a tuple of tensors of integers or bools")
    fitting = _fitting(values, _taken_shape(tuple(input.shape), advanced), raw(input).dtype)
    _same_dtype_by_index(raw(input).dtype, fitting)
    return _index_put(input, fitting, key=advanced, accumulate=accumulate)


# -- whole slices ------------------------------------------------------------------------------------------------------


def _slices(op: str, input: Any, dim: int, index: Any) -> tuple[Any, Key]:
    """``input``, with a dimension if it has none, and the key that takes its slices ``index`` along ``dim``."""
    indices = np.array(raw(index))  # a copy: the given one may change later
    dim = one_dim(op, dim, len(input.shape))
    if indices.dtype.kind not in "iu" or indices.ndim > 1:
        raise IndexError(f"{op}(): index must be a vector of integers, got {indices.dtype} of shape {indices.shape}")
    x = input if input.shape else ravel(input)
    if indices.size and not 0 <= indices.min() <= indices.max() < x.shape[dim]:
        worst = indices.min() if indices.min() < 0 else indices.max()
        raise OutOfRangeError(f"{op}(): index {worst} is out of bounds for dimension {dim} with size {x.shape[dim]}")
    return x, (*(ALL,) * dim, np.atleast_1d(indices))


def index_select(input: Any, dim: int, index: Any) -> Tensor:
    """The slices of ``input`` along ``dim`` at the places ``index``, a vector of integers, as a copy.

    >>> import tinygrad_fm as torch
    >>> torch.index_select(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    x, key = _slices("index_select", input, dim, index)
    y = gather_at(x, key=key)
    return y if input.shape else to_shape(y, shape=())


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
    """``input`` with ``alpha`` times the slices of ``source`` added to its slices ``index`` along ``dim``.

    Raises ShapeError if ``source`` does not have ``input``'s shape, except for as many slices as ``index`` has elements.

    >>> import tinygrad_fm as torch
    >>> torch.index_add(torch.zeros(3), 0, torch.tensor([0, 0, 2]), torch.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    x, key = _slices("index_add", input, dim, index)
    shape, at = tuple(x.shape), len(key) - 1
    expected = (*shape[:at], key[-1].size, *shape[at + 1 :])
    if tuple(source.shape) != expected and (input.shape or np.size(raw(source)) != 1):
        raise ShapeError(f"index_add(): source must have shape {expected}, got {tuple(source.shape)}")
    scaled = source if alpha == 1 else source * as_stored("index_add", alpha, raw(source).dtype)
    y = x + add_into(to_shape(scaled, shape=expected), key=key, shape=shape)
    return y if input.shape else to_shape(y, shape=())


def _replaced(input: Any, key: Any, value: Any) -> Any:
    result = input.clone()
    result[key] = value
    return result


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Tensor:
    """``input`` with ``value``, a number or a 0-d tensor, in the slices ``index`` along ``dim``; negative ones count back.

    Raises IndexError for an index out of range or not of int64, RuntimeError for an index of two dimensions or a value of one.

    >>> import tinygrad_fm as torch
    >>> torch.index_fill(torch.zeros(3), 0, torch.tensor([0, 2]), 9.0)
    tensor([9., 0., 9.])
    """
    if np.ndim(raw(value)):
        raise RuntimeError(f"index_fill(): value must be a number or a 0-d tensor, got {raw(value).ndim} dimension(s)")
    at = raw(index)
    if at.dtype != np.int64:
        raise IndexError(f"index_fill(): expected dtype int64 for index, got {at.dtype}")
    if at.ndim > 1:
        raise RuntimeError(f"index_fill(): index has to be a vector or 0-d, got shape {at.shape}")
    size = input.shape[one_dim("index_fill", dim, len(input.shape))] if input.shape else 1
    x, key = _slices("index_fill", input, dim, np.where(at < 0, at + size, at))
    number = value if isinstance(value, (int, float)) else raw(value).item()
    stored = as_stored("index_fill", number, raw(input).dtype)
    y = _index_put(x, stored if number is value else value, key=key, accumulate=False)
    return y if input.shape else to_shape(y, shape=())


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Tensor:
    """``input`` with the slices ``index`` along ``dim`` taken from ``source``, in its order.

    Raises:
        RuntimeError: ``source`` has another dtype than ``input``.
        ShapeError: ``source`` has not the shape of the slices.

    >>> import tinygrad_fm as torch
    >>> torch.index_copy(torch.zeros(3), 0, torch.tensor([0, 2]), torch.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    x, key = _slices("index_copy", input, dim, index)
    shape, at = tuple(x.shape), len(key) - 1
    expected = (*shape[:at], key[-1].size, *shape[at + 1 :])
    if raw(source).dtype != raw(input).dtype:
        raise RuntimeError(f"index_copy(): source must have input's dtype {raw(input).dtype}, got {raw(source).dtype}")
    if tuple(source.shape) != expected and (input.shape or np.size(raw(source)) != 1):
        raise ShapeError(f"index_copy(): source must have shape {expected}, got {tuple(source.shape)}")
    y = _index_put(x, to_shape(source, shape=expected), key=key, accumulate=False)
    return y if input.shape else to_shape(y, shape=())


# -- masks -------------------------------------------------------------------------------------------------------------


def _mask(op: str, mask: Any) -> Array:
    array = np.asarray(raw(mask))
    if array.dtype != np.bool_:
        raise RuntimeError(f"{op}(): mask must be a bool tensor, got {array.dtype}; use .bool()")
    return array


_masked_fill = primitive(
    lambda x, value, mask: np.where(mask, np.asarray(value).astype(x.dtype), x),
    name="masked_fill",
    promotion=None,
    broadcasts=True,
    x=lambda g, mask: where(mask, 0.0, g),
    value=lambda g, mask: where(mask, g, 0.0),
)


def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """``input`` with ``value``, a number or a 0-d tensor, where ``mask`` holds; mask and input broadcast.

    Raises:
        ShapeError: ``value`` is neither a number nor 0-d.

    >>> import tinygrad_fm as torch
    >>> torch.masked_fill(torch.tensor([1., 2.]), torch.tensor([True, False]), float("-inf"))
    tensor([-inf, 2.])
    """
    if np.ndim(raw(value)):
        raise ShapeError(f"masked_fill(): value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    number = value if isinstance(value, (int, float)) else raw(value).item()
    stored = as_stored("masked_fill", number, raw(input).dtype)
    return _masked_fill(input, stored if number is value else value, mask=_mask("masked_fill", mask))


def masked_select(input: Any, mask: Any) -> Tensor:
    """The elements of ``input`` where ``mask`` holds, in one dimension; the two broadcast.

    Raises:
        ShapeError: the two do not broadcast.

    >>> import tinygrad_fm as torch
    >>> torch.masked_select(torch.tensor([1, 2, 3]), torch.tensor([True, False, True]))
    tensor([1, 3])
    """
    chosen = _mask("masked_select", mask)
    try:
        shape = np.broadcast_shapes(tuple(input.shape), chosen.shape)
    except ValueError:
        raise ShapeError(
            f"masked_select(): mask of shape {chosen.shape} and input of shape {tuple(input.shape)} do not broadcast"
        ) from None
    if not shape:
        return gather_at(ravel(input), key=np.atleast_1d(chosen).nonzero())
    x = input if tuple(input.shape) == shape else broadcast_to(input, shape=shape)
    return gather_at(x, key=np.broadcast_to(chosen, shape).nonzero())


def masked_scatter(input: Any, mask: Any, source: Any) -> Tensor:
    """``input`` with the elements where ``mask`` holds taken from ``source``, one after the other.

    Raises:
        RuntimeError: ``mask`` is not of bools.

    >>> import tinygrad_fm as torch
    >>> torch.masked_scatter(torch.zeros(3), torch.tensor([True, False, True]), torch.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    if mask.dtype is not bool_:
        raise RuntimeError(f"masked_scatter(): expected a mask of bools, got {mask.dtype}")
    input, where = broadcast_tensors(input, mask)
    return _replaced(input, where, source.reshape(-1)[: int(where.sum())])


def take(input: Any, index: Any) -> Tensor:
    """The elements at ``index``, counted as if ``input`` were a vector; of the index's shape.

    Raises:
        RuntimeError: ``index`` is not int64.

    >>> import tinygrad_fm as torch
    >>> torch.take(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0, 3]))
    tensor([1, 4])
    """
    if raw(index).dtype != np.int64:
        raise RuntimeError(f"take(): index must be int64, got {raw(index).dtype}; use .long()")
    return input.reshape(-1)[index]


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    """``input`` with the elements at ``index``, counted as if it were a vector, taken from ``source``, or added up there.

    Raises:
        RuntimeError: ``source`` has another dtype than ``input``.
        ShapeError: ``index`` and ``source`` have different numbers of elements.

    >>> import tinygrad_fm as torch
    >>> torch.put(torch.zeros(2, 2), torch.tensor([3]), torch.tensor([5.0]))
    tensor([[0., 0.],
            [0., 5.]])
    """
    if raw(input).dtype != raw(source).dtype:
        raise RuntimeError(f"put(): source must have input's dtype {raw(input).dtype}, got {raw(source).dtype}")
    if raw(index).size != raw(source).size:
        raise ShapeError(f"put(): index has {raw(index).size} elements, source {raw(source).size}")
    return index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(tuple(input.shape))


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Indices into the flattened tensor of ``shape`` as indices of each dimension, int64.

    Raises:
        ValueError: ``indices`` that are no integers or out of range, or a negative size.

    >>> import tinygrad_fm as torch
    >>> torch.unravel_index(torch.tensor([3]), (2, 2))
    (tensor([1]), tensor([1]))
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    at, total = raw(indices), math.prod(sizes)
    if at.dtype.kind not in "iu":
        raise ValueError(f"unravel_index(): indices must be integers, got {at.dtype}")
    if min(sizes, default=0) < 0:
        raise ValueError(f"unravel_index(): a size cannot be negative, got {sizes}")
    if at.size and not -total <= int(at.min()) <= int(at.max()) < total:
        raise ValueError(f"unravel_index(): an index is out of range for shape {sizes}")
    at = at.astype(np.int64)
    at = np.where(at < 0, at + total, at)
    parts: list[Array] = []
    for size in reversed(sizes):  # NumPy's own gives indices of the machine's word
        at, part = np.divmod(at, size) if at.size else (at, at)
        parts.append(np.asarray(part))
    return tuple(map(box, reversed(parts)))


def _together(*parts: Array, keys: Any, shape: tuple[int, ...]) -> Array:
    out = zeros_in_order_of(np.asarray(parts[0]), shape)
    for part, key in zip(parts, keys, strict=True):
        out[key] = part
    return out


def _parts_rule(g: Any, keys: Any, x_shape: tuple[int, ...]) -> Any:
    used = [(part, key) for part, key in zip(g, keys, strict=True) if part is not None]
    return (together(*(part for part, _ in used), keys=[key for _, key in used], shape=x_shape),)


# all parts by one operation: one gradient is put together of theirs, where as many `place` would each fill an array with zeros
_parts: Any = primitive(
    lambda x, keys: tuple(x[key] for key in keys), name="split", promotion=None, outputs=2, inputs="x", joint=_parts_rule
)

together: Any = primitive(
    _together, name="together", promotion=None, inputs="*", joint=lambda g, keys: tuple(basic(g, key=key) for key in keys)
)


def parts(op: str, input: Any, keys: list[Any]) -> tuple[Any, ...]:
    """Views of ``input[key]`` for each of ``keys``, of which no two overlap, as the results of ``op``."""
    found: tuple[Any, ...]
    found = _parts(input, keys=keys) if len(keys) > 1 else tuple(basic(input, key=key) for key in keys)
    if is_tensor(input):
        for part, key in zip(found, keys, strict=True):
            part._view = View(input, Replay(basic, (), {"key": key}), op)
    return found


def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of all slices along ``dim``, as a tuple.

    >>> import tinygrad_fm as torch
    >>> torch.unbind(torch.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    dim = one_dim("unbind", dim, len(input.shape))
    return parts("unbind", input, [(*(slice(None),) * dim, i, ...) for i in range(input.shape[dim])])


# -- indices as results ------------------------------------------------------------------------------------------------


def _indices(x: Array) -> Array:
    return int64(np.argwhere(x)) if x.ndim else np.empty((int(bool(x)), 0), np.int64)


_nonzero = primitive(_indices, name="nonzero", inputs="x", promotion=None)


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices (n, ndim) of the n elements that are not 0, in order; as a tuple of one vector per dimension if wished.

    >>> import tinygrad_fm as torch
    >>> torch.argwhere(torch.tensor([[1, 0], [0, 2]]))
    tensor([[0, 0],
            [1, 1]])
    """
    if as_tuple:
        return unbind(_nonzero(input if input.shape else ravel(input)), 1)
    return _nonzero(input)


# -- PyTorch's second names ---------------------------------------------------------------------------------------------

argwhere = nonzero
