"""The text of docs/results.md, made of the records alone: no number in it is typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tinygrad_fm.training.recipes import RECIPES

from . import data_audit, records, sprint
from .comparisons import Comparisons
from .other_sections import audit_section, comparisons_section
from .records import Record, Row, mean_and_deviation
from .rows import HUMANS, HUMANS_SOURCE, TARGETS, Target
from .words import count, image, operations, paragraph, per_cent, table

_NO_TARGET = Target("", "–", "–", None)
_NOT_YET = "not measured yet"


class Results(NamedTuple):
    """All that the page is made of."""

    rows: list[Row]
    comparisons: Comparisons
    audit: data_audit.Record | None


def read_results(folder: Path) -> Results:
    """The records in a folder. Raises ValueError if one is damaged."""
    rows = [Row(name, recipe, folder) for name, recipe in RECIPES.items()]
    return Results(rows, Comparisons(folder / "comparisons.json"), records.read(folder / "audit.json", data_audit.Record))


def page(results: Results) -> str:
    """The whole page."""
    rows = results.rows
    parts = [_head(), _table(rows), _notes(rows), _shortfalls(rows), _sprint(rows)]
    if best := best_of(rows):
        parts += [_confusions(best, rows), _calibration(rows), _mistakes(best)]
    parts += [comparisons_section(results.comparisons), audit_section(results.audit), _again()]
    return "\n\n".join(part for part in parts if part) + "\n"


def best_of(rows: Sequence[Row]) -> Row | None:
    """The row with the highest mean accuracy; None if none is measured."""
    measured = [row for row in rows if row.records]
    return max(measured, key=lambda row: mean_and_deviation(row.accuracies())[0], default=None)


def title_of(row: Row) -> str:
    """What a row is called."""
    return TARGETS.get(row.name, _NO_TARGET).title or row.name


# -- the table -----------------------------------------------------------------------------------------------------------


def _head() -> str:
    return """# Results

What the models of this project reach on Fashion-MNIST, on a processor, and the command that repeats each line. This page is
written by `python -m apps reproduce` from the records in `docs/results/`, a file for each run; no number in it is typed.

Each row is a recipe (`tinygrad_fm/training/recipes.py`), trained once for each seed. A seed decides the initial weights, which
5,000 training images are held out for validation, the order, augmentation and dropout. Settings were chosen on the images held
out; that a row missed its target was a reason to choose them anew, in the same way. The test images are looked at once, at the
end of a run, with the weights of its last epoch (of the best one on the images held out, where a recipe stops early).

## The table"""


def _table(rows: Sequence[Row]) -> str:
    head = (
        "model",
        "parameters",
        "test accuracy",
        "with each image's mirror image",
        "target",
        "processor time",
        "budget, on two cores",
        "operations",
        "others",
        "command",
    )
    humans = [
        "people without expertise in fashion",
        "",
        per_cent(HUMANS, 1),
        *[""] * 5,
        f"1,000 test images, three people each: [Fashion-MNIST's page]({HUMANS_SOURCE})",
        "",
    ]
    return table(head, [*map(_row_line, rows), humans])


def _row_line(row: Row) -> list[str]:
    target = TARGETS.get(row.name, _NO_TARGET)
    wanted = "–" if target.accuracy is None else per_cent(target.accuracy, 1)
    if target.goal is not None:
        wanted += f", goal {per_cent(target.goal, 1)}"
    command = f"`python -m apps reproduce {row.name}`"
    if not row.records:
        return [title_of(row), target.limit, _NOT_YET, "", wanted, "", target.budget, "", target.others, command]
    plain, flipped = (f"**{score(row, flips)}**" if row.flipped == flips else score(row, flips) for flips in (False, True))
    cpu, flops = row.mean_of("cpu_seconds"), row.operations
    return [
        title_of(row),
        f"{row.records[0]['parameters']:,}",
        plain,
        flipped,
        wanted,
        "–" if cpu is None else f"{cpu:,.0f} s",
        target.budget,
        "–" if flops is None else operations(flops),
        target.others,
        command,
    ]


def score(row: Row, flipped: bool) -> str:
    """Mean and standard deviation of a row's test accuracies, with each image's mirror image or without."""
    mean, deviation = mean_and_deviation(row.accuracies(flipped))
    return f"{100 * mean:.2f} %" if deviation is None else f"{100 * mean:.2f} ± {100 * deviation:.2f} %"


def _notes(rows: Sequence[Row]) -> str:
    """What the columns are, which seeds lack, and which records do not count."""
    lines = [
        paragraph(
            "Accuracies are means ± standard deviations (with n − 1) over the seeds, of 10,000 test images. Bold",
            "is how the recipe",
            "evaluates: with the probabilities of each image and its mirror image averaged, or without.",
            "Processor time is that of",
            "all threads together, the mean of the runs. Operations are those of the whole",
            "training: six for each multiplication of the forward pass, with its addition and the two pairs of",
            "the backward pass; with Muon, also those of the matrix products that make its steps orthogonal.",
        )
    ]
    machines = sorted({_machine(record) for row in rows for record in row.records})
    if machines:
        lines.append(paragraph("Measured " + "; ".join(machines) + "."))
    incomplete = [
        f"- {row.name}: {len(row.records)} of {len(row.recipe.seeds)} seeds so far."
        for row in rows
        if row.records and row.missing
    ]
    incomplete += [
        f"- {row.name}: trained on all images, with none held out." for row in rows if row.records and not row.config.validation
    ]
    stale = [f"- {row.name}, {text}: not counted, the recipe has changed since." for row in rows for text in row.left_out]
    return "\n\n".join([*lines, *(["\n".join([*incomplete, *stale])] if incomplete or stale else [])])


def _machine(record: Record) -> str:
    found = record["environment"]
    kernels = "NumPy's kernels" if found.get("kernels", "numpy") == "numpy" else f"{found['kernels']} kernels"
    return (
        f"with {count(int(found['threads']), 'thread')} and {kernels}, NumPy {found['numpy']}, Python {found['python']}, "
        f"{found['machine']}"
    )


def _shortfalls(rows: Sequence[Row]) -> str:
    parts = []
    for row in rows:
        target = TARGETS.get(row.name, _NO_TARGET).accuracy
        if not row.records or target is None:
            continue
        mean, _ = mean_and_deviation(row.accuracies())
        if round(mean, 4) < target:
            tried = row.recipe.shortfall or "What was tried is not written down in its recipe yet."
            by = f"{100 * (target - mean):.2f} points"
            parts.append(paragraph(f"**{title_of(row)}** misses its target of {per_cent(target, 1)} by {by}. {tried}"))
    return "\n\n".join(["## Where a target is missed", *parts]) if parts else ""


# -- the sprint ----------------------------------------------------------------------------------------------------------


def _sprint(rows: Sequence[Row]) -> str:
    text = paragraph(
        f"How little processor time does it take to get {_listed(sprint.THRESHOLDS)} right? For each row,",
        "after each epoch, the",
        "validation accuracies of its seeds are averaged (each seed holds out other training images). The",
        "time to a threshold is",
        "the mean of the seeds' processor time when that average first reaches it; the range is from the",
        "quickest to the slowest",
        "seed. It counts all threads, the validation after each epoch, and whatever else the training does. A row needs",
        f"{sprint.FEWEST} seeds. The test images are not asked. A training whose schedule was made for fewer",
        "epochs would be there",
        "sooner: that is what the rows `sprint_93` and `sprint_94` are for.",
        _above_the_test(rows),
    )
    head = ("validation accuracy", "record", "row", "epoch", "seeds", "range")
    parts = [
        "## The sprint",
        text,
        table(head, (_record_line(threshold, sprint.best(rows, threshold)) for threshold in sprint.THRESHOLDS)),
    ]
    timed = [row for row in rows if sprint.curve_of(row) is not None]
    if timed:
        columns = ["row", "seeds", *(f"to {per_cent(threshold, 0)}" for threshold in sprint.THRESHOLDS)]
        parts += ["All rows:", table(columns, map(_times_line, timed))]
        parts.append(image("curves.png", "Validation accuracy over processor time, all rows"))
    return "\n\n".join(parts)


def _above_the_test(rows: Sequence[Row]) -> str:
    """By how much validation accuracies are kinder than test accuracies."""
    pairs = [(row.mean_of("validation_accuracy"), mean_and_deviation(row.accuracies())[0]) for row in rows if row.records]
    above = [100 * (validation - test) for validation, test in pairs if validation is not None]
    if not above:
        return ""
    mean, _ = mean_and_deviation(above)
    return (
        f"Validation accuracies are {mean:+.2f} points from the test accuracies at the end of a run, in the mean of all rows."
    )


def _listed(shares: Sequence[float]) -> str:
    *first, last = (f"{100 * share:.0f}" for share in shares)
    return f"{', '.join(first)} or {last} %"


def _record_line(threshold: float, found: sprint.Time | None) -> list[str]:
    if found is None:
        return [per_cent(threshold, 0), "not reached yet", "", "", "", ""]
    time, span = f"**{found.cpu_seconds:,.0f} s**", f"{found.least:,.0f} to {found.most:,.0f} s"
    return [per_cent(threshold, 0), time, title_of(found.row), f"{found.epoch}", f"{len(found.row.records)}", span]


def _times_line(row: Row) -> list[str]:
    times = [sprint.time_to(row, threshold) for threshold in sprint.THRESHOLDS]
    return [title_of(row), f"{len(row.records)}", *("–" if time is None else f"{time.cpu_seconds:,.0f} s" for time in times)]


# -- what models get wrong, and how sure they are --------------------------------------------------------------------------


def shown(best: Row, rows: Sequence[Row]) -> list[Row]:
    """The rows that are looked at closely: the best, and the MLP."""
    return [best, *(row for row in rows if row.name == "mlp" and row.records and row is not best)]


def _confusions(best: Row, rows: Sequence[Row]) -> str:
    parts = ["## What is taken for what", "All seeds together, so 10,000 test images for each."]
    for row in shown(best, rows):
        parts.append(image(f"confusion-{row.name}.png", f"Confusion matrix of {title_of(row).replace('`', '')}"))
    return "\n\n".join(parts)


def _calibration(rows: Sequence[Row]) -> str:
    text = """## How sure, and how right

A model that is 80 % sure should be right four times in five. The expected calibration error (15 bins of confidence; [Guo and
others 2017](https://arxiv.org/abs/1706.04599)) is by how much it is not, in the mean. Dividing the logits by one number, the
temperature, mends most of that and changes no prediction. It is fitted on the validation images: above 1 the model was too
sure, below 1 not sure enough, as label smoothing makes it. Means over the seeds, test images:"""
    head = ("row", "error before", "after", "temperature", "test loss before", "after")
    lines = ([title_of(row), *_calibration_of(row.records)] for row in rows if row.records)
    picture = image("reliability.png", "Reliability diagrams, before and after temperature scaling")
    return "\n\n".join([text, table(head, lines), picture])


def _calibration_of(runs: Sequence[Record]) -> list[str]:
    before = [record["calibration"]["before"] for record in runs]
    after = [bins for record in runs if (bins := record["calibration"]["after"]) is not None]
    heat = [value for record in runs if (value := record["calibration"]["temperature"]) is not None]

    def mean(values: Sequence[float], pattern: str) -> str:
        return pattern.format(mean_and_deviation(values)[0]) if values else "–"

    return [
        mean([100 * bins["error"] for bins in before], "{:.2f} %"),
        mean([100 * bins["error"] for bins in after], "{:.2f} %"),
        mean(heat, "{:.2f}"),
        mean([bins["loss"] for bins in before], "{:.4f}"),
        mean([bins["loss"] for bins in after], "{:.4f}"),
    ]


def _mistakes(best: Row) -> str:
    seed = best.records[0]["seed"]
    return "\n\n".join(
        [
            "## The most confident mistakes",
            f"Test images that {title_of(best)} (seed {seed}) is most sure about, and wrong. Some have labels that people "
            "would not give them.",
            image("mistakes.png", "The most confident mistakes"),
        ]
    )


def _again() -> str:
    return """## Again

```sh
python -m apps reproduce mlp lenet_5000
python -m apps reproduce --all --jobs 2
python -m apps reproduce --check mlp
python -m apps reproduce --write
```

The first two train what has no record yet, seed by seed, and write this page anew; stopped and started again they go on where
they were. `--check` trains one seed anew, in a folder of its own, and says whether it lies within the noise: at most 0.5 points
from the row's mean, or three standard deviations if these are more; if not, its exit code is 1. `--write` only writes the
page."""
