"""Recurrent networks: layers on top of each other, in one direction or in both, and the cells that are one step of a layer.

https://pytorch.org/docs/stable/nn.html#recurrent-layers. A layer in one direction is one operation (``rnn_kernels``).

Letters: N sequences, T steps, F features of an input, H of a state, P of a projected one (LSTM only; else P = H), L layers
times directions. rows: the elements of all sequences, as ``rnn_kernels`` says where they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.tensor_type import Tensor
from ..errors import ShapeError
from .dropout import dropout
from .join_split import cat, stack
from .rnn_kernels import Sizes, gru_layer, lstm_layer, rnn_layer

__all__ = ["gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell"]

# a layer in one direction: x, states, parameters, sizes, reverse -> outputs and the states at the end
Layer = Callable[[Any, Sequence[Any], Sequence[Any], Sizes, bool], tuple[Any, ...]]


def _rnn_layer(positive: bool) -> Layer:
    def layer(x: Any, states: Sequence[Any], params: Sequence[Any], sizes: Sizes, reverse: bool) -> tuple[Any, ...]:
        return rnn_layer(x, *states, *params[:4], positive=positive, sizes=sizes, reverse=reverse)

    return layer


def _lstm_layer(x: Any, states: Sequence[Any], params: Sequence[Any], sizes: Sizes, reverse: bool) -> tuple[Any, ...]:
    h, c = states
    return lstm_layer(x, h, *params[:4], c, params[4], sizes=sizes, reverse=reverse)


def _gru_layer(x: Any, states: Sequence[Any], params: Sequence[Any], sizes: Sizes, reverse: bool) -> tuple[Any, ...]:
    return gru_layer(x, *states, *params[:4], sizes=sizes, reverse=reverse)


def _parameters_by_layer(params: Sequence[Any], has_biases: bool, count: int) -> list[list[Any]]:
    """The flat list of parameters as one of [W_ih, W_hh, b_ih, b_hh, W_hr] for each layer and direction, None for what is not
    there."""
    if not count or len(params) % count or len(params) // count - 2 * has_biases not in (2, 3):
        raise RuntimeError(
            f"expected 2 weights, {'2' if has_biases else 'no'} biases and perhaps a projection for each of {count} layers and "
            f"directions, got {len(params)} parameters"
        )
    size = len(params) // count
    groups = [list(params[k : k + size]) for k in range(0, len(params), size)]
    return [[*p[:2], *(p[2:4] if has_biases else (None, None)), p[-1] if size % 2 else None] for p in groups]


def _check_layer(x: Any, states: Sequence[Any], params: Sequence[Any], sizes: Sizes) -> None:
    """Raise unless input, states and weights of a layer fit one another."""
    w_ih, w_hh = params[:2]
    found = tuple(x.shape[1:]), tuple(w_ih.shape), tuple(w_hh.shape), tuple(states[0].shape)
    if found[0] != found[1][1:] or found[1][0] != found[2][0] or found[3] != (sizes[0], found[2][1]):
        raise ShapeError(
            f"a recurrent layer's input {tuple(x.shape)}, weights {found[1]} and {found[2]} and state {found[3]} do not fit: "
            f"expected a state of ({sizes[0]}, {found[2][1]}) and {found[1][1]} features"
        )


def _layers(
    layer: Layer,
    x: Any,
    sizes: Sizes,
    states: Sequence[Any],
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    p: float,
    train: bool,
    bidirectional: bool,
) -> tuple[Any, ...]:
    """Layers on top of each other, each in one direction or in both.

    Args:
        x: (rows, F). states: each (L, N, …).

    Returns:
        (rows, directions · P), and each state (L, N, …) as it is at the end.
    """
    directions = 2 if bidirectional else 1
    groups = _parameters_by_layer(params, has_biases, num_layers * directions)
    ends: list[tuple[Any, ...]] = []
    for number in range(num_layers):
        outputs = []
        for direction in range(directions):
            at = number * directions + direction
            here = [s[at] for s in states]
            _check_layer(x, here, groups[at], sizes)
            y, *end = layer(x, here, groups[at], sizes, direction == 1)
            outputs.append(y)
            ends.append(tuple(end))
        x = outputs[0] if directions == 1 else cat(outputs, 1)
        if p and train and number < num_layers - 1:
            x = dropout(x, p, True)
    return x, *(stack(list(of_state)) for of_state in zip(*ends, strict=True))


def _network(layer: Layer, args: tuple[Any, ...], several: bool = False) -> tuple[Any, ...]:
    """A whole network in either of PyTorch's two forms, see :func:`lstm`; ``several``: its state is of several tensors."""
    packed = len(args) > 3 and not isinstance(args[3], bool)  # has_biases or params
    if len(args) != 9:
        raise TypeError(
            "expected (input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first) or (data, "
            f"batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional), got {len(args)} arguments"
        )
    if packed:
        x, batch_sizes, hx, *settings = args
        y, *states = _layers(layer, x, tuple(map(int, batch_sizes)), hx if several else [hx], *settings)
        return y, *states
    x, hx, *settings, batch_first = args
    x = x.transpose(0, 1) if batch_first else x
    steps, count = x.shape[:2]  # (T, N, F)
    if steps == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    rows = x.reshape(steps * count, x.shape[2])
    y, *states = _layers(layer, rows, (count,) * steps, hx if several else [hx], *settings)
    y = y.reshape(steps, count, y.shape[1])
    return (y.transpose(0, 1) if batch_first else y), *states


def rnn_tanh(*args: Any) -> tuple[Tensor, Tensor]:
    """h' = tanh(W_ih · x + b_ih + W_hh · h + b_hh) at every step, in layers; arguments and results as of :func:`lstm`, with one
    tensor for ``hx``. What `nn.RNN` computes.

    Source: Elman 1990, "Finding structure in time".

    >>> import tinygrad_fm as torch
    >>> x, weights = torch.ones(4, 1, 3), [torch.ones(2, 3), torch.zeros(2, 2)]  # four steps of one sequence
    >>> y, h = torch.rnn_tanh(x, torch.zeros(1, 1, 2), weights, False, 1, 0.0, False, False, False)
    >>> y.shape, h
    (torch.Size([4, 1, 2]), tensor([[[0.9951, 0.9951]]]))
    """
    return _network(_rnn_layer(positive=False), args)


def rnn_relu(*args: Any) -> tuple[Tensor, Tensor]:
    """:func:`rnn_tanh` with relu in place of tanh.

    >>> import tinygrad_fm as torch
    >>> x, weights = torch.ones(4, 1, 3), [torch.ones(2, 3), torch.zeros(2, 2)]  # four steps of one sequence
    >>> y, h = torch.rnn_relu(x, torch.zeros(1, 1, 2), weights, False, 1, 0.0, False, False, False)
    >>> y.shape, h
    (torch.Size([4, 1, 2]), tensor([[[3., 3.]]]))
    """
    return _network(_rnn_layer(positive=True), args)


def lstm(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory, in layers. What `nn.LSTM` computes, and where its formulas stand.

    Called as ``lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)``, or of a packed
    sequence as ``lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)``.

    Args:
        input: (T, N, F), or (N, T, F) with ``batch_first``. data: (rows, F), batch_sizes: (T,), see ``rnn_kernels``.
        hx: the states at the start, h (L, N, P) and c (L, N, H), L being layers times directions.
        params: for each layer and direction W_ih (4H, F), W_hh (4H, P), b_ih and b_hh (4H,) with ``has_biases``, and W_hr
            (P, H) where the states are projected.
        dropout: the share of what goes from one layer to the next that is dropped, with ``train``.

    Returns:
        The last layer's outputs as the input, (…, directions · P), and h and c at the end.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory"; Gers et al. 2000, "Learning to forget", for the gate f;
    Sak et al. 2014, "Long short-term memory based recurrent neural network architectures", for W_hr.

    >>> import tinygrad_fm as torch
    >>> torch.nn.LSTM(2, 3)(torch.ones(4, 1, 2))[0].shape
    torch.Size([4, 1, 3])
    """
    return _network(_lstm_layer, args, several=True)


def gru(*args: Any) -> tuple[Tensor, Tensor]:
    """Gated recurrent units, in layers; arguments and results as of :func:`lstm`, with one tensor for ``hx``. What `nn.GRU`
    computes, and where its formulas stand.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    with r applied after the product, as in PyTorch and cuDNN.

    >>> import tinygrad_fm as torch
    >>> torch.nn.GRU(2, 3)(torch.ones(4, 1, 2))[0].shape
    torch.Size([4, 1, 3])
    """
    return _network(_gru_layer, args)


# -- cells -------------------------------------------------------------------------------------------------------------


def _cell(layer: Layer, input: Any, states: Sequence[Any], *params: Any) -> tuple[Any, ...]:
    """One step of ``layer``: the states after it."""
    w_ih, w_hh = params[:2]
    if input.shape[1] != w_ih.shape[1]:
        raise ShapeError(f"input has inconsistent input_size: got {input.shape[1]} expected {w_ih.shape[1]}")
    for k, state in enumerate(states):
        if len(state) != len(input):
            raise ShapeError(f"Input batch size {len(input)} doesn't match hidden{k} batch size {len(state)}")
        if state.shape[1] != w_hh.shape[1]:
            raise ShapeError(f"hidden{k} has inconsistent hidden_size: got {state.shape[1]}, expected {w_hh.shape[1]}")
    return layer(input, states, [*params, None], (len(input),), False)[1:]


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """One step of :func:`rnn_tanh`: tanh(W_ih · x + b_ih + W_hh · h + b_hh) for x (N, F) and h (N, H).

    >>> import tinygrad_fm as torch
    >>> torch.rnn_tanh_cell(torch.ones(1, 3), torch.zeros(1, 2), torch.zeros(2, 3), torch.zeros(2, 2))
    tensor([[0., 0.]])
    """
    return _cell(_rnn_layer(positive=False), input, [hx], w_ih, w_hh, b_ih, b_hh)[0]


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """One step of :func:`rnn_relu`.

    >>> import tinygrad_fm as torch
    >>> torch.rnn_relu_cell(torch.ones(1, 3), torch.zeros(1, 2), torch.zeros(2, 3), torch.zeros(2, 2))
    tensor([[0., 0.]])
    """
    return _cell(_rnn_layer(positive=True), input, [hx], w_ih, w_hh, b_ih, b_hh)[0]


def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> tuple[Tensor, Tensor]:
    """One step of :func:`lstm`: for x (N, F) and hx = (h, c), each (N, H), those after it.

    Raises:
        TypeError: ``hx`` is no pair.

    >>> import tinygrad_fm as torch
    >>> h, c = torch.lstm_cell(torch.ones(1, 3), (torch.zeros(1, 2), torch.zeros(1, 2)), torch.zeros(8, 3), torch.zeros(8, 2))
    >>> h.shape
    torch.Size([1, 2])
    """
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise TypeError(f"lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not {type(hx).__name__}")
    h, c = _cell(_lstm_layer, input, hx, w_ih, w_hh, b_ih, b_hh)
    return h, c


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """One step of :func:`gru` for x (N, F) and h (N, H).

    >>> import tinygrad_fm as torch
    >>> torch.gru_cell(torch.ones(1, 3), torch.zeros(1, 2), torch.zeros(6, 3), torch.zeros(6, 2))
    tensor([[0., 0.]])
    """
    return _cell(_gru_layer, input, [hx], w_ih, w_hh, b_ih, b_hh)[0]
