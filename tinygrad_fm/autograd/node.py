"""The tape's entries.

A node stands for one result of one operation: it knows the operation, the nodes of the inputs that need a gradient, the
arrays that their rules will read, and the shape and dtype of the result. It never holds a Tensor, so nothing on the tape
points back to what the user holds and reference counting alone frees a finished graph.

An *edge* of the graph is simply the node of the input: an operation with several results has one node, and each result an
:class:`Output` of it.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

import numpy as np

from ..errors import AutogradError
from . import versions
from .box import box
from .hooks import Hooks, PreHook, Removable
from .modes import Scope, state
from .versions import next_number


def memory_order(array: np.ndarray[Any, Any]) -> tuple[int, ...] | None:
    """The axes of ``array``, slowest first, or None where that is simply 0, 1, 2, … (C order)."""
    if array.flags.c_contiguous:
        return None
    strides = array.strides
    return tuple(sorted(range(array.ndim), key=lambda axis: -strides[axis]))


class GraphNode:
    """What nodes of every kind show of themselves, as PyTorch's ``grad_fn`` does."""

    number: int
    parents: Any
    hooks: dict[int, Any] | None = None

    def name(self) -> str:
        """The name that PyTorch prints, such as ``MulBackward0``."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    def edge(self) -> tuple[GraphNode, int]:
        """The node that a gradient for this one goes to, and which of the operation's results it belongs to."""
        return self, 0

    @property
    def next_functions(self) -> tuple[tuple[GraphNode | None, int], ...]:
        """For each input the node that its gradient goes to, and which of that operation's results it is."""
        return tuple((None, 0) if parent is None else parent.edge() for parent in self.parents)

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user's own notes."""
        notes: dict[Any, Any] = self.__dict__.setdefault("notes", {})
        return notes

    def register_prehook(self, hook: Any) -> Removable:
        """Call ``hook(grad_outputs)`` with the gradients of the results, a tuple, when they are complete; what it returns, if
        not None, replaces them. Returns a handle whose ``remove()`` takes the hook away."""
        if self.hooks is None:
            self.hooks = {}
        return Removable(self.hooks, PreHook(hook))

    def _sequence_nr(self) -> int:
        return self.number


class Node(GraphNode):
    """One recorded operation.

    Attributes:
        number: its place on the tape; every input's node has a lower one.
        op: the definition of the operation, a :class:`~tinygrad_fm.autograd.primitives.Primitive` (or another object with its
            ``name``, ``broadcasts``, ``composition`` and ``vjp``).
        parents: the nodes of the inputs, None for those without gradient.
        plan: which rules will run, and which of the saved values each one reads (:class:`~.primitives.Plan`).
        saved: what those rules read, or a function that computes it again; None once it has been used and let go.
        static: the arguments that are not arrays.
        shape, dtype: of the result.
        order: of the result of an operation on images, its axes as they lie in memory (see :func:`memory_order`).
        scope: the modules being called when it was recorded.
        hooks: functions to call with the gradient of the result.
        source_line: the line of the user's code that recorded it, ``path:12``, when something asked for that.
        constants: by position, what is known of the inputs that need no gradient (see :func:`constants_of`).

    >>> import tinygrad_fm as torch
    >>> x, w = torch.ones(2, requires_grad=True), torch.tensor([3.0, 4.0])
    >>> node = (x * w).grad_fn
    >>> node.op.name, node.shape, node.parents == [x._node, None]
    ('mul', (2,), True)
    >>> node.plan.live, node.saved  # a rule for x only, which reads w
    ((0,), [array([3., 4.], dtype=float32)])
    """

    order: tuple[int, ...] | None = None
    source_line: str | None = None
    constants: dict[int, Any] = {}  # noqa: RUF012  # of most nodes, never written to
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
        shown: str = self.op.shown
        return shown

    # what was saved, under PyTorch's names; no __getattr__, as a class that has one finds all its attributes the slow way
    _saved_self = property(lambda self: self._saved("_saved_self", 0))
    _saved_other = property(lambda self: self._saved("_saved_other", 1))
    _saved_result = property(lambda self: self._saved("_saved_result", len(self.parents)))

    def _saved(self, name: str, position: int) -> Any:
        """The value at ``position`` among inputs and result, as a Tensor if it is an array; None if it was not needed."""
        kept = self.plan.kept
        if position not in kept:
            return None
        if self.saved is None:
            raise AutogradError(f"{name} of {self.describe()}: an earlier backward has let go of what was saved")
        saved = self.saved() if callable(self.saved) else self.saved
        value = saved[kept.index(position)]
        return box(value, [*self.parents, self][position]) if isinstance(value, np.ndarray) else value

    def register_hook(self, hook: Any) -> Removable:
        """Call ``hook(grad_inputs, grad_outputs)`` after this node's gradients were computed; what it returns, if not None,
        replaces ``grad_inputs``, a tuple with None for inputs without gradient. Returns a handle with ``remove()``."""
        if type(self) is Node:
            self.__class__ = HookedNode  # so that backward need not ask every node
            self.post_hooks: Hooks = {}
        return Removable(self.post_hooks, hook)

    def check_saved(self) -> None:
        """Raise if a saved array was written to after this node was recorded."""
        for array in self.saved:
            if not isinstance(array, np.ndarray):
                continue
            late = versions.writes_since(array, self.number)
            if late:
                now = versions.version(array)
                raise AutogradError(
                    "one of the tensors needed for gradient computation has been modified by an inplace operation: backward "
                    f"of {self.describe()} needs an array of shape {array.shape} that was modified in place "
                    f"after it was recorded: it was at version {now - late} then and is at version {now} now. "
                    "Use the out-of-place form of the later operation, or clone() before it."
                )

    def describe(self) -> str:
        """The operation, with its module and the user's line as far as they are known."""
        text = f"'{self.op.name}'"
        path = module_path(self.scope)
        if path:
            text += f" in module '{path}'"
        if self.source_line:
            text += f" (recorded at {self.source_line})"
        return text


class HookedNode(Node):
    """A node with hooks to be called after its rules have run."""


class FunctionNode(HookedNode):
    """The node of a user's Function: it shows the attributes of the Function's context."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.post_hooks = {}

    def __getattr__(self, name: str) -> Any:
        return self.op.attribute(self, name)


class Constant:
    """An input that needs no gradient, as a picture shows it: single numbers by value, other arrays without keeping them.

    Attributes:
        array: a weak reference.
        value: of an array of one element, a copy of it.
    """

    __slots__ = ("array", "dtype", "shape", "value")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.shape, self.dtype, self.array = array.shape, array.dtype, weakref.ref(array)
        self.value = array.copy() if array.size == 1 else None


def constants_of(args: tuple[Any, ...], parents: list[Any]) -> dict[int, Any]:
    """By position, those of ``args`` that no gradient goes to: numbers as they are, arrays as a :class:`Constant`."""
    if len(args) == 2 and type(args[1]) is float:  # x * 2.0, so frequent that it is not to wait for the loop
        return {1: args[1]}
    found: dict[int, Any] = {}
    for i, parent in enumerate(parents):
        if parent is None:
            a = args[i]
            if type(a) is float or type(a) is int:
                found[i] = a
            elif a is not None:
                array = getattr(a, "_array", a)
                found[i] = Constant(array) if isinstance(array, np.ndarray) else array
    return found


def gradient_scope(node: Any) -> Scope:
    """The scope of what the rules of ``node`` record under ``create_graph=True``."""
    scope = node.scope or Scope(_no_module, _no_module)
    return Scope(scope.outermost, scope.innermost, node.op.name)


def _no_module() -> None:
    """Stands for a weak reference to a module where there is none."""


def module_path(scope: Scope | None) -> str:
    """The dotted name, in the outermost module, of the innermost module being called; '' outside any module."""
    if scope is None:
        return ""
    outermost, innermost = scope.outermost(), scope.innermost()
    if outermost is None or innermost is None:
        return ""
    names = (name for name, module in outermost.named_modules() if module is innermost)
    return next(names, "") or type(outermost).__name__


class Output(GraphNode):
    """One of several results of an operation: hands its gradient on to the operation's node, under its index."""

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

    def edge(self) -> tuple[GraphNode, int]:
        """The operation's node, and which of its results this is."""
        return self.parents[0], self.index


class Leaf(GraphNode):
    """A tensor made by the user that requires a gradient: where backward delivers.

    It refers to the tensor weakly: a gradient for a tensor that nobody holds any more is dropped.
    """

    after_hooks: dict[int, Any] | None = None  # called with the tensor once its .grad is complete
    parents: tuple[()] = ()

    def __init__(self, tensor: Any) -> None:
        self.number = next_number()
        self.tensor = weakref.ref(tensor)
        self.describe_result(tensor._array)

    def name(self) -> str:
        """PyTorch's name for it."""
        return "AccumulateGrad"

    @property
    def variable(self) -> Any:
        """The tensor whose gradient it is; None if nobody holds that any more."""
        return self.tensor()

    def describe_result(self, array: np.ndarray[Any, Any]) -> None:
        """Take shape, dtype and memory order from ``array``; again when the tensor is given other data."""
        self.shape = array.shape
        self.dtype = array.dtype
        self.order = memory_order(array) if array.ndim == 4 else None


# -- long graphs on a short stack --------------------------------------------------------------------------------------


def _let_go_of_parents(self: Any) -> None:
    """Free one after the other the nodes that only this one holds, where Python would do so by calls within calls."""
    waiting, self.parents = list(self.parents), []
    while waiting:
        node = waiting.pop()
        if isinstance(node, (Node, Output)) and sys.getrefcount(node) == 2:  # this name, and the argument
            waiting += node.parents
            node.parents = []


if sys.platform in ("emscripten", "wasi"):  # a browser's stack ends before Python's own guard
    Node.__del__ = Output.__del__ = _let_go_of_parents  # type: ignore[attr-defined]
