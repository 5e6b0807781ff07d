"""Parts of a tensor replaced, named as PyTorch names them; assignment ``x[i] = v`` does the same."""

from __future__ import annotations

from typing import Any

from ...dtypes import bool_
from .grids import broadcast_tensors


def _key(input: Any, dim: int, index: Any) -> tuple[Any, ...]:
    return (*[slice(None)] * (dim % input.ndim), index) if input.ndim else ()


def _replaced(input: Any, key: Any, value: Any) -> Any:
    result = input.clone()
    result[key] = value
    return result


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """``input`` with ``value`` in the slices ``index`` along ``dim``."""
    return _replaced(input, _key(input, dim, index), value)


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """``input`` with the slices ``index`` along ``dim`` taken from ``source``, in its order."""
    return _replaced(input, _key(input, dim, index), source if input.ndim else source.reshape(()))


def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """``input`` with the elements where ``mask`` holds taken from ``source``, one after the other."""
    if mask.dtype is not bool_:
        raise RuntimeError(f"masked_scatter(): expected a mask of bools, got {mask.dtype}")
    input, where = broadcast_tensors(input, mask)
    return _replaced(input, where, source.reshape(-1)[: int(where.sum())])


def take(input: Any, index: Any) -> Any:
    """The elements at ``index``, counted as if ``input`` were a vector; of the index's shape."""
    return input.reshape(-1)[index]
