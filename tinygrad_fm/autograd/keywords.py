"""Inputs by PyTorch's names, and results written into ``out``: what a call with keywords takes on its slow path.

An operation's inputs are called ``input`` and ``other``, whatever its rules call them: ``torch.mul(input=x, other=y)``.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..errors import AutogradError
from ..promotion import can_cast
from .box import TensorBase
from .modes import state

_NAMES = ("input", "other")


def takes_static(kernel: Callable[..., Any], inputs: int) -> bool:
    """Whether ``kernel`` has parameters beside its ``inputs`` arrays."""
    if isinstance(inspect.unwrap(kernel), np.ufunc):
        return False
    try:
        parameters = list(inspect.signature(kernel).parameters.values())
    except ValueError:  # np.where of NumPy 2.0 is written in C and tells no signature; such a function is given arrays only
        return False
    return any(p.kind is not p.VAR_POSITIONAL for p in parameters[inputs:]) or any(p.kind is p.KEYWORD_ONLY for p in parameters)


def call_by_name(op: Callable[..., Any], name: str, inputs: tuple[str, ...], args: Any, named: dict[str, Any]) -> Any:
    """``op(*args)`` with the inputs that ``named`` gives by name, written into its ``out`` if that is among them.

    Raises TypeError for a name that is none of the inputs'.
    """
    out, values = named.pop("out", None), list(args)
    for at in range(len(values), len(inputs)):
        known = {inputs[at], *_NAMES[at : at + 1]} & named.keys()
        if known:
            values.append(named.pop(known.pop()))
    if named:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
    return write_out(name, op(*values), out)


def write_out(name: str, result: Any, out: Any, warns: bool = True) -> Any:
    """``result`` (or each of several) copied into ``out``, which is resized to it and returned; ``result`` if that is None.

    Raises RuntimeError where a gradient would be lost or the dtype cannot hold the result. Unless not ``warns``, an
    ``out`` that has elements and another shape is warned of, as in PyTorch.
    """
    if out is None:
        return result
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"{name}(): out must be a tuple of {len(result)} tensors")
        written = [write_out(name, part, into) for part, into in zip(result, out, strict=True)]
        return type(result)(*written) if hasattr(result, "_fields") else tuple(written)
    if not isinstance(out, TensorBase):
        raise TypeError(f"{name}(): argument 'out' must be a Tensor, not {type(out).__name__}")
    into: Any = out
    if state.grad_enabled and (result.requires_grad or into.requires_grad):
        raise AutogradError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
            "requires grad."
        )
    kind, wanted = result._array.dtype, into._array.dtype
    if not can_cast(kind, wanted):
        raise AutogradError(f"{name}(): result type {kind} can't be cast to the desired output type {wanted}")
    if into.shape != result.shape:
        if warns and into._array.size:
            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(into.shape)}, which does not match "
                f"the required output shape {list(result.shape)}. Give an output of that shape, or an empty one.",
                UserWarning,
                stacklevel=3,
            )
        into.resize_(tuple(result.shape))
    return into.copy_(result)


def with_out(function: Callable[..., Any], warns: bool = True) -> Callable[..., Any]:
    """``function``, which also takes ``out``: the tensor (or tuple of tensors) that its result is written into."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if "out" not in kwargs:
            return function(*args, **kwargs)
        out = kwargs.pop("out")
        return write_out(function.__name__, function(*args, **kwargs), out, warns)

    return wrapped
