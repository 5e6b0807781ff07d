"""Activation functions: the rectifiers, the exponential units, sigmoid's relatives and GELU.

https://pytorch.org/docs/stable/nn.functional.html#non-linear-activation-functions
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.box import is_tensor, raw
from ..autograd.inplace import inplace as run_inplace
from ..autograd.primitives import fused, primitive
from ..autograd.tensor_type import Tensor
from ..dtypes import as_stored
from ..errors import AutogradError, ShapeError
from ..promotion import only_floats, promote_float
from ..random import bits, draw_samples
from ..runtime import run_compiled, use_compiled
from . import elementwise_compiled as kernels
from ._arguments import number, one_dim
from .clamp import clamp
from .comparison import gt, le
from .elementwise import abs, constants, exp, piecewise, quiet, sigmoid, square, tanh, where
from .elementwise_compiled import as_runs
from .special import erfc, error_function

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "silu",
    "softplus",
    "softshrink",
    "softsign",
    "tanhshrink",
    "threshold",
]

Array = np.ndarray[Any, Any]


def _run(op: Any, input: Any, inplace: bool, **static: Any) -> Any:
    return run_inplace(op, input, **static) if inplace else op(input, **static)


# -- rectifiers --------------------------------------------------------------------------------------------------------

_BITS = {2: np.int16, 4: np.int32, 8: np.int64}

_ONE = np.array(1, np.int8)


def _unless(g: Array, mask: Array) -> Array:
    """``g``, but 0 where ``mask`` is True, whatever ``g`` is there.

    Clearing bits costs as much as a multiplication by the mask (75 µs for 300,000 elements, np.where 1100), and inf · 0
    does not come up.
    """
    keep = np.subtract(mask.view(np.int8), _ONE)  # False → −1: all bits; True → 0: none
    return np.bitwise_and(g.view(_BITS[g.itemsize]), keep).view(g.dtype)


unless: Any = primitive(_unless, inputs="g mask", promotion=None, g=lambda g, mask: unless(g, mask))

_ZERO = constants(0.0)


def _rectify(x: Array) -> Array:
    if x.dtype.kind == "b":
        raise RuntimeError("relu(): bools are not supported")
    return np.maximum(x, _ZERO.get(x.dtype, 0))


def _rectified_gradient(g: Any, y: Any) -> Any:
    """``g``, but 0 where ``y`` ≤ 0: a NaN lets it through."""
    if not is_tensor(g) and use_compiled(g.dtype, g.size) and g.dtype == y.dtype:
        found = np.empty_like(y)
        runs = as_runs(g, y, found)
        if runs is not None:
            run_compiled(lambda start, stop: kernels.rectified_gradient(*runs, start, stop), g.size, g.size)
            return found
    return unless(g, y <= 0)


_relu = primitive(_rectify, name="relu", promotion=None, piecewise="x", x=lambda g, y: _rectified_gradient(g, y))


def relu(input: Any, inplace: bool = False) -> Tensor:
    """max(input, 0), elementwise; the derivative at 0 is 0.

    >>> import tinygrad_fm as torch
    >>> torch.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return run_inplace(_relu, input) if inplace else _relu(input)


def _slope(x: Any, negative_slope: float) -> Array:
    """1 where ``x`` is positive, else the slope: the derivative of leaky_relu, a constant."""
    x = raw(x)
    slope = np.greater(x, 0, out=np.empty_like(x), casting="unsafe")
    slope *= 1 - negative_slope
    slope += negative_slope
    return slope


_leaky_relu = primitive(
    lambda x, negative_slope: (np.maximum if negative_slope <= 1 else np.minimum)(x, x * negative_slope),
    name="leaky_relu",
    promotion=only_floats,
    piecewise="x",
    x=lambda g, x, negative_slope: g * _slope(x, negative_slope),
)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, elsewhere ``negative_slope · input``.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.leaky_relu(torch.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return _run(_leaky_relu, input, inplace, negative_slope=number("leaky_relu", "negative_slope", negative_slope))


def prelu(input: Any, weight: Any) -> Tensor:
    """``input`` where it is positive, elsewhere ``weight · input``.

    Args:
        input: (N, C, …), or any shape for a single weight.
        weight: (C,) or one element: the slopes below zero, which are learned.

    Raises:
        ShapeError: ``weight`` has neither one element nor one for each channel.
        AutogradError: the two have different dtypes.

    >>> import tinygrad_fm as torch
    >>> torch.prelu(torch.tensor([-1.0, 2.0]), torch.tensor([0.25]))
    tensor([-0.2500,  2.0000])
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise ShapeError(
            f"prelu(): expected a weight of one element or of one for each of the {channels} channels of an input of shape "
            f"{tuple(input.shape)}, got {tuple(weight.shape)}"
        )
    if raw(weight).dtype != raw(input).dtype:
        raise AutogradError(f"prelu(): mixed dtype: input is {raw(input).dtype}, but weight {raw(weight).dtype}")
    if input.ndim == 0:
        weight = weight.reshape(())
    elif weight.ndim == 1 and input.ndim > 1:
        weight = weight.reshape([-1] + [1] * (input.ndim - 2))
    return piecewise(gt(input, 0), input, weight * input)


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Tensor:
    """Leaky relu, each element's slope drawn evenly from lower to upper; their mean when not training.

    Raises:
        RuntimeError: ``lower`` is above ``upper``.

    >>> import tinygrad_fm as torch
    >>> torch.rrelu(torch.tensor([3.0]))
    tensor([3.])
    """
    if lower > upper:
        raise RuntimeError(f"rrelu(): lower must not be above upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    if inplace:
        return run_inplace(rrelu, input, lower, upper, training)
    x = raw(input)
    rows = x.reshape(1, 1) if x.ndim == 0 else x
    slope = draw_samples(len(rows), lambda n: bits().uniform(lower, upper, (n, *rows.shape[1:])), 0)
    slope = slope.astype(x.dtype).reshape(x.shape)
    return piecewise(raw(input) > 0, input, input * slope)


def _bounded(y: Any, x: Any, low: float, high: float) -> Any:
    x = raw(x)
    return unless(y, (x <= low) | (x >= high))


_hardtanh = primitive(
    lambda x, low, high: np.clip(x, low, high),
    name="hardtanh",
    promotion=only_floats,
    piecewise="x",
    x=lambda g, x, low, high: _bounded(g, x, low, high),
)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` kept between the two values. Unlike clamp's, the gradient stops at the bounds themselves.

    Raises:
        ValueError: ``min_val`` is above ``max_val``.
        RuntimeError: ``min_val`` is negative and ``input`` of an unsigned type.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.hardtanh(torch.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh(): min_val must not be above max_val, got {min_val} and {max_val}")
    kind = raw(input).dtype.kind
    if kind in "iu":
        if kind == "u" and min_val < 0:
            raise RuntimeError(f"hardtanh(): an unsigned type cannot be kept above the negative min_val {min_val}")
        return _run(clamp, input, inplace, min=int(min_val), max=int(max_val))
    return _run(
        _hardtanh, input, inplace, low=number("hardtanh", "min_val", min_val), high=number("hardtanh", "max_val", max_val)
    )


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """min(max(input, 0), 6).

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.relu6(torch.tensor([-1.0, 3.0, 8.0]))
    tensor([0., 3., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


_hardsigmoid = primitive(
    lambda x: np.clip(x + 3, 0, 6) / 6,
    name="hardsigmoid",
    promotion=only_floats,
    piecewise="x",
    x=lambda g, x: where(np.abs(raw(x)) < 3, g / 6, 0.0),
)


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """relu6(input + 3) / 6: a sigmoid of straight lines.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.hardsigmoid(torch.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _run(_hardsigmoid, input, inplace)


def _hardswish_rule(g: Any, x: Any) -> Any:
    at = raw(x)
    return g * where(at <= -3, 0.0, where(at < 3, x / 3 + 0.5, 1.0))


_hardswish = primitive(
    quiet(lambda x: x * np.clip(x + 3, 0, 6) / 6), name="hardswish", promotion=only_floats, x=_hardswish_rule
)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """input · hardsigmoid(input). Source: Howard et al. 2019, "Searching for MobileNetV3".

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.hardswish(torch.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """
    return _run(_hardswish, input, inplace)


def _threshold(x: Any, limit: float, value: float) -> Any:
    if raw(x).dtype.kind == "b":
        raise NotImplementedError("threshold(): not implemented for bool tensors; cast them with .long()")
    return piecewise(le(x, limit), as_stored("threshold", value, raw(x).dtype), x)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``input`` where it is above ``threshold``, elsewhere ``value``.

    >>> import tinygrad_fm as torch
    >>> torch.threshold(torch.tensor([0.5, 2.0]), 1.0, -1.0)
    tensor([-1.,  2.])
    """
    return _run(_threshold, input, inplace, limit=threshold, value=value)


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """``input`` moved towards 0 by ``lambd``, and no further than 0.

    Raises:
        RuntimeError: ``lambd`` is negative.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.softshrink(torch.tensor([-1.0, 0.3, 1.0]))
    tensor([-0.5000,  0.0000,  0.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"softshrink(): lambd must not be negative, got {lambd}")
    outside = piecewise(gt(input, 0), input - lambd, input + lambd)
    return piecewise(le(abs(input), lambd), 0.0, outside)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """``input``, but 0 within ``lambd`` of 0.

    >>> import tinygrad_fm as torch
    >>> torch.hardshrink(torch.tensor([-1.0, 0.3, 1.0]))
    tensor([-1.,  0.,  1.])
    """
    return piecewise(le(abs(input), lambd), 0.0, input)


def _without_tanh(x: Array) -> Array:
    """x − tanh(x). Near 0 that is a difference of neighbours, so there tanh(x) = x / (1 + c) with the continued fraction
    c = x² / (3 + x² / (5 + …)), and the result is x · c / (1 + c)."""
    square = np.minimum(x * x, 1)
    c = square / 19
    for odd in (17, 15, 13, 11, 9, 7, 5, 3):
        c = square / (odd + c)
    return np.where(square < 1, x * (c / (1 + c)), x - np.tanh(x))


tanhshrink = primitive(
    quiet(_without_tanh),
    name="tanhshrink",
    inputs="input",
    promotion=promote_float,
    input=lambda g, input: g * square(tanh(input)),
)


# -- exponential units -------------------------------------------------------------------------------------------------


def _exponential_unit(x: Array, alpha: float, scale: float, stretch: float) -> Array:
    """scale · x where it is positive, elsewhere scale · alpha · (exp(stretch · x) − 1)."""
    return np.where(x > 0, x * scale, np.expm1(np.minimum(x, 0) * stretch) * (alpha * scale))


def _exponential_unit_rule(g: Any, x: Any, alpha: float, scale: float, stretch: float) -> Any:
    # not by the result + alpha, in which a small derivative would drown; the clamp keeps exp from overflowing beside it
    slope = exp(clamp(x, max=0.0) * stretch) * (alpha * scale * stretch)
    return g * where(raw(x) <= 0, slope, scale)


def _unit(name: str) -> Any:
    return primitive(quiet(_exponential_unit), name=name, promotion=only_floats, x=_exponential_unit_rule)


_elu, _celu, _selu = _unit("elu"), _unit("celu"), _unit("selu")


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, elsewhere alpha · (exp(input) − 1).

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.elu(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _run(_elu, input, inplace, alpha=number("elu", "alpha", alpha), scale=1.0, stretch=1.0)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, elsewhere alpha · (exp(input / alpha) − 1): smooth at 0 for every alpha.

    Raises:
        RuntimeError: ``alpha`` is 0.

    >>> import tinygrad_fm as torch
    >>> torch.celu(torch.tensor([-1.0, 1.0]))
    tensor([-0.6321,  1.0000])
    """
    if alpha == 0:
        raise RuntimeError("celu(): alpha cannot be 0")
    return _run(_celu, input, inplace, alpha=number("celu", "alpha", alpha), scale=1.0, stretch=1 / alpha)


# the fixed point of mean 0 and variance 1, Klambauer et al. 2017, "Self-normalizing neural networks"
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def selu(input: Any, inplace: bool = False) -> Tensor:
    """1.0507… · elu(input, 1.6733…), which keeps activations near mean 0 and variance 1.

    >>> import tinygrad_fm as torch
    >>> torch.selu(torch.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """
    return _run(_selu, input, inplace, alpha=_SELU_ALPHA, scale=_SELU_SCALE, stretch=1.0)


def silu(input: Any, inplace: bool = False) -> Tensor:
    """input · sigmoid(input), also called swish.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.silu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    if inplace:
        return run_inplace(silu, input)
    return input * sigmoid(input)


def _soften(x: Array, beta: float, threshold: float) -> Array:
    z = x * beta
    y = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))  # log(1 + exp(z)) without its overflow
    return np.where(z > threshold, x, y / beta)


_softplus = primitive(
    quiet(_soften),
    name="softplus",
    promotion=only_floats,
    x=lambda g, x, beta, threshold: where(raw(x) * beta > threshold, g, g * sigmoid(x * beta)),
)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Tensor:
    """log(1 + exp(beta · input)) / beta, and ``input`` itself where beta · input is above ``threshold``.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.softplus(torch.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """
    return _softplus(input, beta=number("softplus", "beta", beta), threshold=number("softplus", "threshold", threshold))


logsigmoid = primitive(
    quiet(lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))),
    name="logsigmoid",
    promotion=only_floats,
    x=lambda g, x: g * sigmoid(-x),
)


softsign = primitive(
    quiet(lambda x: x / (np.abs(x) + 1)),
    name="softsign",
    inputs="input",
    promotion=promote_float,
    input=lambda g, input: g / square(abs(input) + 1),
)


def mish(input: Any, inplace: bool = False) -> Tensor:
    """input · tanh(softplus(input)). Source: Misra 2019, "Mish".

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.mish(torch.tensor([-1.0, 1.0]))
    tensor([-0.3034,  0.8651])
    """
    if inplace:
        return run_inplace(mish, input)
    return input * tanh(softplus(input))


def glu(input: Any, dim: int = -1) -> Tensor:
    """The first half of ``input`` along ``dim`` times the sigmoid of the second.

    Raises RuntimeError if the size along ``dim`` is odd.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.glu(torch.tensor([2.0, 0.0]))
    tensor([1.])
    """
    if not input.ndim:
        raise RuntimeError("glu(): does not support scalars, which cannot be halved")
    size = input.shape[one_dim("glu", dim, input.ndim)]
    if size % 2:
        raise RuntimeError(f"glu(): the size along dim {dim} must be even, got shape {tuple(input.shape)}")
    a, b = input.chunk(2, dim)
    return a * sigmoid(b)


def _composed_gelu(x: Any) -> Any:
    return x * 0.5 * erfc(x * -math.sqrt(0.5))


def _gelu_rule(g: Array, x: Array, cdf: Array) -> Array:
    density = np.exp(x * x * -0.5)
    density *= x
    density *= 1 / math.sqrt(2 * math.pi)
    density += cdf
    density *= g
    return density


@fused(_composed_gelu, name="gelu", promotion=only_floats, residuals="cdf", x=_gelu_rule)
@quiet
def _gelu(x: Array) -> tuple[Array, Array]:
    cdf = np.asarray(error_function(x * -math.sqrt(0.5), complement=True))
    cdf *= 0.5
    return x * cdf, cdf


# (1 + tanh(u)) / 2 = sigmoid(2u), which keeps its digits where it is small
_SQRT_8_PI = 2 * math.sqrt(2 / math.pi)


def _composed_gelu_tanh(x: Any) -> Any:
    return x * sigmoid((x * x * 0.044715 + 1) * x * _SQRT_8_PI)


def _gelu_tanh_rule(g: Array, x: Array, share: Array) -> Array:
    slope = (x * x * (3 * 0.044715) + 1) * _SQRT_8_PI
    slope *= (1 - share) * x
    slope += 1
    slope *= share
    return slope * g


@fused(_composed_gelu_tanh, name="gelu", promotion=only_floats, residuals="share", x=_gelu_tanh_rule)
@quiet
def _gelu_tanh(x: Array) -> tuple[Array, Array]:
    share = np.asarray(sigmoid((x * x * 0.044715 + 1) * x * _SQRT_8_PI))
    return x * share, share


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """input · Φ(input), Φ being the normal distribution's cumulative function.

    Args:
        approximate: "none" for Φ(x) = (1 + erf(x / √2)) / 2, or "tanh" for
            Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.

    Raises:
        RuntimeError: another ``approximate``.

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units".

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.gelu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu(): approximate must be 'none' or 'tanh', got {approximate!r}")
    return _gelu(input) if approximate == "none" else _gelu_tanh(input)
