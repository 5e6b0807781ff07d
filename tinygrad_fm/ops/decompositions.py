"""Decompositions of matrices by LAPACK, as NumPy calls it: Cholesky, QR, eigenvalues of symmetric matrices, singular values.

https://pytorch.org/docs/stable/linalg.html#decompositions

The backward rules are those of M. Seeger, A. Hetzel, Z. Dai, N. Lawrence, "Auto-Differentiating Linear Algebra" (2017), for
Cholesky, QR and symmetric eigenvalues, and of J. Townsend, "Differentiating the Singular Value Decomposition" (2016). Where a
rule reads several results, those are made again when the backward pass is recorded: then they must be on the tape.

Where two eigenvalues or singular values are equal, their vectors are not unique and have no derivative: gradients through them
are infinite or NaN, as in PyTorch; those of the values alone stay right.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import is_tensor, raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import AutogradError
from . import _lapack
from ._matrices import Array, each_matrix, factorized, matrices, shape_of, square
from .creation import as_tensor
from .diagonal import diag_embed, tril
from .elementwise import true_div, where
from .join_split import cat
from .return_types import printed_as
from .triangular_solve import _triangular

__all__ = ["cholesky", "qr", "svd"]


# -- Cholesky ----------------------------------------------------------------------------------------------------------


def _cholesky_kernel(x: Array) -> Any:
    return factorized("linalg.cholesky", _not_positive, _lapack.cholesky, x)


def _not_positive(matrix: Array) -> str:
    """Why a matrix has no Cholesky factor, in PyTorch's words."""
    return (
        "The factorization could not be completed because the input is not positive-definite "
        f"(the leading minor of order {_first_bad_minor(matrix)} is not positive-definite)."
    )


def _cholesky_rule(g: Any, y: Any) -> Any:
    """½ L⁻ᵀ · copyltu(Lᵀ g) · L⁻¹ (Seeger et al., 2017), symmetric."""
    inner = tril(y.mT @ g)
    both = inner + tril(inner, -1).mT
    half = _triangular(y.mT, both, upper=True, unit=False)  # L⁻ᵀ · both
    return _triangular(y.mT, half.mT, upper=True, unit=False) * 0.5


_cholesky = primitive(_cholesky_kernel, name="cholesky", promotion=None, x=_cholesky_rule)


def linalg_cholesky(A: Any, *, upper: bool = False) -> Tensor:
    """The lower triangular L with A = L Lᵀ, or where ``upper`` U with A = Uᵀ U, for symmetric positive-definite matrices.

    Args:
        A: (…, n, n), of which only the lower triangle is read, the upper one where ``upper``.

    Raises:
        LinAlgError: A is not positive-definite; the message names the matrix of the batch.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    square("linalg.cholesky", A)
    return _cholesky(A.mT).mT if upper else _cholesky(A)


def cholesky(input: Any, upper: bool = False) -> Tensor:
    """:func:`linalg.cholesky` under its older name.

    >>> import tinygrad_fm as torch
    >>> torch.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return linalg_cholesky(input, upper=upper)


class CholeskyAndInfo(NamedTuple):
    """What :func:`cholesky_ex` returns."""

    L: Any
    info: Any

    def __repr__(self) -> str:
        return printed_as("linalg_cholesky_ex", self)


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> CholeskyAndInfo:
    """:func:`linalg.cholesky` without an error: ``info`` is 0, or the order of the first leading minor that is not
    positive-definite; the factor of such a matrix is NaN.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.cholesky_ex(torch.eye(2)).info
    tensor(0, dtype=torch.int32)
    """
    x = raw(square("linalg.cholesky_ex", A))
    if check_errors:
        return CholeskyAndInfo(linalg_cholesky(A, upper=upper), as_tensor(np.zeros(x.shape[:-2], np.int32)))
    info = np.array([_first_bad_minor(m.T if upper else m) for _, m in each_matrix(x)], np.int32).reshape(x.shape[:-2])
    if info.any():
        bad = (info > 0)[..., None, None]
        good = linalg_cholesky(where(bad, np.eye(x.shape[-1], dtype=x.dtype), A), upper=upper)
        return CholeskyAndInfo(where(bad, np.array(np.nan, x.dtype), good), as_tensor(info))
    return CholeskyAndInfo(linalg_cholesky(A, upper=upper), as_tensor(info))


def _first_bad_minor(matrix: Array) -> int:
    """The order of the first leading minor that is not positive-definite; 0 if all are. Halving finds it."""

    def good(n: int) -> bool:
        try:
            return bool(np.isfinite(_lapack.cholesky(matrix[:n, :n])).all())
        except np.linalg.LinAlgError:
            return False

    low, high = 0, len(matrix)
    if good(high):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return high


# -- QR ----------------------------------------------------------------------------------------------------------------


class QR(NamedTuple):
    """What :func:`qr` returns: A = Q R."""

    Q: Any
    R: Any

    def __repr__(self) -> str:
        return printed_as("linalg_qr", self)


def _qr_kernel(x: Array, mode: str) -> Any:
    found: Any = np.linalg.qr(x, mode)  # type: ignore[call-overload]
    q, r = (np.empty(0, x.dtype), found) if mode == "r" else found
    return (q, r), q, r


def _qr_rule(g: Any, x: Any, q: Any, r: Any, mode: str) -> tuple[Any]:
    """(gQ + Q · copyltu(M)) R⁻ᵀ with M = R gRᵀ − gQᵀ Q (Seeger et al., 2017); of a wide matrix Q belongs to the first columns
    alone, and the others are Qᵀ times them."""
    rows, columns = shape_of(x)[-2:]
    if mode == "r":
        raise AutogradError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
        )
    if mode == "complete" and rows > columns:
        raise AutogradError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    if is_tensor(x):
        q, r = _qr(x, mode=mode)
    of_q, of_r = g
    rest = None
    if columns > rows:
        if of_r is not None:
            right = of_r[..., rows:]
            rest = q @ right
            through = x[..., rows:] @ right.mT
            of_q = through if of_q is None else of_q + through
            of_r = of_r[..., :rows]
        else:
            rest = x[..., rows:] * 0.0
        r = r[..., :rows]
    m = 0.0
    if of_r is not None:
        m = r @ of_r.mT
    if of_q is not None:
        m = m - of_q.mT @ q
    inner = q @ (tril(m) + tril(m, -1).mT)
    if of_q is not None:
        inner = inner + of_q
    first = _triangular(r, inner.mT, upper=True, unit=False).mT
    return (first if rest is None else cat([first, rest], -1),)


_qr: Any = primitive(_qr_kernel, name="qr", promotion=None, inputs="x", outputs=2, residuals="q r", joint=_qr_rule)


def linalg_qr(A: Any, mode: str = "reduced") -> QR:
    """Q with orthonormal columns and R upper triangular with A = Q R.

    Args:
        A: (…, m, n).
        mode: "reduced" for Q (…, m, k) and R (…, k, n) with k = min(m, n); "complete" for (…, m, m) and (…, m, n); "r" for R
            alone, as of "reduced", beside an empty Q.

    Raises:
        RuntimeError: ``mode`` is none of these.
        AutogradError: in backward, of mode "r", and of "complete" where m > n: Q's further columns are not unique.

    >>> import tinygrad_fm as torch
    >>> Q, R = torch.linalg.qr(torch.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> R
    tensor([[-5.0000, -2.2000],
            [ 0.0000,  0.4000]])
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"linalg.qr received unrecognized mode {mode!r} but expected one of 'reduced', 'r', or 'complete'")
    return QR(*_qr(matrices("linalg.qr", A), mode=mode))


class OldQR(QR):
    """What ``torch.qr`` returns: A = Q R."""

    __slots__ = ()

    def __repr__(self) -> str:
        return printed_as("qr", self)


def qr(input: Any, some: bool = True) -> OldQR:
    """:func:`linalg.qr` in its older form: reduced, or complete where not ``some``.

    >>> import tinygrad_fm as torch
    >>> q, r = torch.qr(torch.eye(2))
    >>> torch.allclose(q @ r, torch.eye(2))
    True
    """
    return OldQR(*linalg_qr(input, "reduced" if some else "complete"))


# -- eigenvalues of symmetric matrices ---------------------------------------------------------------------------------


class Eigh(NamedTuple):
    """What :func:`eigh` returns: A = V diag(λ) Vᵀ."""

    eigenvalues: Any
    eigenvectors: Any

    def __repr__(self) -> str:
        return printed_as("linalg_eigh", self)


def _eigh_kernel(x: Array, UPLO: str) -> Any:
    values, vectors = factorized("linalg.eigh", "The algorithm failed to converge.", _lapack.eigh, x, UPLO=UPLO)
    return (values, vectors), values, vectors


def _differences(v: Any) -> Any:
    """v_k − v_j for row j and column k, and 1 on the diagonal."""
    return v[..., None, :] - v[..., :, None] + np.eye(shape_of(v)[-1], dtype=raw(v).dtype)


def _eigh_rule(g: Any, x: Any, values: Any, vectors: Any, UPLO: str) -> tuple[Any]:
    """V (diag(gλ) + (Vᵀ gV) / E) Vᵀ with E_jk = λ_k − λ_j (Seeger et al., 2017)."""
    if is_tensor(x):
        values, vectors = _eigh(x, UPLO=UPLO)
    of_values, of_vectors = g
    if of_vectors is None:
        return ((vectors * of_values[..., None, :]) @ vectors.mT,)
    turned = vectors.mT @ of_vectors
    skew = (turned - turned.mT) * 0.5  # V's change is V times a skew matrix, as its columns stay orthonormal
    inner = true_div(skew, _differences(values))
    if of_values is not None:
        inner = inner + diag_embed(of_values)
    return (vectors @ inner @ vectors.mT,)


_eigh: Any = primitive(
    _eigh_kernel, name="eigh", promotion=None, inputs="x", outputs=2, residuals="values vectors", joint=_eigh_rule
)


def eigh(A: Any, UPLO: str = "L") -> Eigh:
    """Eigenvalues λ, rising, and orthonormal eigenvectors, the columns of V, of symmetric matrices: A = V diag(λ) Vᵀ.

    Args:
        A: (…, n, n), of which only the lower triangle is read, or the upper one ("U").

    Raises:
        LinAlgError: the algorithm fails to converge.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.eigh(torch.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    return Eigh(*_eigh(square("linalg.eigh", A), UPLO=_triangle("linalg.eigh", UPLO)))


def eigvalsh(A: Any, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, rising: those of :func:`eigh`.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.eigvalsh(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([2., 4.])
    """
    return _eigh(square("linalg.eigvalsh", A), UPLO=_triangle("linalg.eigvalsh", UPLO))[0]


def _triangle(op: str, UPLO: Any) -> str:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"{op}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


# -- singular values ---------------------------------------------------------------------------------------------------


class SVD(NamedTuple):
    """What :func:`linalg.svd` returns: A = U diag(S) Vh."""

    U: Any
    S: Any
    Vh: Any

    def __repr__(self) -> str:
        return printed_as("linalg_svd", self)


class OldSVD(NamedTuple):
    """What ``torch.svd`` returns: A = U diag(S) Vᵀ."""

    U: Any
    S: Any
    V: Any

    def __repr__(self) -> str:
        return printed_as("svd", self)


def _svd_kernel(x: Array, full_matrices: bool) -> Any:
    found = factorized("linalg.svd", "The algorithm failed to converge.", _lapack.svd, x, full_matrices=full_matrices)
    return tuple(found), *found


def _svd_rule(g: Any, x: Any, u: Any, s: Any, vh: Any, full_matrices: bool) -> tuple[Any]:
    """U [(skew(Uᵀ gU) / E) S + S (skew(Vᵀ gV) / E) + diag(gS)] Vᵀ, E_jk = S_k² − S_j², and what of gU and gV lies outside of
    the spaces that U and V span, divided by S (Townsend, 2016). Of full matrices only the first columns count."""
    if is_tensor(x):
        u, s, vh = _svd(x, full_matrices=full_matrices)
    of_u, of_s, of_vh = g
    k = shape_of(s)[-1]
    if full_matrices:
        u, vh = u[..., :k], vh[..., :k, :]
        of_u, of_vh = (None if of_u is None else of_u[..., :k]), (None if of_vh is None else of_vh[..., :k, :])
    if of_u is None and of_vh is None:
        return ((u * of_s[..., None, :]) @ vh,)
    rows, columns = shape_of(x)[-2:]
    gaps = _differences(s * s)
    inner: Any = 0.0 if of_s is None else diag_embed(of_s)
    outside: Any = None
    if of_u is not None:
        turned = u.mT @ of_u
        inner = inner + true_div(turned - turned.mT, gaps) * s[..., None, :]
        if rows > k:
            outside = true_div(of_u - u @ turned, s[..., None, :]) @ vh
    if of_vh is not None:
        turned = vh @ of_vh.mT
        inner = inner + s[..., :, None] * true_div(turned - turned.mT, gaps)
        if columns > k:
            further = u @ true_div(of_vh - turned.mT @ vh, s[..., :, None])
            outside = further if outside is None else outside + further
    gradient = u @ inner @ vh
    return (gradient if outside is None else gradient + outside,)


_svd: Any = primitive(_svd_kernel, name="svd", promotion=None, inputs="x", outputs=3, residuals="u s vh", joint=_svd_rule)


def linalg_svd(A: Any, full_matrices: bool = True, *, driver: Any = None) -> SVD:
    """The singular value decomposition A = U diag(S) Vh, with S falling and U's columns and Vh's rows orthonormal.

    Args:
        A: (…, m, n).
        full_matrices: U is (…, m, m) and Vh (…, n, n); otherwise (…, m, k) and (…, k, n) with k = min(m, n).
        driver: of GPUs; refused.

    Raises:
        LinAlgError: A is not finite, or the algorithm fails to converge.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.svd(torch.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.])
    """
    _no_driver("linalg.svd", driver)
    return SVD(*_svd(matrices("linalg.svd", A), full_matrices=bool(full_matrices)))


def svd(input: Any, some: bool = True, compute_uv: bool = True) -> OldSVD:
    """:func:`linalg.svd` in its older form, with V in place of its transpose; U and V are zeros where not ``compute_uv``.

    >>> import tinygrad_fm as torch
    >>> u, s, v = torch.svd(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    >>> s
    tensor([4., 3.])
    """
    matrices("svd", input, "input")
    if not compute_uv:
        rows, columns = shape_of(input)[-2:]
        batch = shape_of(input)[:-2]
        return OldSVD(input.new_zeros((*batch, rows, rows)), svdvals(input), input.new_zeros((*batch, columns, columns)))
    u, s, vh = _svd(input, full_matrices=not some)
    return OldSVD(u, s, vh.mT)


def svdvals(A: Any, *, driver: Any = None) -> Tensor:
    """The singular values, falling: those of :func:`linalg.svd`, whose derivative exists for equal ones, too.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.svdvals(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    _no_driver("linalg.svdvals", driver)
    return _svd(matrices("linalg.svdvals", A), full_matrices=False)[1]


def _no_driver(op: str, driver: Any) -> None:
    if driver is not None:
        raise RuntimeError(f"{op}: keyword argument `driver=` is only supported on CUDA inputs")
