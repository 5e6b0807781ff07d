"""Sequences of different lengths as one tensor. Recurrent layers are left out (docs/pytorch.md)."""

from __future__ import annotations

from collections.abc import Sequence

from ..._tensor import Tensor
from ...ops import functions as ops
from ...torch_compat.left_out import refuse

__all__ = ["pad_sequence", "unpad_sequence"]


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (Lᵢ, …) side by side, filled up to the longest: (L, N, …), or (N, L, …) with ``batch_first``."""
    longest = max(len(s) for s in sequences)
    rows = []
    for s in sequences:
        filling = ops.full((longest - len(s), *s.shape[1:]), padding_value, dtype=s.dtype)
        rows.append(ops.cat([s, filling] if padding_side == "right" else [filling, s]))
    return ops.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The way back from :func:`pad_sequence`."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(rows, lengths, strict=True)]


__getattr__ = refuse("torch.nn.utils.rnn")
