"""Hooks on tensors, retained gradients, and the global op hook."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd import op_hook


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_a_hook_sees_the_whole_gradient_once() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(g.numpy().copy()))
    (h * 3 + h * h).sum().backward()
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], 3 + 2 * np.array([2.0, 4.0]))


def test_a_hook_may_replace_the_gradient() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2
    h.register_hook(lambda g: g * 10)
    h.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [20.0, 20.0])


def test_hooks_run_in_the_order_they_were_registered() -> None:
    x = leaf(1.0)
    h = x * 1
    h.register_hook(lambda g: g + 1)
    h.register_hook(lambda g: g * 10)
    h.sum().backward()
    assert x.grad.item() == 20.0


def test_a_hook_on_a_leaf() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g * 10)
    (x * 2 + x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [30.0, 30.0])
    (x * 1).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [40.0, 40.0])


def test_removal() -> None:
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 10)
    handle.remove()
    handle.remove()
    (x * 2).sum().backward()
    assert x.grad.item() == 2.0
    with x.register_hook(lambda g: g * 10):
        (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert x.grad.item() == 2.0 + 20.0 + 2.0


def test_a_hook_removed_by_a_hook() -> None:
    x = leaf(1.0)
    h = x * 1
    handles = []
    h.register_hook(lambda g: handles[0].remove())
    handles.append(h.register_hook(lambda g: g * 10))
    h.sum().backward()
    assert x.grad.item() in (1.0, 10.0)  # and no error


def test_a_hook_under_create_graph_is_part_of_the_graph() -> None:
    x = leaf(2.0)
    h = x * x
    h.register_hook(lambda g: g * x)
    (g,) = torch.autograd.grad(h.sum(), x, create_graph=True)  # x · 2x
    assert g.item() == 8.0
    (gg,) = torch.autograd.grad(g, x)
    assert gg.item() == 8.0


def test_a_hook_fires_for_autograd_grad() -> None:
    x = leaf(2.0)
    x.register_hook(lambda g: g * 5)
    (g,) = torch.autograd.grad((x * 3).sum(), x)
    assert g.item() == 15.0


@pytest.mark.parametrize("bad", [lambda g: 3, lambda g: g[:1], lambda g: g.numpy()])
def test_a_hook_that_returns_something_else_is_refused(bad) -> None:
    h = leaf(1.0, 2.0) * 2
    h.register_hook(bad)
    with pytest.raises((RuntimeError, TypeError), match="hook"):
        h.sum().backward()


def test_a_hook_needs_a_tensor_that_requires_grad() -> None:
    with pytest.raises(RuntimeError, match="require"):
        torch.ones(1).register_hook(lambda g: g)


def test_retain_grad() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2
    with pytest.warns(UserWarning, match="not a leaf Tensor is being accessed"):
        assert h.grad is None
    h.retain_grad()
    assert h.grad is None  # silently: it is going to be filled in
    h.retain_grad()
    assert h.retains_grad
    (h * h).sum().backward()
    np.testing.assert_array_equal(h.grad.numpy(), [4.0, 8.0])
    x.retain_grad()  # a leaf keeps its gradient anyway


def test_retain_grad_after_hooks() -> None:
    x = leaf(1.0)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    h.sum().backward()
    assert h.grad.item() == 10.0


def test_post_accumulate_hook() -> None:
    x = leaf(1.0)
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.item())))
    (x * 2 + x * 3).sum().backward()
    (x * 1).sum().backward()
    handle.remove()
    (x * 1).sum().backward()
    assert seen == [(True, 5.0), (True, 6.0)]


# -- the op hook -------------------------------------------------------------------------------------------------------


def watcher(seen: list, name: str = ""):
    def watch(call, run):
        seen.append((name + "before", call.phase, call.name))
        result = run()
        seen.append((name + "after", call.phase, call.name))
        return result

    return watch


def test_the_op_hook_stands_around_forward_and_backward() -> None:
    x, seen = leaf(1.0), []
    with op_hook(watcher(seen)):
        (x * x).sum().backward()
    (x * x).sum().backward()
    assert seen == [
        (when, phase, name)
        for phase, name in (("forward", "mul"), ("forward", "sum"), ("backward", "sum"), ("backward", "mul"))
        for when in ("before", "after")
    ]


def test_op_hooks_nest() -> None:
    x, seen = leaf(1.0), []
    with op_hook(watcher(seen, "outer ")), op_hook(watcher(seen, "inner ")):
        x * 2
    assert [when for when, *_ in seen] == ["outer before", "inner before", "inner after", "outer after"]


def test_one_hook_entered_twice_and_left_in_order() -> None:
    x, seen = leaf(1.0), []
    hook = watcher(seen)
    with op_hook(hook):
        with op_hook(hook):
            x * 2
        x * 2
    x * 2
    assert len(seen) == 4 + 2


def test_the_op_hook_goes_after_an_exception() -> None:
    x, seen = leaf(1.0), []
    with pytest.raises(KeyError), op_hook(watcher(seen)):
        raise KeyError
    x * 2
    assert not seen


def test_the_op_hook_sees_an_operations_exception() -> None:
    caught = []

    def watch(call, run):
        try:
            return run()
        except RuntimeError as error:
            caught.append(call.name)
            raise ValueError("in " + call.name) from error

    with pytest.raises(ValueError, match="in matmul"), op_hook(watch):
        torch.ones(2, 3, requires_grad=True) @ torch.ones(2, 3)
    assert caught == ["matmul"]
    assert (leaf(1.0) * 2).item() == 2.0  # and hooks see the next one again
    seen = []
    with op_hook(watcher(seen)):
        leaf(1.0) * 2
    assert seen


def test_a_hook_may_use_operations_itself() -> None:
    x, sizes = leaf(1.0, 2.0), []

    def watch(call, run):
        result = run()
        sizes.append(float((torch.ones(2) * 2).sum()))
        return result

    with op_hook(watch):
        y = x * 3
    assert sizes
    np.testing.assert_array_equal(y.detach().numpy(), [3.0, 6.0])


def test_hooked_results_equal_plain_ones() -> None:
    def loss(x):
        h = x @ x.mT
        h[0] = h[1] * 2
        return (h.softmax(-1)[:, :2].norm(dim=0) + torch.cat([x, x]).var()).sum()

    plain, hooked = (torch.arange(12.0).view(3, 4).mul_(0.1).requires_grad_() for _ in range(2))
    loss(plain).backward()
    with op_hook(lambda call, run: run()):
        loss(hooked).backward()
    np.testing.assert_array_equal(plain.grad.numpy(), hooked.grad.numpy())
