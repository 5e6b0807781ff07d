"""A leaf owns its gradient: it shares memory with no other array, and nobody's array is changed behind their back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_fm as torch


def leaf(shape: tuple[int, ...] = (3,)) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)


def shared(*tensors: torch.Tensor) -> bool:
    arrays = [t.detach().numpy() for t in tensors]
    return any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[i + 1 :])


PROGRAMS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "add": lambda a, b: a + b,
    "add to itself": lambda a, b: a + a + b,
    "sub": lambda a, b: b - a,
    "sum": lambda a, b: torch.stack([a, b]).sum(0),
    "cat": lambda a, b: torch.cat([a, b])[:3] + torch.cat([b, a])[:3],
    "stack": lambda a, b: torch.stack([a, b])[0] + torch.stack([a, b])[1],
    "reshape": lambda a, b: a.reshape(3, 1).view(3) + b,
    "clone": lambda a, b: a.clone() + b.clone(),
    "expand": lambda a, b: (a.expand(2, 3) + b.expand(2, 3))[1],
    "where": lambda a, b: torch.where(a > 0, a, b),
    "to": lambda a, b: a.to(torch.float64) + b,
    "flip": lambda a, b: a.flip(0).flip(0) + b,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_share_no_memory(name: str) -> None:
    a, b = leaf(), leaf()
    start = torch.ones(3, dtype=torch.float64)
    PROGRAMS[name](a, b).backward(start)
    assert not shared(a, b, a.grad, b.grad, start)
    np.testing.assert_array_equal(start.numpy(), np.ones(3))


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_of_create_graph_share_no_memory(name: str) -> None:
    a, b = leaf(), leaf()
    start = torch.ones(3, dtype=torch.float64)
    PROGRAMS[name](a, b).backward(start, create_graph=True)
    assert not shared(a, b, a.grad, b.grad, start)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_second_backward_does_not_change_the_first_gradients_copy(name: str) -> None:
    a, b = leaf(), leaf()
    start = torch.ones(3, dtype=torch.float64)
    y = PROGRAMS[name](a, b)
    y.backward(start, retain_graph=True)
    once = a.grad.numpy().copy()
    y.backward(start)
    np.testing.assert_allclose(a.grad.numpy(), 2 * once)
    np.testing.assert_array_equal(start.numpy(), np.ones(3))


def test_the_users_gradient_is_not_taken_over() -> None:
    x, start = leaf(), torch.ones(3, dtype=torch.float64)
    (x + 0).backward(start)
    x.grad.mul_(5)
    np.testing.assert_array_equal(start.numpy(), np.ones(3))


def test_the_users_gradient_at_a_leaf_is_not_taken_over() -> None:
    x, start = leaf(), torch.ones(3, dtype=torch.float64)
    x.backward(start)
    x.backward(start)
    np.testing.assert_array_equal(start.numpy(), np.ones(3))
    np.testing.assert_array_equal(x.grad.numpy(), np.full(3, 2.0))
    assert not shared(x.grad, start)


def test_two_losses_do_not_add_into_each_others_gradients() -> None:
    x, y = leaf(), leaf()
    total = x + y
    (total * 2 + total * 3).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full(3, 5.0))
    np.testing.assert_array_equal(y.grad.numpy(), np.full(3, 5.0))
    assert not shared(x.grad, y.grad)


def test_autograd_grads_results_can_be_written_to() -> None:
    x, y = leaf(), leaf()
    start = torch.ones(3, dtype=torch.float64)
    gx, gy = torch.autograd.grad(x + y, [x, y], start)
    gx.mul_(7)
    np.testing.assert_array_equal(gy.numpy(), np.ones(3))
    np.testing.assert_array_equal(start.numpy(), np.ones(3))


def test_a_hook_that_keeps_its_gradient_sees_it_unchanged() -> None:
    x = leaf()
    h = x * 1
    kept = []
    h.register_hook(lambda g: kept.append(g))
    (h + h * 2).sum().backward()
    (x * 4).sum().backward()  # adds to x.grad in place
    np.testing.assert_array_equal(kept[0].numpy(), np.full(3, 3.0))
    assert not shared(kept[0], x.grad)


def test_retained_gradients_share_no_memory_with_the_leafs() -> None:
    x = leaf()
    h = x + 0
    h.retain_grad()
    (h + 0).sum().backward()
    assert not shared(h.grad, x.grad)


def test_zero_grad_between_steps() -> None:
    x = leaf()
    (x * 2).sum().backward()
    first = x.grad
    x.grad = None
    (x * 3).sum().backward()
    np.testing.assert_array_equal(first.numpy(), np.full(3, 2.0))
    np.testing.assert_array_equal(x.grad.numpy(), np.full(3, 3.0))
