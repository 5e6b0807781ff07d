"""What floating-point numbers are made of: sign, exponent and mantissa, the next number, and powers always in float64.

https://pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import primitive
from ..autograd.tensor_type import Tensor
from ..promotion import promote_float
from .elementwise import cast, pointwise, pow, zeros_for
from .return_types import printed_as

__all__ = ["copysign", "float_power", "frexp", "ldexp", "nextafter"]

Array = np.ndarray[Any, Any]


def _flipped(input: Any, other: Any) -> Array:
    """1 where both signs are equal, −1 where not, 0 where ``input`` is 0."""
    x = np.asarray(raw(input))
    return np.where(x == 0, 0, np.where(np.signbit(x) == np.signbit(raw(other)), 1, -1)).astype(x.dtype)


copysign = pointwise(
    np.copysign,
    name="copysign",
    promotion=promote_float,
    piecewise="input",
    input=lambda g, input, other: g * _flipped(input, other),
    other=lambda g, other_shape: zeros_for(g, other_shape),
)


def _next(a: Any, b: Any) -> Any:
    if np.result_type(a, b).kind != "f":
        raise NotImplementedError("nextafter() is not implemented for whole numbers; cast them with .float()")
    return np.nextafter(a, b)


nextafter = pointwise(
    _next,
    name="nextafter",
    input=lambda g, input, other: g * np.not_equal(raw(input), raw(other)),
    other=lambda g, other_shape: zeros_for(g, other_shape),
)


class MantissaExponent(NamedTuple):
    """What :func:`frexp` returns."""

    mantissa: Any
    exponent: Any

    def __repr__(self) -> str:
        return printed_as("frexp", self)


_frexp: Any = primitive(
    lambda x: np.frexp(x),
    name="frexp",
    promotion=None,
    outputs=2,
    inputs="input",
    joint=lambda g, input: (ldexp(g[0], -np.frexp(raw(input))[1]),),
)


def frexp(input: Any) -> MantissaExponent:
    """``input`` as mantissa · 2^exponent: the mantissa's size from ½ to below 1, the exponent int32. Floats only.

    Raises:
        RuntimeError: ``input`` is not floating-point.

    >>> import tinygrad_fm as torch
    >>> torch.frexp(torch.tensor([8.0]))
    torch.return_types.frexp(
    mantissa=tensor([0.5000]),
    exponent=tensor([4], dtype=torch.int32))
    """
    if raw(input).dtype.kind != "f":
        raise RuntimeError(f"frexp(): a floating-point tensor is needed, got {raw(input).dtype}")
    return MantissaExponent(*_frexp(input))


def ldexp(input: Any, other: Any) -> Tensor:
    """``input · 2^other``.

    >>> import tinygrad_fm as torch
    >>> torch.ldexp(torch.tensor([1.0]), torch.tensor([4]))
    tensor([16.])
    """
    return input * pow(2.0, other)


def float_power(input: Any, exponent: Any) -> Tensor:
    """``input`` to the power ``exponent``, both as float64.

    >>> import tinygrad_fm as torch
    >>> torch.float_power(torch.tensor([2, 3]), -1)
    tensor([0.5000, 0.3333], dtype=torch.float64)
    """
    base, power = (cast(x, dtype=np.dtype(np.float64)) if hasattr(x, "dtype") else x for x in (input, exponent))
    return pow(base, power)
