"""Operations that change the shape: views, wherever the order in memory allows.

A view shares the memory of its input, so writing to either shows in both, and in the gradients of both (``autograd.view``).
https://pytorch.org/docs/stable/tensor_view.html
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..autograd.box import is_tensor, raw
from ..autograd.broadcast import broadcast_to as _broadcast_to
from ..autograd.broadcast import broadcasts_to
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import dtype
from ..errors import ShapeError
from ._arguments import common_shape, one_dim, several, sizes, some_dims

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_tensors",
    "broadcast_to",
    "flatten",
    "moveaxis",
    "movedim",
    "permute",
    "ravel",
    "reshape",
    "squeeze",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
    "unflatten",
    "unsqueeze",
]

Array = np.ndarray[Any, Any]

view_op = partial(primitive, view=True, promotion=None)


# -- the same elements in the same order, in another shape -------------------------------------------------------------


def _reshaping(name: str) -> Any:
    return view_op(lambda x, shape: x.reshape(shape), name=name, x=lambda g, x_shape: to_shape(g, shape=x_shape))


to_shape, _view, _flatten = _reshaping("reshape"), _reshaping("view"), _reshaping("flatten")

_unsqueeze, _squeeze = _reshaping("unsqueeze"), _reshaping("squeeze")


def _reshape(op: Any, input: Any, shape: tuple[int, ...]) -> Any:
    try:
        if not shape or min(shape) >= -1:
            return op(input, shape=shape)
    except ValueError:
        pass
    raise ShapeError(
        f"{op.__name__}(): the shape {shape} does not fit an input of shape {tuple(input.shape)}, "
        f"which has {raw(input).size} elements; at most one size may be -1"
    )


def reshape(input: Any, *sizes_: int, shape: Any = None) -> Tensor:
    """``input``'s elements, in order, in another shape; a view where the memory allows, else a copy.

    Args:
        shape: ints, one by one or as a tuple; one of them may be -1 and is found from the others.

    Raises:
        ShapeError: the number of elements differs.

    >>> import tinygrad_fm as torch
    >>> torch.reshape(torch.arange(6), (2, -1)).shape
    torch.Size([2, 3])
    """
    return _reshape(to_shape, input, sizes("reshape", sizes_, shape))


_bytes_as = view_op(lambda x, to: x.view(to), name="view_dtype", inputs="x")


def view(input: Any, *sizes_: int, size: Any = None) -> Tensor:
    """As :func:`reshape`, for when memory is to be shared: where the memory order forbids that, ``view`` too makes a copy
    (PyTorch refuses), and writing to the copy raises an error that says so. Given a dtype, the same bytes as elements of it."""
    kind = sizes_[0] if len(sizes_) == 1 else None
    if isinstance(kind, dtype):
        return _reinterpret(input, kind)
    return _reshape(_view, input, sizes("view", sizes_, size))


def _reinterpret(input: Any, kind: dtype) -> Any:
    """The same bytes as elements of another dtype, whose last dimension is longer or shorter by the ratio of their sizes."""
    old, new = raw(input).dtype.itemsize, kind.itemsize
    if old != new:
        if not len(input.shape):
            raise RuntimeError(f"view(): a 0-d tensor of {old} bytes cannot be seen as {kind}, of {new}")
        if raw(input).strides[-1] != old or input.shape[-1] * old % new:
            raise RuntimeError(f"view(): the last dimension of shape {tuple(input.shape)} cannot be seen as {kind}")
    return _bytes_as(input, to=kind.numpy)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from ``start_dim`` to ``end_dim``, both included, merged into one; (N, C, H, W) → (N·C·H·W,).

    Raises RuntimeError if ``start_dim`` comes after ``end_dim``.

    Raises:
        ShapeError: ``start_dim`` comes after ``end_dim``.

    >>> import tinygrad_fm as torch
    >>> torch.flatten(torch.ones(2, 3, 4), start_dim=1).shape
    torch.Size([2, 12])
    """
    shape = tuple(input.shape)
    start, end = one_dim("flatten", start_dim, len(shape)), one_dim("flatten", end_dim, len(shape))
    if start > end:
        raise ShapeError(f"flatten(): start_dim {start_dim} comes after end_dim {end_dim}")
    merged = 1
    for n in shape[start : end + 1]:
        merged *= n
    return _flatten(input, shape=(*shape[:start], merged, *shape[end + 1 :]))


def ravel(input: Any) -> Tensor:
    """``input`` in one dimension; a view where the memory allows.

    >>> import tinygrad_fm as torch
    >>> torch.ravel(torch.ones(2, 3)).shape
    torch.Size([6])
    """
    return to_shape(input, shape=(-1,))


def unsqueeze(input: Any, dim: int) -> Tensor:
    """``input`` with a dimension of size 1 put in at ``dim``, from -ndim - 1 to ndim.

    >>> import tinygrad_fm as torch
    >>> torch.unsqueeze(torch.ones(3), 0).shape
    torch.Size([1, 3])
    """
    shape = tuple(input.shape)
    dim = one_dim("unsqueeze", dim, len(shape) + 1)
    return _unsqueeze(input, shape=(*shape[:dim], 1, *shape[dim:]))


def squeeze(input: Any, dim: Any = None) -> Tensor:
    """``input`` without its dimensions of size 1, or without those among ``dim`` (an int or a tuple) that have size 1.

    >>> import tinygrad_fm as torch
    >>> torch.squeeze(torch.ones(1, 3, 1)).shape, torch.squeeze(torch.ones(1, 3, 1), 0).shape
    (torch.Size([3]), torch.Size([3, 1]))
    """
    shape = tuple(input.shape)
    dims = range(len(shape)) if dim is None else some_dims("squeeze", dim, len(shape))
    return _squeeze(input, shape=tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims))


# -- the dimensions in another order -----------------------------------------------------------------------------------

_permute: Any = view_op(
    lambda x, dims: x.transpose(dims),
    name="permute",
    x=lambda g, dims: _permute(g, dims=tuple(sorted(range(len(dims)), key=dims.__getitem__))),
)

_transpose: Any = view_op(
    lambda x, dim0, dim1: x.swapaxes(dim0, dim1), name="transpose", x=lambda g, dim0, dim1: _transpose(g, dim0=dim0, dim1=dim1)
)


def permute(input: Any, *axes: int, dims: Any = None) -> Tensor:
    """A view with the dimensions in the order ``dims``, ints one by one or a tuple.

    Raises:
        ShapeError: not as many ``dims`` as the input has.

    >>> import tinygrad_fm as torch
    >>> torch.permute(torch.zeros(2, 3, 4), (2, 0, 1)).shape
    torch.Size([4, 2, 3])
    """
    given, ndim = sizes("permute", axes, dims), len(input.shape)
    order = some_dims("permute", given, ndim)
    if len(order) != ndim:
        raise ShapeError(f"permute(): {len(order)} dims {given} were given for a tensor of {ndim} dimensions")
    return _permute(input, dims=order)


def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """A view with the dimensions ``dim0`` and ``dim1`` swapped.

    >>> import tinygrad_fm as torch
    >>> torch.transpose(torch.ones(2, 3, 4), 1, 2).shape
    torch.Size([2, 4, 3])
    """
    ndim = len(input.shape)
    dim0, dim1 = one_dim("transpose", dim0, ndim), one_dim("transpose", dim1, ndim)
    return _transpose(input, dim0=dim0, dim1=dim1) if ndim else _permute(input, dims=())


swapdims = transpose


# -- one element seen in many places -----------------------------------------------------------------------------------


def expand(input: Any, *sizes_: int, size: Any = None) -> Tensor:
    """A read-only view in which dimensions of size 1, and new ones in front, are repeated without taking memory.

    Args:
        size: ints, one by one or as a tuple; -1 keeps a dimension as it is.

    Raises ShapeError if a dimension of another size than 1 would change.
    """
    given, shape = sizes("expand", sizes_, size), tuple(input.shape)
    new = len(given) - len(shape)
    target = tuple(shape[i - new] if n == -1 and i >= new else n for i, n in enumerate(given))
    if new < 0 or min(target, default=0) < 0 or not broadcasts_to(shape, target):
        raise ShapeError(f"expand(): a tensor of shape {shape} cannot be expanded to {given}")
    return _broadcast_to(input, shape=target)


def broadcast_to(input: Any, shape: Any) -> Tensor:
    """``input`` expanded to ``shape``, as :func:`expand`.

    >>> import tinygrad_fm as torch
    >>> torch.broadcast_to(torch.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand(input, *sizes("broadcast_to", (), shape))


def expand_as(input: Any, other: Any) -> Tensor:
    """``input`` expanded to the shape of ``other``."""
    return expand(input, *other.shape)


def swapaxes(input: Any, axis0: int, axis1: int) -> Tensor:
    """As :func:`transpose`.

    >>> import tinygrad_fm as torch
    >>> torch.swapaxes(torch.ones(2, 3, 4), 0, 2).shape
    torch.Size([4, 3, 2])
    """
    return transpose(input, axis0, axis1)


def movedim(input: Any, source: Any, destination: Any) -> Tensor:
    """A view with the dimensions ``source`` (an int or several) moved to ``destination``; the others keep their order.

    Raises:
        ShapeError: source and destination name different numbers of dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.movedim(torch.ones(2, 3, 4), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    ndim = len(input.shape)
    here, there = some_dims("movedim", source, ndim), some_dims("movedim", destination, ndim)
    if len(here) != len(there):
        raise ShapeError(f"movedim(): source {source} and destination {destination} must have equally many dims")
    order = [dim for dim in range(ndim) if dim not in here]
    for at, dim in sorted(zip(there, here, strict=True)):
        order.insert(at, dim)
    return permute(input, dims=tuple(order))


moveaxis = movedim


def T(input: Any) -> Tensor:
    """A view with all dimensions in reverse order: the transpose of a matrix."""
    return permute(input, dims=tuple(range(len(input.shape)))[::-1])


def mT(input: Any) -> Tensor:
    """A view with the last two dimensions swapped: the transpose of each matrix of a batch."""
    if len(input.shape) < 2:
        raise ShapeError(f"mT: a tensor of at least 2 dimensions is needed, got shape {tuple(input.shape)}")
    return transpose(input, -2, -1)


def t(input: Any) -> Tensor:
    """The transpose of a matrix; tensors of fewer dimensions stay as they are.

    Raises:
        ShapeError: ``input`` has more than 2 dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.t(torch.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if len(input.shape) > 2:
        raise ShapeError(f"t(): a tensor of at most 2 dimensions is needed, got shape {tuple(input.shape)}")
    return T(input)


def unflatten(input: Any, dim: int, sizes: Any) -> Tensor:
    """Dimension ``dim`` split into ``sizes``, of which one may be -1: the way back from :func:`flatten`.

    Raises:
        ShapeError: the ``sizes`` do not multiply up to that dimension's.

    >>> import tinygrad_fm as torch
    >>> torch.unflatten(torch.ones(2, 12), 1, (3, 4)).shape
    torch.Size([2, 3, 4])
    """
    shape = tuple(input.shape)
    dim = one_dim("unflatten", dim, len(shape))
    inner = tuple(int(n) for n in sizes)
    if inner.count(-1) == 1:  # found here, as the other dimensions may be 0
        known = -math.prod(inner)
        inner = tuple(shape[dim] // known if n == -1 and known else n for n in inner)
    if min(inner, default=0) < 0 or math.prod(inner) != shape[dim]:
        raise ShapeError(f"unflatten(): sizes {tuple(sizes)} do not multiply up to dimension {dim}'s size, {shape[dim]}")
    return to_shape(input, shape=shape[:dim] + inner + shape[dim + 1 :])


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All tensors, as views of the shape that they broadcast to.

    Raises:
        ShapeError: they do not.

    >>> import tinygrad_fm as torch
    >>> [tuple(x.shape) for x in torch.broadcast_tensors(torch.ones(3, 1), torch.ones(2))]
    [(3, 2), (3, 2)]
    """
    every = several(tensors)
    shape = common_shape("broadcast_tensors", *(x.shape for x in every))
    return tuple(broadcast_to(x, shape) for x in every)


def _atleast(ndim: int, tensors: tuple[Any, ...], widen: Any) -> Any:
    every = several(tensors)
    results = tuple(x if x.ndim >= ndim else widen(x) for x in every)
    return results[0] if len(tensors) == 1 and is_tensor(tensors[0]) else results


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor, a 0-d one as (1,).

    >>> import tinygrad_fm as torch
    >>> torch.atleast_1d(torch.tensor(1.0))
    tensor([1.])
    """
    return _atleast(1, tensors, lambda x: x.reshape(1))


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with two dimensions or more: (N,) becomes (1, N).

    >>> import tinygrad_fm as torch
    >>> torch.atleast_2d(torch.tensor([1.0, 2.0]))
    tensor([[1., 2.]])
    """
    return _atleast(2, tensors, lambda x: x.reshape(1, -1))


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with three dimensions or more: (N,) becomes (1, N, 1), (N, M) becomes (N, M, 1).

    >>> import tinygrad_fm as torch
    >>> torch.atleast_3d(torch.tensor([1.0, 2.0])).shape
    torch.Size([1, 2, 1])
    """
    return _atleast(3, tensors, lambda x: x.unsqueeze(-1) if x.ndim == 2 else x.reshape(1, -1, 1))
