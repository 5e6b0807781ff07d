"""Makes docs/images/player.svg: the steps of a neuron, forward and backward, as a picture that moves by itself.

The steps are those that the player has (``graph.data(steps=True)``), the layout is Graphviz's, and the movement is CSS within
the file: it follows the reader's dark or light scheme, and stands still, at the end, for those who prefer reduced motion.
"""

from __future__ import annotations

import html
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import tinygrad_fm as torch

SECONDS = 1.8  # a step
REST = 3  # steps that the end stands
WIDE, HIGH = 96, 58  # of a node, in points
CAPTION = 96
LETTERS = 106  # in a line of the caption

STYLE = """
svg { --text: #1d2733; --note: #5a6470; --edge: #8b95a1; --forward: #1f6fc4; --backward: #b8481c;
  font-family: Helvetica, Arial, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --text: #e4e9ef; --note: #a4afbb; --edge: #7d8896; --forward: #6db3ff; --backward: #ff9a62; }
}
text { fill: var(--text); font-size: 13px; }
.node text { fill: #1d2733; text-anchor: middle; font-size: 12px; }
.node .title { font-weight: bold; font-size: 13px; }
.node .grad { fill: #a3243c; }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.4; }
.forward { stroke: var(--forward); } .backward { stroke: var(--backward); }
.halo { fill: none; stroke-width: 4; }
.flow { fill: none; stroke-width: 3.2; }
.caption .phase { font-weight: bold; font-size: 12px; stroke: none; } .caption .phase.forward { fill: var(--forward); }
.caption .phase.backward { fill: var(--backward); }
.caption .what { font-weight: bold; font-size: 16px; } .caption .say { fill: var(--note); }
.bar { fill: var(--note); opacity: .25; display: none; }
.during { opacity: 0; }
"""


def neuron() -> dict[str, Any]:
    """The data of the graph and the steps of a neuron that has one weight for its two inputs: a gradient with two parts."""
    given = {"x1": 2.0, "w": -1.5, "x2": 0.5, "b": 4.0}
    t = {name: torch.tensor(value, requires_grad=name[0] != "x") for name, value in given.items()}
    u = t["x1"] * t["w"]
    v = t["x2"] * t["w"]
    s = u + v
    n = s + t["b"]
    y = n.tanh()
    data: dict[str, Any] = torch.draw(y, names={**t, "u": u, "v": v, "s": s, "n": n, "y": y}).data(steps=True)
    return data


class Layout:
    """Where nodes and edges are, by Graphviz, in points from the upper left corner."""

    def __init__(self, items: list[Any], edges: list[Any]) -> None:
        lines = [f'"{i["id"]}" [shape=box fixedsize=true width={WIDE / 72} height={HIGH / 72}]' for i in items]
        lines += [f'"{source}" -> "{target}"' for source, target, *_ in edges]
        text = "digraph { rankdir=LR nodesep=0.25 ranksep=0.45\n" + "\n".join(lines) + "}"
        plain = subprocess.run(["dot", "-Tplain"], input=text, text=True, capture_output=True, check=True).stdout
        self.nodes: dict[str, tuple[float, float]] = {}
        for line in plain.splitlines():
            kind, *rest = line.split()
            if kind == "graph":
                self.width, self.height = (round(float(v) * 72) for v in rest[1:3])
            elif kind == "node":
                x, y = (float(v) * 72 for v in rest[1:3])
                self.nodes[rest[0].strip('"')] = round(x, 1), round(self.height - y, 1)

    def path(self, source: str, target: str) -> str:
        """A curve from the right side of one node to the left side of another."""
        (x0, y0), (x1, y1) = self.nodes[source], self.nodes[target]
        x0, x1 = x0 + WIDE / 2, x1 - WIDE / 2
        middle = (x0 + x1) / 2
        return f"M{x0:.1f},{y0:.1f} C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"


class Film:
    """Which parts of the picture are there when, as CSS."""

    def __init__(self, steps: int) -> None:
        self.total = steps + REST
        self.rules: dict[str, str] = {}

    def during(self, step: int) -> str:
        """The class of what is there in one step only."""
        end = f" {self._at(step + 1)} {{ opacity: 0 }}" if step + 1 < self.total else ""
        self.rules[f"d{step}"] = f"0% {{ opacity: 0 }} {self._at(step)} {{ opacity: 1 }}{end}"
        return f"during d{step}"

    def since(self, step: int, before: float = 0.0) -> str:
        """The class of what is there from a step on; ``before`` is how much of it is seen until then."""
        name = f"s{step}" + ("n" if before else "")
        self.rules[name] = f"0% {{ opacity: {before:g} }} {self._at(step)} {{ opacity: 1 }}"
        return name

    def _at(self, step: int) -> str:
        return f"{max(0.01, 100 * step / self.total):.2f}%"

    def css(self) -> str:
        """The rules; they hold for readers who do not mind motion."""
        length = f"{SECONDS * self.total:g}s"
        frames = "\n".join(f"@keyframes {name} {{ {frame} }}" for name, frame in self.rules.items())
        uses = "\n".join(f"  .{name} {{ animation: {name} {length} step-end infinite; }}" for name in self.rules)
        frames += "\n@keyframes grow { to { transform: scaleX(1) } }"
        uses += f"\n  .bar {{ display: inline; transform: scaleX(0); animation: grow {length} linear infinite; }}"
        return f"{frames}\n@media (prefers-reduced-motion: no-preference) {{\n  .still {{ display: none; }}\n{uses}\n}}"


def picture(data: dict[str, Any]) -> str:
    """The SVG of a graph and its steps. Its leaves and results are single numbers."""
    items = [item for item in data["graph"]["items"] if item["role"] != "output"]
    ids = {item["id"] for item in items}
    edges = [edge for edge in data["graph"]["edges"] if edge[0] in ids and edge[1] in ids]
    steps, arrays = data["steps"]["steps"], data["steps"]["arrays"]
    layout, film = Layout(items, edges), Film(len(steps) + 1)
    parts = [f'<path class="edge" marker-end="url(#head)" d="{layout.path(source, target)}"/>' for source, target, *_ in edges]
    for k, step in enumerate(steps, 1):
        backward = step["phase"] == "backward"
        others = [id for id, _ in step.get("gives", [])] if backward else step.get("reads", [])
        flows = [(o, n) for o in others for n in step["nodes"] if o in ids and n in ids]
        curves = "".join(f'<path class="flow {step["phase"]}" d="{layout.path(*flow)}"/>' for flow in flows)
        parts.append(f'<g class="{film.during(k)}">{curves}</g>')
    for item in items:
        parts.append(_node(item, data["steps"]["start"], steps, arrays, layout, film))
    parts += [_caption(k, step, layout, film) for k, step in enumerate(steps, 1)]
    parts.append(
        _text_lines(["Forward: each operation's value. Backward: each gradient, from y to the leaves."], layout, "still")
    )
    width, height = layout.width + 8, layout.height + CAPTION
    title = "A neuron, step by step: values forward, then gradients backward"
    size = f'viewBox="-4 -4 {width} {height}" width="{width}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        f"<title>{title}</title>\n<style>{STYLE}{film.css()}</style>\n"
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L10,5 L0,10 z" style="fill: var(--edge)"/></marker></defs>\n'
        + "\n".join(parts)
        + f'\n<rect class="bar" x="0" y="{height - 14}" width="{layout.width}" height="3"/>\n</svg>\n'
    )


def _node(item: Any, start: Any, steps: list[Any], arrays: list[Any], layout: Layout, film: Film) -> str:
    """A node with its lines, and an outline for each step in which it is at work."""
    x, y = layout.nodes[item["id"]]
    leaf = item["role"] in ("leaf", "input")
    fill, line = {"leaf": ("#fdeecb", "#b07d12"), "input": ("#d9f0dd", "#2f7d46")}.get(item["role"], ("#dce9fa", "#2f68ad"))
    box = f'x="{x - WIDE / 2:.1f}" y="{y - HIGH / 2:.1f}" width="{WIDE}" height="{HIGH}" rx="{HIGH / 2 if leaf else 9:g}"'
    known = {"data": (0, start[item["id"]])} if item["id"] in start else {}
    halos = []
    for k, step in enumerate(steps, 1):
        for slot, kind in (("data", "values"), ("grad", "gradients")):
            if item["id"] in step.get(kind, {}):
                known[slot] = k, step[kind][item["id"]]
        if item["id"] in step["nodes"]:
            halos.append(f'<rect class="halo {step["phase"]} {film.during(k)}" {box}/>')
    lines = [f'<text class="title" x="{x}" y="{y - 11}">{html.escape(item["title"])}</text>']
    for row, (slot, (k, index)) in enumerate(known.items()):
        classes = f"{slot} {film.since(k)}" if k else slot
        lines.append(
            f'<text class="{classes}" x="{x}" y="{y + 6 + 16 * row}">{slot} {html.escape(arrays[index]["text"])}</text>'
        )
    first = known["data"][0] if "data" in known else 0
    seen = f" {film.since(first, 0.35)}" if first else ""
    shape = f'<rect fill="{fill}" stroke="{line}" stroke-width="1.4" {box}/>'
    return f'<g class="node{seen}">{shape}{"".join(lines)}</g>{"".join(halos)}'


def _caption(k: int, step: Any, layout: Layout, film: Film) -> str:
    """What happens in a step: the phase, the title, two lines of what is said."""
    arrow = {"forward": "FORWARD →", "backward": "← BACKWARD"}[step["phase"]]
    y = layout.height + 20
    head = f'<text class="phase {step["phase"]}" x="0" y="{y}">{arrow}</text>'
    head += f'<text class="what" x="104" y="{y + 1}">{html.escape(step["title"])}</text>'
    words = textwrap.wrap(" ".join(step["say"]), LETTERS)
    lines = [*words[:2], words[2] + (" …" if len(words) > 3 else "")] if len(words) > 2 else words
    return f'<g class="caption {film.during(k)}">{head}{_text_lines(lines, layout, "say")}</g>'


def _text_lines(lines: list[str], layout: Layout, kind: str) -> str:
    y = layout.height + 40
    texts = (f'<text class="{kind}" x="0" y="{y + 16 * i}">{html.escape(line)}</text>' for i, line in enumerate(lines))
    return f'<g class="caption">{"".join(texts)}</g>' if kind == "still" else "".join(texts)


def draw(path: Path = Path("docs/images/player.svg")) -> None:
    """Write the picture."""
    path.write_text(picture(neuron()), encoding="utf-8")


if __name__ == "__main__":
    draw()
