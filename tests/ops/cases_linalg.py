"""Rows of the table for linear algebra. Signs of singular and eigenvectors are left open, so their squares are compared."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .case import Array, C, function

SQUARE, BATCH, TALL, WIDE = (3, 3), (2, 3, 3), (4, 3), (2, 4)
NO_MATRIX = ((0, 0),)


def definite(x: Any) -> Any:
    """A symmetric positive-definite matrix made of any."""
    return x @ x.mT + np.eye(x.shape[-1], dtype=str(x.dtype).removeprefix("torch."))


def symmetric(x: Any) -> Any:
    return x + x.mT


def of(name: str, prepare: Any, **options: Any) -> Any:
    """The operation on what ``prepare`` makes of its first input."""
    return lambda x, *others: function(name)(prepare(x), *others, **options)


def squares(u: Any, s: Any, vh: Any) -> tuple[Any, Any, Any]:
    return u * u, s, vh * vh


def old_squares(u: Any, s: Any, v: Any) -> tuple[Any, Any, Any]:
    return u * u, s, (v * v).mT


def np_eigh(x: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(symmetric(x))
    return values, vectors**2


def eigh_squared(x: Any) -> tuple[Any, Any]:
    values, vectors = function("linalg.eigh")(symmetric(x))
    return values, vectors * vectors


def np_triangular(a: Array, b: Array) -> Array:
    return np.linalg.solve(np.tril(a), b)


def np_tensorsolve(a: Array, b: Array) -> Array:
    return np.linalg.tensorsolve(a, b)


# fmt: off
LINALG_CASES = [
    # inverses and equations
    C("linalg.inv", np.linalg.inv, BATCH, empty=NO_MATRIX),
    C("inverse", np.linalg.inv, SQUARE, empty=NO_MATRIX),
    C("linalg.inv_ex", np.linalg.inv, SQUARE, call=lambda x: function("linalg.inv_ex")(x).inverse, empty=NO_MATRIX),
    C("linalg.pinv", np.linalg.pinv, TALL, empty=((0, 3),)),
    C("linalg.pinv", np.linalg.pinv, (2, *WIDE), empty=None),
    C("linalg.pinv", lambda x: np.linalg.pinv(symmetric(x)), SQUARE, call=of("linalg.pinv", symmetric, hermitian=True),
      empty=None),
    C("pinverse", np.linalg.pinv, WIDE, empty=None),
    C("linalg.tensorinv", lambda x: np.linalg.tensorinv(x, 1), (4, 2, 2), ind=1, empty=None),
    C("linalg.solve", np.linalg.solve, BATCH, (2, 3, 2), empty=((0, 0), (0, 2))),
    C("linalg.solve", np.linalg.solve, SQUARE, (3,), empty=None),
    C("linalg.solve", np.linalg.solve, (1, 3, 3), (2, 1, 3, 2), empty=None),
    C("linalg.solve", lambda a, b: b @ np.linalg.inv(a), SQUARE, (2, 3), left=False, empty=None),
    C("linalg.solve_ex", np.linalg.solve, SQUARE, (3, 2), call=lambda a, b: function("linalg.solve_ex")(a, b).result,
      empty=None),
    C("linalg.tensorsolve", np_tensorsolve, (4, 2, 2), (4,), empty=None),
    C("linalg.solve_triangular", np_triangular, BATCH, (2, 3, 2), upper=False, empty=((0, 0), (0, 2))),
    C("linalg.solve_triangular", lambda a, b: b @ np.linalg.inv(np.triu(a)), SQUARE, (2, 3), upper=True, left=False,
      empty=None),
    C("linalg.solve_triangular", lambda a, b: np.linalg.solve(np.triu(a, 1) + np.eye(3), b), SQUARE, (4, 3, 1), upper=True,
      unitriangular=True, empty=None),
    C("triangular_solve", lambda b, a: np.linalg.solve(np.triu(a).T, b), (3, 2), SQUARE,
      call=lambda b, a: function("triangular_solve")(b, a, transpose=True)[0], empty=None, bare=False),
    C("cholesky_solve", lambda b, l: np.linalg.solve(np.tril(l) @ np.tril(l).T, b), (3, 2), SQUARE, empty=None),
    C("cholesky_solve", lambda b, l: np.linalg.solve(np.triu(l).T @ np.triu(l), b), (3, 2), SQUARE, upper=True, empty=None),
    C("cholesky_inverse", lambda l: np.linalg.inv(np.tril(l) @ np.tril(l).mT), BATCH, empty=None, bare=False),
    C("linalg.lstsq", lambda a, b: np.linalg.lstsq(a, b)[0], TALL, (4, 2),
      call=lambda a, b: function("linalg.lstsq")(a, b).solution, empty=None, bare=False),
    C("linalg.lstsq", lambda a, b: np.linalg.lstsq(a, b)[1], TALL, (4, 2),
      call=lambda a, b: function("linalg.lstsq")(a, b, driver="gels").residuals, empty=None, bare=False),
    # determinants
    C("linalg.det", np.linalg.det, BATCH, empty=NO_MATRIX),
    C("det", np.linalg.det, SQUARE, empty=NO_MATRIX),
    C("linalg.slogdet", lambda x: np.linalg.slogdet(x)[1], BATCH, call=lambda x: function("linalg.slogdet")(x)[1],
      empty=NO_MATRIX),
    C("slogdet", lambda x: np.linalg.slogdet(x)[1], SQUARE, call=lambda x: function("slogdet")(x)[1], empty=NO_MATRIX),
    C("logdet", lambda x: np.linalg.slogdet(definite(x))[1], BATCH, call=of("logdet", definite), empty=NO_MATRIX),
    # decompositions
    C("linalg.cholesky", lambda x: np.linalg.cholesky(definite(x)), BATCH, call=of("linalg.cholesky", definite),
      empty=NO_MATRIX),
    C("linalg.cholesky", lambda x: np.linalg.cholesky(definite(x)).mT, SQUARE, call=of("linalg.cholesky", definite, upper=True),
      empty=None),
    C("cholesky", lambda x: np.linalg.cholesky(definite(x)), SQUARE, call=of("cholesky", definite), empty=NO_MATRIX),
    C("linalg.cholesky_ex", lambda x: np.linalg.cholesky(definite(x)), SQUARE,
      call=lambda x: function("linalg.cholesky_ex")(definite(x)).L, empty=NO_MATRIX),
    C("linalg.qr", lambda x: tuple(np.linalg.qr(x)), (2, *TALL), empty=None),
    C("linalg.qr", lambda x: tuple(np.linalg.qr(x)), WIDE, empty=None),
    C("linalg.qr", lambda x: tuple(np.linalg.qr(x, "complete")), SQUARE, mode="complete", empty=NO_MATRIX),
    C("qr", lambda x: tuple(np.linalg.qr(x)), TALL, empty=None),
    C("linalg.eigh", np_eigh, SQUARE, call=eigh_squared, empty=NO_MATRIX),
    C("linalg.eigvalsh", lambda x: np.linalg.eigvalsh(symmetric(x)), BATCH, call=of("linalg.eigvalsh", symmetric),
      empty=NO_MATRIX),
    C("linalg.svd", lambda x: squares(*np.linalg.svd(x, full_matrices=False)), TALL,
      call=lambda x: squares(*function("linalg.svd")(x, False)), empty=None),
    C("linalg.svd", lambda x: squares(*np.linalg.svd(x, full_matrices=False)), (2, *WIDE),
      call=lambda x: squares(*function("linalg.svd")(x, False)), empty=None),
    C("linalg.svd", lambda x: squares(*np.linalg.svd(x)), SQUARE, call=lambda x: squares(*function("linalg.svd")(x)),
      empty=NO_MATRIX),
    C("svd", lambda x: squares(*np.linalg.svd(x, full_matrices=False)), TALL,
      call=lambda x: old_squares(*function("svd")(x)), empty=None),
    C("linalg.svdvals", lambda x: np.linalg.svd(x, compute_uv=False), (2, *TALL), empty=None),
    # norms
    C("linalg.vector_norm", lambda x: np.linalg.norm(x.ravel()), TALL),
    C("linalg.vector_norm", lambda x: np.linalg.norm(x, 3, axis=0), TALL, ord=3, dim=0, empty=None),
    C("linalg.matrix_norm", lambda x: np.linalg.norm(x, axis=(1, 2)), BATCH),
    C("linalg.matrix_norm", lambda x: np.linalg.norm(x, "nuc", axis=(0, 2), keepdims=True), BATCH, ord="nuc", dim=(0, 2),
      keepdim=True, empty=None),
    C("linalg.matrix_norm", lambda x: np.linalg.norm(x, 2), TALL, ord=2, empty=None),
    C("linalg.matrix_norm", lambda x: np.linalg.norm(x, -2), TALL, ord=-2, empty=None),
    C("linalg.matrix_norm", lambda x: np.linalg.norm(x, 1), TALL, ord=1, empty=None),
    C("linalg.matrix_norm", lambda x: np.linalg.norm(x, -np.inf), TALL, ord=-np.inf, empty=None),
    C("linalg.norm", lambda x: np.linalg.norm(x), TALL),
    C("linalg.norm", lambda x: np.linalg.norm(x, 2), TALL, ord=2, empty=None),
    C("norm", lambda x: np.linalg.norm(x, "nuc"), TALL, p="nuc", empty=None),
    C("linalg.cond", np.linalg.cond, TALL, empty=None),
    C("linalg.cond", lambda x: np.linalg.cond(x, 1), SQUARE, p=1, empty=None),
    # products and functions
    C("linalg.cross", lambda a, b: np.cross(a, b), (4, 3), (4, 3), bare=False),
    C("linalg.diagonal", lambda x: np.diagonal(x, 1, 1, 2), BATCH, offset=1),
    C("linalg.matmul", np.matmul, TALL, (3, 2), empty=((0, 3), (3, 2))),
    C("linalg.matrix_exp", lambda x: sum(np.linalg.matrix_power(x, n) / math.factorial(n) for n in range(40)),
      SQUARE, empty=None, bare=False),
    C("linalg.matrix_power", lambda x: np.linalg.matrix_power(x, 3), SQUARE, n=3, empty=None),
    C("linalg.matrix_power", lambda x: np.linalg.matrix_power(x, -2), BATCH, n=-2, empty=None),
    C("linalg.multi_dot", lambda a, b, c: a @ b @ c, (3,), (3, 4), (4,), call=lambda *m: function("linalg.multi_dot")(m),
      empty=None),
    C("linalg.vander", lambda x: np.stack([x**n for n in range(3)], -1), (2, 3), N=3, bare=False),
    C("linalg.vecdot", lambda a, b: (a * b).sum(0), TALL, TALL, dim=0),
]
