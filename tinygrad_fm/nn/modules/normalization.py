"""Normalisation: of batches, per channel, and of samples by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.primitive import box
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .factory import empty
from .module import Module


class _BatchNorm(Module):
    """What batch norms of all dimensions share; a subclass says which inputs it takes.

    Args:
        num_features: C, the number of channels.
        eps: added to the variance.
        momentum: how far running statistics move to each batch's; None averages over all batches.
        affine: whether weight and bias are there.
        track_running_stats: whether to keep running statistics and use them in evaluation.
        device: "cpu". dtype: of parameters and statistics, float32 unless said otherwise.
        bias: whether, with ``affine``, the bias is there.

    Attributes:
        weight, bias: (C,), ones and zeros at first, or None.
        running_mean, running_var: (C,) buffers, zeros and ones at first, or None.
        num_batches_tracked: a 0-d int64 buffer, or None.
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, Parameter(empty((num_features,), device, dtype)) if wanted else None)
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, empty((num_features,), device, dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", box(np.zeros((), np.int64)) if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the running statistics: mean 0, variance 1, no batch seen."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                init.constant_(buffer, value)

    def reset_parameters(self) -> None:
        """Forget the running statistics, and set weight to ones and bias to zeros."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``input`` (N, C, …) per channel: by its own statistics in training, the running ones afterwards."""
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked._array[...] += 1
            self.num_batches_tracked._written()
            if self.momentum is None:
                momentum = 1 / int(self.num_batches_tracked._array)
        mean, var = self.running_mean, self.running_var
        by_batch = self.training or mean is None or var is None
        if self.training and not self.track_running_stats:
            mean = var = None
        return F.batch_norm(input, mean, var, self.weight, self.bias, by_batch, momentum, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of vectors: y = (x − mean) / √(var + eps) · weight + bias, per channel.

    In training, mean and (biased) variance are the batch's, and the running ones move towards them, the variance
    unbiased; in evaluation the running ones are used. Arguments are those of all batch norms: num_features, eps,
    momentum, affine, track_running_stats, device, dtype, bias.

    Shapes: (N, C) or (N, C, L), unchanged.

    Raises:
        ValueError: another number of dimensions, or a single value per channel in training.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithms 1 and 2.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm import nn
        >>> from tinygrad_fm import tensor
        >>> norm = nn.BatchNorm1d(1, eps=0)
        >>> norm(tensor(np.array([[1.0], [3.0]], np.float32))).tolist()
        [[-1.0], [1.0]]
        >>> round(norm.running_mean.item(), 4), round(norm.running_var.item(), 4)
        (0.2, 1.1)
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.ndim}D input)")


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images, per channel; see `BatchNorm1d`.

    Shapes: (N, C, H, W), unchanged.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim != 4:
            raise ValueError(f"expected 4D input (got {input.ndim}D input)")


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes (N, C, D, H, W), per channel; see `BatchNorm1d`."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim != 5:
            raise ValueError(f"expected 5D input (got {input.ndim}D input)")


class LayerNorm(Module):
    """y = (x − mean) / √(var + eps) · weight + bias, over the last dimensions, of each sample by itself.

    Args:
        normalized_shape: the sizes of the last dimensions, a number for one.
        eps: added to the (biased) variance.
        elementwise_affine: whether weight and bias are there.
        bias: whether, with ``elementwise_affine``, the bias is there.
        device: "cpu". dtype: of the parameters, float32 unless said otherwise.

    Attributes:
        weight, bias: of shape ``normalized_shape``, ones and zeros at first, or None.

    Shapes: (…, *normalized_shape), unchanged.

    Source: Ba et al. 2016, "Layer normalization", eq. 4.

    Example:
        >>> from tinygrad_fm import nn, tensor
        >>> nn.LayerNorm(2, eps=0)(tensor([[1.0, 3.0]])).tolist()
        [[-1.0, 1.0]]
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        for name, wanted in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            self.register_parameter(name, Parameter(empty(shape, device, dtype)) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set weight to ones and bias to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``input`` over its last dimensions."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """y = (x − mean) / √(var + eps) · weight + bias, over groups of channels of each sample by itself.

    Args:
        num_groups: into how many groups the channels fall.
        num_channels: C, divisible by num_groups.
        eps: added to the (biased) variance.
        affine: whether weight and bias are there.
        device: "cpu". dtype: of the parameters, float32 unless said otherwise.
        bias: whether, with ``affine``, the bias is there.

    Attributes:
        weight, bias: (C,), ones and zeros at first, or None.

    Shapes: (N, C, …), unchanged.

    Source: Wu and He 2018, "Group normalization", eqs. 1 to 6.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, Parameter(empty((num_channels,), device, dtype)) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set weight to ones and bias to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``input`` (N, C, …)."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"


class _InstanceNorm(_BatchNorm):
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
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)

    def _without_batch(self) -> int:
        """How many dimensions an input has that is a single sample."""
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``input`` (N, C, …) or (C, …)."""
        self._check_input_dim(input)
        single = input.ndim == self._without_batch()
        channels = input.shape[0 if single else 1]
        if channels != self.num_features and (self.affine or self.track_running_stats):
            raise ValueError(f"expected input's channels to match num_features ({self.num_features}), but got {channels}")
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
    """

    def _without_batch(self) -> int:
        return 2

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.ndim}D input)")


class InstanceNorm2d(_InstanceNorm):
    """Normalises each channel of each image, (N, C, H, W) or (C, H, W), by its own mean and variance; see `InstanceNorm1d`."""

    def _without_batch(self) -> int:
        return 3

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (3, 4):
            raise ValueError(f"expected 3D or 4D input (got {input.ndim}D input)")
