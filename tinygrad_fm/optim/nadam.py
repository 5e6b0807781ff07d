"""NAdam: Adam with Nesterov's look-ahead."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .adam import update_averages
from .flat_optimizer import FlatOptimizer, Run
from .optimizer import Group, check_options, execution_options


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
        foreach: accepted, without effect. capturable, differentiable: only False.

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
        check_options(
            learning__rate=(lr, lr >= 0),
            epsilon__value=(eps, eps >= 0),
            beta__parameter__at__index__0=(betas[0], 0 <= betas[0] < 1),
            beta__parameter__at__index__1=(betas[1], 0 <= betas[1] < 1),
            weight_decay__value=(weight_decay, weight_decay >= 0),
            momentum_decay__value=(momentum_decay, momentum_decay >= 0),
        )
        how = execution_options(foreach, capturable, differentiable, None)
        del how["fused"]  # as in PyTorch
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                **how,
            },
        )

    def slots(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def update(self, group: Group, run: Run) -> None:
        lr, (beta1, beta2), weight_decay = group["lr"], group["betas"], group["weight_decay"]
        decoupled = weight_decay != 0 and group["decoupled_weight_decay"]
        step, product = run.counters[:, 0], run.counters[:, 1]
        step += 1
        t = float(step[0])
        mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (t, t + 1))
        product *= mu  # float32, as PyTorch keeps it
        root = math.sqrt(1 - beta2**t)
        eps = group["eps"] * root
        grad_size = lr * root * (1 - mu) / (1 - float(product[0]))
        mean_size = lr * root * ahead / (1 - float(product[0]) * ahead)
        for block in run.blocks:
            grad, value, change, scratch, exp_avg, exp_avg_sq = block
            if weight_decay != 0 and not decoupled:
                grad = np.add(grad, np.multiply(value, weight_decay, out=change), out=change)
            update_averages(grad, scratch, exp_avg, exp_avg_sq, beta1, beta2)
            np.multiply(grad, grad_size, out=change)
            change += np.multiply(exp_avg, mean_size, out=scratch)
            np.sqrt(exp_avg_sq, out=scratch)
            scratch += eps
            change /= scratch
            if decoupled:
                change += np.multiply(value, lr * weight_decay, out=scratch)
