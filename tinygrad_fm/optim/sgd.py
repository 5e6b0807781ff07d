"""Stochastic gradient descent, with momentum and Nesterov's look-ahead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .flat_optimizer import FlatOptimizer, Run
from .optimizer import Group, check_options, execution_options


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
        foreach, fused: accepted, without effect. differentiable: only False.

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
        check_options(
            learning__rate=(lr, lr >= 0),
            momentum__value=(momentum, momentum >= 0),
            weight_decay__value=(weight_decay, weight_decay >= 0),
        )
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        how = execution_options(foreach, False, differentiable, fused)
        del how["capturable"]  # as in PyTorch
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                **how,
            },
        )

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def update(self, group: Group, run: Run) -> None:
        lr, momentum, weight_decay = group["lr"], group["momentum"], group["weight_decay"]
        for block in run.blocks:
            grad, value, change, scratch, *velocity = block
            if weight_decay != 0:
                grad = np.add(grad, np.multiply(value, weight_decay, out=change), out=change)
            if velocity:
                (v,) = velocity
                if run.first:
                    np.copyto(v, grad)
                else:
                    v *= momentum
                    v += np.multiply(grad, 1 - group["dampening"], out=scratch)
                grad = np.add(grad, np.multiply(v, momentum, out=scratch), out=change) if group["nesterov"] else v
            np.multiply(grad, lr, out=change)
