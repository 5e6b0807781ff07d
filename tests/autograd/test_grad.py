"""``autograd.grad`` in all its forms, and gradients of gradients."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd import grad


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_grad_leaves_grad_alone() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    gx, gw = grad((x * w).sum(), [x, w])
    np.testing.assert_array_equal(gx.numpy(), [3.0, 4.0])
    np.testing.assert_array_equal(gw.numpy(), [1.0, 2.0])
    assert x.grad is None
    assert w.grad is None


def test_inner_results_as_inputs() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2
    y = (h * h).sum()
    gh, gx = grad(y, [h, x])
    np.testing.assert_array_equal(gh.numpy(), [4.0, 8.0])
    np.testing.assert_array_equal(gx.numpy(), [8.0, 16.0])


def test_the_output_as_input() -> None:
    y = leaf(2.0).sum()
    (g,) = grad(y, y)
    assert g.item() == 1.0


def test_only_the_way_to_the_inputs_is_walked() -> None:
    from tinygrad_fm.autograd import op_hook

    x, w = leaf(1.0), leaf(2.0)
    a, b = x.exp(), w.sin()
    ran = []

    def watch(call, run):
        if call.phase == "backward":
            ran.append(call.name)
        return run()

    with op_hook(watch):
        grad((a * b).sum(), w)
    assert "exp" not in ran
    assert "sin" in ran


def test_several_outputs_and_grad_outputs() -> None:
    x = leaf(1.0, 2.0)
    (g,) = grad([x * 2, x * x], x, [torch.tensor([1.0, 10.0]).double(), torch.tensor([100.0, 1000.0]).double()])
    np.testing.assert_array_equal(g.numpy(), [202.0, 4020.0])
    with pytest.raises(RuntimeError):
        grad([x * 2, x * x], x, [torch.ones(2).double()])


def test_grad_outputs_of_none_for_scalars() -> None:
    x = leaf(1.0, 2.0)
    (g,) = grad([x.sum(), x * x], x, [None, torch.ones(2).double()])
    np.testing.assert_array_equal(g.numpy(), [3.0, 5.0])


def test_the_same_input_twice() -> None:
    x = leaf(3.0)
    first, second = grad((x * x).sum(), [x, x])
    assert first.item() == second.item() == 6.0


def test_unused_inputs() -> None:
    x, w = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match="allow_unused"):
        grad((x * 2).sum(), [x, w])
    gx, gw = grad((x * 2).sum(), [x, w], allow_unused=True)
    assert gx.item() == 2.0
    assert gw is None
    _, zeros = grad((x * 2).sum(), [x, w], materialize_grads=True)
    assert zeros.tolist() == [0.0]


def test_inputs_must_require_grad() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="require"):
        grad((x * 2).sum(), torch.ones(1))
    with pytest.raises(RuntimeError, match="require"):
        grad(torch.ones(1).sum(), x)


def test_grad_frees_the_graph_unless_told_otherwise() -> None:
    x = leaf(1.0)
    y = (x * x).sum()
    grad(y, x, retain_graph=True)
    grad(y, x)
    with pytest.raises(RuntimeError, match="retain_graph"):
        grad(y, x)


def test_gradients_do_not_require_grad_without_create_graph() -> None:
    x = leaf(2.0)
    (g,) = grad((x * x).sum(), x, retain_graph=True)
    assert not g.requires_grad
    (g,) = grad((x * x).sum(), x, create_graph=True)
    assert g.requires_grad


def test_orders_one_to_four() -> None:
    x = leaf(0.7, -1.3)
    y, found = (x**5).sum(), []
    for _ in range(4):
        (g,) = grad(y, x, create_graph=True)
        found.append(g.detach().numpy())
        y = g.sum()
    v, factors = np.array([0.7, -1.3]), [5, 20, 60, 120]
    for i, factor in enumerate(factors):
        np.testing.assert_allclose(found[i], factor * v ** (4 - i))


FUNCTIONS = {
    "tanh": (lambda x: x.tanh(), lambda v: 2 * (1 - np.tanh(v) ** 2) * (3 * np.tanh(v) ** 2 - 1)),
    "exp": (lambda x: x.exp(), np.exp),
    "log": (lambda x: x.log(), lambda v: 2 / v**3),
    "sin": (lambda x: x.sin(), lambda v: -np.cos(v)),
    "sqrt": (lambda x: x.sqrt(), lambda v: 0.375 * v**-2.5),
    "reciprocal": (lambda x: 1 / x, lambda v: -6 / v**4),
    "product": (lambda x: x * x * x, lambda v: np.full_like(v, 6.0)),
    "power": (lambda x: x**4, lambda v: 24 * v),
    "sigmoid": (lambda x: x.sigmoid(), lambda v: (s := 1 / (1 + np.exp(-v))) * (1 - s) * (1 - 6 * s + 6 * s * s)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_third_order(name: str) -> None:
    function, third = FUNCTIONS[name]
    x = leaf(0.4, 1.7)
    y = function(x)
    for _ in range(3):
        (y,) = grad(y.sum(), x, create_graph=True)
    np.testing.assert_allclose(y.detach().numpy(), third(np.array([0.4, 1.7])), rtol=1e-9)


def test_third_order_through_matmul_softmax_and_indexing() -> None:
    """Against finite differences of the second order."""
    rng = np.random.default_rng(0)
    w = torch.tensor(rng.standard_normal((4, 3)))

    def second(x):
        h = (x @ w).softmax(-1)[:, :2].log().sum(1)
        (g,) = grad((h * h).sum(), x, create_graph=True)
        (gg,) = grad((g * g).sum(), x, create_graph=True)
        return gg

    x = torch.tensor(rng.standard_normal((2, 4)), requires_grad=True)
    assert torch.autograd.gradcheck(second, (x,))


def test_backward_with_create_graph() -> None:
    x = leaf(2.0)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    x.grad = None
    assert first.item() == 12.0
    first.sum().backward()
    assert x.grad.item() == 12.0


def test_gradient_penalty() -> None:
    """The usual use: a loss that contains a gradient's norm, by finite differences."""
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal((3, 4)), requires_grad=True)

    def penalised(w):
        out = (x @ w).tanh().sum()
        (g,) = grad(out, x, create_graph=True)
        return (g.norm(dim=1) - 1).square().mean() + out

    w = torch.tensor(rng.standard_normal((4, 2)), requires_grad=True)
    assert torch.autograd.gradcheck(penalised, (w,))


def test_hessian_is_symmetric() -> None:
    x = leaf(0.3, -0.7, 1.1)
    (g,) = grad((x.prod() + (x[0] * x).sin().sum()), x, create_graph=True)
    rows = [grad(g[i], x, retain_graph=True)[0].numpy() for i in range(3)]
    np.testing.assert_allclose(rows, np.transpose(rows), atol=1e-12)


def test_grad_of_grad_wrt_grad_outputs() -> None:
    x, v = leaf(1.0, 2.0), leaf(1.0, 1.0)
    (g,) = grad(x * x, x, v, create_graph=True)
    (gv,) = grad(g.sum(), v)
    np.testing.assert_array_equal(gv.numpy(), [2.0, 4.0])


def test_integer_results_carry_no_gradient() -> None:
    x = leaf(3.0, 1.0, 2.0)
    values, indices = x.max(dim=0)
    assert values.requires_grad
    assert not indices.requires_grad
    assert not x.argmax().requires_grad
    assert not (x > 1).requires_grad
    with pytest.raises(RuntimeError):
        grad(indices, x, allow_unused=True)


def test_several_results_used_in_part() -> None:
    x = leaf(3.0, 1.0, 2.0, 5.0)
    a, b = x.split(2)
    (g,) = grad(b.sum() * 2, x)
    np.testing.assert_array_equal(g.numpy(), [0.0, 0.0, 2.0, 2.0])
    parts = (x * 1).chunk(2)
    (g,) = grad((parts[0] * parts[1]).sum(), x)
    np.testing.assert_array_equal(g.numpy(), [2.0, 5.0, 3.0, 1.0])
    assert a.requires_grad


def test_a_batch_of_gradients() -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (rows,) = torch.autograd.grad(x**2, x, torch.eye(3), is_grads_batched=True)
    assert rows.tolist() == [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]
    w = torch.ones(3, requires_grad=True)
    found = torch.autograd.grad(x**2, [x, w], torch.eye(3), is_grads_batched=True, allow_unused=True)
    assert found[0].equal(rows) and found[1] is None
    with pytest.raises(RuntimeError, match="batch size"):
        torch.autograd.grad([x**2, x * 2], x, [torch.eye(3), torch.ones(2, 3)], is_grads_batched=True)


def test_contradictions_and_nothing_asked_for() -> None:
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="contradicts"):
        torch.autograd.grad(x.sum(), x, materialize_grads=True, allow_unused=False)
    with pytest.raises(RuntimeError, match="at least one"):
        torch.autograd.grad(x.sum(), [])
