"""Functions of whole matrices: powers, the exponential, chains of products, cross products, Vandermonde's matrix.

https://pytorch.org/docs/stable/torch.html#blas-and-lapack-operations
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.broadcast import clone
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ._arguments import one_dim
from .copy import copy
from .creation import eye
from .diagonal import diagonal
from .elementwise import cast, where
from .inverses import inv
from .join_split import stack
from .matmul import matmul
from .norms import norm

__all__ = ["adjoint", "chain_matmul", "cross", "matrix_exp", "matrix_power", "renorm", "vander"]


def adjoint(input: Any) -> Tensor:
    """The last two dimensions exchanged, a view; conjugating, which it also means, changes real numbers not.

    Raises:
        ShapeError: ``input`` has fewer than 2 dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.adjoint(torch.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if len(input.shape) < 2:
        raise ShapeError(f"adjoint(): at least 2 dimensions are needed, got shape {tuple(input.shape)}")
    return input.transpose(-1, -2)


def chain_matmul(*matrices: Any) -> Tensor:
    """The product of all matrices, multiplied in the order that takes the fewest multiplications.

    Raises:
        RuntimeError: there are no matrices.
        ShapeError: one of them has not 2 dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.chain_matmul(torch.ones(2, 3), torch.ones(3, 4), torch.ones(4, 1))
    tensor([[12.],
            [12.]])
    """
    if not matrices:
        raise RuntimeError("chain_matmul(): at least one matrix is needed")
    if any(len(m.shape) != 2 for m in matrices):
        raise ShapeError(f"chain_matmul(): matrices are needed, got shapes {[tuple(m.shape) for m in matrices]}")
    sizes = [m.shape[0] for m in matrices] + [matrices[-1].shape[1]]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i + 1): (0, i) for i in range(len(matrices))}
    for length in range(2, len(matrices) + 1):
        for i in range(len(matrices) - length + 1):
            j = i + length
            best[i, j] = min((best[i, k][0] + best[k, j][0] + sizes[i] * sizes[k] * sizes[j], k) for k in range(i + 1, j))

    def product(i: int, j: int) -> Any:
        return matrices[i] if j == i + 1 else matmul(product(i, best[i, j][1]), product(best[i, j][1], j))

    return product(0, len(matrices))


def cross(input: Any, other: Any, dim: int | None = None) -> Tensor:
    """The cross product of vectors of 3 along ``dim``, by default the first dimension of size 3; others broadcast.

    Raises:
        ShapeError: numbers of dimensions that differ, or no dimension of size 3.

    >>> import tinygrad_fm as torch
    >>> torch.cross(torch.tensor([1., 0., 0.]), torch.tensor([0., 1., 0.]), dim=0)
    tensor([0., 0., 1.])
    """
    if len(input.shape) != len(other.shape):
        raise ShapeError(f"cross(): shapes {tuple(input.shape)} and {tuple(other.shape)} differ in their number of dimensions")
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise ShapeError(f"cross(): no dimension of size 3 in {tuple(input.shape)}")
    dim = one_dim("cross", dim, len(input.shape))
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise ShapeError(f"cross(): dimension {dim} must have size 3, got {tuple(input.shape)} and {tuple(other.shape)}")
    (a, b, c), (d, e, f) = input.unbind(dim), other.unbind(dim)
    return stack([b * f - c * e, c * d - a * f, a * e - b * d], dim)


_TAYLOR = 18  # terms after which the series of exp is exact to float64 for a norm of at most ½


def matrix_exp(input: Any) -> Tensor:
    """Σ Aⁿ / n! for square matrices, (…, n, n): the series of A / 2ˢ, squared s times (scaling and squaring).

    Raises:
        RuntimeError: ``input`` is not floating-point or not of square matrices.

    >>> import tinygrad_fm as torch
    >>> torch.matrix_exp(torch.tensor([[0., 1.], [0., 0.]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    x = raw(input)
    if x.dtype.kind != "f" or x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"matrix_exp(): floating-point square matrices are needed, got shape {x.shape} of {x.dtype}")
    if not x.size:
        return input.clone()
    norm = float(np.abs(x).sum(-2).max())
    squarings = max(0, math.ceil(math.log2(norm / 0.5))) if 0.5 < norm < math.inf else 0
    scaled = input / 2**squarings
    one = eye(x.shape[-1], dtype=input.dtype)
    total = one + scaled / _TAYLOR
    for n in range(_TAYLOR - 1, 0, -1):  # Horner
        total = one + scaled @ total / n
    for _ in range(squarings):
        total = total @ total
    return total


def matrix_power(input: Any, n: int) -> Tensor:
    """``n`` times the matrix by itself, batches too; by squaring. A negative power is one of the inverse.

    Raises LinAlgError for a negative power of a singular matrix.

    >>> import tinygrad_fm as torch
    >>> torch.matrix_power(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    if n < 0:
        return matrix_power(inv(input), -n)
    if n == 0:
        return copy(input, eye(input.shape[-1], dtype=input.dtype))  # does not depend on input, but is connected to it
    if n == 1:
        return clone(input)  # the result shares no memory with the input
    result: Any = None
    while n:
        if n % 2:
            result = input if result is None else result @ input
        n //= 2
        input = input @ input if n else input
    return result


def multi_dot(tensors: Any) -> Tensor:
    """The product of two or more matrices, multiplied in the order that takes the fewest multiplications. The first may be a
    vector, which counts as a row, and the last, which counts as a column.

    Raises:
        RuntimeError: fewer than two tensors, or different dtypes.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(3, 4), torch.ones(4, 1)])
    tensor([[12.],
            [12.]])
    """
    op = "linalg.multi_dot"
    chain = list(tensors)
    if len(chain) < 2:
        raise RuntimeError(f"{op}: expected at least 2 tensors but got {len(chain)}")
    row, column = len(chain[0].shape) == 1, len(chain[-1].shape) == 1
    chain[0] = chain[0][None] if row else chain[0]
    chain[-1] = chain[-1][:, None] if column else chain[-1]
    kinds = {raw(m).dtype for m in chain}
    if len(kinds) > 1:
        raise RuntimeError(f"{op}: all tensors must have the same dtype, got {sorted(map(str, kinds))}")
    product = chain_matmul(*chain)
    product = product[..., 0] if column else product
    return product[0] if row else product


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """The inner products of vectors along ``dim``: Σ x · y; the other dimensions broadcast.

    Raises:
        RuntimeError: the two have different dtypes.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.vecdot(torch.ones(2, 3), torch.ones(3))
    tensor([3., 3.])
    """
    kind = raw(x).dtype
    if raw(y).dtype != kind:
        raise RuntimeError(f"linalg.vecdot: Expected x and y to have the same dtype, got {kind} and {raw(y).dtype}")
    return (x * y).sum(dim, dtype=x.dtype)


def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Tensor:
    """:func:`cross` along the last dimension by default.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.cross(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return cross(input, other, dim)


def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """:func:`diagonal` of the matrices in the last two dimensions by default: a view.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.diagonal(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return diagonal(A, offset, dim1, dim2)


def linalg_vander(x: Any, *, N: int | None = None) -> Tensor:
    """The powers 0 to N − 1 of each element, (…, n) to (…, n, N); N is n by default.

    Raises:
        RuntimeError: N is 1 or less.
        ShapeError: N is not given, and ``x`` has no dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.linalg.vander(torch.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [1, 2, 4],
            [1, 3, 9]])
    """
    if N is None and not len(x.shape):
        raise ShapeError("linalg.vander: a tensor of at least one dimension is needed where N is not given")
    columns = x.shape[-1] if N is None else N
    if columns <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {columns}")
    if raw(x).dtype.kind != "f":
        x = cast(x, dtype=np.dtype(np.int64))
    if not len(x.shape):
        x = x[None]
    powers = [x.new_ones(tuple(x.shape)), x]
    while len(powers) < columns:
        powers.append(powers[-1] * x)
    return stack(powers, -1)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of a vector's elements as columns, (n, N): from N − 1 down to 0, or rising. N is n by default.

    Raises:
        ShapeError: ``x`` is no vector.
        RuntimeError: N is negative.

    >>> import tinygrad_fm as torch
    >>> torch.vander(torch.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    if len(x.shape) != 1:
        raise ShapeError(f"vander(): a vector is needed, got shape {tuple(x.shape)}")
    columns = len(x) if N is None else N
    if columns < 0:
        raise RuntimeError(f"vander(): N must not be negative, got {N}")
    powers = [x.new_ones(len(x)) if n == 0 else x if n == 1 else x**n for n in range(columns)]
    if not powers:
        return x.new_zeros((len(x), 0))
    return stack(powers if increasing else powers[::-1], 1)


def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Tensor:
    """``input`` with those slices along ``dim`` whose p-norm is above ``maxnorm`` scaled down to it.

    Raises:
        RuntimeError: ``p`` is not positive, ``maxnorm`` negative, or ``input`` of fewer than 2 dimensions.

    >>> import tinygrad_fm as torch
    >>> torch.renorm(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), p=2, dim=0, maxnorm=1)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    if p <= 0 or maxnorm < 0:
        raise RuntimeError(f"renorm(): p must be positive and maxnorm not negative, got {p} and {maxnorm}")
    if len(input.shape) < 2:
        raise RuntimeError(f"renorm(): at least 2 dimensions are needed, got shape {tuple(input.shape)}")
    along = one_dim("renorm", dim, len(input.shape))
    size = norm(input, p, [i for i in range(len(input.shape)) if i != along], True)
    too_long = raw(size) > maxnorm
    return input * where(too_long, maxnorm / (where(too_long, size, 1.0) + 1e-7), 1.0)
