"""RMSprop: each gradient divided by a running average of its own size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .flat_optimizer import FlatOptimizer, Run
from .optimizer import Group, check_options, execution_options


class RMSprop(FlatOptimizer):
    """RMSprop.

    With g the gradient (plus weight_decay · p)::

        s ← α · s + (1 − α) · g²                        square_avg
        a ← α · a + (1 − α) · g                         grad_avg, with centered
        d = g / (√s + eps)      or, with centered:  d = g / (√(s − a²) + eps)
        p ← p − lr · d          or, with momentum:  b ← momentum · b + d,  p ← p − lr · b

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: learning rate.
        alpha: the share of the running averages that is kept.
        eps: keeps the denominator from zero.
        weight_decay: factor of the L2 penalty's gradient.
        momentum: the share of the velocity that is kept.
        centered: divide by an estimate of the standard deviation instead of the root mean square.
        maximize: climb instead of descend.
        foreach: accepted, without effect. capturable, differentiable: only False.

    Raises:
        ValueError: an option out of its range.

    Source: Tieleman and Hinton 2012, "Neural networks for machine learning", lecture 6.5; centered: Graves 2013,
    "Generating sequences with recurrent neural networks", eqs. 38–45, with eps outside the root, as PyTorch has it.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm.optim import RMSprop
        >>> from tinygrad_fm import tensor
        >>> w = tensor(np.array([1.0, 200.0]), requires_grad=True)
        >>> optimizer = RMSprop([w], lr=0.01)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> [round(x, 6) for x in w.tolist()]
        [0.9, 199.9]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(
            learning__rate=(lr, lr >= 0),
            epsilon__value=(eps, eps >= 0),
            momentum__value=(momentum, momentum >= 0),
            weight_decay__value=(weight_decay, weight_decay >= 0),
            alpha__value=(alpha, alpha >= 0),
        )
        how = execution_options(foreach, capturable, differentiable, None)
        del how["fused"]  # as in PyTorch
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "maximize": maximize,
                **how,
            },
        )

    def slots(self, group: Group) -> tuple[str, ...]:
        return (
            "square_avg",
            *(["momentum_buffer"] if group["momentum"] > 0 else []),
            *(["grad_avg"] if group["centered"] else []),
        )

    def update(self, group: Group, run: Run) -> None:
        alpha, momentum, weight_decay = group["alpha"], group["momentum"], group["weight_decay"]
        run.counters[:, 0] += 1
        for block in run.blocks:
            grad, value, change, scratch, square_avg, *rest = block
            if weight_decay != 0:
                grad = np.add(grad, np.multiply(value, weight_decay, out=change), out=change)
            np.multiply(grad, grad, out=scratch)
            scratch *= 1 - alpha
            square_avg *= alpha
            square_avg += scratch
            if group["centered"]:
                grad_avg = rest[-1]
                np.subtract(grad, grad_avg, out=scratch)
                scratch *= 1 - alpha
                grad_avg += scratch
                np.multiply(grad_avg, grad_avg, out=scratch)
                np.subtract(square_avg, scratch, out=scratch)
                np.sqrt(scratch, out=scratch)
            else:
                np.sqrt(square_avg, out=scratch)
            scratch += group["eps"]
            np.divide(grad, scratch, out=change)
            if momentum > 0:
                velocity = rest[0]
                velocity *= momentum
                velocity += change
                np.multiply(velocity, group["lr"], out=change)
            else:
                change *= group["lr"]
