"""Instance normalisation: every channel of every sample by itself."""

from __future__ import annotations

from typing import Any

from ..._tensor import Tensor
from ...errors import ShapeError
from .. import functional as F
from .batchnorm import _LazyNorm, _NormBase

__all__ = [
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
]


class _InstanceNorm(_NormBase):
    """Every channel of every sample by its own statistics; without affine parameters and running statistics by default."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _without_batch(self) -> int:
        """How many dimensions an input has that is a single sample."""
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``input`` (N, C, …) or (C, …)."""
        self._check_input_dim(input)
        single = input.ndim == self._without_batch()
        channels = input.shape[0 if single else 1]
        if channels != self.num_features and (self.affine or self.track_running_stats):
            raise ShapeError(f"expected input's channels to match num_features ({self.num_features}), but got {channels}")
        y = F.instance_norm(
            input.unsqueeze(0) if single else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum or 0.0,
            self.eps,
        )
        return y.squeeze(0) if single else y


class InstanceNorm1d(_InstanceNorm):
    """Normalises each channel of each sequence, (N, C, L) or (C, L), by its own mean and variance.

    Arguments are those of `BatchNorm1d`, but affine and track_running_stats are False by default.

    Source: Ulyanov et al. 2016, "Instance normalization".

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.InstanceNorm1d(1)(torch.tensor([[[1.0, 3.0]]]))
        tensor([[[-1.0000,  1.0000]]])
    """

    def _without_batch(self) -> int:
        return 2

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.ndim}D input)")


class InstanceNorm2d(_InstanceNorm):
    """Normalises each channel of each image, (N, C, H, W) or (C, H, W), by its own mean and variance; see `InstanceNorm1d`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.InstanceNorm2d(3)(torch.randn(2, 3, 4, 4)).shape
        torch.Size([2, 3, 4, 4])
    """

    def _without_batch(self) -> int:
        return 3

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (3, 4):
            raise ValueError(f"expected 3D or 4D input (got {input.ndim}D input)")


class InstanceNorm3d(_InstanceNorm):
    """Normalises each channel of each volume, (N, C, D, H, W) or (C, D, H, W); see `InstanceNorm1d`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.InstanceNorm3d(3)(torch.randn(2, 3, 4, 4, 4)).shape
        torch.Size([2, 3, 4, 4, 4])
    """

    def _without_batch(self) -> int:
        return 4

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (4, 5):
            raise ValueError(f"expected 4D or 5D input (got {input.ndim}D input)")


class _LazyInstanceNorm(_LazyNorm, _InstanceNorm):
    """Takes C from the first input, with or without N. affine and track_running_stats are True by default, as in PyTorch."""

    def _features(self, input: Tensor) -> int:
        return input.shape[0 if input.ndim == self._without_batch() else 1]


class LazyInstanceNorm1d(_LazyInstanceNorm):
    """`InstanceNorm1d` whose ``num_features`` the first input gives; affine, with running statistics, by default.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyInstanceNorm1d()(torch.randn(2, 3, 4)).shape
        torch.Size([2, 3, 4])
    """

    cls_to_become = InstanceNorm1d
    _without_batch, _check_input_dim = InstanceNorm1d._without_batch, InstanceNorm1d._check_input_dim


class LazyInstanceNorm2d(_LazyInstanceNorm):
    """`InstanceNorm2d` whose ``num_features`` the first input gives; affine, with running statistics, by default.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyInstanceNorm2d()(torch.randn(2, 3, 4, 4)).shape
        torch.Size([2, 3, 4, 4])
    """

    cls_to_become = InstanceNorm2d
    _without_batch, _check_input_dim = InstanceNorm2d._without_batch, InstanceNorm2d._check_input_dim


class LazyInstanceNorm3d(_LazyInstanceNorm):
    """`InstanceNorm3d` whose ``num_features`` the first input gives; affine, with running statistics, by default.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyInstanceNorm3d()(torch.randn(2, 3, 4, 4, 4)).shape
        torch.Size([2, 3, 4, 4, 4])
    """

    cls_to_become = InstanceNorm3d
    _without_batch, _check_input_dim = InstanceNorm3d._without_batch, InstanceNorm3d._check_input_dim
