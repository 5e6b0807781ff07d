"""What every schedule is: a count of steps, and the learning rates that belong to it."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..._tensor import Tensor
from ..optimizer import Group, Optimizer, require

__all__ = ["LRScheduler"]


_PAGE = "See https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"


class LRScheduler:
    """Base class of all schedules, and of your own: define ``get_lr``.

    A schedule writes ``group["lr"]``; making one already does, for step 0. Call ``step()`` after
    ``optimizer.step()``, once per epoch or per batch, as the schedule is meant. To go on from a saved state, make
    the schedule first, then load the optimizer's state and the schedule's.

    Args:
        optimizer: whose groups are scheduled.
        last_epoch: the last step done; -1 starts anew, anything else needs ``"initial_lr"`` in every group.

    Attributes:
        last_epoch: number of steps done.
        base_lrs: each group's learning rate at the start.

    Raises:
        TypeError: ``optimizer`` is no Optimizer.
        KeyError: going on without ``"initial_lr"`` in a group.

    Example:
        >>> from tinygrad_fm.optim import SGD
        >>> from tinygrad_fm.optim.lr_scheduler import LRScheduler
        >>> from tinygrad_fm import tensor
        >>> class InverseRoot(LRScheduler):
        ...     def get_lr(self):
        ...         return [lr / (1 + self.last_epoch) ** 0.5 for lr in self.base_lrs]
        >>> optimizer = SGD([tensor([0.0], requires_grad=True)], lr=1.0)
        >>> schedule = InverseRoot(optimizer)
        >>> for _ in range(3):
        ...     optimizer.step()
        ...     schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    _is_initial = False
    _get_lr_called_within_step = False  # PyTorch's name: schedules written for it look at this

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0: load the optimizer's state first, or leave last_epoch at -1"
                )
        self.base_lrs = group_values(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        optimizer._scheduled_step = vars(optimizer).get("step")
        self._initial_step()

    def get_lr(self) -> list[float]:
        """The learning rate of each group at ``self.last_epoch``; its rates so far are still in the groups."""
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group, as last set by this schedule."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next learning rates, or (deprecated, as in PyTorch) straight to those of ``epoch``."""
        if self._step_count == 1 and vars(self.optimizer).get("step") is not self.optimizer._scheduled_step:
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. "
                f"Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`. {_PAGE}",
                UserWarning,
                stacklevel=2,
            )
        elif self._step_count == 1 and self.optimizer._step_calls == 0:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first learning rate "
                f"of the schedule is skipped. Call `optimizer.step()` first. {_PAGE}",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warnings.warn(
                "the epoch argument of scheduler.step() is deprecated: call step() without it", UserWarning, stacklevel=2
            )
        self._update_lr(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer: with the optimizer's own state, enough to go on bit for bit."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        self.__dict__.update(state_dict)

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        get_lr = self.get_lr if epoch is None else getattr(self, "_get_closed_form_lr", self.get_lr)
        self._get_lr_called_within_step = True
        values = get_lr()
        self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_value(group, "lr", lr)
        self._last_lr = group_values(self.optimizer, "lr")

    def _warn_outside_step(self) -> None:
        """For ``get_lr``: what it gives is the step from here to the next rates, whoever calls it."""
        if not self._get_lr_called_within_step:
            words = "To get the last learning rate computed by the scheduler, please use `get_last_lr()`."
            warnings.warn(words, UserWarning, stacklevel=3)


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """One value per parameter group: a list of the right length as it is, anything else repeated."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [_own(value) for _ in range(groups)]
    require(
        len(value) == groups,
        f"{name} must have the same length as optimizer.param_groups. "
        f"{name} has {len(value)} values, param_groups has {groups}.",
    )
    return [_own(each) for each in value]


def group_values(optimizer: Optimizer, option: str) -> list[Any]:
    """An option of each parameter group; a tensor is copied, as it will be written into."""
    return [_own(group[option]) for group in optimizer.param_groups]


def set_value(group: Group, option: str, value: Any) -> None:
    """Set an option of a parameter group; a tensor stays the same tensor, with another value."""
    if isinstance(group[option], Tensor):
        group[option].fill_(float(value))
    else:
        group[option] = value


def _own(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def anneal_cosine(start: float, end: float, share: float) -> float:
    """The value at ``share`` (0 … 1) of the way from ``start`` to ``end`` along half a cosine wave."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def anneal_linear(start: float, end: float, share: float) -> float:
    """The value at ``share`` (0 … 1) of the straight way from ``start`` to ``end``."""
    return start + (end - start) * share
