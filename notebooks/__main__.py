"""``python -m notebooks``: run the notebooks and write what they show; ``--stamp FOLDER``: copies for a public address."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tinygrad_fm.training.console import run_command

from .stamping import address_of_this_project, stamp_all


def make(wanted: list[str]) -> None:
    """Run the sources whose names contain one of ``wanted``, and write the notebooks beside them."""
    from .making import SOURCES, execute, read_source, tidy, write

    for source in SOURCES:
        if wanted and not any(part in source.stem for part in wanted):
            continue
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            notebook = tidy(execute(read_source(source), Path(folder)))
        path = source.with_suffix(".ipynb")
        write(notebook, path)
        print(
            f"{path.name}: {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1000:.0f} kB",
            flush=True,
        )


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m notebooks",
        description="Run the notebooks, and write what they show.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a part of a notebook's name (default: all of them)",
    )
    parser.add_argument(
        "--stamp",
        type=Path,
        metavar="FOLDER",
        help="only copy the notebooks there, ready for Colab",
    )
    parser.add_argument(
        "--repository",
        metavar="ADDRESS",
        help="OWNER/NAME or an address (default: GITHUB_REPOSITORY, or git's)",
    )
    arguments = parser.parse_args()
    if arguments.stamp:
        repository = arguments.repository or address_of_this_project()
        for path in stamp_all(arguments.stamp, repository):
            print(path)
    else:
        make(arguments.names)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
