"""Every operation on tensors: kernel, backward rule and public function side by side, a family to a file."""

from ..autograd.broadcast import sum_to
from .activation import (
    celu, elu, erf, gelu, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, logsigmoid, mish, prelu,
    relu, relu6, rrelu, selu, silu, softplus, softshrink, softsign, tanhshrink, threshold,
)  # fmt: skip
from .adaptive import (
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_max_pool1d, adaptive_max_pool2d,
)  # fmt: skip
from .arrange import (
    cat, clone, concat, concatenate, diag, diag_embed, diagonal, flip, hstack, repeat, roll, stack, tile, tril, triu,
    vstack,
)  # fmt: skip
from .axes import (
    T, mT, moveaxis, movedim, swapaxes, t, unflatten,
)  # fmt: skip
from .classification import (
    cross_entropy, log_softmax, nll_loss, softmax, softmin,
)  # fmt: skip
from .compare import (
    allclose, bitwise_and, bitwise_not, bitwise_or, bitwise_xor, eq, equal, ge, gt, isclose, isfinite, isinf, isnan,
    le, logical_and, logical_not, logical_or, logical_xor, lt, ne,
)  # fmt: skip
from .conv import (
    conv1d, conv2d, conv_transpose1d, conv_transpose2d,
)  # fmt: skip
from .counting import (
    all, any, count_nonzero,
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
    abs, add, copy, cos, exp, expm1, fill, log, log1p, mul, neg, pow, reciprocal, rsqrt, sigmoid, sign, sin, sqrt,
    sub, tanh, where,
)  # fmt: skip
from .extremes import (
    amax, amin, argmax, argmin, max, median, min,
)  # fmt: skip
from .further import (
    acos, addcdiv, addcmul, asin, atan, atan2, cosh, exp2, lerp, log10, log2, rsub, sinh, square, tan,
)  # fmt: skip
from .gathering import (
    argsort, gather, scatter, scatter_add, sort, take_along_dim, topk,
)  # fmt: skip
from .index import (
    getitem, index_put, setitem,
)  # fmt: skip
from .limits import (
    clamp, clamp_max, clamp_min, clip, fmax, fmin, maximum, minimum,
)  # fmt: skip
from .linalg import (
    addmm, addmv, baddbmm, bmm, dot, einsum, ger, linear, matmul, mm, mv, outer, vdot,
)  # fmt: skip
from .loss import (
    binary_cross_entropy, binary_cross_entropy_with_logits, huber_loss, kl_div, l1_loss, mse_loss, smooth_l1_loss,
)  # fmt: skip
from .norm import (
    batch_norm, group_norm, instance_norm, layer_norm, normalize_channels,
)  # fmt: skip
from .norms import (
    logsumexp, norm, std_mean, var_mean,
)  # fmt: skip
from .pad import (
    pad,
)  # fmt: skip
from .parts import (
    chunk, narrow, select, split, unbind,
)  # fmt: skip
from .pool import (
    avg_pool1d, avg_pool2d, max_pool1d, max_pool2d,
)  # fmt: skip
from .reduce import (
    mean, std, sum, var,
)  # fmt: skip
from .resample import (
    fold, interpolate, pixel_shuffle, pixel_unshuffle, unfold,
)  # fmt: skip
from .rounding import (
    ceil, div, floor, floor_divide, fmod, frac, remainder, round, trunc,
)  # fmt: skip
from .running import (
    cumprod, cumsum, prod,
)  # fmt: skip
from .selection import (
    embedding, index_add, index_select, masked_fill, masked_select, nonzero, one_hot, repeat_interleave,
)  # fmt: skip
from .shape import (
    broadcast_to, expand, expand_as, flatten, permute, ravel, reshape, squeeze, swapdims, transpose, unsqueeze,
    view,
)  # fmt: skip

__all__ = [
    "T", "abs", "acos", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "add", "addcdiv", "addcmul", "addmm", "addmv", "all", "allclose", "alpha_dropout", "amax", "amin", "any",
    "arange", "argmax", "argmin", "argsort", "as_tensor", "asarray", "asin", "atan", "atan2", "avg_pool1d",
    "avg_pool2d", "baddbmm", "batch_norm", "bernoulli", "binary_cross_entropy", "binary_cross_entropy_with_logits",
    "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "bmm", "broadcast_to", "cat", "ceil", "celu",
    "chunk", "clamp", "clamp_max", "clamp_min", "clip", "clone", "concat", "concatenate", "conv1d", "conv2d",
    "conv_transpose1d", "conv_transpose2d", "copy", "cos", "cosh", "cosine_embedding_loss", "cosine_similarity",
    "count_nonzero", "cross_entropy", "cumprod", "cumsum", "diag", "diag_embed", "diagonal", "div", "dot",
    "dropout", "dropout1d", "dropout2d", "dropout3d", "einsum", "elu", "embedding", "empty", "empty_like", "eq",
    "equal", "erf", "exp", "exp2", "expand", "expand_as", "expm1", "eye", "fill", "flatten", "flip", "floor",
    "floor_divide", "fmax", "fmin", "fmod", "fold", "frac", "from_numpy", "full", "full_like", "gather", "ge",
    "gelu", "ger", "getitem", "glu", "group_norm", "gt", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hinge_embedding_loss", "hstack", "huber_loss", "index_add", "index_put", "index_select", "instance_norm",
    "interpolate", "isclose", "isfinite", "isinf", "isnan", "kl_div", "l1_loss", "layer_norm", "le", "leaky_relu",
    "lerp", "linear", "linspace", "log", "log10", "log1p", "log2", "log_softmax", "logical_and", "logical_not",
    "logical_or", "logical_xor", "logsigmoid", "logspace", "logsumexp", "lt", "mT", "margin_ranking_loss",
    "masked_fill", "masked_select", "matmul", "max", "max_pool1d", "max_pool2d", "maximum", "mean", "median", "min",
    "minimum", "mish", "mm", "moveaxis", "movedim", "mse_loss", "mul", "multinomial", "mv", "narrow", "ne", "neg",
    "nll_loss", "nonzero", "norm", "normal", "normalize", "normalize_channels", "one_hot", "ones", "ones_like",
    "outer", "pad", "pairwise_distance", "permute", "pixel_shuffle", "pixel_unshuffle", "pow", "prelu", "prod",
    "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "ravel", "reciprocal",
    "relu", "relu6", "remainder", "repeat", "repeat_interleave", "reshape", "roll", "round", "rrelu", "rsqrt",
    "rsub", "scatter", "scatter_add", "select", "selu", "setitem", "sigmoid", "sign", "silu", "sin", "sinh",
    "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink", "softsign", "sort",
    "split", "sqrt", "square", "squeeze", "stack", "std", "std_mean", "sub", "sum", "sum_to", "swapaxes",
    "swapdims", "t", "take_along_dim", "tan", "tanh", "tanhshrink", "tensor", "threshold", "tile", "topk",
    "transpose", "tril", "triplet_margin_loss", "triu", "trunc", "unbind", "unflatten", "unfold", "unsqueeze",
    "var", "var_mean", "vdot", "view", "vstack", "where", "zeros", "zeros_like",
]  # fmt: skip
