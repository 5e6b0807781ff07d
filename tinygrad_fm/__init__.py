"""Reverse-mode autograd on NumPy, in PyTorch's style: ``import tinygrad_fm as torch``."""

from . import amp, autograd, backends, cuda, distributed, distributions, func, linalg, nn, onnx, ops, optim, profiler, random
from . import runtime, special, utils
from .torch_compat import legacy, left_out, out
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .autograd import forward_ad as _forward_ad, functional as _functional
from .func import vmap
from .autograd.box import is_tensor
from .amp import autocast
from .devices import device
from .dtypes import bool_ as bool
from .dtypes import dtype, float16, float32, float64, get_default_dtype, int8, int16, int32, int64, set_default_dtype, uint8
from .dtypes import float16 as half
from .dtypes import float32 as float
from .dtypes import float64 as double
from .dtypes import int16 as short
from .dtypes import int32 as int
from .dtypes import int64 as long
from .serialization import load, save
from .compiling import compile
from .ops.elementwise import *
from .ops.clamp import *
from .ops.copy import *
from .ops.division_rounding import *
from .ops.comparison import *
from .ops.special import *
from .ops.normal_distribution import *
from .ops.gamma import *
from .ops.bessel import *
from .ops.mantissa_exponent import *
from .ops.shape import *
from .ops.indexing import *
from .ops.join_split import *
from .ops.gather_scatter import *
from .ops.scatter_reduce import *
from .ops.sorting import *
from .ops.counting import *
from .ops.rearrange import *
from .ops.diagonal import *
from .ops.reduction import *
from .ops.norms import *
from .ops.covariance import *
from .ops.max_min import *
from .ops.cumulative import *
from .ops.creation import *
from .ops.sampling import *
from .ops.matmul import *
from .ops.triangular_solve import *
from .ops.decompositions import *
from .ops.inverses import *
from .ops.determinants import *
from .ops.matrix_functions import *
from .ops.einsum import *
from .ops.rnn import *
from .ops.functions import (  # the functions of nn.functional that PyTorch has here too
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    alpha_dropout,
    avg_pool1d,
    batch_norm,
    binary_cross_entropy_with_logits,
    cdist,
    celu,
    channel_shuffle,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cosine_embedding_loss,
    cosine_similarity,
    dist,
    dropout,
    ctc_loss,
    embedding,
    feature_alpha_dropout,
    group_norm,
    hardshrink,
    hinge_embedding_loss,
    kl_div,
    layer_norm,
    log_softmax,
    margin_ranking_loss,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    pairwise_distance,
    pixel_shuffle,
    pixel_unshuffle,
    pdist,
    poisson_nll_loss,
    prelu,
    relu,
    rms_norm,
    rrelu,
    scaled_dot_product_attention,
    selu,
    softmax,
    threshold,
    triplet_margin_loss,
)
from .torch_compat.legacy import *
from .printing import set_printoptions
from .random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .random import default_generator
from .runtime import get_num_threads, set_num_threads
from .torch_compat.queries import *
from ._tensor import Size, Tensor
from .version import __version__
from .ops.creation import tensor  # last: importing the module of that name has set it

from math import e, inf, nan, pi


def summary(model: nn.Module, input_size: object = None, **options: object) -> object:
    """The table of a model's layers, see :func:`tinygrad_fm.viz.summary`; pictures are imported when first used.

    >>> import tinygrad_fm as torch
    >>> print(torch.summary(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()), (2, 4)))
    Layer       Output shape  Parameters  Multiply-adds
    ---------------------------------------------------
    0 (Linear)  (2, 3)                15             24
    1 (ReLU)    (2, 3)                 0              0
    ---------------------------------------------------
    Sequential: 15 trainable parameters, 24 multiply-adds per sample
    Size: 0.00 MiB of weights, 0.00 MiB of outputs per sample
    """
    from .viz import summary as make

    return make(model, input_size, **options)


def draw(target: object, input: object = None, **options: object) -> object:
    """The computation graph as a picture, see :func:`tinygrad_fm.viz.draw`.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> print(torch.draw(x * 3, names={"x": x}))
    1 operation
      x  () float32  leaf
      %1 = mul(x, 3)  () float32
      output = %1
    """
    from .viz import draw as make

    return make(target, input, **options)  # type: ignore[arg-type]


detach, split_with_sizes = Tensor.detach, Tensor.split_with_sizes
is_signed, is_same_size, is_inference = Tensor.is_signed, Tensor.is_same_size, Tensor.is_inference
celu_, selu_, rrelu_, threshold_ = (getattr(nn.functional, name) for name in ("celu_", "selu_", "rrelu_", "threshold_"))
instance_norm = out.instance_norm
globals().update(out.top_level_forms(Tensor))
setattr(autograd, "Variable", legacy.Variable)  # noqa: B010  # its floor is below that of tensors
left_out.tell_importers()
for _module in (autograd, autograd.graph, func, profiler):  # below or beside what says so
    setattr(_module, "__getattr__", left_out.refuse(_module.__name__.replace(__name__, "torch")))  # noqa: B010
__getattr__ = left_out.refuse("torch")
