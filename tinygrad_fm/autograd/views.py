"""Views and writing in place.

A tensor made by slicing, transposing and the like shares memory with the one it came from. Writing to either must show in
the gradients of both. So a view remembers its base and how it was made, and

* after a write *through* a view, the base's place on the tape becomes a scatter: "the old base, with the view's new values
  in place of that part" (:func:`rebase`, through views of views up to the tensor that owns the memory);
* a view whose memory was written to elsewhere derives its place on the tape anew from its base, when next used
  (:meth:`View.refresh`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import can_cast
from ..errors import AutogradError, ShapeError
from . import hooks, versions
from .modes import enable_grad, state
from .node import Leaf, Node
from .primitive import primitive


class Replay:
    """A view operation with its arguments, to be applied to any base of the same shape."""

    __slots__ = ("args", "op", "static")

    def __init__(self, op: Callable[..., Any], args: tuple[Any, ...], static: dict[str, Any]) -> None:
        self.op, self.args, self.static = op, args, static

    def __call__(self, base: Any) -> Any:
        return self.op(base, *self.args, **self.static)


class View:
    """How a tensor was made from the one whose memory it shares."""

    __slots__ = ("base", "replay", "seen", "tracked")

    def __init__(self, base: Any, replay: Replay) -> None:
        self.base, self.replay = base, replay
        self.seen = versions.log.last  # the last write this view's node knows of
        self.tracked = state.grad_enabled

    def shares_memory(self, view: Any) -> bool:
        """Whether the memory is really shared: reshaping an array in another memory order gives a copy."""
        return versions.storage(view._array) is versions.storage(self.base._array)

    def refresh(self, view: Any) -> None:
        """Bring ``view``'s node up to date if the memory was written to since it was made."""
        if versions.log.last <= self.seen:
            return
        if self.base._view is not None:
            self.base._view.refresh(self.base)
        if self.tracked and versions.writes_since(view._array, self.seen) and self.shares_memory(view):
            with enable_grad():
                _place(view, self.replay(self.base)._node)
        self.seen = versions.log.last


def _place(x: Any, node: Any) -> None:
    """Give ``x`` its new place on the tape. Hooks stay with the value that they were registered on."""
    if node is not None and x._node is not None and x._node.hooks:
        hooks.move_retained(x, x._node, node)
    x._node = node


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
        table = view_scatter.primitive
        plan = table.plans.get(mask | 4) or table.make_plan(mask, 2)
        static = {"replay": view._view.replay}
        values = [base._array, view._array, base._array, *table.extra_values([base._array, view._array], static)]
        _place(base, Node(table, parents, plan, plan.keep(values), static, base._array))
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
    if not x._array.flags.writeable:
        if any(n > 1 and not stride for n, stride in zip(x._array.shape, x._array.strides, strict=True)):
            why = "several of its elements, made by expand() or broadcast_to(), share one place in memory"
        else:
            why = "its memory is read-only, from a read-only array or because a graph needs it in autograd.debug()"
        raise AutogradError(f"{name}(): this tensor cannot be written to: {why}; clone() it first")
    refuse_leaf(name, x)


def refuse_leaf(name: str, x: Any) -> None:
    """Raise if ``x``, or what it is a view of, is a leaf that requires a gradient while gradients are recorded."""
    base = x
    while state.grad_enabled and base is not None:
        if type(base._node) is Leaf:
            what = "a leaf tensor" if base is x else "a view of a leaf tensor"
            raise AutogradError(f"{name}(): {what} that requires grad cannot be changed in place outside no_grad()")
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
    if x._view is not None and node is not None and not x._view.tracked:
        raise AutogradError(
            f"{name}(): this view was made under no_grad() and is now changed with gradients enabled; "
            "make the view where gradients are enabled, or change it under no_grad()"
        )
    _keep_apart(node, start, x._array, values)
    np.copyto(x._array, values)
    wrote(x)
    if node is not None:
        node.number = versions.next_number()  # what it saved of its own result is the state after this write
    if state.grad_enabled:
        _place(x, node)
        if x._view is not None:
            rebase(x)
    if x._view is not None:
        x._view.seen = versions.log.last
    return x


def _keep_apart(node: Any, start: int, target: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> None:
    """Before ``values`` are written to ``target``: let the nodes recorded since ``start`` keep copies of what they saved of
    ``target``; and let ``node``, if it saved its result ``values``, find it in ``target`` from now on."""
    pending = [node]
    while pending:
        recorded = pending.pop()
        if not isinstance(recorded, Node) or recorded.number < start:
            continue
        recorded.saved = [
            target
            if recorded is node and value is values
            else value.copy()
            if isinstance(value, np.ndarray) and versions.storage(value) is versions.storage(target)
            else value
            for value in recorded.saved
        ]
        pending += recorded.parents


def wrote(x: Any) -> None:
    """Note that ``x``'s memory was written to. Tensors from ``.data`` write behind the tape's back, as in PyTorch."""
    base = x
    while base._view is not None:
        base = base._view.base
    if base._counted:
        versions.written(x._array)
