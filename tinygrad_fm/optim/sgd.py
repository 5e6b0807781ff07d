"""Stochastic gradient descent, with momentum and Nesterov's look-ahead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .._tensor import Tensor
from . import updates_compiled as kernels
from .flat_optimizer import Block, FlatOptimizer, State, decayed
from .optimizer import Group, checked_options, require
from .updates_compiled import Rule, numbers

__all__ = ["SGD"]


class SGD(FlatOptimizer):
    """Stochastic gradient descent.

    With g the gradient (plus weight_decay · p), the velocity v and the update are::

        v ← g at the first step, afterwards momentum · v + (1 − dampening) · g
        p ← p − lr · v              or, with nesterov:  p ← p − lr · (g + momentum · v)

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: learning rate.
        momentum: the share of the velocity that is kept.
        dampening: what is held back of each new gradient.
        weight_decay: factor of the L2 penalty's gradient.
        nesterov: step to where the velocity will lead; needs momentum and no dampening.
        maximize: climb instead of descend.
        foreach, fused: accepted, without effect.
        differentiable: record each step on the tape, see `FlatOptimizer`.

    Raises:
        ValueError: an option out of its range.

    Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", eqs. 1–4,
    with the learning rate outside the velocity, as PyTorch has it.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm.optim import SGD
        >>> from tinygrad_fm import tensor
        >>> w = tensor(np.array([1.0, 2.0]), requires_grad=True)
        >>> optimizer = SGD([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.tolist()
        [0.0, 0.0]
    """

    counters: ClassVar[dict[str, float]] = {}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require(momentum >= 0, f"Invalid momentum value: {momentum}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = checked_options(
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
            foreach=foreach,
            differentiable=differentiable,
            fused=fused,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] != 0 else {}

    def fill_state(self, options: Group, p: Tensor, state: State) -> None:
        """Leaves the velocity out: it begins as the first gradient, not as zeros."""

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        momentum = group["momentum"]
        g = decayed(group, p, grad)
        if momentum != 0:
            v = state.get("momentum_buffer")
            v = state["momentum_buffer"] = g.clone() if v is None else momentum * v + (1 - group["dampening"]) * g
            g = g + momentum * v if group["nesterov"] else v
        return group["lr"] * g

    def update(self, group: Group, block: Block) -> None:
        momentum, change, scratch = group["momentum"], block.change, block.scratch
        g = block.decayed(group["weight_decay"])
        if momentum != 0:
            (v,) = block.state
            if block.first:
                np.copyto(v, g)
            else:
                v *= momentum
                v += np.multiply(g, 1 - group["dampening"], out=scratch)
            g = np.add(g, np.multiply(v, momentum, out=scratch), out=change) if group["nesterov"] else v
        np.multiply(g, group["lr"], out=change)

    def compiled(self, group: Group, counters: list[float], first: bool, dtype: np.dtype[Any]) -> Rule:
        by = numbers(dtype, group["weight_decay"], group["momentum"], 1 - group["dampening"], group["lr"])
        return Rule(kernels.sgd, ("momentum_buffer",), (*by, first, bool(group["nesterov"])))
