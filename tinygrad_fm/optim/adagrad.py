"""Adagrad and Adadelta: steps scaled by the history of each parameter's gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..autograd.primitive import box
from .flat_optimizer import FlatOptimizer, Run
from .optimizer import Group, check_options, execution_options


class Adagrad(FlatOptimizer):
    """Adagrad: each gradient divided by the root of the sum of all its squares so far.

    With g the gradient (plus weight_decay · p) and t the number of the step::

        s ← s + g²                                      sum
        p ← p − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps)

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: learning rate.
        lr_decay: how fast it falls.
        weight_decay: factor of the L2 penalty's gradient.
        initial_accumulator_value: what the sum starts from.
        eps: keeps the denominator from zero.
        maximize: climb instead of descend.
        foreach, fused: accepted, without effect. differentiable: only False.

    Raises:
        ValueError: an option out of its range.

    Source: Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic optimization", figure 1.

    Example:
        >>> from tinygrad_fm import tensor
        >>> from tinygrad_fm.optim import Adagrad
        >>> w = tensor([1.0, 200.0], requires_grad=True)
        >>> optimizer = Adagrad([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.tolist()
        [0.5, 199.5]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_options(
            learning__rate=(lr, lr >= 0),
            lr_decay__value=(lr_decay, lr_decay >= 0),
            weight_decay__value=(weight_decay, weight_decay >= 0),
            initial_accumulator_value__value=(initial_accumulator_value, initial_accumulator_value >= 0),
            epsilon__value=(eps, eps >= 0),
        )
        how = execution_options(foreach, False, differentiable, fused)
        del how["capturable"]  # as in PyTorch
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "eps": eps,
                "maximize": maximize,
                **how,
            },
        )

    def add_param_group(self, param_group: Group) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for param in group["params"]:
            start = np.full(param._array.shape, group["initial_accumulator_value"], param._array.dtype)
            self.state[param] = {"step": box(np.zeros((), np.float32)), "sum": box(start)}

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def update(self, group: Group, run: Run) -> None:
        weight_decay = group["weight_decay"]
        run.counters[:, 0] += 1
        step_size = group["lr"] / (1 + (float(run.counters[0, 0]) - 1) * group["lr_decay"])
        for block in run.blocks:
            grad, value, change, scratch, total = block
            if weight_decay != 0:
                grad = np.add(grad, np.multiply(value, weight_decay, out=change), out=change)
            total += np.multiply(grad, grad, out=scratch)
            np.sqrt(total, out=scratch)
            scratch += group["eps"]
            np.divide(grad, scratch, out=change)
            change *= step_size


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
        foreach: accepted, without effect. capturable, differentiable: only False.

    Raises:
        ValueError: an option out of its range.

    Source: Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1.
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
        check_options(
            learning__rate=(lr, lr >= 0),
            rho__value=(rho, 0 <= rho <= 1),
            epsilon__value=(eps, eps >= 0),
            weight_decay__value=(weight_decay, weight_decay >= 0),
        )
        how = execution_options(foreach, capturable, differentiable, None)
        del how["fused"]  # as in PyTorch
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize, **how})

    def slots(self, group: Group) -> tuple[str, ...]:
        return "square_avg", "acc_delta"

    def update(self, group: Group, run: Run) -> None:
        rho, eps, weight_decay = group["rho"], group["eps"], group["weight_decay"]
        run.counters[:, 0] += 1
        for block in run.blocks:
            grad, value, change, scratch, square_avg, acc_delta = block
            if weight_decay != 0:
                grad = np.add(grad, np.multiply(value, weight_decay, out=change), out=change)
            square_avg *= rho
            np.multiply(grad, grad, out=scratch)
            scratch *= 1 - rho
            square_avg += scratch
            np.add(square_avg, eps, out=scratch)
            np.divide(grad, np.sqrt(scratch, out=scratch), out=change)
            np.add(acc_delta, eps, out=scratch)
            change *= np.sqrt(scratch, out=scratch)
            acc_delta *= rho
            np.multiply(change, change, out=scratch)
            scratch *= 1 - rho
            acc_delta += scratch
            change *= group["lr"]
