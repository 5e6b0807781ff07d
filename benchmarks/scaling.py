"""How the cost of the MLP's training step grows with batch size, width, depth and threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .libraries import FAST, LIBRARIES, OURS
from .runs import compare

VALUES = {
    "batch": [1, 4, 16, 64, 256, 1024],
    "width": [32, 64, 128, 256, 512, 1024],
    "depth": [1, 2, 4, 8, 16, 32],
    "threads": [1, 2, 4, 8, 16, 32],
}
COMPARED = (OURS, FAST, "pytorch fused", "pytorch compile")


def measure(libraries: Sequence[str] | None, rounds: int, seconds: float, threads: int) -> dict[str, Any]:
    """Print and return, for each of the four, its values with the milliseconds of a step under ours and PyTorch."""
    from .report import growth

    names = [n for n in libraries or COMPARED if LIBRARIES[n].installed()]
    found = {}
    for what, values in VALUES.items():
        print(f"\n{what:>8} " + " ".join(f"{name:>20}" for name in names))
        rows: list[dict[str, Any]] = []
        for value in values:
            if what == "threads" and value > max(os.cpu_count() or 1, 2):
                break
            options = {} if what == "threads" else {"width": 128, "depth": 2, what: value}
            measured = compare("mlp", names, rounds, seconds, value if what == "threads" else threads, options)
            rows.append({"value": value, "ms": {name: f["ms"] for name, f in measured.items() if "error" not in f}})
            shown = (f"{rows[-1]['ms'][name]:>17.3f} ms" if name in rows[-1]["ms"] else f"{'failed':>20}" for name in names)
            print(f"{value:>8} " + " ".join(shown), flush=True)
        print(f"{'':>8} " + " ".join(f"{f'~ {what}^{growth(rows, name):.2f}':>20}" for name in names))
        found[what] = rows
    return found
