"""Writing in place: ``x.add_(y)``, ``x[0] = y``, and what becomes of the tape.

The tensor written to takes the place on the tape of the operation that gave the new values. If it is a view, so must its base:
its place becomes a scatter, "the old base, with the view's new values in place of that part" (:func:`rebase`, through views of
views up to the tensor that owns the memory). Other views of that memory follow when they are next used (``view.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import AutogradError, ShapeError
from ..promotion import can_cast
from . import versions
from .modes import state
from .node import Leaf, Node
from .primitives import primitive
from .view import Replay, move
from .vmap_levels import refuse_write


def _view_scatter(base: np.ndarray[Any, Any], part: Any, replay: Replay) -> np.ndarray[Any, Any]:
    out = np.array(base, order="K")  # unlike copy(), an array also of a NumPy scalar
    target = replay(out)
    if versions.storage(target) is out:
        target[...] = part
    else:  # in this memory order the view would be a copy: find out which elements it shows, and put those
        np.put(out, replay(np.arange(out.size).reshape(out.shape)), part)
    return out


view_scatter: Any = primitive(
    _view_scatter,
    name="view_scatter",
    promotion=None,
    base=lambda g, replay: view_scatter(g, 0.0, replay=replay),
    part=lambda g, replay: replay(g),
)


def rebase(view: Any) -> None:
    """Give the bases of ``view``, which has just been written to, their new places on the tape."""
    base = view._view.base
    parents = [base._node, view._node]
    mask = sum(1 << i for i, node in enumerate(parents) if node is not None)
    if mask:
        definition = view_scatter.primitive
        plan = definition.plan_for(mask, 2)
        static = {"replay": view._view.replay}
        values = [base._array, view._array, base._array, *definition.extra_values([base._array, view._array], static)]
        move(base, Node(definition, parents, plan, plan.keep(values), static, base._array))
    if base._view is not None:
        rebase(base)
        base._view.seen = versions.log.last


def _end_at_copies(name: str, x: Any) -> None:
    """Cut the chain of views that ``x`` stands on where one of them turns out to be a copy: writes reach no further."""
    while x._view is not None:
        if not x._view.shares_memory(x):
            if x._view.replay.op.__name__ == "view" and x._array.size:
                raise AutogradError(
                    f"{name}(): a view of shape {tuple(x._array.shape)} had to copy, because its base lies in memory in "
                    "another order, so writing to it would not reach the base; write to the base, or use reshape() "
                    "followed by clone()"
                )
            x._view = None
            return
        x = x._view.base


def _refuse(name: str, x: Any) -> None:
    """Raise if ``x`` must not be written to in place."""
    if x._view is not None:
        x._view.refresh(x)
        _end_at_copies(name, x)
    if x._inference and not state.inference:
        raise AutogradError(f"{name}(): this tensor was made in inference_mode and is changed outside it; clone() it first")
    if not x._array.flags.writeable:
        if any(n > 1 and not stride for n, stride in zip(x._array.shape, x._array.strides, strict=True)):
            why = "several of its elements, made by expand() or broadcast_to(), share one place in memory"
        else:
            why = "its memory is read-only, from a read-only array or because a graph needs it in autograd.debug()"
        raise AutogradError(f"{name}(): this tensor cannot be written to: {why}; clone() it first")
    refuse_leaf(name, x)


def _refuse_view(name: str, x: Any) -> None:
    """Raise if ``x`` is a view that the tape cannot follow: gradients are recorded, and it is given values that need one."""
    if not x._view.tracked:
        raise AutogradError(
            f"{name}(): this view was made under no_grad() and is now changed with gradients enabled; "
            "make the view where gradients are enabled, or change it under no_grad()"
        )
    view = x
    while view._view is not None:
        if view._view.source:
            raise AutogradError(
                f"{name}(): an output of {view._view.source}() is a view and is being modified inplace, but a function that "
                "returns several views does not allow that; use the out-of-place form, or clone() it first"
            )
        view = view._view.base


def refuse_leaf(name: str, x: Any) -> None:
    """Raise if ``x``, or what it is a view of, is a leaf that requires a gradient while gradients are recorded."""
    base = x
    while state.grad_enabled and base is not None:
        if type(base._node) is Leaf:
            what = "a leaf tensor" if base is x else "a view of a leaf tensor"
            raise AutogradError(
                f"{name}(): {what} that requires grad is being used in an in-place operation; that is for no_grad() blocks only"
            )
        base = base._view.base if base._view is not None else None


def inplace(op: Callable[..., Any], x: Any, *args: Any, **static: Any) -> Any:
    """Run ``op(x, *args)`` and write the result into ``x``; its place on the tape becomes the operation's.

    Args:
        op: an operation whose result has ``x``'s shape and a dtype that can be cast to ``x``'s.
        x: the tensor that is written to. Views of it, and what it is a view of, follow.

    Returns:
        ``x``.

    Raises:
        AutogradError: ``x`` is a leaf that requires a gradient (or a view of one) while gradients are recorded, or its
            elements overlap in memory.
        ShapeError, RuntimeError: the result does not fit into ``x``.
    """
    name = f"{op.__name__}_"
    _refuse(name, x)
    if state.mapped:
        refuse_write(name, x, [*args, *static.values()])
    start = versions.next_number()
    result = op(x, *args, **static)
    if result._array.shape != x._array.shape:
        raise ShapeError(
            f"{name}(): the result has shape {tuple(result._array.shape)}, which does not fit into the tensor of shape "
            f"{tuple(x._array.shape)} that is written to"
        )
    if result._array.dtype is not x._array.dtype:
        if not can_cast(result._array.dtype, x._array.dtype):
            raise AutogradError(f"{name}(): the result has dtype {result.dtype}, which cannot be cast to {x.dtype}")
        result = result.to(x.dtype)
    node, values = result._node, result._array
    if x._view is not None and node is not None:
        _refuse_view(name, x)
    _keep_apart(node, start, x._array, values)
    np.copyto(x._array, values)
    wrote(x)
    if node is not None:
        node.number = versions.next_number()  # what it saved of its own result is the state after this write
    if state.grad_enabled:
        move(x, node)
        if x._view is not None:
            rebase(x)
    if x._view is not None:
        x._view.seen = versions.log.last
    return x


def _keep_apart(node: Any, start: int, target: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> None:
    """Before ``values``, computed by ``node``, are written to ``target``: see to what the nodes recorded for it have saved.

    ``x.mul_(x)`` saved the old ``x``, which the write destroys: its node gets a copy of it. ``x.exp_()`` saved its result,
    which from now on is in ``x``: its node is given that array, so that the other one can go.

    Args:
        start: nodes with higher numbers were recorded by the operation that is writing; older ones are left alone, so that
            backward notices the write.
    """
    pending = [node]
    while pending:
        recorded = pending.pop()
        if not isinstance(recorded, Node) or recorded.number < start:
            continue
        kept: list[Any] = []
        for value in recorded.saved:
            if recorded is node and value is values:
                kept.append(target)
            elif isinstance(value, np.ndarray) and versions.storage(value) is versions.storage(target):
                kept.append(value.copy())
            else:
                kept.append(value)
        recorded.saved = kept
        pending += recorded.parents


def wrote(x: Any) -> None:
    """Note that ``x``'s memory was written to. Tensors from ``.data`` write behind the tape's back, as in PyTorch."""
    base = x
    while base._view is not None:
        base = base._view.base
    if base._counted:
        versions.written(x._array)
    else:
        versions.log.uncounted = versions.next_number()
