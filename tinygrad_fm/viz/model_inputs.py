"""What a model is run on, to be drawn or summed up: tensors, or the sizes of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd.box import is_tensor
from ..nn import Embedding, Module
from ..ops.functions import from_numpy

__all__ = ["is_size", "is_sizes", "of_size", "read_inputs"]


def is_size(value: Any) -> bool:
    """Whether ``value`` is the shape of one input: ``(64, 1, 28, 28)``."""
    return isinstance(value, (tuple, list)) and len(value) > 0 and all(type(n) is int and n >= 0 for n in value)


def is_sizes(value: Any) -> bool:
    """Whether ``value`` is a list of shapes, one for each input."""
    return isinstance(value, (tuple, list)) and len(value) > 0 and all(map(is_size, value))


def of_size(model: Module, size: Sequence[int], dtype: Any = None) -> Any:
    """An input of that shape: random numbers in the dtype of the weights; int64 zeros if the model begins with an embedding."""
    if dtype is None:
        first = next((m for m in model.modules() if any(True for _ in m.parameters(recurse=False))), None)
        weights = (p.numpy(force=True).dtype for p in model.parameters())
        dtype = np.dtype(np.int64) if isinstance(first, Embedding) else next(weights, np.dtype(np.float32))
    if dtype.kind != "f":
        return from_numpy(np.zeros(tuple(size), dtype))
    return from_numpy(np.random.default_rng(0).standard_normal(tuple(size)).astype(dtype))


def read_inputs(model: Module, given: Any, caller: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments for ``model``.

    Args:
        given: one argument, a tuple or list of them, or a dict of keyword arguments; a shape stands for a tensor.
        caller: the public function, for messages.

    Raises TypeError if something in it is neither a tensor nor a shape.
    """
    if is_size(given):
        return (of_size(model, given),), {}
    if isinstance(given, Mapping):
        return (), {name: of_size(model, value) if is_size(value) else value for name, value in given.items()}
    several = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    args = tuple(of_size(model, a) if is_size(a) else from_numpy(a) if isinstance(a, np.ndarray) else a for a in several)
    if not any(is_tensor(a) or isinstance(a, (Mapping, tuple, list)) for a in args):
        kinds = ", ".join(type(a).__name__ for a in args) or "nothing"
        raise TypeError(
            f"{caller}(): a model runs on tensors or on their shapes, such as (64, 1, 28, 28) with the batch, got {kinds}"
        )
    return args, {}
