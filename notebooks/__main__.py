"""``python -m notebooks``: run the notebooks and write what they show; ``--stamp FOLDER``: copies for a public address."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tinygrad_fm.training.console import run_command

from .stamping import FOLDER, address_of_this_project, stamp_all, web_address

SOURCES = sorted(FOLDER.glob("[0-9]*.py"))
NOT_FOR_OTHERS = {
    "SYNTHETIC IMAGES": "Fashion-MNIST was not available: its pictures and scores are of drawn garments",
    "<iframe": "the program dot was not found: its graphs are pages, which forges do not show",
}


def make(source: Path) -> None:
    """Run a source, and write the notebook beside it. Ends the program with a message if a cell raises."""
    from nbclient.exceptions import CellExecutionError

    from .making import execute, read_source, tidy, write

    start = time.perf_counter()
    path = source.with_suffix(".ipynb")
    with tempfile.TemporaryDirectory() as folder:
        try:
            notebook = tidy(execute(read_source(source), Path(folder)))
        except CellExecutionError as error:
            sys.exit(f"{source.name}: {error}\n{path.name} is left as it was.")
    write(notebook, path)
    seconds, size = time.perf_counter() - start, path.stat().st_size / 1000
    print(f"{path.name}: {seconds:.0f} s, {size:.0f} kB", flush=True)
    for sign, note in NOT_FOR_OTHERS.items():
        if sign in str(notebook):
            print(f"  not to be committed: {note}", flush=True)


def chosen(names: list[str], parser: argparse.ArgumentParser) -> list[Path]:
    """The sources whose names contain one of ``names``; all of them if there are none."""
    for name in names:
        if not any(name in source.stem for source in SOURCES):
            there = ", ".join(source.stem for source in SOURCES)
            parser.error(f"no notebook's name contains {name!r}; there are {there}")
    return [
        source
        for source in SOURCES
        if not names or any(name in source.stem for name in names)
    ]


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
        help="OWNER/NAME or an address (default: GITHUB_REPOSITORY, or git's origin)",
    )
    arguments = parser.parse_args()
    sources = chosen(arguments.names, parser)
    if arguments.repository and not web_address(arguments.repository):
        parser.error(
            f"--repository must be OWNER/NAME or an address on the web, not {arguments.repository!r}"
        )
    if arguments.stamp is None:
        try:
            for source in sources:
                make(source)
        except ModuleNotFoundError as error:
            parser.error(
                f"{error.name} is missing: python -m pip install '.[notebooks]'"
            )
        return 0
    if arguments.stamp.resolve() == FOLDER:
        parser.error(
            "--stamp: another folder than that of the notebooks, which know no address"
        )
    repository = arguments.repository or address_of_this_project()
    if not web_address(repository):
        print(
            "No public address is known (--repository OWNER/NAME gives one): these are plain copies."
        )
    for path in stamp_all(arguments.stamp, repository):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
