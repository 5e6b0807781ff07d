"""The tape's entries.

A node stands for one result of one operation: it knows the operation, the nodes of the inputs that need a gradient, the
arrays that their rules will read, and the shape and dtype of the result. It never holds a Tensor, so nothing on the tape
points back to what the user holds and reference counting alone frees a finished graph.

An *edge* of the graph is simply the node of the input: an operation with several results has one node, and each result an
:class:`Output` of it.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ..errors import AutogradError
from . import versions
from .modes import state
from .versions import next_number


def memory_order(array: np.ndarray[Any, Any]) -> tuple[int, ...] | None:
    """The axes of ``array``, slowest first, or None where that is simply 0, 1, 2, … (C order)."""
    if array.flags.c_contiguous:
        return None
    strides = array.strides
    return tuple(sorted(range(array.ndim), key=lambda axis: -strides[axis]))


class Node:
    """One recorded operation.

    Attributes:
        number: its place on the tape; every input's node has a lower one.
        op: the :class:`~tinygrad_fm.autograd.primitive.Primitive` (or another object with ``name`` and ``pull``).
        parents: the nodes of the inputs, None for those without gradient.
        plan: which rules are live, and which of the saved arrays each one reads.
        saved: what those rules read, or a function that computes it again; None once it has been used and let go.
        static: the arguments that are not arrays.
        shape, dtype: of the result.
        order: the result's memory order, for images only (see :func:`memory_order`).
        scope: weak references to the outermost and innermost module being called when it was recorded; of an operation
            that a backward recorded, those of the one it is the gradient of, and that one's name.
        hooks: functions to call with the gradient of the result.
        place: where the user's code recorded it, when something asked for that.
    """

    order: tuple[int, ...] | None = None
    hooks: dict[int, Any] | None = None
    place: str | None = None
    outputs = 1

    def __init__(
        self, op: Any, parents: list[Any], plan: Any, saved: Any, static: dict[str, Any], result: np.ndarray[Any, Any]
    ) -> None:
        self.number = next_number()
        self.op = op
        self.parents = parents
        self.plan = plan
        self.saved = saved
        self.static = static
        self.shape = shape = result.shape
        self.dtype = result.dtype
        self.scope = state.scope
        if len(shape) == 4:
            self.order = memory_order(result)

    def name(self) -> str:
        """The operation's name in the form PyTorch prints: ``MulBackward0``."""
        return "".join(part.title() for part in self.op.name.split("_")) + "Backward0"

    def check_saved(self) -> None:
        """Raise if a saved array was written to after this node was recorded."""
        for array in self.saved:
            if not isinstance(array, np.ndarray):
                continue
            late = versions.writes_since(array, self.number)
            if late:
                now = versions.version(array)
                raise AutogradError(
                    f"backward of {self.describe()} needs an array of shape {array.shape} that was modified in place "
                    f"after it was recorded: it was at version {now - late} then and is at version {now} now. "
                    "Use the out-of-place form of the later operation, or clone() before it."
                )

    def describe(self) -> str:
        """The operation, with its module and the user's line as far as they are known."""
        text = f"'{self.op.name}'"
        path = module_path(self.scope)
        if path:
            text += f" in module '{path}'"
        if self.place:
            text += f" (recorded at {self.place})"
        return text


def gradient_scope(node: Any) -> tuple[Any, Any, str]:
    """The scope of what the rules of ``node`` record under ``create_graph=True``."""
    outermost, innermost = (node.scope or (_no_module, _no_module))[:2]
    return outermost, innermost, node.op.name


def _no_module() -> None:
    """Stands for a weak reference to a module where there is none."""


def module_path(scope: tuple[Any, ...] | None) -> str:
    """The dotted name, in the outermost module, of the innermost module being called; '' outside any module.

    Args:
        scope: weak references to both, as :data:`~tinygrad_fm.autograd.modes.state` has them.
    """
    if scope is None:
        return ""
    outermost, innermost = scope[0](), scope[1]()
    if outermost is None or innermost is None:
        return ""
    names = (name for name, module in outermost.named_modules() if module is innermost)
    return next(names, "") or type(outermost).__name__


class Output:
    """One of several results of an operation: hands its gradient on to the operation's node, under its index."""

    hooks: dict[int, Any] | None = None

    def __init__(self, node: Node, index: int, result: np.ndarray[Any, Any]) -> None:
        self.number = next_number()
        self.op = node.op
        self.parents = [node]
        self.index = index
        self.shape = result.shape
        self.dtype = result.dtype
        self.order = memory_order(result) if result.ndim == 4 else None

    def name(self) -> str:
        """The operation's name, as of its node."""
        return self.parents[0].name()


class Leaf:
    """A tensor made by the user that requires a gradient: where backward delivers.

    It refers to the tensor weakly: a gradient for a tensor that nobody holds any more is dropped.
    """

    hooks: dict[int, Any] | None = None
    after_hooks: dict[int, Any] | None = None  # called with the tensor once its .grad is complete
    parents: tuple[()] = ()

    def __init__(self, tensor: Any) -> None:
        self.number = next_number()
        self.tensor = weakref.ref(tensor)
        self.describe_result(tensor._array)

    def describe_result(self, array: np.ndarray[Any, Any]) -> None:
        """Take shape, dtype and memory order from ``array``; again when the tensor is given other data."""
        self.shape = array.shape
        self.dtype = array.dtype
        self.order = memory_order(array) if array.ndim == 4 else None
