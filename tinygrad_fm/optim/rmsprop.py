"""RMSprop: each gradient divided by a running average of its own size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from . import updates_compiled as kernels
from .flat_optimizer import Block, FlatOptimizer, State, count, decayed
from .optimizer import Group, checked_options, require
from .updates_compiled import Rule, numbers

__all__ = ["RMSprop"]


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
        foreach: accepted, without effect. capturable: only False.
        differentiable: record each step on the tape, see `FlatOptimizer`.

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
        require(momentum >= 0, f"Invalid momentum value: {momentum}")
        require(alpha >= 0, f"Invalid alpha value: {alpha}")
        defaults = checked_options(
            lr=lr,
            momentum=momentum,
            alpha=alpha,
            eps=eps,
            centered=centered,
            weight_decay=weight_decay,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        names = ["square_avg"]
        names += ["momentum_buffer"] if group["momentum"] > 0 else []
        names += ["grad_avg"] if group["centered"] else []
        return dict.fromkeys(names, 0.0)

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        alpha, momentum = group["alpha"], group["momentum"]
        g = decayed(group, p, grad)
        count(state)
        s = state["square_avg"] = alpha * state["square_avg"] + (1 - alpha) * g * g
        if group["centered"]:
            a = state["grad_avg"] = alpha * state["grad_avg"] + (1 - alpha) * g
            s = s - a * a
        d = g / (s.sqrt() + group["eps"])
        if momentum > 0:
            d = state["momentum_buffer"] = momentum * state["momentum_buffer"] + d
        return group["lr"] * d

    def update(self, group: Group, block: Block) -> None:
        alpha, momentum, change, scratch = group["alpha"], group["momentum"], block.change, block.scratch
        square_avg, *rest = block.state
        g = block.decayed(group["weight_decay"])
        np.multiply(g, g, out=scratch)
        scratch *= 1 - alpha
        square_avg *= alpha
        square_avg += scratch
        if group["centered"]:
            grad_avg = rest[-1]
            np.subtract(g, grad_avg, out=scratch)
            scratch *= 1 - alpha
            grad_avg += scratch
            np.multiply(grad_avg, grad_avg, out=scratch)
            np.subtract(square_avg, scratch, out=scratch)
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(square_avg, out=scratch)
        scratch += group["eps"]
        np.divide(g, scratch, out=change)
        if momentum > 0:
            velocity = rest[0]
            velocity *= momentum
            velocity += change
            np.multiply(velocity, group["lr"], out=change)
        else:
            change *= group["lr"]

    def compiled(self, group: Group, counters: list[float], first: bool, dtype: np.dtype[Any]) -> Rule:
        alpha = group["alpha"]
        by = numbers(dtype, group["weight_decay"], alpha, 1 - alpha, group["eps"], group["momentum"], group["lr"])
        return Rule(kernels.rmsprop, ("square_avg", "momentum_buffer", "grad_avg"), by)
