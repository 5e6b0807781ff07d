"""What a tensor of this engine must be beside its operations: boxing, dtypes of gradients, memory order, copies, NumPy."""

from __future__ import annotations

import copy
import operator

import numpy as np
import pytest

import tinygrad_fm as torch


def test_full_reductions_are_0d_arrays() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    for y in (x.sum(), x.mean(), x.max(), x.prod(), x.norm(), x[0], x @ x, x.sum() * 2, x.argmax(), x.any(), x.sum() > 1):
        assert type(y) is torch.Tensor
        assert type(y.detach().numpy()) is np.ndarray
        assert y.shape == ()
    x.sum().backward()
    assert type(x.grad.numpy()) is np.ndarray


def test_gradients_of_0d_tensors_are_0d_arrays() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    (x * x + x).backward()
    assert type(x.grad.numpy()) is np.ndarray
    assert x.grad.shape == ()
    (g,) = torch.autograd.grad(x * x * x + x, x)
    assert type(g.numpy()) is np.ndarray


@pytest.mark.parametrize(("a", "b"), [("float32", "float64"), ("float64", "float32"), ("float16", "float32")])
def test_a_gradient_has_the_dtype_of_its_value(a: str, b: str) -> None:
    x = torch.ones(2, dtype=getattr(torch, a), requires_grad=True)
    w = torch.ones(2, dtype=getattr(torch, b), requires_grad=True)
    (x * w + x / w).sum().backward()
    assert x.grad.dtype is x.dtype
    assert w.grad.dtype is w.dtype


def test_a_gradient_through_casts() -> None:
    x = torch.ones(2, requires_grad=True)
    (x.double() * 0.1).sum().backward()
    assert x.grad.dtype is torch.float32
    np.testing.assert_allclose(x.grad.numpy(), [0.1, 0.1])
    assert not x.long().requires_grad


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_python_numbers_do_not_change_the_dtype(dtype: str) -> None:
    x = torch.ones(2, dtype=getattr(torch, dtype), requires_grad=True)
    y = ((x * 2 + 0.5) ** 2 / 3 - 1.5).sum() * np.float64(2)
    y.backward()
    assert y.dtype is x.dtype
    assert x.grad.dtype is x.dtype


def test_integers_join_floats_without_widening() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * torch.arange(3) + torch.tensor(2.0, dtype=torch.float64)
    assert y.dtype is torch.float32
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 1.0, 2.0])


def batch_last(shape: tuple[int, ...]) -> np.ndarray:
    """An image batch (N, C, H, W) whose memory is (C, H, W, N)."""
    n, *rest = shape
    return np.random.default_rng(0).standard_normal((*rest, n)).transpose(3, 0, 1, 2)


def test_elementwise_operations_keep_the_memory_order() -> None:
    x = torch.from_numpy(batch_last((5, 2, 3, 4))).requires_grad_()
    y = (x * 2 + 1).relu().exp()
    assert y.detach().numpy().strides == x.detach().numpy().strides


def test_a_gradient_has_its_values_memory_order() -> None:
    x = torch.from_numpy(batch_last((5, 2, 3, 4))).requires_grad_()
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(g.numpy().strides))
    (h.reshape(5, 24) @ torch.ones(24, 3, dtype=torch.float64)).sum().backward()
    assert seen == [x.detach().numpy().strides]
    assert x.grad.numpy().strides == x.detach().numpy().strides


def test_a_c_ordered_image_keeps_a_c_ordered_gradient() -> None:
    x = torch.tensor(np.ones((5, 2, 3, 4)), requires_grad=True)
    (x.permute(1, 2, 3, 0) * 2).permute(3, 0, 1, 2).sum().backward()
    assert x.grad.numpy().flags.c_contiguous


def test_deepcopy_of_leaves() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * 2).sum().backward()
    twin = copy.deepcopy(x)
    assert twin.requires_grad
    assert twin.is_leaf
    assert type(twin) is type(x)
    assert not np.shares_memory(twin.detach().numpy(), x.detach().numpy())
    assert twin.grad is None or not np.shares_memory(twin.grad.numpy(), x.grad.numpy())
    (twin * 3).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 2.0])


def test_deepcopy_keeps_sharing() -> None:
    x = torch.ones(2, requires_grad=True)
    pair = copy.deepcopy([x, x])
    assert pair[0] is pair[1]


def test_deepcopy_of_a_result_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"(?i)graph|leaf|leaves"):
        copy.deepcopy(torch.ones(2, requires_grad=True) * 2)
    assert copy.deepcopy(torch.ones(2) * 2).tolist() == [2.0, 2.0]


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul]


@pytest.mark.parametrize("op", OPERATORS, ids=lambda f: f.__name__)
def test_an_array_before_a_tensor_never_drops_the_tape(op) -> None:
    """``ndarray * tensor`` gives a Tensor on the tape, or raises."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    array = np.array([[2.0, 1.0], [1.0, 2.0]], np.float32)
    try:
        y = op(array, x)
    except TypeError:
        return
    assert type(y) is torch.Tensor
    assert y.requires_grad
    np.testing.assert_allclose(y.detach().numpy(), op(array, x.detach().numpy()), rtol=1e-6)


@pytest.mark.parametrize("op", OPERATORS, ids=lambda f: f.__name__)
def test_a_numpy_scalar_before_a_tensor_never_drops_the_tape(op) -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    try:
        y = op(np.float64(2.0), x)
    except (TypeError, RuntimeError, ValueError):
        return
    assert type(y) is torch.Tensor
    assert y.requires_grad
    assert y.dtype is torch.float32


@pytest.mark.parametrize("f", [np.exp, np.sum, np.tanh, np.sqrt, np.mean, np.concatenate, np.maximum.reduce])
def test_numpy_functions_on_a_tensor_that_requires_grad(f) -> None:
    """The right thing, or an exception: never a bare array without the tape."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    argument = [x, x] if f is np.concatenate else x
    try:
        y = f(argument)
    except (TypeError, RuntimeError):
        return
    assert type(y) is torch.Tensor
    assert y.requires_grad


def test_numpy_functions_on_a_tensor_without_grad() -> None:
    x = torch.tensor([1.0, 2.0])
    np.testing.assert_allclose(np.asarray(x), [1.0, 2.0])
    np.testing.assert_allclose(np.asarray(np.exp(x)), np.exp([1.0, 2.0]), rtol=1e-6)


def test_numpy_of_a_tensor_that_requires_grad_is_refused() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="detach"):
        x.numpy()
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(x)
    np.testing.assert_array_equal(x.detach().numpy(), [1.0, 2.0])


def test_from_numpy_shares_memory_and_tensor_copies() -> None:
    array = np.ones(3, np.float32)
    shared, own = torch.from_numpy(array), torch.tensor(array)
    array[0] = 5
    assert shared.tolist() == [5.0, 1.0, 1.0]
    assert own.tolist() == [1.0, 1.0, 1.0]


def test_the_truth_of_a_tensor() -> None:
    assert torch.tensor([2.0])
    assert not torch.tensor(0)
    with pytest.raises(RuntimeError):
        bool(torch.ones(2))
    with pytest.raises(RuntimeError):
        bool(torch.ones(0))


def test_tensors_can_be_keys_and_compare_elementwise() -> None:
    x, y = torch.ones(2), torch.ones(2)
    assert len({x: 1, y: 2}) == 2
    assert (x == y).tolist() == [True, True]
    assert x in [x]


def test_contiguous_copies_only_what_is_not() -> None:
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    assert x.contiguous() is x
    y = x.t().contiguous()
    assert y.is_contiguous() and y.stride() == (2, 1)
    (y * torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).sum().backward()
    assert x.grad.tolist() == [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]


def test_dir_offers_only_what_exists() -> None:
    x = torch.ones(1, 1)
    assert not [name for name in dir(x) if not hasattr(x, name)]
    assert "relu_" in dir(x) and "to_sparse" not in dir(x)
