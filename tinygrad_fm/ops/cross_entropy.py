"""The cross entropy, of logits and of log-probabilities.

Letters: N batch, K classes, M rows: all samples, and their pixels where there are any. A composition defines it; as it runs
in every training step, it has a fused kernel besides, and a compiled one for labels that all count the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import Primitive, fused
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from ..promotion import only_floats
from ..runtime import use_compiled
from . import cross_entropy_compiled as kernels
from .elementwise import quiet, where
from .loss import chosen_reduction, warn_of_probabilities
from .softmax import log_softmax

__all__ = ["cross_entropy", "nll_loss"]

Array = np.ndarray[Any, Any]

_LABELS = np.dtype(np.int64), np.dtype(np.uint8)


def _counted(op: str, target: Array, classes: int, ignore_index: int) -> tuple[Array, Array | None]:
    """The labels, 0 for those to be ignored, and which ones count (None: all do).

    Raises IndexError for a label that is no class.
    """
    labels = target.astype(np.int64, copy=False)
    # seen as unsigned, negative labels are huge: one comparison finds all that are out of range
    if not labels.size or (labels.view(np.uint64).max() < classes and not 0 <= ignore_index < classes):
        return labels, None
    counted = labels != ignore_index
    wrong = counted & ((labels < 0) | (labels >= classes))
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexError(
            f"{op}(): target{list(at) if at else ''} is {labels[at]}, but with {classes} classes labels must be from "
            f"0 to {classes - 1}, or ignore_index={ignore_index}"
        )
    return np.where(counted, labels, 0), counted


def _sample_weights(labels: Array, counted: Array | None, weight: Array | None, dtype: Any) -> Array | None:
    """How much each label counts; None where all count 1."""
    if weight is None:
        return None if counted is None else counted.astype(dtype)
    w = weight.astype(dtype, copy=False)[labels]
    return w if counted is None else w * counted


def _check_labels(op: str, input: Any, target: Any, weight: Any) -> None:
    x, t = raw(input), raw(target)
    if not x.ndim:
        raise ShapeError(f"{op}(): input must be (K,), (N, K) or (N, K, …), got a 0-d tensor")
    classes, expected = (x.shape[0], ()) if x.ndim == 1 else (x.shape[1], (x.shape[0], *x.shape[2:]))
    if t.dtype not in _LABELS:
        raise RuntimeError(f"{op}(): class labels must be integers (int64 or uint8), got {t.dtype}; use .long()")
    if t.shape != expected:
        raise ShapeError(f"{op}(): for input of shape {x.shape} the labels must have shape {expected}, got {t.shape}")
    if weight is not None and raw(weight).shape != (classes,):
        raise ShapeError(f"{op}(): weight must have shape ({classes},), one per class, got {raw(weight).shape}")


def _rows_of_classes(x: Any) -> Any:
    """(N, K, d1, …) → (N · d1 · …, K), in the order in which the labels (N, d1, …) lie."""
    return x if x.ndim == 2 else x.movedim(1, -1).reshape(math.prod(x.shape) // max(x.shape[1], 1), x.shape[1])


def _at_labels(
    logp: Any, target: Any, weight: Any, *, ignore_index: int, reduction: str, label_smoothing: float, op: str
) -> Any:
    """The loss of log-probabilities (M, K) for M labels of any shape: the definition of both functions below."""
    classes = logp.shape[1]
    labels, counted = _counted(op, raw(target), classes, ignore_index)
    weight = None if weight is None else raw(weight)
    w = _sample_weights(labels, counted, weight, raw(logp).dtype)
    flat = labels.reshape(-1)
    loss = -logp[np.arange(flat.size), flat]
    if w is not None:
        loss = loss * w.reshape(-1)
    if label_smoothing:
        spread = -(logp if weight is None else logp * weight.astype(raw(logp).dtype)).sum(1)
        loss = loss * (1 - label_smoothing) + spread * (label_smoothing / classes)
    if counted is not None:
        loss = where(counted.reshape(-1), loss, 0.0)
    if reduction == "none":
        return loss.reshape(labels.shape)
    total = loss.sum()
    return total if reduction == "sum" else total / float(flat.size if w is None else w.sum())


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood: −input at the label's class.

    Args:
        input: (N, K), (N, K, …) or (K,): log-probabilities.
        target: (N,), (N, …) or (): labels from 0 to K − 1.
        weight: (K,), how much each class counts.
        ignore_index: a label whose samples do not count.
        reduction: "mean" divides by the sum of the labels' weights.

    Raises IndexError for a label that is no class, ShapeError for shapes that do not fit.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.nll_loss(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([1]))
    tensor(0.2877)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _check_labels("nll_loss", input, target, weight)
    warn_of_probabilities("nll_loss", input, "softmax", "this loss takes logarithms: use log_softmax")
    rows = _rows_of_classes(input if raw(input).ndim > 1 else input[None])
    return _at_labels(rows, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=0.0, op="nll_loss")


def _composed_cross_entropy(x: Any, target: Any, weight: Any, **settings: Any) -> Any:
    return _at_labels(log_softmax(x, 1), target, weight, op="cross_entropy", **settings)


def _only_float_logits(op: Primitive, arrays: list[Any]) -> None:
    only_floats(op, arrays[:1])


def _cross_entropy_rule(
    g: Array,
    e: Array,
    sums: Array,
    picks: Array,
    counted: Array | None,
    w: Array | None,
    even: Array | None,
    total: float | None,
    label_smoothing: float,
) -> Array:
    """softmax(x) − target distribution, times what each row counts."""
    g = g.reshape(-1) if total is None else g / total
    if w is None and _compiles(e) and g.dtype is e.dtype:
        dx = np.empty_like(e)
        kernels.gradient(g.reshape(-1), e, sums, picks, *_shares(label_smoothing, e), dx)
        return dx
    at_label = g if w is None else g * w
    row = at_label
    if even is not None:
        at_label = at_label * (1 - label_smoothing)
        row = at_label + g * even.sum()
    dx = e * np.reshape(row / sums, (-1, 1))
    dx.reshape(-1)[picks] -= at_label
    if even is not None:
        dx -= np.reshape(g, (-1, 1)) * even
    if counted is not None:
        dx[~counted] = 0  # also where nothing counts and g is NaN
    return dx


_PASSES = 8  # over the logits that NumPy makes: so few rows are in a batch that their number alone would say little


def _compiles(x: Array) -> bool:
    return use_compiled(x.dtype, _PASSES * x.size)


def _shares(label_smoothing: float, x: Array) -> tuple[Any, Any]:
    """How much of a target goes to its label alone, and how much to every class."""
    kind = x.dtype.type
    return kind(1 - label_smoothing), kind(label_smoothing / max(x.shape[1], 1))


def _by_compiled(x: Array, target: Array, ignore_index: int, reduction: str, label_smoothing: float) -> tuple[Any, ...] | None:
    """What :func:`_cross_entropy` returns; None if a label is to be ignored or is no class."""
    x, labels = np.ascontiguousarray(x), np.ascontiguousarray(target).reshape(-1)
    e, picks = np.empty_like(x), np.empty(len(x), np.int64)
    shares, sums, loss = np.empty((3, len(x)), x.dtype)
    keep, even = _shares(label_smoothing, x)
    if not kernels.shift(x, labels, ignore_index, keep, even, e, picks, shares):
        return None
    np.exp(e, out=e)
    added = kernels.add_up(e, shares, sums, loss)
    spread = np.full(x.shape[1], even) if label_smoothing else None
    if reduction == "none":
        return loss.reshape(target.shape), e, sums, picks, None, None, spread, None
    total = x.dtype.type(1 if reduction == "sum" else len(x))
    return x.dtype.type(added) / total, e, sums, picks, None, None, spread, total


@fused(
    _composed_cross_entropy,
    name="cross_entropy",
    promotion=_only_float_logits,
    inputs="input target weight",
    residuals="e sums picks counted w even total",
    input=_cross_entropy_rule,
)
@quiet
def _cross_entropy(
    x: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, label_smoothing: float
) -> tuple[Any, ...]:
    if weight is None and _compiles(x):
        found = _by_compiled(x, target, ignore_index, reduction, label_smoothing)
        if found is not None:
            return found
    rows, classes = x.shape
    labels, counted = _counted("cross_entropy", target, classes, ignore_index)
    w = _sample_weights(labels, counted, weight, x.dtype)
    w = None if w is None else w.reshape(-1)
    counted = None if counted is None else counted.reshape(-1)
    picks = np.arange(0, rows * classes, classes or 1)
    picks += labels.reshape(-1)
    z = np.subtract(x, np.maximum.reduce(x, axis=1, keepdims=True, initial=-np.inf), order="C")
    e = np.exp(z)
    sums = np.add.reduce(e, axis=1)
    logs = np.log(sums)
    loss = logs - z.take(picks)
    if w is not None:
        loss *= w
    even = None  # (K,): how much of each class's log-probability label smoothing adds
    if label_smoothing:
        even = np.full(classes, label_smoothing / classes, x.dtype)
        if weight is not None:
            even *= weight
        loss = loss * (1 - label_smoothing) + ((logs[:, None] - z) * even).sum(1)
    if counted is not None:
        loss = np.where(counted, loss, 0)  # also where an ignored row holds infinities
    total = None
    if reduction == "none":
        loss = loss.reshape(target.shape)
    else:
        loss = np.add.reduce(loss)
        total = x.dtype.type(1 if reduction == "sum" else rows if w is None else w.sum())
        loss = loss / total
    return loss, e, sums, picks, counted, w, even, total


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """−log softmax(input) at the target's class: what classifiers are trained with.

    Args:
        input: (N, K), (N, K, …) or (K,): logits, not probabilities.
        target: class labels (N,), (N, …) or (), int64 from 0 to K − 1; or probabilities of the input's shape.
        weight: (K,), how much each class counts.
        ignore_index: a label whose samples do not count.
        reduction: "mean" divides by the sum of the labels' weights (for probabilities by N · …); NaN if nothing counts.
        label_smoothing: the part of each target that is spread evenly over all classes, from 0 to 1.

    Returns:
        0-d, or with ``reduction="none"`` one loss per sample.

    Raises:
        IndexError: a label that is no class, with its place. ShapeError: shapes that do not fit.
        RuntimeError: labels that are not integers, or ``label_smoothing`` out of range.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html; label smoothing by Szegedy
    et al. 2016, "Rethinking the inception architecture", section 7.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import cross_entropy
    >>> cross_entropy(torch.zeros(3, 4), torch.tensor([0, 1, 2]))
    tensor(1.3863)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"cross_entropy(): label_smoothing must be between 0 and 1, got {label_smoothing}")
    warn_of_probabilities("cross_entropy", input, "softmax", "this loss takes the softmax itself: give it the logits")
    x, t = raw(input), raw(target)
    if x.shape == t.shape and x.ndim:
        return _cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing)
    _check_labels("cross_entropy", input, target, weight)
    rows = _rows_of_classes(input if x.ndim > 1 else input[None])
    return _cross_entropy(
        rows, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=float(label_smoothing)
    )


def _cross_entropy_of_probabilities(input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float) -> Any:
    t = raw(target)
    if t.dtype.kind != "f":
        raise RuntimeError(
            f"cross_entropy(): a target of the input's shape {t.shape} holds probabilities and must be floating-point, "
            f"got {t.dtype}"
        )
    dim = 0 if t.ndim == 1 else 1
    classes = t.shape[dim]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    loss = log_softmax(input, dim) * target
    if weight is not None:
        _check_class_weights(weight, classes)
        loss = loss * weight.reshape([-1] + [1] * (t.ndim - 1 - dim))
    if reduction == "none":
        return -loss.sum(dim)
    total = -loss.sum()
    return total if reduction == "sum" else total / float(t.size / classes if classes else 0)


def _check_class_weights(weight: Any, classes: int) -> None:
    if raw(weight).shape != (classes,):
        raise ShapeError(f"cross_entropy(): weight must have shape ({classes},), not {tuple(raw(weight).shape)}")
