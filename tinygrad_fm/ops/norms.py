"""Norms of vectors and matrices, and what follows from singular values: the condition number and the rank.

https://pytorch.org/docs/stable/linalg.html#matrix-properties
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_numpy
from ..errors import ShapeError
from ._arguments import Dims, accepts_axis, dims_or_all, some_dims
from ._matrices import matrices, shape_of, square
from .creation import as_tensor
from .decompositions import eigvalsh, svdvals
from .elementwise import abs as absolute
from .elementwise import quiet, sign, where, zeros_for
from .inverses import cut_off, inverse_or_nan
from .max_min import amax, amin
from .reduction import FLOAT16, FLOAT32, add_reduce, as_dtype, equal_shares, float_input, kept, largest, not_empty, smallest
from .shape import movedim, unsqueeze

__all__ = ["norm"]

Array = np.ndarray[Any, Any]


# -- of vectors --------------------------------------------------------------------------------------------------------


def _p_norm(x: Array, p: float, dim: Dims | None, keepdim: bool) -> Any:
    wide = x.astype(FLOAT32) if x.dtype is FLOAT16 else x
    if math.isinf(p):
        y = (largest if p > 0 else smallest)(np.abs(wide), dim, None, None, keepdim)
    elif p == 2:
        y = np.sqrt(add_reduce(wide * wide, dim, None, None, keepdim))
    elif p == 0:
        y = add_reduce(wide != 0, dim, wide.dtype, None, keepdim)
    else:
        powers = np.abs(wide) if p == 1 else np.abs(wide) ** p
        y = add_reduce(powers, dim, None, None, keepdim) ** (1.0 / p)
    return np.asarray(y).astype(x.dtype, copy=False)


def _p_norm_rule(g: Any, x: Any, y: Any, p: float, dim: Dims | None, keepdim: bool) -> Any:
    """|x|ᵖ⁻¹ sign(x) / yᵖ⁻¹, and 0 where the norm is 0."""
    array = raw(x)
    if p == 0:
        return zeros_for(g, array.shape)
    if math.isinf(p):
        shares = np.nan_to_num(equal_shares(np.abs(array), raw(y), dim, keepdim))  # of a NaN norm there are none
        return kept(g, array.shape, dim, keepdim) * (sign(x) * shares)
    g, y = kept(g, array.shape, dim, keepdim), kept(y, array.shape, dim, keepdim)
    if p == 1:
        return g * sign(x)
    zero = raw(y) == 0
    divisor = where(zero, 1.0, y)
    if p == 2:
        return x * where(zero, 0.0, g / divisor)
    size = absolute(x)
    if p < 2:
        size = where(array == 0, 1.0, size)  # 0 to a negative power; sign(x) makes it 0 all the same
    return np.sign(array) * (size ** (p - 1)) * where(zero, 0.0, g / divisor ** (p - 1))


_norm = primitive(quiet(_p_norm), name="norm", promotion=None, x=_p_norm_rule)


@accepts_axis
def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The norm (Σ |x|ᵖ)^(1/p) with p = ``ord`` over ``dim``, of all elements by default, as of one long vector.

    Args:
        ord: a number; ``inf`` and ``-inf`` give the largest and the smallest size, 0 the number of elements that are not 0.
        dtype: the floating dtype to convert to before.

    The derivative where the norm is 0 is taken to be 0.

    Raises:
        TypeError: ``ord`` is no number.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.vector_norm(torch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    op = "linalg.vector_norm"
    x = _floating(op, x, dtype)
    if isinstance(ord, (str, bool)) or not isinstance(ord, (int, float)):
        raise TypeError(f"{op}: ord must be a number, got {ord!r}")
    dims = dims_or_all(op, dim, x.shape)
    if math.isinf(ord) or ord < 0:
        not_empty(op, tuple(x.shape), dims)
    return _norm(x, p=float(ord), dim=dims, keepdim=keepdim)


def _floating(op: str, x: Any, dtype: Any) -> Any:
    """``x`` in ``dtype``, which must be floating-point, as must ``x``."""
    if raw(x).dtype.kind != "f":
        raise RuntimeError(f"{op}: Expected a floating point or complex tensor as input. Got {raw(x).dtype}")
    if dtype is not None:
        wanted = as_numpy(dtype)
        if wanted.kind != "f":
            raise RuntimeError(f"{op}: dtype should be floating-point, got {wanted}")
        if wanted.itemsize < raw(x).dtype.itemsize:
            raise RuntimeError(
                f"{op}: the dtype of the input {raw(x).dtype} should be convertible without narrowing to {wanted}"
            )
    return as_dtype(x, dtype)


# -- of matrices -------------------------------------------------------------------------------------------------------


@accepts_axis
def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """A norm of matrices, which lie in the two dimensions ``dim``.

    Args:
        ord: "fro", √(Σ x²); "nuc", the sum of the singular values; 2 and -2, the largest and the smallest of them; 1 and -1,
            the largest and the smallest sum of sizes in a column; inf and -inf, in a row.
        dtype: the floating dtype to convert to before.

    Raises:
        ShapeError: ``A`` has fewer than 2 dimensions.
        RuntimeError: ``ord`` is none of these, or ``dim`` is not two dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.matrix_norm(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), "nuc")
    tensor(3.)
    """
    op = "linalg.matrix_norm"
    if len(A.shape) < 2:
        raise ShapeError(f"{op}: The input tensor A must have at least 2 dimensions, got shape {shape_of(A)}")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"{op}: dim must be a 2-tuple, got {dim!r}")
    rows, columns = some_dims(op, dim, len(A.shape))
    if isinstance(ord, str):
        if ord not in ("fro", "nuc"):
            raise RuntimeError(f"{op}: Order {ord} not supported.")
    elif not isinstance(ord, (int, float)) or abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"{op}: Order {ord} not supported.")
    if ord == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim, dtype=dtype)
    A = _floating(op, A, dtype)
    found = _matrix_norm(movedim(A, (rows, columns), (-2, -1)), ord)
    if keepdim:
        for at in sorted((rows, columns)):
            found = unsqueeze(found, at)
    return found


def _matrix_norm(A: Any, ord: Any) -> Any:
    """The norm other than "fro" of matrices in the last two dimensions."""
    if ord == "nuc":
        return svdvals(A).sum(-1)
    if isinstance(ord, (int, float)) and abs(ord) == 2:
        return (amax if ord > 0 else amin)(svdvals(A), -1)
    sums = vector_norm(A, 1, -2 if abs(ord) == 1 else -1)
    return (amax if ord > 0 else amin)(sums, -1)


@accepts_axis
def linalg_norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """:func:`vector_norm` or :func:`matrix_norm`, as ``dim`` and ``ord`` ask for.

    Args:
        ord: None for the 2-norm of the elements; otherwise that of either function.
        dim: one for vectors, two for matrices; by default those of a tensor of 1 or 2 dimensions, or all if ``ord`` is None.

    Raises:
        RuntimeError: ``ord`` is given, and ``dim`` (or, without it, ``A``) has neither 1 nor 2 dimensions; or ``ord`` is a
            string, and they are not 2.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]])), torch.linalg.norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]]), 2)
    (tensor(5.), tensor(4.))
    """
    op = "linalg.norm"
    given = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    ndim = len(A.shape)
    if given is not None and ord is not None and len(given) not in (1, 2):
        raise RuntimeError(f"{op}: If dim is specified, it must be of length 1 or 2. Got {list(given)}")
    if given is None and ord is not None and ndim not in (1, 2):
        raise RuntimeError(f"{op}: If dim is not specified but ord is, the input must be 1D or 2D. Got {ndim}D.")
    planes = len(given) if given is not None else ndim
    if isinstance(ord, str) and planes != 2:
        raise RuntimeError(f"{op}: ord={ord!r} is of matrices, which have two dimensions; got dim={dim} of {ndim} dimensions")
    if ord is not None and planes == 2:
        return matrix_norm(A, ord, (-2, -1) if given is None else given, keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, given, keepdim, dtype=dtype)


@accepts_axis
def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The norm (Σ |x|ᵖ)^(1/p) over ``dim``, of the elements as one long vector.

    Args:
        p: a number; ``inf`` and ``-inf`` give the largest and the smallest size, 0 the number of elements that are not 0,
            "fro" the same as 2. "nuc" is the nuclear norm of matrices, in two dimensions ``dim``: see :func:`matrix_norm`.

    The derivative where the norm is 0 is taken to be 0.
    https://pytorch.org/docs/stable/generated/torch.norm.html

    Raises:
        ValueError: ``p`` is another string. RuntimeError: ``input`` is not floating-point.

    >>> import tinygrad_fm as torch
    >>> torch.norm(torch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    input = as_dtype(input, dtype)
    float_input("norm", input)
    if p is None or p == "fro":
        p = 2.0
    if p == "nuc":
        return matrix_norm(input, "nuc", tuple(range(len(input.shape))) if dim is None else dim, keepdim)
    if isinstance(p, str):
        raise ValueError(f"norm(): p must be a number, 'fro' or 'nuc', got {p!r}")
    dims = dims_or_all("norm", dim, input.shape)
    if math.isinf(p):
        not_empty("norm", tuple(input.shape), dims)
    return _norm(input, p=float(p), dim=dims, keepdim=keepdim)


# -- what follows from singular values ---------------------------------------------------------------------------------


def cond(A: Any, p: Any = None) -> Tensor:
    """The condition number ‖A‖ ‖A⁻¹‖ of matrices (…, m, n), by singular values for ``p`` None, 2 and -2; for other norms of
    :func:`matrix_norm` the matrices are square, and of singular ones the number is infinite.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.cond(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(2.)
    """
    op = "linalg.cond"
    matrices(op, A)
    if p is None or p in (2, -2):
        values = svdvals(A)
        if not raw(values).size:
            return A.new_zeros(shape_of(A)[:-2])
        high, low = values[..., 0], values[..., -1]
        return high / low if p != -2 else low / high
    square(op, A)
    if not raw(A).size:
        return A.new_zeros(shape_of(A)[:-2])
    inverse = inverse_or_nan(A)
    found = matrix_norm(A, p) * _norm_of_inverse(inverse, p)
    return where(np.isnan(raw(inverse)).any((-2, -1)), math.inf, found)


def _norm_of_inverse(inverse: Any, p: Any) -> Any:
    safe = where(np.isnan(raw(inverse)), 0.0, inverse)
    return matrix_norm(safe, p)


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """How many singular values of matrices (…, m, n) are above max(atol, rtol · the largest), int64.

    Args:
        tol: ``atol`` under its older name.
        hermitian: the matrices are symmetric; sizes of eigenvalues are counted.
        rtol: by default max(m, n) times the dtype's precision, and 0 where ``atol`` is positive.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.matrix_rank(torch.ones(3, 3))
    tensor(1)
    """
    op = "linalg.matrix_rank"
    array = raw(square(op, A) if hermitian else matrices(op, A))
    if tol is not None:
        atol, rtol = tol, 0.0
    if not array.size:
        return as_tensor(np.zeros(array.shape[:-2], np.int64))
    values = np.abs(raw(eigvalsh(A.detach()))) if hermitian else raw(svdvals(A.detach()))
    limit = cut_off(op, values.max(-1), array.shape, atol, rtol)
    return as_tensor(np.asarray((values > limit[..., None]).sum(-1), np.int64))
