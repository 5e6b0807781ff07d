"""Softmax and what is made of it: log_softmax, softmin, gumbel_softmax.

https://pytorch.org/docs/stable/nn.functional.html#non-linear-activation-functions
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..autograd.box import raw
from ..autograd.primitives import fused
from ..autograd.tensor_type import Tensor
from ..dtypes import dtype as dtype_class
from ..promotion import only_floats
from ._arguments import one_dim
from .clamp import clamp
from .creation import zeros_like
from .elementwise import exp, log, quiet
from .gather_scatter import scatter
from .max_min import argmax
from .sampling import rand

__all__ = ["gumbel_softmax", "log_softmax", "softmax", "softmin"]

Array = np.ndarray[Any, Any]


def _composed_softmax(x: Any, dim: int) -> Any:
    e = exp(x - x.detach().amax(dim, keepdim=True))
    return e / e.sum(dim, keepdim=True)


def _composed_log_softmax(x: Any, dim: int) -> Any:
    z = x - x.detach().amax(dim, keepdim=True)
    return z - exp(z).sum(dim, keepdim=True).log()


def _softmax_rule(g: Array, y: Array, dim: int) -> Array:
    dx = g * y
    dx -= y * np.add.reduce(dx, axis=dim, keepdims=True)
    return dx


def _log_softmax_rule(g: Array, y: Array, dim: int) -> Array:
    dx = np.exp(y)
    dx *= np.add.reduce(g, axis=dim, keepdims=True)
    return np.subtract(g, dx, out=dx)


def _from_maximum(x: Array, dim: int) -> Array:
    return np.subtract(x, np.maximum.reduce(x, axis=dim, keepdims=True))


@fused(_composed_softmax, name="softmax", promotion=only_floats, x=_softmax_rule)
@quiet
def _softmax(x: Array, dim: int) -> Array:
    e = _from_maximum(x, dim)
    np.exp(e, out=e)
    e /= np.add.reduce(e, axis=dim, keepdims=True)
    return e


@fused(_composed_log_softmax, name="log_softmax", promotion=only_floats, x=_log_softmax_rule)
@quiet
def _log_softmax(x: Array, dim: int) -> Array:
    z = _from_maximum(x, dim)
    z -= np.log(np.add.reduce(np.exp(z), axis=dim, keepdims=True))
    return z


def _along(op: Any, input: Any, dim: int | None, stacklevel: Any, dtype: Any) -> Any:
    """``op`` of the input in ``dtype`` along ``dim``."""
    name, ndim = op.__name__, raw(input).ndim
    if isinstance(stacklevel, dtype_class):  # torch.softmax and the method take dtype in the third place
        stacklevel, dtype = 3, stacklevel
    if dim is None:
        dim = 0 if ndim in (0, 1, 3) else 1
        warnings.warn(f"{name}(): no dim given, dim={dim} is taken; say which one you mean", UserWarning, stacklevel)
    dim = one_dim(name, dim, ndim)
    x = input if dtype is None else input.to(dtype)
    if not raw(x).size:
        return x * 1
    return op(x, dim=dim) if ndim else op(x[None], dim=0)[0]


def softmax(input: Any, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Tensor:
    """exp(input) divided by its sum along ``dim``: positive numbers that add up to 1.

    Args:
        input: any shape, floating-point.
        dim: the dimension whose elements add up to 1. Left out, it is 0 for tensors of 0, 1 or 3 dimensions, else 1,
            with a warning.
        dtype: cast the input to this first.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html

    >>> import tinygrad_fm as torch
    >>> torch.softmax(torch.tensor([[0.0, 0.0]]), dim=1)
    tensor([[0.5000, 0.5000]])
    """
    return _along(_softmax, input, dim, _stacklevel, dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Tensor:
    """log(softmax(input)) along ``dim``, computed without overflow or loss; arguments as for :func:`softmax`.

    >>> import tinygrad_fm as torch
    >>> torch.log_softmax(torch.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    return _along(_log_softmax, input, dim, _stacklevel, dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Tensor:
    """softmax(−input) along ``dim``; arguments as for :func:`softmax`.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.softmin(torch.tensor([1.0, 1.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return _along(_softmax, -input, dim, _stacklevel, dtype)


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """softmax((logits + g) / tau) with g drawn from Gumbel's distribution: a random choice that has a gradient.

    Args:
        hard: one-hot results, with the gradient of the soft ones.

    Source: Jang et al. 2017, "Categorical reparameterization with Gumbel-softmax", eq. 2.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.nn import functional as F
    >>> F.gumbel_softmax(torch.zeros(2, 3), hard=True).sum(1)
    tensor([1., 1.])
    """
    noise = -log(-log(clamp(rand(tuple(logits.shape), dtype=logits.dtype), min=1e-20)))
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    chosen = scatter(zeros_like(soft), dim, argmax(soft, dim, keepdim=True), 1.0)
    return chosen - soft.detach() + soft
