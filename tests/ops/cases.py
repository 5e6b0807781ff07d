"""The table of operations: each row names one, its NumPy reference and the shapes to try it on; ``test_table`` does the rest.

    Case("mul", np.multiply, (3, 4), (3, 4), broadcasts=True)

A new operation is one new row. Options:

    *shapes       of the inputs that are differentiated
    domain        where the inputs are drawn from (``DOMAINS``); every value is distinct and away from zero
    broadcasts    the inputs broadcast against each other: shapes (4,), (3, 1), () are tried too
    call          how to call it, where the arguments are not just the inputs and keywords
    empty         the shapes of a size-0 call; by default the first dimension becomes 0; None where it is an error
    bare          False where it takes Tensors only
    **static      keyword arguments of the call
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_fm

from .case import Array, C, function
from .cases_derived import DERIVED
from .cases_linalg import LINALG_CASES
from .cases_special import SPECIAL_CASES
from .image_cases import IMAGE_CASES
from .volume_cases import VOLUME_CASES

# -- helpers of the rows -----------------------------------------------------------------------------------------------


def t(values: Any) -> Any:
    """A Tensor of integers, bools or weights that an operation takes beside its inputs."""
    return tinygrad_fm.tensor(values)


def np_softmax(x: Array, axis: int = -1) -> Array:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def np_log_softmax(x: Array, axis: int = -1) -> Array:
    return np.log(np_softmax(x, axis))


def np_logsumexp(x: Array, axis: int = -1) -> Array:
    return np.log(np.exp(x).sum(axis=axis))


def np_sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def np_erf(x: Array) -> Array:
    from math import erf

    return np.vectorize(erf, otypes=[np.float64])(x).astype(x.dtype)


def np_gelu(x: Array) -> Array:
    return x * 0.5 * (1 + np_erf(x / np.sqrt(2)))


def np_cross_entropy(x: Array, labels: list[int], weight: Array | None = None, smoothing: float = 0.0) -> Array:
    logp, k = np_log_softmax(x, 1), x.shape[1]
    w = np.ones(k) if weight is None else weight
    target = np.eye(k)[labels]
    share = (1 - smoothing) * target + smoothing / k
    return -(share * w * logp).sum() / w[labels].sum()


def np_cosine(a: Array, b: Array) -> Array:
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def np_triplet(a: Array, p: Array, n: Array) -> Array:
    def far(x: Array, y: Array) -> Array:
        return np.sqrt(((x - y + 1e-6) ** 2).sum(-1))

    return np.maximum(0, far(a, p) - far(a, n) + 1).mean()


def np_layer_norm(x: Array, w: Array, b: Array) -> Array:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w + b


def np_batch_norm(x: Array, w: Array, b: Array) -> Array:
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * w + b


ROWS = np.array([2, 0, 2], np.int64)
COLUMNS = np.array([[0, 2, 1, 3], [3, 3, 0, 1], [1, 0, 2, 2]], np.int64)
PERMUTED = np.array([[0, 2, 1, 3], [3, 2, 0, 1], [1, 0, 3, 2]], np.int64)
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]])
LABELS = [2, 0, 1]
SIGNS = np.array([1, -1, 1])
WEIGHT = np.array([0.5, 2.0, 1.5, 1.0])

MATRIX = (3, 4)
CUBE = (2, 3, 4)
PAIR = (MATRIX, MATRIX)

# -- the table ---------------------------------------------------------------------------------------------------------

ELEMENTWISE = [
    C("add", np.add, *PAIR, broadcasts=True),
    C("add", lambda a, b: a + 3 * b, *PAIR, alpha=3),
    C("sub", np.subtract, *PAIR, broadcasts=True),
    C("sub", lambda a, b: a - 3 * b, *PAIR, alpha=3),
    C("mul", np.multiply, *PAIR, broadcasts=True),
    C("div", np.divide, *PAIR, broadcasts=True),
    C("div", lambda a, b: np.trunc(a / b), *PAIR, rounding_mode="trunc"),
    C("div", lambda a, b: np.floor(a / b), *PAIR, rounding_mode="floor"),
    C("remainder", np.remainder, *PAIR, broadcasts=True),
    C("fmod", np.fmod, *PAIR, broadcasts=True),
    C("pow", np.power, *PAIR, domain="positive", broadcasts=True),
    C("pow", lambda x: x**3, MATRIX, call=lambda x: function("pow")(x, 3)),
    C("pow", lambda x: x**2, MATRIX, call=lambda x: function("pow")(x, 2)),
    C("pow", lambda x: x**-1.5, MATRIX, domain="positive", call=lambda x: function("pow")(x, -1.5)),
    C("pow", lambda x: 1.7**x, MATRIX, call=lambda x: function("pow")(1.7, x)),
    C("maximum", np.maximum, *PAIR, broadcasts=True),
    C("minimum", np.minimum, *PAIR, broadcasts=True),
    C("fmax", np.fmax, *PAIR, broadcasts=True),
    C("fmin", np.fmin, *PAIR, broadcasts=True),
    C("atan2", np.arctan2, *PAIR, broadcasts=True),
    C("rsub", lambda a, b: b - 2 * a, *PAIR, alpha=2),
    C("addcmul", lambda x, a, b: x + 0.5 * a * b, MATRIX, MATRIX, MATRIX, value=0.5),
    C("addcdiv", lambda x, a, b: x + 0.5 * a / b, MATRIX, MATRIX, MATRIX, value=0.5),
    C("neg", np.negative, MATRIX),
    C("abs", np.abs, MATRIX),
    C("sign", np.sign, MATRIX),
    C("reciprocal", np.reciprocal, MATRIX),
    C("square", np.square, MATRIX),
    C("sqrt", np.sqrt, MATRIX, domain="positive"),
    C("rsqrt", lambda x: 1 / np.sqrt(x), MATRIX, domain="positive"),
    C("exp", np.exp, MATRIX),
    C("exp2", np.exp2, MATRIX),
    C("expm1", np.expm1, MATRIX),
    C("log", np.log, MATRIX, domain="positive"),
    C("log2", np.log2, MATRIX, domain="positive"),
    C("log10", np.log10, MATRIX, domain="positive"),
    C("log1p", np.log1p, MATRIX, domain="unit"),
    C("sin", np.sin, MATRIX),
    C("cos", np.cos, MATRIX),
    C("tan", np.tan, MATRIX, domain="unit"),
    C("asin", np.arcsin, MATRIX, domain="unit"),
    C("acos", np.arccos, MATRIX, domain="unit"),
    C("atan", np.arctan, MATRIX),
    C("sinh", np.sinh, MATRIX),
    C("cosh", np.cosh, MATRIX),
    C("tanh", np.tanh, MATRIX),
    C("sigmoid", np_sigmoid, MATRIX),
    C("erf", np_erf, MATRIX),
    C("floor", np.floor, MATRIX),
    C("ceil", np.ceil, MATRIX),
    C("round", np.round, MATRIX),
    C("trunc", np.trunc, MATRIX),
    C("frac", lambda x: x - np.trunc(x), MATRIX),
    C("clamp", lambda x: np.clip(x, -0.61, 0.83), MATRIX, min=-0.61, max=0.83),
    C("clamp", lambda x: np.maximum(x, 0.13), MATRIX, min=0.13),
    C("clamp", lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi), MATRIX, MATRIX, MATRIX),
    C("clamp_min", lambda x: np.maximum(x, 0.13), MATRIX, min=0.13),
    C("clamp_max", lambda x: np.minimum(x, 0.13), MATRIX, max=0.13),
    C("fill", lambda x, v: np.full_like(x, v), MATRIX, (), call=lambda x, v: function("fill")(x, v)),
    C("lerp", lambda a, b, w: a + w * (b - a), MATRIX, MATRIX, MATRIX),
    C("where", lambda a, b: np.where(MASK, a, b), *PAIR, call=lambda a, b: function("where")(t(MASK), a, b),
      empty=None, bare=False),
    C("where", lambda a: np.where(MASK, a, 2.5), MATRIX, call=lambda a: function("where")(t(MASK), a, 2.5),
      empty=None, bare=False),
]  # fmt: skip

REDUCE = [
    C("sum", np.sum, MATRIX),
    C("sum", lambda x: x.sum(1), CUBE, dim=1),
    C("sum", lambda x: x.sum((0, -1), keepdims=True), CUBE, dim=(0, -1), keepdim=True),
    C("sum", lambda x: x.sum(0), MATRIX, axis=0),
    C("mean", np.mean, MATRIX, empty=None),
    C("mean", lambda x: x.mean((1, 2)), CUBE, dim=(1, 2)),
    C("var", lambda x: x.var(ddof=1), MATRIX, empty=None),
    C("var", lambda x: x.var((0, 2), keepdims=True), CUBE, dim=(0, 2), correction=0, keepdim=True, empty=None),
    C("std", lambda x: x.std(1, ddof=1), CUBE, dim=1),
    C("var_mean", lambda x: (x.var(1, ddof=1), x.mean(1)), CUBE, dim=1),
    C("std_mean", lambda x: (x.std(1, ddof=1), x.mean(1)), CUBE, dim=1),
    C("prod", np.prod, (2, 3)),
    C("prod", lambda x: x.prod(1), CUBE, dim=1),
    C("amax", lambda x: x.max((0, 2)), CUBE, dim=(0, 2), empty=None),
    C("amin", lambda x: x.min(1, keepdims=True), CUBE, dim=1, keepdim=True),
    C("max", np.max, MATRIX, empty=None),
    C("min", np.min, MATRIX, empty=None),
    C("max", lambda x: (x.max(1), x.argmax(1)), CUBE, dim=1),
    C("min", lambda x: (x.min(-1, keepdims=True), x.argmin(-1, keepdims=True)), CUBE, dim=-1, keepdim=True),
    C("max", np.maximum, *PAIR),
    C("norm", lambda x: np.sqrt((x**2).sum()), MATRIX, empty=None),
    C("norm", lambda x: np.abs(x).sum(1), CUBE, p=1, dim=1),
    C("norm", lambda x: (np.abs(x) ** 3).sum(1) ** (1 / 3), CUBE, p=3, dim=1),
    C("norm", lambda x: np.abs(x).max(-1), CUBE, p=float("inf"), dim=-1),
    C("logsumexp", lambda x: np_logsumexp(x, 1), CUBE, dim=1),
    C("logsumexp", lambda x: np_logsumexp(x, (0, 2)), CUBE, dim=(0, 2), empty=None),
    C("cumsum", lambda x: x.cumsum(1), CUBE, dim=1),
    C("cumprod", lambda x: x.cumprod(1), CUBE, dim=1),
    C("median", lambda x: np.sort(x.ravel())[4], (3, 3), empty=None),
    C("sort", lambda x: (np.sort(x, 1), np.argsort(x, 1)), CUBE, dim=1),
    C("topk", lambda x: (-np.sort(-x, -1)[..., :2], np.argsort(-x, -1)[..., :2]), CUBE, k=2),
]  # fmt: skip

SHAPE = [
    C("reshape", lambda x: x.reshape(4, 6), CUBE, shape=(4, 6), empty=None),
    C("reshape", lambda x: x.reshape(2, -1), CUBE, shape=(2, -1), empty=None),
    C("view", lambda x: x.reshape(6, 4), CUBE, call=lambda x: x.view(6, 4), empty=None, bare=False),
    C("flatten", lambda x: x.reshape(len(x), 12), CUBE, start_dim=1),
    C("unflatten", lambda x: x.reshape(len(x), 2, 2), MATRIX, dim=1, sizes=(2, 2)),
    C("ravel", np.ravel, CUBE),
    C("transpose", lambda x: x.swapaxes(0, 2), CUBE, dim0=0, dim1=2),
    C("swapaxes", lambda x: x.swapaxes(0, 2), CUBE, call=lambda x: function("swapaxes")(x, 0, 2)),
    C("movedim", lambda x: np.moveaxis(x, 0, -1), CUBE, source=0, destination=-1),
    C("permute", lambda x: x.transpose(2, 0, 1), CUBE, dims=(2, 0, 1)),
    C("t", np.transpose, MATRIX),
    C("unsqueeze", lambda x: x[:, None], MATRIX, dim=1),
    C("squeeze", np.squeeze, (3, 1, 4, 1), empty=((0, 1, 4),)),
    C("squeeze", lambda x: x.squeeze(1), (3, 1, 4), dim=1),
    C("expand", lambda x: np.broadcast_to(x, (2, 3, 4)), (3, 1), call=lambda x: x.expand(2, 3, 4), empty=None,
      bare=False),
    C("broadcast_to", lambda x: np.broadcast_to(x, (2, 3, 4)), (3, 1), shape=(2, 3, 4), empty=None),
    C("cat", lambda a, b: np.concatenate([a, b], 1), *PAIR, call=lambda a, b: function("cat")([a, b], dim=1)),
    C("stack", lambda a, b: np.stack([a, b], 1), *PAIR, call=lambda a, b: function("stack")([a, b], dim=1)),
    C("split", lambda x: tuple(np.split(x, [2], 1)), CUBE, split_size_or_sections=2, dim=1),
    C("split", lambda x: tuple(np.split(x, [1], -1)), CUBE, split_size_or_sections=[1, 3], dim=-1),
    C("chunk", lambda x: tuple(np.split(x, 2, -1)), CUBE, chunks=2, dim=-1),
    C("unbind", lambda x: tuple(x[:, i] for i in range(3)), CUBE, dim=1),
    C("flip", lambda x: x[::-1, :, ::-1], CUBE, dims=(0, 2)),
    C("roll", lambda x: np.roll(x, 2, 1), CUBE, shifts=2, dims=1),
    C("repeat", lambda x: np.tile(x, (2, 1, 3)), MATRIX, call=lambda x: x.repeat(2, 1, 3), bare=False),
    C("tile", lambda x: np.tile(x, (2, 3)), MATRIX, dims=(2, 3)),
    C("repeat_interleave", lambda x: np.repeat(x, 2, 1), CUBE, repeats=2, dim=1),
    C("clone", np.copy, MATRIX),
    C("contiguous", lambda x: x.T.copy(), MATRIX, call=lambda x: x.t().contiguous(), bare=False),
    C("T", np.transpose, MATRIX, call=lambda x: x.T, bare=False),
    C("mT", lambda x: x.swapaxes(1, 2), CUBE, call=lambda x: x.mT, bare=False),
    C("expand_as", lambda x: np.broadcast_to(x, (2, 3, 4)), (3, 1), empty=None, bare=False,
      call=lambda x: x.expand_as(tinygrad_fm.zeros(2, 3, 4))),
    C("narrow", lambda x: x[:, 1:3], CUBE, dim=1, start=1, length=2),
    C("select", lambda x: x[:, -1], CUBE, dim=1, index=-1),
    C("hstack", lambda a, b: np.hstack([a, b]), *PAIR, call=lambda a, b: function("hstack")([a, b])),
    C("vstack", lambda a, b: np.vstack([a, b]), *PAIR, call=lambda a, b: function("vstack")([a, b])),
    C("diag_embed", lambda x: x[:, :, None] * np.eye(4), MATRIX),
    C("tril", np.tril, CUBE),
    C("triu", lambda x: np.triu(x, 1), CUBE, diagonal=1),
    C("diag", np.diag, (3, 3), empty=None),
    C("diagonal", lambda x: np.diagonal(x, 1, 1, 2), CUBE, offset=1, dim1=1, dim2=2),
]  # fmt: skip

INDEX = [
    C("getitem", lambda x: x[1:, ::2], MATRIX, call=lambda x: x[1:, ::2], bare=False, empty=None),
    C("getitem", lambda x: x[..., None, -1], CUBE, call=lambda x: x[..., None, -1], bare=False),
    C("getitem", lambda x: x[ROWS], MATRIX, call=lambda x: x[t(ROWS)], bare=False, empty=None),
    C("getitem", lambda x: x[ROWS, 1:], MATRIX, call=lambda x: x[t(ROWS), 1:], bare=False, empty=None),
    C("getitem", lambda x: x[MASK], MATRIX, call=lambda x: x[t(MASK)], bare=False, empty=None),
    C("gather", lambda x: np.take_along_axis(x, COLUMNS, 1), MATRIX,
      call=lambda x: function("gather")(x, 1, t(COLUMNS)), empty=None, bare=False),
    C("index_select", lambda x: x[ROWS], MATRIX, call=lambda x: function("index_select")(x, 0, t(ROWS)),
      empty=None, bare=False),
    C("masked_fill", lambda x: np.where(MASK, 7.0, x), MATRIX,
      call=lambda x: function("masked_fill")(x, t(MASK), 7.0), empty=None, bare=False),
    C("masked_select", lambda x: x[MASK], MATRIX, call=lambda x: function("masked_select")(x, t(MASK)),
      empty=None, bare=False),
    C("take_along_dim", lambda x: np.take_along_axis(x, COLUMNS, 1), MATRIX,
      call=lambda x: function("take_along_dim")(x, t(COLUMNS), 1), empty=None, bare=False),
    C("embedding", lambda w: w[COLUMNS % 3], MATRIX, call=lambda w: function("embedding")(t(COLUMNS % 3), w),
      empty=None, bare=False),
]  # fmt: skip


def _placed(x: Array, src: Array) -> Array:
    out = x.copy()
    np.put_along_axis(out, PERMUTED, src, 1)
    return out


def _rows_added(x: Array, src: Array) -> Array:
    out = x.copy()
    np.add.at(out, ROWS, src)
    return out


def _elements_put(x: Array, values: Array) -> Array:
    out = x.copy()
    out[ROWS, [0, 1, 3]] = values
    return out


def _elements_added(x: Array, values: Array) -> Array:
    out = x.copy()
    np.add.at(out, (ROWS, [1, 1, 1]), values)
    return out


def _scattered(x: Array, src: Array) -> Array:
    out = x.copy()
    np.add.at(out, (np.arange(3)[:, None], COLUMNS), src)
    return out


INDEX += [
    C("scatter", _placed, *PAIR, call=lambda x, s: function("scatter")(x, 1, t(PERMUTED), s), empty=None, bare=False),
    C("index_add", _rows_added, *PAIR, call=lambda x, s: function("index_add")(x, 0, t(ROWS), s), empty=None,
      bare=False),
    C("index_put", _elements_put, MATRIX, (3,),
      call=lambda x, v: function("index_put")(x, (t(ROWS), t([0, 1, 3])), v), empty=None, bare=False),
    C("index_put", _elements_added, MATRIX, (3,),
      call=lambda x, v: function("index_put")(x, (t(ROWS), t([1, 1, 1])), v, accumulate=True), empty=None, bare=False),
    C("scatter_add", _scattered, *PAIR, call=lambda x, s: function("scatter_add")(x, 1, t(COLUMNS), s),
      empty=None, bare=False),
]  # fmt: skip

LINALG = [
    C("matmul", np.matmul, (3, 4), (4, 2), empty=((0, 4), (4, 2))),
    C("matmul", np.matmul, (2, 3, 4), (4, 2), empty=((2, 3, 0), (0, 2))),
    C("matmul", np.matmul, (2, 1, 3, 4), (3, 4, 2), empty=None),
    C("matmul", np.matmul, (4,), (4,), empty=((0,), (0,))),
    C("matmul", np.matmul, (3, 4), (4,), empty=((0, 4), (4,))),
    C("matmul", np.matmul, (4,), (2, 4, 3), empty=None),
    C("mm", np.matmul, (3, 4), (4, 2), empty=((3, 0), (0, 2))),
    C("bmm", np.matmul, (2, 3, 4), (2, 4, 2), empty=((0, 3, 4), (0, 4, 2))),
    C("mv", np.matmul, (3, 4), (4,), empty=((0, 4), (4,))),
    C("dot", np.dot, (4,), (4,), empty=((0,), (0,))),
    C("addmv", lambda c, a, v: 0.5 * c + 2 * (a @ v), (3,), (3, 4), (4,), beta=0.5, alpha=2, empty=((0,), (0, 4), (4,))),
    C("outer", np.outer, (3,), (4,), empty=((0,), (4,))),
    C("addmm", lambda c, a, b: 0.5 * c + 2 * (a @ b), (3, 2), (3, 4), (4, 2), beta=0.5, alpha=2,
      empty=((0, 2), (0, 4), (4, 2))),
    C("baddbmm", lambda c, a, b: c + a @ b, (2, 3, 2), (2, 3, 4), (2, 4, 2), empty=None),
    C("einsum", lambda a, b: np.einsum("bij,bjk->bik", a, b), (2, 3, 4), (2, 4, 2),
      call=lambda a, b: function("einsum")("bij,bjk->bik", a, b), empty=None,
      bare=False),
    C("linear", lambda x, w, b: x @ w.T + b, (3, 4), (2, 4), (2,), empty=((0, 4), (2, 4), (2,))),
    C("linear", lambda x, w: x @ w.T, (2, 3, 4), (2, 4), empty=((0, 3, 4), (2, 4))),
]  # fmt: skip

ACTIVATION = [
    C("relu", lambda x: np.maximum(x, 0), MATRIX),
    C("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x), MATRIX, negative_slope=0.2),
    C("gelu", np_gelu, MATRIX),
    C("gelu", lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), MATRIX, approximate="tanh"),
    C("elu", lambda x: np.where(x > 0, x, 0.7 * np.expm1(x)), MATRIX, alpha=0.7),
    C("selu", lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)), MATRIX),
    C("silu", lambda x: x * np_sigmoid(x), MATRIX),
    C("mish", lambda x: x * np.tanh(np.log1p(np.exp(x))), MATRIX),
    C("softplus", lambda x: np.log1p(np.exp(2 * x)) / 2, MATRIX, beta=2),
    C("softsign", lambda x: x / (1 + np.abs(x)), MATRIX),
    C("logsigmoid", lambda x: np.log(np_sigmoid(x)), MATRIX),
    C("hardtanh", lambda x: np.clip(x, -1, 1), MATRIX),
    C("relu6", lambda x: np.clip(x, 0, 6), MATRIX),
    C("hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), MATRIX),
    C("hardswish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), MATRIX),
    C("celu", lambda x: np.where(x > 0, x, 0.7 * np.expm1(x / 0.7)), MATRIX, alpha=0.7),
    C("glu", lambda x: x[..., :2] * np_sigmoid(x[..., 2:]), CUBE, bare=False),
    C("prelu", lambda x, w: np.where(x > 0, x, w[:, None] * x), CUBE, (3,), empty=((0, 3, 4), (3,)), bare=False),
    C("hardshrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), MATRIX),
    C("softshrink", lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), MATRIX),
    C("tanhshrink", lambda x: x - np.tanh(x), MATRIX),
    C("threshold", lambda x: np.where(x > 0.33, x, 2.5), MATRIX, threshold=0.33, value=2.5),
    C("softmin", lambda x: np_softmax(-x, 1), CUBE, dim=1),
    C("softmax", lambda x: np_softmax(x, 1), CUBE, dim=1),
    C("softmax", lambda x: np_softmax(x, -1), MATRIX, dim=-1),
    C("log_softmax", lambda x: np_log_softmax(x, 1), CUBE, dim=1),
    C("log_softmax", lambda x: np_log_softmax(x, -1), MATRIX, dim=-1),
]  # fmt: skip

LOSS = [
    C("normalize", lambda x: x / np.sqrt((x**2).sum(1, keepdims=True)), MATRIX, bare=False),
    C("cosine_similarity", np_cosine, *PAIR, bare=False),
    C("pairwise_distance", lambda a, b: np.sqrt(((a - b + 1e-6) ** 2).sum(-1)), *PAIR, bare=False),
    C("cosine_embedding_loss", lambda a, b: np.where(SIGNS == 1, 1 - np_cosine(a, b), np.maximum(np_cosine(a, b), 0)).mean(),
      *PAIR, call=lambda a, b: function("cosine_embedding_loss")(a, b, t(SIGNS)), empty=None, bare=False),
    C("margin_ranking_loss", lambda a, b: np.maximum(0, -SIGNS * (a - b) + 0.2).mean(), (3,), (3,),
      call=lambda a, b: function("margin_ranking_loss")(a, b, t(SIGNS), margin=0.2), empty=None, bare=False),
    C("hinge_embedding_loss", lambda x: np.where(SIGNS == 1, x, np.maximum(0, 1 - x)).mean(), (3,),
      call=lambda x: function("hinge_embedding_loss")(x, t(SIGNS)), empty=None, bare=False),
    C("soft_margin_loss", lambda x: np.log1p(np.exp(-SIGNS * x)).mean(), (3,),
      call=lambda x: function("soft_margin_loss")(x, t(SIGNS)), empty=None, bare=False),
    C("triplet_margin_loss", np_triplet, MATRIX, MATRIX, MATRIX, empty=None, bare=False),
    C("layer_norm", np_layer_norm, CUBE, (4,), (4,), bare=False, empty=((0, 3, 4), (4,), (4,)),
      call=lambda x, w, b: function("layer_norm")(x, (4,), w, b)),
    C("batch_norm", np_batch_norm, (5, 3), (3,), (3,), bare=False, empty=None,
      call=lambda x, w, b: tinygrad_fm.nn.functional.batch_norm(x, None, None, w, b, training=True)),
    C("mse_loss", lambda a, b: ((a - b) ** 2).mean(), *PAIR, empty=None),
    C("mse_loss", lambda a, b: (a - b) ** 2, *PAIR, reduction="none"),
    C("l1_loss", lambda a, b: np.abs(a - b).sum(), *PAIR, reduction="sum"),
    C("smooth_l1_loss", lambda a, b: np.where(np.abs(a - b) < 1, 0.5 * (a - b) ** 2, np.abs(a - b) - 0.5).mean(), *PAIR,
      empty=None),
    C("huber_loss", lambda a, b: np.where(np.abs(a - b) < 1, 0.5 * (a - b) ** 2, np.abs(a - b) - 0.5).mean(), *PAIR,
      empty=None),
    C("binary_cross_entropy", lambda p, q: -(q * np.log(p) + (1 - q) * np.log(1 - p)).mean(), *PAIR, domain="probability",
      empty=None),
    C("binary_cross_entropy_with_logits",
      lambda x, q: (np.maximum(x, 0) - x * q + np.log1p(np.exp(-np.abs(x)))).mean(), *PAIR, empty=None),
    C("kl_div", lambda x, q: (q * (np.log(q) - x)).sum() / 3, *PAIR, domain="probability", reduction="batchmean",
      empty=None),
    C("kl_div", lambda x, q: np.exp(q) * (q - x), *PAIR, log_target=True, reduction="none"),
    C("cross_entropy", lambda x: np_cross_entropy(x, LABELS), MATRIX,
      call=lambda x: function("cross_entropy")(x, t(LABELS)), empty=None, bare=False),
    C("cross_entropy", lambda x: np_cross_entropy(x, LABELS, WEIGHT, 0.1), MATRIX,
      call=lambda x: function("cross_entropy")(x, t(LABELS), t(WEIGHT.tolist()).to(x.dtype), label_smoothing=0.1),
      empty=None, bare=False),
    C("cross_entropy", lambda x, q: -(q * np_log_softmax(x, 1)).sum() / 3, *PAIR, domain="probability", empty=None),
    C("nll_loss", lambda x: -x[np.arange(3), LABELS].mean(), MATRIX,
      call=lambda x: function("nll_loss")(x, t(LABELS)), empty=None, bare=False),
]  # fmt: skip

CASES = [
    *ELEMENTWISE,
    *REDUCE,
    *SHAPE,
    *INDEX,
    *LINALG,
    *ACTIVATION,
    *LOSS,
    *IMAGE_CASES,
    *DERIVED,
    *SPECIAL_CASES,
    *LINALG_CASES,
    *VOLUME_CASES,
]


def _reasons(reason: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), reason)


# public functions that have no row above, and why
WITHOUT_ROW = {
    **_reasons("has no derivative in PyTorch either, which raises where it is asked for", "floor_divide"),
    **_reasons(
        "gives bools or indices, which carry no gradient; compared with PyTorch in tests/parity",
        """all allclose any argmax argmin argsort bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
        bitwise_xor count_nonzero gcd isreal lcm eq equal ge gt histogram unravel_index
        bincount bucketize heaviside histc isin isneginf isposinf searchsorted signbit tril_indices triu_indices unique
        unique_consecutive isclose isfinite isinf isnan le logical_and logical_not logical_or logical_xor lt ne nonzero
        linalg.matrix_rank one_hot""",
    ),
    **_reasons("gives its input back", "positive"),
    **_reasons(
        "takes its weights as a list; gradients to second order in test_rnn.py",
        "rnn_tanh rnn_relu lstm gru rnn_tanh_cell rnn_relu_cell lstm_cell gru_cell",
    ),
    **_reasons(
        "compared with PyTorch, gradients too, in tests/parity/test_samples",
        "ctc_loss lp_pool1d max_unpool1d max_unpool3d multi_head_attention_forward multilabel_margin_loss",
    ),
    **_reasons("differentiable in its second argument only; compared with PyTorch in tests/parity", "igamma igammac zeta"),
    **_reasons("the next number is not on the straight line that differences draw", "nextafter"),
    **_reasons("its exponents are whole numbers; compared with PyTorch in tests/parity", "frexp"),
    **_reasons(
        "makes a tensor from numbers; see test_create",
        """arange as_tensor asarray broadcast_shapes frombuffer scalar_tensor
        empty empty_like eye from_dlpack from_numpy full full_like linspace logspace ones ones_like tensor zeros
        zeros_like""",
    ),
    **_reasons(
        "draws random numbers; see test_create and test_dropout",
        """feature_alpha_dropout alpha_dropout bernoulli binomial poisson dropout
        dropout1d dropout2d dropout3d gumbel_softmax multinomial
        normal
        rand rand_like randint randint_like randn randn_like randperm rrelu""",
    ),
}
