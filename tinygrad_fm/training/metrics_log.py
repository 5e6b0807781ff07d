"""metrics.jsonl: a line of JSON for every step and every epoch, appended while a run trains."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypedDict

from ..atomic_files import PATIENCE, lock
from ..errors import CheckpointError
from ..schema import Count, Finite, check, from_json


class _OfStepsWithSmoothing(TypedDict, total=False):
    cross_entropy: Finite


class StepRecord(_OfStepsWithSmoothing):
    """One training step. ``cross_entropy`` is the loss without label smoothing, where ``loss`` is with it."""

    kind: Literal["step"]
    step: Count
    epoch: Count
    loss: Finite
    accuracy: Finite
    lr: Finite


class _OfSomeEpochs(TypedDict, total=False):
    train_cross_entropy: Finite
    val_loss: Finite
    val_accuracy: Finite
    cpu_seconds: Finite


class EpochRecord(_OfSomeEpochs):
    """One epoch: means over its steps, the validation after it if images are held out for one, and the time since the run
    began, on the clock and of processors (in runs of earlier versions the clock's alone)."""

    kind: Literal["epoch"]
    epoch: Count
    step: Count
    train_loss: Finite
    train_accuracy: Finite
    lr: Finite
    seconds: Finite


_RECORDS: dict[Any, Any] = {"step": StepRecord, "epoch": EpochRecord}


class _AnyRecord(TypedDict):
    kind: Literal["step", "epoch"]


def read_metrics(path: Path, size: int | None = None) -> Iterator[dict[str, Any]]:
    """The records of the file in order, or of its first ``size`` bytes; none if there is no file.

    A last line without its end is left out: it is being written, or its writer was killed. Raises CheckpointError naming
    the first line that is damaged.
    """
    if not path.exists():
        return
    with open(path, "rb") as file:
        for number, line in enumerate(io.BytesIO(file.read(-1 if size is None else size)), 1):
            if not line.endswith(b"\n"):
                return
            try:
                record = read_record(line)
            except ValueError as error:
                raise CheckpointError(
                    f"{path}, line {number} is damaged: {error}. Remove the line, or the whole file to go on without what it "
                    "tells"
                ) from error
            yield record


def read_record(line: bytes) -> dict[str, Any]:
    """The record of a step or an epoch that one line holds. Raises ValueError if it holds none."""
    record: dict[str, Any] = from_json(line, _AnyRecord)
    check(record, _RECORDS[record["kind"]])
    return record


class MetricsLog:
    """The file, open for appending: each record is in the system's hands when ``append`` returns.

    It is locked, so that two processes cannot train into one folder.

    Args:
        path: the file; made if it is not there.

    Raises:
        CheckpointError: another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = open(path, "ab", buffering=0)  # noqa: SIM115  # open as long as the run
        if not lock(self._file, PATIENCE):
            self._file.close()
            raise CheckpointError(f"{path.parent} is being trained into by another process")
        self.size = self._file.seek(0, io.SEEK_END)

    def keep(self, size: int) -> bool:
        """Cut the file back to its first ``size`` bytes, and to whole lines; returns whether that many were there."""
        with open(self._path, "rb") as file:
            kept = file.read(size)
        self.size = kept.rfind(b"\n") + 1
        self._file.truncate(self.size)
        return self.size == size

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record as one line."""
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        if self._file.write(line) != len(line):
            raise OSError(28, "the line of metrics.jsonl could not be written whole: is the disk full?")
        self.size += len(line)

    def sync(self) -> None:
        """Return only when all records are on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file, and let others have it."""
        self._file.close()
