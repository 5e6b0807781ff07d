"""Adam, and AdamW, its variant that decays weights apart from the gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .flat_optimizer import FlatOptimizer, Run
from .optimizer import Group, check_options, execution_options


class Adam(FlatOptimizer):
    """Adam: a step whose size is the gradient's running mean over its running root mean square.

    With g the gradient (plus weight_decay · p) and t the number of the step::

        m ← β₁ · m + (1 − β₁) · g                       exp_avg
        v ← β₂ · v + (1 − β₂) · g²                      exp_avg_sq
        p ← p − lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + eps)

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: learning rate.
        betas: β₁ and β₂, the shares of the running averages that are kept.
        eps: keeps the denominator from zero.
        weight_decay: factor of the L2 penalty's gradient.
        amsgrad: divide by the largest v so far, max_exp_avg_sq.
        maximize: climb instead of descend.
        decoupled_weight_decay: shrink the weights by lr · weight_decay instead, which is AdamW.
        foreach, fused: accepted, without effect. capturable, differentiable: only False.

    Raises:
        ValueError: an option out of its range.

    Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1, computed in the order
    that the end of its section 2 gives; amsgrad: Reddi et al. 2018, "On the convergence of Adam and beyond",
    algorithm 2.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm.optim import Adam
        >>> from tinygrad_fm import tensor
        >>> w = tensor(np.array([1.0, 200.0]), requires_grad=True)
        >>> optimizer = Adam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> [round(x, 6) for x in w.tolist()]
        [0.9, 199.9]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_options(
            learning__rate=(lr, lr >= 0),
            epsilon__value=(eps, eps >= 0),
            beta__parameter__at__index__0=(betas[0], 0 <= betas[0] < 1),
            beta__parameter__at__index__1=(betas[1], 0 <= betas[1] < 1),
            weight_decay__value=(weight_decay, weight_decay >= 0),
        )
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                **execution_options(foreach, capturable, differentiable, fused),
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else []))

    def update(self, group: Group, run: Run) -> None:
        lr, (beta1, beta2), weight_decay = group["lr"], group["betas"], group["weight_decay"]
        decoupled = weight_decay != 0 and group["decoupled_weight_decay"]
        run.counters[:, 0] += 1
        t = float(run.counters[0, 0])
        # m̂ / (√v̂ + eps) with both corrections moved into numbers: two passes over the arrays less.
        root = math.sqrt(1 - beta2**t)
        step_size, eps = lr * root / (1 - beta1**t), group["eps"] * root
        for block in run.blocks:
            grad, value, change, scratch, exp_avg, exp_avg_sq, *largest = block
            if weight_decay != 0 and not decoupled:
                grad = np.add(grad, np.multiply(value, weight_decay, out=change), out=change)
            update_averages(grad, scratch, exp_avg, exp_avg_sq, beta1, beta2)
            if largest:
                np.maximum(largest[0], exp_avg_sq, out=largest[0])
            np.sqrt(largest[0] if largest else exp_avg_sq, out=scratch)
            scratch += eps
            np.divide(exp_avg, scratch, out=change)
            change *= step_size
            if decoupled:
                change += np.multiply(value, lr * weight_decay, out=scratch)


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← p − lr · weight_decay · p, apart from Adam's step.

    Arguments are `Adam`'s, with a weight decay of 0.01 unless said otherwise.

    Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm.optim import AdamW
        >>> from tinygrad_fm import tensor
        >>> w = tensor(np.array([1.0, 200.0]), requires_grad=True)
        >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.01)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> [round(x, 6) for x in w.tolist()]
        [0.899, 199.7]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


def update_averages(
    grad: np.ndarray, scratch: np.ndarray, exp_avg: np.ndarray, exp_avg_sq: np.ndarray, beta1: float, beta2: float
) -> None:
    """Adam's two running averages, of the gradient and of its square, in place; ``scratch`` is overwritten."""
    np.subtract(grad, exp_avg, out=scratch)
    scratch *= 1 - beta1
    exp_avg += scratch
    np.multiply(grad, grad, out=scratch)
    scratch *= 1 - beta2
    exp_avg_sq *= beta2
    exp_avg_sq += scratch
