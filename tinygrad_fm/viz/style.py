"""How the picture looks: one table for the roles, used by every format, and the colours of measured values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .content import Item, bytes_text, seconds_text, shape_text
from .view import Shown, View

__all__ = [
    "BACK",
    "CHOICES",
    "DARK",
    "EDGE",
    "FAINT",
    "FRAME",
    "FRAMES",
    "HEAT",
    "Heat",
    "INK",
    "LOOKS",
    "Look",
    "NAN",
    "UNKNOWN",
    "ZERO",
    "backward_lines",
    "details",
    "kept_text",
    "value_lines",
]


@dataclass(frozen=True)
class Look:
    """Shape (``ellipse``, ``box`` or ``rounded``), colours and what the legend says."""

    shape: str
    fill: str
    line: str
    legend: str
    dashed: bool = False
    double: bool = False


LOOKS = {
    "input": Look("ellipse", "#d9f0dd", "#2f7d46", "input"),
    "leaf": Look("ellipse", "#fdeecb", "#b07d12", "leaf tensor"),
    "parameter": Look("box", "#fdeecb", "#b07d12", "parameter"),
    "constant": Look("box", "#f0f0f0", "#8a8a8a", "buffer or constant"),
    "operation": Look("rounded", "#dce9fa", "#2f68ad", "operation"),
    "untracked": Look("rounded", "#f6f8fb", "#8fa3bb", "operation without gradient", dashed=True),
    "gradient": Look("rounded", "#ead9f7", "#7a3fa8", "operation of the backward pass"),
    "module": Look("rounded", "#c9d9f0", "#27496d", "closed module"),
    "failed": Look("rounded", "#f9c6c4", "#c01f1f", "operation that failed"),
    "output": Look("ellipse", "#f9d9e4", "#ab2f5b", "output", double=True),
}
EDGE, BACK, INK, FAINT, FRAME = "#6b7480", "#c2475e", "#1d2733", "#66707c", "#b9c3cf"
FRAMES = ("#f7f9fc", "#eef2f8")  # the fill of boxes, by turns as they nest
HEAT = ("#fff9df", "#feeaa9", "#fdc868", "#fb9b3f", "#ec6a27", "#cc3a1f", "#941313")
NAN, ZERO, UNKNOWN = "#1b1b1b", "#cfe4ff", "#ffffff"
DARK = (NAN, *HEAT[-2:])  # on these, text is white
CHOICES = ("time", "memory", "grad")


class Heat:
    """Colours for one kind of measured value, over the nodes of a view."""

    def __init__(self, what: str, view: View) -> None:
        self.what = what
        known = [abs(v) for node in view.nodes for v in self.values(node)]
        usual = [v for v in known if math.isfinite(v) and v > 0]
        self.low, self.high = (min(usual), max(usual)) if usual else (0.0, 0.0)
        self.odd = [v for v in known if not (math.isfinite(v) and v > 0)]

    def values(self, node: Shown) -> list[float]:
        """The node's measured values: of gradients one for each of the equal nodes that it stands for, else one sum or none."""
        if self.what == "grad":
            return node.gradients()
        names = ("forward", "backward") if self.what == "time" else ("kept",)
        known = [v for name, v in node.sums().items() if name in names]
        return [sum(known)] if known else []

    def color(self, node: Shown) -> str:
        """The node's fill: of several values that of the largest; NaN and infinities go before all others."""
        values = [abs(v) for v in self.values(node)]
        if not values:
            return UNKNOWN
        if not all(map(math.isfinite, values)):
            return NAN
        if max(values) == 0:
            return ZERO if self.what == "grad" else HEAT[0]
        return HEAT[min(len(HEAT) - 1, int(self._share(max(values)) * len(HEAT)))]

    def _share(self, value: float) -> float:
        if self.what != "grad":
            return value / self.high
        span = math.log(self.high / self.low)
        return math.log(value / self.low) / span if span else 1.0

    def dark(self, node: Shown) -> bool:
        """Whether the text on the node must be light."""
        return self.color(node) in DARK

    def text(self, node: Shown) -> str:
        """What is written on the node."""
        if self.what == "time":
            known = node.sums()
            return " · ".join(f"{name} {seconds_text(known[name])}" for name in ("forward", "backward") if name in known)
        values = self.values(node)
        if not values:
            return ""
        if self.what == "memory":
            return f"saves {bytes_text(values[0])}"
        least, most = min(values, key=abs), max(values, key=abs)
        odd = [v for v in values if not math.isfinite(v)]
        return f"gradient {least:.3g}" if least == most else f"gradients {least:.3g} … {(odd or [most])[0]:.3g}"

    def scale(self) -> list[tuple[str, str, str]]:
        """The colours for the legend, each with the values at its two ends; what has a colour of its own has one word."""
        show = {"time": seconds_text, "memory": bytes_text, "grad": lambda v: f"{v:.3g}"}[self.what]
        steps = []
        if self.high:
            bounds = [self._bound(i / len(HEAT)) for i in range(len(HEAT) + 1)]
            steps = [(color, show(a), show(b)) for color, a, b in zip(HEAT, bounds, bounds[1:], strict=False)]
        if any(math.isnan(v) for v in self.odd):
            steps.append((NAN, "NaN", ""))
        if any(math.isinf(v) for v in self.odd):
            steps.append((NAN, "infinite", ""))
        if self.what == "grad" and 0.0 in self.odd:
            steps.append((ZERO, "zero", ""))
        return steps

    def _bound(self, share: float) -> float:
        return self.low * (self.high / self.low) ** share if self.what == "grad" else self.high * share

    def title(self) -> str:
        """What the scale shows."""
        titles = {
            "time": "time, forward and backward",
            "memory": "bytes saved for backward",
            "grad": "norm of the gradient, logarithmic",
        }
        return titles[self.what]


def details(node: Shown) -> list[str]:
    """All that is known of a node and not written on it: for tooltips."""
    item: Any = node.item
    if item is None:
        return [f"click to open: {node.lines()[0]}"]
    lines = [item.title + (f" ({item.note})" if item.note else "")]
    if item.error:
        lines.append(item.error)
    if item.gradient_of:
        lines.append(f"part of the gradient of {item.gradient_of}")
    if item.role == "untracked":
        lines.append("not on the tape: no gradient wanted here")
    if item.kept:
        lines.append("saved for backward: " + ", ".join(kept_text(k) for k in item.kept))
    known = item.measures
    lines += [f"{name} {seconds_text(known[name])}" for name in ("forward", "backward") if name in known]
    if "gradient" in known:
        kind = "gradient" if item.shape == () else "norm of the gradient"
        lines.append(f"{kind} {known['gradient']:.4g}")
    if item.place:
        lines.append(item.place)
    return lines


def value_lines(item: Item) -> list[str]:
    """The numbers of an item and of its gradient; a matrix has lines of its own."""
    lines: list[str] = []
    for head, text in (("data", item.data), ("grad", item.grad)):
        rows = text.split("\n") if text else []
        lines += [f"{head} {rows[0]}"] if len(rows) == 1 else [head, *rows] if rows else []
    return lines


def kept_text(kept: Any) -> str:
    """An array that is kept: ``x (64, 784) 200.7 KB``."""
    return f"{kept.name} {shape_text(kept.shape)}" + (f" {bytes_text(kept.bytes)}" if kept.bytes else "")


def backward_lines(node: Shown) -> list[str]:
    """What the backward pass does at a node: its rules, and what it keeps until then."""
    item = node.item
    if item is None or not item.rules:
        kept = node.sums().get("kept") if item is None else None
        return [f"saves {bytes_text(kept)}"] if kept else []
    turn = f"{item.order}. " if item.order else ""
    lines = [f"{turn}gradient for " + ", ".join(name or f"input {i + 1}" for i, name in enumerate(item.rules))]
    if item.kept:
        return [*lines, *(f"saves {kept_text(kept)}" for kept in item.kept)]
    return [*lines, "saves nothing" if item.kept is not None else "saved tensors freed"]
