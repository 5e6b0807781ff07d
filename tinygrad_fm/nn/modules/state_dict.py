"""Where a module tree keeps what is saved, and copying a state_dict into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...autograd.primitive import box
from ...tensor import Tensor
from ..parameter import Parameter

if TYPE_CHECKING:
    from .module import Module


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict(strict=False)`` did not find, and what it did not need."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not (self.missing_keys or self.unexpected_keys):
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def places(module: Module, prefix: str) -> Iterator[tuple[str, tuple[dict[str, Any], str]]]:
    """Everything that is saved: (path, (the dict that holds it, its key)); what is shared, under each of its paths."""
    for path, part in module.named_modules(remove_duplicate=False):
        start = f"{prefix}{path}." if path else prefix
        for name, param in part._parameters.items():
            if param is not None:
                yield start + name, (part._parameters, name)
        for name, buffer in part._buffers.items():
            if buffer is not None and name not in part._non_persistent_buffers_set:
                yield start + name, (part._buffers, name)


def load(module: Module, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """``Module.load_state_dict``: all is compared before anything is changed."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    targets = dict(places(module, ""))
    missing = [path for path in targets if path not in state_dict]
    unexpected = [path for path in state_dict if path not in targets]
    problems = []
    if strict and missing:
        problems.append("Missing key(s) in state_dict: " + ", ".join(f'"{path}"' for path in missing) + ". ")
    if strict and unexpected:
        problems.append("Unexpected key(s) in state_dict: " + ", ".join(f'"{path}"' for path in unexpected) + ". ")
    found = []
    for path, (store, name) in targets.items():
        if path not in state_dict:
            continue
        array, shape = _array_of(state_dict[path]), store[name]._array.shape
        if array is None:
            problems.append(
                f'While copying the parameter named "{path}", expected a tensor or an array from '
                f"checkpoint but received {type(state_dict[path])}"
            )
        elif array.shape != shape:
            problems.append(
                f"size mismatch for {path}: copying a param with shape {_size(array.shape)} from "
                f"checkpoint, the shape in current model is {_size(shape)}."
            )
        else:
            found.append((store, name, array))
    if problems:
        raise RuntimeError("\n\t".join([f"Error(s) in loading state_dict for {type(module).__name__}:", *problems]))
    for store, name, array in found:
        old = store[name]
        if assign:
            new = box(array.copy())
            store[name] = Parameter(new, old.requires_grad) if isinstance(old, Parameter) else new
        else:
            np.copyto(old._array, array, casting="unsafe")
            old._written()
    return IncompatibleKeys(missing, unexpected)


def _array_of(value: Any) -> np.ndarray | None:
    """The array of whatever has one: our tensors, NumPy's arrays, PyTorch's tensors; None for anything else."""
    if isinstance(value, Tensor):
        return value._array
    if hasattr(value, "detach"):
        value = value.detach()
    return np.asarray(value) if hasattr(value, "__array__") else None


def _size(shape: tuple[int, ...]) -> str:
    return f"torch.Size({list(shape)})"
