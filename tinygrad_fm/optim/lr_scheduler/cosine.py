"""Schedules along a cosine: annealing, and with warm restarts."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .base import LRScheduler, anneal_cosine, group_values

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


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
        self._warn_outside_step()
        t, low = self.last_epoch, self.eta_min
        groups = self.optimizer.param_groups
        if self._is_initial:
            return group_values(self.optimizer, "lr")
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The step before was at the bottom, where the ratio below has no meaning.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [group["lr"] + (lr - low) * rise for group, lr in zip(groups, self.base_lrs, strict=True)]
        ratio = (1 + math.cos(math.pi * t / self.T_max)) / (1 + math.cos(math.pi * (t - 1) / self.T_max))
        return [ratio * (group["lr"] - low) + low for group in groups]

    def _get_closed_form_lr(self) -> list[float]:
        return [anneal_cosine(lr, self.eta_min, self.last_epoch / self.T_max) for lr in self.base_lrs]


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

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, float | int):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        return [anneal_cosine(lr, self.eta_min, self.T_cur / self.T_i) for lr in self.base_lrs]

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
