"""Parameter and Buffer: the tensors of a module; and the arrays that they start from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd.box import box
from ..devices import check_device
from ..dtypes import as_numpy, default_float
from ..errors import ShapeError
from ..ops.creation import as_array

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A leaf tensor that becomes part of a module when it is assigned to one.

    Args:
        data: a tensor (its array is shared, its history left behind) or anything that makes one; empty if not given.
        requires_grad: whether gradients are collected.

    Example:
        >>> from tinygrad_fm import nn
        >>> class Scale(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.factor = nn.Parameter(2.0)
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> [name for name, _ in Scale().named_parameters()]
        ['factor']
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        self._array = _array_of(data)
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that becomes a buffer when it is assigned to a module: saved with it, but not trained.

    Args:
        data: a tensor (its array is shared, its history left behind) or anything that makes one; empty if not given.
        persistent: whether it belongs to the module's state_dict.

    Example:
        >>> from tinygrad_fm import nn, zeros
        >>> module = nn.Module()
        >>> module.mean = nn.Buffer(zeros(2))
        >>> list(module.state_dict())
        ['mean']
    """

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        self._array = _array_of(data)
        self.persistent = persistent
        if isinstance(data, Tensor) and data.requires_grad:
            self.requires_grad_()


def _array_of(data: Any) -> np.ndarray[Any, Any]:
    if data is None:
        return np.empty(0, default_float())
    return data._array if isinstance(data, Tensor) else as_array(data)


def empty(shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> Tensor:
    """A tensor of ``shape`` whose values are still to be set, in a floating-point ``dtype`` or the default one."""
    if any(n < 0 for n in shape):
        raise ShapeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    check_device(device)
    return box(np.empty(shape, default_float() if dtype is None else as_numpy(dtype)))


def clear_gradients(params: Iterable[Tensor], set_to_none: bool) -> None:
    """Drop the gradients of ``params``, or fill them with zeros in place."""
    for param in params:
        if param.grad is None:
            continue
        if set_to_none:
            param.grad = None
        else:
            if param.grad.grad_fn is not None:
                param.grad = param.grad.detach()
            param.grad._array.fill(0)
            param.grad._written()
