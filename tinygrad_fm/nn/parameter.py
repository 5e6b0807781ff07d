"""Parameter and Buffer: the tensors of a module; and the arrays that they start from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NoReturn

import numpy as np

from .._tensor import Tensor
from ..autograd.box import box
from ..devices import check_device
from ..dtypes import OURS, as_numpy, default_float
from ..errors import ShapeError
from ..ops.creation import as_array

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]


class Parameter(Tensor):
    """A leaf tensor that becomes part of a module when it is assigned to one.

    Args:
        data: a tensor (its array is shared, its history left behind) or anything that makes one; empty if not given.
        requires_grad: whether gradients are collected.

    Example:
        >>> from tinygrad_fm import nn
        >>> class Scale(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.factor = nn.Parameter(2.0)
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> [name for name, _ in Scale().named_parameters()]
        ['factor']
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        self._array = _array_of(data)
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that becomes a buffer when it is assigned to a module: saved with it, but not trained.

    Args:
        data: a tensor (its array is shared, its history left behind) or anything that makes one; empty if not given.
        persistent: whether it belongs to the module's state_dict.

    Example:
        >>> from tinygrad_fm import nn, zeros
        >>> module = nn.Module()
        >>> module.mean = nn.Buffer(zeros(2))
        >>> list(module.state_dict())
        ['mean']
    """

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        self._array = _array_of(data)
        self.persistent = persistent
        if isinstance(data, Tensor) and data.requires_grad:
            self.requires_grad_()


class UninitializedTensorMixin:
    """What a parameter and a buffer are before their shape is known: a dtype, and whether a gradient is wanted.

    There is no array, so every operation and almost every property raises ValueError, which says how to get one.
    """

    cls_to_become: ClassVar[type[Tensor]]

    def __init__(self, requires_grad: bool, device: Any, dtype: Any) -> None:
        check_device(device)
        self._kind = default_float() if dtype is None else as_numpy(dtype)
        self._wants_grad = requires_grad

    def materialize(self, shape: Iterable[int], device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of ``shape``, whose values are still to be set.

        Args:
            shape: the sizes.
            device: "cpu". dtype: another than the one given before.
        """
        check_device(device)
        array = np.empty(tuple(shape), self._kind if dtype is None else as_numpy(dtype))
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self._array = array  # type: ignore[misc,assignment]
        self.requires_grad_(self.__dict__.pop("_wants_grad"))
        del self._kind

    def cast(self, fn: Callable[[Tensor], Tensor]) -> None:
        """Take the dtype that ``fn`` gives to a tensor of this one's: what `Module.to` does to its parameters."""
        self._kind = fn(box(np.empty(0, self._kind)))._array.dtype

    @property
    def dtype(self) -> Any:
        """The type that the elements will have."""
        return OURS[self._kind]

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient is wanted."""
        return self._wants_grad

    is_leaf = True

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Say whether a gradient is wanted; returns the parameter."""
        self._wants_grad = requires_grad
        return self

    @property
    def _array(self) -> NoReturn:
        raise ValueError(
            f"Attempted to use an uninitialized parameter ({type(self).__name__}): its shape is not known yet. Call the lazy "
            "module with a batch first, which gives it one, or load a state dict"
        )

    @property
    def shape(self) -> Any:
        """Raises RuntimeError: it is not known yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. Call `forward` to initialize the parameters "
            "before accessing their attributes."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return memo.setdefault(id(self), self.__copy__())

    def __copy__(self) -> Any:
        copied: Any = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        return object.__new__, (type(self),), dict(self.__dict__)

    def __setstate__(self, settings: dict[str, Any]) -> None:
        self.__dict__.update(settings)


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc,override]
    """A parameter whose shape a lazy module finds out at its first call; see `nn.modules.lazy.LazyModuleMixin`.

    Args:
        requires_grad: whether gradients will be collected.
        device: "cpu". dtype: float32 unless said otherwise.

    Example:
        >>> from tinygrad_fm.nn.parameter import UninitializedParameter
        >>> weight = UninitializedParameter()
        >>> weight
        <UninitializedParameter>
        >>> weight.materialize((3, 2))
        >>> type(weight).__name__, list(weight.shape)
        ('Parameter', [3, 2])
    """

    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):  # type: ignore[misc,override]
    """A buffer whose shape a lazy module finds out at its first call.

    Args:
        requires_grad: False, for buffers.
        device: "cpu". dtype: float32 unless said otherwise.
        persistent: whether it belongs to the module's state_dict.

    Example:
        >>> from tinygrad_fm.nn.parameter import UninitializedBuffer
        >>> mean = UninitializedBuffer()
        >>> mean.materialize((3,))
        >>> list(mean.shape)
        [3]
    """

    cls_to_become = Tensor

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True) -> None:
        super().__init__(requires_grad, device, dtype)
        self.persistent = persistent


def is_lazy(param: Any) -> bool:
    """Whether ``param`` is an `UninitializedParameter` or `UninitializedBuffer`."""
    return isinstance(param, UninitializedTensorMixin)


def _array_of(data: Any) -> np.ndarray[Any, Any]:
    if data is None:
        return np.empty(0, default_float())
    return data._array if isinstance(data, Tensor) else as_array(data)


def empty(shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> Tensor:
    """A tensor of ``shape`` whose values are still to be set, in a floating-point ``dtype`` or the default one."""
    if any(n < 0 for n in shape):
        raise ShapeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    check_device(device)
    return box(np.empty(shape, default_float() if dtype is None else as_numpy(dtype)))


def clear_gradients(params: Iterable[Tensor], set_to_none: bool) -> None:
    """Drop the gradients of ``params``, or fill them with zeros in place."""
    for param in params:
        if param._grad is None:
            continue
        if set_to_none:
            param._grad = None
        else:
            if param.grad.grad_fn is not None:
                param.grad = param.grad.detach()
            param.grad._array.fill(0)
            param.grad._written()
