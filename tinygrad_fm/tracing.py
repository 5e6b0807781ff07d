"""Following a model on the op hook: which operations ran, on which values, with which arguments.

A value is known by the array that holds it, so what kernels read beside their inputs (the indices of ``embedding``, the mask of
``masked_fill``) is traced back to the operation that made it as well. Writes in place give an array a new value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .autograd import versions
from .autograd.box import is_tensor, raw
from .autograd.hooks import OpCall, op_hook, with_inside_hook
from .autograd.modes import state
from .autograd.node import module_path

Array = np.ndarray[Any, Any]

_MOST_COMPARED = 100_000  # elements of indices that are looked for by their contents


@dataclass(eq=False, slots=True)
class Value:
    """What an array held at one time.

    Attributes:
        number: its place in the trace, the same in every trace of the same computation.
        shape, dtype: of the array; once traces are merged, a size that differs between them is a ``SymInt``.
        constant: whether it depends on none of the model's inputs; ``array`` is a copy of its elements then.
        name: of a parameter, a buffer or an input, as the file will have it.
        step: what computed it.
        alike: numbers of earlier values with the same elements, for indices that come from nowhere.
        varying: of a constant that differs between traces, its arrays.
        seen: the last write that it knows of.
    """

    number: int
    shape: tuple[Any, ...]
    dtype: np.dtype[Any]
    constant: bool = False
    array: Any = None
    name: str = ""
    step: Step | None = None
    alike: tuple[int, ...] = ()
    varying: list[Array] | None = None
    seen: int = 0

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return len(self.shape)


@dataclass(eq=False, slots=True)
class Step:
    """One run of an operation.

    Attributes:
        name: the operation's. op: its definition, a Primitive; None for what a write in place stands for.
        inputs: Values, numbers, None for inputs left out.
        dtypes: what the kernel gets the inputs as, after promotion.
        static: the other arguments; arrays among them are Values.
        results: what came out.
        module: the path of the module that ran it.
    """

    name: str
    op: Any
    inputs: list[Any]
    dtypes: list[Any]
    static: dict[str, Any]
    module: str
    results: list[Value] = field(default_factory=list)

    @property
    def result(self) -> Value:
        """The only, or the first result."""
        return self.results[0]

    def describe(self) -> str:
        """The operation and its module, for messages."""
        return f"operation '{self.name}'" + (f" in module '{self.module}'" if self.module else "")


class Tracer:
    """Records the steps of what runs within :meth:`recording`, in this thread.

    Args:
        names: the names of parameters and buffers, by the id of their array.
        known: the operations that the caller can use. A fused one that it cannot runs as the composition that defines it.
        error: makes, of a reason, what is raised where the model cannot be followed.
    """

    def __init__(self, names: dict[int, str], known: Container[str], error: Callable[[str], Exception]) -> None:
        self._operations, self._error = known, error
        self.values: list[Value] = []
        self.steps: list[Step] = []
        self._names = names
        self._known: dict[int, tuple[Array, Value]] = {}  # by the id of the array, which is kept so that no other gets its id
        self._last: tuple[Any, Value] | None = None  # the first input and the result of the last operation
        self._seen = versions.log.last

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Watch what runs inside."""
        self._thread, self._seen = threading.get_ident(), versions.log.last
        with op_hook(self._watch):
            yield
        self._notice_write()

    def input(self, array: Array, name: str) -> Value:
        """Note that ``array`` is an input of the model."""
        return self._remember(array, self._new(array, name=name))

    def output(self, tensor: Any) -> Value:
        """The value of a tensor that the model returned."""
        return self._read(tensor)

    # -- values ------------------------------------------------------------------------------------------------------

    def _new(self, held: Array, **more: Any) -> Value:
        value = Value(len(self.values), held.shape, held.dtype, seen=versions.log.last, **more)
        self.values.append(value)
        return value

    def _remember(self, array: Array, value: Value) -> Value:
        self._known[id(array)] = array, value
        return value

    def _value(self, array: Array) -> Value:
        """The value that ``array`` holds; one that was met nowhere is a constant."""
        known = self._known.get(id(array))
        if known is not None:
            return known[1]
        name = self._names.get(id(array), "")
        value = self._new(array, constant=True, array=array if name else array.copy(), name=name)
        if not name and array.dtype.kind in "iub" and 0 < array.size <= _MOST_COMPARED:
            value.alike = tuple(other.number for held, other in self._known.values() if _same_index(held, array, other))
        return self._remember(array, value)

    def _read(self, argument: Any) -> Any:
        """The value of an argument: a Tensor, an array, a number or None."""
        array = raw(argument)
        if not isinstance(array, np.ndarray):
            return array.item() if isinstance(array, np.generic) else array
        value = self._value(array)
        if not versions.writes_since(array, value.seen):
            return value
        view = getattr(argument, "_view", None)
        if view is None:
            raise self._error(
                f"an array of shape {array.shape} was written to in place in a way that cannot be followed; use the "
                "out-of-place form"
            )
        replay = view.replay  # the memory was written to through another tensor: see it anew
        definition = replay.op.primitive
        step = self._step(definition.name, definition, [self._read(view.base), *map(self._read, replay.args)], replay.static)
        return self._remember(array, self._give(step, array))

    def _static(self, argument: Any) -> Any:
        """A static argument, its arrays as Values."""
        if isinstance(argument, np.ndarray):
            return self._read(argument)
        if isinstance(argument, (tuple, list)):
            parts = [self._static(part) for part in argument]
            return type(argument)(*parts) if hasattr(argument, "_fields") else type(argument)(parts)
        return argument

    # -- steps -------------------------------------------------------------------------------------------------------

    def _step(self, name: str, op: Any, inputs: list[Any], static: dict[str, Any]) -> Step:
        dtypes = [value.dtype if isinstance(value, Value) else None for value in inputs]
        return Step(name, op, inputs, dtypes, {k: self._static(v) for k, v in static.items()}, module_path(state.scope))

    def _give(self, step: Step, array: Array) -> Value:
        """A new result of ``step``."""
        if not step.results:
            self.steps.append(step)
        constant = all(value.constant for value in values_in([step.inputs, step.static]))
        value = self._new(array, constant=constant, array=array.copy() if constant else None, step=step)
        step.results.append(value)
        return value

    def _watch(self, call: OpCall, run: Callable[[], Any]) -> Any:
        if threading.get_ident() != self._thread or call.phase != "forward":
            return run()
        self._notice_write()
        if call.op.composition is not None and call.name not in self._operations:
            return with_inside_hook(False, lambda: call.op.composition(*call.inputs, **call.static))
        step = self._step(call.name, call.op, [self._read(a) for a in call.inputs], call.static)
        step.dtypes = _promoted(call)
        results = run()
        for result in results if isinstance(results, tuple) else (results,):
            self._remember(result._array, self._give(step, result._array))
        self._last = (call.inputs[0], step.result) if call.inputs else None
        return results

    def _notice_write(self) -> None:
        """A write right after an operation, into its first input: the operation was in place."""
        if self._last is not None and versions.log.last > self._seen:
            target, value = self._last
            if is_tensor(target) and versions.writes_since(target._array, self._seen):
                self._assign(target, value)
        self._seen, self._last = versions.log.last, None

    def _assign(self, target: Any, value: Value) -> None:
        """Give the tensor ``target`` the value that was written into it, and what it is a view of the value that follows."""
        value.seen = versions.log.last
        self._remember(target._array, value)
        while target._view is not None:
            base, replay = target._view.base, target._view.replay
            static = {"view": replay.op.primitive.name, **replay.static}
            step = self._step("view_scatter", None, [self._value(base._array), value], static)
            value = self._remember(base._array, self._give(step, base._array))
            target = base


def values_in(item: Any) -> Iterator[Value]:
    """The Values among inputs and static arguments."""
    if isinstance(item, Value):
        yield item
    elif isinstance(item, (tuple, list)):
        for part in item:
            yield from values_in(part)
    elif isinstance(item, dict):
        yield from values_in(list(item.values()))


def _same_index(held: Array, array: Array, value: Value) -> bool:
    """Whether ``array`` holds the elements of ``held``, counted from 0 where those count from the end."""
    if value.constant or held.shape != array.shape or held.dtype.kind not in "iub":
        return False
    moved = array - held.astype(np.int64) if held.dtype.kind != "b" else (array != held).astype(np.int64)
    return bool((moved == np.where(held < 0, moved.max(), 0)).all()) if held.dtype.kind == "i" else not moved.any()


def _promoted(call: OpCall) -> list[Any]:
    """The dtypes that the kernel gets the inputs as; of a number, that of the arrays beside it."""
    arrays = [raw(a) for a in call.inputs]
    if call.op.promotion is not None:
        try:
            call.op.promotion(call.op, arrays)
        except Exception:  # the operation itself will raise it
            return [None] * len(arrays)
    kinds = [a.dtype if isinstance(a, np.ndarray) else None for a in arrays]
    last = next((kind for kind in reversed(kinds) if kind is not None), None)
    return [kind if kind is not None or a is None else last for kind, a in zip(kinds, arrays, strict=True)]
