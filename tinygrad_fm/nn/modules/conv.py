"""Convolutions, and their adjoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from ..._tensor import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter, UninitializedParameter, empty
from .lazy import LazyModuleMixin
from .module import Module

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _each(value: Any, dims: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims


class _ConvNd(Module):
    """What convolutions and transposed ones share: settings, parameters, and how they start.

    Attributes:
        weight, bias: as the subclass says. Both start uniform in ±1/√fan_in, fan_in being the elements of one filter.
    """

    dims: ClassVar[int]
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Any
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    padding_mode: str
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        transposed: bool,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if value % groups:
                raise ValueError(f"{name} must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
            if padding == "same" and any(s != 1 for s in _each(stride, self.dims)):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {_PADDING_MODES}, but got padding_mode={padding_mode!r}")
        self.in_channels, self.out_channels, self.transposed = in_channels, out_channels, transposed
        self.groups, self.padding_mode = groups, padding_mode
        self.kernel_size, self.stride = _each(kernel_size, self.dims), _each(stride, self.dims)
        self.padding = padding if isinstance(padding, str) else _each(padding, self.dims)
        self.dilation, self.output_padding = _each(dilation, self.dims), _each(output_padding, self.dims)
        self.weight = Parameter(empty((*self._channels(in_channels), *self.kernel_size), device, dtype))
        self.register_parameter("bias", Parameter(empty((out_channels,), device, dtype)) if bias else None)
        self.reset_parameters()

    def _channels(self, in_channels: int) -> tuple[int, int]:
        """The first two sizes of the weight."""
        if self.transposed:
            return in_channels, self.out_channels // self.groups
        return self.out_channels, in_channels // self.groups

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, uniformly from ±1/√fan_in, as PyTorch does."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        fan = math.prod(self.weight.shape[1:])
        if self.bias is not None and fan:
            init.uniform_(self.bias, -1 / math.sqrt(fan), 1 / math.sqrt(fan))

    def _around(self) -> list[int]:
        """The padding in the form that F.pad takes."""
        sizes: list[int] = []
        for i in reversed(range(self.dims)):
            if isinstance(self.padding, str):
                total = self.dilation[i] * (self.kernel_size[i] - 1) if self.padding == "same" else 0
                sizes += [total // 2, total - total // 2]
            else:
                sizes += [self.padding[i]] * 2
        return sizes

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if isinstance(self.padding, str) or any(self.padding):
            parts.append(f"padding={self.padding}")
        if any(d != 1 for d in self.dilation):
            parts.append(f"dilation={self.dilation}")
        if any(self.output_padding):
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_ConvNd):
    """What `Conv1d`, `Conv2d` and `Conv3d` share."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            False,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _convolve(self, convolution: Any, input: Tensor) -> Tensor:
        """A convolution that is not transposed, after the padding that it does not know itself."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._around(), mode=self.padding_mode), 0
        return convolution(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Every image with every filter: y[n, o, i, j] = Σ x[n, c, i·s + a·d − p, j·s + b·d − p] · w[o, c, a, b] + bias[o].

    Args:
        in_channels, out_channels: C and O.
        kernel_size: of the filters, a number or (KH, KW).
        stride, padding, dilation: a number or a pair; padding also "same" or "valid".
        groups: channels fall into this many groups that do not see each other; in_channels for a depthwise convolution.
        bias: whether the bias is there.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        device: "cpu". dtype: of the parameters, float32 unless said otherwise.

    Attributes:
        weight: (O, C/groups, KH, KW); bias: (O,) or None. Both start uniform in ±1/√(C/groups · KH · KW).

    Shapes: (N, C, H, W) → (N, O, OH, OW), or the same without N.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html

    Example:
        >>> from tinygrad_fm import nn, zeros
        >>> tuple(nn.Conv2d(1, 6, 5, padding=2)(zeros(64, 1, 28, 28)).shape)
        (64, 6, 28, 28)
    """

    dims = 2

    def forward(self, input: Tensor) -> Tensor:
        """Convolve ``input`` (N, C, H, W)."""
        return self._convolve(F.conv2d, input)


class Conv1d(_Conv):
    """`Conv2d` of sequences: (N, C, L) → (N, O, OL), with weight (O, C/groups, K).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.Conv1d(2, 4, 3)(torch.ones(5, 2, 10)).shape
        torch.Size([5, 4, 8])
    """

    dims = 1

    def forward(self, input: Tensor) -> Tensor:
        """Convolve ``input`` (N, C, L)."""
        return self._convolve(F.conv1d, input)


class Conv3d(_Conv):
    """`Conv2d` of volumes: (N, C, D, H, W) → (N, O, OD, OH, OW), with weight (O, C/groups, KD, KH, KW); settings are a number
    or three.

    Example:
        >>> from tinygrad_fm import nn, zeros
        >>> tuple(nn.Conv3d(3, 8, 3, stride=(1, 2, 2), padding=1)(zeros(2, 3, 16, 32, 32)).shape)
        (2, 8, 16, 16, 16)
    """

    dims = 3

    def forward(self, input: Tensor) -> Tensor:
        """Convolve ``input`` (N, C, D, H, W)."""
        return self._convolve(F.conv3d, input)


class _ConvTransposeNd(_ConvNd):
    """What `ConvTranspose1d`, `ConvTranspose2d` and `ConvTranspose3d` share."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            True,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Apply the adjoint to ``input``; ``output_size`` (OH, OW) chooses among the sizes that a stride leaves open."""
        more = self.output_padding if output_size is None else self._missing(input, tuple(output_size)[-self.dims :])
        convolution = type(self)._function
        return convolution(input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation)

    def _missing(self, input: Tensor, wanted: tuple[int, ...]) -> tuple[int, ...]:
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                input.shape[-self.dims :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        more = tuple(w - n for w, n in zip(wanted, least, strict=True))
        if any(not 0 <= m < s for m, s in zip(more, self.stride, strict=True)):
            most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
            raise ValueError(f"requested an output size of {wanted}, but valid sizes range from {least} to {most}")
        return more


class ConvTranspose2d(_ConvTransposeNd):
    """The adjoint of a convolution: enlarges images where that reduces them.

    Args:
        output_padding: rows and columns added to the size of the result at its end. The others are `Conv2d`'s.

    Attributes:
        weight: (C, O/groups, KH, KW); bias: (O,) or None.

    Shapes: (N, C, H, W) → (N, O, OH, OW), OH = (H − 1)·stride − 2·padding + dilation·(KH − 1) + output_padding + 1.

    Raises:
        ValueError: another padding mode than "zeros", or channels that the groups do not divide.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ConvTranspose2d(2, 4, 2, stride=2)(torch.ones(5, 2, 7, 7)).shape
        torch.Size([5, 4, 14, 14])
    """

    dims, _function = 2, staticmethod(F.conv_transpose2d)


class ConvTranspose1d(_ConvTransposeNd):
    """`ConvTranspose2d` of sequences: (N, C, L) → (N, O, OL), with weight (C, O/groups, K).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ConvTranspose1d(2, 4, 2, stride=2)(torch.ones(5, 2, 10)).shape
        torch.Size([5, 4, 20])
    """

    dims, _function = 1, staticmethod(F.conv_transpose1d)


class ConvTranspose3d(_ConvTransposeNd):
    """`ConvTranspose2d` of volumes: (N, C, D, H, W) → (N, O, OD, OH, OW), with weight (C, O/groups, KD, KH, KW).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ConvTranspose3d(2, 4, 2, stride=2)(torch.ones(1, 2, 3, 3, 3)).shape
        torch.Size([1, 4, 6, 6, 6])
    """

    dims, _function = 3, staticmethod(F.conv_transpose3d)


# ---- lazy ones -------------------------------------------------------------------------------------------------------


class _LazyConvNd(LazyModuleMixin, _ConvNd):
    """What lazy convolutions share: C is what the first input has, in the dimension before the sizes of the image."""

    def _await_channels(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        """After the module was made without channels: what can be known before the first input."""
        if out_channels % self.groups:
            raise ValueError("out_channels must be divisible by groups")
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take C from ``input``, (N, C, …) or (C, …), and draw the parameters."""
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise RuntimeError(
                f"Expected {self.dims + 1}D (unbatched) or {self.dims + 2}D (batched) input to {type(self).__name__}, but "
                f"got input of size: {input.shape}"
            )
        fresh, channels = self.has_uninitialized_params(), input.shape[-self.dims - 1]
        if isinstance(self.weight, UninitializedParameter):
            if channels % self.groups:
                raise ValueError("in_channels must be divisible by groups")
            self.weight.materialize((*self._channels(channels), *self.kernel_size))
        if isinstance(self.bias, UninitializedParameter):
            self.bias.materialize((self.out_channels,))
        self.in_channels = self.weight.shape[0] if self.transposed else self.weight.shape[1] * self.groups
        if fresh:
            self.reset_parameters()


class _LazyConv(_LazyConvNd, _Conv):
    """Arguments are those of `Conv2d` without ``in_channels``, which the first input gives; see
    `nn.modules.lazy.LazyModuleMixin`."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        self._await_channels(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvNd, _ConvTransposeNd):
    """Arguments are those of `ConvTranspose2d` without ``in_channels``, which the first input gives; see
    `nn.modules.lazy.LazyModuleMixin`."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        )
        self._await_channels(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """`Conv1d` whose ``in_channels`` the first input gives: LazyConv1d(out_channels, kernel_size, …).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyConv1d(3, 3)(torch.ones(1, 2, 5)).shape
        torch.Size([1, 3, 3])
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """`Conv2d` whose ``in_channels`` the first input gives: LazyConv2d(out_channels, kernel_size, …).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyConv2d(3, 3)(torch.ones(1, 2, 5, 5)).shape
        torch.Size([1, 3, 3, 3])
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """`Conv3d` whose ``in_channels`` the first input gives: LazyConv3d(out_channels, kernel_size, …).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyConv3d(3, 3)(torch.ones(1, 2, 5, 5, 5)).shape
        torch.Size([1, 3, 3, 3, 3])
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """`ConvTranspose1d` whose ``in_channels`` the first input gives.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyConvTranspose1d(3, 2, stride=2)(torch.ones(1, 2, 5)).shape
        torch.Size([1, 3, 10])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """`ConvTranspose2d` whose ``in_channels`` the first input gives.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyConvTranspose2d(3, 2, stride=2)(torch.ones(1, 2, 5, 5)).shape
        torch.Size([1, 3, 10, 10])
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """`ConvTranspose3d` whose ``in_channels`` the first input gives.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyConvTranspose3d(3, 2, stride=2)(torch.ones(1, 2, 3, 3, 3)).shape
        torch.Size([1, 3, 6, 6, 6])
    """

    cls_to_become = ConvTranspose3d
