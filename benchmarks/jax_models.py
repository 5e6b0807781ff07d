"""The models of the table in JAX: functions of lists of parameters, whose steps are compiled, which is how one uses it.

Images are (N, H, W, C), which JAX is quickest with on a processor; parameters have PyTorch's shapes and order. JAX takes as
many threads as there are processors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .cases import CASES, Step, batches, made

RATE, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8
MOMENTUM, NORM_EPS = 0.1, 1e-5


class Layers:
    """Layers that take their parameters, and the running statistics of norms, from lists in order.

    Args:
        key: for dropout; None in evaluation, where norms use the statistics and change none.
    """

    def __init__(self, jax: Any, parameters: list[Any], statistics: list[Any], key: Any = None) -> None:
        self.jax, self.key = jax, key
        self._parameters, self._statistics = iter(parameters), iter(statistics)
        self.updated: list[Any] = []

    def conv(self, x: Any, stride: int = 1, padding: int = 1, bias: bool = True) -> Any:
        weight = next(self._parameters)
        y = self.jax.lax.conv_general_dilated(
            x, weight, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "OIHW", "NHWC")
        )
        return y + next(self._parameters) if bias else y

    def norm(self, x: Any) -> Any:
        jnp, axes, count = self.jax.numpy, (0, 1, 2), x.size // x.shape[-1]
        weight, bias = next(self._parameters), next(self._parameters)
        running_mean, running_var = next(self._statistics)
        mean, var = running_mean, running_var
        if self.key is not None:
            mean, var = jnp.mean(x, axes), jnp.var(x, axes)
            new = (running_mean, mean), (running_var, var * (count / (count - 1)))
            self.updated.append([(1 - MOMENTUM) * old + MOMENTUM * found for old, found in new])
        scale = weight / jnp.sqrt(var + NORM_EPS)
        return x * scale + (bias - mean * scale)

    def linear(self, x: Any) -> Any:
        weight = next(self._parameters)
        return x @ weight.T + next(self._parameters)

    def relu(self, x: Any) -> Any:
        return self.jax.nn.relu(x)

    def pool(self, x: Any) -> Any:
        return self.jax.lax.reduce_window(x, -float("inf"), self.jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def dropout(self, x: Any, p: float) -> Any:
        if self.key is None or not p:
            return x
        self.key, key = self.jax.random.split(self.key)
        return self.jax.numpy.where(self.jax.random.bernoulli(key, 1 - p, x.shape), x / (1 - p), 0)

    def flat(self, x: Any) -> Any:
        return x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # in PyTorch's order


def mlp(n: Layers, x: Any, hidden: int, dropout: bool) -> Any:
    x = n.flat(x)
    for _ in range(hidden):
        x = n.relu(n.linear(x))
    return n.linear(x)


def lenet(n: Layers, x: Any, hidden: int, dropout: bool) -> Any:
    x = n.pool(n.relu(n.norm(n.conv(x, padding=2))))
    x = n.pool(n.relu(n.norm(n.conv(x, padding=0))))
    return mlp(n, x, 2, dropout)


def cnn2(n: Layers, x: Any, hidden: int, dropout: bool) -> Any:
    x = n.pool(n.relu(n.norm(n.conv(x))))
    x = n.pool(n.relu(n.norm(n.conv(x))))
    x = n.flat(n.dropout(x, 0.25 * dropout))
    return n.linear(n.dropout(n.relu(n.linear(x)), 0.5 * dropout))


def resnet(n: Layers, x: Any, hidden: int, dropout: bool) -> Any:
    x = n.relu(n.norm(n.conv(x, bias=False)))
    for stride in (1, 2, 2):
        main = n.relu(n.norm(n.conv(x, stride, bias=False)))
        main = n.norm(n.conv(main, bias=False))
        side = x if stride == 1 else n.norm(n.conv(x, stride, padding=0, bias=False))
        x = n.relu(main + side)
    return n.linear(x.mean((1, 2)))


MODELS: dict[str, Callable[..., Any]] = {"mlp": mlp, "lenet": lenet, "cnn2": cnn2, "resnet": resnet}


def _begun(jax: Any, name: str, options: dict[str, Any]) -> tuple[Callable[[Layers, Any], Any], list[Any], list[Any]]:
    """The model's function, and its parameters and statistics as ``cases.made`` gives them."""
    import tinygrad_fm

    jnp, model = jax.numpy, made(tinygrad_fm, name, options)
    run = partial(MODELS[name], hidden=options.get("depth", 2), dropout=options.get("dropout", True))
    statistics = [[jnp.zeros(m.num_features), jnp.ones(m.num_features)] for m in model.modules() if hasattr(m, "running_mean")]
    return run, [jnp.asarray(p.detach().numpy()) for p in model.parameters()], statistics


def _batches(jax: Any, options: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The batches of ``cases.batches``, over and over."""
    import tinygrad_fm

    pairs = [(x.permute(0, 2, 3, 1).numpy().copy(), y.numpy()) for x, y in batches(tinygrad_fm, options)]
    data = [(jax.numpy.asarray(x), jax.numpy.asarray(y)) for x, y in pairs]
    while True:
        yield from data


def training(name: str, jax: Any, options: dict[str, Any]) -> Step:
    """One training step with Adam."""
    run, state, statistics = _begun(jax, name, options)
    jnp, data = jax.numpy, _batches(jax, options)
    key, t = jax.random.key(0), 0
    moments = [[jnp.zeros_like(w) for w in state] for _ in range(2)]

    def loss_of(p: Any, statistics: Any, key: Any, x: Any, y: Any) -> Any:
        n = Layers(jax, p, statistics, key)
        log_p = jax.nn.log_softmax(run(n, x))
        return -jnp.take_along_axis(log_p, y[:, None], 1).mean(), n.updated

    def update(p: Any, m: Any, v: Any, statistics: Any, t: Any, key: Any, x: Any, y: Any) -> Any:
        key, drawn = jax.random.split(key)
        (loss, statistics), g = jax.value_and_grad(loss_of, has_aux=True)(p, statistics, drawn, x, y)
        m = [BETAS[0] * a + (1 - BETAS[0]) * b for a, b in zip(m, g, strict=True)]
        v = [BETAS[1] * a + (1 - BETAS[1]) * b * b for a, b in zip(v, g, strict=True)]
        c1, c2 = 1 - BETAS[0] ** t, 1 - BETAS[1] ** t
        p = [w - RATE * (a / c1) / (jnp.sqrt(b / c2) + EPS) for w, a, b in zip(p, m, v, strict=True)]
        return loss, p, m, v, statistics, key

    compiled = jax.jit(update, donate_argnums=(0, 1, 2, 3))

    def step() -> Any:
        nonlocal state, moments, statistics, key, t
        t += 1
        loss, state, *moments, statistics, key = compiled(state, *moments, statistics, float(t), key, *next(data))
        return loss.block_until_ready()

    return step


def inference(name: str, jax: Any, options: dict[str, Any]) -> Step:
    """The logits of one batch. Returns their mean."""
    run, state, statistics = _begun(jax, name, options)
    data = _batches(jax, options)
    compiled = jax.jit(lambda p, statistics, x: run(Layers(jax, p, statistics), x).mean())

    def step() -> Any:
        x, _ = next(data)
        return compiled(state, statistics, x).block_until_ready()

    return step


STEPS: dict[str, Callable[[Any, dict[str, Any]], Step]] = {
    name: partial(training if case.kind == "train" else inference, case.model)
    for name, case in CASES.items()
    if case.kind in ("train", "infer")
}
