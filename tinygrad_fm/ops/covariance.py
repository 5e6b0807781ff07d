"""Covariances, correlations and histograms. https://pytorch.org/docs/stable/generated/torch.cov.html"""

from __future__ import annotations

import builtins
from typing import Any

from ..autograd.box import raw
from ..autograd.tensor_type import Tensor
from ..dtypes import default_float
from ..errors import ShapeError
from .clamp import clamp
from .elementwise import cast, sqrt

__all__ = ["corrcoef", "cov"]


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariance matrix (V, V) of V variables with N observations each.

    Args:
        input: (V, N), or (N,) for one variable; of one the variance is returned, 0-d.
        correction: what is taken off the number of observations.
        fweights: (N,) whole numbers: how often each observation counts. aweights: (N,) its relative weight.

    Raises:
        ShapeError: ``input`` has more than 2 dimensions.
        RuntimeError: ``input`` is of bools, or weights that do not fit it.

    >>> import tinygrad_fm as torch
    >>> torch.cov(torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if len(input.shape) > 2:
        raise ShapeError(f"cov(): at most 2 dimensions are possible, got shape {tuple(input.shape)}")
    if raw(input).dtype.kind == "b":
        raise RuntimeError("cov(): bool tensors have no covariance")
    x = input if raw(input).dtype.kind == "f" else cast(input, dtype=default_float())
    x = x.reshape(1, -1) if len(x.shape) < 2 else x  # (V, N)
    n = x.shape[1]
    _check_weights(fweights, aweights, n)
    given = [w for w in (fweights, aweights) if w is not None]
    weights = None
    for w in given:
        weights = w if weights is None else weights * w
    total = n if weights is None else weights.sum()
    mean = x.sum(1, keepdim=True) / n if weights is None else (x * weights).sum(1, keepdim=True) / total
    if weights is None:
        divisor = n - correction
    elif aweights is None or correction == 0:
        divisor = total - correction
    else:
        divisor = total - correction * (weights * aweights).sum() / total
    divisor = clamp(divisor, 0) if hasattr(divisor, "shape") else builtins.max(divisor, 0)
    centred = x - mean
    found = (centred if weights is None else centred * weights) @ centred.mT / divisor
    return found.reshape(()) if tuple(found.shape) == (1, 1) else found


def _check_weights(fweights: Any, aweights: Any, n: int) -> None:
    for name, weights, kinds in (("fweights", fweights, "iu"), ("aweights", aweights, "f")):
        if weights is None:
            continue
        array = raw(weights)
        if array.ndim > 1 or array.size != n:
            raise RuntimeError(f"cov(): {name} must be a vector of {n} elements, got shape {array.shape}")
        if array.dtype.kind not in kinds:
            raise RuntimeError(f"cov(): {name} must be {'whole' if kinds == 'iu' else 'floating-point'}, got {array.dtype}")
        if (array < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")


def corrcoef(input: Any) -> Tensor:
    """Pearson's correlation coefficients (V, V) of V variables with N observations each, (V, N): from −1 to 1.

    >>> import tinygrad_fm as torch
    >>> torch.corrcoef(torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(input)
    if not c.shape:
        return c / c
    deviation = sqrt(c.diagonal())
    return clamp(c / deviation[:, None] / deviation, -1, 1)
