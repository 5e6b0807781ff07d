"""Tensor's methods: the operations of the same name, which `tensor_operations` lists, and those that only a tensor has."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from . import dtypes
from .autograd.box import box, is_tensor
from .autograd.broadcast import broadcasts_to, sum_to
from .autograd.inplace import inplace
from .autograd.versions import storage
from .devices import check_device
from .dtypes import as_numpy
from .errors import AutogradError
from .ops import copy, creation, elementwise
from .ops import functions as ops
from .tensor_operations import operations
from .torch_compat.left_out import TENSOR_METHODS, LeftOutMethod

_TYPE_NAMES = {
    "float16": "Half",
    "float32": "Float",
    "float64": "Double",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "bool": "Bool",
}


class Methods:
    """What :class:`~tinygrad_fm.Tensor` inherits: every operation that PyTorch has as a method."""

    # -- what it is --------------------------------------------------------------------------------------------------

    is_cuda, is_cpu, is_meta, is_mps = False, True, False, False
    is_sparse, is_quantized = False, False

    @property
    def itemsize(self: Any) -> builtins.int:
        """Bytes per element."""
        return self._array.itemsize

    def element_size(self: Any) -> builtins.int:
        """Bytes per element."""
        return self._array.itemsize

    @property
    def nbytes(self: Any) -> builtins.int:
        """Bytes of all elements."""
        return self._array.nbytes

    def ndimension(self: Any) -> builtins.int:
        """How many dimensions."""
        return self._array.ndim

    def nelement(self: Any) -> builtins.int:
        """How many elements."""
        return self._array.size

    def stride(self: Any, dim: builtins.int | None = None) -> Any:
        """Elements (not bytes) from one index to the next, in each dimension or in ``dim``."""
        strides = tuple(n // self._array.itemsize for n in self._array.strides)
        return strides if dim is None else strides[dim]

    def storage_offset(self: Any) -> builtins.int:
        """How many elements of the memory's owner lie before this tensor's first."""
        return (self.data_ptr() - builtins.int(storage(self._array).ctypes.data)) // self.itemsize

    def data_ptr(self: Any) -> builtins.int:
        """Address of the first element."""
        return builtins.int(self._array.ctypes.data)

    def is_contiguous(self: Any, memory_format: Any = None) -> builtins.bool:
        """Whether the elements lie in memory in the order of their indices."""
        return self._array.flags.c_contiguous

    def is_floating_point(self: Any) -> builtins.bool:
        """Whether the elements are floating-point numbers."""
        return self._array.dtype.kind == "f"

    def is_complex(self: Any) -> builtins.bool:
        """Always False: there are no complex tensors here."""
        return False

    def is_signed(self: Any) -> builtins.bool:
        """Whether the dtype has negative numbers.

        >>> import tinygrad_fm as torch
        >>> torch.is_signed(torch.tensor([1], dtype=torch.uint8))
        False
        """
        return self.dtype.is_signed

    def is_same_size(self: Any, other: Any) -> builtins.bool:
        """Whether the shapes are equal.

        >>> import tinygrad_fm as torch
        >>> torch.is_same_size(torch.ones(2), torch.zeros(2))
        True
        """
        return self.shape == other.shape

    def polygamma(self: Any, n: builtins.int) -> Any:
        """:func:`polygamma`, whose first argument is ``n``."""
        return ops.polygamma(n, self)

    def polygamma_(self: Any, n: builtins.int) -> Any:
        """:func:`polygamma` of the tensor itself.

        >>> import tinygrad_fm as torch
        >>> torch.ones(2).polygamma_(1)
        tensor([1.6449, 1.6449])
        """
        return inplace(lambda x: ops.polygamma(n, x), self)

    @property
    def H(self: Any) -> Any:
        """A matrix transposed; conjugating, which it also means, changes real numbers not."""
        if self.ndim not in (0, 2):
            raise RuntimeError(f"tensor.H: only matrices have it, this one has {self.ndim} dimensions; use mH for batches")
        return self.t()

    @property
    def mH(self: Any) -> Any:
        """:func:`adjoint`: the last two dimensions exchanged."""
        return ops.adjoint(self)

    def resize_(self: Any, *size: Any, memory_format: Any = None) -> Any:
        """Give the tensor another size: its elements in memory order, cut off or with zeros behind them.

        Raises RuntimeError for a tensor that requires grad.
        """
        if self.requires_grad:
            raise AutogradError("resize_(): a tensor that requires grad cannot be resized")
        shape = creation.checked_shape(size, "resize_")
        if shape != tuple(self.shape):
            flat = np.zeros(builtins.int(np.prod(shape, dtype=np.int64)), self._array.dtype)
            kept = self._array.reshape(-1)[: flat.size]
            flat[: kept.size] = kept
            self._array, self._view = flat.reshape(shape), None
        return self

    def resize_as_(self: Any, the_template: Any, memory_format: Any = None) -> Any:
        """:meth:`resize_` to the size of ``the_template``.

        >>> import tinygrad_fm as torch
        >>> torch.tensor([1.0, 2.0, 3.0]).resize_as_(torch.ones(2))
        tensor([1., 2.])
        """
        return self.resize_(tuple(the_template.shape))

    def is_nonzero(self: Any) -> builtins.bool:
        """The truth of a tensor with one element."""
        return builtins.bool(self)

    def is_inference(self: Any) -> builtins.bool:
        """Whether the tensor was made in :class:`inference_mode`.

        >>> import tinygrad_fm as torch
        >>> torch.is_inference(torch.ones(1))
        False
        """
        return self._inference

    # -- dtypes and copies -------------------------------------------------------------------------------------------

    def type(self: Any, dtype: Any = None) -> Any:
        """The name of the tensor's type, or with an argument the tensor cast to that dtype."""
        return self.to(dtype=dtype) if dtype is not None else f"torch.{_TYPE_NAMES[self._array.dtype.name]}Tensor"

    def to(self: Any, *args: Any, **kwargs: Any) -> Any:
        """This tensor as another dtype: ``to(float64)``, ``to("cpu")``, ``to("cpu", float64)`` or ``to(other_tensor)``.

        Returns the tensor itself if nothing changes, unless ``copy=True``. Raises RuntimeError for a device but the CPU.
        """
        wanted = kwargs.get("dtype")
        check_device(kwargs.get("device"))
        for argument in args:
            if is_tensor(argument):
                wanted = argument.dtype
            elif isinstance(argument, dtypes.dtype) or argument in (builtins.float, builtins.int, builtins.bool):
                wanted = argument
            elif not isinstance(argument, builtins.bool):
                check_device(argument)
        if wanted is None or as_numpy(wanted) is self._array.dtype:
            return self.clone() if kwargs.get("copy") else self
        return elementwise.cast(self, dtype=as_numpy(wanted))

    def type_as(self: Any, other: Any) -> Any:
        """This tensor in the dtype of ``other``."""
        return self.to(other.dtype)

    def float(self: Any, memory_format: Any = None) -> Any:
        """``to(float32)``."""
        return self.to(dtypes.float32)

    def double(self: Any, memory_format: Any = None) -> Any:
        """``to(float64)``."""
        return self.to(dtypes.float64)

    def half(self: Any, memory_format: Any = None) -> Any:
        """``to(float16)``."""
        return self.to(dtypes.float16)

    def long(self: Any, memory_format: Any = None) -> Any:
        """``to(int64)``."""
        return self.to(dtypes.int64)

    def int(self: Any, memory_format: Any = None) -> Any:
        """``to(int32)``."""
        return self.to(dtypes.int32)

    def short(self: Any, memory_format: Any = None) -> Any:
        """``to(int16)``."""
        return self.to(dtypes.int16)

    def char(self: Any, memory_format: Any = None) -> Any:
        """``to(int8)``."""
        return self.to(dtypes.int8)

    def byte(self: Any, memory_format: Any = None) -> Any:
        """``to(uint8)``."""
        return self.to(dtypes.uint8)

    def bool(self: Any, memory_format: Any = None) -> Any:
        """``to(bool)``."""
        return self.to(dtypes.bool_)

    def contiguous(self: Any, memory_format: Any = None) -> Any:
        """The tensor itself if its elements lie in memory in the order of their indices, else a copy that does."""
        return self if self._array.flags.c_contiguous else copy.contiguous(self)

    # -- where there is one device -------------------------------------------------------------------------------------

    def cpu(self: Any, memory_format: Any = None) -> Any:
        """The tensor itself."""
        return self

    def cuda(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Raises RuntimeError: there is only the CPU."""
        check_device("cuda")
        return self

    def get_device(self) -> builtins.int:
        """−1, as on the CPU."""
        return -1

    def pin_memory(self: Any, device: Any = None) -> Any:
        """The tensor itself."""
        return self

    def is_pinned(self) -> builtins.bool:
        """False."""
        return False

    def share_memory_(self: Any) -> Any:
        """The tensor itself; it is not shared with other processes."""
        return self

    def is_shared(self) -> builtins.bool:
        """False."""
        return False

    # -- operations whose method differs from the function -----------------------------------------------------------

    def where(self: Any, condition: Any, other: Any) -> Any:
        """This tensor where ``condition`` holds, else ``other``."""
        return ops.where(condition, self, other)

    def bernoulli(self: Any, *, generator: Any = None) -> Any:
        """For each element 1 with that probability, else 0."""
        return ops.bernoulli(self, generator=generator)

    def unfold(self: Any, dimension: builtins.int, size: builtins.int, step: builtins.int) -> Any:
        """All windows of ``size`` elements, ``step`` apart, along ``dimension``; they become the last dimension. A copy."""
        length = self.shape[dimension] if self.ndim else 1
        if not 0 <= size <= length:
            raise RuntimeError(f"unfold(): size must be from 0 to {length}, the size of dimension {dimension}, got {size}")
        if step <= 0:
            raise RuntimeError(f"unfold(): step must be greater than 0, got {step}")
        if not self.ndim:
            return self.reshape(1)[:size]
        starts = np.arange(0, self.shape[dimension] - size + 1, step)
        windows = self.movedim(dimension, 0)[box(starts[:, None] + np.arange(size))]  # (count, size, …)
        return windows.movedim(1, -1).movedim(0, dimension % self.ndim)

    def sum_to_size(self: Any, *size: Any) -> Any:
        """The sum over the dimensions that were broadcast from ``size``."""
        shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], builtins.int) else size
        if not broadcasts_to(shape, self.shape):
            raise RuntimeError(f"sum_to_size(): {shape} cannot be broadcast to this tensor's shape {tuple(self.shape)}")
        return self if shape == self.shape else sum_to(self, shape=shape)

    def view_as(self: Any, other: Any) -> Any:
        """``view(other.shape)``."""
        return self.view(other.shape)

    def reshape_as(self: Any, other: Any) -> Any:
        """``reshape(other.shape)``."""
        return self.reshape(other.shape)

    @property
    def T(self: Any) -> Any:
        """All dimensions in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    @property
    def mT(self: Any) -> Any:
        """The last two dimensions exchanged."""
        return self.transpose(-1, -2)

    split_with_sizes = ops.split

    # -- shapes in place ---------------------------------------------------------------------------------------------

    def _reshaped(self: Any, name: str, view: Any) -> Any:
        if self.requires_grad:
            raise AutogradError(f"{name}(): a tensor that requires grad keeps its shape; use {name[:-1]}()")
        self._array = view(self.detach())._array
        self._view = None
        return self

    def squeeze_(self: Any, *dim: Any) -> Any:
        """:func:`squeeze` of the tensor itself.

        Raises AutogradError for a tensor that requires grad.

        >>> import tinygrad_fm as torch
        >>> torch.ones(1, 2).squeeze_()
        tensor([1., 1.])
        """
        return self._reshaped("squeeze_", lambda x: x.squeeze(*dim))

    def unsqueeze_(self: Any, dim: builtins.int) -> Any:
        """:func:`unsqueeze` of the tensor itself.

        Raises AutogradError for a tensor that requires grad.

        >>> import tinygrad_fm as torch
        >>> torch.ones(2).unsqueeze_(0)
        tensor([[1., 1.]])
        """
        return self._reshaped("unsqueeze_", lambda x: x.unsqueeze(dim))

    def transpose_(self: Any, dim0: builtins.int, dim1: builtins.int) -> Any:
        """:func:`transpose` of the tensor itself.

        Raises AutogradError for a tensor that requires grad.

        >>> import tinygrad_fm as torch
        >>> torch.ones(2, 3).transpose_(0, 1).shape
        torch.Size([3, 2])
        """
        return self._reshaped("transpose_", lambda x: x.transpose(dim0, dim1))

    swapaxes_ = swapdims_ = transpose_

    def t_(self: Any) -> Any:
        """:func:`t` of the tensor itself.

        Raises AutogradError for a tensor that requires grad.

        >>> import tinygrad_fm as torch
        >>> torch.ones(2, 3).t_().shape
        torch.Size([3, 2])
        """
        return self._reshaped("t_", lambda x: x.t())

    # -- filled with one number, or drawn -------------------------------------------------------------------------------

    def float_power_(self: Any, exponent: Any) -> Any:
        """:func:`float_power` of the tensor itself, which must be float64, as the result is; else raises RuntimeError.

        >>> import tinygrad_fm as torch
        >>> torch.tensor([2.0, 3.0], dtype=torch.float64).float_power_(2)
        tensor([4., 9.], dtype=torch.float64)
        """
        if self.dtype is not dtypes.float64:
            raise RuntimeError(
                f"the base given to float_power_ has dtype {self.dtype} but the operation's result requires dtype torch.float64"
            )
        return inplace(ops.float_power, self, exponent)

    def zero_(self: Any) -> Any:
        """Set all elements to 0.

        >>> import tinygrad_fm as torch
        >>> torch.ones(2).zero_()
        tensor([0., 0.])
        """
        return self.fill_(0)

    def uniform_(self: Any, from_: builtins.float = 0.0, to: builtins.float = 1.0, *, generator: Any = None) -> Any:
        """Fill with numbers drawn evenly from [``from_``, ``to``).

        Raises RuntimeError where ``from_`` is above ``to``.

        >>> import tinygrad_fm as torch
        >>> x = torch.zeros(100).uniform_(-1, 1)
        >>> bool((x >= -1).all() and (x < 1).all())
        True
        """
        if from_ > to:
            raise RuntimeError(f"uniform_(): from {from_} must not be above to {to}")
        return self.copy_(ops.rand(self.shape, generator=generator, dtype=self.dtype) * (to - from_) + from_)

    def normal_(self: Any, mean: builtins.float = 0.0, std: builtins.float = 1.0, *, generator: Any = None) -> Any:
        """Fill with normally distributed numbers.

        Raises RuntimeError for a negative ``std``.

        >>> import tinygrad_fm as torch
        >>> torch.zeros(3).normal_(mean=2.0, std=0.0)
        tensor([2., 2., 2.])
        """
        if std < 0:
            raise RuntimeError(f"normal_(): std must not be negative, got {std}")
        return self.copy_(ops.randn(self.shape, generator=generator, dtype=self.dtype) * std + mean)

    def bernoulli_(self: Any, p: builtins.float = 0.5, *, generator: Any = None) -> Any:
        """Fill with 1 with probability ``p``, else 0; raises RuntimeError for a probability that is not from 0 to 1.

        >>> import tinygrad_fm as torch
        >>> torch.zeros(3).bernoulli_(1.0)
        tensor([1., 1., 1.])
        """
        if isinstance(p, builtins.int | builtins.float) and not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return self.copy_(ops.rand(self.shape, generator=generator) < p)

    def random_(self: Any, from_: builtins.int | None = None, to: builtins.int | None = None, *, generator: Any = None) -> Any:
        """Fill with whole numbers from [``from_``, ``to``), or [0, ``from_``) if it is the only one given.

        >>> import tinygrad_fm as torch
        >>> torch.zeros(3).random_(5, 6)
        tensor([5., 5., 5.])
        """
        if to is None:
            most = min(2**24 if self.is_floating_point() else np.iinfo(self._array.dtype).max, 2**62)
            low, high = 0, most if from_ is None else from_
        else:
            low, high = from_, to
        return self.copy_(ops.randint(low, builtins.int(high), tuple(self.shape), generator=generator))

    def exponential_(self: Any, lambd: builtins.float = 1.0, *, generator: Any = None) -> Any:
        """Fill with numbers drawn from lambd · exp(−lambd · x), x > 0.

        Raises RuntimeError unless ``lambd`` is above 0.

        >>> import tinygrad_fm as torch
        >>> bool((torch.zeros(100).exponential_() >= 0).all())
        True
        """
        if lambd <= 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
        return self.copy_(-ops.log1p(-ops.rand(tuple(self.shape), generator=generator, dtype=dtypes.float64)) / lambd)

    # -- new tensors of this one's dtype -----------------------------------------------------------------------------

    def new_tensor(self: Any, data: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Any:
        """:func:`tensor` with this tensor's dtype."""
        return ops.tensor(data, dtype or self.dtype, device, requires_grad)

    @creation.size_by_name_of_method
    def new_zeros(self: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Any:
        """:func:`zeros` with this tensor's dtype."""
        return ops.zeros(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)

    new_empty = new_zeros

    @creation.size_by_name_of_method
    def new_ones(self: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Any:
        """:func:`ones` with this tensor's dtype."""
        return ops.ones(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)

    def new_full(
        self: Any,
        size: Any,
        fill_value: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: builtins.bool = False,
        layout: Any = None,
        pin_memory: builtins.bool = False,
    ) -> Any:
        """:func:`full` with this tensor's dtype."""
        made = ops.full(size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)
        return creation.marked_as(self, made)

    def new(self: Any, *data: Any) -> Any:
        """A tensor of this one's dtype from ``data``, or of that size, filled with zeros; an older way to make one."""
        if len(data) == 1 and not isinstance(data[0], builtins.int):
            is_size = isinstance(data[0], tuple) and hasattr(data[0], "numel")
            return ops.zeros(data[0], dtype=self.dtype) if is_size else ops.tensor(data[0], self.dtype)
        return ops.zeros(*data or (0,), dtype=self.dtype)


for _name, _op in operations().items():
    if _name not in vars(Methods):
        setattr(Methods, _name, _op)
for _name in TENSOR_METHODS:
    setattr(Methods, _name, LeftOutMethod(_name))
