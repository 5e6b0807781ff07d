"""Where the time and the memory of a computation go: per operation and per module, forward and backward.

    with profiler.profile() as p:
        loss_fn(model(x), y).backward()
    print(p.table(sort_by="total"))

Built on the global op hook, so it costs nothing while it is off. The times are of the kernels and rules with the engine's
work around them, measured with ``time.perf_counter_ns``; FLOPs are counted from shapes (a multiply-add is two).
"""

from __future__ import annotations

import html
import json
import math
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import ContextDecorator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from ._pytree import tree_leaves
from .atomic_files import write_atomically
from .autograd.box import raw
from .autograd.hooks import OpCall, op_hook
from .autograd.modes import state
from .autograd.node import module_path
from .autograd.source_lines import recorded
from .text_table import text_table


@dataclass(slots=True)
class Event:
    """One run of an operation's kernel or of its backward rules, or of a block named by :class:`record_function`.

    Attributes:
        phase: "forward", "backward", or "block".
        start, duration: nanoseconds, from the start of the profile.
        allocated: bytes of the results that are no views. kept: bytes saved for backward, not counting what was saved before.

    >>> import tinygrad_fm as torch
    >>> with torch.profiler.profile() as p:
    ...     y = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> event = p.events[0]
    >>> event.name, event.phase, event.flops, event.shapes
    ('matmul', 'forward', 48, ((2, 3), (3, 4)))
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
    block: int = 0
    flops: int = 0
    allocated: int = 0
    kept: int = 0
    modules: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        return self.forward + self.backward + self.block

    def add(self, event: Event) -> None:
        self.calls += event.phase != "backward"
        setattr(self, event.phase, getattr(self, event.phase) + event.duration)
        self.flops += event.flops
        self.allocated += event.allocated
        self.kept += event.kept


# PyTorch's names for what a table is sorted by
_PYTORCH = {
    "count": "calls",
    "cpu_time": "total",
    "cpu_time_total": "total",
    "self_cpu_time_total": "total",
    "cpu_memory_usage": "allocated",
    "self_cpu_memory_usage": "allocated",
}
_running: list[Profile] = []  # the profiles that are on, for record_function

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
    """What :class:`profile` gathered: ``events`` in the order in which they ended, and tables of their sums.

    >>> import tinygrad_fm as torch
    >>> with torch.profiler.profile() as p:
    ...     y = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> len(p.events), list(p.rows())
    (1, ['matmul'])
    """

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
        node = next(recorded(result), None) if call.phase == "forward" else None
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
            if by == "module" and event.phase == "block":
                continue  # it holds operations that are counted themselves
            key = event.name if by == "op" else event.module or "(outside modules)"
            rows.setdefault(key, _Row()).add(event)
        return rows

    def table(self, sort_by: str = "total", by: str = "op", row_limit: int = 30) -> str:
        """The sums as text, largest first. The last line has those of all operations; named blocks hold some of them.

        Args:
            sort_by: calls, forward, backward, total (times), flops, allocated or kept (bytes); or PyTorch's names
                cpu_time_total, cpu_memory_usage, count.
            by: "op" or "module".
            row_limit: how many lines at the most; -1 for all.
        """
        head, lines, foot = self._lines(sort_by, by, row_limit)
        return text_table([head, *lines], foot=[foot])

    def _lines(self, sort_by: str, by: str, row_limit: int) -> tuple[tuple[str, ...], list[tuple[str, ...]], tuple[str, ...]]:
        column = _COLUMNS.get(_PYTORCH.get(sort_by, sort_by))
        if column is None:
            raise ValueError(f"sort_by must be one of {', '.join([*_COLUMNS, *_PYTORCH])}, got {sort_by!r}")
        rows = sorted(self.rows(by).items(), key=lambda item: -column(item[1]))
        everything = _Row()
        for event in self.events:
            if event.phase != "block":
                everything.add(event)
        head = (by, "calls", "forward", "backward", "total", "share", "MFLOP", "allocated", "saved")
        shown = rows if row_limit < 0 else rows[:row_limit]
        lines = [_line(name, row, everything.total) for name, row in shown]
        if len(shown) < len(rows):
            lines.append((f"… and {len(rows) - len(shown)} more", *[""] * (len(head) - 1)))
        return head, lines, _line("total", everything, everything.total)

    def key_averages(self) -> KeyAverages:
        """The sums by operation and named block, as PyTorch's ``key_averages()``: ``print(p.key_averages().table())``."""
        return KeyAverages(self)

    def __str__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        """The table as a notebook shows it."""
        head, lines, foot = self._lines("total", "op", 30)

        def row(cells: tuple[str, ...], tag: str) -> str:
            styles = ["text-align:left", *["text-align:right"] * (len(cells) - 1)]
            inner = (f'<{tag} style="{style}">{html.escape(text)}</{tag}>' for text, style in zip(cells, styles, strict=True))
            return f"<tr>{''.join(inner)}</tr>"

        body = "".join(row(line, "td") for line in lines)
        return f"<table><thead>{row(head, 'th')}</thead><tbody>{body}</tbody><tfoot>{row(foot, 'th')}</tfoot></table>"

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


@dataclass(frozen=True)
class FunctionEventAvg:
    """A line of :meth:`Profile.key_averages`.

    Attributes:
        key: the operation, or the name of the block.
        count: how often it ran.
        cpu_time_total: microseconds in all, forward and backward. cpu_time: of one run.
        cpu_memory_usage: bytes of the results. flops: as counted from the shapes.
    """

    key: str
    count: int
    cpu_time_total: float
    cpu_memory_usage: int
    flops: int

    @property
    def cpu_time(self) -> float:
        return self.cpu_time_total / max(self.count, 1)

    self_cpu_time_total = property(lambda self: self.cpu_time_total)


class KeyAverages(list[FunctionEventAvg]):
    """The sums of a profile, a list; ``table()`` is their text.

    >>> import tinygrad_fm as torch
    >>> with torch.profiler.profile() as p:
    ...     y = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> [(line.key, line.count, line.flops) for line in p.key_averages()]
    [('matmul', 1, 48)]
    """

    def __init__(self, found: Profile) -> None:
        super().__init__(
            FunctionEventAvg(name, row.calls, row.total / 1e3, row.allocated, row.flops) for name, row in found.rows().items()
        )
        self._profile = found

    def table(self, sort_by: str | None = None, row_limit: int = 100) -> str:
        """As :meth:`Profile.table`."""
        return self._profile.table(sort_by or "total", row_limit=row_limit)

    __str__ = table

    def _repr_html_(self) -> str:
        return self._profile._repr_html_()


class ProfilerActivity(Enum):
    """What PyTorch's profiler may watch; here there is the CPU.

    >>> import tinygrad_fm as torch
    >>> with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as p:
    ...     y = torch.ones(2).exp()
    >>> [event.name for event in p.events]
    ['exp']
    """

    CPU = "CPU"


class profile:
    """Within the block, gather every operation's time, FLOPs and memory: ``with profile() as p:`` gives a :class:`Profile`.

    Args:
        activities, record_shapes, profile_memory, with_flops: PyTorch's; all of it is always recorded.

    Raises ValueError for an activity that is not ``ProfilerActivity.CPU``.

    >>> import tinygrad_fm as torch
    >>> x = torch.ones(3, 4, requires_grad=True)
    >>> with torch.profiler.profile() as p:
    ...     with torch.profiler.record_function("square"):
    ...         y = x @ x.T
    ...     y.sum().backward()
    >>> [event.name for event in p.events if event.phase != "backward"]
    ['permute', 'matmul', 'square', 'sum']
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        record_shapes: bool = True,
        profile_memory: bool = True,
        with_flops: bool = True,
    ) -> None:
        for activity in activities or ():
            if activity is not ProfilerActivity.CPU:
                raise ValueError(f"profile(): activities can be ProfilerActivity.CPU only, got {activity!r}")

    def __enter__(self) -> Profile:
        self._result = result = Profile()
        self._hook = op_hook(result._watch)
        self._hook.__enter__()
        _running.append(result)
        return result

    def __exit__(self, *exception: Any) -> None:
        _running.remove(self._result)
        self._hook.__exit__(*exception)


class record_function(ContextDecorator):
    """Give a block, or as a decorator a function, a line of its own in the profile; without a profile it does nothing.

    Args:
        name: what the line says.

    Raises TypeError for a name that is no string.

    >>> import tinygrad_fm as torch
    >>> with torch.profiler.profile() as p, torch.profiler.record_function("doubled"):
    ...     y = torch.ones(2) * 2
    >>> [(event.name, event.phase) for event in p.events]
    [('mul', 'forward'), ('doubled', 'block')]
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"record_function(): the name must be a string, got {type(name).__name__}")
        self.name = name
        self._starts: list[int] = []  # of calls within calls

    def __enter__(self) -> record_function:
        self._starts.append(time.perf_counter_ns())
        return self

    def __exit__(self, *exception: Any) -> None:
        start = self._starts.pop()
        duration = time.perf_counter_ns() - start
        module = module_path(state.scope)
        for running in _running:
            at = start - running._origin
            running.events.append(Event(self.name, "block", module, at, duration, 0, 0, 0, (), threading.get_ident()))


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


def _arrays(result: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays in what an operation returned: Tensors forward, pairs of a node and a gradient backward."""
    return [value for value in map(raw, tree_leaves(result)) if isinstance(value, np.ndarray)]


def multiply_adds(call: OpCall, result: Any) -> int:
    """How many products one run of a contraction adds up: linear, matmul, convolution, recurrent layers; 0 for others.

    Args:
        call: what a hook was told of the run.
        result: what the run returned.

    >>> import tinygrad_fm as torch
    >>> def watch(call, run):
    ...     result = run()
    ...     print(call.name, torch.profiler.multiply_adds(call, result))
    ...     return result
    >>> with torch.autograd.op_hook(watch):
    ...     y = torch.ones(2, 3) @ torch.ones(3, 4)
    matmul 24
    """
    if call.name == "conv_transpose2d":
        image, kernel = (raw(x) for x in call.inputs[:2])
        return image.size * math.prod(kernel.shape[1:])
    if call.name in ("rnn", "lstm", "gru"):  # each element of a sequence meets every weight once: W_ih, W_hh and W_hr
        weights = [raw(w) for w in (*call.inputs[2:4], *call.inputs[7:]) if w is not None]
        return len(raw(call.inputs[0])) * sum(int(w.size) for w in weights)
    if call.name == "matmul":
        depth = raw(call.inputs[0]).shape[-1]
    elif call.name in ("linear", "conv2d"):
        depth = math.prod(raw(call.inputs[1]).shape[1:])
    else:
        return 0
    return sum(int(array.size) for array in _arrays(result)) * depth


__all__ = ["Event", "KeyAverages", "Profile", "ProfilerActivity", "multiply_adds", "profile", "record_function"]
