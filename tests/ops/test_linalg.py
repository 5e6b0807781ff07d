"""Products: every pairing of shapes against NumPy, the messages, and einsum against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import runtime
from tinygrad_fm.autograd import gradcheck, gradgradcheck
from tinygrad_fm.autograd.box import box
from tinygrad_fm.errors import AutogradError, ShapeError
from tinygrad_fm.ops import matmul as products
from tinygrad_fm.ops.einsum import einsum
from tinygrad_fm.ops.matmul import addmm, baddbmm, bmm, dot, linear, matmul, mm, mv, outer

PAIRS = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((2, 0), (0, 3)),
    ((0, 2), (2, 3)),
    ((0, 2, 3), (3, 4)),
    ((4, 0, 3), (3,)),
    ((2, 0), (0,)),
]


def random(*shape: int, seed: int = 0) -> Any:
    return box(np.asarray(np.random.default_rng(seed).standard_normal(shape))).requires_grad_()


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_matmul_of_all_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = random(*a), random(*b, seed=1)
    np.testing.assert_allclose(matmul(x, y).detach().numpy(), x.detach().numpy() @ y.detach().numpy(), rtol=1e-12)
    assert gradcheck(matmul, (x, y), fast_mode=True)
    assert gradgradcheck(matmul, (x, y), fast_mode=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_make_products_of_operands_in_any_order_of_memory(dtype: Any, rng: np.random.Generator) -> None:
    def laid_out(rows: int, columns: int) -> list[Any]:
        plain = rng.standard_normal((rows, columns)).astype(dtype)
        part = rng.standard_normal((rows, 2 * columns)).astype(dtype)[:, ::2]
        return [plain, np.asfortranarray(plain), part, plain[::-1], np.broadcast_to(plain[:1], plain.shape)]

    before = runtime.get_num_threads()
    try:
        runtime.set_num_threads(3)
        runtime.take_over_blas()
        for m, n in ((330, 50), (50, 330)):
            for a in laid_out(m, 260):
                for b in laid_out(260, n):
                    assert m * n * 260 > products._THREADED
                    want = a.astype(np.float64) @ b.astype(np.float64)
                    np.testing.assert_allclose(products._dot(a, b), want, rtol=1e-4, atol=1000 * np.finfo(dtype).eps)
    finally:
        runtime.set_num_threads(before)


def test_transposed_and_expanded_operands() -> None:
    x, y = random(4, 3).T, random(5, 4).T
    assert gradcheck(matmul, (x, y))
    (matmul(x, y).sum()).backward()  # its gradient is one number, expanded


def test_integers_multiply_and_dtypes_must_agree() -> None:
    a = torch.tensor([[1, 2], [3, 4]])
    assert matmul(a, a).tolist() == [[7, 10], [15, 22]]
    assert matmul(a, a).dtype is torch.int64
    with pytest.raises(AutogradError, match=r"float32.*float64"):
        matmul(torch.ones(2, 2), torch.ones(2, 2).double())


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(2, 3\) cannot be multiplied.*is 3.*has 2 rows"):
        matmul(torch.ones(2, 3), torch.ones(2, 3))
    with pytest.raises(ShapeError, match=r"batch dimensions \(2,\) and \(3,\)"):
        matmul(torch.ones(2, 3, 4), torch.ones(3, 4, 5))
    with pytest.raises(ShapeError, match=r"at least one dimension, got shapes \(\) and \(3,\)"):
        matmul(torch.tensor(1.0), torch.ones(3))
    dims = ((mm, (2,), (2, 2)), (mv, (2, 2), (2, 2)), (dot, (2, 2), (2,)), (bmm, (2, 2), (1, 2, 2)), (outer, (1, 1), (1,)))
    for op, a, b in dims:
        with pytest.raises(ShapeError, match=f"{op.__name__}.*dimension"):
            op(torch.ones(*a), torch.ones(*b))
    with pytest.raises(ShapeError, match="number of matrices"):
        bmm(torch.ones(1, 2, 2), torch.ones(3, 2, 2))
    with pytest.raises(ShapeError, match=r"linear.*\(2, 3\).*\(4, 5\)"):
        linear(torch.ones(2, 3), torch.ones(4, 5))
    with pytest.raises(ShapeError, match=r"bias must have shape \(4,\), got \(3,\)"):
        linear(torch.ones(2, 5), torch.ones(4, 5), torch.ones(3))


def test_addmm_scales_and_ignores_its_input_for_beta_0() -> None:
    a, b = random(2, 3), random(3, 4, seed=1)
    c = random(4, seed=2)
    assert gradcheck(lambda c, a, b: addmm(c, a, b, beta=0.5, alpha=-2.0), (c, a, b))
    assert torch.isfinite(addmm(c * np.nan, a, b, beta=0)).all()
    assert baddbmm(c, a[None], b[None]).shape == (1, 2, 4)
    with pytest.raises(ShapeError, match="does not broadcast to the product"):
        addmm(random(3, 2, 4), a, b)


@pytest.mark.parametrize("shape", [(3, 3), (1, 2, 2)])
def test_addr_refuses_an_input_that_does_not_broadcast_to_the_product(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="does not broadcast to the product's"):
        torch.addr(torch.zeros(shape), torch.ones(2), torch.ones(2))


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3), (2, 0, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_its_composition(shape: tuple[int, ...], bias: bool) -> None:
    x, w, b = random(*shape), random(4, 3, seed=1), random(4, seed=2) if bias else None
    inputs = [t for t in (x, w, b) if t is not None]
    y, expected = linear(x, w, b), matmul(x, w.T) + (b if bias else 0.0)
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-14)
    g = random(*y.shape, seed=3).detach()
    for ours, theirs in zip(torch.autograd.grad(y, inputs, g), torch.autograd.grad(expected, inputs, g), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-14)
    assert gradgradcheck(linear, (x, w, b), fast_mode=True)


def test_the_gradient_of_a_weight_lies_in_memory_as_the_weight() -> None:
    w = random(4, 3)
    linear(random(5, 3), w).sum().backward()
    assert w.grad.is_contiguous()


EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("ij->ji", (2, 3)),
    ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)),
    ("...ij,...jk->...ik", (6, 5, 2, 3), (5, 3, 4)),
    ("ijk->", (2, 3, 4)),
    ("...ij,jk", (6, 5, 2, 3), (3, 4)),
    ("i,j->ij", (3,), (4,)),
    ("bn,anm,bm->ba", (2, 3), (5, 3, 4), (2, 4)),
    ("iij,jk->ik", (3, 3, 2), (2, 4)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("abc,cd,de->abe", (2, 3, 4), (4, 5), (5, 2)),
    ("ij,jk->ik", (1, 3), (3, 4)),
    ("iii->i", (3, 3, 3)),
    ("i,->i", (3,), ()),
    (" i j , j k -> i k", (2, 3), (3, 4)),
    ("...a,...a->...", (5, 2, 3), (1, 3)),
    ("ij,jk->ik", (2, 0), (0, 4)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
]


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda case: f"{case[0]} {case[1:]}")
def test_einsum_is_numpys(case: tuple[Any, ...]) -> None:
    equation, *shapes = case
    inputs = [random(*shape, seed=i) for i, shape in enumerate(shapes)]
    expected = np.einsum(equation, *(x.detach().numpy() for x in inputs))
    np.testing.assert_allclose(einsum(equation, *inputs).detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    assert gradcheck(lambda *x: einsum(equation, *x), inputs, fast_mode=True)


def test_einsum_refuses_what_makes_no_sense() -> None:
    a, b = torch.ones(2, 3), torch.ones(4, 3)
    for equation, message in (
        ("ij", "names 1 operand"),
        ("ijk,jk", "does not fit operand 0"),
        ("i1,jk", "subscripts are letters"),
        ("ij,kj->iz", "output subscript 'z'"),
        ("ij,kj->ii", "output subscript 'i'"),
    ):
        with pytest.raises(ValueError, match=message):
            einsum(equation, a, b)
    with pytest.raises(ShapeError, match="subscript 'i' stands for sizes"):
        einsum("ij,ij->i", a, b)
    with pytest.raises(ShapeError, match="subscript 'i' stands for sizes 2 and 3"):
        einsum("ii", a)
