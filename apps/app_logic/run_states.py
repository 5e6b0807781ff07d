"""How far runs have come, read again and again while they train."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tinygrad_fm.errors import CheckpointError, printable
from tinygrad_fm.training import RunFolder
from tinygrad_fm.training.metrics_log import read_record

from . import processes
from .run_list import run_folders

Status = Literal["starting", "training", "finished", "stopped", "failed", "unreadable"]
Record = dict[str, Any]


@dataclass(frozen=True)
class RunState:
    """A run as it is now.

    Attributes:
        path: its folder.
        status: "training" in whatever process, "stopped" if it can be resumed, "failed" if it gave up with a complaint.
        own: whether its process was started here, and can be stopped here.
        step, total: how far it is, and how many steps it has in all; 0 where that is not known.
        records: of metrics.jsonl.
        config: config.json, {} if that cannot be read.
        summary: summary.json, or None.
        problem: what is wrong, in a sentence; "" if nothing is.
    """

    path: Path
    status: Status
    own: bool
    step: int
    total: int
    records: tuple[Record, ...]
    config: Mapping[str, Any]
    summary: Mapping[str, Any] | None
    problem: str

    @property
    def is_alive(self) -> bool:
        """Whether a process works on it."""
        return self.status in ("starting", "training")

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return min(self.step / self.total, 1.0) if self.total else 0.0

    def told(self) -> str:
        """Step, epoch, and the accuracy of the last validation."""
        parts = [f"step {self.step:,} of {self.total:,}" if self.total else f"step {self.step:,}"]
        epochs = [record for record in self.records if record["kind"] == "epoch"]
        if epochs and "val_accuracy" in epochs[-1]:
            parts.append(f"validation accuracy {epochs[-1]['val_accuracy']:.2%} after epoch {epochs[-1]['epoch']}")
        if self.summary is not None:
            parts.append(f"test accuracy {self.summary['test_accuracy']:.2%} on {self.summary['dataset']}")
        elif self.is_drawn:
            parts.append("drawn images")
        return ", ".join(parts)

    @property
    def is_drawn(self) -> bool:
        """Whether its images are drawn by the program."""
        dataset = self.config.get("dataset")
        return isinstance(dataset, dict) and dataset.get("choice") == "synthetic"


class _Tail:
    """The records of a metrics.jsonl that grows; only what is new is read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._file: tuple[int, int] | None = None
        self._offset, self._last, self._lines = 0, b"", 0
        self.records: list[Record] = []

    def update(self, path: Path) -> tuple[tuple[Record, ...], str]:
        """All whole records up to the first that is damaged, and what is wrong with that one."""
        with self._lock:
            try:
                return self._update(path)
            except FileNotFoundError:
                self._begin()
                return (), ""
            except OSError as error:
                return tuple(self.records), f"{path} cannot be read: {error.strerror}"

    def _update(self, path: Path) -> tuple[tuple[Record, ...], str]:
        with open(path, "rb") as file:
            status = path.stat()
            file.seek(self._offset - len(self._last))
            # a run that is resumed cuts its file back: then the last line that was read is not where it was
            if self._file != (status.st_dev, status.st_ino) or file.read(len(self._last)) != self._last:
                self._begin()
                self._file = (status.st_dev, status.st_ino)
                file.seek(0)
            for line in file:
                if not line.endswith(b"\n"):  # it is being written
                    break
                try:
                    self.records.append(read_record(line))
                except ValueError as error:
                    return tuple(self.records), f"{path.name}, line {self._lines + 1} is damaged: {error}"
                self._offset, self._last, self._lines = self._offset + len(line), line, self._lines + 1
        return tuple(self.records), ""


_MOST_TAILS = 64
_tails: OrderedDict[Path, _Tail] = OrderedDict()
_tails_lock = threading.Lock()


def _tail(path: Path) -> _Tail:
    with _tails_lock:
        tail = _tails.setdefault(path, _Tail())
        _tails.move_to_end(path)
        if len(_tails) > _MOST_TAILS:
            _tails.popitem(last=False)
        return tail


def all_runs(base: Path) -> list[Path]:
    """The folders of runs in ``base``, those that have not begun yet too; the latest first, by the time they last wrote."""
    found = run_folders(base)
    with contextlib.suppress(OSError):
        found += [path for path in base.iterdir() if path not in found and processes.is_running(path)]
    return sorted(found, key=lambda path: (-_written(path), path.name))


def named_runs(base: Path) -> dict[str, Path]:
    """The same by the names that the pages have for them."""
    return {printable(path.relative_to(base).as_posix()): path for path in all_runs(base)}


def _written(path: Path) -> float:
    for name in ("metrics.jsonl", "."):
        try:
            return (path / name).stat().st_mtime
        except OSError:
            continue
    return 0.0


def state_of(path: Path) -> RunState:
    """The present state of a run. It never raises: what cannot be read is its ``problem``."""
    folder = RunFolder(path)
    own = processes.is_running(path)
    config: Mapping[str, Any] = {}
    summary: Mapping[str, Any] | None = None
    problem = ""
    try:
        config = folder.read_config()
        summary = folder.read_summary()
    except (CheckpointError, OSError) as error:
        problem = "" if own else str(error)
    records, damage = _tail(folder.metrics).update(folder.metrics)
    step = max((record["step"] for record in records[-2:]), default=0)
    complaint = "" if own or summary is not None else processes.complaint(path)
    status: Status
    if own:
        status = "training" if config else "starting"
    elif not config:
        status = "unreadable"
    elif processes.trained_elsewhere(path):
        status = "training"
    elif summary is not None:
        status = "finished"
    else:
        status = "failed" if complaint else "stopped"
    return RunState(path, status, own, step, total_steps(config), records, config, summary, problem or damage or complaint)


def total_steps(config: Mapping[str, Any]) -> int:
    """How many steps a run has in all, as config.json tells; 0 if it does not, as that of an older version may."""
    settings, dataset = config.get("settings") or {}, config.get("dataset") or {}
    numbers = [settings.get("steps"), settings.get("epochs"), settings.get("batch_size"), dataset.get("training")]
    steps, epochs, batch, images = (value if type(value) is int and value > 0 else None for value in numbers)
    if steps is not None:
        return steps
    return epochs * (images // batch) if epochs and batch and images else 0


def side_by_side(configs: Mapping[str, Mapping[str, Any]]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The settings of several runs: a row for each, its name and its value in every run ("—" where it has none).

    Returns:
        The rows in which the runs differ, and those in which they are the same.

    >>> side_by_side({"a": {"settings": {"lr": 0.1, "seed": 0}}, "b": {"settings": {"lr": 0.2, "seed": 0}}})
    ([('lr', '0.1', '0.2')], [('seed', '0', '0')])
    """
    tables = [_flat(config) for config in configs.values()]
    rows = [(name, *(table.get(name, "—") for table in tables)) for name in dict.fromkeys(name for t in tables for name in t)]
    different = [row for row in rows if len(set(row[1:])) > 1]
    return different, [row for row in rows if len(set(row[1:])) == 1]


def _flat(config: Mapping[str, Any]) -> dict[str, str]:
    table: dict[str, str] = {}
    for part in ("settings", "model", "dataset", "environment"):
        entries = config.get(part)
        for name, value in entries.items() if isinstance(entries, dict) else ():
            if isinstance(value, dict):
                table |= {f"{name}: {key}": _value(inner) for key, inner in value.items()}
            else:
                table[name if part in ("settings", "environment") else f"{part} {name}"] = _value(value)
    return {name: value for name, value in table.items() if name not in ("model options", "model name")}


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"[:200]
