"""Class numbers as vectors: ``embedding`` and ``one_hot``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..errors import ArgumentError, IndexTypeError, ShapeError
from ._arguments import as_index
from .indexing import add_into

__all__ = ["embedding", "one_hot"]

Array = np.ndarray[Any, Any]


def _embedding_rule(g: Any, index: Array, padding: int | None, weight_shape: tuple[int, ...]) -> Any:
    if padding is not None:
        g = g * (index != padding)[..., None]
    return add_into(g, key=(index,), shape=weight_shape)


_embedding = primitive(
    lambda weight, index, padding: np.take(weight, as_index(index), 0), name="embedding", promotion=None, weight=_embedding_rule
)


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """The rows of ``weight`` (V, D) that ``input`` (…, int64 or int32, from 0 to V - 1) names: (…, D).

    Args:
        padding_idx: a row that receives no gradient.

    Raises:
        IndexError: an index is out of range. IndexTypeError: ``input`` is neither int64 nor int32.
        ShapeError: ``weight`` has not 2 dimensions. ArgumentError: ``padding_idx`` is out of range.

    >>> import tinygrad_fm as torch
    >>> torch.embedding(torch.tensor([2, 0]), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    if weight.ndim != 2:
        raise ShapeError(f"embedding(): weight must have 2 dimensions, got shape {tuple(weight.shape)}")
    index, rows = np.asarray(raw(input)), weight.shape[0]
    if index.dtype not in (np.int64, np.int32):
        raise IndexTypeError(f"embedding(): input must be made of integers (int64 or int32), got {index.dtype}")
    if index.size and not 0 <= index.min() <= index.max() < rows:
        worst = index.min() if index.min() < 0 else index.max()
        raise IndexError(f"embedding(): index {worst} is out of range for a weight with {rows} rows")
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise ArgumentError(f"embedding(): padding_idx {padding_idx} is out of range for a weight with {rows} rows")
        padding_idx %= rows
    return _embedding(weight, index=index, padding=padding_idx)


def _one_hot(x: Array, classes: int) -> Array:
    return (x[..., None] == np.arange(classes)).astype(np.int64)


_one_hot_of = primitive(_one_hot, name="one_hot", inputs="x", promotion=None)


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """For each class number k in ``tensor`` (…), a row of zeros with a 1 at k: (…, num_classes), int64.

    Args:
        num_classes: -1 stands for one more than the highest number.

    Raises RuntimeError for numbers that are negative or too high.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.one_hot(torch.tensor([0, 2]), 3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    x = raw(tensor)
    if x.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot(): class numbers must be integers, got {x.dtype}")
    if x.size == 0 and num_classes < 0:
        raise RuntimeError("one_hot(): num_classes is needed for an empty tensor")
    highest = int(x.max()) if x.size else -1
    classes = highest + 1 if num_classes < 0 else num_classes
    if (x.size and x.min() < 0) or highest >= classes:
        raise RuntimeError(f"one_hot(): class numbers must lie in 0 to {classes - 1}, got {x.min()} to {highest}")
    return _one_hot_of(tensor, classes=classes)
