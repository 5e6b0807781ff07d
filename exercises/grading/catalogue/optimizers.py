"""Exercises 19 to 21: gradient descent, momentum, Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..exercise import Case, Exercise, Part, Random, Values, Wrong, part

STEPS = 4


def steps(part: Part, state: tuple[str, ...], outputs: tuple[str, ...]) -> Callable[[Callable[..., Any], Case], Any]:
    """How a case is run: several steps, each from what the one before returned. The results of all steps, stacked."""

    def run(function: Callable[..., Any], case: Case) -> Any:
        now = {name: np.array(case[name]) for name in state}
        history: list[Any] = []
        for t, g in enumerate(case["gradients"], 1):
            known = {**case, **now, "g": np.array(g), "t": t}
            result = function(*(known[name] for name in part.parameters))
            results = result if len(outputs) > 1 else (result,)
            if not isinstance(results, tuple) or len(results) != len(outputs):
                kind = f"{len(result)} results" if isinstance(result, tuple) else f"one {type(result).__name__}"
                raise Wrong(f"{part.signature} returned {kind}, expected {len(outputs)}: {', '.join(outputs)}")
            for name, x in zip(outputs, results, strict=True):
                if np.shape(x) != np.shape(case[name]):
                    raise Wrong(
                        f"{part.signature}: {name} has shape {np.shape(x)} after step {t}, expected {np.shape(case[name])}"
                    )
                if isinstance(x, (type(None), type(...), str)):
                    raise Wrong(f"{part.signature} returned a {type(x).__name__}, expected an array")
            now = dict(zip(outputs, results, strict=True))
            history.append(results)
        stacked = tuple(np.stack([results[k] for results in history]) for k in range(len(outputs)))
        return stacked if len(outputs) > 1 else stacked[0]

    return run


def optimizer(
    part: Part, reference: Callable[..., Any], outputs: tuple[str, ...], cases: Callable[[Random], list[Case]]
) -> Values:
    """An update that is graded over several steps."""
    return Values(part, reference, cases, outputs if len(outputs) > 1 else (), steps(part, outputs, outputs), draws=False)


def _cases(r: Random, **options: Any) -> list[Case]:
    shapes: list[tuple[int, ...]] = [(3,), (2, 2)]
    zeros = {name: 0.0 for name, value in options.items() if value is None}
    return [
        {
            "w": r(*shape),
            **{name: np.zeros(shape) for name in zeros},
            "gradients": r(STEPS, *shape),
            **{name: value for name, value in options.items() if value is not None},
        }
        for shape in shapes
    ]


# -- 19 ----------------------------------------------------------------------------------------------------------------

SGD = part(
    "sgd_step(w, g, lr, weight_decay)",
    "gradient descent: w after each step (first index: the step)",
    ("w + lr * (g + weight_decay * w)", "the step goes downhill, against the gradient: subtract"),
    ("w - g - weight_decay * w", "the learning rate is missing"),
    ("w - lr * g", "the weight decay is missing: weight_decay · w is added to the gradient"),
    ("w - lr * g - weight_decay * w", "the weight decay is part of the gradient: it is multiplied by the learning rate, too"),
    ("w - lr * (g - weight_decay * w)", "the sign of the weight decay is wrong: it draws w towards 0"),
    ("w - lr * (g + weight_decay)", "the weight decay is multiplied by w"),
    ("-lr * (g + weight_decay * w)", "this is the change of w: return the new w"),
    ("w - (g + weight_decay * w) / lr", "multiply by the learning rate, do not divide"),
    ("lr * (g + weight_decay * w) - w", "the sign is wrong: w minus the step"),
    ("w - lr * (g + weight_decay * w ** 2)", "the penalty is ½·weight_decay·w²: its derivative is weight_decay·w"),
    ("w - lr * (g + 2 * weight_decay * w)", "the penalty is ½·weight_decay·w²: its derivative has no factor 2"),
    ("w + lr * g", "two things are wrong: the step goes downhill (subtract), and weight_decay · w is added to the gradient"),
    (
        "w - lr * g + weight_decay * w",
        "the weight decay is part of the gradient: it is subtracted, too, and multiplied by the learning rate",
    ),
)


def sgd_step(w: Any, g: Any, lr: float, weight_decay: float) -> Any:
    """The reference."""
    return w - lr * (g + weight_decay * w)


# -- 20 ----------------------------------------------------------------------------------------------------------------

_V = "v = momentum * v + g\n"

MOMENTUM = part(
    "momentum_step(w, g, v, lr, momentum)",
    "momentum (first index: the step)",
    ("v = momentum * v + g\nreturn w + lr * v, v", "the step goes downhill: subtract"),
    (
        "v = momentum * v + (1 - momentum) * g\nreturn w - lr * v, v",
        "this is an average: as in PyTorch, g is added in full, without 1 − momentum",
    ),
    ("v = momentum * (v + g)\nreturn w - lr * v, v", "the momentum multiplies the old velocity only"),
    ("v = momentum * v + g\nreturn w - lr * g, v", "the step is taken along the velocity, not along the gradient"),
    (
        "v = momentum * v - g\nreturn w - lr * v, v",
        "a sign is wrong: g is added to the velocity, and the velocity subtracted from w",
    ),
    ("v = v + momentum * g\nreturn w - lr * v, v", "the momentum multiplies the old velocity, not the gradient"),
    (
        "v = momentum * v + lr * g\nreturn w - v, v",
        "in PyTorch the velocity is without the learning rate, which is multiplied in the step (it matters when it changes)",
    ),
    ("w = w - lr * v\nreturn w, momentum * v + g", "the new velocity is used at once: it is computed first"),
    ("v = v + g\nreturn w - lr * v, v", "the momentum is missing: the old velocity is multiplied by it"),
    (
        "v = momentum * v + g\nreturn w - lr * (g + momentum * v), v",
        "this is Nesterov's step: plain momentum takes the velocity itself",
    ),
    ("v = momentum * v + g\nreturn v, w - lr * v", "the results are exchanged: w first, then v"),
    ("v = momentum * v + g\nreturn w - v, v", "the learning rate is missing"),
)


def momentum_step(w: Any, g: Any, v: Any, lr: float, momentum: float) -> Any:
    """The reference."""
    v = momentum * v + g
    return w - lr * v, v


# -- 21 ----------------------------------------------------------------------------------------------------------------

_M = "m = beta1 * m + (1 - beta1) * g\n"
_U = "v = beta2 * v + (1 - beta2) * g ** 2\n"
_HATS = "mh, vh = m / (1 - beta1 ** t), v / (1 - beta2 ** t)\n"
_END = "return w - lr * mh / (np.sqrt(vh) + eps), m, v"

ADAM = part(
    "adam_step(w, g, m, v, t, lr, beta1, beta2, eps)",
    "Adam (first index: the step)",
    (
        _M + _U + "return w - lr * m / (np.sqrt(v) + eps), m, v",
        "the averages begin at 0 and are too small at first: divide them by 1 − beta**t",
    ),
    (_M + _U + "mh, vh = m / (1 - beta1), v / (1 - beta2)\n" + _END, "the correction depends on the step: 1 − beta**t"),
    (
        _M + _U + "mh, vh = m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))\n" + _END,
        "t is 1 in the first step already: 1 − beta**t",
    ),
    (
        _M + _U + "m, v = m / (1 - beta1 ** t), v / (1 - beta2 ** t)\nreturn w - lr * m / (np.sqrt(v) + eps), m, v",
        "the corrected averages are used in the step only: keep and return those without the correction",
    ),
    (_M + "v = beta2 * v + (1 - beta2) * g\n" + _HATS + _END, "v is the average of the squares, g²"),
    (_M + _U + _HATS + "return w - lr * mh / np.sqrt(vh + eps), m, v", "eps is added to the root, not under it"),
    (_M + _U + _HATS + "return w - lr * mh / np.sqrt(vh), m, v", "eps is missing: it is added to the root"),
    (_M + _U + _HATS + "return w - lr * mh / (vh + eps), m, v", "divide by the root of the average of squares"),
    (_M + _U + _HATS + "return w + lr * mh / (np.sqrt(vh) + eps), m, v", "the step goes downhill: subtract"),
    ("m = beta1 * m + g\n" + _U + _HATS + _END, "m is an average: the new gradient counts with the weight 1 − beta1"),
    (_M + "v = beta2 * v + (1 - beta2) * m ** 2\n" + _HATS + _END, "v is the average of g², not of m²"),
    (
        "m = (1 - beta1) * m + beta1 * g\n" + _U + _HATS + _END,
        "the weights are exchanged: the old average counts with beta1, the new gradient with 1 − beta1",
    ),
    (
        _M + "v = beta1 * v + (1 - beta1) * g ** 2\n" + "mh, vh = m / (1 - beta1 ** t), v / (1 - beta1 ** t)\n" + _END,
        "the average of the squares has its own rate, beta2",
    ),
    (
        _M + _U + _HATS + "return w - lr * g / (np.sqrt(vh) + eps), m, v",
        "the step is taken along the averaged gradient (this is RMSprop)",
    ),
)


def adam_step(w: Any, g: Any, m: Any, v: Any, t: int, lr: float, beta1: float, beta2: float, eps: float) -> Any:
    """The reference."""
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


_SGD = (optimizer(SGD, sgd_step, ("w",), lambda r: _cases(r, lr=0.1, weight_decay=0.3)),)
_MOMENTUM = (optimizer(MOMENTUM, momentum_step, ("w", "v"), lambda r: _cases(r, v=None, lr=0.1, momentum=0.8)),)
_ADAM = (
    optimizer(ADAM, adam_step, ("w", "m", "v"), lambda r: _cases(r, m=None, v=None, lr=0.1, beta1=0.8, beta2=0.95, eps=0.01)),
)

EXERCISES = [
    Exercise(19, "sgd", "Gradient descent", _SGD, (("tinygrad_fm/optim/sgd.py", "SGD"),)),
    Exercise(20, "momentum", "Momentum", _MOMENTUM, (("tinygrad_fm/optim/sgd.py", "SGD"),)),
    Exercise(21, "adam", "Adam", _ADAM, (("tinygrad_fm/optim/adam.py", "Adam"),)),
]
