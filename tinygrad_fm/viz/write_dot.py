"""The picture in Graphviz's language, and through the ``dot`` program as SVG, PNG and PDF."""

from __future__ import annotations

import html
import re
from typing import Any

import graphviz

from .content import Box, shape_text
from .style import BACK, DARK, EDGE, FAINT, FRAME, FRAMES, INK, LOOKS, Heat, backward_lines, details
from .view import Frame, Line, Picture, Shown, View

__all__ = ["to_dot"]

_FONT = "Helvetica,Arial,sans-serif"
_LONGEST_NOTE = 40
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def _text(text: str, size: float = 0, color: str = "", bold: bool = False) -> str:
    """``text`` as part of an HTML-like label, with everything in it taken literally."""
    inner = html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text) or " ").replace("\n", "<br/>")
    inner = inner.replace("\\", "\\\\").replace("\t", " ")  # backslashes are escapes even here
    start, stop = len(inner) - len(inner.lstrip(" ")), len(inner.rstrip(" "))
    inner = "&#160;" * start + inner[start:stop] + "&#160;" * (len(inner) - max(start, stop))  # SVG drops plain spaces
    if bold:
        inner = f"<b>{inner}</b>"
    attributes = (f' point-size="{size:g}"' if size else "") + (f' color="{color}"' if color else "")
    return f"<font{attributes}>{inner}</font>" if attributes else inner


def _plain(text: str) -> str:
    """``text`` as an attribute that is not a label, taken literally."""
    return graphviz.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def to_dot(picture: Picture) -> graphviz.Digraph:
    """The DOT graph of the picture, in the order of the forward pass."""
    return _Writer(picture).dot


class _Writer:
    """Writes one view."""

    def __init__(self, picture: Picture) -> None:
        view = picture.view
        self.backward = picture.backward
        self.heat = heat = Heat(picture.color_by, view) if picture.color_by else None
        self.beside = _parameters_beside(view)
        self.dot = dot = graphviz.Digraph("graph")
        dot.attr(
            "graph",
            rankdir=picture.direction,
            fontname=_FONT,
            fontcolor=INK,
            nodesep="0.3",
            ranksep="0.3",
            pad="0.2",
            label=f"<{_heading(picture, heat)}>",
            labelloc="t",
            labeljust="l",
            bgcolor="white",
            tooltip=_plain(picture.content.title),
        )
        dot.attr("node", fontname=_FONT, fontsize="12", fontcolor=INK, margin="0.12,0.06", height="0.3")
        dot.attr("edge", fontname=_FONT, fontsize="9.5", color=EDGE, arrowsize="0.6", penwidth="1.1")
        self.add_frame(dot, view.whole, 0)
        grouped = {id(node) for group in self.beside.values() for node in group}
        for line in view.lines:
            if id(line.source) not in grouped:
                self.add_line(line)

    def add_frame(self, dot: graphviz.Digraph, frame: Frame, nesting: int) -> None:
        """The content of ``frame``, as deep as the boxes are nested."""
        grouped = {id(node) for group in self.beside.values() for node in group}
        for child in frame.children:
            if isinstance(child, Frame):
                with dot.subgraph(name=f"cluster_{child.box.id if child.box else ''}") as inner:
                    self.describe_box(inner, child, nesting)
                    self.add_frame(inner, child, nesting + 1)
            elif id(child) not in grouped:
                self.add_node(dot, child)

    def describe_box(self, dot: graphviz.Digraph, frame: Frame, nesting: int) -> None:
        """Title and colours of an open box."""
        box: Any = frame.box
        head, *size = frame.lines()
        label = "<br align='left'/>".join([_text(head, 11.5, bold=True), *(_text(line, 9.5, FAINT) for line in size), ""])
        dot.attr(
            label=f"<{label}>",
            labeljust="l",
            style="rounded,filled",
            fillcolor=FRAMES[nesting % 2],
            margin="9",
            color=LOOKS["gradient"].line if box.what == "backward" else FRAME,
            penwidth="1.2",
            tooltip=_plain(" ".join(frame.lines())),
            id=_plain(f"box-{box.id}"),
            **({"peripheries": "2"} if frame.copies > 1 else {}),
        )

    def add_node(self, dot: graphviz.Digraph, node: Shown) -> None:
        """A node, and on its level the parameters that it alone reads."""
        look, heat, item = LOOKS[node.role], self.heat, node.item
        small = node.role in ("parameter", "constant")
        ink = "white" if heat is not None and heat.dark(node) else INK
        faint = FAINT if heat is None else ink
        title, *more = node.lines()
        rows = [_text(title, 10 if small else 0, ink, bold=not small)]
        if item is not None and item.name:
            rows[0] += _text(f"  → {item.name}", 0, ink)
        more += self.extra_lines(node)
        rows += [_text(line, 9.5, faint) for line in more]
        style = ["filled"] + ["rounded"] * (look.shape == "rounded") + ["dashed"] * look.dashed
        margin = "0.07,0.03" if small else "0.05,0.02" if look.shape == "ellipse" else "0.12,0.06"
        dot.node(
            _plain(node.id),
            f"<{'<br/>'.join(rows)}>",
            shape="ellipse" if look.shape == "ellipse" else "box",
            style=",".join(style),
            fillcolor=heat.color(node) if heat is not None else look.fill,
            color=look.line,
            penwidth="2" if node.role == "failed" else "1.2",
            tooltip=_plain("\n".join(details(node))),
            margin=margin,
            id=_plain(f"node-{node.id}"),
            **({"peripheries": "2"} if look.double or node.copies > 1 else {}),
        )
        if node in self.beside:
            self.add_parameters(dot, node)

    def extra_lines(self, node: Shown) -> list[str]:
        """What is written below the title and the module."""
        item, heat, more = node.item, self.heat, []
        if item is not None and item.brief:
            more.append(item.brief[:_LONGEST_NOTE])
        if item is not None and item.error:
            more += _wrapped(item.error, 46)
        if self.backward:
            more += backward_lines(node)
        if heat is not None and heat.text(node):
            more.append(heat.text(node))
        return more

    def add_parameters(self, dot: graphviz.Digraph, reader: Shown) -> None:
        """The parameters of an operation as one small table beside it."""
        rows = ""
        for node in self.beside[reader]:
            item: Any = node.item
            look, heat = LOOKS[node.role], self.heat
            fill = look.fill if heat is None else heat.color(node)
            ink = "white" if heat is not None and heat.dark(node) else INK
            text = _text(item.title, 9.5, ink) + _text(f" {shape_text(item.shape)}", 9, ink)
            text += _text(f" {item.dtype}", 8.5, FAINT if heat is None else ink)
            if heat is not None and heat.text(node):
                text += "<br/>" + _text(heat.text(node), 9, ink)
            rows += f'<tr><td align="left" bgcolor="{fill}" port="{node.id}">{text}</td></tr>'
        color = LOOKS[self.beside[reader][0].role].line
        table = f'<table border="0" cellborder="1" cellspacing="0" cellpadding="3" color="{color}">{rows}</table>'
        name = f"parameters-{reader.id}"
        with dot.subgraph() as level:
            level.attr(rank="same")
            level.node(_plain(name), f"<{table}>", shape="plain", id=_plain(name), tooltip="parameters")
            level.node(_plain(reader.id))
        live = any(node.role == "parameter" for node in self.beside[reader])
        dot.edge(_plain(name), _plain(reader.id), arrowsize="0.5", **self.two_way(live))

    def two_way(self, live: bool) -> dict[str, str]:
        """With the backward pass shown, a second arrow against the first where a gradient goes back."""
        return {"color": f"{EDGE}:{BACK}", "dir": "both"} if self.backward and live else {}

    def add_line(self, line: Line) -> None:
        """An edge with shape and dtype."""
        edge = line.edge
        shape = shape_text(edge.shape)
        label = _text(f" {shape}", 9.5, INK) + _text(f" {edge.dtype} ", 8.5, FAINT)
        options = self.two_way(edge.live)
        if edge.target.role == "failed":
            options["color"] = LOOKS["failed"].line
        name = f"{edge.source.title} as {edge.name or 'input'} of {edge.target.title}: {shape} {edge.dtype}"
        options.update(weight="20", tooltip=_plain(name), labeltooltip=_plain(name))
        self.dot.edge(_plain(line.source.id), _plain(line.target.id), f"<{label}>", **options)


def _parameters_beside(view: View) -> dict[Shown, list[Shown]]:
    """By operation, the parameters and constants that nothing else reads and that stand in the same box."""
    readers: dict[Shown, set[Shown]] = {}
    for line in view.lines:
        if line.source.role in ("parameter", "constant"):
            readers.setdefault(line.source, set()).add(line.target)
    found: dict[Shown, list[Shown]] = {}
    pending = [view.whole]
    while pending:
        frame = pending.pop()
        here = {child for child in frame.children if isinstance(child, Shown)}
        pending += [child for child in frame.children if isinstance(child, Frame)]
        for child in frame.children:
            targets = readers.get(child, set()) if isinstance(child, Shown) else set()
            if len(targets) == 1 and targets <= here:
                found.setdefault(next(iter(targets)), []).append(child)
    return found


def _wrapped(text: str, width: int) -> list[str]:
    """The first few lines of ``text``, broken between words."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) <= 6 else [*lines[:5], lines[5] + " …"]


def _heading(picture: Picture, heat: Heat | None) -> str:
    """Title, notes, legend and colour scale as one HTML-like table."""
    rows = [f'<tr><td align="left">{_text(picture.content.title, 15, INK, bold=True)}</td></tr>']
    rows += [f'<tr><td align="left">{_text(note, 10.5, FAINT)}</td></tr>' for note in picture.notes]
    cells = []
    for role in legend_roles(picture.view, heat):
        look = LOOKS[role]
        style = "rounded" if look.shape != "box" else "solid"
        fill = look.fill if heat is None else "white"
        cells.append(
            f'<td><table border="{2 if look.double else 1}" style="{style}" color="{look.line}" bgcolor="{fill}" '
            f'cellborder="0" cellspacing="0" cellpadding="2"><tr><td>{_text(look.legend, 9.5, INK)}</td></tr></table></td>'
        )
    count = -(-len(cells) // max(1, -(-len(cells) // 6)))  # in a row; rows of about equal length
    for start in range(0, len(cells), max(1, count)):
        rows.append(_row(f"<tr>{''.join(cells[start : start + count])}</tr>"))
    if picture.backward:
        rows.append(f'<tr><td align="left">{_text("red arrows: gradients flow back", 10, BACK)}</td></tr>')
    if heat is not None:
        scale = "".join(
            f'<td bgcolor="{color}">{_text(f" {text} ", 9.5, "white" if color in DARK else INK)}</td>'
            for color, text in heat.scale()
        )
        head = f"<td>{_text(heat.title() + ('' if scale else ': nothing measured'), 10, INK)}</td>"
        if scale:
            table = f'<table border="0" cellborder="1" color="{FRAME}" cellspacing="0" cellpadding="2">'
            head += f"<td>{table}<tr>{scale}</tr></table></td>"
        rows.append(_row(f"<tr>{head}</tr>"))
    return f'<table border="0" cellspacing="0" cellpadding="1">{"".join(rows)}</table>'


def _row(cells: str) -> str:
    return f'<tr><td align="left"><table border="0" cellspacing="4" cellpadding="0">{cells}</table></td></tr>'


def legend_roles(view: View, heat: Heat | None) -> list[str]:
    """The roles that occur, in the legend's order."""
    there = {node.role for node in view.nodes if node.role != "module"}
    there |= {"module"} if any(isinstance(n.closed, Box) and n.closed.what == "module" for n in view.nodes) else set()
    return [role for role in LOOKS if role in there]
