"""``python -m benchmarks``: this framework beside PyTorch and whatever else of its kind is installed.

Ours runs with NumPy's kernels and, where numba is installed, with compiled ones ("fast"), inference then by
tinygrad_fm.compile.
Each measurement is a process of its own, and the libraries take turns (A B A B …), so that a machine whose speed drifts
favours nobody. The figure of a library is the median of its turns' median steps; PyTorch's is that of its fastest setting.
Use a quiet machine: libraries whose threads wait for one another suffer most from others' work.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_fm.training.console import run_command

from . import profiling, ranks, report, scaling, tables
from .cases import CASES
from .libraries import LIBRARIES
from .report import IMPORT
from .runs import compare, imports, limits, run_worker


def _arguments(argv: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*CASES, IMPORT]
    parser.add_argument("cases", nargs="*", help=f"what to measure (everything): {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=2, help="processes per library and case (2)")
    parser.add_argument("--seconds", type=float, default=0.3, help="measuring time of each turn of a process (0.3)")
    parser.add_argument("--threads", type=int, default=2, help="threads for every library (2)")
    parser.add_argument(
        "--libraries", nargs="+", choices=list(LIBRARIES), metavar="NAME", help=f"only these of {', '.join(LIBRARIES)}"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark"), help="folder for the JSON and the picture")
    steps = [name for name in CASES if name != "epoch"]
    parser.add_argument("--profile", choices=steps, metavar="CASE", help="show where the time of a case's step goes")
    parser.add_argument("--scaling", action="store_true", help="the MLP's step by batch size, width, depth and threads")
    parser.add_argument("--ranks", action="store_true", help="two processes beside two threads, and what more would do")
    parser.add_argument(
        "--set",
        dest="options",
        type=json.loads,
        default={},
        metavar="JSON",
        help="options for the cases, as '{\"size\": 6400}' for a shorter epoch",
    )
    args = parser.parse_args(argv)
    unknown = [case for case in args.cases if case not in names]
    if unknown:
        parser.error(f"unknown case {unknown[0]!r}; there are {', '.join(names)}")
    if args.rounds < 1 or args.threads < 1:
        parser.error("--rounds and --threads must be positive")
    args.cases = args.cases or names
    return parser, args


def main(argv: list[str] | None = None) -> int:
    """Measure what was asked for, print it, and keep it as JSON and picture."""
    _, args = _arguments(argv)
    if args.profile:
        print(profiling.profiled(args.profile, args.threads, limits(args.threads), args.options))
        return 0
    start = time.monotonic()
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": _processor(),
        "threads": args.threads,
        "rounds": args.rounds,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "limits": limits(args.threads),
    }
    print(report.head(found), flush=True)
    if args.ranks:
        about = {"date": found["date"], "machine": found["machine"]}
        found["ranks"] = about | ranks.measure(args.rounds, args.seconds)
        written = _written(args.out, "ranks", found)
        print(
            f"\n{ranks.report(found['ranks'])}\n\nwritten: {written}; python -m benchmarks.ranks {written} puts it on the page"
        )
        return 0
    if args.scaling:
        found["scaling"] = scaling.measure(args.libraries, args.rounds, args.seconds, args.threads)
    else:
        _measure_cases(args, found)
    name = "scaling" if args.scaling else "benchmark"
    written = _written(args.out, name, found)
    drawn = (report.draw_scaling if args.scaling else report.draw)(found, args.out / f"{name}.png")
    picture = f", {args.out / name}.png" if drawn else " (no picture without matplotlib)"
    print(f"\nwritten after {(time.monotonic() - start) / 60:.0f} minutes: {written}{picture}")
    print(f"python -m benchmarks.tables {written} puts it on the pages")
    return 0


def _measure_cases(args: argparse.Namespace, found: dict[str, Any]) -> None:
    """Measure the cases that were asked for, and take the profile of those that miss their bar."""
    found["cases"], found["flops"] = {}, {}
    for case in args.cases:
        if case == IMPORT:
            found["cases"][case] = imports(args.libraries, args.rounds)
        else:
            found["flops"][case] = profiling.flops(case)
            found["cases"][case] = compare(case, args.libraries, args.rounds, args.seconds, args.threads, args.options)
        print(report.case_lines(case, found), flush=True)
    after = limits(args.threads)  # others' work can only have made them look lower
    found["limits"] = {name: max(value, after[name]) for name, value in found["limits"].items()}
    common = {"what": "profile", "threads": args.threads, "limits": found["limits"], "options": args.options}
    found["profiles"] = {
        case: run_worker(**common, name=case)["text"] for case, _ in report.misses(found) if CASES[case].kind != "epoch"
    }
    print("\n\n".join(["", report.head(found), tables.times(found), tables.memory(found), tables.missed(found)]))
    print("\n\n".join(["", *found["profiles"].values()]))


def _written(folder: Path, name: str, found: dict[str, Any]) -> Path:
    """What was found as JSON in a file, whose name it returns."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def _processor() -> str:
    """The processor's name and how many of them this process may use."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name or platform.machine()}, {count} processors"


if __name__ == "__main__":
    sys.exit(run_command(main))
