"""NAdam: Adam with Nesterov's look-ahead."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .._tensor import Tensor
from . import updates_compiled as kernels
from .adam import averages, split_decay, update_averages
from .flat_optimizer import Block, FlatOptimizer, State, count, decayed, number
from .optimizer import Group, checked_options, require
from .updates_compiled import Rule, numbers

__all__ = ["NAdam"]


class NAdam(FlatOptimizer):
    """NAdam: Adam whose step also looks ahead along the running mean, with a momentum that warms up.

    With g the gradient (plus weight_decay · p), t the number of the step, m and v as in Adam, and ψ momentum_decay::

        μₜ = β₁ · (1 − ½ · 0.96^(t·ψ)),    Πₜ = μ₁ · … · μₜ                        Πₜ is kept as mu_product
        m̂ = μₜ₊₁ · m / (1 − Πₜ₊₁) + (1 − μₜ) · g / (1 − Πₜ)
        p ← p − lr · m̂ / (√(v / (1 − β₂ᵗ)) + eps)

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: learning rate.
        betas: β₁ and β₂, the shares of the running averages that are kept.
        eps: keeps the denominator from zero.
        weight_decay: factor of the L2 penalty's gradient.
        momentum_decay: ψ, how fast the momentum warms up.
        decoupled_weight_decay: shrink the weights by lr · weight_decay instead, as AdamW does.
        maximize: climb instead of descend.
        foreach: accepted, without effect. capturable: only False.
        differentiable: record each step on the tape, see `FlatOptimizer`.

    Raises:
        ValueError: an option out of its range.

    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2; the momentum's schedule is from
    its report.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm.optim import NAdam
        >>> from tinygrad_fm import tensor
        >>> w = tensor(np.array([1.0, 200.0]), requires_grad=True)
        >>> optimizer = NAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> sorted(optimizer.state[w])
        ['exp_avg', 'exp_avg_sq', 'mu_product', 'step']
    """

    counters: ClassVar[dict[str, float]] = {"step": 0.0, "mu_product": 1.0}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        require(momentum_decay >= 0, f"Invalid momentum_decay value: {momentum_decay}")
        defaults = checked_options(
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        lr, beta2 = group["lr"], group["betas"][1]
        g = decayed(group, p, grad)
        t = count(state)
        mu, ahead = momentum_at(group, t), momentum_at(group, t + 1)
        state["mu_product"] = state["mu_product"] * mu
        product = number(state["mu_product"])
        m, v = averages(group, g, state)
        mean = ahead * m / (1 - product * ahead) + (1 - mu) * g / (1 - product)
        change = lr * mean / ((v / (1 - beta2**t)).sqrt() + group["eps"])
        return change + lr * group["weight_decay"] * p if group["decoupled_weight_decay"] else change

    def advance(self, group: Group, counters: np.ndarray) -> None:
        step, product = counters[:, 0], counters[:, 1]
        step += 1
        product *= momentum_at(group, float(step[0]))  # float32, as PyTorch keeps it

    def update(self, group: Group, block: Block) -> None:
        change, scratch = block.change, block.scratch
        exp_avg, exp_avg_sq = block.state
        added, share = split_decay(group)
        eps, now, later = _numbers(group, *block.counters)
        g = block.decayed(added)
        update_averages(group, block, g)
        np.multiply(g, now, out=change)
        change += np.multiply(exp_avg, later, out=scratch)
        np.sqrt(exp_avg_sq, out=scratch)
        scratch += eps
        change /= scratch
        block.shrink(share)

    def compiled(self, group: Group, counters: list[float], first: bool, dtype: np.dtype[Any]) -> Rule:
        beta1, beta2 = group["betas"]
        by = numbers(dtype, *split_decay(group), 1 - beta1, beta2, 1 - beta2, *_numbers(group, *counters))
        return Rule(kernels.nadam, ("exp_avg", "exp_avg_sq"), by)


def _numbers(group: Group, t: float, product: float) -> tuple[float, float, float]:
    """eps of step ``t``, and what the gradient and its average weigh in it, with the corrections worked into them."""
    lr, mu, ahead = group["lr"], momentum_at(group, t), momentum_at(group, t + 1)
    root = math.sqrt(1 - group["betas"][1] ** t)
    return group["eps"] * root, lr * root * (1 - mu) / (1 - product), lr * root * ahead / (1 - product * ahead)


def momentum_at(group: Group, t: float) -> Any:
    """μₜ, the momentum of step ``t``."""
    return group["betas"][0] * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))
