"""One update over flat arrays, for every optimizer whose rule works element by element.

A training step over many small parameters spends its time in calls, and over large ones in memory traffic. So the state
of all parameters of a group that share a dtype lives in one flat array per name (a *pack*), and the rule runs over it in
blocks that stay in the processor's cache. For each block the gradients of small parameters are gathered, while a large
one's is read where it is; the rule computes the change, and the change is subtracted from the parameters, which keep
arrays of their own.

``optimizer.state[p][name]`` is a view of its stretch of the flat array: reading it shows the state, writing into it
changes the state. That dict is the truth, the pack a way to store it: wherever the two no longer match (a state was
loaded or replaced, a parameter changed its dtype or shape, a group grew), the pack is built anew from the dict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate
from operator import is_
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..autograd.primitive import box
from ..tensor import Tensor
from .optimizer import Closure, Group, Optimizer, run_closure

BLOCK = 1 << 17  # elements: a few float32 arrays of it fit the caches, and calls of it hide NumPy's overhead
ALONE = 1 << 14  # a parameter of so many elements is not gathered with others: the copies would cost more than the calls


class Run(NamedTuple):
    """Neighbouring parameters that all step now and have stepped equally often before.

    Attributes:
        first: their state did not exist before this step.
        counters: (parameters, numbers) float32, one row per parameter, all rows alike; the rule advances them in place.
        blocks: ``(gradient, value, change, scratch, *state)``, flat arrays of at most `BLOCK` elements. The rule writes
            into ``change`` what is to be subtracted from the parameter, updates the state in place, and leaves the
            gradient and the parameter's ``value`` as they are; that is valid only with weight decay.
    """

    first: bool
    counters: np.ndarray
    blocks: Iterator[tuple[Any, ...]]


class FlatOptimizer(Optimizer):
    """An optimizer whose rule works element by element: a subclass says what it keeps and how one block moves.

    Attributes:
        counters: the numbers kept per parameter, with their first values.
    """

    counters: ClassVar[dict[str, float]] = {"step": 0.0}

    def slots(self, group: Group) -> tuple[str, ...]:
        """The names of the arrays kept per parameter under these options; they start as zeros."""
        raise NotImplementedError

    def update(self, group: Group, run: Run) -> None:
        """The rule. ``group`` holds plain numbers; `Run` says what to read and what to write."""
        raise NotImplementedError

    def step(self, closure: Closure | None = None) -> Any:
        """Move every parameter that has a gradient once; the others, and their state, stay as they are.

        Args:
            closure: evaluates the model anew and returns the loss; called first, with gradients enabled.

        Returns:
            What ``closure`` returned, or None.

        Raises:
            RuntimeError: a gradient does not have its parameter's shape.
        """
        loss = run_closure(closure)
        with np.errstate(all="ignore"):  # a parameter that overflows becomes inf or NaN without a word, as in PyTorch
            for index, group in enumerate(self.param_groups):
                options = {name: _plain(value) for name, value in group.items() if name != "params"}
                for pack in self._packed(index, group["params"], self.slots(options)):
                    for run in pack.runs(self.state, options["maximize"], options["weight_decay"] != 0):
                        self.update(options, run)
        return loss

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
        return {name: value for name, value in self.__dict__.items() if name != "_packs"}

    def _packed(self, index: int, params: list[Tensor], slots: tuple[str, ...]) -> list[Pack]:
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
        slots: names of the state arrays.
        counters: names and first values of the numbers kept per parameter.
        state: the optimizer's state; what it has for these parameters is moved into the flat arrays.
    """

    def __init__(
        self,
        params: list[Tensor],
        dtype: np.dtype[Any],
        slots: tuple[str, ...],
        counters: dict[str, float],
        state: dict[Any, dict[str, Any]],
    ) -> None:
        self.params, self.dtype = params, dtype
        self.shapes = [param._array.shape for param in params]
        self.starts = [0, *accumulate(param._array.size for param in params)]
        total = self.starts[-1]
        # What a block is computed in, and where in it a small parameter's gradient, value and change lie, in its shape.
        self.buffers = np.empty((4, min(total, BLOCK)), dtype)
        self.places: list[list[np.ndarray]] = []
        self.chunks = _chunks([param._array.size for param in params])
        for first, last in self.chunks:
            for i in range(first, last):
                place = slice(self.starts[i] - self.starts[first], self.starts[i + 1] - self.starts[first])
                small = place.stop - place.start < ALONE
                self.places.append([part[place].reshape(self.shapes[i]) for part in self.buffers[:3]] if small else [])
        self.flat = {name: np.zeros(total, dtype) for name in slots}
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

    def holds(self, slots: tuple[str, ...], state: dict[Any, dict[str, Any]]) -> bool:
        """Whether parameters and state are still the ones this pack was made for."""
        if tuple(self.flat) != slots:
            return False
        for param, shape, views, first in zip(self.params, self.shapes, self.views, self.first, strict=True):
            if param._array.shape != shape or param._array.dtype != self.dtype:
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

    def runs(self, state: dict[Any, dict[str, Any]], maximize: bool, with_values: bool) -> Iterator[Run]:
        """Yield run after run of the parameters that have a gradient; the change of each block is applied as it is left."""
        for start, stop in self._ranges():
            first = self.first[start]
            yield Run(first, self.counters[start:stop], self._blocks(start, stop, maximize, with_values))
            for i in range(start, stop):
                self.params[i]._written()
                if first:
                    self._enter(i, state[self.params[i]])

    def _ranges(self) -> list[tuple[int, int]]:
        """The parameters that run together, as (start, stop)."""
        counters = self.counters.tolist()
        ranges: list[tuple[int, int]] = []
        for i, param in enumerate(self.params):
            if param.grad is None:
                continue
            if param.grad._array.shape != self.shapes[i]:
                raise RuntimeError(f"a parameter of shape {self.shapes[i]} has a gradient of shape {param.grad._array.shape}")
            alike = i > 0 and counters[i] == counters[i - 1] and self.first[i] == self.first[i - 1]
            if alike and ranges and ranges[-1][1] == i:
                ranges[-1] = ranges[-1][0], i + 1
            else:
                ranges.append((i, i + 1))
        return ranges

    def _blocks(self, start: int, stop: int, maximize: bool, with_values: bool) -> Iterator[tuple[Any, ...]]:
        for chunk in self.chunks:
            first, last = max(chunk[0], start), min(chunk[1], stop)
            if first >= last:
                continue
            if not self.places[first]:
                yield from self._large(first, maximize)
            else:
                yield self._gathered(first, last, chunk[0], maximize, with_values)
                for param, place in zip(self.params[first:last], self.places[first:last], strict=True):
                    np.subtract(param._array, place[2], out=param._array)

    def _gathered(self, first: int, last: int, base: int, maximize: bool, with_values: bool) -> tuple[Any, ...]:
        """The block of the small parameters from ``first`` to ``last``, of a chunk that begins with ``base``."""
        copy = np.negative if maximize else np.positive
        for param, place in zip(self.params[first:last], self.places[first:last], strict=True):
            copy(param.grad._array, out=place[0], casting="same_kind")  # type: ignore[union-attr]
            if with_values:
                np.copyto(place[1], param._array)
        start, stop, offset = self.starts[first], self.starts[last], self.starts[base]
        return *self.buffers[:, start - offset : stop - offset], *[flat[start:stop] for flat in self.flat.values()]

    def _large(self, i: int, maximize: bool) -> Iterator[tuple[Any, ...]]:
        """The blocks of one large parameter, which read and write its own memory."""
        array, grad = self.params[i]._array, self.params[i].grad._array.reshape(-1)  # type: ignore[union-attr]
        value = array.reshape(-1)
        for at in range(0, array.size, BLOCK):
            size = min(BLOCK, array.size - at)
            part, place = slice(at, at + size), slice(self.starts[i] + at, self.starts[i] + at + size)
            negated, _, change, scratch = self.buffers[:, :size]
            block = np.negative(grad[part], out=negated) if maximize else grad[part]
            yield block, value[part], change, scratch, *[flat[place] for flat in self.flat.values()]
            value[part] -= change
        if not array.flags.c_contiguous:  # then ``value`` is a copy
            array[...] = value.reshape(array.shape)

    def _views(self, flat: np.ndarray) -> list[np.ndarray]:
        """The stretches of a flat array, each in its parameter's shape."""
        return [
            flat[start : start + math.prod(shape)].reshape(shape)
            for start, shape in zip(self.starts, self.shapes, strict=False)
        ]

    def _adopt(self, i: int, entry: dict[str, Any]) -> None:
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

    def _enter(self, i: int, entry: dict[str, Any]) -> None:
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


def _plain(value: Any) -> Any:
    """An option as Python numbers: NumPy's float64 scalars would compute float32 parameters in float64."""
    if isinstance(value, (np.generic, Tensor)):
        return value.item()
    return tuple(map(_plain, value)) if isinstance(value, (tuple, list)) else value
