"""What happens while a program runs, one event after another, as the engine does it: what the step player plays.

Forward operations are seen by the recorder's op hook. Backward passes are made of :class:`WatchedPass`, the engine's own class
that also tells what its loop does: which node it takes, with what gradient, what the rules give to whom, and what becomes of
that on arrival. Nothing of this exists unless somebody records.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import versions
from ..autograd.accumulate_grad import accumulate_grad
from ..autograd.backward_pass import Pass
from ..autograd.hooks import PreHook, passes_made_by
from ..autograd.node import HookedNode, Leaf, Node, Output
from ..runtime import resolve
from .recording import Kept, Origin, Reader, Shape, Step, saved_names
from .snapshot import Snapshot

__all__ = ["MOST_EVENTS", "Began", "EventLog", "Gift", "Ran", "Took", "Wrote"]

MOST_EVENTS = 2000  # more than this nobody steps through; later ones are counted only


@dataclass(slots=True, eq=False)
class Ran:
    """An operation ran.

    Attributes:
        values: of its results.
        recording: whether gradients were being recorded.
        view: whether the result shares the memory of the first input.
        expanded: the inputs that were broadcast, with their shapes.
        version: how often the memory of the first input had been written to, once the result was written there; 0 for an
            operation that is not in place.
        within: whether it ran within a backward pass.
        unseen: whether it was found on the tape only: recorded before all this, by a user's Function, or by a write to a view.
        packed: whether what it saves was packed by ``saved_tensors_hooks``.
    """

    step: Step
    values: list[Snapshot]
    recording: bool
    view: bool = False
    expanded: list[tuple[Any, Shape]] = field(default_factory=list)
    version: int = 0
    within: bool = False
    unseen: bool = False
    packed: bool = False


@dataclass(slots=True, eq=False)
class Began:
    """A backward pass began.

    Attributes:
        roots: what it starts from, each with the gradient to start with.
        wanted: what it was asked for, if not for all leaves.
        emptied: leaves whose ``.grad`` was taken away since it was last seen.
        inner: whether it runs within another pass, which differentiates a fused operation by its composition.
    """

    roots: list[tuple[Any, Snapshot]]
    retain: bool
    create: bool
    wanted: list[Any] | None
    emptied: list[Any]
    inner: bool


@dataclass(slots=True, eq=False)
class Gift:
    """What a rule gave to an input.

    Attributes:
        text, shape: of the gradient, as it arrived.
        summed: the shape that the rule returned, where broadcasting was undone; None where it was right at once.
        cast: the dtype that it returned, where that was not the input's.
        total: the sum, where the input had a gradient already.
    """

    value: Any
    text: str
    shape: Shape
    summed: Shape | None = None
    cast: str = ""
    total: str = ""


@dataclass(slots=True, eq=False)
class Took:
    """The backward loop took a node.

    Attributes:
        kind: "operation", "result" (one of several of an operation) or "leaf".
        gradients: of each of its results, None for those without.
        arrived: from how many uses its gradient was added up.
        waiting: what waits then, in the order in which it would be taken.
        hooks: the names of those that were called, and what the gradient was after them, if one replaced it.
        gifts: what it gave to its inputs.
        released: what it let go of, each with the bytes that were freed by that: 0 where something else holds the memory.
        keeps: whether it kept what it had saved, for another pass.
        wanted: whether its gradient had been asked for; goes_on: whether the pass goes on from it.
        before, after: the leaf's ``.grad``.
        gone: whether nobody holds the leaf's tensor any more.
    """

    value: Any
    kind: str
    gradients: list[Snapshot | None]
    arrived: int
    waiting: list[Any]
    hooks: list[str] = field(default_factory=list)
    replaced: Snapshot | None = None
    gifts: list[Gift] = field(default_factory=list)
    released: list[tuple[Kept, int]] = field(default_factory=list)
    keeps: bool = False
    wanted: bool = False
    goes_on: bool = True
    before: Snapshot | None = None
    after: Snapshot | None = None
    gone: bool = False
    error: str = ""


@dataclass(slots=True, eq=False)
class Wrote:
    """Leaves were written to, not by an operation: each with its version and its value then."""

    leaves: list[tuple[Origin, int, Snapshot]]


class EventLog:
    """The events of one thread, in the order in which they happened.

    Attributes:
        events: the first ``MOST_EVENTS``. count: of all.
        origins: the first value of each input, leaf and constant.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.events: list[Any] = []
        self.count = 0
        self.origins: dict[Origin, Snapshot] = {}
        self._ran: Ran | None = None
        self._grads: dict[Origin, Any] = {}  # leaves whose .grad was seen to be there
        self._versions: dict[Origin, int] = {}
        self._depth = 0
        self.in_hook = False  # whether a hook of the user's is at work, which is no part of what is followed

    def add(self, event: Any) -> None:
        """Note an event, if there is room for it."""
        self.count += 1
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)

    @property
    def full(self) -> bool:
        """Whether further events are only counted."""
        return len(self.events) >= MOST_EVENTS

    # -- forward ------------------------------------------------------------------------------------------------------

    def reads(self, values: list[Any], arguments: tuple[Any, ...]) -> None:
        """Before an operation runs: note the values of inputs that are met for the first time."""
        for value, argument in zip(values, arguments, strict=False):
            array = getattr(argument, "_array", argument)
            if isinstance(value, Origin) and isinstance(array, np.ndarray) and value not in self.origins and not self.full:
                self.origins[value] = Snapshot.of(array)
                if value.leaf is not None:
                    self._versions[value] = versions.version(array)

    def ran(
        self,
        step: Step,
        op: Any,
        arguments: tuple[Any, ...],
        results: list[np.ndarray[Any, Any]],
        recording: bool,
        packed: bool = False,
    ) -> None:
        """Note that an operation ran, or failed (no results)."""
        if self.full:
            self.count += 1
            return
        event = Ran(step, [Snapshot.of(array) for array in results], recording, within=self._depth > 0, packed=packed)
        given = [getattr(a, "_array", a) for a in arguments]
        if results and getattr(op, "view", False) and isinstance(given[0], np.ndarray):
            event.view = versions.storage(results[0]) is versions.storage(given[0])
        if results and getattr(op, "broadcasts", False):
            shape = results[0].shape
            shapes = zip(step.inputs, map(np.shape, given), strict=False)
            event.expanded = [(value, s) for (_, value), s in shapes if s not in (shape, ())]
        self.add(event)
        self._ran = event

    def found(self, steps: list[Step], tensor: Any = None) -> None:
        """Note operations that were found on the tape, the last of which gave ``tensor``."""
        for step in steps:
            self.add(Ran(step, [], recording=True, within=self._depth > 0, unseen=True))
        if steps and tensor is not None and not self.full and len(steps[-1].results) == 1:
            self.events[-1].values = [Snapshot.of(tensor._array)]

    def replayed(self, step: Step, node: Node, inputs: list[Any] | None, results: tuple[Any, ...] | None) -> None:
        """Note the operation of a tape's ``node``, as far as its inputs and results are still known."""
        given = tuple(inputs or ())
        self.reads([value for _, value in step.inputs], given)
        self.ran(step, node.op, given, list(results or ()), recording=True)

    def wrote_in_place(self, step: Step, memory: np.ndarray[Any, Any]) -> None:
        """Note that the result of ``step``, the last that ran, was written into its first input, which is in ``memory``."""
        if self._ran is not None and self._ran.step is step:
            self._ran.version = versions.version(memory)
            for origin in self._versions:
                tensor = origin.leaf.tensor()
                if tensor is not None and versions.storage(tensor._array) is memory:
                    self._versions[origin] = self._ran.version

    def notice_writes(self) -> None:
        """Look for leaves that were written to by something that is no operation: an optimizer, ``load_state_dict``."""
        found = []
        for origin, seen in self._versions.items():
            tensor = origin.leaf.tensor()
            if tensor is not None and versions.version(tensor._array) != seen:
                self._versions[origin] = versions.version(tensor._array)
                found.append((origin, self._versions[origin], Snapshot.of(tensor._array)))
        if found:
            self.add(Wrote(found))

    # -- backward -----------------------------------------------------------------------------------------------------

    @contextmanager
    def watching(self, before: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Within the block, the backward passes of this thread tell what they do; ``before`` is called at the start of each."""
        thread = threading.get_ident()

        def make(*arguments: Any) -> Pass:
            if threading.get_ident() != thread or self.full:
                return Pass(*arguments)
            before()
            return WatchedPass(self, *arguments)

        with passes_made_by(make):
            yield

    def value_of(self, node: Any) -> Any:
        """Where the result at ``node`` came from; None if that is not known."""
        made = self.reader.made
        if not isinstance(node, Leaf) and (node.parents[0] if isinstance(node, Output) else node) not in made:
            return None
        return self.reader.value_of(node)

    def began(self, run: WatchedPass, roots: list[tuple[Any, Any]]) -> None:
        """Note the beginning of a pass."""
        self.found(self.reader.read([node for node, _ in roots]))
        emptied = [o for o in self._grads if (t := o.leaf.tensor()) is not None and t._grad is None]
        for origin in emptied:
            del self._grads[origin]
        seeds = [(self.value_of(node), Snapshot.of(_array(g))) for node, g in roots]
        wanted = None if run.goals is None else [self.value_of(node) for node in run.wanted]
        self.add(Began(seeds, run.retain, run.create, wanted, emptied, self._depth > 0))

    def delivered(self, origin: Origin) -> None:
        """Note that the leaf has a ``.grad`` now."""
        self._grads[origin] = True


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
        self.log._depth += 1
        try:
            super().run()
        except Exception as error:
            if not self._now.error:
                self._now.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.log._depth -= 1

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
        owners = [(weakref.ref(owner), owner.nbytes) for owner in storages]
        del saved, storages
        super()._step(node, g, give)
        if node.saved is None:
            now.released = [(k, 0 if owner() is not None else size) for k, (owner, size) in zip(kept, owners, strict=True)]
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
