"""Weights computed anew at each call from others: weight normalisation and spectral normalisation."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...autograd import no_grad
from ...tensor import Tensor
from ..parameter import Parameter


def _rows(weight: Tensor, dim: int) -> Tensor:
    """``weight`` as a matrix whose rows are its slices along ``dim``."""
    return weight.movedim(dim, 0).reshape(weight.shape[dim], -1)


def _compute_at_call(module: Any, name: str, compute: Any) -> None:
    """Have ``module.name`` set to ``compute(module)`` now and before each forward."""
    handle = module.register_forward_pre_hook(lambda module, args: setattr(module, name, compute(module)))
    module.__dict__.setdefault("_reparametrized", {})[f"{name}_v"] = handle
    setattr(module, name, compute(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Split a weight into its length ``name_g`` and direction ``name_v``: w = g · v / ‖v‖, the norm of each slice.

    Args:
        module: changed in place. dim: along which the slices are; None for one norm of the whole.

    Returns:
        ``module``.

    Source: Salimans and Kingma 2016, "Weight normalization", eq. 2.
    """
    weight = getattr(module, name)

    def length(v: Tensor) -> Tensor:
        if dim is None:
            return v.norm()
        shape = [n if i == dim % v.ndim else 1 for i, n in enumerate(v.shape)]
        return _rows(v, dim).norm(2, 1).reshape(shape)

    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(length(weight).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))

    def compute(module: Any) -> Tensor:
        v = getattr(module, f"{name}_v")
        return v * (getattr(module, f"{name}_g") / length(v))

    _compute_at_call(module, name, compute)
    return module


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide a weight by its largest singular value, estimated by power iteration while training.

    The parameter becomes ``name_orig``; ``name_u`` and ``name_v`` are buffers.

    Args:
        module: changed in place. dim: of the outputs; 1 for transposed convolutions, else 0.

    Returns:
        ``module``.

    Source: Miyato et al. 2018, "Spectral normalization for generative adversarial networks", algorithm 1.
    """
    weight = getattr(module, name)
    axis = (1 if type(module).__name__.startswith("ConvTranspose") else 0) if dim is None else dim
    matrix = _rows(weight.detach(), axis)
    unit = lambda x: x / ops.clamp(x.norm(), min=eps)
    del module._parameters[name]
    module.register_parameter(f"{name}_orig", Parameter(weight.detach()))
    for end, size in zip("uv", matrix.shape, strict=True):
        module.register_buffer(f"{name}_{end}", unit(ops.randn(size, dtype=weight.dtype)))

    def compute(module: Any) -> Tensor:
        original, u, v = (getattr(module, f"{name}_{end}") for end in ("orig", "u", "v"))
        w = _rows(original, axis)
        if module.training:
            with no_grad():
                for _ in range(n_power_iterations):
                    v.copy_(unit(w.t() @ u))
                    u.copy_(unit(w @ v))
            u, v = u.clone(), v.clone()  # the next call writes to them
        return original / (u @ (w @ v))

    setattr(module, name, weight.detach())
    handle = module.register_forward_pre_hook(lambda module, args: setattr(module, name, compute(module)))
    module.__dict__.setdefault("_reparametrized", {})[f"{name}_orig"] = handle
    return module


def _remove(module: Any, name: str, kind: str, parameter: str) -> Any:
    handle = module.__dict__.get("_reparametrized", {}).pop(parameter, None)
    if handle is None:
        raise ValueError(f"{kind} of '{name}' not found in {module}")
    handle.remove()
    weight = getattr(module, name).detach()
    for store in (module._parameters, module._buffers):
        for key in [key for key in store if key in (parameter, *(f"{name}_{end}" for end in "guv"))]:
            del store[key]
    module.__dict__.pop(name, None)
    module.register_parameter(name, Parameter(weight))
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo :func:`weight_norm`: the weight, as it is, becomes the parameter again."""
    return _remove(module, name, "weight_norm", f"{name}_v")


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo :func:`spectral_norm`: the weight, as it is, becomes the parameter again."""
    return _remove(module, name, "spectral_norm", f"{name}_orig")
