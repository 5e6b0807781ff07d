"""What layers compute, made of others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...autograd.primitive import raw
from ...dtypes import OURS
from ...errors import ShapeError


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """softmax((logits + g) / tau) with g drawn from Gumbel's distribution: a random choice that has a gradient.

    Args:
        hard: one-hot results, with the gradient of the soft ones.

    Source: Jang et al. 2017, "Categorical reparameterization with Gumbel-softmax", eq. 2.
    """
    noise = -ops.log(-ops.log(ops.clamp(ops.rand(tuple(logits.shape), dtype=logits.dtype), min=1e-20)))
    soft = ops.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    chosen = ops.scatter(ops.zeros_like(soft), dim, ops.argmax(soft, dim, keepdim=True), 1.0)
    return chosen - soft.detach() + soft


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """x / √(mean(x²) + eps) · weight, over the last dimensions.

    Args:
        normalized_shape: the sizes of those dimensions. weight: of that shape. eps: the dtype's epsilon if None.

    Source: Zhang and Sennrich 2019, "Root mean square layer normalization", eq. 4.
    """
    shape = tuple(normalized_shape)
    if tuple(input.shape[-len(shape) :]) != shape:
        raise ShapeError(f"rms_norm(): expected the last sizes {shape}, got an input of shape {tuple(input.shape)}")
    eps = float(np.finfo(raw(input).dtype).eps) if eps is None else eps
    y = input * ops.rsqrt((input * input).mean(tuple(range(-len(shape), 0)), keepdim=True) + eps)
    return y if weight is None else y * weight


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """x / (k + alpha · mean of x² over ``size`` neighbouring channels)^beta, for (N, C, …).

    Source: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks", section 3.3.
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm(): expected an input of 3 dimensions or more, got {input.ndim}")
    n, c = input.shape[:2]
    square = (input * input).reshape(n, c, math.prod(input.shape[2:]))
    ends = [ops.zeros(n, pad, square.shape[2], dtype=input.dtype) for pad in (size // 2, (size - 1) // 2)]
    padded = ops.cat([ends[0], square, ends[1]], 1)
    total = sum((padded.narrow(1, i, c) for i in range(1, size)), padded.narrow(1, 0, c))
    return input / ((total * (alpha / size) + k) ** beta).reshape(input.shape)


def channel_shuffle(input: Any, groups: int) -> Any:
    """(N, C, …) with the channels of the groups taken in turns: channel g · C/groups + i becomes i · groups + g."""
    n, c, *rest = input.shape
    if c % groups:
        raise RuntimeError(f"channel_shuffle(): {c} channels cannot be divided into {groups} groups")
    return input.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(input.shape)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """x₁ · W · x₂ + b for each output: (…, I), (…, J), weight (O, I, J), bias (O,); the result is (…, O)."""
    y = ops.einsum("...i,oij,...j->...o", input1, weight, input2)
    return y if bias is None else y + bias


def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """(Σ xᵖ)^(1/p) over windows; see :func:`avg_pool2d` for the windows."""
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    mean = ops.avg_pool2d(input**norm_type, kernel_size, stride, 0, ceil_mode)
    return (ops.sign(mean) * ops.relu(ops.abs(mean)) * (kh * kw)) ** (1.0 / norm_type)


def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Puts the maxima that ``max_pool2d(…, return_indices=True)`` gave back where they were, among zeros.

    Args:
        output_size: the size before pooling, if the windows leave more than one possible.
    """
    pair = lambda v: (v, v) if isinstance(v, int) else tuple(v)
    (kh, kw), (ph, pw) = pair(kernel_size), pair(padding)
    sh, sw = pair(kernel_size if stride is None else stride)
    h, w = (input.shape[-2] - 1) * sh - 2 * ph + kh, (input.shape[-1] - 1) * sw - 2 * pw + kw
    if output_size is not None:
        h, w = tuple(output_size)[-2:]
    if tuple(indices.shape) != tuple(input.shape):
        raise ShapeError(f"max_unpool2d(): indices must have input's shape {tuple(input.shape)}, got {tuple(indices.shape)}")
    lead = tuple(input.shape[:-2])
    flat = ops.zeros((*lead, h * w), dtype=OURS[raw(input).dtype])
    rows = (*lead, -1)
    return ops.scatter(flat, -1, indices.reshape(rows), input.reshape(rows)).reshape(*lead, h, w)
