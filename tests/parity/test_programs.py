"""Programs as people publish them for PyTorch, run by both libraries from the same numbers: their losses agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_fm

pytorch = pytest.importorskip("torch")


def fill(torch: Any, module: Any, rng: np.random.Generator) -> Any:
    """``module`` in float64, its parameters drawn from ``rng``."""
    with torch.no_grad():
        for p in module.double().parameters():
            p.copy_(torch.from_numpy(rng.standard_normal(tuple(p.shape)) * 0.4))
    return module


def gaussian_process(torch: Any, rng: np.random.Generator) -> Iterator[Any]:
    """The marginal likelihood by a Cholesky factor, its kernel fitted, and what it predicts."""
    x, seen = torch.linspace(0, 1, 20, dtype=torch.float64)[:, None], torch.linspace(0, 1, 7, dtype=torch.float64)[:, None]
    y = torch.sin(6 * x).squeeze(-1) + torch.from_numpy(0.1 * rng.standard_normal(20))
    length, scale, noise = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-1.0, 0.0, -2.0))
    kernel = lambda a, b: scale.exp() * torch.exp(-0.5 * torch.cdist(a, b).pow(2) / length.exp() ** 2)
    optimizer = torch.optim.Adam([length, scale, noise], lr=0.1)
    for _ in range(10):
        factor = torch.linalg.cholesky(kernel(x, x) + noise.exp() * torch.eye(20, dtype=torch.float64))
        weights = torch.cholesky_solve(y.unsqueeze(-1), factor)
        loss = 0.5 * y @ weights.squeeze(-1) + factor.diagonal().log().sum() + 10 * math.log(2 * math.pi)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss
    shared = torch.linalg.solve_triangular(factor, kernel(x, seen), upper=False)
    yield (kernel(seen, seen) - shared.T @ shared).diagonal().sum()


def learning_to_learn(torch: Any, rng: np.random.Generator) -> Iterator[Any]:
    """MAML: two steps of each task by ``vmap`` of ``grad``, and a step through them (torch.func's tutorial)."""
    functional_call, grad, vmap = torch.func.functional_call, torch.func.grad, torch.func.vmap
    net = fill(torch, torch.nn.Sequential(torch.nn.Linear(1, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1)), rng)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)

    def task_loss(x1: Any, y1: Any, x2: Any, y2: Any) -> Any:
        error = lambda p, x, y: torch.nn.functional.mse_loss(functional_call(net, p, (x,)), y)
        params = dict(net.named_parameters())
        for _ in range(2):
            gradients = grad(error)(params, x1, y1)
            params = {name: p - 0.1 * gradients[name] for name, p in params.items()}
        return error(params, x2, y2)

    for _ in range(5):
        x1, x2 = (torch.from_numpy(rng.uniform(-5, 5, (4, 10, 1))) for _ in range(2))
        shift = torch.from_numpy(rng.uniform(0, math.pi, (4, 1, 1)))
        loss = vmap(task_loss)(x1, torch.sin(x1 + shift), x2, torch.sin(x2 + shift)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss


def sine_waves(torch: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Two LSTM cells that go on with a wave, fitted by LBFGS with a closure (PyTorch's example time_sequence_prediction)."""
    cells = [fill(torch, torch.nn.LSTMCell(n, 7), rng) for n in (1, 7)]
    last = fill(torch, torch.nn.Linear(7, 1), rng)
    waves = torch.from_numpy(np.sin((np.arange(20) + rng.integers(-20, 20, (5, 1))) / 4.0))

    def predict(x: Any) -> Any:
        states, outputs = [[torch.zeros(len(x), 7, dtype=torch.float64)] * 2 for _ in cells], []
        for step in x.split(1, dim=1):
            for i, cell in enumerate(cells):
                states[i] = cell(states[i - 1][0] if i else step, states[i])
            outputs.append(last(states[-1][0]))
        return torch.cat(outputs, 1)

    for search in (None, "strong_wolfe"):
        params = [p for module in (*cells, last) for p in module.parameters()]
        optimizer = torch.optim.LBFGS(params, lr=0.8, max_iter=6, line_search_fn=search)

        def closure(optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(predict(waves[:, :-1]), waves[:, 1:])
            loss.backward()
            return loss

        for _ in range(2):
            yield optimizer.step(closure)
    yield closure()


@pytest.mark.parametrize("program", [gaussian_process, learning_to_learn, sine_waves])
def test_the_losses_agree(program: Any) -> None:
    ours, theirs = ([x.item() for x in program(library, np.random.default_rng(3))] for library in (tinygrad_fm, pytorch))
    assert ours[-1] < ours[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
