"""What was measured, as lines and as pictures. ``tables.py`` makes the tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .cases import CASES
from .libraries import FAST, OURS

EQUAL = 1e-4  # how far the losses of the first steps may be apart
IMPORT = "import"


def title(case: str) -> str:
    """What is measured, for people."""
    return CASES[case].title if case in CASES else "importing the package"


def head(found: dict[str, Any]) -> str:
    """Where and how it was measured."""
    top = found["limits"]
    return (
        f"{found['date']}, {found['machine']}, {found['threads']} threads, Python {found['python']}, "
        f"NumPy {found['numpy']}, {found['rounds']} rounds\n"
        f"the machine's limits: {top['gflops']:.0f} GFLOP/s (sgemm), {top['gbps']:.0f} GB/s (copying memory)"
    )


def fit(measured: dict[str, Any], name: str) -> bool:
    """Whether there are figures of a library."""
    return name in measured and "error" not in measured[name]


def best_rival(case: str, measured: dict[str, Any], key: str = "ms") -> str | None:
    """The setting of PyTorch whose ``key`` is least.

    The chain asks what recording each operation costs: compiled into a single operation it records none, so that is shown,
    but not what we measure ourselves by.
    """
    rivals = [n for n in measured if n.startswith("pytorch") and fit(measured, n)]
    if case == "chain" and "pytorch compile" in rivals:
        rivals.remove("pytorch compile")
    return min(rivals, key=lambda name: measured[name][key]) if rivals else None


def ratios(measured: dict[str, Any], ours: str, rival: str) -> tuple[float, float, float]:
    """Ours divided by the rival's: of the medians, and the least and the greatest of the turns."""
    pairs = [a / b for a, b in zip(measured[ours]["times"], measured[rival]["times"], strict=True)]
    return measured[ours]["ms"] / measured[rival]["ms"], min(pairs), max(pairs)


def apart(measured: dict[str, Any], ours: str, rival: str) -> float:
    """The greatest difference of two libraries' losses over the first steps."""
    return max(map(abs, map(float.__sub__, measured[ours]["losses"], measured[rival]["losses"])), default=0.0)


def rounding(measured: dict[str, Any]) -> float:
    """The greatest difference of the losses of PyTorch's own settings: what rounding alone makes of them, as Adam's first
    steps go by the sign of every gradient, also of one that is nothing but rounding."""
    losses = [f["losses"] for n, f in measured.items() if n.startswith("pytorch") and fit(measured, n)]
    return max((max(step) - min(step) for step in zip(*losses, strict=True)), default=0.0)


def case_lines(case: str, found: dict[str, Any]) -> str:
    """One case: each library's time with its spread and its memory, and what the ratios are."""
    measured = found["cases"][case]
    lines = ["", f"{case}: {title(case)}"]
    for name, f in measured.items():
        if not fit(measured, name):
            lines.append(f"  {name:<22} failed: {f['error'][:90]}")
            continue
        spread = f"({min(f['times']):.3f} to {max(f['times']):.3f})"
        lines.append(f"  {name:<22} {f['ms']:9.3f} ms  {spread:<24} {f['mib']:6.0f} MiB  version {f['version']}")
    rival = best_rival(case, measured)
    for ours in (OURS, FAST):
        if rival and fit(measured, ours):
            lines.append("  " + _ratio_line(measured, ours, rival))
        share = peak_share(case, found, ours)
        if share:
            lines.append(f"  {ours}: {share:.0%} of the sgemm peak")
    return "\n".join(lines)


def _ratio_line(measured: dict[str, Any], ours: str, rival: str) -> str:
    ratio, least, most = ratios(measured, ours, rival)
    text = f"{ours} / the best of PyTorch ({rival}): {ratio:.2f} (turns: {least:.2f} to {most:.2f})"
    if not measured[ours]["losses"]:
        return text
    gap = apart(measured, ours, rival)
    text += f"; losses differ by {gap:.1e} at most"
    if gap > EQUAL:
        text += f", more than {EQUAL:.0e} (PyTorch's settings among themselves: {rounding(measured):.1e})"
    return text


def peak_share(case: str, found: dict[str, Any], ours: str) -> float | None:
    """Which part of the machine's arithmetic the step uses; None where that is not what it is about."""
    measured, flops = found["cases"][case], found["flops"].get(case, 0)
    return flops / (measured[ours]["ms"] * 1e6) / found["limits"]["gflops"] if flops and fit(measured, ours) else None


def misses(found: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The cases in which ours, with compiled kernels, takes more of the time of PyTorch's best than the bar, and how much."""
    for case, measured in found["cases"].items():
        rival = best_rival(case, measured)
        if case in CASES and rival and fit(measured, FAST):
            ratio = ratios(measured, FAST, rival)[0]
            if ratio > CASES[case].bar:
                yield case, ratio


# -- pictures ----------------------------------------------------------------------------------------------------------


def _canvas(path: Path, size: tuple[float, float], paint: Callable[[Any], None]) -> bool:
    """Paint a figure and write it; False without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    paint(figure)
    figure.savefig(path, dpi=120)
    return True


def draw(found: dict[str, Any], path: Path) -> bool:
    """Write a picture of the ratios, with their spread; False without matplotlib or without a rival."""
    colors = {OURS: "#8a8a8a", FAST: "#2a7f62"}
    rows = []
    for case, measured in found["cases"].items():
        rival = best_rival(case, measured)
        sides = [(ours, *ratios(measured, ours, rival)) for ours in colors if rival and fit(measured, ours)]
        if sides:
            rows.append((title(case), sides))
    if not rows:
        return False

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        for at, (_, sides) in enumerate(reversed(rows)):
            for i, (ours, ratio, least, most) in enumerate(sides):
                y = at + (0.2 - 0.4 * i if len(sides) > 1 else 0)
                axes.barh(y, ratio, color=colors[ours], height=0.38)
                axes.plot([least, most], [y, y], color="black", linewidth=1)
                axes.text(max(ratio, most), y, f"  {ratio:.2f}", va="center", fontsize=8)
        axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(rows)), [row[0] for row in reversed(rows)], fontsize=9)
        axes.set_xlim(0, 1.15 * max(max(ratio, most) for _, sides in rows for _, ratio, _, most in sides))
        axes.set_xlabel("time divided by that of PyTorch's fastest setting: shorter is faster")
        axes.set_title(f"{found['machine']}, {found['threads']} threads, {found['date']}", fontsize=9)
        for ours, label in ((OURS, "NumPy's kernels"), (FAST, "compiled kernels (fast)")):
            axes.bar(0, 0, color=colors[ours], label=label)
        axes.legend(fontsize=8, loc="lower right")

    return _canvas(path, (9, 0.5 * len(rows) + 1.5), paint)


def draw_scaling(found: dict[str, Any], path: Path) -> bool:
    """Write a picture of the cost against batch size, width, depth and threads; False without matplotlib."""

    def paint(figure: Any) -> None:
        for axes, (what, rows) in zip(figure.subplots(2, 2).flat, found["scaling"].items(), strict=True):
            for name in dict.fromkeys(name for row in rows for name in row["ms"]):
                points = [(row["value"], row["ms"][name]) for row in rows if name in row["ms"]]
                axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xlabel(what)
            axes.set_ylabel("ms per step")
            axes.legend(fontsize=7)

    return _canvas(path, (9, 7), paint)


def growth(rows: list[dict[str, Any]], name: str) -> float:
    """The exponent of the cost over the last half of the values: 1 where it grows as the value does."""
    points = [(math.log(row["value"]), math.log(row["ms"][name])) for row in rows[len(rows) // 2 - 1 :] if name in row["ms"]]
    return statistics.linear_regression(*zip(*points, strict=True)).slope if len(points) > 1 else math.nan
