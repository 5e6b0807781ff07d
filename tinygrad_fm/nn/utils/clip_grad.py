"""What one does to the gradients of many parameters at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..._tensor import Tensor
from ...autograd.box import box

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


@np.errstate(all="ignore")
def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all ``tensors`` taken together as one vector.

    Args:
        tensors: one tensor or several, of any shapes.
        norm_type: the p of the p-norm; ``inf`` for the largest magnitude.
        error_if_nonfinite: raise if the norm is NaN or infinite.
        foreach: accepted, without effect.

    Returns:
        A 0-d tensor: the p-norm of the tensors' p-norms.

    Raises:
        RuntimeError: a norm that is not finite, if ``error_if_nonfinite``.

    >>> import tinygrad_fm as torch
    >>> torch.nn.utils.get_total_norm([torch.tensor([3.0]), torch.tensor([4.0])])
    tensor(5.)
    """
    norm_type = float(norm_type)
    arrays = [t._array for t in ([tensors] if isinstance(tensors, Tensor) else tensors)]
    dtype = np.result_type(*arrays) if arrays else np.dtype(np.float32)
    wide = [a.astype(np.float32) if a.dtype == np.float16 else a for a in arrays]  # squares of float16 overflow
    norms = np.array([np.linalg.norm(a.ravel(order="K"), norm_type) if a.size else 0.0 for a in wide])
    total = np.array(np.linalg.norm(norms, norm_type) if norms.size else 0.0, dtype)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped; with error_if_nonfinite=False they are scaled by it anyway"
        )
    return box(total)


@np.errstate(all="ignore")
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients in place by max_norm / (total_norm + 1e-6), but never up.

    Args:
        parameters: one parameter or several; those without a gradient are passed over.
        max_norm: the norm to come down to.
        total_norm: the norm they have, as `get_total_norm` gives it.
        foreach: accepted, without effect.

    >>> import tinygrad_fm as torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> (w * 3).sum().backward()
    >>> torch.nn.utils.clip_grads_with_norm_([w], 1.0, torch.tensor(6.0))
    >>> w.grad
    tensor([0.5000, 0.5000])
    """
    scale = float(max_norm) / (float(total_norm) + 1e-6)
    for grad in _gradients(parameters):
        if not scale >= 1:  # NaN scales too, so that it is seen
            np.multiply(grad._array, scale, out=grad._array)
            grad._written()


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients in place so that their common norm is at most ``max_norm``.

    Args:
        parameters: one parameter or several; those without a gradient are passed over.
        max_norm: the largest norm allowed.
        norm_type: the p of the p-norm; ``inf`` for the largest magnitude.
        error_if_nonfinite: raise if the norm is NaN or infinite.
        foreach: accepted, without effect.

    Returns:
        The norm before, a 0-d tensor.

    Raises:
        RuntimeError: a norm that is not finite, if ``error_if_nonfinite``.

    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1.

    Example:
        >>> import numpy as np
        >>> from tinygrad_fm.nn.utils import clip_grad_norm_
        >>> from tinygrad_fm import tensor
        >>> w = tensor(np.zeros(2), requires_grad=True)
        >>> w.grad = tensor(np.array([30.0, 40.0]))
        >>> clip_grad_norm_([w], max_norm=5.0).item()
        50.0
        >>> [round(g, 4) for g in w.grad.tolist()]
        [3.0, 4.0]
    """
    params = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total = get_total_norm(_gradients(params), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(params, max_norm, total)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Clamp every element of all gradients to ±``clip_value``, in place.

    Args:
        parameters: one parameter or several; those without a gradient are passed over.
        clip_value: the largest magnitude allowed.
        foreach: accepted, without effect.

    >>> import tinygrad_fm as torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> (w * 5).sum().backward()
    >>> torch.nn.utils.clip_grad_value_([w], 1.0)
    >>> w.grad
    tensor([1., 1.])
    """
    bound = float(clip_value)
    for grad in _gradients(parameters):
        np.clip(grad._array, -bound, bound, out=grad._array)
        grad._written()


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    params = [parameters] if isinstance(parameters, Tensor) else parameters
    return [param.grad for param in params if param.grad is not None]
