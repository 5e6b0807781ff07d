"""A saved array that was written to afterwards is refused, with the operation and both versions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.errors import AutogradError


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


WRITES: dict[str, Callable[[torch.Tensor], object]] = {
    "add_": lambda t: t.add_(1),
    "mul_": lambda t: t.mul_(2),
    "zero_": lambda t: t.zero_(),
    "fill_": lambda t: t.fill_(3),
    "copy_": lambda t: t.copy_(torch.zeros_like(t)),
    "setitem": lambda t: t.__setitem__(0, 9.0),
    "through a view": lambda t: t[1:].mul_(2),
    "through a view of a view": lambda t: t.view(2, 1)[:, 0].mul_(2),
    "iadd": lambda t: t.__iadd__(1),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_saved_input_written_to_is_refused(write: str) -> None:
    x = leaf(1.0, 2.0)
    a = x * 1
    y = (a * a).sum()
    WRITES[write](a)
    with pytest.raises(AutogradError, match=r"mul.*version 0.*version 1"):
        y.backward()


@pytest.mark.parametrize("write", WRITES)
def test_a_saved_output_written_to_is_refused(write: str) -> None:
    x = leaf(1.0, 2.0)
    a = x.exp()
    y = a.sum()
    WRITES[write](a)
    with pytest.raises(AutogradError, match="exp"):
        y.backward()


@pytest.mark.parametrize("write", WRITES)
def test_what_no_rule_reads_may_be_written_to(write: str) -> None:
    x = leaf(1.0, 2.0)
    a = x + 1
    y = (a + 2).sum()
    WRITES[write](a)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 1.0])


def test_both_versions_are_named() -> None:
    x = leaf(1.0, 2.0)
    a = x * 1
    a.add_(1)
    a.add_(1)
    y = (a * a).sum()
    a.add_(1)
    with pytest.raises(AutogradError, match=r"version 2.*version 3"):
        y.backward()


def test_a_constant_that_a_rule_reads() -> None:
    x, c = leaf(1.0, 2.0), torch.ones(2, dtype=torch.float64)
    y = (x * c).sum()
    c.add_(1)
    with pytest.raises(AutogradError, match="mul"):
        y.backward()


def test_a_leaf_changed_under_no_grad() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(AutogradError, match="mul"):
        y.backward()


def test_writing_before_recording_is_fine() -> None:
    x = leaf(1.0, 2.0)
    a = x * 1
    a.mul_(2)
    (a * a).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [8.0, 16.0])


def test_writing_to_another_tensor_is_fine() -> None:
    x = leaf(1.0, 2.0)
    a = x * 1
    y = (a * a).sum()
    a.clone().add_(1)
    torch.ones(2).add_(1)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])


def test_writing_to_another_part_of_the_storage_is_refused_as_in_pytorch() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    a = x * 1
    y = (a[:2] * a[:2]).sum()
    a[2:].add_(1)
    with pytest.raises(AutogradError):
        y.backward()


@pytest.mark.parametrize("name", ["exp_", "sigmoid_", "tanh_", "sqrt_", "relu_"])
def test_the_saved_result_of_an_inplace_operation_is_intact(name: str) -> None:
    x = leaf(0.5, 2.0)
    a = x * 1
    getattr(a, name)()
    a.sum().backward()
    expected = leaf(0.5, 2.0)
    getattr(expected, name[:-1])().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected.grad.numpy())


def test_the_saved_result_of_an_inplace_operation_written_to_again() -> None:
    x = leaf(0.5, 2.0)
    a = x * 1
    a.exp_()
    a.add_(1)
    with pytest.raises(AutogradError, match="exp"):
        a.sum().backward()


def test_an_operand_saved_by_an_inplace_operation() -> None:
    x, w = leaf(0.5, 2.0), leaf(3.0, 4.0)
    a = x * 1
    a.mul_(w)  # reads a's old values for w's gradient
    a.sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [0.5, 2.0])
    np.testing.assert_array_equal(x.grad.numpy(), [3.0, 4.0])


def test_data_and_detach() -> None:
    x = leaf(1.0, 2.0)
    a = x * 1
    y = (a * a).sum()
    a.detach().add_(1)  # shares memory and version
    with pytest.raises(AutogradError):
        y.backward()
    a = x * 1
    y = (a * a).sum()
    a.data.add_(1)  # behind the tape's back, as in PyTorch
    y.backward()


def test_the_error_at_retain_graph_comes_when_it_is_due() -> None:
    x = leaf(1.0, 2.0)
    a = x * 1
    y = (a * a).sum()
    y.backward(retain_graph=True)
    a.add_(1)
    with pytest.raises(AutogradError):
        y.backward()


def test_under_create_graph() -> None:
    x = leaf(1.0, 2.0)
    a = x * 1
    y = (a**3).sum()
    (g,) = torch.autograd.grad(y, a, create_graph=True)
    a.add_(1)
    with pytest.raises(AutogradError):
        g.sum().backward()
