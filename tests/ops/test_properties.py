"""What holds for all shapes and indices, on examples that Hypothesis makes up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_fm as torch

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
NUMBERS = st.floats(-3, 3).map(lambda x: round(x, 2))


def arrays(shape: Any) -> Any:
    return hnp.arrays(np.float64, shape, elements=NUMBERS)


def leaf(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.copy()).requires_grad_()


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_dims=4, max_side=3))
def test_broadcasting_and_its_gradients(shapes: Any) -> None:
    """The gradient of a broadcast input is the gradient of the broadcast copy, summed back."""
    a_shape, b_shape = shapes.input_shapes
    rng = np.random.default_rng(0)
    a, b = leaf(rng.standard_normal(a_shape)), leaf(rng.standard_normal(b_shape))
    y = a * b + a
    assert y.shape == shapes.result_shape
    weights = rng.standard_normal(y.shape)
    y.backward(torch.from_numpy(np.asarray(weights)))
    wide_a, wide_b = (np.broadcast_to(x.detach().numpy(), y.shape) for x in (a, b))
    for x, wide in ((a, weights * (wide_b + 1)), (b, weights * wide_a)):
        extra = y.ndim - x.ndim
        axes = tuple(i for i in range(y.ndim) if i < extra or x.shape[i - extra] == 1)
        np.testing.assert_allclose(x.grad.numpy(), np.sum(wide, axis=axes).reshape(x.shape), atol=1e-12)


@given(st.data())
def test_shapes_that_do_not_broadcast_raise(data: Any) -> None:
    a = data.draw(hnp.array_shapes(max_dims=3, min_side=2, max_side=4))
    b = (*a[:-1], a[-1] + 1)
    try:
        torch.ones(a) + torch.ones(b)
    except RuntimeError as error:
        assert str(a) in str(error)
        assert str(b) in str(error)
    else:
        raise AssertionError("shapes that do not fit were accepted")


@st.composite
def basic_indices(draw: Any) -> Any:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    index = draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    steps = index if isinstance(index, tuple) else (index,)
    if any(isinstance(s, slice) and s.step is not None and s.step < 0 for s in steps):
        index = ...  # PyTorch refuses negative steps
    return shape, index


def key(index: Any) -> Any:
    """A NumPy index with its arrays as Tensors."""
    if isinstance(index, tuple):
        return tuple(key(part) for part in index)
    return torch.from_numpy(index) if isinstance(index, np.ndarray) else index


@given(basic_indices())
def test_basic_indexing(drawn: Any) -> None:
    shape, index = drawn
    array = np.arange(float(np.prod(shape))).reshape(shape)
    x = leaf(array)
    y = x[index]
    np.testing.assert_array_equal(y.detach().numpy(), array[index])
    (y * 2).sum().backward()
    expected = np.zeros(shape)
    expected[index] = 2
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@given(basic_indices(), st.booleans())
def test_assignment_through_basic_indexing(drawn: Any, scalar: bool) -> None:
    shape, index = drawn
    x = leaf(np.arange(float(np.prod(shape))).reshape(shape))
    part = np.zeros(shape)[index]
    value = leaf(np.full(() if scalar else part.shape, 7.0))
    y = x * 1
    y[index] = value
    expected = x.detach().numpy().copy()
    expected[index] = 7
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    y.sum().backward()
    kept = np.ones(shape)
    kept[index] = 0
    np.testing.assert_array_equal(x.grad.numpy(), kept)
    assert value.grad.numpy().sum() == part.size


@st.composite
def array_indices(draw: Any) -> Any:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    if draw(st.booleans()):
        dims = draw(st.integers(1, len(shape)))
        return shape, draw(hnp.arrays(bool, shape[:dims]))
    index = draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(min_dims=0, max_dims=2, max_side=3)))
    return shape, index


@given(array_indices())
def test_indexing_with_arrays(drawn: Any) -> None:
    """Repeated indices add their gradients up."""
    shape, index = drawn
    array = np.arange(float(np.prod(shape))).reshape(shape)
    x = leaf(array)
    y = x[key(index)]
    np.testing.assert_array_equal(y.detach().numpy(), array[index])
    weights = np.arange(1.0, y.numel() + 1).reshape(y.shape)
    y.backward(torch.from_numpy(weights))
    expected = np.zeros(shape)
    np.add.at(expected, index, weights)
    np.testing.assert_allclose(x.grad.numpy(), expected)


@given(st.data())
def test_reductions_over_any_dims(data: Any) -> None:
    array = data.draw(arrays(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3)))
    dims = data.draw(hnp.valid_tuple_axes(array.ndim, min_size=1))
    keep = data.draw(st.booleans())
    for name, reference in (("sum", np.sum), ("mean", np.mean), ("amax", np.max), ("amin", np.min)):
        x = leaf(array)
        y = getattr(x, name)(dims, keepdim=keep)
        np.testing.assert_allclose(y.detach().numpy(), reference(array, axis=dims, keepdims=keep), atol=1e-12)
        y.sum().backward()
        assert x.grad.shape == x.shape
        # what is constant in one reduced group sends 1 per group back in all, a sum one to each element
        groups = y.numel() if name != "sum" else x.numel()
        np.testing.assert_allclose(x.grad.sum().item(), groups)


@given(st.data())
def test_shape_operations_are_undone_by_their_inverse(data: Any) -> None:
    array = data.draw(arrays(SHAPES))
    x = leaf(array)
    order = data.draw(st.permutations(range(array.ndim)))
    back = [int(i) for i in np.argsort(order)]
    assert torch.equal(x.permute(*order).permute(*back), x)
    assert torch.equal(x.permute(*order).reshape(-1).reshape([array.shape[i] for i in order]).permute(*back), x)
    flipped = data.draw(st.lists(st.sampled_from(range(array.ndim)), unique=True)) if array.ndim else []
    assert torch.equal(x.flip(flipped).flip(flipped), x)
    if array.ndim and array.size:
        dim = data.draw(st.integers(-array.ndim, array.ndim - 1))
        parts = x.split(data.draw(st.integers(1, 4)), dim)
        assert torch.equal(torch.cat(parts, dim), x)
        assert torch.equal(torch.stack(x.unbind(dim), dim), x)
        torch.cat(parts, dim).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), np.ones(array.shape))


@given(arrays(hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5)))
def test_softmax_is_a_distribution_and_log_softmax_its_log(array: np.ndarray) -> None:
    x = leaf(array * 100)
    p = x.softmax(1)
    np.testing.assert_allclose(p.sum(1).detach().numpy(), 1)
    np.testing.assert_allclose(x.log_softmax(1).exp().detach().numpy(), p.detach().numpy(), atol=1e-12)
    (p * p).sum().backward()
    np.testing.assert_allclose(x.grad.sum(1).numpy(), 0, atol=1e-9)  # a shift of a whole row changes nothing


@given(arrays(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5)), st.booleans())
def test_sort_argsort_and_topk_agree(array: np.ndarray, descending: bool) -> None:
    x = leaf(array)
    values, order = x.sort(-1, descending)
    np.testing.assert_array_equal(values.detach().numpy(), np.take_along_axis(array, order.numpy(), -1))
    top, where = x.topk(1, -1, largest=descending)
    np.testing.assert_array_equal(top.detach().numpy(), values.detach().numpy()[..., :1])
    np.testing.assert_array_equal(np.take_along_axis(array, where.numpy(), -1), top.detach().numpy())
    (values * torch.arange(array.shape[-1])).sum().backward()
    ranks = np.take_along_axis(x.grad.numpy(), order.numpy(), -1)
    np.testing.assert_array_equal(ranks, np.broadcast_to(np.arange(array.shape[-1]), array.shape))


@given(st.data())
def test_matmul_of_any_dimensions(data: Any) -> None:
    drawn = hnp.mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, min_side=0, max_side=3)
    shapes = data.draw(drawn)
    a_shape, b_shape = shapes.input_shapes
    rng = np.random.default_rng(0)
    a, b = leaf(rng.standard_normal(a_shape)), leaf(rng.standard_normal(b_shape))
    y = a @ b
    np.testing.assert_allclose(y.detach().numpy(), a.detach().numpy() @ b.detach().numpy(), atol=1e-12)
    y.sum().backward()
    direction = rng.standard_normal(a_shape)
    slope = (direction @ b.detach().numpy()).sum()  # linear in a
    np.testing.assert_allclose((a.grad.numpy() * direction).sum(), slope, atol=1e-10)


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.broadcast_tensors(torch.ones(2), torch.ones(3)),
        lambda: torch.normal(torch.ones(2), torch.ones(3)),
        lambda: torch.binomial(torch.ones(2), torch.ones(3)),
        lambda: torch.distributions.MultivariateNormal(torch.ones(2, 4), torch.eye(4).expand(3, 4, 4)),
    ],
)
def test_so_do_those_of_what_is_no_operation(call: Any) -> None:
    with pytest.raises(RuntimeError, match=r"shapes \(\d,\), \(\d,\) do not broadcast"):
        call()
