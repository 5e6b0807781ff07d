"""PyTorch's ``torch.nn.functional``: operations under the names that they have there, with the same arguments.

They are the operations of ``tinygrad_fm.ops`` as they are, and ``batch_norm``, which also keeps running statistics.
"""

from __future__ import annotations

import numpy as np

from .. import ops
from ..ops import (
    alpha_dropout,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    celu,
    cosine_embedding_loss,
    cosine_similarity,
    cross_entropy,
    dropout,
    dropout1d,
    dropout2d,
    elu,
    embedding,
    flatten,
    gelu,
    glu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    leaky_relu,
    linear,
    log_softmax,
    logsigmoid,
    margin_ranking_loss,
    mish,
    mse_loss,
    nll_loss,
    normalize,
    one_hot,
    pairwise_distance,
    prelu,
    relu,
    relu6,
    rrelu,
    selu,
    sigmoid,
    silu,
    smooth_l1_loss,
    soft_margin_loss,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold,
    triplet_margin_loss,
)
from ..ops.norm import layer_norm
from ..tensor import Tensor

__all__ = [
    "alpha_dropout", "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu",
    "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dropout", "dropout1d", "dropout2d", "elu",
    "embedding", "flatten", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear",
    "log_softmax", "logsigmoid", "margin_ranking_loss", "mish", "mse_loss", "nll_loss", "normalize", "one_hot",
    "pairwise_distance", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "smooth_l1_loss",
    "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink",
    "threshold", "triplet_margin_loss",
]


def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """(x − mean) / √(var + eps) · weight + bias, per channel.

    Args:
        input: (N, C, …).
        running_mean, running_var: (C,); used as they are, or in ``training`` moved towards the batch's, if given.
        weight, bias: (C,) or None.
        training: whether mean and (biased) variance are the batch's.
        momentum: how far the running statistics move; the running variance is unbiased.
        eps: added to the variance.

    Raises:
        ValueError: a single value per channel in training. RuntimeError: a (C,) argument of another length.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithms 1 and 2.
    """
    channels = input.shape[1]
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, value in given.items():
        if value is not None and value.shape[0] != channels:
            raise RuntimeError(f"batch_norm: {name} should contain {channels} elements not {value.shape[0]}")
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: expected running_mean and running_var to be given when training=False")
        return ops.normalize_channels(input, running_mean, running_var, weight, bias, eps)
    count = input.numel() // channels if channels else 0
    if count == 1:
        raise ValueError("Expected more than 1 value per channel when training, "
                         f"got input size torch.Size({list(input.shape)})")
    result, mean, var = ops.batch_norm(input, weight, bias, eps)
    if count:
        _move(running_mean, mean, momentum)
        _move(running_var, var, momentum, count / (count - 1))
    return result


def _move(running: Tensor | None, batch: np.ndarray, momentum: float, factor: float = 1.0) -> None:
    """running ← (1 − momentum) · running + momentum · factor · batch, outside the tape."""
    if running is not None:
        array = running._array
        array *= 1 - momentum
        array += batch * (momentum * factor)
        running._written()
