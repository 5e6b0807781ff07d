"""The methods of Tensor that are an operation under the operation's name: a table to look things up in."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from . import dtypes
from .autograd.box import is_tensor
from .autograd.inplace import inplace
from .device import check_device
from .dtypes import as_numpy
from .more_methods import MoreMethods
from .ops import copy as copying
from .ops import elementwise
from .ops import functions as ops


def in_place(op: Callable[..., Any]) -> Callable[..., Any]:
    """The method that writes ``op``'s result into the tensor itself."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return inplace(op, self, *args, **kwargs)

    method.__name__ = f"{op.__name__}_"
    method.__doc__ = f"``{op.__name__}``, with the result written into this tensor; see :func:`autograd.inplace`."
    return method


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


class Methods(MoreMethods):
    """What :class:`~tinygrad_fm.tensor.Tensor` inherits: every operation that PyTorch has as a method."""

    # -- what it is --------------------------------------------------------------------------------------------------

    is_cuda = False
    is_sparse = False
    is_quantized = False

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

    def type(self: Any, dtype: Any = None) -> Any:
        """The name of the tensor's type, or with an argument the tensor cast to that dtype."""
        return self.to(dtype=dtype) if dtype is not None else f"torch.{_TYPE_NAMES[self._array.dtype.name]}Tensor"

    # -- dtypes and copies -------------------------------------------------------------------------------------------

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

    def cpu(self: Any, memory_format: Any = None) -> Any:
        """The tensor itself."""
        return self

    def cuda(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Raises RuntimeError: there is only the CPU."""
        check_device("cuda")
        return self

    def contiguous(self: Any, memory_format: Any = None) -> Any:
        """The tensor itself if its elements lie in memory in the order of their indices, else a copy that does."""
        return self if self._array.flags.c_contiguous else copying.contiguous(self)

    # activation
    erf = ops.erf
    hardshrink = ops.hardshrink
    prelu = ops.prelu
    relu = ops.relu

    # arrange
    diag = ops.diag
    diag_embed = ops.diag_embed
    diagonal = ops.diagonal
    roll = ops.roll
    tile = ops.tile
    tril = ops.tril
    triu = ops.triu

    # classification
    log_softmax = ops.log_softmax
    softmax = ops.softmax

    # elementwise
    abs = ops.abs
    acos = ops.acos
    add = ops.add
    addcdiv = ops.addcdiv
    addcmul = ops.addcmul
    allclose = ops.allclose
    asin = ops.asin
    atan = ops.atan
    atan2 = ops.atan2
    bitwise_and = ops.bitwise_and
    bitwise_not = ops.bitwise_not
    bitwise_or = ops.bitwise_or
    bitwise_xor = ops.bitwise_xor
    ceil = ops.ceil
    clamp = ops.clamp
    clamp_max = ops.clamp_max
    clamp_min = ops.clamp_min
    clip = ops.clip
    cos = ops.cos
    cosh = ops.cosh
    div = ops.div
    eq = ops.eq
    equal = ops.equal
    exp = ops.exp
    exp2 = ops.exp2
    expm1 = ops.expm1
    floor = ops.floor
    floor_divide = ops.floor_divide
    fmax = ops.fmax
    fmin = ops.fmin
    fmod = ops.fmod
    frac = ops.frac
    ge = ops.ge
    gt = ops.gt
    isclose = ops.isclose
    isfinite = ops.isfinite
    isinf = ops.isinf
    isnan = ops.isnan
    le = ops.le
    lerp = ops.lerp
    log = ops.log
    log10 = ops.log10
    log1p = ops.log1p
    log2 = ops.log2
    logical_and = ops.logical_and
    logical_not = ops.logical_not
    logical_or = ops.logical_or
    logical_xor = ops.logical_xor
    lt = ops.lt
    maximum = ops.maximum
    minimum = ops.minimum
    mul = ops.mul
    ne = ops.ne
    neg = ops.neg
    pow = ops.pow
    reciprocal = ops.reciprocal
    remainder = ops.remainder
    round = ops.round
    rsqrt = ops.rsqrt
    sigmoid = ops.sigmoid
    sign = ops.sign
    sin = ops.sin
    sinh = ops.sinh
    sqrt = ops.sqrt
    square = ops.square
    sub = ops.sub
    tan = ops.tan
    tanh = ops.tanh
    trunc = ops.trunc

    # gather
    argsort = ops.argsort
    gather = ops.gather
    scatter = ops.scatter
    scatter_add = ops.scatter_add
    sort = ops.sort
    take_along_dim = ops.take_along_dim
    topk = ops.topk

    # index
    index_add = ops.index_add
    index_put = ops.index_put
    index_select = ops.index_select
    masked_fill = ops.masked_fill
    masked_select = ops.masked_select
    nonzero = ops.nonzero
    repeat_interleave = ops.repeat_interleave

    # linalg
    addmm = ops.addmm
    addmv = ops.addmv
    baddbmm = ops.baddbmm
    bmm = ops.bmm
    dot = ops.dot
    ger = ops.ger
    matmul = ops.matmul
    mm = ops.mm
    mv = ops.mv
    outer = ops.outer
    vdot = ops.vdot

    # reduce
    all = ops.all
    amax = ops.amax
    amin = ops.amin
    any = ops.any
    argmax = ops.argmax
    argmin = ops.argmin
    count_nonzero = ops.count_nonzero
    cumprod = ops.cumprod
    cumsum = ops.cumsum
    logsumexp = ops.logsumexp
    max = ops.max
    mean = ops.mean
    median = ops.median
    min = ops.min
    norm = ops.norm
    prod = ops.prod
    std = ops.std
    sum = ops.sum
    var = ops.var

    # shape
    broadcast_to = ops.broadcast_to
    chunk = ops.chunk
    expand_as = ops.expand_as
    flatten = ops.flatten
    moveaxis = ops.moveaxis
    movedim = ops.movedim
    narrow = ops.narrow
    ravel = ops.ravel
    select = ops.select
    split = ops.split
    squeeze = ops.squeeze
    swapaxes = ops.swapaxes
    swapdims = ops.swapdims
    t = ops.t
    transpose = ops.transpose
    unbind = ops.unbind
    unflatten = ops.unflatten
    unsqueeze = ops.unsqueeze

    multiply, divide, true_divide, subtract, negative, absolute = mul, div, div, sub, neg, abs
    arctan, arcsin, arccos = atan, asin, acos
    clone = ops.clone
    permute, expand, flip, repeat = ops.permute, ops.expand, ops.flip, ops.repeat
    reshape, view = ops.reshape, ops.view

    def where(self: Any, condition: Any, other: Any) -> Any:
        """This tensor where ``condition`` holds, else ``other``."""
        return ops.where(condition, self, other)

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

    # -- in place ----------------------------------------------------------------------------------------------------

    erf_ = in_place(ops.erf)
    relu_ = in_place(ops.relu)
    tril_ = in_place(ops.tril)
    triu_ = in_place(ops.triu)
    abs_ = in_place(ops.abs)
    acos_ = in_place(ops.acos)
    add_ = in_place(ops.add)
    addcdiv_ = in_place(ops.addcdiv)
    addcmul_ = in_place(ops.addcmul)
    asin_ = in_place(ops.asin)
    atan_ = in_place(ops.atan)
    atan2_ = in_place(ops.atan2)
    bitwise_and_ = in_place(ops.bitwise_and)
    bitwise_not_ = in_place(ops.bitwise_not)
    bitwise_or_ = in_place(ops.bitwise_or)
    bitwise_xor_ = in_place(ops.bitwise_xor)
    ceil_ = in_place(ops.ceil)
    clamp_ = in_place(ops.clamp)
    clamp_max_ = in_place(ops.clamp_max)
    clamp_min_ = in_place(ops.clamp_min)
    clip_ = in_place(ops.clip)
    cos_ = in_place(ops.cos)
    cosh_ = in_place(ops.cosh)
    div_ = in_place(ops.div)
    eq_ = in_place(ops.eq)
    exp_ = in_place(ops.exp)
    exp2_ = in_place(ops.exp2)
    expm1_ = in_place(ops.expm1)
    floor_ = in_place(ops.floor)
    floor_divide_ = in_place(ops.floor_divide)
    fmod_ = in_place(ops.fmod)
    frac_ = in_place(ops.frac)
    ge_ = in_place(ops.ge)
    gt_ = in_place(ops.gt)
    le_ = in_place(ops.le)
    lerp_ = in_place(ops.lerp)
    log_ = in_place(ops.log)
    log10_ = in_place(ops.log10)
    log1p_ = in_place(ops.log1p)
    log2_ = in_place(ops.log2)
    logical_and_ = in_place(ops.logical_and)
    logical_not_ = in_place(ops.logical_not)
    logical_or_ = in_place(ops.logical_or)
    logical_xor_ = in_place(ops.logical_xor)
    lt_ = in_place(ops.lt)
    mul_ = in_place(ops.mul)
    ne_ = in_place(ops.ne)
    neg_ = in_place(ops.neg)
    pow_ = in_place(ops.pow)
    reciprocal_ = in_place(ops.reciprocal)
    remainder_ = in_place(ops.remainder)
    round_ = in_place(ops.round)
    rsqrt_ = in_place(ops.rsqrt)
    sigmoid_ = in_place(ops.sigmoid)
    sign_ = in_place(ops.sign)
    sin_ = in_place(ops.sin)
    sinh_ = in_place(ops.sinh)
    sqrt_ = in_place(ops.sqrt)
    square_ = in_place(ops.square)
    sub_ = in_place(ops.sub)
    tan_ = in_place(ops.tan)
    tanh_ = in_place(ops.tanh)
    trunc_ = in_place(ops.trunc)
    scatter_ = in_place(ops.scatter)
    scatter_add_ = in_place(ops.scatter_add)
    index_add_ = in_place(ops.index_add)
    index_put_ = in_place(ops.index_put)
    masked_fill_ = in_place(ops.masked_fill)
    addmm_ = in_place(ops.addmm)
    addmv_ = in_place(ops.addmv)
    baddbmm_ = in_place(ops.baddbmm)
    cumsum_ = in_place(ops.cumsum)
    acosh_, asinh_, atanh_ = in_place(ops.acosh), in_place(ops.asinh), in_place(ops.atanh)
    erfc_, logit_, sgn_, xlogy_ = (in_place(op) for op in (ops.erfc, ops.logit, ops.sgn, ops.xlogy))
    hypot_, nan_to_num_ = in_place(ops.hypot), in_place(ops.nan_to_num)
    deg2rad_, rad2deg_ = in_place(ops.deg2rad), in_place(ops.rad2deg)
    index_copy_, index_fill_ = in_place(ops.index_copy), in_place(ops.index_fill)
    masked_scatter_ = in_place(ops.masked_scatter)
    multiply_, divide_, true_divide_, subtract_, negative_, absolute_ = mul_, div_, div_, sub_, neg_, abs_
    greater_, greater_equal_, less_, less_equal_, not_equal_ = gt_, ge_, lt_, le_, ne_
    arctan_, arcsin_, arccos_, arctan2_, fix_ = atan_, asin_, acos_, atan2_, trunc_
    copy_ = in_place(ops.copy)
    fill_ = in_place(ops.fill)

    def zero_(self: Any) -> Any:
        """Set all elements to 0."""
        return self.fill_(0)

    def uniform_(self: Any, from_: builtins.float = 0.0, to: builtins.float = 1.0, *, generator: Any = None) -> Any:
        """Fill with numbers drawn evenly from [``from_``, ``to``)."""
        if from_ > to:
            raise RuntimeError(f"uniform_(): from {from_} must not be above to {to}")
        return self.copy_(ops.rand(self.shape, generator=generator, dtype=self.dtype) * (to - from_) + from_)

    def normal_(self: Any, mean: builtins.float = 0.0, std: builtins.float = 1.0, *, generator: Any = None) -> Any:
        """Fill with normally distributed numbers."""
        if std < 0:
            raise RuntimeError(f"normal_(): std must not be negative, got {std}")
        return self.copy_(ops.randn(self.shape, generator=generator, dtype=self.dtype) * std + mean)

    def bernoulli_(self: Any, p: builtins.float = 0.5, *, generator: Any = None) -> Any:
        """Fill with 1 with probability ``p``, else 0; raises RuntimeError for a probability that is not from 0 to 1."""
        if isinstance(p, builtins.int | builtins.float) and not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return self.copy_(ops.rand(self.shape, generator=generator) < p)

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

    def byte(self: Any, memory_format: Any = None) -> Any:
        """``to(uint8)``."""
        return self.to(dtypes.uint8)

    def bool(self: Any, memory_format: Any = None) -> Any:
        """``to(bool)``."""
        return self.to(dtypes.bool_)

    # -- new tensors of this one's dtype -----------------------------------------------------------------------------

    def new_tensor(self: Any, data: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Any:
        """:func:`tensor` with this tensor's dtype."""
        return ops.tensor(data, dtype or self.dtype, device, requires_grad)

    def new_zeros(self: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Any:
        """:func:`zeros` with this tensor's dtype."""
        return ops.zeros(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)

    new_empty = new_zeros

    def new_ones(self: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Any:
        """:func:`ones` with this tensor's dtype."""
        return ops.ones(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)

    def new_full(self: Any, size: Any, fill_value: Any, dtype: Any = None, device: Any = None) -> Any:
        """:func:`full` with this tensor's dtype."""
        return ops.full(size, fill_value, dtype=dtype or self.dtype, device=device)
