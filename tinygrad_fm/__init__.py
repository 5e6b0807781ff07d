from .dtypes import *
from .tensor import Tensor, Size
from .ops import *
from .ops import tensor
from . import autograd
from .autograd import no_grad, enable_grad, set_grad_enabled, is_grad_enabled
from .random import manual_seed, Generator
from .dtypes import float32, float64, int64
from . import ops as _ops
def __getattr__(n):
    if n.startswith("__"): raise AttributeError(n)
    return getattr(_ops, n)
