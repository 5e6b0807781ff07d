"""Embeddings: a learned vector per symbol."""

from __future__ import annotations

from typing import Any, TypeVar

from ..._tensor import Tensor
from ...errors import ArgumentError
from .. import functional as F
from .. import init
from ..parameter import Parameter, empty
from .module import Module

__all__ = ["Embedding", "EmbeddingBag"]

E = TypeVar("E", bound="_Table")


class _Table(Module):
    """What `Embedding` and `EmbeddingBag` share: the table, and where it comes from."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool
    weight: Parameter

    def _make_table(self, weight: Tensor | None, freeze: bool, device: Any, dtype: Any) -> None:
        rows, padding = self.num_embeddings, self.padding_idx
        if padding is not None:
            if not -rows <= padding < rows:
                raise ArgumentError(f"padding_idx must be within num_embeddings, got {padding} of {rows}")
            self.padding_idx = padding % rows
        given = empty((rows, self.embedding_dim), device, dtype) if weight is None else weight
        if tuple(given.shape) != (rows, self.embedding_dim):
            raise ArgumentError(
                f"Shape of weight does not match num_embeddings and embedding_dim: expected {(rows, self.embedding_dim)}, "
                f"got {tuple(given.shape)}"
            )
        self.weight = Parameter(given, requires_grad=not freeze)
        if weight is None:
            self.reset_parameters()

    @classmethod
    def from_pretrained(cls: type[E], embeddings: Tensor, freeze: bool = True, *args: Any, **options: Any) -> E:
        """An embedding over the table ``embeddings`` (V, D), frozen unless said otherwise; the further arguments are the
        class's own."""
        if embeddings.ndim != 2:
            raise ArgumentError(f"Embeddings parameter is expected to be 2-dimensional, got {embeddings.ndim} dimensions")
        made = cls(*embeddings.shape, *args, _weight=embeddings, **options)
        made.weight.requires_grad_(not freeze)
        return made

    def reset_parameters(self) -> None:
        """Draw the table anew from the normal distribution; the padding row is zeros."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight._array[self.padding_idx] = 0

    def extra_repr(self) -> str:
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        shown = [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *shown])


class Embedding(_Table):
    """A table of vectors, looked up by number.

    Args:
        num_embeddings: V, how many vectors.
        embedding_dim: D, their length.
        padding_idx: a row that starts as zeros and receives no gradient.
        max_norm: rows that are looked up and longer than this are scaled down to it, in the table itself.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it is looked up in a batch.
        sparse: without effect.
        device: "cpu". dtype: of the table, float32 unless said otherwise.

    Attributes:
        weight: (V, D), drawn from the normal distribution.

    Shapes: integers (…) → (…, D).

    Raises:
        ValueError: ``padding_idx`` beyond the table.

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
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self._make_table(_weight, _freeze, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """The vectors of ``input`` (…), integers from 0 to V − 1."""
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the vectors of each bag of numbers, without the vectors themselves.

    Args:
        mode: "sum", "mean" or "max".
        include_last_offset: whether offsets have one more entry, where the last bag ends.
        padding_idx: a number that does not count as part of a bag. The others are `Embedding`'s.

    Attributes:
        weight: (V, D), drawn from the normal distribution.

    Shapes: integers (B, L), or (n,) with offsets (B,) → (B, D).

    Example:
        >>> from tinygrad_fm import nn, tensor
        >>> tuple(nn.EmbeddingBag(10, 3)(tensor([1, 2, 4, 9]), tensor([0, 3])).shape)
        (2, 3)
    """

    mode: str
    include_last_offset: bool

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.mode, self.include_last_offset = mode, include_last_offset
        self._make_table(_weight, False, device, dtype)

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """The bags of ``input``; see `functional.embedding_bag` for the other arguments."""
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return super().extra_repr().replace(padding, "") + f", mode={self.mode!r}{padding}"
