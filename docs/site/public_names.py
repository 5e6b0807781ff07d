"""The public names, module by module."""

from __future__ import annotations

import importlib
import types
from typing import Any

import tinygrad_fm
from tinygrad_fm.ops import functions


def names_of(module: Any) -> list[str]:
    """What a module offers: its ``__all__``, or the operations, functions and classes in it, without modules."""
    offered = getattr(module, "__all__", None)
    if offered is None:
        made = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        offered = {*made, *(name for name in vars(functions) if getattr(module, name, None) is vars(functions)[name])}
    return sorted(
        name for name in offered if not name.startswith("_") and not isinstance(getattr(module, name), types.ModuleType)
    )


def top_level() -> list[str]:
    """The functions, classes and values directly in ``torch``."""
    names = vars(tinygrad_fm).items()
    return sorted(name for name, value in names if not name.startswith("_") and not isinstance(value, types.ModuleType))


def methods() -> list[str]:
    """The methods and attributes of tensors."""
    tensor = tinygrad_fm.ones(1, 1)
    return sorted(name for name in dir(tensor) if not name.startswith("_") and hasattr(tensor, name))


# each module with a page of its own, and what PyTorch's is called; None where it has none
MODULES = {
    "": "torch",
    "nn": "torch.nn",
    "nn.functional": "torch.nn.functional",
    "nn.init": "torch.nn.init",
    "nn.utils": "torch.nn.utils",
    "nn.utils.rnn": "torch.nn.utils.rnn",
    "nn.parallel": "torch.nn.parallel",
    "optim": "torch.optim",
    "optim.lr_scheduler": "torch.optim.lr_scheduler",
    "optim.swa_utils": "torch.optim.swa_utils",
    "utils.data": "torch.utils.data",
    "utils.checkpoint": "torch.utils.checkpoint",
    "vision.transforms": "torchvision.transforms",
    "vision.transforms.functional": "torchvision.transforms.functional",
    "vision.datasets": "torchvision.datasets",
    "autograd": "torch.autograd",
    "autograd.functional": "torch.autograd.functional",
    "autograd.forward_ad": "torch.autograd.forward_ad",
    "autograd.graph": "torch.autograd.graph",
    "func": "torch.func",
    "linalg": "torch.linalg",
    "special": "torch.special",
    "distributions": "torch.distributions",
    "viz": None,
    "profiler": "torch.profiler",
    "training": None,
    "onnx": "torch.onnx",
    "safetensors": "safetensors.torch",
    "distributed": "torch.distributed",
    "runtime": None,
    "amp": "torch.amp",
    "cuda": "torch.cuda",
    "errors": None,
}


def module(dotted: str) -> Any:
    """The module of that name within the package, the package itself for no name."""
    found = importlib.import_module("tinygrad_fm")
    for part in filter(None, dotted.split(".")):
        found = getattr(found, part) if hasattr(found, part) else importlib.import_module(f"{found.__name__}.{part}")
    return found


def offered(dotted: str) -> list[str]:
    """The names that a module's page has."""
    if not dotted:
        return top_level()
    if dotted == "training":
        return sorted(name for name, value in vars(module(dotted)).items() if not name.startswith("_") and callable(value))
    return names_of(module(dotted))
