"""Muon: momentum made orthogonal, for the matrices between layers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd import no_grad
from .flat_optimizer import State, plain, wrong_shape
from .optimizer import Closure, Group, Optimizer, require, run_closure

__all__ = ["Muon"]


class Muon(Optimizer):
    """Muon: each step of a matrix is its momentum with all singular values brought near 1.

    With g the gradient of a parameter of A rows and B columns::

        m ← momentum · m + (1 − momentum) · g                                   momentum_buffer
        u = (1 − momentum) · g + momentum · m with nesterov, else m
        p ← p − lr · weight_decay · p
        p ← p − lr · √max(1, A / B) · orthogonal(u)      adjust_lr_fn None or "original"
        p ← p − lr · 0.2 · √max(A, B) · orthogonal(u)    "match_rms_adamw": AdamW's rate and weight decay fit as they are

    It takes parameters of two dimensions alone. Biases, norms and embeddings, by the authors' advice the last layer too, go to
    another optimizer, AdamW say.
    ``tinygrad_fm.training.MuonWithAdamW`` is both in one, and takes convolutions' filters as matrices of O rows.

    Args:
        params: matrices, ``(name, matrix)`` pairs, or dicts of them with options of their own.
        lr: learning rate.
        weight_decay: decoupled, see `AdamW`.
        momentum: the share of the momentum that is kept.
        nesterov: look one step ahead.
        ns_coefficients, ns_steps, eps: see `orthogonalize`.
        adjust_lr_fn: None, "original" or "match_rms_adamw", see above.

    Raises:
        ValueError: an option out of its range; a parameter that is no matrix.

    PyTorch orthogonalizes in bfloat16, which is rounded to three digits; here it is done in float32, or the matrix's own dtype
    if that is wider.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; "match_rms_adamw": Liu et al. 2025,
    "Muon is scalable for LLM training", section 2.2.

    Example:
        >>> import tinygrad_fm as torch
        >>> model = torch.nn.Linear(3, 2)
        >>> muon = torch.optim.Muon([model.weight], lr=0.02)
        >>> adamw = torch.optim.AdamW([model.bias], lr=3e-4)
        >>> model(torch.ones(1, 3)).sum().backward()
        >>> muon.step(), adamw.step()
        (None, None)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        require(not isinstance(lr, Tensor) or lr.numel() == 1, "Tensor lr must be 1-element")
        require(lr >= 0, f"Learning rate should be >= 0 but is: {lr}")
        require(momentum >= 0, f"momentum should be >= 0 but is: {momentum}")
        require(weight_decay >= 0, f"weight decay should be >= 0 but is: {weight_decay}")
        known = (None, "original", "match_rms_adamw")
        require(adjust_lr_fn in known, f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )

    def add_param_group(self, param_group: Group) -> None:
        """As for every optimizer; refuses what is no matrix."""
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.ndim != 2:
                self.param_groups.pop()
                raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}")

    def step(self, closure: Closure | None = None) -> Any:
        """Move every parameter that has a gradient once; see `Optimizer.step`."""
        loss = run_closure(closure)
        for group in self.param_groups:
            step_of_muon(group, self.state)
        return loss


def step_of_muon(group: Group, state: dict[Any, State]) -> None:
    """One step of a group with `Muon`'s options. Parameters of more than two dimensions are matrices of their first."""
    options = {name: plain(value) for name, value in group.items() if name != "params"}
    lr, momentum = options["lr"], options["momentum"]
    with no_grad(), np.errstate(all="ignore"):
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            if grad._array.shape != p._array.shape:
                raise wrong_shape(p)
            if "momentum_buffer" not in state[p]:
                state[p]["momentum_buffer"] = grad.new_zeros(grad.shape)
            buffer = state[p]["momentum_buffer"].lerp_(grad, 1 - momentum)
            matrix = (grad.lerp(buffer, momentum) if options["nesterov"] else buffer).flatten(1)
            update = orthogonalize(matrix, options["ns_coefficients"], options["ns_steps"], options["eps"])
            p.mul_(1 - lr * options["weight_decay"])
            p.sub_(update.reshape(p.shape), alpha=lr * _adjustment(options["adjust_lr_fn"], *matrix.shape))


def orthogonalize(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """The matrix with its singular values brought to about 1 (0.7 to 1.2 by the usual coefficients) by Newton-Schulz steps.

    X ← a · X + b · (X Xᵀ) X + c · (X Xᵀ)² X, which acts on the singular values alone, starting from X / ‖X‖.

    Args:
        matrix: of any two sizes.
        coefficients: a, b and c.
        steps: how many, below 100.
        eps: the least norm that is divided by.
    """
    require(steps < 100, "Number of steps must be less than 100 for computational efficiency")
    require(len(coefficients) == 3, "Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.float() if matrix._array.dtype.itemsize < 4 else matrix  # what float16 holds is too coarse for X Xᵀ
    x = x.T if tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.T if tall else x).to(matrix.dtype)


def _adjustment(kind: str | None, rows: int, columns: int) -> float:
    """What the rate is multiplied by for a matrix of this shape."""
    if kind == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns)) if columns else 1.0
