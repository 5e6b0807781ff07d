"""Measures one thing in a process of its own, and answers in lines of JSON. Started by ``python -m benchmarks``."""

from __future__ import annotations

import importlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

LOSSES = {"chain": 20, "train": 20, "infer": 4, "epoch": 0}  # of the first steps, to show that all compute the same
WARM_UP = 5  # steps before the first that is measured
LEAST = 3  # steps of a turn, however long they take


def peak_mib() -> float:
    """The most memory this process has had at once, in MiB (0 where the system does not tell)."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM")), None)
        if peak:
            return int(peak.split()[1]) / 1024
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 1 << 20 if platform.system() == "Darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


class Measurement:
    """One case under one library, in this process."""

    def __init__(self, case: str, library: str, threads: int, options: dict[str, Any]) -> None:
        from .cases import CASES
        from .libraries import LIBRARIES

        self._library, self._case = LIBRARIES[library], CASES[case]
        self._options = {"batch": self._case.batch, **self._case.options, **self._library.options, **options}
        self._library.before()
        self._module = importlib.import_module(self._library.module)
        self._library.prepare(self._module, threads)
        self._make = self._case.make if self._library.steps is None else self._library.steps[case]

    def build(self) -> dict[str, Any]:
        """Make the step and run it until all that is compiled has been; the first losses, without dropout."""
        losses: list[float] = []
        if LOSSES[self._case.kind]:
            check = self._make(self._module, {**self._options, "dropout": False})
            losses = [_number(check()) for _ in range(LOSSES[self._case.kind])]
            del check
        self._step = self._make(self._module, self._options)
        for _ in range(WARM_UP):
            self._step(*(10,) if self._case.kind == "epoch" else ())  # batches
        return {"losses": losses, "version": _version(self._module)}

    def turn(self, seconds: float) -> dict[str, float]:
        """The median time of a step in milliseconds, and the peak of memory so far."""
        times: list[float] = []
        end = time.perf_counter() + seconds
        while len(times) < (1 if self._case.kind == "epoch" else LEAST) or time.perf_counter() < end:
            start = time.perf_counter()
            self._step()
            times.append(time.perf_counter() - start)
        return {"ms": statistics.median(times) * 1e3, "mib": peak_mib()}


def _number(loss: Any) -> float:
    return float(loss.detach() if hasattr(loss, "detach") else loss)


def measure_import(library: str) -> dict[str, Any]:
    """How long importing the library takes, in milliseconds."""
    name = {"pytorch": "torch"}.get(library, library)
    start = time.perf_counter()
    module = importlib.import_module(name)
    return {"ms": (time.perf_counter() - start) * 1e3, "losses": [], "mib": peak_mib(), "version": _version(module)}


def _version(module: Any) -> str:
    return str(getattr(module, "__version__", None) or metadata.version(module.__name__))


def measure_limits(threads: int) -> dict[str, float]:
    """What the machine can do: GFLOP/s of NumPy's float32 matrix product, and GB/s of copying memory."""
    import numpy as np

    from tinygrad_fm import runtime

    runtime.set_num_threads(threads)
    a = np.ones((2048, 2048), np.float32)
    big, other = np.ones(1 << 26, np.float32), np.ones(1 << 26, np.float32)

    def halves(start: int, stop: int) -> None:
        np.copyto(other[start:stop], big[start:stop])

    def best(work: Any) -> float:
        times: list[float] = []
        for _ in range(7):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return min(times)

    return {
        "gflops": 2 * 2048**3 / best(lambda: a @ a) / 1e9,
        "gbps": 2 * big.nbytes / best(lambda: runtime.parallel(halves, big.size)) / 1e9,
    }


def profile(**job: Any) -> dict[str, str]:
    """The profile of a case's step, as text."""
    from .profiling import profiled

    return {"text": profiled(**job)}


def main() -> None:
    """Do what the JSON in the first argument asks for; a case is then built, and measured, when a line says so."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    job = json.loads(sys.argv[1])
    what = job.pop("what")
    if what != "case":
        tasks: dict[str, Callable[..., dict[str, Any]]] = {
            "import": measure_import,
            "limits": measure_limits,
            "profile": profile,
        }
        say(tasks[what](**job))
        return
    measurement = Measurement(**job)
    say({})
    for line in sys.stdin:
        question, *seconds = line.split()
        say(measurement.build() if question == "build" else measurement.turn(*map(float, seconds)))


if __name__ == "__main__":
    main()
