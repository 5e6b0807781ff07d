"""Distributions by themselves: scores integrate to one, divergences and entropies are the averages that they stand for.

tests/parity/test_distributions.py compares them with PyTorch's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import autograd, distributions

D = distributions
P = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
CONTINUOUS = {
    "normal": D.Normal(*torch.tensor([0.3, 1.2], dtype=torch.float64)),
    "laplace": D.Laplace(*torch.tensor([-0.2, 0.7], dtype=torch.float64)),
    "uniform": D.Uniform(*torch.tensor([-1.0, 2.0], dtype=torch.float64), validate_args=False),  # scored outside, too
    "exponential": D.Exponential(torch.tensor(1.3, dtype=torch.float64), validate_args=False),
}
DISCRETE = {"bernoulli": D.Bernoulli(0.3), "categorical": D.Categorical(P), "one-hot": D.OneHotCategorical(P)}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities_integrate_to_one(name: str) -> None:
    """And the distribution function is their integral, of which icdf is the inverse."""
    d = CONTINUOUS[name]
    x = torch.linspace(-12, 15, 400_001, dtype=torch.float64)
    density = d.log_prob(x).exp()
    if name == "exponential":
        density = density * (x >= 0)
    step = 27 / 400_000
    assert abs(density.sum().item() * step - 1) < 1e-3
    assert abs(-(density * d.log_prob(x).nan_to_num(neginf=0.0)).sum().item() * step - d.entropy().item()) < 1e-3
    q = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    np.testing.assert_allclose(d.cdf(d.icdf(q)).numpy(), q.numpy(), rtol=1e-9)
    below = x <= d.icdf(q)[1]
    assert abs((density * below).sum().item() * step - 0.5) < 1e-3


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_add_up_to_one(name: str) -> None:
    d = DISCRETE[name]
    log = d.log_prob(d.enumerate_support())
    assert abs(log.exp().sum().item() - 1) < 1e-6
    assert abs(-(log.exp() * log).sum().item() - d.entropy().item()) < 1e-6


def test_the_entropy_of_counts() -> None:
    d = D.Multinomial(3, P)
    counts = torch.tensor([[i, j, 3 - i - j] for i in range(4) for j in range(4 - i)], dtype=torch.float64)
    log = d.log_prob(counts)
    assert abs(log.exp().sum().item() - 1) < 1e-12
    assert abs(-(log.exp() * log).sum().item() - d.entropy().item()) < 1e-12


def test_divergences_are_averages() -> None:
    torch.manual_seed(0)
    vectors = D.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 0.4], [0.4, 0.5]]))
    others = D.MultivariateNormal(torch.ones(2), torch.eye(2))
    pairs: list[tuple[Any, Any]] = [
        (D.Normal(0.0, 1.0), D.Normal(0.5, 2.0)),
        (D.Laplace(0.0, 1.0), D.Normal(0.5, 2.0)),
        (D.Normal(0.0, 1.0), D.Laplace(0.5, 2.0)),
        (D.Uniform(0.0, 1.0), D.Normal(0.5, 2.0)),
        (D.Exponential(2.0), D.Normal(0.5, 2.0)),
        (D.Exponential(2.0), D.Exponential(1.0)),
        (vectors, others),
    ]
    for p, q in pairs:
        x = p.sample((40_000,))
        differences = p.log_prob(x) - q.log_prob(x)
        error = differences.std().item() / 200
        assert abs(differences.mean().item() - D.kl_divergence(p, q).item()) < 5 * error


def test_gradients_of_scores() -> None:
    loc, scale, x = (torch.tensor([0.3, -0.5], dtype=torch.float64, requires_grad=True) for _ in range(3))
    logits = torch.tensor([0.3, -0.5, 1.0], dtype=torch.float64, requires_grad=True)
    for kind in (D.Normal, D.Laplace):
        assert autograd.gradcheck(lambda a, b, v, kind=kind: kind(a, b.exp()).log_prob(v * 2), (loc, scale, x))
    assert autograd.gradgradcheck(lambda a: D.Categorical(logits=a).log_prob(torch.tensor([0, 2])), (logits,))
    assert autograd.gradgradcheck(lambda a: D.Bernoulli(logits=a).entropy(), (logits,))


def test_policy_gradients() -> None:
    """REINFORCE on three arms: the one that pays is chosen in the end."""
    torch.manual_seed(0)
    logits = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(100):
        policy = D.Categorical(logits=logits)
        action = policy.sample((16,))
        reward = (action == 1).float()
        loss = -(policy.log_prob(action) * (reward - reward.mean())).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert D.Categorical(logits=logits).probs[1] > 0.8
