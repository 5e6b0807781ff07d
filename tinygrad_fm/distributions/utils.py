"""What distributions share: parameters broadcast, probabilities and logits of each other, parameters made when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.box import is_tensor, raw
from ..autograd.modes import enable_grad
from ..ops import functions as ops

__all__ = ["broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits"]


def broadcast_all(*values: Any) -> tuple[Any, ...]:
    """Tensors and numbers as tensors of one shape; numbers take the dtype of the first floating-point tensor."""
    if not all(is_tensor(v) or isinstance(v, (int, float)) for v in values):
        raise ValueError("Input arguments must all be instances of Number or Tensor")
    like = next((v for v in values if is_tensor(v) and v.is_floating_point()), None)
    dtype = ops.ones(()).dtype if like is None else like.dtype
    tensors = [v if is_tensor(v) else ops.tensor(v, dtype=dtype) for v in values]
    return tuple(ops.broadcast_tensors(*tensors))


def logits_to_probs(logits: Any, is_binary: bool = False) -> Any:
    """Probabilities of logits: by the sigmoid where they are of two outcomes, otherwise by softmax along the last dimension."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs: Any) -> Any:
    """Probabilities kept away from 0 and 1 by the dtype's precision, so that logarithms are finite."""
    eps = float(np.finfo(raw(probs).dtype).eps)
    return probs.clamp(eps, 1 - eps)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Any:
    """Logits of probabilities: log(p / (1 − p)) where they are of two outcomes, otherwise log p."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


class lazy_property:  # PyTorch's name
    """A property that is computed when first asked for, with gradients, and kept as an attribute of the object."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def sum_rightmost(value: Any, dims: int) -> Any:
    """``value`` summed over its last ``dims`` dimensions."""
    return value if dims == 0 else value.reshape(*value.shape[: value.ndim - dims], -1).sum(-1)
