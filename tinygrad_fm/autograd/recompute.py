"""Recomputing activations instead of keeping them: the engine's part of ``utils.checkpoint``.

A checkpointed function is recorded like any other, but once it has run its nodes let go of what they saved. When backward
first comes to one of them, the function runs again from its inputs; the nodes of that second run have the same order, so
each finds its arrays with its twin. The graph itself stays as it was recorded: gradients of any order, hooks and
``autograd.grad`` work as they do without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import random
from ..errors import AutogradError
from . import versions
from .modes import enable_grad, state
from .node import Node
from .primitive import is_tensor


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
        return self.found.pop(index)

    def _run_again(self) -> None:
        for x in self.args:
            if is_tensor(x) and versions.writes_since(x._array, self.number):
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
        self.found = {i: node.saved for i, node in enumerate(nodes)}


class Deferred:
    """Stands in a node's ``saved`` for arrays that will be computed again."""

    __slots__ = ("index", "segment")

    def __init__(self, segment: _Segment, index: int) -> None:
        self.segment, self.index = segment, index

    def compute(self) -> Any:
        """The arrays."""
        return self.segment.saved_by(self.index)


def _recorded_since(start: int, results: Any) -> list[Node]:
    """The nodes with numbers above ``start`` that ``results`` were computed through, in the order of the tape."""
    pending = [x._node for x in (results if isinstance(results, (tuple, list)) else [results]) if is_tensor(x)]
    found: set[Any] = set()
    while pending:
        node = pending.pop()
        if node is not None and node.number > start and node not in found:
            found.add(node)
            pending += node.parents
    return sorted((node for node in found if isinstance(node, Node)), key=lambda node: node.number)


def run_deferred(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], keep_random: bool) -> Any:
    """``function(*args, **kwargs)``, recorded, but with what its nodes save left to be computed again."""
    segment = _Segment(function, args, kwargs, keep_random)
    results = function(*args, **kwargs)
    nodes = _recorded_since(segment.number, results)
    segment.recorded = [(node.op.name, node.shape) for node in nodes]
    for i, node in enumerate(nodes):
        if node.saved:
            node.saved = Deferred(segment, i)
    return results
