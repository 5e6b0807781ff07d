"""Einstein's summation. https://pytorch.org/docs/stable/generated/torch.einsum.html"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from .matmul import _matmul

__all__ = ["einsum"]


def _parse(equation: str, dims: Sequence[int]) -> tuple[list[list[Any]], list[Any]]:
    """The labels of the operands' dimensions and of the result's; those under an ellipsis are numbered, the last −1."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(dims):
        raise ValueError(f"einsum(): '{equation}' names {len(terms)} operand(s), but {len(dims)} were given")
    for label in left + right:
        if not (label.isascii() and label.isalpha()) and label not in ".,":
            raise ValueError(f"einsum(): '{equation}' holds {label!r}; subscripts are letters, '...', ',' and '->'")
    operands = []
    for i, (term, ndim) in enumerate(zip(terms, dims, strict=True)):
        before, dots, after = term.partition("...")
        hidden = ndim - len(before) - len(after)
        if hidden < 0 or "." in before + after or (hidden and not dots):
            raise ValueError(f"einsum(): '{term}' in '{equation}' does not fit operand {i} of {ndim} dimension(s)")
        operands.append([*before, *range(-hidden, 0), *after])
    most = max((sum(isinstance(label, int) for label in labels) for labels in operands), default=0)
    everything = [label for labels in operands for label in labels]
    if not arrow:  # letters that occur once, in alphabetical order
        return operands, [*range(-most, 0), *sorted(x for x in left if x.isalpha() and left.count(x) == 1)]
    before, dots, after = right.partition("...")
    result = [*before, *(range(-most, 0) if dots else ()), *after]
    for label in result:
        if label not in everything or result.count(label) > 1 or label == ".":
            raise ValueError(f"einsum(): output subscript '{label}' of '{equation}' must occur once there, and in some operand")
    return operands, result


def _diagonals(x: Any, labels: list[Any]) -> tuple[Any, list[Any]]:
    """Take the diagonal over dimensions that carry the same label; it becomes the last dimension."""
    labels = list(labels)
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ShapeError(f"einsum(): subscript '{label}' stands for sizes {x.shape[first]} and {x.shape[second]}")
            x = x.diagonal(dim1=first, dim2=second)
            labels = [at for i, at in enumerate(labels) if i not in (first, second)] + [label]
    return x, labels


def _sum_out(x: Any, labels: list[Any], keep: set[Any]) -> tuple[Any, list[Any]]:
    drop = [i for i, label in enumerate(labels) if label not in keep]
    if not drop:
        return x, labels
    return x.sum(dim=drop), [label for label in labels if label in keep]


def _contract(a: Any, la: list[Any], b: Any, lb: list[Any], keep: set[Any]) -> tuple[Any, list[Any]]:
    """One matrix product over the labels that both have and nobody needs later; shared ones that stay are the batch."""
    sizes = dict(zip(lb, b.shape, strict=True))
    sizes.update((k, n) for k, n in zip(la, a.shape, strict=True) if n != 1 or k not in lb)
    for x, labels in ((a, la), (b, lb)):
        for label, n in zip(labels, x.shape, strict=True):
            if n not in (1, sizes[label]):
                raise ShapeError(f"einsum(): subscript '{label}' stands for sizes {n} and {sizes[label]}")
    # a label of size 1 on one side only is broadcast: that side drops the dimension, the other sums alone or keeps it
    both = [k for k in la if k in lb and a.shape[la.index(k)] == b.shape[lb.index(k)]]
    a, la = _drop_ones(a, la, [k for k in lb if k not in both])
    b, lb = _drop_ones(b, lb, [k for k in la if k not in both])
    a, la = _sum_out(a, la, keep | set(both))
    b, lb = _sum_out(b, lb, keep | set(both))
    batch, inner = [k for k in both if k in keep], [k for k in both if k not in keep]
    rows, columns = [k for k in la if k not in both], [k for k in lb if k not in both]

    def size(labels: list[Any]) -> int:
        return math.prod(sizes[k] for k in labels)

    left = a.permute([la.index(k) for k in batch + rows + inner]).reshape(size(batch), size(rows), size(inner))
    right = b.permute([lb.index(k) for k in batch + inner + columns]).reshape(size(batch), size(inner), size(columns))
    result = batch + rows + columns
    if left.dtype != right.dtype:  # small integers that have been summed are int64
        left, right = left.long(), right.long()
    return _matmul(left, right).reshape([sizes[k] for k in result]), result


def _drop_ones(x: Any, labels: list[Any], shared: list[Any]) -> tuple[Any, list[Any]]:
    """Without the dimensions of size 1 whose label the other operand has with another size."""
    drop = [i for i, label in enumerate(labels) if label in shared and x.shape[i] == 1]
    shape = [n for i, n in enumerate(x.shape) if i not in drop]
    return (x.reshape(shape), [label for i, label in enumerate(labels) if i not in drop]) if drop else (x, labels)


def einsum(equation: str, *operands: Any) -> Tensor:
    """Products and sums by Einstein's notation: ``einsum("bij,bjk->bik", a, b)`` is ``bmm(a, b)``.

    A composition: diagonals of repeated subscripts, sums, and from left to right one matrix product for each operand.

    Args:
        equation: one term of letters per operand, a letter for each dimension, ``...`` for those left; after ``->``
            those of the result. Without ``->`` they are ``...`` and the letters that occur once, sorted.
        operands: the tensors, or one list of them.

    Raises:
        ValueError: the equation does not fit the operands. ShapeError: a subscript stands for different sizes.

    Source: https://pytorch.org/docs/stable/generated/torch.einsum.html

    >>> import tinygrad_fm as torch
    >>> torch.einsum("ij->ji", torch.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): needs at least one operand")
    terms, result = _parse(equation, [x.ndim for x in operands])
    pairs = [_diagonals(x, labels) for x, labels in zip(operands, terms, strict=True)]
    y, labels = pairs[0]
    for i, (x, others) in enumerate(pairs[1:], 2):
        keep = set(result).union(*(later for _, later in pairs[i:]))
        y, labels = _contract(y, labels, x, others, keep)
    y, labels = _sum_out(y, labels, set(result))
    return y.permute([labels.index(k) for k in result]) if labels != result else y
