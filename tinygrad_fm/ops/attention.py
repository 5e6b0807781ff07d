"""Attention. https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..autograd.tensor_type import Tensor
from ..dtypes import bool_
from ..errors import ArgumentError, ShapeError
from .creation import ones, zeros
from .diagonal import tril
from .dropout import dropout
from .elementwise import where
from .half_precision import in_single
from .indexing import masked_fill
from .join_split import cat
from .matmul import linear
from .padding import pad
from .softmax import softmax

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
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

    Raises:
        ShapeError: query and key differ in their last size.
        RuntimeError: a mask and ``is_causal`` at once.

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
    return in_single(_attend, query, key, value, attn_mask, dropout_p=dropout_p, is_causal=is_causal, scale=scale)


def _attend(query: Any, key: Any, value: Any, attn_mask: Any, dropout_p: float, is_causal: bool, scale: float | None) -> Any:
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


def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    """What `nn.MultiheadAttention` computes: H heads, each on its own projection of queries, keys and values to E / H features.

    Args:
        query, key, value: (L, N, E), (S, N, …), (S, N, …), or without N.
        embed_dim_to_check: E. num_heads: H.
        in_proj_weight, in_proj_bias: (3 · E, E) and (3 · E,) or None; with ``use_separate_proj_weight`` the three weights
            ``q_proj_weight``, ``k_proj_weight`` and ``v_proj_weight`` instead.
        bias_k, bias_v: (1, 1, E), a further key and value; or None.
        add_zero_attn: whether to add a key and a value of zeros.
        dropout_p: share of the attention's weights that are dropped in ``training``.
        out_proj_weight, out_proj_bias: (E, E) and (E,) or None.
        key_padding_mask: (N, S), or (S,) without N; True, or −inf, for keys to leave out.
        need_weights: whether to return the weights.
        attn_mask: (L, S) or (N · H, L, S); True, or −inf, where a query may not look.
        static_k, static_v: (N · H, S, E / H) instead of the projected keys and values.
        average_attn_weights: over the heads.
        is_causal: only a hint that ``attn_mask`` is causal, which must be given.

    Returns:
        The result, shaped as ``query``, and the weights (N, L, S), (N, H, L, S) if not averaged, or None.

    Raises:
        ArgumentError: shapes that do not fit one another. RuntimeError: a mask that does not fit.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.2.2.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> x, w = torch.ones(2, 1, 4), torch.ones(12, 4)
    >>> y, weights = F.multi_head_attention_forward(x, x, x, 4, 2, w, None, None, None, False, 0.0, torch.eye(4), None)
    >>> y.shape
    torch.Size([2, 1, 4])
    >>> weights
    tensor([[[0.5000, 0.5000],
             [0.5000, 0.5000]]])
    """
    if is_causal and attn_mask is None:
        raise RuntimeError("multi_head_attention_forward(): is_causal=True is a hint about attn_mask, which must be given")
    single = query.ndim == 2
    _check_attention(query, key, value, key_padding_mask, attn_mask, num_heads, embed_dim_to_check)
    if single:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))
    n, e = query.shape[1:]
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight.chunk(3)
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
    if bias_k is not None:
        k, v = (cat([x, b.repeat(1, n, 1)]) for x, b in ((k, bias_k), (v, bias_v)))
    q, k, v = (_by_heads(x, num_heads, static) for x, static in ((q, None), (k, static_k), (v, static_v)))
    if add_zero_attn:
        k, v = (pad(x, (0, 0, 0, 1)) for x in (k, v))
    scores = (q * math.sqrt(num_heads / e)) @ k.transpose(-2, -1)  # (N, H, L, S)
    for mask in _masks(attn_mask, key_padding_mask, n, num_heads, scores):
        scores = scores + mask
    shares = dropout(softmax(scores, -1), dropout_p, training)
    y = linear((shares @ v).permute(2, 0, 1, 3).reshape(len(query), n, e), out_proj_weight, out_proj_bias)
    if average_attn_weights:
        shares = shares.mean(1)
    if single:
        y, shares = y.squeeze(1), shares.squeeze(0)
    return y, shares if need_weights else None


def _by_heads(x: Any, heads: int, static: Any) -> Any:
    """(L, N, E) → (N, H, L, E / H); or ``static`` (N · H, S, E / H) in the place of ``x``, as (N, H, S, E / H)."""
    length, n, e = x.shape
    if static is not None:
        return static.reshape(n, heads, *static.shape[1:])
    return x.reshape(length, n, heads, e // heads).permute(1, 2, 0, 3)


def _check_attention(query: Any, key: Any, value: Any, padding: Any, mask: Any, heads: int, embed_dim: int) -> None:
    """Whether the arguments of :func:`multi_head_attention_forward` fit one another."""
    here, shapes = "multi_head_attention_forward()", [tuple(x.shape) for x in (query, key, value)]

    def require(holds: bool, text: str) -> None:
        if not holds:
            raise ArgumentError(f"{here}: {text}; query, key and value have the shapes {shapes}")

    ndim = query.ndim
    require(ndim in (2, 3), f"query should be unbatched 2D or batched 3D tensor but received {ndim}-D query tensor")
    require(key.ndim == value.ndim == ndim, f"key and value must have as many dimensions as query, {ndim}")
    require(query.shape[-1] == embed_dim, f"was expecting embedding dimension of {embed_dim}, but got {query.shape[-1]}")
    require(embed_dim % heads == 0, f"embed_dim {embed_dim} not divisible by num_heads {heads}")
    require(key.shape[:-1] == value.shape[:-1], "key and value must agree in length and batch size")
    if query.shape[1:-1] != key.shape[1:-1]:
        raise ShapeError(f"{here}: query, key and value must agree in batch size, got the shapes {shapes}")
    if padding is not None:
        expected = (*key.shape[1:-1], key.shape[0])
        require(padding.shape == expected, f"key_padding_mask should have the shape {expected}, got {tuple(padding.shape)}")
    if mask is not None:
        sizes = (len(query), len(key))
        expected = sizes if mask.ndim == 2 else (math.prod(query.shape[1:-1]) * heads, *sizes)
        if mask.shape != expected:
            raise ShapeError(f"{here}: attn_mask should have the shape {expected}, got {tuple(mask.shape)}")
    for name, given in (("attn_mask", mask), ("key_padding_mask", padding)):
        floats = given is None or given.is_floating_point() or given.dtype == bool_
        require(floats, f"only bool and floating types of {name} are supported")


def _masks(attn_mask: Any, key_padding_mask: Any, n: int, heads: int, scores: Any) -> Iterator[Any]:
    """Both masks as something to add to ``scores`` (N, H, L, S), open for keys that were added at the end."""
    for given in (attn_mask, key_padding_mask):
        if given is None:
            continue
        mask = given
        if not mask.is_floating_point():
            mask = masked_fill(zeros(tuple(mask.shape), dtype=scores.dtype), mask, -math.inf)
        mask = pad(mask, (0, scores.shape[-1] - mask.shape[-1]))
        if given is key_padding_mask:
            yield mask.reshape(n, 1, 1, -1)
        else:
            yield mask.reshape(n, heads, *mask.shape[1:]) if mask.ndim == 3 else mask
