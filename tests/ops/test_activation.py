"""Activations where the table does not look: accuracy of erf, corners, in-place forms; and dropout."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd.box import box
from tinygrad_fm.ops.activation import (
    celu,
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    mish,
    relu,
    rrelu,
    selu,
    silu,
    threshold,
    unless,
)
from tinygrad_fm.ops.dropout import alpha_dropout, dropout, dropout2d
from tinygrad_fm.ops.special import erf


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 4e-16), (np.float32, 2e-7), (np.float16, 1e-3)])
def test_erf_is_accurate_to_rounding(dtype: Any, tolerance: float) -> None:
    x = np.concatenate([np.linspace(-7, 7, 4001), [0.0, -0.0, 1.0, -1.0, 1e-9, np.inf, -np.inf]]).astype(dtype)
    expected = np.array([math.erf(float(v)) for v in x])
    y = erf(box(x))._array
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, rtol=tolerance * 2, atol=0)
    assert np.isnan(erf(torch.tensor(np.nan)).item())


def test_a_masked_gradient_is_zero_whatever_came_in() -> None:
    x = torch.tensor([-1.0, 1.0, 0.0, np.nan], requires_grad=True)
    relu(x).backward(torch.tensor([np.inf, np.inf, np.nan, 2.0]))
    assert x.grad.tolist() == [0.0, np.inf, 0.0, 2.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_unless_in_every_precision_and_memory_order(dtype: Any) -> None:
    g = np.arange(-6.0, 6.0).astype(dtype).reshape(3, 4)
    for a in (g, g.T, g[:, ::2]):
        mask = np.asarray(a % 2 == 0)
        np.testing.assert_array_equal(unless(a, mask), np.where(mask, 0, a))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_relu_of_many_is_the_maximum_with_zero(dtype: Any) -> None:
    x = np.random.default_rng(0).standard_normal((60, 70)).astype(dtype).T
    x[0, :5] = np.nan, np.inf, -np.inf, 0.0, -0.0
    y = relu(torch.from_numpy(x)).numpy()
    assert (y.dtype, y.strides) == (x.dtype, x.strides)
    np.testing.assert_array_equal(y, np.maximum(x, dtype(0)))


def test_in_place_forms_write_into_the_input() -> None:
    below = partial(threshold, threshold=0.1, value=3.0)
    for op in (relu, leaky_relu, hardtanh, hardsigmoid, hardswish, elu, celu, selu, silu, mish, rrelu, below):
        x = torch.tensor([-2.0, 0.5], requires_grad=True)
        y = x * 1
        assert op(y, inplace=True) is y
        assert y.tolist() == op(torch.tensor([-2.0, 0.5])).tolist()
        y.sum().backward()
        z = torch.tensor([-2.0, 0.5], requires_grad=True)
        op(z).sum().backward()
        assert x.grad.tolist() == z.grad.tolist()


def test_integers_where_pytorch_takes_them() -> None:
    assert relu(torch.tensor([-1, 2])).tolist() == [0, 2]
    with pytest.raises(NotImplementedError, match=r"leaky_relu.*int64.*\.float\(\)"):
        leaky_relu(torch.tensor([1]))
    with pytest.raises(RuntimeError, match="bool"):
        relu(torch.tensor([True]))


def test_gelu_of_0d_and_of_scattered_memory() -> None:
    def exact(v: float) -> float:
        return v * 0.5 * (1 + math.erf(v / math.sqrt(2)))

    assert gelu(torch.tensor(0.3, dtype=torch.float64)).item() == pytest.approx(exact(0.3), rel=1e-15)
    x = np.linspace(-4, 4, 40000).reshape(100, 400)[:, ::2].T
    expected = np.vectorize(exact)(x)
    np.testing.assert_allclose(gelu(box(x))._array, expected, rtol=1e-14, atol=1e-15)  # 1 + erf cancels on the left


# -- dropout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.5, 0.25, 0.1, 0.9])
def test_dropout_keeps_the_mean_and_drops_its_share(p: float) -> None:
    torch.manual_seed(0)
    y = dropout(torch.ones(200, 500), p).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / (1 - p))}
    assert np.mean(y == 0) == pytest.approx(p, abs=0.01)


def test_the_gradient_goes_where_the_values_went() -> None:
    x = torch.ones(50, requires_grad=True)
    y = dropout(x, 0.5)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_a_seed_repeats_the_mask() -> None:
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(dropout(torch.ones(100), 0.3).tolist())
    assert masks[0] == masks[1] != masks[2]


def test_dropout_keeps_memory_order() -> None:
    x = box(np.ones((3, 4, 5, 6), np.float32).transpose(1, 2, 3, 0))
    assert dropout(x, 0.1)._array.strides == x._array.strides


def test_nothing_or_everything_is_dropped() -> None:
    x = torch.ones(5)
    assert dropout(x, 0.0) is x
    assert dropout(x, 0.7, training=False) is x
    assert dropout(x, 1.0).tolist() == [0.0] * 5
    assert alpha_dropout(x, 1.0, training=True).tolist() == [0.0] * 5
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="has to be between 0 and 1"):
            dropout(x, p)


def test_channels_are_dropped_whole() -> None:
    torch.manual_seed(0)
    y = dropout2d(torch.ones(20, 30, 2, 2), 0.5).numpy().reshape(600, 4)
    assert (y == y[:, :1]).all()
    assert 0.4 < np.mean(y == 0) < 0.6


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    torch.manual_seed(0)
    y = alpha_dropout(torch.randn(400, 500), 0.3, training=True).numpy()
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02
