"""Forward-mode derivatives by dual numbers. https://pytorch.org/docs/stable/autograd.html#forward-mode-automatic-differentiation

    with dual_level():
        x = make_dual(primal, tangent)
        y, derivative = unpack_dual(f(x))

There are no forward rules here: the tape leads from a result back to the dual tensors it was computed from, and going back
twice gives their derivative in the direction of the tangents (``func.jvp``). So a dual tensor requires a gradient, what happens
to it under ``no_grad`` has no tangent, and a tangent costs two backward passes when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .._tensor import Tensor
from ..errors import AutogradError, ShapeError
from ..ops.functions import zeros_like
from .backward_pass import grad
from .modes import enable_grad

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class UnpackedDualTensor(NamedTuple):
    """What :func:`unpack_dual` returns: the value, and its derivative, None where there is none.

    >>> import tinygrad_fm as torch
    >>> import tinygrad_fm.autograd.forward_ad as fwAD
    >>> fwAD.unpack_dual(torch.tensor([1.0]))
    UnpackedDualTensor(primal=tensor([1.]), tangent=None)
    """

    primal: Tensor
    tangent: Tensor | None


_duals: list[tuple[Tensor, Tensor, Tensor]] = []  # of the level that is open: the dual tensor, its primal, its tangent
_open: list[int] = []


def enter_dual_level() -> int:
    """Open the level; there is one, 0. Prefer :func:`dual_level`.

    Raises:
        RuntimeError: it is open already.

    >>> import tinygrad_fm as torch
    >>> import tinygrad_fm.autograd.forward_ad as fwAD
    >>> level = fwAD.enter_dual_level()
    >>> fwAD.unpack_dual(fwAD.make_dual(torch.tensor([1.0]), torch.tensor([5.0])).exp()).tangent
    tensor([13.5914])
    >>> fwAD.exit_dual_level(level=level)
    """
    if _open:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _open.append(0)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Close the level: no tensor has a tangent any more.

    Raises:
        RuntimeError: no level is open, or not this one.

    >>> import tinygrad_fm.autograd.forward_ad as fwAD
    >>> level = fwAD.enter_dual_level()
    >>> level
    0
    >>> fwAD.exit_dual_level(level=level)
    """
    if not _open or level not in (None, 0):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
            if _open
            else "Dual level must be a positive number."
        )
    _open.pop()
    _duals.clear()


@contextmanager
def dual_level() -> Iterator[int]:
    """The block in which dual tensors have their tangents.

    Raises:
        RuntimeError: a level is open already.

    >>> import tinygrad_fm as torch
    >>> import tinygrad_fm.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    ...     fwAD.unpack_dual(x).tangent
    tensor([ 1., 10.])
    >>> fwAD.unpack_dual(x).tangent is None  # the level is closed
    True
    """
    level = enter_dual_level()
    try:
        yield level
    finally:
        exit_dual_level(level=level)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A tensor of the value of ``tensor`` that carries ``tangent``, of its shape and dtype, along.

    Raises:
        AutogradError: no level is open.
        ShapeError: the tangent has another shape.
        ValueError: the tensor is not floating-point.

    >>> import tinygrad_fm as torch
    >>> import tinygrad_fm.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    ...     fwAD.unpack_dual(x * x).tangent
    tensor([ 2., 40.])
    """
    if not _open:
        raise AutogradError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, given in (("primal", tensor), ("tangent", tangent)):
        if not given.is_floating_point():
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {given.dtype}")
    if tensor.shape != tangent.shape:
        raise ShapeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size "
            f"{list(tangent.shape)}."
        )
    with enable_grad():
        dual = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
    _duals.append((dual, tensor, tangent))
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of ``tensor``, and its derivative in the direction of the tangents that it was computed from.

    Both can be differentiated, where a primal or a tangent required a gradient.

    >>> import tinygrad_fm as torch
    >>> import tinygrad_fm.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    ...     fwAD.unpack_dual(x * x)
    UnpackedDualTensor(primal=tensor([1., 4.]), tangent=tensor([ 2., 40.]))
    """
    for dual, primal, tangent in _duals:
        if tensor is dual:
            return UnpackedDualTensor(primal, tangent)
    if not _duals or not tensor.requires_grad:
        return UnpackedDualTensor(tensor, None)
    duals = [dual for dual, _, _ in _duals]
    with enable_grad():
        cotangent = zeros_like(tensor).detach().requires_grad_()
        back = grad(tensor, duals, cotangent, create_graph=True, allow_unused=True)
        reached = [(g, tangent) for g, (_, _, tangent) in zip(back, _duals, strict=True) if g is not None]
        if not reached:
            return UnpackedDualTensor(tensor, None)
        linear = [(g, t) for g, t in reached if g.requires_grad]
        found = (
            grad([g for g, _ in linear], cotangent, [t for _, t in linear], create_graph=True, materialize_grads=True)[0]
            if linear
            else zeros_like(tensor)
        )
    if any(primal.requires_grad or tangent.requires_grad for _, primal, tangent in _duals):
        return UnpackedDualTensor(tensor, found)
    return UnpackedDualTensor(tensor.detach(), found.detach())
