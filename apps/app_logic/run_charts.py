"""The charts of the page of runs, as Vega-Altair makes them: curves, and a confusion matrix whose cells can be clicked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from tinygrad_fm.viz.plots import smoothed

_MOST_POINTS = 300  # of a curve: the page draws it anew each second
_MOST_DOTS = 60
_COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"]
TRAINING, VALIDATION = "training, averaged", "validation"


def curve_points(name: str, records: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """The points of a run's curves of "loss" or "accuracy": the training's average and the validation's, thinned out.

    The loss of a run with label smoothing is that without it, as the validation's is, where the records have that.
    """
    steps = [record for record in records if record["kind"] == "step"]
    unsmoothed = key == "loss" and any("cross_entropy" in record for record in steps)
    average = smoothed([record.get("cross_entropy", record[key]) if unsmoothed else record[key] for record in steps])
    epochs = [record for record in records if record["kind"] == "epoch" and f"val_{key}" in record]
    points = [(TRAINING, steps[i]["step"], float(average[i])) for i in _spread(len(steps))]
    points += [(VALIDATION, epochs[i]["step"], epochs[i][f"val_{key}"]) for i in _spread(len(epochs))]
    return [{"run": name, "curve": what, "step": step, key: value} for what, step, value in points]


def _spread(count: int) -> list[int]:
    """Of ``count`` points those that are drawn: at most ``_MOST_POINTS``, the first and the last among them."""
    return [round(i) for i in np.linspace(0, count - 1, min(count, _MOST_POINTS))]


def curves(runs: Mapping[str, Sequence[Mapping[str, Any]]], key: str) -> Any:
    """The curves of "loss" or "accuracy" of several runs over one another.

    Args:
        runs: the records of metrics.jsonl by the name of the run.
        key: which.
    """
    points = [point for name, records in runs.items() for point in curve_points(name, records, key)]
    colours = [_COLOURS[i % len(_COLOURS)] for i in range(len(runs))]
    below = alt.Legend(orient="bottom", columns=1, title=None, labelLimit=300, symbolType="stroke", symbolStrokeColor="gray")
    form = alt.Axis(format="%" if key == "accuracy" else "")
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1, format=",d")),
        y=alt.Y(f"{key}:Q", title=key, scale=alt.Scale(domain=_range(points, key), nice=True), axis=form),
        color=alt.Color("run:N", scale=alt.Scale(domain=list(runs), range=colours), legend=below),
        tooltip=["run:N", "curve:N", "step:Q", alt.Tooltip(f"{key}:Q", format=".4f" if key == "loss" else ".2%")],
    )
    dash = alt.StrokeDash("curve:N", scale=alt.Scale(domain=[TRAINING, VALIDATION], range=[[1, 0], [5, 3]]), legend=below)
    lines = base.mark_line(strokeWidth=1.8, clip=True).encode(strokeDash=dash)
    few = sum(point["curve"] == VALIDATION for point in points) <= _MOST_DOTS
    dots = base.transform_filter(alt.datum.curve == VALIDATION).mark_point(filled=True, size=30, opacity=1, clip=True)
    return alt.layer(lines, *([dots] if few else [])).properties(height=340)


def _range(points: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    """What the axis shows: validation, and training after its first steps, in which losses fall and accuracies rise fast."""
    last = max((point["step"] for point in points), default=0)
    first = last / (20 if key == "loss" else 5)
    shown = [point[key] for point in points if point["curve"] == VALIDATION or point["step"] >= first] or [0.0, 1.0]
    margin = 0.06 * (max(shown) - min(shown)) or 0.01
    most = max(shown) + margin
    return [max(min(shown) - margin, 0.0), min(most, 1.0) if key == "accuracy" else most]


def confusion(matrix: Any, classes: Sequence[str], chosen: tuple[int, int] | None = None) -> Any:
    """A confusion matrix (K, K): true labels are rows, predicted ones columns; a click selects a cell as ``cell``."""
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    cells = [
        {
            "true label": classes[i],
            "predicted label": classes[j],
            "images": int(matrix[i, j]),
            "share": float(shares[i, j]),
            "chosen": (i, j) == chosen,
        }
        for i in range(len(classes))
        for j in range(len(classes))
    ]
    base = alt.Chart(alt.Data(values=cells)).encode(
        x=alt.X("predicted label:N", sort=list(classes), axis=alt.Axis(labelAngle=-45, labelOverlap=False)),
        y=alt.Y("true label:N", sort=list(classes)),
    )
    colour = alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=None)
    ink = alt.condition(alt.datum.share > 0.5, alt.value("white"), alt.value("black"))
    numbers = base.transform_filter(alt.datum.images > 0).mark_text(fontSize=11).encode(text="images:Q", color=ink)
    # the layer that is clicked lies over the numbers
    click = alt.selection_point(name="cell", fields=["true label", "predicted label"], on="click", clear=False, toggle=False)
    share = alt.Tooltip("share:Q", title="of the true label", format=".1%")
    border = alt.condition(alt.datum.chosen, alt.value("#d62728"), alt.value("transparent"))
    over = (
        base.mark_rect(fillOpacity=0, strokeWidth=3, cursor="pointer")
        .encode(stroke=border, tooltip=["true label:N", "predicted label:N", "images:Q", share])
        .add_params(click)
    )
    return alt.layer(base.mark_rect().encode(color=colour), numbers, over).properties(height=440)
