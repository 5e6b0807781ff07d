"""Measures one case under one library in a process of its own; prints one line of JSON. Started by ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
import time
from typing import Any

from .cases import CASES
from .libraries import LIBRARIES

LOSSES = 20  # of the first steps, to show that both sides compute the same


def measure(case: str, library: str, seconds: float) -> dict[str, Any]:
    """The median time of a step in milliseconds, and the first losses."""
    chosen = LIBRARIES[library]
    torch = importlib.import_module(chosen.module)
    chosen.prepare(torch)
    step = CASES[case](torch, chosen.options)
    losses = [float(step()) for _ in range(LOSSES)]
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 10:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return {"ms": statistics.median(times) * 1e3, "losses": losses, "version": torch.__version__}


def main() -> None:
    """Read the case from the command line, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=sorted(CASES), required=True)
    parser.add_argument("--library", choices=sorted(LIBRARIES), required=True)
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    json.dump(measure(args.case, args.library, args.seconds), sys.stdout)


if __name__ == "__main__":
    main()
