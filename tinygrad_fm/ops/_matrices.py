"""What the functions of ``torch.linalg`` ask of the matrices they are given, and how NumPy's kernels are called for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..errors import AutogradError, LinAlgError, OperandError, ShapeError
from . import _lapack
from .shape import broadcast_to

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def shape_of(x: Any) -> Shape:
    """The shape of a Tensor or an array, as a plain tuple."""
    return tuple(x.shape)


def matrices(op: str, A: Any, name: str = "A") -> Any:
    """``A``, if it is a floating-point matrix or a batch of them, of at least 32 bits; otherwise RuntimeError."""
    x = _array(op, A, name)
    if x.ndim < 2:
        raise ShapeError(f"{op}: The input tensor {name} must have at least 2 dimensions, got shape {x.shape}")
    return floats(op, A, name)


def _array(op: str, A: Any, name: str) -> Array:
    """The array of a Tensor, or itself; OperandError for anything else."""
    x = raw(A)
    if not isinstance(x, np.ndarray):
        raise OperandError(f"{op}(): argument '{name}' must be Tensor, not {type(A).__name__}")
    return x


def floats(op: str, A: Any, name: str = "A") -> Any:
    """``A``, if it is of float32 or float64; otherwise RuntimeError."""
    kind = _array(op, A, name).dtype
    if kind.kind != "f":
        raise RuntimeError(f"{op}: Expected a floating point tensor as input, got {kind}; use .float()")
    if kind.itemsize < 4:
        raise RuntimeError(f"{op}: Low precision dtypes not supported, got {kind}; use .float()")
    return A


def square(op: str, A: Any, name: str = "A") -> Any:
    """``A``, if it is a square matrix or a batch of them; otherwise RuntimeError."""
    rows, columns = raw(matrices(op, A, name)).shape[-2:]
    if rows != columns:
        raise ShapeError(f"{op}: {name} must be batches of square matrices, but they are {rows} by {columns} matrices")
    return A


def same_kind(op: str, A: Any, B: Any) -> None:
    """RuntimeError unless both are of one dtype."""
    a, b = raw(A).dtype, raw(B).dtype
    if a != b:
        raise AutogradError(f"{op}: Expected A and B to have the same dtype, but found A of type {a} and B of type {b} instead")


def same_batch(op: str, A: Any, B: Any) -> tuple[Any, Any]:
    """Both with their leading dimensions, all but the last two, broadcast against each other."""
    a, b = shape_of(A), shape_of(B)
    if a[:-2] == b[:-2]:
        return A, B
    try:
        batch = np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ShapeError(f"{op}: the batch dimensions of shapes {a} and {b} do not broadcast") from None
    return broadcast_to(A, (*batch, *a[-2:])), broadcast_to(B, (*batch, *b[-2:]))


def each_matrix(x: Array) -> Iterator[tuple[int, Array]]:
    """The matrices of a batch, with their numbers."""
    rows = x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    return enumerate(rows)


def factorized(
    op: str, why: str | Callable[[Array], str], kernel: Callable[..., Any], x: Array, *others: Any, **options: Any
) -> Any:
    """``kernel(x, …)``, of ``numpy.linalg``; where it fails, LinAlgError names ``op``, the matrix of the batch, and ``why``
    (which may be a function of the matrix)."""
    try:
        return kernel(x, *others, **options)
    except np.linalg.LinAlgError:
        place, matrix = _failing(kernel, x, options)
        if not np.isfinite(matrix).all():
            why = "The algorithm failed to converge because the input matrix contained non-finite values."
        raise LinAlgError(f"{op}: {place}{why(matrix) if callable(why) else why}") from None


def _failing(kernel: Callable[..., Any], x: Array, options: dict[str, Any]) -> tuple[str, Array]:
    """Which matrix of a batch fails, as PyTorch says it, and that matrix."""
    if x.ndim > 2:
        test = kernel if kernel is not _lapack.solve else _lapack.inv
        for i, matrix in each_matrix(x):
            try:
                test(matrix, **options)
            except np.linalg.LinAlgError:
                return f"(Batch element {i}): ", matrix
    return "", x
