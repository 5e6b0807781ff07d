"""The engine's backward pass, watched: which node its loop takes, with what gradient, what the rules give to whom, what becomes
of that on arrival, and of what was saved."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..autograd import versions
from ..autograd.accumulate_grad import accumulate_grad
from ..autograd.backward_pass import Pass
from ..autograd.hooks import PreHook, passes_made_by
from ..autograd.node import HookedNode, Leaf, Node, Output
from ..runtime import resolve
from .events import EventLog, Gift, Took
from .recording import Kept, Step, saved_names
from .snapshot import Snapshot

__all__ = ["WatchedPass", "watching"]


@contextmanager
def watching(log: EventLog, before: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Within the block, the backward passes of this thread tell ``log`` what they do; ``before`` is called as each begins."""
    thread = threading.get_ident()

    def make(*arguments: Any) -> Pass:
        if threading.get_ident() != thread:
            return Pass(*arguments)
        if log.full:
            log.count += 1
            return Pass(*arguments)
        before()
        return WatchedPass(log, *arguments)

    with passes_made_by(make):
        yield


def _array(g: Any) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = getattr(g, "_array", g)
    return found


def _text(g: Any) -> str:
    return Snapshot.of(_array(g)).text


class _Waiting(dict[int, Any]):
    """The gradients on their way; the loop takes each by ``pop``, and that is told."""

    def __init__(self, run: WatchedPass) -> None:
        self.run = run

    def pop(self, number: int) -> Any:  # type: ignore[override]
        node, g = super().pop(number)
        self.run.took(node, g)
        return node, g


class WatchedPass(Pass):
    """The engine's backward pass, which tells an :class:`EventLog` what it does. It computes what ``Pass`` does."""

    def __init__(self, log: EventLog, retain: bool, create: bool, wanted: dict[Any, Any], inner: set[Any] | None) -> None:
        super().__init__(retain, create, wanted, inner)
        self.waiting = _Waiting(self)
        self.log = log
        self._roots: list[tuple[Any, Any]] = []
        self._arrivals: dict[int, int] = {}  # by number: how many gradients were added up
        self._fitted: Any = None
        self._now: Took = Took(None, "", [], 0, [])  # the node at work

    def run(self) -> None:
        """The pass, between two marks in the log."""
        self.log.began(self, self._roots)
        self._roots = []
        self.log.depth += 1
        try:
            super().run()
        except Exception as error:
            if not self._now.error:
                self._now.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.log.depth -= 1

    def took(self, node: Any, g: Any) -> None:
        """The loop has just taken ``node``, whose gradient is ``g``, from what waits."""
        kind = "leaf" if isinstance(node, Leaf) else "result" if isinstance(node, Output) else "operation"
        gradients = [
            None if part is None else Snapshot.of(_array(resolve(part))) for part in (g if isinstance(g, list) else [g])
        ]
        waiting = [self.log.value_of(self.waiting[-number][0]) for number in sorted(self.heap)]
        self._now = Took(self.log.value_of(node), kind, gradients, self._arrivals.get(node.number, 1), waiting)
        self._now.wanted = node in self.wanted
        self._now.goes_on = self.goals is None or node in self.inner or kind == "result"
        self.log.add(self._now)

    def pass_on(self, node: Any, parent: Any, g: Any) -> None:
        """As the engine's, noted with what became of ``g`` on arrival."""
        if node is None:
            self._roots.append((parent, g))
        self._fitted = g = resolve(g)
        waited = parent.number in self.waiting
        super().pass_on(node, parent, g)
        self._arrivals[parent.number] = self._arrivals.get(parent.number, 0) + 1
        if node is None:
            return
        came, fitted = _array(g), _array(self._fitted)
        gift = Gift(self.log.value_of(parent), _text(fitted), fitted.shape)
        if came.shape != fitted.shape:
            gift.summed = came.shape
        if came.dtype != fitted.dtype:
            gift.cast = str(came.dtype)
        if waited:
            gift.total = _text(resolve(self.waiting[parent.number][1]))
        self._now.gifts.append(gift)

    def _arrived(self, node: Any, parent: Any, g: Any) -> Any:
        self._fitted = super()._arrived(node, parent, g)
        return self._fitted

    def _step(self, node: Node, g: Any, give: Callable[[Any, Any, Any], None]) -> None:
        now = self._now
        saved = node.saved if isinstance(node.saved, (list, tuple)) else ()
        kept = _kept_arrays(node, self.log.reader.made.get(node))
        storages = [versions.storage(_array(value)) for value in saved if isinstance(_array(value), np.ndarray)]
        owners = [weakref.ref(storage) for storage in storages]
        sizes = {id(storage): (owner, storage.nbytes) for owner, storage in zip(owners, storages, strict=True)}
        del saved, storages
        super()._step(node, g, give)
        if node.saved is None:
            now.released = [(k, owner() is None) for k, owner in zip(kept, owners, strict=True)]
            now.freed = sum(size for owner, size in sizes.values() if owner() is None)
        now.keeps = bool(kept) and node.saved is not None

    def _call_hooks(self, node: Any, g: Any) -> Any:
        self._now.hooks += [_hook_name(hook) for hook in node.hooks.values()]
        with self._hooks_at_work():
            found = super()._call_hooks(node, g)
        if found is not g and not isinstance(found, list):
            self._now.replaced = Snapshot.of(_array(found))
        return found

    def _call_post_hooks(self, node: HookedNode, pairs: list[tuple[Any, Any]], gs: Any) -> list[tuple[Any, Any]]:
        self._now.hooks += [_hook_name(hook) for hook in node.post_hooks.values()]
        with self._hooks_at_work():
            return super()._call_post_hooks(node, pairs, gs)

    @contextmanager
    def _hooks_at_work(self) -> Iterator[None]:
        self.log.in_hook = not self.create  # what they compute in a recorded pass is on the tape
        try:
            yield
        finally:
            self.log.in_hook = False

    def deliver(self, leaf: Leaf, g: Any, create: bool) -> None:
        """As the engine's, noted with the leaf's ``.grad`` before and after."""
        now, tensor = self._now, leaf.tensor()
        now.gone = tensor is None
        if tensor is not None and tensor._grad is not None:
            now.before = Snapshot.of(tensor._grad._array)
        with self._hooks_at_work():
            accumulate_grad(leaf, g, create)
        if tensor is not None:
            now.after = Snapshot.of(tensor._grad._array)
            self.log.delivered(now.value)
            if leaf.after_hooks:
                now.hooks += [_hook_name(hook) for hook in leaf.after_hooks.values()]


def _kept_arrays(node: Node, step: Step | None) -> list[Kept]:
    """The arrays that ``node`` keeps, as its step says, or read from the node."""
    if not isinstance(node.saved, (list, tuple)):
        return []
    if step is not None and step.kept is not None:
        return step.kept
    names = saved_names(node)
    arrays = [(names[i] if i < len(names) else f"saved {i}", _array(v)) for i, v in enumerate(node.saved)]
    return [Kept(name, a.shape, str(a.dtype), a.nbytes) for name, a in arrays if isinstance(a, np.ndarray)]


def _hook_name(hook: Any) -> str:
    """What a user's hook is called; "retain_grad" for the one behind that method."""
    inner = hook.hook if isinstance(hook, PreHook) else hook
    return "retain_grad" if hasattr(hook, "tensor") else str(getattr(inner, "__name__", type(inner).__name__))
