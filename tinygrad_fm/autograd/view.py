"""Views: tensors that share memory with the one they were made from, by slicing, transposing and the like.

Writing to either must show in the gradients of both. So a view remembers its base and how it was made. After a write *through*
a view the base gets a new place on the tape (``inplace.py``); a view whose memory was written to *elsewhere* derives its own
anew from its base, when it is next used (:meth:`View.refresh`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import hooks, versions
from .modes import enable_grad, state


class Replay:
    """A view operation with its arguments, to be applied to any base of the same shape."""

    __slots__ = ("args", "op", "static")

    def __init__(self, op: Callable[..., Any], args: tuple[Any, ...], static: dict[str, Any]) -> None:
        self.op, self.args, self.static = op, args, static

    def __call__(self, base: Any) -> Any:
        return self.op(base, *self.args, **self.static)


class View:
    """How a tensor was made from the one whose memory it shares.

    Attributes:
        base, replay: that tensor, and the operation that made the view of it.
        source: the name of an operation that gave several views at once, such as split; "" for a single view.
        seen: the last write that the view's node knows of.
        tracked: whether gradients were recorded when the view was made.
    """

    __slots__ = ("base", "replay", "seen", "source", "tracked")

    def __init__(self, base: Any, replay: Replay, source: str = "") -> None:
        self.base, self.replay, self.source = base, replay, source
        self.seen = versions.log.last
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
                move(view, self.replay(self.base)._node)
        self.seen = versions.log.last


def move(x: Any, node: Any) -> None:
    """Give ``x``, whose memory was written to, its new place on the tape, ``node``. Hooks stay with the value that they were
    registered on."""
    if node is not None and x._node is not None and x._node.hooks:
        hooks.move_retained(x, x._node, node)
    x._node = node
