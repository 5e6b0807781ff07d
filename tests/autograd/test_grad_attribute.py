"""``tensor.grad``: what may be assigned to it, and whom it warns."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn


@pytest.mark.parametrize("value", [[1.0, 2.0], 1.0, np.ones(2, np.float32), "g"])
def test_what_is_no_tensor_is_refused(value: Any) -> None:
    p = torch.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match=f"Tensor or None but got grad of type {type(value).__name__}"):
        p.grad = value
    assert p.grad is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.ones(3), r"size '\[3\]' to a tensor of size '\[2\]'"),
        (torch.ones(1), "size"),
        (torch.ones(2, dtype=torch.float64), "dtype 'float64' to a tensor of dtype 'float32'"),
        (torch.ones(2, dtype=torch.int64), "int64"),
    ],
)
def test_another_shape_or_dtype_is_refused(value: Any, message: str) -> None:
    p = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=message):
        p.grad = value
    with pytest.raises(RuntimeError, match="its own grad"):
        p.grad = p


@pytest.mark.parametrize(
    "make", [lambda: torch.ones(2, requires_grad=True), lambda: torch.ones(2), lambda: nn.Parameter(torch.ones(2))]
)
def test_what_fits_is_taken(make: Any) -> None:
    p, g = make(), torch.full((2,), 3.0)
    p.grad = g
    assert p.grad is g
    p.grad = None
    assert p.grad is None
    p.grad = g
    del p.grad
    assert p.grad is None


def test_the_private_name_is_the_same_gradient() -> None:
    p = torch.ones(2, requires_grad=True)
    p._grad = torch.full((2,), 3.0)
    assert p.grad.tolist() == [3.0, 3.0]
    p.sum().backward()
    assert p._grad is p.grad and p.grad.tolist() == [4.0, 4.0]


def test_only_reading_that_of_another_than_a_leaf_warns() -> None:
    x = torch.ones(2, requires_grad=True)
    h = x * 2
    with pytest.warns(UserWarning, match="not a leaf Tensor is being accessed"):
        assert h.grad is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert x.grad is None and torch.ones(2).grad is None and h.detach().grad is None
        h.retain_grad()
        assert h.grad is None
        (h * h).sum().backward()
        assert h.grad.tolist() == [4.0, 4.0]
        g = x * 3
        g.grad = torch.ones(2)
        assert g.grad.tolist() == [1.0, 1.0]
