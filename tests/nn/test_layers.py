"""Layers, losses, initial values and the helpers of nn.utils, without PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm import tensor as tensor_of
from tinygrad_fm.nn import functional as F
from tinygrad_fm.nn import init
from tinygrad_fm.random import Generator


def tensor(values, dtype=np.float32):
    return tensor_of(np.array(values, dtype))


def parameter(*shape, dtype=np.float32):
    return nn.Parameter(tensor_of(np.zeros(shape, dtype)))


# ---- layers ----------------------------------------------------------------------------------------------------------


def test_linear():
    layer = nn.Linear(3, 2)
    x = tensor([[1, 2, 3]])
    expected = x._array @ layer.weight._array.T + layer.bias._array
    np.testing.assert_allclose(layer(x)._array, expected, rtol=1e-6)
    assert layer(tensor_of(np.ones((4, 5, 3), np.float32))).shape == (4, 5, 2)
    assert nn.Linear(3, 2, bias=False).bias is None
    assert nn.Linear(3, 2, dtype=torch.float64).weight.dtype == torch.float64
    assert nn.Linear(0, 2).bias.tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError):
        nn.Linear(3, 2, device="cuda")
    assert abs(nn.Linear(100, 200).weight.detach().numpy()).max() <= 0.1
    with pytest.raises(RuntimeError, match="shape"):
        layer(tensor([1, 2]))


def test_shapes():
    x = tensor_of(np.zeros((2, 3, 4, 5)))
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten(0, 1)(x).shape == (6, 4, 5)
    assert nn.Unflatten(1, (3, -1))(nn.Flatten()(x)).shape == (2, 3, 20)
    assert nn.Unflatten(-1, (5, 1))(x).shape == (2, 3, 4, 5, 1)
    assert nn.Identity("anything", at=1)(x) is x


def test_dropout_trains_only_in_training():
    layer, x = nn.Dropout(0.25), tensor_of(np.ones(40_000, np.float32))
    y = layer(x).detach().numpy()
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert abs(y.mean() - 1) < 0.02
    np.testing.assert_array_equal(layer.eval()(x).numpy(), x.numpy())
    assert nn.Dropout(1.0)(x).numpy().sum() == 0
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match=f"between 0 and 1, but got {wrong}"):
            nn.Dropout(wrong)
        with pytest.raises(ValueError, match="between 0 and 1"):
            F.dropout(x, wrong)


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5)])
def test_batch_norm_moves_its_statistics(shape):
    layer = nn.BatchNorm1d(3, momentum=0.25)
    axes = (0, *range(2, len(shape)))
    rng = np.random.default_rng(0)
    mean, var = np.zeros(3), np.ones(3)
    for _ in range(3):
        x = rng.standard_normal(shape).astype(np.float32) * 3 + 1
        y = layer(tensor_of(x)).detach().numpy()
        np.testing.assert_allclose(y.mean(axes), 0, atol=1e-6)
        np.testing.assert_allclose(y.var(axes), 1, atol=1e-4)
        mean, var = 0.75 * mean + 0.25 * x.mean(axes), 0.75 * var + 0.25 * x.var(axes, ddof=1)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 3
    frozen = layer.running_mean.numpy().copy()
    layer.eval()(tensor_of(x))
    np.testing.assert_array_equal(layer.running_mean.numpy(), frozen)
    layer.reset_running_stats()
    assert layer.running_var.tolist() == [1.0] * 3
    assert layer.num_batches_tracked.item() == 0


def test_batch_norm_refuses():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match=r"more than 1 value per channel when training, got input size .*\[1, 3\]"):
        layer(tensor_of(np.ones((1, 3), np.float32)))
    with pytest.raises(ValueError, match=r"expected 2D or 3D input \(got 1D input\)"):
        layer(tensor_of(np.ones(3, np.float32)))
    with pytest.raises(RuntimeError, match="running_mean should contain 4 elements not 3"):
        layer(tensor_of(np.ones((2, 4), np.float32)))
    with pytest.raises(RuntimeError, match="running_mean and running_var must be given"):
        F.batch_norm(tensor_of(np.ones((2, 4))), None, None)
    assert layer.eval()(tensor_of(np.ones((1, 3), np.float32))).shape == (1, 3)


def test_batch_norm_composition_is_differentiable_twice():
    rng = np.random.default_rng(0)
    x = tensor_of(rng.standard_normal((5, 2)), requires_grad=True)
    w, b = (tensor_of(rng.standard_normal(2), requires_grad=True) for _ in range(2))
    torch.autograd.gradcheck(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (x, w, b))
    torch.autograd.gradgradcheck(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (x, w, b))


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
        (nn.Tanh(), np.tanh),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Softmax(dim=0), lambda x: np.exp(x) / np.exp(x).sum(0)),
        (nn.LogSoftmax(dim=1), lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
        (nn.GELU(approximate="tanh"), lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
        (nn.GELU(), lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))),
    ],
)
def test_activations(layer, function):
    x = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_allclose(layer(tensor_of(x)).detach().numpy(), function(x), rtol=1e-6, atol=1e-12)


def test_softmax_without_dimension_warns():
    with pytest.warns(UserWarning, match="dim"):
        assert nn.Softmax()(tensor([[1, 1]])).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("layer", [nn.ReLU(inplace=True), nn.LeakyReLU(0.5, inplace=True)])
def test_in_place_activations(layer):
    x = tensor([-2.0, 3.0]).requires_grad_()
    y = x * 1
    z = layer(y)
    assert z is y
    z.sum().backward()
    assert x.grad.tolist() == [getattr(layer, "negative_slope", 0.0), 1.0]


# ---- losses ----------------------------------------------------------------------------------------------------------


def test_losses():
    logits, labels = tensor([[1, 2, 3], [0, 0, 0]]), tensor_of(np.array([2, 0], np.int64))
    logp = np.log(np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True))
    expected = -logp[[0, 1], [2, 0]]
    np.testing.assert_allclose(nn.CrossEntropyLoss()(logits, labels).item(), expected.mean(), rtol=1e-6)
    np.testing.assert_allclose(nn.CrossEntropyLoss(reduction="none")(logits, labels).numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(nn.NLLLoss(reduction="sum")(tensor_of(logp), labels).item(), expected.sum(), rtol=1e-6)
    weighted = nn.CrossEntropyLoss(weight=tensor([1, 0, 3]))
    np.testing.assert_allclose(weighted(logits, labels).item(), (3 * expected[0] + expected[1]) / 4, rtol=1e-6)
    assert list(weighted.state_dict()) == ["weight"]
    ignoring = nn.CrossEntropyLoss(ignore_index=0)
    np.testing.assert_allclose(ignoring(logits, labels).item(), expected[0], rtol=1e-6)
    assert nn.MSELoss(reduction="sum")(tensor([1, 2]), tensor([3, 5])).item() == 13.0
    p, t = tensor([0.2, 0.9]), tensor([0, 1])
    np.testing.assert_allclose(nn.BCELoss()(p, t).item(), -(math.log(0.8) + math.log(0.9)) / 2, rtol=1e-6)
    np.testing.assert_allclose(
        nn.BCEWithLogitsLoss(pos_weight=tensor([2.0]))(tensor([0.0]), tensor([1.0])).item(), 2 * math.log(2), rtol=1e-6
    )


def test_the_older_form_of_reduction():
    with pytest.warns(UserWarning, match="reduction='sum'"):
        loss = nn.MSELoss(size_average=False)
    assert loss.reduction == "sum"
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.mse_loss(tensor([1, 2]), tensor([1, 3]), reduce=False).tolist() == [0.0, 1.0]


# ---- initial values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fill", "mean", "std", "bound"),
    [
        (lambda w: init.uniform_(w, -2, 4), 1, 6 / math.sqrt(12), 4),
        (lambda w: init.normal_(w, 3, 2), 3, 2, None),
        (lambda w: init.trunc_normal_(w, 0, 1, -1, 1), 0, 0.5396, 1),
        (lambda w: init.xavier_uniform_(w, gain=2), 0, 2 * math.sqrt(2 / 700), 2 * math.sqrt(6 / 700)),
        (lambda w: init.xavier_normal_(w), 0, math.sqrt(2 / 700), None),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="relu"), 0, math.sqrt(2 / 400), math.sqrt(6 / 400)),
        (lambda w: init.kaiming_normal_(w, a=1, mode="fan_out"), 0, math.sqrt(1 / 300), None),
    ],
)
def test_distributions(fill, mean, std, bound):
    w = parameter(300, 400)
    assert fill(w) is w
    values = w.detach().numpy().astype(np.float64)
    assert abs(values.mean() - mean) < 5 * std / math.sqrt(values.size)
    assert abs(values.std() / std - 1) < 0.02
    if bound is not None:
        assert abs(values).max() <= bound * (1 + 1e-6)
    assert w.requires_grad
    assert w.is_leaf


def test_fans_of_kernels():
    assert init._calculate_fan_in_and_fan_out(parameter(8, 3, 5, 5)) == (75, 200)


def test_generators_and_precision():
    a, b = parameter(50, 4), parameter(50, 4)
    init.normal_(a, generator=Generator().manual_seed(3))
    init.normal_(b, generator=Generator().manual_seed(3))
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    torch.manual_seed(5)
    first = nn.Linear(4, 4).weight.detach().numpy().copy()
    torch.manual_seed(5)
    np.testing.assert_array_equal(nn.Linear(4, 4).weight.detach().numpy(), first)
    w = init.uniform_(parameter(1000, dtype=np.float64)).detach().numpy()
    assert (w != w.astype(np.float32)).any()


def test_orthogonal_and_eye():
    for shape in ((6, 4), (4, 6), (4, 2, 3)):
        w = init.orthogonal_(parameter(*shape, dtype=np.float64), gain=2).detach().numpy().reshape(shape[0], -1)
        gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)
    firsts = [init.orthogonal_(parameter(3, 3)).detach().numpy()[0, 0] for _ in range(200)]
    assert abs(np.mean(firsts)) < 0.2  # no sign is preferred
    np.testing.assert_array_equal(init.eye_(parameter(2, 3)).detach().numpy(), np.eye(2, 3))
    assert init.constant_(parameter(2), 3).tolist() == [3.0, 3.0]
    assert init.ones_(parameter(1)).tolist() == [1.0]
    assert init.zeros_(init.ones_(parameter(1))).tolist() == [0.0]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Unsupported nonlinearity foo", lambda: init.calculate_gain("foo")),
        ("negative_slope x not a valid number", lambda: init.calculate_gain("leaky_relu", "x")),
        ("fewer than 2 dimensions", lambda: init.xavier_uniform_(parameter(2))),
        ("Mode x not supported", lambda: init.kaiming_uniform_(parameter(2, 2), mode="x")),
        ("Only tensors with 2 dimensions", lambda: init.eye_(parameter(2))),
        ("Only tensors with 2 or more", lambda: init.orthogonal_(parameter(2))),
        ("trunc_normal_ cannot draw", lambda: init.trunc_normal_(parameter(2), 0, 1, 9, 10)),
    ],
)
def test_init_refuses(text, wrong):
    with pytest.raises(ValueError, match=text):
        wrong()


# ---- utils -----------------------------------------------------------------------------------------------------------


def with_gradients():
    ps = [parameter(2, dtype=np.float64), parameter(1, 1), parameter(3)]
    ps[0].grad, ps[1].grad = tensor([3, 0], np.float64), tensor([[4]])
    return ps


def test_clip_grad_norm():
    ps = with_gradients()
    assert nn.utils.clip_grad_norm_(ps, 10.0).item() == 5.0
    assert ps[0].grad.tolist() == [3.0, 0.0]
    assert nn.utils.clip_grad_norm_((p for p in ps), 1.0).item() == 5.0
    np.testing.assert_allclose([*ps[0].grad.tolist(), ps[1].grad.item()], [0.6, 0, 0.8], rtol=1e-5)
    assert ps[1].grad._array.dtype == np.float32
    assert nn.utils.clip_grad_norm_(with_gradients(), 1.0, norm_type=math.inf).item() == 4.0
    assert nn.utils.clip_grad_norm_(with_gradients()[0], 1.0, norm_type=1).item() == 3.0
    assert nn.utils.clip_grad_norm_([parameter(2)], 1.0).item() == 0.0
    ps[0].grad = tensor([math.nan, 1], np.float64)
    with pytest.raises(RuntimeError, match=r"total norm of order 2.0 .* is non-finite"):
        nn.utils.clip_grad_norm_(ps, 1.0, error_if_nonfinite=True)
    assert ps[0].grad.tolist()[1] == 1.0


def test_clip_grad_value():
    ps = with_gradients()
    nn.utils.clip_grad_value_(ps, 3.5)
    assert (ps[0].grad.tolist(), ps[1].grad.tolist()) == ([3.0, 0.0], [[3.5]])


def test_parameters_as_vector():
    layer = nn.Linear(2, 1)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (3,)
    assert vector.requires_grad
    nn.utils.vector_to_parameters(tensor([1, 2, 3]), layer.parameters())
    assert (layer.weight.tolist(), layer.bias.tolist()) == ([[1.0, 2.0]], [3.0])
    assert layer.weight.requires_grad
    with pytest.raises(ValueError, match="4 elements, the parameters 3"):
        nn.utils.vector_to_parameters(tensor([1, 2, 3, 4]), layer.parameters())
    with pytest.raises(TypeError):
        nn.utils.vector_to_parameters([1, 2, 3], layer.parameters())


def test_embedding_shortens_the_rows_it_looks_up():
    table = nn.Embedding(4, 2, max_norm=1.0)
    table.weight.data.copy_(tensor_of([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0], [3.0, 4.0]]))
    before = table.weight._version
    found = table(tensor_of([[0, 1], [0, 2]]))
    np.testing.assert_allclose(table.weight.tolist(), [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8], [3.0, 4.0]], rtol=1e-6)
    np.testing.assert_allclose(found.tolist(), [[[0.6, 0.8], [0.3, 0.4]], [[0.6, 0.8], [0.6, 0.8]]], rtol=1e-6)
    assert table.weight._version > before
    found.sum().backward()
    assert table.weight.grad.tolist() == [[2.0, 2.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]


def test_embedding_scales_gradients_by_frequency():
    table = nn.Embedding(4, 2, scale_grad_by_freq=True)
    table(tensor_of([[0, 1], [0, 2]])).sum().backward()
    assert table.weight.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("error", "text", "wrong"),
    [
        (ValueError, "mode has to be one of", {"mode": "median"}),
        (ValueError, "max mode does not support", {"mode": "max", "scale_grad_by_freq": True}),
        (ValueError, "offsets has to be a 1D", {"offsets": None}),
        (RuntimeError, "offsets must start with 0", {"offsets": tensor_of([1, 2])}),
        (RuntimeError, "offsets must start with 0", {"offsets": tensor_of([0, 9])}),
        (RuntimeError, "offsets must start with 0", {"offsets": tensor_of([0, 2, 1])}),
        (RuntimeError, "at least 1", {"offsets": tensor_of([], dtype=torch.int64), "include_last_offset": True}),
        (NotImplementedError, "only supported for mode='sum'", {"per_sample_weights": tensor_of([1.0, 2, 3])}),
        (ValueError, "the input's shape", {"per_sample_weights": tensor_of([1.0, 2]), "mode": "sum"}),
        (IndexError, "out of range", {"input": tensor_of([0, 9])}),
    ],
)
def test_embedding_bag_refuses(error, text, wrong):
    given = {"input": tensor_of([0, 1, 2]), "weight": tensor_of(np.ones((3, 2))), "offsets": tensor_of([0, 2]), **wrong}
    with pytest.raises(error, match=text):
        F.embedding_bag(**given)
