"""Muon, Adafactor and LBFGS by what they promise, without PyTorch; and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn, optim, profiler
from tinygrad_fm.optim.muon import orthogonalize
from tinygrad_fm.training import MuonWithAdamW


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (6, 6), (1, 5)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.tensor(np.random.default_rng(0).standard_normal(shape))
    result = orthogonalize(matrix, (3.4445, -4.7750, 2.0315), 5, 1e-7).numpy()
    values = np.linalg.svd(result, compute_uv=False)
    assert ((values > 0.5) & (values < 1.3)).all()
    u, _, vt = np.linalg.svd(matrix.numpy(), full_matrices=False)
    np.testing.assert_allclose(u @ np.diag(np.diag(u.T @ result @ vt.T)) @ vt, result, atol=1e-9)  # the same directions


def test_muon_of_float16_works_in_float32() -> None:
    p = torch.ones(2, 3, dtype=torch.float16, requires_grad=True)
    p.grad = torch.tensor(np.array([[1e-3, 2e-3, 0], [3e-3, 0, 1e-3]], np.float16))
    optim.Muon([p], lr=0.1).step()
    assert p.dtype == torch.float16
    assert torch.isfinite(p).all()
    assert not torch.equal(p, torch.ones(2, 3, dtype=torch.float16))


def test_a_group_added_to_muon_later_is_checked_too() -> None:
    muon = optim.Muon([torch.zeros(2, 2)])
    with pytest.raises(ValueError, match="only supports 2D"):
        muon.add_param_group({"params": torch.zeros(2, 2, 3, 3)})
    assert len(muon.param_groups) == 1


def test_muon_with_adamw_steps_filters_as_matrices() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 5), nn.Linear(5, 4))
    plain = copy.deepcopy(model)
    filters = torch.tensor(plain[0].weight.detach().numpy().reshape(3, -1), requires_grad=True)
    muon = optim.Muon([filters, plain[2].weight], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    adamw = optim.AdamW([*plain[3].parameters(), plain[0].bias, plain[2].bias], lr=0.01, weight_decay=0.1)
    both = MuonWithAdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    for step in range(4):
        for seed, (p, q) in enumerate(zip(model.parameters(), plain.parameters(), strict=True)):
            gradient = np.random.default_rng([step, seed]).standard_normal(p.shape).astype(np.float32)
            p.grad, q.grad = torch.tensor(gradient), torch.tensor(gradient)
        assert plain[0].weight.grad is not None
        filters.grad = plain[0].weight.grad.reshape(3, -1)
        both.step()
        muon.step()
        adamw.step()
    pairs: list[Any] = [(model[0].weight.flatten(1), filters), *zip(model.parameters(), plain.parameters(), strict=True)]
    pairs.pop(1)  # the filters by themselves, which nobody stepped
    for p, q in pairs:
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6, atol=1e-7)


def test_the_operations_of_muon_are_those_that_the_profiler_counts() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 20), nn.Linear(20, 4))
    optimizer = MuonWithAdamW(model.parameters())
    for p in model.parameters():
        p.grad = torch.ones(*p.shape)
    with profiler.profile() as steps:
        optimizer.step()
    products = [line.flops for line in steps.key_averages() if line.key == "matmul"]
    assert products == [optimizer.flops_per_step]
    assert optimizer.flops_per_step == 5 * 2 * (3 * 3 * (18 + 3 + 18) + 12 * 12 * (20 + 12 + 20))


def test_adafactor_keeps_little() -> None:
    p = torch.ones(30, 20, requires_grad=True)
    optimizer = optim.Adafactor([p])
    p.grad = torch.ones(30, 20)
    optimizer.step()
    assert sum(value.numel() for value in optimizer.state[p].values()) == 1 + 30 + 20


@pytest.mark.parametrize("name", ["Muon", "Adafactor", "LBFGS", "Rprop", "ASGD"])
def test_what_has_no_gradient_or_no_elements_stays(name: str) -> None:
    still, empty = torch.ones(2, 2, requires_grad=True), torch.ones(0, 2, requires_grad=True)
    moving = torch.ones(2, 2, requires_grad=True)
    moving.grad, empty.grad = torch.ones(2, 2), torch.ones(0, 2)
    optimizer = getattr(optim, name)([still, empty, moving])
    optimizer.step(*([lambda: moving.sum()] if name == "LBFGS" else []))
    assert torch.equal(still, torch.ones(2, 2))
    assert not torch.equal(moving, torch.ones(2, 2))


@pytest.mark.parametrize("name", ["Muon", "Adafactor", "LBFGS", "Rprop", "ASGD"])
def test_a_gradient_of_another_shape_is_refused(name: str) -> None:
    p = torch.ones(2, 2, requires_grad=True)
    p.grad = torch.ones(2, 2)
    p.grad._array = np.ones((1, 2), np.float32)
    with pytest.raises(RuntimeError, match=r"shape \(2, 2\) has a gradient of shape \(1, 2\)"):
        getattr(optim, name)([p]).step(*([lambda: 1.0] if name == "LBFGS" else []))


def test_lbfgs_says_what_its_closure_lacks() -> None:
    p = torch.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match=r"needs a closure that computes the loss anew and returns it"):
        optim.LBFGS([p]).step()
    with pytest.raises(TypeError, match="must return the loss, but it returned None"):
        optim.LBFGS([p]).step(lambda: None)


def test_a_line_search_among_infinities_stays_finite() -> None:
    """PyTorch's search of this steps to NaN: the cubic through infinite values is none."""
    a = torch.tensor(np.array([-0.7, 0.2]), requires_grad=True)
    optimizer = optim.LBFGS([a], lr=30.0, max_eval=6, line_search_fn="strong_wolfe")
    losses = []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (a * 30).exp().sum() + ((a - 1) * 50).cosh().sum()
        loss.backward()
        return loss

    for _ in range(6):
        losses.append(optimizer.step(closure).item())
    assert torch.isfinite(a).all()
    assert losses[-1] < losses[0]


def test_rates_that_change_before_the_first_step_count() -> None:
    """The first step size of Rprop, and ASGD's first rate, are the rates of the moment, not of when others began."""
    for name in ("Rprop", "ASGD"):
        a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
        optimizer = getattr(optim, name)([a, b], lr=0.5)
        a.grad = torch.ones(1)
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 0.25
        b.grad = torch.ones(1)
        optimizer.step()
        assert b.item() == -0.25


def test_sparse_adam_is_refused_with_what_to_use() -> None:
    with pytest.raises(AttributeError, match=r"gradients are dense here, those of nn.Embedding too: use optim.Adam"):
        optim.SparseAdam  # noqa: B018
