"""Reverse-mode autograd on NumPy, in PyTorch's style: ``import tinygrad_fm as torch``."""

from . import amp, autograd, backends, cuda, func, nn, older, ops, optim, outside, profiler, random, runtime, utils
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .autograd.primitive import is_tensor
from .amp import autocast
from .device import device
from .dtypes import bool_ as bool
from .dtypes import dtype, float16, float32, float64, get_default_dtype, int8, int16, int32, int64, set_default_dtype, uint8
from .dtypes import float16 as half
from .dtypes import float32 as float
from .dtypes import float64 as double
from .dtypes import int16 as short
from .dtypes import int32 as int
from .dtypes import int64 as long
from .io import load, save
from .ops import (
    abs,
    acos,
    add,
    addcdiv,
    addcmul,
    addmm,
    addmv,
    all,
    allclose,
    alpha_dropout,
    amax,
    amin,
    any,
    arange,
    argmax,
    argmin,
    argsort,
    as_tensor,
    asarray,
    asin,
    atan,
    atan2,
    baddbmm,
    batch_norm,
    bernoulli,
    binary_cross_entropy_with_logits,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    bmm,
    broadcast_to,
    cat,
    ceil,
    celu,
    chunk,
    clamp,
    clamp_max,
    clamp_min,
    clip,
    clone,
    concat,
    concatenate,
    cos,
    cosh,
    cosine_embedding_loss,
    cosine_similarity,
    count_nonzero,
    cumprod,
    cumsum,
    diag,
    diag_embed,
    diagonal,
    div,
    dot,
    dropout,
    einsum,
    embedding,
    empty,
    empty_like,
    eq,
    equal,
    erf,
    exp,
    exp2,
    expm1,
    eye,
    fill,
    flatten,
    flip,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    frac,
    from_numpy,
    full,
    full_like,
    gather,
    ge,
    ger,
    gt,
    hardshrink,
    hinge_embedding_loss,
    hstack,
    index_add,
    index_put,
    index_select,
    isclose,
    isfinite,
    isinf,
    isnan,
    kl_div,
    le,
    lerp,
    linspace,
    log,
    log10,
    log1p,
    log2,
    log_softmax,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    logspace,
    logsumexp,
    lt,
    margin_ranking_loss,
    masked_fill,
    masked_select,
    matmul,
    max,
    maximum,
    mean,
    median,
    min,
    minimum,
    mm,
    moveaxis,
    movedim,
    mul,
    multinomial,
    mv,
    narrow,
    ne,
    neg,
    nonzero,
    norm,
    normal,
    ones,
    ones_like,
    outer,
    pairwise_distance,
    permute,
    pow,
    prelu,
    prod,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    ravel,
    reciprocal,
    relu,
    remainder,
    repeat_interleave,
    reshape,
    roll,
    round,
    rrelu,
    rsqrt,
    rsub,
    scatter,
    scatter_add,
    select,
    selu,
    sigmoid,
    sign,
    sin,
    sinh,
    softmax,
    sort,
    split,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    std_mean,
    sub,
    sum,
    swapaxes,
    swapdims,
    t,
    take_along_dim,
    tan,
    tanh,
    threshold,
    tile,
    topk,
    transpose,
    tril,
    triplet_margin_loss,
    triu,
    trunc,
    unbind,
    unflatten,
    unsqueeze,
    var,
    var_mean,
    vdot,
    vstack,
    where,
    zeros,
    zeros_like,
)
from .older import BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor, LongTensor, ShortTensor
from .ops import (
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    avg_pool1d,
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
    max_pool1d,
    max_pool2d,
    pixel_shuffle,
    pixel_unshuffle,
)
from .ops.derived import *
from .printing import set_printoptions
from .random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .random import default_generator
from .runtime import get_num_threads, set_num_threads
from .settings import *
from .tensor import Size, Tensor
from .version import __version__
from .ops import tensor  # last: importing the module of that name has set it

from math import e, inf, nan, pi


def summary(model: nn.Module, input_size: tuple[int, ...]) -> object:  # type: ignore[valid-type]
    """The table of a model's layers, see :func:`tinygrad_fm.viz.summary`; pictures are imported when first used."""
    from .viz import summary as make

    return make(model, input_size)


def draw(target: object, input: object = None, **options: object) -> object:
    """The computation graph as a picture, see :func:`tinygrad_fm.viz.draw`."""
    from .viz import draw as make

    return make(target, input, **options)  # type: ignore[arg-type]


absolute, arccos, arcsin, arctan, arctan2, divide, fix = abs, acos, asin, atan, atan2, div, trunc
greater, greater_equal, less, less_equal, multiply, negative = gt, ge, lt, le, mul, neg
not_equal, subtract, true_divide, arccosh, arcsinh, arctanh, argwhere = ne, sub, div, acosh, asinh, atanh, nonzero  # noqa: F405
detach, relu_, sigmoid_, tanh_ = Tensor.detach, Tensor.relu_, Tensor.sigmoid_, Tensor.tanh_
setattr(autograd, "Variable", older.Variable)  # noqa: B010  # its floor is below that of tensors
outside.tell_importers()
__getattr__ = outside.refuse("torch")
