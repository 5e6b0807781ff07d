"""Writing in place, through views and views of views: values and gradients of base and view stay right.

Each program is checked by finite differences: it makes its own copies, so as a function of ``x`` it has no side effects.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.errors import AutogradError

Program = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _slice_scaled(x, w):
    y = x * 1
    y[1:].mul_(w[1:])
    return y


def _view_written_then_read(x, w):
    y = x * 1
    v = y[0]
    v.mul_(w[0])
    return v * v


def _base_written_then_view_read(x, w):
    y = x * 1
    v = y[:, 1]
    y.mul_(w)
    return v * v


def _view_of_view(x, w):
    y = x * 1
    y.view(4, 3).t()[1].mul_(w[0])
    return y.exp()


def _two_views_overlap(x, w):
    y = x * 1
    a, b = y[:, :3], y[:, 1:]
    a.mul_(w[:, :3])
    b.add_(a)
    return a * b * y[:, :3]


def _view_before_and_after(x, w):
    y = x * 1
    v = y[1]
    before = v * 2
    y.mul_(w)
    return before + v.sum()


def _assign_tensor(x, w):
    y = x * 1
    y[1] = w[0] * 2
    y[:, 0] = x[:, 1]
    return y * y


def _assign_index(x, w):
    y = x * 1
    y[torch.tensor([0, 2])] = w[1:] * 3
    y[x > 0] = 2.5
    return y * w


def _assign_from_itself(x, w):
    y = x * w
    y[0] = y[1] + y[2] * 2
    return y * y


def _augmented_item(x, w):
    y = x * 1
    y[1:] += w[1:]
    y[0] *= w[0]
    return y.sigmoid()


def _copy_and_zero(x, w):
    y = x * 1
    y[0].copy_(w[1])
    y[1].zero_()
    y[2].fill_(0.5)
    return y * w


def _narrow_type(x, w):
    y = x * 1
    y.transpose(0, 1)[2].exp_()
    return y * w


def _written_through_an_alias(x, w):
    y = x * 1
    alias = y.view(-1)
    alias.view(3, 4).mul_(w)
    return y + alias.view(3, 4)


def _chain_of_writes(x, w):
    y = x * 1
    y.mul_(w).add_(x).sin_().mul_(y)
    return y


def _split_parts(x, w):
    y = x * 1
    left, right = y[:, :2], y[:, 2:]
    left.mul_(right)
    right.add_(left)
    return y * w


def _squeeze_and_expand(x, w):
    y = x * 1
    y.unsqueeze(0).squeeze(0)[0].mul_(2)
    return y.expand(2, 3, 4) * w


def _broadcasting_write(x, w):
    y = x * 1
    y.add_(w[0]).mul_(w[:, :1])
    return y


def _detached_write(x, w):
    y = x * w
    z = y + 1
    z.detach().mul_(1)
    return z


def _view_survives_several_writes(x, w):
    y = x * 1
    v = y[:2]
    for i in range(3):
        y[i] = y[i] * 2 + w[i]
        v.add_(0.1)
    return v * y[1:]


def _through_a_copy(x, w):
    y = x * 1
    y.t().reshape(-1).view(4, 3)[0].mul_(5)  # reshape had to copy: y keeps its values
    return y * w


def _to_a_constant_base(x, w):
    y = torch.zeros(3, 4, dtype=torch.float64)
    y[1] = x[0] * w[0]
    y[:2].add_(x[:2])
    return y * y


PROGRAMS: dict[str, Program] = {
    name.strip("_").replace("_", " "): f
    for name, f in list(globals().items())
    if name.startswith("_") and callable(f) and getattr(f, "__module__", "") == __name__
}


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    return tuple(torch.tensor(rng.uniform(0.5, 1.5, (3, 4)) * [1, -1, 1, 1], requires_grad=True) for _ in range(2))


def test_the_programs_are_there() -> None:
    assert len(PROGRAMS) >= 20


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_by_finite_differences(name: str) -> None:
    assert torch.autograd.gradcheck(PROGRAMS[name], inputs())


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_gradients_by_finite_differences(name: str) -> None:
    assert torch.autograd.gradgradcheck(PROGRAMS[name], inputs())


def test_a_write_under_no_grad_is_no_part_of_the_graph() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    with torch.no_grad():
        y.mul_(5)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full(3, 2.0))


def test_what_a_product_of_the_views_saved_is_refused() -> None:
    y = torch.ones(3, requires_grad=True) * 1
    y[0] = y[1] * y[2]  # the product's rule reads both, which share their memory with what is written to
    with pytest.raises(AutogradError, match="mul"):
        y.sum().backward()


def test_views_of_no_dimensions() -> None:
    x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    y = x * 1
    y.view(()).tanh_()
    (y * y).backward()
    t = np.tanh(0.5)
    np.testing.assert_allclose(x.grad.item(), 2 * t * (1 - t * t))
    y = x * 1
    y[()] = 3.0
    y[...] = y * 2
    (z := y * y + y).backward()
    assert z.item() == 42.0
    np.testing.assert_allclose(x.grad.item(), 2 * t * (1 - t * t))  # nothing was added


def test_the_base_shows_what_was_written_through_the_view() -> None:
    y = torch.arange(6.0).view(2, 3)
    y[0].t().mul_(10)
    y[:, 1].fill_(-1)
    np.testing.assert_array_equal(y.numpy(), [[0, -1, 20], [3, -1, 5]])


def test_assignment_of_every_kind() -> None:
    y = torch.zeros(3, 4)
    y[0, 1] = 1
    y[1] = torch.arange(4)
    y[:, -1] = torch.tensor([7.0, 8.0, 9.0])
    y[..., 0] = 5
    y[torch.tensor([True, False, False]), 2] = 6
    y[[0, 2], [3, 3]] = torch.tensor([1.5, 2.5])
    y[2, None, 1:3] = torch.ones(1, 2)
    np.testing.assert_array_equal(y.numpy(), [[5, 1, 6, 1.5], [5, 1, 2, 8], [5, 1, 1, 2.5]])


def test_a_leaf_that_requires_grad_is_refused() -> None:
    x = torch.ones(2, 2, requires_grad=True)
    for write in (lambda: x.add_(1), lambda: x[0].add_(1), lambda: x.__setitem__(0, 1.0), lambda: x.t()[0].zero_()):
        with pytest.raises(AutogradError, match="leaf"):
            write()
    np.testing.assert_array_equal(x.detach().numpy(), np.ones((2, 2)))


def test_a_leaf_may_be_written_to_under_no_grad() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        x.add_(1)
        x[0] = 5
    assert x.requires_grad
    assert x.is_leaf
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [10.0, 4.0])


def test_expanded_tensors_are_refused() -> None:
    y = (torch.ones(3, 1, requires_grad=True) * 1).expand(3, 4)
    with pytest.raises(RuntimeError, match="clone"):
        y.add_(1)


def test_a_result_that_does_not_fit_is_refused() -> None:
    y = torch.ones(3)
    with pytest.raises(RuntimeError):
        y.add_(torch.ones(2, 3))
    with pytest.raises(RuntimeError, match=r"cast|dtype"):
        torch.ones(3, dtype=torch.int64).add_(1.5)
    np.testing.assert_array_equal(y.numpy(), np.ones(3))


def test_a_view_made_under_no_grad_is_refused_afterwards() -> None:
    y = torch.ones(3, requires_grad=True) * 1
    with torch.no_grad():
        v = y[1:]
    with pytest.raises(RuntimeError):
        v.mul_(torch.ones(2, requires_grad=True))


def test_inplace_returns_the_tensor_itself() -> None:
    y = torch.ones(3)
    assert y.add_(1) is y
    before = y
    y += 1
    y *= 2
    y -= 1
    y /= 5
    assert y is before
    np.testing.assert_allclose(y.numpy(), np.ones(3))


def test_a_write_makes_a_constant_require_grad() -> None:
    y, x = torch.zeros(2), torch.ones(2, requires_grad=True)
    assert y.is_leaf
    y.add_(x)
    assert y.requires_grad
    assert not y.is_leaf
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.ones(2))
