"""Whether any or all elements are true, and how many are not zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.primitive import primitive
from .dims import some_dims
from .reduce import Array, Dims, accepts_axis, sum


def _quantifier(ufunc: Any, name: str, doc: str) -> Any:
    def kernel(x: Array, dim: Dims | None, keepdim: bool) -> Any:
        found = np.asarray(ufunc.reduce(x, dim, bool, None, keepdim))
        return found.astype(np.uint8) if x.dtype == np.uint8 else found  # as PyTorch

    op = primitive(kernel, name=name, inputs="x", promotion=None)

    def public(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        dims = None if dim is None else some_dims(name, dim, len(input.shape))
        return op(input, dim=dims if input.shape else None, keepdim=keepdim)

    public.__name__ = public.__qualname__ = name
    public.__doc__ = doc
    return accepts_axis(public)


any = _quantifier(np.logical_or, "any", "Whether an element over ``dim`` is true (not 0). NaN counts as true.")
all = _quantifier(np.logical_and, "all", "Whether all elements over ``dim`` are true (not 0). NaN counts as true.")


@accepts_axis
def count_nonzero(input: Any, dim: Any = None) -> Any:
    """How many elements over ``dim`` are not 0, as int64."""
    return sum(input != 0, dim)
