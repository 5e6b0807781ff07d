"""Attention, Transformers and the layers made of others against PyTorch's: printing, keys, outputs, gradients."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm import nn
from tinygrad_fm.nn import functional as F

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore:.*(nested_tensor|mismatched):UserWarning")  # PyTorch's own

RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((2, 4, 6, 6)).astype(np.float32)
VOLUME = RNG.standard_normal((2, 4, 2, 3, 3)).astype(np.float32)
SEQUENCE = RNG.standard_normal((5, 2, 8)).astype(np.float32)
MEMORY = RNG.standard_normal((7, 2, 8)).astype(np.float32)
CAUSAL = np.triu(np.ones((5, 5), bool), 1)
PADDING = np.array([[False, False, False, True, True], [False] * 4 + [True]])
LABELS = np.array([0, 2, 1, 2])
LOGITS = RNG.standard_normal((4, 3)).astype(np.float32)


def to(library, value):
    return library.tensor(value.copy()) if isinstance(value, np.ndarray) else value


def close(ours, theirs, tolerance=2e-5):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance, strict=True)


def flat(result):
    return [x for x in (result if isinstance(result, tuple) else (result,)) if x is not None]


def compare(build, inputs, keywords=None):
    """``build(nn)`` in both libraries, from PyTorch's weights: print, keys, results, gradients of inputs and weights."""
    theirs = build(torch.nn)
    ours = build(nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    outputs, gradients = [], []
    for library, module in ((tinygrad_fm, ours), (torch, theirs)):
        tensors = [to(library, x) for x in inputs]
        leaves = [x.requires_grad_() for x in tensors if isinstance(x, library.Tensor) and x.is_floating_point()]
        results = flat(module(*tensors, **{k: to(library, v) for k, v in (keywords or {}).items()}))
        sum((r * r).sum() for r in results).backward()
        outputs.append(results)
        gradients.append([x.grad for x in (*leaves, *module.parameters())])
    for a, b in zip(*outputs, strict=True):
        close(a, b)
    for a, b in zip(*gradients, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            close(a, b, 2e-4)


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        ({}, {}),
        ({"bias": False}, {"need_weights": False}),
        ({"batch_first": True}, {"average_attn_weights": False}),
        ({}, {"attn_mask": CAUSAL}),
        ({}, {"attn_mask": CAUSAL, "is_causal": True, "need_weights": False}),
        ({}, {"key_padding_mask": PADDING}),
        ({}, {"attn_mask": CAUSAL, "key_padding_mask": PADDING}),
        ({}, {"attn_mask": RNG.standard_normal((4, 5, 5)).astype(np.float32)}),
    ],
)
def test_self_attention(options, keywords):
    x = SEQUENCE.transpose(1, 0, 2) if options.get("batch_first") else SEQUENCE
    compare(lambda nn: nn.MultiheadAttention(8, 2, **options), [x, x, x], keywords)


def test_attention_to_something_else():
    compare(lambda nn: nn.MultiheadAttention(8, 4, kdim=8, vdim=8), [SEQUENCE, MEMORY, MEMORY])
    compare(lambda nn: nn.MultiheadAttention(8, 4, kdim=6, vdim=4), [SEQUENCE, MEMORY[..., :6], MEMORY[..., :4]])
    compare(lambda nn: nn.MultiheadAttention(8, 2), [SEQUENCE[:, 0], MEMORY[:, 0], MEMORY[:, 0]])


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"norm_first": True}, {"activation": "gelu"}, {"bias": False}])
def test_encoder(options):
    def build(nn):
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, **options)
        return nn.TransformerEncoder(layer, 2, nn.LayerNorm(8), enable_nested_tensor=False)

    compare(build, [SEQUENCE])
    if not options:
        compare(build, [SEQUENCE, CAUSAL], {"src_key_padding_mask": PADDING})


def test_decoder_and_the_whole():
    compare(
        lambda nn: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, 0.0), 2), [SEQUENCE, MEMORY], {"tgt_mask": CAUSAL}
    )
    compare(lambda nn: nn.Transformer(8, 2, 1, 1, 16, 0.0), [MEMORY, SEQUENCE])
    close(nn.Transformer.generate_square_subsequent_mask(4), torch.nn.Transformer.generate_square_subsequent_mask(4))


def test_attention_says_what_is_wrong():
    with pytest.raises(ValueError, match="divisible"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(RuntimeError, match="attn_mask"):
        x = tinygrad_fm.tensor(SEQUENCE)
        nn.MultiheadAttention(8, 2)(x, x, x, is_causal=True)
    with pytest.raises(RuntimeError, match="relu/gelu"):
        nn.TransformerEncoderLayer(8, 2, activation="tanh")


@pytest.mark.parametrize(
    ("name", "args", "inputs"),
    [
        ("RMSNorm", (6,), [IMAGE]),
        ("RMSNorm", ((6, 6), 1e-3), [IMAGE]),
        ("RMSNorm", (6, None, False), [IMAGE]),
        ("LocalResponseNorm", (3,), [IMAGE]),
        ("LocalResponseNorm", (2, 0.1, 0.5, 2.0), [IMAGE]),
        ("ChannelShuffle", (2,), [IMAGE]),
        ("Softmax2d", (), [IMAGE]),
        ("Bilinear", (3, 3, 2), [LOGITS, LOGITS]),
        ("Bilinear", (3, 3, 2, False), [LOGITS, LOGITS]),
        ("InstanceNorm3d", (4,), [VOLUME]),
        ("UpsamplingNearest2d", (None, 2), [IMAGE]),
        ("UpsamplingBilinear2d", (9,), [IMAGE]),
        ("LPPool2d", (2, 3), [IMAGE]),
        ("LPPool2d", (3, (2, 3), 1), [np.abs(IMAGE)]),
        ("ReflectionPad1d", (2,), [IMAGE[0]]),
        ("ReplicationPad1d", ((1, 3),), [IMAGE[0]]),
        ("CircularPad1d", (2,), [IMAGE[0]]),
        ("ZeroPad1d", (1,), [IMAGE[0]]),
        ("ConstantPad1d", (2, 0.5), [IMAGE[0]]),
        ("GaussianNLLLoss", (), [LOGITS, LOGITS + 1, np.abs(LOGITS)]),
        ("PoissonNLLLoss", (), [LOGITS, np.abs(LOGITS) * 3]),
        ("PoissonNLLLoss", (True, True), [LOGITS, np.abs(LOGITS) * 3]),
        ("PoissonNLLLoss", (False,), [np.abs(LOGITS), np.abs(LOGITS)]),
        ("MultiMarginLoss", (), [LOGITS, LABELS]),
        ("MultiMarginLoss", (2, 0.5), [LOGITS, LABELS]),
        ("MultiMarginLoss", (), [LOGITS[0], LABELS[0]]),
        ("MultiLabelSoftMarginLoss", (), [LOGITS, (LOGITS > 0).astype(np.float32)]),
        ("TripletMarginWithDistanceLoss", (), [LOGITS, LOGITS[::-1], LOGITS + 0.1]),
    ],
)
def test_layers_and_losses(name, args, inputs):
    compare(lambda nn: getattr(nn, name)(*args), [np.asarray(x) for x in inputs])


def test_max_unpool_puts_them_back():
    for options, size in (({"kernel_size": 2}, None), ({"kernel_size": 3, "stride": 2}, (6, 6))):
        results = []
        for library, modules, functions in ((tinygrad_fm, nn, F), (torch, torch.nn, torch.nn.functional)):
            x = to(library, IMAGE).requires_grad_()
            y, where = functions.max_pool2d(x, **options, return_indices=True)
            back = modules.MaxUnpool2d(**options)(y, where, output_size=size)
            (back * back).sum().backward()
            results.append((back, x.grad))
        for a, b in zip(*results, strict=True):
            close(a, b)


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": ~CAUSAL},
        {"attn_mask": RNG.standard_normal((2, 1, 5, 5)).astype("f")},
        {"attn_mask": np.array([[True] * 5, [False] * 5, [True, False] * 2 + [True], [False] * 5, [True] * 5])},
    ],
)
def test_scaled_dot_product_attention(keywords):
    q, k, v = (RNG.standard_normal((2, 3, 5, width)).astype(np.float32) for width in (4, 4, 6))
    results = []
    for library, functions in ((tinygrad_fm, F), (torch, torch.nn.functional)):
        tensors = [to(library, x).requires_grad_() for x in (q, k, v)]
        y = functions.scaled_dot_product_attention(*tensors, **{key: to(library, value) for key, value in keywords.items()})
        (y * y).sum().backward()
        results.append([y, *[x.grad for x in tensors]])
    for a, b in zip(*results, strict=True):
        close(a, b)


def test_attention_drops_and_groups_and_checks():
    q, kv = tinygrad_fm.ones(1, 4, 5, 2), tinygrad_fm.ones(1, 2, 5, 2)
    grouped = F.scaled_dot_product_attention(q, kv, kv, enable_gqa=True)
    assert grouped.shape == (1, 4, 5, 2)
    dropped = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
    assert dropped.std() > 0 and grouped.std() < 1e-6
    with pytest.raises(RuntimeError, match="exclude"):
        F.scaled_dot_product_attention(q, q, q, attn_mask=tinygrad_fm.ones(5, 5), is_causal=True)
    with pytest.raises(RuntimeError, match="last size"):
        F.scaled_dot_product_attention(q, tinygrad_fm.ones(1, 4, 5, 3), q)


def test_gumbel_softmax_chooses_with_a_gradient():
    logits = tinygrad_fm.zeros(3000, 3, requires_grad=True)
    y = F.gumbel_softmax(logits + tinygrad_fm.tensor([0.0, 0.0, np.log(2.0)]), hard=True)
    assert set(np.unique(y.detach().numpy().round(6))) == {0.0, 1.0}
    np.testing.assert_allclose(y.detach().mean(0).numpy(), [0.25, 0.25, 0.5], atol=0.03)
    y[:, 0].sum().backward()
    assert logits.grad.abs().sum() > 0
