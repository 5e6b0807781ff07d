"""Adamax and RAdam, variants of Adam."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .adam import update_averages
from .flat_optimizer import FlatOptimizer, Run
from .optimizer import Group, check_options, execution_options


class _Variant(FlatOptimizer):
    """The options that both share; see `Adam`."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        maximize: bool,
        how: dict[str, Any],
    ) -> None:
        check_options(
            learning__rate=(lr, lr >= 0),
            epsilon__value=(eps, eps >= 0),
            beta__parameter__at__index__0=(betas[0], 0 <= betas[0] < 1),
            beta__parameter__at__index__1=(betas[1], 0 <= betas[1] < 1),
            weight_decay__value=(weight_decay, weight_decay >= 0),
        )
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize, **how}
        )


class Adamax(_Variant):
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
        how = execution_options(foreach, capturable, differentiable, None)
        del how["fused"]  # as in PyTorch
        super().__init__(params, lr, betas, eps, weight_decay, maximize, how)

    def slots(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_inf"

    def update(self, group: Group, run: Run) -> None:
        (beta1, beta2), weight_decay = group["betas"], group["weight_decay"]
        run.counters[:, 0] += 1
        step_size = group["lr"] / (1 - beta1 ** float(run.counters[0, 0]))
        for block in run.blocks:
            grad, value, change, scratch, exp_avg, exp_inf = block
            if weight_decay != 0:
                grad = np.add(grad, np.multiply(value, weight_decay, out=change), out=change)
            exp_avg += np.multiply(np.subtract(grad, exp_avg, out=scratch), 1 - beta1, out=scratch)
            exp_inf *= beta2
            np.add(np.abs(grad, out=scratch), group["eps"], out=scratch)
            np.maximum(exp_inf, scratch, out=exp_inf)
            np.divide(exp_avg, exp_inf, out=change)
            change *= step_size


class RAdam(_Variant):
    """RAdam: Adam whose first steps, while the root mean square is still uncertain, are those of momentum alone.

    With Adam's m and v, ρ∞ = 2 / (1 − β₂) − 1 and ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)::

        ρ > 5:  p ← p − lr · m / (1 − β₁ᵗ) · √(1 − β₂ᵗ) / (√v + eps) · r
        else:   p ← p − lr · m / (1 − β₁ᵗ)
        r = √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ))

    Arguments are `Adam`'s, without amsgrad and fused; decoupled_weight_decay as in `AdamW`.

    Source: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2.
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
        how = execution_options(foreach, capturable, differentiable, None)
        del how["fused"]  # as in PyTorch
        how["decoupled_weight_decay"] = decoupled_weight_decay
        super().__init__(params, lr, betas, eps, weight_decay, maximize, how)

    def slots(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def update(self, group: Group, run: Run) -> None:
        lr, (beta1, beta2), weight_decay = group["lr"], group["betas"], group["weight_decay"]
        decoupled = weight_decay != 0 and group["decoupled_weight_decay"]
        run.counters[:, 0] += 1
        t = float(run.counters[0, 0])
        root = math.sqrt(1 - beta2**t)
        limit = 2 / (1 - beta2) - 1
        rho = limit - 2 * t * beta2**t / (1 - beta2**t)
        step_size = lr / (1 - beta1**t)
        if rho > 5:
            step_size *= root * math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        for block in run.blocks:
            grad, value, change, scratch, exp_avg, exp_avg_sq = block
            if weight_decay != 0 and not decoupled:
                grad = np.add(grad, np.multiply(value, weight_decay, out=change), out=change)
            update_averages(grad, scratch, exp_avg, exp_avg_sq, beta1, beta2)
            np.multiply(exp_avg, step_size, out=change)
            if rho > 5:
                np.sqrt(exp_avg_sq, out=scratch)
                scratch += group["eps"]
                change /= scratch
            if decoupled:
                change += np.multiply(value, lr * weight_decay, out=scratch)
