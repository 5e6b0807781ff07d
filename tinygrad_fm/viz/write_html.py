"""The picture as one HTML page that lays itself out, and as what a notebook shows.

The layout is done in the page by dagre (https://github.com/dagrejs/dagre, MIT licence), which is kept in ``assets`` and
written into the page, so that the page needs nothing else.
"""

from __future__ import annotations

import html
import json
import math
import re
from dataclasses import asdict
from importlib import resources
from typing import Any

from .content import Box, Edge, Item, shape_text
from .picture import Picture
from .style import HEAT, LOOKS, NAN, ZERO, Heat, backward_lines, details, value_lines
from .view import LIMIT, Frame, Shown, count, folding_levels

__all__ = ["fitted", "framed", "graph_data", "to_html"]

_MOST_ITEMS = 4000  # above that, only what is drawn at first is put into the page

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main id="page"></main>
<script type="application/json" id="data">{data}</script>
<script>
{dagre}
</script>
<script>
{script}
</script>
</body>
</html>
"""
_SHOW = "graphView(document.getElementById('page'), JSON.parse(document.getElementById('data').textContent).graph);"
_PLAY = """{
  const data = JSON.parse(document.getElementById("data").textContent);
  new Player(document.getElementById("page"), data.graph, data.steps);
}"""


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets").joinpath(name).read_text(encoding="utf-8")


def to_html(data: dict[str, Any]) -> str:
    """The page of a graph's data, ``{"graph": …}``, and of its ``"steps"`` if they are there."""
    licence = _asset("dagre.LICENSE.txt").replace("*/", "* /")
    styles, scripts = ["graph.css"], ["graph.js"]
    if "steps" in data:
        styles.append("player.css")
        scripts.append("player.js")
    return _PAGE.format(
        title=html.escape(data["graph"]["title"]),
        css="".join(map(_asset, styles)),
        # no text of the graph can end the script or open a comment in it
        data=json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        dagre=f"/*\n{licence}*/\n{_asset('dagre.min.js')}",
        script="\n".join([*map(_asset, scripts), _PLAY if "steps" in data else _SHOW]),
    )


def graph_data(picture: Picture, steps: bool = False) -> dict[str, Any]:
    """What the page draws, as plain data.

    Args:
        steps: whether it is to be stepped through: then equal parts are all shown, as far as that can be read.
    """
    if len(picture.content.items) > _MOST_ITEMS:
        return _drawn(picture)
    unfolded = steps and count(picture.content, picture.depth, False) <= LIMIT
    return _whole(picture, picture.fold and not unfolded, steps)


def _whole(picture: Picture, fold: bool, steps: bool) -> dict[str, Any]:
    """Everything, so that all boxes can be opened. The steps have the values, and say them when they are known."""
    levels, shut = folding_levels(picture.content, picture.depth)
    items = []
    for item in picture.content.items:
        node = Shown(item.id, item.role, item, None, items=[item])
        twins = [[r.id, copy, t.id] for r, copy, t in item.twins]
        items.append(_item(node, picture, item.box.id if item.box else None, twins, picture.values and not steps))
    boxes = [
        _box(box, box.parent.id if box.parent else None, picture)
        | {"level": levels[box], "closed": box in shut, "open": box.what != "backward", "folded": box.what == "repeat" and fold}
        for box in picture.content.boxes()
    ]
    edges = [_edge(e.source, e.target, e, picture.values or steps) for e in picture.content.edges]
    return _data(picture, items, boxes, edges)


def _drawn(picture: Picture) -> dict[str, Any]:
    """Only what is drawn at first: closed boxes stay closed."""
    items: list[Any] = []
    boxes: list[Any] = []
    pending: list[tuple[Frame, Any]] = [(picture.view.whole, None)]
    while pending:
        frame, parent = pending.pop()
        for child in frame.children:
            if isinstance(child, Frame):
                box: Any = child.box
                drawn = {"what": "module", "title": child.lines()[0], "level": 1, "closed": False, "open": True}
                boxes.append(_box(box, parent, picture) | drawn)
                pending.append((child, box.id))
            else:
                items.append(_item(child, picture, parent, [], picture.values))
    order = {node.id: i for i, node in enumerate(picture.view.nodes)}
    items.sort(key=lambda item: order[item["id"]])
    edges = [
        [n.source.id, n.target.id, shape_text(n.edge.shape), n.edge.dtype, n.edge.live, n.edge.text()]
        for n in picture.view.lines
    ]
    return _data(picture, items, boxes, edges)


def _edge(source: Item | Shown, target: Item | Shown, edge: Edge, values: bool) -> list[Any]:
    number = values and not edge.shape  # it stands on the node
    words = ("", "", edge.live, edge.label) if number else (shape_text(edge.shape), edge.dtype, edge.live, edge.text())
    return [source.id, target.id, *words]


def _item(node: Shown, picture: Picture, box: str | None, twins: list[Any], values: bool) -> dict[str, Any]:
    title, *more = node.lines()
    item = node.item
    if item is not None:
        title += f" → {item.name}" if item.name else ""
        more += [item.brief[:40]] if item.brief else []
        more += [item.error[:90]] if item.error else []
    more += value_lines(item) if values and item is not None else []
    more += backward_lines(node) if picture.backward else []
    known = node.sums() | ({"gradient": v} if (v := max(node.gradients(), key=abs, default=None)) is not None else {})
    measures = {k: v if math.isfinite(v) else str(v) for k, v in known.items()}
    return {
        "id": node.id,
        "role": node.role,
        "title": title,
        "box": box,
        "twins": twins,
        "lines": more,
        "shape": shape_text(item.shape) if item is not None and item.shape is not None else "",
        "dtype": item.dtype if item is not None else "",
        "tip": "\n".join(details(node)),
        "measures": measures,
    }


def _box(box: Box, parent: str | None, picture: Picture) -> dict[str, Any]:
    lines = Shown(box.id, "module", None, box).lines()
    return {
        "id": box.id,
        "path": box.path,
        "what": box.what,
        "parent": parent,
        "title": lines[0],
        "lines": lines[1:],
        "size": box.size_text(),
        "copies": box.copies,
        "period": box.period,
    }


def _data(picture: Picture, items: list[Any], boxes: list[Any], edges: list[Any]) -> dict[str, Any]:
    heat = None
    if picture.color_by is not None:
        title = Heat(picture.color_by, picture.view).title()
        heat = {"what": picture.color_by, "title": title, "colors": HEAT, "nan": NAN, "zero": ZERO}
    looks = {role: {**asdict(look), "role": role, "wide": role == "failed"} for role, look in LOOKS.items()}
    return {
        "title": picture.content.title,
        "notes": picture.notes,
        "direction": picture.direction,
        "backward": picture.backward,
        "depth": picture.depth,
        "heat": heat,
        "looks": looks,
        "items": items,
        "boxes": boxes,
        "edges": edges,
    }


_CELL = 640  # points: about the width of a notebook's cell, 850 pixels


def fitted(svg: str) -> str:
    """An SVG picture without its prolog, no wider than a notebook's cell.

    Where the notebook sets it into its page, ``max-width`` does that. Some show it as an image instead, in which ``max-width``
    means nothing, so a wide picture also says that it is smaller.
    """
    picture = svg[svg.index("<svg") :]
    width, height = (float(size) for size in re.findall(r'(?:width|height)="([\d.]+)pt"', picture[: picture.index(">")]))
    if width > _CELL:
        size = f'width="{_CELL}pt" height="{height * _CELL / width:.0f}pt"'
        picture = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', size, picture, count=1)
    return picture.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)


def framed(page: str) -> str:
    """A whole page inside a notebook's cell."""
    return f'<iframe srcdoc="{html.escape(page)}" style="width:100%;height:640px;border:1px solid #dde3ea"></iframe>'
