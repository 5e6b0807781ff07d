"""Comparisons, tests of each element, and logic on bits and bools. None is differentiable."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..autograd.box import box, is_tensor, raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..autograd.vmap_levels import refuse_value
from .elementwise import pointwise, quiet

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "greater",
    "greater_equal",
    "gt",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "le",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
    "not_equal",
    "signbit",
]


def _compare(kernel: Any, name: str) -> Any:
    return pointwise(kernel, name=name, inputs="input other")


eq, ne = _compare(np.equal, "eq"), _compare(np.not_equal, "ne")

lt, le = _compare(np.less, "lt"), _compare(np.less_equal, "le")

gt, ge = _compare(np.greater, "gt"), _compare(np.greater_equal, "ge")

isnan = primitive(np.isnan, name="isnan", inputs="input")

isinf = primitive(np.isinf, name="isinf", inputs="input")

isfinite = primitive(np.isfinite, name="isfinite", inputs="input")

logical_and = pointwise(np.logical_and, name="logical_and", inputs="input other", promotion=None)

logical_or = pointwise(np.logical_or, name="logical_or", inputs="input other", promotion=None)

logical_xor = pointwise(np.logical_xor, name="logical_xor", inputs="input other", promotion=None)

logical_not = primitive(np.logical_not, name="logical_not", inputs="input")

bitwise_and = pointwise(np.bitwise_and, name="bitwise_and", inputs="input other")

bitwise_or = pointwise(np.bitwise_or, name="bitwise_or", inputs="input other")

bitwise_xor = pointwise(np.bitwise_xor, name="bitwise_xor", inputs="input other")


def _shift(ufunc: Any, name: str) -> Any:
    def kernel(a: Any, b: Any) -> Any:
        kind = np.result_type(a, b)
        if kind.kind not in "iu":
            raise NotImplementedError(f"{name}() is defined for whole numbers only, got {kind}")
        bits = 8 * kind.itemsize
        beyond = np.less(b, 0) | np.greater_equal(b, bits)  # C leaves these undefined; PyTorch shifts all bits out
        out = np.where(a < 0, -1, 0) if ufunc is np.right_shift else 0
        return np.where(beyond, out, ufunc(a, np.where(beyond, 0, b).astype(kind))).astype(kind)

    return pointwise(kernel, name=name, inputs="input other")


bitwise_left_shift = _shift(np.left_shift, "bitwise_left_shift")

bitwise_right_shift = _shift(np.right_shift, "bitwise_right_shift")

bitwise_not = primitive(np.invert, name="bitwise_not", inputs="input")


def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Elementwise ``|input − other| ≤ atol + rtol · |other|``; infinities are close to themselves.

    Raises:
        RuntimeError: ``rtol`` or ``atol`` is negative, or the two have different dtypes.

    >>> import tinygrad_fm as torch
    >>> torch.isclose(torch.tensor([1.0, 2.0]), torch.tensor([1.0 + 1e-7, 2.1]))
    tensor([ True, False])
    """
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose(): rtol and atol must not be negative, got {rtol} and {atol}")
    kinds = {raw(v).dtype for v in (input, other) if hasattr(v, "dtype")}
    if len(kinds) > 1:
        raise RuntimeError(f"isclose(): input and other must have one dtype, got {raw(input).dtype}, {raw(other).dtype}")
    close = _compare(quiet(partial(np.isclose, rtol=rtol, atol=atol, equal_nan=equal_nan)), "isclose")
    return close(input, other)


def _note_read(*tensors: Any) -> None:
    """Python is about to be told something of the values of ``tensors``."""
    for x in tensors:
        if is_tensor(x) and x._mapped:
            refuse_value(x, item=False)


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close, by :func:`isclose`.

    >>> import tinygrad_fm as torch
    >>> torch.allclose(torch.tensor([1.0]), torch.tensor([1.0 + 1e-7]))
    True
    """
    _note_read(input, other)
    return bool(np.all(raw(isclose(input, other, rtol, atol, equal_nan))))


def equal(input: Any, other: Any) -> bool:
    """Whether both have the same shape and the same elements.

    >>> import tinygrad_fm as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    _note_read(input, other)
    return bool(raw(input).shape == raw(other).shape and np.all(np.equal(raw(input), raw(other))))


def isposinf(input: Any) -> Tensor:
    """Whether each element is +∞.

    >>> import tinygrad_fm as torch
    >>> torch.isposinf(torch.tensor([float("-inf"), float("inf")]))
    tensor([False,  True])
    """
    return box(np.asarray(raw(input) == math.inf))


def isneginf(input: Any) -> Tensor:
    """Whether each element is −∞.

    >>> import tinygrad_fm as torch
    >>> torch.isneginf(torch.tensor([float("-inf"), float("inf")]))
    tensor([ True, False])
    """
    return box(np.asarray(raw(input) == -math.inf))


def isreal(input: Any) -> Tensor:
    """True for each element: there are no complex numbers here.

    >>> import tinygrad_fm as torch
    >>> torch.isreal(torch.tensor([1, 2]))
    tensor([True, True])
    """
    return box(np.ones(raw(input).shape, bool))


def signbit(input: Any) -> Tensor:
    """Whether the sign is minus, also that of −0.

    >>> import tinygrad_fm as torch
    >>> torch.signbit(torch.tensor([-1.0, 0.0]))
    tensor([ True, False])
    """
    return box(np.signbit(raw(input)) if raw(input).dtype.kind == "f" else raw(input) < 0)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """For each element whether it is among ``test_elements`` (with ``invert``, whether it is not).

    >>> import tinygrad_fm as torch
    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2, 4]))
    tensor([False,  True, False])
    """
    return box(np.isin(raw(elements), raw(test_elements), assume_unique, invert))


# -- PyTorch's second names ---------------------------------------------------------------------------------------------

greater = gt
greater_equal = ge
less = lt
less_equal = le
not_equal = ne
