"""Tensors put together and taken apart: grids, stacks, splits, mirrors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ... import ops
from ...autograd.primitive import box, is_tensor, raw


def _several(tensors: tuple[Any, ...]) -> list[Any]:
    """The tensors of ``f(a, b)`` or ``f([a, b])``."""
    return list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All tensors, as views of the shape that they broadcast to."""
    every = _several(tensors)
    shape = np.broadcast_shapes(*(x.shape for x in every))
    return tuple(ops.broadcast_to(x, shape) for x in every)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """For vectors of N₁ … Nₖ elements, k grids (N₁, …, Nₖ) that hold each vector along its own dimension.

    Args:
        indexing: "xy" exchanges the first two dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij")[1]
    tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    vectors = [x.reshape(-1) for x in _several(tensors)]
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid(): indexing must be 'ij' or 'xy', got {indexing!r}")
    if indexing == "xy" and len(vectors) > 1:
        vectors[:2] = vectors[1::-1]
    shape = tuple(len(v) for v in vectors)
    grids = [
        ops.broadcast_to(v.reshape((1,) * i + (-1,) + (1,) * (len(vectors) - i - 1)), shape) for i, v in enumerate(vectors)
    ]
    if indexing == "xy" and len(grids) > 1:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Any:
    """Every choice of one element from each vector, a row each."""
    if len(tensors) == 1:
        return tensors[0]
    return ops.stack([g.reshape(-1) for g in meshgrid(*tensors)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """Every choice of ``r`` elements of a vector in their order, a row each."""
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    index = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return input[box(index)]


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None) -> Any:
    """(2, N): rows and columns of the elements on and below the diagonal ``offset`` of a ``row`` × ``col`` matrix."""
    return ops.as_tensor(np.stack(np.tril_indices(row, offset, col)), dtype, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None) -> Any:
    """(2, N): rows and columns of the elements on and above the diagonal ``offset`` of a ``row`` × ``col`` matrix."""
    return ops.as_tensor(np.stack(np.triu_indices(row, offset, col)), dtype, device)


def _atleast(ndim: int, tensors: tuple[Any, ...], widen: Any) -> Any:
    every = _several(tensors)
    results = tuple(x if x.ndim >= ndim else widen(x) for x in every)
    return results[0] if len(tensors) == 1 and is_tensor(tensors[0]) else results


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor, a 0-d one as (1,)."""
    return _atleast(1, tensors, lambda x: x.reshape(1))


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with two dimensions or more: (N,) becomes (1, N)."""
    return _atleast(2, tensors, lambda x: x.reshape(1, -1))


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with three dimensions or more: (N,) becomes (1, N, 1), (N, M) becomes (N, M, 1)."""
    return _atleast(3, tensors, lambda x: x.unsqueeze(-1) if x.ndim == 2 else x.reshape(1, -1, 1))


def dstack(tensors: Any) -> Any:
    """The tensors beside one another along the third dimension."""
    return ops.cat([atleast_3d(x) for x in tensors], 2)


def column_stack(tensors: Any) -> Any:
    """Vectors as the columns of a matrix; matrices beside one another."""
    return ops.hstack([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors])


def row_stack(tensors: Any) -> Any:
    """:func:`vstack`."""
    return ops.vstack(tensors)


def block_diag(*tensors: Any) -> Any:
    """A matrix with the given ones along its diagonal and zeros elsewhere."""
    blocks = [atleast_2d(x) for x in tensors]
    width = sum(b.shape[1] for b in blocks)
    rows, left = [], 0
    for b in blocks:
        n, m = b.shape
        rows.append(ops.cat([ops.zeros(n, left, dtype=b.dtype), b, ops.zeros(n, width - left - m, dtype=b.dtype)], 1))
        left += m
    return ops.cat(rows)


def diagflat(input: Any, offset: int = 0) -> Any:
    """A matrix with all elements of ``input`` on one diagonal."""
    return ops.diag_embed(input.reshape(-1), offset)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of the parts: a number of parts, as even as can be, or the indices at which to cut."""
    n = input.shape[dim]
    if is_tensor(indices_or_sections):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        cuts = np.cumsum([n // k + (i < n % k) for i in range(k)])[:-1].tolist()
    else:
        cuts = list(indices_or_sections)
    bounds = [range(n)[slice(a, b)] for a, b in itertools.pairwise([None, *cuts, None])]
    return tuple(input.narrow(dim, r.start if len(r) else min(r.start, n), len(r)) for r in bounds)


def _split(name: str, input: Any, indices_or_sections: Any, dim: int, ndim: int) -> tuple[Any, ...]:
    """:func:`tensor_split` into equal parts only, as these functions have it."""
    if input.ndim < ndim:
        raise RuntimeError(f"{name}() requires a tensor with at least {ndim} dimension, but got a tensor with {input.ndim}")
    n = indices_or_sections
    if isinstance(n, int) and (n == 0 or input.shape[dim] % n):
        raise RuntimeError(f"{name}(): the size {input.shape[dim]} of dimension {dim} is not divisible by {n}")
    return tensor_split(input, n, dim)


def hsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of parts with some of the columns each (of a vector, of the elements); see :func:`tensor_split`."""
    return _split("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


def vsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of parts with some of the rows each; see :func:`tensor_split`."""
    return _split("vsplit", input, indices_or_sections, 0, 2)


def fliplr(input: Any) -> Any:
    """Columns in reverse order."""
    return ops.flip(input, 1)


def flipud(input: Any) -> Any:
    """Rows in reverse order."""
    if not input.ndim:
        raise RuntimeError("flipud(): Input must be >= 1-d.")
    return ops.flip(input, 0)


def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Turned ``k`` quarter turns in the plane of two dimensions, from the first towards the second."""
    if len(dims := dims if isinstance(dims, (tuple, list)) else (dims,)) != 2 or dims[0] % input.ndim == dims[1] % input.ndim:
        raise RuntimeError(f"rot90(): expected two different rotation dims, got {dims}")
    first, second = dims
    turns = {
        0: lambda x: x.clone(),
        1: lambda x: ops.flip(x, second).transpose(first, second),
        2: lambda x: ops.flip(x, first, second),
        3: lambda x: ops.flip(x, first).transpose(first, second),
    }
    return turns[k % 4](input)


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Each element's difference from the one before along ``dim``, ``n`` times over."""
    if n < 0:
        raise RuntimeError(f"diff(): order must be non-negative but got {n}")
    if n == 0:
        return input.clone()
    parts = [x for x in (prepend, input, append) if x is not None]
    input = ops.cat(parts, dim) if len(parts) > 1 else input
    for _ in range(n):
        size = max(input.shape[dim] - 1, 0)
        later, earlier = input.narrow(dim, min(1, input.shape[dim]), size), input.narrow(dim, 0, size)
        input = later ^ earlier if raw(input).dtype == bool else later - earlier
    return input
