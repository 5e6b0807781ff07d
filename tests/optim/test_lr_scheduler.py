"""Schedules: their values, resuming, warnings and mistakes."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest

from tinygrad_fm import float64
from tinygrad_fm import tensor as tensor_of
from tinygrad_fm.optim import SGD, Adam, lr_scheduler
from tinygrad_fm.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from tinygrad_fm.optim.swa_utils import SWALR


def optimizer(cls=SGD, groups=1, lr=1.0, **options):
    return cls([{"params": [tensor_of(np.zeros(1), requires_grad=True)]} for _ in range(groups)], lr=lr, **options)


def rates(opt, schedule, steps):
    got = []
    for _ in range(steps):
        got.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    return got


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
        (lambda o: MultiStepLR(o, [3, 1], 0.5), [1, 0.5, 0.5, 0.25, 0.25]),
        (lambda o: ConstantLR(o, 0.5, 2), [0.5, 0.5, 1, 1, 1]),
        (lambda o: LinearLR(o, 0.25, 1.0, 3), [0.25, 0.5, 0.75, 1, 1]),
        (lambda o: ExponentialLR(o, 0.5), [1, 0.5, 0.25, 0.125, 0.0625]),
        (lambda o: PolynomialLR(o, 4, 2), [1, 0.5625, 0.25, 0.0625, 0]),
        (lambda o: LambdaLR(o, lambda t: 1 / (1 + t)), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
        (lambda o: CosineAnnealingLR(o, 2, 0.5), [1, 0.75, 0.5, 0.75, 1]),
        (lambda o: CosineAnnealingWarmRestarts(o, 1, 2), [1, 1, 0.5, 1, (1 + math.cos(math.pi / 4)) / 2]),
    ],
)
def test_values(make, expected):
    opt = optimizer()
    np.testing.assert_allclose(rates(opt, make(opt), 5), expected, atol=1e-15)


def test_one_cycle_ends_where_it_should():
    opt = optimizer(Adam)
    schedule = OneCycleLR(opt, max_lr=2.0, total_steps=100, pct_start=0.25, div_factor=10, final_div_factor=100)
    got = [*rates(opt, schedule, 99), opt.param_groups[0]["lr"]]
    np.testing.assert_allclose([got[0], max(got), got[99]], [0.2, 2.0, 0.002])
    assert np.argmax(got) == 24
    np.testing.assert_allclose(opt.param_groups[0]["betas"], (0.95, 0.999))


RESUMABLE = [
    lambda o: StepLR(o, 3),
    lambda o: MultiStepLR(o, [4, 6]),
    lambda o: CosineAnnealingLR(o, 9),
    lambda o: CosineAnnealingWarmRestarts(o, 3, 2),
    lambda o: OneCycleLR(o, 1.0, 50),
    lambda o: LinearLR(o),
    lambda o: LambdaLR(o, lambda t: 0.9**t),
    lambda o: PolynomialLR(o, 15),
    lambda o: SequentialLR(o, [LinearLR(o), CosineAnnealingLR(o, 8)], [4]),
]


@pytest.mark.parametrize("make", RESUMABLE)
@pytest.mark.parametrize("at", [0, 3, 10])
def test_resuming_is_exact(make, at):
    opt = optimizer(momentum=0.9)
    schedule = make(opt)
    rates(opt, schedule, at)
    saved = json.loads(json.dumps(schedule.state_dict())), copy.deepcopy(opt.state_dict())  # plain data only
    expected = rates(opt, schedule, 10)
    fresh = optimizer(momentum=0.9)
    resumed = make(fresh)
    fresh.load_state_dict(saved[1])
    resumed.load_state_dict(saved[0])
    assert rates(fresh, resumed, 10) == expected
    assert fresh.param_groups[0]["momentum"] == opt.param_groups[0]["momentum"]


def test_plateau_resumes():
    metrics = [3, 2, 2, 2, 2, 1.9, 1.9, 1.9, 1.9, 1.9]
    opt = optimizer()
    schedule = ReduceLROnPlateau(opt, patience=1, factor=0.5, cooldown=1)
    for m in metrics[:4]:
        schedule.step(m)
    saved = json.loads(json.dumps(schedule.state_dict())), opt.param_groups[0]["lr"]
    fresh = optimizer()
    resumed = ReduceLROnPlateau(fresh, patience=1, factor=0.5, cooldown=1)
    resumed.load_state_dict(saved[0])
    fresh.param_groups[0]["lr"] = saved[1]
    for m in metrics[4:]:
        schedule.step(m)
        resumed.step(tensor_of(np.array(m)).item())
    assert fresh.param_groups[0]["lr"] == opt.param_groups[0]["lr"] == 0.25
    assert schedule.get_last_lr() == [0.25]


def test_going_on_by_last_epoch():
    opt = optimizer()
    schedule = CosineAnnealingLR(opt, 10)
    rates(opt, schedule, 4)
    expected = opt.param_groups[0]["lr"]
    resumed = CosineAnnealingLR(opt, 10, last_epoch=schedule.last_epoch - 1)
    assert resumed.last_epoch == schedule.last_epoch
    assert resumed.base_lrs == [1.0]
    assert opt.param_groups[0]["lr"] == expected
    with pytest.raises(KeyError, match=r"'initial_lr' is not specified in param_groups\[0\]"):
        StepLR(optimizer(), 2, last_epoch=3)


def test_stepping_before_the_optimizer_is_warned_of_once():
    opt = optimizer()
    schedule = StepLR(opt, 2)
    with pytest.warns(UserWarning, match=r"lr_scheduler.step\(\)` before `optimizer.step\(\)"):
        schedule.step()
    schedule.step()  # warnings are errors here
    opt = optimizer()
    schedule = StepLR(opt, 2)
    opt.step()
    schedule.step()


def test_two_schedules_multiply():
    opt = optimizer()
    a, b = ExponentialLR(opt, 0.5), StepLR(opt, 2, 0.1)
    for _ in range(2):
        opt.step()
        a.step()
        b.step()
    np.testing.assert_allclose(opt.param_groups[0]["lr"], 0.025)


def test_state_of_callable_objects_is_saved():
    class Falling:
        speed = 1

        def __call__(self, t):
            return 1 / (1 + self.speed * t)

    first = Falling()
    first.speed = 3
    saved = LambdaLR(optimizer(), first).state_dict()
    other = Falling()
    LambdaLR(optimizer(), other).load_state_dict(saved)
    assert other.speed == 3


def test_mistakes():
    opt = optimizer(groups=2)
    for wrong in (lambda: LRScheduler("x"), lambda: ReduceLROnPlateau("x"), lambda: OneCycleLR("x", 1.0, 10)):
        with pytest.raises(TypeError, match="str is not an Optimizer"):
            wrong()
    for text, wrong in {
        "Factor should be < 1.0": lambda: ReduceLROnPlateau(opt, factor=1.0),
        "mode up is unknown": lambda: ReduceLROnPlateau(opt, mode="up"),
        "threshold mode x is unknown": lambda: ReduceLROnPlateau(opt, threshold_mode="x"),
        "min_lrs has 1 values, param_groups has 2": lambda: ReduceLROnPlateau(opt, min_lr=[0.1]),
        "lr_lambdas has 1 values": lambda: LambdaLR(opt, [abs]),
        "define either total_steps OR": lambda: OneCycleLR(opt, 1.0, epochs=3),
        "positive integer total_steps": lambda: OneCycleLR(opt, 1.0, total_steps=0),
        "between 0 and 1 pct_start": lambda: OneCycleLR(opt, 1.0, 10, pct_start=1.5),
        "anneal_strategy must be one of": lambda: OneCycleLR(opt, 1.0, 10, anneal_strategy="x"),
        "must support momentum or beta1": lambda: OneCycleLR(lr_scheduler_without_momentum(), 1.0, 10),
        "Constant multiplicative factor": lambda: ConstantLR(opt, 2.0),
        "Starting multiplicative factor": lambda: LinearLR(opt, 0.0),
        "Ending multiplicative factor": lambda: LinearLR(opt, 1.0, 2.0),
        "positive integer T_0": lambda: CosineAnnealingWarmRestarts(opt, 0),
        "number of schedulers provided to be one more": lambda: SequentialLR(opt, [StepLR(opt, 1)], [3]),
        "belong to the same optimizer": lambda: SequentialLR(opt, [StepLR(optimizer(), 1)], []),
        "does not support `ReduceLROnPlateau`": lambda: SequentialLR(opt, [ReduceLROnPlateau(opt)], []),
    }.items():
        with pytest.raises(ValueError, match=text):
            wrong()


def lr_scheduler_without_momentum():
    from tinygrad_fm.optim import Optimizer

    return Optimizer([tensor_of(np.zeros(1), requires_grad=True)], {"lr": 1.0})


def test_a_group_added_later_needs_its_limit():
    opt = optimizer()
    schedule = ReduceLROnPlateau(opt, patience=0, min_lr=[0.01])
    opt.add_param_group({"params": [tensor_of(np.zeros(1), requires_grad=True)]})
    schedule.step(1.0)
    with pytest.raises(RuntimeError, match=r"number of param groups .* .2. differs from .* .1."):
        schedule.step(1.0)


def test_every_schedule_is_exported():
    for name in lr_scheduler.__all__:
        assert issubclass(getattr(lr_scheduler, name), LRScheduler)


# ---- what PyTorch's code relies on -----------------------------------------------------------------------------------


def test_a_rate_that_is_a_tensor_stays_that_tensor():
    for make in [*RESUMABLE, lambda o: ReduceLROnPlateau(o, patience=0), lambda o: MultiplicativeLR(o, lambda step: 0.5)]:
        rate = tensor_of(0.8, dtype=float64)
        opt, plain = optimizer(momentum=0.9, lr=rate), optimizer(momentum=0.9, lr=0.8)
        ours, theirs = make(opt), make(plain)
        for _ in range(8):
            for o, schedule in ((opt, ours), (plain, theirs)):
                o.step()
                schedule.step(*([1.0] if isinstance(schedule, ReduceLROnPlateau) else []))
            assert opt.param_groups[0]["lr"] is rate
            np.testing.assert_allclose(rate.item(), plain.param_groups[0]["lr"], rtol=1e-12)
            last = ours.get_last_lr()[0]
            assert last is not rate
            np.testing.assert_allclose(float(last), theirs.get_last_lr()[0], rtol=1e-12)


def test_asking_for_the_next_rate_outside_a_step_warns():
    opt = optimizer()
    for make in [*RESUMABLE[:-1], lambda o: CyclicLR(o, 0.1, 1.0, cycle_momentum=False), lambda o: SWALR(o, 0.1)]:
        schedule = make(optimizer(momentum=0.9))
        with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
            schedule.get_lr()

    class Own(LRScheduler):
        def get_lr(self):
            return self.base_lrs

    assert Own(opt).get_lr() == [1.0]


def test_a_schedules_own_step_is_called_at_the_start():
    class Own(LRScheduler):
        def step(self, epoch=None):
            self.last_epoch += 1
            for group in self.optimizer.param_groups:
                group["lr"] = 10.0 + self.last_epoch

    opt = optimizer()
    schedule = Own(opt)
    assert opt.param_groups[0]["lr"] == 10.0
    schedule.step()
    assert opt.param_groups[0]["lr"] == 11.0


def test_an_optimizer_whose_step_was_replaced_is_noticed():
    opt = optimizer()
    schedule = StepLR(opt, 3)
    step = opt.step
    opt.step = lambda: step()
    opt.step()
    with pytest.warns(UserWarning, match=r"(?s)has been overridden after .*how-to-adjust-learning-rate"):
        schedule.step()
    opt = optimizer()
    step = opt.step
    opt.step = lambda: step()  # before: nobody needs to know
    schedule = StepLR(opt, 3)
    opt.step()
    schedule.step()


@pytest.mark.parametrize("wrap", [lambda o, parts: ChainedScheduler(parts), lambda o, parts: SequentialLR(o, parts, [2])])
def test_sequences_of_sequences_and_chains(wrap):
    """The inner ones begin anew when their turn comes."""

    def inner(o):
        return wrap(o, [ExponentialLR(o, 0.5), ConstantLR(o, 0.25, 2)])

    alone = optimizer()
    expected = rates(alone, inner(alone), 4)
    for milestones, count in (([], 1), ([4], 2)):
        opt = optimizer()
        schedule = SequentialLR(opt, [inner(opt) for _ in range(count)], milestones)
        assert rates(opt, schedule, 4) == expected
        assert schedule.get_last_lr() == [opt.param_groups[0]["lr"]]
        saved = json.loads(json.dumps(schedule.state_dict()))
        schedule.load_state_dict(saved)


def test_what_cannot_be_chained():
    opt = optimizer()
    for error, parts in (
        (ValueError, []),
        (TypeError, ["x"]),
        (ValueError, [ReduceLROnPlateau(opt)]),
        (ValueError, [StepLR(opt, 1), StepLR(optimizer(), 1)]),
    ):
        with pytest.raises(error):
            ChainedScheduler(parts)
        with pytest.raises(error):
            SequentialLR(opt, parts, [1] * (len(parts) - 1))


def test_a_scale_function_with_attributes_is_saved():
    class Halved:
        def __init__(self, by):
            self.by = by

        def __call__(self, cycle):
            return self.by**cycle

    opt, other = optimizer(), optimizer()
    make = lambda o, by: CyclicLR(o, 0.1, 1.0, 4, scale_fn=Halved(by), cycle_momentum=False)
    first, second = make(opt, 0.5), make(other, 9.0)
    rates(opt, first, 3)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    other.load_state_dict(opt.state_dict())
    assert rates(other, second, 6) == rates(opt, first, 6)
    plain = CyclicLR(optimizer(), 0.1, 1.0, 4, scale_fn=lambda cycle: 1.0, cycle_momentum=False)
    plain.load_state_dict(json.loads(json.dumps(plain.state_dict())))
    assert plain.scale_fn(1) == 1.0


def test_a_cycles_mode_is_taken_over_with_its_state():
    saved = CyclicLR(optimizer(), 0.1, 1.0, 4, mode="triangular2", cycle_momentum=False).state_dict()
    assert "_scale_fn_ref" not in saved
    schedule = CyclicLR(optimizer(), 0.1, 1.0, 4, cycle_momentum=False)
    schedule.load_state_dict(json.loads(json.dumps(saved)))
    assert [schedule.scale_fn(cycle) for cycle in (1, 2, 3)] == [1.0, 0.5, 0.25]
    exponential = CyclicLR(optimizer(), 0.1, 1.0, 4, mode="exp_range", gamma=0.5, cycle_momentum=False)
    schedule.load_state_dict(exponential.state_dict())
    assert (schedule.scale_fn(3), schedule.scale_mode) == (0.125, "iterations")
