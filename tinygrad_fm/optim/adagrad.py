"""Adagrad: steps scaled by the history of each parameter's gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from .flat_optimizer import Block, FlatOptimizer, State, count, decayed
from .optimizer import Group, checked_options, require

__all__ = ["Adagrad"]


class Adagrad(FlatOptimizer):
    """Adagrad: each gradient divided by the root of the sum of all its squares so far.

    With g the gradient (plus weight_decay · p) and t the number of the step::

        s ← s + g²                                      sum
        p ← p − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps)

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: learning rate.
        lr_decay: how fast it falls.
        weight_decay: factor of the L2 penalty's gradient.
        initial_accumulator_value: what the sum starts from.
        eps: keeps the denominator from zero.
        maximize: climb instead of descend.
        foreach, fused: accepted, without effect.
        differentiable: record each step on the tape, see `FlatOptimizer`.

    Raises:
        ValueError: an option out of its range.

    Source: Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic optimization", figure 1.

    Example:
        >>> from tinygrad_fm import tensor
        >>> from tinygrad_fm.optim import Adagrad
        >>> w = tensor([1.0, 200.0], requires_grad=True)
        >>> optimizer = Adagrad([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.tolist()
        [0.5, 199.5]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require(lr_decay >= 0, f"Invalid lr_decay value: {lr_decay}")
        require(initial_accumulator_value >= 0, f"Invalid initial_accumulator_value value: {initial_accumulator_value}")
        defaults = checked_options(
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
            foreach=foreach,
            differentiable=differentiable,
            fused=fused,
        )
        super().__init__(params, defaults)

    def add_param_group(self, param_group: Group) -> None:
        """As for every optimizer; the state exists from the beginning, as in PyTorch."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for param in group["params"]:
            self.fill_state(group, param, self.state[param])

    def slots(self, group: Group) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        g = decayed(group, p, grad)
        t = count(state)
        total = state["sum"] = state["sum"] + g * g
        return group["lr"] / (1 + (t - 1) * group["lr_decay"]) * g / (total.sqrt() + group["eps"])

    def update(self, group: Group, block: Block) -> None:
        change, scratch, (total,) = block.change, block.scratch, block.state
        g = block.decayed(group["weight_decay"])
        total += np.multiply(g, g, out=scratch)
        np.sqrt(total, out=scratch)
        scratch += group["eps"]
        np.divide(g, scratch, out=change)
        change *= group["lr"] / (1 + (block.counters[0] - 1) * group["lr_decay"])
