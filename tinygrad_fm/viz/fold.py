"""Finding what can be drawn once: runs of equal parts ("× N"), and stretches of chains that are too long to draw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .content import Box, Content, Edge, Item, plural

__all__ = ["boxes_in", "fold_repeats", "fold_stretches", "is_own", "items_in", "kinds_text", "operations_in"]

_LONGEST_PERIOD = 8
_FANOUT = 40  # parts of a long chain that one box shows


class _Wiring:
    """Who reads what, by the operations' positions in forward order."""

    def __init__(self, content: Content) -> None:
        self.operations = content.operations()
        self.position = {item: i for i, item in enumerate(self.operations)}
        self.inputs: list[list[Edge]] = [[] for _ in self.operations]
        for edge in content.edges:
            if edge.target in self.position:
                self.inputs[self.position[edge.target]].append(edge)

    def signature(self, run: range, boxes: tuple[Any, ...]) -> int:
        """Equal for runs of operations that do the same among themselves, on tensors of the same shapes."""
        parts: list[Any] = [boxes]
        for i in run:
            item = self.operations[i]
            parts.append((item.title, item.role, item.shape, item.dtype, item.note, item.brief, bool(item.name)))
            for edge in self.inputs[i]:
                at = self.position.get(edge.source, -1)
                parts.append((edge.label, edge.shape, edge.dtype, at - run.start if at >= run.start else is_own(edge.source)))
        return hash(tuple(parts))

    def outside(self, run: range) -> list[Any]:
        """What ``run`` reads from outside, in order: the positions of operations before it, and inputs."""
        found: list[Any] = []
        for i in run:
            for edge in self.inputs[i]:
                at = self.position.get(edge.source)
                if at is None and not is_own(edge.source):
                    found.append(edge.source)
                elif at is not None and at < run.start:
                    found.append(at)
        return found


def is_own(item: Item) -> bool:
    """Whether the item belongs to the operation that reads it, as a parameter does."""
    return item.role in ("parameter", "constant")


class _Part:
    """A child of a box that is, or contains, operations: the unit of which runs are made."""

    __slots__ = ("node", "run", "signature")

    def __init__(self, node: Item | Box, wiring: _Wiring) -> None:
        self.node = node
        shape: tuple[Any, ...] = ()
        if isinstance(node, Item):
            start = wiring.position[node]
            self.run = range(start, start + 1)
        else:
            inside = [wiring.position[item] for item in operations_in(node)]
            self.run = range(inside[0], inside[-1] + 1)
            shape = tuple((b.kind, b.parameters, b.what) for b in boxes_in(node))
        self.signature = wiring.signature(self.run, shape)


def items_in(node: Item | Box) -> Iterable[Item]:
    """All items below ``node``, in order."""
    pending: list[Any] = [node]
    while pending:
        top = pending.pop()
        if isinstance(top, Item):
            yield top
        else:
            pending += reversed(top.children)


def operations_in(node: Item | Box) -> Iterable[Item]:
    """All operations below ``node``, in order."""
    return (item for item in items_in(node) if item.id.startswith("op"))


def boxes_in(box: Box) -> Iterable[Box]:
    """``box`` and all boxes below it, in order."""
    pending = [box]
    while pending:
        top = pending.pop()
        yield top
        pending += [child for child in reversed(top.children) if isinstance(child, Box)]


def fold_repeats(content: Content) -> None:
    """Put every run of equal neighbours (modules; operations from three on) into a box of their own, a "repeat"."""
    wiring = _Wiring(content)
    levels: list[tuple[Box | None, list[Any]]] = [(None, content.top)]
    levels += [(box, box.children) for box in content.boxes()]
    for box, children in levels:
        parts = [_Part(node, wiring) for node in children if _is_part(node)]
        runs: dict[int, Box] = {}  # by id of the part
        at = 0
        while at < len(parts):
            period, copies = _run_at(parts, at, wiring)
            if copies > 1:
                run = parts[at : at + period * copies]
                repeat = Box(f"repeat-{run[0].node.id}", "", "", box, "repeat", copies=copies, period=period)
                runs.update((id(part.node), repeat) for part in run)
                for k in range(1, copies):
                    for part, like in zip(run[k * period : (k + 1) * period], run[:period], strict=True):
                        _pair(repeat, k, part, like, wiring)
            at += period * copies
        if runs:
            children[:] = _with_repeats(children, runs)


def _with_repeats(children: list[Any], runs: dict[int, Box]) -> list[Any]:
    """``children`` with the parts of each run, and the parameters that stand before them, inside the run's box."""
    result: list[Any] = []
    waiting: list[Item] = []
    for node in children:
        if not _is_part(node) and is_own(node):
            waiting.append(node)
            continue
        repeat = runs.get(id(node))
        if repeat is None:
            result += [*waiting, node]
        else:
            if not repeat.children:
                result.append(repeat)
            for inside in [*waiting, node]:
                repeat.children.append(inside)
                if isinstance(inside, Box):
                    inside.parent = repeat
                    repeat.parameters, repeat.bytes = repeat.parameters + inside.parameters, repeat.bytes + inside.bytes
                else:
                    inside.box = repeat
        waiting = []
    return result + waiting


def _run_at(parts: list[_Part], at: int, wiring: _Wiring) -> tuple[int, int]:
    """The period and number of copies of the longest run of equal neighbours from ``at`` on."""
    best = (1, 1)
    for period in range(1, min(_LONGEST_PERIOD, (len(parts) - at) // 2) + 1):
        if parts[at].signature != parts[at + period].signature:
            continue
        first = [p.signature for p in parts[at : at + period]]
        copies = 1
        while True:
            start = at + copies * period
            same = [p.signature for p in parts[start : start + period]] == first
            if not same or not _continues(parts, at, period, copies, wiring):
                break
            copies += 1
        least = 2 if any(isinstance(p.node, Box) for p in parts[at : at + period]) else 3
        if copies >= least and period * copies > best[0] * best[1]:
            best = (period, copies)
        if copies > 1 and period == 1 and copies >= least:
            break  # of one kind all along: no longer period says more
    return best


def _continues(parts: list[_Part], at: int, period: int, copy: int, wiring: _Wiring) -> bool:
    """Whether the ``copy``-th part of a run reads what its predecessor made, in the way that the second one does, or what
    the first one reads too."""

    def span(k: int) -> range:
        run = parts[at + k * period : at + (k + 1) * period]
        return range(run[0].run.start, run[-1].run.stop)

    here, before, first, second = span(copy), span(copy - 1), span(0), span(1)
    mine, shared, pattern = wiring.outside(here), wiring.outside(first), wiring.outside(second)
    if not len(mine) == len(shared) == len(pattern):
        return False
    return all(
        m == s or (isinstance(m, int) and isinstance(p, int) and m >= before.start and m - here.start == p - second.start)
        for m, s, p in zip(mine, shared, pattern, strict=True)
    )


def _pair(repeat: Box, copy: int, part: _Part, like: _Part, wiring: _Wiring) -> None:
    """Note for every item of ``part``, in the given copy, its like in the first one."""
    for i, j in zip(part.run, like.run, strict=True):
        item, twin = wiring.operations[i], wiring.operations[j]
        item.twins.append((repeat, copy, twin))
        for edge, same in zip(wiring.inputs[i], wiring.inputs[j], strict=True):
            source = edge.source
            if is_own(source) and source is not same.source and all(r is not repeat for r, _, _ in source.twins):
                source.twins.append((repeat, copy, same.source))


def fold_stretches(content: Content) -> None:
    """Cut every level with too many parts into a few dozen boxes, and those again, until none has too many."""
    levels: list[tuple[Box | None, list[Any]]] = [(None, content.top)]
    levels += [(box, box.children) for box in content.boxes() if box.what != "repeat"]
    while levels:
        box, children = levels.pop()
        count = sum(_is_part(node) for node in children)
        if count > _FANOUT:
            children[:] = _cut(box, children, -(-count // _FANOUT))
            levels += [(node, node.children) for node in children if isinstance(node, Box) and node.what == "stretch"]
    _take_in_inputs(content)


def _is_part(node: Any) -> bool:
    return isinstance(node, Box) or node.id.startswith("op")


def _cut(parent: Box | None, children: list[Any], size: int) -> list[Any]:
    """``children`` with every ``size`` parts in a box; inputs and outputs of the whole stay where they are."""
    kept: list[Any] = []
    box: Box | None = None
    count = 0
    for node in children:
        if isinstance(node, Item) and node.role in ("input", "leaf", "output"):
            kept.append(node)
            continue
        if box is None or (count == size and _is_part(node)):
            box = Box(f"stretch{size}-{node.id}", "", "", parent, "stretch")
            kept.append(box)
            count = 0
        count += _is_part(node)
        box.children.append(node)
        if isinstance(node, Box):
            node.parent = box
        else:
            node.box = box
    for group in kept:
        if isinstance(group, Box) and group.what == "stretch" and not group.path:
            inside = list(operations_in(group))
            group.path = f"operations {inside[0].id[2:]} to {inside[-1].id[2:]}"
            group.kind = kinds_text(inside)
    return kept


def _take_in_inputs(content: Content) -> None:
    """An input that only one stretch reads goes into it, so that closing the stretch hides it."""
    readers: dict[Item, set[Any]] = {}
    for edge in content.edges:
        if edge.source.role in ("input", "leaf") and edge.source.box is None and not edge.source.name:
            readers.setdefault(edge.source, set()).add(edge.target.box)
    moved = set()
    for item, boxes in readers.items():
        box = next(iter(boxes))
        if len(boxes) == 1 and box is not None and box.what == "stretch":
            item.box = box
            box.children.append(item)
            moved.add(item)
    content.top[:] = [node for node in content.top if node not in moved]


def kinds_text(operations: list[Item]) -> str:
    """What a group of operations consists of: ``mul × 20, add × 19``, the most frequent first."""
    counts: dict[str, int] = {}
    for item in operations:
        counts[item.title] = counts.get(item.title, 0) + 1
    names = sorted(counts, key=lambda name: (-counts[name], name))
    shown = ", ".join(f"{name} × {counts[name]:,}" for name in names[:3])
    return shown + (f" and {plural(len(names) - 3, 'other kind')}" if len(names) > 3 else "")
