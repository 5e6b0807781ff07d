"""Measures one thing in a process of its own and prints one line of JSON. Started by ``python -m benchmarks``."""

from __future__ import annotations

import importlib
import json
import os
import platform
import statistics
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

LOSSES = 20  # of the first steps, to show that both sides compute the same


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


def measure(case: str, library: str, seconds: float, threads: int, options: dict[str, Any]) -> dict[str, Any]:
    """The times of a step in milliseconds, the first losses, and the peak of memory."""
    from .cases import CASES
    from .libraries import LIBRARIES

    chosen, what = LIBRARIES[library], CASES[case]
    chosen.before()
    module = importlib.import_module(chosen.module)
    chosen.prepare(module, threads)
    make = what.make if chosen.steps is None else chosen.steps[case]
    options = {"batch": what.batch, **chosen.options, **options}
    losses: list[float] = []
    if what.kind != "epoch":
        check = make(module, {**options, "dropout": False})
        losses = [_number(check()) for _ in range(LOSSES)]
        del check
    step = make(module, options)
    step()
    times: list[float] = []
    end = time.perf_counter() + seconds
    least = 1 if what.kind == "epoch" else 10
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return {"ms": statistics.median(times) * 1e3, "losses": losses, "mib": peak_mib(), "version": _version(module)}


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


def main() -> None:
    """Do what the JSON in the first argument asks for."""
    job = json.loads(sys.argv[1])
    what = job.pop("what")
    found = {"case": measure, "import": measure_import, "limits": measure_limits}[what](**job)  # type: ignore[operator]
    sys.stdout.flush()
    os.write(1, ("\n" + json.dumps(found) + "\n").encode())  # last, below whatever a library may have printed


if __name__ == "__main__":
    main()
