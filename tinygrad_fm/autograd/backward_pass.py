"""The backward pass: walks the tape from the results to the leaves, one rule per input.

Every node has a number, higher than those of its inputs. Taking the highest number first therefore means that a node's
gradient is complete when its turn comes: everything that used its result had a higher number. A heap of numbers is all the
order there is (the reverse topological order); nothing recurses, so a chain of any length works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ..dtypes import OURS
from ..errors import AutogradError
from ..runtime import Deferred, resolve
from . import hooks, versions
from .accumulate_grad import accumulate_grad, in_order
from .box import box, is_tensor
from .broadcast import broadcasts_to, clone, depending, sum_to
from .hooks import OpCall
from .modes import enable_grad, state
from .node import HookedNode, Leaf, Node, Output, gradient_scope
from .primitives import boxed_saved

_ndarray = np.ndarray


def _fit(node: Any, parent: Any, dx: Any) -> Any:
    """Give a rule's result the shape and dtype of the input that it is the gradient of."""
    array = dx._array if is_tensor(dx) else np.asarray(dx)
    dx = dx if is_tensor(dx) else array
    if array.shape != parent.shape:
        broadcast = getattr(node.op, "broadcasts", False) and array.shape == node.shape
        if not (broadcast and broadcasts_to(parent.shape, array.shape)):
            raise AutogradError(
                f"the backward rule of {node.describe()} for input {node.parents.index(parent)} returned a gradient of "
                f"shape {tuple(array.shape)}, but the input has shape {tuple(parent.shape)}"
            )
        dx = sum_to(dx, shape=parent.shape)
    if array.dtype != parent.dtype:
        dx = dx.to(OURS[parent.dtype]) if is_tensor(dx) else dx.astype(parent.dtype)
    return dx


class Pass:
    """One backward pass. The gradients on their way wait by the number of the node that they belong to.

    A gradient may be :class:`~tinygrad_fm.runtime.Deferred`: threads are still computing it. That is so for leaves only, where
    nobody reads it before the leaf's turn comes; :meth:`pass_on` waits for all others.
    """

    deliver = staticmethod(accumulate_grad)

    def __init__(self, retain: bool, create: bool, wanted: dict[Any, Any], inner: set[Any] | None) -> None:
        self.retain, self.create = retain, create
        self.wanted = wanted  # node -> its gradient, where only some are asked for
        self.inner = inner or set()  # the nodes from which a wanted one can be reached
        self.goals = None if inner is None else self.inner | wanted.keys()  # None: deliver to all leaves
        self.heap: list[int] = []  # the numbers of the nodes that wait, negative: the highest comes first
        self.waiting: dict[int, tuple[Any, Any]] = {}  # by number: the node and its gradient
        self.sums: set[int] = set()  # the numbers whose gradient is a sum made here, which may be added to in place

    def pass_on(self, node: Any, parent: Any, g: Any) -> None:
        """Add ``g``, which a rule of ``node`` gave, to the gradient of ``parent``, in the shape, dtype and memory order of
        its value. The first gradient is borrowed; only sums made here are changed in place."""
        number = parent.number
        shape = parent.shape
        if type(g) is not _ndarray or g.shape != shape or g.dtype is not parent.dtype:
            g = self._arrived(node, parent, g)
        if len(shape) == 4 and type(g) is _ndarray:
            g = in_order(g, parent.order)
        waiting = self.waiting
        if number not in waiting:
            waiting[number] = parent, g
            heappush(self.heap, -number)
        elif number in self.sums:
            total = waiting[number][1]
            np.add(total, g, out=total)
        else:
            total = resolve(waiting[number][1]) + g
            if isinstance(total, np.generic):  # the sum of 0-d arrays
                total = np.asarray(total)
            waiting[number] = parent, total
            if type(total) is _ndarray:
                self.sums.add(number)

    def _pass_on_recorded(self, node: Any, parent: Any, g: Any) -> None:
        """:meth:`pass_on` in a recorded pass, which knows Tensors only, also where a rule gave a constant array."""
        self.pass_on(node, parent, g if is_tensor(g) else box(resolve(g)))

    def _arrived(self, node: Any, parent: Any, g: Any) -> Any:
        """A gradient in the shape and dtype of its value; one that may stay a promise as it is."""
        if type(g) is Deferred:
            if self._may_stay_a_promise(parent):
                return g
            g = g.result()
        return _fit(node, parent, g)

    def _may_stay_a_promise(self, parent: Any) -> bool:
        """Whether nothing is done with a gradient of ``parent`` before its turn comes."""
        return type(parent) is Leaf and self.goals is None and not self.create and parent.number not in self.waiting

    def run(self) -> None:
        """Take the nodes from the highest number down until no gradient is left on its way."""
        heap, waiting, wanted, everything = self.heap, self.waiting, self.wanted, self.goals is None
        pass_on = self._pass_on_recorded if self.create else self.pass_on
        deliver = self.deliver
        while heap:
            node, g = waiting.pop(-heappop(heap))
            if type(g) is Deferred:
                g = in_order(g.result(), node.order)
            if node.hooks:
                g = self._call_hooks(node, g)
            if wanted and node in wanted:
                wanted[node] = g
            kind = type(node)
            if kind is Output:
                self._collect(node, g)
            elif kind is Leaf:
                if everything:
                    deliver(node, g, self.create)
            elif everything or node in self.inner:
                if kind is Node and not hooks.active:
                    self._step(node, g, pass_on)
                else:
                    self._step_within_hooks(node, g)

    def _step(self, node: Node, g: Any, give: Callable[[Any, Any, Any], None]) -> None:
        """Differentiate ``node``, the gradient of whose result is ``g``: ``give(node, parent, dx)`` for each of its inputs.

        Every choice between the rules and the composition of a fused operation is made here, and rules are applied here.
        """
        saved = node.saved
        if saved is None:
            raise AutogradError(
                f"Trying to backward through the graph a second time, but {node.describe()} needs arrays that an earlier "
                "backward has let go; call the earlier one with retain_graph=True"
            )
        if saved:
            if callable(saved):
                saved = saved()
            elif versions.log.last > node.number:
                node.check_saved()
            if not self.retain and node.plan.keeps_arrays:  # shapes are kept: such a node can be gone through again
                node.saved = None
        create = self.create
        if create:
            state.scope = gradient_scope(node)
            if node.op.composition is not None:
                _differentiate_composition(node, saved, g, give)
                return
            if node.plan.kept:
                saved = boxed_saved(node, saved)
        rules, parents, goals = node.plan.rules, node.parents, self.goals
        for position, rule, reads in rules:
            parent = parents[position]
            if goals is None or parent in goals:
                if len(reads) == 0:
                    dx = rule(g)
                elif len(reads) == 1:
                    dx = rule(g, saved[reads[0]])
                else:
                    dx = rule(g, *[saved[i] for i in reads])
                if create and position in node.op.piecewise and dx is not None:
                    dx = depending(dx, box(np.broadcast_to(np.zeros((), parent.dtype), parent.shape), parent))
                if dx is not None:
                    give(node, parent, dx)
        if not rules:  # one rule for all inputs
            for parent, dx in node.op.vjp(node, g, saved, create, goals):
                if dx is not None:
                    give(node, parent, dx)

    def _step_within_hooks(self, node: Node, g: Any) -> None:
        """:meth:`_step` for the op hooks and the node's own, which get to see the gradients before they are passed on."""
        call = OpCall(node.op.name, "backward", tuple(g) if isinstance(g, _Bundle) else (g,), node.static, node)
        found: list[tuple[Any, Any]] = []

        def run() -> list[tuple[Any, Any]]:
            self._step(node, g, lambda node, parent, dx: found.append((parent, resolve(dx))))
            return found

        pairs = hooks.around(call, run)
        if isinstance(node, HookedNode) and node.post_hooks:
            pairs = self._call_post_hooks(node, pairs, call.inputs)
        pass_on = self._pass_on_recorded if self.create else self.pass_on
        for parent, dx in pairs:
            pass_on(node, parent, dx)

    def _call_post_hooks(self, node: HookedNode, pairs: list[tuple[Any, Any]], gs: Any) -> list[tuple[Any, Any]]:
        """Let the node's own hooks see its gradients, as Tensors, and replace them."""
        found = dict(pairs)
        inputs = tuple(None if parent not in found else _boxed(found[parent]) for parent in node.parents)
        outputs = tuple(None if g is None else _boxed(g) for g in gs)
        for hook in tuple(node.post_hooks.values()):
            replaced = hook(inputs, outputs)
            if replaced is not None:
                inputs = tuple(replaced)
        given = zip(node.parents, inputs, strict=True)
        return [(parent, dx if self.create else dx._array) for parent, dx in given if parent is not None and dx is not None]

    def _collect(self, output: Output, g: Any) -> None:
        """Put the gradient of one of several results of an operation among those of the others."""
        node = output.parents[0]
        if node.number not in self.waiting:
            self.waiting[node.number] = node, _Bundle([None] * node.outputs)
            heappush(self.heap, -node.number)
        _, bundle = self.waiting[node.number]
        before = bundle[output.index]  # of another Output of this index: a saved result, when differentiating twice
        bundle[output.index] = g if before is None else before + g

    def _call_hooks(self, node: Any, g: Any) -> Any:
        if isinstance(g, _Bundle):
            return self._call_pre_hooks(node, g)
        for hook in tuple(node.hooks.values()):
            replaced = hook(_boxed(g))
            if replaced is None:
                continue
            if not is_tensor(replaced):
                raise TypeError(f"a gradient hook must return None or a Tensor, got {type(replaced).__name__}")
            if (replaced.shape, replaced._array.dtype) != (node.shape, node.dtype):
                raise AutogradError(
                    f"a gradient hook must return None or a Tensor of shape {tuple(node.shape)} and dtype {node.dtype}, "
                    f"got {replaced!r}"
                )
            g = replaced if self.create else replaced._array
        return g

    def _call_pre_hooks(self, node: Any, gs: _Bundle) -> _Bundle:
        """The hooks of an operation with several results are those on the node: each result has its own."""
        for hook in tuple(node.hooks.values()):
            replaced = hook([None if g is None else _boxed(g) for g in gs])
            if replaced is not None:
                gs = _Bundle(g if g is None or self.create else g._array for g in replaced)
        return gs


def _boxed(g: Any) -> Any:
    return g if is_tensor(g) else box(g)


class _Bundle(list[Any]):
    """The gradients of an operation's several results; None for those that nothing used."""


def _reaching(starts: Iterable[Any], targets: Iterable[Any]) -> set[Any]:
    """The nodes below ``starts`` from which one of ``targets`` can be reached."""
    seen: dict[Any, None] = {}
    pending = list(starts)
    while pending:
        node = pending.pop()
        if node is not None and node not in seen:
            seen[node] = None
            pending += node.parents
    reaching: set[Any] = set()
    goals = set(targets)
    for node in sorted(seen, key=lambda node: node.number):
        if any(parent in reaching or parent in goals for parent in node.parents if parent is not None):
            reaching.add(node)
    return reaching


def run_backward(roots: Sequence[tuple[Any, Any]], retain: bool, create: bool, wanted: dict[Any, Any] | None = None) -> None:
    """Send gradients from ``roots``, pairs of a node and the gradient of its result, to the leaves or to ``wanted``."""
    inner = None if wanted is None else _reaching((node for node, _ in roots), wanted)
    make = next(reversed(hooks.passes), Pass)
    sweep = make(retain, create, wanted if wanted is not None else {}, inner)
    for node, g in roots:
        sweep.pass_on(None, node, g)
    previous, scope = state.grad_enabled, state.scope
    state.grad_enabled = create
    try:
        with np.errstate(all="ignore"):
            sweep.run()
    finally:
        state.grad_enabled, state.scope = previous, scope


def _start(output: Any, g: Any, create: bool) -> tuple[Any, Any]:
    """The node of ``output`` and the gradient to start from: ``g``, or 1 for a scalar."""
    if output._view is not None:
        output._view.refresh(output)
    if output._node is None:
        raise AutogradError(
            "this tensor does not require grad and has no operation behind it: nothing that it was computed from had "
            "requires_grad=True, or it was computed under no_grad()"
        )
    if g is None:
        if output._array.size != 1:
            raise AutogradError(
                f"grad can be implicitly created only for scalar outputs: this one has shape {tuple(output.shape)}; "
                "reduce it with sum() or mean(), or pass the gradient"
            )
        array = np.ones(output._array.shape, output._array.dtype)
        return output._node, box(array) if create else array
    if not is_tensor(g):
        raise TypeError(f"gradients must be Tensors or None, got {type(g).__name__}")
    if g.shape != output.shape:
        raise AutogradError(f"the gradient has shape {tuple(g.shape)}, but the output has shape {tuple(output.shape)}")
    if g._array.dtype != output._array.dtype:
        g = g.to(output.dtype)
    return output._node, g if create else g._array


def _as_list(value: Any, count: int | None = None) -> list[Any]:
    if value is None:
        return [None] * (count or 0)
    return [value] if is_tensor(value) else list(value)


def _roots(outputs: list[Any], gradients: Any, create: bool) -> list[tuple[Any, Any]]:
    given = _as_list(gradients, len(outputs))
    if len(given) != len(outputs):
        raise AutogradError(f"got {len(outputs)} outputs but {len(given)} gradients")
    return [_start(output, g, create) for output, g in zip(outputs, given, strict=True)]


def backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Compute the gradient of ``tensors`` and add it to ``.grad`` of the leaves it depends on.

    Args:
        tensors: one tensor or several.
        grad_tensors: for each, the gradient to start from, of its shape; may be None for tensors with one element.
        retain_graph: keep what was saved, so that the graph can be gone through again; as ``create_graph`` by default.
        create_graph: record the backward pass itself, so that the gradients can be differentiated.
        inputs: add to ``.grad`` of these tensors only.

    Raises:
        AutogradError: no graph, a missing or misshaped gradient, a graph already let go, a saved array overwritten.

    Source: https://pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> torch.autograd.backward((x * x).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    roots = _roots(_as_list(tensors), grad_tensors, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        run_backward(roots, retain, create_graph)
        return
    chosen = _as_list(inputs)
    if not chosen:
        raise AutogradError("backward(): inputs must name at least one tensor; leave it out to reach all leaves")
    chosen = list(dict.fromkeys(chosen))  # one named twice gets its gradient once
    for tensor, g in zip(chosen, grad_of(roots, chosen, retain, create_graph), strict=True):
        if g is None:
            continue
        if type(tensor._node) is Leaf:
            accumulate_grad(tensor._node, g if create_graph else g._array, create_graph)
        else:
            tensor._grad = g if tensor._grad is None else tensor._grad + g


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, without touching any ``.grad``.

    Args:
        outputs, inputs: one tensor or several; an input may be a leaf or the result of an operation.
        grad_outputs: for each output, the gradient to start from; None for outputs with one element.
        retain_graph, create_graph: as in :func:`backward`.
        only_inputs: without effect, as in PyTorch.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.
        is_grads_batched: each of ``grad_outputs`` has one more dimension in front, as have the results: one backward for each
            of its slices. The results are not recorded.
        materialize_grads: zeros instead of None for unused inputs.

    Returns:
        A tuple with one gradient per input.

    Raises:
        AutogradError: no inputs, or one that was not used, unless ``allow_unused``.
        ValueError: ``materialize_grads`` with ``allow_unused=False``.

    >>> import tinygrad_fm as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> dy, = torch.autograd.grad(x ** 3, x, create_graph=True)
    >>> torch.autograd.grad(dy, x)
    (tensor(18.),)
    """
    chosen = _as_list(inputs)
    if not chosen:
        raise AutogradError("grad(): inputs must name at least one tensor")
    if materialize_grads and allow_unused is False:
        raise ValueError("grad(): allow_unused=False contradicts materialize_grads=True, which gives zeros for unused inputs")
    if is_grads_batched:
        return _batched_grad(_as_list(outputs), chosen, _as_list(grad_outputs), retain_graph, allow_unused, materialize_grads)
    roots = _roots(_as_list(outputs), grad_outputs, create_graph)
    found = grad_of(roots, chosen, create_graph if retain_graph is None else retain_graph, create_graph)
    if allow_unused is None:
        allow_unused = materialize_grads
    for i, g in enumerate(found):
        if g is None and materialize_grads:
            found[i] = box(np.zeros_like(chosen[i]._array))
        elif g is None and not allow_unused:
            raise AutogradError(
                f"the tensor at index {i} of inputs appears to not have been used in the graph: the outputs do not "
                "depend on it; pass allow_unused=True if that is intended"
            )
    return tuple(found)


def _batched_grad(
    outputs: list[Any], inputs: list[Any], gradients: list[Any], retain: bool | None, unused: bool | None, zeros: bool
) -> tuple[Any, ...]:
    """The gradients for each slice of ``gradients``, stacked."""
    sizes = {len(g._array) for g in gradients if g is not None}
    if len(sizes) != 1:
        raise AutogradError(f"grad(): with is_grads_batched all of grad_outputs must have one batch size, got {sorted(sizes)}")
    count = sizes.pop()
    found = [
        grad(
            outputs,
            inputs,
            [None if g is None else box(g._array[i]) for g in gradients],
            retain_graph=retain or i < count - 1,
            allow_unused=unused,
            materialize_grads=zeros,
        )
        for i in range(count)
    ]
    return tuple(None if rows[0] is None else box(np.stack([g._array for g in rows])) for rows in zip(*found, strict=True))


def grad_of(roots: Sequence[tuple[Any, Any]], inputs: Sequence[Any], retain: bool, create: bool) -> list[Any]:
    """The gradients of ``inputs`` as Tensors, None for those that the roots do not depend on."""
    for i, tensor in enumerate(inputs):
        if not is_tensor(tensor):
            raise TypeError(f"inputs must be Tensors, input {i} is {type(tensor).__name__}")
        if tensor._view is not None:
            tensor._view.refresh(tensor)
        if tensor._node is None:
            raise AutogradError(f"input {i} does not require grad; call requires_grad_() on it before it is used")
    wanted: dict[Any, Any] = {tensor._node: None for tensor in inputs}
    run_backward(roots, retain, create, wanted)
    found = (wanted[tensor._node] for tensor in inputs)
    return [g if g is None or is_tensor(g) else box(np.array(g, order="K")) for g in found]


def _differentiate_composition(node: Node, saved: Sequence[Any], g: Any, give: Callable[[Any, Any, Any], None]) -> None:
    """Give the gradients of a fused operation's inputs as a recorded computation: its composition, run on the saved inputs."""
    values = dict(zip(node.plan.kept, saved, strict=True))
    # clones stop the inner pass at the inputs, and lead on from there to where the inputs came from
    inputs = [
        clone(box(values[i], parent)) if parent is not None else box(values[i]) if values[i] is not None else None
        for i, parent in enumerate(node.parents)
    ]
    with enable_grad():
        y = node.op.composition(*inputs, **node.static)
    results = list(zip(y, g, strict=True)) if isinstance(g, _Bundle) else [(y, g)]
    roots = [(out._node, gi) for out, gi in results if gi is not None and out._node is not None]
    found = grad_of(roots, [inputs[i] for i in node.plan.live], retain=True, create=True)
    for i, dx in zip(node.plan.live, found, strict=True):
        if dx is not None:
            give(node, node.parents[i], dx)
