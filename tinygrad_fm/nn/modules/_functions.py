"""Batch norm over the batches of several processes, as one operation. (PyTorch has it in a file of this name.)"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._tensor import Tensor
from ...autograd.box import box
from ...autograd.function import Function, once_differentiable
from ...distributed import ProcessGroup, ReduceOp, all_gather_into_tensor, all_reduce
from ...ops.image_geometry import batch_first, batch_last

Array = np.ndarray[Any, Any]


def _channels(x: Array) -> Array:
    """``x`` (N, C, …) as (C, values): without a copy, where it lies in memory as layers leave it."""
    if x.ndim == 4:
        return batch_last(x).reshape(x.shape[1], x.size // x.shape[1])
    return np.moveaxis(x, 1, 0).reshape(x.shape[1], x.size // x.shape[1])


def _batch(rows: Array, shape: tuple[int, ...]) -> Array:
    """(C, values) as (N, C, …) again."""
    n, c, *inner = shape
    return batch_first(rows.reshape(c, *inner, n)) if len(inner) == 2 else np.moveaxis(rows.reshape(c, n, *inner), 0, 1)


def _statistics(x: Array, group: ProcessGroup | None, size: int) -> tuple[Array, Array, float]:
    """Mean and sum of squared deviations per channel, in float64, of all processes' ``x`` together, and of how many values.

    Each process's own are put together so that nothing is lost where the mean is large.
    Source: Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances", eq. 2.1.
    """
    rows = _channels(x)
    own = np.zeros((3, len(rows)))
    if rows.shape[1]:
        own[0], own[1] = rows.shape[1], rows.mean(1)
        centred = rows - own[1].astype(x.dtype)[:, None]
        own[2] = np.vecdot(centred, centred)
    found = box(np.empty((size, *own.shape)))
    all_gather_into_tensor(found, box(own), group)
    counts, means, squares = found._array.transpose(1, 0, 2)  # each (processes, C)
    count = counts.sum(0)
    mean = (counts * means).sum(0) / count
    return mean, (squares + counts * (means - mean) ** 2).sum(0), float(count[0])


class _SyncBatchNorm(Function):
    """(x − mean) / √(var + eps) · weight + bias, where mean and var are those of all processes' x.

    The gradients of weight and bias are those of the process's own part, as all parameters' are.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Any, bias: Any, mean: Array, inv: Array, count: float, group: ProcessGroup | None
    ) -> Tensor:
        y = _channels(x._array) - mean[:, None]
        y *= (inv if weight is None else inv * weight._array)[:, None]
        if bias is not None:
            y += bias._array[:, None]
        ctx.save_for_backward(x, weight)
        ctx.mean, ctx.inv, ctx.count, ctx.group = mean, inv, count, group
        return box(_batch(y, x._array.shape))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (g,), (x, weight) = grads, ctx.saved_tensors
        rows, gradient = _channels(x._array), _channels(g._array)
        centred = rows - ctx.mean[:, None]
        sums = np.array([gradient.sum(1), np.vecdot(gradient, centred)])
        own_weight, own_bias = sums[1] * ctx.inv, sums[0].copy()
        all_reduce(box(sums), ReduceOp.SUM, ctx.group)
        total, through = sums / ctx.count
        centred *= (through * ctx.inv * ctx.inv)[:, None]
        dx = gradient - centred
        dx -= total[:, None]
        dx *= (ctx.inv if weight is None else ctx.inv * weight._array)[:, None]
        needs = ctx.needs_input_grad
        return (
            box(_batch(dx, x._array.shape)),
            box(own_weight) if needs[1] else None,
            box(own_bias) if needs[2] else None,
            *(None,) * 4,
        )


def sync_batch_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, group: ProcessGroup | None, size: int
) -> tuple[Tensor, Array, Array, float]:
    """Batch norm over the parts of a batch that the ``size`` processes of ``group`` have.

    Args:
        x: this process's part, (N, C, …).
        weight, bias: (C,) or None.
        eps: added to the variance.

    Returns:
        The result; mean and biased variance (C,) of the whole batch, without gradients; and how many values each is of.

    Raises ValueError if there is a single value per channel in all.
    """
    mean, squares, count = _statistics(x._array, group, size)
    if count < 2:
        raise ValueError(f"Expected more than 1 value per channel when training, got {count:.0f} in all {size} processes")
    dtype = x._array.dtype
    inv = (1 / np.sqrt(squares / count + eps)).astype(dtype)
    y = _SyncBatchNorm.apply(x, weight, bias, mean.astype(dtype), inv, count, group)
    return y, mean.astype(dtype), (squares / count).astype(dtype), count
