"""Averages of a model's weights over the steps of training. https://pytorch.org/docs/stable/optim.html#weight-averaging"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import Any

from ..autograd import no_grad
from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module
from ..ops import elementwise_compiled as kernels
from ..ops import functions as ops
from ..ops.elementwise_compiled import as_runs
from ..runtime import run_compiled, use_compiled
from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Any, Any, Any], Any]


def get_swa_avg_fn() -> Average:
    """The plain mean: of the average so far, the new value and how many were averaged, the next average.

    >>> import tinygrad_fm as torch
    >>> torch.optim.swa_utils.get_swa_avg_fn()(torch.tensor(1.0), torch.tensor(2.0), 1)
    tensor(1.5000)
    """
    return lambda averaged, current, count: averaged + (current - averaged) / (count + 1)


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The moving average: decay · averaged + (1 − decay) · current.

    Raises:
        ValueError: ``decay`` is not between 0 and 1.

    >>> import tinygrad_fm as torch
    >>> torch.optim.swa_utils.get_ema_avg_fn(0.9)(torch.tensor(1.0), torch.tensor(2.0), 1)
    tensor(1.1000)
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")
    return lambda averaged, current, count: decay * averaged + (1 - decay) * current


def _for_lists(average: Average) -> Callable[[Any, Any, Any], None]:
    def of_lists(averaged: Any, current: Any, count: Any) -> None:
        for a, c in zip(averaged, current, strict=True):
            a.copy_(average(a, c, count) if a.is_floating_point() else c)

    return of_lists


@no_grad()
def move_towards(averaged: Iterable[Any], current: Iterable[Any], share: float) -> None:
    """averaged ← averaged + share · (current − averaged), in place, tensor by tensor; whole numbers are copied.

    >>> import tinygrad_fm as torch
    >>> averaged = [torch.tensor([1.0])]
    >>> torch.optim.swa_utils.move_towards(averaged, [torch.tensor([2.0])], 0.25)
    >>> averaged
    [tensor([1.2500])]
    """
    averaged = list(averaged)
    size = sum(a._array.size for a in averaged)
    for a, c in zip(averaged, current, strict=True):
        x, y = a._array, c._array
        alike = x.dtype == y.dtype and x.shape == y.shape and x.flags.writeable
        runs = as_runs(x, y) if alike and use_compiled(x.dtype, size) else None
        if runs is not None:
            run_compiled(partial(kernels.blend, *runs, x.dtype.type(share)), x.size, x.size)
            a._written()
        else:
            a.copy_(a + share * (c - a) if a.is_floating_point() else c)


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """:func:`get_swa_avg_fn` for lists of tensors, in place.

    >>> import tinygrad_fm as torch
    >>> averaged, current = [torch.tensor([1.0])], [torch.tensor([2.0])]
    >>> torch.optim.swa_utils.get_swa_multi_avg_fn()(averaged, current, torch.tensor(1))
    >>> averaged
    [tensor([1.5000])]
    """
    return lambda averaged, current, count: move_towards(averaged, current, 1 / (int(count) + 1))


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """:func:`get_ema_avg_fn` for lists of tensors, in place.

    Raises:
        ValueError: ``decay`` is not between 0 and 1.

    >>> import tinygrad_fm as torch
    >>> averaged, current = [torch.tensor([1.0])], [torch.tensor([2.0])]
    >>> torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)(averaged, current, torch.tensor(1))
    >>> averaged
    [tensor([1.1000])]
    """
    get_ema_avg_fn(decay)  # which checks it
    return lambda averaged, current, count: move_towards(averaged, current, 1 - decay)


class AveragedModel(Module):
    """A copy of a model whose weights are the average of the model's; call it like the model.

    Args:
        model: what is averaged; it is copied as ``module``.
        device: "cpu".
        avg_fn: (average, current, count) → next average; the plain mean if None. multi_avg_fn: the same for lists, in place.
        use_buffers: whether buffers are averaged too; else they are taken from the model.

    Raises:
        AssertionError: both ``avg_fn`` and ``multi_avg_fn`` are given.

    Example:
        >>> import tinygrad_fm as torch
        >>> average = torch.optim.swa_utils.AveragedModel(torch.nn.Linear(1, 1))
        >>> average.update_parameters(average.module)
        >>> int(average.n_averaged)
        1
    """

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Callable[[Any, Any, Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model).to(device) if device is not None else copy.deepcopy(model)
        self.register_buffer("n_averaged", ops.tensor(0))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the averaged module."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take ``model``'s present weights into the average; the first time they are the average."""
        parts = lambda m: list(chain(m.parameters(), m.buffers()) if self.use_buffers else m.parameters())
        ours, theirs = parts(self.module), [x.detach() for x in parts(model)]
        if int(self.n_averaged) == 0:
            for a, c in zip(ours, theirs, strict=True):
                a.copy_(c)
        else:
            move = self.multi_avg_fn or (_for_lists(self.avg_fn) if self.avg_fn else get_swa_multi_avg_fn())
            move(ours, theirs, self.n_averaged)
        if not self.use_buffers:
            for a, c in zip(self.module.buffers(), model.buffers(), strict=True):
                a.copy_(c)
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of ``model``'s batch norms anew, as the mean over the batches of ``loader``.

    >>> import tinygrad_fm as torch
    >>> model = torch.nn.BatchNorm1d(1)
    >>> torch.optim.swa_utils.update_bn([torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0], [7.0]])], model)
    >>> model.running_mean
    tensor([4.])
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not norms:
        return
    momenta, was_training = [m.momentum for m in norms], model.training
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
    model.train()
    for batch in loader:
        model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    for m, momentum in zip(norms, momenta, strict=True):
        m.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From the present learning rate to ``swa_lr`` in ``anneal_epochs`` steps, then constant.

    Args:
        anneal_strategy: "cos" or "linear".

    Raises:
        ValueError: ``anneal_strategy`` is neither of these, or ``anneal_epochs`` no integer or negative.

    Example:
        >>> import tinygrad_fm as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> schedule = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.1, anneal_epochs=1)
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.1]
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: float, anneal_epochs: int = 10, anneal_strategy: str = "cos", last_epoch: int = -1
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must by one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        for group, lr in zip(optimizer.param_groups, per_group("swa_lr", swa_lr, optimizer), strict=True):
            group["swa_lr"] = lr
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:
        """The rates at this step; where they came from follows from where they are now."""
        self._warn_outside_step()
        step = self._step_count - 1
        step = max(1, step) if self.anneal_epochs == 0 else step
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            swa_lr, lr = group["swa_lr"], group["lr"]
            start = swa_lr if before == 1 else (lr - before * swa_lr) / (1 - before)
            rates.append(swa_lr * now + start * (1 - now))
        return rates
