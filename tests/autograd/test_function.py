"""The user's own operations, with PyTorch's protocol."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import tinygrad_fm as torch
from tinygrad_fm.autograd import Function, gradcheck, gradgradcheck
from tinygrad_fm.autograd.function import once_differentiable


class Exp(Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        (y,) = ctx.saved_tensors
        return g * y


class SumAndProduct(Function):
    @staticmethod
    def forward(ctx: Any, a: torch.Tensor, factor: float, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.save_for_backward(a, b)
        ctx.factor = factor
        return (a + b) * factor, a * b

    @staticmethod
    def backward(ctx: Any, gs: torch.Tensor, gp: torch.Tensor) -> tuple[Any, ...]:
        a, b = ctx.saved_tensors
        assert ctx.needs_input_grad[1] is False
        return gs * ctx.factor + gp * b, None, gs * ctx.factor + gp * a


def _leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_a_saved_result_works_to_second_order() -> None:
    assert gradcheck(Exp.apply, (_leaf(0.3, -0.2),)) and gradgradcheck(Exp.apply, (_leaf(0.3, -0.2),))


def test_several_results_and_other_arguments() -> None:
    a, b = _leaf(1.0, 2.0), _leaf(3.0, 4.0)
    assert gradcheck(SumAndProduct.apply, (a, 2.0, b)) and gradgradcheck(SumAndProduct.apply, (a, 2.0, b))
    _, product = SumAndProduct.apply(a, 2.0, b)
    product.sum().backward()  # the other result's gradient comes as zeros
    assert a.grad is not None and a.grad.tolist() == [3.0, 4.0]


def test_unused_results_give_none_if_asked_to() -> None:
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> Any:
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, g2: Any, g3: Any) -> Any:
            seen.append((g2, g3))
            return g3 * 3

    x = _leaf(1.0)
    Two.apply(x)[1].backward()
    assert seen[0][0] is None and x.grad is not None and x.grad.item() == 3.0


def test_setup_context_and_names() -> None:
    class Square(Function):
        @staticmethod
        def forward(x: torch.Tensor) -> torch.Tensor:
            return x * x

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return 2 * x * g

    y = Square.apply(_leaf(3.0))
    assert y.grad_fn.name().startswith("Square")
    assert gradcheck(Square.apply, (_leaf(3.0),))


def test_non_differentiable_results_and_integers() -> None:
    class Sort(Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> Any:
            values, index = x.sort()
            ranks = index.to(x.dtype)
            ctx.mark_non_differentiable(ranks)
            ctx.save_for_backward(index)
            return values, index, ranks

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor, *others: Any) -> torch.Tensor:
            (index,) = ctx.saved_tensors
            return torch.zeros_like(g).scatter(0, index, g)

    values, index, ranks = Sort.apply(_leaf(3.0, 1.0, 2.0))
    assert values.requires_grad and not index.requires_grad and not ranks.requires_grad


def test_an_input_changed_in_place() -> None:
    class Double(Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            return g * 2

    x = _leaf(1.0, 2.0)
    h = x * 3
    y = Double.apply(h)
    assert y is h
    (y * y).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [72.0, 144.0]


def test_once_differentiable_refuses_the_second_time() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return 3 * x * x * g

    x = _leaf(2.0)
    (g,) = torch.autograd.grad(Once.apply(x), x, create_graph=True)
    assert g.item() == 12.0
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.backward()


def test_mistakes_are_named() -> None:
    class TooFew(Function):
        @staticmethod
        def forward(ctx: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a * b

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            return g

    with pytest.raises(RuntimeError, match=r"TooFew.*1 gradients for 2"):
        TooFew.apply(_leaf(1.0), _leaf(2.0)).backward()

    class WrongShape(TooFew):
        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> Any:
            return g.sum().reshape(1, 1), g

    with pytest.raises(RuntimeError, match="shape"):
        WrongShape.apply(_leaf(1.0, 2.0), _leaf(2.0, 3.0)).sum().backward()


def test_saved_arrays_are_guarded_and_let_go() -> None:
    x = _leaf(1.0)
    h = x * 2

    class Hold(Function):
        @staticmethod
        def forward(ctx: Any, h: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(h)
            return h * h

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (h,) = ctx.saved_tensors
            return 2 * h * g

    y = Hold.apply(h)
    h.add_(1)
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()
    y = Hold.apply(x * 2)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_nothing_is_left_behind_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = _leaf(0.3)
        y = Exp.apply(x)
        node = weakref.ref(y.grad_fn)
        y.backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_vjp_is_another_name_for_backward() -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 2

    x = torch.ones(2, requires_grad=True)
    Double.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_arguments_by_keyword() -> None:
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor=2.0):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor, None

    x = torch.ones(2, requires_grad=True)
    Scale.apply(x, factor=3.0).sum().backward()
    Scale.apply(factor=4.0, x=x).sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]


def test_what_is_no_tensor_is_handed_through() -> None:
    class Three(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 3

    assert Three.apply(torch.ones(2, requires_grad=True)) == 3


def test_without_a_backward_it_is_not_implemented() -> None:
    class Forward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="static backward"):
        Forward.apply(torch.ones(1, requires_grad=True)).backward()
