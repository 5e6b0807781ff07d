"""The Picture that all formats are written from: what of the content is drawn, and how."""

from __future__ import annotations

from dataclasses import dataclass

from .columns import columns_for
from .content import Content, plural
from .fold import fold_repeats, fold_stretches
from .view import LIMIT, Shown, View, choose_depth, count, make_view

__all__ = ["Options", "Picture", "make_picture"]

_LONG = 40  # more nodes than this are drawn top down
_HARD_LIMIT = 3000  # more nodes than this nobody wants to wait for


@dataclass(frozen=True)
class Options:
    """How the caller of :func:`~tinygrad_fm.viz.draw` wants it, under the names that it has there."""

    depth: int | None = None
    fold: bool = True
    direction: str | None = None
    color_by: str | None = None
    backward: bool = False
    values: bool = False
    aspect: float | None = None


@dataclass(eq=False)
class Picture:
    """What the writers of all formats take.

    Attributes:
        content: everything.
        view: what of it is drawn.
        depth: the level from which on modules are closed; None if all are open.
        fold: whether equal neighbours are drawn once.
        direction: "TB", top down, or "LR".
        color_by: the measured value that is coloured, or None.
        backward: whether the backward pass is shown.
        values: whether data and gradients are written on the nodes.
        columns: for each node that is drawn the column (left to right: the row) that it stands in, if there are several.
        notes: what had to be left out or folded, in words.
    """

    content: Content
    view: View
    depth: int | None
    fold: bool
    direction: str
    color_by: str | None
    backward: bool
    values: bool
    columns: dict[Shown, int]
    notes: list[str]


def make_picture(content: Content, options: Options) -> Picture:
    """Fold ``content`` and choose what of it is drawn. Raises ValueError if the depth asked for needs too many nodes."""
    notes = list(content.notes)
    fold_repeats(content)
    if options.depth is not None:
        depth: int | None = _checked(content, options.depth, options.fold)
    else:
        depth = _fitting_depth(content, options.fold, notes)
    view = make_view(content, depth, options.fold)
    nested = any(box.what == "module" for box in content.boxes())
    direction = options.direction or ("TB" if nested or len(view.nodes) > _LONG else "LR")
    columns = columns_for(view, direction, options.aspect)
    shown = options.fold, direction, options.color_by, options.backward, options.values
    return Picture(content, view, depth, *shown, columns, notes)


def _fitting_depth(content: Content, fold: bool, notes: list[str]) -> int | None:
    """The depth at which the picture can be read; a chain that is too long at any depth is cut into groups."""
    depth, nodes = choose_depth(content, fold)
    if depth is not None and count(content, depth, fold) > LIMIT:
        fold_stretches(content)
        depth, _ = choose_depth(content, fold)
        operations = plural(len(content.operations()), "operation")
        notes.append(f"{operations}: too many to draw one by one, so they are shown in groups")
    elif depth is not None:
        notes.append(f"folded to depth {depth}, as {nodes:,} nodes are too many to read; choose with depth=")
    return depth


def _checked(content: Content, depth: int, fold: bool) -> int:
    nodes = count(content, depth, fold)
    if nodes > _HARD_LIMIT:
        raise ValueError(
            f"draw(): depth={depth} would draw {nodes:,} nodes, more than the {_HARD_LIMIT:,} that can be laid out in "
            "reasonable time; choose a smaller depth, or leave it out"
        )
    return depth
