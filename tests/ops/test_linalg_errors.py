"""Linear algebra at its edges: singular matrices, wrong arguments, equal singular values, and results written into ``out``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import autograd, linalg
from tinygrad_fm.linalg import LinAlgError

ZEROS = torch.zeros(2, 2)
BATCH = torch.stack([torch.eye(2), ZEROS, torch.eye(2)])


@pytest.mark.parametrize(
    "call",
    [linalg.inv, torch.inverse, linalg.cholesky, torch.cholesky, lambda a: linalg.solve(a, torch.ones(2))],
    ids=["inv", "inverse", "linalg.cholesky", "cholesky", "solve"],
)
def test_a_singular_matrix_is_named(call: Any) -> None:
    with pytest.raises(LinAlgError, match=r"singular|positive-definite"):
        call(ZEROS)
    with pytest.raises(LinAlgError, match=r"Batch element 1"):
        call(BATCH)
    assert issubclass(LinAlgError, RuntimeError)


def test_where_a_factorization_stops_is_said() -> None:
    indefinite = torch.tensor([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    for call in (linalg.cholesky, lambda a: linalg.cholesky(a, upper=True), lambda a: linalg.cholesky_ex(a, check_errors=True)):
        with pytest.raises(LinAlgError, match=r"\(the leading minor of order 2 is not positive-definite\)"):
            call(indefinite)
        with pytest.raises(LinAlgError, match=r"Batch element 1\): .* minor of order 2 is"):
            call(torch.stack([torch.eye(3), indefinite]))
    with pytest.raises(LinAlgError, match="The diagonal element 2 is zero, the inversion could not be completed"):
        linalg.inv(torch.ones(3, 3))


@pytest.mark.parametrize("call", [linalg.svd, linalg.svdvals, linalg.pinv], ids=["svd", "svdvals", "pinv"])
def test_what_is_not_finite_is_named(call: Any) -> None:
    with pytest.raises(LinAlgError, match="non-finite"):
        call(torch.full((2, 2), float("nan")))


def test_info_instead_of_errors() -> None:
    inverse, info = linalg.inv_ex(BATCH)
    assert info.tolist() == [0, 1, 0] and info.dtype is torch.int32
    assert inverse[0].tolist() == torch.eye(2).tolist() and bool(inverse[1].isnan().all())
    factor, info = linalg.cholesky_ex(torch.diag(torch.tensor([1.0, 1.0, -1.0])))
    assert info.item() == 3 and bool(factor.isnan().all())
    result, info = linalg.solve_ex(BATCH, torch.ones(3, 2))
    assert info.tolist() == [0, 1, 0] and result[2].tolist() == [1.0, 1.0]
    with pytest.raises(LinAlgError):
        linalg.inv_ex(BATCH, check_errors=True)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: linalg.inv(torch.ones(2, 3)), "square"),
        (lambda: linalg.inv(torch.ones(2)), "at least 2 dimensions"),
        (lambda: linalg.inv(torch.ones(2, 2, dtype=torch.int64)), "floating point"),
        (lambda: linalg.inv(torch.ones(2, 2).half()), "Low precision"),
        (lambda: linalg.solve(torch.eye(2), torch.ones(3)), "Incompatible shapes"),
        (lambda: linalg.solve(torch.eye(2), torch.ones(2).double()), "same dtype"),
        (lambda: linalg.solve(torch.ones(3, 2, 2), torch.ones(4, 2, 1)), "do not broadcast"),
        (lambda: linalg.qr(torch.eye(2), mode="economic"), "unrecognized mode"),
        (lambda: linalg.eigh(torch.eye(2), UPLO="X"), "UPLO"),
        (lambda: linalg.svd(torch.eye(2), driver="gesvd"), "CUDA"),
        (lambda: linalg.lstsq(torch.eye(2), torch.eye(2), driver="qr"), "gelsy"),
        (lambda: linalg.matrix_norm(torch.eye(2), 3), "not supported"),
        (lambda: linalg.norm(torch.ones(2, 2, 2), 2), "1D or 2D"),
        (lambda: linalg.multi_dot([torch.eye(2)]), "at least 2 tensors"),
        (lambda: linalg.matrix_power(torch.ones(2, 3), -1), "square"),
    ],
)
def test_wrong_arguments(call: Any, match: str) -> None:
    with pytest.raises(RuntimeError, match=match):
        call()


@pytest.mark.parametrize("name", ["inv", "det", "svd", "qr", "eigh", "cholesky", "pinv", "matrix_rank"])
def test_lists_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match="must be Tensor, not list"):
        getattr(linalg, name)([[1.0, 0.0], [0.0, 1.0]])


def test_backward_of_qr_that_has_no_derivative() -> None:
    tall = torch.ones(3, 2).triu().requires_grad_()
    with pytest.raises(RuntimeError, match="complete"):
        linalg.qr(tall, mode="complete").R.sum().backward()
    with pytest.raises(RuntimeError, match="mode='r'"):
        linalg.qr(tall, mode="r").R.sum().backward()


def test_equal_singular_values() -> None:
    """Those values have derivatives, and so has the nuclear norm; their vectors have none."""
    x = torch.eye(3, dtype=torch.float64).requires_grad_()
    assert autograd.grad(torch.norm(x, "nuc"), x)[0].tolist() == torch.eye(3).tolist()
    assert not bool(autograd.grad((linalg.svd(x).U ** 3).sum(), x)[0].isfinite().all())
    y = torch.eye(2, dtype=torch.float64).requires_grad_()
    assert autograd.grad(linalg.eigvalsh(y).sum(), y)[0].tolist() == torch.eye(2).tolist()


@pytest.mark.parametrize("rank", [3, 2, 1, 0])
def test_the_determinant_of_singular_matrices_has_both_derivatives(rank: int) -> None:
    rng = np.random.default_rng(rank)
    x = torch.from_numpy(rng.standard_normal((4, rank)) @ rng.standard_normal((rank, 4))).requires_grad_()
    assert autograd.gradcheck(linalg.det, (x,))
    assert autograd.gradgradcheck(linalg.det, (x,))


def test_the_determinants_third_derivative() -> None:
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 3))).requires_grad_()

    def second(a: Any) -> Any:
        (first,) = autograd.grad(linalg.det(a), a, create_graph=True)
        return autograd.grad((first * first).sum(), a, create_graph=True)[0]

    assert autograd.gradcheck(second, (x,))


def test_the_pseudo_inverse_of_a_matrix_of_less_than_full_rank() -> None:
    """Its derivative is that among matrices of the same rank."""
    rng = np.random.default_rng(0)
    a, b = (torch.from_numpy(rng.standard_normal((4, 2))).requires_grad_() for _ in range(2))
    assert autograd.gradcheck(lambda a, b: linalg.pinv(a @ b.mT), (a, b))
    assert autograd.gradgradcheck(lambda a, b: linalg.pinv(a @ b.mT), (a, b))


def test_tolerances() -> None:
    x = torch.diag(torch.tensor([1.0, 1e-3]))
    assert linalg.matrix_rank(x).item() == 2
    assert linalg.matrix_rank(x, atol=1e-2).item() == linalg.matrix_rank(x, rtol=1e-2).item() == 1
    assert linalg.matrix_rank(torch.stack([x, x]), atol=torch.tensor([1e-2, 1e-4])).tolist() == [1, 2]
    assert linalg.pinv(x, rtol=1e-2).tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert linalg.matrix_rank(-x, hermitian=True).item() == 2


def test_out() -> None:
    x = torch.tensor([[2.0, 0.0], [0.0, 4.0]])
    out = torch.empty(2, 2)
    assert linalg.inv(x, out=out) is out and out.tolist() == [[0.5, 0.0], [0.0, 0.25]]
    u, s, vh = torch.empty(0), torch.empty(0), torch.empty(0)
    assert linalg.svd(x, out=(u, s, vh)).S is s and s.tolist() == [4.0, 2.0]
    assert torch.cholesky(x @ x, out=out) is out


def test_condition_number_of_a_singular_matrix_is_infinite() -> None:
    assert [linalg.cond(ZEROS, p).item() for p in (1, float("inf"), "fro")] == [float("inf")] * 3


def test_left_out_names_say_so() -> None:
    with pytest.raises(AttributeError, match="left out"):
        _ = linalg.eig  # type: ignore[attr-defined]
