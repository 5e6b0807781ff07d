"""``python -m benchmarks``: this framework and PyTorch, side by side.

Each measurement is a process of its own, and the libraries take turns (A B A B …), so that a machine whose speed drifts
favours nobody. The figure of a library is the median over its processes of the median step; PyTorch's is that of its
fastest setting.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from .cases import CASES
from .libraries import LIBRARIES


def run_worker(case: str, library: str, seconds: float) -> dict[str, Any]:
    """One process's measurement. Raises RuntimeError with the process's error output if it fails."""
    command = [sys.executable, "-m", "benchmarks.worker", "--case", case, "--library", library, "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent, check=False)
    if done.returncode:
        raise RuntimeError(f"{case} under {library} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def compare(case: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure ``case`` under every installed library in turns."""
    libraries = [name for name, library in LIBRARIES.items() if library.installed()]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in libraries}
    for _ in range(rounds):
        for name in libraries:
            runs[name].append(run_worker(case, name, seconds))
    return {
        name: {
            "ms": statistics.median(run["ms"] for run in done),
            "least": min(run["ms"] for run in done),
            "most": max(run["ms"] for run in done),
            "losses": done[0]["losses"],
            "version": done[0]["version"],
        }
        for name, done in runs.items()
    }


def report(case: str, found: dict[str, Any]) -> str:
    """The lines of one case: each library's time with its spread, and the ratio to PyTorch's best."""
    ours = found["tinygrad_fm"]
    rivals = {name: figures for name, figures in found.items() if name != "tinygrad_fm"}
    lines = [f"{case}: {CASES[case].__doc__}"]
    lines += [
        f"  {name:<16} {f['ms']:8.3f} ms  ({f['least']:.3f} to {f['most']:.3f})  version {f['version']}"
        for name, f in found.items()
    ]
    if rivals:
        best = min(rivals, key=lambda name: rivals[name]["ms"])
        apart = max(abs(a - b) for a, b in zip(ours["losses"], rivals[best]["losses"], strict=True))
        lines.append(
            f"  ratio to the best ({best}): {ours['ms'] / rivals[best]['ms']:.2f}; "
            f"losses of the first {len(ours['losses'])} steps differ by {apart:.1e} at most"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure the chosen cases, print the comparison, and write it as JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES), help=f"what to measure: {', '.join(CASES)} (all)")
    parser.add_argument("--rounds", type=int, default=5, help="processes per library (5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="measuring time of each process (1)")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    args = parser.parse_args()
    unknown = [case for case in args.cases if case not in CASES]
    if unknown:
        parser.error(f"unknown case {unknown[0]!r}; there are {', '.join(CASES)}")
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, in turns, {args.rounds} rounds")
    found = {}
    for case in args.cases:
        found[case] = compare(case, args.rounds, args.seconds)
        print(report(case, found[case]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
