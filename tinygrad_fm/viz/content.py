"""The picture's content: items (inputs, parameters, operations, outputs), edges between them, and the nested module boxes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .recording import Kept, Shape

__all__ = ["Box", "Content", "Edge", "Item", "bytes_text", "plural", "printable", "seconds_text", "shape_text"]


def shape_text(shape: Shape) -> str:
    """A shape as labels show it: ``(64, 10)``."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def bytes_text(count: float) -> str:
    """A number of bytes for people: ``241.2 KB``."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("KB", "MB", "GB"):
        count /= 1000
        if count < 999.95 or unit == "GB":
            break
    return f"{count:.1f} {unit}"


def seconds_text(seconds: float) -> str:
    """A time for people: ``1.32 ms``."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1 or unit == "µs":
            break
    return f"{seconds * scale:.3g} {unit}"


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """``text`` with a sign in place of each control character and of what XML does not allow; tabs and newlines stay."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def plural(count: int, word: str) -> str:
    """``1 operation``, ``2 operations``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


@dataclass(slots=True, eq=False)
class Box:
    """A module's frame, or another group of items drawn as one.

    Attributes:
        id: stable between runs.
        path: the module's dotted path; '' for the model itself.
        kind: the module's class; '' for a group that is not a module.
        call: which call of the module it is.
        what: "module"; "repeat", a run of equal parts; "stretch", a part of a long chain; "backward".
        copies, period: of a "repeat", how many, and how many parts (modules, operations) each has.
        parameters, bytes: of the module.
    """

    id: str
    path: str
    kind: str
    parent: Box | None
    what: str = "module"
    call: int = 1
    copies: int = 1
    period: int = 0
    parameters: int = 0
    bytes: int = 0
    children: list[Any] = field(default_factory=list)

    def title(self) -> str:
        """What stands at its head."""
        return ": ".join(part for part in (self.path, self.kind) if part) + self._again()

    def name(self) -> str:
        """What other lines of a text call it."""
        return (self.path or self.kind) + self._again()

    def _again(self) -> str:
        return "" if self.call == 1 else f" (call {self.call})"

    def size_text(self) -> str:
        """Its parameters and their memory, or ''."""
        return f"{plural(self.parameters, 'parameter')} · {bytes_text(self.bytes)}" if self.parameters else ""


@dataclass(slots=True, eq=False)
class Item:
    """A node of the picture.

    Attributes:
        id: stable between runs: ``op3``, ``in1``, ``p2``, ``out1``.
        role: "input", "leaf", "parameter", "constant", "operation", "untracked", "gradient", "failed" or "output".
        title: what it says.
        name: the caller's name of its result.
        box: the innermost box around it.
        note, brief: the arguments that are numbers and the static ones, all of them and those that belong into the picture.
        operands: of an operation, its inputs in their order as text; '' for one that is drawn.
        data, grad: its numbers and those of its gradient, where they are shown.
        measures: "forward", "backward" (seconds), "kept" (bytes), "gradient" (norm): those that are known.
        twins: for each enclosing repeat in which it is not in the first copy: that repeat, which copy
            it is, and its like in the first one.
    """

    id: str
    role: str
    title: str
    box: Box | None
    shape: Shape | None = None
    dtype: str = ""
    name: str = ""
    note: str = ""
    brief: str = ""
    place: str = ""
    error: str = ""
    rules: tuple[str, ...] = ()
    kept: list[Kept] | None = None
    order: int = 0
    gradient_of: str = ""
    operands: list[str] = field(default_factory=list)
    data: str = ""
    grad: str = ""
    measures: dict[str, float] = field(default_factory=dict)
    twins: list[tuple[Box, int, Item]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Edge:
    """A tensor on its way.

    Attributes:
        name: what the operation at ``target`` calls it.
        live: whether a gradient comes back.
        label: its name as the picture writes it, where an operation reads several tensors that mean different things.
    """

    source: Item
    target: Item
    shape: Shape
    dtype: str
    name: str = ""
    live: bool = False
    label: str = ""

    def text(self) -> str:
        """What stands before the shape: ``index: `` or ''."""
        return f"{self.label}: " if self.label else ""


@dataclass(eq=False)
class Content:
    """All items in forward order, all edges, and what stands on the top level (boxes and items).

    Attributes:
        item_of: the item of each recorded value, as steps read it.
    """

    items: list[Item]
    edges: list[Edge]
    top: list[Any]
    title: str
    notes: list[str]
    item_of: dict[Any, Item] = field(default_factory=dict)

    def operations(self) -> list[Item]:
        """The items that are operations."""
        return [item for item in self.items if item.id.startswith("op")]

    def boxes(self) -> Iterator[Box]:
        """All boxes, outer ones first."""
        pending = [child for child in reversed(self.top) if isinstance(child, Box)]
        while pending:
            box = pending.pop()
            yield box
            pending += [child for child in reversed(box.children) if isinstance(child, Box)]
