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
    with pytest.raises(RuntimeError, match="of size \\[3\\] while the given forward gradient is of size \\[2\\]"):
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


def _loss(params: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor, model: nn.Module) -> torch.Tensor:
    return nn.functional.mse_loss(func.functional_call(model, params, (x,)), y)


def test_vmap_gives_the_gradients_of_each_sample() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    params = {name: p.detach() for name, p in model.named_parameters()}
    x, y = torch.randn(5, 3), torch.randn(5, 2)
    found = func.vmap(func.grad(_loss), in_dims=(None, 0, 0, None))(params, x, y, model)
    for k in range(5):
        model.zero_grad()
        nn.functional.mse_loss(model(x[k]), y[k]).backward()
        for name, p in model.named_parameters():
            assert found[name].shape == (5, *p.shape) and torch.allclose(found[name][k], p.grad, atol=1e-6)


def test_an_ensemble_runs_as_one_and_trains() -> None:
    models = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)) for _ in range(3)]
    with torch.no_grad():
        for model in models:
            model.eval()
    params, buffers = func.stack_module_state(models)
    x = torch.randn(6, 3)
    y = func.vmap(lambda p, b: func.functional_call(models[0], (p, b), x))(params, buffers)
    assert torch.allclose(y, torch.stack([model(x) for model in models]), atol=1e-6)
    y.square().sum().backward()
    for k, model in enumerate(models):
        model(x).square().sum().backward()
        assert torch.allclose(params["0.weight"].grad[k], model[0].weight.grad, atol=1e-5)


def test_vmap_by_itself_has_no_rule_to_miss() -> None:
    """What PyTorch cannot batch works: the function is called for each sample."""
    x = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
    assert func.vmap(lambda a: torch.nonzero(a > 1.5).sum())(x).tolist() == [2, 3]
    seen = []
    func.vmap(lambda a: seen.append(a) or a)(x)
    assert seen[1].tolist() == [0.0, 5.0, 4.0]  # outside, it is a tensor as any other


def test_randomness_is_refused_the_same_or_different() -> None:
    x = torch.zeros(4, 3)
    for draws in (lambda a: a + torch.rand(3), lambda a: nn.functional.dropout(a + 1, 0.5), lambda a: torch.bernoulli(a)):
        with pytest.raises(RuntimeError, match="randomness error mode"):
            func.vmap(draws)(x)
    assert torch.rand(1).shape == (1,)  # and may be drawn again
    same = func.vmap(lambda a: a + torch.rand(3), randomness="same")(x)
    different = func.vmap(lambda a: a + torch.rand(3), randomness="different")(x)
    assert torch.equal(same[0], same[3]) and not torch.equal(different[0], different[3])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a: a.sum().item(),
        lambda a: a.sum().exp().tolist(),
        lambda a: 1 if (a > 0).any() else 2,
        lambda a: float(func.grad(lambda b: (b * b).sum())(a).sum()),
        lambda a: float(func.jvp(torch.sin, (a,), (a,))[1].sum()),
        lambda a: torch.zeros(3).add_(a),
        lambda a: torch.zeros(3).copy_(a),
        lambda a: torch.zeros(2, 3).index_put_((torch.tensor(0),), a),
        lambda a: nn.BatchNorm1d(3)(a[None].expand(2, 3)),
    ],
)
def test_what_differs_between_samples_is_no_number_and_is_not_written_where_they_meet(wrong) -> None:
    with pytest.raises(RuntimeError, match="vmap"):
        func.vmap(wrong)(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))


def test_an_error_within_vmap_leaves_nothing_behind() -> None:
    from tinygrad_fm.autograd import hooks, modes

    with pytest.raises(ZeroDivisionError):
        func.vmap(lambda a: a * (1 // 0))(torch.ones(2))
    assert not hooks.active and not modes.state.mapped and modes.state.may_draw
    assert torch.ones(1).item() == 1.0


def test_a_linear_function_is_linearized_once() -> None:
    calls = []

    def f(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x.sin() * y

    x, y = _x(), _x() + 1
    value, jvp_fn = func.linearize(f, x, y)
    for direction in ((x, y), (y, x)):
        assert _close(jvp_fn(*direction), func.jvp(f, (x, y), direction)[1])
    assert len(calls) == 3 and _close(value, f(x, y)) and not value.requires_grad


def test_forward_mode_derivatives_can_be_differentiated() -> None:
    import tinygrad_fm.autograd.forward_ad as fwAD

    x = _x().requires_grad_()
    with fwAD.dual_level():
        y, dy = fwAD.unpack_dual(fwAD.make_dual(x, torch.ones_like(x)).sin())
        (second,) = torch.autograd.grad(dy.sum(), x)
    assert _close(y, x.sin()) and _close(dy, x.cos()) and _close(second, -x.sin())
    with pytest.raises(RuntimeError, match="no level exists"):
        fwAD.make_dual(x, x)
    with fwAD.dual_level(), pytest.raises(RuntimeError, match="Nested"):
        fwAD.enter_dual_level()
