"""The numbers along a tape: results, and the gradients that a backward pass brings them.

A tape holds few results, and after backward none. What is missing is computed again from the leaves, without touching the
tape, any ``.grad`` or the user's hooks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import versions
from ..autograd.backward_pass import run_backward
from ..autograd.hooks import OpCall, op_hook
from ..autograd.node import Constant, Leaf, Node, Output
from ..autograd.primitives import Primitive
from .recording import Recording, value_text

__all__ = ["add_gradients", "add_values", "sweep"]


def add_values(recording: Recording, tensors: list[Any]) -> bool:
    """Note the numbers of all results of a tape; ``tensors`` are those at hand. False if some are not to be had."""
    made = recording.reader.made
    known = _Replay(tensors, made)
    for node in sorted((n for n in made if isinstance(n, Node)), key=lambda n: n.number):
        values = known.results(node)
        if values is not None:
            made[node].data = "\n".join(map(value_text, values))
    return known.complete


def add_gradients(recording: Recording, tensors: list[Any], values: bool) -> bool:
    """Note the gradient of the sum of ``tensors``, the ends of a tape, at every node; False if it could not be computed.

    A tape that is still whole is gone back through; one whose backward pass is over is first recorded anew.
    """
    roots = [t._node for t in tensors]
    reached = _all_nodes(roots)
    seeds = [np.ones(t._array.shape, t._array.dtype) for t in tensors]
    made = recording.reader.made
    complete = True
    if any(getattr(node, "saved", ()) is None for node in reached):
        replay = _Replay(tensors, made)
        twin_of = replay.record(n for n in reached if isinstance(n, Node))
        complete = replay.complete
        if complete:
            roots = [twin_of[n.parents[0], n.index] if isinstance(n, Output) else twin_of.get((n, 0), n) for n in roots]
            steps = {twin_of[node, 0] if node.outputs == 1 else twin_of[node, -1]: made[node] for node, i in twin_of if i <= 0}
            sweep(list(zip(roots, seeds, strict=True)), steps, recording, values, retain=False)
    else:
        hooks = [(node, node.hooks) for node in reached]
        for node in reached:
            node.hooks = None  # those of the user are for the user's own backward
        try:
            sweep(list(zip(roots, seeds, strict=True)), made, recording, values, retain=True)
        finally:
            for node, own in hooks:
                node.hooks = own
    for node in reached:
        retained = _retained(node)
        step = made.get(node.parents[0] if isinstance(node, Output) else node)
        if retained is not None and step is not None:
            step.took_gradient((retained,), values)
    return complete


def _retained(node: Any) -> Any:
    """The gradient that ``retain_grad()`` kept at a node, if it did."""
    holders = (getattr(hook, "tensor", None) for hook in (node.hooks or {}).values()) if not isinstance(node, Leaf) else ()
    tensors = (holder() for holder in holders if holder is not None)
    return next((t._grad for t in tensors if t is not None and t._grad is not None), None)


def sweep(roots: list[tuple[Any, Any]], steps: Any, recording: Recording, values: bool, retain: bool) -> None:
    """Run a backward pass that delivers to no tensor, and note the gradients in ``steps`` (by node) and of the leaves."""
    wanted: dict[Any, Any] = {node: None for node in _all_nodes([node for node, _ in roots]) if isinstance(node, Leaf)}

    def note(call: OpCall, run: Any) -> Any:
        step = steps.get(call.node) if call.phase == "backward" else None
        if step is not None and step.gradient is None:
            step.took_gradient(call.inputs, values)
        return run()

    with op_hook(note):
        run_backward(roots, retain, False, wanted)
    recording.gradients.update((leaf, g) for leaf, g in wanted.items() if g is not None)


def _all_nodes(roots: list[Any]) -> set[Any]:
    found: set[Any] = set()
    pending = list(roots)
    while pending:
        node = pending.pop()
        if node is not None and node not in found:
            found.add(node)
            pending += node.parents
    return found


class _Replay:
    """Computes the results of a tape's nodes again.

    Attributes:
        complete: whether every one that was asked for could be computed.
    """

    def __init__(self, tensors: list[Any], made: Any) -> None:
        self.complete = True
        self._made = made
        self._held = {t._node: t._array for t in tensors if t._node is not None and t._view is None}
        self._known: dict[Any, Any] = {}  # by node: what its kernel returned, as a tuple; None where that is out of reach

    def results(self, node: Node) -> tuple[Any, ...] | None:
        """The arrays that the node's operation gave; None if they cannot be had any more."""
        held = self._held.get(node)
        if held is not None and node.outputs == 1:
            return (held,)
        returned = self._run(node)
        return None if returned is None else returned[: node.outputs]

    def _run(self, node: Node) -> tuple[Any, ...] | None:
        """What the node's kernel returned: results, then residuals."""
        if node not in self._known:
            try:
                self._known[node] = self._compute(node)
            except Exception:  # an operation of the user's own may do anything
                self._known[node] = None
            self.complete &= self._known[node] is not None
        return self._known[node]

    def _compute(self, node: Node) -> tuple[Any, ...] | None:
        inputs = self._inputs(node)
        if inputs is None or not isinstance(node.op, Primitive):
            return None
        with np.errstate(all="ignore"):
            returned = node.op.kernel(*inputs, **node.static)
        y, *residuals = returned if node.op.residuals else (returned,)
        if node.outputs > 1:
            return (*map(np.asarray, y), *residuals)
        return (np.asarray(y, node.dtype), *residuals)

    def _inputs(self, node: Node) -> list[Any] | None:
        found = []
        for i, parent in enumerate(node.parents):
            value = self._result_of(parent, node) if parent is not None else _constant(node, i)
            if value is None and (parent is not None or i in node.constants):
                return None
            found.append(value)
        return found

    def _result_of(self, parent: Any, reader: Node) -> Any:
        if isinstance(parent, Leaf):
            tensor = parent.tensor()
            if tensor is None or versions.writes_since(tensor._array, reader.number):
                return None
            return tensor._array
        if isinstance(parent, Output):
            results = self.results(parent.parents[0])
            return None if results is None else results[parent.index]
        results = self.results(parent)
        return None if results is None else results[0]

    def record(self, nodes: Any) -> dict[Any, Any]:
        """A tape like that of ``nodes``, by their node and the index of the result; -1 stands for the node of several."""
        twin_of: dict[Any, Any] = {}
        for node in sorted(nodes, key=lambda n: n.number):
            returned, inputs = self._run(node), self._inputs(node)
            if returned is None or inputs is None:
                return {}
            results, residuals = returned[: node.outputs], returned[node.outputs :]
            parents = [
                twin_of[p.parents[0], p.index] if isinstance(p, Output) else twin_of.get((p, 0), p) for p in node.parents
            ]
            arrays = [*inputs, results if node.outputs > 1 else results[0], *residuals]
            arrays += node.op.extra_values(inputs, node.static)
            saved = node.plan.keep(arrays) if node.plan.keep is not None else ()
            twin = Node(node.op, parents, node.plan, saved, node.static, results[0])
            twin.outputs = node.outputs
            if node.outputs == 1:
                twin_of[node, 0] = twin
            else:
                twin_of[node, -1] = twin
                twin_of.update({(node, i): Output(twin, i, r) for i, r in enumerate(results)})
        return twin_of


def _constant(node: Node, position: int) -> Any:
    """An input without gradient, as the kernel took it."""
    known = node.constants.get(position)
    if isinstance(known, Constant):
        array = known.array()
        changed = array is None or versions.writes_since(array, node.number)
        return known.value if changed else array
    return known
