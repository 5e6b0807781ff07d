"""The pictures of docs/results.md, made of the records; that of the mistakes also of the test images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tinygrad_fm.data import load_splits
from tinygrad_fm.data.image_dataset import CLASSES
from tinygrad_fm.errors import DataError
from tinygrad_fm.viz import plots, result_plots
from tinygrad_fm.viz.result_plots import Bars, Score

from . import data_audit, sprint
from .comparisons import GROUPS, SEEDS, Comparisons
from .other_sections import TITLES
from .page import Results, best_of, shown, title_of
from .records import Bins, Row
from .rows import HUMANS
from .words import per_cent


def draw(results: Results, folder: Path) -> list[str]:
    """Write the pictures into a folder.

    Returns what could not be drawn, in words. Raises MissingExtraError without matplotlib.
    """
    _comparisons(results.comparisons, folder / "comparisons.png")
    failed = []
    if best := best_of(results.rows):
        _of_rows(results.rows, best, folder)
        failed += _with_images(lambda: _mistakes(best, folder / "mistakes.png"), "mistakes.png")
    if (found := results.audit) is not None:
        what = "duplicates.png, mislabelled.png"
        failed += _with_images(lambda: data_audit.draw(found, _sets_of(found), folder), what)
    return failed


def _with_images(make: Callable[[], object], what: str) -> list[str]:
    """Draw what shows images of the data set; says so if they are not there."""
    try:
        make()
    except DataError as error:
        return [f"{what}: left as it was: {error}"]
    return []


def _sets_of(record: data_audit.Record) -> data_audit.Sets:
    return data_audit.sets_of(record["dataset"]["choice"], record["settings"]["train_size"])


def _comparisons(comparisons: Comparisons, path: Path) -> None:
    groups = {
        TITLES[group]: [Score(choice.name, choice.accuracies) for choice in found]
        for group in GROUPS
        if (found := comparisons.found(group))
    }
    if groups:
        title = f"MLP, {comparisons.base.epochs} epochs: validation accuracy, {len(SEEDS)} seeds"
        result_plots.score_groups(groups, path, title)


def _of_rows(rows: Sequence[Row], best: Row, folder: Path) -> None:
    _curves(rows, folder / "curves.png")
    for before in folder.glob("confusion-*.png"):  # another row may have been the best
        before.unlink()
    for row in shown(best, rows):
        matrix = sum(np.array(record["confusion"]) for record in row.records)
        seeds = len(row.records)
        title = f"{_name(row)}: test images by label, {seeds} seed{'s' * (seeds > 1)}"
        plots.confusion(np.asarray(matrix), CLASSES, folder / f"confusion-{row.name}.png", title)
    result_plots.reliability_diagrams(
        {_name(row): _diagrams(row) for row in shown(best, rows)}, folder / "reliability.png", "How sure, and how right"
    )


def _name(row: Row) -> str:
    return title_of(row).replace("`", "")


def _curves(rows: Sequence[Row], path: Path) -> None:
    found = {_name(row): curve for row in rows if (curve := sprint.curve_of(row)) is not None}
    if found:
        lines = {name: (curve.cpu_seconds, curve.accuracy) for name, curve in found.items()}
        result_plots.validation_curves(
            lines, path, "Fashion-MNIST: validation accuracy over processor time", {f"people, {per_cent(HUMANS, 1)}": HUMANS}
        )


def _diagrams(row: Row) -> dict[str, Bars]:
    every = [record["calibration"] for record in row.records]
    found = {"as trained": _together([calibration["before"] for calibration in every])}
    if after := [bins for calibration in every if (bins := calibration["after"]) is not None]:
        found["with temperature"] = _together(after)
    return found


def _together(every: Sequence[Bins]) -> Bars:
    """The diagrams of several seeds as one; its error is the mean of theirs, as in the table."""
    counts = np.array([bins["counts"] for bins in every])
    total = np.maximum(counts.sum(0), 1)
    confidence, accuracy = (
        (counts * np.array([bins[key] for bins in every])).sum(0) / total for key in ("confidence", "accuracy")
    )
    error = float(np.mean([bins["error"] for bins in every]))
    return Bars(counts.sum(0).tolist(), confidence.tolist(), accuracy.tolist(), error)


def _mistakes(row: Row, path: Path) -> None:
    record = row.records[0]
    test = load_splits(record["dataset"]["choice"], download=False, size=row.config.train_size).test
    captioned = []
    for mistake in record["mistakes"]:
        image, true = mistake["image"], mistake["true"]
        if not image < len(test) or test.targets[image] != true:
            raise DataError(f"the test images here are others than those of the record: {test.name}")
        text = plots.caption(CLASSES[mistake["predicted"]], mistake["probability"], CLASSES[true], "\n")
        captioned.append(plots.Captioned(test.data[image], text))
    plots.image_grid([captioned], path, f"The most confident mistakes of {_name(row)}, seed {record['seed']}")
