"""The picture in Graphviz's language, and through the ``dot`` program as SVG, PNG and PDF."""

from __future__ import annotations

import html
from itertools import pairwise
from typing import Any

import graphviz

from .content import Box, printable, shape_text
from .picture import Picture
from .style import BACK, DARK, EDGE, FAINT, FRAME, FRAMES, INK, LOOKS, Heat, backward_lines, details, value_lines
from .view import Frame, Line, Shown, View

__all__ = ["to_dot"]

_FONT = "Helvetica,Arial,sans-serif"
_LONGEST_NOTE = 40


def _text(text: str, size: float = 0, color: str = "", bold: bool = False) -> str:
    """``text`` as part of an HTML-like label, with everything in it taken literally."""
    inner = html.escape(printable(text) or " ").replace("\n", "<br/>")
    inner = inner.replace("\\", "\\\\").replace("\t", " ")  # backslashes are escapes even here
    start, stop = len(inner) - len(inner.lstrip(" ")), len(inner.rstrip(" "))
    inner = "&#160;" * start + inner[start:stop] + "&#160;" * (len(inner) - max(start, stop))  # SVG drops plain spaces
    if bold:
        inner = f"<b>{inner}</b>"
    attributes = (f' point-size="{size:g}"' if size else "") + (f' color="{color}"' if color else "")
    return f"<font{attributes}>{inner}</font>" if attributes else inner


def _plain(text: str) -> str:
    """``text`` as an attribute that is not a label, taken literally."""
    return graphviz.escape(printable(text))


def to_dot(picture: Picture) -> graphviz.Digraph:
    """The DOT graph of the picture, in the order of the forward pass."""
    return _Writer(picture).dot


class _Writer:
    """Writes one view."""

    def __init__(self, picture: Picture) -> None:
        view = picture.view
        self.backward, self.values = picture.backward, picture.values
        self.heat = heat = Heat(picture.color_by, view) if picture.color_by else None
        self.direction = picture.direction
        self.beside = _parameters_beside(view)
        self.hidden = {node for group in self.beside.values() for node in group}  # they are drawn with their readers
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
        self.columns = picture.columns
        self.exits = _exits(picture)
        self.add_frame(dot, view.whole, 0)
        self.connected: dict[tuple[Shown, int], str] = {}  # the connectors that have their edges
        for line in view.lines:
            if line.source not in self.hidden:
                self.add_line(line)
        self.order_columns(view)

    def add_frame(self, dot: graphviz.Digraph, frame: Frame, nesting: int) -> None:
        """The content of ``frame``, as deep as the boxes are nested."""
        for around, letter in self.exits.values():
            if around is frame:
                self.add_connector(dot, f"to-{letter}", letter)
        for child in frame.children:
            if isinstance(child, Frame):
                with dot.subgraph(name=_plain(f"cluster_{child.box.id if child.box else ''}")) as inner:
                    self.describe_box(inner, child, nesting)
                    self.keep_label_free(inner, child)
                    self.add_frame(inner, child, nesting + 1)
            elif child not in self.hidden:
                self.add_node(dot, child)

    def describe_box(self, dot: graphviz.Digraph, frame: Frame, nesting: int) -> None:
        """Title and colours of an open box."""
        box: Any = frame.box
        head, *size = frame.lines()
        if box.what == "module" and not box.path and not nesting:
            size = []  # the picture's title says it; a short label leaves room for the lines that come in
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

    def keep_label_free(self, dot: graphviz.Digraph, frame: Frame) -> None:
        """Set the first node beside the box's label, not below it, so that what comes in does not run through the label."""
        first = next((child for child in frame.children if not isinstance(child, Shown) or child not in self.hidden), None)
        box: Any = frame.box
        if self.direction != "TB" or not isinstance(first, Shown) or first in self.beside or not box.path:
            return
        width = max(len(line) * size for line, size in zip(frame.lines(), (6.4, 4.8), strict=False)) / 72
        name = f"beside-{first.id}"
        with dot.subgraph() as level:
            level.attr(rank="same")
            level.node(_plain(name), "", shape="box", style="invis", width=f"{width:.2f}", height="0.1", fixedsize="true")
            level.node(_plain(first.id))
            level.edge(_plain(name), _plain(first.id), style="invis")

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
        if self.values and item is not None:
            more += value_lines(item)
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
            more = value_lines(item) if self.values else []
            more += [heat.text(node)] if heat is not None and heat.text(node) else []
            text += "".join("<br align='left'/>" + _text(line, 9, ink) for line in more) + (
                "<br align='left'/>" if more else ""
            )
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
        label = _text(f" {edge.text()}{shape}", 9.5, INK) + _text(f" {edge.dtype} ", 8.5, FAINT)
        if self.values and not edge.shape:  # the number stands on the node
            label = _text(f" {edge.label} ", 9.5, INK) if edge.label else ""
        options = self.two_way(edge.live)
        if edge.target.role == "failed":
            options["color"] = LOOKS["failed"].line
        name = f"{edge.source.title} as {edge.name or 'input'} of {edge.target.title}: {shape} {edge.dtype}"
        options.update(weight="20", tooltip=_plain(name), labeltooltip=_plain(name))
        start, end = _plain(line.source.id), _plain(line.target.id)
        here, there = self.columns.get(line.source, 0), self.columns.get(line.target, 0)
        if here == there:
            self.dot.edge(start, end, f"<{label}>" if label else None, **options)
            return
        letter = self.exits[line.source][1]
        if (line.source, here) not in self.connected:
            self.connected[line.source, here] = f"to-{letter}"
            self.dot.edge(start, f"to-{letter}", f"<{label}>" if label else None, **options)
        if (line.source, there) not in self.connected:
            self.connected[line.source, there] = f"from-{letter}-{there}"
            self.add_connector(self.dot, f"from-{letter}-{there}", letter)
        told = f"<{_text(f' {edge.label} ', 9.5, INK)}>" if edge.label else None
        arrow = {key: value for key, value in options.items() if key in ("color", "dir")}
        self.dot.edge(self.connected[line.source, there], end, told, **arrow)

    @staticmethod
    def add_connector(dot: graphviz.Digraph, name: str, letter: str) -> None:
        """A circle with a letter, where a tensor leaves its column or enters another one."""
        look = {"shape": "circle", "style": "filled", "fillcolor": "white", "color": EDGE, "margin": "0.02", "width": "0.25"}
        dot.node(name, f"<{_text(letter, 10)}>", **look, height="0.25", tooltip="goes on at the same letter")

    def order_columns(self, view: View) -> None:
        """Set the columns in their order: what stands at their beginning is on one level, and invisible lines lead along it."""
        if not self.connected:
            return
        starts: dict[int, str] = {}
        for node in view.whole.children:
            if isinstance(node, Shown) and node.role in ("input", "leaf"):
                starts.setdefault(self.columns.get(node, 0), _plain(node.id))
        for (node, column), name in self.connected.items():
            if self.columns.get(node, 0) != column:
                starts.setdefault(column, name)
        names = [starts[column] for column in sorted(starts)]
        with self.dot.subgraph() as level:
            level.attr(rank="same")
            for name, following in pairwise(names):
                level.edge(name, following, style="invis")


def _exits(picture: Picture) -> dict[Shown, tuple[Frame, str]]:
    """By each node whose result another column reads too, the innermost frame around both, and a letter."""
    frames: dict[Shown, list[Frame]] = {}
    pending: list[list[Frame]] = [[picture.view.whole]]
    while pending:
        around = pending.pop()
        for child in around[-1].children:
            if isinstance(child, Frame):
                pending.append([*around, child])
            else:
                frames[child] = around
    found: dict[Shown, tuple[Frame, str]] = {}
    for line in picture.view.lines:
        source, target = line.source, line.target
        if source not in found and picture.columns.get(source, 0) != picture.columns.get(target, 0):
            common = [a for a, b in zip(frames[source], frames[target], strict=False) if a is b][-1]
            number = len(found)
            found[source] = common, chr(ord("A") + number) if number < 26 else str(number + 1)
    return found


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
        scale = heat.scale()
        head = f"<td>{_text(heat.title() + ('' if scale else ': nothing measured'), 10, INK)}</td>"
        ramp = [step for step in scale if step[2]]
        if ramp:
            steps = "".join(f'<td width="26" height="12" bgcolor="{color}"></td>' for color, _, _ in ramp)
            table = f'<table border="0" cellborder="1" color="{FRAME}" cellspacing="0" cellpadding="2"><tr>{steps}</tr></table>'
            head += f"<td>{_text(ramp[0][1], 9.5, INK)}</td><td>{table}</td><td>{_text(ramp[-1][2], 9.5, INK)}</td>"
        for color, word, _ in scale[len(ramp) :]:
            head += f'<td bgcolor="{color}">{_text(f" {word} ", 9.5, "white" if color in DARK else INK)}</td>'
        rows.append(_row(f"<tr>{head}</tr>"))
    return f'<table border="0" cellspacing="0" cellpadding="1">{"".join(rows)}</table>'


def _row(cells: str) -> str:
    return f'<tr><td align="left"><table border="0" cellspacing="4" cellpadding="0">{cells}</table></td></tr>'


def legend_roles(view: View, heat: Heat | None) -> list[str]:
    """The roles that occur, in the legend's order."""
    there = {node.role for node in view.nodes if node.role != "module"}
    there |= {"module"} if any(isinstance(n.closed, Box) and n.closed.what == "module" for n in view.nodes) else set()
    return [role for role in LOOKS if role in there]
