"""Grades the exercises: ``python -m exercises`` shows your progress, ``python -m exercises product`` grades one of them."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinygrad_fm.atomic_files import write_atomically
from tinygrad_fm.training.console import run_command

from .grading.catalogue import EXERCISES
from .grading.exercise import Exercise
from .grading.grade import NOT_STARTED, PASSED, STARTED, Report
from .grading.paper import sheet
from .grading.progress import Progress
from .grading.worker import PRINTED, grade_files

HERE = Path(__file__).resolve().parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 only if all that was named is passed."""
    parser = argparse.ArgumentParser(prog="python -m exercises", description=__doc__)
    parser.add_argument("exercise", nargs="*", help="a name or a number; 'all' for all of them; without one: progress")
    parser.add_argument("--folder", type=Path, default=HERE, metavar="FOLDER", help="where the files are (default: exercises/)")
    parser.add_argument("--seed", type=int, metavar="N", help="draw the same inputs again")
    parser.add_argument("--gradescope", type=Path, metavar="FILE", help="write the points to FILE, as Gradescope reads them")
    parser.add_argument(
        "--paper", type=Path, metavar="FILE", help="write a sheet to print to FILE (.html or .md), and grade nothing"
    )
    arguments = parser.parse_args(argv)
    if not arguments.folder.is_dir():
        parser.error(f"argument --folder: there is no folder {arguments.folder}")
    chosen = [exercise for name in arguments.exercise for exercise in _named(parser, name)]
    seed = random.randrange(1_000_000) if arguments.seed is None else abs(arguments.seed)
    if arguments.paper:
        return _write_paper(parser, chosen or EXERCISES, arguments.folder, arguments.paper)
    if arguments.gradescope:
        return _write_points(chosen or EXERCISES, arguments.folder, seed, arguments.gradescope)
    if chosen:
        return _grade(chosen, arguments.folder, seed)
    return _show_progress(arguments.folder, seed)


def _named(parser: argparse.ArgumentParser, name: str) -> list[Exercise]:
    """The exercises that a word of the command line means: ``product``, ``2``, ``02_product.py``, ``all``."""
    if name == "all":
        return EXERCISES
    stem = Path(name).name.removesuffix(".py")
    for exercise in EXERCISES:
        if stem in (exercise.name, exercise.file.removesuffix(".py"), str(exercise.number), f"{exercise.number:02}"):
            return [exercise]
    close = [exercise.name for exercise in EXERCISES if stem and stem in exercise.name]
    known = f"did you mean {' or '.join(close)}?" if close else "`python -m exercises` lists them"
    return parser.error(f"there is no exercise {name!r}; {known}")


def _grade(chosen: list[Exercise], folder: Path, seed: int) -> int:
    progress = Progress(folder)
    reports = []
    for report, printed in grade_files(chosen, folder, seed, folder / "failed"):
        progress.note(report)
        print(text_of(report, printed, seed, folder), flush=True)
        reports.append(report)
    progress.save()
    return 0 if all(report.state == PASSED for report in reports) else 1


def text_of(report: Report, printed: str, seed: int, folder: Path = HERE) -> str:
    """A report as a person reads it."""
    (exercise,) = (e for e in EXERCISES if e.name == report.exercise)
    lines = [f"{exercise.file}: {exercise.title}: {report.state}"]
    if printed.strip():
        shown = printed.strip("\n").splitlines()
        lines += ["  what it printed:", *(f"  | {line[:200]}" for line in shown[:PRINTED])]
        lines += [f"  | … {len(shown) - PRINTED} more lines"] if len(shown) > PRINTED else []
    lines += [f"  {line}" for block in report.lines for line in block.splitlines()]
    if report.done and report.state != PASSED:
        lines.append(f"  right already: {', '.join(report.done)}")
    if report.missing:
        lines.append(f"  still to write: {', '.join(report.missing)}")
    if report.picture:
        lines.append(f"  the graph of it: {_short(report.picture)}")
    if report.state == PASSED:
        lines.append(f"  {report.checks} checks passed. The library's own:")
        lines += [f"    {name}  in {file}" for file, name in exercise.library]
    elif report.state not in (NOT_STARTED, STARTED):
        lines.append(f"  the same numbers again: python -m exercises {exercise.name}{_option(folder)} --seed {seed}")
    return "\n".join(lines) + "\n"


def _write_paper(parser: argparse.ArgumentParser, chosen: list[Exercise], folder: Path, path: Path) -> int:
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("html", "md"):
        parser.error(f"argument --paper: {path.name} must end in .html or .md")
    try:
        text = sheet(chosen, folder, kind).encode()
        write_atomically(path, lambda file: file.write(text))
    except (OSError, SyntaxError) as error:
        parser.error(f"argument --paper: {error}")
    print(path)
    return 0


def _write_points(chosen: list[Exercise], folder: Path, seed: int, path: Path) -> int:
    """Write Gradescope's results.json: a point for each function."""
    tests: list[dict[str, Any]] = []
    for report, printed in grade_files(chosen, folder, seed, None):
        (exercise,) = (e for e in EXERCISES if e.name == report.exercise)
        points = len(exercise.parts) if report.state == PASSED else len(report.done)
        tests.append(
            {
                "number": str(exercise.number),
                "name": f"{exercise.name}: {exercise.title}",
                "score": points,
                "max_score": len(exercise.parts),
                "status": "passed" if report.state == PASSED else "failed",
                "output": text_of(report, printed, seed),
            }
        )
    text = json.dumps({"tests": tests}, indent=1).encode()
    write_atomically(path, lambda file: file.write(text))
    print(f"{sum(test['score'] for test in tests)} of {sum(test['max_score'] for test in tests)} points: {path}")
    return 0


def _option(folder: Path) -> str:
    """How the folder is named on the command line."""
    return "" if folder.resolve() == HERE else f" --folder {folder}"


def _short(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def _show_progress(folder: Path, seed: int) -> int:
    """Grade what was changed since it was graded last, and show where one stands."""
    progress = Progress(folder)
    for report, _ in grade_files(progress.changed(), folder, seed, folder / "failed"):
        progress.note(report)
    progress.save()
    print(progress.table())
    following = progress.next()
    if following is not None:
        print(f"\nNext: {_short(str(folder / following.file))}")
        print(f"Its first lines say what to do; then: python -m exercises {following.name}{_option(folder)}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
