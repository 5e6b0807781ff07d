"""Equations with triangular matrices, and with matrices whose Cholesky factor is known, by substitution."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ..promotion import same_dtype
from ._matrices import Array, matrices, same_batch, same_kind, shape_of, square
from .creation import eye
from .diagonal import tril, triu
from .elementwise import quiet
from .return_types import printed_as

__all__ = ["cholesky_inverse", "cholesky_solve", "triangular_solve"]


def _substitute(a: Array, b: Array, upper: bool, unit: bool) -> Array:
    """A⁻¹ · B, a row of the result at a time: forwards where A is lower triangular, backwards where it is upper."""
    n = a.shape[-1]
    x = np.zeros(b.shape, b.dtype)
    for i in reversed(range(n)) if upper else range(n):
        known = slice(i + 1, n) if upper else slice(0, i)
        row = b[..., i, :] - (a[..., i : i + 1, known] @ x[..., known, :])[..., 0, :]
        x[..., i, :] = row if unit else row / a[..., i, i, None]
    return x


def _part(g: Any, upper: bool, unit: bool) -> Any:
    """The triangle of a gradient that the substitution reads."""
    return triu(g, int(unit)) if upper else tril(g, -int(unit))


def _matrix_rule(g: Any, y: Any, a: Any, upper: bool, unit: bool) -> Any:
    """−A⁻ᵀ · g · Yᵀ, of the triangle."""
    return _part(-(_triangular(a.mT, g, upper=not upper, unit=unit) @ y.mT), upper, unit)


_triangular: Any = primitive(
    quiet(_substitute),
    name="solve_triangular",
    promotion=same_dtype,
    a=_matrix_rule,
    b=lambda g, a, upper, unit: _triangular(a.mT, g, upper=not upper, unit=unit),
)


def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """The solution X of A X = B, or of X A = B where not ``left``, for triangular matrices A.

    Args:
        A: (…, n, n), of which only one triangle is read: the upper one if ``upper``.
        B: (…, n, k), or (…, k, n) where not ``left``, of the same dtype; batches broadcast.
        unitriangular: A's diagonal is taken to be all ones, and not read.

    Returns:
        B's shape, broadcast. Zeros on the diagonal give infinities and NaNs, and no error.

    Raises:
        ShapeError: A is not square, or the sizes do not fit.

    Source: substitution; https://pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html

    >>> import tinygrad_fm as torch
    >>> torch.linalg.solve_triangular(torch.tensor([[2., 0.], [1., 1.]]), torch.tensor([[2.], [3.]]), upper=False)
    tensor([[1.],
            [2.]])
    """
    op = "linalg.solve_triangular"
    square(op, A)
    matrices(op, B, "B")
    same_kind(op, A, B)
    if not left:
        return solve_triangular(A.mT, B.mT, upper=not upper, unitriangular=unitriangular).mT
    _fitting(op, A, B)
    A, B = same_batch(op, A, B)
    return _triangular(A, B, upper=bool(upper), unit=bool(unitriangular))


def _fitting(op: str, A: Any, B: Any) -> None:
    a, b = shape_of(A), shape_of(B)
    if a[-1] != b[-2]:
        raise ShapeError(f"{op}: Incompatible shapes of A and B for the equation AX = B ({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})")


class TriangularSolution(NamedTuple):
    """What :func:`triangular_solve` returns."""

    solution: Any
    cloned_coefficient: Any

    def __repr__(self) -> str:
        return printed_as("triangular_solve", self)


def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> TriangularSolution:
    """The older form of :func:`linalg.solve_triangular`: the solution of A X = input (or AᵀX = input), and A's copy.

    >>> import tinygrad_fm as torch
    >>> torch.triangular_solve(torch.ones(2, 1), torch.eye(2)).solution
    tensor([[1.],
            [1.]])
    """
    square("triangular_solve", A)
    matrices("triangular_solve", input, "input")
    _fitting("triangular_solve", A, input)
    given, above = (A.mT, not upper) if transpose else (A, upper)
    solution = solve_triangular(given, input, upper=above, unitriangular=unitriangular)
    return TriangularSolution(solution, A.clone())


def cholesky_solve(input: Any, L: Any, upper: bool = False) -> Tensor:
    """The solution X of A X = input, where A = L Lᵀ, or Lᵀ L where ``upper``: (…, n, k) for L (…, n, n).

    >>> import tinygrad_fm as torch
    >>> torch.cholesky_solve(torch.tensor([[4.0], [9.0]]), torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
    tensor([[1.],
            [1.]])
    """
    square("cholesky_solve", L, "L")
    matrices("cholesky_solve", input, "input")
    if upper:
        return cholesky_solve(input, L.mT)
    half = solve_triangular(L, input, upper=False)
    return solve_triangular(L.mT, half, upper=True)


def cholesky_inverse(input: Any, upper: bool = False) -> Tensor:
    """The inverse of A = L Lᵀ (Lᵀ L where ``upper``), given its Cholesky factor L, (…, n, n).

    >>> import tinygrad_fm as torch
    >>> torch.cholesky_inverse(torch.eye(2) * 2)
    tensor([[0.2500, 0.0000],
            [0.0000, 0.2500]])
    """
    square("cholesky_inverse", input, "input")
    return cholesky_solve(eye(shape_of(input)[-1], dtype=input.dtype), input, upper)
