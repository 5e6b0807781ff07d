"""Functional transforms against derivatives known in closed form, and nested in one another."""

from __future__ import annotations

import pytest

import tinygrad_fm as torch
from tinygrad_fm import func, nn


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-10, atol=1e-12)


def _x() -> torch.Tensor:
    return torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)


def _f(x: torch.Tensor) -> torch.Tensor:
    return (x.sin() * x * x).sum()


def _df(x: torch.Tensor) -> torch.Tensor:
    return x.cos() * x * x + 2 * x * x.sin()


def _ddf(x: torch.Tensor) -> torch.Tensor:
    return -x.sin() * x * x + 4 * x * x.cos() + 2 * x.sin()


def test_grad_and_its_value_leave_the_arguments_alone() -> None:
    x = _x()
    g, value = func.value_and_grad(_f)(x)
    assert _close(g, _df(x)) and _close(value, _f(x))
    assert not g.requires_grad and not value.requires_grad and x.grad is None and not x.requires_grad


def test_nested_gradients() -> None:
    third = func.grad(func.grad(func.grad(lambda x: x**4)))
    assert _close(third(torch.tensor(2.0, dtype=torch.float64)), torch.tensor(48.0, dtype=torch.float64))


def test_argnums_trees_and_aux() -> None:
    def f(p: dict[str, torch.Tensor], xs: list[torch.Tensor], scale: float) -> tuple[torch.Tensor, str]:
        return (p["w"] * xs[0] + p["b"] * xs[1] ** 2).sum() * scale, "aux"

    p = {"w": torch.tensor([1.0, 2.0]), "b": torch.tensor([3.0, 4.0])}
    xs = [torch.tensor([5.0, 6.0]), torch.tensor([7.0, 8.0])]
    (gp, gx), (value, aux) = func.value_and_grad(f, argnums=(0, 1), has_aux=True)(p, xs, 2.0)
    assert aux == "aux" and value.item() == 2 * f(p, xs, 1.0)[0].item()
    assert gp["w"].tolist() == [10.0, 12.0] and gp["b"].tolist() == [98.0, 128.0]
    assert isinstance(gx, list) and gx[0].tolist() == [2.0, 4.0] and gx[1].tolist() == [84.0, 128.0]


def test_gradients_reach_what_the_function_closes_over() -> None:
    w = torch.tensor(3.0, requires_grad=True)
    g = func.grad(lambda x: w * x * x)(torch.tensor(2.0))
    g.backward()
    assert g.item() == 12.0 and w.grad is not None and w.grad.item() == 4.0


def test_gradients_of_a_gradient_reach_an_argument_that_requires_grad() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    func.grad(lambda x: x**3)(x).backward()
    assert x.grad is not None and x.grad.item() == 12.0


def test_vjp_may_be_called_repeatedly() -> None:
    value, back = func.vjp(lambda x, y: (x * y, x.sum()), _x(), _x() + 1)
    u = torch.ones(3, dtype=torch.float64)
    for factor in (1.0, 2.0):
        gx, gy = back((u * factor, torch.tensor(factor, dtype=torch.float64)))
        assert _close(gx, factor * (_x() + 2)) and _close(gy, factor * _x())
    assert not value[0].requires_grad


def test_jvp_is_the_directional_derivative() -> None:
    v = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    value, derivative = func.jvp(_f, (_x(),), (v,))
    assert _close(value, _f(_x())) and _close(derivative, (_df(_x()) * v).sum())
    assert not derivative.requires_grad


def test_jvp_of_a_linear_and_of_a_constant_function() -> None:
    v = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    assert _close(func.jvp(lambda x: 2 * x, (_x(),), (v,))[1], 2 * v)
    assert func.jvp(lambda x: torch.ones(2, dtype=torch.float64), (_x(),), (v,))[1].tolist() == [0.0, 0.0]


def test_jacobian_hessian_and_hessian_vector_product() -> None:
    x, v = _x(), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    assert _close(func.jacrev(torch.sin)(x), torch.eye(3, dtype=torch.float64) * x.cos())
    assert func.jacrev(lambda x: x.reshape(3, 1) * x)(x).shape == (3, 3, 3)
    assert _close(func.hessian(_f)(x), torch.eye(3, dtype=torch.float64) * _ddf(x))
    assert _close(func.hvp(_f, (x,), (v,))[0], _ddf(x) * v)


def test_errors_say_what_came() -> None:
    with pytest.raises(RuntimeError, match="one element"):
        func.grad(lambda x: x * 2)(_x())
    with pytest.raises(IndexError, match="argnums 2"):
        func.grad(_f, argnums=2)(_x())
    with pytest.raises(RuntimeError, match="tangents"):
        func.jvp(_f, (_x(),), (torch.ones(2),))


def test_functional_call_takes_other_parameters_and_leaves_the_module_alone() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    before = {name: p.clone() for name, p in model.state_dict().items()}
    given = {name: torch.ones_like(p) for name, p in model.named_parameters()}
    x = torch.randn(4, 3)

    def loss(params: dict[str, torch.Tensor]) -> torch.Tensor:
        return (func.functional_call(model, params, (x,)) ** 2).sum()

    assert set(func.grad(loss)(given)) == set(given)
    model.eval()
    out = func.functional_call(model, {"0.weight": torch.zeros(2, 3), "0.bias": torch.zeros(2)}, x)
    mean = model[1].running_mean
    assert torch.allclose(out, (-mean / (model[1].running_var + 1e-5).sqrt()).expand(4, 2), atol=1e-5)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    with pytest.raises(KeyError, match="nowhere"):
        func.functional_call(model, {"0.nowhere": x}, x)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
