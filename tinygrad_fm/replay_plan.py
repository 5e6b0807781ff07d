"""A recorded computation as a list of kernels to run on bare arrays, one after another: what ``compile`` replays.

What depends on parameters only is computed when they change, and not in each call (:attr:`Plan.prepare`): batch norm in
evaluation goes into the weights of the convolution, or the linear layer, before it. ReLU and addition write into an array
that nothing else reads, where the recorded operations made a new one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .tracing import Array, Step, Value, values_in

# Operations that are followed. The kernel of each computes the same of the same inputs, whatever the values: it draws no random
# numbers, and the operation's own function has looked at no value before (as those of indices and labels do).
_KNOWN_NAMES = """
abs add amax amin atan broadcast_to cat celu clamp clone constant_pad contiguous conv2d conv_transpose2d cos cumsum
depth_windows div elu eq erf exp exp2 expm1 flatten flip from_depth_windows ge gelu getitem group_norm gt hardsigmoid hardswish
hardtanh im2col isfinite isinf isnan layer_norm le leaky_relu linear log log1p log_softmax logical_and logical_not
logical_or logsigmoid logsumexp lt matmul max_pool2d maximum mean minimum mul ne neg normalize_channels permute pow
reciprocal relu repeat reshape roll round rsqrt selu sigmoid sign sin softmax softplus softsign split sqrt squeeze stack
std sub sum tanh tanhshrink to transpose tril triu unsqueeze var view where window_sums
"""

KNOWN = frozenset(_KNOWN_NAMES.split())

# those whose kernel always makes a new array; that of any other may be, or be a view of, what it was given
_FRESH_NAMES = """
abs add conv2d div exp gelu group_norm hardswish hardtanh layer_norm leaky_relu linear log log_softmax matmul maximum minimum
mul neg normalize_channels relu sigmoid softmax softplus sqrt sub tanh
"""

_FRESH = frozenset(_FRESH_NAMES.split())

_NORMED = ("conv2d", "linear")  # after which batch norm is folded into the weights

_LARGE = 1 << 11  # elements above which clip is quicker than np.maximum


@dataclass(slots=True)
class Instruction:
    """One kernel's run.

    Attributes:
        name: the operation's. kernel: takes arrays by position and ``static`` by keyword.
        sources: where its inputs are among the plan's slots. target: where its result goes; with several results, their places.
        dtypes: what each input is cast to before; None where it has the dtype already.
        residuals: whether the kernel returns more than the result.
        last: slots that nothing reads afterwards.
    """

    name: str
    kernel: Callable[..., Any]
    sources: list[int]
    target: int | list[int]
    static: dict[str, Any] = field(default_factory=dict)
    dtypes: list[Any] | None = None
    residuals: bool = False
    last: list[int] = field(default_factory=list)

    def run(self, slots: list[Any]) -> None:
        """Compute, and forget what is no longer needed."""
        arrays = [slots[i] for i in self.sources]
        if self.dtypes is not None:
            arrays = [a if to is None else a.astype(to) for a, to in zip(arrays, self.dtypes, strict=True)]
        found = self.kernel(*arrays, **self.static)
        if self.residuals:
            found = found[0]
        if isinstance(self.target, list):
            for at, part in zip(self.target, found, strict=True):
                slots[at] = np.asarray(part)
        else:
            slots[self.target] = found if type(found) is np.ndarray else np.asarray(found)
        for i in self.last:
            slots[i] = None


class Plan:
    """The kernels that compute a model's outputs for inputs of one shape.

    Args:
        steps: what was recorded. inputs, outputs: the values that were given and returned.
        tensors: the tensor that holds each parameter and buffer, by the name that the recording has for it.

    Attributes:
        prepare: the kernels that depend on parameters only. body: the others.
        folded, in_place: how many batch norms went into weights, and operations into an array that was there.
    """

    def __init__(self, steps: list[Step], inputs: list[Value], outputs: list[Value], tensors: dict[str, Any]) -> None:
        self._slots: dict[int, int] = {}
        self._start: list[Any] = []  # what the slots hold at first: numbers, and None for what will be computed
        self._held: list[tuple[int, Any]] = []  # parameters: slot and tensor
        self._tensors = tensors
        self.prepare: list[Instruction] = []
        self.body: list[Instruction] = []
        self.folded = self.in_place = 0
        self.count = 0  # operations recorded of which the outputs need the result

        steps = _needed(steps, outputs)
        self.count = len(steps)
        self._inputs = [self._slot(value) for value in inputs]
        for step in steps:
            if step.result.constant:
                self.prepare.append(self._instruction(step))
        self._fill([step for step in steps if not step.result.constant], outputs)
        self._write_in_place([s for s in steps if not s.result.constant], outputs)
        self._outputs = [self._slot(value) for value in outputs]
        self._release()
        self._prepared: tuple[int, list[Any]] = (-1, [])

    # -- running -----------------------------------------------------------------------------------------------------

    def run(self, arrays: Sequence[Array], generation: int) -> list[Array]:
        """The outputs for ``arrays``. What depends on parameters is computed anew when ``generation`` is not the last one's."""
        made, ready = self._prepared
        if made != generation:
            ready = list(self._start)
            for slot, tensor in self._held:
                ready[slot] = tensor._array
            for instruction in self.prepare:
                instruction.run(ready)
            self._prepared = generation, ready
        slots = ready.copy()
        for slot, array in zip(self._inputs, arrays, strict=True):
            slots[slot] = array
        for instruction in self.body:
            instruction.run(slots)
        return [slots[i] for i in self._outputs]

    def describe(self) -> str:
        """What it does, in a line."""
        parts = [f"{_counted(self.count, 'operation')} as {_counted(len(self.body), 'kernel')}"]
        if self.folded:
            parts.append(f"{_counted(self.folded, 'batch norm')} folded")
        if self.in_place:
            parts.append(f"{self.in_place} in place")
        return ", ".join(parts)

    # -- making ------------------------------------------------------------------------------------------------------

    def _new(self, content: Any = None) -> int:
        self._start.append(content)
        return len(self._start) - 1

    def _slot(self, value: Any) -> int:
        """Where a value is; a number or None gets a slot of its own."""
        if not isinstance(value, Value):
            return self._new(value)
        if value.number not in self._slots:
            self._slots[value.number] = self._new()
            if value.name and value.constant:
                self._held.append((self._slots[value.number], self._tensors[value.name]))
        return self._slots[value.number]

    def _instruction(self, step: Step) -> Instruction:
        inputs, casts = [], []
        for value, to in zip(step.inputs, step.dtypes, strict=True):
            cast = to is not None and isinstance(value, Value) and value.dtype != to
            inputs.append(self._slot(value))
            casts.append(to if cast else None)
        op = step.op
        targets = [self._slot(value) for value in step.results]
        return Instruction(
            step.name,
            op.kernel,
            inputs,
            targets if op.outputs > 1 else targets[0],
            step.static,
            casts if any(to is not None for to in casts) else None,
            bool(op.residuals),
        )

    def _fill(self, steps: list[Step], outputs: list[Value]) -> None:
        """The kernels of the steps, without the batch norms whose input a convolution or linear layer makes for them alone."""
        reads: dict[int, int] = {}
        for value in [*values_in([step.inputs for step in steps]), *outputs]:
            reads[value.number] = reads.get(value.number, 0) + 1
        norms = {step.inputs[0].number: step for step in steps if _can_be_folded(step, reads)}
        gone = {id(step) for step in norms.values()}
        for step in steps:
            norm = norms.get(step.result.number)
            if norm is not None:
                weight, bias = self._new(), self._new()
                sources = [self._slot(value) for value in [*step.inputs[1:], *norm.inputs[1:]]]
                self.prepare.append(Instruction("fold", _folded, sources, [weight, bias], {"eps": norm.static["eps"]}))
                self.folded += 1
                instruction = self._instruction(step)
                instruction.sources = [instruction.sources[0], weight, bias]
                instruction.target = self._slot(norm.result)
                self.body.append(instruction)
            elif id(step) not in gone:
                self.body.append(self._instruction(step))

    def _write_in_place(self, steps: list[Step], outputs: list[Value]) -> None:
        """Have ReLU and addition write into an input, where a kernel made it and nothing else will read it."""
        memory = _Memory(steps, outputs)
        body = {i.target: i for i in self.body if not isinstance(i.target, list)}
        for position, step in enumerate(steps):
            instruction = body.get(self._slots.get(step.result.number, -1))
            memory.made(step)
            if instruction is None or instruction.name != step.name or instruction.dtypes is not None or step.static:
                continue
            result = step.result
            for at, value in enumerate(step.inputs if step.name == "add" else step.inputs[:1] if step.name == "relu" else ()):
                fits = isinstance(value, Value) and (value.shape, value.dtype) == (result.shape, result.dtype)
                if fits and result.dtype.kind == "f" and memory.is_free(value, position):
                    instruction.kernel = _rectify_in_place if step.name == "relu" else _ADD_INTO[at]
                    memory.join(value, result)
                    self.in_place += 1
                    break

    def _release(self) -> None:
        """Note after which kernel each slot is done with."""
        kept = {*self._outputs, *self._inputs}
        made: set[int] = set()
        for instruction in self.body:
            made.update(instruction.target if isinstance(instruction.target, list) else [instruction.target])
        for instruction in reversed(self.body):
            targets = instruction.target if isinstance(instruction.target, list) else [instruction.target]
            for slot in dict.fromkeys([*instruction.sources, *targets]):
                if slot in made and slot not in kept:
                    instruction.last.append(slot)
                    kept.add(slot)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _needed(steps: list[Step], outputs: list[Value]) -> list[Step]:
    """The steps that the outputs depend on."""
    wanted, kept = {value.number for value in outputs}, []
    for step in reversed(steps):
        if any(value.number in wanted for value in step.results):
            wanted.update(value.number for value in values_in(step.inputs))
            kept.append(step)
    return kept[::-1]


def shared_memory(steps: list[Step], inputs: list[Value], outputs: list[Value]) -> bool:
    """Whether an output is, or may share memory with, an input, a constant or another output."""
    memory = _Memory(steps, outputs)
    groups = [memory.group(value.number) for value in outputs]
    held = [*inputs, *outputs, *values_in([step.inputs for step in steps])]
    return len(set(groups)) < len(groups) or any(
        memory.group(value.number) in groups for value in held if value.constant or value.step is None
    )


class _Memory:
    """Which values may share memory: groups of them, and the last step that reads each group."""

    def __init__(self, steps: list[Step], outputs: list[Value]) -> None:
        self._parent: dict[int, int] = {}
        self._fresh: set[int] = set()
        self._reads: dict[int, int] = {}
        for position, step in enumerate(steps):
            for value in values_in(step.inputs):
                self._reads[value.number] = position
        for value in outputs:
            self._reads[value.number] = len(steps)
        for step in steps:
            if step.name not in _FRESH:
                for value in step.results:
                    for source in values_in(step.inputs):
                        self.join(source, value)

    def group(self, number: int) -> int:
        """The number that stands for the group."""
        while number in self._parent:
            number = self._parent[number]
        return number

    def join(self, a: Value, b: Value) -> None:
        """The two may share memory."""
        first, second = self.group(a.number), self.group(b.number)
        if first != second:
            self._parent[second] = first
            self._reads[first] = max(self._reads.get(first, -1), self._reads.get(second, -1))

    def made(self, step: Step) -> None:
        """Note whether the result is an array of its own."""
        if step.name in _FRESH and not step.result.constant:
            self._fresh.add(step.result.number)

    def is_free(self, value: Value, position: int) -> bool:
        """Whether the step at ``position`` is the last to read the memory of ``value``, which a kernel made."""
        return value.number in self._fresh and self._reads.get(self.group(value.number), -1) <= position


# -- kernels of their own ----------------------------------------------------------------------------------------------


def _can_be_folded(step: Step, reads: dict[int, int]) -> bool:
    """Whether it is a batch norm by constants after a layer whose weights are constants, which nothing else reads."""
    if step.name != "normalize_channels" or not isinstance(step.inputs[0], Value):
        return False
    before, values = step.inputs[0].step, list(values_in(step.inputs))
    if before is None or before.name not in _NORMED or before.result.constant or reads[step.inputs[0].number] > 1:
        return False
    constants = [*values[1:], *list(values_in(before.inputs))[1:]]
    kinds = {value.dtype for value in [values[0], *list(values_in(before.inputs))[:1], *constants]}
    return (
        all(value.constant for value in constants)
        and len(kinds) == 1
        and kinds <= {np.dtype(np.float32), np.dtype(np.float64)}
        and (before.name == "conv2d" or values[0].ndim == 2)
    )


def _folded(
    weight: Array, bias: Array | None, mean: Array, var: Array, gamma: Array | None, beta: Array | None, eps: float
) -> tuple[Array, Array]:
    """The weight (O, …) and bias (O,) of a layer that also does the batch norm after it."""
    with np.errstate(all="ignore"):
        scale = 1 / np.sqrt(var + np.asarray(eps, var.dtype))
        if gamma is not None:
            scale = scale * gamma
        shift = (-mean if bias is None else bias - mean) * scale
        return weight * scale.reshape(-1, *(1,) * (weight.ndim - 1)), shift if beta is None else shift + beta


_ZEROS = {np.dtype(kind): np.zeros((), kind) for kind in (np.float16, np.float32, np.float64)}


def _rectify_in_place(x: Array) -> Array:
    return x.clip(0, math.inf, out=x) if x.size >= _LARGE else np.maximum(x, _ZEROS[x.dtype], out=x)


def _add_into_first(a: Array, b: Any) -> Array:
    return np.add(a, b, out=a)


def _add_into_second(a: Any, b: Array) -> Array:
    return np.add(a, b, out=b)


_ADD_INTO = (_add_into_first, _add_into_second)
