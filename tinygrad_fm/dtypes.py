"""Data types: PyTorch's names for NumPy's types, and PyTorch's rules for what comes of mixing two of them.

NumPy's rules differ in two places that matter here. NumPy widens float32 × int64 to float64; PyTorch keeps float32, because
the *category* (bool < integer < float) decides first. And in PyTorch a 0-d tensor or a Python number never widens a tensor
of its own category: float32 (3,) × float64 () is float32. https://pytorch.org/docs/stable/tensor_attributes.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class dtype:  # PyTorch's name for the class
    """The type of a tensor's elements, one object each (``tinygrad_fm.float32``, …); compare with ``is`` or ``==``.

    Prints as ``torch.float32``, which is what one types after ``import tinygrad_fm as torch``.

    >>> import tinygrad_fm as torch
    >>> torch.tensor([1, 2]).dtype, torch.float16.itemsize, torch.uint8.is_signed
    (torch.int64, 2, False)
    """

    def __init__(self, name: str) -> None:
        self.numpy = np.dtype(name)
        self.name = self.numpy.name
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = self.numpy.kind == "f"
        self.is_complex = False
        self.is_signed = self.numpy.kind in "if"

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __copy__(self) -> dtype:
        return self

    def __deepcopy__(self, memo: Any) -> dtype:
        return self


float16, float32, float64 = dtype("float16"), dtype("float32"), dtype("float64")
uint8, int8, int16, int32, int64 = (dtype(name) for name in ("uint8", "int8", "int16", "int32", "int64"))
bool_ = dtype("bool")

OURS = {t.numpy: t for t in (float16, float32, float64, uint8, int8, int16, int32, int64, bool_)}
PYTHON = {float: float64, int: int64, bool: bool_}  # as names of dtypes; Python numbers become the default float
_OLDER_NAMES = {
    "torch.HalfTensor": "float16",
    "torch.FloatTensor": "float32",
    "torch.DoubleTensor": "float64",
    "torch.ByteTensor": "uint8",
    "torch.CharTensor": "int8",
    "torch.ShortTensor": "int16",
    "torch.IntTensor": "int32",
    "torch.LongTensor": "int64",
    "torch.BoolTensor": "bool",
}
CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}

_default = np.dtype(np.float32)


def get_default_dtype() -> dtype:
    """The type that Python floats become: float32 unless :func:`set_default_dtype` says otherwise.

    >>> import tinygrad_fm as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return OURS[_default]


def set_default_dtype(d: dtype) -> None:
    """Make ``d`` (float32 or float64) the type of tensors built from Python floats and of ``zeros``, ``randn`` and the like.

    Raises TypeError for a type that is not floating point.

    >>> import tinygrad_fm as torch
    >>> torch.set_default_dtype(torch.float32)
    >>> torch.tensor([1.0]).dtype
    torch.float32
    """
    global _default  # noqa: PLW0603  # PyTorch's API: one setting for the process
    if not as_numpy(d).kind == "f":
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _default = as_numpy(d)


def default_float() -> np.dtype[Any]:
    """The default dtype as NumPy's object."""
    return _default


def as_numpy(d: Any) -> np.dtype[Any]:
    """NumPy's dtype for whatever names one: ours, Python's ``float``/``int``/``bool``, or NumPy's own.

    Raises TypeError for a type that tensors cannot hold (complex, strings, objects …).
    """
    if isinstance(d, dtype):
        return d.numpy
    if isinstance(d, str):
        d = _OLDER_NAMES.get(d, d)
    elif isinstance(d, type) and isinstance(getattr(d, "dtype", None), dtype):
        return d.dtype.numpy  # type: ignore[attr-defined]  # FloatTensor and its like
    try:
        found = PYTHON[d].numpy if d in PYTHON else np.dtype(d)
    except TypeError:
        found = None
    if found not in OURS:
        raise TypeError(f"expected a dtype such as float32, float64, int64 or bool, got {d!r}")
    return found


def _bounds(dtype: np.dtype[Any], of_floats: bool) -> tuple[float, float]:
    """The smallest and the largest number that a tensor of ``dtype`` takes; an unsigned one wraps negative integers around."""
    if dtype.kind == "f":
        most = float(np.finfo(dtype).max)
        return -most, most
    info = np.iinfo(dtype)
    return -int(info.max) if dtype.kind == "u" and not of_floats else int(info.min), int(info.max)


def as_stored(op: str, value: Any, dtype: np.dtype[Any]) -> Any:
    """A Python number as an element of ``dtype`` holds it, for the operation ``op``.

    Raises RuntimeError for one that ``dtype`` cannot hold, as PyTorch does: NaN, ∞ and 300 as uint8, 1e39 as float32.
    """
    if dtype.kind == "b":
        return bool(value)
    if dtype.kind == "f" and (math.isinf(value) or math.isnan(value)):
        return float(value)
    low, high = _bounds(dtype, isinstance(value, float))
    if not low <= value <= high:
        raise RuntimeError(
            f"{op}(): value {value} cannot be converted to type {dtype} without overflow; it holds {low} to {high}"
        )
    if dtype.kind == "f":
        return float(value)
    return int(value) if dtype.kind == "i" else int(value) % (int(high) + 1)


def as_written(op: str, value: Any, dtype: np.dtype[Any]) -> Any:
    """As :func:`as_stored`, for operations that take a number as a tensor of one element: too large a half is infinite."""
    if dtype == np.float16:
        with np.errstate(over="ignore"):
            return float(np.float16(value))
    return as_stored(op, value, dtype)


def all_as_stored(op: str, numbers: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """As :func:`as_stored`, of an array that NumPy made of Python numbers; too large a float becomes infinite."""
    if dtype.kind in "iu":
        low, high = _bounds(dtype, numbers.dtype.kind == "f")
        outside = ~((numbers >= low) & (numbers <= high) & (numbers < float(high) + 1))  # the last where high is rounded up
        if outside.any():
            as_stored(op, numbers[outside].tolist()[0], dtype)
        if numbers.dtype.kind in "fO":
            numbers = numbers.astype(np.int64)  # from where it wraps around
    with np.errstate(over="ignore"):
        return numbers.astype(dtype, copy=False)
