"""Muon for the weights between layers and AdamW for the rest, as one optimizer that schedules and checkpoints know."""

from __future__ import annotations

from collections.abc import Iterable

from .._tensor import Tensor
from ..optim import AdamW
from ..optim.muon import step_of_muon
from ..optim.optimizer import Group

__all__ = ["MuonWithAdamW"]


class MuonWithAdamW(AdamW):
    """`optim.Muon` for every weight of two or more dimensions but the last one, `optim.AdamW` for all other parameters.

    The filters of a convolution, (O, C, KH, KW), are taken as a matrix of O rows, as Muon's authors do; the last weight, a
    classifier's, stays with AdamW by their advice. Muon's steps are scaled to AdamW's ("match_rms_adamw"), so both share the
    learning rate and the weight decay. The group of Muon is ``param_groups[0]``.

    Args:
        params: a model's parameters, in their order.
        lr: learning rate.
        weight_decay: decoupled.
        momentum: of Muon. betas: of AdamW.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm.training import MuonWithAdamW
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))
        >>> optimizer = MuonWithAdamW(model.parameters(), lr=3e-3)
        >>> [len(group["params"]) for group in optimizer.param_groups]
        [1, 3]
        >>> model(torch.zeros(1, 1, 28, 28)).sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 3e-3,
        weight_decay: float = 0.01,
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        params = list(params)
        weights = [p for p in params if p.ndim >= 2][:-1]
        chosen = set(weights)
        muon = {
            "params": weights,
            "use_muon": True,
            "momentum": momentum,
            "nesterov": True,
            "ns_coefficients": (3.4445, -4.7750, 2.0315),
            "eps": 1e-7,
            "ns_steps": 5,
            "adjust_lr_fn": "match_rms_adamw",
        }
        rest = {"params": [p for p in params if p not in chosen], "use_muon": False}
        super().__init__([muon, rest], lr, betas, weight_decay=weight_decay)

    @property
    def flops_per_step(self) -> int:
        """Floating-point operations of the matrix products that make the momenta orthogonal, in one step: two for each pair of
        elements that are multiplied and added. What else a step does is next to nothing beside them."""
        total = 0
        for group in self.param_groups:
            if group.get("use_muon"):
                for p in group["params"]:
                    small, large = sorted((p.shape[0], p.numel() // p.shape[0]))
                    gram, square, product = small**2 * large, small**3, small**2 * large
                    total += group["ns_steps"] * 2 * (gram + square + product)
        return total

    def step_group(self, index: int, group: Group) -> None:
        """One step of Muon, or of AdamW where the group does not say ``use_muon``."""
        if group.get("use_muon"):
            step_of_muon(group, self.state)
        else:
            super().step_group(index, group)
