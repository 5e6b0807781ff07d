"""Parameter: a tensor that a module trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import default_float
from ..ops.create import as_array
from ..tensor import Tensor


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
        if data is None:
            self._array = np.empty(0, default_float())
        else:
            self._array = data._array if isinstance(data, Tensor) else as_array(data)
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
