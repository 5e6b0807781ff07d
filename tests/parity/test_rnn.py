"""Recurrent layers and packed sequences against PyTorch: its own module samples to second order, packed inputs, errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    modules = pytest.importorskip("torch.testing._internal.common_modules")

import tinygrad_fm  # noqa: E402
from tinygrad_fm.nn.utils import rnn as our_utils  # noqa: E402

from .harness import Converter  # noqa: E402

LAYERS = ["RNN", "GRU", "LSTM"]
CELLS = ["RNNCell", "GRUCell", "LSTMCell"]
INFOS = [info for info in modules.module_db if info.name.removeprefix("nn.") in LAYERS + CELLS]


def flat(value: Any) -> list[Any]:
    return [x for part in value for x in flat(part)] if isinstance(value, (tuple, list)) else [value]


def ours_of(module: Any, *args: Any, **kwargs: Any) -> Any:
    """Our module of the same class and arguments, with the weights of PyTorch's ``module``."""
    made = getattr(tinygrad_fm.nn, type(module).__name__)(*args, **kwargs).to(tinygrad_fm.float64)
    made.load_state_dict(module.state_dict())
    return made.train(module.training)


def derivatives(library: Any, results: list[Any], leaves: list[Any]) -> list[Any]:
    """First and second derivatives of a weighted sum of the results."""
    rng = np.random.default_rng(0)
    weights = [library.tensor(rng.standard_normal(tuple(y.shape))) for y in results]
    first = library.autograd.grad(
        sum((y * w).sum() for y, w in zip(results, weights, strict=True)), leaves, create_graph=True, allow_unused=True
    )
    squares = sum((g * g).sum() for g in first if g is not None and g.requires_grad)
    second = library.autograd.grad(squares, leaves, allow_unused=True)
    plain = [y.detach() for y in results]
    return [*plain, *first, *second]


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-7, atol=1e-9, strict=True)


@pytest.mark.parametrize("info", INFOS, ids=[info.name for info in INFOS])
@pytest.mark.parametrize("training", [True, False])
def test_module_samples_to_second_order(info: Any, training: bool) -> None:
    torch.manual_seed(0)
    samples = info.module_inputs_func(info, "cpu", torch.float64, requires_grad=True, training=training)
    assert samples
    for sample in samples:
        made, called = sample.constructor_input, sample.forward_input
        theirs = info.module_cls(*made.args, **made.kwargs).double().train(training)
        mine = ours_of(theirs, *made.args, **made.kwargs)
        assert repr(mine) == repr(theirs)
        converter = Converter()
        args = converter(called.args)
        pairs = list(converter.pairs)
        ours = derivatives(tinygrad_fm, flat(mine(*args)), [*(b for _, b in pairs), *mine.parameters()])
        assert_same(ours, derivatives(torch, flat(theirs(*called.args)), [*(a for a, _ in pairs), *theirs.parameters()]))


PACKED: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu", "bidirectional": True}),
    ("LSTM", {"num_layers": 2, "bidirectional": True}),
    ("LSTM", {"proj_size": 2, "bidirectional": True, "bias": False}),
    ("GRU", {"num_layers": 2, "bidirectional": True}),
    ("GRU", {"batch_first": True}),
]


@pytest.mark.parametrize(("name", "options"), PACKED, ids=[f"{name}-{'-'.join(options)}" for name, options in PACKED])
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [2, 5, 1, 5], [3, 3, 3, 3]])
@pytest.mark.parametrize("given", [False, True], ids=["from zeros", "from given states"])
def test_packed_sequences_to_second_order(name: str, options: dict[str, Any], lengths: list[int], given: bool) -> None:
    torch.manual_seed(1)
    theirs = getattr(torch.nn, name)(3, 4, **options).double()
    mine = ours_of(theirs, 3, 4, **options)
    rng = np.random.default_rng(1)
    rows = theirs.num_layers * (2 if theirs.bidirectional else 1)
    sizes = [theirs.proj_size or 4, 4][: 1 + (name == "LSTM")]
    arrays = [rng.standard_normal((5, 4, 3)), *(rng.standard_normal((rows, 4, n)) for n in sizes if given)]
    found = []
    for library, module in ((tinygrad_fm, mine), (torch, theirs)):
        leaves = [library.tensor(a, requires_grad=True) for a in arrays]
        x, states = leaves[0], leaves[1:]
        utils = library.nn.utils.rnn
        packed = utils.pack_padded_sequence(x, lengths, enforce_sorted=False)
        y, end = module(packed, *([tuple(states)] if len(states) > 1 else states))
        padded, back = utils.pad_packed_sequence(y, batch_first=True, padding_value=0.5)
        assert back.tolist() == lengths
        found.append(derivatives(library, flat([padded, end]), [*leaves, *module.parameters()]))
    assert_same(*found)


@pytest.mark.parametrize("name", ["rnn_tanh", "rnn_relu", "gru", "lstm"])
def test_functions_take_both_of_pytorchs_forms(name: str) -> None:
    rng = np.random.default_rng(2)
    gates, several = {"gru": 3, "lstm": 4}.get(name, 1), name == "lstm"
    arrays = [rng.standard_normal((4, 3, 2)), rng.standard_normal((12, 2)), rng.standard_normal((2, 3, 5))]
    params = [rng.standard_normal((gates * 5, n)) for n in (2, 5)] + [rng.standard_normal((gates * 5, n)) for n in (5, 5)]
    found = []
    for library in (tinygrad_fm, torch):
        x, data, h = (library.tensor(a) for a in arrays)
        hx, weights, function = [h, h] if several else h, [library.tensor(p) for p in params], getattr(library, name)
        plain = function(x, hx, weights, False, 2, 0.0, False, False, False)
        packed = function(data, library.tensor([3, 3, 3, 3]), hx, weights, False, 2, 0.0, False, False)
        cell = getattr(library, f"{name}_cell")
        state = [h[0], h[0]] if several else h[0]
        found.append(flat([plain, packed, cell(x[0], tuple(state) if several else state, weights[0], weights[1])]))
    assert_same(*found)


ROWS = """
nn.LSTM(3,4)(T.zeros(0,2,3)) | nn.LSTM(3,4)(T.zeros(2,0,3))[0].shape | nn.LSTM(3,4)(T.zeros(2,2,5))
nn.LSTM(3,4)(T.zeros(2,2,3),(T.zeros(1,2,4),T.zeros(1,2,5))) | nn.LSTM(3,4)(T.zeros(2,2,3),(T.zeros(1,4),T.zeros(1,4)))
nn.LSTM(3,4)(T.zeros(2,3),(T.zeros(1,1,4),T.zeros(1,1,4))) | nn.LSTM(3,4)(T.zeros(2,2,2,3)) | nn.GRU(3,4)(T.zeros(3))
nn.GRU(3,4)(T.zeros(2,3),T.zeros(1,1,4)) | nn.GRU(3,4)(T.zeros(2,2,3),T.zeros(1,4)) | nn.RNN(3,4)(T.zeros(2,2,3,1))
nn.RNN(3,4)(T.zeros(2,2,3),T.zeros(1,3,4)) | nn.RNN(3,4)(T.zeros(2,2,3,dtype=T.float64)) | nn.RNN(3,4)(T.zeros(2,2,5))
nn.RNN(3,4)(T.zeros(2,2,3),T.zeros(1,2,4,dtype=T.float64)) | nn.RNN(3,4)(T.zeros(2,3))[1].shape
nn.LSTM(3,4)(T.zeros(2,3),(T.zeros(1,4),T.zeros(1,4)))[1][1].shape | nn.GRU(3,4,batch_first=True)(T.zeros(2,3))[0].shape
nn.GRU(3,4,batch_first=True)(T.zeros(2,5,3))[1].shape | nn.LSTM(3,4,proj_size=2)(T.zeros(2,5,3))[1][0].shape
nn.LSTM(3,4,proj_size=4) | nn.LSTM(3,4,proj_size=-1) | nn.LSTM(0,4) | nn.LSTM(3,0) | nn.LSTM(3,4,dropout=2) | nn.LSTM(3)
nn.LSTM(3,4,dropout=True) | nn.LSTM(3,4,bias=1) | nn.LSTM(3,4,batch_first=1) | nn.LSTM(3.,4) | nn.LSTM(3,4.) | nn.RNN(3,4,0)
nn.RNN(3,4,nonlinearity="x") | nn.RNN(3,4,proj_size=2) | nn.GRU(3,4,proj_size=2) | nn.RNNBase("X",3,4) | nn.LSTM(3,4,foo=1)
nn.RNN(3,4,2,"relu",False) | nn.LSTM(3,4,2,False,True,0.5,True,2) | nn.RNNCell(3,4,False,"relu") | nn.GRUCell(3,4,bias=False)
nn.RNNCell(3,4,nonlinearity="x")(T.zeros(2,3)) | nn.RNNCell(3,4)(T.zeros(2,5)) | nn.RNNCell(3,4)(T.zeros(2,3),T.zeros(3,4))
nn.RNNCell(3,4)(T.zeros(1,2,3)) | nn.RNNCell(3,4)(T.zeros(2,3),T.zeros(1,2,4)) | nn.GRUCell(3,4)(T.zeros(2,3),T.zeros(2,5))
nn.GRUCell(3,4)(T.zeros(3),T.zeros(4)).shape | nn.GRUCell(3,4)(T.zeros(0,3)).shape | nn.LSTMCell(3,4)(T.zeros(3))[1].shape
nn.LSTMCell(3,4)(T.zeros(2,3),(T.zeros(2,4),T.zeros(2,5))) | nn.LSTMCell(3,4)(T.zeros(2,3),(T.zeros(1,2,4),T.zeros(2,4)))
nn.GRUCell(3,4)(T.zeros(1,2,3)) | nn.LSTMCell(3,4)(T.zeros(1,2,3)) | nn.LSTMCell(3,4)(T.zeros(2,5))
R.pack_padded_sequence(T.zeros(3,2,3),[3]) | R.pack_padded_sequence(T.zeros(3,2,3),[2,3]) | R.pack_sequence([])
R.pack_padded_sequence(T.zeros(3,2,3),[3,0]) | R.pack_padded_sequence(T.zeros(3,2,3),[[3,2]]) | R.pad_sequence([])
R.pack_padded_sequence(T.zeros(0,2,3),[3,2]) | R.pack_padded_sequence(T.zeros(3),[3]) | R.pad_sequence(3)
R.pack_padded_sequence(T.arange(6).view(3,2),[2,1]) | R.pack_padded_sequence(T.arange(6).view(2,3),[1,3],True,False)
R.pack_padded_sequence(T.arange(12).view(3,2,2),T.tensor([1,3]),enforce_sorted=False) | R.pad_sequence([T.ones(2),T.ones(3,2)])
R.pad_packed_sequence(R.pack_padded_sequence(T.zeros(3,2,3),[2,1]),total_length=1) | R.pad_sequence([T.ones(2,3),T.ones(3,2)])
R.pad_packed_sequence(R.pack_padded_sequence(T.arange(6).view(3,2),[2,1]),True,7,4) | R.pad_sequence(T.ones(2,3))
R.pad_packed_sequence(R.pack_sequence([T.ones(1,2),T.ones(3,2)],enforce_sorted=False)) | R.invert_permutation(None)
R.pad_sequence([T.ones(2,3),T.ones(3,3)],padding_side="up") | R.pad_sequence([T.ones(2),T.ones(3)],padding_side="left")
R.pad_sequence([T.ones(2).long(),T.ones(3).long()],padding_value=1.5) | R.pack_sequence([T.ones(2,3),T.ones(3,3)])
R.pad_sequence([T.ones(2).long(),T.ones(3)],True,2.5) | R.unpad_sequence(T.arange(6).view(3,2),T.tensor([3,1]))
R.unpad_sequence(T.arange(6).view(2,3),T.tensor([3,1]),True) | R.unpad_sequence(T.ones(3,2),T.tensor([3]))
R.unpack_sequence(R.pack_sequence([T.tensor([6]),T.tensor([1,2,3])],enforce_sorted=False)) | R.pad_packed_sequence(T.zeros(2))
R.PackedSequence(T.arange(3),T.tensor([2,1])) | R.PackedSequence((T.arange(3),T.tensor([2,1]))) | R.PackedSequence(T.zeros(3))
R.PackedSequence(T.arange(3),T.tensor([2,1]),T.tensor([1,0])).double() | R.invert_permutation(T.tensor([2,0,1]))
R.PackedSequence(T.ones(3),T.tensor([2,1])).to(T.int32) | R.PackedSequence(T.ones(3),T.tensor([2,1])).is_cuda
nn.RNN(3,4)(R.PackedSequence(T.zeros(3,3),T.tensor([2,1])),T.zeros(1,3,4)) | nn.LSTM(3,4).all_weights[0][0].shape
nn.RNN(3,4)(R.PackedSequence(T.zeros(3,4),T.tensor([2,1]))) | nn.RNN(3,4)(R.PackedSequence(T.zeros(3,3,3),T.tensor([2,1])))
nn.LSTM(3,4)(R.PackedSequence(T.zeros(3,3),T.tensor([2,1])))[0].batch_sizes | nn.LSTM(3,4,2,bidirectional=True)
"""
EXPRESSIONS = [row.strip() for line in ROWS.strip().splitlines() for row in line.split(" | ")]


def evaluate(library: Any, expression: str) -> Any:
    return eval(expression, {"T": library, "nn": library.nn, "R": library.nn.utils.rnn})


@pytest.mark.filterwarnings("ignore:dropout option:UserWarning", "ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_arguments_and_errors(expression: str) -> None:
    try:
        expected = evaluate(torch, expression)
    except Exception as error:
        with pytest.raises((type(error), RuntimeError) if isinstance(error, IndexError) else type(error)) as caught:
            evaluate(tinygrad_fm, expression)
        if "dtype" not in str(error) and type(error) in (RuntimeError, ValueError) and "zip()" not in str(error):
            said, says = str(caught.value), str(error)
            assert said.startswith(says[:25]) or "size of tensor" in says or "1D CPU" in said, (said, says)
        return
    found = evaluate(tinygrad_fm, expression)
    compared = repr if isinstance(expected, torch.nn.Module) else lambda value: repr(value).replace("torch.Size", "")
    assert compared(found) == compared(expected)


def test_a_length_beyond_the_steps_is_refused() -> None:
    with pytest.raises(RuntimeError, match="a length of 4, but the input"):  # PyTorch drops rows silently
        our_utils.pack_padded_sequence(tinygrad_fm.zeros(3, 2, 3), [4, 2])


@pytest.mark.parametrize("name", [*LAYERS, *CELLS])
def test_initial_values_are_drawn_in_pytorchs_order(name: str) -> None:
    """The same stream of uniform draws gives the same weights, once for each parameter in its order."""
    options = {} if name in CELLS else {"num_layers": 2, "bidirectional": True}
    mine, theirs = getattr(tinygrad_fm.nn, name)(3, 4, **options), getattr(torch.nn, name)(3, 4, **options)
    shapes = [(key, tuple(p.shape)) for key, p in mine.named_parameters()]
    assert shapes == [(key, tuple(p.shape)) for key, p in theirs.named_parameters()]
    tinygrad_fm.manual_seed(3)
    mine.reset_parameters()
    tinygrad_fm.manual_seed(3)
    for _, parameter in mine.named_parameters():
        expected = tinygrad_fm.nn.init.uniform_(tinygrad_fm.empty(*parameter.shape), -0.5, 0.5)
        np.testing.assert_array_equal(parameter.detach().numpy(), expected.numpy())
