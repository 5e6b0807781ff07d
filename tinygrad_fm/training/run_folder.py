"""The run folder: everything that one training run leaves behind, in files that other programs can read.

config.json          settings, environment, data set
metrics.jsonl        one line per step and per epoch
checkpoints/         last.npz, best.npz, step-1000.npz …
summary.json         the result, once the run is finished
graph.svg            the model's computation graph; graph.gv where Graphviz is not installed
curves.png, confusion.png, samples.png
filters.png, features.png   of a model with convolutions
evaluation/          what ``python -m apps evaluate`` found
process.log, process.json   of a run that the app started: what it said, and which process it is
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypedDict

from ..atomic_files import put_in_place, write_atomically
from ..errors import CheckpointError
from ..schema import Count, Finite, Json, from_json
from .config import Environment
from .metrics_log import MetricsLog, read_metrics

_UNFINISHED = re.compile(r"\.(npz|json|svg|gv|png)\..+\.tmp$|\.link\.tmp$")  # names of write_atomically and best_is_last
PROCESS_LOG, PROCESS_FACTS = "process.log", "process.json"  # written before the run begins
_STEP = re.compile(r"step-(\d{1,18})\.npz")


class DatasetEntry(TypedDict):
    """What config.json says of the data."""

    name: str
    choice: Literal["fashion-mnist", "synthetic"]
    digest: str


class ConfigFile(TypedDict):
    """What is read of config.json; ``settings`` are those of :class:`~.config.Config`."""

    settings: Json
    environment: Environment
    dataset: DatasetEntry
    model: Json


class ClassScores(TypedDict):
    """How well one class is told from the others."""

    precision: Finite
    recall: Finite


class SummaryFile(TypedDict):
    """What is read of summary.json."""

    parameters: Count
    dataset: str
    test_accuracy: Finite
    test_loss: Finite
    weights: Literal["last", "best"]
    seconds_per_epoch: Finite
    per_class: dict[str, ClassScores]


class RunFolder:
    """The files of a run at ``path``; making this object touches none of them.

    >>> RunFolder("runs/a").last.as_posix()
    'runs/a/checkpoints/last.npz'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.last = self.checkpoints / "last.npz"
        self.best = self.checkpoints / "best.npz"
        self.metrics = self.path / "metrics.jsonl"
        self._log: MetricsLog | None = None  # while it is locked

    # -- making, opening, locking ------------------------------------------------------------------------------------

    def check_free(self) -> None:
        """Raise FileExistsError unless a run can begin here: there is nothing, or only what a process left that was killed
        while it made the folder."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise FileExistsError(f"{self.path} is not a folder: choose another --out")
        if any(map(_is_something, self.path.iterdir())):
            again = f"--resume {self.path}"
            raise FileExistsError(f"{self.path} is not empty: choose another --out, or go on with the run in it by {again}")

    @contextmanager
    def created(self) -> Iterator[MetricsLog]:
        """Make the folder, and lock it within. Raises OSError if it cannot be made, FileExistsError if there is something in
        it, CheckpointError if another process makes it too."""
        self.check_free()
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        with self.locked() as log:
            self.check_free()  # another process may have been quicker, and be through with it already
            self._sweep()
            yield log

    @contextmanager
    def opened(self) -> Iterator[ConfigFile]:
        """Lock the folder of a run, then remove what a killed process left half-written; gives config.json.

        Raises CheckpointError if this is no run's folder, or another process trains into it.
        """
        config = self.read_config()
        self.checkpoints.mkdir(exist_ok=True)
        with self.locked():
            self._sweep()
            yield config

    @contextmanager
    def locked(self) -> Iterator[MetricsLog]:
        """No other process trains into the folder within; gives its open metrics.jsonl. Whoever has locked it may do so again.

        Raises CheckpointError if another process has.
        """
        if self._log is not None:
            yield self._log
            return
        self._log = MetricsLog(self.metrics)
        try:
            yield self._log
        finally:
            self._log.close()
            self._log = None

    def _sweep(self) -> None:
        for leftover in [*self.path.glob("*.tmp"), *self.checkpoints.glob("*.tmp")]:
            if not _is_something(leftover):
                leftover.unlink(missing_ok=True)

    # -- config.json and summary.json --------------------------------------------------------------------------------

    def read_config(self) -> ConfigFile:
        """config.json. Raises CheckpointError if this is not the folder of a run."""
        if not self.path.is_dir():
            hint = f"; give the run's folder, {self.path.parent.parent}" if self.path.suffix == ".npz" else ""
            raise CheckpointError(f"{self.path} is no folder{hint}")
        config: ConfigFile | None = self.read_json("config.json", ConfigFile)
        if config is not None:
            return config
        hint = ""
        if (self.path / "checkpoints").is_dir() and not any(map(_is_something, self.path.iterdir())):
            hint = f". The run in it was stopped before it had begun: start it anew, with --out {self.path}"
        raise CheckpointError(f"{self.path} is not the folder of a run: it has no config.json{hint}")

    def read_summary(self) -> SummaryFile | None:
        """summary.json, which is there once the run is finished; else None."""
        summary: SummaryFile | None = self.read_json("summary.json", SummaryFile)
        return summary

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def has_begun(self) -> bool:
        """Whether there is a checkpoint to go on from. Raises CheckpointError if only the last one is gone."""
        if not self.last.exists() and self.all_checkpoints():
            raise CheckpointError(
                f"{self.last} is not there. To go on from another checkpoint of the run, copy it to that name: "
                f"{', '.join(path.name for path in self.all_checkpoints())}"
            )
        return self.last.exists()

    def best_is_last(self) -> None:
        """Let the last checkpoint be the best one, which was just written: a second name for one file, where that can be.

        In this order a process killed in between leaves a last checkpoint from before, which leads to the same best one.
        """
        temporary = self.last.with_suffix(".link.tmp")
        temporary.unlink(missing_ok=True)
        try:
            os.link(self.best, temporary)
        except (OSError, AttributeError):  # a file system or a platform without links
            shutil.copyfile(self.best, temporary)
        put_in_place(temporary, self.last)

    def at_step(self, step: int) -> Path:
        """Where the checkpoint kept at ``step`` lies."""
        return self.checkpoints / f"step-{step}.npz"

    def all_checkpoints(self) -> list[Path]:
        """The checkpoints that are there: those kept by step in order, then the best and the last."""
        kept = [(int(found[1]), path) for path in self.checkpoints.glob("step-*.npz") if (found := _STEP.fullmatch(path.name))]
        return [path for _, path in sorted(kept)] + [path for path in (self.best, self.last) if path.exists()]

    # -- files of JSON -----------------------------------------------------------------------------------------------

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a file of the run as JSON, whole or not at all."""
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

        def write(file: BinaryIO) -> None:
            file.write(text.encode(errors="backslashreplace"))  # bytes of a file name that are no text

        write_atomically(self.path / name, write)

    def read_json(self, name: str, kind: Any) -> Any:
        """The content of a JSON file of the run, held against ``kind``; None if there is no such file.

        Raises CheckpointError if it is damaged.
        """
        path = self.path / name
        try:
            return from_json(path.read_bytes(), kind)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error

    def read_metrics(self, size: int | None = None) -> Iterator[dict[str, Any]]:
        """The records of metrics.jsonl: see :func:`~.metrics_log.read_metrics`."""
        return read_metrics(self.metrics, size)


def _is_something(path: Path) -> bool:
    """Whether a file in the folder is more than what is left of a run that was stopped while its folder was made."""
    if path.is_dir() and not path.is_symlink():
        return path.name != "checkpoints" or any(map(_is_something, path.iterdir()))
    if path.name == "metrics.jsonl":
        return path.stat().st_size > 0
    return path.name not in (PROCESS_LOG, PROCESS_FACTS) and not _UNFINISHED.search(path.name)
