"""``primitive``: turns a NumPy kernel and one rule per input into an operation that records itself.

    mul = primitive(np.multiply, a=lambda g, b: g * b, b=lambda g, a: g * a)

reads: the product of inputs ``a`` and ``b``; the gradient of ``a`` is ``g * b``, where ``g`` is the gradient of the result.
A rule says by the names of its parameters what it reads, and nothing else is kept for it:

    g                   the gradient of the result (of a kernel with several results: a tuple of them)
    y                   the result
    the name of an input          that input's array
    that name with ``_shape``     only its shape
    the name of a residual        what the kernel returned besides the result (an index, a mask)
    any other name                the static (keyword) argument of that name

A rule is a vector-Jacobian product (vjp): it is given the vector ``g`` and returns ``g`` times the Jacobian of the result
with respect to that input. Rules are written with operators and our own operations only. Given arrays they compute arrays:
the ordinary backward pass. Given Tensors they record themselves: the backward pass of ``create_graph=True``, which can be
differentiated again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from operator import itemgetter
from typing import Any

import numpy as np

from ..errors import AutogradError, OperandError
from ..promotion import explained, promote
from . import box as boxes
from . import hooks, modes
from .box import TensorBase, box
from .keywords import call_by_name, takes_static
from .modes import state
from .node import Node, Output, constants_of
from .tensor_type import Tensor
from .view import Replay, View

_new = object.__new__
_ndarray = np.ndarray
NEEDS = "needs"  # stands among what a joint rule reads for the gradients it should compute


# -- what an operation is ----------------------------------------------------------------------------------------------


class Plan:
    """For one choice of inputs that need a gradient: which rules will run, and which values they read.

    Attributes:
        live: positions of the inputs that need a gradient.
        kept: positions of what is saved, in the list of inputs, result, residuals and extras.
        keep: takes those from that list; None where nothing is saved.
        rules: for each live input its position, its rule, and which of the saved values that reads; empty for a joint rule.
        reads: which of the saved values the joint rule reads.
        keeps_arrays: whether arrays are among what is saved, and not only shapes and static arguments.
    """

    __slots__ = ("keep", "keeps_arrays", "kept", "live", "reads", "rules")

    live: tuple[int, ...]
    kept: tuple[int, ...]
    keep: Any
    rules: tuple[Any, ...]
    reads: tuple[int, ...]
    keeps_arrays: bool


class Primitive:
    """The definition of an operation: its kernel, its rules, and what they read. Made by :func:`primitive`."""

    def __init__(
        self,
        kernel: Callable[..., Any],
        name: str,
        rules: dict[str, Callable[..., Any]],
        inputs: tuple[str, ...],
        joint: Callable[..., Any] | None,
        residuals: tuple[str, ...],
        outputs: int,
        broadcasts: bool,
        composition: Callable[..., Any] | None,
        piecewise: tuple[str, ...],
        promotion: Callable[[Primitive, list[Any]], None] | None,
        view: bool,
    ) -> None:
        self.kernel, self.name, self.rules, self.joint = kernel, name, rules, joint
        self.inputs, self.residuals, self.outputs = inputs, residuals, outputs
        self.broadcasts, self.composition, self.promotion, self.view = broadcasts, composition, promotion, view
        self.piecewise = {inputs.index(name) for name in piecewise}
        self.plans: dict[int, Plan] = {}  # see plan_for
        named = {p for rule in ([joint] if joint else rules.values()) for p in _parameters(rule)}
        known = {*inputs, *residuals, "g", "y", "needs"}
        # values beside the inputs, the result and the residuals that some rule reads: shapes and static arguments
        self.extras = tuple(sorted(named - known))
        self.variadic = inputs == ("*",)

    def input_name(self, position: int) -> str:
        """The name of the input at ``position``, for messages."""
        return self.inputs[position] if position < len(self.inputs) and not self.variadic else f"input {position}"

    @property
    def shown(self) -> str:
        """The name of its nodes, as PyTorch prints it."""
        return "".join(part.title() for part in self.name.split("_")) + "Backward0"

    def plan_for(self, mask: int, count: int) -> Plan:
        """The plan for ``count`` inputs of which those whose bit is set in ``mask`` need a gradient.

        Plans are kept by the mask with one more bit set, above the others: it tells (a, b) from (a, b, c).
        """
        return self.plans.get(mask | 1 << count) or self._make_plan(mask, count)

    def _make_plan(self, mask: int, count: int) -> Plan:
        live = tuple(i for i in range(count) if mask >> i & 1)
        names = [f"input {i}" for i in range(count)] if self.variadic else list(self.inputs[:count])
        names += ["y", *self.residuals, *self.extras]
        if self.joint is not None:
            chosen = [(-1, self.joint)]
        else:
            chosen = [(i, self.rules.get(names[i]) or self._missing_rule(names[i])) for i in live]
        reads = {i: [p for p in _parameters(rule) if p != "g"] for i, rule in chosen}
        wanted = {p for read in reads.values() for p in read}
        if self.composition is not None:  # differentiating twice re-runs the composition on the inputs
            wanted.update(names[:count])
        kept = [i for i, name in enumerate(names) if name in wanted]
        slot: dict[str, Any] = {"needs": NEEDS, **{names[i]: k for k, i in enumerate(kept)}}
        slots = {i: tuple(slot[p] for p in read) for i, read in reads.items()}
        plan = Plan()
        plan.live = live
        plan.kept = tuple(kept)
        plan.keeps_arrays = bool(kept) and kept[0] < len(names) - len(self.extras)  # extras come last
        plan.rules = () if self.joint else tuple((i, rule, slots[i]) for i, rule in chosen)
        plan.reads = slots.get(-1, ())
        # the slice makes itemgetter return a sequence for a single value too
        plan.keep = itemgetter(*kept) if len(kept) > 1 else itemgetter(slice(kept[0], kept[0] + 1)) if kept else None
        if len(self.plans) < 256:  # cat() and stack() of ever more tensors would fill the memory with plans
            self.plans[mask | 1 << count] = plan
        return plan

    def _missing_rule(self, name: str) -> Callable[[Any], Any]:
        def rule(g: Any) -> Any:
            raise AutogradError(f"the derivative of {self.name}() with respect to '{name}' is not implemented")

        return rule

    def vjp(self, node: Node, g: Any, saved: Any, create: bool, goals: Any) -> list[tuple[Any, Any]]:
        """Apply the joint rule to the gradient ``g`` of the result, or to the tuple of those of several results.

        Args:
            saved: what the node kept.
            create: whether the computation is recorded; ``g`` and what was saved are Tensors then.
            goals: the only nodes whose gradients are wanted; None for all.

        Returns:
            Each wanted input's node and its gradient, None where the rule says that there is none.
        """
        needs = tuple(p is not None and (goals is None or p in goals) for p in node.parents)
        joint: Any = self.joint
        found = joint(g, *[needs if slot is NEEDS else saved[slot] for slot in node.plan.reads])
        return [(p, dx) for p, dx, needed in zip(node.parents, found, needs, strict=True) if needed]

    def extra_values(self, args: list[Any], static: dict[str, Any]) -> list[Any]:
        """The shapes and static arguments that rules read, in the order of ``extras``."""
        values = []
        for name in self.extras:
            stem = name.removesuffix("_shape")
            if stem != name and stem in self.inputs:
                at = self.inputs.index(stem)
                values.append(np.shape(args[at]) if at < len(args) else None)
            else:
                values.append(static[name])
        return values


def boxed_saved(node: Node, saved: Any) -> list[Any]:
    """What ``node`` saved as the rules of a recorded backward pass take it: inputs and result as Tensors, with the place on
    the tape that they had. Residuals, shapes and static arguments are constants and stay what they are."""
    count = len(node.parents)
    nodes = [*node.parents, node]
    return [
        box(value, nodes[at]) if at <= count and isinstance(value, _ndarray) else value
        for at, value in zip(node.plan.kept, saved, strict=True)
    ]


def _parameters(rule: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(rule).parameters)


def primitive(
    kernel: Callable[..., Any],
    *,
    name: str | None = None,
    promotion: Callable[[Primitive, list[Any]], None] | None = promote,
    joint: Callable[..., Any] | None = None,
    inputs: str | None = None,
    residuals: str = "",
    outputs: int = 1,
    broadcasts: bool = False,
    view: bool = False,
    composition: Callable[..., Any] | None = None,
    piecewise: str = "",
    **rules: Callable[..., Any],
) -> Callable[..., Tensor]:
    """Make an operation of a NumPy kernel and its backward rules (see the head of this module).

    Args:
        kernel: takes arrays by position and static arguments by keyword; returns the result, or with ``residuals`` the
            result and one value for each of them, or with ``outputs`` > 1 a tuple of results first.
        name: shown in errors and pictures; the kernel's by default.
        promotion: what to do about differing dtypes: :func:`promote`, :func:`promote_float`, :func:`same_dtype` or None.
        joint: one rule for all inputs, returning their gradients as a tuple; it may read ``needs``, a tuple of bools
            that says which are wanted.
        inputs: names of the inputs in order, separated by spaces, where some have no rule; ``"*"`` for any number.
        residuals: names of what the kernel returns besides the result, separated by spaces.
        outputs: the number of results, where a rule's ``g`` is a tuple.
        broadcasts: whether the kernel broadcasts its inputs against one another, so that their gradients are summed back.
        view: whether the result may share the input's memory, so that writing to one shows in the other.
        composition: the same operation composed of others, for a fused kernel: it runs instead within
            ``autograd.composed()``, and again under ``create_graph=True``.
        piecewise: names of the inputs in which the result is piecewise linear. The gradient with respect to them counts as a
            function of them all the same, one whose derivative is zero: differentiating it gives zeros, and no error that
            says that it was not used. (PyTorch does so for relu, abs and pooling, but not for clamp, max and floor.)
        **rules: for each differentiable input, by name, its rule.

    Returns:
        The operation, a function: of Tensors it returns Tensors, recorded where a gradient is needed; of arrays, arrays.

    >>> import numpy as np, tinygrad_fm as torch
    >>> cube = primitive(lambda x: x ** 3, name="cube", x=lambda g, x: 3 * g * x * x)
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> cube(x).sum().backward(); x.grad
    tensor([ 3., 12.])
    """
    named = tuple(inputs.split()) if inputs else tuple(rules)
    definition = Primitive(
        kernel,
        name or getattr(kernel, "__name__", "op").strip("_"),
        rules,
        named,
        joint,
        tuple(residuals.split()),
        outputs,
        broadcasts,
        composition,
        tuple(piecewise.split()),
        promotion,
        view,
    )
    return _operation(definition)


def as_operator(op: Callable[..., Any]) -> Callable[..., Any]:
    """The primitive ``op`` for Python's operators: of an operand that it knows nothing of it returns NotImplemented, so that
    Python asks the other one. A function around ``op`` would do; this one costs nothing."""
    return _operation(op.primitive, is_operator=True)  # type: ignore[attr-defined]


def _operation(definition: Primitive, is_operator: bool = False) -> Callable[..., Any]:
    """The function that :func:`primitive` returns."""
    kernel, composition, promotion, view = definition.kernel, definition.composition, definition.promotion, definition.view
    plans, several = definition.plans, definition.outputs > 1
    has_residuals, keeps_more = bool(definition.residuals), bool(definition.residuals or definition.extras)
    no_static = not takes_static(kernel, 0 if definition.variadic else len(definition.inputs))

    def op(*args: Any, **static: Any) -> Any:
        if static and no_static:
            return call_by_name(op, definition.name, definition.inputs, args, static)

        # open the Tensors: the arrays, the nodes they come from, and which of them need a gradient
        arrays: list[Any] = []
        parents: list[Any] = []
        mask, end = 0, 1  # bit i of mask: input i needs a gradient; end: the bit above those of all inputs
        any_tensor = False
        for a in args:
            array, node = a, None
            if isinstance(a, TensorBase):
                any_tensor = True
                if a._view is not None:
                    a._view.refresh(a)
                array, node = a._array, a._node
                if node is not None:
                    mask |= end
            arrays.append(array)
            parents.append(node)
            end += end

        # three other ways to run: a rule at work on bare arrays, the composition instead of the kernel, within hooks
        if not any_tensor:
            y = kernel(*arrays, **static)
            return y[0] if has_residuals else y
        if composition is not None and state.composed:
            return composition(*args, **static)
        if hooks.active and not state.inside_hook:
            return hooks.around_forward(definition, op, args, static)

        # compute
        try:
            if promotion is not None:
                promotion(definition, arrays)
            y = kernel(*arrays, **static)
        except OperandError:
            if is_operator:
                return NotImplemented
            raise
        except ValueError as error:
            raise explained(error, definition, arrays) from None
        residual_values: Any = ()
        if has_residuals:
            y, *residual_values = y
        if several:
            return _box_several(definition, arrays, parents, mask, y, residual_values, static)
        if type(y) is not _ndarray:
            y = np.asarray(y)  # a full reduction gives a NumPy scalar

        # record: one node, with what the rules that will run are going to read
        out = _new(boxes.tensor_class)  # as box() does, without a call
        out._array = y
        if mask and y.dtype.kind == "f" and state.grad_enabled:
            plan = plans.get(mask | end) or definition.plan_for(mask, len(arrays))  # as plan_for does, without a call
            saved: Any = ()
            if plan.keep is not None:
                arrays.append(y)
                if keeps_more:
                    arrays += [*residual_values, *definition.extra_values(arrays, static)]
                saved = plan.keep(arrays)
            out._node = node = Node(definition, parents, plan, saved, static, y)
            if mask != end - 1:
                node.constants = constants_of(args, parents)
        elif modes.inference_seen and state.inference:
            out._inference = True
        if view and y.base is not None:
            out._view = View(args[0], Replay(op, args[1:], static))
        return out

    op.primitive = definition  # type: ignore[attr-defined]
    op.__name__ = op.__qualname__ = definition.name
    op.__doc__ = f"``{definition.name}({', '.join(definition.inputs)})``: the taped operation (a primitive)."
    return op


def _box_several(
    definition: Primitive,
    arrays: list[Any],
    parents: list[Any],
    mask: int,
    results: Any,
    residual_values: Any,
    static: dict[str, Any],
) -> tuple[Any, ...]:
    """The results of an operation that has several, each with its own Output on the one node. Integer ones have none."""
    results = tuple(np.asarray(r) for r in results)
    if not (mask and state.grad_enabled):
        return tuple(box(r) for r in results)
    plan = definition.plan_for(mask, len(arrays))
    arrays += [results, *residual_values, *definition.extra_values(arrays, static)]
    node = Node(definition, parents, plan, plan.keep(arrays) if plan.keep else (), static, results[0])
    node.outputs = len(results)
    return tuple(box(r, Output(node, i, r) if r.dtype.kind == "f" else None) for i, r in enumerate(results))


def fused(composition: Callable[..., Any], **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator form of :func:`primitive` for a fused kernel that stands for ``composition``.

    >>> import tinygrad_fm as torch
    >>> @torch.autograd.fused(lambda x: x * x, x=lambda g, x: 2 * g * x)
    ... def square(x):
    ...     return x**2
    >>> square(torch.tensor([3.0], requires_grad=True))
    tensor([9.], grad_fn=<SquareBackward0>)
    """

    def decorate(kernel: Callable[..., Any]) -> Callable[..., Any]:
        return wraps(kernel)(primitive(kernel, composition=composition, **options))

    return decorate
