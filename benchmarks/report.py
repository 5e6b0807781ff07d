"""What was measured, as lines, as a table in Markdown, and as a picture."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .cases import CASES
from .libraries import OURS
from .profiling import flops

EQUAL = 1e-4  # how far the losses of the first steps may be apart
MEMORY_TARGET, IMPORT_TARGET = 0.7, 150.0  # of PyTorch's peak; milliseconds


def head(found: dict[str, Any]) -> str:
    """Where and how it was measured."""
    top = found["limits"]
    return (
        f"{found['date']}, {found['machine']}, {found['threads']} threads, Python {found['python']}, {found['rounds']} rounds\n"
        f"the machine's limits: {top['gflops']:.0f} GFLOP/s (sgemm), {top['gbps']:.0f} GB/s (copying memory)"
    )


def _fit(figures: dict[str, Any]) -> bool:
    return "error" not in figures


def best_rival(case: str, measured: dict[str, Any], key: str = "ms") -> str | None:
    """The setting of PyTorch whose ``key`` is least.

    The chain asks what recording each operation costs: compiled into a single operation it records none, so that is shown,
    but not what we measure ourselves by.
    """
    rivals = {n: f for n, f in measured.items() if n.startswith("pytorch") and _fit(f)}
    if case == "chain":
        rivals.pop("pytorch compile", None)
    return min(rivals, key=lambda name: rivals[name][key]) if rivals else None


def ratios(measured: dict[str, Any], rival: str) -> tuple[float, float, float]:
    """Ours divided by the rival's: of the medians, and the least and the greatest of the rounds."""
    pairs = [a / b for a, b in zip(measured[OURS]["times"], measured[rival]["times"], strict=True)]
    return measured[OURS]["ms"] / measured[rival]["ms"], min(pairs), max(pairs)


def apart(measured: dict[str, Any], rival: str) -> float:
    """The greatest difference of two libraries' losses over the first steps."""
    return max(map(abs, map(float.__sub__, measured[OURS]["losses"], measured[rival]["losses"])), default=0.0)


def rounding(measured: dict[str, Any]) -> float:
    """The greatest difference of the losses of PyTorch's own settings: what rounding alone makes of them, as Adam's first
    steps go by the sign of every gradient, also of one that is nothing but rounding."""
    losses = [f["losses"] for n, f in measured.items() if n.startswith("pytorch") and _fit(f)]
    return max((max(step) - min(step) for step in zip(*losses, strict=True)), default=0.0)


def case_lines(case: str, found: dict[str, Any]) -> str:
    """One case: each library's time with its spread and its memory, and what the ratio is."""
    measured = found["cases"][case]
    lines = ["", f"{case}: {CASES[case].title if case in CASES else 'importing the package'}"]
    for name, f in measured.items():
        if not _fit(f):
            lines.append(f"  {name:<22} failed: {f['error'][:90]}")
            continue
        spread = f"({min(f['times']):.3f} to {max(f['times']):.3f})"
        lines.append(f"  {name:<22} {f['ms']:9.3f} ms  {spread:<24} {f['mib']:6.0f} MiB  version {f['version']}")
    rival = best_rival(case, measured)
    if rival and OURS in measured:
        ratio, least, most = ratios(measured, rival)
        text = f"  ratio to the best of PyTorch ({rival}): {ratio:.2f} (rounds: {least:.2f} to {most:.2f})"
        if measured[OURS]["losses"]:
            gap = apart(measured, rival)
            text += f"; losses differ by {gap:.1e} at most"
            if gap > EQUAL:
                text += f", more than {EQUAL:.0e} (PyTorch's settings among themselves: {rounding(measured):.1e})"
        lines.append(text)
    share = _peak_share(case, found)
    if share:
        lines.append(f"  {share:.0%} of the sgemm peak")
    return "\n".join(lines)


def _peak_share(case: str, found: dict[str, Any]) -> float | None:
    """Which part of the machine's arithmetic the step uses; None where that is not what it is about."""
    what = CASES.get(case)
    measured = found["cases"][case].get(OURS)
    if what is None or measured is None or what.kind not in ("train", "infer"):
        return None
    return flops(what.model, what.kind, what.batch) / (measured["ms"] * 1e6) / found["limits"]["gflops"]


def table(found: dict[str, Any]) -> str:
    """Everything as a table in Markdown, with the targets."""
    titles = ("", "ours", "PyTorch's best", "setting", "ratio", "rounds", "target", "of sgemm peak", "peak memory")
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for case, measured in found["cases"].items():
        if OURS not in measured:
            continue
        ours, rival, what = measured[OURS], best_rival(case, measured), CASES.get(case)
        share = _peak_share(case, found)
        title = what.title if what else "`import`"
        target = f"{what.target}" if what else f"{IMPORT_TARGET:.0f} ms"
        of_peak = f"{share:.0%}" if share else ""
        cells = [title, f"{ours['ms']:.3f} ms", "", "", "", "", target, of_peak, f"{ours['mib']:.0f} MiB"]
        if rival:
            ratio, least, most = ratios(measured, rival)
            cells[2:6] = [
                f"{measured[rival]['ms']:.3f} ms",
                rival.removeprefix("pytorch").strip() or "default",
                f"**{ratio:.2f}**",
                f"{least:.2f}–{most:.2f}",
            ]
            least_memory = best_rival(case, measured, "mib")
            if least_memory and measured[least_memory]["mib"] and what and what.kind in ("train", "epoch"):
                cells[8] += f" ({ours['mib'] / measured[least_memory]['mib']:.2f}; target {MEMORY_TARGET})"
        lines.append("| " + " | ".join(cells) + " |")
    others = [
        f"{case}: {name} {f['ms']:.3f} ms"
        for case, measured in found["cases"].items()
        for name, f in measured.items()
        if _fit(f) and name != OURS and not name.startswith("pytorch")
    ]
    return "\n".join(lines) + ("\n\nOthers: " + "; ".join(others) if others else "")


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
    rows = []
    for case, measured in found["cases"].items():
        rival = best_rival(case, measured)
        if rival and OURS in measured:
            rows.append((CASES[case].title if case in CASES else "import", *ratios(measured, rival)))
    if not rows:
        return False

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        for at, (_, ratio, least, most) in enumerate(reversed(rows)):
            axes.barh(at, ratio, color="#2a7f62" if ratio <= 1 else "#b3562b", height=0.6)
            axes.plot([least, most], [at, at], color="black", linewidth=1.5)
            axes.text(max(ratio, most), at, f"  {ratio:.2f}", va="center", fontsize=9)
        axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(rows)), [row[0] for row in reversed(rows)], fontsize=9)
        axes.set_xlim(0, 1.15 * max(max(row[1], row[3]) for row in rows))
        axes.set_xlabel("time divided by that of PyTorch's fastest setting: shorter is faster")
        axes.set_title(f"{found['machine']}, {found['threads']} threads, {found['date']}", fontsize=9)

    return _canvas(path, (9, 0.4 * len(rows) + 1.2), paint)


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
