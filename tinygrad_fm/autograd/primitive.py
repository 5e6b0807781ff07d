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

Rules are written with operators and our own operations only. Given arrays they compute arrays: the ordinary backward pass.
Given Tensors they record themselves: the backward pass of ``create_graph=True``, which can be differentiated again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from operator import itemgetter
from typing import Any

import numpy as np

from ..errors import AutogradError
from ..promotion import explained, promote, promote_float, same_dtype
from ..runtime import now
from . import hooks
from .modes import state
from .node import Node, Output

Tensor: Any = ()  # the class of tensors, once tensor.py has registered it; isinstance(x, ()) is False until then
_new = object.__new__
_ndarray = np.ndarray
NEEDS = "needs"  # stands among what a joint rule reads for the gradients it should compute


def register_tensor(cls: type) -> None:
    """Tell the engine which class holds an array and its node. Called once, by ``tensor.py``."""
    global Tensor  # noqa: PLW0603
    Tensor = cls


def box(array: Any, node: Any = None) -> Any:
    """A Tensor around ``array`` whose place on the tape is ``node``."""
    out = _new(Tensor)
    out._array = array if type(array) is _ndarray else np.asarray(array)
    out._node = node
    return out


def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a Tensor."""
    return isinstance(x, Tensor)


def raw(x: Any) -> Any:
    """The array behind a Tensor, or ``x`` itself: for the parts of a rule that are constants, such as masks."""
    return x._array if isinstance(x, Tensor) else x


# -- what an operation is ----------------------------------------------------------------------------------------------


class _Plan:
    """For one choice of inputs that need a gradient: the live rules, and which values they read."""

    __slots__ = ("keep", "kept", "live", "reads", "rules")

    live: tuple[int, ...]  # positions of the inputs that need a gradient
    kept: tuple[int, ...]  # positions of what is saved, in the list of inputs, result, residuals and extras
    keep: Any  # takes those from that list
    rules: tuple[Any, ...]  # for each live input (position, rule, which saved values it reads); empty for a joint rule
    reads: tuple[int, ...]  # which saved values the joint rule reads


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
    ) -> None:
        self.kernel, self.name, self.rules, self.joint = kernel, name, rules, joint
        self.inputs, self.residuals, self.outputs = inputs, residuals, outputs
        self.broadcasts, self.composition = broadcasts, composition
        self.plans: dict[int, _Plan] = {}  # by the inputs' bits and one bit more, which says how many inputs there are
        named = {p for rule in ([joint] if joint else rules.values()) for p in _parameters(rule)}
        known = {*inputs, *residuals, "g", "y", "needs"}
        # values beside the inputs, the result and the residuals that some rule reads: shapes and static arguments
        self.extras = tuple(sorted(named - known))
        self.variadic = inputs == ("*",)

    def input_name(self, position: int) -> str:
        """The name of the input at ``position``, for messages."""
        return self.inputs[position] if position < len(self.inputs) and not self.variadic else f"input {position}"

    def make_plan(self, mask: int, count: int) -> _Plan:
        """The plan for ``count`` inputs of which those whose bit is set in ``mask`` need a gradient."""
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
        plan = _Plan()
        plan.live = live
        plan.kept = tuple(kept)
        plan.rules = () if self.joint else tuple((i, rule, slots[i]) for i, rule in chosen)
        plan.reads = slots.get(-1, ())
        # a slice makes itemgetter return a sequence for a single value too
        plan.keep = itemgetter(*kept) if len(kept) > 1 else itemgetter(slice(kept[0], kept[0] + 1)) if kept else None
        if len(self.plans) < 256:  # cat() and stack() of ever more tensors would fill the memory with plans
            self.plans[mask | 1 << count] = plan
        return plan

    def _missing_rule(self, name: str) -> Callable[[Any], Any]:
        def rule(g: Any) -> Any:
            raise AutogradError(f"the derivative of {self.name}() with respect to '{name}' is not implemented")

        return rule

    def pull(self, node: Node, g: Any, saved: Any, create: bool, goals: Any) -> list[tuple[Any, Any]]:
        """The gradients of ``node``'s inputs, from the gradient ``g`` of its result: pairs of an input's node and its gradient.

        Args:
            saved: what the node kept.
            create: record the computation; ``g`` and the results are Tensors then.
            goals: the only nodes whose gradients are wanted; None for all.
        """
        plan, parents = node.plan, node.parents
        if create:
            if self.composition is not None:
                return differentiate_composition(self.composition, node, saved, g)
            saved = [_boxed(node, at, value) for at, value in zip(plan.kept, saved, strict=True)]
        if self.joint is not None:
            needs = tuple(p is not None and (goals is None or p in goals) for p in parents)
            found = self.joint(g, *[needs if slot is NEEDS else saved[slot] for slot in plan.reads])
            return [(p, dx) for p, dx, needed in zip(parents, found, needs, strict=True) if needed and dx is not None]
        result = []
        for position, rule, reads in plan.rules:
            parent = parents[position]
            if goals is not None and parent not in goals:
                continue
            count = len(reads)
            if count == 1:
                dx = rule(g, saved[reads[0]])
            elif count == 0:
                dx = rule(g)
            else:
                dx = rule(g, *[saved[i] for i in reads])
            if dx is not None:
                result.append((parent, now(dx)))
        return result

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


def _boxed(node: Node, position: int, value: Any) -> Any:
    """A saved value as the rules of a recorded backward pass take it: with the place on the tape that it had."""
    count = len(node.parents)
    if not isinstance(value, _ndarray) or position > count:
        return value  # residuals, shapes and static arguments are constants
    return box(value, node if position == count else node.parents[position])


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
    **rules: Callable[..., Any],
) -> Callable[..., Any]:
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
    table = Primitive(
        kernel,
        name or getattr(kernel, "__name__", "op").strip("_"),
        rules,
        named,
        joint,
        tuple(residuals.split()),
        outputs,
        broadcasts,
        composition,
    )
    plans, several = table.plans, outputs > 1
    has_residuals, extras = bool(residuals), bool(table.extras)

    def op(*args: Any, **static: Any) -> Any:
        arrays: list[Any] = []
        parents: list[Any] = []
        live, bit = 0, 1  # bit i of live: input i needs a gradient
        boxed = False
        for a in args:
            if isinstance(a, Tensor):
                boxed = True
                if a._view is not None:
                    a._view.refresh(a)
                node = a._node
                if node is not None:
                    live |= bit
                arrays.append(a._array)
                parents.append(node)
            else:
                arrays.append(a)
                parents.append(None)
            bit += bit
        if not boxed:  # a rule at work on bare arrays
            y = kernel(*arrays, **static)
            return y[0] if has_residuals else y
        if composition is not None and state.composed:
            return composition(*args, **static)
        if hooks.active and not state.inside_hook:
            return hooks.around_forward(table, op, args, static)
        if promotion is not None:
            promotion(table, arrays)

        try:
            y = kernel(*arrays, **static)
        except ValueError as error:
            raise explained(error, table, arrays) from None
        kept: Any = ()
        if has_residuals:
            y, *kept = y
        if several:
            return _box_several(table, args, arrays, parents, live, y, kept, static)
        if type(y) is not _ndarray:
            y = np.asarray(y)  # a full reduction gives a NumPy scalar
        out = _new(Tensor)
        out._array = y
        if live and y.dtype.kind == "f" and state.grad_enabled:
            plan = plans.get(live | bit) or table.make_plan(live, len(arrays))
            if plan.keep is not None:
                arrays.append(y)
                if has_residuals:
                    arrays.extend(kept)
                if extras:
                    arrays.extend(table.extra_values(arrays, static))
                out._node = Node(table, parents, plan, plan.keep(arrays), static, y)
            else:
                out._node = Node(table, parents, plan, (), static, y)
        else:
            out._node = None
        if view and y.base is not None:
            out._view = View(args[0], Replay(op, args[1:], static))
        return out

    op.primitive = table  # type: ignore[attr-defined]
    op.__name__ = op.__qualname__ = table.name
    op.__doc__ = f"``{table.name}({', '.join(named)})``: the taped operation (a primitive)."
    return op


def _box_several(
    table: Primitive,
    args: Any,
    arrays: list[Any],
    parents: list[Any],
    live: int,
    results: Any,
    kept: Any,
    static: dict[str, Any],
) -> tuple[Any, ...]:
    """The results of an operation that has several, each with its own Output on the one node. Integer ones have none."""
    results = tuple(np.asarray(r) for r in results)
    if not (live and state.grad_enabled):
        return tuple(box(r) for r in results)
    plan = table.plans.get(live | 1 << len(arrays)) or table.make_plan(live, len(arrays))
    arrays += [results, *kept, *table.extra_values(arrays, static)]
    node = Node(table, parents, plan, plan.keep(arrays) if plan.keep else (), static, results[0])
    node.outputs = len(results)
    return tuple(box(r, Output(node, i, r) if r.dtype.kind == "f" else None) for i, r in enumerate(results))


def fused(composition: Callable[..., Any], **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator form of :func:`primitive` for a fused kernel that stands for ``composition``."""

    def decorate(kernel: Callable[..., Any]) -> Callable[..., Any]:
        return wraps(kernel)(primitive(kernel, composition=composition, **options))

    return decorate


from .backward import differentiate_composition  # noqa: E402
from .views import Replay, View  # noqa: E402  # views replay operations, operations make views: the two know each other

__all__ = [
    "Primitive",
    "box",
    "fused",
    "is_tensor",
    "primitive",
    "promote",
    "promote_float",
    "raw",
    "register_tensor",
    "same_dtype",
]
