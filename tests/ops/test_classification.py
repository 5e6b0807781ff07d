"""Softmax and cross entropy: fused kernels against their compositions, labels that are wrong, and corner cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn
from tinygrad_fm.autograd import composed, gradcheck, gradgradcheck
from tinygrad_fm.autograd.box import box
from tinygrad_fm.errors import ShapeError
from tinygrad_fm.ops.activation import gelu
from tinygrad_fm.ops.cross_entropy import cross_entropy, nll_loss
from tinygrad_fm.ops.softmax import log_softmax, softmax

LABELS = torch.tensor([0, 4, 2, 2, 1, 3])


def logits(*shape: int, dtype: Any = np.float64, scale: float = 3.0) -> Any:
    return box((np.random.default_rng(0).standard_normal(shape) * scale).astype(dtype)).requires_grad_()


def fused_and_composed(function: Any, x: Any) -> None:
    """Values and gradients of both forms agree, to the precision of the input."""
    results = []
    for form in (False, True):
        if form:
            with composed():
                y = function(x)
        else:
            y = function(x)
        g = box(np.asarray(np.random.default_rng(1).standard_normal(y.shape)).astype(x._array.dtype))
        results.append((y, torch.autograd.grad(y, x, g)[0]))
    (y, dx), (expected, expected_dx) = results
    assert y.dtype is expected.dtype is dx.dtype is x.dtype
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if x._array.dtype == np.float32 else {"rtol": 1e-11, "atol": 1e-13}
    np.testing.assert_allclose(y._array, expected._array, **tolerance)
    np.testing.assert_allclose(dx._array, expected_dx._array, **tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", [softmax, log_softmax])
def test_fused_softmax_is_its_composition(op: Any, dtype: Any) -> None:
    for shape, dim in (((6, 5), 1), ((6, 5), 0), ((2, 3, 4), 1), ((7,), 0)):
        fused_and_composed(lambda x, dim=dim: op(x, dim), logits(*shape, dtype=dtype))
    fused_and_composed(lambda x: op(x.T, 1), logits(4, 3, dtype=dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_fused_gelu_is_its_composition(approximate: str, dtype: Any) -> None:
    fused_and_composed(lambda x: gelu(x, approximate), logits(6, 5, dtype=dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [-100, 2])
def test_fused_cross_entropy_is_its_composition(
    dtype: Any, reduction: str, label_smoothing: float, weighted: bool, ignore_index: int
) -> None:
    weight = torch.tensor([0.5, 1.0, 2.0, 0.0, 1.5]) if weighted else None
    settings = {"ignore_index": ignore_index, "reduction": reduction, "label_smoothing": label_smoothing}
    fused_and_composed(lambda x: cross_entropy(x, LABELS, weight, **settings), logits(6, 5, dtype=dtype))
    pixels = LABELS.reshape(1, 2, 3)
    fused_and_composed(lambda x: cross_entropy(x, pixels, weight, **settings), logits(1, 5, 2, 3, dtype=dtype))


def test_gradients_to_second_order() -> None:
    x = logits(6, 5, scale=1.0)
    for op in (lambda x: softmax(x, 1), lambda x: log_softmax(x, 0), lambda x: cross_entropy(x, LABELS)):
        assert gradcheck(op, (x,))
        assert gradgradcheck(op, (x,), fast_mode=True)
    assert gradcheck(lambda x, p: cross_entropy(x, softmax(p, 1), label_smoothing=0.2), (x, logits(6, 5)))


def test_huge_logits_neither_overflow_nor_lose_the_loss() -> None:
    x = torch.tensor([[1000.0, 0.0], [-1000.0, 0.0]], requires_grad=True)
    assert cross_entropy(x, torch.tensor([0, 0]), reduction="none").tolist() == [0.0, 1000.0]
    assert softmax(x, 1).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_nothing_to_count_is_nan_with_no_gradient() -> None:
    x = logits(2, 3)
    loss = cross_entropy(x, torch.tensor([-100, -100]))
    loss.backward()
    assert np.isnan(loss.item())
    assert (x.grad == 0).all()
    assert np.isnan(cross_entropy(logits(0, 3), torch.zeros(0).long()).item())


def test_an_ignored_row_may_hold_anything() -> None:
    x = torch.tensor([[0.0, 0.0], [np.inf, -np.inf]], requires_grad=True)
    loss = cross_entropy(x, torch.tensor([1, -100]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2))
    assert x.grad.tolist() == [[0.5, -0.5], [0.0, 0.0]]


@pytest.mark.parametrize("loss", [cross_entropy, nll_loss])
def test_labels_out_of_range_are_named_with_their_place(loss: Any) -> None:
    with pytest.raises(IndexError, match=r"target\[1\] is 5, but with 5 classes .* from 0 to 4"):
        loss(logits(2, 5), torch.tensor([0, 5]))
    with pytest.raises(IndexError, match=r"target\[0, 2\] is -1"):
        loss(logits(1, 5, 3), torch.tensor([[0, 1, -1]]))
    with pytest.raises(IndexError, match=r"target is 9"):
        loss(logits(5), torch.tensor(9))
    assert loss(logits(2, 5), torch.tensor([0, -1]), ignore_index=-1).shape == ()


def test_targets_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"labels must have shape \(2,\), got \(3,\)"):
        cross_entropy(logits(2, 5), torch.tensor([0, 1, 2]))
    with pytest.raises(RuntimeError, match="labels must be integers"):
        cross_entropy(logits(2, 5), torch.ones(2))
    with pytest.raises(RuntimeError, match="holds probabilities and must be floating-point"):
        cross_entropy(logits(2, 5), torch.ones(2, 5).long())
    with pytest.raises(ShapeError, match=r"weight must have shape \(5,\)"):
        cross_entropy(logits(2, 5), torch.tensor([0, 1]), torch.ones(4))
    with pytest.raises(RuntimeError, match="label_smoothing"):
        cross_entropy(logits(2, 5), torch.tensor([0, 1]), label_smoothing=1.5)
    with pytest.raises(ValueError, match="'median' is not a valid value for reduction"):
        cross_entropy(logits(2, 5), torch.tensor([0, 1]), reduction="median")
    with pytest.raises(NotImplementedError, match="int64"):
        softmax(torch.tensor([1, 2]), 0)
    with pytest.raises(IndexError, match="dim 2"):
        softmax(logits(2, 5), 2)


def test_softmax_without_dim_warns_and_with_dtype_casts() -> None:
    with pytest.warns(UserWarning, match="dim=1 is taken"):
        softmax(logits(2, 5))
    assert softmax(torch.ones(3), 0, dtype=torch.float64).dtype is torch.float64
    assert torch.ones(3).softmax(0, torch.float64).dtype is torch.float64


# ---- probabilities where logits or logarithms belong


def test_a_loss_of_logits_warns_of_probabilities() -> None:
    x, y = logits(6, 5), torch.tensor([0, 1, 0, 1, 1, 0]).double()
    for loss, probabilities, target in (
        (F.cross_entropy, x.softmax(1), LABELS),
        (F.nll_loss, x.softmax(1), LABELS),
        (nn.CrossEntropyLoss(), nn.Softmax(dim=1)(x), LABELS),
        (F.binary_cross_entropy_with_logits, x[:, 0].sigmoid(), y),
    ):
        with pytest.warns(UserWarning, match="input comes from (softmax|sigmoid), but this loss takes"):
            loss(probabilities, target)


def test_a_loss_that_is_right_does_not_warn() -> None:
    """Warnings are errors here; a softmax further back, as of an attention, is none of their business."""
    x, y = logits(6, 5), torch.tensor([0, 1, 0, 1, 1, 0]).double()
    F.cross_entropy(x, LABELS)
    F.cross_entropy(x.log_softmax(1), LABELS)
    F.cross_entropy(x.softmax(1) * 3, LABELS)
    F.nll_loss(x.softmax(1).log(), LABELS)
    F.binary_cross_entropy(x[:, 0].sigmoid(), y)
    F.binary_cross_entropy_with_logits(x[:, 0], y)
