"""Activation checkpointing: less memory for more time. https://pytorch.org/docs/stable/checkpoint.html"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.recompute import run_deferred


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool = False, preserve_rng_state: bool = True, **kwargs: Any
) -> Any:
    """Run ``function(*args, **kwargs)`` without keeping what its backward needs; backward runs it a second time instead.

    Args:
        function: does the same operations each time it is called with the same arguments.
        use_reentrant: accepted for PyTorch's sake; there is one way here, which is PyTorch's non-reentrant one.
        preserve_rng_state: dropout and the like draw the same numbers the second time.

    Returns:
        What the function returns; gradients are those without checkpointing.

    Raises:
        AutogradError: in backward, if an input was changed in place or the function did something else the second time.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm.utils.checkpoint import checkpoint
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x * x).exp(), x).sum().backward()
    >>> x.grad
    tensor([  5.4366, 218.3926])
    """
    return run_deferred(function, args, kwargs, preserve_rng_state)


def checkpoint_sequential(functions: Any, segments: int, input: Any, **options: Any) -> Any:
    """Run a Sequential (or list of modules) in ``segments`` checkpointed parts of about equal length, the last one kept.

    Raises ValueError if ``segments`` is not between 1 and the number of modules.
    """
    modules = list(functions)
    if not 1 <= segments <= len(modules):
        raise ValueError(f"segments must be between 1 and the number of modules, {len(modules)}; got {segments}")
    size = len(modules) // segments

    def chain(part: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for module in part:
                x = module(x)
            return x

        return run

    for start in range(0, size * (segments - 1), size):
        input = checkpoint(chain(modules[start : start + size]), input, **options)
    return chain(modules[size * (segments - 1) :])(input)
