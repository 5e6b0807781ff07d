"""All parameters of a model as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ..._tensor import Tensor
from ...ops import functions as ops

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Flatten and join parameters; gradients flow through.

    Args:
        parameters: tensors of any shapes.

    Returns:
        A vector (total number of elements,).

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm.nn.utils import parameters_to_vector
        >>> from tinygrad_fm import tensor
        >>> parameters_to_vector([tensor(np.ones((2, 1))), tensor(np.zeros(1))]).tolist()
        [1.0, 1.0, 0.0]
    """
    return ops.cat([param.reshape(-1) for param in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make each parameter's data its stretch of ``vec``, as views of it.

    Args:
        vec: a vector with as many elements as the parameters together.
        parameters: tensors, changed in place.

    Raises:
        TypeError: ``vec`` is no tensor. ValueError: it has another number of elements.

    >>> import tinygrad_fm as torch
    >>> w = torch.nn.Parameter(torch.zeros(2))
    >>> torch.nn.utils.vector_to_parameters(torch.tensor([1.0, 2.0]), [w])
    >>> w.tolist()
    [1.0, 2.0]
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    params = list(parameters)
    total = sum(param.numel() for param in params)
    if vec.numel() != total:
        raise ValueError(f"the vector has {vec.numel()} elements, the parameters {total}")
    start = 0
    for param in params:
        param.data = vec[start : start + param.numel()].reshape(param.shape).data
        start += param.numel()
