"""Optimizers whose rule works element by element: a plain definition of each, and one quick way to run them all.

A subclass defines its rule twice. ``update_one`` is the definition, for one parameter, in operations on tensors: read it
first. It is what runs under ``differentiable=True``, where the tape follows the step, and within ``autograd.composed()``.
``update`` is the same rule over flat arrays, in fewer passes over memory: what an ordinary step runs. A test holds the two
together for every optimizer and option.

A training step over many small parameters spends its time in calls, and over large ones in memory traffic. So the state
of all parameters of a group that share a dtype lives in one flat array per name (a *pack*), and the rule runs over it in
blocks that stay in the processor's cache. For each block the gradients of small parameters are gathered, while a large
one's is read where it is; the rule computes the change, and ``block.apply()`` subtracts it from the parameters, which keep
arrays of their own. Where a rule has a compiled kernel, that runs instead, parameter by parameter, in one pass each.

``optimizer.state[p][name]`` is a view of its stretch of the flat array: reading it shows the state, writing into it
changes the state. That dict is the truth, the pack a way to store it: wherever the two no longer match (a state was
loaded or replaced, a parameter changed its dtype or shape, a group grew), the pack is built anew from the dict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import accumulate
from operator import attrgetter, is_
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .._tensor import Tensor
from ..autograd import modes, set_grad_enabled
from ..autograd.box import box
from ..runtime import use_compiled
from .optimizer import Closure, Group, Optimizer, run_closure
from .updates_compiled import Rule

__all__ = ["FlatOptimizer"]

BLOCK = 1 << 17  # elements: a few float32 arrays of it fit the caches, and calls of it hide NumPy's overhead
ALONE = 1 << 14  # a parameter of so many elements is not gathered with others: the copies would cost more than the calls

State = dict[str, Any]

_PLAIN = {float, int, bool, type(None)}


class Block(NamedTuple):
    """A stretch of at most `BLOCK` elements of parameters that move together: what a rule reads and what it writes.

    Attributes:
        first: the state of these parameters did not exist before this step.
        counters: their counters, this step counted.
        grad, value: the gradient and the parameters' values, flat; read only. ``value`` is valid with weight
            decay, or ``reads_values``.
        change: where the rule writes what is to be subtracted from the parameters. scratch: free for the rule.
        state: one flat array for each of ``slots``, in their order; the rule updates them in place.
        targets: each parameter's array, or a stretch of it, with its stretch of ``change``; to be gone through once.
    """

    first: bool
    counters: list[float]
    grad: np.ndarray
    value: np.ndarray
    change: np.ndarray
    scratch: np.ndarray
    state: list[np.ndarray]
    targets: Iterable[tuple[np.ndarray, np.ndarray]]

    def decayed(self, weight_decay: float) -> np.ndarray:
        """The gradient plus ``weight_decay`` · value, in ``change`` if that is not the gradient itself."""
        if weight_decay == 0:
            return self.grad
        np.multiply(self.value, weight_decay, out=self.change)
        return np.add(self.grad, self.change, out=self.change)

    def shrink(self, share: float) -> None:
        """Decoupled weight decay: let ``share`` of the value be subtracted too."""
        if share != 0:
            np.add(self.change, np.multiply(self.value, share, out=self.scratch), out=self.change)

    def apply(self) -> None:
        """Subtract the change from the parameters."""
        for array, change in self.targets:
            np.subtract(array, change, array)


class FlatOptimizer(Optimizer):
    """An optimizer whose rule works element by element: a subclass says what it keeps and how a parameter moves.

    Attributes:
        counters: the numbers kept per parameter, with their first values.
        reads_values: whether ``update`` reads ``block.value`` without weight decay too.
    """

    counters: ClassVar[dict[str, float]] = {"step": 0.0}
    reads_values: ClassVar[bool] = False

    def slots(self, group: Group) -> dict[str, float]:
        """The names of the arrays kept per parameter under these options, and the number that fills each at first."""
        raise NotImplementedError

    def update_one(self, group: Group, p: Tensor, grad: Tensor, state: State) -> Tensor:
        """The rule for one parameter: advance ``state`` by new tensors, return what to subtract from ``p``."""
        raise NotImplementedError

    def update(self, group: Group, block: Block) -> None:
        """The same rule for a block. ``group`` holds plain numbers; `Block` says what to read and what to write."""
        raise NotImplementedError

    def compiled(self, group: Group, counters: list[float], first: bool, dtype: np.dtype[Any]) -> Rule | None:
        """The same rule as a compiled kernel, where there is one; ``counters`` and ``first``: see `Block`."""

    def advance(self, group: Group, counters: np.ndarray) -> None:
        """Count this step. ``counters`` is float32 (parameters, numbers), all rows alike; written in place."""
        counters[:, :1] += 1  # of no column, where nothing is counted

    def prepare_next(self, group: Group, counters: np.ndarray) -> None:
        """After the step: write into ``counters`` what the next one starts from, where an optimizer keeps such numbers."""

    def step(self, closure: Closure | None = None) -> Any:
        """Move every parameter that has a gradient once; the others, and their state, stay as they are.

        Args:
            closure: evaluates the model anew and returns the loss; called first, with gradients enabled.

        Returns:
            What ``closure`` returned, or None.

        Raises:
            RuntimeError: a gradient does not have its parameter's shape; a leaf under ``differentiable=True``.
        """
        loss = run_closure(closure)
        with np.errstate(all="ignore"):  # a parameter that overflows becomes inf or NaN without a word, as in PyTorch
            for index, group in enumerate(self.param_groups):
                self.step_group(index, group)
        return loss

    def step_group(self, index: int, group: Group) -> None:
        """One step of ``param_groups[index]``."""
        taped = group["differentiable"]
        options = {
            name: value if taped or type(value) in _PLAIN else plain(value) for name, value in group.items() if name != "params"
        }
        if taped or modes.state.composed:
            self._step_one_by_one(options, group["params"])
        else:
            self._step_in_blocks(options, self._packs_of(index, group["params"], self.slots(options)))

    def _step_one_by_one(self, options: Group, params: list[Tensor]) -> None:
        """A step by the definition, on the tape if it is to be differentiable."""
        with set_grad_enabled(options["differentiable"]):
            for p in params:
                if p.grad is None:
                    continue
                if p.grad._array.shape != p._array.shape:
                    raise wrong_shape(p)
                state = self.state[p]
                self.fill_state(options, p, state)
                p.sub_(self.update_one(options, p, -p.grad if options["maximize"] else p.grad, state))

    def _step_in_blocks(self, options: Group, packs: list[Pack]) -> None:
        with_values = self.reads_values or options.get("weight_decay", 0) != 0
        for pack in packs:
            for run in pack.runs():
                counters, maximize = pack.counters[run], options["maximize"]
                self.advance(options, counters)
                rule = None
                if use_compiled(pack.dtype, pack.starts[run.stop] - pack.starts[run.start]):
                    rule = self.compiled(options, counters[0].tolist(), pack.first[run.start], pack.dtype)
                if rule is not None:
                    pack.follow(rule, run, maximize)
                else:
                    for block in pack.blocks(run, maximize, with_values):
                        self.update(options, block)
                        block.apply()
                self.prepare_next(options, counters)
                pack.finish(run, self.state)

    def fill_state(self, options: Group, p: Tensor, state: State) -> None:
        """Before a step by ``update_one``: give ``state`` what it does not have yet, with its first value."""
        for name, value in self.counters.items():
            if name not in state:
                state[name] = box(np.array(value, np.float32))
        for name, value in self.slots(options).items():
            if name not in state:
                state[name] = box(np.full_like(p._array, value))

    def _restored(self, name: str, value: Any, param: Tensor, position: Any) -> Any:
        restored = super()._restored(name, value, param, position)
        if isinstance(restored, Tensor) and name not in self.counters and restored._array.shape != param._array.shape:
            raise ValueError(
                f"loaded state dict: {name} of parameter {position} has shape {restored._array.shape}, "
                f"the parameter {param._array.shape}"
            )
        return restored

    def __getstate__(self) -> dict[str, Any]:
        # A copy must not share flat arrays: it packs the copied state by itself.
        return {name: value for name, value in super().__getstate__().items() if name != "_packs"}

    def _packs_of(self, index: int, params: list[Tensor], slots: dict[str, float]) -> list[Pack]:
        """The packs of group ``index``, made anew if parameters, options or state have changed since."""
        cache: dict[int, tuple[list[Tensor], list[Pack]]] = self.__dict__.setdefault("_packs", {})
        known, packs = cache.get(index, ([], []))
        if (
            len(known) != len(params)
            or not all(map(is_, known, params))
            or not all(pack.holds(slots, self.state) for pack in packs)
        ):
            by_dtype: dict[np.dtype[Any], list[Tensor]] = {}
            for param in dict.fromkeys(params):
                by_dtype.setdefault(param._array.dtype, []).append(param)
            packs = [Pack(same, dtype, slots, self.counters, self.state) for dtype, same in by_dtype.items()]
            cache[index] = list(params), packs
        return packs


class Pack:
    """Parameters of one group and dtype, and the flat arrays that hold their state.

    Args:
        params: the parameters, in the group's order.
        dtype: their dtype.
        slots: names and first values of the state arrays.
        counters: names and first values of the numbers kept per parameter.
        state: the optimizer's state; what it has for these parameters is moved into the flat arrays.
    """

    def __init__(
        self,
        params: list[Tensor],
        dtype: np.dtype[Any],
        slots: dict[str, float],
        counters: dict[str, float],
        state: dict[Any, State],
    ) -> None:
        self.params, self.dtype = params, dtype
        self.shapes = [param._array.shape for param in params]
        self.starts = [0, *accumulate(param._array.size for param in params)]
        total = self.starts[-1]
        # What a block is computed in (gradient, value, change, scratch), and each small parameter's stretches of the
        # first three, in its shape; None for a large one.
        self.buffers = np.empty((4, min(total, BLOCK)), dtype)
        self.stretches: list[list[Any]] = [[None] * len(params) for _ in range(3)]
        self.chunks = _chunks([param._array.size for param in params])
        for first, last in self.chunks:
            for i in range(first, last):
                part = slice(self.starts[i] - self.starts[first], self.starts[i + 1] - self.starts[first])
                if part.stop - part.start < ALONE:
                    for stretches, buffer in zip(self.stretches, self.buffers, strict=False):
                        stretches[i] = buffer[part].reshape(self.shapes[i])
        self.flat = {name: np.full(total, value, dtype) for name, value in slots.items()}
        self.counters = np.tile(np.array([*counters.values()], np.float32), (len(params), 1))
        # What state[param] must hold, if anything: name -> view, a 0-d one for each counter.
        self.views: list[dict[str, np.ndarray]] = [{} for _ in params]
        if slots:
            for j, name in enumerate(counters):
                for views, row in zip(self.views, self.counters, strict=True):
                    views[name] = row[j : j + 1].reshape(())
            for name, flat in self.flat.items():
                for views, view in zip(self.views, self._views(flat), strict=True):
                    views[name] = view
        self.first = [bool(slots)] * len(params)
        if slots:
            for i, param in enumerate(params):
                self._adopt(i, state.get(param, {}))

    def holds(self, slots: dict[str, float], state: dict[Any, State]) -> bool:
        """Whether parameters and state are still the ones this pack was made for."""
        if self.flat.keys() != slots.keys():
            return False
        for param, shape, views, first in zip(self.params, self.shapes, self.views, self.first, strict=True):
            array = param._array
            if array.shape != shape or array.dtype != self.dtype:
                return False
            entry = state.get(param, {})
            if first:
                if not self.flat.keys().isdisjoint(entry):
                    return False
            else:
                for name, view in views.items():
                    if getattr(entry.get(name), "_array", None) is not view:
                        return False
        return True

    def runs(self) -> list[slice]:
        """The parameters that move now, as runs of neighbours that have moved equally often before."""
        counters = self.counters.tolist()
        runs: list[slice] = []
        for i, param in enumerate(self.params):
            grad = param._grad  # for .grad one has to wait
            if grad is None:
                continue
            if grad._array.shape != self.shapes[i]:
                raise wrong_shape(param)
            alike = i > 0 and counters[i] == counters[i - 1] and self.first[i] == self.first[i - 1]
            if alike and runs and runs[-1].stop == i:
                runs[-1] = slice(runs[-1].start, i + 1)
            else:
                runs.append(slice(i, i + 1))
        return runs

    def blocks(self, run: slice, maximize: bool, with_values: bool) -> Iterator[Block]:
        """The blocks of a run, one after the other: they share buffers, so apply each before asking for the next."""
        first, counters = self.first[run.start], self.counters[run.start].tolist()
        for chunk in self.chunks:
            start, stop = max(chunk[0], run.start), min(chunk[1], run.stop)
            if start >= stop:
                continue
            if self.stretches[0][start] is not None:
                yield Block(first, counters, *self._gathered(start, stop, chunk[0], maximize, with_values))
            else:
                for parts in self._large(start, maximize):
                    yield Block(first, counters, *parts)

    def _gathered(self, start: int, stop: int, base: int, maximize: bool, with_values: bool) -> tuple[Any, ...]:
        """What a block holds of the small parameters from ``start`` to ``stop``, of a chunk that begins with ``base``."""
        params, (grads, values, changes) = self.params[start:stop], [part[start:stop] for part in self.stretches]
        copy = np.negative if maximize else np.positive
        for param, grad in zip(params, grads, strict=True):
            copy(param._grad._array, grad)
        if with_values:
            for param, value in zip(params, values, strict=True):
                np.copyto(value, param._array)
        targets = zip(map(attrgetter("_array"), params), changes, strict=True)
        begin, end, offset = self.starts[start], self.starts[stop], self.starts[base]
        buffers = self.buffers[:, begin - offset : end - offset]
        return *buffers, [flat[begin:end] for flat in self.flat.values()], targets

    def _large(self, i: int, maximize: bool) -> Iterator[tuple[Any, ...]]:
        """What the blocks of one large parameter hold, which read and write its own memory."""
        array, grad, start = self.params[i]._array, self.params[i].grad._array.reshape(-1), self.starts[i]
        value, buffers, length = array.reshape(-1), self.buffers, BLOCK
        in_place = array.flags.c_contiguous
        if not in_place:  # then ``value`` is a copy, and all of it one block, in buffers of its own
            buffers, length = np.empty((4, array.size), self.dtype), array.size
        for at in range(0, array.size, length):
            part = slice(at, min(at + length, array.size))
            negated, _, change, scratch = buffers[:, : part.stop - at]
            block = np.negative(grad[part], out=negated) if maximize else grad[part]
            state = [flat[start + at : start + part.stop] for flat in self.flat.values()]
            target = (value[part], change) if in_place else (array, change.reshape(array.shape))
            yield block, value[part], change, scratch, state, [target]

    def follow(self, rule: Rule, run: slice, maximize: bool) -> None:
        """Move the parameters of a run by a compiled rule, each where it lies: gathering several takes as many calls."""
        for i in range(run.start, run.stop):
            array, grad = self.params[i]._array, self.params[i].grad._array.reshape(-1)
            in_place, part = array.flags.carray, slice(self.starts[i], self.starts[i + 1])
            value = array.reshape(-1) if in_place else array.flatten()
            averages = [self.flat[name][part] if name in self.flat else self.buffers[0, :0] for name in rule.averages]
            rule.run(np.negative(grad) if maximize else grad, value, averages)
            if not in_place:  # not in order; or read-only, which raises here
                array[...] = value.reshape(array.shape)

    def finish(self, run: slice, state: dict[Any, State]) -> None:
        """After the blocks of a run: its parameters have been written to, and their state exists."""
        for param in self.params[run]:
            param._written()
        if self.first[run.start]:
            for i in range(run.start, run.stop):
                self._enter(i, state[self.params[i]])

    def _views(self, flat: np.ndarray) -> list[np.ndarray]:
        """The stretches of a flat array, each in its parameter's shape."""
        return [
            flat[start : start + math.prod(shape)].reshape(shape)
            for start, shape in zip(self.starts, self.shapes, strict=False)
        ]

    def _adopt(self, i: int, entry: State) -> None:
        """Move what parameter ``i`` has of state in here."""
        kept = {name for name in self.views[i] if entry.get(name) is not None}
        if kept.isdisjoint(self.flat):
            return
        for name in kept:
            value = entry[name]._array if isinstance(entry[name], Tensor) else np.asarray(entry[name])
            view = self.views[i][name]
            if value.shape != view.shape:
                raise RuntimeError(f"optimizer state {name!r} has shape {value.shape}, its parameter {self.shapes[i]}")
            np.copyto(view, value, casting="same_kind")
        self._enter(i, entry)

    def _enter(self, i: int, entry: State) -> None:
        """Show the state of parameter ``i``, as Tensors over the flat arrays, in its entry."""
        entry.update((name, box(view)) for name, view in self.views[i].items())
        self.first[i] = False


def _chunks(sizes: list[int]) -> list[tuple[int, int]]:
    """Which parameters, (from, to), share blocks: small neighbours that fit one together; a large one is by itself."""
    chunks: list[tuple[int, int]] = []
    free = -1  # elements left in the last block
    for i, size in enumerate(sizes):
        if size < ALONE and size <= free:
            chunks[-1] = chunks[-1][0], i + 1
            free -= size
        else:
            chunks.append((i, i + 1))
            free = BLOCK - size if size < ALONE else -1
    return chunks


def wrong_shape(param: Tensor) -> RuntimeError:
    """The error for a gradient that does not have its parameter's shape."""
    return RuntimeError(f"a parameter of shape {param._array.shape} has a gradient of shape {param.grad._array.shape}")


def plain(value: Any) -> Any:
    """An option as Python numbers: NumPy's float64 scalars would compute float32 parameters in float64."""
    if isinstance(value, (np.generic, Tensor)):
        return value.item()
    return tuple(map(plain, value)) if isinstance(value, (tuple, list)) else value


def decayed(group: Group, p: Tensor, grad: Tensor) -> Tensor:
    """The gradient with the L2 penalty's, ``weight_decay`` · p, unless the decay is decoupled."""
    if group["weight_decay"] == 0 or group.get("decoupled_weight_decay"):
        return grad
    return grad + group["weight_decay"] * p


def count(state: State) -> float:
    """The number of this step, from 1: ``state["step"]``, counted on."""
    state["step"] = state["step"] + 1
    return float(state["step"])


def number(value: Tensor) -> Any:
    """A counter as a Python number, which does not round what is computed with it to float32; a tensor if it is on the tape."""
    return value if value.requires_grad else value.item()
