"""ctc_loss against PyTorch's: lengths, blanks, reductions, labels that do not fit; and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm import nn
from tinygrad_fm.autograd import gradcheck, gradgradcheck
from tinygrad_fm.nn import functional as F

torch = pytest.importorskip("torch")


def sample(seed):
    """log-probabilities before log_softmax, labels (joined for every third seed), both lengths and the blank."""
    rng = np.random.default_rng(seed)
    steps, n, classes, most = rng.integers(1, 12), rng.integers(1, 4), rng.integers(2, 6), rng.integers(1, 5)
    blank = int(rng.integers(0, classes))
    labels = rng.integers(0, classes - 1, (n, most))
    labels += labels >= blank
    sizes, lengths = rng.integers(0, most + 1, n), rng.integers(1, steps + 1, n)
    if seed % 3 == 0:
        labels = np.concatenate([row[:size] for row, size in zip(labels, sizes, strict=True)])
    return rng.standard_normal((steps, n, classes)), labels, lengths, sizes, blank


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("seed", range(12))
def test_ctc_loss(seed, reduction, zero_infinity):
    logits, labels, lengths, sizes, blank = sample(seed)
    losses, gradients = [], []
    for library in (tinygrad_fm, torch):
        x = library.tensor(logits, requires_grad=True)
        others = [library.tensor(a) for a in (labels, lengths, sizes)]
        criterion = library.nn.CTCLoss(blank, reduction, zero_infinity)
        loss = criterion(x.log_softmax(2), *others)
        loss.sum().backward()
        losses.append(loss.detach().numpy())
        gradients.append(x.grad.numpy())
    np.testing.assert_allclose(*losses, rtol=1e-9, strict=True)
    if zero_infinity or np.isfinite(losses[0]).all():  # of an infinite loss, PyTorch's gradient is NaN
        np.testing.assert_allclose(*gradients, rtol=1e-7, atol=1e-9, strict=True)


def test_derivatives_by_finite_differences():
    x = tinygrad_fm.tensor(np.random.default_rng(0).standard_normal((5, 2, 3)), requires_grad=True)
    loss = lambda z: F.ctc_loss(z, tinygrad_fm.tensor([[1, 2], [1, 1]]), (5, 4), (2, 1))
    assert gradcheck(loss, (x,))
    assert gradgradcheck(loss, (x,))


def test_one_sample_alone():
    x = np.random.default_rng(0).standard_normal((5, 3))
    for reduction in ("mean", "sum", "none"):
        ours, theirs = (
            library.nn.functional.ctc_loss(
                library.tensor(x).log_softmax(1), *(library.tensor(v) for v in ([1, 2], 5, 2)), reduction=reduction
            )
            for library in (tinygrad_fm, torch)
        )
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), strict=True)


@pytest.mark.parametrize(
    ("error", "text", "wrong"),
    [
        (RuntimeError, "blank must be in label range", {"blank": 3}),
        (RuntimeError, "expected input_lengths to have values from 0 to 4", {"input_lengths": (5, 4)}),
        (RuntimeError, "input_lengths must be integral", {"input_lengths": (4.0, 4.0)}),
        (ValueError, "input_lengths must be of size batch_size 2", {"input_lengths": (4,)}),
        (RuntimeError, "expected target_lengths to have values from 0 to 2", {"target_lengths": (3, 1)}),
        (RuntimeError, "labels must be from 0 to 2", {"targets": tinygrad_fm.tensor([[1, 3], [1, 1]])}),
        (RuntimeError, "targets must be integral", {"targets": tinygrad_fm.tensor([[1.0, 2.0], [1.0, 1.0]])}),
        (ValueError, "add up to 4", {"targets": tinygrad_fm.tensor([1, 2, 1]), "target_lengths": (2, 2)}),
        (ValueError, "should have shape", {"targets": tinygrad_fm.tensor([[1, 2]])}),
        (ValueError, "not a valid value for reduction", {"reduction": "median"}),
    ],
)
def test_mistakes(error, text, wrong):
    given = {
        "log_probs": tinygrad_fm.zeros(4, 2, 3),
        "targets": tinygrad_fm.tensor([[1, 2], [1, 1]]),
        "input_lengths": (4, 4),
        "target_lengths": (2, 1),
        **wrong,
    }
    with pytest.raises(error, match=text):
        nn.functional.ctc_loss(**given)
