"""Pooling."""

from __future__ import annotations

from typing import Any, ClassVar

from ..._tensor import Tensor
from .. import functional as F
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _MaxPoolNd(Module):
    kernel_size: Any
    stride: Any
    padding: Any
    dilation: Any
    return_indices: bool
    ceil_mode: bool

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool2d(_MaxPoolNd):
    """The largest element of each window.

    Args:
        kernel_size: of the window, a number or a pair, as the three that follow.
        stride: between windows; kernel_size if None.
        padding: −inf around the image, at most half of the window.
        dilation: between the elements of a window.
        return_indices: whether to give also where in the image each maximum was found.
        ceil_mode: whether the last window may reach beyond the image.

    Shapes: (N, C, H, W) → (N, C, OH, OW), or the same without N.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.MaxPool2d(2)(torch.ones(1, 3, 6, 4)).shape
        torch.Size([1, 3, 3, 2])
    """

    def forward(self, input: Tensor) -> Any:
        """Pool ``input`` (N, C, H, W)."""
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool1d(_MaxPoolNd):
    """`MaxPool2d` of sequences: (N, C, L) → (N, C, OL).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.MaxPool1d(2)(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]))
        tensor([[[3., 7.]]])
    """

    def forward(self, input: Tensor) -> Any:
        """Pool ``input`` (N, C, L)."""
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool3d(_MaxPoolNd):
    """`MaxPool2d` of volumes: (N, C, D, H, W) → (N, C, OD, OH, OW).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.MaxPool3d(2)(torch.ones(1, 1, 4, 4, 4)).shape
        torch.Size([1, 1, 2, 2, 2])
    """

    def forward(self, input: Tensor) -> Any:
        """Pool ``input`` (N, C, D, H, W)."""
        return F.max_pool3d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class _AvgPoolNd(Module):
    """What `AvgPool2d` and `AvgPool3d` share."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """The average of each window.

    Args:
        kernel_size, stride, padding, ceil_mode: as in `MaxPool2d`, the padding being zeros.
        count_include_pad: whether zeros of the padding count as elements.
        divisor_override: divide sums by this number instead of the number of elements.

    Shapes: (N, C, H, W) → (N, C, OH, OW), or the same without N.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AvgPool2d(2)(torch.ones(1, 3, 6, 4)).shape
        torch.Size([1, 3, 3, 2])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, H, W)."""
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        )


class AvgPool3d(_AvgPoolNd):
    """`AvgPool2d` of volumes: (N, C, D, H, W) → (N, C, OD, OH, OW).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AvgPool3d(2)(torch.ones(1, 1, 4, 4, 4)).shape
        torch.Size([1, 1, 2, 2, 2])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, D, H, W)."""
        return F.avg_pool3d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        )


class AvgPool1d(Module):
    """`AvgPool2d` of sequences: (N, C, L) → (N, C, OL).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AvgPool1d(2)(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]))
        tensor([[[2., 6.]]])
    """

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        single = lambda v: tuple(v) if isinstance(v, (tuple, list)) else (v,)
        self.kernel_size, self.stride = single(kernel_size), single(kernel_size if stride is None else stride)
        self.padding, self.ceil_mode, self.count_include_pad = single(padding), ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, L)."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AdaptiveAvgPoolNd(Module):
    output_size: Any

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Averages of as many windows as asked for.

    Args:
        output_size: a number or a pair; None keeps a dimension as it is.

    Shapes: (N, C, H, W) → (N, C, *output_size), or the same without N.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AdaptiveAvgPool2d(1)(torch.ones(1, 3, 5, 7)).shape
        torch.Size([1, 3, 1, 1])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, H, W)."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """`AdaptiveAvgPool2d` of sequences: (N, C, L) → (N, C, output_size).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AdaptiveAvgPool1d(2)(torch.ones(1, 3, 8)).shape
        torch.Size([1, 3, 2])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, L)."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """`AdaptiveAvgPool2d` of volumes: (N, C, D, H, W) → (N, C, *output_size).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AdaptiveAvgPool3d(1)(torch.ones(1, 3, 4, 4, 4)).shape
        torch.Size([1, 3, 1, 1, 1])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, D, H, W)."""
        return F.adaptive_avg_pool3d(input, self.output_size)


class _AdaptiveMaxPoolNd(Module):
    output_size: Any
    return_indices: bool

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest elements of as many windows as asked for; with ``return_indices`` also where they are.

    Shapes: (N, C, H, W) → (N, C, *output_size), or the same without N.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AdaptiveMaxPool2d(1)(torch.ones(1, 3, 5, 7)).shape
        torch.Size([1, 3, 1, 1])
    """

    def forward(self, input: Tensor) -> Any:
        """Pool ``input`` (N, C, H, W)."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """`AdaptiveMaxPool2d` of sequences: (N, C, L) → (N, C, output_size).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AdaptiveMaxPool1d(2)(torch.ones(1, 3, 8)).shape
        torch.Size([1, 3, 2])
    """

    def forward(self, input: Tensor) -> Any:
        """Pool ``input`` (N, C, L)."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """`AdaptiveMaxPool2d` of volumes: (N, C, D, H, W) → (N, C, *output_size).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.AdaptiveMaxPool3d(1)(torch.ones(1, 3, 4, 4, 4)).shape
        torch.Size([1, 3, 1, 1, 1])
    """

    def forward(self, input: Tensor) -> Any:
        """Pool ``input`` (N, C, D, H, W)."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)


class _LPPoolNd(Module):
    norm_type: float
    kernel_size: Any
    stride: Any
    ceil_mode: bool

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def extra_repr(self) -> str:
        return f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, ceil_mode={self.ceil_mode}"


class LPPool2d(_LPPoolNd):
    """(Σ xᵖ)^(1/p) over windows; see `functional.lp_pool2d`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LPPool2d(2, 2)(torch.ones(1, 1, 2, 2))
        tensor([[[[2.]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, H, W)."""
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPoolNd):
    """`LPPool2d` of sequences: (N, C, L) → (N, C, OL).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LPPool1d(2, 2)(torch.tensor([[[3.0, 4.0]]]))
        tensor([[[5.]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, L)."""
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool3d(_LPPoolNd):
    """`LPPool2d` of volumes: (N, C, D, H, W) → (N, C, OD, OH, OW).

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LPPool3d(1, 2)(torch.ones(1, 1, 2, 2, 2))
        tensor([[[[[8.]]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pool ``input`` (N, C, D, H, W)."""
        return F.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class _MaxUnpoolNd(Module):
    dims: ClassVar[int]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        each = lambda v: tuple(v) if isinstance(v, (tuple, list)) else (v,) * self.dims
        self.kernel_size, self.padding = each(kernel_size), each(padding)
        self.stride = each(kernel_size if stride is None else stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts maxima back where `MaxPool2d` found them, with its indices; see `functional.max_unpool2d`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> y, where = nn.MaxPool2d(2, return_indices=True)(torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]))
        >>> nn.MaxUnpool2d(2)(y, where)
        tensor([[[[0., 0.],
                  [4., 0.]]]])
    """

    dims = 2

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """Spread ``input`` (N, C, H, W) out."""
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts maxima back where `MaxPool1d` found them, with its indices; see `functional.max_unpool1d`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> y, where = nn.MaxPool1d(2, return_indices=True)(torch.tensor([[[1.0, 2.0, 4.0, 3.0]]]))
        >>> nn.MaxUnpool1d(2)(y, where)
        tensor([[[0., 2., 4., 0.]]])
    """

    dims = 1

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """Spread ``input`` (N, C, L) out."""
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts maxima back where `MaxPool3d` found them, with its indices; see `functional.max_unpool3d`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> y, where = nn.MaxPool3d(2, return_indices=True)(torch.ones(1, 1, 2, 2, 2))
        >>> nn.MaxUnpool3d(2)(y, where).sum()
        tensor(1.)
    """

    dims = 3

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """Spread ``input`` (N, C, D, H, W) out."""
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
