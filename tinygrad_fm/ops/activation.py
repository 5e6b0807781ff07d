"""Activations: functions of each element that networks put between their layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.primitive import Primitive, fused, primitive, raw
from ..autograd.views import inplace as run_inplace
from ..random import bits
from .dims import one_dim
from .elementwise import constants, exp, expm1, quiet, sigmoid, tanh, where
from .limits import clamp

Array = np.ndarray[Any, Any]


def only_floats(op: Primitive, arrays: list[Any]) -> None:
    """Instead of promotion, for operations that PyTorch does not offer for integers either."""
    for i, value in enumerate(arrays):
        if value is not None and value.dtype.kind != "f":
            raise NotImplementedError(
                f"{op.name}(): argument '{op.input_name(i)}' has dtype {value.dtype}, but must be floating-point; use .float()"
            )


def _run(op: Any, input: Any, inplace: bool, **static: Any) -> Any:
    return run_inplace(op, input, **static) if inplace else op(input, **static)


# -- rectifiers --------------------------------------------------------------------------------------------------------

_BITS = {2: np.int16, 4: np.int32, 8: np.int64}
_ONE = np.array(1, np.int8)
_LARGE = 1 << 11  # elements above which np.clip is quicker than np.maximum


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
    if x.dtype.kind == "f" and x.size >= _LARGE:
        return x.clip(0, math.inf)  # the same as np.maximum, 97 µs instead of 239 for 300,000 elements
    return np.maximum(x, _ZERO.get(x.dtype, 0))


_relu = primitive(_rectify, name="relu", promotion=None, x=lambda g, y: unless(g, y <= 0))  # a NaN lets g through


def relu(input: Any, inplace: bool = False) -> Any:
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
    x=lambda g, x, negative_slope: g * _slope(x, negative_slope),
)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """``input`` where it is positive, elsewhere ``negative_slope · input``."""
    return _run(_leaky_relu, input, inplace, negative_slope=float(negative_slope))


def prelu(input: Any, weight: Any) -> Any:
    """``input`` where it is positive, elsewhere ``weight · input``.

    Args:
        input: (N, C, …), or any shape for a single weight.
        weight: (C,) or one element: the slopes below zero, which are learned.
    """
    if input.ndim == 0:
        weight = weight.reshape(())
    elif weight.ndim == 1 and input.ndim > 1:
        weight = weight.reshape([-1] + [1] * (input.ndim - 2))
    return where(raw(input) > 0, input, weight * input)


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Any:
    """Leaky relu, each element's slope drawn evenly from lower to upper; their mean when not training."""
    if lower > upper:
        raise RuntimeError(f"rrelu(): lower must not be above upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    if inplace:
        return run_inplace(rrelu, input, lower, upper, training)
    x = raw(input)
    slope = bits().uniform(lower, upper, x.shape).astype(x.dtype)
    return where(raw(input) > 0, input, input * slope)


def _bounded(y: Any, x: Any, low: float, high: float) -> Any:
    x = raw(x)
    return unless(y, (x <= low) | (x >= high))


_hardtanh = primitive(
    lambda x, low, high: np.clip(x, low, high),
    name="hardtanh",
    promotion=only_floats,
    x=lambda g, x, low, high: _bounded(g, x, low, high),
)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """``input`` kept between the two values. Unlike clamp's, the gradient stops at the bounds themselves."""
    if min_val > max_val:
        raise ValueError(f"hardtanh(): min_val must not be above max_val, got {min_val} and {max_val}")
    kind = raw(input).dtype.kind
    if kind in "iu":
        if kind == "u" and min_val < 0:
            raise RuntimeError(f"hardtanh(): an unsigned type cannot be kept above the negative min_val {min_val}")
        return _run(clamp, input, inplace, min=int(min_val), max=int(max_val))
    return _run(_hardtanh, input, inplace, low=float(min_val), high=float(max_val))


def relu6(input: Any, inplace: bool = False) -> Any:
    """min(max(input, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """relu6(input + 3) / 6: a sigmoid of straight lines."""
    if inplace:
        return run_inplace(hardsigmoid, input)
    return relu6(input + 3) / 6


def hardswish(input: Any, inplace: bool = False) -> Any:
    """input · hardsigmoid(input). Source: Howard et al. 2019, "Searching for MobileNetV3"."""
    if inplace:
        return run_inplace(hardswish, input)
    return input * hardsigmoid(input)


def _threshold(x: Any, limit: float, value: float) -> Any:
    return where(raw(x) <= limit, value, x)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """``input`` where it is above ``threshold``, elsewhere ``value``."""
    return _run(_threshold, input, inplace, limit=threshold, value=value)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """``input`` moved towards 0 by ``lambd``, and no further than 0."""
    if lambd < 0:
        raise RuntimeError(f"softshrink(): lambd must not be negative, got {lambd}")
    return input - clamp(input, -lambd, lambd)


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """``input``, but 0 within ``lambd`` of 0."""
    return unless(input, np.abs(raw(input)) <= lambd)


def tanhshrink(input: Any) -> Any:
    """input − tanh(input)."""
    return input - tanh(input)


# -- exponential units -------------------------------------------------------------------------------------------------


def _exponential_unit(x: Any, alpha: float, scale: float = 1.0, stretch: float = 1.0) -> Any:
    # the clamp keeps exp from overflowing where its value is not taken, so that no inf · 0 enters the gradient
    return where(raw(x) > 0, x, expm1(clamp(x, max=0.0) * stretch) * alpha) * scale


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``input`` where it is positive, elsewhere alpha · (exp(input) − 1)."""
    if inplace:
        return run_inplace(elu, input, alpha)
    return _exponential_unit(input, alpha)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``input`` where it is positive, elsewhere alpha · (exp(input / alpha) − 1): smooth at 0 for every alpha."""
    if inplace:
        return run_inplace(celu, input, alpha)
    return _exponential_unit(input, alpha, stretch=1 / alpha)


# the fixed point of mean 0 and variance 1, Klambauer et al. 2017, "Self-normalizing neural networks"
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def selu(input: Any, inplace: bool = False) -> Any:
    """1.0507… · elu(input, 1.6733…), which keeps activations near mean 0 and variance 1."""
    if inplace:
        return run_inplace(selu, input)
    return _exponential_unit(input, _SELU_ALPHA, _SELU_SCALE)


def silu(input: Any, inplace: bool = False) -> Any:
    """input · sigmoid(input), also called swish."""
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


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Any:
    """log(1 + exp(beta · input)) / beta, and ``input`` itself where beta · input is above ``threshold``."""
    return _softplus(input, beta=float(beta), threshold=float(threshold))


logsigmoid = primitive(
    quiet(lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))),
    name="logsigmoid",
    promotion=only_floats,
    x=lambda g, x: g * sigmoid(-x),
)


def softsign(input: Any) -> Any:
    """input / (1 + |input|)."""
    return input / (abs(input) + 1)


def mish(input: Any, inplace: bool = False) -> Any:
    """input · tanh(softplus(input)). Source: Misra 2019, "Mish"."""
    if inplace:
        return run_inplace(mish, input)
    return input * tanh(softplus(input))


def glu(input: Any, dim: int = -1) -> Any:
    """The first half of ``input`` along ``dim`` times the sigmoid of the second.

    Raises RuntimeError if the size along ``dim`` is odd.
    """
    size = input.shape[one_dim("glu", dim, input.ndim)]
    if size % 2:
        raise RuntimeError(f"glu(): the size along dim {dim} must be even, got shape {tuple(input.shape)}")
    a, b = input.chunk(2, dim)
    return a * sigmoid(b)


# -- the normal distribution -------------------------------------------------------------------------------------------

# Chebyshev interpolants in powers of their variable: erf(x) / x in x² for |x| ≤ 1, and exp(x²) · erfc(x) in
# (x − 2) / (x + 2) for x from 1 to where erf rounds to 1. As many terms as the precision can tell.
_NEAR = (
    1.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792, 0.0052239776248180145,
    -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06,
    -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09, 5.957176147748911e-11,
)  # fmt: skip
_FAR = (
    0.25539567631050575, -0.4271858474139579, 0.24165819424246987, -0.07897858101585253, 0.00373289240349224,
    0.006997461747753573, -0.0008471431980760424, -0.0009819773208131022, 4.3554202452705896e-05,
    0.00017436697232946864, 2.754312818566672e-05, -2.7647305443610053e-05, -1.4067532694582058e-05,
    1.820143195975009e-06, 3.917059299925389e-06,
)  # fmt: skip
_NEAR_SINGLE = (
    1.1283791658483509, -0.37612626666720334, 0.11283594715160218, -0.026854212010626412, 0.005189087423433974,
    -0.000801686428716587, 7.875875062685488e-05,
)  # fmt: skip
_FAR_SINGLE = (
    0.25539567625190335, -0.42718584761434303, 0.24165821109072444, -0.07897852327253349, 0.0037321413513030097,
    0.006994855413599958, -0.0008365899736486057, -0.0009441596340872735,
)  # fmt: skip


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    y = x * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        y += c
        y *= x
    y += coefficients[0]
    return y


_BLOCK = 16384  # elements whose temporaries stay in the cache: five times faster than passes over a large array


def _error_function(x: Array) -> Array:
    if x.dtype == np.float16:
        return _error_function(x.astype(np.float32)).astype(np.float16)
    y = np.array(x, order="K")  # an array also for the NumPy scalar that came of a 0-d one
    flat = y.ravel(order="K")  # in memory order, so a view
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        part[...] = _error_function_of_block(part)
    return y


def _error_function_of_block(x: Array) -> Array:
    double = x.dtype == np.float64
    far = np.abs(x)
    beyond = np.greater(far, 1, out=np.empty_like(x), casting="unsafe")  # 0 or 1; choosing by a product is branch-free
    np.minimum(far, 6 if double else 4, out=far)  # erf is 1 from there on
    tail = _polynomial((far - 2) / (far + 2), _FAR if double else _FAR_SINGLE)
    far *= far
    np.negative(far, out=far)
    tail *= np.exp(far, out=far)
    np.subtract(1, tail, out=tail)
    tail *= beyond
    near = np.clip(x, -1, 1)
    near *= _polynomial(near * near, _NEAR if double else _NEAR_SINGLE)
    np.subtract(1, beyond, out=beyond)
    near *= beyond
    near += np.copysign(tail, x, out=tail)
    return near


erf = primitive(
    quiet(lambda x: _error_function(x if x.dtype.kind == "f" else x.astype(np.float32))),
    name="erf",
    promotion=None,
    x=lambda g, x: g * (exp(-(x * x)) * (2 / math.sqrt(math.pi))),
)


def _composed_gelu(x: Any) -> Any:
    return x * 0.5 * (erf(x * math.sqrt(0.5)) + 1)


def _composed_gelu_tanh(x: Any) -> Any:
    return x * 0.5 * (tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1)


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
    cdf = np.asarray(_error_function(x * math.sqrt(0.5)))
    cdf += 1
    cdf *= 0.5
    return x * cdf, cdf


def _gelu_tanh_rule(g: Array, x: Array, t: Array) -> Array:
    slope = (x * x * (3 * 0.044715) + 1) * math.sqrt(2 / math.pi)
    slope *= (1 - t * t) * x
    slope += t
    slope += 1
    slope *= 0.5
    return slope * g


@fused(_composed_gelu_tanh, name="gelu", promotion=only_floats, residuals="t", x=_gelu_tanh_rule)
@quiet
def _gelu_tanh(x: Array) -> tuple[Array, Array]:
    t = np.tanh((x * x * 0.044715 + 1) * x * math.sqrt(2 / math.pi))
    return x * 0.5 * (t + 1), t


def gelu(input: Any, approximate: str = "none") -> Any:
    """input · Φ(input), Φ being the normal distribution's cumulative function.

    Args:
        approximate: "none" for Φ(x) = (1 + erf(x / √2)) / 2, or "tanh" for
            Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units".
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu(): approximate must be 'none' or 'tanh', got {approximate!r}")
    return _gelu(input) if approximate == "none" else _gelu_tanh(input)
