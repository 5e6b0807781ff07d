"""Schedules that are a product: at each step the learning rate is multiplied by a factor.

Because they multiply what the group has, several of them on one optimizer combine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, group_values, per_group

__all__ = ["ConstantLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "PolynomialLR", "StepLR"]


class FactorLR(LRScheduler):
    """A schedule given by ``multiplier``, of step ``last_epoch``, and ``total``, their product up to there."""

    def multiplier(self) -> float:
        raise NotImplementedError

    def total(self) -> float:
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        multiplier = self.multiplier()
        return [group["lr"] * multiplier for group in self.optimizer.param_groups]

    def _get_closed_form_lr(self) -> list[float]:
        total = self.total()
        return [lr * total for lr in self.base_lrs]


class StepLR(FactorLR):
    """Multiply the learning rate by ``gamma`` every ``step_size`` steps.

    Args:
        optimizer: whose groups are scheduled.
        step_size: steps between two reductions.
        gamma: the factor.
        last_epoch: the last step done, -1 to start.

    Example:
        >>> from tinygrad_fm.optim import SGD
        >>> from tinygrad_fm.optim.lr_scheduler import StepLR
        >>> from tinygrad_fm import tensor
        >>> optimizer = SGD([tensor([0.0], requires_grad=True)], lr=1.0)
        >>> schedule, rates = StepLR(optimizer, step_size=2, gamma=0.5), []
        >>> for _ in range(5):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step()
        ...     schedule.step()
        >>> rates
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        return self.gamma if self.last_epoch > 0 and self.last_epoch % self.step_size == 0 else 1.0

    def total(self) -> float:
        return self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(FactorLR):
    """Multiply the learning rate by ``gamma`` at each of the ``milestones``.

    Args:
        optimizer: whose groups are scheduled.
        milestones: step numbers; one given twice counts twice.
        gamma: the factor.
        last_epoch: the last step done, -1 to start.

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1], gamma=0.5)
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        return self.gamma ** self.milestones[self.last_epoch]

    def total(self) -> float:
        return self.gamma ** sum(times for milestone, times in self.milestones.items() if milestone <= self.last_epoch)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        if isinstance(self.milestones, Mapping):  # a file may have made text of the numbers
            self.milestones = Counter({int(milestone): times for milestone, times in self.milestones.items()})
        else:  # a list, in states that are older
            self.milestones = Counter(self.milestones)


class ConstantLR(FactorLR):
    """Multiply the learning rate by ``factor`` for the first ``total_iters`` steps, a plain warm-up.

    Args:
        optimizer: whose groups are scheduled.
        factor: between 0 and 1.
        total_iters: how many steps.
        last_epoch: the last step done, -1 to start.

    Raises:
        ValueError: ``factor`` out of range.

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> torch.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5).get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        if self.last_epoch == 0:
            return self.factor
        return 1 / self.factor if self.last_epoch == self.total_iters else 1.0

    def total(self) -> float:
        return 1.0 if self.last_epoch >= self.total_iters else self.factor


class LinearLR(FactorLR):
    """Move the learning rate's factor linearly from ``start_factor`` to ``end_factor`` over ``total_iters`` steps.

    Args:
        optimizer: whose groups are scheduled.
        start_factor: above 0, at most 1.
        end_factor: between 0 and 1.
        total_iters: how many steps.
        last_epoch: the last step done, -1 to start.

    Raises:
        ValueError: a factor out of range.

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25).get_last_lr()
        [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.")
        if not 0 <= end_factor <= 1:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        if self.last_epoch == 0:
            return self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise)

    def total(self) -> float:
        done = min(self.total_iters, self.last_epoch) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * done


class ExponentialLR(FactorLR):
    """Multiply the learning rate by ``gamma`` at every step.

    Args:
        optimizer: whose groups are scheduled.
        gamma: the factor.
        last_epoch: the last step done, -1 to start.

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        return 1.0 if self._is_initial else self.gamma

    def total(self) -> float:
        return self.gamma**self.last_epoch


class PolynomialLR(FactorLR):
    """Let the learning rate fall to zero as (1 − t / total_iters) to the ``power``.

    Args:
        optimizer: whose groups are scheduled.
        total_iters: the step at which zero is reached.
        power: 1 falls linearly.
        last_epoch: the last step done, -1 to start.

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=2)
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def multiplier(self) -> float:
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1.0
        left = 1.0 - self.last_epoch / self.total_iters
        return (left / (1.0 - (self.last_epoch - 1) / self.total_iters)) ** self.power

    def total(self) -> float:
        return (1.0 - min(self.total_iters, self.last_epoch) / self.total_iters) ** self.power


class LambdaLR(LRScheduler):
    """Set the learning rate to its initial value times ``lr_lambda(step)``.

    Args:
        optimizer: whose groups are scheduled.
        lr_lambda: a function of the step number, or a list of them, one per group.
        last_epoch: the last step done, -1 to start.

    The state_dict holds the attributes of callable objects; plain functions are not saved.

    Raises:
        TypeError: ``lr_lambda`` is no function.
        ValueError: a list whose length is not the number of groups.

    Example:
        >>> from tinygrad_fm.optim import SGD
        >>> from tinygrad_fm.optim.lr_scheduler import LambdaLR
        >>> from tinygrad_fm import tensor
        >>> optimizer = SGD([tensor([0.0], requires_grad=True)], lr=0.5)
        >>> warm_up = LambdaLR(optimizer, lambda step: min(1, (step + 1) / 4))
        >>> optimizer.param_groups[0]["lr"]
        0.125
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | list[Callable[[int], float]], last_epoch: int = -1
    ) -> None:
        self.lr_lambdas: list[Callable[[int], float]] = per_group("lr_lambdas", lr_lambda, optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        return [lr * function(self.last_epoch) for lr, function in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        is_object = [hasattr(f, "__dict__") and not hasattr(f, "__code__") for f in self.lr_lambdas]
        kept = [dict(vars(f)) if known else None for f, known in zip(self.lr_lambdas, is_object, strict=True)]
        return {**super().state_dict(), "lr_lambdas": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for function, kept in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if kept is not None:
                vars(function).update(kept)


class MultiplicativeLR(LambdaLR):
    """Multiply the learning rate by ``lr_lambda(step)`` at every step; arguments as for `LambdaLR`.

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = torch.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        rates = group_values(self.optimizer, "lr")
        if self._is_initial:
            return rates
        return [lr * function(self.last_epoch) for lr, function in zip(rates, self.lr_lambdas, strict=True)]
