"""Recording a model when it is first called, and replaying its kernels afterwards: what stands behind ``compile``.

The first call with inputs of some shapes is the model's own, watched on the op hook (``tracing``). If all that it did is
known, later calls with such inputs run the kernels alone (``replay_plan``). If not, they run the model: what is not known to
give the same is not replayed. What a recording relied on is looked at in each call (``replay_guards``): a parameter that was
written to is read anew, and anything else that was changed makes the model be recorded again.
"""

from __future__ import annotations

import os
import random as python_random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ._pytree import replace_tensors, tensors_in, tree_leaves
from .autograd import hooks, versions
from .autograd.box import TensorBase, box, is_tensor, raw
from .autograd.hooks import OpCall
from .autograd.modes import state
from .dtypes import default_float
from .errors import AutogradError
from .random import default_generator
from .replay_guards import PLAIN, Guards
from .replay_plan import KNOWN, Plan, shared_memory
from .tracing import Tracer, Value, values_in

_MOST = 64  # recordings of one model: one that changes with every call is not recorded for ever

_READ = 1 << 62  # a mark that no vmap has: while a model is recorded, reading any tensor's value asks vmap_levels

_recording = threading.RLock()  # one model at a time


def _after_fork() -> None:
    """In a forked child: the thread that may have held the lock does not live there."""
    global _recording  # noqa: PLW0603
    _recording = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Replayer:
    """A model's call, replayed where that is known to give the same.

    Args:
        model: a module. call: what runs it.
        fullgraph: raise where the model would have to run as it is.
        inner: whether hooks of the model itself stand around the call, and not in it.
    """

    def __init__(self, model: Any, call: Callable[..., Any], fullgraph: bool = False, inner: bool = False) -> None:
        self._model, self._call, self._fullgraph, self._inner = model, call, fullgraph, inner
        self._guards: Guards | None = None
        self._count = 0
        self._other = ""  # why a call ran as it is that was not recorded

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if hooks.active or state.composed or state.mapped:
            return self._call(*args, **kwargs)
        if len(args) == 1 and not kwargs and isinstance(args[0], TensorBase):  # the frequent case, without a walk
            tensors, key = args, (_part(args[0]), _modes())
        else:
            tensors, key = _different(tensors_in((args, kwargs))), _key(args, kwargs)
        guards = self._guards
        if guards is None or not guards.hold():
            return self._record(key, tensors, args, kwargs)
        if state.grad_enabled and (guards.want_gradients() or any(x._node is not None for x in tensors)):
            return self._call(*args, **kwargs)
        found = guards.plans.get(key)
        if found is None:
            return self._record(key, tensors, args, kwargs)
        if isinstance(found, str):
            return self._refuse(found, args, kwargs)
        plan, structure = found
        results = plan.run([x._array for x in tensors], guards.generation)
        if structure is _ONE:
            return box(results[0])
        return replace_tensors(structure, map(box, results))

    def describe(self) -> list[str]:
        """A line for each kind of input that it was called with, and what is done for it."""
        lines = []
        for key, found in list(self._guards.plans.items() if self._guards else ()):
            done = f"runs as it is: {found}" if isinstance(found, str) else found[0].describe()
            lines.append(f"{_shown(key)}: {done}")
        return [*lines, f"other calls run as they are: {self._other}"] if self._other else lines

    def __reduce__(self) -> Any:
        return type(self), (self._model, self._call, self._fullgraph, self._inner)  # a copy records for itself

    def _refuse(self, reason: str, args: Any, kwargs: Any) -> Any:
        if self._fullgraph:
            raise AutogradError(f"compile(fullgraph=True): the model cannot be replayed here: {reason}")
        return self._call(*args, **kwargs)

    def _record(self, key: Any, tensors: tuple[Any, ...], args: Any, kwargs: Any) -> Any:
        """Run the model, and see whether it can be replayed next time."""
        if state.grad_enabled and (
            any(x._node is not None for x in tensors) or any(x.requires_grad for x in self._model.parameters())
        ):
            return self._call(*args, **kwargs)
        if self._count >= _MOST:
            self._other = f"it was recorded {_MOST} times, as it or its inputs kept changing"
            return self._refuse(self._other, args, kwargs)
        with _recording:
            guards = self._guards
            if guards is None or not guards.hold():
                guards = self._guards = Guards(self._model, Replayer, self._inner)
            if guards.training or not guards.complete:
                return self._call(*args, **kwargs)
            reason = guards.reason or _unfit(key, tensors, guards)
            if reason:
                self._other = reason
                return self._refuse(reason, args, kwargs)
            self._count += 1
            recorder = _Recorder(guards)
            result = recorder.run(self._call, tensors, args, kwargs)
            plan = recorder.plan(result)
            if isinstance(plan, Plan):
                guards.plans[key] = plan, _ONE if is_tensor(result) else _structure(result)
            else:
                guards.plans[key] = plan
                if self._fullgraph:
                    raise AutogradError(f"compile(fullgraph=True): the model cannot be replayed here: {plan}")
            return result


class Options(NamedTuple):
    """The arguments of ``compile`` that change something."""

    fullgraph: bool = False
    disable: bool = False


_MODES = (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def checked_options(
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
) -> Options:
    """The arguments of ``compile``, checked: see there."""
    if backend not in ("inductor", "eager"):
        raise ValueError(f"compile(): backend must be 'inductor' or 'eager', which runs the model as it is, got {backend!r}")
    if mode not in _MODES:
        raise RuntimeError(f"compile(): unrecognized mode={mode!r}, should be one of: {', '.join(map(str, _MODES[1:]))}")
    if mode is not None and options is not None:
        raise RuntimeError("compile(): either mode or options can be specified, but both can't be specified at the same time")
    return Options(bool(fullgraph), bool(disable) or backend == "eager")


_ONE = object()  # the structure of a result that is one tensor


def _structure(result: Any) -> Any:
    """The containers of a result, with tensors that hold nothing."""
    nothing = box(np.empty(0))
    return replace_tensors(result, [nothing] * len(tensors_in(result)))


# -- inputs ------------------------------------------------------------------------------------------------------------


def _key(args: Any, kwargs: Any) -> Any:
    """What a recording depends on of a call's arguments; None where that cannot be said."""
    try:
        arrays = [id(x._array) for x in tensors_in((args, kwargs))]
        return _part((args, kwargs)), _modes(), tuple(map(arrays.index, arrays))  # one tensor given twice is not two
    except _UnknownError:
        return None


def _different(tensors: list[Any]) -> tuple[Any, ...]:
    """The tensors, each array once."""
    return tuple({id(x._array): x for x in tensors}.values())


def _modes() -> Any:
    """What else code can ask for."""
    return default_float(), state.grad_enabled, state.inference


class _UnknownError(Exception):
    """An argument that is neither tensor, number, text nor a container of those."""


def _part(value: Any) -> Any:
    if isinstance(value, TensorBase):
        return value._array.shape, value._array.dtype, value._node is not None
    if type(value) in (tuple, list):
        return type(value), tuple(map(_part, value))
    if type(value) is dict:
        return dict, tuple((key, _part(part)) for key, part in value.items() if type(key) is str or _raise())
    if type(value) in (int, bool, str, type(None)):
        return type(value), value
    if type(value) is float:
        return float, value.hex()  # which tells 0.0 from -0.0, and finds NaN again
    raise _UnknownError


def _raise() -> bool:
    raise _UnknownError


def _shown(key: Any) -> str:
    """The shapes and dtypes in a key."""
    found: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, tuple):
            if len(part) > 1 and isinstance(part[0], tuple) and isinstance(part[1], np.dtype):
                found.append(f"{part[0]} {part[1]}")
            else:
                for inner in part:
                    walk(inner)

    walk(key[0] if key is not None else ())
    return ", ".join(found) or "no tensor"


def _unfit(key: Any, tensors: tuple[Any, ...], guards: Guards) -> str:
    """Why a call with these inputs cannot be recorded; "" if it can."""
    if key is None:
        return "an argument is neither a tensor, a number, text nor a list, tuple or dict of those"
    return "" if guards.names.keys().isdisjoint(id(x._array) for x in tensors) else "an input is the model's own"


# -- recording ---------------------------------------------------------------------------------------------------------


class _RefusedError(Exception):
    """What was met cannot be replayed."""


class _Recorder(Tracer):
    """Follows one call of a model, and notes the first thing that keeps it from being replayed. The model never notices."""

    def __init__(self, guards: Guards) -> None:
        super().__init__(guards.names, KNOWN, _RefusedError)
        self._guards = guards
        self.reason = ""

    def run(self, call: Callable[..., Any], tensors: tuple[Any, ...], args: Any, kwargs: Any) -> Any:
        """The result of the call."""
        self._inputs = [self.input(x._array, f"input {i}") for i, x in enumerate(tensors)]
        self._arrays = [x._array for x in tensors]
        self._start, drawn = versions.log.last, _drawn()
        self._uncounted = versions.log.uncounted
        with self._noting_reads(), self._following():
            result = call(*args, **kwargs)
        if _drawn() != drawn:
            self._note("it draws random numbers")
        return result

    @contextmanager
    def _following(self) -> Iterator[None]:
        """As :meth:`recording`, whose last look may refuse."""
        self._thread, self._seen = threading.get_ident(), versions.log.last
        with hooks.op_hook(self._watch):
            yield
        self._try(self._notice_write)

    @contextmanager
    def _noting_reads(self) -> Iterator[None]:
        before = state.on_read
        TensorBase._mapped |= _READ
        state.on_read = lambda: self._note("Python is given the value of a tensor, to branch on it or to compute with it")
        try:
            yield
        finally:
            TensorBase._mapped &= ~_READ
            state.on_read = before

    def _note(self, reason: str) -> None:
        self.reason = self.reason or reason

    def _try(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except _RefusedError as refused:
            self._note(str(refused))

    def _watch(self, call: OpCall, run: Callable[[], Any]) -> Any:
        results = run()
        if threading.get_ident() == self._thread and not self.reason:
            self._try(lambda: self._follow(call, results))
        return results

    def _follow(self, call: OpCall, results: Any) -> None:
        """Note a step, if it is of a known kind."""
        if call.phase != "forward":
            raise _RefusedError("it runs a backward pass")
        if call.name not in KNOWN:
            raise _RefusedError(f"operation '{call.name}' is not among those that are replayed")
        super()._watch(call, lambda: results)
        step = self.steps[-1]
        given = [raw(argument) for argument in call.inputs]
        promoted = list(given)
        if call.op.promotion is not None:
            call.op.promotion(call.op, promoted)
        for at, (array, before) in enumerate(zip(promoted, given, strict=True)):
            value = step.inputs[at]
            if isinstance(value, Value):
                if not isinstance(array, np.ndarray) or array.shape != before.shape:
                    raise _RefusedError(f"{step.describe()} takes its inputs in a form of its own")
                step.dtypes[at] = array.dtype
            else:
                step.inputs[at], step.dtypes[at] = array, None

    def plan(self, result: Any) -> Plan | str:
        """The plan, or why there is none."""
        outputs: list[Value] = []
        if not self.reason:
            self._try(lambda: self._check_state(result))
        if not self.reason:
            self._try(lambda: outputs.extend(self.output(x) for x in tensors_in(result)))
        if not self.reason:
            for step in self.steps:
                self._try(lambda step=step: self._check_step(step))  # type: ignore[misc]
        if not self.reason and shared_memory(self.steps, self._inputs, outputs):
            self.reason = "a result is, or may share memory with, an input, a parameter or another result"
        return self.reason or Plan(self.steps, self._inputs, outputs, self._guards.tensors)

    def _check_step(self, step: Any) -> None:
        """Refuse an array that neither the model holds, nor a known operation made: who knows what it follows from."""
        if step.op is None:
            raise _RefusedError("it writes through a view")
        for value in values_in([step.inputs, step.static]):
            if value.constant and value.step is None and not value.name:
                raise _RefusedError(
                    f"{step.describe()} reads a tensor of shape {value.shape} that was made on the way, and not by operations "
                    "on inputs and parameters; make it a buffer of the model"
                )
        if any(True for _ in values_in(step.static)):
            raise _RefusedError(f"{step.describe()} is given an array as a setting")

    def _check_state(self, result: Any) -> None:
        """Refuse what a replay would not do: changes of the model, writes to inputs, results with a graph."""
        guards = self._guards
        generation = guards.generation
        if not guards.hold() or guards.generation != generation or versions.log.uncounted != self._uncounted:
            raise _RefusedError("the call changes the model: an attribute, a parameter or a buffer")
        if any(versions.writes_since(array, self._start) for array in self._arrays):
            raise _RefusedError("it writes to an input")
        found = tensors_in(result)
        if not found:
            raise _RefusedError("it returns no tensor")
        if any(x._node is not None for x in found):
            raise _RefusedError("a result has a graph")
        if not all(is_tensor(leaf) or isinstance(leaf, PLAIN) for leaf in tree_leaves(result)):
            raise _RefusedError("it returns more than tensors and numbers")


def _drawn() -> Any:
    """Where the generators of random numbers are."""
    theirs: Any = np.random.get_state()
    ours = default_generator.bits.bit_generator.state
    return python_random.getstate(), theirs[1].tobytes(), theirs[2:], ours
