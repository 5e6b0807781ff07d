"""Attention. https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html"""

from __future__ import annotations

import math
from typing import Any

from ..errors import ShapeError
from .activation import softmax
from .creation import ones
from .diagonal import tril
from .dropout import dropout
from .elementwise import where

__all__ = ["scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(query · keyᵀ · scale + mask) · value: to each query the values, weighted by how well their keys fit.

    Args:
        query: (…, L, E). key: (…, S, E). value: (…, S, D).
        attn_mask: broadcast to (…, L, S); bool: True where a query may look, or float: added to the scores.
        dropout_p: share of the weights that are dropped; always, so give 0 in evaluation.
        is_causal: a query looks at keys up to its own position only. Excludes ``attn_mask``.
        scale: 1/√E if None.
        enable_gqa: each group of queries' heads (dimension −3) shares one head of keys and values.

    Returns:
        (…, L, D). A query that may look nowhere gets zeros.

    Source: Vaswani et al. 2017, "Attention is all you need", eq. 1.

    >>> import tinygrad_fm as torch
    >>> q, kv = torch.zeros(1, 2, 4), torch.tensor([[[1.0], [3.0]]])
    >>> scaled_dot_product_attention(q, torch.ones(1, 2, 4), kv, is_causal=True).squeeze()
    tensor([1., 2.])
    """
    if query.shape[-1] != key.shape[-1]:
        raise ShapeError(
            f"scaled_dot_product_attention(): query {tuple(query.shape)} and key {tuple(key.shape)} differ in their last size"
        )
    if is_causal and attn_mask is not None:
        raise RuntimeError("scaled_dot_product_attention(): attn_mask and is_causal=True exclude each other")
    if enable_gqa:
        heads = query.shape[-3]
        key, value = (x.repeat_interleave(heads // x.shape[-3], -3) for x in (key, value))
    scores = (query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)) @ key.transpose(-2, -1)
    if is_causal:
        attn_mask = tril(ones(query.shape[-2], key.shape[-2], dtype=bool))
    if attn_mask is not None and not attn_mask.is_floating_point():
        blind = ~attn_mask.any(-1, keepdim=True)  # these rows would be 0/0
        scores = where(attn_mask | blind, scores, -math.inf)
        weights = where(blind, 0.0, softmax(scores, -1))
    else:
        weights = softmax(scores if attn_mask is None else scores + attn_mask, -1)
    return dropout(weights, dropout_p, dropout_p > 0) @ value
