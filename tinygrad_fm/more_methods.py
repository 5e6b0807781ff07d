"""Methods of Tensor that are made of others, second names, and what code asks a tensor although there is one answer."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from . import dtypes
from .autograd.box import box
from .errors import AutogradError, LeftOutError
from .ops import functions as ops
from .torch_compat.left_out import REASONS, message


class MoreMethods:
    """What ``Methods`` inherits."""

    acosh, asinh, atanh, erfc = ops.acosh, ops.asinh, ops.atanh, ops.erfc
    logit, logaddexp, sgn, xlogy = ops.logit, ops.logaddexp, ops.sgn, ops.xlogy
    arccosh, arcsinh, arctanh = acosh, asinh, atanh
    deg2rad, rad2deg, hypot = ops.deg2rad, ops.rad2deg, ops.hypot
    heaviside, nan_to_num, positive, signbit = ops.heaviside, ops.nan_to_num, ops.positive, ops.signbit
    isneginf, isposinf, aminmax = ops.isneginf, ops.isposinf, ops.aminmax
    bincount, histc, unique, unique_consecutive = ops.bincount, ops.histc, ops.unique, ops.unique_consecutive
    diagflat, diff, fliplr, flipud, rot90 = ops.diagflat, ops.diff, ops.fliplr, ops.flipud, ops.rot90
    tensor_split, hsplit, vsplit = ops.tensor_split, ops.hsplit, ops.vsplit
    dist, inner, kron, matrix_power, trace = ops.dist, ops.inner, ops.kron, ops.matrix_power, ops.trace
    nanmean, nansum, quantile = ops.nanmean, ops.nansum, ops.quantile
    index_copy, index_fill, masked_scatter, take = ops.index_copy, ops.index_fill, ops.masked_scatter, ops.take
    greater, greater_equal, less, less_equal, not_equal = ops.gt, ops.ge, ops.lt, ops.le, ops.ne
    arctan2, fix, multinomial, split_with_sizes = ops.atan2, ops.trunc, ops.multinomial, ops.split

    def argwhere(self: Any) -> Any:
        """The indices of all elements that are not zero, a row each."""
        return ops.nonzero(self)

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
        from .autograd.broadcast import broadcasts_to, sum_to

        shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], builtins.int) else size
        if not broadcasts_to(shape, self.shape):
            raise RuntimeError(f"sum_to_size(): {shape} cannot be broadcast to this tensor's shape {tuple(self.shape)}")
        return self if shape == self.shape else sum_to(self, shape=shape)

    def new(self: Any, *data: Any) -> Any:
        """A tensor of this one's dtype from ``data``, or of that size, filled with zeros; an older way to make one."""
        if len(data) == 1 and not isinstance(data[0], builtins.int):
            is_size = isinstance(data[0], tuple) and hasattr(data[0], "numel")
            return ops.zeros(data[0], dtype=self.dtype) if is_size else ops.tensor(data[0], self.dtype)
        return ops.zeros(*data or (0,), dtype=self.dtype)

    def short(self: Any, memory_format: Any = None) -> Any:
        """``to(int16)``."""
        return self.to(dtypes.int16)

    def char(self: Any, memory_format: Any = None) -> Any:
        """``to(int8)``."""
        return self.to(dtypes.int8)

    # -- drawn in place ----------------------------------------------------------------------------------------------

    def random_(self: Any, from_: builtins.int | None = None, to: builtins.int | None = None, *, generator: Any = None) -> Any:
        """Fill with whole numbers from [``from_``, ``to``), or [0, ``from_``) if it is the only one given."""
        if to is None:
            most = min(2**24 if self.is_floating_point() else np.iinfo(self._array.dtype).max, 2**62)
            low, high = 0, most if from_ is None else from_
        else:
            low, high = from_, to
        return self.copy_(ops.randint(low, builtins.int(high), tuple(self.shape), generator=generator))

    def exponential_(self: Any, lambd: builtins.float = 1.0, *, generator: Any = None) -> Any:
        """Fill with numbers drawn from lambd · exp(−lambd · x), x > 0."""
        if lambd <= 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
        return self.copy_(-ops.log1p(-ops.rand(tuple(self.shape), generator=generator, dtype=dtypes.float64)) / lambd)

    # -- shapes in place ---------------------------------------------------------------------------------------------

    def _reshaped(self: Any, name: str, view: Any) -> Any:
        if self.requires_grad:
            raise AutogradError(f"{name}(): a tensor that requires grad keeps its shape; use {name[:-1]}()")
        self._array = view(self.detach())._array
        self._view = None
        return self

    def squeeze_(self: Any, *dim: Any) -> Any:
        """:func:`squeeze` of the tensor itself."""
        return self._reshaped("squeeze_", lambda x: x.squeeze(*dim))

    def unsqueeze_(self: Any, dim: builtins.int) -> Any:
        """:func:`unsqueeze` of the tensor itself."""
        return self._reshaped("unsqueeze_", lambda x: x.unsqueeze(dim))

    def transpose_(self: Any, dim0: builtins.int, dim1: builtins.int) -> Any:
        """:func:`transpose` of the tensor itself."""
        return self._reshaped("transpose_", lambda x: x.transpose(dim0, dim1))

    def t_(self: Any) -> Any:
        """:func:`t` of the tensor itself."""
        return self._reshaped("t_", lambda x: x.t())

    # -- one possible answer -----------------------------------------------------------------------------------------

    is_cpu, is_meta, is_mps = True, False, False

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

    def is_inference(self: Any) -> builtins.bool:
        """Whether the tensor was made in :class:`inference_mode`."""
        return self._inference

    def is_nonzero(self: Any) -> builtins.bool:
        """The truth of a tensor with one element."""
        return builtins.bool(self)

    def is_signed(self: Any) -> builtins.bool:
        """Whether the dtype has negative numbers."""
        return self.dtype.is_signed

    def is_same_size(self: Any, other: Any) -> builtins.bool:
        """Whether the shapes are equal."""
        return self.shape == other.shape

    def storage_offset(self: Any) -> builtins.int:
        """How many elements of the memory's owner lie before this tensor's first."""
        from .autograd.versions import storage

        return (self.data_ptr() - builtins.int(storage(self._array).ctypes.data)) // self.itemsize


class _LeftOut:
    """Stands for a method that is left out: reaching for it says so.

    A ``__getattr__`` would serve as well, but the class that has one finds every attribute of its objects the slow way:
    operations on tiny tensors took 5 % longer.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, tensor: Any, kind: Any = None) -> Any:
        raise LeftOutError(message(self.name, "Tensor"))


for _name in REASONS.keys() - vars(MoreMethods).keys():
    setattr(MoreMethods, _name, _LeftOut(_name))
