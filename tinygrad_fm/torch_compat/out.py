"""Forms of the operations that only the functions at the top level have: ``torch.cat(…, out=y)``, ``torch.exp_(x)``.

Primitives and ``add`` take ``out`` by themselves (``autograd.keywords``); the others get it here, once, so that neither the
methods nor the operations' own calls pay for it.
"""

from __future__ import annotations

from typing import Any

from ..autograd.keywords import with_out
from ..nn.functional import instance_norm as nn_instance_norm
from ..ops import functions as ops

# written by hand in ops as functions of Python, and taking ``out`` in PyTorch
WITH_OUT = """addbmm addcdiv addcmul addmm addmv addr all amax amin aminmax any arange argmax argmin argsort baddbmm
    bernoulli bmm bucketize cat chain_matmul cholesky cholesky_inverse cholesky_solve clamp clamp_max clamp_min clip
    column_stack concat concatenate cross cummax cummin cumprod cumsum deg2rad diag diff digamma div divide dot dstack
    empty eye float_power frac frexp full full_like gather ger heaviside histc histogram hstack index_select inner inverse
    isneginf isposinf kthvalue ldexp lerp linspace logaddexp logaddexp2 logcumsumexp logspace logsumexp masked_select
    matmul max mean median min mm mode msort multinomial mv nan_to_num nanmean nanmedian nanquantile nansum nonzero norm
    normal ones outer polygamma pow prod qr quantile rad2deg rand randint randn randperm renorm round row_stack
    searchsorted sgn signbit slogdet sort square stack std sum svd take take_along_dim tensordot topk trapezoid
    triangular_solve tril triu true_divide var vdot vstack where zeros"""

# of those, the ones that fill what they are given, of whatever size, without a warning
FILLING = "empty eye full linspace logspace normal ones rand randint randn randperm zeros"

# PyTorch's functions that write into their first argument; each is the method of that name
IN_PLACE = """abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_ asinh_ atan_ atanh_ ceil_ clamp_
    clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ detach_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_
    i0_ index_put_ lcm_ ldexp_ log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_
    resize_as_ round_ rsqrt_ sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_ zero_"""


def instance_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Any:
    """``nn.functional.instance_norm`` in the order of arguments that PyTorch has at the top level.

    >>> import tinygrad_fm as torch
    >>> torch.nn.functional.instance_norm(torch.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    return nn_instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def top_level_forms(tensor: Any) -> dict[str, Any]:
    """Those functions by name; ``tensor`` is the class whose methods write in place."""
    forms = {name: with_out(getattr(ops, name), warns=name not in FILLING.split()) for name in WITH_OUT.split()}
    return forms | {name: getattr(tensor, name) for name in IN_PLACE.split()}
