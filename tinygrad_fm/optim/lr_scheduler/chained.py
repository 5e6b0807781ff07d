"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, group_values, set_value
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


class SequentialLR(LRScheduler):
    """Hand over from one schedule to the next at given steps, say from a warm-up to an annealing.

    Args:
        optimizer: whose groups are scheduled.
        schedulers: the schedules, all of this optimizer.
        milestones: the steps at which the second, third ... takes over; each then begins with its own step 0.
        last_epoch: the last step done, -1 to start.

    Raises:
        ValueError: schedules of another optimizer, one that needs a metric, or a wrong number of milestones.

    Example:
        >>> from tinygrad_fm.optim import SGD
        >>> from tinygrad_fm.optim.lr_scheduler import ConstantLR, ExponentialLR, SequentialLR
        >>> from tinygrad_fm import tensor
        >>> optimizer = SGD([tensor([0.0], requires_grad=True)], lr=1.0)
        >>> parts = [ConstantLR(optimizer, factor=0.25, total_iters=9), ExponentialLR(optimizer, gamma=0.5)]
        >>> schedule, rates = SequentialLR(optimizer, parts, milestones=[2]), []
        >>> for _ in range(5):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step()
        ...     schedule.step()
        >>> rates
        [0.25, 0.25, 1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        _check(type(self).__name__, schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone "
                f"points, but got number of schedulers {len(schedulers)} and the number of milestones to be equal to "
                f"{len(milestones)}"
            )
        self._schedulers, self._milestones = schedulers, milestones
        self.optimizer = optimizer
        self.last_epoch = last_epoch + 1
        # Making the schedules has stepped them all; only the one whose turn it is should have.
        for group in optimizer.param_groups:
            set_value(group, "lr", group["initial_lr"])
        _undo_initial_steps(schedulers)
        self._initial_step()

    def step(self) -> None:  # type: ignore[override]
        """Go on to the next learning rates, of the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        current = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            current._update_lr(0)
        else:
            current.step()
        self._last_lr = current.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, the schedules' own states included."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)

    def _initial_step(self) -> None:
        current = self._schedulers[bisect_right(self._milestones, 0)]
        current._initial_step()
        self._last_lr = current.get_last_lr()

    def _update_lr(self, epoch: int | None = None) -> None:
        """For a sequence of sequences: to the beginning (``epoch`` 0), or one step on."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        current = self._schedulers[bisect_right(self._milestones, self.last_epoch)]
        current._update_lr(epoch)
        self._last_lr = current.get_last_lr()


class ChainedScheduler(LRScheduler):
    """Several schedules of one optimizer that all step together: each changes the rate that those before it left.

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> halves = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> torch.optim.lr_scheduler.ChainedScheduler([halves]).get_last_lr()
        [1.0]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.optimizer = _check(type(self).__name__, schedulers, optimizer)
        self._schedulers = list(schedulers)
        self._last_lr = group_values(self.optimizer, "lr")

    def step(self, epoch: int | None = None) -> None:
        """Step all of them."""
        for schedule in self._schedulers:
            schedule.step()
        self._last_lr = group_values(self.optimizer, "lr")

    def state_dict(self) -> dict[str, Any]:
        """The states of all of them."""
        return {"_last_lr": self._last_lr, "_schedulers": [schedule.state_dict() for schedule in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        self._last_lr = state_dict["_last_lr"]
        for schedule, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            schedule.load_state_dict(state)

    def _update_lr(self, epoch: int | None = None) -> None:
        """For a sequence of such: all of them to the beginning (``epoch`` 0), or one step on."""
        for schedule in self._schedulers:
            schedule._update_lr(epoch)
        self._last_lr = group_values(self.optimizer, "lr")

    def _initial_step(self) -> None:
        """For a sequence of such: the first step of each."""
        for schedule in self._schedulers:
            schedule._initial_step()
        self._last_lr = group_values(self.optimizer, "lr")


def _check(name: str, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> Optimizer:
    """The optimizer that all of ``schedulers`` belong to; raises where there is no such, or one needs a metric."""
    if len(schedulers) < 1:
        raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
    for i, scheduler in enumerate(schedulers):
        if not hasattr(scheduler, "optimizer"):
            raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be specified "
                f"when calling `step`, but got one at index {i} in the given schedulers sequence."
            )
        optimizer = optimizer or scheduler.optimizer
        if scheduler.optimizer is not optimizer:
            raise ValueError(
                f"{name} expects all schedulers to belong to the same optimizer, but the {type(scheduler).__name__} at index "
                f"{i} has another"
            )
    assert optimizer is not None
    return optimizer


def _undo_initial_steps(schedulers: Sequence[LRScheduler]) -> None:
    """Making a schedule has stepped it, and those it is made of."""
    for scheduler in schedulers:
        if hasattr(scheduler, "_schedulers"):
            _undo_initial_steps(scheduler._schedulers)
        else:
            scheduler.last_epoch -= 1
