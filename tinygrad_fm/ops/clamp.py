"""Values held between bounds, which are numbers or tensors. https://pytorch.org/docs/stable/generated/torch.clamp.html"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import Primitive, primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_stored
from ..promotion import promote
from .elementwise import cast, pointwise, quiet, where

__all__ = ["clamp", "clamp_max", "clamp_min", "clip"]

Array = np.ndarray[Any, Any]


def _clip(x: Array, low: Any, high: Any) -> Array:
    y = x if low is None else np.maximum(x, low)
    y = y if high is None else np.minimum(y, high)  # where low > high, PyTorch gives high
    return x.copy() if y is x else y


def _inside(x: Any, low: Any, high: Any) -> Any:
    x = raw(x)
    inside = np.ones(x.shape, bool) if low is None else x >= low
    return inside if high is None else inside & (x <= high)


_clamp = primitive(_clip, name="clamp", x=lambda g, x, low, high: where(_inside(x, low, high), g, 0.0))


def _promote_bounds(op: Primitive, arrays: list[Any]) -> None:
    """As :func:`promote`, without the bound that is missing."""
    given = [i for i, value in enumerate(arrays) if value is not None]
    values = [arrays[i] for i in given]
    promote(op, values)
    for i, value in zip(given, values, strict=True):
        arrays[i] = value


def _at_low(x: Any, low: Any, high: Any) -> Any:
    x, low, high = raw(x), raw(low), raw(high)
    return x < low if high is None else (x < low) & (low < high)


def _at_high(x: Any, low: Any, high: Any) -> Any:
    x, low, high = raw(x), raw(low), raw(high)
    return x > high if low is None else (x > high) | (low > high)


_clamp_between = pointwise(
    quiet(_clip),
    name="clamp",
    promotion=_promote_bounds,
    x=lambda g, x, low, high: where(_inside(x, raw(low), raw(high)), g, 0.0),
    low=lambda g, x, low, high: where(_at_low(x, low, high), g, 0.0),
    high=lambda g, x, low, high: where(_at_high(x, low, high), g, 0.0),
)


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """``input`` with what is below ``min`` set to it, and what is above ``max``; the gradient passes up to and at the bounds.

    Args:
        min, max: numbers or tensors that broadcast with ``input``; at least one.

    Raises:
        RuntimeError: neither bound is given.
        NotImplementedError: bools.

    >>> import tinygrad_fm as torch
    >>> torch.clamp(torch.tensor([-2.0, 0.5, 3.0]), min=0, max=1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("clamp(): at least one of min and max must be given")
    if not any(hasattr(bound, "shape") for bound in (min, max)):
        if raw(input).dtype.kind == "b" and all(isinstance(bound, (bool, type(None))) for bound in (min, max)):
            raise NotImplementedError("clamp() is not defined for bool tensors; cast them with .long()")
        bounds = [None if b is None else float(b) if raw(input).dtype.kind == "f" else b for b in (min, max)]
        if raw(input).dtype.kind != "f" and any(isinstance(b, float) for b in bounds):
            input = input * 1.0
        if raw(input).dtype.kind == "b":
            input = cast(input, dtype=np.dtype(np.int64))
        bounds = [None if b is None else as_stored("clamp", b, raw(input).dtype) for b in bounds]
        return _clamp(input, low=bounds[0], high=bounds[1])
    return _clamp_between(input, min, max)


clip = clamp


def clamp_min(input: Any, min: Any) -> Tensor:
    """``clamp(input, min=min)``.

    >>> import tinygrad_fm as torch
    >>> torch.clamp_min(torch.tensor([1.0, 3.0]), 2)
    tensor([2., 3.])
    """
    return clamp(input, min=min)


def clamp_max(input: Any, max: Any) -> Tensor:
    """``clamp(input, max=max)``.

    >>> import tinygrad_fm as torch
    >>> torch.clamp_max(torch.tensor([1.0, 3.0]), 2)
    tensor([1., 2.])
    """
    return clamp(input, max=max)
