"""Measurements in processes of their own, the libraries in turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .libraries import LIBRARIES, OURS


def run_worker(**job: Any) -> dict[str, Any]:
    """What one process measures. Raises RuntimeError with the process's error output if it fails."""
    command = [sys.executable, "-m", "benchmarks.worker", json.dumps(job)]
    # an import is measured as the second and all later ones are: with the compiled files of the first
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{job} failed:\n{done.stderr.strip()}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def limits(threads: int) -> dict[str, float]:
    """The machine's matrix product and memory, in GFLOP/s and GB/s."""
    return run_worker(what="limits", threads=threads)


def compare(
    case: str, libraries: Sequence[str] | None, rounds: int, seconds: float, threads: int, options: dict[str, Any]
) -> dict[str, Any]:
    """Measure ``case`` (or the import) under every installed library in turns.

    Returns:
        Library → its figures, or its error: a library that fails drops out, ours does not.
    """
    if case == "import":
        names = [n for n in (OURS, "pytorch") if LIBRARIES[n].installed() and n in (libraries or LIBRARIES)]
    else:
        names = [n for n in libraries or LIBRARIES if LIBRARIES[n].takes_part(case) and LIBRARIES[n].installed()]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for name in names if case == "import" else ():
        run_worker(what="import", library=name)
    failed: dict[str, Any] = {}
    for _ in range(rounds):
        for name in names:
            if name in failed:
                continue
            try:
                if case == "import":
                    runs[name].append(run_worker(what="import", library=name))
                else:
                    runs[name].append(
                        run_worker(what="case", case=case, library=name, seconds=seconds, threads=threads, options=options)
                    )
            except RuntimeError as error:
                if name == OURS:
                    raise
                failed[name] = {"error": str(error).splitlines()[-1]}
    return {name: failed.get(name) or _summed_up(done) for name, done in runs.items()}


def _summed_up(runs: list[dict[str, Any]]) -> dict[str, Any]:
    times = [run["ms"] for run in runs]
    return {
        "ms": statistics.median(times),
        "times": times,
        "mib": statistics.median(run["mib"] for run in runs),
        "losses": runs[0]["losses"],
        "version": runs[0]["version"],
    }
