"""The rules of optimizers, compiled: what ``update`` of each does with a block, in one pass over its arrays.

All arrays are 1-D and of one dtype, and so are the numbers (see :func:`numbers`). ``grad`` and ``value`` are read, ``value``
only where there is weight decay; ``change``, what is to be subtracted from the parameters, and the averages are written.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime import compiled, use_compiled

Array = np.ndarray[Any, Any]


def suits(change: Array) -> bool:
    """Whether a block is updated by these kernels."""
    return use_compiled(change.dtype, change.size)


def numbers(dtype: np.dtype[Any], *values: float) -> tuple[Any, ...]:
    """Numbers in the arrays' dtype: a Python float would make the arithmetic of float32 float64."""
    kind = dtype.type
    return tuple([kind(value) for value in values])


@compiled
def adam(
    grad: Array,
    value: Array,
    m: Array,
    v: Array,
    largest: Array,
    change: Array,
    decay: Any,
    share: Any,
    rest1: Any,
    beta2: Any,
    rest2: Any,
    eps: Any,
    lr: Any,
) -> None:
    """Adam and AdamW.

    Args:
        m, v: the averages of the gradient and of its square. largest: AMSGrad's, or without elements.
        decay, share: weight decay that is added to the gradient, or decoupled and subtracted from the value.
        rest1, rest2: 1 − beta1, 1 − beta2.
        eps, lr: with the corrections of both averages worked into them.
    """
    keeps_largest = len(largest) > 0
    for j in range(len(change)):
        g = grad[j]
        if decay != 0:
            g += decay * value[j]
        m[j] += (g - m[j]) * rest1
        v[j] = v[j] * beta2 + g * g * rest2
        spread = v[j]
        if keeps_largest:
            if largest[j] > spread or largest[j] != largest[j]:
                spread = largest[j]
            largest[j] = spread
        step = m[j] / (np.sqrt(spread) + eps) * lr
        if share != 0:
            step += share * value[j]
        change[j] = step


@compiled
def nadam(
    grad: Array,
    value: Array,
    m: Array,
    v: Array,
    change: Array,
    decay: Any,
    share: Any,
    rest1: Any,
    beta2: Any,
    rest2: Any,
    eps: Any,
    now: Any,
    ahead: Any,
) -> None:
    """NAdam. now, ahead: what the gradient and its average weigh in the step. The others: see :func:`adam`."""
    for j in range(len(change)):
        g = grad[j]
        if decay != 0:
            g += decay * value[j]
        m[j] += (g - m[j]) * rest1
        v[j] = v[j] * beta2 + g * g * rest2
        step = (g * now + m[j] * ahead) / (np.sqrt(v[j]) + eps)
        if share != 0:
            step += share * value[j]
        change[j] = step


@compiled
def rmsprop(
    grad: Array,
    value: Array,
    square: Array,
    velocity: Array,
    mean: Array,
    change: Array,
    decay: Any,
    alpha: Any,
    rest: Any,
    eps: Any,
    momentum: Any,
    lr: Any,
) -> None:
    """RMSprop. square, mean: averages of the gradient's square and, for ``centered``, of itself. velocity, mean: or without
    elements. rest: 1 − alpha."""
    centered, moves_on = len(mean) > 0, len(velocity) > 0
    for j in range(len(change)):
        g = grad[j]
        if decay != 0:
            g += decay * value[j]
        square[j] = square[j] * alpha + g * g * rest
        spread = square[j]
        if centered:
            mean[j] += (g - mean[j]) * rest
            spread -= mean[j] * mean[j]
        step = g / (np.sqrt(spread) + eps)
        if moves_on:
            velocity[j] = velocity[j] * momentum + step
            step = velocity[j]
        change[j] = step * lr


@compiled
def sgd(
    grad: Array,
    value: Array,
    velocity: Array,
    change: Array,
    decay: Any,
    momentum: Any,
    rest: Any,
    lr: Any,
    first: bool,
    nesterov: bool,
) -> None:
    """SGD. velocity: or without elements. rest: 1 − dampening. first: the velocity begins as the gradient."""
    moves_on = len(velocity) > 0
    for j in range(len(change)):
        g = grad[j]
        if decay != 0:
            g += decay * value[j]
        if moves_on:
            velocity[j] = g if first else velocity[j] * momentum + g * rest
            g = g + velocity[j] * momentum if nesterov else velocity[j]
        change[j] = g * lr
