"""The line of the user's code that an operation comes from."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn


def line() -> int:
    return inspect.currentframe().f_back.f_lineno  # type: ignore[union-attr]


def test_the_innermost_line_outside_the_package() -> None:
    x, net = torch.ones(2, requires_grad=True), nn.Linear(2, 2)
    with torch.autograd.record_places():
        a = x * 2
        here = line() - 1
        b = net(a)
        c = torch.nn.functional.softmax(b, dim=0)
    assert a.grad_fn.source_line == f"{__file__}:{here}"
    assert b.grad_fn.source_line == f"{__file__}:{here + 2}"
    assert c.grad_fn.source_line == f"{__file__}:{here + 3}"
    assert (x * 2).grad_fn.source_line is None


def test_errors_of_backward_name_it() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.autograd.record_places():
        y = torch.exp(x)
        here = line() - 1
    y.detach().mul_(2)
    with pytest.raises(RuntimeError, match=f"recorded at .*test_source_lines.py:{here}"):
        y.sum().backward()


def test_results_that_are_not_recorded_are_left_alone() -> None:
    with torch.autograd.record_places():
        y: Any = torch.ones(2) * 2
    assert y.grad_fn is None


def test_operations_of_a_recorded_backward_know_what_they_are_the_gradient_of() -> None:
    net, x = nn.Linear(2, 1), torch.ones(3, 2, requires_grad=True)
    (dx,) = torch.autograd.grad(torch.tanh(net(x)).sum(), x, create_graph=True)
    assert dx.grad_fn.scope[2] == "linear"
    assert dx.grad_fn.scope[1]() is net
    assert (x * 2).grad_fn.scope is None  # nothing of it stays behind
