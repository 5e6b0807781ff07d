"""What an operation does about inputs of different dtypes, before its kernel sees them: PyTorch's rules.

Each of these takes the operation (an object with ``name`` and ``input_name(i)``, for messages) and the list of its inputs,
arrays and numbers, which it changes in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

import numpy as np

from .dtypes import CATEGORY, PYTHON, default_float
from .errors import AutogradError, OperandError, ShapeError

_ndarray = np.ndarray

# -- which dtype comes of mixing ---------------------------------------------------------------------------------------


def promote_types(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """The type that holds both, by PyTorch's table: an integer joins a float without widening it."""
    if a is b:
        return a
    if CATEGORY[a.kind] != CATEGORY[b.kind]:
        return a if CATEGORY[a.kind] > CATEGORY[b.kind] else b
    return np.promote_types(a, b)


def can_cast(a: np.dtype[Any], b: np.dtype[Any]) -> bool:
    """Whether ``b`` can hold the kind of number that ``a`` holds (bool < integer < float), whatever their ranges."""
    return CATEGORY[a.kind] <= CATEGORY[b.kind]


def result_type(values: Iterable[Any]) -> np.dtype[Any]:
    """The type of an elementwise operation on ``values``: ndarrays, or Python numbers.

    Arrays with dimensions decide; 0-d arrays only if they are of a higher category than those, Python numbers only if they
    are of a higher category than both (and then as the default float, int64 or bool).
    """
    best: list[np.dtype[Any] | None] = [None, None, None]  # of arrays with dimensions, 0-d arrays, Python numbers
    for value in values:
        if isinstance(value, np.ndarray):
            rank, found = (0 if value.ndim else 1), value.dtype
        else:
            rank, found = 2, default_float() if isinstance(value, float) else PYTHON[type(value)].numpy
        held = best[rank]
        best[rank] = found if held is None else promote_types(held, found)
    result: np.dtype[Any] | None = None
    for found in best:
        if found is not None and (result is None or CATEGORY[found.kind] > CATEGORY[result.kind]):
            result = found
    assert result is not None, "an operation has at least one input"
    return result


# -- what an operation does about it -----------------------------------------------------------------------------------


def plain_inputs(op: Any, arrays: list[Any]) -> None:
    """Refuse what is neither array nor number; NumPy's scalars become Python's, as they must not decide the dtype."""
    for i, value in enumerate(arrays):
        if isinstance(value, np.generic):
            arrays[i] = value.item()
        elif not isinstance(value, (np.ndarray, float, int)):
            raise OperandError(
                f"{op.name}(): argument '{op.input_name(i)}' must be a Tensor or a number, not {type(value).__name__}"
            )


def _agree(arrays: list[Any]) -> np.dtype[Any] | None:
    """The dtype of one or two inputs that need no change: arrays of one dtype, or a float array and a Python float."""
    a = arrays[0]
    if type(a) is not _ndarray:
        return None
    dtype = a.dtype
    if len(arrays) == 1:
        return dtype
    b = arrays[1]
    if len(arrays) == 2 and (b.dtype is dtype if type(b) is _ndarray else type(b) is float and dtype.kind == "f"):
        return dtype
    return None


def promote(op: Any, arrays: list[Any]) -> None:
    """Bring the inputs to their common dtype, by PyTorch's rules. The frequent cases leave at once.

    Raises OperandError for an input that is neither array nor number.

    >>> import numpy as np, tinygrad_fm as torch
    >>> arrays = [np.ones(2, np.float32), np.ones(2, np.int64)]
    >>> torch.autograd.promote(torch.mul.primitive, arrays)
    >>> [array.dtype.name for array in arrays]
    ['float32', 'float32']
    """
    a, b = arrays[0], arrays[-1]
    if type(a) is _ndarray and type(b) is _ndarray and a.dtype is b.dtype and len(arrays) <= 2:  # as _agree, without a call
        return
    if _agree(arrays) is not None:
        return
    plain_inputs(op, arrays)
    common = result_type(arrays)
    for i, value in enumerate(arrays):
        arrays[i] = _cast(value, common)


def promote_numbers(op: Any, arrays: list[Any]) -> None:
    """As :func:`promote`, for operations that bools do not have."""
    promote(op, arrays)
    for value in arrays:
        if type(value) is np.ndarray and value.dtype.kind == "b":
            raise NotImplementedError(f"{op.name}() is not defined for bool tensors; cast them first, as with .long()")


def promote_difference(op: Any, arrays: list[Any]) -> None:
    """As :func:`promote`, for subtraction, which PyTorch refuses wherever a bool takes part."""
    dtype = _agree(arrays)
    if dtype is not None and dtype.kind != "b":
        return
    for value in arrays:
        if isinstance(value, bool) or getattr(value, "dtype", None) == np.bool_:
            raise RuntimeError(f"{op.name}() is not defined for bools; use ~ to invert a mask, ^ to compare two")
    promote(op, arrays)


def promote_float(op: Any, arrays: list[Any]) -> None:
    """As :func:`promote`, but integers and bools become the default float: for division, exp and the like.

    >>> import numpy as np, tinygrad_fm as torch
    >>> arrays = [np.ones(2, np.int64)]
    >>> torch.autograd.promote_float(torch.exp.primitive, arrays)
    >>> arrays[0].dtype.name
    'float32'
    """
    dtype = _agree(arrays)
    if dtype is not None and dtype.kind == "f":
        return
    plain_inputs(op, arrays)
    common = result_type(arrays)
    if common.kind != "f":
        common = default_float()
    for i, value in enumerate(arrays):
        arrays[i] = _cast(value, common)


def _cast(value: Any, to: np.dtype[Any]) -> Any:
    if isinstance(value, np.ndarray):
        return value if value.dtype is to else value.astype(to)
    if to.kind == "f":
        return float(value)  # NumPy's rule for Python numbers keeps the arrays' dtype
    return np.asarray(value).astype(to)  # wraps around, as PyTorch does, where NumPy would raise


def only_floats(op: Any, arrays: list[Any]) -> None:
    """Instead of promotion, for operations that PyTorch does not offer for integers either."""
    for i, value in enumerate(arrays):
        if value is not None and value.dtype.kind != "f":
            raise NotImplementedError(
                f"{op.name}(): argument '{op.input_name(i)}' has dtype {value.dtype}, but must be floating-point; use .float()"
            )


def same_dtype(op: Any, arrays: list[Any]) -> None:
    """Matrix products and the like do not promote: all arrays must have one dtype, as in PyTorch.

    Raises:
        AutogradError: two of them differ in dtype.
        OperandError: one of them is no array.

    >>> import tinygrad_fm as torch
    >>> same_dtype = torch.autograd.same_dtype
    >>> product = torch.autograd.primitive(lambda x, w: x @ w, name="product", inputs="x w", promotion=same_dtype)
    >>> try:
    ...     product(torch.ones(2, 3), torch.ones(3, 2, dtype=torch.float64))
    ... except torch.errors.AutogradError as error:
    ...     print(error)
    product(): all inputs must have the same dtype, but 'x' is float32 and 'w' is float64; convert one with .to(dtype)
    """
    dtype = None
    for i, value in enumerate(arrays):
        if value is None:
            continue
        if type(value) is not np.ndarray:
            raise OperandError(f"{op.name}(): argument '{op.input_name(i)}' must be a Tensor, not {type(value).__name__}")
        if dtype is None:
            dtype = value.dtype
        elif value.dtype is not dtype and value.dtype != dtype:  # an unpickled array's is equal, but another object
            raise AutogradError(
                f"{op.name}(): all inputs must have the same dtype, but '{op.input_name(0)}' is {dtype} "
                f"and '{op.input_name(i)}' is {value.dtype}; convert one with .to(dtype)"
            )


def explained(error: ValueError, op: Any, arrays: list[Any]) -> Exception:
    """What to raise for an ``error`` of the kernel: which shapes do not fit, if that is the reason."""
    shapes = [np.shape(a) for a in arrays]
    if op.broadcasts and not broadcastable(*shapes):
        return ShapeError(f"{op.name}(): shapes {' and '.join(map(str, shapes))} do not broadcast")
    return error


def broadcastable(*shapes: tuple[int, ...]) -> bool:
    """Whether these shapes broadcast, even if to more than an array can hold, which NumPy refuses alike."""
    aligned = zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1)
    return all(len({*sizes} - {1}) < 2 for sizes in aligned)
