"""The MLP of the table in other frameworks' own style, and the chain of tiny operations: as their tutorials write it.

DeZero has Adam; MyGrad and HIPS autograd bring no optimizer, so for them the step is plain gradient descent, which is less
work, and only DeZero's losses can equal ours. JAX's models are in ``jax_models.py``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .cases import Step

SIZES = (784, 128, 64, 10)
RATE = 1e-3


def _weights() -> list[Any]:
    """The weights (in, out) and biases that ``cases.same_weights`` gives the MLP."""
    rng = np.random.default_rng(0)
    found = []
    for inputs, outputs in pairwise(SIZES):
        found.append((rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)).astype(np.float32).T.copy())
        rng.standard_normal(outputs)
        found.append(np.zeros(outputs, np.float32))
    return found


def _batches(size: int) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(1)
    return [(rng.standard_normal((size, 784)).astype(np.float32), rng.integers(0, 10, size)) for _ in range(32)]


def _in_turn(one: Any, size: int) -> Step:
    data, position = _batches(size), 0

    def step() -> Any:
        nonlocal position
        x, y = data[position % len(data)]
        position += 1
        return one(x, y)

    return step


def _links(np_like: Any, sigmoid: Any, x: Any, w: Any) -> Any:
    y = x
    for _ in range(10):
        y = sigmoid(np_like.tanh(y * w + x) - w)
    return y.sum()


X0, W0 = np.array([0.1, -0.2, 0.3, -0.4], np.float32), np.array([1.1, 0.9, -0.7, 0.4], np.float32)


def _logits(p: list[Any], x: Any, maximum: Any) -> Any:
    h = maximum(x @ p[0] + p[1], 0)
    h = maximum(h @ p[2] + p[3], 0)
    return h @ p[4] + p[5]


# -- JAX ---------------------------------------------------------------------------------------------------------------


def jax_chain(jax: Any, options: dict[str, Any]) -> Step:
    """The chain in JAX, compiled."""
    run = jax.jit(jax.value_and_grad(lambda x, w: _links(jax.numpy, jax.nn.sigmoid, x, w), (0, 1)))

    def step() -> Any:
        loss, g = run(X0, W0)
        g[0].block_until_ready()
        return loss

    return step


# -- DeZero ------------------------------------------------------------------------------------------------------------


def _dezero_mlp(dezero: Any, options: dict[str, Any]) -> Step:
    from dezero import functions as F
    from dezero import layers, models, optimizers

    model = models.MLP(SIZES[1:], activation=F.relu)
    weights = _weights()
    model(np.zeros((1, 784), np.float32))
    linear = [layer for layer in vars(model).values() if isinstance(layer, layers.Linear)]
    for layer, w, b in zip(linear, weights[::2], weights[1::2], strict=True):
        layer.W.data, layer.b.data = w, b
    optimizer = optimizers.Adam(alpha=RATE).setup(model)

    def one(x: Any, y: Any) -> Any:
        loss = F.softmax_cross_entropy(model(x), y)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return loss.data

    return _in_turn(one, options["batch"])


def _dezero_chain(dezero: Any, options: dict[str, Any]) -> Step:
    from dezero import functions as F

    x, w = dezero.Variable(X0), dezero.Variable(W0)

    def step() -> Any:
        x.cleargrad()
        w.cleargrad()
        y = x
        for _ in range(10):
            y = F.sigmoid(F.tanh(y * w + x) - w)
        loss = F.sum(y)
        loss.backward()
        return loss.data

    return step


# -- MyGrad ------------------------------------------------------------------------------------------------------------


def _mygrad_mlp(mygrad: Any, options: dict[str, Any]) -> Step:
    from mygrad.nnet import relu, softmax_crossentropy

    p = [mygrad.tensor(w) for w in _weights()]

    def one(x: Any, y: Any) -> Any:
        h = relu(x @ p[0] + p[1])
        h = relu(h @ p[2] + p[3])
        loss = softmax_crossentropy(h @ p[4] + p[5], y)
        loss.backward()
        for w in p:
            w.data -= RATE * w.grad
        return loss.item()

    return _in_turn(one, options["batch"])


def _mygrad_chain(mygrad: Any, options: dict[str, Any]) -> Step:
    from mygrad.nnet import sigmoid

    x, w = mygrad.tensor(X0), mygrad.tensor(W0)

    def step() -> Any:
        loss = _links(mygrad, sigmoid, x, w)
        loss.backward()
        return loss.item()

    return step


# -- HIPS autograd -----------------------------------------------------------------------------------------------------


def _autograd_mlp(autograd: Any, options: dict[str, Any]) -> Step:
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    p = _weights()

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        z = _logits(p, x, anp.maximum)
        return anp.mean(logsumexp(z, axis=1) - z[anp.arange(len(y)), y])

    run = autograd.value_and_grad(loss_of)

    def one(x: Any, y: Any) -> Any:
        loss, g = run(p, x, y)
        for w, dw in zip(p, g, strict=True):
            np.subtract(w, RATE * dw, out=w, casting="same_kind")
        return loss

    return _in_turn(one, options["batch"])


def _autograd_chain(autograd: Any, options: dict[str, Any]) -> Step:
    import autograd.numpy as anp

    run = autograd.value_and_grad(lambda xw: _links(anp, lambda z: 1 / (1 + anp.exp(-z)), *xw))
    return lambda: run((X0, W0))[0]


DEZERO = {"mlp": _dezero_mlp, "chain": _dezero_chain}
MYGRAD = {"mlp": _mygrad_mlp, "chain": _mygrad_chain}
AUTOGRAD = {"mlp": _autograd_mlp, "chain": _autograd_chain}
