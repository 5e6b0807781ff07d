"""What happens while a program runs, one event after another, as the engine does it: what the step player plays.

Forward operations are seen by the recorder's op hook; what a backward pass does is told by ``watched_pass``. Nothing of this
exists unless somebody records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import versions
from ..autograd.backward_pass import Pass
from ..autograd.node import Leaf, Node, Output
from .recording import Kept, Origin, Reader, Shape, Step
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
        released: what it let go of, each with whether its memory was freed by that: not where something else holds it.
        freed: the bytes of that memory, which several of them may share.
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
    released: list[tuple[Kept, bool]] = field(default_factory=list)
    freed: int = 0
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
        notes: what could not be recorded, in words.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.events: list[Any] = []
        self.count = 0
        self.origins: dict[Origin, Snapshot] = {}
        self.notes: list[str] = []
        self._ran: Ran | None = None
        self._grads: dict[Origin, Any] = {}  # leaves whose .grad was seen to be there
        self._versions: dict[Origin, int] = {}
        self.depth = 0  # of passes that are at work, one within another
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
        event = Ran(step, [Snapshot.of(array) for array in results], recording, within=self.depth > 0, packed=packed)
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
            self.add(Ran(step, [], recording=True, within=self.depth > 0, unseen=True))
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

    def value_of(self, node: Any) -> Any:
        """Where the result at ``node`` came from; None if that is not known."""
        made = self.reader.made
        if not isinstance(node, Leaf) and (node.parents[0] if isinstance(node, Output) else node) not in made:
            return None
        return self.reader.value_of(node)

    def began(self, run: Pass, roots: list[tuple[Any, Any]]) -> None:
        """Note the beginning of a pass."""
        self.found(self.reader.read([node for node, _ in roots]))
        emptied = [o for o in self._grads if (t := o.leaf.tensor()) is not None and t._grad is None]
        for origin in emptied:
            del self._grads[origin]
        seeds = [(self.value_of(node), Snapshot.of(getattr(g, "_array", g))) for node, g in roots]
        wanted = None if run.goals is None else [self.value_of(node) for node in run.wanted]
        self.add(Began(seeds, run.retain, run.create, wanted, emptied, self.depth > 0))

    def delivered(self, origin: Origin) -> None:
        """Note that the leaf has a ``.grad`` now."""
        self._grads[origin] = True
