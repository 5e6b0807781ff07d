"""The activations that models are built with, by name."""

from __future__ import annotations

from tinygrad_fm import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
}


def activation_of(name: str) -> type[nn.Module]:
    """The class of an activation. Raises ValueError if there is none of that name."""
    if name not in ACTIVATIONS:
        raise ValueError(f"there is no activation {name!r}; choose from {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
