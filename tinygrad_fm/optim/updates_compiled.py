"""The rules of optimizers, compiled: one pass over a parameter, its gradient and its averages.

All arrays are 1-D and of one dtype, and so are the numbers (see :func:`numbers`). ``grad`` is read; ``value``, the parameter,
and the averages are read and written, all of them from ``start`` to ``stop``. Each loop reads what it needs before it writes:
arrays of one optimizer often lie a multiple of 4096 bytes apart, where reading after writing waits for the write (Adam: 84 µs
instead of 32 for 100,352 numbers).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..runtime import Compiled, compiled, run_compiled

Array = np.ndarray[Any, Any]


def numbers(dtype: np.dtype[Any], *values: float) -> tuple[Any, ...]:
    """Numbers in the arrays' dtype: a Python float would make the arithmetic of float32 float64."""
    kind = dtype.type
    return tuple([kind(value) for value in values])


class Rule(NamedTuple):
    """One step of an optimizer by a kernel.

    Attributes:
        kernel: called with the gradient, the values, the averages, the numbers, start and stop.
        averages: their names in the optimizer's state, in the kernel's order; those that there are not are given without
            elements.
        numbers: what it takes besides.
    """

    kernel: Compiled
    averages: tuple[str, ...]
    numbers: tuple[Any, ...]

    def run(self, grad: Array, value: Array, averages: Iterable[Array]) -> None:
        """Move one parameter, by all threads if it is large."""
        arrays = (grad, value, *averages)
        run_compiled(lambda start, stop: self.kernel(*arrays, *self.numbers, start, stop), value.size, value.size)


@compiled
def adam(
    grad: Array,
    value: Array,
    m: Array,
    v: Array,
    largest: Array,
    decay: Any,
    share: Any,
    rest1: Any,
    beta2: Any,
    rest2: Any,
    eps: Any,
    lr: Any,
    start: int,
    stop: int,
) -> None:
    """Adam and AdamW.

    Args:
        m, v: the averages of the gradient and of its square. largest: AMSGrad's, or without elements.
        decay, share: weight decay that is added to the gradient, or decoupled and subtracted from the value.
        rest1, rest2: 1 − beta1, 1 − beta2.
        eps, lr: with the corrections of both averages worked into them.
    """
    keeps_largest = len(largest) > 0
    gs, values, ms, vs, most = grad[start:stop], value[start:stop], m[start:stop], v[start:stop], largest[start:stop]
    for j in range(len(values)):
        g, w, mean, spread = gs[j], values[j], ms[j], vs[j]
        if decay != 0:
            g += decay * w
        mean += (g - mean) * rest1
        spread = spread * beta2 + g * g * rest2
        ms[j] = mean
        vs[j] = spread
        if keeps_largest:
            if most[j] > spread or most[j] != most[j]:
                spread = most[j]
            most[j] = spread
        step = mean / (np.sqrt(spread) + eps) * lr
        if share != 0:
            step += share * w
        values[j] = w - step


@compiled
def nadam(
    grad: Array,
    value: Array,
    m: Array,
    v: Array,
    decay: Any,
    share: Any,
    rest1: Any,
    beta2: Any,
    rest2: Any,
    eps: Any,
    now: Any,
    ahead: Any,
    start: int,
    stop: int,
) -> None:
    """NAdam. now, ahead: what the gradient and its average weigh in the step. The others: see :func:`adam`."""
    gs, values, ms, vs = grad[start:stop], value[start:stop], m[start:stop], v[start:stop]
    for j in range(len(values)):
        g, w, mean, spread = gs[j], values[j], ms[j], vs[j]
        if decay != 0:
            g += decay * w
        mean += (g - mean) * rest1
        spread = spread * beta2 + g * g * rest2
        ms[j] = mean
        vs[j] = spread
        step = (g * now + mean * ahead) / (np.sqrt(spread) + eps)
        if share != 0:
            step += share * w
        values[j] = w - step


@compiled
def rmsprop(
    grad: Array,
    value: Array,
    square: Array,
    velocity: Array,
    mean: Array,
    decay: Any,
    alpha: Any,
    rest: Any,
    eps: Any,
    momentum: Any,
    lr: Any,
    start: int,
    stop: int,
) -> None:
    """RMSprop. square, mean: averages of the gradient's square and, for ``centered``, of itself. velocity, mean: or without
    elements. rest: 1 − alpha."""
    centered, moves_on = len(mean) > 0, len(velocity) > 0
    gs, values, squares = grad[start:stop], value[start:stop], square[start:stop]
    velocities, means = velocity[start:stop], mean[start:stop]
    for j in range(len(values)):
        g, w, spread = gs[j], values[j], squares[j]
        if decay != 0:
            g += decay * w
        spread = spread * alpha + g * g * rest
        squares[j] = spread
        if centered:
            average = means[j]
            average += (g - average) * rest
            means[j] = average
            spread -= average * average
        step = g / (np.sqrt(spread) + eps)
        if moves_on:
            step += velocities[j] * momentum
            velocities[j] = step
        values[j] = w - step * lr


@compiled
def sgd(
    grad: Array,
    value: Array,
    velocity: Array,
    decay: Any,
    momentum: Any,
    rest: Any,
    lr: Any,
    first: bool,
    nesterov: bool,
    start: int,
    stop: int,
) -> None:
    """SGD. velocity: or without elements. rest: 1 − dampening. first: the velocity begins as the gradient."""
    moves_on = len(velocity) > 0
    gs, values, velocities = grad[start:stop], value[start:stop], velocity[start:stop]
    for j in range(len(values)):
        g, w = gs[j], values[j]
        if decay != 0:
            g += decay * w
        if moves_on:
            speed = g if first else velocities[j] * momentum + g * rest
            velocities[j] = speed
            g = g + speed * momentum if nesterov else speed
        values[j] = w - g * lr
