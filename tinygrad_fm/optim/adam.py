"""Adam, and AdamW, its variant that decays weights apart from the gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..ops import functions as ops
from . import updates_compiled as kernels
from .flat_optimizer import Block, FlatOptimizer, State, count, decayed
from .optimizer import Group, checked_options, require
from .updates_compiled import Rule, numbers

__all__ = ["Adam", "AdamW"]


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
        foreach, fused: accepted, without effect. capturable: only False.
        differentiable: record each step on the tape, see `FlatOptimizer`.

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
        of_tensors = [isinstance(beta, Tensor) for beta in betas]
        require(of_tensors[0] == of_tensors[1], "betas must be either both floats or both Tensors")
        for name, is_tensor in (("lr", isinstance(lr, Tensor)), ("betas[0]", of_tensors[0])):
            require(not (is_tensor and foreach), f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        defaults = checked_options(
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=decoupled_weight_decay,
        )
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, **({"max_exp_avg_sq": 0.0} if group["amsgrad"] else {})}

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        t = count(state)
        m, v = averages(group, decayed(group, p, grad), state)
        if group["amsgrad"]:
            v = state["max_exp_avg_sq"] = ops.maximum(state["max_exp_avg_sq"], v)
        change = lr / (1 - beta1**t) * m / ((v / (1 - beta2**t)).sqrt() + group["eps"])
        return change + lr * group["weight_decay"] * p if group["decoupled_weight_decay"] else change

    def update(self, group: Group, block: Block) -> None:
        change, scratch = block.change, block.scratch
        exp_avg, exp_avg_sq, *largest = block.state
        added, share, eps, step = _numbers(group, block.counters[0])
        update_averages(group, block, block.decayed(added))
        if largest:
            np.maximum(largest[0], exp_avg_sq, out=largest[0])
        np.sqrt(largest[0] if largest else exp_avg_sq, out=scratch)
        scratch += eps
        np.divide(exp_avg, scratch, out=change)
        change *= step
        block.shrink(share)

    def compiled(self, group: Group, counters: list[float], first: bool, dtype: np.dtype[Any]) -> Rule:
        added, share, eps, step = _numbers(group, counters[0])
        beta1, beta2 = group["betas"]
        by = numbers(dtype, added, share, 1 - beta1, beta2, 1 - beta2, eps, step)
        return Rule(kernels.adam, ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"), by)


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


def _numbers(group: Group, t: float) -> tuple[float, float, float, float]:
    """Weight decay that is added to the gradient, decoupled weight decay, eps and learning rate of step ``t``: m̂ / (√v̂ + eps)
    with both corrections moved into numbers, which is two passes over the arrays less."""
    lr, (beta1, beta2) = group["lr"], group["betas"]
    root = math.sqrt(1 - beta2**t)
    return *split_decay(group), group["eps"] * root, lr * root / (1 - beta1**t)


def split_decay(group: Group) -> tuple[float, float]:
    """Weight decay as a factor of the value that is added to the gradient, and as one that is added to the change."""
    decay = group["weight_decay"]
    return (0, group["lr"] * decay) if group["decoupled_weight_decay"] else (decay, 0)


def averages(group: Group, g: Tensor, state: State) -> tuple[Tensor, Tensor]:
    """Adam's two running averages, of the gradient and of its square, advanced in ``state``."""
    beta1, beta2 = group["betas"]
    m = state["exp_avg"] = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = state["exp_avg_sq"] = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    return m, v


def update_averages(group: Group, block: Block, g: np.ndarray) -> None:
    """The same in place, in the first two arrays of a block's state; ``scratch`` is overwritten."""
    (beta1, beta2), scratch, (exp_avg, exp_avg_sq) = group["betas"], block.scratch, block.state[:2]
    np.subtract(g, exp_avg, out=scratch)
    scratch *= 1 - beta1
    exp_avg += scratch
    np.multiply(g, g, out=scratch)
    scratch *= 1 - beta2
    exp_avg_sq *= beta2
    exp_avg_sq += scratch
