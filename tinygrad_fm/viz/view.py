"""Which boxes are closed, and what is drawn then. (The interactive page does the same in its own script.)"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .content import Box, Content, Edge, Item, plural
from .fold import operations_in

__all__ = ["LIMIT", "Frame", "Line", "Shown", "View", "boxes_around", "choose_depth", "count", "folding_levels", "make_view"]

LIMIT = 300  # nodes drawn at most, unless the caller asks for a depth


@dataclass(slots=True, eq=False)
class Shown:
    """A node as it is drawn: an item, or a closed box.

    Attributes:
        only: the module whose only operation this is, if its box holds nothing else and so is not drawn.
        copies: how many equal ones it stands for.
        items: all items that are drawn as this one.
    """

    id: str
    role: str
    item: Item | None
    closed: Box | None
    only: Box | None = None
    copies: int = 1
    items: list[Item] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What is written on it: the title first."""
        times = f" × {self.copies:,}" if self.copies > 1 else ""
        if self.item is not None:
            more = [self.only.title()] if self.only is not None else []
            more += [f"gradient of {self.item.gradient_of}"] if self.item.gradient_of else []
            return [self.item.title + times, *more]
        box: Any = self.closed
        inside = list(operations_in(box))
        if box.what == "stretch":
            return [box.path + times, box.kind]
        each = " each" if self.copies > 1 else ""
        what = inside[0].title if len(inside) == 1 else plural(len(inside), "operation")
        what = box.size_text() + each if box.parameters else what
        return [box.title() + times, what]

    def sums(self) -> dict[str, float]:
        """The times and bytes of all its items together."""
        total: dict[str, float] = {}
        for item in self.items:
            for name, value in item.measures.items():
                if name != "gradient":
                    total[name] = total.get(name, 0.0) + value
        return total

    def gradients(self) -> list[float]:
        """The gradients that it shows: its own, and with ``copies`` also those of the others.

        A closed module has the norm of its parameters' gradients, or without parameters the gradient of its result; groups
        and repeated modules have one value for each parameter or result.
        """
        known = [(item, item.measures["gradient"]) for item in self.items if "gradient" in item.measures]
        own = [value for item, value in known if item.role in ("parameter", "leaf")]
        if self.closed is None:
            return [value for _, value in known]
        if self.closed.what == "stretch" or self.copies > 1:
            return own if own and self.closed.parameters else [value for _, value in known]
        return [math.hypot(*own)] if own else [value for _, value in known[-1:]]


@dataclass(slots=True, eq=False)
class Line:
    """An edge as it is drawn."""

    source: Shown
    target: Shown
    edge: Edge


@dataclass(slots=True, eq=False)
class Frame:
    """An open box as it is drawn, and what is in it: Shown and Frame, in forward order. ``box`` is None for the whole."""

    box: Box | None
    copies: int = 1
    children: list[Any] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What is written at its head."""
        box: Any = self.box
        times = f"× {self.copies:,}" if self.copies > 1 else ""
        size = box.size_text()
        if size and times and box.what != "repeat":
            size += " each"
        return [" ".join(part for part in (box.title(), times) if part), *([size] if size else [])]


@dataclass(eq=False)
class View:
    """What is drawn: nodes and lines in forward order, and the tree of open boxes."""

    nodes: list[Shown]
    lines: list[Line]
    whole: Frame


def folding_levels(content: Content, depth: int | None) -> tuple[dict[Box, int], set[Box]]:
    """How deep each box is, outer ones first, and which are closed at ``depth``. The model's own box does not count: depth
    1 is its children. Parts of long chains are closed whatever the depth, and what failed is open."""
    levels: dict[Box, int] = {}
    for box in content.boxes():
        own = box.what == "module" and bool(box.path)
        levels[box] = (levels[box.parent] if box.parent is not None else 0) + own
    shut = {
        box
        for box, level in levels.items()
        if box.what == "stretch" or (box.what == "module" and depth is not None and level >= depth)
    }
    for item in content.items:
        if item.role == "failed":  # what failed is never hidden
            shut -= set(boxes_around(item))
    return levels, shut


class _Folding:
    """A choice of closed boxes."""

    def __init__(self, content: Content, depth: int | None, fold: bool) -> None:
        self.fold = fold
        self.closed: dict[Box, Box | None] = {}  # for each box the outermost closed one around it, or itself
        levels, shut = folding_levels(content, depth)
        for box in levels:  # outer ones first
            above = self.closed[box.parent] if box.parent is not None else None
            self.closed[box] = above or (box if box in shut else None)

    def stands_for(self, item: Item) -> Item | Box:
        """What is drawn for ``item``."""
        while self.fold and item.twins:
            item = item.twins[0][2]
        closed = self.closed[item.box] if item.box is not None else None
        return closed or item


def choose_depth(content: Content, fold: bool) -> tuple[int | None, int]:
    """The deepest unfolding that draws no more than ``LIMIT`` nodes, and how many nodes there are with all modules open."""
    whole = count(content, None, fold)
    if whole <= LIMIT:
        return None, whole
    deepest = max((_nesting(box) for box in content.boxes()), default=0)
    for depth in range(deepest, 1, -1):
        if count(content, depth, fold) <= LIMIT:
            return depth, whole
    return 1, whole


def _nesting(box: Box) -> int:
    level = 1
    while box.parent is not None:
        level += box.what == "module"
        box = box.parent
    return level


def count(content: Content, depth: int | None, fold: bool) -> int:
    """How many nodes would be drawn."""
    folding = _Folding(content, depth, fold)
    return len({id(folding.stands_for(item)) for item in content.items})


def make_view(content: Content, depth: int | None, fold: bool) -> View:
    """What is drawn when modules from level ``depth`` on are closed (None: none), and with ``fold`` repeats drawn once."""
    folding = _Folding(content, depth, fold)
    shown: dict[Any, Shown] = {}
    of_item: dict[Item, Shown] = {}
    for item in content.items:
        key = folding.stands_for(item)
        if key not in shown:
            shown[key] = Shown(key.id, key.role, key, None) if isinstance(key, Item) else Shown(key.id, "module", None, key)
        shown[key].items.append(item)
        of_item[item] = shown[key]
    lines: list[Line] = []
    seen: set[Any] = set()
    for edge in content.edges:
        source, target = of_item[edge.source], of_item[edge.target]
        if source is target or (fold and between_copies(edge)):
            continue
        moved = source.item is not edge.source or target.item is not edge.target
        mark = source, target, edge.shape, edge.dtype
        if not moved or mark not in seen:  # a tensor that an operation reads twice has two lines
            seen.add(mark)
            lines.append(Line(source, target, edge))
    whole = Frame(None)
    _fill(whole, content.top, shown, folding, 1)
    return View(list(shown.values()), lines, whole)


def _fill(frame: Frame, nodes: list[Any], shown: dict[Any, Shown], folding: _Folding, copies: int) -> None:
    """Put what is shown of ``nodes`` into ``frame``. Recursion is as deep as the boxes are nested."""
    for node in nodes:
        if node in shown:
            shown[node].copies = copies if isinstance(node, Box) or node.id.startswith("op") else 1
            frame.children.append(shown[node])
        elif isinstance(node, Box) and node.what == "repeat":
            single = node.period == 1
            inner = frame if single or not folding.fold else Frame(node, node.copies)
            _fill(inner, node.children, shown, folding, node.copies if single and folding.fold else 1)
            if inner is not frame:
                frame.children.append(inner)
        elif isinstance(node, Box):
            inner = Frame(node, copies)
            _fill(inner, node.children, shown, folding, 1)
            if len(inner.children) == 1 and _is_alone(inner.children[0]) and node.what == "module" and node.path:
                alone = inner.children[0]
                alone.only, alone.copies = node, max(copies, alone.copies)
                frame.children.append(alone)
            elif inner.children:
                frame.children.append(inner)


def _is_alone(node: Any) -> bool:
    """Whether the node, in a box by itself, can carry the box's name instead: an operation that no other box has named."""
    return isinstance(node, Shown) and node.id.startswith("op") and node.only is None


def between_copies(edge: Edge) -> bool:
    """Whether the edge leads from one copy in a repeat to another one in it, both of which are drawn as the first."""
    source = {repeat: copy for repeat, copy, _ in edge.source.twins}
    target = {repeat: copy for repeat, copy, _ in edge.target.twins}
    return any(
        source.get(repeat, 0) != target.get(repeat, 0) and _is_in(edge.source, repeat) and _is_in(edge.target, repeat)
        for repeat in {**source, **target}
    )


def boxes_around(item: Item) -> Iterator[Box]:
    """The boxes that the item is in, the innermost first."""
    box = item.box
    while box is not None:
        yield box
        box = box.parent


def _is_in(item: Item, box: Box) -> bool:
    return any(around is box for around in boxes_around(item))
