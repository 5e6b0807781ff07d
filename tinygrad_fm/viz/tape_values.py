"""The numbers along a tape: results, and the gradients that a backward pass brings them.

A tape holds few results, and after backward none. What is missing is computed again from the leaves, without touching the
tape, any ``.grad`` or the user's hooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..autograd import versions
from ..autograd.backward_pass import Pass, run_backward
from ..autograd.box import box
from ..autograd.hooks import OpCall, op_hook, passes_made_by
from ..autograd.node import Constant, Leaf, Node, Output
from ..autograd.primitives import Primitive
from .events import EventLog
from .recording import Reader, Recording, value_text
from .watched_pass import watching

__all__ = ["add_gradients", "add_values", "pass_in_sight", "replay_events", "sweep"]


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


def replay_events(recording: Recording, tensors: list[Any]) -> EventLog:
    """What happens along a tape and back: a copy of it is computed from the leaves, and the engine's own backward pass runs
    on that, from ones. The tape, the user's hooks and every ``.grad`` stay as they are.

    Where the copy cannot be made, the pass runs on the tape itself, and lets go of nothing; of a tape whose backward is over
    there is then none.
    """
    reader = recording.reader
    log = EventLog(reader)
    replay = _Replay(tensors, reader.made)
    roots = [t._node for t in tensors]
    reached = _all_nodes(roots)
    nodes = sorted((n for n in reached if isinstance(n, Node)), key=lambda n: n.number)
    for node in nodes:
        log.replayed(reader.made[node], node, replay.inputs(node), replay.results(node))
    if not replay.complete:
        log.notes.append("Some values are not known any more: what they were computed from is gone, or was changed since.")
    over = any(node.saved is None for node in nodes)
    twin_of = replay.record(nodes)
    whole = bool(twin_of) or not nodes
    del replay  # it holds results, which the pass is to let go of
    if not whole and over:
        log.notes.append("The backward pass is over, and cannot be computed again: record it within viz.trace().")
        return log
    if not whole:
        log.notes.append("The tape could not be copied: the pass went through the tape itself, with retain_graph=True.")
    if whole:
        roots = [twin_of[n.parents[0], n.index] if isinstance(n, Output) else twin_of.get((n, 0), n) for n in roots]
        for node in nodes:
            _take_for(node, twin_of[node, 0 if node.outputs == 1 else -1], reader)
    del twin_of
    seeds = [np.ones(t._array.shape, t._array.dtype) for t in tensors]
    with _leaves_set_aside(reached, emptied=over), watching(log):
        run_backward(list(zip(roots, seeds, strict=True)), not whole, False)
    return log


def _take_for(node: Node, twin: Node, reader: Reader) -> None:
    """From now on ``twin`` is the node of the step that ``node`` recorded."""
    step = reader.made[twin] = reader.made[node]
    if node.saved is None:
        step.kept = reader.kept(twin)


def pass_in_sight(roots: list[tuple[Any, Any]], recording: Recording) -> None:
    """Run a whole backward pass, for whoever watches; the gradients of leaves go to ``recording``, and every ``.grad`` is put
    back."""
    reached = _all_nodes([node for node, _ in roots])
    with _leaves_set_aside(reached, emptied=True):
        run_backward(roots, False, False)
        tensors = {leaf: leaf.tensor() for leaf in reached if isinstance(leaf, Leaf)}
        recording.gradients.update((leaf, t._grad) for leaf, t in tensors.items() if t is not None and t._grad is not None)


@contextmanager
def _leaves_set_aside(nodes: Iterable[Any], emptied: bool) -> Iterator[None]:
    """Within the block backward passes may add to the ``.grad`` of the leaves among ``nodes``, and call no hook of the user's;
    afterwards all is as it was. With ``emptied`` there is no ``.grad`` at first, else a copy of what there was."""
    kept = []
    for node in nodes:
        tensor = node.tensor() if isinstance(node, Leaf) else None
        kept.append((node, node.hooks, getattr(node, "after_hooks", None), tensor, getattr(tensor, "_grad", None)))
    try:
        for node, _, after, tensor, grad in kept:
            node.hooks = None
            if after is not None:
                node.after_hooks = None
            if tensor is not None:
                tensor._grad = None if emptied or grad is None else box(grad._array.copy(order="K"))
        yield
    finally:
        for node, own, after, tensor, grad in kept:
            node.hooks = own
            if after is not None:
                node.after_hooks = after
            if tensor is not None:
                tensor._grad = grad


def sweep(roots: list[tuple[Any, Any]], steps: Any, recording: Recording, values: bool, retain: bool) -> None:
    """Run a backward pass that delivers to no tensor, and note the gradients in ``steps`` (by node) and of the leaves."""
    wanted: dict[Any, Any] = {node: None for node in _all_nodes([node for node, _ in roots]) if isinstance(node, Leaf)}

    def note(call: OpCall, run: Any) -> Any:
        step = steps.get(call.node) if call.phase == "backward" else None
        if step is not None and step.gradient is None:
            step.took_gradient(call.inputs, values)
        return run()

    with op_hook(note), passes_made_by(Pass):  # no pass of the program: no recorder is to take it for one
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
        self._held: dict[Any, Any] = {}  # by node or leaf: its result, where somebody has it
        for node in made:
            if isinstance(node, Node):
                self._held.update(_saved_values(node))
        results = [t for t in tensors if t._view is None and isinstance(t._node, (Node, Output))]
        self._held.update((t._node, t._array) for t in results)
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
        inputs = self.inputs(node)
        if inputs is None or not isinstance(node.op, Primitive):
            return None
        with np.errstate(all="ignore"):
            returned = node.op.kernel(*inputs, **node.static)
        y, *residuals = returned if node.op.residuals else (returned,)
        if node.outputs > 1:
            return (*map(np.asarray, y), *residuals)
        return (np.asarray(y, node.dtype), *residuals)

    def inputs(self, node: Node) -> list[Any] | None:
        """What the node's kernel was given; None if it cannot be had any more."""
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
                return self._held.get(parent)
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
            returned, inputs = self._run(node), self.inputs(node)
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


def _saved_values(node: Node) -> Iterator[tuple[Any, Any]]:
    """What a node has saved of its inputs, by their nodes, and of its result, as far as that was not written to since."""
    if isinstance(node.saved, (list, tuple)):
        nodes = [*node.parents, node]
        for at, value in zip(getattr(node.plan, "kept", ()), node.saved, strict=False):
            known = at < len(nodes) and isinstance(nodes[at], (Node, Leaf)) and isinstance(value, np.ndarray)
            if (
                known
                and (nodes[at].shape, nodes[at].dtype) == (value.shape, value.dtype)
                and not versions.writes_since(value, node.number)
            ):
                yield nodes[at], value


def _constant(node: Node, position: int) -> Any:
    """An input without gradient, as the kernel took it."""
    known = node.constants.get(position)
    if isinstance(known, Constant):
        array = known.array()
        changed = array is None or versions.writes_since(array, node.number)
        return known.value if changed else array
    return known
