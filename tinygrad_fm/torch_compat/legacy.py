"""PyTorch's older ways: ``FloatTensor(…)``, ``Variable(…)``."""

from __future__ import annotations

from typing import Any

from .._tensor import Size, Tensor
from ..devices import check_device
from ..dtypes import bool_, dtype, float16, float32, float64, int8, int16, int32, int64, uint8
from ..ops import functions as ops

__all__ = [
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
]


class _OfType(type):
    """The class of ``FloatTensor`` and its like: calling one makes a Tensor, and Tensors of its dtype are instances."""

    dtype: dtype

    def __call__(cls, *data: Any, device: Any = None) -> Any:
        check_device(device)
        if not data or isinstance(data[0], (int, Size)):
            return ops.zeros(*data or (0,), dtype=cls.dtype)
        return ops.tensor(data[0], cls.dtype)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype


def _class(name: str, of: dtype) -> Any:
    doc = f"""``{name}([1, 2])`` or ``{name}(2, 3)``: a Tensor of {of.name}, from data or of that size, filled with zeros.

    >>> import tinygrad_fm as torch
    >>> torch.{name}(2, 3).dtype
    {of!r}
    """
    return _OfType(name, (), {"dtype": of, "__doc__": doc, "__module__": __name__})


BoolTensor, ByteTensor, CharTensor = _class("BoolTensor", bool_), _class("ByteTensor", uint8), _class("CharTensor", int8)
ShortTensor, IntTensor, LongTensor = _class("ShortTensor", int16), _class("IntTensor", int32), _class("LongTensor", int64)
HalfTensor, FloatTensor = _class("HalfTensor", float16), _class("FloatTensor", float32)
DoubleTensor = _class("DoubleTensor", float64)


def Variable(data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
    """``data`` itself: tensors have long taken over what Variables were for.

    Args:
        requires_grad: whether its gradient is asked for. volatile: accepted, without effect.
    """
    if requires_grad and data.requires_grad is False:
        return data.detach().requires_grad_()
    return data
