"""Rprop: steps whose sizes follow the signs of the gradients alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..ops import functions as ops
from .flat_optimizer import Block, FlatOptimizer, State, count
from .optimizer import Group, checked_options, require

__all__ = ["Rprop"]


class Rprop(FlatOptimizer):
    """Rprop (resilient backpropagation): each element has a step size of its own, and only the gradient's sign counts.

    With g the gradient and s the step size, which begins as lr::

        s ← clip(s · η⁺)  where g · prev > 0            step_size
        s ← clip(s · η⁻), g ← 0  where g · prev < 0
        prev ← g                                        prev
        p ← p − s · sign(g)

    It is meant for gradients of the whole data set: noise in their signs shrinks the steps.

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: the first step size.
        etas: η⁻ and η⁺, the factors of the step size.
        step_sizes: the smallest and the largest step size.
        maximize: climb instead of descend.
        foreach: accepted, without effect. capturable: only False.
        differentiable: record each step on the tape, see `FlatOptimizer`.

    Raises:
        ValueError: an option out of its range.

    Source: Riedmiller and Braun 1993, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm",
    in the form without weight backtracking that PyTorch has (iRprop⁻: Igel and Hüsken 2000).

    Example:
        >>> from tinygrad_fm import tensor
        >>> from tinygrad_fm.optim import Rprop
        >>> w = tensor([1.0, 200.0], requires_grad=True)
        >>> optimizer = Rprop([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.tolist()
        [0.5, 199.5]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require(0 < etas[0] < 1 < etas[1], f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = checked_options(
            lr=lr,
            etas=etas,
            step_sizes=step_sizes,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        return {"prev": 0.0, "step_size": float(group["lr"])}

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        etaminus, etaplus = group["etas"]
        count(state)
        agreement, size = grad * state["prev"], state["step_size"]
        size = ops.where(agreement > 0, size * etaplus, ops.where(agreement < 0, size * etaminus, size))
        size = state["step_size"] = size.clamp(*group["step_sizes"])
        g = state["prev"] = ops.where(agreement < 0, 0.0, grad)
        return g.sign() * size

    def update(self, group: Group, block: Block) -> None:
        etaminus, etaplus = group["etas"]
        change, scratch, (prev, step_size) = block.change, block.scratch, block.state
        if block.first:
            step_size.fill(group["lr"])  # the rate of now, which a schedule may have changed since the state was allocated
        agreement = np.multiply(block.grad, prev, out=scratch)
        turned = agreement < 0
        np.multiply(step_size, etaplus, out=step_size, where=agreement > 0)
        np.multiply(step_size, etaminus, out=step_size, where=turned)
        np.clip(step_size, *group["step_sizes"], out=step_size)
        np.copyto(prev, block.grad)
        np.copyto(prev, 0, where=turned)
        np.sign(prev, out=change)
        change *= step_size
