"""Tensors from data, constants, ranges and grids. None of these is differentiable; all can be leaves.

Every function takes ``dtype`` (the default float, or int64 for whole numbers, where it is None), ``device`` ("cpu") and
``requires_grad``. https://pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .._pytree import tree_map
from ..autograd.box import box, is_tensor, raw
from ..autograd.tensor_type import Tensor
from ..devices import check_device
from ..dtypes import OURS, all_as_stored, as_numpy, as_stored, default_float
from ._arguments import int64, several
from .join_split import stack
from .shape import broadcast_to

__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "broadcast_shapes",
    "cartesian_prod",
    "combinations",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "ones_like",
    "scalar_tensor",
    "tensor",
    "zeros",
    "zeros_like",
]


def finish(array: np.ndarray[Any, Any], device: Any, requires_grad: bool) -> Any:
    check_device(device)
    out = box(array)
    return out.requires_grad_() if requires_grad else out


def marked_as(like: Any, made: Any) -> Any:
    """``made`` as one of vmap's samples, if ``like`` is: it may be written to as that."""
    made._mapped = getattr(like, "_mapped", 0)
    return made


def shape_from(args: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as numbers or as one sequence: ``(2, 3)`` for ``zeros(2, 3)`` and for ``zeros((2, 3))``."""
    if len(args) == 1 and not isinstance(args[0], (int, np.integer)) and raw(args[0]) is not None:
        args = tuple(args[0]) if not is_tensor(args[0]) or args[0].dim() else args
    try:
        shape = tuple(n.__index__() for n in args)
    except AttributeError:
        raise TypeError(f"a shape is made of whole numbers, got {args!r}") from None
    return shape


def checked_shape(args: tuple[Any, ...], name: str) -> tuple[int, ...]:
    shape = shape_from(args)
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
            data = tree_map(raw, data)
    else:
        leaf = data
        data = raw(data)
    try:
        array = np.array(data, order="K")
    except ValueError as error:
        raise ValueError(f"the nested lists are not rectangular: {error}") from None
    if dtype is not None:
        of_numbers = not (is_tensor(leaf) or isinstance(leaf, np.ndarray))
        kind = as_numpy(dtype)
        return all_as_stored("tensor", array, kind) if of_numbers else array.astype(kind, copy=False)
    if array.dtype.kind == "f" and not (is_tensor(leaf) or isinstance(leaf, (np.generic, np.ndarray))):
        return array.astype(default_float(), copy=False)
    if array.size == 0 and not (is_tensor(leaf) or isinstance(leaf, np.ndarray)):
        return array.astype(default_float())
    if array.dtype.kind == "i" and not (is_tensor(leaf) or isinstance(leaf, (np.generic, np.ndarray))):
        return int64(array)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype not in OURS:
        raise TypeError(f"a tensor cannot hold {array.dtype} data; it holds {', '.join(str(d.name) for d in OURS.values())}")
    return array


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A new tensor holding a copy of ``data``: a number, nested lists, an array or a tensor.

    Python floats become the default dtype (float32), whole numbers int64, bools bool; arrays keep their dtype.
    Raises ValueError for ragged lists, TypeError for data that is not numbers.

    >>> import tinygrad_fm as torch
    >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    return finish(as_array(data, dtype), device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, without a copy if it is a tensor or an array of that dtype already.

    >>> import tinygrad_fm as torch
    >>> torch.as_tensor([1.0, 2.0])
    tensor([1., 2.])
    """
    if is_tensor(data):
        return data.to(dtype) if dtype is not None else data
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == as_numpy(dtype)):
        return from_numpy(data)
    return tensor(data, dtype, device)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None
) -> Tensor:
    """``obj`` (a tensor, an array, or data for :func:`tensor`) as a tensor.

    Args:
        copy: True for a copy in any case, False for an error where sharing the memory is not possible, None for a copy then.
        requires_grad: whether the result asks for a gradient of its own; False gives a tensor that is not on the tape, None
            leaves it as it is.

    Raises:
        ValueError: ``copy`` is False, and the memory cannot be shared.

    >>> import tinygrad_fm as torch
    >>> torch.asarray([1, 2], dtype=torch.float32)
    tensor([1., 2.])
    """
    found = as_tensor(obj, dtype, device)
    shared = is_tensor(obj) or isinstance(obj, np.ndarray)
    same = (shared and np.shares_memory(raw(found), raw(obj))) or (shared and not raw(obj).size)
    if copy is False and not same:
        raise ValueError("asarray(): the data cannot be shared, it has to be copied; leave out copy=False")
    if copy and same:
        found = found.clone()
    if requires_grad:
        return (found.detach() if found.requires_grad or is_tensor(obj) else found).requires_grad_()
    return found.detach() if requires_grad is False and found.requires_grad else found


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A vector that shares the memory of ``buffer`` (bytearray, memoryview, mmap …), from the byte ``offset`` on.

    Args:
        count: how many elements; −1 for all.

    Raises ValueError if the buffer is empty, too short, or not a whole number of elements long.

    >>> import tinygrad_fm as torch
    >>> torch.frombuffer(bytearray([1, 2]), dtype=torch.uint8)
    tensor([1, 2], dtype=torch.uint8)
    """
    kind, length = as_numpy(dtype), memoryview(buffer).nbytes
    if length == 0 or count == 0:
        raise ValueError(f"frombuffer(): both the buffer and count must not be empty, got {length} bytes and count={count}")
    if not 0 <= offset < length:
        raise ValueError(f"frombuffer(): offset must be from 0 to {length - 1}, the buffer's last byte, got {offset}")
    if count < 0 and (length - offset) % kind.itemsize:
        raise ValueError(f"frombuffer(): {length - offset} bytes are not a whole number of {kind} elements")
    if count > 0 and offset + count * kind.itemsize > length:
        raise ValueError(
            f"frombuffer(): {count} elements of {kind} from byte {offset} on go beyond the buffer's {length} bytes"
        )
    return finish(np.frombuffer(buffer, kind, count, offset), device, requires_grad)


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None) -> Tensor:
    """A 0-d tensor of the default float dtype, unless another is given.

    >>> import tinygrad_fm as torch
    >>> torch.scalar_tensor(3)
    tensor(3.)
    """
    return tensor(s, default_float() if dtype is None else dtype, device, requires_grad)


def broadcast_shapes(*shapes: Any) -> Tensor:
    """The shape that tensors of the given shapes broadcast to; an int is a shape of one dimension.

    Raises:
        RuntimeError: the shapes do not broadcast.

    >>> import tinygrad_fm as torch
    >>> torch.broadcast_shapes((3, 1), (2,))
    torch.Size([3, 2])
    """
    try:
        found = np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(f"broadcast_shapes(): shapes {', '.join(map(str, shapes))} do not broadcast") from None
    return box(np.broadcast_to(np.zeros(()), found)).shape


def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares ``ndarray``'s memory: a write to one shows in the other, and the tape cannot see it.

    Raises TypeError for anything but an array of a dtype that tensors can hold.

    >>> import tinygrad_fm as torch
    >>> import numpy as np
    >>> a = np.zeros(2)
    >>> x = torch.from_numpy(a)
    >>> x[0] = 5.0
    >>> a
    array([5., 0.])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy() expects a NumPy array, got {type(ndarray).__name__}")
    as_numpy(ndarray.dtype)
    return box(np.asarray(ndarray))


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array that offers DLPack, of PyTorch's or JAX's on the CPU.

    Args:
        copy: whether the memory is copied; None shares it where the other library allows.

    Raises TypeError for anything without ``__dlpack__``, BufferError for memory that is elsewhere than on the CPU.

    >>> import numpy as np, tinygrad_fm as torch
    >>> torch.from_dlpack(np.ones(2))
    tensor([1., 1.], dtype=torch.float64)
    """
    check_device(device)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack(): expected an array that has __dlpack__, got {type(ext_tensor).__name__}")
    found = from_numpy(np.from_dlpack(ext_tensor))
    return found.clone() if copy else found


def size_by_name(make: Callable[..., Any]) -> Callable[..., Tensor]:
    """``make(2, 3)``, which may also be called as ``make(size=(2, 3))``."""

    @wraps(make)
    def made(*args: Any, **named: Any) -> Any:
        return make(named.pop("size"), **named) if "size" in named else make(*args, **named)

    return made


def size_by_name_of_method(make: Callable[..., Any]) -> Callable[..., Any]:
    """:func:`size_by_name` for a method."""

    @wraps(make)
    def made(self: Any, *args: Any, **named: Any) -> Any:
        size = (named.pop("size"),) if "size" in named else args
        return marked_as(self, make(self, *size, **named))

    return made


def _creator(
    name: str, make: Callable[[tuple[int, ...], np.dtype[Any]], np.ndarray[Any, Any]], says: str
) -> Callable[..., Tensor]:
    def create(
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        kind = default_float() if dtype is None else as_numpy(dtype)
        return finish(make(checked_shape(size, name), kind), device, requires_grad)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"A tensor of the given size {says}: ``{name}(2, 3)`` or ``{name}((2, 3))``."
    return create


zeros = size_by_name(_creator("zeros", np.zeros, "filled with 0"))

ones = size_by_name(_creator("ones", np.ones, "filled with 1"))

empty = size_by_name(_creator("empty", np.zeros, "whose content does not matter (here 0, so that runs can be repeated)"))


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ``size`` filled with ``fill_value``, whose kind of number decides the dtype.

    >>> import tinygrad_fm as torch
    >>> torch.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])
    """
    if dtype is not None:
        number = fill_value if isinstance(fill_value, (int, float)) else raw(fill_value).item()
        fill_value = as_stored("full", number, as_numpy(dtype))
    value = as_array(fill_value, dtype)
    return finish(np.full(checked_shape((size,), "full"), value, value.dtype), device, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix (n, m), with m = n by default. Raises RuntimeError for negative sizes.

    >>> import tinygrad_fm as torch
    >>> torch.eye(2, 3)
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"eye(): sizes must not be negative, got {n} and {m}")
    return finish(np.eye(n, m, dtype=default_float() if dtype is None else as_numpy(dtype)), device, requires_grad)


def arange(
    start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The numbers from ``start`` (0) up to but without ``end``, ``step`` apart; int64 unless one of the three is a float.

    Raises:
        RuntimeError: the bounds are not finite, or ``step`` does not lead from start to end.
        NotImplementedError: dtype bool.

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
    if dtype is not None and as_numpy(dtype).kind == "b":
        raise NotImplementedError("arange(): not implemented for bool; use a number's dtype")
    whole = all(isinstance(v, int) for v in (start, end, step))
    kind = as_numpy(dtype) if dtype is not None else np.dtype(np.int64) if whole else default_float()
    if kind == np.int64:
        start, end, step = int(start), int(end), int(step)  # int64 counts in whole steps, the smaller types only start so
    count = math.ceil((end - start) / step)
    if kind.kind != "f":
        start, step = int(start), int(step)
    return finish((start + step * np.arange(count, dtype=np.int64)).astype(kind), device, requires_grad)


def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included, equally far apart.

    Raises:
        RuntimeError: a negative number of steps, or bounds that are no numbers.
        NotImplementedError: dtype bool.

    >>> import tinygrad_fm as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    kind = default_float() if dtype is None else as_numpy(dtype)
    if steps < 0:
        raise RuntimeError(f"linspace(): the number of steps cannot be negative, got {steps}")
    if kind.kind == "b":
        raise NotImplementedError("linspace(): not implemented for bool; use a number's dtype")
    if np.ndim(raw(start)) or np.ndim(raw(end)):
        raise RuntimeError("linspace(): start and end must be numbers or 0-d tensors")
    ends = (raw(v).item() if hasattr(raw(v), "item") else v for v in (start, end))
    start, end = (as_stored("linspace", v, kind) for v in ends)  # whole numbers run between whole ends
    return finish(np.linspace(float(start), float(end), steps).astype(kind), device, requires_grad)


def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``base`` to the powers :func:`linspace` gives.

    Raises:
        RuntimeError: ``steps`` is negative.
        NotImplementedError: ``dtype`` is bool.

    >>> import tinygrad_fm as torch
    >>> torch.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    if steps < 0:
        raise RuntimeError(f"logspace(): the number of steps cannot be negative, got {steps}")
    kind = default_float() if dtype is None else as_numpy(dtype)
    if kind.kind == "b":
        raise NotImplementedError("logspace(): not implemented for bool; use a number's dtype")
    if kind.kind != "f":
        start, end = int(start), int(end)  # whole numbers are wanted: the powers to start and end with are whole too
    return finish(np.logspace(float(start), float(end), steps, base=base).astype(kind), device, requires_grad)


def like_creator(create: Callable[..., Any]) -> Callable[..., Tensor]:
    @wraps(create)
    def like(input: Any, *args: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any) -> Tensor:
        array = raw(input)
        more.pop("memory_format", None)
        made = raw(create(array.shape, *args, dtype=OURS[array.dtype] if dtype is None else dtype, **more))
        out = np.empty_like(array, dtype=made.dtype)  # in the memory order of the input
        out[...] = made
        return marked_as(input, finish(out, device, requires_grad))

    like.__name__ = like.__qualname__ = f"{create.__name__}_like"
    like.__doc__ = f"``{create.__name__}`` with the shape, memory order and (unless given) dtype of ``input``."
    return like


zeros_like, ones_like, empty_like, full_like = like_creator(zeros), like_creator(ones), like_creator(empty), like_creator(full)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """For vectors of N₁ … Nₖ elements, k grids (N₁, …, Nₖ) that hold each vector along its own dimension.

    Args:
        indexing: "xy" exchanges the first two dimensions.

    Raises:
        RuntimeError: dtypes that differ, or another ``indexing``.

    >>> import tinygrad_fm as torch
    >>> torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij")[1]
    tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    vectors = [x.reshape(-1) for x in several(tensors)]
    if len({raw(v).dtype for v in vectors}) > 1:
        raise RuntimeError(f"meshgrid(): all tensors must have one dtype, got {', '.join(str(raw(v).dtype) for v in vectors)}")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid(): indexing must be 'ij' or 'xy', got {indexing!r}")
    if indexing == "xy" and len(vectors) > 1:
        vectors[:2] = vectors[1::-1]
    shape = tuple(len(v) for v in vectors)
    grids = [broadcast_to(v.reshape((1,) * i + (-1,) + (1,) * (len(vectors) - i - 1)), shape) for i, v in enumerate(vectors)]
    if indexing == "xy" and len(grids) > 1:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Tensor:
    """Every choice of one element from each vector, a row each.

    >>> import tinygrad_fm as torch
    >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    if len(tensors) == 1:
        return tensors[0]
    return stack([g.reshape(-1) for g in meshgrid(*tensors)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every choice of ``r`` elements of a vector in their order, a row each.

    >>> import tinygrad_fm as torch
    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    index = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return input[box(index)]
