"""Where a derivative is a convention, or a shape is 0-d or empty: each case under both libraries."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm import nn

torch = pytest.importorskip("torch")

ZEROS = np.array([0.0, 0.0, 2.0, -3.0], np.float32)
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], np.float32)
EMPTY = np.zeros((0, 3), np.float32)


def equal(ours, theirs):
    assert (ours is None) == (theirs is None)
    if ours is not None:
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-6, strict=True)


def both(call, *arrays):
    """``call(library, *leaves)`` in both libraries: the results, and the gradients of their sum, must agree."""
    found = []
    for library in (tinygrad_fm, torch):
        leaves = [library.tensor(np.array(a), requires_grad=True) for a in arrays]
        results = call(library, *leaves)
        results = results if isinstance(results, (list, tuple)) else [results]
        differentiable = [r for r in results if r.requires_grad]
        if differentiable:
            sum(r.sum() for r in differentiable).backward()
        found.append([*results, *[x.grad for x in leaves]])
    for ours, theirs in zip(*found, strict=True):
        equal(ours, theirs)


@pytest.mark.parametrize("power", [0, 1, 2, 3, -1, 0.5, 1.5])
def test_powers_at_zero(power):
    both(lambda lib, x: x**power, ZEROS)
    both(lambda lib, x, p: x**p, ZEROS, np.full(4, power, np.float32))
    both(lambda lib, x: lib.pow(float(power), x), ZEROS)


@pytest.mark.parametrize(
    "call",
    [
        lambda lib, x: x.sqrt(),
        lambda lib, x: (x * 0).norm(),
        lambda lib, x: (x * 0).norm(1),
        lambda lib, x: (x * 0).norm(3),
        lambda lib, x: (x * 0).norm(float("inf")),
        lambda lib, x: x.abs(),
        lambda lib, x: x.sign(),
        lambda lib, x: x.relu(),
        lambda lib, x: x.clamp(0.0, 2.0),
        lambda lib, x: x.clamp(min=2.0),
        lambda lib, x: x.prod(),
        lambda lib, x: x.cumprod(0),
        lambda lib, x: lib.nn.functional.hardtanh(x, 0.0, 2.0),
        lambda lib, x: lib.nn.functional.leaky_relu(x),
        lambda lib, x: lib.atan2(x * 0, x * 0),
        lambda lib, x: (x * 0).std(),
        lambda lib, x: lib.nn.functional.normalize(x * 0, dim=0),
        lambda lib, x: x.log(),
        lambda lib, x: 1 / x,
        lambda lib, x: x.rsqrt(),
        lambda lib, x: lib.logsumexp(x - float("inf"), 0),
    ],
)
def test_at_zero_and_beyond(call):
    both(call, ZEROS)


@pytest.mark.parametrize(
    "call",
    [
        lambda lib, x: x.amax(1),
        lambda lib, x: x.amin(1),
        lambda lib, x: x.max(),
        lambda lib, x: x.min(),
        lambda lib, x: x.max(1)[0],
        lambda lib, x: x.min(1)[0],
        lambda lib, x: x.median(1)[0],
        lambda lib, x: lib.maximum(x, x.detach()),
        lambda lib, x: lib.minimum(x, x.detach()),
        lambda lib, x: x.sort(dim=1, stable=True)[0] * lib.tensor([1.0, 2.0, 3.0]),
        lambda lib, x: x.sort(dim=1, stable=True)[1],
        lambda lib, x: x.sort(dim=1, descending=True, stable=True)[1],
        lambda lib, x: x.sort(dim=0, stable=True)[1],
        lambda lib, x: lib.nn.functional.max_pool1d(x[None], 2, 1),
    ],
)
def test_ties(call):
    both(call, TIES)


@pytest.mark.parametrize(
    "call",
    [
        lambda lib, x: x.sum(),
        lambda lib, x: x.sum(0),
        lambda lib, x: x.prod(),
        lambda lib, x: x.mean(1),
        lambda lib, x: x.norm(),
        lambda lib, x: x.exp(),
        lambda lib, x: x @ lib.ones(3, 2),
        lambda lib, x: lib.ones(2, 0) @ x,
        lambda lib, x: lib.cat([x, x]),
        lambda lib, x: x.reshape(3, 0),
        lambda lib, x: x[:, 1],
        lambda lib, x: x.softmax(1),
        lambda lib, x: x.cumsum(0),
        lambda lib, x: x + lib.ones(1, 3),
        lambda lib, x: x * lib.ones(3),
        lambda lib, x: x.t() * lib.ones(1),
        lambda lib, x: x.var(0),
        lambda lib, x: x.logsumexp(1),
        lambda lib, x: lib.nn.functional.linear(x, lib.ones(2, 3)),
        lambda lib, x: x.sort(0)[0],
        lambda lib, x: x.unsqueeze(1).expand(0, 4, 3),
        lambda lib, x: lib.nn.functional.mse_loss(x, x, reduction="sum"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_empty_tensors(call):
    both(call, EMPTY)


def test_an_empty_batch_through_a_model():
    ours, theirs = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))  # fmt: skip
    for model, library in ((ours, tinygrad_fm), (theirs, torch)):
        model(library.zeros(0, 3)).sum().backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        equal(a.grad, b.grad)


@pytest.mark.parametrize("shapes", [((), ()), ((), (3,)), ((1,), ()), ((3, 1), (1, 4)), ((1, 1), (2, 3)), ((0, 1), (1, 4)),
                                    ((1,), (0,)), ((2, 1, 3), (1, 4, 1)), ((0,), ())])  # fmt: skip
@pytest.mark.parametrize(
    "call",
    [
        lambda lib, a, b: a * b,
        lambda lib, a, b: a / b,
        lambda lib, a, b: lib.where(a > b, a, b),
        lambda lib, a, b: a**b,
        lambda lib, a, b: lib.maximum(a, b),
        lambda lib, a, b: (a + b).sum() * a,
    ],
)
def test_broadcasting(call, shapes):
    rng = np.random.default_rng(0)
    both(call, *(rng.uniform(0.5, 2, shape).astype(np.float32) for shape in shapes))


@pytest.mark.parametrize(
    "call",
    [
        lambda lib, x: x[lib.tensor([0, 0, 1])] * lib.tensor([[1.0], [2.0], [3.0]]),
        lambda lib, x: x[[1, 1], [0, 0]],
        lambda lib, x: x.index_select(0, lib.tensor([1, 1, 1])),
        lambda lib, x: x.gather(1, lib.tensor([[0, 0], [2, 2]])),
        lambda lib, x: x.index_add(0, lib.tensor([0, 0]), x),
        lambda lib, x: x.take(lib.tensor([0, 0, 5])),
        lambda lib, x: lib.zeros(2, 3).scatter_add(1, lib.tensor([[0, 0, 0], [1, 1, 2]]), x),
        lambda lib, x: lib.zeros(2, 3).index_put((lib.tensor([0, 0]), lib.tensor([1, 1])), x[:, 0], accumulate=True),
        lambda lib, x: lib.nn.functional.embedding(lib.tensor([1, 1, 0]), x),
        lambda lib, x: x.repeat_interleave(2, 0),
        lambda lib, x: x[lib.tensor([[True, False, True], [False, False, True]])],
        lambda lib, x: x[..., -1, None],
        lambda lib, x: x[1:1],
    ],
)
def test_indexing_with_repetitions(call):
    both(call, TIES)


def test_detach_clone_and_leaves_frozen_in_mid_graph():
    def call(lib, x):
        y = x * 2
        frozen = y.detach()
        kept = y.clone()
        middle = (x * 3).requires_grad_(True)
        cut = (x.detach() * 4).requires_grad_(True)
        return [y * frozen, kept * kept, middle, (cut * x).detach(), cut.detach() * x]

    both(call, TIES)
    for lib in (tinygrad_fm, torch):
        w = lib.ones(2, requires_grad=True)
        y = w * 2
        with pytest.raises(RuntimeError):
            y.requires_grad_(False)
        w.requires_grad_(False)  # a leaf may, though a graph holds it
        z = y.sum() + w.sum()
        assert z.requires_grad and not w.requires_grad
        z.backward()


def test_several_losses_share_a_graph():
    results = []
    for lib in (tinygrad_fm, torch):
        x = lib.tensor(TIES.copy(), requires_grad=True)
        h = (x * x).exp()
        a, b = h.sum(), (h * h).mean()
        a.backward(retain_graph=True)
        first = x.grad.clone()
        b.backward()
        with pytest.raises(RuntimeError, match="second time"):
            a.backward()
        together = lib.tensor(TIES.copy(), requires_grad=True)
        h = (together * together).exp()
        lib.autograd.backward([h.sum(), (h * h).mean()])
        results.append([first, x.grad, together.grad])
    for ours, theirs in zip(*results, strict=True):
        equal(ours, theirs)
    np.testing.assert_allclose(results[0][1].numpy(), results[0][2].numpy(), rtol=1e-6)


def test_deep_copies_of_what_was_trained():
    copies = []
    for lib in (tinygrad_fm, torch):
        model = lib.nn.Sequential(lib.nn.Linear(3, 2), lib.nn.BatchNorm1d(2))
        model[0].weight.data.copy_(lib.tensor(TIES))
        model[0].bias.data.zero_()
        steps = lib.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        x = lib.tensor(TIES * TIES)
        loss = (model(x) ** 3).sum()
        loss.backward()
        steps.step()
        middle = model(x)  # a graph that hangs on the parameters
        twin, twin_steps = copy.deepcopy((model, steps))
        assert next(twin.parameters()) is twin_steps.param_groups[0]["params"][0]
        middle.sum().backward()
        twin_steps.zero_grad()
        (twin(x) ** 3).sum().backward()
        twin_steps.step()
        copies.append([*twin.state_dict().values(), *[p.grad for p in twin.parameters()], *model.state_dict().values()])
        with pytest.raises(RuntimeError):
            copy.deepcopy(middle)
    for ours, theirs in zip(*copies, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-3, atol=1e-4)
