"""Determinants. https://pytorch.org/docs/stable/generated/torch.linalg.det.html"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from . import _lapack
from ._matrices import Array, factorized, square
from .elementwise import quiet, where
from .inverses import inverse_or_nan
from .return_types import printed_as

__all__ = ["det", "logdet", "slogdet"]


# -- the determinant, whose derivatives exist for singular matrices, too ----------------------------------------------


def _svd(x: Array) -> tuple[Array, Array, Array, Array]:
    """U, S and Vᵀ of square matrices, and det(U) · det(V)."""
    u, s, vh = factorized("linalg.det", "The algorithm failed to converge.", _lapack.svd, x, full_matrices=False)
    return u, s, vh, np.linalg.det(u) * np.linalg.det(vh)


def _products_without_one(s: Array) -> Array:
    """∏_{k≠j} s_k for each j: (…, n)."""
    return np.where(np.eye(s.shape[-1], dtype=bool), np.array(1, s.dtype), s[..., None, :]).prod(-1)


def _products_without_two(s: Array) -> Array:
    """∏_{k≠i,j} s_k for row i and column j; 0 on the diagonal: (…, n, n)."""
    places = np.arange(s.shape[-1])
    found = np.empty((*s.shape, len(places)), s.dtype)
    for i in places:
        found[..., i, :] = _products_without_one(np.where(places == i, np.array(1, s.dtype), s)) * (places != i)
    return found


def _cofactor_kernel(x: Array) -> Array:
    """det(U V) · U diag(∏_{j≠i} s_j) Vᵀ, which is det(A) A⁻ᵀ where there is an inverse."""
    u, s, vh, sign = _svd(x)
    return np.asarray((u * (_products_without_one(s) * sign[..., None])[..., None, :]) @ vh, x.dtype)


def _cofactor_rule_kernel(g: Array, x: Array) -> Array:
    """Jacobi's formula once more: with H = Uᵀ g V and p_ij = ∏_{k≠i,j} s_k, M_jj = Σ_{i≠j} p_ij H_ii and M_ji = −p_ij H_ij."""
    u, s, vh, sign = _svd(x)
    n = s.shape[-1]
    h = u.mT @ g @ vh.mT
    pairs = _products_without_two(s)
    inner = -(pairs * h).mT
    diagonal_of_h = np.diagonal(h, axis1=-2, axis2=-1)
    on_diagonal = (pairs * diagonal_of_h[..., :, None]).sum(-2)
    inner[..., np.arange(n), np.arange(n)] = on_diagonal
    return np.asarray((u @ inner @ vh) * sign[..., None, None], x.dtype)


def _third(g: Any, upstream: Any, x: Any) -> Any:
    """The derivative of the second one, for invertible matrices: that of det(A) (⟨g, A⁻ᵀ⟩ A⁻ᵀ − A⁻ᵀ gᵀ A⁻ᵀ) with respect to A,
    given ``upstream`` for the first derivative's gradient and ``g`` for the second's."""
    b = inverse_or_nan(x).mT
    d = det(x)[..., None, None]

    def inner(p: Any, q: Any) -> Any:
        return (p * q).sum((-2, -1))[..., None, None]

    e, f = upstream, g
    be, bf = b @ e.mT @ b, b @ f.mT @ b
    first = inner(e, b) * inner(f, b) - inner(be, f)
    return d * (first * b - inner(e, b) * bf - inner(f, b) * be + b @ f.mT @ be + b @ e.mT @ bf)


_cofactor_rule: Any = primitive(
    quiet(_cofactor_rule_kernel),
    name="cofactor_backward",
    promotion=None,
    g_=lambda g, x: _cofactor_rule(g, x),
    x=lambda g, g_, x: _third(g, g_, x),
)

_cofactor: Any = primitive(quiet(_cofactor_kernel), name="cofactor", promotion=None, x=lambda g, x: _cofactor_rule(g, x))

_det = primitive(
    quiet(lambda x: np.asarray(np.linalg.det(x), x.dtype)),
    name="det",
    promotion=None,
    x=lambda g, x: g[..., None, None] * _cofactor(x),
)


def linalg_det(A: Any) -> Tensor:
    """The determinants of square matrices, (…, n, n) to (…).

    The gradient is the matrix of cofactors (Jacobi's formula), made of the singular values, so that it is right for singular
    matrices, too.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.det(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    return _det(square("linalg.det", A))


def det(input: Any) -> Tensor:
    """:func:`linalg.det`.

    >>> import tinygrad_fm as torch
    >>> torch.det(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    return linalg_det(input)


# -- its logarithm -----------------------------------------------------------------------------------------------------


class Slogdet(NamedTuple):
    """What :func:`slogdet` returns: det(A) = sign · exp(logabsdet)."""

    sign: Any
    logabsdet: Any

    def __repr__(self) -> str:
        return printed_as("linalg_slogdet", self)


def _slogdet_kernel(x: Array) -> tuple[Array, Array]:
    sign, log = np.linalg.slogdet(x)
    return np.asarray(sign, x.dtype), np.asarray(log, x.dtype)


def _slogdet_rule(g: Any, x: Any) -> tuple[Any]:
    return (None if g[1] is None else g[1][..., None, None] * inverse_or_nan(x).mT,)


_slogdet: Any = primitive(quiet(_slogdet_kernel), name="slogdet", promotion=None, inputs="x", outputs=2, joint=_slogdet_rule)


def linalg_slogdet(A: Any) -> Slogdet:
    """The sign of the determinant (−1, 0 or 1) and the logarithm of its size, which neither overflows nor vanishes.

    The gradient of the logarithm is A⁻ᵀ; of a singular matrix, whose logarithm is −∞, NaN.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.slogdet(torch.eye(2) * 1e30).logabsdet
    tensor(138.1551)
    """
    return Slogdet(*_slogdet(square("linalg.slogdet", A)))


class OldSlogdet(Slogdet):
    """What ``torch.slogdet`` returns: det(A) = sign · exp(logabsdet)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return printed_as("slogdet", self)


def slogdet(input: Any) -> OldSlogdet:
    """:func:`linalg.slogdet`.

    >>> import tinygrad_fm as torch
    >>> torch.slogdet(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    torch.return_types.slogdet(
    sign=tensor(-1.),
    logabsdet=tensor(0.6931))
    """
    return OldSlogdet(*linalg_slogdet(input))


def logdet(input: Any) -> Tensor:
    """log det of square matrices; NaN where the determinant is negative.

    >>> import tinygrad_fm as torch
    >>> torch.logdet(torch.eye(3))
    tensor(0.)
    """
    sign, log = _slogdet(square("logdet", input, "input"))
    return where(raw(sign) < 0, float("nan"), log)
