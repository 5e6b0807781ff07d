"""The README's part of the results: the rows that are measured, a line each, and the sprint."""

from __future__ import annotations

from . import sprint
from .page import Results, score, title_of
from .words import paragraph, per_cent, table

PART = "results"  # between the marks <!-- results --> and <!-- end of results -->


def readme_part(results: Results) -> str:
    """What stands between the marks."""
    rows = [row for row in results.rows if row.records]
    if not rows:
        return "Nothing is measured yet: `python -m apps reproduce --all`."
    head = ("model", "parameters", "test accuracy", "processor time", "`python -m apps reproduce …`")
    lines = []
    for row in rows:
        cpu = row.mean_of("cpu_seconds")
        time = "–" if cpu is None else f"{cpu:,.0f} s"
        lines.append([title_of(row), f"{row.records[0]['parameters']:,}", score(row, row.flipped), time, f"`{row.name}`"])
    reached = [(threshold, sprint.best(results.rows, threshold)) for threshold in sprint.THRESHOLDS]
    told = [f"{per_cent(at, 0)} in {time.cpu_seconds:,.0f} s ({title_of(time.row)})" for at, time in reached if time]
    text = (
        paragraph("Sprint, the least processor time to get so many validation images right:", ", ".join(told) + ".")
        if told
        else ""
    )
    return "\n\n".join(part for part in (table(head, lines), text) if part)
