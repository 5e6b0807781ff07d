"""Recurrent layers, and the cells that are one step of them.

Letters: N sequences, T steps, F = input_size, H = hidden_size, P = proj_size or else H, D = 2 if bidirectional or else 1,
L = num_layers. An input is (T, N, F), with ``batch_first`` (N, T, F), (T, F) for one sequence alone, or a `PackedSequence`.
"""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ..._tensor import Tensor
from ...ops import functions as ops
from .. import init
from ..parameter import Parameter, empty
from ..utils.rnn import PackedSequence
from .module import Module

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_NETWORKS: dict[str, Callable[..., Any]] = {
    "LSTM": ops.lstm,
    "GRU": ops.gru,
    "RNN_TANH": ops.rnn_tanh,
    "RNN_RELU": ops.rnn_relu,
}


def _reset(module: Any) -> None:
    bound = 1 / math.sqrt(module.hidden_size) if module.hidden_size > 0 else 0.0
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)


class RNNBase(Module):
    """What `RNN`, `LSTM` and `GRU` share.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        input_size: F. hidden_size: H.
        num_layers: how many layers, each reading the outputs of the one before.
        bias: whether b_ih and b_hh are there.
        batch_first: inputs and outputs are (N, T, …); states are not.
        dropout: the share of each layer's outputs but the last's that is dropped in training.
        bidirectional: whether each layer reads the sequences backwards too; its outputs stand behind the others.
        proj_size: P, the size to which h is projected at every step; 0 for no projection. LSTM only.
        device: "cpu". dtype: of the parameters.

    Attributes:
        weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0: of the first layer, (gates · H, F), (gates · H, P),
            (gates · H,) twice and (P, H); ``_l1`` of the second, of which F is D · P, and so on; ``_reverse`` at the end for
            the other direction. All start uniform in ±1/√H.

    Example:
        >>> from tinygrad_fm.nn.modules.rnn import RNNBase
        >>> rnn = RNNBase("GRU", 3, 4)
        >>> {name: tuple(p.shape) for name, p in rnn.named_parameters() if name.startswith("weight")}
        {'weight_ih_l0': (12, 3), 'weight_hh_l0': (12, 4)}
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_arguments(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._all_weights: list[list[str]] = []
        gates, real_size = _GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[: self._directions]:
                features = real_size * self._directions if layer else input_size
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, features), "weight_hh": (gates, real_size)}
                if bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                named = {f"{name}_l{layer}{suffix}": shape for name, shape in shapes.items()}
                for name, shape in named.items():
                    setattr(self, name, Parameter(empty(shape, device, dtype)))
                self._all_weights.append(list(named))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, a list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [weight for weights in self.all_weights for weight in weights]

    def reset_parameters(self) -> None:
        """Draw all parameters anew, in their order, uniformly from ±1/√H."""
        _reset(self)

    def flatten_parameters(self) -> None:
        """Does nothing; on a GPU PyTorch puts the weights side by side."""

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise unless ``input``, batched or packed, fits the weights."""
        dtype = self._flat_weights[0].dtype
        if input.dtype != dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). Convert input: input.to({dtype}), or "
                f"convert model: model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.ndim != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.ndim}")
        if self.input_size != input.shape[-1]:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}")

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape of h, (L · D, N, P), for ``input``."""
        return self._expected(input, batch_sizes, self.proj_size or self.hidden_size)

    def _expected(self, input: Tensor, batch_sizes: Tensor | None, size: int) -> tuple[int, int, int]:
        count = int(batch_sizes[0]) if batch_sizes is not None else input.shape[0 if self.batch_first else 1]
        return self.num_layers * self._directions, count, size

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: tuple[int, int, int], msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Raise unless the state ``hx`` has that shape."""
        if tuple(hx.shape) != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise unless input and states fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The states in another order of the sequences."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def _zeros(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        """The states to start from where none are given."""
        return ops.zeros(*self.get_expected_hidden_size(input, batch_sizes), dtype=input.dtype)

    def _batched(self, hx: Any, batched: bool) -> Any:
        """The states that were given, (L · D, N, P), or (L · D, P) for one sequence, with N."""
        if hx.ndim != 2 + batched:
            kind, dims = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
            raise RuntimeError(f"For {kind} input, hx should also be {dims}-D but got {hx.ndim}-D tensor")
        return hx if batched else hx.unsqueeze(1)

    def _ends(self, states: Sequence[Tensor], batched: bool) -> Any:
        """The states at the end as they are returned."""
        return states[0] if batched else states[0].squeeze(1)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Read ``input`` (see the head of this module) from the states ``hx`` on, or from zeros.

        Returns:
            The last layer's outputs, (T, N, D · P) in the form of the input, and the states at the end, in that of ``hx``.
        """
        if isinstance(input, PackedSequence):
            return self._read_packed(input, hx)
        if input.ndim not in (2, 3):
            name, what = self.mode[:4].rstrip("_"), " tensor" if self.mode.startswith("RNN") else ""
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.ndim}D{what} instead")
        batched, batch_dim = input.ndim == 3, 0 if self.batch_first else 1
        if not batched:
            input = input.unsqueeze(batch_dim)
        hx = self._zeros(input, None) if hx is None else self._batched(hx, batched)
        self.check_forward_args(input, hx, None)
        output, *states = self._run((input, hx), self.batch_first)
        return (output if batched else output.squeeze(batch_dim)), self._ends(states, batched)

    def _read_packed(self, packed: PackedSequence, hx: Any) -> Any:
        data, batch_sizes, order, back = packed
        hx = self._zeros(data, batch_sizes) if hx is None else self.permute_hidden(hx, order)
        self.check_forward_args(data, hx, batch_sizes)
        output, *states = self._run((data, batch_sizes, hx))
        return PackedSequence(output, batch_sizes, order, back), self.permute_hidden(self._ends(states, True), back)

    def _run(self, inputs: tuple[Any, ...], *last: bool) -> tuple[Tensor, ...]:
        """The operation with what stands before the settings, and after them ``batch_first``, if the input is not packed."""
        settings = (self._flat_weights, self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        return _NETWORKS[self.mode](*inputs, *settings, *last)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, default in (("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False)):
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        if self.dropout:
            text += f", dropout={self.dropout}"
        return text + (", bidirectional=True" if self.bidirectional else "")


def _check_arguments(
    mode: str, input_size: Any, hidden_size: Any, num_layers: int, bias: Any, batch_first: Any, dropout: Any, proj_size: int
) -> None:
    if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:  # type: ignore[operator]
        raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being zeroed")
    if dropout > 0 and num_layers == 1:  # type: ignore[operator]
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater "
            f"than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    for name, value, kind in (
        ("bias", bias, bool),
        ("batch_first", batch_first, bool),
        ("input_size", input_size, int),
        ("hidden_size", hidden_size, int),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if mode not in _GATES:
        raise ValueError("Unrecognized RNN mode: " + mode)


def _no_projection(settings: dict[str, Any]) -> None:
    if "proj_size" in settings:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """h_t = tanh(W_ih · x_t + b_ih + W_hh · h_{t−1} + b_hh) at every step of a sequence, in layers.

    Args:
        input_size, hidden_size, num_layers: as of `RNNBase`. nonlinearity: "tanh" or "relu", the fourth argument.
        bias, batch_first, dropout, bidirectional, device, dtype: as of `RNNBase`.

    Shapes: (T, N, F) and h (L · D, N, H), which may be left out → (T, N, D · H) and h at the end. See the head of the module.

    Raises:
        ValueError: ``nonlinearity`` is neither "tanh" nor "relu".

    Source: Elman 1990, "Finding structure in time".

    Example:
        >>> import tinygrad_fm as torch
        >>> output, h = torch.nn.RNN(10, 20, 2)(torch.randn(5, 3, 10))
        >>> tuple(output.shape), tuple(h.shape)
        ((5, 3, 20), (2, 3, 20))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_projection(kwargs)
        nonlinearity = args[3] if len(args) > 3 else kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__("RNN_" + nonlinearity.upper(), *args[:3], *args[4:], **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory: at every step of a sequence, in layers,

        i = σ(W_ii · x + b_ii + W_hi · h + b_hi)        what of g enters the cell
        f = σ(W_if · x + b_if + W_hf · h + b_hf)        what of the cell stays
        g = tanh(W_ig · x + b_ig + W_hg · h + b_hg)
        o = σ(W_io · x + b_io + W_ho · h + b_ho)        what of the cell shows
        c' = f · c + i · g
        h' = o · tanh(c'), or with a projection W_hr · (o · tanh(c'))

    The weights' rows are those of i, f, g and o, in this order.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype: see `RNNBase`.

    Shapes: (T, N, F) and a pair of h (L · D, N, P) and c (L · D, N, H), which may be left out → (T, N, D · P) and that pair at
    the end. See the head of the module.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory"; for f Gers et al. 2000, "Learning to forget".

    Example:
        >>> import tinygrad_fm as torch
        >>> output, (h, c) = torch.nn.LSTM(10, 20, batch_first=True, bidirectional=True)(torch.randn(3, 5, 10))
        >>> tuple(output.shape), tuple(h.shape), tuple(c.shape)
        ((3, 5, 40), (2, 3, 20), (2, 3, 20))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape of c, (L · D, N, H), for ``input``."""
        return self._expected(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        self.check_input(input, batch_sizes)
        for k, expected in enumerate((self.get_expected_hidden_size, self.get_expected_cell_size)):
            self.check_hidden_size(hidden[k], expected(input, batch_sizes), f"Expected hidden[{k}] size {{}}, got {{}}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        return hx if permutation is None else tuple(state.index_select(1, permutation) for state in hx)

    def _zeros(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        shapes = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        return tuple(ops.zeros(*shape, dtype=input.dtype) for shape in shapes)

    def _batched(self, hx: Any, batched: bool) -> Any:
        if any(state.ndim != 2 + batched for state in hx):
            kind, dims = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {dims}-D but got ({hx[0].ndim}-D, {hx[1].ndim}-D) tensors"
            )
        return hx if batched else tuple(state.unsqueeze(1) for state in hx)

    def _ends(self, states: Sequence[Tensor], batched: bool) -> Any:
        return tuple(state if batched else state.squeeze(1) for state in states)


class GRU(RNNBase):
    """Gated recurrent units: at every step of a sequence, in layers,

        r = σ(W_ir · x + b_ir + W_hr · h + b_hr)        how much of h enters n
        z = σ(W_iz · x + b_iz + W_hz · h + b_hz)        how much of h stays
        n = tanh(W_in · x + b_in + r · (W_hn · h + b_hn))
        h' = (1 − z) · n + z · h

    The weights' rows are those of r, z and n, in this order.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype: as of `RNNBase`.

    Shapes: (T, N, F) and h (L · D, N, H), which may be left out → (T, N, D · H) and h at the end. See the head of the module.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    with r applied after the product, as in PyTorch and cuDNN.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> output, h = nn.GRU(10, 20, batch_first=True)(torch.randn(3, 5, 10))
        >>> output.shape, h.shape
        (torch.Size([3, 5, 20]), torch.Size([1, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)


# -- cells -------------------------------------------------------------------------------------------------------------


class RNNCellBase(Module):
    """What the cells share: input_size F, hidden_size H, bias, num_chunks (how many gates), device, dtype.

    Attributes:
        weight_ih, weight_hh: (num_chunks · H, F) and (num_chunks · H, H); bias_ih, bias_hh: (num_chunks · H,) or None. All
            start uniform in ±1/√H.

    Example:
        >>> from tinygrad_fm.nn.modules.rnn import RNNCellBase
        >>> cell = RNNCellBase(3, 4, bias=True, num_chunks=2)
        >>> tuple(cell.weight_ih.shape), tuple(cell.bias_hh.shape)
        ((8, 3), (8,))
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device, dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device, dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty((rows,), device, dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, in their order, uniformly from ±1/√H."""
        _reset(self)

    def _step(self, cell: Callable[..., Any], input: Tensor, states: Sequence[Tensor] | None, count: int = 1) -> list[Tensor]:
        """The states (N, H), or (H,) for a single sequence, after one step from ``states``, or from ``count`` of zeros."""
        name, several = type(self).__name__, count > 1
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        for k, state in enumerate(states or ()):
            if state.ndim not in (1, 2):
                what = f"hx[{k}]" if several else "hidden"
                raise ValueError(f"{name}: Expected {what} to be 1D or 2D, got {state.ndim}D instead")
        batched = input.ndim == 2
        if not batched:
            input, states = input.unsqueeze(0), states and [state.unsqueeze(0) for state in states]
        if states is None:
            states = [ops.zeros(input.shape[0], self.hidden_size, dtype=input.dtype)] * count
        hx = states if several else states[0]
        found = cell(input, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return [state if batched else state.squeeze(0) for state in (found if several else [found])]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}" + (f", bias={self.bias}" if self.bias is not True else "")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text + (f", nonlinearity={nonlinearity}" if nonlinearity != "tanh" else "")


class RNNCell(RNNCellBase):
    """One step of `RNN`: x (N, F) or (F,) and h (N, H) or (H,), zeros if left out → h'.

    Args: input_size; hidden_size; bias; nonlinearity, "tanh" or "relu"; device; dtype.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.RNNCell(10, 20)(torch.randn(3, 10)).shape
        torch.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after ``input``."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        cell = ops.rnn_tanh_cell if self.nonlinearity == "tanh" else ops.rnn_relu_cell
        return self._step(cell, input, None if hx is None else [hx])[0]


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: x (N, F) or (F,) and a pair of h and c, (N, H) or (H,), zeros if left out → (h', c').

    Args: input_size; hidden_size; bias; device; dtype.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> h, c = nn.LSTMCell(10, 20)(torch.randn(3, 10))
        >>> h.shape, c.shape
        (torch.Size([3, 20]), torch.Size([3, 20]))
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The states after ``input``."""
        h, c = self._step(ops.lstm_cell, input, hx, 2)
        return h, c


class GRUCell(RNNCellBase):
    """One step of `GRU`: x (N, F) or (F,) and h (N, H) or (H,), zeros if left out → h'.

    Args: input_size; hidden_size; bias; device; dtype.

    Example:
        >>> import tinygrad_fm as torch
        >>> from tinygrad_fm import nn
        >>> nn.GRUCell(10, 20)(torch.randn(3, 10)).shape
        torch.Size([3, 20])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after ``input``."""
        return self._step(ops.gru_cell, input, None if hx is None else [hx])[0]
