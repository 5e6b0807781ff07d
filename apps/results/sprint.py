"""The sprint: the processor time that a row's training takes until it gets a given share of the validation images right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .records import Row

THRESHOLDS = (0.90, 0.92, 0.93, 0.94)
FEWEST = 3  # with fewer seeds a row is not compared: one split of the training images may be an easy one


class Time(NamedTuple):
    """When a row gets there: after which epoch, with how many CPU seconds in the mean, and in the quickest and slowest seed."""

    row: Row
    epoch: int
    cpu_seconds: float
    least: float
    most: float


class Curve(NamedTuple):
    """A row's training, an entry for each epoch, means over its seeds; ``each`` has the CPU seconds of each seed."""

    accuracy: list[float]
    cpu_seconds: list[float]
    each: list[list[float]]


def curve_of(row: Row) -> Curve | None:
    """The curve of a row; None if no run held images out, or told its CPU seconds."""
    accuracies = [record["epochs"]["validation_accuracy"] for record in row.records]
    times = [record["epochs"]["cpu_seconds"] for record in row.records]
    length = min((len(column) for column in accuracies), default=0)
    if not length or any(value is None for column in (*accuracies, *times) for value in column):
        return None
    each = [[float(value or 0.0) for value in column] for column in times]
    return Curve(
        [math.fsum(column[i] or 0.0 for column in accuracies) / len(accuracies) for i in range(length)],
        [math.fsum(column[i] for column in each) / len(each) for i in range(length)],
        each,
    )


def time_to(row: Row, accuracy: float) -> Time | None:
    """When the mean over a row's seeds first reaches an accuracy; None if it does not, or if too few seeds are measured."""
    curve = curve_of(row) if len(row.records) >= FEWEST else None
    if curve is None:
        return None
    there = [i for i, value in enumerate(curve.accuracy) if value >= accuracy]
    if not there:
        return None
    times = [column[there[0]] for column in curve.each]
    return Time(row, there[0] + 1, curve.cpu_seconds[there[0]], min(times), max(times))


def best(rows: Sequence[Row], accuracy: float) -> Time | None:
    """The least processor time of all rows; None if none gets there."""
    found = [time for row in rows if (time := time_to(row, accuracy)) is not None]
    return min(found, key=lambda time: time.cpu_seconds, default=None)
