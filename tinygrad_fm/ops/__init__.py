"""Every operation on tensors: kernel, backward rule and public function side by side, a family to a file."""

from ..autograd.backward import clone
from ..autograd.broadcast import sum_to
from .activation import (
    celu, elu, erf, gelu, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, logsigmoid, mish, prelu,
    relu, relu6, rrelu, selu, silu, softplus, softshrink, softsign, tanhshrink, threshold,
)  # fmt: skip
from .arrange import (
    cat, concat, concatenate, diag, diag_embed, diagonal, flip, hstack, repeat, roll, stack, tile, tril, triu,
    vstack,
)  # fmt: skip
from .classification import (
    cross_entropy, log_softmax, nll_loss, softmax, softmin,
)  # fmt: skip
from .create import (
    arange, as_tensor, asarray, bernoulli, empty, empty_like, eye, from_numpy, full, full_like, linspace, logspace,
    multinomial, normal, ones, ones_like, rand, rand_like, randint, randint_like, randn, randn_like, randperm,
    tensor, zeros, zeros_like,
)  # fmt: skip
from .distance import (
    cosine_embedding_loss, cosine_similarity, hinge_embedding_loss, margin_ranking_loss, normalize,
    pairwise_distance, soft_margin_loss, triplet_margin_loss,
)  # fmt: skip
from .dropouts import (
    alpha_dropout, dropout, dropout1d, dropout2d, dropout3d,
)  # fmt: skip
from .elementwise import (
    abs, acos, add, addcdiv, addcmul, allclose, asin, atan, atan2, bitwise_and, bitwise_not, bitwise_or,
    bitwise_xor, ceil, clamp, clamp_max, clamp_min, clip, copy, cos, cosh, div, eq, equal, exp, exp2, expm1, fill,
    floor, floor_divide, fmax, fmin, fmod, frac, ge, gt, isclose, isfinite, isinf, isnan, le, lerp, log, log10,
    log1p, log2, logical_and, logical_not, logical_or, logical_xor, lt, maximum, minimum, mul, ne, neg, pow,
    reciprocal, remainder, round, rsqrt, rsub, sigmoid, sign, sin, sinh, sqrt, square, sub, tan, tanh, trunc, where,
)  # fmt: skip
from .extremes import amax, amin, argmax, argmin, max, median, min
from .gathering import (
    argsort, gather, scatter, scatter_add, sort, take_along_dim, topk,
)  # fmt: skip
from .index import getitem, index_put, setitem
from .linalg import (
    addmm, addmv, baddbmm, bmm, dot, einsum, ger, linear, matmul, mm, mv, outer, vdot,
)  # fmt: skip
from .loss import (
    binary_cross_entropy, binary_cross_entropy_with_logits, huber_loss, kl_div, l1_loss, mse_loss, smooth_l1_loss,
)  # fmt: skip
from .norm import (
    batch_norm, normalize_channels,
)  # fmt: skip
from .reduce import all, any, count_nonzero, logsumexp, mean, norm, prod, std, std_mean, sum, var, var_mean
from .running import cumprod, cumsum
from .selection import (
    embedding, index_add, index_select, masked_fill, masked_select, nonzero, one_hot, repeat_interleave,
)  # fmt: skip
from .shape import (
    T, broadcast_to, chunk, expand, expand_as, flatten, mT, moveaxis, movedim, narrow, permute, ravel, reshape,
    select, split, squeeze, swapaxes, swapdims, t, transpose, unbind, unflatten, unsqueeze, view,
)  # fmt: skip

__all__ = [
    "T", "abs", "acos", "add", "addcdiv", "addcmul", "addmm", "addmv", "all", "allclose", "alpha_dropout", "amax",
    "amin", "any", "arange", "argmax", "argmin", "argsort", "as_tensor", "asarray", "asin", "atan", "atan2",
    "baddbmm", "batch_norm", "bernoulli", "binary_cross_entropy", "binary_cross_entropy_with_logits", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "bmm", "broadcast_to", "cat", "ceil", "celu", "chunk", "clamp",
    "clamp_max", "clamp_min", "clip", "clone", "concat", "concatenate", "copy", "cos", "cosh",
    "cosine_embedding_loss", "cosine_similarity", "count_nonzero", "cross_entropy", "cumprod", "cumsum", "diag", "diag_embed",
    "diagonal", "div", "dot", "dropout", "dropout1d", "dropout2d", "dropout3d", "einsum", "elu", "embedding",
    "empty", "empty_like", "eq", "equal", "erf", "exp", "exp2", "expand", "expand_as", "expm1", "eye", "fill",
    "flatten", "flip", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "from_numpy", "full", "full_like",
    "gather", "ge", "gelu", "ger", "getitem", "glu", "gt", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hinge_embedding_loss", "hstack", "huber_loss", "index_add", "index_put", "index_select", "isclose", "isfinite",
    "isinf", "isnan", "kl_div", "l1_loss", "le", "leaky_relu", "lerp", "linear", "linspace", "log", "log10",
    "log1p", "log2", "log_softmax", "logical_and", "logical_not", "logical_or", "logical_xor", "logsigmoid",
    "logspace", "logsumexp", "lt", "mT", "margin_ranking_loss", "masked_fill", "masked_select", "matmul", "max",
    "maximum", "mean", "median", "min", "minimum", "mish", "mm", "moveaxis", "movedim", "mse_loss", "mul", "multinomial",
    "mv", "narrow", "ne", "neg", "nll_loss", "nonzero", "norm", "normal", "normalize", "normalize_channels",
    "one_hot", "ones", "ones_like", "outer", "pairwise_distance", "permute", "pow", "prelu", "prod", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "ravel", "reciprocal", "relu",
    "relu6", "remainder", "repeat", "repeat_interleave", "reshape", "roll", "round", "rrelu", "rsqrt", "rsub",
    "scatter", "scatter_add", "select", "selu", "setitem", "sigmoid", "sign", "silu", "sin", "sinh",
    "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink", "softsign", "sort",
    "split", "sqrt", "square", "squeeze", "stack", "std", "std_mean", "sub", "sum", "sum_to", "swapaxes", "swapdims", "t",
    "take_along_dim", "tan", "tanh", "tanhshrink", "tensor", "threshold", "tile", "topk", "transpose", "tril",
    "triplet_margin_loss", "triu", "trunc", "unbind", "unflatten", "unsqueeze", "var", "var_mean", "vdot", "view", "vstack",
    "where", "zeros", "zeros_like",
]  # fmt: skip
