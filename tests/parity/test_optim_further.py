"""Muon, Adafactor and LBFGS, whose steps are not element by element, against PyTorch's."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tinygrad_fm import optim
from tinygrad_fm import tensor as tensor_of

from .test_optim import assert_same, give_gradients

torch = pytest.importorskip("torch")

MATRICES = [(3, 4), (6, 2), (5, 5), (1, 7), (2, 1)]
OPTIONS = [
    ("Muon", {}),
    ("Muon", {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.8, "nesterov": False, "adjust_lr_fn": "original"}),
    ("Muon", {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "ns_coefficients": (3, -3.2, 1.2), "eps": 1e-3}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.5, "beta2_decay": -0.5, "eps": (1e-4, 0.1), "d": 2.0, "weight_decay": 0.1, "maximize": True}),
    ("Adafactor", {"foreach": True, "d": 1.5}),
]


def make(name, dtype):
    shapes = MATRICES if name == "Muon" else [*MATRICES, (4,), (), (2, 3, 4), (2, 1, 3, 3)]
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    arrays[0] = np.asfortranarray(arrays[0])
    ours = [tensor_of(np.array(a, order="K"), requires_grad=True) for a in arrays]
    return ours, [torch.tensor(a, requires_grad=True) for a in arrays]


@pytest.fixture
def wide(monkeypatch):
    """PyTorch's Muon without its rounding to bfloat16, which hides all but three digits."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_step_for_step(name, options, dtype):
    ours, theirs = make(name, dtype)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    rng = np.random.default_rng(1)
    for _ in range(30):
        give_gradients(rng, ours, theirs, dtype, missing=0.2)
        a.step()
        b.step()
        assert_same(ours, theirs, dtype)
    assert_same_states(a, b, dtype)


def test_muon_is_near_the_one_that_rounds():
    """Orthogonalized in bfloat16, PyTorch's update differs by its rounding: of a step of 0.1, by less than 5 percent."""
    ours, theirs = make("Muon", np.float32)
    a, b = optim.Muon(ours, lr=0.1), torch.optim.Muon(theirs, lr=0.1)
    rng = np.random.default_rng(1)
    for _ in range(5):
        give_gradients(rng, ours, theirs, np.float32)
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p._array, q.detach().numpy(), atol=5 * 0.1 * 0.05)


def assert_same_states(a, b, dtype):
    ours, theirs = a.state_dict(), b.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    assert set(ours["state"]) == set(theirs["state"])
    for position, entry in theirs["state"].items():
        assert set(ours["state"][position]) == set(entry)
        for name, value in entry.items():
            got = ours["state"][position][name]
            if isinstance(value, torch.Tensor):
                assert tuple(got.shape) == tuple(value.shape)
            close(got, value, dtype)


def close(got, value, dtype):
    if isinstance(value, list):
        assert len(got) == len(value)
        for x, y in zip(got, value, strict=True):
            close(x, y, dtype)
    elif value is None:
        assert got is None
    else:
        rtol = 1e-9 if dtype == np.float64 else 1e-4
        got, value = (np.asarray(x.detach().numpy() if hasattr(x, "detach") else x) for x in (got, value))
        np.testing.assert_allclose(got, value, rtol=rtol, atol=rtol)


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize(("name", "options"), [row for row in OPTIONS if row[1]])
def test_state_travels_both_ways(name, options):
    ours, theirs = make(name, np.float64)
    rng = np.random.default_rng(1)
    optimizers = [(optim, ours), (torch.optim, theirs)]
    a, b = (getattr(library, name)(params, **options) for library, params in optimizers)
    for _ in range(5):
        give_gradients(rng, ours, theirs, np.float64)
        a.step()
        b.step()
    from_ours, from_theirs = as_torch(copy.deepcopy(a.state_dict())), copy.deepcopy(b.state_dict())
    a, b = (getattr(library, name)(params, **options) for library, params in optimizers)
    a.load_state_dict(from_theirs)
    b.load_state_dict(from_ours)
    for _ in range(5):
        give_gradients(rng, ours, theirs, np.float64)
        a.step()
        b.step()
        assert_same(ours, theirs, np.float64)


def as_torch(value):
    if isinstance(value, dict):
        return {key: as_torch(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_torch(item) for item in value]
    return torch.tensor(value._array) if hasattr(value, "_array") else value


# ---- LBFGS: it chooses its own points, so functions are minimised in both libraries ----------------------------------


def rosenbrock(a, b):
    return ((1 - a) ** 2).sum() + 100 * ((b - a[0] ** 2) ** 2).sum()


def quartic(a, b):
    return ((a - 0.5) ** 4).sum() + (b * b * b * b).sum() + (a[1] * b).sum() ** 2


def steep(a, b):
    return (a * 30).exp().sum() + (b * 50).cosh().sum() - a.sum()


LBFGS = [
    {},
    {"lr": 0.1, "max_iter": 7, "history_size": 2},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "lr": 0.01, "history_size": 3, "max_iter": 10, "max_eval": 14},
    {"line_search_fn": "strong_wolfe", "lr": 3.0, "max_eval": 6},
    {"line_search_fn": "strong_wolfe", "max_iter": 1},
    {"tolerance_grad": 0.5},
    {"tolerance_change": 1e-2, "lr": 0.01},
]


def minimised(lib, tensor, loss, options, dtype, steps=6, optimizer=None):
    a = tensor(np.array([-0.7, 0.2], dtype), requires_grad=True)
    b = tensor(np.array([[0.3], [-0.4]], dtype), requires_grad=True)
    optimizer = lib.LBFGS([a, b], **options)
    calls, losses = [], []

    def closure():
        optimizer.zero_grad()
        value = loss(a, b)
        value.backward()
        calls.append(value.item())
        return value

    for _ in range(steps):
        losses.append(optimizer.step(closure).item())
    return optimizer, calls, losses, [p.detach().numpy() for p in (a, b)]


@pytest.mark.parametrize("options", LBFGS)
@pytest.mark.parametrize("loss", [rosenbrock, quartic, steep])
def test_lbfgs_asks_at_the_same_points(loss, options):
    ours, calls, losses, values = minimised(optim, tensor_of, loss, options, np.float64)
    theirs, their_calls, their_losses, their_values = minimised(torch.optim, torch.tensor, loss, options, np.float64)
    assert len(calls) == len(their_calls)
    finite = np.isfinite(their_calls)
    np.testing.assert_array_equal(np.isfinite(calls), finite)
    np.testing.assert_allclose(np.array(calls)[finite], np.array(their_calls)[finite], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(losses, their_losses, rtol=1e-5, atol=1e-9)
    for x, y in zip(values, their_values, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7)
    mine, others = ours.state_dict(), theirs.state_dict()
    assert mine["param_groups"] == others["param_groups"]
    assert {p: set(entry) for p, entry in mine["state"].items()} == {p: set(entry) for p, entry in others["state"].items()}
    assert mine["state"][0]["n_iter"] == others["state"][0]["n_iter"]
    assert mine["state"][0]["func_evals"] == others["state"][0]["func_evals"] == len(calls)


def test_lbfgs_in_float32_finds_the_minimum():
    _, _, losses, values = minimised(optim, tensor_of, rosenbrock, {"line_search_fn": "strong_wolfe"}, np.float32)
    assert losses[-1] < 1e-6
    np.testing.assert_allclose(values[0][0], 1.0, atol=1e-3)


def test_lbfgs_state_travels_both_ways():
    options = {"line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 3}
    a, *_ = minimised(optim, tensor_of, rosenbrock, options, np.float64, steps=2)
    b, *_ = minimised(torch.optim, torch.tensor, rosenbrock, options, np.float64, steps=2)
    from_ours, from_theirs = as_torch(copy.deepcopy(a.state_dict())), copy.deepcopy(b.state_dict())
    a.load_state_dict(from_theirs)
    b.load_state_dict(from_ours)
    for optimizer in (a, b):
        params = optimizer.param_groups[0]["params"]

        def closure(optimizer=optimizer, params=params):
            optimizer.zero_grad()
            loss = rosenbrock(*params)
            loss.backward()
            return loss

        optimizer.step(closure)
    assert_same(a.param_groups[0]["params"], b.param_groups[0]["params"], np.float64)


BAD = [
    ("Muon", {"lr": -1}),
    ("Muon", {"momentum": -1}),
    ("Muon", {"weight_decay": -1}),
    ("Muon", {"adjust_lr_fn": "other"}),
    ("Adafactor", {"lr": -1}),
    ("Adafactor", {"beta2_decay": 1}),
    ("Adafactor", {"eps": (-1, 1)}),
    ("Adafactor", {"eps": (None, -1)}),
    ("Adafactor", {"d": 0.5}),
    ("Adafactor", {"weight_decay": -1}),
    ("LBFGS", {"lr": -1}),
    ("Rprop", {"lr": -1}),
    ("Rprop", {"etas": (1.5, 0.5)}),
    ("ASGD", {"lr": -1}),
    ("ASGD", {"weight_decay": -1}),
]


@pytest.mark.parametrize(("name", "options"), BAD)
def test_bad_options_raise_what_pytorch_raises(name, options):
    with pytest.raises(ValueError) as expected:
        getattr(torch.optim, name)([torch.zeros(1, 1)], **options)
    with pytest.raises(ValueError) as got:
        getattr(optim, name)([tensor_of(np.zeros((1, 1)))], **options)
    assert str(got.value) == str(expected.value)


def test_bad_parameters_raise_what_pytorch_raises():
    for library, tensor in ((optim, tensor_of), (torch.optim, torch.tensor)):
        with pytest.raises(ValueError, match=r"Muon only supports 2D parameters .* size: torch.Size\(\[3\]\)"):
            library.Muon([tensor(np.zeros(3))])
        with pytest.raises(ValueError, match="LBFGS doesn't support per-parameter options"):
            library.LBFGS([{"params": [tensor(np.zeros(3))]}, {"params": [tensor(np.zeros(3))]}])
        with pytest.raises(TypeError, match="closure"):
            library.LBFGS([tensor(np.zeros(3))]).step()
        with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
            p = tensor(np.ones(3), requires_grad=True)

            def closure(p=p):
                loss = (p * p).sum()
                loss.backward()
                return loss

            library.LBFGS([p], line_search_fn="armijo").step(closure)


@pytest.mark.parametrize("name", ["Muon", "Adafactor", "LBFGS", "Rprop", "ASGD"])
def test_printed_as_pytorch_prints(name):
    ours, theirs = getattr(optim, name)([tensor_of(np.zeros((1, 1)))]), getattr(torch.optim, name)([torch.zeros(1, 1)])
    assert repr(ours) == repr(theirs)
