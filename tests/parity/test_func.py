"""Functional transforms, autograd.functional and forward mode against PyTorch's: values, structures, nesting, errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tinygrad_fm  # noqa: E402

# names that the rows use; X (2, 3) and Y (3, 2) of float64, S a vector of 3, W a matrix that requires a gradient
ROWS = r"""
F.vmap(lambda a: a.item())(X[0])
F.vmap(lambda a: a if a > 0 else -a)(X[0])
F.vmap(lambda a: float(a.sum()))(X)
F.vmap(lambda a: a.numpy())(X)
F.vmap(lambda a: a.tolist())(X)
F.vmap(lambda a: S.clone().add_(a))(X)
F.vmap(lambda a: S.clone().mul_(2) * a)(X)
F.vmap(lambda a: T.zeros_like(a).add_(a))(X)
F.vmap(lambda a: T.zeros(3).add_(a))(X)
F.vmap(lambda a: a, in_dims=3)(X)
F.vmap(lambda a: a, in_dims=-1)(X)
F.vmap(lambda a: a, in_dims=1)(X)
F.vmap(lambda a: a, out_dims=1)(X)
F.vmap(lambda a: a, out_dims=-1)(X)
F.vmap(lambda a: a, out_dims=2)(X)
F.vmap(lambda a, b: a, in_dims=(0,))(X, Y)
F.vmap(lambda a, b: a + b)(X, Y)
F.vmap(lambda a, b: a + b, (None, None))(X, X)
F.vmap(lambda a, b: a + b, in_dims=(0, 1))(X, Y)
F.vmap(lambda a, b: a + b, in_dims=(0, None))(X, S)
F.vmap(lambda a: 3)(X)
F.vmap(lambda a: (a, 3))(X)
F.vmap(lambda a: {"x": a})(X)
F.vmap(lambda a: (a, a.sum()), out_dims=(1, 0))(X)
F.vmap(lambda a: (a, a.sum()), out_dims=(1,))(X)
F.vmap(lambda a: (a, S), out_dims=(0, None))(X)
F.vmap(lambda a: a * 2, out_dims=None)(X)
F.vmap(lambda a: S)(X)
F.vmap(lambda: 1)()
F.vmap(lambda a: a)(3)
F.vmap(lambda a: a["x"], in_dims=({"x": 1},))({"x": X})
F.vmap(lambda a: a["x"], in_dims=(0,))({"x": X, "z": X})
F.vmap(lambda a: a, in_dims="x")(X)
F.vmap(lambda a: a, in_dims=[0])(X)
F.vmap(lambda a: a + T.randn(3))(X)
F.vmap(lambda a: a, randomness="foo")(X)
F.vmap(lambda a: a, chunk_size=0)(X)
F.vmap(lambda a: a, chunk_size=1)(X)
F.vmap(lambda a: a)(T.zeros(0, 3))
F.vmap(lambda a: a.sum())(T.zeros(0, 3))
F.vmap(lambda a: a)(T.tensor(1.0))
F.vmap(lambda a, k=None: a * k)(X, k=X)
F.vmap(lambda a, k: a * k)(X, 2)
F.vmap(lambda a, k: a * k, (0, None))(X, 2)
F.vmap(lambda a: a.shape)(X)
F.vmap(lambda a: None)(X)
F.vmap(lambda a: [a, a])(X)
F.vmap(lambda a: a.add_(1))(X.clone())
F.vmap(F.vmap(lambda a, b: a * b))(X, X + 1)
F.vmap(F.vmap(lambda a, b: a * b, (None, 0)), (0, None))(X, S)
F.vmap(F.vmap(lambda a: a.item()))(X)
F.vmap(T.dot, (0, None))(X, S)
F.vmap(T.mv, (None, 0))(W, X)
T.vmap(T.sin)(X)
F.vmap(F.grad(lambda a: (a**3).sum()))(X)
F.vmap(F.grad(lambda w, a: T.tanh(w @ a).sum()), (None, 0))(W.detach(), X)
F.vmap(F.jacrev(lambda a: a * a.sum()))(X)
F.vmap(F.jacfwd(lambda a: a * a.sum()))(X)
F.vmap(F.hessian(lambda a: (a**3).sum()))(X)
F.grad(lambda a: F.vmap(T.sin)(a).sum())(X)
F.jacrev(F.vmap(lambda a: a.prod()))(X)
F.jacfwd(F.vmap(lambda a: a.prod()))(X)
F.vmap(lambda a: F.jvp(T.sin, (a,), (a,))[1])(X)
F.vmap(lambda a: F.vjp(T.exp, a)[1](a)[0])(X)
F.vmap(T.where, (0, 0, None))(X > 2, X, S)
F.vmap(lambda a: T.sort(a, descending=True))(X)
F.vmap(lambda a: a.max(0))(X)
F.vmap(lambda a: T.softmax(a, 0))(X)
F.vmap(lambda a, i: a[i], (0, 0))(X, T.tensor([0, 2]))
F.vmap(lambda a: T.nn.functional.layer_norm(a, (3,)))(X)
F.jvp(T.sin, X, X)
F.jvp(T.sin, (X,), (Y,))
F.jvp(T.sin, (X,), (X, X))
F.jvp(T.sin, (), ())
F.jvp(T.sin, (X,), (3,))
F.jvp(lambda a: 3, (X,), (X,))
F.jvp(lambda a: (a, 3), (X,), (X,))
F.jvp(lambda a: S, (X,), (X,))
F.jvp(T.sin, [X], [X])
F.jvp(lambda a, b: (a * b, a.sum()), (X, X + 1), (X, X))
F.jvp(lambda a: (a * a, S), (X,), (X,), has_aux=True)
F.jvp(lambda d: d["a"] * d["b"], ({"a": X, "b": X},), ({"a": X, "b": X + 1},))
F.jvp(lambda a: a.long(), (X,), (X,))
F.jvp(lambda a: (W @ a).sum(), (S,), (S,))
F.jvp(lambda a: a.clone().mul_(a), (X,), (X,))
F.jvp(lambda a: a[0] * 2, (X,), (X,))
F.jacfwd(T.sin)(S)
F.jacfwd(lambda a: (a, {"k": a.sum()}))(S)
F.jacfwd(lambda a: 3)(X)
F.jacfwd(T.sin, argnums=1)(X)
F.jacfwd(lambda a, b: a * b, argnums=(0, 1))(S, S + 1)
F.jacfwd(lambda a: (a * 2, a), has_aux=True)(S)
F.jacfwd(T.sum)(X)
F.jacfwd(lambda d: d["a"] * 2)({"a": S})
F.jacrev(lambda d: d["a"] * 2)({"a": S})
F.jacrev(T.sin, chunk_size=2)(S)
F.jacrev(T.sin, chunk_size=0)(S)
F.jacfwd(F.jacfwd(lambda a: a**3))(S)
F.jacrev(F.jacfwd(lambda a: a**3))(S)
F.jacfwd(T.outer, (0, 1))(S, S)
F.hessian(lambda a: (a**3).sum())(S)
F.hessian(lambda a, b: (a * b).sum(), argnums=(0, 1))(S, S + 1)
F.hessian(lambda a: a**3)(S)
F.hessian(lambda a: (a.sin() * a.prod()).sum())(S)
F.hessian(lambda a: a.sum())(S)
F.hessian(lambda d: (d["a"] ** 2).sum())({"a": S})
F.linearize(T.sin, X)[1](Y)
F.linearize(T.sin, X)[1](X)
F.linearize(lambda a, b: (a * b,), X, X)[1](X, X)
F.linearize(lambda a: {"r": a * 2}, X)[1](X)
F.linearize(T.sin, X)[1](X, X)
F.linearize(lambda d: d["a"] * 2, {"a": X})[1]({"a": X})
F.linearize(T.sin, X)[0]
F.grad_and_value(lambda a: (a * a).sum())(X)
F.vjp(T.sin, X)[1](X)
F.stack_module_state([])
F.stack_module_state([T.nn.ReLU(), T.nn.Tanh()])
F.stack_module_state([T.nn.ReLU(), T.nn.ReLU().eval()])
F.functional_call(L, {"weight": X.float()}, (S.float(),), strict=True)
F.functional_call(L, {**dict(L.named_parameters()), "nowhere": X.float()}, (S.float(),), strict=True)
F.functional_call(L, {"weight": X.float() * 0, "bias": T.ones(2)}, S.float())
F.functional_call(L, ({"weight": X.float()}, {"weight": X.float()}), (S.float(),))
F.functional_call(L, 3, (S.float(),))
A.jacobian(T.sin, S)
A.jacobian(lambda a, b: a * b.sum(), (S, X))
A.jacobian(lambda a: (a * 2, a.sum()), S)
A.jacobian(lambda a: S, X)
A.jacobian(lambda a: S, X, strict=True)
A.jacobian(lambda a: (a, W), S, strict=True)
A.jacobian(lambda a, b: a * 2, (S, X), strict=True)
A.jacobian(lambda a: a * 2, S, create_graph=True, strict=True)
A.jacobian(T.sin, S, vectorize=True, strict=True)
A.jacobian(T.sin, 3)
A.jacobian(T.sin, S, vectorize=True)
A.jacobian(lambda a: (a * 2, a.sum()), S, vectorize=True, strategy="forward-mode")
A.jacobian(T.mul, (S, S), vectorize=True, strategy="forward-mode")
A.jacobian(T.sin, S, strategy="forward-mode")
A.jacobian(T.sin, S, strategy="x")
A.jacobian(T.sin, S, create_graph=True, strategy="forward-mode")
A.jacobian(T.sin, S, strict=True, strategy="forward-mode")
A.jacobian(lambda a: W @ a, S, create_graph=True)
A.jacobian(lambda a: a * a, W, create_graph=True)
A.jacobian(T.sin, W)
A.jacobian(T.sin, (S, 3))
A.hessian(lambda a: (a**3).sum(), S)
A.hessian(lambda a, b: (a * b).sum() ** 2, (S, S + 1))
A.hessian(T.sin, S)
A.hessian(lambda a: (a.sum(),), S)
A.hessian(lambda a: a.sum(), S, strict=True)
A.hessian(lambda a: (a**2).sum(), S, strict=True)
A.hessian(lambda a: (a**3).sum(), W, create_graph=True)
A.hessian(lambda a: (a**3).sum(), S, vectorize=True)
A.hessian(lambda a: (a**3).sum(), S, vectorize=True, outer_jacobian_strategy="forward-mode")
A.hessian(lambda a: (a**3).sum(), S, outer_jacobian_strategy="x")
A.hessian(lambda a: a.sum(), S)
A.vjp(T.sin, S, S)
A.vjp(T.sin, S)
A.vjp(T.sum, S)
A.vjp(lambda a: (a, a.sum()), S, (S, T.tensor(1.0).double()))
A.vjp(T.sin, S, X)
A.vjp(lambda a: (a, a), S, S)
A.vjp(lambda a, b: a * 2, (S, X), S)
A.vjp(lambda a, b: a * 2, (S, X), S, strict=True)
A.vjp(lambda a: W, S, W, strict=True)
A.vjp(lambda a: a * 2, S, S, create_graph=True, strict=True)
A.vjp(T.sin, W, W, create_graph=True)
A.vjp(lambda a: 3, S)
A.jvp(T.sin, S, S)
A.jvp(T.sin, S)
A.jvp(lambda a: a * S, T.tensor(2.0).double())
A.jvp(lambda a, b: (a * b, a.sum()), (S, S), (S, S + 1))
A.jvp(T.sin, S, X)
A.jvp(T.mul, (S, S), S)
A.jvp(lambda a: X, S, S)
A.jvp(lambda a: X, S, S, strict=True)
A.jvp(T.sin, W, W, create_graph=True)
A.vhp(lambda a: (a**3).sum(), S, S)
A.vhp(T.sin, S, S)
A.vhp(lambda a: (a**3).sum(), S)
A.vhp(lambda a: a.sum(), S, S)
A.vhp(lambda a: (a.sum(),), S, S)
A.vhp(lambda a: a.sum(), S, S, strict=True)
A.vhp(lambda a, b: (a * b).sum() ** 2, (S, S + 1), (S, S))
A.vhp(lambda a: (a**3).sum(), W, W, create_graph=True)
A.hvp(lambda a: (a**3).sum(), S, S)
A.hvp(T.sin, S, S)
A.hvp(lambda a: (a**3).sum(), S)
A.hvp(lambda a: a.sum(), S, S)
A.hvp(lambda a: a.sum(), S, X)
A.hvp(lambda a: a.sum(), S, S, strict=True)
A.hvp(lambda a, b: (a * b).sum() ** 2, (S, S + 1), (S, S))
A.hvp(lambda a: (a**3).sum(), W, W, create_graph=True)
D.make_dual(X, X)
D.unpack_dual(X)
D.exit_dual_level()
dual(T.sin, X, X)
dual(lambda a: a * S + X, X, X)
dual(lambda a: S * 2, X, X)
dual(T.sin, X, Y)
dual(T.sin, X.long(), X)
dual(lambda a: a, X, X)
dual(lambda a: a.detach() * 2, X, X)
dual(lambda a: a[0].exp(), X, X + 1)
dual(lambda a: D.make_dual(a * 2, X), S, S)
dual(lambda a: a @ Y @ a, X, X)
dual(lambda a: D.enter_dual_level(), X, X)
dual(lambda a: a.sum().relu(), X, X)
"""
EXPRESSIONS = ROWS.strip().splitlines()


def evaluate(library: Any, expression: str) -> Any:
    import importlib

    name = library.__name__
    forward = importlib.import_module(f"{name}.autograd.forward_ad")
    x = library.tensor([[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]], dtype=library.float64)
    y = library.ones(3, 2, dtype=library.float64)
    w = library.tensor([[0.1, 0.2, 0.3], [0.4, -0.5, 0.6], [1.0, 2.0, -1.0]], dtype=library.float64, requires_grad=True)
    layer = library.nn.Linear(3, 2)
    with library.no_grad():
        layer.bias.fill_(0.5)

    def dual(f: Any, primal: Any, tangent: Any) -> Any:
        with forward.dual_level():
            return tuple(forward.unpack_dual(f(forward.make_dual(primal, tangent))))

    functional = importlib.import_module(f"{name}.autograd.functional")
    names = {"T": library, "F": library.func, "A": functional, "D": forward, "X": x, "Y": y, "S": x[0], "W": w, "L": layer}
    return eval(expression, {**names, "dual": dual})


def plain(value: Any) -> Any:
    """Tensors as arrays, with whether they require a gradient; structures as they are."""
    if isinstance(value, (torch.Tensor, tinygrad_fm.Tensor)):
        return np.asarray(value.detach().numpy())
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value).__name__ if not value else [plain(part) for part in value]
    return value


def assert_same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(ours, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)
    elif isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert_same(ours[key], theirs[key])
    elif isinstance(ours, np.ndarray):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8, strict=True)
    else:
        assert ours == theirs


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_pytorchs(expression: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = plain(evaluate(torch, expression))
        except Exception as error:
            either = isinstance(error, (IndexError, NotImplementedError))
            with pytest.raises((type(error), RuntimeError) if either else type(error)):
                evaluate(tinygrad_fm, expression)
            return
        assert_same(plain(evaluate(tinygrad_fm, expression)), expected)
