"""Tensors from data, constants, ranges and random numbers. None of these is differentiable; all can be leaves.

Every function takes ``dtype`` (the default float, or int64 for whole numbers, where it is None), ``device`` ("cpu") and
``requires_grad``. https://pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .. import random
from ..autograd.primitive import box, is_tensor, raw
from ..device import check_device
from ..dtypes import OURS, as_numpy, default_float, dtype
from ..random import Generator


def _finish(array: np.ndarray[Any, Any], device: Any, requires_grad: bool) -> Any:
    check_device(device)
    out = box(array)
    return out.requires_grad_() if requires_grad else out


def sizes(args: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as numbers or as one sequence: ``(2, 3)`` for ``zeros(2, 3)`` and for ``zeros((2, 3))``."""
    if len(args) == 1 and not isinstance(args[0], (int, np.integer)) and raw(args[0]) is not None:
        args = tuple(args[0]) if not is_tensor(args[0]) or args[0].dim() else args
    try:
        shape = tuple(n.__index__() for n in args)
    except AttributeError:
        raise TypeError(f"a shape is made of whole numbers, got {args!r}") from None
    return shape


def _shape(args: tuple[Any, ...], name: str) -> tuple[int, ...]:
    shape = sizes(args)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"{name}(): a size cannot be negative, got {shape}")
    return shape


def _first_leaf(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def as_array(data: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """``data`` as a new array: tensors, arrays and NumPy's scalars keep their dtype, Python floats get the default one."""
    if isinstance(data, (list, tuple)):
        leaf = _first_leaf(data)
        if is_tensor(leaf):
            data = _unboxed(data)
    else:
        leaf = data
        data = raw(data)
    try:
        array = np.array(data, order="K")
    except ValueError as error:
        raise ValueError(f"the nested lists are not rectangular: {error}") from None
    if dtype is not None:
        return array.astype(as_numpy(dtype), copy=False)
    if array.dtype.kind == "f" and not (is_tensor(leaf) or isinstance(leaf, (np.generic, np.ndarray))):
        return array.astype(default_float(), copy=False)
    if array.size == 0 and not (is_tensor(leaf) or isinstance(leaf, np.ndarray)):
        return array.astype(default_float())
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype not in OURS:
        raise TypeError(f"a tensor cannot hold {array.dtype} data; it holds {', '.join(str(d.name) for d in OURS.values())}")
    return array


def _unboxed(data: Any) -> Any:
    return [_unboxed(d) for d in data] if isinstance(data, (list, tuple)) else raw(data)


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Any:
    """A new tensor holding a copy of ``data``: a number, nested lists, an array or a tensor.

    Python floats become the default dtype (float32), whole numbers int64, bools bool; arrays keep their dtype.
    Raises ValueError for ragged lists, TypeError for data that is not numbers.

    >>> import tinygrad_fm as torch
    >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    return _finish(as_array(data, dtype), device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """``data`` as a tensor, without a copy if it is a tensor or an array of that dtype already."""
    if is_tensor(data):
        return data.to(dtype) if dtype is not None else data
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == as_numpy(dtype)):
        return from_numpy(data)
    return tensor(data, dtype, device)


asarray = as_tensor


def from_numpy(ndarray: np.ndarray[Any, Any]) -> Any:
    """A tensor that shares ``ndarray``'s memory: a write to one shows in the other, and the tape cannot see it.

    Raises TypeError for anything but an array of a dtype that tensors can hold.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy() expects a NumPy array, got {type(ndarray).__name__}")
    as_numpy(ndarray.dtype)
    return box(np.asarray(ndarray))


def _size_by_name(make: Callable[..., Any]) -> Callable[..., Any]:
    """``make(2, 3)``, which may also be called as ``make(size=(2, 3))``."""

    @wraps(make)
    def made(*args: Any, **named: Any) -> Any:
        return make(named.pop("size"), **named) if "size" in named else make(*args, **named)

    return made


def _creator(name: str, make: Callable[[tuple[int, ...], np.dtype[Any]], np.ndarray[Any, Any]], says: str) -> Any:
    def create(
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
        memory_format: Any = None,
    ) -> Any:
        kind = default_float() if dtype is None else as_numpy(dtype)
        return _finish(make(_shape(size, name), kind), device, requires_grad)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"A tensor of the given size {says}: ``{name}(2, 3)`` or ``{name}((2, 3))``."
    return create


zeros = _size_by_name(_creator("zeros", np.zeros, "filled with 0"))
ones = _size_by_name(_creator("ones", np.ones, "filled with 1"))
empty = _size_by_name(_creator("empty", np.zeros, "whose content does not matter (here 0, so that runs can be repeated)"))


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """A tensor of ``size`` filled with ``fill_value``, whose kind of number decides the dtype."""
    value = as_array(fill_value, dtype)
    return _finish(np.full(_shape((size,), "full"), value, value.dtype), device, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """The identity matrix (n, m), with m = n by default. Raises RuntimeError for negative sizes."""
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"eye(): sizes must not be negative, got {n} and {m}")
    return _finish(np.eye(n, m, dtype=default_float() if dtype is None else as_numpy(dtype)), device, requires_grad)


def arange(
    start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """The numbers from ``start`` (0) up to but without ``end``, ``step`` apart; int64 unless one of the three is a float.

    >>> import tinygrad_fm as torch
    >>> torch.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    if end is None:
        start, end = 0, start
    start, end, step = (raw(v).item() if hasattr(raw(v), "item") else v for v in (start, end, step))
    if not math.isfinite(start) or not math.isfinite(end):
        raise RuntimeError(f"arange(): start and end must be finite, got {start} and {end}")
    if step == 0 or (end - start) / step < 0:
        raise RuntimeError(f"arange(): step {step} does not lead from {start} to {end}")
    whole = all(isinstance(v, int) for v in (start, end, step))
    kind = as_numpy(dtype) if dtype is not None else np.dtype(np.int64) if whole else default_float()
    if kind == np.int64:
        start, end, step = int(start), int(end), int(step)  # int64 counts in whole steps, the smaller types only start so
    count = math.ceil((end - start) / step)
    if kind.kind != "f":
        start, step = int(start), int(step)
    return _finish((start + step * np.arange(count)).astype(kind), device, requires_grad)


def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """``steps`` numbers from ``start`` to ``end``, both included, equally far apart."""
    kind = default_float() if dtype is None else as_numpy(dtype)
    if steps < 0:
        raise RuntimeError(f"linspace(): the number of steps cannot be negative, got {steps}")
    if kind.kind != "f":
        start, end = int(start), int(end)  # whole numbers run between whole ends
    return _finish(np.linspace(float(start), float(end), steps).astype(kind), device, requires_grad)


def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """``base`` to the powers :func:`linspace` gives."""
    if steps < 0:
        raise RuntimeError(f"logspace(): the number of steps cannot be negative, got {steps}")
    kind = default_float() if dtype is None else as_numpy(dtype)
    if kind.kind != "f":
        start, end = int(start), int(end)  # whole numbers are wanted: the powers to start and end with are whole too
    return _finish(np.logspace(float(start), float(end), steps, base=base).astype(kind), device, requires_grad)


def _like(create: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(create)
    def like(input: Any, *args: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any) -> Any:
        array = raw(input)
        more.pop("memory_format", None)
        made = raw(create(array.shape, *args, dtype=OURS[array.dtype] if dtype is None else dtype, **more))
        out = np.empty_like(array, dtype=made.dtype)  # in the memory order of the input
        out[...] = made
        return _finish(out, device, requires_grad)

    like.__name__ = like.__qualname__ = f"{create.__name__}_like"
    like.__doc__ = f"``{create.__name__}`` with the shape, memory order and (unless given) dtype of ``input``."
    return like


zeros_like, ones_like, empty_like, full_like = _like(zeros), _like(ones), _like(empty), _like(full)


# -- random ------------------------------------------------------------------------------------------------------------


def _draw(size: tuple[Any, ...], name: str, draw: Callable[..., np.ndarray[Any, Any]], dtype: Any) -> np.ndarray[Any, Any]:
    kind = default_float() if dtype is None else as_numpy(dtype)
    if kind.kind != "f":
        raise RuntimeError(f"{name}(): needs a floating-point dtype, got {kind}")
    drawn = draw(_shape(size, name), dtype=kind if kind != np.float16 else np.dtype(np.float32))
    return np.asarray(drawn, kind)


@_size_by_name
def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Numbers drawn evenly from [0, 1)."""
    return _finish(_draw(size, "rand", random.bits(generator).random, dtype), device, requires_grad)


@_size_by_name
def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Numbers drawn from the normal distribution with mean 0 and variance 1."""
    return _finish(_draw(size, "randn", random.bits(generator).standard_normal, dtype), device, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Whole numbers drawn evenly from ``low`` (0) up to but without ``high``: ``randint(10, (2, 3))``."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if not low < high:
        raise RuntimeError(f"randint(): low must be below high, got {low} and {high}")
    drawn = random.bits(generator).integers(low, high, _shape((size,), "randint"))
    return _finish(drawn.astype(np.int64 if dtype is None else as_numpy(dtype)), device, requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Any:
    """The numbers 0 … n−1 in random order."""
    drawn = random.bits(generator).permutation(n)
    return _finish(drawn.astype(np.int64 if dtype is None else as_numpy(dtype)), device, False)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
) -> Any:
    """Numbers drawn from normal distributions with the given means and standard deviations, which broadcast.

    Raises RuntimeError for a negative standard deviation.
    """
    means, stds = raw(mean), raw(std)
    if np.any(np.less(stds, 0)):
        raise RuntimeError("normal(): the standard deviation must not be negative")
    shape = np.broadcast_shapes(np.shape(means), np.shape(stds)) if size is None else _shape((size,), "normal")
    kinds = [OURS[v.dtype] for v in (means, stds) if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
    drawn = raw(randn(shape, generator=generator, dtype=dtype or (kinds[0] if kinds else None)))
    return _finish(np.asarray(drawn * stds + means, drawn.dtype), device, requires_grad)


def bernoulli(input: Any, *, generator: Generator | None = None) -> Any:
    """1 with the probability that each element of ``input`` gives, else 0."""
    chance = raw(input)
    return box((random.bits(generator).random(chance.shape) < chance).astype(chance.dtype))


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Any:
    """Indices drawn with probabilities proportional to ``input``, (K,) or (N, K); returns int64 (num_samples,) or (N, …).

    Raises RuntimeError for negative or all-zero weights, or more samples without replacement than there are positive ones.
    """
    if raw(input).dtype.kind != "f":
        raise RuntimeError(f"multinomial(): the weights must be floating-point, got {raw(input).dtype}")
    if raw(input).ndim not in (1, 2):
        raise RuntimeError(f"multinomial(): input must have 1 or 2 dimensions, got shape {raw(input).shape}")
    if num_samples <= 0:
        raise RuntimeError(f"multinomial(): num_samples must be positive, got {num_samples}")
    weights = np.asarray(raw(input), np.float64)
    rows = np.atleast_2d(weights)
    if not np.isfinite(rows).all() or (rows < 0).any() or (rows.sum(1) <= 0).any():
        raise RuntimeError("multinomial(): weights must be finite, not negative, and not all 0")
    if not replacement and ((rows > 0).sum(1) < num_samples).any():
        raise RuntimeError(f"multinomial(): fewer than {num_samples} positive weights to draw from without replacement")
    source = random.bits(generator)
    drawn = np.stack([source.choice(len(w), num_samples, replacement, w / w.sum()) for w in rows])
    return box(drawn[0] if weights.ndim == 1 else drawn)


rand_like, randn_like = _like(rand), _like(randn)


def randint_like(
    input: Any,
    low: int,
    high: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """:func:`randint` with the shape and (unless given) dtype of ``input``."""
    bounds = (0, low) if high is None else (low, high)
    kind = OURS[raw(input).dtype] if dtype is None else dtype
    return randint(*bounds, raw(input).shape, dtype=kind, device=device, requires_grad=requires_grad)


__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "bernoulli",
    "dtype",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "multinomial",
    "normal",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "tensor",
    "zeros",
    "zeros_like",
]
