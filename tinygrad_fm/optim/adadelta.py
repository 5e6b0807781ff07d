"""Adadelta: steps scaled by the size of the steps before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from .flat_optimizer import Block, FlatOptimizer, State, count, decayed
from .optimizer import Group, checked_options, require

__all__ = ["Adadelta"]


class Adadelta(FlatOptimizer):
    """Adadelta: each gradient scaled by the size of the steps before over the size of the gradients before.

    With g the gradient (plus weight_decay · p)::

        s ← rho · s + (1 − rho) · g²                    square_avg
        d = √(a + eps) / √(s + eps) · g
        a ← rho · a + (1 − rho) · d²                    acc_delta
        p ← p − lr · d

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: a factor of the step.
        rho: the share of the running averages that is kept.
        eps: keeps the roots from zero.
        weight_decay: factor of the L2 penalty's gradient.
        maximize: climb instead of descend.
        foreach: accepted, without effect. capturable: only False.
        differentiable: record each step on the tape, see `FlatOptimizer`.

    Raises:
        ValueError: an option out of its range.

    Source: Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1.

    Example:
        >>> import tinygrad_fm as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> optimizer = torch.optim.Adadelta([w])
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> bool(w < 1)
        True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require(0 <= rho <= 1, f"Invalid rho value: {rho}")
        defaults = checked_options(
            lr=lr,
            rho=rho,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        rho, eps = group["rho"], group["eps"]
        g = decayed(group, p, grad)
        count(state)
        s = state["square_avg"] = rho * state["square_avg"] + (1 - rho) * g * g
        d = (state["acc_delta"] + eps).sqrt() / (s + eps).sqrt() * g
        state["acc_delta"] = rho * state["acc_delta"] + (1 - rho) * d * d
        return group["lr"] * d

    def update(self, group: Group, block: Block) -> None:
        rho, eps, change, scratch = group["rho"], group["eps"], block.change, block.scratch
        square_avg, acc_delta = block.state
        g = block.decayed(group["weight_decay"])
        square_avg *= rho
        np.multiply(g, g, out=scratch)
        scratch *= 1 - rho
        square_avg += scratch
        np.add(square_avg, eps, out=scratch)
        np.divide(g, np.sqrt(scratch, out=scratch), out=change)
        np.add(acc_delta, eps, out=scratch)
        change *= np.sqrt(scratch, out=scratch)
        acc_delta *= rho
        np.multiply(change, change, out=scratch)
        scratch *= 1 - rho
        acc_delta += scratch
        change *= group["lr"]
