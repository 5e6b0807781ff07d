"""Where the time and the memory of a computation go: per operation and per module, forward and backward.

    with profiler.profile() as p:
        loss_fn(model(x), y).backward()
    print(p.table(sort_by="total"))

Built on the global op hook, so it costs nothing while it is off. The times are of the kernels and rules with the engine's
work around them, measured with ``time.perf_counter_ns``; FLOPs are counted from shapes (a multiply-add is two).
"""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .autograd.box import is_tensor, raw
from .autograd.hooks import OpCall, op_hook
from .autograd.modes import state
from .autograd.node import module_path
from .files import write_atomically
from .text_table import text_table


@dataclass(slots=True)
class Event:
    """One run of an operation's kernel or of its backward rules.

    Attributes:
        start, duration: nanoseconds, from the start of the profile.
        allocated: bytes of the results that are no views. kept: bytes saved for backward, not counting what was saved before.
    """

    name: str
    phase: str
    module: str
    start: int
    duration: int
    flops: int
    allocated: int
    kept: int
    shapes: tuple[Any, ...]
    thread: int


@dataclass
class _Row:
    """The sums of a table's line."""

    calls: int = 0
    forward: int = 0
    backward: int = 0
    flops: int = 0
    allocated: int = 0
    kept: int = 0
    modules: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        return self.forward + self.backward

    def add(self, event: Event) -> None:
        self.calls += event.phase == "forward"
        setattr(self, event.phase, getattr(self, event.phase) + event.duration)
        self.flops += event.flops
        self.allocated += event.allocated
        self.kept += event.kept


_COLUMNS: dict[str, Callable[[_Row], Any]] = {
    "calls": lambda row: row.calls,
    "forward": lambda row: row.forward,
    "backward": lambda row: row.backward,
    "total": lambda row: row.total,
    "flops": lambda row: row.flops,
    "allocated": lambda row: row.allocated,
    "kept": lambda row: row.kept,
}


class Profile:
    """What :class:`profile` gathered: ``events`` in the order in which they ended, and tables of their sums."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._origin = time.perf_counter_ns()
        self._kept: set[int] = set()
        self._contractions: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()  # forward FLOPs, by node

    def _watch(self, call: OpCall, run: Callable[[], Any]) -> Any:
        scope = call.node.scope if call.node is not None else state.scope
        start = time.perf_counter_ns()
        result = run()
        duration = time.perf_counter_ns() - start
        arrays = [a for a in _arrays(result) if a.base is None]
        node = next((x._node for x in _tensors(result) if x._node is not None), None) if call.phase == "forward" else None
        self.events.append(
            Event(
                call.name,
                call.phase,
                module_path(scope),
                start - self._origin,
                duration,
                self._flops(call, result, node),
                sum(a.nbytes for a in arrays),
                self._newly_kept(node),
                tuple(np.shape(raw(x)) for x in call.inputs),
                threading.get_ident(),
            )
        )
        return result

    def _flops(self, call: OpCall, result: Any, node: Any) -> int:
        """Two per multiply-add of a contraction, as many again for each gradient of it; else one per element of the results."""
        arrays = _arrays(result)
        size = sum(array.size for array in arrays)
        if call.phase == "backward":
            per_gradient = self._contractions.get(call.node)
            if per_gradient is None:
                return size
            factors = [parent for parent in call.node.parents[:2] if parent is not None]  # not the bias
            return sum(per_gradient if parent in factors else raw(dx).size for parent, dx in result)
        products = multiply_adds(call, result)
        if not products:
            return size
        if node is not None:
            self._contractions[node] = 2 * products
        return 2 * products

    def _newly_kept(self, node: Any) -> int:
        total = 0
        for array in getattr(node, "saved", None) or ():
            if isinstance(array, np.ndarray) and id(array) not in self._kept:
                self._kept.add(id(array))
                total += array.nbytes
        return total

    def rows(self, by: str = "op") -> dict[str, _Row]:
        """The sums by "op" or by "module"."""
        if by not in ("op", "module"):
            raise ValueError(f"by must be 'op' or 'module', got {by!r}")
        rows: dict[str, _Row] = {}
        for event in self.events:
            key = event.name if by == "op" else event.module or "(outside modules)"
            rows.setdefault(key, _Row()).add(event)
        return rows

    def table(self, sort_by: str = "total", by: str = "op", row_limit: int = 30) -> str:
        """The sums as text, largest first.

        Args:
            sort_by: calls, forward, backward, total (times), flops, allocated or kept (bytes).
            by: "op" or "module".
            row_limit: how many lines at the most.
        """
        if sort_by not in _COLUMNS:
            raise ValueError(f"sort_by must be one of {', '.join(_COLUMNS)}, got {sort_by!r}")
        rows = sorted(self.rows(by).items(), key=lambda item: -_COLUMNS[sort_by](item[1]))
        everything = _Row()
        for event in self.events:
            everything.add(event)
        head = (by, "calls", "forward", "backward", "total", "share", "MFLOP", "allocated", "kept")
        lines = [_line(name, row, everything.total) for name, row in rows[:row_limit]]
        if len(rows) > row_limit:
            lines.append((f"… and {len(rows) - row_limit} more", *[""] * (len(head) - 1)))
        return text_table([head, *lines], foot=[_line("total", everything, everything.total)])

    def export_chrome_trace(self, path: str | Path) -> None:
        """Write the events as a trace file that https://ui.perfetto.dev and chrome://tracing open."""
        trace = [
            {
                "name": event.name,
                "cat": event.phase,
                "ph": "X",
                "ts": event.start / 1e3,
                "dur": event.duration / 1e3,
                "pid": 1,
                "tid": event.thread,
                "args": {"module": event.module, "shapes": str(event.shapes), "flops": event.flops, "kept": event.kept},
            }
            for event in self.events
        ]
        text = json.dumps({"traceEvents": trace, "displayTimeUnit": "ms"})
        write_atomically(Path(path), lambda file: file.write(text.encode()))


class profile:
    """Within the block, gather every operation's time, FLOPs and memory: ``with profile() as p:`` gives a :class:`Profile`.

    >>> import tinygrad_fm as torch
    >>> x = torch.ones(3, 4, requires_grad=True)
    >>> with torch.profiler.profile() as p:
    ...     (x @ x.T).sum().backward()
    >>> [event.name for event in p.events if event.phase == "forward"]
    ['permute', 'matmul', 'sum']
    """

    def __enter__(self) -> Profile:
        result = Profile()
        self._hook = op_hook(result._watch)
        self._hook.__enter__()
        return result

    def __exit__(self, *exception: Any) -> None:
        self._hook.__exit__(*exception)


def _line(name: str, row: _Row, whole: int) -> tuple[str, ...]:
    times = (f"{nanoseconds / 1e6:.3f} ms" for nanoseconds in (row.forward, row.backward, row.total))
    share = row.total / whole if whole else 0
    return (name, str(row.calls), *times, f"{share:.1%}", f"{row.flops / 1e6:.3f}", _bytes(row.allocated), _bytes(row.kept))


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _tensors(result: Any) -> Iterable[Any]:
    return [x for x in (result if isinstance(result, (tuple, list)) else [result]) if is_tensor(x)]


def _arrays(result: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays in what an operation returned: Tensors forward, pairs of a node and a gradient backward."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    values = [raw(part[1] if isinstance(part, tuple) else part) for part in parts]
    return [value for value in values if isinstance(value, np.ndarray)]


def multiply_adds(call: OpCall, result: Any) -> int:
    """How many products one run of a contraction (linear, matmul, convolution) adds up; 0 for other operations."""
    if call.name == "conv_transpose2d":
        image, kernel = (raw(x) for x in call.inputs[:2])
        return int(image.size * np.prod(kernel.shape[1:]))
    if call.name == "matmul":
        depth = raw(call.inputs[0]).shape[-1]
    elif call.name in ("linear", "conv2d"):
        depth = int(np.prod(raw(call.inputs[1]).shape[1:]))
    else:
        return 0
    return sum(int(array.size) for array in _arrays(result)) * depth


__all__ = ["Event", "Profile", "profile"]
