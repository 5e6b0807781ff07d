"""Pictures of results: several models, several seeds each. They need matplotlib."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .plots import _figure, save

__all__ = ["Bars", "Score", "score_groups", "reliability_diagrams", "validation_curves"]

Path = str | os.PathLike[str]

_DPI = 130
_LINES = ("-", "--", ":", "-.")


def validation_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    path: Path,
    title: str = "",
    marks: Mapping[str, float] | None = None,
) -> None:
    """Draw the validation accuracy of several models over the processor time of their training, which is logarithmic.

    Args:
        curves: CPU seconds (N,) and accuracies (N,) by the name of the model.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.
        marks: accuracies that are drawn as lines across, by what is written on them.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    marks = marks or {}
    figure = _figure(11.5, 6.2)
    axes = figure.subplots()
    ordered = sorted(curves.items(), key=lambda item: -item[1][1][-1])  # the legend in the order of the curves' ends
    for number, (name, (seconds, accuracy)) in enumerate(ordered):
        style = _LINES[number // 10 % len(_LINES)]
        (line,) = axes.plot(seconds, accuracy, style, color=f"C{number % 10}", linewidth=1.8, label=name)
        axes.plot(seconds[-1], accuracy[-1], "o", color=line.get_color(), markersize=5)
    axes.set_xscale("log")
    _ticks_of_1_2_5(axes.xaxis)
    bottom = min([0.82, *marks.values()]) - 0.005
    top = max([0.9, *(max(accuracy) for _, accuracy in curves.values())]) + 0.008
    axes.set_ylim(bottom, min(top, 1.0))
    axes.yaxis.set_major_locator(_every_per_cent(top - bottom))
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g} %")
    for text, height in marks.items():
        axes.axhline(height, color="0.35", linewidth=1.2, linestyle=(0, (6, 3)))
        axes.text(0.995, height, text, transform=axes.get_yaxis_transform(), ha="right", va="bottom", color="0.3", fontsize=10)
    axes.set_xlabel("processor time of the training, seconds (all threads together)")
    axes.set_ylabel("validation accuracy, mean of the seeds")
    axes.grid(alpha=0.3, which="both")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=10, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=14)
    save(figure, path, _DPI)


def _ticks_of_1_2_5(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_locator(NullLocator())


def _every_per_cent(height: float) -> object:
    from matplotlib.ticker import MultipleLocator

    return MultipleLocator(0.01 if height < 0.2 else 0.1)


class Bars(NamedTuple):
    """One reliability diagram: `tinygrad_fm.training.Reliability` as lists of B numbers, and what it comes to."""

    counts: Sequence[int]
    confidence: Sequence[float]
    accuracy: Sequence[float]
    error: float


def reliability_diagrams(pairs: Mapping[str, Mapping[str, Bars]], path: Path, title: str = "") -> None:
    """Draw reliability diagrams, a row of the picture for each model: how often it is right when it is so sure.

    Where bars end below the diagonal the model is too sure. Below each diagram is the share of the predictions in each bin.

    Args:
        pairs: by the name of the model, the diagrams that stand side by side by what is written above them.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    columns = max((len(diagrams) for diagrams in pairs.values()), default=1)
    figure = _figure(4.6 * columns, 0.4 + 5.0 * max(len(pairs), 1))
    grid = figure.subplots(
        2 * max(len(pairs), 1), columns, squeeze=False, gridspec_kw={"height_ratios": [3.2, 1] * max(len(pairs), 1)}
    )
    for axes in grid.flat:
        axes.axis("off")
    for place, (model, diagrams) in enumerate(pairs.items()):
        for column, (name, bars) in enumerate(diagrams.items()):
            upper, lower = grid[2 * place, column], grid[2 * place + 1, column]
            edges = np.linspace(0, 1, len(bars.counts) + 1)
            some = np.array(bars.counts) > 0
            middle, width = (edges[:-1] + edges[1:])[some] / 2, 1 / len(bars.counts)
            accuracy, confidence = np.array(bars.accuracy)[some], np.array(bars.confidence)[some]
            upper.bar(middle, accuracy, width, color="#35608d", edgecolor="white", label="accuracy")
            gap = {"color": "#c2185b", "alpha": 0.35, "edgecolor": "#c2185b"}
            upper.bar(middle, confidence - accuracy, width, accuracy, label="from there to the confidence", **gap)
            upper.plot([0, 1], [0, 1], "--", color="0.3", linewidth=1)
            upper.set_title(f"{model}, {name}\nexpected calibration error {100 * bars.error:.2f} %", fontsize=11)
            upper.set_ylabel("accuracy")
            lower.bar(middle, np.array(bars.counts)[some] / sum(bars.counts), width, color="0.6", edgecolor="white")
            lower.set_xlabel("confidence")
            lower.set_ylabel("predictions")
            for axes in (upper, lower):
                axes.axis("on")
                axes.set_xlim(0, 1)
                axes.set_ylim(0, 1)
                axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
                axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
                axes.spines[["top", "right"]].set_visible(False)
            if not place and not column:
                upper.legend(loc="upper left", fontsize=9, frameon=False)
    figure.suptitle(title, fontsize=14)
    save(figure, path, _DPI)


class Score(NamedTuple):
    """What one choice came to: its name, and a value for each seed."""

    name: str
    values: Sequence[float]


def score_groups(
    groups: Mapping[str, Sequence[Score]], path: Path, title: str = "", label: str = "validation accuracy"
) -> None:
    """Draw groups of choices side by side: a dot for each seed, a line for their mean, the best choice of a group on top.

    Args:
        groups: the choices by the name of the group.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.
        label: what the values are.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(4.7 * max(len(groups), 1), 1.4 + 0.42 * max((len(scores) for scores in groups.values()), default=1))
    panels = figure.subplots(1, max(len(groups), 1), squeeze=False)[0]
    for panel, (name, scores) in zip(panels, groups.items(), strict=False):
        ranked = sorted(scores, key=lambda score: float(np.mean(score.values)))
        for place, score in enumerate(ranked):
            mean = float(np.mean(score.values))
            best = place == len(ranked) - 1
            panel.plot(score.values, [place] * len(score.values), "o", color="#35608d", alpha=0.55, markersize=6)
            panel.plot([mean, mean], [place - 0.3, place + 0.3], color="#c2185b" if best else "0.2", linewidth=2.5)
            panel.annotate(
                f"{100 * mean:.2f} %", (max(score.values), place), (7, 0), textcoords="offset points", va="center", fontsize=9
            )
        panel.set_yticks(range(len(ranked)), [score.name for score in ranked])
        spread = _spread([value for score in ranked for value in score.values])
        panel.set_xlim(spread)
        panel.set_ylim(-0.6, len(ranked) - 0.4)
        panel.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g} %")
        panel.xaxis.get_major_locator().set_params(nbins=5)
        panel.set_title(name, fontsize=12, weight="bold")
        panel.set_xlabel(label)
        panel.grid(axis="x", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=14)
    save(figure, path, _DPI)


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Limits with room for the numbers beside the dots."""
    low, high = min(values), max(values)
    room = max(high - low, 0.002)
    return low - 0.06 * room, high + 0.28 * room
