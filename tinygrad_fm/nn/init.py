"""Initial values for parameters, written in place, outside the tape. Shapes are a weight's: (out, in, *kernel).

Random ones draw from the default generator unless one is given, in the tensor's own precision.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import random
from .._tensor import Tensor
from ..random import Generator

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_GAINS = {
    **dict.fromkeys(
        ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid"), 1.0
    ),
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """What a nonlinearity asks the weights before it to be scaled by, so that the signal keeps its variance.

    Args:
        nonlinearity: "linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu" …
        param: leaky_relu's negative slope, 0.01 if not given.

    Raises:
        ValueError: an unknown name, or a slope that is no number.

    Example:
        >>> from tinygrad_fm import nn
        >>> nn.init.calculate_gain("relu") ** 2
        2.0000000000000004
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return _GAINS[nonlinearity]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill ``tensor`` with draws from the uniform distribution over [a, b). Returns it.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> bool((init.uniform_(torch.empty(100), 2.0, 3.0) >= 2).all())
    True
    """
    draws = _bits(generator).random(tensor._array.shape, _drawn(tensor))
    return _fill(tensor, draws * float(b - a) + float(a))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill ``tensor`` with draws from the normal distribution. Returns it.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> init.normal_(torch.empty(3, 5), std=0.01).shape
    torch.Size([3, 5])
    """
    draws = _bits(generator).standard_normal(tensor._array.shape, _drawn(tensor))
    return _fill(tensor, draws * float(std) + float(mean))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Generator | None = None
) -> Tensor:
    """Fill ``tensor`` with draws from the normal distribution, drawn again while they are outside [a, b]. Returns it.

    Raises ValueError if the interval is empty, or so far out that almost nothing falls into it.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> bool((init.trunc_normal_(torch.empty(100)).abs() <= 2).all())
    True
    """
    low, high = (a - mean) / std, (b - mean) / std
    if not low < high or low > 5 or high < -5:
        raise ValueError(f"trunc_normal_ cannot draw from [{a}, {b}] with mean {mean} and std {std}")
    bits = _bits(generator)
    draws = bits.standard_normal(tensor._array.shape)
    outside = (draws < low) | (draws > high)
    while outside.any():
        draws[outside] = bits.standard_normal(int(outside.sum()))
        outside = (draws < low) | (draws > high)
    return _fill(tensor, np.clip(draws * std + mean, a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill ``tensor`` with ``val``. Returns it.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> init.constant_(torch.empty(2), 3.0)
    tensor([3., 3.])
    """
    return _fill(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill ``tensor`` with ones. Returns it.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> init.ones_(torch.empty(2))
    tensor([1., 1.])
    """
    return _fill(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill ``tensor`` with zeros. Returns it.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> init.zeros_(torch.empty(2))
    tensor([0., 0.])
    """
    return _fill(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix the identity, as far as its shape allows. Returns it. Raises ValueError for what is no matrix.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> init.eye_(torch.empty(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _fill(tensor, np.eye(*tensor._array.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution's weight hand its input through: channel i of each group of outputs is channel i of the input.

    Args:
        tensor: a weight (O, C, *kernel) of one to three dimensions; channels of output beyond C stay zero.
        groups: into how many groups the outputs fall.

    Returns:
        ``tensor``.

    Raises:
        ValueError: another number of dimensions, or outputs that do not divide into ``groups``.

    Example:
        >>> from tinygrad_fm import nn, zeros
        >>> nn.init.dirac_(zeros(2, 2, 3)).tolist()
        [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    out, channels, *kernel = tensor._array.shape
    if out % groups:
        raise ValueError("dim 0 must be divisible by groups")
    values, middle = np.zeros(tensor._array.shape), tuple(k // 2 for k in kernel)
    for group in range(groups):
        for i in range(min(out // groups, channels)):
            centre = (group * (out // groups) + i, i, *middle)
            values[centre] = 1
    return _fill(tensor, values)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fill a matrix from the normal distribution, and a share ``sparsity`` of each column, rounded up, with zeros. Returns it.

    Raises ValueError for what is no matrix.

    Source: Martens 2010, "Deep learning via Hessian-free optimization", section 5.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> int((init.sparse_(torch.empty(4, 2), sparsity=0.5) == 0).sum())
    4
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor._array.shape
    zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0, std, generator)
    for column in range(columns):
        tensor._array[_bits(generator).permutation(rows)[:zeros], column] = 0
    tensor._written()
    return tensor


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill ``tensor`` uniformly from ±gain · √(6 / (fan_in + fan_out)). Returns it.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.

    Example:
        >>> from tinygrad_fm import nn
        >>> layer = nn.Linear(50, 46)
        >>> bool((nn.init.xavier_uniform_(layer.weight).abs() <= 0.25).all())
        True
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill ``tensor`` from the normal distribution with std gain · √(2 / (fan_in + fan_out)). Returns it.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 12.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> init.xavier_normal_(torch.empty(3, 5)).shape
    torch.Size([3, 5])
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> Tensor:
    """Fill ``tensor`` uniformly from ±√3 · gain / √fan. Returns it.

    Args:
        tensor: the weight, with two dimensions or more.
        a: leaky_relu's negative slope.
        mode: "fan_in" keeps the variance of the forward signal, "fan_out" that of the gradients.
        nonlinearity: what follows, as `calculate_gain` takes it.
        generator: where the numbers come from.

    Source: He et al. 2015, "Delving deep into rectifiers", eqs. 10 and 14.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> init.kaiming_uniform_(torch.empty(3, 5)).shape
    torch.Size([3, 5])
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -math.sqrt(3) * std, math.sqrt(3) * std, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> Tensor:
    """Fill ``tensor`` from the normal distribution with std gain / √fan. Returns it.

    Arguments and source are those of `kaiming_uniform_`.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> init.kaiming_normal_(torch.empty(3, 5)).shape
    torch.Size([3, 5])
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill ``tensor``, seen as a matrix (first, rest), with orthonormal rows or columns times ``gain``. Returns it.

    Raises ValueError with fewer than two dimensions.

    Source: Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks".

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import init
    >>> w = init.orthogonal_(torch.empty(2, 3))
    >>> torch.allclose(w @ w.T, torch.eye(2), atol=1e-6)
    True
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    shape = tensor._array.shape
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(_bits(generator).standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))  # the decomposition is unique up to these signs: without them q is not uniform
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(shape))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many numbers enter one output, and leave one input: (fan_in, fan_out)."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    out, in_, *kernel = tensor._array.shape
    return in_ * math.prod(kernel), out * math.prod(kernel)


_calculate_fan_in_and_fan_out = _fans  # PyTorch's name, which layers written for it use


def _bits(generator: Generator | None) -> np.random.Generator:
    return random.bits(generator)


def _drawn(tensor: Tensor) -> Any:
    """The precision to draw in: NumPy draws float32 and float64."""
    return np.float64 if tensor._array.dtype == np.float64 else np.float32


def _fill(tensor: Tensor, values: Any) -> Tensor:
    tensor._array[...] = values
    tensor._written()
    return tensor


def _older(function: Any) -> Callable[..., Tensor]:
    """``function`` under its name of PyTorch before 0.4, which had no underscore at the end."""

    def older(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"nn.init.{function.__name__[:-1]} is now nn.init.{function.__name__}", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    return older


uniform, normal, constant, eye, dirac, sparse = map(_older, (uniform_, normal_, constant_, eye_, dirac_, sparse_))
xavier_uniform, xavier_normal, orthogonal = map(_older, (xavier_uniform_, xavier_normal_, orthogonal_))
kaiming_uniform, kaiming_normal = map(_older, (kaiming_uniform_, kaiming_normal_))
