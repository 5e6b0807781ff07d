"""Products of matrices and vectors.

Rules read their operands as transposed views: BLAS takes a flag for those, so nothing is copied. Inputs are not
promoted; all must have one dtype, as in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.broadcast import sum_to
from ..autograd.primitive import is_tensor, primitive, raw, same_dtype
from ..errors import ShapeError
from ..runtime import blas_has_threads, get_num_threads, later, now

Array = np.ndarray[Any, Any]

# -- matmul ------------------------------------------------------------------------------------------------------------


def _rows(x: Any) -> Any:
    """(…, n) → (rows, n): all leading dimensions as one."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


_THREADED = 4_000_000  # multiplications from which threads of ours pay, where BLAS has none
# OpenBLAS's threads share the higher of the two sides badly. Where the inner dimension is _DEEP enough to pay for copying the
# result, a wide product of so many multiplications is made transposed: 64×784×128 takes 103 µs instead of 172.
_DEEP, _SHARED = 256, 1_000_000


def _by_threads(a: Array, b: Array) -> bool:
    """Whether threads of ours make the product of ``a`` and ``b``, in parts."""
    (m, k), n = a.shape, b.shape[1]
    return (
        m * k * n >= _THREADED and not blas_has_threads() and k == b.shape[0] and a.dtype is b.dtype and get_num_threads() > 1
    )


def _dot(a: Array, b: Array) -> Array:
    """The product of two matrices, on BLAS's threads; where those are ours, a large one is made by them, in parts."""
    if not _by_threads(a, b):
        (m, k), n = a.shape, b.shape[1]
        if m < n and k >= _DEEP and m * k * n >= _SHARED and blas_has_threads() and get_num_threads() > 1:
            return np.ascontiguousarray(np.dot(b.T, a.T).T)
        return np.dot(a, b)  # unlike np.matmul, copies what BLAS cannot read, as a gradient made by expand()
    return now(_dot_later(a, b))


def _dot_later(a: Array, b: Array) -> Any:
    """The product of two matrices, of the taller one's rows or the wider one's columns by parts."""
    m, n = len(a), b.shape[1]
    y = np.empty((m, n), a.dtype)

    def rows(start: int, stop: int) -> None:
        _dot_into(y[start:stop], a[start:stop], b)

    def columns(start: int, stop: int) -> None:
        _dot_into(y[:, start:stop], a, b[:, start:stop])

    return later(rows, m, lambda: y) if m > n else later(columns, n, lambda: y)


def _dot_into(y: Array, a: Array, b: Array) -> None:
    """y = a · b. ``np.dot`` would copy some rows of a transposed matrix: 1,000×3,136×128 from images batch-last, 14 ms on two
    threads instead of 7."""
    if min(a.strides) == min(b.strides) == y.itemsize:
        np.matmul(a, b, out=y)
    else:
        y[...] = np.dot(a, b)


def _product(a: Array, b: Array) -> Array:
    try:
        if b.ndim == 2 and a.ndim == 2:
            return _dot(a, b)
        if b.ndim == 2 and a.ndim > 2 and a.flags.c_contiguous:
            return _dot(_rows(a), b).reshape(*a.shape[:-1], b.shape[1])  # one product, not one for each of the batch
        return np.matmul(a, b)
    except ValueError:
        raise ShapeError(_mismatch(a.shape, b.shape)) from None


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


_matmul = primitive(_product, name="matmul", promotion=same_dtype, a=_left_rule, b=_right_rule)


def matmul(input: Any, other: Any) -> Any:
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


def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices (p, n) and (n, m): :func:`matmul` that accepts nothing else."""
    _check_dims("mm", (2, 2), input=input, mat2=mat2)
    return _matmul(input, mat2)


def bmm(input: Any, mat2: Any) -> Any:
    """The products of two batches of matrices, (B, p, n) and (B, n, m), without broadcasting: (B, p, m)."""
    _check_dims("bmm", (3, 3), input=input, mat2=mat2)
    if input.shape[0] != mat2.shape[0]:
        raise ShapeError(f"bmm(): shapes {tuple(input.shape)} and {tuple(mat2.shape)} differ in the number of matrices")
    return _matmul(input, mat2)


def mv(input: Any, vec: Any) -> Any:
    """The product of a matrix (p, n) and a vector (n,): (p,)."""
    _check_dims("mv", (2, 1), input=input, vec=vec)
    return _matmul(input, vec)


def dot(input: Any, tensor: Any) -> Any:
    """The inner product of two vectors of one length: Σ input_i · tensor_i, 0-d.

    >>> import tinygrad_fm as torch
    >>> torch.dot(torch.tensor([2, 3]), torch.tensor([2, 1]))
    tensor(7)
    """
    _check_dims("dot", (1, 1), input=input, tensor=tensor)
    return _matmul(input, tensor)


vdot = dot  # they differ for complex numbers only


def outer(input: Any, vec2: Any) -> Any:
    """The outer product of two vectors (n,) and (m,): (n, m), input_i · vec2_j."""
    _check_dims("outer", (1, 1), input=input, vec2=vec2)
    return input[:, None] * vec2


ger = outer


def _plus_product(op: str, input: Any, left: Any, right: Any, beta: Any, alpha: Any) -> Any:
    """beta · input + alpha · left @ right, where input broadcasts to the product but not the other way round."""
    y = _matmul(left, right)
    if raw(y).dtype.kind != "f":
        beta, alpha = int(beta), int(alpha)  # whole numbers stay whole
    if alpha != 1:
        y = y * alpha
    if beta == 0:
        return y  # input is not read at all, so that its NaNs do no harm
    try:
        fits = np.broadcast_shapes(input.shape, y.shape) == tuple(y.shape)
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"{op}(): input has shape {tuple(input.shape)}, which does not broadcast to the product's {tuple(y.shape)}"
        )
    return (input if beta == 1 else input * beta) + y


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta · input + alpha · mat1 @ mat2`` for matrices (p, n) and (n, m); input broadcasts to (p, m).

    With ``beta=0`` input is ignored, NaNs and all.
    """
    _check_dims("addmm", (2, 2), mat1=mat1, mat2=mat2)
    return _plus_product("addmm", input, mat1, mat2, beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta · input + alpha · mat @ vec`` for a matrix (p, n) and a vector (n,); input broadcasts to (p,)."""
    _check_dims("addmv", (2, 1), mat=mat, vec=vec)
    return _plus_product("addmv", input, mat, vec, beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta · input + alpha · batch1 @ batch2`` for (B, p, n) and (B, n, m); input broadcasts to (B, p, m)."""
    _check_dims("baddbmm", (3, 3), batch1=batch1, batch2=batch2)
    return _plus_product("baddbmm", input, batch1, batch2, beta, alpha)


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


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
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
    >>> from tinygrad_fm.ops.linalg import linear
    >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([10.0, 20.0]))
    tensor([[11., 23.]])
    """
    if weight.ndim == 2 and input.ndim:
        return _linear(input, weight, bias)
    _check_dims("linear", (1,), weight=weight)
    y = _matmul(input, weight)
    return y if bias is None else y + bias


# -- einsum ------------------------------------------------------------------------------------------------------------


def _parse(equation: str, dims: Sequence[int]) -> tuple[list[list[Any]], list[Any]]:
    """The labels of the operands' dimensions and of the result's; those under an ellipsis are numbered, the last −1."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(dims):
        raise ValueError(f"einsum(): '{equation}' names {len(terms)} operand(s), but {len(dims)} were given")
    for label in left + right:
        if not (label.isascii() and label.isalpha()) and label not in ".,":
            raise ValueError(f"einsum(): '{equation}' holds {label!r}; subscripts are letters, '...', ',' and '->'")
    operands = []
    for i, (term, ndim) in enumerate(zip(terms, dims, strict=True)):
        before, dots, after = term.partition("...")
        hidden = ndim - len(before) - len(after)
        if hidden < 0 or "." in before + after or (hidden and not dots):
            raise ValueError(f"einsum(): '{term}' in '{equation}' does not fit operand {i} of {ndim} dimension(s)")
        operands.append([*before, *range(-hidden, 0), *after])
    most = max((sum(isinstance(label, int) for label in labels) for labels in operands), default=0)
    everything = [label for labels in operands for label in labels]
    if not arrow:  # letters that occur once, in alphabetical order
        return operands, [*range(-most, 0), *sorted(x for x in left if x.isalpha() and left.count(x) == 1)]
    before, dots, after = right.partition("...")
    result = [*before, *(range(-most, 0) if dots else ()), *after]
    for label in result:
        if label not in everything or result.count(label) > 1 or label == ".":
            raise ValueError(f"einsum(): output subscript '{label}' of '{equation}' must occur once there, and in some operand")
    return operands, result


def _diagonals(x: Any, labels: list[Any]) -> tuple[Any, list[Any]]:
    """Take the diagonal over dimensions that carry the same label; it becomes the last dimension."""
    labels = list(labels)
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ShapeError(f"einsum(): subscript '{label}' stands for sizes {x.shape[first]} and {x.shape[second]}")
            x = x.diagonal(dim1=first, dim2=second)
            labels = [at for i, at in enumerate(labels) if i not in (first, second)] + [label]
    return x, labels


def _sum_out(x: Any, labels: list[Any], keep: set[Any]) -> tuple[Any, list[Any]]:
    drop = [i for i, label in enumerate(labels) if label not in keep]
    if not drop:
        return x, labels
    return x.sum(dim=drop), [label for label in labels if label in keep]


def _contract(a: Any, la: list[Any], b: Any, lb: list[Any], keep: set[Any]) -> tuple[Any, list[Any]]:
    """One matrix product over the labels that both have and nobody needs later; shared ones that stay are the batch."""
    sizes = dict(zip(lb, b.shape, strict=True))
    sizes.update((k, n) for k, n in zip(la, a.shape, strict=True) if n != 1 or k not in lb)
    for x, labels in ((a, la), (b, lb)):
        for label, n in zip(labels, x.shape, strict=True):
            if n not in (1, sizes[label]):
                raise ShapeError(f"einsum(): subscript '{label}' stands for sizes {n} and {sizes[label]}")
    # a label of size 1 on one side only is broadcast: that side drops the dimension, the other sums alone or keeps it
    both = [k for k in la if k in lb and a.shape[la.index(k)] == b.shape[lb.index(k)]]
    a, la = _drop_ones(a, la, [k for k in lb if k not in both])
    b, lb = _drop_ones(b, lb, [k for k in la if k not in both])
    a, la = _sum_out(a, la, keep | set(both))
    b, lb = _sum_out(b, lb, keep | set(both))
    batch, inner = [k for k in both if k in keep], [k for k in both if k not in keep]
    rows, columns = [k for k in la if k not in both], [k for k in lb if k not in both]

    def size(labels: list[Any]) -> int:
        return math.prod(sizes[k] for k in labels)

    left = a.permute([la.index(k) for k in batch + rows + inner]).reshape(size(batch), size(rows), size(inner))
    right = b.permute([lb.index(k) for k in batch + inner + columns]).reshape(size(batch), size(inner), size(columns))
    result = batch + rows + columns
    if left.dtype != right.dtype:  # small integers that have been summed are int64
        left, right = left.long(), right.long()
    return _matmul(left, right).reshape([sizes[k] for k in result]), result


def _drop_ones(x: Any, labels: list[Any], shared: list[Any]) -> tuple[Any, list[Any]]:
    """Without the dimensions of size 1 whose label the other operand has with another size."""
    drop = [i for i, label in enumerate(labels) if label in shared and x.shape[i] == 1]
    shape = [n for i, n in enumerate(x.shape) if i not in drop]
    return (x.reshape(shape), [label for i, label in enumerate(labels) if i not in drop]) if drop else (x, labels)


def einsum(equation: str, *operands: Any) -> Any:
    """Products and sums by Einstein's notation: ``einsum("bij,bjk->bik", a, b)`` is ``bmm(a, b)``.

    A composition: diagonals of repeated subscripts, sums, and from left to right one matrix product for each operand.

    Args:
        equation: one term of letters per operand, a letter for each dimension, ``...`` for those left; after ``->``
            those of the result. Without ``->`` they are ``...`` and the letters that occur once, sorted.
        operands: the tensors, or one list of them.

    Raises:
        ValueError: the equation does not fit the operands. ShapeError: a subscript stands for different sizes.

    Source: https://pytorch.org/docs/stable/generated/torch.einsum.html

    >>> import tinygrad_fm as torch
    >>> torch.einsum("ij->ji", torch.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): needs at least one operand")
    terms, result = _parse(equation, [x.ndim for x in operands])
    pairs = [_diagonals(x, labels) for x, labels in zip(operands, terms, strict=True)]
    y, labels = pairs[0]
    for i, (x, others) in enumerate(pairs[1:], 2):
        keep = set(result).union(*(later for _, later in pairs[i:]))
        y, labels = _contract(y, labels, x, others, keep)
    y, labels = _sum_out(y, labels, set(result))
    return y.permute([labels.index(k) for k in result]) if labels != result else y
