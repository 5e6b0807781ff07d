"""Modules against PyTorch's: printing, outputs, gradients and running statistics from the same weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tinygrad_fm import nn
from tinygrad_fm import tensor as tensor_of
from tinygrad_fm.nn import functional as F

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
PROBABILITIES = RNG.random((4, 3)).astype(np.float32)
LOGITS = RNG.standard_normal((4, 3)).astype(np.float32)
CUBE = RNG.standard_normal((4, 3, 5)).astype(np.float32)
LABELS = np.array([0, 2, 1, 2])
CUBE_LABELS = RNG.integers(0, 3, (4, 5))
WEIGHTS = np.array([0.5, 2.0, 1.0], np.float32)
SIGNS = np.sign(RNG.standard_normal((4, 3))).astype(np.float32)
SOFT = PROBABILITIES / PROBABILITIES.sum(1, keepdims=True)


def build(library, tensor, name, args, kwargs):
    convert = lambda value: tensor(value) if isinstance(value, np.ndarray) else value
    return getattr(library, name)(*map(convert, args), **{k: convert(v) for k, v in kwargs.items()})


def pair(name, args=(), kwargs=None):
    kwargs = kwargs or {}
    ours = build(nn, lambda a: tensor_of(a.copy()), name, args, kwargs)
    theirs = build(torch.nn, torch.tensor, name, args, kwargs)
    return ours, theirs


def close(ours, theirs, tol=1e-5):
    assert str(ours._array.dtype) == str(theirs.dtype).removeprefix("torch.")
    assert ours._array.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours._array, theirs.detach().numpy(), rtol=tol, atol=tol)


PRINTED = [
    ("Linear", (2, 3)),
    ("Linear", (2, 3, False)),
    ("Identity", (1,)),
    ("Flatten", ()),
    ("Unflatten", (1, (2, 3))),
    ("Dropout", ()),
    ("Dropout", (0.1, True)),
    ("Dropout1d", ()),
    ("Dropout2d", ()),
    ("AlphaDropout", ()),
    ("Embedding", (3, 4)),
    ("Embedding", (3, 4, -1)),
    ("LayerNorm", ((3, 4),)),
    ("LayerNorm", (3, 1e-3, False)),
    ("ReLU", ()),
    ("ReLU", (True,)),
    ("LeakyReLU", ()),
    ("LeakyReLU", (0.2, True)),
    ("PReLU", (3,)),
    ("RReLU", ()),
    ("Hardtanh", ()),
    ("Hardtanh", (-2.0, 2.0, True)),
    ("ReLU6", ()),
    ("ReLU6", (True,)),
    ("Hardsigmoid", ()),
    ("Hardswish", ()),
    ("Threshold", (0.1, 20)),
    ("Softshrink", ()),
    ("Hardshrink", (0.3,)),
    ("ELU", ()),
    ("ELU", (0.5, True)),
    ("CELU", (2.0,)),
    ("SELU", ()),
    ("SiLU", ()),
    ("Mish", ()),
    ("GELU", ()),
    ("GELU", ("tanh",)),
    ("Softplus", ()),
    ("Softsign", ()),
    ("Tanh", ()),
    ("Tanhshrink", ()),
    ("Sigmoid", ()),
    ("LogSigmoid", ()),
    ("Softmax", ()),
    ("Softmax", (1,)),
    ("LogSoftmax", (-1,)),
    ("Softmin", (0,)),
    ("GLU", ()),
    ("CosineSimilarity", ()),
    ("PairwiseDistance", ()),
    ("CrossEntropyLoss", ()),
    ("NLLLoss", ()),
    ("MSELoss", ()),
    ("BCELoss", ()),
    ("BCEWithLogitsLoss", ()),
    ("KLDivLoss", ()),
    ("L1Loss", ()),
    ("SmoothL1Loss", ()),
    ("HuberLoss", ()),
    ("TripletMarginLoss", ()),
]


@pytest.mark.parametrize(("name", "args"), PRINTED)
def test_printed_alike(name, args):
    ours, theirs = pair(name, args)
    assert repr(ours) == repr(theirs)


def test_containers_print_alike():
    def model(nn):
        inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True), nn.Sequential())
        return nn.Sequential(
            inner,
            nn.ModuleList([nn.Linear(1, 1) for _ in range(4)] + [nn.Sequential(nn.Tanh())] * 2),
            nn.ModuleDict({"a": nn.Tanh(), "b": inner}),
            nn.ModuleList(),
        )

    assert repr(model(nn)) == repr(model(torch.nn))


FORWARD = [
    ("Linear", (3, 2), LOGITS),
    ("Linear", (5, 2, False), CUBE),
    ("Flatten", (), CUBE),
    ("Unflatten", (-1, (5, 1)), CUBE),
    ("BatchNorm1d", (3,), LOGITS),
    ("BatchNorm1d", (3,), CUBE),
    ("BatchNorm2d", (3,), CUBE[..., None]),
    ("LayerNorm", (5,), CUBE),
    ("LayerNorm", ((3, 5), 0.1), CUBE),
    ("LayerNorm", (5, 1e-5, True, False), CUBE),
    ("ReLU", (), CUBE),
    ("LeakyReLU", (0.3,), CUBE),
    ("PReLU", (3, 0.1), CUBE),
    ("Hardtanh", (-0.5, 0.7), CUBE),
    ("ReLU6", (), CUBE * 5),
    ("Hardsigmoid", (), CUBE * 3),
    ("Hardswish", (), CUBE * 3),
    ("Threshold", (0.1, 20), CUBE),
    ("Softshrink", (), CUBE),
    ("Hardshrink", (), CUBE),
    ("ELU", (0.5,), CUBE),
    ("CELU", (0.5,), CUBE),
    ("SELU", (), CUBE),
    ("SiLU", (), CUBE),
    ("Mish", (), CUBE),
    ("GELU", (), CUBE),
    ("GELU", ("tanh",), CUBE),
    ("Softplus", (2, 1), CUBE),
    ("Softsign", (), CUBE),
    ("Tanh", (), CUBE),
    ("Tanhshrink", (), CUBE),
    ("Sigmoid", (), CUBE),
    ("LogSigmoid", (), CUBE),
    ("Softmax", (1,), CUBE),
    ("LogSoftmax", (0,), CUBE),
    ("Softmin", (2,), CUBE),
    ("GLU", (0,), CUBE),
]


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("name", "args", "x"), FORWARD)
def test_forward_and_backward(name, args, x, train):
    ours, theirs = pair(name, args)
    ours.load_state_dict(theirs.state_dict())
    ours.train(train)
    theirs.train(train)
    a, b = tensor_of(x.copy(), requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    close(y, z)
    g = RNG.standard_normal(tuple(z.shape)).astype(np.float32)
    y.backward(tensor_of(g))
    z.backward(torch.tensor(g))
    close(a.grad, b.grad, 1e-4)
    for (n, p), (m, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert n == m
        close(p.grad, q.grad, 1e-4)
    for n, value in theirs.state_dict().items():
        close(ours.state_dict()[n], value)


LOSSES = [
    (name, {"reduction": reduction, **options}, x, t)
    for reduction in ("mean", "sum", "none")
    for name, options, x, t in [
        ("CrossEntropyLoss", {}, LOGITS, LABELS),
        ("CrossEntropyLoss", {}, CUBE, CUBE_LABELS),
        ("CrossEntropyLoss", {"weight": WEIGHTS, "ignore_index": 2}, LOGITS, LABELS),
        ("CrossEntropyLoss", {"label_smoothing": 0.2, "weight": WEIGHTS}, CUBE, CUBE_LABELS),
        ("CrossEntropyLoss", {"label_smoothing": 0.1}, LOGITS, SOFT),
        ("CrossEntropyLoss", {"weight": WEIGHTS}, LOGITS, SOFT),
        ("NLLLoss", {"weight": WEIGHTS, "ignore_index": 0}, LOGITS, LABELS),
        ("NLLLoss", {}, CUBE, CUBE_LABELS),
        ("MSELoss", {}, LOGITS, SOFT),
        ("BCELoss", {}, PROBABILITIES, SOFT),
        ("BCELoss", {"weight": WEIGHTS}, PROBABILITIES, SOFT),
        ("BCEWithLogitsLoss", {"weight": WEIGHTS, "pos_weight": WEIGHTS}, LOGITS, SOFT),
        ("BCEWithLogitsLoss", {}, LOGITS, SOFT),
        ("L1Loss", {}, LOGITS, SOFT),
        ("SmoothL1Loss", {"beta": 0.5}, LOGITS, SOFT),
        ("HuberLoss", {"delta": 0.5}, LOGITS, SOFT),
        ("KLDivLoss", {}, LOGITS, SOFT),
        ("KLDivLoss", {"log_target": True}, LOGITS, SOFT),
        ("KLDivLoss", {"reduction": "batchmean"}, LOGITS, SOFT),
        ("SoftMarginLoss", {}, LOGITS, SIGNS),
        ("HingeEmbeddingLoss", {"margin": 0.5}, LOGITS, SIGNS),
    ]
]


@pytest.mark.filterwarnings("ignore:.*batchmean")
@pytest.mark.parametrize(("name", "options", "x", "target"), LOSSES)
def test_losses(name, options, x, target):
    ours, theirs = pair(name, (), options)
    a, b = tensor_of(x.copy(), requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a, tensor_of(target.copy())), theirs(b, torch.tensor(target))
    close(y, z)
    y.sum().backward()
    z.sum().backward()
    close(a.grad, b.grad)


@pytest.mark.parametrize(
    ("name", "options", "inputs"),
    [
        ("MarginRankingLoss", {"margin": 0.2}, (LOGITS, SOFT, SIGNS)),
        ("CosineEmbeddingLoss", {"margin": 0.1, "reduction": "sum"}, (LOGITS, SOFT, SIGNS[:, 0])),
        ("TripletMarginLoss", {"margin": 2.0, "swap": True}, (LOGITS, SOFT, PROBABILITIES)),
        ("CosineSimilarity", {"dim": 0}, (LOGITS, SOFT)),
        ("PairwiseDistance", {"p": 1.0, "keepdim": True}, (LOGITS, SOFT)),
    ],
)
def test_several_inputs(name, options, inputs):
    ours, theirs = pair(name, (), options)
    a, b = tensor_of(inputs[0].copy(), requires_grad=True), torch.tensor(inputs[0], requires_grad=True)
    y = ours(a, *(tensor_of(x.copy()) for x in inputs[1:]))
    z = theirs(b, *(torch.tensor(x) for x in inputs[1:]))
    close(y, z)
    y.sum().backward()
    z.sum().backward()
    close(a.grad, b.grad)


def test_embedding():
    ours, theirs = pair("Embedding", (5, 3, 2))
    assert ours.weight[2].tolist() == [0.0] * 3
    ours.load_state_dict(theirs.state_dict())
    index = np.array([[0, 2, 4], [4, 4, 1]])
    y, z = ours(tensor_of(index)), theirs(torch.tensor(index))
    close(y, z)
    (y * y).sum().backward()
    (z * z).sum().backward()
    close(ours.weight.grad, theirs.weight.grad)
    frozen = nn.Embedding.from_pretrained(tensor_of(LOGITS))
    assert not frozen.weight.requires_grad
    np.testing.assert_array_equal(frozen(tensor_of(np.array([3]))).numpy(), LOGITS[3:])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": None},
        {"momentum": 0.01, "eps": 0.1},
        {"affine": False},
        {"track_running_stats": False},
        {"bias": False},
    ],
)
def test_batch_norm_over_a_hundred_steps(options):
    ours, theirs = pair("BatchNorm1d", (3,), options)
    rng = np.random.default_rng(2)
    for _ in range(100):
        x = (rng.standard_normal((7, 3)) * 3 + 1).astype(np.float32)
        close(ours(tensor_of(x)), theirs(torch.tensor(x)))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value)
    close(ours.eval()(tensor_of(x)), theirs.eval()(torch.tensor(x)))


def test_weights_travel_both_ways():
    def model(nn):
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))

    ours, theirs = model(nn), model(torch.nn)
    assert repr(ours.load_state_dict(theirs.state_dict())) == repr(theirs.load_state_dict(theirs.state_dict()))
    close(ours(tensor_of(LOGITS)), theirs(torch.tensor(LOGITS)))
    back = {name: torch.tensor(value.numpy()) for name, value in model(nn).state_dict().items()}
    theirs.load_state_dict(back)
    ours.load_state_dict(back)
    close(ours(tensor_of(LOGITS)), theirs(torch.tensor(LOGITS)))


def test_load_errors_read_alike():
    ours, theirs = pair("Linear", (2, 3))
    for wrong in ({}, {"weight": np.ones((3, 3)), "x": np.ones(1), "y": np.ones(1)}):
        with pytest.raises(RuntimeError) as expected:
            theirs.load_state_dict({k: torch.tensor(v) for k, v in wrong.items()})
        with pytest.raises(RuntimeError) as got:
            ours.load_state_dict(wrong)
        assert str(got.value) == str(expected.value)


@pytest.mark.parametrize("name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
def test_gains(name):
    assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert nn.init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)


@pytest.mark.parametrize(("norm", "limit"), [(2.0, 0.5), (1.0, 3.0), (float("inf"), 0.1), (3, 100.0)])
def test_clipping(norm, limit):
    ps = [tensor_of(np.zeros(s, np.float32), requires_grad=True) for s in ((3, 4), (), (5,))]
    qs = [torch.zeros(p._array.shape, requires_grad=True) for p in ps]
    for p, q in zip(ps, qs, strict=True):
        g = RNG.standard_normal(tuple(q.shape)).astype(np.float32)
        p.grad, q.grad = tensor_of(np.array(g)), torch.tensor(g)
    close(nn.utils.clip_grad_norm_(ps, limit, norm), torch.nn.utils.clip_grad_norm_(qs, limit, norm))
    for p, q in zip(ps, qs, strict=True):
        close(p.grad, q.grad)


def test_training_follows_pytorch():
    """A whole small training: same weights, same batches, the same losses for 30 steps."""
    from tinygrad_fm import optim

    def model(nn):
        return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3))

    theirs = model(torch.nn)
    ours = model(nn)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    runs = []
    for net, library, tensor, cross_entropy, clip in (
        (ours, optim, lambda a: tensor_of(a.copy()), F.cross_entropy, nn.utils.clip_grad_norm_),
        (theirs, torch.optim, torch.tensor, torch.nn.functional.cross_entropy, torch.nn.utils.clip_grad_norm_),
    ):
        rng = np.random.default_rng(3)
        optimizer = library.AdamW(net.parameters(), lr=0.02)
        schedule = library.lr_scheduler.OneCycleLR(optimizer, 0.05, 30)
        losses = []
        for _ in range(30):
            x, y = rng.standard_normal((12, 6)).astype(np.float32), rng.integers(0, 3, 12)
            optimizer.zero_grad()
            loss = cross_entropy(net(tensor(x)), tensor(y), label_smoothing=0.1)
            loss.backward()
            clip(net.parameters(), 1.0)
            optimizer.step()
            if schedule.last_epoch < 29:
                schedule.step()
            losses.append(loss.item())
        runs.append(losses)
    np.testing.assert_allclose(*runs, rtol=1e-4)
