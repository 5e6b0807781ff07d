"""Elements around sequences (N, C, L), images (N, C, H, W) and volumes (N, C, D, H, W), or the same without N.

``padding`` is one number for all sides, or one per side, of the last dimension first: (left, right), for images (left, right,
top, bottom), for volumes and front and back. A negative number takes elements away.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..._tensor import Tensor
from .. import functional as F
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _PadNd(Module):
    """Puts elements around the input, by a mode of `functional.pad`."""

    mode: ClassVar[str] = "constant"
    dims: ClassVar[int]
    padding: tuple[int, ...]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.dims)

    def forward(self, input: Tensor) -> Tensor:
        """Pad ``input``."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    value: float

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Pad ``input``."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """``value`` around sequences.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ConstantPad1d(1, 9.0)(torch.tensor([[1.0, 2.0]]))
        tensor([[9., 1., 2., 9.]])
    """

    dims = 1


class ConstantPad2d(_ConstantPadNd):
    """``value`` around images.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ConstantPad2d(1, 9.0)(torch.ones(1, 2, 2)).shape
        torch.Size([1, 4, 4])
    """

    dims = 2


class ConstantPad3d(_ConstantPadNd):
    """``value`` around volumes.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ConstantPad3d(1, 9.0)(torch.ones(1, 2, 2, 2)).shape
        torch.Size([1, 4, 4, 4])
    """

    dims = 3


class ZeroPad1d(ConstantPad1d):
    """Zeros around sequences.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ZeroPad1d(1)(torch.tensor([[1.0, 2.0]]))
        tensor([[0., 1., 2., 0.]])
    """

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Zeros around images.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ZeroPad2d((1, 0, 0, 0))(torch.ones(1, 1, 2))
        tensor([[[0., 1., 1.]]])
    """

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Zeros around volumes.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ZeroPad3d(1)(torch.ones(1, 2, 2, 2)).shape
        torch.Size([1, 4, 4, 4])
    """

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _CircularPadNd(_PadNd):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """Pad ``input``."""
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise ValueError(f"expected {self.dims + 1}D or {self.dims + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class ReflectionPad1d(_PadNd):
    """Sequences mirrored at their ends.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ReflectionPad1d(1)(torch.tensor([[1.0, 2.0, 3.0]]))
        tensor([[2., 1., 2., 3., 2.]])
    """

    mode, dims = "reflect", 1


class ReflectionPad2d(_PadNd):
    """Images mirrored at their border.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ReflectionPad2d(1)(torch.ones(1, 3, 3)).shape
        torch.Size([1, 5, 5])
    """

    mode, dims = "reflect", 2


class ReflectionPad3d(_PadNd):
    """Volumes mirrored at their border.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ReflectionPad3d(1)(torch.ones(1, 3, 3, 3)).shape
        torch.Size([1, 5, 5, 5])
    """

    mode, dims = "reflect", 3


class ReplicationPad1d(_PadNd):
    """Sequences with their ends repeated.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ReplicationPad1d(1)(torch.tensor([[1.0, 2.0]]))
        tensor([[1., 1., 2., 2.]])
    """

    mode, dims = "replicate", 1


class ReplicationPad2d(_PadNd):
    """Images with their border repeated.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ReplicationPad2d(1)(torch.ones(1, 3, 3)).shape
        torch.Size([1, 5, 5])
    """

    mode, dims = "replicate", 2


class ReplicationPad3d(_PadNd):
    """Volumes with their border repeated.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.ReplicationPad3d(1)(torch.ones(1, 3, 3, 3)).shape
        torch.Size([1, 5, 5, 5])
    """

    mode, dims = "replicate", 3


class CircularPad1d(_CircularPadNd):
    """Sequences wrapped around.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.CircularPad1d(1)(torch.tensor([[1.0, 2.0, 3.0]]))
        tensor([[3., 1., 2., 3., 1.]])
    """

    dims = 1


class CircularPad2d(_CircularPadNd):
    """Images wrapped around.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.CircularPad2d(1)(torch.ones(1, 3, 3)).shape
        torch.Size([1, 5, 5])
    """

    dims = 2


class CircularPad3d(_CircularPadNd):
    """Volumes wrapped around.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.CircularPad3d(1)(torch.ones(1, 3, 3, 3)).shape
        torch.Size([1, 5, 5, 5])
    """

    dims = 3
