"""Spectral normalisation: a weight divided by its largest singular value."""

from __future__ import annotations

from typing import Any

from ..._tensor import Tensor
from ...autograd import no_grad
from ...ops import functions as ops
from ..parameter import Parameter
from .weight_norm import find_hook, remove_hook

__all__ = ["remove_spectral_norm", "spectral_norm"]


class SpectralNorm:
    """The forward pre-hook that computes ``name`` from ``name_orig`` before each call of the module."""

    def __init__(self, name: str, n_power_iterations: int, eps: float, dim: int) -> None:
        self.name, self.n_power_iterations, self.eps, self.dim = name, n_power_iterations, eps, dim

    def matrix(self, weight: Tensor) -> Tensor:
        """``weight`` as a matrix whose rows are its slices along ``dim``."""
        return weight.movedim(self.dim, 0).reshape(weight.shape[self.dim], -1)

    def unit(self, x: Tensor) -> Tensor:
        """``x`` with norm 1."""
        return x / ops.clamp(x.norm(), min=self.eps)

    def compute_weight(self, module: Any, iterate: bool) -> Tensor:
        """weight / (u · W · v), after power iteration has brought u and v nearer to the singular vectors."""
        original, u, v = (getattr(module, f"{self.name}_{end}") for end in ("orig", "u", "v"))
        w = self.matrix(original)
        if iterate:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(self.unit(w.t() @ u))
                    u.copy_(self.unit(w @ v))
            u, v = u.clone(), v.clone()  # the next call writes to them
        return original / (u @ (w @ v))

    def __call__(self, module: Any, args: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide a weight by its largest singular value, estimated by power iteration while training.

    The parameter becomes ``name_orig``; ``name_u`` and ``name_v`` are buffers.

    Args:
        module: changed in place. dim: of the outputs; 1 for transposed convolutions, else 0.

    Returns:
        ``module``.

    Raises:
        ValueError: fewer than one iteration. RuntimeError: the weight is normalised already.

    Source: Miyato et al. 2018, "Spectral normalization for generative adversarial networks", algorithm 1.

    >>> import tinygrad_fm as torch
    >>> layer = torch.nn.utils.spectral_norm(torch.nn.Linear(2, 3))
    >>> layer(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """
    if n_power_iterations <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
    if find_hook(module, SpectralNorm, name) is not None:
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    hook, weight = SpectralNorm(name, n_power_iterations, eps, dim), module._parameters[name]
    del module._parameters[name]
    module.register_parameter(f"{name}_orig", Parameter(weight.detach()))
    for end, size in zip("uv", hook.matrix(weight).shape, strict=True):
        module.register_buffer(f"{name}_{end}", hook.unit(ops.randn(size, dtype=weight.dtype)))
    setattr(module, name, weight.detach())
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo :func:`spectral_norm`: the normalised weight becomes the parameter.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.utils import remove_spectral_norm, spectral_norm
    >>> layer = remove_spectral_norm(spectral_norm(torch.nn.Linear(2, 3)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    hook = remove_hook(module, SpectralNorm, name)
    with no_grad():
        weight = hook.compute_weight(module, iterate=False)
    for part in (name, f"{name}_u", f"{name}_v", f"{name}_orig"):
        delattr(module, part)
    module.register_parameter(name, Parameter(weight.detach()))
    return module
