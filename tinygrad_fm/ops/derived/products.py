"""Products and distances made of matrix products."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...errors import ShapeError


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """The sum of products over several dimensions at once.

    Args:
        dims: how many: the last of ``a`` with the first of ``b``; or two lists, those of ``a`` and those of ``b``.

    >>> import tinygrad_fm as torch
    >>> torch.tensordot(torch.ones(2, 3, 4), torch.ones(3, 4, 5), 2).shape
    torch.Size([2, 5])
    """
    if isinstance(dims, int):
        of_a, of_b = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        of_a, of_b = ([d % n for d in ds] for ds, n in zip(dims, (a.ndim, b.ndim), strict=True))
    a, b = _shrunk(a, b, of_a, of_b)
    if [a.shape[i] for i in of_a] != [b.shape[i] for i in of_b]:
        raise ShapeError(f"tensordot(): dims {of_a} of {tuple(a.shape)} and {of_b} of {tuple(b.shape)} differ in size")
    free_a = [i for i in range(a.ndim) if i not in of_a]
    free_b = [i for i in range(b.ndim) if i not in of_b]
    shape = [a.shape[i] for i in free_a] + [b.shape[i] for i in free_b]
    rows, columns, common = 1, 1, 1
    for i in free_a:
        rows *= a.shape[i]
    for i in free_b:
        columns *= b.shape[i]
    for i in of_a:
        common *= a.shape[i]
    left = a.permute(*free_a, *of_a).reshape(rows, common)
    right = b.permute(*of_b, *free_b).reshape(common, columns)
    return (left @ right).reshape(shape)


def _shrunk(a: Any, b: Any, of_a: list[int], of_b: list[int]) -> tuple[Any, Any]:
    """Both, each summed over the dimensions in which the other has size 1, as PyTorch does."""
    for i, j in zip(of_a, of_b, strict=True):
        if a.shape[i] == 1:
            b = b.sum(j, keepdim=True).to(b.dtype)
        elif b.shape[j] == 1:
            a = a.sum(i, keepdim=True).to(a.dtype)
    return a, b


def inner(input: Any, other: Any) -> Any:
    """The sum of products over the last dimensions; a plain product where one is 0-d."""
    if not input.ndim or not other.ndim:
        return input * other
    return tensordot(input, other, ([-1], [-1]))


def trace(input: Any) -> Any:
    """The sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError(f"trace(): expected a matrix, got a tensor of {input.ndim} dimensions")
    return ops.diagonal(input).sum()


def kron(input: Any, other: Any) -> Any:
    """Kronecker's product: every element of ``input`` times the whole of ``other``, side by side."""
    ndim = max(input.ndim, other.ndim)
    a, b = (x.reshape((1,) * (ndim - x.ndim) + tuple(x.shape)) for x in (input, other))
    shape = [n * m for n, m in zip(a.shape, b.shape, strict=True)]
    spread_a = [n for size in a.shape for n in (size, 1)]
    spread_b = [n for size in b.shape for n in (1, size)]
    return (a.reshape(spread_a) * b.reshape(spread_b)).reshape(shape)


def matrix_power(input: Any, n: int) -> Any:
    """``n`` times the matrix by itself, batches too; by squaring. Raises RuntimeError for a negative power."""
    if n < 0:
        raise RuntimeError("matrix_power(): negative powers need an inverse, which is left out (see docs/pytorch.md)")
    result = None
    while n:
        if n % 2:
            result = input if result is None else result @ input
        n //= 2
        input = input @ input if n else input
    return ops.eye(input.shape[-1], dtype=input.dtype).expand(input.shape).clone() if result is None else result


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The p-norm of the difference."""
    return (input - other).norm(p)


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = None) -> Any:
    """The p-norms between every row of ``x1`` (…, P, M) and every row of ``x2`` (…, R, M): (…, P, R)."""
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(f"cdist(): x1 {tuple(x1.shape)} and x2 {tuple(x2.shape)} must agree in their last size")
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)
