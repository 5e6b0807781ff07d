"""Hooks around a module's backward. https://pytorch.org/docs/stable/generated/torch.nn.Module.html

The inputs that need a gradient pass through one gate on their way into the module, the results through another on their way
out; a gate changes nothing and is told, in backward, the gradients of all that passed. So the gate of the results knows
``grad_output`` first, and the gate of the inputs then ``grad_input``.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ...autograd.function import Function
from ...autograd.modes import state
from ...tensor import Tensor

if TYPE_CHECKING:
    from .module import Module


class ModuleGate(Function):
    """Hands tensors through; in backward, ``seen(gradients)`` may replace their gradients."""

    @staticmethod
    def forward(ctx: Any, seen: Any, zeros: bool, *tensors: Any) -> Any:
        """The tensors as they are; ``zeros`` says whether unused ones have gradients of zeros or None."""
        ctx.seen = seen
        ctx.set_materialize_grads(zeros)
        ctx.mark_non_differentiable(*[x for x, needs in zip(tensors, ctx.needs_input_grad[2:], strict=True) if not needs])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradients, or what ``seen`` replaces them by."""
        return (None, None, *ctx.seen(grads))


def _through(values: tuple[Any, ...], seen: Any, zeros: bool) -> tuple[Any, ...]:
    """``values`` with its tensors sent through a gate."""
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor)]

    def spread(grads: tuple[Any, ...]) -> tuple[Any, ...]:
        packed: list[Any] = [None] * len(values)
        for i, g in zip(places, grads, strict=True):
            packed[i] = g
        found = seen(tuple(packed))
        return tuple(found[i] for i in places)

    passed = list(values)
    for i, x in zip(places, ModuleGate.apply(spread, zeros, *[values[i] for i in places]), strict=True):
        passed[i] = x
    return tuple(passed)


def _needs_grad(values: tuple[Any, ...]) -> bool:
    return state.grad_enabled and any(isinstance(x, Tensor) and x.requires_grad for x in values)


class BackwardHooks:
    """One call of a module that has backward hooks."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.before = tuple(module._backward_pre_hooks.values())
        self.after = tuple(module._backward_hooks.values())
        self.grad_output: Any = None
        self.count = 0
        self.gated = False

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, on their way in."""
        self.count = len(args)
        self.gated = _needs_grad(args)
        return _through(args, self._inputs_seen, True) if self.gated else args

    def leave(self, output: Any) -> Any:
        """The result, on its way out."""
        if not isinstance(output, (Tensor, tuple)):
            warnings.warn(
                "for backward hooks to be called, a module must return a Tensor or a tuple of Tensors, "
                f"{type(self.module).__name__} returned {type(output).__name__}",
                UserWarning,
                stacklevel=5,
            )
            return output
        values = output if isinstance(output, tuple) else (output,)
        if not _needs_grad(values):
            return output
        passed = _through(values, self._outputs_seen, False)
        return passed if isinstance(output, tuple) else passed[0]

    def _outputs_seen(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.before:
            grads = _replaced(hook(self.module, grads), grads, "pre hook", "grad_output")
        self.grad_output = grads
        if not self.gated:
            nothing = (None,) * self.count
            for hook in self.after:
                found = hook(self.module, nothing, grads)
                if found is not None and not (isinstance(found, tuple) and all(g is None for g in found)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None or None for all gradients."
                    )
        return grads

    def _inputs_seen(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.after:
            grads = _replaced(hook(self.module, grads, self.grad_output), grads, "hook", "grad_input")
        return grads


def _replaced(found: Any, grads: tuple[Any, ...], kind: str, what: str) -> tuple[Any, ...]:
    """What a hook returned, as a tuple; ``grads`` if it was None."""
    if found is None:
        return grads
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(grads):
        raise RuntimeError(f"Backward {kind} returned an invalid number of {what}, got {len(found)}, but expected {len(grads)}")
    return found
