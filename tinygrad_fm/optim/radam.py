"""RAdam: Adam with a cautious beginning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from .adam import averages, update_averages
from .flat_optimizer import Block, FlatOptimizer, State, count, decayed
from .optimizer import Group, checked_options

__all__ = ["RAdam"]


class RAdam(FlatOptimizer):
    """RAdam: Adam whose first steps, while the root mean square is still uncertain, are those of momentum alone.

    With Adam's m and v, ρ∞ = 2 / (1 − β₂) − 1 and ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)::

        ρ > 5:  p ← p − lr · m / (1 − β₁ᵗ) · √(1 − β₂ᵗ) / (√v + eps) · r
        else:   p ← p − lr · m / (1 − β₁ᵗ)
        r = √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ))

    Arguments are `Adam`'s, without amsgrad and fused; decoupled_weight_decay as in `AdamW`.

    Source: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2.

    Example:
        >>> import tinygrad_fm as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> optimizer = torch.optim.RAdam([w])
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> bool(w < 1)
        True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
            decoupled_weight_decay=decoupled_weight_decay,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        t = count(state)
        m, v = averages(group, decayed(group, p, grad), state)
        change = lr / (1 - beta1**t) * m
        r = rectification(beta2, t)
        if r is not None:
            change = change * (1 - beta2**t) ** 0.5 / (v.sqrt() + group["eps"]) * r
        return change + lr * group["weight_decay"] * p if group["decoupled_weight_decay"] else change

    def update(self, group: Group, block: Block) -> None:
        lr, (beta1, beta2), decoupled = group["lr"], group["betas"], group["decoupled_weight_decay"]
        t, change, scratch, (exp_avg, exp_avg_sq) = block.counters[0], block.change, block.scratch, block.state
        update_averages(group, block, block.decayed(0 if decoupled else group["weight_decay"]))
        r = rectification(beta2, t)
        step_size = lr / (1 - beta1**t)
        if r is None:
            np.multiply(exp_avg, step_size, out=change)
        else:
            np.multiply(exp_avg, step_size * (1 - beta2**t) ** 0.5 * r, out=change)
            np.sqrt(exp_avg_sq, out=scratch)
            scratch += group["eps"]
            change /= scratch
        if decoupled:
            block.shrink(lr * group["weight_decay"])


def rectification(beta2: Any, t: float) -> Any:
    """r at step ``t``, or None as long as ρ ≤ 5."""
    limit = 2 / (1 - beta2) - 1
    rho = limit - 2 * t * beta2**t / (1 - beta2**t)
    return ((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)) ** 0.5 if rho > 5 else None
