"""Each optimizer's definition for one parameter (``update_one``): the quick step is held to it, and the tape follows it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import optim
from tinygrad_fm.autograd import composed, gradcheck
from tinygrad_fm.optim.flat_optimizer import FlatOptimizer

from .cases import EXECUTION, OPTIMIZERS

SHAPES = [(3, 4), (4,), (), (0, 2), (200, 100)]  # the last is large enough to be updated in its own memory


def test_every_option_of_every_optimizer_is_in_the_table() -> None:
    names = {name for name in optim.__dict__ if inspect.isclass(getattr(optim, name))}
    flat = {name for name in names if issubclass(getattr(optim, name), FlatOptimizer)}
    assert flat == {name for name, _ in OPTIMIZERS}
    for name in flat:
        options = set(inspect.signature(getattr(optim, name)).parameters) - {"params"} - EXECUTION
        tried = {option for row, given in OPTIMIZERS if row == name for option in given}
        assert options == tried, name


def make(dtype: type) -> list[torch.Tensor]:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    arrays[-1] = np.asfortranarray(arrays[-1])
    return [torch.tensor(array, requires_grad=True) for array in arrays]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_the_quick_step_does_what_the_definition_says(name: str, options: dict[str, Any], dtype: type) -> None:
    quick, plain = make(dtype), make(dtype)
    a, b = (getattr(optim, name)(params, **options) for params in (quick, plain))
    rng = np.random.default_rng(1)
    for _ in range(8):
        for p, q in zip(quick, plain, strict=True):
            p.grad = q.grad = None
            if rng.random() < 0.7:  # parameters step differently often
                grad = rng.standard_normal(p.shape).astype(dtype)
                p.grad, q.grad = torch.tensor(grad), torch.tensor(grad)
        a.step()
        with composed():
            b.step()
    rtol, atol = (1e-9, 1e-12) if dtype is np.float64 else (1e-4, 2e-6)
    for p, q in zip(quick, plain, strict=True):
        assert p.dtype == q.dtype
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=atol)
        assert set(a.state[p]) == set(b.state[q])
        for key, value in a.state[p].items():
            assert value.dtype == b.state[q][key].dtype
            np.testing.assert_allclose(value.numpy(), b.state[q][key].numpy(), rtol=rtol, atol=atol)


def test_both_ways_may_take_turns() -> None:
    turns, quick = make(np.float64), make(np.float64)
    a, b = (optim.Adam(params, amsgrad=True) for params in (turns, quick))
    rng = np.random.default_rng(1)
    for step in range(6):
        for p, q in zip(turns, quick, strict=True):
            p.grad = q.grad = torch.tensor(rng.standard_normal(p.shape))
        if step % 2:
            with composed():
                a.step()
        else:
            a.step()
        b.step()
    for p, q in zip(turns, quick, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-10)


# ---- differentiable steps -------------------------------------------------------------------------------------------


def stepped(name: str, options: dict[str, Any], p: torch.Tensor, grads: list[torch.Tensor]) -> torch.Tensor:
    """The parameter after one differentiable step for each gradient."""
    p = p.clone()
    optimizer = getattr(optim, name)([p], differentiable=True, **options)
    for grad in grads:
        p.grad = grad
        optimizer.step()
    return p


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_steps_are_differentiable(name: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    p, *grads = (torch.tensor(rng.uniform(0.5, 1.5, 4), requires_grad=True) for _ in range(4))
    assert gradcheck(lambda p, *gs: stepped(name, options, p, list(gs)), (p, *grads))


def test_a_learning_rate_is_learnt() -> None:
    lr = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    p, g = torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor([0.5, -0.5], dtype=torch.float64)
    assert gradcheck(lambda lr: stepped("SGD", {"lr": lr, "momentum": 0.9}, p, [g, g]), (lr,))
    assert gradcheck(lambda lr: stepped("Adam", {"lr": lr, "amsgrad": True}, p, [g, g]), (lr,))


def test_a_leaf_cannot_be_stepped_differentiably() -> None:
    p = torch.ones(2, requires_grad=True)
    p.grad = torch.ones(2)
    with pytest.raises(RuntimeError, match="leaf"):
        optim.SGD([p], lr=0.1, differentiable=True).step()


def test_an_unrolled_inner_loop_reaches_its_start() -> None:
    """Two steps on w·a, the second's loss to the start of a: d/da of (w − lr·a)·a … by hand."""
    a = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True).clone()
    optimizer = optim.SGD([w], lr=0.1, differentiable=True)
    (w.grad,) = torch.autograd.grad(w * a, [w], create_graph=True)  # a
    optimizer.step()
    (w * a).backward()  # (1 − 0.1·a)·a
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.item(), 1 - 0.2 * 2.0)


@pytest.mark.parametrize(
    ("name", "options", "state"),
    [
        ("SGD", {"momentum": 0.9}, "momentum_buffer"),
        ("Adam", {"amsgrad": True}, "exp_avg exp_avg_sq max_exp_avg_sq"),
        ("AdamW", {}, "exp_avg exp_avg_sq"),
        ("NAdam", {}, "exp_avg exp_avg_sq"),
        ("RAdam", {"weight_decay": 0.1}, "exp_avg exp_avg_sq"),
        ("Adamax", {}, "exp_avg exp_inf"),
        ("Adagrad", {}, "sum"),
        ("Adadelta", {}, "square_avg acc_delta"),
        ("RMSprop", {"momentum": 0.9}, "square_avg momentum_buffer"),
        ("Rprop", {}, "prev step_size"),
        ("ASGD", {"t0": 5}, "ax"),
    ],
)
def test_a_step_is_differentiable_in_its_state(name: str, options: dict[str, Any], state: str) -> None:
    """As PyTorch's own suite checks it: the state goes in with a gradient, and comes out with one."""
    names = state.split()

    def step(p: torch.Tensor, grad: torch.Tensor, *kept: torch.Tensor) -> tuple[torch.Tensor, ...]:
        p = p.clone()
        optimizer = getattr(optim, name)([p], lr=0.9, differentiable=True, **options)
        optimizer.state[p].update({key: value.clone() for key, value in zip(names, kept, strict=True)})
        optimizer.state[p]["step"] = torch.tensor(10.0)
        p.grad = grad
        optimizer.step()
        return p, *(optimizer.state[p][key] for key in names)

    rng = np.random.default_rng(4)
    inputs = [torch.tensor(rng.uniform(0.5, 1.5, 5), requires_grad=True) for _ in range(2 + len(names))]
    assert gradcheck(step, tuple(inputs))
