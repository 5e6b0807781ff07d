"""ASGD: gradient descent, with an average of the parameters on the side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .._tensor import Tensor
from ..autograd.box import box
from .flat_optimizer import Block, FlatOptimizer, State, count, decayed, number
from .optimizer import Group, checked_options

__all__ = ["ASGD"]


class ASGD(FlatOptimizer):
    """Averaged stochastic gradient descent.

    With g the gradient (plus weight_decay · p) and t the number of the step; η begins as lr, μ as 1::

        p ← p − η · (λ · p + g)
        a ← a + μ · (p − a)                             ax
        η ← lr / (1 + λ · lr · t)^α                     eta
        μ ← 1 / max(1, t − t0)                          mu

    The average a is ``optimizer.state[p]["ax"]``; until step t0 it is the parameter itself. `swa_utils.AveragedModel`
    averages under any optimizer.

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: learning rate.
        lambd: λ, the decay.
        alpha: α, how fast η falls.
        t0: the step at which averaging begins.
        weight_decay: factor of the L2 penalty's gradient.
        maximize: climb instead of descend.
        foreach: accepted, without effect. capturable: only False.
        differentiable: record each step on the tape, see `FlatOptimizer`.

    Raises:
        ValueError: an option out of its range.

    Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging".

    Example:
        >>> from tinygrad_fm import tensor
        >>> from tinygrad_fm.optim import ASGD
        >>> w = tensor([1.0, 200.0], requires_grad=True)
        >>> optimizer = ASGD([w], lr=0.25, lambd=0, t0=0)
        >>> for _ in range(2):
        ...     w.grad = tensor([1.0, 1.0])
        ...     optimizer.step()
        >>> w.tolist(), optimizer.state[w]["ax"].tolist()
        ([0.5, 199.5], [0.5, 199.5])
    """

    counters: ClassVar[dict[str, float]] = {"step": 0.0, "eta": 0.0, "mu": 1.0}
    reads_values: ClassVar[bool] = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = checked_options(
            lr=lr,
            lambd=lambd,
            alpha=alpha,
            t0=t0,
            weight_decay=weight_decay,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        return {"ax": 0.0}

    def fill_state(self, options: Group, p: Tensor, state: State) -> None:
        if "eta" not in state:
            state["eta"] = _counter(options["lr"])
        super().fill_state(options, p, state)

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        eta, mu = number(state["eta"]), number(state["mu"])
        t = count(state)
        change = eta * (group["lambd"] * p + decayed(group, p, grad))
        state["ax"] = state["ax"] + mu * (p - change - state["ax"])
        state["eta"], state["mu"] = map(_counter, _next(group, t))
        return change

    def advance(self, group: Group, counters: np.ndarray) -> None:
        if counters[0, 0] == 0:
            counters[:, 1] = group["lr"]
        super().advance(group, counters)

    def prepare_next(self, group: Group, counters: np.ndarray) -> None:
        counters[:, 1:] = _next(group, float(counters[0, 0]))

    def update(self, group: Group, block: Block) -> None:
        (_, eta, mu), change, scratch, (average,) = block.counters, block.change, block.scratch, block.state
        np.multiply(block.decayed(group["weight_decay"]), eta, out=change)
        change += np.multiply(block.value, group["lambd"] * eta, out=scratch)
        np.subtract(block.value, change, out=scratch)  # the parameter as it will be
        if mu == 1:
            np.copyto(average, scratch)
        else:
            scratch -= average
            scratch *= mu
            average += scratch


def _next(group: Group, t: float) -> tuple[Any, float]:
    """η and μ of the step after step ``t``."""
    return group["lr"] / (1 + group["lambd"] * group["lr"] * t) ** group["alpha"], 1 / max(1, t - group["t0"])


def _counter(value: Any) -> Tensor:
    """A number as state keeps it: float32, as PyTorch does; a rate that is on the tape stays there."""
    return value if isinstance(value, Tensor) else box(np.array(value, np.float32))
