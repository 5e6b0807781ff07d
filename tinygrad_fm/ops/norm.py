"""Normalisation: the statistics of an input, and the input brought to mean 0 and variance 1 by them.

Letters: x (N, C, …) with N samples and C channels. Running statistics are kept by ``nn``; operations know nothing
of them.
"""

from __future__ import annotations

from typing import Any

from ..autograd.primitive import raw
from ..errors import ShapeError
from .elementwise import rsqrt
from .reduce import mean


def batch_norm(x: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    """(x − mean) / √(var + eps) · weight + bias, per channel, with mean and biased variance of the batch.

    Args:
        x: (N, C, …).
        weight, bias: (C,) or None.
        eps: added to the variance.

    Returns:
        The result, and as plain arrays (C,) the batch's mean and variance, without gradients.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithm 1.
    """
    others = (0, *range(2, x.ndim))
    average = mean(x, others, keepdim=True)  # (1, C, 1, …)
    centred = x - average
    var = mean(centred * centred, others, keepdim=True)
    return _affine(centred * rsqrt(var + eps), weight, bias), raw(average).reshape(-1), raw(var).reshape(-1)


def normalize_channels(x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """(x − running_mean) / √(running_var + eps) · weight + bias, per channel: batch norm in evaluation.

    Args:
        x: (N, C, …).
        running_mean, running_var: (C,).
        weight, bias: (C,) or None.
        eps: added to the variance.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithm 2.
    """
    scale = rsqrt(running_var + eps)
    return _affine((x - _per_channel(running_mean, x)) * _per_channel(scale, x), weight, bias)


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    if weight is not None:
        x = x * _per_channel(weight, x)
    return x if bias is None else x + _per_channel(bias, x)


def _per_channel(values: Any, x: Any) -> Any:
    """``values`` (C,) so that they broadcast against ``x`` (N, C, …): (C, 1, …)."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """(x − mean) / √(var + eps) · weight + bias over the last dimensions, with their own mean and biased variance.

    Args:
        input: (…, *normalized_shape).
        normalized_shape: the sizes of the last dimensions.
        weight, bias: of shape ``normalized_shape``, or None.
        eps: added to the variance.

    Raises:
        ShapeError: the input does not end in ``normalized_shape``.

    Source: Ba et al. 2016, "Layer normalization", eq. 4.
    """
    sizes = tuple(normalized_shape)
    if not sizes or tuple(input.shape[-len(sizes):]) != sizes:
        raise ShapeError(f"layer_norm: expected an input of shape (..., {', '.join(map(str, sizes))}), "
                         f"got {tuple(input.shape)}")
    last = tuple(range(-len(sizes), 0))
    centred = input - mean(input, last, keepdim=True)
    y = centred * rsqrt(mean(centred * centred, last, keepdim=True) + eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias
