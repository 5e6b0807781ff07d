"""Indexing and its errors, in the corners that the table of operations does not reach.

Expected values are worked out by hand, or by NumPy where its rules are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd import gradcheck
from tinygrad_fm.errors import AutogradError, ShapeError
from tinygrad_fm.ops import functions as ops


def _tensor(*shape: int) -> Any:
    return torch.tensor(np.arange(float(np.prod(shape))).reshape(shape), requires_grad=True)


def _double(x: Any) -> Any:
    return x * 2


# -- reading -----------------------------------------------------------------------------------------------------------

MASK = np.array([[True, False, True, False], [False, False, True, True], [False, True, False, False]])
SAME_AS_NUMPY = [
    0,
    -1,
    (1, 2),
    (0, 1, 2),
    slice(1, None),
    (slice(None, None, 2), -1),
    ...,
    (..., 1),
    (None, 0),
    (slice(None), None, 1),
    (0, ..., 0),
    [0, 2],
    [True, False, True],
    ([0, 1], [1, 2]),
    (slice(None), [0, 3, 3]),
    (..., [[0, 1], [4, -5]]),
    ([[0], [2]], [0, 1]),
    ([0, 2], slice(1, 3), [1, 4]),
    MASK,
    (MASK, 1),
    (slice(1, 2), [1, 1]),
    (range(2),),
    (),
    [],
    (None, [2, 0]),
    ([0, 1], None, [1, 0]),
    True,
    False,
]


@pytest.mark.parametrize("index", SAME_AS_NUMPY, ids=str)
def test_getitem_gives_what_numpy_gives_and_its_gradient_lands_where_it_came_from(index: Any) -> None:
    x = _tensor(3, 4, 5)
    y = x[index]
    np.testing.assert_array_equal(y.numpy(force=True), x.detach().numpy()[index])
    weights = np.random.default_rng(0).standard_normal(tuple(y.shape))
    (y * torch.tensor(weights)).sum().backward()
    expected = np.zeros((3, 4, 5))
    np.add.at(expected, index, weights)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)


def test_an_int_is_not_an_index_array() -> None:
    x = _tensor(2, 3, 4)
    assert tuple(x[0, :, [1, 2, 3, 0, 1]].shape) == (3, 5)  # NumPy: (5, 3)


def test_a_list_of_lists_is_a_tuple() -> None:
    x = _tensor(3, 4)
    assert x[[[0, 1], [1, 2]]].tolist() == [1.0, 6.0]


def test_tensors_as_indices() -> None:
    x = _tensor(3, 4)
    assert x[torch.tensor(1)].tolist() == x[1].tolist()
    assert x[torch.tensor(1) : torch.tensor(2)].tolist() == x[1:2].tolist()
    assert x[torch.tensor([2, 0]), torch.tensor([[1], [-1]])].tolist() == [[9.0, 1.0], [11.0, 3.0]]
    assert x[x > 9].tolist() == [10.0, 11.0]
    with pytest.warns(UserWarning, match="uint8 is deprecated"):
        assert x[torch.tensor([1, 0, 1], dtype=torch.uint8)].tolist() == x[[0, 2]].tolist()


def test_every_basic_index_is_a_view_and_no_advanced_one_is() -> None:
    x = torch.zeros(3, 4)
    for index in (1, (1, 2), slice(1, 3), (..., 0), None):
        x[index].fill_(7.0)
        assert (x[index] == 7).all(), index
    x.zero_()
    for advanced in ([0, 1], MASK):
        x[advanced].fill_(7.0)
        assert (x == 0).all()


def test_an_index_changed_afterwards_is_never_mistaken_for_the_old_one() -> None:
    x, index = _tensor(4), torch.tensor([0, 1])
    y, z, w = x[index], torch.index_select(x, 0, index), torch.gather(x, 0, index)
    index[0] = 3
    (y + z).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 0.0, 0.0]
    with pytest.raises(AutogradError, match="modified in place"):
        w.sum().backward()


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (3, IndexError, "index 3 .* dimension 0 with size 3"),
        ((0, -5), IndexError, "index -5 .* dimension 1 with size 4"),
        ((slice(None), [0, 4]), IndexError, "index 4 .* dimension 1 with size 4"),
        ((None, 0, [9]), IndexError, "index 9 .* dimension 1 with size 4"),
        ((0, 0, 0), IndexError, "too many indices: 3 for a tensor of 2"),
        ((..., 0, ...), IndexError, "only one Ellipsis"),
        (slice(None, None, -1), ValueError, "greater than zero"),
        ((0, slice(None, None, 0)), ValueError, "greater than zero"),
        ([True, False], IndexError, r"mask of shape \(2,\) .* \(3, 4\)"),
        (([0, 1], [0, 1, 2]), IndexError, r"\(2,\), \(3,\) cannot be broadcast"),
        (1.5, IndexError, "integers or bools"),
    ],
)
def test_a_bad_index_is_named(index: Any, error: type[Exception], words: str) -> None:
    x = _tensor(3, 4)
    with pytest.raises(error, match=words):
        x[index]
    with pytest.raises(error, match=words):
        _double(x)[index] = 0


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", SAME_AS_NUMPY, ids=str)
def test_setitem_writes_what_numpy_writes_and_cuts_off_what_was_there(index: Any) -> None:
    x, value = _tensor(3, 4, 5), torch.tensor(-1.5, dtype=torch.float64, requires_grad=True)
    y = _double(x)
    y[index] = value
    expected, kept = x.detach().numpy() * 2, np.full((3, 4, 5), 2.0)
    expected[index], kept[index] = -1.5, 0.0
    np.testing.assert_array_equal(y.numpy(force=True), expected)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), kept)
    assert (0.0 if value.grad is None else value.grad.item()) == np.size(kept[index])


def _chain(x: Any, v: Any) -> Any:
    y = _double(x)
    y[1:].transpose(0, 1)[1, ..., 0] = v[0, 1]
    return y


def _mask_of_view(x: Any, v: Any) -> Any:
    y = _double(x)
    part = y[:, 1:3]
    part[torch.tensor([True, False, True])] = v
    return y * part.sum()


def _row_by_column(x: Any, v: Any) -> Any:
    y = _double(x)
    y[0] = y[1].clone() * v[0, 0]
    y[:, 0] += y[:, 1]
    y[[0, 2], [1, 3]] *= v[1, 0]
    return y


def _select_of_rows(x: Any, v: Any) -> Any:
    y = _double(x)
    for i in range(len(y)):
        row = y[i]
        row[i] = v[0, 0]
    return y.exp()


@pytest.mark.parametrize("program", [_chain, _mask_of_view, _row_by_column, _select_of_rows])
def test_assignment_through_views_has_the_right_gradients(program: Any) -> None:
    rng = np.random.default_rng(1)
    x = torch.tensor(rng.standard_normal((3, 4)), requires_grad=True)
    v = torch.tensor(rng.standard_normal((2, 2)), requires_grad=True)
    assert gradcheck(program, (x, v))


def test_assignment_through_views_of_views_by_hand() -> None:
    x = torch.zeros(2, 3, 4)
    x[1][:, 1:][0] = torch.tensor([1.0, 2.0, 3.0])
    x.transpose(0, 2)[0, :, 0] = 5.0
    x[0].view(-1)[[3, 3, 11]] = torch.tensor([6.0, 6.0, 7.0])
    expected = np.zeros((2, 3, 4))
    expected[1, 0, 1:] = [1, 2, 3]
    expected[0, :, 0] = 5
    expected[0, 0, 3], expected[0, 2, 3] = 6, 7
    np.testing.assert_array_equal(x.numpy(), expected)


def test_values_broadcast_and_are_cast() -> None:
    x = torch.zeros(2, 3, dtype=torch.int64)
    x[:] = torch.tensor([1.9, 2.9, -3.9])
    assert x.tolist() == [[1, 2, -3], [1, 2, -3]]
    x[0] = np.array([[[4, 5, 6]]])  # dimensions of size 1 in front are dropped
    x[:, [0, 1]] = torch.tensor([[7], [8]])
    assert x.tolist() == [[7, 7, 6], [8, 8, -3]]


def test_overlapping_parts_of_one_tensor() -> None:
    x = torch.arange(6)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("index", [0, [0, 1], (slice(None), 1), MASK])
def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(index: Any) -> None:
    x = torch.zeros(3, 4)
    with pytest.raises(ShapeError, match="does not fit"):
        x[index] = torch.ones(7)
    assert (x == 0).all()


def test_a_leaf_that_requires_grad_refuses_assignment() -> None:
    x = _tensor(3, 4)
    for index in (0, ..., [0, 1], MASK, (0, [1])):
        with pytest.raises(AutogradError, match="leaf"):
            x[index] = 1.0
    with torch.no_grad():
        x[0] = 1.0
    assert x[0].tolist() == [1.0] * 4


# -- relatives ---------------------------------------------------------------------------------------------------------


def test_repeated_indices_add_up() -> None:
    x, index = _tensor(4, 2), torch.tensor([1, 1, 3, 1])
    (torch.index_select(x, 0, index) * torch.tensor([[1.0], [2.0], [3.0], [4.0]])).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0], [7.0, 7.0], [0.0, 0.0], [3.0, 3.0]]
    base = torch.zeros(4)
    assert base.index_put((index,), torch.tensor([1.0, 2.0, 3.0, 4.0]), accumulate=True).tolist() == [0.0, 7.0, 0.0, 3.0]
    assert base.scatter_add(0, index, torch.tensor([1.0, 2.0, 3.0, 4.0])).tolist() == [0.0, 7.0, 0.0, 3.0]


def test_embedding_gives_the_padding_row_no_gradient() -> None:
    weight, index = _tensor(5, 2), torch.tensor([[0, 4], [4, 1]])
    ops.embedding(index, weight, padding_idx=-1).sum().backward()
    assert weight.grad[:, 0].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: torch.gather(x, 1, torch.tensor([[4]])),
        lambda x: torch.gather(x, 1, torch.tensor([[-1]])),
        lambda x: x.scatter(0, torch.tensor([[3]]), 1.0),
        lambda x: torch.index_select(x, 1, torch.tensor([0, 4])),
        lambda x: torch.index_add(x, 0, torch.tensor([3]), x[:1]),
        lambda x: ops.embedding(torch.tensor([3]), x),
        lambda x: torch.select(x, 0, 3),
        lambda x: torch.sum(x, 2),
        lambda x: torch.sort(x, -3),
    ],
)
def test_out_of_range_is_an_index_error(call: Any) -> None:
    with pytest.raises(IndexError, match=r"out of (range|bounds)"):
        call(_tensor(3, 4))


def test_sorting_keeps_the_order_of_equals_and_puts_nan_last() -> None:
    x = torch.tensor([2.0, 1.0, float("nan"), 2.0, 1.0])
    assert torch.sort(x).indices.tolist() == [1, 4, 0, 3, 2]
    assert torch.sort(x, descending=True).indices.tolist() == [2, 0, 3, 1, 4]
    assert torch.topk(x, 2, largest=False).indices.tolist() == [1, 4]


def test_max_over_a_dimension_gives_its_gradient_to_one_index_and_over_all_to_all_equals() -> None:
    x = torch.tensor([[3.0, 3.0, 1.0]], requires_grad=True)
    torch.max(x, 1).values.sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 0.0]]
    x.grad = None
    torch.max(x).backward()
    assert x.grad.tolist() == [[0.5, 0.5, 0.0]]


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_the_product_has_the_right_derivatives_with_zeros(zeros: int) -> None:
    values = np.array([1.5, -2.0, 0.5, 3.0, -1.0])
    values[:zeros] = 0
    x = torch.tensor(values, requires_grad=True)
    first = torch.autograd.grad(torch.prod(x), x, create_graph=True)[0]
    without = [[np.prod(np.delete(values, [i, j])) if i != j else 0.0 for j in range(5)] for i in range(5)]
    np.testing.assert_allclose(first.numpy(force=True), [np.prod(np.delete(values, i)) for i in range(5)])
    for i in range(5):
        second = torch.autograd.grad(first[i], x, retain_graph=True)[0]
        np.testing.assert_allclose(second.numpy(), without[i])
