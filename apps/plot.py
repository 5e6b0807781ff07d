"""Draw the loss and accuracy of several runs over one another: raw, smoothed, and in validation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tinygrad_fm.errors import CheckpointError, printable
from tinygrad_fm.training import RunFolder
from tinygrad_fm.viz import plots

from . import Failures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a run; it may still be training")
    parser.add_argument("--out", default="curves.png", type=Path, metavar="FILE", help="default: %(default)s; or .svg or .pdf")
    parser.add_argument("--title", default="", help="what to write above")


def run(args: argparse.Namespace) -> int:
    """Draw those runs that can be read."""
    plots.check_format(args.out)
    failures = Failures("plot")
    found: dict[str, list[dict[str, Any]]] = {}
    for path in map(Path, args.runs):
        try:
            folder = RunFolder(path)
            folder.read_config()
            records = list(folder.read_metrics())
            if not records:
                raise CheckpointError(f"{path} has recorded no steps")
            name = printable(path.name)
            found[printable(str(path)) if name in found or not name else name] = records
        except (CheckpointError, OSError) as error:
            failures.add(error)
    if found:
        plots.compare_curves(found, args.out, args.title or (next(iter(found)) if len(found) == 1 else ""))
        print(f"wrote {args.out}")
    return failures.code
