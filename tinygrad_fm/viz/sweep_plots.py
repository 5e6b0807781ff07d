"""Pictures of many runs with different settings: which settings go with a high accuracy. They need matplotlib."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .plots import Array, _figure, save

__all__ = ["Axis", "correlations", "history", "influence", "parallel_coordinates", "slices"]

Path = str | os.PathLike[str]

_COLOURS, _GREY, _BEST = "viridis_r", "0.82", "#c2185b"
_DPI = 130
_ABSENT = -0.13  # how far below an axis those pass that have no value on it
_CURVE = 24  # points of a line between two axes


@dataclass(frozen=True)
class Axis:
    """One setting, and its value in each of N runs.

    Attributes:
        name: of the setting.
        values: N values, None in runs that it does not apply to.
        choices: in their order, if its values are some few; else they are numbers.
        log: whether the numbers are spread logarithmically.
    """

    name: str
    values: Sequence[Any]
    choices: Sequence[Any] = ()
    log: bool = False

    def limits(self) -> tuple[float, float]:
        """The least and the greatest number."""
        numbers = [float(value) for value in self.values if value is not None]
        return (min(numbers), max(numbers)) if numbers else (0.0, 1.0)

    def numbers(self) -> Array:
        """The values as numbers that can be correlated, NaN for none: logarithms of a logarithmic axis; of choices those that
        are numbers."""
        found = np.array([math.nan if value is None else float(value) for value in self.values])
        return np.log10(found) if self.log else found

    @property
    def is_numeric(self) -> bool:
        """Whether all its values are numbers."""
        return all(type(value) in (int, float) for value in (self.choices or self.values) if value is not None)


def _spread(accuracy: Any) -> Array:
    """Accuracies on a scale that tells apart those near 1: the logarithm of the share of errors, turned round."""
    return -np.log10(np.maximum(1 - np.asarray(accuracy, float), 1e-4))


def _unspread(position: Any) -> Array:
    return 1 - 10.0 ** -np.asarray(position, float)


def _ticks(low: float, high: float) -> list[float]:
    """Accuracies to be written at the scale of :func:`_spread`, neither too few nor too near."""
    nice = [0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999]
    if high - low < 0.03:
        nice = [float(tick) for tick in np.round(np.linspace(low, high, 5), 3)]
    least, most = float(_spread(low)), float(_spread(high))
    chosen: list[float] = []
    for tick in nice:
        if low - 1e-9 <= tick <= high + 1e-9:
            at = float(_spread(tick))
            if not chosen or at - float(_spread(chosen[-1])) > 0.06 * (most - least):
                chosen.append(tick)
    return chosen


def _per_cent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _accuracy_axis(axis: Any, accuracy: Array) -> None:
    """Give an axis of matplotlib the scale, the limits and the ticks of accuracies."""
    low, high = float(accuracy.min()), float(accuracy.max())
    axis.axes.set_yscale("function", functions=(_spread, _unspread))
    margin = 0.06 * (float(_spread(high)) - float(_spread(low))) or 0.01
    axis.axes.set_ylim(*_unspread(np.array([_spread(low) - margin, _spread(high) + margin])))
    axis.set_ticks(ticks := _ticks(low, high), [_per_cent(tick) for tick in ticks])
    axis.set_ticks([], minor=True)


# -- parallel coordinates --------------------------------------------------------------------------------------------


def parallel_coordinates(axes: Sequence[Axis], accuracy: Sequence[float | None], path: Path, title: str = "") -> None:
    """Draw each run as a line through its settings to its validation accuracy, which colours it.

    Runs without an accuracy are grey. Values of a few are spread a little, by accuracy; a run that has no value on an axis
    passes below it.

    Args:
        axes: the settings of N runs.
        accuracy: of the N runs; None for those that came to none.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        ValueError: no run has an accuracy.
        MissingExtraError: matplotlib is not installed.
    """
    found = _known(accuracy)
    figure = _figure(max(8.0, 1.5 * (len(axes) + 1)), 6.6)
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    panel = figure.subplots()
    order = np.argsort([-1.0 if value is None else value for value in accuracy], kind="stable")
    norm = Normalize(float(_spread(found.min())), float(_spread(found.max())))
    # a few bad runs must not take the colours from the others
    colours = ScalarMappable(Normalize(float(np.quantile(_spread(found), 0.25)), norm.vmax, clip=True), _COLOURS)
    heights = np.array([_heights(axis, order) for axis in axes])  # (A, N)
    last = np.array([math.nan if value is None else _share(norm, value) for value in accuracy])
    best = int(order[-1])
    for rank, run in enumerate(order):
        value = accuracy[run]
        column = heights[:, run] if value is None else np.append(heights[:, run], last[run])
        style: dict[str, Any] = {"color": _GREY, "linewidth": 0.8, "zorder": 1}
        if value is not None:
            weight = rank / max(len(order) - 1, 1)
            style = {"color": colours.to_rgba(_spread(value)), "linewidth": 1 + 1.2 * weight}
            style["zorder"] = 2 + weight
        if run == best:
            style |= {"color": _BEST, "linewidth": 3.2, "zorder": 4}
        panel.add_collection(LineCollection([_curve(column)], **style))
    for place, axis in enumerate(axes):
        _draw_axis(panel, place, axis.name, _marks(axis))
        if any(value is None for value in axis.values):
            _mark(panel, place, _ABSENT, "none", "0.45")
    shares = [(_share(norm, tick), _per_cent(tick)) for tick in _ticks(float(found.min()), float(found.max()))]
    _draw_axis(panel, len(axes), "validation\naccuracy", shares, to_the_right=True)
    said = f"best\n{_per_cent(round(float(found.max()), 4))}"
    panel.text(len(axes) + 0.4, last[best], said, color=_BEST, weight="bold", va="center", fontsize=11)
    panel.set_xlim(-0.35, len(axes) + 0.75)
    panel.set_ylim(_ABSENT - 0.07 if any(None in axis.values for axis in axes) else -0.06, 1.04)
    panel.axis("off")
    figure.suptitle(title, fontsize=14)
    save(figure, path, _DPI)


def _known(accuracy: Sequence[float | None]) -> Array:
    found = np.array([value for value in accuracy if value is not None], float)
    if not len(found):
        raise ValueError("no run has come to a validation accuracy, so there is nothing to draw")
    return found


def _share(norm: Any, value: float) -> float:
    """Where an accuracy stands between the ends of its axis."""
    return float(norm(float(_spread(value)))) if norm.vmax > norm.vmin else 0.5


def _heights(axis: Axis, order: Array) -> Array:
    """Where each run crosses an axis, 0 at its lower end and 1 at its upper."""
    if axis.choices:
        count = len(axis.choices)
        heights = np.full(len(axis.values), _ABSENT)
        for number, choice in enumerate(axis.choices):
            members = [run for run in order if axis.values[run] == choice and axis.values[run] is not None]
            offsets = np.linspace(-1, 1, len(members)) if len(members) > 1 else np.zeros(len(members))
            heights[members] = _slot(number, count) + offsets * min(0.3 / count, 0.055)
        return heights
    numbers, (low, high) = axis.numbers(), axis.limits()
    if axis.log:
        low, high = math.log10(low), math.log10(high)
    heights = (numbers - low) / (high - low) if high > low else np.full(len(numbers), 0.5)
    return np.where(np.isnan(numbers), _ABSENT, heights)


def _slot(number: int, count: int) -> float:
    return (number + 0.5) / count


def _curve(column: Array) -> Array:
    """A smooth line through one height on each axis, level where it crosses them: (P, 2)."""
    t = np.linspace(0, 1, _CURVE)
    ease = t * t * (3 - 2 * t)
    parts = [np.stack([i + t, a + (b - a) * ease], 1) for i, (a, b) in enumerate(pairwise(column))]
    return np.concatenate([*parts, [[len(column) - 1, column[-1]]]])


def _marks(axis: Axis) -> list[tuple[float, str]]:
    """What is written at an axis, and where."""
    if axis.choices:
        return [(_slot(i, len(axis.choices)), _text(choice)) for i, choice in enumerate(axis.choices)]
    low, high = axis.limits()
    if not high > low:
        return [(0.5, _text(low))]
    if axis.log:
        ends = math.log10(low), math.log10(high)
        decades = [10.0**k for k in range(math.ceil(ends[0] + 0.15), math.floor(ends[1] - 0.15) + 1)]
        return [((math.log10(v) - ends[0]) / (ends[1] - ends[0]), _text(v)) for v in (low, *decades, high)]
    from matplotlib.ticker import MaxNLocator

    ticks = [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
    return [((tick - low) / (high - low), _text(tick)) for tick in ticks]


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.2g}" if abs(value) < 1 else f"{value:.4g}"
    return text.replace("e-0", "e-").replace("e+0", "e+")


def _draw_axis(panel: Any, place: int, name: str, marks: Sequence[tuple[float, str]], to_the_right: bool = False) -> None:
    panel.plot([place, place], [0, 1], color="0.25", linewidth=1.2, zorder=5)
    panel.text(place, 1.05, name, ha="center", va="bottom", fontsize=11.5, weight="bold")
    for height, text in marks:
        _mark(panel, place, height, text, "black", to_the_right)


def _mark(panel: Any, place: int, height: float, text: str, colour: str, to_the_right: bool = False) -> None:
    side = 1 if to_the_right else -1
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.82}
    where = {"ha": "left" if to_the_right else "right", "va": "center"}
    panel.text(place + side * 0.06, height, text, fontsize=10, color=colour, bbox=box, zorder=6, **where)


# -- correlation and importance --------------------------------------------------------------------------------------


def correlations(axes: Sequence[Axis], accuracy: Sequence[float | None]) -> dict[str, float]:
    """Spearman's correlation of each setting with the accuracy, over the runs that have both.

    Of a setting whose values are no numbers each value has one: that of having it. Settings that do not vary have none.
    """
    target = np.array([math.nan if value is None else value for value in accuracy], float)
    found = {}
    for axis in axes:
        if axis.is_numeric:
            columns = {axis.name: axis.numbers()}
        else:
            columns = {
                f"{axis.name} {_text(choice)}": np.array([math.nan if v is None else float(v == choice) for v in axis.values])
                for choice in axis.choices
            }
        for name, column in columns.items():
            both = ~np.isnan(column) & ~np.isnan(target)
            if both.sum() > 3 and np.ptp(column[both]) > 0 and np.ptp(target[both]) > 0:
                found[name] = float(np.corrcoef(_ranks(column[both]), _ranks(target[both]))[0, 1])
    return found


def _ranks(values: Array) -> Array:
    """The rank of each value, equal ones sharing their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    return (ends - (count - 1) / 2)[place]


def influence(importance: Mapping[str, float], correlation: Mapping[str, float], path: Path, title: str = "") -> None:
    """Draw how much settings matter, beside the direction in which they do: bars, the greatest first.

    Args:
        importance: of each setting, shares of 1.
        correlation: of settings or of their values with the accuracy, -1 … 1.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(12.5, max(4.0, 1.6 + 0.3 * max(len(importance), len(correlation))))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    ranked = sorted(importance.items(), key=lambda pair: pair[1])
    bars = left.barh([name for name, _ in ranked], [share for _, share in ranked], color="#35608d", height=0.7)
    left.bar_label(bars, [f"{100 * share:.0f} %" for _, share in ranked], padding=4, fontsize=10)
    left.set_xlim(0, 1.18 * max([*importance.values(), 0.01]))
    left.set_title("importance", fontsize=12)
    left.set_xlabel("share in what sets the best runs apart")
    left.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    signed = sorted(correlation.items(), key=lambda pair: abs(pair[1]))
    colours = ["#2a788e" if r >= 0 else "#c2185b" for _, r in signed]
    bars = right.barh([name for name, _ in signed], [r for _, r in signed], color=colours, height=0.7)
    right.bar_label(bars, [f"{round(r, 2) + 0.0:+.2f}" for _, r in signed], padding=4, fontsize=9)
    right.axvline(0, color="0.25", linewidth=1)
    right.set_xlim(-1.15, 1.15)
    right.set_title("correlation with validation accuracy", fontsize=12)
    right.set_xlabel("← lower accuracy          Spearman's ρ          higher accuracy →")
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="x", alpha=0.3)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=10.5)
    figure.suptitle(title, fontsize=14)
    save(figure, path, _DPI)


# -- over trials, and setting by setting -----------------------------------------------------------------------------


def history(accuracy: Sequence[float | None], path: Path, title: str = "", pruned: Mapping[int, float] | None = None) -> None:
    """Draw the accuracy of each run in their order, and the best so far.

    Args:
        accuracy: of N runs; None for those that came to none.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.
        pruned: of those among them that were given up early, the last accuracy by their index.

    Raises:
        ValueError: no run has an accuracy.
        MissingExtraError: matplotlib is not installed.
    """
    found = _known(accuracy)
    early = dict(pruned or {})
    where = [i for i, value in enumerate(accuracy) if value is not None]
    failed = [i for i, value in enumerate(accuracy) if value is None and i not in early]
    figure = _figure(11.5, 5.0)
    panel = figure.subplots()
    everything = np.append(found, list(early.values()))
    _accuracy_axis(panel.yaxis, everything)
    panel.scatter([i + 1 for i in where], found, c=_spread(found), cmap=_COLOURS, s=46, zorder=3, label="complete")
    panel.step(
        [i + 1 for i in where], np.maximum.accumulate(found), where="post", color=_BEST, linewidth=2, label="best so far"
    )
    if early:
        panel.scatter([i + 1 for i in early], list(early.values()), marker="x", color="0.55", s=34, label="given up early")
    if failed:
        bottom = np.full(len(failed), panel.get_ylim()[0])
        panel.scatter([i + 1 for i in failed], bottom, marker="v", color="black", s=40, clip_on=False, label="failed", zorder=4)
    panel.set_xlabel("trial", fontsize=12)
    panel.set_ylabel("validation accuracy", fontsize=12)
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.set_xlim(0.2, len(accuracy) + 0.8)
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(loc="lower right", fontsize=10)
    figure.suptitle(title, fontsize=14)
    save(figure, path, _DPI)


def slices(axes: Sequence[Axis], accuracy: Sequence[float | None], path: Path, title: str = "") -> None:
    """Draw the accuracy over each setting by itself; of values that are some few also their medians.

    Args:
        axes: the settings of N runs.
        accuracy: of the N runs; None for those that came to none, which are left out.
        path: the file to write, .png, .svg or .pdf.
        title: above the picture.

    Raises:
        ValueError: no run has an accuracy.
        MissingExtraError: matplotlib is not installed.
    """
    found = _known(accuracy)
    columns = min(3, len(axes))
    rows = -(-len(axes) // columns)
    figure = _figure(4.3 * columns, 0.5 + 3.2 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for panel in grid.flat[len(axes) :]:
        panel.axis("off")
    for number, (panel, axis) in enumerate(zip(grid.flat, axes, strict=False)):
        _accuracy_axis(panel.yaxis, found)
        _slice(panel, axis, accuracy)
        panel.set_title(axis.name, fontsize=12, weight="bold")
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
        if number % columns == 0:
            panel.set_ylabel("validation accuracy")
    figure.suptitle(title, fontsize=14)
    save(figure, path, _DPI)


def _slice(panel: Any, axis: Axis, accuracy: Sequence[float | None]) -> None:
    """One panel of :func:`slices`."""
    pairs = [(value, got) for value, got in zip(axis.values, accuracy, strict=True) if value is not None and got is not None]
    style: dict[str, Any] = {"color": "#35608d", "s": 30, "alpha": 0.7, "edgecolors": "none"}
    if not axis.choices:
        panel.scatter([value for value, _ in pairs], [got for _, got in pairs], **style)
        if axis.log:
            panel.set_xscale("log")
            panel.xaxis.set_major_formatter(lambda value, _: _text(float(value)))  # without formulas, as texts have none
            panel.xaxis.set_minor_formatter("")
        return
    for number, choice in enumerate(axis.choices):
        values = sorted(got for value, got in pairs if value == choice)
        offsets = 0.22 * np.sin(2.4 * np.arange(len(values)))  # side by side, and the same in every picture
        panel.scatter(number + offsets, values, **style)
        if values:
            middle = float(np.median(values))
            panel.plot([number - 0.33, number + 0.33], [middle, middle], color=_BEST, linewidth=2.5)
    texts = [_text(choice) for choice in axis.choices]
    crowded = sum(map(len, texts)) > 30
    panel.set_xticks(range(len(texts)), texts, rotation=30 if crowded else 0, ha="right" if crowded else "center")
    panel.set_xlim(-0.6, len(texts) - 0.4)
