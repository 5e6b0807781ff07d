"""The larger and the smaller of two, and keeping values within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.primitive import primitive, raw
from .elementwise import pointwise, where

Array = np.ndarray[Any, Any]


def _halves(a: Any, b: Any) -> Array:
    """The part of the gradient of max(a, b) that goes to ``a``: all, none, or half where both are equal."""
    a, b = np.asarray(raw(a)), np.asarray(raw(b))
    share = np.asarray(~np.less(a, b)).astype(a.dtype)
    share[np.equal(a, b)] = 0.5
    return share


def _first(a: Any, b: Any) -> Array:
    """The part of the gradient of fmax(a, b) that goes to ``a``: all where ``a`` is as large or ``b`` is NaN."""
    a, b = np.asarray(raw(a)), np.asarray(raw(b))
    return np.asarray(np.greater_equal(a, b) | np.isnan(b)).astype(a.dtype)


maximum = pointwise(np.maximum, name="maximum", a=lambda g, a, b: g * _halves(a, b), b=lambda g, a, b: g * _halves(b, a))
minimum = pointwise(np.minimum, name="minimum", a=lambda g, a, b: g * _halves(b, a), b=lambda g, a, b: g * _halves(a, b))
fmax = pointwise(np.fmax, name="fmax", a=lambda g, a, b: g * _first(a, b), b=lambda g, a, b: g * (1 - _first(a, b)))
fmin = pointwise(
    np.fmin, name="fmin", a=lambda g, a, b: g * _first(-raw(a), -raw(b)), b=lambda g, a, b: g * (1 - _first(-raw(a), -raw(b)))
)


def _clip(x: Array, low: Any, high: Any) -> Array:
    y = x if low is None else np.maximum(x, low)
    y = y if high is None else np.minimum(y, high)  # where low > high, PyTorch gives high
    return x.copy() if y is x else y


def _inside(x: Any, low: Any, high: Any) -> Any:
    x = raw(x)
    inside = np.ones(x.shape, bool) if low is None else x >= low
    return inside if high is None else inside & (x <= high)


_clamp = primitive(_clip, name="clamp", x=lambda g, x, low, high: where(_inside(x, low, high), g, 0.0))


def _beyond(compare: Any, x: Any, bound: Any) -> Any:
    return np.asarray(compare(raw(x), raw(bound)) | np.isnan(raw(bound)))  # a bound that is NaN shows


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """``input`` with what is below ``min`` set to it, and what is above ``max``; the gradient passes up to and at the bounds.

    Args:
        min, max: numbers or tensors that broadcast with ``input``; at least one.
    """
    if min is None and max is None:
        raise RuntimeError("clamp(): at least one of min and max must be given")
    if not any(hasattr(bound, "shape") for bound in (min, max)):
        if raw(input).dtype.kind == "b" and all(isinstance(bound, (bool, type(None))) for bound in (min, max)):
            raise NotImplementedError("clamp() is not defined for bool tensors; cast them with .long()")
        bounds = [None if b is None else float(b) if raw(input).dtype.kind == "f" else b for b in (min, max)]
        if raw(input).dtype.kind != "f" and any(isinstance(b, float) for b in bounds):
            input = input * 1.0
        return _clamp(input, low=bounds[0], high=bounds[1])
    if min is not None:
        input = where(_beyond(np.less, input, min), min, input)
    return input if max is None else where(_beyond(np.greater, input, max), max, input)


clip = clamp


def clamp_min(input: Any, min: Any) -> Any:
    """``clamp(input, min=min)``."""
    return clamp(input, min=min)


def clamp_max(input: Any, max: Any) -> Any:
    """``clamp(input, max=max)``."""
    return clamp(input, max=max)
