"""Long graphs in columns: where a picture that is much longer than wide is cut, so that it fits a slide."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from .view import LIMIT, Frame, Line, Shown, View

__all__ = ["columns_for"]

_SLIDE = 16 / 9
_LONGEST = 2.2  # times as long as wide: what is longer is cut unless the caller says otherwise
_MOST_CUT = 3  # tensors that a cut may go through
# points that a step of the graph takes: along it, along it with a frame or parameters; and across
_SIZES = {"TB": (95.0, 145.0, 230.0, 400.0), "LR": (185.0, 220.0, 75.0, 150.0)}


def columns_for(view: View, direction: str, aspect: float | None) -> dict[Shown, int]:
    """The column of each node, from 0; of a picture drawn left to right, the row. Empty if one is enough.

    Args:
        aspect: the width wanted, in heights; None for a slide's where the picture would be too long for one.
    """
    steps = [node for node in view.nodes if node.closed is not None or node.id.startswith("op")]
    if len(steps) < 4 or (aspect is None and len(view.nodes) > LIMIT):
        return {}
    plain, framed, narrow, wide = _SIZES[direction]
    owners = {line.target for line in view.lines if line.source.role == "parameter"}
    lengths = [framed if node in owners else plain for node in steps]
    long, across = sum(lengths), wide if owners else narrow
    if aspect is None and long / across <= (_LONGEST if direction == "TB" else 2 * _LONGEST):
        return {}
    ratio = (aspect or _SLIDE) if direction == "TB" else 1 / (aspect or _SLIDE)
    count = min(len(steps) // 2, round(math.sqrt(ratio * long / across)))
    sums = [*accumulate(lengths)]
    between = _tensors_between(steps, view.lines)
    if aspect is None:  # only where the columns read like a text: one tensor leads on, to one reader
        readers = Counter(line.source for line in view.lines)
        between = [n if n == 1 and readers[steps[i]] == 1 else _MOST_CUT + 1 for i, n in enumerate(between)]
    while count > 1:
        cuts = _cuts(sums, between, count, _frames_cut(view.whole, steps, sums, sums[-1] / count))
        if cuts:
            return _assign(view, steps, cuts)
        count -= 1
    return {}


def _frames_cut(whole: Frame, steps: list[Shown], sums: list[float], column: float) -> list[float]:
    """How many frames a cut after each step would go through; infinity if one of them is shorter than a column."""
    position = {node: i for i, node in enumerate(steps)}
    found = [0.0] * len(steps)
    pending: list[Frame] = [whole]
    while pending:
        frame = pending.pop()
        inside = [position[node] for node in _nodes_in(frame) if node in position]
        if frame.box is not None and 1 < len(inside) < len(steps):
            first, last = min(inside), max(inside)
            short = sums[last] - (sums[first - 1] if first else 0.0) < column
            for i in range(first, last):
                found[i] += math.inf if short else 1
        pending += [child for child in frame.children if isinstance(child, Frame)]
    return found


def _nodes_in(frame: Frame) -> Iterator[Shown]:
    """All nodes in a frame; recursion is as deep as modules are nested."""
    for child in frame.children:
        if isinstance(child, Frame):
            yield from _nodes_in(child)
        else:
            yield child


def _tensors_between(steps: list[Shown], lines: list[Line]) -> list[int]:
    """How many tensors lead from the first ``i`` + 1 steps (and what they read) to the others, for each i."""
    position = {node: i for i, node in enumerate(steps)}
    reach: dict[Shown, tuple[int, int]] = {}
    for line in lines:
        target = position.get(line.target, len(steps) - 1)
        start = position.get(line.source, reach.get(line.source, (target, 0))[0])
        reach[line.source] = min(start, reach.get(line.source, (start, 0))[0]), max(target, reach.get(line.source, (0, 0))[1])
    return [sum(first <= i < last for first, last in reach.values()) for i in range(len(steps) - 1)]


def _cuts(sums: list[float], between: list[int], count: int, frames: list[float]) -> list[int]:
    """The steps after which the graph is cut into ``count`` parts of about one length, where few tensors are cut.

    Args:
        sums: how long the graph is up to the end of each step.
        between: how many tensors a cut after each step would go through.
        frames: how many frames it would go through.

    Returns nothing if there is no such place for one of the cuts.
    """
    cuts: list[int] = []
    slack = sums[-1] / count / 2
    for k in range(1, count):
        ideal = sums[-1] * k / count
        costs = {
            i: ((tensors + frames[i]) * slack / 2 + abs(sums[i] - ideal), i)
            for i, tensors in enumerate(between)
            if abs(sums[i] - ideal) < slack and tensors <= _MOST_CUT and frames[i] < math.inf and i > max(cuts, default=-1)
        }
        if not costs:
            return []
        cuts.append(min(costs, key=costs.__getitem__))
    return cuts


def _assign(view: View, steps: list[Shown], cuts: list[int]) -> dict[Shown, int]:
    columns = {node: sum(i > cut for cut in cuts) for i, node in enumerate(steps)}
    for line in view.lines:
        if line.source not in columns:  # what is read stands with its first reader
            columns[line.source] = columns.get(line.target, 0)
        if line.target not in columns:
            columns[line.target] = columns[line.source]
    return columns
