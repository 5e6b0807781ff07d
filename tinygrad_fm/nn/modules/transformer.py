"""Attention with several heads, and the layers of a Transformer, from Linear, LayerNorm and Dropout.

Source: Vaswani et al. 2017, "Attention is all you need". Letters: N batch, L queries, S keys, E features, H heads.
Sequences are (L, N, E), with ``batch_first`` (N, L, E), or (L, E) for one alone.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from ... import ops
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .container import ModuleList
from .dropout import Dropout
from .factory import empty
from .linear import Linear
from .module import Module
from .normalization import LayerNorm


class NonDynamicallyQuantizableLinear(Linear):
    """`Linear`, under the name by which PyTorch prints the one in here."""


def _additive(mask: Tensor | None) -> Tensor | None:
    """A mask as something to add to the scores: in a bool one, True is where one may not look."""
    if mask is None or mask.is_floating_point():
        return mask
    return ops.masked_fill(ops.zeros(tuple(mask.shape)), mask, -math.inf)


class MultiheadAttention(Module):
    """Attention by H heads at once, each on its own projection of queries, keys and values to E / H features.

    Args:
        embed_dim: E. num_heads: H, a divisor of E.
        dropout: share of the weights that are dropped in training.
        bias: whether the projections have one.
        add_bias_kv, add_zero_attn: only False.
        kdim, vdim: features of keys and values; E if None.
        batch_first: whether sequences are (N, L, E).
        device: "cpu". dtype: of the parameters, float32 unless said otherwise.

    Attributes:
        in_proj_weight: (3 · E, E), or with ``kdim`` or ``vdim`` q_proj_weight (E, E), k_proj_weight, v_proj_weight.
        in_proj_bias: (3 · E,) or None. out_proj: a `Linear`.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if add_bias_kv or add_zero_attn:
            raise ValueError("MultiheadAttention: add_bias_kv and add_zero_attn are left out (see docs/pytorch.md)")
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim {embed_dim} must be divisible by num_heads {num_heads}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self.head_dim = embed_dim // num_heads
        alike = self.kdim == embed_dim == self.vdim
        shapes = {"in_proj_weight": (3 * embed_dim, embed_dim) if alike else None}
        for name, width in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
            shapes[f"{name}_proj_weight"] = None if alike else (embed_dim, width)
        shapes["in_proj_bias"] = (3 * embed_dim,) if bias else None  # type: ignore[assignment]
        for name, shape in shapes.items():
            self.register_parameter(name, None if shape is None else Parameter(empty(shape, device, dtype)))
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name, param in self._parameters.items():
            if param is not None:
                (init.zeros_ if name == "in_proj_bias" else init.xavier_uniform_)(param)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Let each query look at all keys.

        Args:
            query, key, value: (L, N, E), (S, N, kdim), (S, N, vdim), or as the module's docstring says.
            key_padding_mask: (N, S) or (S,); True, or −inf, for keys to leave out.
            need_weights: whether to return the weights.
            attn_mask: (L, S) or (N · H, L, S); True, or −inf, where a query may not look.
            average_attn_weights: over the heads.
            is_causal: only a hint that ``attn_mask`` is causal, which must be given.

        Returns:
            The result, shaped as ``query``, and the weights (N, L, S), (N, H, L, S) if not averaged, or None.
        """
        if is_causal and attn_mask is None:
            raise RuntimeError("MultiheadAttention: is_causal=True needs attn_mask as well")
        single = query.ndim == 2
        if single:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (self._heads(x) for x in self._project(query, key, value))  # (N, H, L or S, E / H)
        scores = (q * (1 / math.sqrt(self.head_dim))) @ k.transpose(-2, -1)  # (N, H, L, S)
        mask, padding = _additive(attn_mask), _additive(key_padding_mask)
        if mask is not None:
            scores = scores + (mask.reshape(scores.shape) if mask.ndim == 3 else mask)
        if padding is not None:
            scores = scores + padding.reshape(-1, 1, 1, scores.shape[-1])
        weights = F.dropout(ops.softmax(scores, -1), self.dropout, self.training)
        y = self.out_proj((weights @ v).transpose(1, 2).reshape(query.shape[0], query.shape[1], self.embed_dim))
        if average_attn_weights:
            weights = weights.mean(1)
        if single:
            return y.squeeze(0), weights.squeeze(0) if need_weights else None
        return y if self.batch_first else y.transpose(0, 1), weights if need_weights else None

    def _project(self, *inputs: Tensor) -> list[Tensor]:
        """Queries, keys and values, each by its third of the weights."""
        joint: Any = self.in_proj_weight
        weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight) if joint is None else joint.chunk(3)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return [F.linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True)]

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.num_heads, self.head_dim).transpose(1, 2)


def _activation(activation: str | Callable[[Tensor], Tensor]) -> Any:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return getattr(F, activation)


class _Block(Module):
    """What the layers of encoder and decoder share: the two-layer network at their end, and where the norms stand."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        where = {"device": device, "dtype": dtype}
        for name in self._attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **where))
        self.linear1 = Linear(d_model, dim_feedforward, bias, **where)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **where)
        self.norm_first = norm_first
        parts = range(1, len(self._attentions) + 2)
        for i in parts:
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **where))
        for i in parts:
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation)

    _attentions: tuple[str, ...] = ("self_attn",)

    def _add(self, i: int, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """``x`` plus what part ``i`` makes of it, normalised before or after."""
        norm, drop = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        return x + drop(part(norm(x))) if self.norm_first else norm(x + drop(part(x)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Block):
    """Self-attention and a two-layer network, each with a shortcut around it and a LayerNorm.

    Args:
        d_model: E. nhead: H. dim_feedforward: width of the network. dropout: everywhere.
        activation: of the network: "relu", "gelu" or a function.
        norm_first: normalise before each part instead of after it.
        layer_norm_eps, batch_first, bias, device, dtype: as in `LayerNorm`, `MultiheadAttention`, `Linear`.
    """

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        """Apply the layer to ``src``; the masks are those of `MultiheadAttention`."""
        look = lambda x: self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0]
        return self._add(2, self._add(1, src, look), self._feed_forward)


class TransformerDecoderLayer(_Block):
    """Self-attention, attention to ``memory`` and a two-layer network; arguments as in `TransformerEncoderLayer`."""

    _attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Apply the layer to ``tgt``, which may look at itself and at ``memory``."""
        own = lambda x: self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]
        other = lambda x: self.multihead_attn(
            x, memory, memory, memory_key_padding_mask, False, memory_mask, is_causal=memory_is_causal
        )[0]
        return self._add(3, self._add(2, self._add(1, tgt, own), other), self._feed_forward)


class _Stack(Module):
    """``num_layers`` copies of a layer, one after the other, and a ``norm`` at the end, or None."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm


class TransformerEncoder(_Stack):
    """Several `TransformerEncoderLayer`. Args: encoder_layer, which is copied; num_layers; norm, a last module or None."""

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None, is_causal: bool | None = None
    ) -> Tensor:
        """Apply all layers to ``src``."""
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(_Stack):
    """Several `TransformerDecoderLayer`. Args: decoder_layer, which is copied; num_layers; norm, a last module or None."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Apply all layers to ``tgt`` and ``memory``."""
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask,
                memory_mask,
                tgt_key_padding_mask,
                memory_key_padding_mask,
                bool(tgt_is_causal),
                memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder and a decoder that looks at its result. Arguments as in their layers, with a number of each."""

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        of_layers = (
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            device,
            dtype,
        )
        end = lambda: LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.encoder = custom_encoder or TransformerEncoder(TransformerEncoderLayer(*of_layers), num_encoder_layers, end())
        self.decoder = custom_decoder or TransformerDecoder(TransformerDecoderLayer(*of_layers), num_decoder_layers, end())
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for param in self.parameters():
            if param.ndim > 1:
                init.xavier_uniform_(param)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Encode ``src``, and decode ``tgt`` looking at it."""
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal, memory_is_causal
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """(sz, sz): −inf above the diagonal, 0 elsewhere, so that each position looks at those before it."""
        return ops.triu(ops.full((sz, sz), -math.inf, dtype=dtype, device=device), 1)
