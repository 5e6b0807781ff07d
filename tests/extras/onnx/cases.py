"""Networks and functions that are written as ONNX, with an example of what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn


class Case(NamedTuple):
    """A model, by a function that makes it, and its inputs; their first dimension is the batch."""

    name: str
    make: Callable[[], nn.Module]
    inputs: Callable[[], tuple[Any, ...]]


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *args: Any) -> Any:
        return self.function(*args, **dict(self.named_children()))


class First(nn.Module):
    """The first result of a module that has several."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Any) -> Any:
        return self.module(x)[0]


def randn(*shape: int) -> Callable[[], tuple[Any, ...]]:
    return lambda: (torch.randn(*shape),)


def positive(*shape: int) -> Callable[[], tuple[Any, ...]]:
    return lambda: (torch.rand(*shape) + 0.1,)


def layer(name: str, make: Callable[[], nn.Module], *shape: int) -> Case:
    return Case(name, make, randn(*shape))


def of(name: str, function: Callable[..., Any], *shapes: tuple[int, ...], given: Any = None) -> Case:
    make = given or (lambda: tuple(torch.randn(*shape) for shape in shapes))
    return Case(name, lambda: Apply(function), make)


def ids(high: int, *shape: int) -> Callable[[], tuple[Any, ...]]:
    return lambda: (torch.randint(0, high, shape),)


def set_slice(x: Any) -> Any:
    y = x * 2
    y[:, 1:3] = x[:, :2]
    y[:, -1, 0] = 5.0
    return y


def write_through_view(x: Any) -> Any:
    y = x + 0
    row = y[:, 1]
    row.mul_(3)
    y.view(-1).add_(1)
    return row, y


def in_place(x: Any) -> Any:
    y = x * 1
    y.add_(2).relu_()
    y += x
    y[:] = y * 2
    return y


def constant_mask(x: Any) -> Any:
    mask = torch.zeros(4, 4)
    mask[1:, 0] = -1.0
    return x + mask.tril()


def own_mask(x: Any) -> Any:
    n, t = x.shape[:2]
    return x.masked_fill(torch.ones(t, t).triu(1).bool(), -1.0) + torch.arange(n).reshape(n, 1, 1) / n


def last_steps(x: Any, lengths: Any) -> Any:
    mask = torch.arange(x.shape[1])[None] < lengths[:, None]
    mean = (x * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
    return mean, x[torch.arange(len(x)), lengths - 1], x[:, [[0], [1]], [0, 2]]


def sequences() -> tuple[Any, ...]:
    return torch.randn(4, 5, 3), torch.randint(1, 5, (4,))


def windows(x: Any) -> Any:
    y = F.unfold(x, 3, padding=1, stride=2)
    return y, F.fold(y, x.shape[2:], 3, padding=1, stride=2)


def transformer(**options: Any) -> nn.Module:
    return nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, **options)


LAYERS = [
    layer("conv", lambda: nn.Conv2d(4, 6, 3, padding=1), 2, 4, 7, 6),
    layer("conv_asymmetric", lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2)), 2, 4, 9, 8),
    layer("conv_same", lambda: nn.Conv2d(2, 3, 4, padding="same", dilation=2), 2, 2, 9, 8),
    layer("conv_remainder", lambda: nn.Conv2d(2, 3, 3, stride=3, padding=1), 2, 2, 9, 10),
    layer("depthwise", lambda: nn.Conv2d(4, 8, 3, groups=4, bias=False), 2, 4, 6, 6),
    layer("conv1d", lambda: nn.Conv1d(3, 5, 3, padding=1, stride=2), 2, 3, 9),
    layer("conv_reflect", lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), 2, 2, 6, 6),
    layer("conv_transpose", lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), 2, 4, 5, 6),
    layer("conv_transpose_groups", lambda: nn.ConvTranspose2d(4, 6, (2, 3), stride=2, groups=2, dilation=2), 2, 4, 5, 6),
    layer("conv_transpose1d", lambda: nn.ConvTranspose1d(4, 6, 4, stride=2, padding=1), 2, 4, 5),
    layer("linear_3d", lambda: nn.Linear(5, 3), 2, 4, 5),
    layer("bilinear", lambda: Apply(lambda x, part: part(x, x * 2), part=nn.Bilinear(3, 3, 4)), 2, 3),
    layer("batch_norm1d", lambda: nn.BatchNorm1d(5), 2, 5),
    layer("batch_norm_3d", lambda: nn.BatchNorm1d(5, affine=False), 2, 5, 4),
    layer("batch_norm_untracked", lambda: nn.BatchNorm2d(3, track_running_stats=False), 4, 3, 4, 4),
    layer("layer_norm", lambda: nn.LayerNorm((3, 4)), 2, 3, 4),
    layer("layer_norm_plain", lambda: nn.LayerNorm(4, elementwise_affine=False), 2, 3, 4),
    layer("group_norm", lambda: nn.GroupNorm(2, 4), 2, 4, 3, 3),
    layer("group_norm_1d", lambda: nn.GroupNorm(3, 6, affine=False), 2, 6, 5),
    layer("instance_norm", lambda: nn.InstanceNorm2d(4, affine=True), 2, 4, 3, 3),
    layer("rms_norm", lambda: nn.RMSNorm(4), 2, 3, 4),
    layer("local_response_norm", lambda: nn.LocalResponseNorm(3), 2, 5, 3, 3),
    layer("max_pool", lambda: nn.MaxPool2d(3, 2, 1), 2, 3, 7, 8),
    layer("max_pool_ceil", lambda: nn.MaxPool2d(3, 2, ceil_mode=True), 2, 3, 8, 10),
    layer("max_pool1d", lambda: nn.MaxPool1d(2), 2, 3, 9),
    layer("avg_pool", lambda: nn.AvgPool2d(3, 2, 1), 2, 3, 7, 8),
    layer("avg_pool_ceil", lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), 2, 3, 8, 9),
    layer("avg_pool1d", lambda: nn.AvgPool1d(3, 2, 1), 2, 3, 9),
    layer("lp_pool", lambda: nn.LPPool2d(2, 2), 2, 3, 6, 6),
    layer("adaptive_avg", lambda: nn.AdaptiveAvgPool2d((2, 3)), 2, 3, 7, 9),
    layer("adaptive_avg_global", lambda: nn.AdaptiveAvgPool2d(1), 2, 3, 7, 9),
    layer("adaptive_max", lambda: nn.AdaptiveMaxPool2d((3, 2)), 2, 3, 7, 9),
    layer("adaptive_max1d", lambda: nn.AdaptiveMaxPool1d(2), 2, 3, 6),
    layer("prelu", lambda: nn.PReLU(3), 2, 3, 4),
    layer("weight_norm", lambda: nn.utils.weight_norm(nn.Linear(4, 3)), 2, 4),
    layer("unflatten", lambda: nn.Sequential(nn.Flatten(), nn.Unflatten(1, (3, 4))), 2, 4, 3),
    layer("relu_in_place", lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU(inplace=True), nn.Dropout(0.5)), 2, 2, 3, 3),
    layer("upsample", lambda: nn.Upsample(scale_factor=2), 2, 3, 4, 5),
    layer("upsample_bilinear", lambda: nn.Upsample(size=(7, 9), mode="bilinear"), 2, 3, 4, 5),
    layer("upsample_bicubic", lambda: nn.Upsample(scale_factor=1.5, mode="bicubic", align_corners=True), 2, 3, 4, 6),
    layer("pixel_shuffle", lambda: nn.Sequential(nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2)), 2, 4, 3, 3),
    layer(
        "attention", lambda: Apply(lambda x, part: part(x, x, x), part=nn.MultiheadAttention(8, 2, batch_first=True)), 2, 5, 8
    ),
    layer("transformer", transformer, 2, 5, 16),
    layer("transformer_norm_first", lambda: transformer(norm_first=True, activation="gelu"), 2, 5, 16),
    layer("lstm", lambda: First(nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)), 2, 5, 3),
    layer("lstm_projected", lambda: First(nn.LSTM(3, 4, proj_size=2, batch_first=True)), 2, 5, 3),
    layer("gru", lambda: First(nn.GRU(3, 4, batch_first=True)), 2, 5, 3),
    layer("rnn", lambda: First(nn.RNN(3, 4, nonlinearity="relu", batch_first=True)), 2, 5, 3),
    layer("conv3d", lambda: nn.Conv3d(2, 3, 3, padding=1, stride=2), 2, 2, 5, 6, 7),
    layer("max_pool3d", lambda: nn.MaxPool3d(2), 2, 2, 5, 6, 7),
    layer("avg_pool3d", lambda: nn.AvgPool3d(2, padding=1), 2, 2, 5, 6, 7),
    Case("embedding", lambda: nn.Embedding(10, 4, padding_idx=0), ids(10, 2, 5)),
]

ACTIVATIONS = [
    layer(kind.__name__, kind, 2, 3, 4)
    for kind in (
        nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh, nn.Hardtanh,
        nn.Hardswish, nn.Hardsigmoid, nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink, nn.LogSigmoid,
        nn.RReLU,
    )
] + [
    layer("gelu_tanh", lambda: nn.GELU("tanh"), 2, 3),
    layer("softplus_beta", lambda: nn.Softplus(3.0), 2, 3),
    layer("threshold", lambda: nn.Threshold(0.1, -2.0), 2, 3),
    layer("softmax", lambda: nn.Softmax(1), 2, 3, 4),
    layer("log_softmax", lambda: nn.LogSoftmax(-1), 2, 3, 4),
    layer("glu", lambda: nn.GLU(1), 2, 4),
]  # fmt: skip

FUNCTIONS = [
    of("halves_of_a_batch", lambda x: (torch.cat(x.chunk(2)[::-1]), x[len(x) // 2 :], x[: -(-len(x) // 2)]), (4, 3)),
    of("last_steps", last_steps, given=sequences),
    of("arithmetic", lambda x, y: (x + 2) * y - x / (y * y + 1) + (-x) ** 2 + 3 / (x * x + 1) - 1, (2, 3), (2, 3)),
    of("broadcast", lambda x, y: x * y + torch.tensor([1.0, 2.0, 3.0]), (2, 4, 3), (2, 1, 3)),
    of("integers", lambda x: (x + 2, x // 3, x % 3, x * x - 1, x / 2, x.float() * 0.5, x + 0.5), given=ids(9, 3, 4)),
    of("float_division", lambda x: (x // 0.3, x % 0.3, torch.fmod(x, 0.3), x.trunc(), x.floor(), x.ceil(), x.round()), (3, 4)),
    of("powers", lambda x: (x.sqrt(), x.rsqrt(), x.log(), x.log2(), x.log10(), x.log1p(), x**0.3, 2**x), given=positive(3, 4)),
    of(
        "exponentials",
        lambda x: (x.exp(), x.expm1(), x.exp2(), x.sinh(), x.cosh(), x.sin(), x.cos(), x.tan(), x.atan()),
        (3, 4),
    ),
    of("erf", lambda x: (x.erf(), x.erfc(), x.sign(), x.abs(), x.reciprocal()), (3, 4)),
    of(
        "comparison",
        lambda x, y: (x > y, x >= 0, x < 0.5, x <= y, x == y * 1, x != y, ~(x > y) & (x < 1) | (y > 0)),
        (3, 4),
        (3, 4),
    ),
    of("logic", lambda x: (torch.logical_not(x > 0), torch.logical_and(x, x > 0), torch.isnan(x), x.isfinite()), (3, 4)),
    of("where", lambda x, y: torch.where(x > 0, x, y * 2) + torch.where(y > 0, 1.0, x), (3, 4), (3, 4)),
    of("masked_fill", lambda x: x.masked_fill(x > 0, float("-inf")).softmax(-1), (3, 4)),
    of("clamp", lambda x, y: (x.clamp(-0.5, 0.5), x.clamp(min=0), x.clamp(max=y), torch.maximum(x, y)), (3, 4), (3, 4)),
    of(
        "reductions",
        lambda x: (x.sum(), x.mean((1, 2)), x.sum(-1, keepdim=True), x.amax(1), x.amin((0, 1)), x.max()),
        (3, 4, 2),
    ),
    of("statistics", lambda x: (x.var(1), x.std((1, 2), keepdim=True), x.var(unbiased=False), x.logsumexp(1)), (3, 4, 2)),
    of("norms", lambda x: (x.norm(dim=1), x.norm(1, 1), x.norm(3, 1), x.norm(float("inf"), 1), F.normalize(x)), (3, 4)),
    of("products", lambda x: (x.prod(1), x.cumsum(1), (x > 0).any(1), (x > 0).all(), (x > 0).sum(1)), (3, 4)),
    of(
        "extremes",
        lambda x: (*x.max(1), *x.min(2, keepdim=True), x.argmax(1), x.argmin(-1, keepdim=True), x.argmax()),
        (3, 4, 5),
    ),
    of("order", lambda x: (*x.topk(2, 1), *x.topk(2, largest=False), *x.sort(1), x.argsort(1, descending=True)), (3, 5)),
    of(
        "shapes",
        lambda x: (x.reshape(x.shape[0], -1), x.view(-1, 2), x.flatten(), x.flatten(1), x.unsqueeze(1).squeeze(1)),
        (3, 4, 2),
    ),
    of(
        "permutations",
        lambda x: (x.permute(2, 0, 1), x.transpose(1, 2), x.mT, x.movedim(0, -1), x.flip(1), x.roll(1, 1)),
        (3, 4, 2),
    ),
    of("expand", lambda x: (x.unsqueeze(1).expand(-1, 3, -1), x[:, None].expand(x.shape[0], 2, 4), x.repeat(2, 3)), (3, 4)),
    of("repeats", lambda x: (x.repeat_interleave(2, 1), x.repeat(1, 1), torch.tile(x, (2,))), (3, 4)),
    of("slices", lambda x: (x[:, 1], x[:, 1:3], x[..., -1], x[:, ::2, None], x[1:], x[:-1], x[:, -2:], x[0]), (3, 4, 5)),
    of(
        "indices",
        lambda x: (x[:, [2, 0]], x[:, :, torch.tensor([-1, 1])], x[:, [0, 1], [1, 3]], x.index_select(1, torch.tensor([1]))),
        (3, 4, 5),
    ),
    of(
        "index_by_input",
        lambda x, i: (x[:, 0][i], F.one_hot(i, 5), x.gather(1, i[:, None, None].expand(-1, 1, 3))),
        given=lambda: (torch.randn(4, 5, 3), torch.randint(0, 3, (4,))),
    ),
    of(
        "rows_by_input",
        lambda x, i: x[torch.arange(x.shape[0]), 0],
        given=lambda: (torch.randn(4, 5, 3), torch.randint(0, 3, (4,))),
    ),
    of(
        "join",
        lambda x, y: (torch.cat([x, y], 1), torch.stack([x, y], 1), torch.cat([x, y]), torch.cat([x, y.long()])),
        (2, 3),
        (2, 3),
    ),
    of("split", lambda x: (*x.split(2, 1), *x.chunk(3, 1), *x.unbind(1), *x.split([1, 4], 1)), (2, 5)),
    of(
        "pad",
        lambda x: (F.pad(x, (1, 2, 0, 1)), F.pad(x, (1, 1), value=3.0), F.pad(x, (1, 2), "replicate"), F.pad(x, (-1, 1))),
        (2, 3, 4),
    ),
    of(
        "products_of_matrices",
        lambda x, y: (x @ y.mT, torch.bmm(x, y.mT), torch.einsum("bij,bkj->bik", x, y), x @ torch.ones(4)),
        (2, 3, 4),
        (2, 5, 4),
    ),
    of(
        "einsum",
        lambda x, y: (torch.einsum("bij,bij->b", x, y), torch.einsum("bij->bji", x), torch.einsum("bii->bi", x)),
        (2, 4, 4),
        (2, 4, 4),
    ),
    of("attention_causal", lambda x: F.scaled_dot_product_attention(x, x * 2, x, is_causal=True), (2, 2, 5, 4)),
    of("attention_gqa", lambda q, kv: F.scaled_dot_product_attention(q, kv, kv, enable_gqa=True), (2, 4, 5, 4), (2, 2, 5, 4)),
    of("triangles", lambda x: (x.tril(), x.triu(1), (x > 0).tril(), torch.diagonal(x, dim1=1, dim2=2)), (2, 4, 4)),
    of("windows", windows, (2, 3, 7, 6)),
    of("casts", lambda x: ((x > 0).float(), x.long(), x.double(), x.half(), (x * 2).int() + 1), (2, 3)),
    of("distances", lambda x, y: (F.cosine_similarity(x, y), F.pairwise_distance(x, y), torch.cdist(x, y)), (3, 4), (3, 4)),
    of("scatter", lambda x: x.scatter(1, torch.zeros(1, 1, dtype=torch.long).expand(x.shape[0], 1), 7.0), (3, 4)),
    of("in_place", in_place, (3, 4)),
    of("set_slice", set_slice, (2, 4, 3)),
    of("write_through_view", write_through_view, (2, 4)),
    of("constant_mask", constant_mask, (2, 4, 4)),
    of("own_mask", own_mask, (3, 4, 4)),
    of("of_a_batch", lambda x: x.sum(0) / x.shape[0] + x.sum() / len(x) ** 0.5 + x.mean(0), (3, 4)),
    of("fills", lambda x: (torch.zeros_like(x) + x, torch.full((x.shape[0], 2), 3.0), x.new_ones(x.shape[0], 1) * x), (3, 4)),
]

CASES = [*LAYERS, *ACTIVATIONS, *FUNCTIONS]
