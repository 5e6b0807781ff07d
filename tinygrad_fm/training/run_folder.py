"""The run folder: everything that one training run leaves behind, in files that other programs can read.

config.json          settings, environment, data set
metrics.jsonl        one line per step and per epoch
checkpoints/         last.npz, best.npz, step-1000.npz …
summary.json         the result, once the run is finished
graph.svg            the model's computation graph; graph.gv where Graphviz is not installed
curves.png, confusion.png, samples.png
filters.png, features.png   of a model with convolutions
evaluation/          what ``python -m apps evaluate`` found
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import CheckpointError
from ..files import put_in_place, write_atomically

_STEP = re.compile(r"step-(\d+)\.npz")


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

    def check_empty(self) -> None:
        """Raise FileExistsError if there is something at the path that is not an empty folder."""
        if self.path.is_dir() and not any(self.path.iterdir()):
            return
        if self.path.is_dir():
            again = f"--resume {self.path}"
            raise FileExistsError(f"{self.path} is not empty: choose another --out, or go on with the run in it by {again}")
        if self.path.exists():
            raise FileExistsError(f"{self.path} is not a folder: choose another --out")

    def create(self) -> None:
        """Make the folder. Raises OSError if it cannot be made, FileExistsError if there is something in it."""
        self.check_empty()
        self.checkpoints.mkdir(parents=True)

    def read_config(self) -> dict[str, Any]:
        """config.json. Raises CheckpointError if this is not the folder of a run."""
        if not self.path.is_dir():
            hint = f"; give the run's folder, {self.path.parent.parent}" if self.path.suffix == ".npz" else ""
            raise CheckpointError(f"{self.path} is no folder{hint}")
        config = self.read_json("config.json")
        if config is None:
            raise CheckpointError(f"{self.path} is not the folder of a run: it has no config.json")
        if missing := {"settings", "environment", "dataset", "model"} - config.keys():
            raise CheckpointError(f"{self.path / 'config.json'} is damaged: it lacks {', '.join(sorted(missing))}")
        return config

    def open(self) -> dict[str, Any]:
        """Check that this is a run folder and remove what a killed process left half-written; returns config.json."""
        config = self.read_config()
        for leftover in [*self.path.glob("*.tmp"), *self.checkpoints.glob("*.tmp")]:
            leftover.unlink(missing_ok=True)
        self.checkpoints.mkdir(exist_ok=True)
        return config

    def has_begun(self) -> bool:
        """Whether there is a checkpoint to go on from. Raises CheckpointError if only the last one is gone."""
        if not self.last.exists() and self.all_checkpoints():
            raise CheckpointError(
                f"{self.last} is not there. To go on from another checkpoint of the run, copy it to that name: "
                f"{', '.join(path.name for path in self.all_checkpoints())}"
            )
        return self.last.exists()

    def check_metrics(self, size: int) -> bool:
        """Whether the first ``size`` bytes of metrics.jsonl, which a checkpoint knows of, are there.

        Raises CheckpointError if one of their lines is damaged.
        """
        for _ in self.read_metrics(size):
            pass
        return size == 0 or (self.metrics.exists() and self.metrics.stat().st_size >= size)

    def best_is_last(self) -> None:
        """Let the last checkpoint be the best one, which was just written: a second name for one file, where that can be.

        In this order a process killed in between leaves a last checkpoint from before, which leads to the same best one.
        """
        temporary = self.last.with_suffix(".link.tmp")
        temporary.unlink(missing_ok=True)
        try:
            os.link(self.best, temporary)
        except OSError:  # a file system without links
            shutil.copyfile(self.best, temporary)
        put_in_place(temporary, self.last)

    def at_step(self, step: int) -> Path:
        """Where the checkpoint kept at ``step`` lies."""
        return self.checkpoints / f"step-{step}.npz"

    def all_checkpoints(self) -> list[Path]:
        """The checkpoints that are there: those kept by step in order, then the best and the last."""
        kept = [(int(found[1]), path) for path in self.checkpoints.glob("step-*.npz") if (found := _STEP.fullmatch(path.name))]
        return [path for _, path in sorted(kept)] + [path for path in (self.best, self.last) if path.exists()]

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a file of the run as JSON, whole or not at all."""
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

        def write(file: BinaryIO) -> None:
            file.write(text.encode())

        write_atomically(self.path / name, write)

    def read_json(self, name: str) -> dict[str, Any] | None:
        """The content of a JSON file of the run; None if there is no such file. Raises CheckpointError if it is damaged."""
        path = self.path / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error
        if not isinstance(content, dict):
            raise CheckpointError(f"{path} is damaged: it holds no JSON object")
        return content

    def read_metrics(self, size: int | None = None) -> Iterator[dict[str, Any]]:
        """The records of metrics.jsonl in order, or of its first ``size`` bytes.

        A last line without its end is left out: it is being written, or its writer was killed. Raises CheckpointError naming
        the first line that is damaged.
        """
        if not self.metrics.exists():
            return
        with open(self.metrics, "rb") as file:
            for number, line in enumerate(io.BytesIO(file.read(-1 if size is None else size)), 1):
                if not line.endswith(b"\n"):
                    return
                yield _record(line, f"{self.metrics}, line {number}")


def _record(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or record["kind"] not in ("step", "epoch"):
            raise ValueError("not the record of a step or an epoch")
    except (ValueError, KeyError) as error:
        raise CheckpointError(
            f"{where} is damaged: {error}. Remove the line, or the whole file to go on without what it tells"
        ) from error
    return record


class MetricsLog:
    """metrics.jsonl, open for appending: each record is in the system's hands when ``append`` returns.

    The file is locked, so that two processes cannot train into one folder.

    Args:
        path: the file; made if it is not there.
        keep: how many bytes of it to keep, the rest is cut off.

    Raises:
        CheckpointError: another process has it open.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self._file: BinaryIO = open(path, "ab", buffering=0)  # noqa: SIM115  # open as long as the run
        if not _lock(self._file):
            self._file.close()
            raise CheckpointError(f"{path.parent} is being trained into by another process")
        self.size = min(keep, self._file.seek(0, io.SEEK_END))
        self._file.truncate(self.size)

    def append(self, record: dict[str, Any]) -> None:
        """Write one record as one line."""
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        if self._file.write(line) != len(line):
            raise OSError(28, "the line of metrics.jsonl could not be written whole: is the disk full?")
        self.size += len(line)

    def sync(self) -> None:
        """Return only when all records are on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _lock(file: BinaryIO) -> bool:
    try:
        import fcntl
    except ImportError:  # not a POSIX system: nothing is locked
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
