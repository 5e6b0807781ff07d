"""Training the runs of rows: each is a process of its training script, and goes on where it was stopped."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from tinygrad_fm import runtime
from tinygrad_fm.training import Interrupted, RunFolder, StopRequest

from . import records
from .records import Row

_ROOT = Path(__file__).resolve().parents[2]
_LOOK = 0.1  # seconds between looks whether a process has ended


class Run(NamedTuple):
    """One training: a row, a seed, and the run folder."""

    row: Row
    seed: int
    folder: RunFolder

    @property
    def name(self) -> str:
        """What it is called in lines of output."""
        return f"{self.row.name}, seed {self.seed}"

    @property
    def log(self) -> Path:
        """Where its output goes when several are trained at once."""
        return self.folder.path.with_name(f"{self.folder.path.name}.log")


Done = Callable[[Run], object]


def train(runs: Iterable[Run], jobs: int, stop: StopRequest, done: Done) -> list[str]:
    """Train what is not finished yet, ``jobs`` runs at once, and call ``done`` with each that is.

    Returns:
        What failed, in words.

    Raises:
        Interrupted: a stop was requested, and all processes have ended; the same call goes on.
    """
    waiting, failed = list(runs), []
    running: dict[Run, subprocess.Popen[bytes]] = {}
    threads = max(1, runtime.get_num_threads() // jobs)
    try:
        while waiting or running:
            while waiting and len(running) < jobs and stop.signal is None:
                run = waiting.pop(0)
                _put_aside_other(run)
                if run.folder.read_summary() is not None:
                    done(run)
                else:
                    running[run] = _start(run, threads, alone=jobs == 1)
            for run, process in [*running.items()]:
                code = process.poll()
                if code is None:
                    continue
                del running[run]
                if code == 0:
                    done(run)
                elif stop.signal is None:
                    seen = "" if jobs == 1 else f"; what it said is in {run.log}"
                    failed.append(f"{run.name}: the training ended with code {code}{seen}")
            stop.check()
            time.sleep(_LOOK)
    finally:
        for process in running.values():  # which save and end; Ctrl-C has reached them already
            with contextlib.suppress(OSError):
                process.terminate()
        for process in running.values():
            process.wait()
    return failed


def command_of(run: Run, threads: int) -> list[str]:
    """The command line of a run that is begun, or gone on with."""
    recipe = run.row.recipe
    command = [sys.executable, str(_ROOT / recipe.script)]
    if (run.folder.path / "config.json").exists():
        return [*command, "--resume", str(run.folder.path)]
    command += ["--recipe", run.row.name, "--seed", str(run.seed), "--out", str(run.folder.path)]
    return [*command, "--data", run.row.config.data, "--threads", str(threads)]


def _start(run: Run, threads: int, alone: bool) -> subprocess.Popen[bytes]:
    print(f"== {run.name}{'' if alone else f': see {run.log}'} ==", flush=True)
    run.folder.path.parent.mkdir(parents=True, exist_ok=True)
    command = command_of(run, threads)
    if alone:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL)
    with open(run.log, "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def _put_aside_other(run: Run) -> None:
    """Rename the folder of a run that had other settings than its recipe has today."""
    folder = run.folder.path
    if not (folder / "config.json").exists():
        return
    other = records.differences(run.folder.read_config()["settings"], run.row.config)
    if other:
        names = (folder.with_name(f"{folder.name}-old{number}") for number in range(1, 10**6))
        aside = next(path for path in names if not path.exists())
        folder.rename(aside)
        print(f"{run.name}: {folder} had other settings ({'; '.join(other)}); it is {aside} now", flush=True)


__all__ = ["Interrupted", "Run", "command_of", "train"]
