"""How the cost of the MLP's training step grows with batch size, width, depth and threads."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from typing import Any

from .libraries import LIBRARIES, OURS
from .runs import run_worker

VALUES = {
    "batch": [1, 4, 16, 64, 256, 1024],
    "width": [32, 64, 128, 256, 512, 1024],
    "depth": [1, 2, 4, 8, 16, 32],
    "threads": [1, 2, 4, 8, 16, 32],
}
RIVAL = "pytorch fused"


def measure(libraries: Sequence[str] | None, rounds: int, seconds: float, threads: int) -> dict[str, Any]:
    """Print and return, for each of the four, its values with the milliseconds of a step under ours and PyTorch."""
    from .report import growth

    names = [n for n in libraries or (OURS, RIVAL) if LIBRARIES[n].installed()]
    found = {}
    for what, values in VALUES.items():
        print(f"\n{what:>8} " + " ".join(f"{name:>20}" for name in names))
        rows: list[dict[str, Any]] = []
        for value in values:
            if what == "threads" and value > max(os.cpu_count() or 1, 2):
                break
            options = {} if what == "threads" else {"width": 128, "depth": 2, what: value}
            times: dict[str, list[float]] = {name: [] for name in names}
            for _ in range(rounds):
                for name in names:
                    done = run_worker(
                        what="case",
                        case="mlp",
                        library=name,
                        seconds=seconds,
                        threads=value if what == "threads" else threads,
                        options=options,
                    )
                    times[name].append(done["ms"])
            rows.append({"value": value, "ms": {name: statistics.median(t) for name, t in times.items()}})
            print(f"{value:>8} " + " ".join(f"{rows[-1]['ms'][name]:>17.3f} ms" for name in names), flush=True)
        print(f"{'':>8} " + " ".join(f"{f'~ {what}^{growth(rows, name):.2f}':>20}" for name in names))
        found[what] = rows
    return found
