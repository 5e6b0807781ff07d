"""The backward pass over graphs of every form: diamonds, reuse, long chains, several losses, graphs gone through twice."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd import op_hook
from tinygrad_fm.autograd.primitives import primitive
from tinygrad_fm.errors import AutogradError


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_diamond() -> None:
    x = leaf(2.0, 3.0)
    a = x * x
    ((a + a * a) * a).sum().backward()  # x⁴ + x⁶
    np.testing.assert_allclose(x.grad.numpy(), 4 * np.array([2.0, 3.0]) ** 3 + 6 * np.array([2.0, 3.0]) ** 5)


def test_a_node_reached_by_paths_of_different_length_runs_once() -> None:
    x = leaf(1.5)
    a = x.exp()
    b = a
    for _ in range(5):
        b = b * 1.0 + a
    ran = []

    def watch(call, run):
        ran.append((call.phase, call.name))
        return run()

    with op_hook(watch):
        b.sum().backward()
    assert ran.count(("backward", "exp")) == 1
    np.testing.assert_allclose(x.grad.numpy(), 6 * np.exp(1.5))


def test_the_same_tensor_as_both_inputs() -> None:
    x = leaf(3.0)
    (x * x - x / x + x**x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * 3.0 + 27 * (np.log(3.0) + 1))


def test_a_leaf_that_is_also_the_output() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    x.backward()
    assert x.grad.item() == 1.0


def test_gradients_add_up_over_backwards() -> None:
    x = leaf(1.0, 2.0)
    for _ in range(3):
        (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [6.0, 12.0])


def test_doubling_by_reuse_does_not_multiply_work() -> None:
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(60):  # 2⁶⁰ paths
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_a_chain_of_100_000_operations() -> None:
    limit = sys.getrecursionlimit()
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(50_000):
        y = (y * 1.0) + 0.5
    y.backward()
    assert x.grad.item() == 1.0
    assert sys.getrecursionlimit() == limit
    del y  # releasing must not recurse either


def test_a_long_chain_is_released_without_a_backward() -> None:
    y = torch.ones(2, requires_grad=True)
    for _ in range(100_000):
        y = y * 1.0
    del y


def test_a_long_chain_under_create_graph() -> None:
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(5_000):
        y = y * x
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert g.item() == 5001.0
    (gg,) = torch.autograd.grad(g, x)
    assert gg.item() == 5001.0 * 5000.0


def test_second_backward_needs_retain_graph() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(AutogradError, match="retain_graph"):
        y.backward()


def test_the_failed_second_backward_leaves_gradients_alone() -> None:
    x = leaf(1.0)
    y = (x * x).exp().sum()
    y.backward()
    before = x.grad.numpy().copy()
    with pytest.raises(AutogradError):
        y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), before)


def test_retain_graph() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [6.0, 12.0])
    with pytest.raises(AutogradError):
        y.backward()


def test_losses_that_share_a_trunk() -> None:
    x = leaf(0.5, -0.5)
    trunk = x.tanh()
    first, second = (trunk * 2).sum(), (trunk * trunk).sum()
    first.backward(retain_graph=True)
    second.backward()
    t = np.tanh([0.5, -0.5])
    np.testing.assert_allclose(x.grad.numpy(), (2 + 2 * t) * (1 - t * t))


def test_losses_that_share_a_freed_trunk_raise() -> None:
    x = leaf(0.5)
    trunk = x.tanh()
    first, second = (trunk * 2).sum(), (trunk * trunk).sum()
    first.backward()
    with pytest.raises(AutogradError, match="retain_graph"):
        second.backward()


def test_several_tensors_at_once() -> None:
    x = leaf(1.0, 2.0)
    torch.autograd.backward([x * 2, (x * x).sum()], [torch.ones(2, dtype=torch.float64), None])
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 6.0])


def test_backward_with_inputs_touches_only_those() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x * w
    (h * h).sum().backward(inputs=[x])
    np.testing.assert_array_equal(x.grad.numpy(), 2 * np.array([1.0, 2.0]) * np.array([3.0, 4.0]) ** 2)
    assert w.grad is None


def test_a_gradient_is_needed_for_more_than_one_element() -> None:
    with pytest.raises(RuntimeError, match="scalar"):
        (leaf(1.0, 2.0) * 2).backward()


def test_the_gradient_must_fit() -> None:
    y = leaf(1.0, 2.0) * 2
    with pytest.raises(RuntimeError, match="shape"):
        y.backward(torch.ones(3, dtype=torch.float64))


def test_backward_without_a_graph() -> None:
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.ones(1).sum().backward()


def test_integers_cannot_require_grad() -> None:
    with pytest.raises(RuntimeError):
        torch.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError):
        torch.tensor([1, 2]).requires_grad_()


def test_inputs_without_grad_cost_nothing() -> None:
    x, w = torch.ones(4, 3), torch.ones(3, 2, requires_grad=True)
    asked = []
    product = primitive(
        np.matmul, name="product", a=lambda g, b: asked.append("a") or g @ b.T, b=lambda g, a: asked.append("b") or a.T @ g
    )
    product(x, w).sum().backward()
    assert asked == ["b"]
    assert x.grad is None


def test_the_first_layers_dx_is_never_computed() -> None:
    x = torch.ones(4, 3)
    w1, w2 = torch.ones(3, 5, requires_grad=True), torch.ones(5, 2, requires_grad=True)
    products = []

    def watch(call, run):
        found = run()
        if call.phase == "backward" and call.name in ("matmul", "mm"):
            products.append(len(found))
        return found

    with op_hook(watch):
        ((x @ w1).relu() @ w2).sum().backward()
    assert products == [2, 1]  # the second layer has dX and dW, the first one only dW


def test_a_frozen_leaf_in_the_middle() -> None:
    x, w = leaf(2.0), torch.tensor([3.0], dtype=torch.float64)
    ((x * w) * w).sum().backward()
    assert x.grad.item() == 9.0
    assert w.grad is None


def test_requires_grad_turned_off_in_mid_graph() -> None:
    x = leaf(2.0)
    y = x * x
    x.requires_grad_(False)
    z = x * 3.0
    assert not z.requires_grad
    x.requires_grad_(True)
    (y.sum() + z.sum()).backward()
    assert x.grad.item() == 4.0


def test_detach_cuts_the_graph() -> None:
    x = leaf(2.0)
    (x * x.detach()).sum().backward()
    assert x.grad.item() == 2.0
    assert not x.detach().requires_grad


def test_a_result_cannot_stop_requiring_grad() -> None:
    y = leaf(2.0) * 2
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad_(False)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1, 0, 2)])
def test_gradients_of_0d_and_empty_tensors(shape: tuple[int, ...]) -> None:
    x = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    (x * 2).sum().backward()
    assert x.grad.shape == shape
    np.testing.assert_array_equal(x.grad.numpy(), np.full(shape, 2.0))


def test_a_rule_that_returns_a_wrong_shape_is_reported() -> None:
    broken = primitive(np.sin, name="broken", x=lambda g, x: g[:1])
    y = broken(leaf(1.0, 2.0)).sum()
    with pytest.raises(AutogradError, match="broken"):
        y.backward()


def test_a_broadcast_that_was_not_declared_is_reported() -> None:
    add = primitive(np.add, name="undeclared", a=lambda g: g, b=lambda g: g)
    y = add(leaf(1.0, 2.0), leaf(1.0)).sum()
    with pytest.raises(AutogradError, match="undeclared"):
        y.backward()


def test_a_missing_rule_is_named() -> None:
    op = primitive(np.multiply, name="scaled", inputs="x scale", x=lambda g, scale: g * scale)
    assert op(leaf(1.0), torch.tensor([2.0]).double()).requires_grad
    y = op(leaf(1.0), leaf(2.0))
    with pytest.raises(AutogradError, match=r"scaled.*scale"):
        y.sum().backward()
