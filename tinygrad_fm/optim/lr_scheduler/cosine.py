"""Schedules along a cosine: annealing, with warm restarts, and the one-cycle policy."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, per_group


class CosineAnnealingLR(LRScheduler):
    """Let the learning rate fall along half a cosine wave, from its initial value to ``eta_min``::

        lr = eta_min + ½ · (lr₀ − eta_min) · (1 + cos(π · t / T_max))

    It is computed from the step before, as PyTorch does, so that it combines with other schedules; beyond T_max it
    rises again.

    Args:
        optimizer: whose groups are scheduled.
        T_max: the number of steps of the way down.
        eta_min: the learning rate at its end.
        last_epoch: the last step done, -1 to start.

    Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", eq. 5, without restarts.

    Example:
        >>> from tinygrad_fm.optim import SGD
        >>> from tinygrad_fm.optim.lr_scheduler import CosineAnnealingLR
        >>> from tinygrad_fm import tensor
        >>> optimizer = SGD([tensor([0.0], requires_grad=True)], lr=1.0)
        >>> schedule, rates = CosineAnnealingLR(optimizer, T_max=4), []
        >>> for _ in range(5):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step()
        ...     schedule.step()
        >>> [round(lr, 3) for lr in rates]
        [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, low = self.last_epoch, self.eta_min
        groups = self.optimizer.param_groups
        if self._is_initial:
            return [group["lr"] for group in groups]
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The step before was at the bottom, where the ratio below has no meaning.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [group["lr"] + (lr - low) * rise for group, lr in zip(groups, self.base_lrs, strict=True)]
        ratio = (1 + math.cos(math.pi * t / self.T_max)) / (1 + math.cos(math.pi * (t - 1) / self.T_max))
        return [ratio * (group["lr"] - low) + low for group in groups]

    def _get_closed_form_lr(self) -> list[float]:
        return [_cosine(lr, self.eta_min, self.last_epoch / self.T_max) for lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Cosine annealing that starts again from the top, first after ``T_0`` steps, then after ``T_mult`` times as many.

    Args:
        optimizer: whose groups are scheduled.
        T_0: the length of the first period.
        T_mult: how each period's length grows.
        eta_min: the learning rate at the end of a period.
        last_epoch: the last step done, -1 to start.

    Raises:
        ValueError: a period that is no positive integer.

    Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", eq. 5.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [_cosine(lr, self.eta_min, self.T_cur / self.T_i) for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next learning rates, or to those of ``epoch``, a fraction too: ``step(epoch + i / steps)``."""
        if epoch is not None and epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        self._update_lr(epoch)

    def _update_lr(self, epoch: float | None = None) -> None:
        at = self.last_epoch + 1 if epoch is None else epoch
        self.T_cur: float = at
        self.T_i = self.T_0
        if self.T_mult == 1:
            self.T_cur = at % self.T_0
        else:
            while self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        super()._update_lr(math.floor(at))


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
        anneal = _cosine if self._anneal_func_type == "cos" else _linear
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


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share
