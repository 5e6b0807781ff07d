"""Adafactor: Adam's second moments, of matrices by rows and columns alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd import no_grad
from ..autograd.box import box
from .flat_optimizer import State, count, plain, wrong_shape
from .optimizer import Closure, Group, Optimizer, require, run_closure

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Adafactor: of a matrix of n × m it keeps n + m numbers, and steps relative to the size of the parameter.

    With g the gradient, t the number of the step, and RMS(x) the root of the mean of x²::

        β = 1 − t^beta2_decay,  ρ = min(lr, 1 / √t),  α = max(eps[1], RMS(p)) · ρ
        p ← p − lr · weight_decay · p
        r ← β · r + (1 − β) · mean of g² over the last dimension             row_var
        c ← β · c + (1 − β) · mean of g² over the last but one               col_var
        v = r · c / max(mean of r, eps[0])
        v ← β · v + (1 − β) · g²   for parameters of fewer than two dimensions instead, variance
        u = g / max(√v, eps[0])
        p ← p − α · u / max(1, RMS(u) / d)

    Args:
        params: parameters, ``(name, parameter)`` pairs, or dicts of them with options of their own.
        lr: the largest relative step, and the rate of the weight decay.
        beta2_decay: the exponent, at most 0, with which β approaches 1.
        eps: keeps the denominator from zero, None for the machine epsilon of the parameter's dtype; and the least RMS of
            the parameter that the step is relative to.
        d: the largest RMS of the update.
        weight_decay: decoupled, see `AdamW`.
        foreach: accepted, without effect.
        maximize: climb instead of descend.

    Raises:
        ValueError: an option out of its range.

    Source: Shazeer and Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost", algorithms 4 and 5, with
    the lr and the eps that PyTorch's page describes.

    Example:
        >>> import tinygrad_fm as torch
        >>> w = torch.ones(2, 3, requires_grad=True)
        >>> optimizer = torch.optim.Adafactor([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w[0].tolist(), list(optimizer.state[w]["row_var"].shape)
        ([0.75, 0.75, 0.75], [2, 1])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        require(not isinstance(lr, Tensor) or lr.numel() == 1, "Tensor lr must be 1-element")
        require(lr >= 0, f"Learning rate should be >= 0 but is: {lr}")
        require(beta2_decay <= 0, f"beta2_decay should be <= 0 but is: {beta2_decay}")
        require(eps[0] is None or eps[0] >= 0, f"epsilon1 should be >= 0 but is: {eps[0]}")
        require(eps[1] >= 0, f"epsilon2 should be >= 0 but is: {eps[1]}")
        require(d >= 1, f"Clipping threshold d should be >= 1 but is: {d}")
        require(weight_decay >= 0, f"weight_decay should be >= 0 but is: {weight_decay}")
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    def step(self, closure: Closure | None = None) -> Any:
        """Move every parameter that has a gradient once; see `Optimizer.step`."""
        loss = run_closure(closure)
        with no_grad(), np.errstate(all="ignore"):
            for group in self.param_groups:
                options = {name: plain(value) for name, value in group.items() if name != "params"}
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    if p.grad._array.shape != p._array.shape:
                        raise wrong_shape(p)
                    _update_one(options, p, -p.grad if options["maximize"] else p.grad, self.state[p])
        return loss


def _update_one(group: Group, p: Tensor, grad: Tensor, state: State) -> None:
    """One step of one parameter."""
    if not state:
        state.update(_first_state(p))
    if p.numel() == 0:
        count(state)
        return
    lr, (eps1, eps2), t = group["lr"], group["eps"], count(state)
    eps1 = float(np.finfo(p._array.dtype).eps) if eps1 is None else eps1
    alpha = max(eps2, _rms(p)) * min(lr, t**-0.5)
    if group["weight_decay"] != 0:
        p.mul_(1 - lr * group["weight_decay"])
    update = grad / _second_moment(grad, state, t ** group["beta2_decay"], eps1).clamp(min=eps1 * eps1).sqrt()
    p.sub_(update, alpha=alpha / max(1.0, _rms(update) / group["d"]))


def _first_state(p: Tensor) -> State:
    state: State = {"step": box(np.zeros((), np.float32))}
    if p.ndim > 1:
        *outer, rows, columns = p.shape
        return {**state, "row_var": p.new_zeros((*outer, rows, 1)), "col_var": p.new_zeros((*outer, 1, columns))}
    return {**state, "variance": p.new_zeros(p.shape)}


def _second_moment(grad: Tensor, state: State, share: float, eps: float) -> Tensor:
    """The estimate of the gradient's mean square, from averages that ``share`` of it is taken into."""
    square = grad * grad
    if grad.ndim < 2:
        state["variance"].lerp_(square, share)
        return state["variance"]
    state["row_var"].lerp_(square.mean(-1, keepdim=True), share)
    state["col_var"].lerp_(square.mean(-2, keepdim=True), share)
    return state["row_var"] * state["col_var"] / state["row_var"].mean(-2, keepdim=True).clamp(min=eps)


def _rms(x: Tensor) -> float:
    return float(x.norm()) / float(np.sqrt(x.numel()))
