"""Measurements in processes of their own, the libraries in turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .cases import CASES
from .libraries import LIBRARIES, OURS

ROOT = Path(__file__).parent.parent

TURNS = 3  # that each process of a round takes


class Worker:
    """A process that measures one thing: it begins by importing what it needs, and then answers what it is asked, a line
    each.

    Raises RuntimeError with the process's error output where it fails.
    """

    def __init__(self, **job: Any) -> None:
        self._job, self._errors = job, tempfile.TemporaryFile("w+")  # noqa: SIM115
        # an import is measured as the second and all later ones are: with the compiled files of the first
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", json.dumps(job)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
            cwd=ROOT, env=environment,
        )  # fmt: skip

    def answer(self, question: str = "") -> dict[str, Any]:
        """What the process says to ``question``, or of its own accord when it has begun."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            if question:
                self._process.stdin.write(question + "\n")
                self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"{self._job} failed:\n{self._errors.read().strip()}")
        return dict(json.loads(line))

    def end(self) -> None:
        """Let the process end, which it does when nobody asks any more."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()
        self._errors.close()


def run_worker(**job: Any) -> dict[str, Any]:
    """What one process measures when it begins."""
    worker = Worker(**job)
    try:
        return worker.answer()
    finally:
        worker.end()


def limits(threads: int) -> dict[str, float]:
    """The machine's matrix product and memory, in GFLOP/s and GB/s."""
    return run_worker(what="limits", threads=threads)


def imports(libraries: Sequence[str] | None, rounds: int) -> dict[str, Any]:
    """How long importing takes, as :func:`compare` returns it. What ``fast`` brings is imported when it is first used."""
    names = [n for n in (OURS, "pytorch", "jax") if LIBRARIES[n].installed() and n in (libraries or LIBRARIES)]
    for name in names:  # which leaves compiled files
        run_worker(what="import", library=name)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(TURNS * rounds):
        for name in names:
            runs[name].append(run_worker(what="import", library=name))
    return {
        name: {**done[0], "times": [run["ms"] for run in done], "ms": statistics.median(run["ms"] for run in done)}
        for name, done in runs.items()
    }


def compare(
    case: str, libraries: Sequence[str] | None, rounds: int, seconds: float, threads: int, options: dict[str, Any]
) -> dict[str, Any]:
    """Measure ``case`` under every installed library that takes part, in turns.

    A round has a process for each library. All are ready, with everything compiled, before the first turn begins; then each
    measures for so many seconds while the others sleep, :data:`TURNS` times (a whole epoch, once).

    Returns:
        Library → its figures, or its error: a library that fails drops out, ours does not.
    """
    names = [n for n in libraries or LIBRARIES if LIBRARIES[n].takes_part(case) and LIBRARIES[n].installed()]
    found: dict[str, dict[str, Any]] = {name: {"times": [], "mib": []} for name in names}
    for _ in range(rounds):
        taking_part = [name for name in names if "error" not in found[name]]
        job = {"what": "case", "case": case, "threads": threads, "options": options}
        workers = {name: Worker(**job, library=name) for name in taking_part}
        try:
            for question in ["", "build", *[f"turn {seconds}"] * (1 if CASES[case].kind == "epoch" else TURNS)]:
                for name, worker in workers.items():
                    if "error" not in found[name]:
                        _ask(worker, question, name, found)
        finally:
            for worker in workers.values():
                worker.end()
    return {name: figures if "error" in figures else _summed_up(figures) for name, figures in found.items()}


def _ask(worker: Worker, question: str, name: str, found: dict[str, dict[str, Any]]) -> None:
    """Put a question to a library's process and note the answer; or the error, in place of all that was noted."""
    try:
        answer = worker.answer(question)
    except RuntimeError as error:
        if name.startswith(OURS):
            raise
        found[name] = {"error": str(error).splitlines()[-1]}
        return
    figures = found[name]
    if "ms" in answer:
        figures["times"].append(answer["ms"])
        figures["mib"].append(answer["mib"])
    else:
        figures.update(answer)


def _summed_up(figures: dict[str, Any]) -> dict[str, Any]:
    """The median of the turns; and the least peak of memory, as kernels may have been compiled in the first process."""
    return {**figures, "ms": statistics.median(figures["times"]), "mib": min(figures["mib"])}
