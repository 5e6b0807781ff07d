"""Embeddings: a learned vector per symbol."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter, empty
from .module import Module

__all__ = ["Embedding"]


class Embedding(Module):
    """A table of vectors, looked up by number.

    Args:
        num_embeddings: V, how many vectors.
        embedding_dim: D, their length.
        padding_idx: a row that starts as zeros and receives no gradient.
        max_norm, norm_type, scale_grad_by_freq: only the defaults. sparse: without effect.
        device: "cpu". dtype: of the table, float32 unless said otherwise.

    Attributes:
        weight: (V, D), drawn from the normal distribution.

    Shapes: integers (…) → (…, D).

    Raises:
        ValueError: ``padding_idx`` beyond the table, or options that are not offered.

    Example:
        >>> from tinygrad_fm import nn, tensor
        >>> tuple(nn.Embedding(10, 3)(tensor([[1, 2], [4, 9]])).shape)
        (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if max_norm is not None or scale_grad_by_freq:
            raise ValueError("Embedding: max_norm and scale_grad_by_freq are not offered")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx must be within num_embeddings, got {padding_idx} of {num_embeddings}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse = max_norm, norm_type, False, sparse
        given = empty((num_embeddings, embedding_dim), device, dtype) if _weight is None else _weight
        if tuple(given.shape) != (num_embeddings, embedding_dim):
            raise ValueError("Shape of weight does not match num_embeddings and embedding_dim")
        self.weight = Parameter(given, requires_grad=not _freeze)
        if _weight is None:
            self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Embedding:
        """An embedding over the table ``embeddings`` (V, D), frozen unless said otherwise."""
        rows, size = embeddings.shape
        return cls(rows, size, padding_idx, _weight=embeddings, _freeze=freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew from the normal distribution; the padding row is zeros."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight._array[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        """The vectors of ``input`` (…), integers from 0 to V − 1."""
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
