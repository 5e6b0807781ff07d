"""Recurrent networks: each kernel against its composition, gradients against finite differences, sequences of all lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.autograd import composed, grad, gradcheck, gradgradcheck
from tinygrad_fm.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence, unpack_sequence
from tinygrad_fm.ops import rnn_kernels as kernels

F, H, N = 3, 4, 3
CASES = [
    (name, sizes, reverse, bias)
    for name in ("rnn_tanh", "rnn_relu", "gru", "lstm", "lstm with projection")
    for sizes in ((3, 3, 3), (3, 2, 2, 1))
    for reverse in (False, True)
    for bias in (False, True)
]
IDS = [f"{name}-{sizes}-{'back' if reverse else 'forth'}-{'bias' if bias else 'plain'}" for name, sizes, reverse, bias in CASES]


def case(name: str, sizes: tuple[int, ...], reverse: bool, bias: bool, dtype: Any = np.float64) -> tuple[Any, list[Any]]:
    """A layer as a function of its inputs, and the inputs, those that a gradient goes to."""
    rng = np.random.default_rng(0)
    gates, p = {"gru": 3}.get(name, 4 if name.startswith("lstm") else 1), 2 if "projection" in name else H
    shapes = [(sum(sizes), F), (N, p), (gates * H, F), (gates * H, p)] + [(gates * H,)] * 2 * bias
    shapes += [(N, H)] * name.startswith("lstm") + [(p, H)] * ("projection" in name)
    leaves = [torch.tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True) for shape in shapes]

    def call(*given: Any) -> Any:
        params = [*given[2:4], *(given[4:6] if bias else (None, None))]
        rest = given[4 + 2 * bias :]
        if name.startswith("lstm"):
            c, w_hr = rest[0], rest[1] if "projection" in name else None
            return kernels.lstm_layer(*given[:2], *params, c, w_hr, sizes=sizes, reverse=reverse)
        if name == "gru":
            return kernels.gru_layer(*given[:2], *params, sizes=sizes, reverse=reverse)
        return kernels.rnn_layer(*given[:2], *params, positive=name == "rnn_relu", sizes=sizes, reverse=reverse)

    return call, leaves


def gradients(call: Any, leaves: list[Any], results: list[int] | None = None) -> list[Any]:
    """The results, and the gradients of a weighted sum of those with the numbers ``results``."""
    rng, found = np.random.default_rng(1), call(*leaves)
    weights = [torch.tensor(rng.standard_normal(tuple(y.shape)), dtype=y.dtype) for y in found]
    chosen = range(len(found)) if results is None else results
    total = sum((found[k] * weights[k]).sum() for k in chosen)
    return [*found, *grad(total, leaves, allow_unused=True)]


@pytest.mark.parametrize("case_", CASES, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_kernel_is_its_composition(case_: Any, dtype: Any) -> None:
    call, leaves = case(*case_, dtype=dtype)
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if dtype is np.float64 else {"rtol": 2e-4, "atol": 2e-5}
    for results in (None, [0], [1]):  # a gradient for all results, for the outputs only, for the last state only
        found = gradients(call, leaves, results)
        with composed():
            expected = gradients(call, leaves, results)
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **tolerance)


@pytest.mark.parametrize("case_", [c for c in CASES if c[1] == (3, 2, 2, 1) and c[3]], ids=lambda c: f"{c[0]}-{c[2]}")
def test_gradients_to_second_order(case_: Any) -> None:
    call, leaves = case(*case_)
    gradcheck(call, tuple(leaves))
    gradgradcheck(call, tuple(leaves))


@pytest.mark.parametrize("layer", [nn.RNN(3, 4), nn.GRU(3, 4, bidirectional=True), nn.LSTM(3, 4, 2, bidirectional=True)])
def test_a_packed_sequence_gives_what_each_sequence_gives_alone(layer: Any) -> None:
    sequences = [torch.randn(length, 3) for length in (2, 5, 1, 5)]
    packed, end = layer(pack_sequence(sequences, enforce_sorted=False))
    for k, (sequence, output) in enumerate(zip(sequences, unpack_sequence(packed), strict=True)):
        alone, last = layer(sequence)
        pairs = zip(end, last, strict=True) if isinstance(end, tuple) else [(end, last)]
        assert torch.allclose(output, alone, atol=1e-6)
        assert all(torch.allclose(state[:, k], single, atol=1e-6) for state, single in pairs)


def test_padding_is_never_read() -> None:
    layer, x = nn.LSTM(3, 4, batch_first=True), torch.randn(2, 4, 3)
    x[1, 2:] = float("nan")
    x.requires_grad_()
    padded, lengths = pad_packed_sequence(layer(pack_padded_sequence(x, [4, 2], True))[0], True, padding_value=7.0)
    assert lengths.tolist() == [4, 2] and (padded[1, 2:] == 7).all() and padded.isfinite().all()
    padded.sum().backward()
    assert x.grad[1, 2:].abs().sum() == 0 and layer.weight_ih_l0.grad.isfinite().all()


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_results_share_no_memory_and_what_backward_needs_is_its_own(name: str) -> None:
    """Writing into a result changes neither another result nor a gradient."""
    layer, x = getattr(nn, name)(3, 4), torch.randn(3, 2, 3)
    expected = grad(layer(x)[0].sum(), list(layer.parameters()))
    y, end = layer(x)
    last = end[0] if name == "LSTM" else end
    kept, total = last.clone(), y.sum()
    with torch.no_grad():
        y.fill_(100)
    assert torch.equal(last, kept)
    found = grad(total, list(layer.parameters()), retain_graph=True)
    again = grad(total, list(layer.parameters()))
    for a, b, c in zip(expected, found, again, strict=True):
        assert torch.equal(a, b) and torch.equal(a, c)


def test_dropout_lies_between_layers_and_only_in_training() -> None:
    layer, x = nn.GRU(4, 8, 3, dropout=0.5), torch.randn(6, 2, 4)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last"):
        single = nn.GRU(4, 8, dropout=0.5)
    assert torch.equal(single(x)[0], single(x)[0])


def test_a_cell_unrolled_is_its_layer() -> None:
    for name in ("RNN", "GRU", "LSTM"):
        layer, cell, x = getattr(nn, name)(3, 4), getattr(nn, f"{name}Cell")(3, 4), torch.randn(5, 2, 3)
        cell.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
        state, outputs = None, []
        for step in x:
            state = cell(step, state)
            outputs.append(state[0] if name == "LSTM" else state)
        assert torch.allclose(torch.stack(outputs), layer(x)[0], atol=1e-6)


def test_half_precision_and_no_sequences() -> None:
    y, (h, c) = nn.LSTM(3, 4, dtype=torch.float16)(torch.randn(2, 2, 3).half())
    assert y.dtype == h.dtype == c.dtype == torch.float16
    layer = nn.GRU(3, 4)
    y, _ = layer(torch.zeros(2, 0, 3))
    y.sum().backward()
    assert y.shape == (2, 0, 4) and layer.weight_hh_l0.grad.abs().sum() == 0


def test_wrong_arguments_of_the_functions_say_what_fits() -> None:
    x, h, w = torch.zeros(5, 2, 3), torch.zeros(1, 2, 4), [torch.zeros(4, 3), torch.zeros(4, 4)]
    settings = (False, 1, 0.0, False, False, False)
    with pytest.raises(RuntimeError, match=r"expected a state of \(2, 4\) and 3 features"):
        torch.rnn_tanh(x, torch.zeros(1, 2, 5), w, *settings)
    with pytest.raises(RuntimeError, match="got 3 parameters"):
        torch.gru(x, h, [*w, torch.zeros(4)], True, *settings[1:])
    with pytest.raises(TypeError, match="got 3 arguments"):
        torch.lstm(x, [h, h], w)
    with pytest.raises(TypeError, match="must be tuple of Tensors"):
        torch.lstm_cell(x[0], h[0], *w)
