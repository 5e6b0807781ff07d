"""A recurrent layer in one direction, as one operation whose rule goes back through time: the kernels of ``ops/rnn.py``.

Sequences lie packed, as PyTorch's ``PackedSequence`` has them: first the first element of every sequence, longest sequence
first, then the second of those that have one, and so on. Three sequences of lengths 3, 2 and 1 make 6 rows in 3 steps:

    row        0  1  2 | 3  4 | 5
    sequence   a  b  c | a  b | a       sizes = (3, 2, 1): how many sequences run at each step

At every step the sequences that run are the first ones, ``state[:count]``, read forwards or in ``reverse``: a state that waits
below them is that of a sequence that has ended, or has not begun. So there is one loop for all cases, and going back through
it is the same loop the other way round. What does not depend on the state before, the products of the inputs with their
weights, is made for all steps at once, before the loop; so are the gradients of all weights, after it.

Letters: N sequences, T steps, F features of an input, H of a state, P of a projected one (LSTM only; else P = H), L layers
times directions. rows: the elements of all sequences, Σ sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..autograd.primitives import fused
from ..promotion import same_dtype
from ..runtime import take_over_blas
from .activation import relu
from .elementwise import quiet, sigmoid, tanh
from .join_split import cat
from .matmul import _dot, _weight_gradient, linear

_ALONE = 9_000  # multiplications below which OpenBLAS uses one thread whatever it has

Array = np.ndarray[Any, Any]
Sizes = tuple[int, ...]
Needs = tuple[bool, ...]


def _steps(sizes: Sizes, reverse: bool) -> Iterator[tuple[slice, int]]:
    """The rows of each step and how many they are, from the first step to the last, or in ``reverse``."""
    steps = [(slice(end - count, end), count) for end, count in zip(accumulate(sizes), sizes, strict=True)]
    return reversed(steps) if reverse else iter(steps)


def _unrolled(step: Callable[..., Any], gates: Any, states: Sequence[Any], sizes: Sizes, reverse: bool) -> tuple[Any, ...]:
    """The loop as a composition: ``step(gates of the rows, *states)`` gives the new states, of which the first is the output.

    Returns:
        The outputs (rows, P), and each state (N, …) as it is at the end.
    """
    outputs, states = [], list(states)
    for rows, count in _steps(sizes, reverse):
        new = step(gates[rows], *(s[:count] for s in states))
        outputs.append(new[0])
        states = [a if count == len(s) else cat([a, s[count:]]) for a, s in zip(new, states, strict=True)]
    return cat(outputs[::-1] if reverse else outputs), *states


def _input_gates(x: Array, weight: Array, *biases: Array | None) -> Array:
    """x · Wᵀ + biases, for all steps at once.

    BLAS is put on one thread for all but the smallest: its threads wait for each other by spinning, which between the many
    short products of a loop over time took 540 ms on a busy machine where threads of ours took 17 (LSTM, 28 steps of 64).
    """
    if len(x) * weight.size > _ALONE:
        take_over_blas()
    gates = _dot(x, np.ascontiguousarray(weight.T))
    given = [bias for bias in biases if bias is not None]
    if given:
        gates += sum(given[1:], given[0])  # one run through the gates for both
    return gates


def _outer_gradients(dx_gates: Array, dh_gates: Array, x: Array, before: Array, weight_ih: Array, needs: Needs) -> list[Any]:
    """The gradients of x, of both weights and of both biases, for all steps at once, from those of what is added up in the
    gates: x · W_ihᵀ + b_ih and h · W_hhᵀ + b_hh, h being the states ``before`` each step."""
    db_ih = dx_gates.sum(0) if needs[4] or dh_gates is dx_gates else None
    db_hh = db_ih if dh_gates is dx_gates else dh_gates.sum(0)
    return [
        _dot(dx_gates, weight_ih) if needs[0] else None,
        _weight_gradient(dx_gates, x) if needs[2] else None,
        _weight_gradient(dh_gates, before) if needs[3] else None,
        db_ih if needs[4] else None,
        db_hh if needs[5] else None,
    ]


def _state_gradient(g: Array | None, like: Array, count: int) -> Array:
    """The gradient of the states (N, …) at the end, to be changed in place on the way back."""
    return np.zeros((count, like.shape[1]), like.dtype) if g is None else g.copy()


def _logistic(x: Array) -> None:
    """The sigmoid, in place."""
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += 1
    np.divide(1, x, out=x)


# -- RNN ---------------------------------------------------------------------------------------------------------------


def _composed_rnn(
    x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, positive: bool, sizes: Sizes, reverse: bool
) -> tuple[Any, Any]:
    activation = relu if positive else tanh
    y, h = _unrolled(
        lambda gates, h: (activation(gates + linear(h, weight_hh, bias_hh)),),
        linear(x, weight_ih, bias_ih),
        [h],
        sizes,
        reverse,
    )
    return y, h


def _rnn_rule(
    g: Any,
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    before: Array,
    after: Array,
    positive: bool,
    sizes: Sizes,
    reverse: bool,
    needs: Needs,
) -> tuple[Any, ...]:
    dy, dh = g[0], _state_gradient(g[1], after, sizes[0])
    slope = (after > 0).astype(after.dtype) if positive else 1 - after * after
    for rows, count in _steps(sizes, not reverse):
        now = dh[:count]
        if dy is not None:
            now += dy[rows]
        slope[rows] *= now  # is the gradient of the gates from here on
        np.matmul(slope[rows], weight_hh, out=now)
    dx, dw_ih, dw_hh, db_ih, db_hh = _outer_gradients(slope, slope, x, before, weight_ih, needs)
    return dx, dh, dw_ih, dw_hh, db_ih, db_hh


@fused(
    _composed_rnn,
    name="rnn",
    promotion=same_dtype,
    inputs="x h weight_ih weight_hh bias_ih bias_hh",
    outputs=2,
    residuals="before after",
    joint=_rnn_rule,
)
@quiet
def rnn_layer(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None,
    bias_hh: Array | None,
    positive: bool,
    sizes: Sizes,
    reverse: bool,
) -> tuple[Any, Array, Array]:
    gates, h = _input_gates(x, weight_ih, bias_ih, bias_hh), h.copy()
    before, transposed = np.empty_like(gates), np.ascontiguousarray(weight_hh.T)  # read at every step
    for rows, count in _steps(sizes, reverse):
        now, y = h[:count], gates[rows]
        before[rows] = now
        y += now @ transposed
        if positive:
            np.maximum(y, 0, out=y)
        else:
            np.tanh(y, out=y)
        now[...] = y
    return (gates.copy(), h), before, gates


# -- LSTM --------------------------------------------------------------------------------------------------------------


def _composed_lstm(
    x: Any,
    h: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any,
    bias_hh: Any,
    c: Any,
    weight_hr: Any,
    sizes: Sizes,
    reverse: bool,
) -> tuple[Any, Any, Any]:
    def step(gates: Any, h: Any, c: Any) -> tuple[Any, Any]:
        i, f, g, o = (gates + linear(h, weight_hh, bias_hh)).chunk(4, 1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return (h if weight_hr is None else linear(h, weight_hr)), c

    y, h, c = _unrolled(step, linear(x, weight_ih, bias_ih), [h, c], sizes, reverse)
    return y, h, c


def _lstm_rule(
    g: Any,
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    weight_hr: Any,
    gates: Array,
    before: Array,
    cells: Array,
    squashed: Array,
    sizes: Sizes,
    reverse: bool,
    needs: Needs,
) -> tuple[Any, ...]:
    dy, dh, dc = g[0], _state_gradient(g[1], before, sizes[0]), _state_gradient(g[2], cells, sizes[0])
    size = cells.shape[1]
    i, f, g, o = (slice(k * size, (k + 1) * size) for k in range(4))
    dprojected = None if weight_hr is None else np.empty_like(before)
    # For all steps at once, what the gradients are multiplied by on the way back. h' = o · tanh(c') and c' = f · c + i · g, and
    # the gates' slopes are σ · (1 − σ) and 1 − tanh². ``dgates`` holds the gates' factors until the loop makes gradients of
    # them.
    dgates = np.subtract(1, gates)
    dgates *= gates
    np.multiply(gates[:, g], gates[:, g], out=dgates[:, g])
    np.subtract(1, dgates[:, g], out=dgates[:, g])
    dgates[:, i] *= gates[:, g]
    dgates[:, f] *= cells
    dgates[:, g] *= gates[:, i]
    dgates[:, o] *= squashed
    through = squashed * squashed
    np.subtract(1, through, out=through)
    through *= gates[:, o]
    for rows, count in _steps(sizes, not reverse):
        d, now, dcell = dgates[rows], dh[:count], dc[:count]
        if dy is not None:
            now += dy[rows]
        dout = now
        if dprojected is not None:
            dprojected[rows] = now
            dout = now @ weight_hr
        through[rows] *= dout
        dcell += through[rows]
        by_cell = d[:, : 3 * size].reshape(count, 3, size)  # i, f and g: a view
        by_cell *= dcell[:, None]
        d[:, o] *= dout
        dcell *= gates[rows, f]
        np.matmul(d, weight_hh, out=now)
    dx, dw_ih, dw_hh, db_ih, db_hh = _outer_gradients(dgates, dgates, x, before, weight_ih, needs)
    dw_hr = _weight_gradient(dprojected, gates[:, o] * squashed) if needs[7] else None
    return dx, dh, dw_ih, dw_hh, db_ih, db_hh, dc, dw_hr


@fused(
    _composed_lstm,
    name="lstm",
    promotion=same_dtype,
    inputs="x h weight_ih weight_hh bias_ih bias_hh c weight_hr",
    outputs=3,
    residuals="gates before cells squashed",
    joint=_lstm_rule,
)
@quiet
def lstm_layer(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None,
    bias_hh: Array | None,
    c: Array,
    weight_hr: Array | None,
    sizes: Sizes,
    reverse: bool,
) -> tuple[Any, Array, Array, Array, Array]:
    gates, h, c = _input_gates(x, weight_ih, bias_ih, bias_hh), h.copy(), c.copy()
    size = c.shape[1]
    i, f, g, o = (slice(k * size, (k + 1) * size) for k in range(4))
    y, before = (np.empty((len(x), h.shape[1]), x.dtype) for _ in range(2))
    cells, squashed = (np.empty((len(x), size), x.dtype) for _ in range(2))
    transposed = np.ascontiguousarray(weight_hh.T)  # read at every step
    for rows, count in _steps(sizes, reverse):
        a, t, hidden, cell = gates[rows], squashed[rows], h[:count], c[:count]
        before[rows], cells[rows] = hidden, cell
        a += hidden @ transposed
        candidate = np.tanh(a[:, g])
        _logistic(a)  # of g too: one run through memory is sooner done than three of its parts
        a[:, g] = candidate
        cell *= a[:, f]
        candidate *= a[:, i]
        cell += candidate
        np.tanh(cell, out=t)
        hidden[...] = a[:, o] * t if weight_hr is None else (a[:, o] * t) @ weight_hr.T
        y[rows] = hidden
    return (y, h, c), gates, before, cells, squashed


# -- GRU ---------------------------------------------------------------------------------------------------------------


def _composed_gru(
    x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, sizes: Sizes, reverse: bool
) -> tuple[Any, Any]:
    def step(gates: Any, h: Any) -> tuple[Any]:
        (xr, xz, xn), (hr, hz, hn) = gates.chunk(3, 1), linear(h, weight_hh, bias_hh).chunk(3, 1)
        z, n = sigmoid(xz + hz), tanh(xn + sigmoid(xr + hr) * hn)
        return (n + z * (h - n),)

    y, h = _unrolled(step, linear(x, weight_ih, bias_ih), [h], sizes, reverse)
    return y, h


def _gru_rule(
    g: Any,
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    gates: Array,
    before: Array,
    inner: Array,
    sizes: Sizes,
    reverse: bool,
    needs: Needs,
) -> tuple[Any, ...]:
    dy, dh = g[0], _state_gradient(g[1], before, sizes[0])
    size = before.shape[1]
    r, z, n = (slice(k * size, (k + 1) * size) for k in range(3))
    # of what comes from the inputs, and of what comes from the states: they differ in the last third, by a factor r
    dx_gates, dh_gates = np.empty_like(gates), np.empty_like(gates)
    for rows, count in _steps(sizes, not reverse):
        a, d, now = gates[rows], dx_gates[rows], dh[:count]
        if dy is not None:
            now += dy[rows]
        # the slopes, σ · (1 − σ) and 1 − tanh², and what they are multiplied by: h' = n + z · (h − n)
        np.subtract(1, a, out=d)
        rest = now * d[:, z]
        d *= a
        d[:, n] = 1 - a[:, n] * a[:, n]
        d[:, n] *= rest
        d[:, z] *= now * (before[rows] - a[:, n])
        d[:, r] *= d[:, n] * inner[rows]
        dh_gates[rows] = d
        dh_gates[rows, n] *= a[:, r]
        now *= a[:, z]
        now += _dot(dh_gates[rows], weight_hh)
    dx, dw_ih, dw_hh, db_ih, db_hh = _outer_gradients(dx_gates, dh_gates, x, before, weight_ih, needs)
    return dx, dh, dw_ih, dw_hh, db_ih, db_hh


@fused(
    _composed_gru,
    name="gru",
    promotion=same_dtype,
    inputs="x h weight_ih weight_hh bias_ih bias_hh",
    outputs=2,
    residuals="gates before inner",
    joint=_gru_rule,
)
@quiet
def gru_layer(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None,
    bias_hh: Array | None,
    sizes: Sizes,
    reverse: bool,
) -> tuple[Any, Array, Array, Array]:
    gates, h = _input_gates(x, weight_ih, bias_ih), h.copy()
    size = h.shape[1]
    r, z, n = (slice(k * size, (k + 1) * size) for k in range(3))
    y, before, inner = (np.empty((len(x), size), x.dtype) for _ in range(3))
    transposed = np.ascontiguousarray(weight_hh.T)  # read at every step
    for rows, count in _steps(sizes, reverse):
        a, now = gates[rows], h[:count]
        before[rows] = now
        hidden = _dot(now, transposed)
        if bias_hh is not None:
            hidden += bias_hh
        inner[rows] = hidden[:, n]
        both = a[:, : 2 * size]
        both += hidden[:, : 2 * size]
        _logistic(both)
        a[:, n] += a[:, r] * hidden[:, n]
        np.tanh(a[:, n], out=a[:, n])
        now -= a[:, n]
        now *= a[:, z]
        now += a[:, n]
        y[rows] = now
    return (y, h), gates, before, inner
