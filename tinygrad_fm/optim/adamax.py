"""Adamax: Adam with the largest gradient in the place of the root mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..ops import functions as ops
from .flat_optimizer import Block, FlatOptimizer, State, count, decayed
from .optimizer import Group, checked_options

__all__ = ["Adamax"]


class Adamax(FlatOptimizer):
    """Adamax: Adam with the largest decayed gradient in the place of the root mean square.

    With g the gradient (plus weight_decay · p) and t the number of the step::

        m ← β₁ · m + (1 − β₁) · g                       exp_avg
        u ← max(β₂ · u, |g| + eps)                      exp_inf
        p ← p − lr / (1 − β₁ᵗ) · m / u

    Arguments are `Adam`'s, without amsgrad and fused.

    Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 2.

    Example:
        >>> from tinygrad_fm import tensor
        >>> from tinygrad_fm.optim import Adamax
        >>> w = tensor([1.0, 200.0], requires_grad=True)
        >>> optimizer = Adamax([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.tolist()
        [0.5, 199.5]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = checked_options(
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        beta1, beta2 = group["betas"]
        g = decayed(group, p, grad)
        t = count(state)
        m = state["exp_avg"] = beta1 * state["exp_avg"] + (1 - beta1) * g
        u = state["exp_inf"] = ops.maximum(beta2 * state["exp_inf"], g.abs() + group["eps"])
        return group["lr"] / (1 - beta1**t) * m / u

    def update(self, group: Group, block: Block) -> None:
        (beta1, beta2), change, scratch, (exp_avg, exp_inf) = group["betas"], block.change, block.scratch, block.state
        g = block.decayed(group["weight_decay"])
        exp_avg += np.multiply(np.subtract(g, exp_avg, out=scratch), 1 - beta1, out=scratch)
        exp_inf *= beta2
        np.add(np.abs(g, out=scratch), group["eps"], out=scratch)
        np.maximum(exp_inf, scratch, out=exp_inf)
        np.divide(exp_avg, exp_inf, out=change)
        change *= group["lr"] / (1 - beta1 ** block.counters[0])
