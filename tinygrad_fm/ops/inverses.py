"""Inverses and pseudo-inverses of matrices. https://pytorch.org/docs/stable/linalg.html#inverses"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from . import _lapack
from ._matrices import Array, each_matrix, factorized, matrices, shape_of, square
from .creation import as_tensor
from .elementwise import quiet
from .return_types import printed_as
from .shape import to_shape

__all__ = ["inverse", "pinverse"]


def _singular(matrix: Array) -> str:
    """Why a matrix has no inverse, in PyTorch's words; without the place where only LAPACK's rounding makes a pivot 0."""
    pivot = first_zero_pivot(matrix)
    start = f"The diagonal element {pivot} is zero, the" if pivot else "The"
    return f"{start} inversion could not be completed because the input matrix is singular."


def _inverse_rule(g: Any, y: Any) -> Any:
    """−Y ᵀ g Yᵀ, as d(A⁻¹) = −A⁻¹ dA A⁻¹."""
    return -(y.mT @ g @ y.mT)


_inverse = primitive(lambda x: factorized("linalg.inv", _singular, _lapack.inv, x), name="inv", promotion=None, x=_inverse_rule)


def invertible(x: Array) -> Array:
    """For each matrix of a batch, whether LAPACK finds it invertible: none of its pivots is 0."""
    try:
        _lapack.inv(x)
        return np.ones(x.shape[:-2], bool)
    except np.linalg.LinAlgError:
        return np.array([not first_zero_pivot(m) for _, m in each_matrix(x)], bool).reshape(x.shape[:-2])


@quiet
def first_zero_pivot(matrix: Array) -> int:
    """Which pivot of Gaussian elimination with exchanged rows is the first that is 0, counted from 1; 0 if none is."""
    u = matrix.copy()
    for i in range(len(u)):
        best = i + int(np.abs(u[i:, i]).argmax())
        u[[i, best]] = u[[best, i]]
        if u[i, i] == 0:
            return i + 1
        u[i + 1 :] -= np.outer(u[i + 1 :, i] / u[i, i], u[i])
    return 0


def or_nan(x: Array) -> Array:
    """The inverses; NaNs in place of those that there are not."""
    good = invertible(x)[..., None, None]
    if good.all():
        return _lapack.inv(x)
    return np.where(good, _lapack.inv(np.where(good, x, np.eye(x.shape[-1], dtype=x.dtype))), np.array(np.nan, x.dtype))


# the inverse as rules want it, where a singular matrix gives NaN and no error
inverse_or_nan = primitive(or_nan, name="inv", promotion=None, x=_inverse_rule)


def inv(A: Any) -> Tensor:
    """The inverses of square matrices (…, n, n).

    Raises:
        LinAlgError: a matrix is singular; the message names which one of the batch.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return _inverse(square("linalg.inv", A))


def inverse(input: Any) -> Tensor:
    """:func:`linalg.inv` under its older name.

    >>> import tinygrad_fm as torch
    >>> torch.inverse(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return inv(input)


class InverseAndInfo(NamedTuple):
    """What :func:`inv_ex` returns."""

    inverse: Any
    info: Any

    def __repr__(self) -> str:
        return printed_as("linalg_inv_ex", self)


def inv_ex(A: Any, *, check_errors: bool = False) -> InverseAndInfo:
    """:func:`inv` without an error: ``info`` is 0, or which pivot is the first that is 0; such an inverse is NaN.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.inv_ex(torch.eye(2) * 2).inverse
    tensor([[0.5000, 0.0000],
            [0.0000, 0.5000]])
    """
    x = raw(square("linalg.inv_ex", A))
    found = inv(A) if check_errors else inverse_or_nan(A)
    return InverseAndInfo(found, as_tensor(pivots_info(x)))


def pivots_info(x: Array) -> Array:
    """LAPACK's info for a batch: 0, or the number of the first pivot that is 0."""
    found = [0 if ok else first_zero_pivot(m) for ok, (_, m) in zip(invertible(x).flat, each_matrix(x), strict=True)]
    return np.array(found, np.int32).reshape(x.shape[:-2])


def tensorinv(A: Any, ind: int = 2) -> Tensor:
    """The inverse for :func:`tensordot`: A's first ``ind`` dimensions are the rows, the others as many columns.

    Raises:
        RuntimeError: ``ind`` is not positive.
        ShapeError: there are not as many columns as rows.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 2, 2)).shape
    torch.Size([2, 2, 2, 2])
    """
    if ind <= 0:
        raise RuntimeError(f"linalg.tensorinv: expected ind to be greater than 0, got {ind}")
    shape = shape_of(A)
    rows, columns = shape[:ind], shape[ind:]
    if math.prod(rows) != math.prod(columns):
        raise ShapeError(
            f"linalg.tensorinv: expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
            f"got shape {shape} and ind={ind}"
        )
    found = inv(to_shape(A, shape=(math.prod(rows), math.prod(columns))))
    return to_shape(found, shape=(*columns, *rows))


# -- the pseudo-inverse ------------------------------------------------------------------------------------------------


def cut_off(op: str, largest: Array, shape: tuple[int, ...], atol: Any, rtol: Any) -> Array:
    """Up to which size singular values count as 0: max(atol, rtol · largest), for each matrix of a batch."""
    kind = largest.dtype
    absolute = 0.0 if atol is None else _tolerance(op, "atol", atol)
    if rtol is None:
        default = max(shape[-2:]) * float(np.finfo(kind).eps)
        rtol = np.where(np.asarray(absolute) > 0, 0.0, default) if atol is not None else default
    else:
        rtol = _tolerance(op, "rtol", rtol)
    return np.maximum(np.asarray(absolute), np.asarray(rtol) * largest).astype(kind)


def _tolerance(op: str, name: str, value: Any) -> Any:
    given = np.asarray(raw(value))
    if given.dtype.kind not in "fiub":
        raise TypeError(f"{op}: {name} must be a number or a tensor, got {value!r}")
    return given


@quiet
def _pinv_kernel(x: Array, atol: Any, rtol: Any, hermitian: bool) -> Array:
    if not x.size:
        return np.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    op, failed = "linalg.pinv", "The algorithm failed to converge."
    if hermitian:
        s, v = factorized(op, failed, _lapack.eigh, x)
        left, right = v, v
    else:
        u, s, vh = factorized(op, failed, _lapack.svd, x, full_matrices=False)
        left, right = vh.mT, u
    size = np.abs(s)
    kept = size > cut_off(op, size.max(-1), x.shape, atol, rtol)[..., None]
    inverted = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(x.dtype)
    return (left * inverted[..., None, :]) @ right.mT


def _pinv_rule(g: Any, y: Any, x: Any) -> Any:
    """−Pᵀ g Pᵀ + (1 − A P) gᵀ P Pᵀ + Pᵀ P gᵀ (1 − P A), right while the rank stays (Golub and Pereyra, 1973, eq. 4.12)."""
    p, q = y, y.mT
    t = g.mT
    along = t @ p @ q
    across = q @ (p @ t)
    return (along - x @ (p @ along)) + (across - (across @ p) @ x) - q @ g @ q


_pinv = primitive(_pinv_kernel, name="pinv", promotion=None, x=_pinv_rule)


def pinv(A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """The pseudo-inverse (Moore-Penrose) of matrices (…, m, n), by their singular values: (…, n, m).

    Args:
        hermitian: A is symmetric; its lower triangle alone is read, and its eigenvalues taken.
        atol, rtol: singular values up to max(atol, rtol · the largest) count as 0. ``rtol`` is by default max(m, n) times the
            dtype's precision, and 0 where ``atol`` is positive. Numbers, or one for each matrix.
        rcond: ``rtol`` under its older name.

    The derivative is the one among matrices of the same rank.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.pinv(torch.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    rtol = rcond if rtol is None else rtol
    (square if hermitian else matrices)("linalg.pinv", A)
    return _pinv(A, atol=atol, rtol=rtol, hermitian=bool(hermitian))


def pinverse(input: Any, rcond: float = 1e-15) -> Tensor:
    """:func:`linalg.pinv` under its older name.

    >>> import tinygrad_fm as torch
    >>> torch.pinverse(torch.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    return pinv(input, rcond)
