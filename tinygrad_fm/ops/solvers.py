"""Systems of linear equations. https://pytorch.org/docs/stable/linalg.html#solvers"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ..promotion import same_dtype
from . import _lapack
from ._matrices import Array, factorized, floats, matrices, same_batch, same_kind, shape_of, square
from .creation import as_tensor
from .elementwise import where
from .inverses import cut_off, invertible, pinv, pivots_info
from .return_types import printed_as
from .shape import movedim, to_shape

_SINGULAR = "The solver failed because the input matrix is singular."

_solve: Any = primitive(
    lambda a, b: factorized("torch.linalg.solve", _SINGULAR, _lapack.solve, a, b),
    name="solve",
    promotion=same_dtype,
    a=lambda g, y, a: -(_solve(a.mT, g) @ y.mT),
    b=lambda g, a: _solve(a.mT, g),
)


def _is_vector(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether B is a vector, or a batch of vectors, one for each matrix of A."""
    return len(b) == 1 or (len(a) - 1 == len(b) and a[:-1] == b)


def solve(A: Any, B: Any, *, left: bool = True) -> Tensor:
    """The solution X of A X = B, or of X A = B where not ``left``.

    Args:
        A: (…, n, n), invertible.
        B: (…, n, k) ((…, k, n) where not ``left``), of the same dtype; batches broadcast. Or vectors: (n,), or (…, n) with
            A's batch dimensions.

    Raises:
        LinAlgError: a matrix is singular; the message names which one of the batch.
        ShapeError: the sizes do not fit.

    Source: LU by LAPACK; gradients A⁻ᵀ g and −A⁻ᵀ g Xᵀ. https://pytorch.org/docs/stable/generated/torch.linalg.solve.html

    >>> import tinygrad_fm as torch
    >>> torch.linalg.solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    op = "linalg.solve"
    square(op, A)
    floats(op, B, "B")
    same_kind(op, A, B)
    a, b = shape_of(A), shape_of(B)
    if _is_vector(a, b):
        if not left:
            raise ShapeError(f"{op}: Vector broadcasting of the left hand side is not supported for left=False. Got shape {b}")
        return solve(A, B[..., None])[..., 0]
    if len(b) < 2:
        raise ShapeError(f"{op}: B must have at least 1 dimension, got shape {b}")
    if not left:
        return solve(A.mT, B.mT).mT
    if a[-1] != b[-2]:
        raise ShapeError(f"{op}: Incompatible shapes of A and B for the equation AX = B ({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})")
    return _solve(*same_batch(op, A, B))


class SolutionAndInfo(NamedTuple):
    """What :func:`solve_ex` returns."""

    result: Any
    info: Any

    def __repr__(self) -> str:
        return printed_as("linalg_solve_ex", self)


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> SolutionAndInfo:
    """:func:`solve` without an error: ``info`` is 0, or which pivot is the first that is 0; such a solution is NaN.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.solve_ex(torch.eye(2) * 2, torch.ones(2)).result
    tensor([0.5000, 0.5000])
    """
    x = raw(square("linalg.solve_ex", A))
    info = pivots_info(x)
    if check_errors or not info.any():
        return SolutionAndInfo(solve(A, B, left=left), as_tensor(info))
    good = invertible(x)[..., None, None]
    safe = where(good, A, np.eye(x.shape[-1], dtype=x.dtype))
    found = solve(safe, B, left=left)
    kept = good if raw(found).ndim >= good.ndim else good[..., 0]
    return SolutionAndInfo(where(kept, found, np.array(np.nan, x.dtype)), as_tensor(info))


def tensorsolve(A: Any, B: Any, dims: Any = None) -> Tensor:
    """The solution X of ``tensordot(A, X, X.ndim) = B``: A's first dimensions are B's, the others are X's.

    Args:
        dims: dimensions of A that are moved to its end first.

    Raises:
        ShapeError: the dimensions of X have not as many elements in all as B.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.tensorsolve(torch.eye(4).reshape(2, 2, 4), torch.ones(2, 2))
    tensor([1., 1., 1., 1.])
    """
    if dims is not None:
        A = movedim(A, tuple(dims), tuple(range(-len(dims), 0)))
    a, b = shape_of(A), shape_of(B)
    of_x = a[len(b) :]
    if math.prod(of_x) != math.prod(b) or math.prod(a[: len(b)]) != math.prod(b):
        raise ShapeError(
            "linalg.tensorsolve: expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), got shapes {a} and {b}"
        )
    n = math.prod(of_x)
    return to_shape(solve(to_shape(A, shape=(n, n)), to_shape(B, shape=(n,))), shape=of_x)


# -- least squares -----------------------------------------------------------------------------------------------------


class LeastSquares(NamedTuple):
    """What :func:`lstsq` returns."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any

    def __repr__(self) -> str:
        return printed_as("linalg_lstsq", self)


def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> LeastSquares:
    """The X of least norm that makes ‖A X − B‖ least, as pinv(A) · B.

    Args:
        A: (…, m, n). B: (…, m, k), or (…, m) with A's batch dimensions; of the same dtype.
        rcond: singular values up to that part of the largest count as 0; max(m, n) times the dtype's precision by default.
        driver: PyTorch's names: "gelsy" (the default), "gelsd", "gelss" and "gels". They say what is returned beside
            the solution: a rank by all but "gels", singular values by "gelsd" and "gelss".

    Returns:
        ``solution`` (…, n, k); ``residuals`` (…, k), Σ (A X − B)², empty unless m > n and all ranks are n; ``rank``;
        ``singular_values``.

    Raises:
        RuntimeError: ``driver`` is none of these.
        ShapeError: the shapes of A and B do not fit one another.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.lstsq(torch.tensor([[1.0], [1.0]]), torch.tensor([[1.0], [3.0]])).solution
    tensor([[2.0000]])
    """
    op = "torch.linalg.lstsq"
    drivers = ("gels", "gelsy", "gelsd", "gelss")
    if driver is not None and driver not in drivers:
        raise RuntimeError(f"{op}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver!r}")
    driver = driver or "gelsy"
    matrices(op, A)
    same_kind(op, A, B)
    a, b = shape_of(A), shape_of(B)
    if len(b) < 1 or not 0 <= len(a) - len(b) <= 1:
        raise ShapeError(f"{op}: input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1")
    vectors = len(b) == len(a) - 1
    if vectors:
        B = B[..., None]
    if shape_of(B)[-2] != a[-2]:
        raise ShapeError(f"{op}: A of shape {a} has {a[-2]} rows, and B of shape {b} does not")
    A, B = same_batch(op, A, B)
    solution = pinv(A, rtol=rcond) @ B
    rank, values = _rank(raw(A), rcond)
    residuals = to_shape(solution, shape=(solution.numel(),))[:0]
    rows, columns = a[-2:]
    if driver != "gelsy" and rows > columns and bool(np.all(rank == columns)):
        residuals = ((A @ solution - B) ** 2).sum(-2)
        residuals = residuals[..., 0] if vectors else residuals
    return LeastSquares(
        solution[..., 0] if vectors else solution,
        residuals,
        as_tensor(np.zeros(0, np.int64) if driver == "gels" else rank),
        as_tensor(values if driver in ("gelsd", "gelss") else np.zeros(0, values.dtype)),
    )


def _rank(x: Array, rcond: Any) -> tuple[Array, Array]:
    values = np.linalg.svd(x, compute_uv=False)
    if not values.size:
        return np.zeros(x.shape[:-2], np.int64), values
    limit = cut_off("linalg.lstsq", values[..., 0], x.shape, None, rcond)
    return np.asarray((values > limit[..., None]).sum(-1), np.int64), values
