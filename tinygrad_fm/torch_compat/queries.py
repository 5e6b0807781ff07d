"""Switches and facts that code written for PyTorch sets and asks: most have one possible answer here."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd.modes import inference_mode, is_inference_mode_enabled
from ..devices import CPU, check_device, device
from ..dtypes import OURS, as_numpy, default_float, dtype, set_default_dtype
from ..promotion import can_cast as _can_cast
from ..promotion import promote_types as _promote_types
from ..promotion import result_type as _result_type

__all__ = [
    "are_deterministic_algorithms_enabled",
    "can_cast",
    "channels_last",
    "contiguous_format",
    "finfo",
    "get_default_device",
    "get_float32_matmul_precision",
    "iinfo",
    "inference_mode",
    "is_complex",
    "is_floating_point",
    "is_inference_mode_enabled",
    "is_nonzero",
    "memory_format",
    "newaxis",
    "numel",
    "preserve_format",
    "promote_types",
    "result_type",
    "set_default_device",
    "set_default_tensor_type",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "strided",
    "typename",
    "use_deterministic_algorithms",
]

newaxis = None


class memory_format:
    """The order in memory that code may ask for. It is accepted and has no effect: shapes and values are the same in any.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.ones(1, 2, 3, 3).contiguous(memory_format=torch.channels_last).shape
        torch.Size([1, 2, 3, 3])
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, strided = memory_format("channels_last"), memory_format("strided")


# -- facts about types -------------------------------------------------------------------------------------------------


class _Limits:
    """What a type can hold."""

    def __init__(self, type: Any = None) -> None:
        kind = default_float() if type is None else as_numpy(type)
        found: Any = (np.finfo if kind.kind == "f" else np.iinfo)(kind)
        if (kind.kind == "f") != (self.__class__ is finfo):
            raise TypeError(f"{self.__class__.__name__}() of {OURS[kind]}: use {'finfo' if kind.kind == 'f' else 'iinfo'}()")
        self.bits, self.dtype = found.bits, OURS[kind].name
        names = ("min", "max", "eps", "tiny", "smallest_normal", "resolution") if kind.kind == "f" else ("min", "max")
        for name in names:
            value = getattr(found, name)
            setattr(self, name, value.item() if kind.kind == "f" else value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in self.__dict__.items())})"


class finfo(_Limits):
    """Bits, eps, min, max, tiny of a floating-point type; of the default one if none is given.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.finfo(torch.float32).eps
        1.1920928955078125e-07
    """


class iinfo(_Limits):
    """Bits, min and max of an integer type.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.iinfo(torch.uint8).max
        255
    """


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floating-point numbers.

    >>> import tinygrad_fm as torch
    >>> torch.is_floating_point(torch.tensor(1)), torch.is_floating_point(torch.tensor(1.0))
    (False, True)
    """
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """False: there are no complex tensors.

    >>> import tinygrad_fm as torch
    >>> torch.is_complex(torch.ones(1))
    False
    """
    return False


def is_nonzero(input: Tensor) -> bool:
    """The truth of a tensor with one element.

    >>> import tinygrad_fm as torch
    >>> torch.is_nonzero(torch.tensor([1.5]))
    True
    """
    return bool(input)


def numel(input: Tensor) -> int:
    """How many elements.

    >>> import tinygrad_fm as torch
    >>> torch.numel(torch.ones(2, 3))
    6
    """
    return input.numel()


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type that holds both.

    >>> import tinygrad_fm as torch
    >>> torch.promote_types(torch.int64, torch.float32)
    torch.float32
    """
    return OURS[_promote_types(as_numpy(type1), as_numpy(type2))]


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The type of ``tensor1 + tensor2``, tensors or numbers.

    >>> import tinygrad_fm as torch
    >>> torch.result_type(torch.tensor([1, 2]), 1.5)
    torch.float32
    """
    return OURS[_result_type([x._array if isinstance(x, Tensor) else x for x in (tensor1, tensor2)])]


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether an in-place operation may write ``from_`` into ``to``: not a float into an integer, nor a number into a bool.

    >>> import tinygrad_fm as torch
    >>> torch.can_cast(torch.float32, torch.int64), torch.can_cast(torch.int64, torch.float32)
    (False, True)
    """
    return _can_cast(as_numpy(from_), as_numpy(to))


def typename(obj: Any) -> str:
    """The name of a tensor's type or of any object's class.

    >>> import tinygrad_fm as torch
    >>> torch.typename(torch.ones(1))
    'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    cls = obj if isinstance(obj, type) else type(obj)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


# -- switches ----------------------------------------------------------------------------------------------------------


def get_default_device() -> device:
    """The CPU.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.get_default_device()
        device(type='cpu')
    """
    return CPU


def set_default_device(device: Any) -> None:
    """Accepts the CPU; raises RuntimeError for any other device.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.set_default_device("cpu")
        >>> torch.ones(1).device
        device(type='cpu')
    """
    check_device(device)


def set_default_tensor_type(t: Any) -> None:
    """:func:`set_default_dtype` in its older form: ``FloatTensor``, ``DoubleTensor`` or their names.

    Raises TypeError for another name, and for a type that is not floating point.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.set_default_tensor_type(torch.DoubleTensor)
        >>> torch.ones(1).dtype
        torch.float64
        >>> torch.set_default_tensor_type("torch.FloatTensor")
    """
    named = {"torch.FloatTensor": np.float32, "torch.DoubleTensor": np.float64, "torch.HalfTensor": np.float16}
    if isinstance(t, str) and t not in named:
        raise TypeError(f"set_default_tensor_type(): expected one of {', '.join(named)}, got {t!r}")
    set_default_dtype(OURS[np.dtype(named[t])] if isinstance(t, str) else t.dtype)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing: the same numbers and the same count of threads give the same bits in any case.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.use_deterministic_algorithms(True)
    """


def are_deterministic_algorithms_enabled() -> bool:
    """True; see :func:`use_deterministic_algorithms`.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.are_deterministic_algorithms_enabled()
        True
    """
    return True


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing: float32 products are computed in float32. Raises RuntimeError for an unknown precision.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.set_float32_matmul_precision("high")
    """
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"set_float32_matmul_precision(): expected 'highest', 'high' or 'medium', got {precision!r}")


def get_float32_matmul_precision() -> str:
    """The highest.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.get_float32_matmul_precision()
        'highest'
    """
    return "highest"


def set_flush_denormal(mode: bool) -> bool:
    """False: NumPy cannot flush denormal numbers to zero.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.set_flush_denormal(True)
        False
    """
    return False


def set_num_interop_threads(n: int) -> None:
    """Nothing: operations run one after the other.

    Example:
        >>> import tinygrad_fm as torch
        >>> torch.set_num_interop_threads(1)
    """
