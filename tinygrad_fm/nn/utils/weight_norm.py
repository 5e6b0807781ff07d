"""Weight normalisation: a weight as its length and its direction."""

from __future__ import annotations

from typing import Any

from ..._tensor import Tensor
from ..parameter import Parameter

__all__ = ["remove_weight_norm", "weight_norm"]


class WeightNorm:
    """The forward pre-hook that computes ``name`` from ``name_g`` and ``name_v`` before each call of the module."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def length(self, v: Tensor) -> Tensor:
        """The norm of each slice of ``v`` along ``dim``, or of the whole, in a shape that broadcasts."""
        if self.dim is None:
            return v.norm()
        shape = [n if i == self.dim % v.ndim else 1 for i, n in enumerate(v.shape)]
        return v.movedim(self.dim, 0).reshape(v.shape[self.dim], -1).norm(2, 1).reshape(shape)

    def compute_weight(self, module: Any) -> Tensor:
        """g · v / ‖v‖."""
        v = getattr(module, f"{self.name}_v")
        return v * (getattr(module, f"{self.name}_g") / self.length(v))

    def __call__(self, module: Any, args: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Split a weight into its length ``name_g`` and direction ``name_v``: w = g · v / ‖v‖, the norm of each slice.

    Args:
        module: changed in place. dim: along which the slices are; None, or -1 as in PyTorch, for one norm of the whole.

    Returns:
        ``module``.

    Raises:
        RuntimeError: the weight is normalised already.

    Source: Salimans and Kingma 2016, "Weight normalization", eq. 2.

    >>> import tinygrad_fm as torch
    >>> layer = torch.nn.utils.weight_norm(torch.nn.Linear(2, 3))
    >>> layer.weight_g.shape
    torch.Size([3, 1])
    """
    if find_hook(module, WeightNorm, name) is not None:
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook, weight = WeightNorm(name, None if dim == -1 else dim), getattr(module, name)
    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(hook.length(weight).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo :func:`weight_norm`: the weight, as it is, becomes the parameter again.

    >>> import tinygrad_fm as torch
    >>> layer = torch.nn.utils.weight_norm(torch.nn.Linear(2, 3))
    >>> torch.nn.utils.remove_weight_norm(layer).weight.shape
    torch.Size([3, 2])
    """
    hook = remove_hook(module, WeightNorm, name)
    weight = hook.compute_weight(module).detach()
    for part in (name, f"{name}_g", f"{name}_v"):
        delattr(module, part)
    module.register_parameter(name, Parameter(weight))
    return module


def find_hook(module: Any, kind: type, name: str) -> int | None:
    """The key of the module's forward pre-hook of class ``kind`` that computes ``name``, if there is one."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook.function, kind) and hook.function.name == name:  # type: ignore[attr-defined]
            return key
    return None


def remove_hook(module: Any, kind: type, name: str) -> Any:
    """Take away the hook that :func:`find_hook` finds, and return it; ValueError if there is none."""
    key = find_hook(module, kind, name)
    if key is None:
        raise ValueError(f"{kind.__name__} of '{name}' not found in {module}")
    return module._forward_pre_hooks.pop(key).function
