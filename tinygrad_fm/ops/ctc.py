"""Connectionist temporal classification: the loss of a sequence of labels whose places in the input are not known.

Source: Graves et al. 2006, "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
networks", section 4.1. Letters: T steps, N batch, C classes, S labels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import box, raw
from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from .elementwise import where
from .gather_scatter import gather
from .indexing import masked_fill
from .join_split import cat, stack
from .loss import chosen_reduction, reduced
from .reduction import logsumexp

__all__ = ["ctc_loss"]

Array = np.ndarray[Any, Any]


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """−log of the probability that the steps, with blanks and repetitions taken out, read as the labels.

    Args:
        log_probs: (T, N, C) or (T, C), log-probabilities of the classes at each step.
        targets: (N, S) labels, or those of all samples one after the other in one dimension; none is the blank.
        input_lengths: (N,) or (), how many steps of each sample count, at most T. A tensor or a tuple of ints.
        target_lengths: (N,) or (), how many labels each sample has.
        blank: the class that stands for no label.
        reduction: "mean" divides each loss by its number of labels (at least 1) and averages; "sum"; "none".
        zero_infinity: give a sample whose labels do not fit its steps the loss 0, without gradient, instead of inf.

    Returns:
        A 0-d tensor; with "none" (N,), or () without N.

    Raises:
        ShapeError: shapes that do not fit one another. RuntimeError: a length, label or blank out of range, or no integers.

    The gradient is that of ``log_probs`` themselves. (PyTorch's leaves out that they are not free: it has a term more, which
    their log_softmax takes away again.)

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn.functional import ctc_loss
    >>> steps = torch.full((2, 1, 2), 0.5).log()  # label 1 in two steps: of "11", "-1", "1-" and "--", three
    >>> round(ctc_loss(steps, torch.tensor([[1]]), (2,), (1,)).exp().item() ** -1, 4)
    0.75
    """
    single = log_probs.ndim == 2
    if single:
        log_probs = log_probs.unsqueeze(1)
    if log_probs.ndim != 3:
        raise ShapeError(f"ctc_loss(): log_probs should have shape (T, N, C) or (T, C), got {tuple(log_probs.shape)}")
    steps, n, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss(): blank must be in label range 0 to {classes - 1}, got {blank}")
    lengths = _lengths("input_lengths", input_lengths, n, steps)
    labels, sizes = _labels(targets, target_lengths, n, classes)

    # a path goes through the states blank, label, blank, label, … blank; log_alpha: that it is in a state after t steps
    states = np.full((n, 2 * labels.shape[1] + 1), blank)
    states[:, 1::2] = labels
    place = np.arange(states.shape[1])
    may_skip = np.zeros(states.shape, bool)  # the blank between two different labels
    may_skip[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    emitted = gather(log_probs, 2, box(np.broadcast_to(states, (steps, *states.shape)).copy()))
    at_start = box((place == 0) & (sizes[:, None] == 0))  # before the first step, of a sample without labels
    final = masked_fill(emitted.new_zeros(states.shape), ~at_start, -math.inf)
    log_alpha = None
    for t in range(int(lengths.max(initial=0))):
        if log_alpha is None:
            log_alpha = masked_fill(emitted[t], box(np.broadcast_to(place > 1, states.shape)), -math.inf)
        else:
            skipped = masked_fill(_shifted(log_alpha, 2), box(~may_skip), -math.inf)
            log_alpha = emitted[t] + _log_sum(stack([log_alpha, _shifted(log_alpha, 1), skipped]), 0)
        final = where(box(lengths[:, None] > t), log_alpha, final)
    at_end = (place == 2 * sizes[:, None]) | (place == 2 * sizes[:, None] - 1)
    loss = -_log_sum(masked_fill(final, box(~at_end), -math.inf), 1)
    if zero_infinity:
        loss = masked_fill(loss, loss == math.inf, 0.0)
    if reduction == "mean":
        loss = loss / box(np.maximum(sizes, 1).astype(raw(loss).dtype))
    loss = reduced(loss, chosen_reduction(None, None, reduction))
    return loss.squeeze(0) if single and loss.ndim else loss


def _log_sum(x: Any, dim: int) -> Any:
    """logsumexp whose gradient is 0, not NaN, where all that is summed is −inf."""
    impossible = box(np.isneginf(raw(x)).all(dim, keepdims=True))
    total = logsumexp(masked_fill(x, impossible, 0.0), dim)
    return masked_fill(total, impossible.squeeze(dim), -math.inf)


def _shifted(x: Any, by: int) -> Any:
    """``x`` (N, states) moved on by ``by`` states, with −inf from the left."""
    by = min(by, x.shape[1])
    return cat([x.new_full((x.shape[0], by), -math.inf), x[:, : x.shape[1] - by]], 1)


def _lengths(name: str, given: Any, n: int, most: int) -> Array:
    lengths = np.asarray(raw(given))
    if lengths.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss(): {name} must be integral, got {lengths.dtype}")
    lengths = lengths.reshape(-1)
    if lengths.shape != (n,):
        raise ShapeError(f"ctc_loss(): {name} must be of size batch_size {n}, got {lengths.size}")
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= most:
        raise RuntimeError(f"ctc_loss(): expected {name} to have values from 0 to {most}, got {lengths.tolist()}")
    return lengths


def _labels(targets: Any, target_lengths: Any, n: int, classes: int) -> tuple[Array, Array]:
    """The labels as (N, S), filled up with zeros, and how many each sample has."""
    given = np.asarray(raw(targets))
    if given.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss(): targets must be integral, got {given.dtype}")
    joined = given.ndim == 1
    if given.ndim not in (1, 2) or (not joined and len(given) != n):
        raise ShapeError(f"ctc_loss(): targets should have shape ({n}, S) or one dimension, got {given.shape}")
    sizes = _lengths("target_lengths", target_lengths, n, given.size if joined else given.shape[1])
    if joined and given.size < sizes.sum():
        raise ShapeError(f"ctc_loss(): {given.size} targets in one dimension, but target_lengths add up to {sizes.sum()}")
    there = np.arange(int(sizes.max(initial=0))) < sizes[:, None]
    labels = np.zeros(there.shape, np.int64)
    labels[there] = given[: sizes.sum()] if joined else given[:, : there.shape[1]][there]
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise RuntimeError(f"ctc_loss(): labels must be from 0 to {classes - 1}, got {labels.min()} to {labels.max()}")
    return labels, sizes
