"""Products of matrices and vectors. https://pytorch.org/docs/stable/torch.html#blas-and-lapack-operations"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import is_tensor, raw
from ..autograd.broadcast import sum_to
from ..autograd.primitives import Primitive, primitive
from ..autograd.tensor_type import Tensor
from ..errors import OperandError, ShapeError
from ..promotion import broadcastable, same_dtype
from ..runtime import blas_has_threads, defer, get_num_threads, parallel, resolve, take_over_blas
from .shape import to_shape, unsqueeze

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bilinear",
    "bmm",
    "dot",
    "ger",
    "inner",
    "kron",
    "matmul",
    "mm",
    "mv",
    "outer",
    "tensordot",
    "vdot",
]

Array = np.ndarray[Any, Any]


# -- matmul ------------------------------------------------------------------------------------------------------------


def _rows(x: Any) -> Any:
    """(…, n) → (rows, n): all leading dimensions as one."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


_THREADED = 4_000_000  # multiplications from which threads of ours pay, where BLAS has none

# A product's bits must not depend on who makes it: BLAS's threads, one of them, or ours. They don't where OpenBLAS leaves the
# work to one thread (few multiplications), and where its blocks of the inner dimension end at the same places, which one
# thread rounds to a multiple of its kernel's rows and several do not: up to _INNER, and in multiples of _ALIGNED. A longer
# inner dimension is therefore cut there. Only matrices of float32 are so; for anything else BLAS is put on one thread.
_ALONE, _INNER, _ALIGNED = 9_000, 256, 32

# OpenBLAS is faster with a tall product than with a wide one, and its threads share a tall one better. Where the inner
# dimension is _DEEP enough to pay for copying the result, a wide product of so many multiplications is made transposed:
# 64×784×128 takes 103 µs instead of 172 on two threads, 158 instead of 174 on one.
_DEEP, _SHARED = 256, 1_000_000


def _by_threads(a: Array, b: Array) -> bool:
    """Whether threads of ours make the product of ``a`` and ``b``, in parts."""
    (m, k), n = a.shape, b.shape[1]
    return (
        m * k * n >= _THREADED and not blas_has_threads() and k == b.shape[0] and a.dtype is b.dtype and get_num_threads() > 1
    )


def _dot(a: Array, b: Array) -> Array:
    """The product of two matrices, on BLAS's threads; where those are ours, a large one is made by them, in parts."""
    (m, k), n = a.shape, b.shape[1]
    work = m * k * n
    if work < _ALONE:
        return np.dot(a, b)  # unlike np.matmul, copies what BLAS cannot read, as a gradient made by expand()
    if blas_has_threads() and (a.dtype.type is not np.float32 or m == 1 or n == 1):
        take_over_blas()
    if _by_threads(a, b):
        return resolve(_dot_later(a, b))
    if m < n and k >= _DEEP and work >= _SHARED:
        return np.ascontiguousarray(_whole(b.T, a.T).T)
    return _whole(a, b)


def _whole(a: Array, b: Array) -> Array:
    """The product of two matrices, in one part."""
    if not _rest(a.shape[1]):
        return np.dot(a, b)
    y = np.empty((len(a), b.shape[1]), a.dtype)
    _dot_into(y, a, b)
    return y


def _rest(k: int) -> int:
    """How much of an inner dimension is left over where it is cut, see ``_ALIGNED``."""
    return k % _ALIGNED if k > _INNER else 0


def _dot_later(a: Array, b: Array) -> Any:
    """The product of two matrices, of the taller one's rows or the wider one's columns by parts."""
    m, n = len(a), b.shape[1]
    y = np.empty((m, n), a.dtype)

    def rows(start: int, stop: int) -> None:
        _dot_into(y[start:stop], a[start:stop], b)

    def columns(start: int, stop: int) -> None:
        _dot_into(y[:, start:stop], a, b[:, start:stop])

    return defer(rows, m, lambda: y) if m > n else defer(columns, n, lambda: y)


def _dot_into(y: Array, a: Array, b: Array) -> None:
    """y = a · b. ``np.dot`` would copy some rows of a transposed matrix: 1,000×3,136×128 from images batch-last, 14 ms on two
    threads instead of 7."""
    rest = _rest(a.shape[1])
    if rest:
        _dot_into(y, a[:, :-rest], b[:-rest])
        y += np.dot(a[:, -rest:], b[-rest:])
    elif min(a.strides) == min(b.strides) == y.itemsize:
        np.matmul(a, b, out=y)
    else:
        y[...] = np.dot(a, b)


def _product(a: Array, b: Array) -> Array:
    try:
        if b.ndim == 2 and a.ndim == 2:
            return _dot(a, b)
        if b.ndim == 2 and a.ndim > 2 and a.flags.c_contiguous:
            return _dot(_rows(a), b).reshape(*a.shape[:-1], b.shape[1])  # one product, not one for each of the batch
        return _many_products(a, b)
    except ValueError:
        if a.ndim and b.ndim and a.shape[-1] == b.shape[-2:][0] and broadcastable(a.shape[:-2], b.shape[:-2]):
            raise  # the result is too large
        raise ShapeError(_mismatch(a.shape, b.shape)) from None


def _many_products(a: Array, b: Array) -> Array:
    """Products with vectors, and batches of products: those that are large enough are divided among our threads."""
    if max(a.size, b.size) < _ALONE:
        return np.matmul(a, b)
    take_over_blas()
    alike = a.ndim == b.ndim > 2 and a.shape[:-2] == b.shape[:-2] and a.shape[-1] == b.shape[-2] and a.dtype is b.dtype
    if not alike or a.size * b.shape[-1] < _THREADED:
        return np.matmul(a, b)
    y = np.empty((*a.shape[:-1], b.shape[-1]), a.dtype)

    def some(start: int, stop: int) -> None:
        np.matmul(a[start:stop], b[start:stop], out=y[start:stop])

    parallel(some, len(a))
    return y


def _mismatch(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    shapes = f"shapes {tuple(a)} and {tuple(b)}"
    if not a or not b:
        return f"matmul(): both arguments must have at least one dimension, got {shapes}"
    rows = b[-2] if len(b) > 1 else b[-1]
    if a[-1] != rows:
        last = "dimension" if len(a) == 1 else "last dimension"
        return f"matmul(): {shapes} cannot be multiplied: the first's {last} is {a[-1]}, the second has {rows} rows"
    return f"matmul(): {shapes} cannot be multiplied: batch dimensions {a[:-2]} and {b[:-2]} do not broadcast"


def _as_matrices(g: Any, a_dims: int, b_dims: int) -> Any:
    """The gradient of a product as one of matrices: a vector is a row on the left, a column on the right."""
    if b_dims == 1:
        g = g[..., None]
    return g[..., None, :] if a_dims == 1 else g


def _summed(dx: Any, shape: tuple[int, ...]) -> Any:
    # The backward loop undoes broadcasting only for operations whose result has the shape that all inputs were
    # broadcast to. Here that holds for the batch dimensions alone, so the rule does it.
    return dx if dx.shape == shape else sum_to(dx, shape=shape)


def _left_rule(g: Any, b: Any, a_shape: tuple[int, ...]) -> Any:
    """g · bᵀ"""
    g = _as_matrices(g, len(a_shape), b.ndim)
    dx = _matmul(g, b[None] if b.ndim == 1 else b.mT)
    return _summed(dx, (1, *a_shape)).reshape(a_shape) if len(a_shape) == 1 else _summed(dx, a_shape)


def _right_rule(g: Any, a: Any, b_shape: tuple[int, ...]) -> Any:
    """aᵀ · g"""
    g = _as_matrices(g, a.ndim, len(b_shape))
    if len(b_shape) <= 2 < a.ndim:  # one matrix for the whole batch: a single product adds up over it, too
        return _matmul(_rows(a).mT, _rows(g)).reshape(b_shape)
    dx = _matmul(a[:, None] if a.ndim == 1 else a.mT, g)
    return _summed(dx, (*b_shape, 1)).reshape(b_shape) if len(b_shape) == 1 else _summed(dx, b_shape)


def _both_matrices(op: Primitive, arrays: list[Any]) -> None:
    """As ``same_dtype``, which lets inputs be left out."""
    for i, value in enumerate(arrays):
        if value is None:
            raise OperandError(f"matmul(): argument '{op.input_name(i)}' must be a Tensor, not NoneType")
    same_dtype(op, arrays)


_matmul = primitive(_product, name="matmul", promotion=_both_matrices, a=_left_rule, b=_right_rule)


def matmul(input: Any, other: Any) -> Tensor:
    """The matrix product ``input @ other``.

    Args:
        input: (n,), (p, n) or (…, p, n).
        other: (n,), (n, m) or (…, n, m), of the same dtype. Leading dimensions broadcast.

    Returns:
        (), (p,), (m,), (p, m) or (…, p, m): a vector counts as a row on the left, as a column on the right, and that
        dimension is then dropped.

    Raises:
        ShapeError: the inner dimensions differ, the leading ones do not broadcast, or an input is 0-d.
        AutogradError: the dtypes differ.

    Source: https://pytorch.org/docs/stable/generated/torch.matmul.html

    >>> import tinygrad_fm as torch
    >>> torch.matmul(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    return _matmul(input, other)


def _check_dims(op: str, dims: tuple[int, ...], **inputs: Any) -> None:
    """Raise unless the inputs have that many dimensions each."""
    for (name, x), expected in zip(inputs.items(), dims, strict=True):
        if x.ndim != expected:
            raise ShapeError(f"{op}(): argument '{name}' must have {expected} dimension(s), got shape {tuple(x.shape)}")


def mm(input: Any, mat2: Any) -> Tensor:
    """The product of two matrices (p, n) and (n, m): :func:`matmul` that accepts nothing else.

    >>> import tinygrad_fm as torch
    >>> torch.mm(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0], [1.0]]))
    tensor([[3.],
            [7.]])
    """
    _check_dims("mm", (2, 2), input=input, mat2=mat2)
    return _matmul(input, mat2)


def bmm(input: Any, mat2: Any) -> Tensor:
    """The products of two batches of matrices, (B, p, n) and (B, n, m), without broadcasting: (B, p, m).

    Raises:
        ShapeError: the numbers of matrices, or the sizes that meet, differ.

    >>> import tinygrad_fm as torch
    >>> torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 4, 5)).shape
    torch.Size([2, 3, 5])
    """
    _check_dims("bmm", (3, 3), input=input, mat2=mat2)
    if input.shape[0] != mat2.shape[0]:
        raise ShapeError(f"bmm(): shapes {tuple(input.shape)} and {tuple(mat2.shape)} differ in the number of matrices")
    return _matmul(input, mat2)


def mv(input: Any, vec: Any) -> Tensor:
    """The product of a matrix (p, n) and a vector (n,): (p,).

    >>> import tinygrad_fm as torch
    >>> torch.mv(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    _check_dims("mv", (2, 1), input=input, vec=vec)
    return _matmul(input, vec)


def dot(input: Any, tensor: Any) -> Tensor:
    """The inner product of two vectors of one length: Σ input_i · tensor_i, 0-d.

    >>> import tinygrad_fm as torch
    >>> torch.dot(torch.tensor([2, 3]), torch.tensor([2, 1]))
    tensor(7)
    """
    _check_dims("dot", (1, 1), input=input, tensor=tensor)
    return _matmul(input, tensor)


vdot = dot  # they differ for complex numbers only


def outer(input: Any, vec2: Any) -> Tensor:
    """The outer product of two vectors (n,) and (m,): (n, m), input_i · vec2_j.

    >>> import tinygrad_fm as torch
    >>> torch.outer(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    _check_dims("outer", (1, 1), input=input, vec2=vec2)
    return input[:, None] * vec2


ger = outer


def _check_broadcasts(op: str, input: Any, product: Any) -> None:
    try:
        fits = np.broadcast_shapes(input.shape, product.shape) == tuple(product.shape)
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"{op}(): input has shape {tuple(input.shape)}, which does not broadcast to the product's {tuple(product.shape)}"
        )


def _plus_product(op: str, input: Any, left: Any, right: Any, beta: Any, alpha: Any) -> Any:
    """beta · input + alpha · left @ right, where input broadcasts to the product but not the other way round."""
    y = _matmul(left, right)
    if raw(y).dtype.kind != "f":
        beta, alpha = int(beta), int(alpha)  # whole numbers stay whole
    if alpha != 1:
        y = y * alpha
    if beta == 0:
        return y  # input is not read at all, so that its NaNs do no harm
    _check_broadcasts(op, input, y)
    return (input if beta == 1 else input * beta) + y


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta · input + alpha · mat1 @ mat2`` for matrices (p, n) and (n, m); input broadcasts to (p, m).

    With ``beta=0`` input is ignored, NaNs and all.

    >>> import tinygrad_fm as torch
    >>> torch.addmm(torch.tensor([1.0, 2.0]), torch.ones(1, 3), torch.ones(3, 2))
    tensor([[4., 5.]])
    """
    _check_dims("addmm", (2, 2), mat1=mat1, mat2=mat2)
    return _plus_product("addmm", input, mat1, mat2, beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta · input + alpha · mat @ vec`` for a matrix (p, n) and a vector (n,); input broadcasts to (p,).

    >>> import tinygrad_fm as torch
    >>> torch.addmv(torch.tensor([1.0, 2.0]), torch.ones(2, 3), torch.ones(3))
    tensor([4., 5.])
    """
    _check_dims("addmv", (2, 1), mat=mat, vec=vec)
    return _plus_product("addmv", input, mat, vec, beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta · input + alpha · batch1 @ batch2`` for (B, p, n) and (B, n, m); input broadcasts to (B, p, m).

    >>> import tinygrad_fm as torch
    >>> torch.baddbmm(torch.ones(2, 3, 5), torch.ones(2, 3, 4), torch.ones(2, 4, 5)).shape
    torch.Size([2, 3, 5])
    """
    _check_dims("baddbmm", (3, 3), batch1=batch1, batch2=batch2)
    return _plus_product("baddbmm", input, batch1, batch2, beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta · input + alpha · Σ batch1 @ batch2`` over the batch: (B, p, n) and (B, n, m); input broadcasts to (p, m).

    Raises:
        ShapeError: the batches cannot be multiplied.

    >>> import tinygrad_fm as torch
    >>> torch.addbmm(torch.zeros(1, 1), torch.ones(2, 1, 3), torch.ones(2, 3, 1))
    tensor([[6.]])
    """
    _check_dims("addbmm", (3, 3), batch1=batch1, batch2=batch2)
    if batch1.shape[0] != batch2.shape[0] or batch1.shape[2] != batch2.shape[1]:
        raise ShapeError(f"addbmm(): shapes {tuple(batch1.shape)} and {tuple(batch2.shape)} cannot be multiplied")
    size, rows, inner = batch1.shape
    left, right = batch1.transpose(0, 1).reshape(rows, size * inner), batch2.reshape(size * inner, batch2.shape[2])
    return _plus_product("addbmm", input, left, right, beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta · input + alpha · vec1 vec2ᵀ`` for vectors (n,) and (m,); input broadcasts to (n, m).

    With ``beta=0`` input is ignored, NaNs and all.

    Raises:
        ShapeError: ``input`` does not broadcast to the product.
        RuntimeError: ``beta`` or ``alpha`` is a float, and all tensors hold whole numbers.

    >>> import tinygrad_fm as torch
    >>> torch.addr(torch.zeros(2, 2), torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    _check_dims("addr", (1, 1), vec1=vec1, vec2=vec2)
    kinds = [input, vec1, vec2]
    if all(raw(x).dtype.kind == "b" for x in kinds):
        product = outer(vec1, vec2) & bool(alpha)
        return product if not beta else input & bool(beta) | product
    whole = all(raw(x).dtype.kind != "f" for x in kinds)
    if whole and (isinstance(beta, float) or isinstance(alpha, float)):
        raise RuntimeError(f"addr(): beta and alpha must be whole for whole numbers, got {beta} and {alpha}")
    product = outer(vec1, vec2) if alpha == 1 else outer(vec1, vec2) * alpha
    _check_broadcasts("addr", input, product)
    if beta == 0:
        return product if raw(input).dtype == raw(product).dtype else product + input.new_zeros(())
    return (input if beta == 1 else input * beta) + product


# -- linear ------------------------------------------------------------------------------------------------------------


def _affine(x: Array, weight: Array, bias: Array | None) -> Array:
    try:
        y = _dot(_rows(x), weight.T)
    except ValueError:
        raise ShapeError(
            f"linear(): input of shape {x.shape} does not fit the weight of shape {weight.shape} (out, in): "
            f"its last dimension must be {weight.shape[1]}"
        ) from None
    if bias is not None:
        if bias.ndim > 1 or bias.size not in (1, len(weight)):
            raise ShapeError(f"linear(): bias must have shape ({len(weight)},), got {bias.shape}")
        np.add(y, bias, out=y)
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], len(weight))


def _matrices(a: Any, b: Any) -> Any:
    """The product of two matrices; of arrays without the detour through the operation."""
    return _dot(a, b) if type(a) is type(b) is np.ndarray else _matmul(a, b)


def _weight_gradient(g: Any, x: Any) -> Any:
    """gᵀ · x, (out, in): in this order it lies in memory as the weight does. Nothing waits for it, so it may come later."""
    left, right = _rows(g).mT, _rows(x)
    if is_tensor(g) or is_tensor(x) or not _by_threads(left, right):
        return _matrices(left, right)
    return _dot_later(left, right)


_linear = primitive(
    _affine,
    name="linear",
    promotion=same_dtype,
    input=lambda g, weight, input_shape: _matrices(_rows(g), weight).reshape(input_shape),
    weight=lambda g, input: _weight_gradient(g, input),
    bias=lambda g, bias_shape: sum_to(g, shape=bias_shape),
)


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """``input @ weightᵀ + bias``, as one operation.

    Args:
        input: (…, in).
        weight: (out, in), or (in,).
        bias: (out,), or None.

    Returns:
        (…, out); (…) for a weight of one dimension.

    Raises:
        ShapeError: the last dimension of input is not ``in``, or bias does not fit.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.linear.html

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import linear
    >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([10.0, 20.0]))
    tensor([[11., 23.]])
    """
    if weight.ndim == 2 and input.ndim:
        return _linear(input, weight, bias)
    _check_dims("linear", (1,), weight=weight)
    y = _matmul(input, weight)
    return y if bias is None else y + bias


def tensordot(a: Any, b: Any, dims: Any = 2) -> Tensor:
    """The sum of products over several dimensions at once.

    Args:
        dims: how many: the last of ``a`` with the first of ``b``; or two lists, those of ``a`` and those of ``b``.

    Raises:
        ShapeError: the dimensions to sum over differ in size.

    >>> import tinygrad_fm as torch
    >>> torch.tensordot(torch.ones(2, 3, 4), torch.ones(3, 4, 5), 2).shape
    torch.Size([2, 5])
    """
    if isinstance(dims, int):
        of_a, of_b = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        of_a, of_b = ([d % n for d in ds] for ds, n in zip(dims, (a.ndim, b.ndim), strict=True))
    a, b = _shrunk(a, b, of_a, of_b)
    if [a.shape[i] for i in of_a] != [b.shape[i] for i in of_b]:
        raise ShapeError(f"tensordot(): dims {of_a} of {tuple(a.shape)} and {of_b} of {tuple(b.shape)} differ in size")
    free_a = [i for i in range(a.ndim) if i not in of_a]
    free_b = [i for i in range(b.ndim) if i not in of_b]
    shape = [a.shape[i] for i in free_a] + [b.shape[i] for i in free_b]
    rows, columns, common = 1, 1, 1
    for i in free_a:
        rows *= a.shape[i]
    for i in free_b:
        columns *= b.shape[i]
    for i in of_a:
        common *= a.shape[i]
    left = a.permute(*free_a, *of_a).reshape(rows, common)
    right = b.permute(*of_b, *free_b).reshape(common, columns)
    return (left @ right).reshape(shape)


def _shrunk(a: Any, b: Any, of_a: list[int], of_b: list[int]) -> tuple[Any, Any]:
    """Both, each summed over the dimensions in which the other has size 1, as PyTorch does."""
    for i, j in zip(of_a, of_b, strict=True):
        if a.shape[i] == 1:
            b = b.sum(j, keepdim=True).to(b.dtype)
        elif b.shape[j] == 1:
            a = a.sum(i, keepdim=True).to(a.dtype)
    return a, b


def inner(input: Any, other: Any) -> Tensor:
    """The sum of products over the last dimensions; a plain product where one is 0-d.

    >>> import tinygrad_fm as torch
    >>> torch.inner(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor(11)
    """
    if not input.ndim or not other.ndim:
        return input * other
    return tensordot(input, other, ([-1], [-1]))


def kron(input: Any, other: Any) -> Tensor:
    """Kronecker's product: every element of ``input`` times the whole of ``other``, side by side.

    >>> import tinygrad_fm as torch
    >>> torch.kron(torch.tensor([1, 2]), torch.tensor([1, 10]))
    tensor([ 1, 10,  2, 20])
    """
    ndim = max(input.ndim, other.ndim)
    a, b = (x.reshape((1,) * (ndim - x.ndim) + tuple(x.shape)) for x in (input, other))
    shape = [n * m for n, m in zip(a.shape, b.shape, strict=True)]
    spread_a = [n for size in a.shape for n in (size, 1)]
    spread_b = [n for size in b.shape for n in (1, size)]
    return (a.reshape(spread_a) * b.reshape(spread_b)).reshape(shape)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """x₁ · W · x₂ + b for each output: (…, I), (…, J), weight (O, I, J), bias (O,); the result is (…, O).

    Raises:
        ShapeError: the inputs' last sizes are not those of ``weight``.

    >>> import tinygrad_fm as torch
    >>> torch.bilinear(torch.ones(1, 2), torch.ones(1, 3), torch.ones(4, 2, 3))
    tensor([[6., 6., 6., 6.]])
    """
    if tuple(weight.shape[1:]) != (input1.shape[-1], input2.shape[-1]):
        raise ShapeError(
            f"bilinear(): inputs of shapes {tuple(input1.shape)} and {tuple(input2.shape)} do not fit a weight of shape "
            f"{tuple(weight.shape)}"
        )
    products = input1.shape[-1] * input2.shape[-1]
    pairs = to_shape(unsqueeze(input1, -1) * unsqueeze(input2, -2), shape=(*input1.shape[:-1], products))
    return linear(pairs, to_shape(weight, shape=(weight.shape[0], products)), bias)
