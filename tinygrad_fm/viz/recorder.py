"""Following a computation on the op hook, which sees also what the tape does not hold."""

from __future__ import annotations

import threading
import time
import traceback
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from ..autograd import versions
from ..autograd.box import is_tensor
from ..autograd.hooks import OpCall, active, op_hook
from ..autograd.modes import state
from ..autograd.node import Leaf, Node, Output
from ..autograd.source_lines import note_line, recorded, user_line
from ..ops import functions as ops
from .events import EventLog
from .recording import (
    Origin,
    Reader,
    Recording,
    Step,
    dtype_text,
    gradient_origin,
    input_name,
    static_text,
    telling,
    value_text,
)
from .watched_pass import watching

__all__ = ["Recorder"]

_OPS = str(Path(ops.__file__).parent)
_PACKAGE = str(Path(ops.__file__).parent.parent)
_Self = TypeVar("_Self", bound="Recorder")


class Recorder:
    """Records what runs while it is entered (``with``), as the steps of a picture.

    Args:
        places: note the lines of the user's code. values: note the numbers. events: note all that happens, for the player.

    Attributes:
        failed: the exception that ended it, if one did.
        events: what happened, one after another; None if that was not wanted.
    """

    events: EventLog | None

    def __init__(self, places: bool = False, values: bool = True, events: bool = False) -> None:
        self.failed: BaseException | None = None
        self._places, self._values = places, values
        self._reader = Reader(weakref.WeakKeyDictionary())
        self.events = EventLog(self._reader) if events else None
        self._backward_runs = 0
        self._last: tuple[Step, Any, Any] | None = None  # the last step, weak references to its first input and to that memory
        self._seen = 0  # the last write that is accounted for
        self._on = ExitStack()

    def __enter__(self: _Self) -> _Self:
        self._thread = threading.get_ident()
        self._seen = versions.log.last
        self._on.enter_context(op_hook(self._watch))
        if self.events is not None:
            self._on.enter_context(watching(self.events, self._notice_write))
        return self

    def __exit__(self, kind: Any, error: BaseException | None, stack: Any) -> None:
        self._on.close()
        self._notice_write()
        if error is not None:
            self.failed = error
            if not any(step.error for step in self._reader.steps):
                self._add_failure(error)

    def recording(self, outputs: list[Any] | None = None) -> Recording:
        """The steps, and as outputs the given tensors, or else every result that no step used."""
        if outputs is not None:
            return Recording(self._reader.steps, [self._value(t) for t in outputs], self._reader)
        if self.failed is not None:
            return Recording(self._reader.steps, [], self._reader)
        used = {value[0] for step in self._reader.steps for _, value in step.inputs if isinstance(value, tuple)}
        ends = [
            (step, i) for step in self._reader.steps for i in range(len(step.results)) if step not in used and not step.inplace
        ]
        return Recording(self._reader.steps, ends, self._reader)

    def step_of(self, node: Any) -> Step | None:
        """The step that recorded ``node``."""
        return self._reader.made.get(node)

    def give(self, tensor: Any) -> None:
        """Note that ``tensor`` is an input of the model."""
        value = self._value(tensor)
        if isinstance(value, Origin):
            value.given = True

    # -- watching ----------------------------------------------------------------------------------------------------

    def _watch(self, call: OpCall, run: Callable[[], Any]) -> Any:
        if threading.get_ident() != self._thread or (self.events is not None and self.events.in_hook):
            return run()
        return self._watch_forward(call, run) if call.phase == "forward" else self._watch_backward(call, run)

    def _watch_forward(self, call: OpCall, run: Callable[[], Any]) -> Any:
        self._notice_write()
        inputs = [("", self._value(a)) for a in call.inputs]
        arrays = self._reader.indices(call.static)
        told = static_text(call.static), static_text(telling(call.static))
        step = Step(call.name, [*inputs, *arrays], [], state.scope, *told, taped=False)
        step.gradient_of = gradient_origin(state.scope)
        if self._places or note_line in active:
            step.place = user_line()
        if self.events is not None:
            self.events.reads([value for _, value in inputs], call.inputs)
        start = time.perf_counter()
        try:
            results = run()
        except Exception as error:
            step.error = f"{type(error).__name__}: {error}"
            self._finish(step)
            if self.events is not None:
                self.events.ran(step, call.op, call.inputs, [], state.grad_enabled)
            raise
        step.forward = time.perf_counter() - start
        packed = False
        several = results if isinstance(results, tuple) else (results,)
        made = [t._array for t in several if is_tensor(t)]
        step.results = [(array.shape, dtype_text(array.dtype)) for array in made]
        if self._values:
            step.data = "\n".join(map(value_text, made))
        for node in recorded(results):
            step.taped = True
            step.inputs = [*((input_name(node, i), value) for i, (_, value) in enumerate(inputs)), *arrays]
            self._reader.made[node] = step
            self._reader.describe(step, node)
            packed = callable(node.saved)
        for i, t in enumerate(several):
            if is_tensor(t):
                self._reader.remember(t._array, (step, i))
        self._finish(step)
        if self.events is not None:
            self.events.ran(step, call.op, call.inputs, made, state.grad_enabled, packed)
        target = call.inputs[0] if call.inputs else None
        if target is not None and is_tensor(target) and step.results and step.results[0][0] == target._array.shape:
            self._last = step, weakref.ref(target), weakref.ref(versions.storage(target._array))
        return results

    def _finish(self, step: Step) -> None:
        step.inputs = [(name, value) for name, value in step.inputs if value is not None]
        self._reader.steps.append(step)

    def _watch_backward(self, call: OpCall, run: Callable[[], Any]) -> Any:
        self._notice_write()
        step = self._reader.made.get(call.node)
        if step is None:
            return run()
        self._backward_runs += 1
        step.order = step.order or self._backward_runs
        start = time.perf_counter()
        found = run()
        step.backward = (step.backward or 0.0) + time.perf_counter() - start
        step.took_gradient(call.inputs, self._values)
        return found

    def _notice_write(self) -> None:
        """Account for writes since the last look. One right after an operation, into its first input: it was in place."""
        if versions.log.last > self._seen:
            step, reference, memory = self._last or (None, lambda: None, lambda: None)
            target, owner = reference(), memory()
            if step is not None and owner is not None and versions.writes_since(owner, self._seen):
                step.inplace = True
                if target is not None:
                    self._reader.remember(target._array, (step, 0))
                if self.events is not None:
                    self.events.wrote_in_place(step, owner)
            if self.events is not None:
                self.events.notice_writes()
        self._seen = versions.log.last
        self._last = None

    def _value(self, argument: Any) -> Any:
        if not is_tensor(argument):
            return self._reader.constant(argument)
        node = argument._node
        if isinstance(node, (Node, Output)):
            found = self._reader.read([node])  # nothing, of a node that was made here
            if self.events is not None:
                self.events.found(found, argument)
        if isinstance(node, (Node, Output, Leaf)):
            return self._reader.value_of(node)
        return self._reader.constant(argument._array)

    def _add_failure(self, error: BaseException) -> None:
        """Make a step of an operation that refused its arguments before it reached its kernel."""
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        tail = len(frames)
        while tail and frames[tail - 1].f_code.co_filename.startswith(_PACKAGE):
            tail -= 1
        inside = [f for f in frames[tail:] if f.f_code.co_filename.startswith(_OPS)]
        if inside:
            frame = inside[0]
            code = frame.f_code
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            values = [(name, self._value(frame.f_locals.get(name))) for name in names]
            user = frames[tail - 1] if tail else None
            step = Step(code.co_name, values, [], _scope_of(frames), error=f"{type(error).__name__}: {error}", taped=False)
            if self._places and user is not None:
                step.place = f"{user.f_code.co_filename}:{user.f_lineno}"
            self._finish(step)
            if self.events is not None:
                self.events.ran(step, None, (), [], state.grad_enabled)


def _scope_of(frames: list[FrameType]) -> Any:
    """The outermost and innermost module whose calls are among ``frames``."""
    modules = [f.f_locals["self"] for f in frames if f.f_code.co_name == "__call__" and hasattr(f.f_locals.get("self"), "_ref")]
    return (modules[0]._ref, modules[-1]._ref) if modules else None
