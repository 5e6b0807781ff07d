"""Batch normalisation, per channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._tensor import Tensor
from ...autograd.box import box
from ...distributed import ProcessGroup, get_world_size, is_initialized
from .. import functional as F
from .. import init
from ..parameter import UninitializedBuffer, UninitializedParameter, UninitializedTensorMixin, empty
from ._functions import sync_batch_norm
from .lazy import LazyModuleMixin
from .module import Module
from .normalization import _Affine

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "SyncBatchNorm",
]


class _NormBase(_Affine):
    """What batch and instance norms share; a subclass says which inputs it takes.

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

    _version = 2
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
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
        self._add_affine((num_features,), affine, bias, device, dtype)
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
        super().reset_parameters()

    def _check_input_dim(self, input: Tensor) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        tracked = self.num_batches_tracked
        if local_metadata.get("version", 1) < 2 and tracked is not None:
            state_dict.setdefault(f"{prefix}num_batches_tracked", tracked)  # PyTorch 0.4 did not save it
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    """What batch norms of all dimensions share."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``input`` (N, C, …) per channel: by its own statistics in training, the running ones afterwards."""
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked._array[...] += 1
            self.num_batches_tracked._written()
            if self.momentum is None:
                momentum = 1 / int(self.num_batches_tracked._array)
        mean, var = self.running_mean, self.running_var
        by_batch = self.training or (mean is None and var is None)
        if self.training and not self.track_running_stats:
            mean = var = None
        return self._normalise(input, mean, var, by_batch, momentum)

    def _normalise(self, input: Tensor, mean: Any, var: Any, by_batch: bool, momentum: float) -> Tensor:
        return F.batch_norm(input, mean, var, self.weight, self.bias, by_batch, momentum, self.eps)


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
        >>> norm = nn.BatchNorm1d(1)
        >>> norm(tensor(np.array([[1.0], [3.0]], np.float32))).round(decimals=4).tolist()
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

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.BatchNorm2d(3)(torch.randn(2, 3, 4, 4)).shape
        torch.Size([2, 3, 4, 4])
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim != 4:
            raise ValueError(f"expected 4D input (got {input.ndim}D input)")


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes (N, C, D, H, W), per channel; see `BatchNorm1d`.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.BatchNorm3d(3)(torch.randn(2, 3, 4, 4, 4)).shape
        torch.Size([2, 3, 4, 4, 4])
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim != 5:
            raise ValueError(f"expected 5D input (got {input.ndim}D input)")


class _LazyNorm(LazyModuleMixin, _NormBase):
    """Arguments are those of `BatchNorm2d` without ``num_features``, which the first input gives; see
    `nn.modules.lazy.LazyModuleMixin`."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = box(np.zeros((), np.int64))

    def _features(self, input: Tensor) -> int:
        """C of an input (N, C, …)."""
        return input.shape[1]

    def initialize_parameters(self, input: Tensor) -> None:
        """Take C from ``input``, and give parameters and statistics their first values."""
        self._check_input_dim(input)
        fresh, self.num_features = self.has_uninitialized_params(), self._features(input)
        for part in (self.weight, self.bias, self.running_mean, self.running_var):
            if isinstance(part, UninitializedTensorMixin):
                part.materialize((self.num_features,))
            elif part is not None:
                self.num_features = part.shape[0]
        if fresh:
            self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, _BatchNorm):
    """`BatchNorm1d` whose ``num_features`` the first input gives.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyBatchNorm1d()(torch.randn(2, 3)).shape
        torch.Size([2, 3])
    """

    cls_to_become = BatchNorm1d
    _check_input_dim = BatchNorm1d._check_input_dim


class LazyBatchNorm2d(_LazyNorm, _BatchNorm):
    """`BatchNorm2d` whose ``num_features`` the first input gives.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyBatchNorm2d()(torch.randn(2, 3, 4, 4)).shape
        torch.Size([2, 3, 4, 4])
    """

    cls_to_become = BatchNorm2d
    _check_input_dim = BatchNorm2d._check_input_dim


class LazyBatchNorm3d(_LazyNorm, _BatchNorm):
    """`BatchNorm3d` whose ``num_features`` the first input gives.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.LazyBatchNorm3d()(torch.randn(2, 3, 4, 4, 4)).shape
        torch.Size([2, 3, 4, 4, 4])
    """

    cls_to_become = BatchNorm3d
    _check_input_dim = BatchNorm3d._check_input_dim


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation over the parts of a batch that several processes have: in training, mean and variance are of all
    parts together. In evaluation, and in one process, it is `BatchNorm1d`, for inputs of any number of dimensions from 2 on.

    All processes must call it the same number of times, forward and backward. Gradients of gradients are refused. Arguments
    are those of all batch norms, and ``process_group``: the processes, all by default.

    Shapes: (N, C, …), unchanged; N may differ between processes.

    Raises:
        ValueError: fewer than 2 dimensions, or a single value per channel in all processes together.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html

    Example:
        >>> from tinygrad_fm import nn
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
        >>> nn.SyncBatchNorm.convert_sync_batchnorm(model)[1]
        SyncBatchNorm(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: ProcessGroup | None = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")

    def _normalise(self, input: Tensor, mean: Any, var: Any, by_batch: bool, momentum: float) -> Tensor:
        size = get_world_size(self.process_group) if is_initialized() else 1
        if not by_batch or size == 1:
            return super()._normalise(input, mean, var, by_batch, momentum)
        if input.shape[1] != self.num_features:
            raise ValueError(
                f"SyncBatchNorm: expected {self.num_features} channels, got an input of shape {tuple(input.shape)}"
            )
        y, batch_mean, batch_var, count = sync_batch_norm(input, self.weight, self.bias, self.eps, self.process_group, size)
        F._move(mean, batch_mean, momentum)
        F._move(var, batch_var, momentum, count / (count - 1))
        return y

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: ProcessGroup | None = None) -> Module:
        """``module`` with a `SyncBatchNorm` in place of each batch norm in it, of the same parameters, buffers and mode; lazy
        ones stay as they are.

        Returns the module itself, changed, or if it is a batch norm what stands for it.
        """
        if isinstance(module, _BatchNorm):
            if isinstance(module, (SyncBatchNorm, LazyModuleMixin)):
                return module
            made = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            made._parameters.update(module._parameters)
            made._buffers.update(module._buffers)
            return made.train(module.training)
        for name, child in module._modules.items():
            if child is not None:
                module._modules[name] = cls.convert_sync_batchnorm(child, process_group)
        return module
