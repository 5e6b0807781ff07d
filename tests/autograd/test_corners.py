"""Where several parts of the engine meet: writes in place, views, hooks, own operations, second runs, copies."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.errors import AutogradError
from tinygrad_fm.ops import join_split
from tinygrad_fm.utils.checkpoint import checkpoint


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


# -- own operations ----------------------------------------------------------------------------------------------------


def test_a_function_that_returns_a_view_leaves_its_input_a_leaf() -> None:
    class Flat(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.view(-1)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g.view(2, 3) * 2

    x = torch.ones(2, 3).requires_grad_()
    y = Flat.apply(x)
    y.sum().backward()
    assert x.is_leaf
    assert x.grad.tolist() == [[2.0] * 3] * 2
    with pytest.raises(AutogradError):
        Flat.apply(x * 1).mul_(2)  # would change the base without its knowing


def test_a_saved_result_of_several_works_to_second_order() -> None:
    class ExpAndSquare(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            e = x.exp()
            ctx.save_for_backward(e, x)
            return e, x * x

        @staticmethod
        def backward(ctx: Any, ge: Any, gs: Any) -> Any:
            e, x = ctx.saved_tensors
            return ge * e + gs * 2 * x

    def second(f: Any) -> Any:
        x = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)
        e, s = f(x)
        (g,) = torch.autograd.grad((e * e * s).sum(), x, create_graph=True)
        return torch.autograd.grad(g.sum() + (e * 3).sum(), x)[0]  # reaches e both ways: as result and as saved tensor

    assert torch.allclose(second(ExpAndSquare.apply), second(lambda x: (x.exp(), x * x)))


def test_a_leaf_cannot_be_marked_dirty() -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    with pytest.raises(AutogradError, match="leaf"):
        Double.apply(leaf(1.0))
    x = leaf(1.0, 2.0)
    h = x * 1
    Double.apply(h[:1])
    h.sum().backward()
    assert x.grad.tolist() == [2.0, 1.0]


# -- checkpoints -------------------------------------------------------------------------------------------------------


def test_a_checkpointed_function_that_overwrites_what_it_saved_is_refused() -> None:
    def f(x: Any) -> Any:
        h = x * 1
        square = h * h
        h.add_(1)
        return square + h

    with pytest.raises(AutogradError, match="modified in place"):
        checkpoint(f, leaf(1.0, 2.0)).sum().backward()


def test_a_checkpointed_function_may_write_in_place() -> None:
    x = leaf(1.0, 2.0)
    checkpoint(lambda x: (x * 1).mul_(3) ** 2, x).sum().backward()
    assert x.grad.tolist() == [18.0, 36.0]


@pytest.mark.parametrize("depth", [2, 3])
def test_checkpoints_within_checkpoints(depth: int) -> None:
    def f(x: Any, level: int = depth) -> Any:
        return (x * x).exp() if level == 0 else checkpoint(f, x, level=level - 1).sin() * x

    def plain(x: Any, level: int = depth) -> Any:
        return (x * x).exp() if level == 0 else plain(x, level - 1).sin() * x

    x, same = leaf(0.1, 0.2), leaf(0.1, 0.2)
    y = checkpoint(f, x)
    y.sum().backward(retain_graph=True)
    plain(same).sum().backward()
    assert torch.allclose(x.grad, same.grad)
    y.sum().backward()  # a second time through
    assert torch.allclose(x.grad, same.grad * 2)


# -- leaves that are views, .data, copies --------------------------------------------------------------------------------


def test_a_view_made_a_leaf_stays_one() -> None:
    x = torch.zeros(3, 2)
    v = x[0].requires_grad_()
    x.add_(1)
    assert v.is_leaf
    (v * 2).sum().backward()
    assert v.grad.tolist() == [2.0, 2.0]


def test_an_optimizer_moves_a_leaf_that_is_a_view() -> None:
    w = torch.ones(10)[:5].requires_grad_()
    sgd = torch.optim.SGD([w], lr=0.25)
    for expected in (0.5, 0.25):
        sgd.zero_grad()
        (w * w).sum().backward()
        sgd.step()
        assert w.tolist() == [expected] * 5


def test_writes_to_parts_of_data_are_not_counted() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x * x
    x.data[0] = 5.0
    x.data.view(-1)[:1].mul_(1)
    y.sum().backward()
    assert x.grad.tolist() == [[10.0, 10.0], [6.0, 8.0]]
    y = x * x
    x.detach()[0] = 5.0
    with pytest.raises(AutogradError, match="modified in place"):
        y.sum().backward()


def test_writes_to_a_deep_copy_of_data_are_counted() -> None:
    d = copy.deepcopy(torch.ones(3).data).requires_grad_()
    y = (d * d).sum()
    with torch.no_grad():
        d.add_(1)
    with pytest.raises(AutogradError, match="modified in place"):
        y.backward()


def test_a_shallow_copy_shares_memory_and_has_its_own_gradient() -> None:
    a = leaf(1.0, 2.0)
    b = copy.copy(a)
    (b * 2).sum().backward()
    assert a.grad is None
    assert b.grad.tolist() == [2.0, 2.0]
    assert np.shares_memory(a.detach().numpy(), b.detach().numpy())


def test_pickled_leaves_keep_values_and_mode() -> None:
    base = torch.arange(6.0).reshape(2, 3)
    for tensor in (leaf(1.0, 2.0), base[0], torch.nn.Parameter(torch.ones(2)), torch.tensor([True])):
        again = pickle.loads(pickle.dumps(tensor))
        assert type(again) is type(tensor)
        assert again.tolist() == tensor.tolist()
        assert again.dtype is tensor.dtype
        assert again.requires_grad == tensor.requires_grad
    (again := pickle.loads(pickle.dumps(leaf(3.0)))).square().sum().backward()
    assert again.grad.tolist() == [6.0]
    with pytest.raises(AutogradError, match="leaf"):
        pickle.dumps(leaf(1.0) * 2)


def test_an_expansion_that_repeats_nothing_may_be_written_to() -> None:
    x = leaf(1.0, 2.0, 3.0)
    h = x * 1
    h.expand(1, 3).mul_(torch.tensor([1.0, 10.0, 100.0]))
    h.expand(3).mul_(2)
    h.sum().backward()
    assert x.grad.tolist() == [2.0, 20.0, 200.0]


# -- hooks and chosen inputs ---------------------------------------------------------------------------------------------


def test_a_retained_gradient_is_that_of_the_value_last_written() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    seen: list[Any] = []
    y.retain_grad()
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.mul_(2)
    assert y.retains_grad
    y[:1].mul_(3)  # through a view: the base moves on too
    (y * 5).sum().backward()
    assert y.grad.tolist() == [5.0, 5.0]
    assert seen == [[30.0, 10.0]]  # a hook stays with the value it was registered on


def test_a_hook_must_keep_the_dtype() -> None:
    for tensor in (x := leaf(1.0), x * 2):
        tensor.register_hook(lambda g: g.double())
        with pytest.raises(AutogradError, match="dtype"):
            tensor.sum().backward()


def test_an_input_named_twice_gets_its_gradient_once() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    (y * y).sum().backward(inputs=[x, y, x])
    assert x.grad.tolist() == [18.0, 36.0]
    assert y.grad.tolist() == [6.0, 12.0]


def test_chosen_leaves_accumulate_as_all_leaves_do() -> None:
    x = leaf(1.0, 2.0)
    seen: list[Any] = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    (x * x).sum().backward(inputs=[x])
    held = x.grad
    (x * x).sum().backward(inputs=x)
    assert x.grad is held
    assert seen == [[2.0, 4.0], [4.0, 8.0]]


def test_constant_gradients_of_a_recorded_pass_are_tensors() -> None:
    x = leaf(1.0, -2.0)
    h = x * 1
    seen: list[Any] = []
    h.register_hook(lambda g: seen.append(type(g)))
    (h.sign() + h.floor() + h * h).sum().backward(create_graph=True)  # two arrays of zeros, then a Tensor
    assert seen == [torch.Tensor]
    assert x.grad.tolist() == [2.0, -4.0]
    (g,) = torch.autograd.grad(x.grad.sum(), x)
    assert g.tolist() == [2.0, 2.0]
    x.grad = None
    x.sign().sum().backward(create_graph=True)
    assert isinstance(x.grad, torch.Tensor)


# -- modes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [torch.no_grad(), torch.no_grad, lambda f: torch.set_grad_enabled(False)(f)])
def test_a_generator_holds_its_mode_only_while_it_runs(mode: Any) -> None:
    log: list[Any] = []

    @mode
    def steps(n: int) -> Iterator[Any]:
        try:
            for _ in range(n):
                try:
                    log.append((yield torch.is_grad_enabled()))
                except KeyError:
                    log.append(("caught", torch.is_grad_enabled()))
        finally:
            log.append(("closed", torch.is_grad_enabled()))
        return "end"

    walk = steps(3)
    assert next(walk) is False
    assert torch.is_grad_enabled()
    assert walk.send("a") is False
    assert walk.throw(KeyError()) is False
    with pytest.raises(StopIteration, match="end"):
        next(walk)
    assert log == ["a", ("caught", False), None, ("closed", False)]
    walk = steps(3)
    next(walk)
    walk.close()
    assert log[-1] == ("closed", False)
    assert torch.is_grad_enabled()


# -- dtypes ----------------------------------------------------------------------------------------------------------------


def test_where_takes_numbers_of_every_kind() -> None:
    x, mask = torch.ones(2), torch.tensor([True, False])
    for number in (3, 3.0, np.float32(3), np.float64(3), np.int64(3)):
        y = torch.where(mask, x, number)
        assert y.dtype is torch.float32
        assert y.tolist() == [1.0, 3.0]
    with pytest.raises(TypeError, match="where"):
        torch.where(mask, x, "3")


# -- parts -----------------------------------------------------------------------------------------------------------------


def test_parts_of_a_tensor_are_one_operation_whose_results_print() -> None:
    x = torch.arange(6.0).reshape(3, 2).requires_grad_()
    rows = list(x * 1)
    assert repr(rows[0]) == "tensor([0., 1.], grad_fn=<SplitBackward0>)"
    assert rows[0]._node.parents[0] is rows[2]._node.parents[0]
    (rows[0] * rows[2]).sum().backward()  # the middle one is not used
    assert x.grad.tolist() == [[4.0, 5.0], [0.0, 0.0], [0.0, 1.0]]


def test_parts_are_views_that_follow_their_base() -> None:
    x = torch.arange(6.0, dtype=torch.float64).requires_grad_()

    def f(x: Any) -> Any:
        h = x * 1
        a, b = h.split([2, 4])
        c, d = b.chunk(2)
        h[:2].mul_(3)
        h[4:].sin_()
        h[2:4].mul_(2)
        return (h * h).sum() + (a * c).sum() + b.prod() + d.sum()

    assert torch.autograd.gradcheck(f, (x,))
    assert torch.autograd.gradgradcheck(f, (x,))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("unbind", lambda h: h.unbind(0)),
        ("unbind", lambda h: h.unbind(1)),
        ("unbind", lambda h: list(h)),
        ("split", lambda h: h.split(1)),
        ("split", lambda h: h.split(2)),  # a single part
        ("split", lambda h: h.chunk(2, dim=1)),
        ("unbind", lambda h: [row[:1] for row in h]),  # views of such views
    ],
)
def test_one_of_several_views_is_not_written_to_where_gradients_are_recorded(name: str, parts: Any) -> None:
    x = torch.ones(2, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match=rf"output of {name}\(\) is a view and is being modified inplace"):
        parts(x * 2)[0].mul_(3)
    with pytest.raises(RuntimeError, match="modified inplace"):
        parts(x * 2)[0][...] = x[0, 0]
    with pytest.raises(RuntimeError, match="modified inplace"):
        parts(torch.ones(2, 2))[0].mul_(x[0, 0])
    plain = torch.ones(2, 2)
    parts(plain)[0].mul_(3)  # no gradients there: it is written to
    assert plain.sum() > 4
    with torch.no_grad():
        parts(x * 2)[0].mul_(3)


def test_the_gradient_of_many_parts_is_put_together_once() -> None:
    made: list[Any] = []
    x = torch.ones(50, 3, requires_grad=True)
    total = sum(row.sum() for row in x)
    with torch.autograd.op_hook(lambda call, run: made.append(call.name) or run()):
        total.backward()
    assert made.count("split") == 1
    assert "getitem" not in made
    assert x.grad.tolist() == [[1.0] * 3] * 50


def test_numpys_operators_that_carry_no_gradient_work_too() -> None:
    x, mask = torch.tensor([1.0, 3.0]), torch.tensor([True, False])
    assert (np.float64(5) // x).tolist() == [5.0, 1.0]
    assert (np.array([5.0, 4.0]) % x).tolist() == [0.0, 1.0]
    assert (np.array([True, True]) & mask).tolist() == [True, False]
    assert (np.array([True, True]) ^ mask).tolist() == [False, True]


def test_plans_of_operations_on_any_number_of_tensors_do_not_pile_up() -> None:
    x = leaf(1.0)
    plans = join_split._cat.primitive.plans
    for n in range(1, 400):
        torch.cat([x] * n).sum().backward()
    assert 0 < len(plans) <= 256
    assert x.grad.item() == 399 * 400 / 2
