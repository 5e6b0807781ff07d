"""Dropout: what is kept, how much of it, with which gradient."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_what_is_kept_is_scaled_up(p: float, dtype: torch.dtype) -> None:
    x = torch.ones(100, 100, dtype=dtype)
    y = F.dropout(x, p)
    assert y.dtype is dtype
    values = np.unique(y.numpy())
    np.testing.assert_allclose(values, [0, 1 / (1 - p)], rtol=1e-6)
    assert abs((y == 0).double().mean().item() - p) < 0.02


def test_the_gradient_goes_through_the_same_mask() -> None:
    x = torch.ones(50, 50, dtype=torch.float64, requires_grad=True)
    y = F.dropout(x, 0.3)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


def test_the_second_gradient() -> None:
    x = torch.tensor(np.linspace(-1, 1, 12).reshape(3, 4), requires_grad=True)

    def run(t: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)  # the same mask each time
        return F.dropout(t * t, 0.5)

    assert torch.autograd.gradcheck(run, (x,))
    assert torch.autograd.gradgradcheck(run, (x,))


def test_all_or_nothing() -> None:
    x = torch.ones(4, 5, requires_grad=True)
    assert F.dropout(x, 0.0).tolist() == x.tolist()
    y = F.dropout(x, 1.0)
    assert y.tolist() == [[0.0] * 5] * 4
    y.sum().backward()
    assert x.grad.tolist() == [[0.0] * 5] * 4
    assert F.dropout(x, 0.7, training=False).tolist() == x.tolist()


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_impossible_probabilities(p: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        F.dropout(torch.ones(2), p)


def test_it_repeats_by_seed() -> None:
    x = torch.ones(30, 30)
    torch.manual_seed(1)
    a = F.dropout(x, 0.5)
    b = F.dropout(x, 0.5)
    torch.manual_seed(1)
    assert torch.equal(a, F.dropout(x, 0.5))
    assert not torch.equal(a, b)


def test_in_place() -> None:
    x = torch.ones(20, 20)
    y = F.dropout(x, 0.5, inplace=True)
    assert y is x
    assert 0 < (x == 0).long().sum().item() < 400


def test_dropout2d_drops_whole_channels() -> None:
    y = F.dropout2d(torch.ones(10, 20, 3, 4), 0.5).numpy()
    per_channel = y.reshape(10, 20, 12)
    assert (per_channel == per_channel[:, :, :1]).all()
    assert set(np.unique(y)) == {0.0, 2.0}


def test_the_mask_lies_in_memory_as_its_input_does() -> None:
    x = torch.zeros(4, 5, 6, 7).permute(3, 0, 1, 2)
    assert F.dropout(x + 1, 0.5).stride() == x.stride()
