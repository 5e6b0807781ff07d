"""Every module class against PyTorch's: arguments, classes, printing, attributes, state, results, gradients, statistics.

A row is a call that makes a module, and what the module is called with.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm import nn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's own, and ours after its example

# what modules are called with (a shape, several shapes, or a name of `inputs`; None: not at all), and the modules
CALLS: list[tuple[Any, str]] = [
    (
        (2, 3, 4),
        """
        ReLU(); ReLU6(); SELU(); SiLU(); Mish(); Hardsigmoid(); Hardswish(); Softsign(); Tanh(); Tanhshrink(); Sigmoid();
        LogSigmoid(); ReLU(inplace=True); ReLU(True); ReLU6(inplace=True); ReLU6(True); SELU(inplace=True); SELU(True);
        SiLU(inplace=True); SiLU(True); Mish(inplace=True); Mish(True); Hardsigmoid(inplace=True); Hardsigmoid(True);
        Hardswish(inplace=True); Hardswish(True); LeakyReLU(); LeakyReLU(0.2); LeakyReLU(0.2, True); PReLU(); PReLU(3);
        PReLU(3, init=0.1); RReLU(); RReLU(0.1, 0.1, True); Hardtanh(); Hardtanh(-2, 2); Hardtanh(-2.0, 2.0, True);
        Threshold(0.1, 20); Threshold(0.1, 20.0, True); Softshrink(); Softshrink(0.3); Hardshrink(); Hardshrink(1); ELU();
        ELU(0.5, True); CELU(); CELU(2.0); GELU(); GELU('tanh'); Softplus(); Softplus(2, 10); Softmax(dim=1); Softmax(-1);
        LogSoftmax(dim=1); Softmin(1); Linear(4, 3); Linear(4, 3, False); Linear(4, 3, bias=False); Identity();
        Identity(3, foo=2); Upsample(3); Upsample(None, 1.5, 'linear'); Flatten(); Flatten(0, 1); Unflatten(1, (3, 1));
        Unflatten(-1, (2, 2)); Unflatten(1, [3, -1]); LayerNorm(4); LayerNorm((3, 4)); LayerNorm([3, 4], 0.1, False);
        LayerNorm(4, bias=False); RMSNorm(4); RMSNorm((3, 4), 0.1, False); LocalResponseNorm(2); Dropout();
        Dropout(0.2, True); Dropout1d(); Dropout1d(0.2, True); AlphaDropout(); AlphaDropout(0.2, True)
        """,
    ),
    (
        (2, 3, 4, 4),
        """
        Softmax2d(); Upsample(scale_factor=2); Upsample(scale_factor=(2, 1.5), mode='bilinear', align_corners=True);
        Upsample((3, 5), None, 'bilinear'); Upsample(scale_factor=2, mode='bicubic');
        Upsample(scale_factor=2, mode='nearest-exact'); UpsamplingNearest2d(scale_factor=2); UpsamplingNearest2d(6);
        UpsamplingBilinear2d((5, 6)); UpsamplingBilinear2d(None, 2); PixelUnshuffle(2); Unfold(2); Unfold((2, 3), 1, 1, 2);
        Dropout2d(); Dropout2d(0.2, True)
        """,
    ),
    (
        (3, 4, 4),
        """
        Softmax2d()
        """,
    ),
    (
        (2, 4),
        """
        GLU(); GLU(1); GroupNorm(1, 4, bias=False)
        """,
    ),
    (
        [(2, 3), (2, 4)],
        """
        Bilinear(3, 4, 2); Bilinear(3, 4, 2, False)
        """,
    ),
    (
        (2, 3, 6),
        """
        Conv1d(3, 4, 2); Conv1d(3, 6, 2, 2, 1, 1, 3, False, 'circular'); Conv1d(3, 4, (2,), padding='same');
        ConvTranspose1d(3, 4, 2); ConvTranspose1d(3, 6, 3, 2, 1, 1, 3, False, 2); MaxPool1d(2);
        MaxPool1d(3, 2, 1, 1, True, True); AvgPool1d(2); AvgPool1d(3, 2, 1, True, False); AdaptiveAvgPool1d(3);
        AdaptiveMaxPool1d(3); AdaptiveMaxPool1d(3, True); LPPool1d(2, 3); ZeroPad1d((1, 0)); ReflectionPad1d((1, 0));
        ReplicationPad1d((1, 0)); CircularPad1d((1, 0))
        """,
    ),
    (
        (3, 6),
        """
        Conv1d(3, 4, 3, padding='valid')
        """,
    ),
    (
        (2, 3, 6, 6),
        """
        Conv2d(3, 4, 2); Conv2d(3, 6, (2, 3), (2, 1), (1, 0), (1, 2), 3, False, 'reflect');
        Conv2d(3, 4, 3, padding='same', dilation=2); ConvTranspose2d(3, 4, 2);
        ConvTranspose2d(3, 6, (2, 3), 2, 1, 1, 3, False, 1); MaxPool2d(2);
        MaxPool2d((3, 2), (2, 1), (1, 0), 1, True, True); AvgPool2d(2); AvgPool2d((3, 2), (2, 1), (1, 0), True, False, 5);
        AdaptiveAvgPool2d(3); AdaptiveAvgPool2d((None, 2)); AdaptiveMaxPool2d((3, None), True); LPPool2d(2, 3);
        LPPool2d(2, (3, 2), stride=(2, 1)); LPPool2d(1.5, 2, ceil_mode=True); ZeroPad2d((3, 2, 1, 0));
        ReflectionPad2d((3, 2, 1, 0)); ReplicationPad2d((3, 2, 1, 0)); CircularPad2d((3, 2, 1, 0))
        """,
    ),
    (
        (4, 6, 6),
        """
        Conv2d(4, 4, 3, groups=4, padding_mode='replicate', padding=1)
        """,
    ),
    (
        (3, 6, 6),
        """
        MaxPool2d(3, dilation=2); AdaptiveMaxPool2d(2)
        """,
    ),
    (
        None,
        """
        MaxUnpool1d(2); MaxUnpool2d((3, 2), 2, 1); MaxUnpool2d(2); MaxUnpool3d((2, 3, 2), 2, 1); MaxUnpool3d(2);
        EmbeddingBag(5, 3, include_last_offset=True);
        MultiheadAttention(4, 2, 0.1, False, kdim=3, vdim=5, batch_first=True); MultiheadAttention(4, 1, 0.5);
        CTCLoss(); CTCLoss(1, 'sum', True)
        """,
    ),
    (
        (2, 3, 5),
        """
        ZeroPad1d(1); ReflectionPad1d(1); ReplicationPad1d(1); CircularPad1d(1); ConstantPad1d(1, 2.5);
        ConstantPad1d((1, 2), 3); ConstantPad1d((-1, 2), 3)
        """,
    ),
    (
        (3, 5),
        """
        ZeroPad1d(1); ReflectionPad1d(1); ReplicationPad1d(1); CircularPad1d(1)
        """,
    ),
    (
        (2, 3, 5, 5),
        """
        ZeroPad2d(1); ReflectionPad2d(1); ReplicationPad2d(1); CircularPad2d(1); ConstantPad2d(1, 2.5);
        ConstantPad2d((1, 2, 1, 2), 3); ConstantPad2d((-1, 2, -1, 2), 3);
        Upsample(scale_factor=1.5, mode='bilinear', recompute_scale_factor=True)
        """,
    ),
    (
        (3, 5, 5),
        """
        ZeroPad2d(1); ReflectionPad2d(1); ReplicationPad2d(1); CircularPad2d(1)
        """,
    ),
    (
        (2, 3, 5, 5, 5),
        """
        ZeroPad3d(1); ReflectionPad3d(1); ReplicationPad3d(1); CircularPad3d(1); ConstantPad3d(1, 2.5);
        ConstantPad3d((1, 2, 1, 2, 1, 2), 3); ConstantPad3d((-1, 2, -1, 2, -1, 2), 3)
        """,
    ),
    (
        (2, 3, 6, 6, 6),
        """
        ZeroPad3d((1, 2, 2, 1, 0, 1)); ReflectionPad3d((1, 2, 2, 1, 0, 1)); ReplicationPad3d((1, 2, 2, 1, 0, 1));
        CircularPad3d((1, 2, 2, 1, 0, 1))
        """,
    ),
    (
        (2, 4, 5, 5, 5),
        """
        Conv3d(4, 6, 2); Conv3d(4, 6, (2, 3, 1), (2, 1, 1), (1, 0, 2), (1, 2, 1), 2, False, 'reflect');
        Conv3d(4, 4, 3, padding='same', dilation=2); ConvTranspose3d(4, 2, 2);
        ConvTranspose3d(4, 6, (2, 3, 2), 2, 1, 1, 2, False, 1); MaxPool3d(2);
        MaxPool3d((3, 2, 2), (2, 1, 1), (1, 0, 1), 1, True, True); AvgPool3d(2);
        AvgPool3d((3, 2, 2), (2, 1, 2), (1, 0, 1), True, False, 5); AdaptiveAvgPool3d(3); AdaptiveAvgPool3d((None, 2, 1));
        AdaptiveMaxPool3d(2); AdaptiveMaxPool3d((3, None, 2), True); LPPool3d(2, 3); LPPool3d(2, (3, 2, 2), stride=(2, 1, 1));
        Upsample(scale_factor=2, mode='trilinear'); Upsample((3, 4, 6), mode='nearest')
        """,
    ),
    (
        (4, 5, 5, 5),
        """
        Conv3d(4, 4, 3, groups=4, padding_mode='replicate', padding=1); MaxPool3d(2, dilation=2); AdaptiveMaxPool3d(2);
        AvgPool3d(2); ConvTranspose3d(4, 2, 2)
        """,
    ),
    (
        (2, 8, 3, 3),
        """
        PixelShuffle(2)
        """,
    ),
    (
        (2, 4, 3, 3),
        """
        ChannelShuffle(2)
        """,
    ),
    (
        (2, 12, 9),
        """
        Fold((4, 4), 2)
        """,
    ),
    (
        (2, 12, 4),
        """
        Fold(4, (2, 2), stride=2)
        """,
    ),
    (
        (2, 4, 3),
        """
        GroupNorm(2, 4); GroupNorm(2, 4, 0.1, False)
        """,
    ),
    (
        (2, 5, 4, 4),
        """
        LocalResponseNorm(3, 0.001, 0.5, 2.0)
        """,
    ),
    (
        (4, 3, 3),
        """
        BatchNorm1d(3); BatchNorm1d(3, 0.1, 0.2, False, False);
        BatchNorm1d(3, affine=True, track_running_stats=True, momentum=None); BatchNorm1d(3, affine=True, bias=False);
        InstanceNorm1d(3); InstanceNorm1d(3, 0.1, 0.2, False, False);
        InstanceNorm1d(3, affine=True, track_running_stats=True, momentum=0.3); InstanceNorm1d(3, affine=True, bias=False)
        """,
    ),
    (
        (3, 3),
        """
        InstanceNorm1d(3)
        """,
    ),
    (
        (4, 3, 3, 3),
        """
        BatchNorm2d(3); BatchNorm2d(3, 0.1, 0.2, False, False);
        BatchNorm2d(3, affine=True, track_running_stats=True, momentum=None); BatchNorm2d(3, affine=True, bias=False);
        InstanceNorm2d(3); InstanceNorm2d(3, 0.1, 0.2, False, False);
        InstanceNorm2d(3, affine=True, track_running_stats=True, momentum=0.3); InstanceNorm2d(3, affine=True, bias=False)
        """,
    ),
    (
        (3, 3, 3),
        """
        InstanceNorm2d(3)
        """,
    ),
    (
        (4, 3, 3, 3, 3),
        """
        BatchNorm3d(3); BatchNorm3d(3, 0.1, 0.2, False, False);
        BatchNorm3d(3, affine=True, track_running_stats=True, momentum=None); BatchNorm3d(3, affine=True, bias=False);
        InstanceNorm3d(3); InstanceNorm3d(3, 0.1, 0.2, False, False);
        InstanceNorm3d(3, affine=True, track_running_stats=True, momentum=0.3); InstanceNorm3d(3, affine=True, bias=False)
        """,
    ),
    (
        (3, 3, 3, 3),
        """
        InstanceNorm3d(3)
        """,
    ),
    (
        (4, 3),
        """
        BatchNorm1d(3)
        """,
    ),
    (
        (2, 3, 4, 4, 4),
        """
        Dropout3d(); Dropout3d(0.2, True); FeatureAlphaDropout(); FeatureAlphaDropout(0.2, True)
        """,
    ),
    (
        "indices",
        """
        Embedding(5, 3); Embedding(5, 3, -1); Embedding(5, 3, 1, 2.0, 1.0, True, False);
        Embedding(5, 3, max_norm=1.0, scale_grad_by_freq=True); EmbeddingBag(5, 3);
        EmbeddingBag(5, 3, 1.0, 1.0, False, 'sum', padding_idx=2); EmbeddingBag(5, 3, mode='max')
        """,
    ),
    (
        [(2, 3), (2, 3)],
        """
        CosineSimilarity(); CosineSimilarity(-1, 0.001); PairwiseDistance(); PairwiseDistance(1.0, 0.001, True)
        """,
    ),
    (
        [(3, 2, 4), (3, 2, 4), (3, 2, 4)],
        """
        MultiheadAttention(4, 2); MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)
        """,
    ),
    (
        (3, 2, 4),
        """
        TransformerEncoderLayer(4, 2, 8, 0.0);
        TransformerEncoderLayer(4, 2, 8, 0.0, 'gelu', norm_first=True, bias=False, batch_first=True)
        """,
    ),
    (
        [(3, 2, 4), (5, 2, 4)],
        """
        TransformerDecoderLayer(4, 2, 8, 0.0); Transformer(4, 2, 1, 2, 8, 0.0)
        """,
    ),
    (
        (5, 2, 3),
        """
        RNN(3, 4); RNN(3, 4, 2, 'relu', False, True, 0.0, True); RNN(3, 4, nonlinearity='relu', bidirectional=True);
        GRU(3, 4); GRU(3, 4, 2, False, True, 0.0, True); LSTM(3, 4); LSTM(3, 4, 2, False, True, 0.0, True, 2);
        LSTM(3, 4, proj_size=2, bidirectional=True)
        """,
    ),
    (
        (2, 3),
        """
        RNN(3, 4); GRU(3, 4); LSTM(3, 4, batch_first=True); RNNCell(3, 4); RNNCell(3, 4, False, 'relu'); GRUCell(3, 4);
        GRUCell(3, 4, bias=False); LSTMCell(3, 4); LSTMCell(3, 4, False)
        """,
    ),
    (
        "probabilities",
        """
        L1Loss(); L1Loss(reduction='sum'); L1Loss(reduction='none'); MSELoss(); MSELoss(reduction='sum');
        MSELoss(reduction='none'); SmoothL1Loss(); SmoothL1Loss(reduction='sum'); SmoothL1Loss(reduction='none');
        HuberLoss(); HuberLoss(reduction='sum'); HuberLoss(reduction='none'); BCELoss(); BCELoss(reduction='sum');
        BCELoss(reduction='none'); BCEWithLogitsLoss(); BCEWithLogitsLoss(reduction='sum');
        BCEWithLogitsLoss(reduction='none'); KLDivLoss(); KLDivLoss(reduction='sum'); KLDivLoss(reduction='none');
        SoftMarginLoss(); SoftMarginLoss(reduction='sum'); SoftMarginLoss(reduction='none'); HingeEmbeddingLoss();
        HingeEmbeddingLoss(reduction='sum'); HingeEmbeddingLoss(reduction='none'); PoissonNLLLoss();
        PoissonNLLLoss(reduction='sum'); PoissonNLLLoss(reduction='none'); MultiLabelSoftMarginLoss();
        MultiLabelSoftMarginLoss(reduction='sum'); MultiLabelSoftMarginLoss(reduction='none'); SmoothL1Loss(beta=0.5);
        SmoothL1Loss(beta=0.0); HuberLoss(delta=0.5); KLDivLoss(log_target=True, reduction='batchmean');
        HingeEmbeddingLoss(0.5); PoissonNLLLoss(False, True)
        """,
    ),
    (
        "three",
        """
        GaussianNLLLoss(full=True); GaussianNLLLoss(); TripletMarginLoss(); TripletMarginLoss(0.5, 1.0, 0.001, True);
        TripletMarginWithDistanceLoss(); TripletMarginWithDistanceLoss(margin=2.0, swap=True)
        """,
    ),
    (
        "classes",
        """
        CrossEntropyLoss(); CrossEntropyLoss(label_smoothing=0.1, ignore_index=1, reduction='sum'); NLLLoss();
        NLLLoss(ignore_index=1); MultiMarginLoss(); MultiMarginLoss(2, 0.5)
        """,
    ),
    (
        "several classes",
        """
        MultiLabelMarginLoss()
        """,
    ),
    (
        "ranking",
        """
        MarginRankingLoss(0.1)
        """,
    ),
    (
        "similar",
        """
        CosineEmbeddingLoss(0.1)
        """,
    ),
]
ROWS = [(text.strip(), x) for x, texts in CALLS for text in texts.split(";")]


def inputs(x: Any) -> list[np.ndarray]:
    """The arrays a row is called with: random of a shape or several, or what the loss or layer of a name needs."""
    rng = np.random.default_rng(0)
    normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    signs = np.array([1, -1, 1, -1], np.float32)
    if isinstance(x, list):
        return [normal(*shape) for shape in x]
    if isinstance(x, tuple):
        return [normal(*x)]
    named = {
        "indices": lambda: [rng.integers(0, 5, (2, 4))],
        "probabilities": lambda: [rng.random((3, 4), np.float32) * 0.9 + 0.05, rng.random((3, 4), np.float32) * 0.9 + 0.05],
        "three": lambda: [normal(3, 4), normal(3, 4), np.abs(normal(3, 4)) + 0.1],
        "classes": lambda: [normal(4, 3), np.array([0, 1, 2, 2])],
        "several classes": lambda: [normal(2, 4), np.array([[3, 0, -1, 1], [1, -1, 0, 0]])],
        "ranking": lambda: [normal(4), normal(4), signs],
        "similar": lambda: [normal(4, 3), normal(4, 3), signs],
    }
    return named[x]()


def build(library: Any, text: str) -> Any:
    return eval(f"nn.{text}", {"nn": library.nn})


def flat(result: Any) -> list[Any]:
    return [y for part in result for y in flat(part)] if isinstance(result, (tuple, list)) else [result]


def described(value: Any) -> Any:
    return value if isinstance(value, (int, float, str, bool, type(None), tuple, list)) else "object"


def state_of(module: Any) -> list[tuple[Any, ...]]:
    return [(k, tuple(v.shape), str(v.dtype).removeprefix("torch.")) for k, v in module.state_dict().items()]


@pytest.mark.parametrize("text", [text for text, _ in ROWS])
def test_made_and_printed_as_pytorchs(text):
    ours, theirs = build(tinygrad_fm, text), build(torch, text)
    assert repr(ours) == repr(theirs)
    assert state_of(ours) == state_of(theirs)
    assert dict(ours.state_dict()._metadata) == dict(theirs.state_dict()._metadata)
    assert list(ours._parameters) == list(theirs._parameters)
    assert list(ours._buffers) == list(theirs._buffers)
    attributes = {k: described(v) for k, v in vars(theirs).items() if not k.startswith("_")}
    attributes.pop("activation_relu_or_gelu", None)  # of PyTorch's fast path
    assert {k: described(getattr(ours, k)) for k in attributes} == attributes


def run(library: Any, module: Any, arrays: list[np.ndarray], *, training: bool) -> tuple[list[Any], list[Any]]:
    """The results, and the gradients of the inputs and parameters of their weighted sum."""
    module.train(training)
    leaves = [library.tensor(a.copy()) for a in arrays]
    for leaf in leaves:
        if leaf.is_floating_point():  # a loss's target is data
            leaf.requires_grad_(leaf is leaves[0] or "Loss" not in type(module).__name__)
    results = [y for y in flat(module(*[leaf.clone() for leaf in leaves])) if y is not None]
    rng = np.random.default_rng(1)
    total = sum(
        (y * library.tensor(rng.standard_normal(tuple(y.shape)).astype(np.float32))).sum() for y in results if y.requires_grad
    )
    module.zero_grad()
    if not isinstance(total, int):
        total.backward()
    return results, [t.grad for t in (*leaves, *module.parameters())]


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize(("text", "x"), [(text, x) for text, x in ROWS if x is not None])
def test_results_gradients_and_state(text, x, training):
    training = training and not re.match(r"RReLU|\w*Dropout", text)  # these draw, when they train
    ours, theirs = build(tinygrad_fm, text), build(torch, text)
    ours.load_state_dict(theirs.state_dict())
    arrays = inputs(x)
    found, expected = run(tinygrad_fm, ours, arrays, training=training), run(torch, theirs, arrays, training=training)
    for mine, other in zip(found, expected, strict=True):
        for a, b in zip(mine, other, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-3, atol=2e-4, strict=True)
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5, strict=True)


CLASSES = [name for name in nn.__all__ if isinstance(getattr(nn, name), type) and name not in ("Parameter", "Buffer")]


@pytest.mark.parametrize("name", CLASSES)
def test_arguments_and_bases_are_pytorchs(name):
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    parameters = lambda cls: [
        (p.name, "a function" if callable(p.default) and p.default is not p.empty else p.default, p.kind)
        for p in inspect.signature(cls).parameters.values()
        if p.name not in ("min_value", "max_value")  # Hardtanh's, deprecated
    ]
    assert parameters(ours) == parameters(theirs)
    for other in CLASSES:
        assert issubclass(ours, getattr(nn, other)) == issubclass(theirs, getattr(torch.nn, other)), other


@pytest.mark.parametrize("name", CLASSES)
def test_files_are_pytorchs(name):
    where = {"DataParallel": "parallel", "Embedding": "embedding", "EmbeddingBag": "embedding"}  # theirs: sparse
    file = getattr(nn, name).__module__.rpartition(".")[2]
    assert file == where.get(name, getattr(torch.nn, name).__module__.rpartition(".")[2])
