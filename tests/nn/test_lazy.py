"""Lazy modules: what an uninitialized parameter refuses, and what a failed load leaves behind."""

from __future__ import annotations

import copy
import pickle

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn, optim
from tinygrad_fm.nn.parameter import UninitializedBuffer, UninitializedParameter


def test_a_load_that_fails_leaves_parameters_uninitialized() -> None:
    lazy = nn.LazyLinear(3)
    with pytest.raises(RuntimeError, match="Missing key"):
        lazy.load_state_dict({"weight": torch.zeros(3, 4)})
    assert isinstance(lazy.weight, UninitializedParameter)
    assert tuple(lazy(torch.zeros(1, 2)).shape) == (1, 3)
    assert lazy.weight.requires_grad


def test_a_step_before_the_first_call_says_what_to_do() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.LazyLinear(2))
    optimizer = optim.Adam(model.parameters())
    with pytest.raises(ValueError, match=r"uninitialized parameter .* Call the lazy module with a batch first"):
        optimizer.step()
    model(torch.ones(1, 5)).sum().backward()
    before = model[0].weight.detach().clone()
    optimizer.step()
    assert not torch.equal(before, model[0].weight)


def test_dtype_and_freezing_are_remembered() -> None:
    model = nn.Sequential(nn.LazyLinear(3, dtype=torch.float64), nn.LazyBatchNorm1d()).half().requires_grad_(False)
    assert model[0].weight.dtype == torch.float16
    model.double()(torch.ones(2, 5).double())
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert not any(p.requires_grad for p in model.parameters())
    assert model[1].running_mean is not None
    assert model[1].running_mean.dtype == torch.float64


def test_copies_are_apart() -> None:
    lazy = nn.LazyConv2d(2, 3)
    copied = copy.deepcopy(lazy)
    lazy(torch.zeros(1, 1, 5, 5))
    assert copied.has_uninitialized_params()
    assert tuple(copied(torch.zeros(1, 4, 5, 5)).shape) == (1, 2, 3, 3)
    assert tuple(copied.weight.shape) == (2, 4, 3, 3)
    sent = pickle.loads(pickle.dumps(UninitializedParameter(False, dtype=torch.float64)))
    assert (sent.dtype, sent.requires_grad) == (torch.float64, False)


def test_groups_are_checked_early() -> None:
    with pytest.raises(ValueError, match="out_channels must be divisible by groups"):
        nn.LazyConv2d(3, 3, groups=2)


def test_a_sample_without_a_batch_has_its_channels_first() -> None:
    norm = nn.LazyInstanceNorm1d()
    norm(torch.zeros(3, 5))
    assert norm.num_features == 3


def test_buffers_that_are_not_saved() -> None:
    module = nn.Module()
    module.kept, module.dropped = UninitializedBuffer(), UninitializedBuffer(persistent=False)
    assert list(module.state_dict()) == ["kept"]
    assert repr(module.kept) == "<UninitializedBuffer>"
