"""Activation checkpointing: less memory for more time. https://pytorch.org/docs/stable/checkpoint.html

A checkpointed function is recorded like any other, but once it has run its nodes let go of what they saved. When backward
first comes to one of them, the function runs again from its inputs; the nodes of that second run have the same order, so
each finds its arrays with its twin. The graph itself stays as it was recorded: gradients of any order, hooks and
``autograd.grad`` work as they do without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import random
from .._pytree import tensors_in
from ..autograd import enable_grad, versions
from ..autograd.modes import state
from ..autograd.node import Node
from ..errors import AutogradError


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
    return _run_deferred(function, args, kwargs, preserve_rng_state)


def checkpoint_sequential(functions: Any, segments: int, input: Any, **options: Any) -> Any:
    """Run a Sequential (or list of modules) in ``segments`` checkpointed parts of about equal length, the last one kept.

    Raises ValueError if ``segments`` is not between 1 and the number of modules.

    >>> import tinygrad_fm as torch
    >>> layers = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    >>> torch.utils.checkpoint.checkpoint_sequential(layers, 2, torch.ones(1, 2), use_reentrant=False).shape
    torch.Size([1, 2])
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


class _Segment:
    """One run of a checkpointed function: what is needed to run it again, and what the second run saved."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], keep_random: bool) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.random_state = random.get_rng_state() if keep_random else None
        self.composed = state.composed
        self.number = versions.next_number()
        self.recorded: list[tuple[str, tuple[int, ...]]] = []  # name and shape of each node, to recognize its twin
        self.found: dict[int, Any] = {}

    def saved_by(self, index: int) -> Any:
        """What the node at ``index`` had saved; runs the function again if that is not at hand."""
        if index not in self.found:
            self._run_again()
        saved = self.found.pop(index)
        return saved() if callable(saved) else saved  # of a checkpoint within this one

    def _run_again(self) -> None:
        for x in tensors_in((self.args, self.kwargs)):
            if versions.writes_since(x._array, self.number):
                raise AutogradError(
                    f"an input of shape {tuple(x.shape)} of a checkpointed function was modified in place before backward "
                    "came to run the function again; clone() it before the change"
                )
        now, composed = random.get_rng_state(), state.composed
        if self.random_state is not None:
            random.set_rng_state(self.random_state)
        state.composed = self.composed
        start = versions.next_number()
        try:
            with enable_grad():
                nodes = _recorded_since(start, self.function(*self.args, **self.kwargs))
        finally:
            state.composed = composed
            if self.random_state is not None:
                random.set_rng_state(now)
        if [(node.op.name, node.shape) for node in nodes] != self.recorded:
            raise AutogradError(
                "a checkpointed function did other operations when it ran again than the first time: "
                f"{len(self.recorded)} then, {len(nodes)} now; it must not depend on state that changes"
            )
        for node in nodes:
            if not callable(node.saved):
                node.check_saved()  # the function may have written to what it had saved
        self.found = {i: node.saved for i, node in enumerate(nodes)}


def _recorded_since(start: int, results: Any) -> list[Node]:
    """The nodes with numbers above ``start`` that ``results`` were computed through, in the order of the tape."""
    pending = [x._node for x in tensors_in(results)]
    found: set[Any] = set()
    while pending:
        node = pending.pop()
        if node is not None and node.number > start and node not in found:
            found.add(node)
            pending += node.parents
    return sorted((node for node in found if isinstance(node, Node)), key=lambda node: node.number)


def _run_deferred(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], keep_random: bool) -> Any:
    """``function(*args, **kwargs)``, recorded, but with what its nodes save left to be computed again."""
    segment = _Segment(function, args, kwargs, keep_random)
    results = function(*args, **kwargs)
    nodes = _recorded_since(segment.number, results)
    segment.recorded = [(node.op.name, node.shape) for node in nodes]
    for i, node in enumerate(nodes):
        if callable(node.saved) or any(isinstance(value, np.ndarray) for value in node.saved):
            node.saved = partial(segment.saved_by, i)  # backward calls it
    return results
