"""Rates that go up and down: cycles, and the one-cycle policy."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, anneal_cosine, anneal_linear, per_group, set_value

__all__ = ["CyclicLR", "OneCycleLR"]


_SCALES: dict[str, Callable[[float], float]] = {"triangular": lambda x: 1.0, "triangular2": lambda x: 1 / 2.0 ** (x - 1)}


class CyclicLR(LRScheduler):
    """From ``base_lr`` up to ``max_lr`` in ``step_size_up`` steps and back in ``step_size_down``, over and over.

    Args:
        mode: "triangular"; "triangular2", which halves the height each cycle; "exp_range", which multiplies it by
            ``gamma`` each step.
        scale_fn: instead of ``mode``, the height's factor at a cycle's number or, with scale_mode="iterations", a step's.
        cycle_momentum: move momentum (or β₁) the opposite way, between ``base_momentum`` and ``max_momentum``.

    Raises:
        TypeError: ``optimizer`` is not an Optimizer.
        ValueError: an unknown ``mode`` without ``scale_fn``, or ``cycle_momentum`` with an optimizer without momentum and β₁.

    Source: Smith 2017, "Cyclical learning rates for training neural networks".

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0, momentum=0.9)
        >>> schedule = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.1, max_lr=1.0, step_size_up=1)
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError("mode is invalid and scale_fn is None")
        base_lrs = per_group("base_lr", base_lr, optimizer)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        up, down = float(step_size_up), float(step_size_up if step_size_down is None else step_size_down)
        self.total_size, self.step_ratio = up + down, up / (up + down)
        self.mode, self.gamma = mode, gamma
        self._scale_fn_custom, self.scale_mode = scale_fn, scale_mode
        self._init_scale_fn()
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            if not {"momentum", "betas"} & set(optimizer.defaults):
                raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
            self.base_momentums = per_group("base_momentum", base_momentum, optimizer)
            self.max_momentums = per_group("max_momentum", max_momentum, optimizer)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _init_scale_fn(self) -> None:
        self._scale_fn_ref: Callable[[float], float]
        if self._scale_fn_custom is not None:
            self._scale_fn_ref = self._scale_fn_custom
        elif self.mode == "exp_range":
            self._scale_fn_ref, self.scale_mode = partial(pow, self.gamma), "iterations"
        else:
            self._scale_fn_ref, self.scale_mode = _SCALES[self.mode], "cycle"

    def scale_fn(self, x: float) -> float:
        """The factor of the height, at cycle or step ``x``."""
        return self._scale_fn_ref(x)

    def get_lr(self) -> list[float]:
        """The rates at this step; sets the momentum too."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True):
                value = high - (high - low) * height
                if "betas" in group:
                    group["betas"] = (value, *group["betas"][1:])
                else:
                    group["momentum"] = value
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """As of any schedule; of ``scale_fn`` the attributes, if it is a callable object: a plain function is not saved."""
        custom = self._scale_fn_custom
        is_object = hasattr(custom, "__dict__") and not hasattr(custom, "__code__")
        state = {name: value for name, value in super().state_dict().items() if name != "_scale_fn_ref"}
        return {**state, "_scale_fn_custom": dict(vars(custom)) if is_object else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_scale_fn_custom"})
        attributes = state_dict.get("_scale_fn_custom")
        if attributes is not None:
            vars(self._scale_fn_custom).update(attributes)
        self._init_scale_fn()


class OneCycleLR(LRScheduler):
    """The one-cycle policy: up to a large learning rate, then down far below the first; momentum goes the other way.

    Step it after every batch. The rate starts at max_lr / div_factor, reaches max_lr after ``pct_start`` of the
    steps, and ends at max_lr / div_factor / final_div_factor. With ``three_phase`` it comes down as it went up, and
    falls to its end afterwards.

    Args:
        optimizer: whose groups are scheduled.
        max_lr: the highest learning rate, or a list of them, one per group.
        total_steps: the number of steps; or give epochs and steps_per_epoch.
        epochs, steps_per_epoch: whose product is the number of steps.
        pct_start: the share of the steps on the way up.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: cycle momentum (or Adam's β₁) between max_momentum and base_momentum.
        base_momentum, max_momentum: its bounds, numbers or one per group.
        div_factor, final_div_factor: how far below max_lr the start, and below the start the end.
        three_phase: symmetric up and down, then a third phase to the end.
        last_epoch: the last step done, -1 to start.

    Raises:
        TypeError: ``optimizer`` is no Optimizer.
        ValueError: arguments out of range, an optimizer without momentum where it should cycle, and a step beyond
        the last.

    Source: Smith and Topin 2018, "Super-convergence: very fast training of neural networks using large learning rates".

    Example:
        >>> from tinygrad_fm.optim import SGD
        >>> from tinygrad_fm.optim.lr_scheduler import OneCycleLR
        >>> from tinygrad_fm import tensor
        >>> optimizer = SGD([tensor([0.0], requires_grad=True)], lr=1.0, momentum=0.9)
        >>> schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
        >>> round(schedule.get_last_lr()[0], 6), optimizer.param_groups[0]["momentum"]
        (0.04, 0.95)
        >>> for _ in range(2):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr(), optimizer.param_groups[0]["momentum"]
        ([1.0], 0.85)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self.cycle_momentum = cycle_momentum
        self.use_beta1 = "betas" in optimizer.defaults
        if cycle_momentum and not (self.use_beta1 or "momentum" in optimizer.defaults):
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        bounds = [
            per_group(name, value, optimizer)
            for name, value in (("max_lr", max_lr), ("base_momentum", base_momentum), ("max_momentum", max_momentum))
        ]
        if last_epoch == -1:
            for group, top, base_m, max_m in zip(optimizer.param_groups, *bounds, strict=True):
                group.update(initial_lr=top / div_factor, max_lr=top, min_lr=top / div_factor / final_div_factor)
                if cycle_momentum:
                    group.update(max_momentum=max_m, base_momentum=base_m)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The learning rate of each group at ``self.last_epoch``; momentum is written into the groups."""
        self._warn_outside_step()
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is {self.total_steps}"
            )
        start = 0.0
        for phase in self._schedule_phases:
            if self.last_epoch <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        share = (self.last_epoch - start) / (phase["end_step"] - start)
        anneal = anneal_cosine if self._anneal_func_type == "cos" else anneal_linear
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(anneal(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                momentum = anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], share)
                group.update({"betas": (momentum, *group["betas"][1:])} if self.use_beta1 else {"momentum": momentum})
        return rates


def _total_steps(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    given = {"total_steps": total_steps} if total_steps is not None else {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    for name, value in given.items():
        if value is None:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if value <= 0 or not isinstance(value, int):
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())  # type: ignore[arg-type]


def _phases(total: int, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
    """Each phase's last step, and the group's options between which rate and momentum move in it."""
    names = "start_lr", "end_lr", "start_momentum", "end_momentum"
    up = ("initial_lr", "max_lr", "max_momentum", "base_momentum")
    if three_phase:
        rows = [
            (pct_start * total - 1, *up),
            (2 * pct_start * total - 2, up[1], up[0], up[3], up[2]),
            (total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
        ]
    else:
        rows = [(pct_start * total - 1, *up), (total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    return [{"end_step": end, **dict(zip(names, keys, strict=True))} for end, *keys in rows]
