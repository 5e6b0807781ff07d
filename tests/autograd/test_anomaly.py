"""Anomaly mode and debug mode."""

from __future__ import annotations

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.autograd import debug, detect_anomaly, hooks, set_detect_anomaly


def test_forward_anomaly_names_op_module_and_line() -> None:
    class Log(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.log()

    model = nn.Sequential(nn.Identity(), Log())
    with detect_anomaly(), pytest.raises(RuntimeError, match=r"NaN.*'log'.*module '1'.*test_anomaly\.py:\d+.*\(2,\)"):
        model(torch.tensor([-1.0, 1.0], requires_grad=True))


def test_backward_anomaly_names_the_line_that_recorded_it() -> None:
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    with detect_anomaly():
        y = x.sqrt()
        with pytest.raises(RuntimeError, match=r"inf in the gradient of 'sqrt'.*test_anomaly\.py:\d+"):
            y.sum().backward()


def test_what_was_given_is_not_reported() -> None:
    with detect_anomaly():
        x = torch.tensor([float("-inf"), 1.0], requires_grad=True)
        assert x.exp().sum().item() == pytest.approx(2.71828, rel=1e-4)


def test_switched_on_for_good_and_off() -> None:
    set_detect_anomaly(True)
    with pytest.raises(RuntimeError, match="NaN"):
        torch.tensor([-1.0], requires_grad=True).log()
    set_detect_anomaly(False)
    assert not hooks.active
    with set_detect_anomaly(True), pytest.raises(RuntimeError, match="NaN"):
        torch.tensor([-1.0], requires_grad=True).log()
    assert not hooks.active


def test_debug_refuses_writes_behind_the_tapes_back() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor([3.0, 4.0])
    with debug():
        y = x * w
        with pytest.raises(ValueError, match="read-only"):
            w.numpy()[0] = 7.0
        with pytest.raises(RuntimeError, match=r"debug\(\)"):
            w.data.mul_(2)
        y.sum().backward()
        w.numpy()[0] = 7.0
        y = x * w
    w.numpy()[1] = 8.0  # released at the end of the block
    assert w.tolist() == [7.0, 8.0] and x.grad is not None and x.grad.tolist() == [3.0, 4.0]


def test_debug_holds_what_several_graphs_or_a_retained_one_need() -> None:
    x = torch.tensor([1.0], requires_grad=True)
    w = torch.tensor([3.0])
    with debug():
        first, second = x * w, x * w
        first.backward(retain_graph=True)
        second.backward()
        with pytest.raises(ValueError, match="read-only"):
            w.numpy()[0] = 0.0
        first.backward()
        w.numpy()[0] = 0.0


def test_whether_it_is_on() -> None:
    assert not torch.autograd.is_anomaly_enabled()
    with torch.autograd.detect_anomaly():
        assert torch.autograd.is_anomaly_enabled()
        with torch.autograd.set_detect_anomaly(False):
            assert not torch.autograd.is_anomaly_enabled()
    assert not torch.autograd.is_anomaly_enabled()


def test_names_of_pytorchs_files() -> None:
    assert torch.autograd.grad_mode.no_grad is torch.no_grad and torch.autograd.inference_mode is torch.inference_mode
