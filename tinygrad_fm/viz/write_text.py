"""The picture for a terminal: an indented tree of modules and operations, with shapes."""

from __future__ import annotations

from typing import Any

from .content import Item, printable, shape_text
from .picture import Picture
from .style import Heat
from .view import Frame, Shown

__all__ = ["to_text"]


def to_text(picture: Picture) -> str:
    """What ``print(graph)`` shows."""
    view = picture.view
    heat = Heat(picture.color_by, view) if picture.color_by else None
    inputs: dict[Shown, list[str]] = {node: [] for node in view.nodes}
    for line in view.lines:
        inputs[line.target].append(_reference(line.source))
    lines = [picture.content.title, *picture.notes]
    pending: list[tuple[int, Any]] = [(0, view.whole)]
    while pending:
        level, thing = pending.pop()
        if isinstance(thing, Frame):
            if thing.box is not None:
                lines.append("  " * level + "  ".join(thing.lines()))
            pending += [(level + 1, child) for child in reversed(thing.children)]
        else:
            lines.append("  " * level + _line(thing, inputs[thing], heat, picture.values))
    return "\n".join(map(printable, lines))


def _reference(node: Shown) -> str:
    """How other lines call a node."""
    if node.item is None:
        return node.closed.name() if node.closed is not None else node.id
    return _result(node.item) if node.id.startswith("op") else node.item.title


def _result(item: Item) -> str:
    return item.name or f"%{item.id[2:]}"


def _line(node: Shown, inputs: list[str], heat: Heat | None, values: bool) -> str:
    item = node.item
    measured = f"  [{heat.text(node)}]" if heat is not None and heat.text(node) else ""
    if values and item is not None and item.role != "output":
        measured += "".join(
            f"  {head} {text.replace(chr(10), '; ')}" for head, text in (("data", item.data), ("grad", item.grad)) if text
        )
    if item is None:
        ends = [i for i in node.items if i.id.startswith("op")]
        shape = f"  → {shape_text(ends[-1].shape)}" if ends and ends[-1].shape is not None else ""
        title, *more = node.lines()
        return "  ".join([f"{title}({', '.join(dict.fromkeys(inputs))})", *more]) + shape + measured
    shape = f"  {shape_text(item.shape)} {item.dtype}" if item.shape is not None else ""
    if item.role == "output":
        return f"output {item.title}" if inputs == [item.title] else f"{item.title} = {', '.join(inputs)}"
    if not item.id.startswith("op"):
        role = "" if item.role == "input" else f"  {item.role}"
        return f"{item.title}{shape}{role}{measured}"
    times = f" × {node.copies:,}" if node.copies > 1 else ""
    arguments = ", ".join([*_operands(item, inputs), *([item.note] if item.note else [])])
    mark = {"untracked": "  (no gradient)", "gradient": f"  (gradient of {item.gradient_of})"}.get(item.role, "")
    error = f"  FAILED: {item.error}" if item.error else ""
    return f"{_result(item)} = {item.title}({arguments}){times}{shape}{mark}{error}{measured}"


def _operands(item: Item, inputs: list[str]) -> list[str]:
    """The inputs with the numbers between them in the order in which the operation takes them."""
    if item.operands.count("") != len(inputs):  # some are drawn as one, or not at all
        return [*inputs, *filter(None, item.operands)]
    names = iter(inputs)
    return [operand or next(names) for operand in item.operands]
