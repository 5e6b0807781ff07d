"""Optimizers and schedules against PyTorch's: the same gradients in, the same parameters, rates and states out."""

from __future__ import annotations

import copy
import math
import warnings

import numpy as np
import pytest

from tinygrad_fm import optim
from tinygrad_fm import tensor as tensor_of
from tinygrad_fm.optim import lr_scheduler

from ..optim.cases import OPTIMIZERS

torch = pytest.importorskip("torch")

SHAPES = [(3, 4), (4,), (), (0, 2), (2, 1, 3), (5,)]
STEPS = 50


def make(dtype, seed=0):
    """Parameters of all shapes, ours and PyTorch's, with the same values."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    arrays[0] = np.asfortranarray(arrays[0])  # parameters need not be contiguous
    ours = [tensor_of(np.array(a, order="K"), requires_grad=True) for a in arrays]
    return ours, [torch.tensor(a, requires_grad=True) for a in arrays]


def give_gradients(rng, ours, theirs, dtype, missing=0.0):
    for p, q in zip(ours, theirs, strict=True):
        if rng.random() < missing:
            p.grad = q.grad = None
            continue
        g = rng.standard_normal(tuple(q.shape)).astype(dtype)
        p.grad, q.grad = tensor_of(np.array(g)), torch.tensor(g)


def assert_same(ours, theirs, dtype):
    rtol, atol = (1e-12, 1e-12) if dtype == np.float64 else (1e-5, 2e-6)
    for p, q in zip(ours, theirs, strict=True):
        assert p._array.dtype == dtype
        np.testing.assert_allclose(p._array, q.detach().numpy(), rtol=rtol, atol=atol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_step_for_step(name, options, missing, dtype):
    ours, theirs = make(dtype)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        give_gradients(rng, ours, theirs, dtype, missing)
        a.step()
        b.step()
        assert_same(ours, theirs, dtype)
    assert_same_state(a.state_dict(), b.state_dict(), dtype)


def assert_same_state(ours, theirs, dtype):
    assert set(ours["state"]) == set(theirs["state"])
    for position, entry in theirs["state"].items():
        assert set(ours["state"][position]) == set(entry)
        for name, value in entry.items():
            got = ours["state"][position][name]._array
            assert got.shape == tuple(value.shape)
            np.testing.assert_allclose(got, value.numpy(), rtol=1e-5 if dtype == np.float32 else 1e-6, atol=1e-6)
    assert [set(g) for g in ours["param_groups"]] == [set(g) for g in theirs["param_groups"]]
    assert ours["param_groups"] == theirs["param_groups"]


def test_groups_with_options_of_their_own_and_a_changing_rate():
    ours, theirs = make(np.float64)
    groups = [[{"params": ps[:2], "lr": 0.3}, {"params": ps[2], "weight_decay": 0.5}] for ps in (ours, theirs)]
    a, b = optim.Adam(groups[0], lr=0.05), torch.optim.Adam(groups[1], lr=0.05)
    rng = np.random.default_rng(1)
    for step in range(30):
        give_gradients(rng, ours, theirs, np.float64)
        if step == 10:
            a.add_param_group({"params": ours[3:], "betas": (0.5, 0.6)})
            b.add_param_group({"params": theirs[3:], "betas": (0.5, 0.6)})
        if step % 7 == 0:
            for group in (*a.param_groups, *b.param_groups):
                group["lr"] *= 0.8
        a.step()
        b.step()
        assert_same(ours, theirs, np.float64)
    assert_same_state(a.state_dict(), b.state_dict(), np.float64)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_state_travels_both_ways(name, options):
    """Ten steps there, ten here, ten there: through state_dicts, PyTorch's as it is, ours as torch tensors."""
    dtype = np.float64
    ours, theirs = make(dtype)
    rng = np.random.default_rng(1)

    def fresh():
        return getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)

    a, b = fresh()
    for _ in range(10):
        give_gradients(rng, ours, theirs, dtype, 0.2)
        a.step()
        b.step()
    from_ours = copy.deepcopy(a.state_dict())
    for entry in from_ours["state"].values():
        entry.update({key: torch.tensor(value._array) for key, value in entry.items()})
    from_theirs = copy.deepcopy(b.state_dict())
    a, b = fresh()
    a.load_state_dict(from_theirs)
    b.load_state_dict(from_ours)
    for _ in range(10):
        give_gradients(rng, ours, theirs, dtype, 0.2)
        a.step()
        b.step()
        # PyTorch keeps NAdam's mu_product in float32 until it is loaded, in the parameter's dtype from then on
        for p, q in zip(ours, theirs, strict=True):
            rtol = 1e-6 if name == "NAdam" else 1e-12
            np.testing.assert_allclose(p._array, q.detach().numpy(), rtol=rtol, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": -1}),
        ("SGD", {"momentum": -1}),
        ("SGD", {"weight_decay": -1}),
        ("SGD", {"nesterov": True}),
        ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
        ("RMSprop", {"alpha": -1}),
        ("RMSprop", {"eps": -1}),
        ("RMSprop", {"momentum": -1}),
        ("Adam", {"betas": (1.0, 0.9)}),
        ("Adam", {"betas": (0.9, -0.1)}),
        ("Adam", {"eps": -1}),
        ("Adagrad", {"lr_decay": -1}),
        ("Adagrad", {"initial_accumulator_value": -1}),
        ("Adadelta", {"rho": 1.1}),
        ("Adagrad", {"eps": -1}),
        ("AdamW", {"weight_decay": -1}),
        ("NAdam", {"momentum_decay": -1}),
        ("NAdam", {"lr": -1}),
    ],
)
def test_bad_options_raise_what_pytorch_raises(name, options):
    with pytest.raises(ValueError) as expected:
        getattr(torch.optim, name)([torch.zeros(1)], **options)
    with pytest.raises(ValueError) as got:
        getattr(optim, name)([tensor_of(np.zeros(1))], **options)
    assert str(got.value) == str(expected.value)


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW", "NAdam", "Adagrad", "Adadelta"])
def test_printed_as_pytorch_prints(name):
    assert repr(getattr(optim, name)([tensor_of(np.zeros(1))])) == repr(getattr(torch.optim, name)([torch.zeros(1)]))


# ---- schedules -------------------------------------------------------------------------------------------------------


def warm_up(step):
    return min(1.0, (step + 1) / 20) * 0.99**step


SCHEDULES = [
    ("StepLR", {"step_size": 7, "gamma": 0.7}),
    ("MultiStepLR", {"milestones": [30, 10, 10, 90], "gamma": 0.5}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 10}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 40}),
    ("ExponentialLR", {"gamma": 0.97}),
    ("PolynomialLR", {"total_iters": 120, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 37, "eta_min": 0.001}),
    ("CosineAnnealingLR", {"T_max": 300}),
    ("CosineAnnealingWarmRestarts", {"T_0": 10}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7, "T_mult": 2, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": warm_up}),
    ("LambdaLR", {"lr_lambda": [warm_up, lambda step: 0.9**step]}),
    ("MultiplicativeLR", {"lr_lambda": lambda step: 0.98}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 300}),
    ("OneCycleLR", {"max_lr": [0.5, 0.1], "epochs": 30, "steps_per_epoch": 10, "three_phase": True}),
    (
        "OneCycleLR",
        {
            "max_lr": 0.5,
            "total_steps": 300,
            "anneal_strategy": "linear",
            "pct_start": 0.2,
            "div_factor": 10,
            "final_div_factor": 100,
            "base_momentum": 0.7,
            "max_momentum": 0.9,
        },
    ),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 300, "cycle_momentum": False}),
]

CYCLES = [
    {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 7},
    {"base_lr": [0.01, 0.1], "max_lr": 0.5, "step_size_up": 5, "step_size_down": 9, "mode": "triangular2"},
    {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "mode": "exp_range", "gamma": 0.99, "base_momentum": 0.5},
    {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "scale_fn": lambda x: 0.5**x, "cycle_momentum": False},
]


def two_optimizers(name="SGD", **options):
    pair = []
    for library, tensor in ((optim, tensor_of), (torch.optim, torch.tensor)):
        params = [tensor(np.zeros(1)) for _ in range(2)]
        groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.3}]
        pair.append(getattr(library, name)(groups, lr=0.8, **options))
    return pair


def options_of(optimizer):
    return [(group["lr"], group.get("momentum"), group.get("betas")) for group in optimizer.param_groups]


def assert_same_options(a, b, exact=False):
    for ours, theirs in zip(options_of(a), options_of(b), strict=True):
        for x, y in zip(ours, theirs, strict=True):
            if x is None or y is None:
                assert x is y
            else:
                np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("optimizer", "options"), [("SGD", {"momentum": 0.9}), ("Adam", {})])
@pytest.mark.parametrize(("name", "settings"), SCHEDULES)
def test_rates_of_every_step(name, settings, optimizer, options):
    a, b = two_optimizers(optimizer, **options)
    ours, theirs = getattr(lr_scheduler, name)(a, **settings), getattr(torch.optim.lr_scheduler, name)(b, **settings)
    for _ in range(300):
        assert_same_options(a, b)
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12, atol=1e-12)
        if getattr(ours, "total_steps", math.inf) == ours.last_epoch:
            break
        a.step()
        b.step()
        ours.step()
        theirs.step()


def step_together(pair, schedules, steps):
    for _ in range(steps):
        assert_same_options(*pair)
        for optimizer, schedule in zip(pair, schedules, strict=True):
            optimizer.step()
            schedule.step()


@pytest.mark.parametrize(("optimizer", "options"), [("SGD", {"momentum": 0.9}), ("Adam", {})])
@pytest.mark.parametrize("settings", CYCLES)
def test_cycles(settings, optimizer, options):
    pair = two_optimizers(optimizer, **options)
    libraries = (lr_scheduler, torch.optim.lr_scheduler)
    step_together(pair, [lib.CyclicLR(opt, **settings) for lib, opt in zip(libraries, pair, strict=True)], 60)


def test_several_schedules_at_once():
    pair = two_optimizers(momentum=0.9)
    schedules = []
    for library, optimizer in zip((lr_scheduler, torch.optim.lr_scheduler), pair, strict=True):
        parts = [library.ConstantLR(optimizer, 0.1, 5), library.ExponentialLR(optimizer, 0.9)]
        schedules.append(library.ChainedScheduler(parts))
    step_together(pair, schedules, 20)
    np.testing.assert_allclose(schedules[0].get_last_lr(), schedules[1].get_last_lr())
    state = schedules[0].state_dict()
    schedules[0].load_state_dict(state)
    assert schedules[0].state_dict()["_last_lr"] == state["_last_lr"]


@pytest.mark.parametrize(
    "settings",
    [
        {"swa_lr": 0.05},
        {"swa_lr": [0.05, 0.2], "anneal_epochs": 7, "anneal_strategy": "linear"},
        {"swa_lr": 0.05, "anneal_epochs": 0},
    ],
)
def test_towards_the_rate_of_averaging(settings):
    pair = two_optimizers()
    libraries = (optim.swa_utils, torch.optim.swa_utils)
    step_together(pair, [lib.SWALR(opt, **settings) for lib, opt in zip(libraries, pair, strict=True)], 25)


@pytest.mark.parametrize("options", ["plain", "moving", "lists", "buffers"])
def test_averaged_models(options):
    from tinygrad_fm import nn

    results = []
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4, 2, 3)).astype(np.float32)
    batches = rng.standard_normal((3, 8, 3)).astype(np.float32)
    for modules, tools, tensor in ((nn, optim.swa_utils, tensor_of), (torch.nn, torch.optim.swa_utils, torch.tensor)):
        model = modules.Sequential(modules.Linear(3, 2), modules.BatchNorm1d(2))
        settings = {
            "plain": {},
            "moving": {"avg_fn": lambda a, p, n: 0.8 * a + 0.2 * p},
            "buffers": {"use_buffers": True},
            "lists": {"multi_avg_fn": tools.get_ema_multi_avg_fn(0.7)},
        }[options]
        average = tools.AveragedModel(model, **settings)
        for value, batch in zip(values, [*batches, batches[0]], strict=True):
            model[0].weight.data.copy_(tensor(value))
            model[0].bias.data.fill_(1.0)
            model(tensor(batch))
            average.update_parameters(model)
        first = average.state_dict()["module.1.running_mean"].numpy().copy()
        tools.update_bn([tensor(b) for b in batches], average)
        result = average.eval()(tensor(batches[0])).detach().numpy()
        results.append([first, *[v.numpy() for v in average.state_dict().values()], result])
        assert next(iter(average.state_dict())) == "n_averaged"
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "settings"), [s for s in SCHEDULES if s[0] not in ("OneCycleLR", "MultiplicativeLR")])
def test_straight_to_an_epoch(name, settings):
    a, b = two_optimizers()
    ours, theirs = getattr(lr_scheduler, name)(a, **settings), getattr(torch.optim.lr_scheduler, name)(b, **settings)
    a.step()
    b.step()
    for epoch in (3, 50, 17):
        for scheduler in (ours, theirs):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scheduler.step(epoch)
        assert_same_options(a, b)


def test_one_cycle_refuses_a_step_too_many():
    a, _ = two_optimizers(momentum=0.9)
    schedule = lr_scheduler.OneCycleLR(a, max_lr=1.0, total_steps=3)
    a.step()
    for _ in range(3):
        schedule.step()
    with pytest.raises(ValueError, match="Tried to step 4 times"):
        schedule.step()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mode": "max", "patience": 3, "factor": 0.5},
        {"threshold_mode": "abs", "threshold": 0.05, "patience": 2},
        {"mode": "max", "threshold_mode": "abs", "threshold": 0.1, "patience": 0, "cooldown": 4, "factor": 0.9},
        {"patience": 1, "min_lr": [0.1, 0.2], "factor": 0.7},
        {"patience": 0, "factor": 0.3, "eps": 0.1},
    ],
)
def test_plateau(settings):
    a, b = two_optimizers()
    ours = lr_scheduler.ReduceLROnPlateau(a, **settings)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(b, **settings)
    rng = np.random.default_rng(0)
    for step in range(200):
        metric = float(1 / (1 + step / 20) + 0.1 * rng.standard_normal())
        ours.step(metric)
        theirs.step(metric)
        assert_same_options(a, b)
        assert (ours.best, ours.num_bad_epochs, ours.cooldown_counter, ours.last_epoch) == (
            theirs.best,
            theirs.num_bad_epochs,
            theirs.cooldown_counter,
            theirs.last_epoch,
        )


def test_sequence_and_chain():
    pair = two_optimizers()
    schedules = []
    for optimizer, library in zip(pair, (lr_scheduler, torch.optim.lr_scheduler), strict=True):
        parts = [
            library.LinearLR(optimizer, 0.1, total_iters=10),
            library.CosineAnnealingLR(optimizer, 50),
            library.ExponentialLR(optimizer, 0.9),
        ]
        schedules.append(
            [library.SequentialLR(optimizer, parts, milestones=[10, 60]), library.StepLR(optimizer, 9, gamma=0.95)]
        )
    for _ in range(100):
        for optimizer, both in zip(pair, schedules, strict=True):
            optimizer.step()
            for schedule in both:
                with warnings.catch_warnings():  # PyTorch's own sequence passes an epoch on
                    warnings.simplefilter("ignore")
                    schedule.step()
        assert_same_options(*pair)


@pytest.mark.parametrize(("name", "settings"), SCHEDULES)
def test_pytorchs_schedule_state_loads(name, settings):
    if name == "OneCycleLR" and isinstance(settings.get("max_lr"), list):
        settings = {**settings, "three_phase": False}
    a, b = two_optimizers(momentum=0.9)
    theirs = getattr(torch.optim.lr_scheduler, name)(b, **settings)
    for _ in range(25):
        b.step()
        theirs.step()
    ours = getattr(lr_scheduler, name)(a, **settings)
    a.load_state_dict(b.state_dict())
    ours.load_state_dict(theirs.state_dict())
    for _ in range(25):
        assert_same_options(a, b)
        for optimizer, schedule in ((a, ours), (b, theirs)):
            optimizer.step()
            schedule.step()
