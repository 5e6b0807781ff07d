"""Train the rows of docs/results.md, and write the page.

A row is a recipe, trained once for each of its seeds. What has no record in docs/results/ yet is trained; stopped and started
again, the same command goes on where it was. The page and its pictures are made of the records alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from benchmarks.tables import with_part
from tinygrad_fm.atomic_files import write_atomically
from tinygrad_fm.errors import CheckpointError, DataError, MissingExtraError
from tinygrad_fm.training import RunFolder, StopRequest
from tinygrad_fm.training.config import differences as changes
from tinygrad_fm.training.recipes import RECIPES, find_recipe

from . import Failures
from .results import data_audit, records
from .results.comparisons import Comparisons
from .results.launch import Interrupted, Run, train
from .results.page import page, read_results
from .results.pictures import draw
from .results.readme import PART, readme_part
from .results.records import Record, Row, mean_and_deviation
from .results.words import PICTURES

_DOCS = Path(__file__).resolve().parents[1] / "docs"
_LEAST_NOISE = 0.005  # half a point: other processors round differently, and a deviation of few seeds may be small by chance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "rows",
        nargs="*",
        metavar="ROW",
        help=f"any of {', '.join(RECIPES)}; comparisons (of optimizers, activations, initial weights), audit (of the images)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="all rows")
    what.add_argument("--check", metavar="ROW", help="train one seed of a row anew; exit code 1 if it is not within the noise")
    what.add_argument("--write", action="store_true", help="only write the page and its pictures")
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="only these (default: those of the recipe)")
    parser.add_argument(
        "--jobs", type=_positive, default=1, metavar="N", help="runs at once, which share the threads (default: 1)"
    )
    runs = Path("runs/results")
    parser.add_argument("--runs", type=Path, default=runs, metavar="FOLDER", help=f"the run folders (default: {runs})")
    parser.add_argument("--docs", type=Path, default=_DOCS, metavar="FOLDER", help="where the page and its records are")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number


def run(args: argparse.Namespace) -> int:
    """Train, and write the page."""
    if sum(map(bool, (args.rows, args.all, args.check, args.write))) != 1:
        raise ValueError(f"give either rows, --all, --check ROW or --write; the rows are {', '.join([*RECIPES, *PARTS])}")
    folder = args.docs / "results"
    failures = Failures("reproduce")
    try:
        with StopRequest() as stop:
            if args.check:
                return _check(args, Row(args.check, find_recipe(args.check), folder), stop)
            chosen = [] if args.write else [*RECIPES, *PARTS] if args.all else list(dict.fromkeys(args.rows))
            rows = [Row(name, find_recipe(name), folder) for name in chosen if name not in PARTS]
            todo = [run for row in rows for run in _runs(args, row)]

            def done(run: Run) -> None:
                _keep(run, folder, failures)

            for text in train(todo, args.jobs, stop, done):
                failures.add(RuntimeError(text))
            for name in chosen:
                if name in PARTS:
                    PARTS[name](args, stop)
    except Interrupted as stopped:
        print("\nStopped. The same command goes on.")
        return 128 + stopped.signal
    _write(args.docs, failures)
    return failures.code


def _compare(args: argparse.Namespace, stop: StopRequest) -> None:
    comparisons = Comparisons(args.docs / "results/comparisons.json")
    if comparisons.stale:
        print(f"comparisons: {comparisons.path} was made with other settings, and is made anew")
    comparisons.train(stop)


def _audit(args: argparse.Namespace, stop: StopRequest) -> None:
    path = args.docs / "results/audit.json"
    if records.read(path, data_audit.Record) is not None:
        print("audit: done already")
        return
    sets, config = data_audit.sets_of("fashion-mnist"), data_audit.settings_of("fashion-mnist")
    found = data_audit.audit(sets, config, data_audit.FOLDS, args.runs / "audit", stop, lambda text: print(text, flush=True))
    records.write(path, found)


PARTS = {"comparisons": _compare, "audit": _audit}
"""What the page has beside the rows."""


def _runs(args: argparse.Namespace, row: Row) -> list[Run]:
    """What is to be trained of a row."""
    seeds = _seeds(args, row)
    for text in row.left_out:
        print(f"{row.name}, {text}: its record does not count any more")
    if done := [seed for seed in seeds if seed not in row.missing]:
        print(f"{row.name}: measured already: seed{'s' * (len(done) > 1)} {', '.join(map(str, done))}")
    return [Run(row, seed, RunFolder(args.runs / row.name / str(seed))) for seed in seeds if seed in row.missing]


def _seeds(args: argparse.Namespace, row: Row) -> Sequence[int]:
    seeds: Sequence[int] = list(dict.fromkeys(args.seeds or row.recipe.seeds))
    if other := [seed for seed in seeds if seed not in row.recipe.seeds]:
        raise ValueError(f"{row.name} has the seeds {', '.join(map(str, row.recipe.seeds))}, not {', '.join(map(str, other))}")
    return seeds


def _keep(run: Run, folder: Path, failures: Failures) -> None:
    """Write the record of a finished run."""
    try:
        record = records.condense(run.folder, run.row.name)
    except (CheckpointError, DataError) as error:
        failures.add(error)
        return
    path = records.path_of(folder, run.row.name, run.seed)
    records.write(path, record)
    key = "test_accuracy_flipped" if run.row.flipped else "test_accuracy"
    print(f"{run.name}: test accuracy {record[key]:.2%}; its record is {path}", flush=True)  # type: ignore[literal-required]


def _write(docs: Path, failures: Failures) -> None:
    """Write the pictures, and the page."""
    results = read_results(docs / "results")
    text = page(results).encode()
    try:
        for what in draw(results, docs / PICTURES):
            failures.add(DataError(what))
    except MissingExtraError as error:
        failures.add(error)
    pages = {docs / "results.md": text}
    readme = docs.parent / "README.md"
    if readme.exists():  # not for pages of other folders
        pages[readme] = with_part(readme.read_text("utf-8"), PART, readme_part(results), readme.name).encode()
    for path, content in pages.items():
        write_atomically(path, partial(_put, content))
        print(f"Written: {path}")


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def _check(args: argparse.Namespace, row: Row, stop: StopRequest) -> int:
    """Train one seed anew, and compare."""
    if not row.records:
        raise ValueError(f"{row.name} is not measured yet, so there is nothing to compare with")
    mean, deviation = mean_and_deviation(row.accuracies())
    noise = max(_LEAST_NOISE, 3 * (deviation or 0.0))
    found: list[Record] = []

    def done(run: Run) -> None:
        found.append(records.condense(run.folder, row.name))

    with tempfile.TemporaryDirectory(prefix="tinygrad_fm-") as folder:
        seed = _seeds(args, row)[0]
        failed = train([Run(row, seed, RunFolder(Path(folder) / "run"))], 1, stop, done)
    if failed:
        raise RuntimeError(failed[0])
    accuracy = found[0]["test_accuracy_flipped" if row.flipped else "test_accuracy"]
    off = accuracy - mean
    within = abs(off) <= noise
    print(
        f"{row.name}, seed {seed}: test accuracy {accuracy:.2%}, {100 * off:+.2f} points from {mean:.2%}, the mean of "
        f"{len(row.records)}; the noise is ± {100 * noise:.2f} points: {'within' if within else 'NOT within'} it"
    )
    for record in row.records:
        if record["seed"] == seed:
            print(_likeness(record, found[0]))
    return 0 if within else 1


def _likeness(record: Record, again: Record) -> str:
    """Whether a run repeated has the record's weights, and if not, what was another that may have made them differ."""
    if record["weights_sha256"] == again["weights_sha256"]:
        return "Its weights are those of the record, bit for bit."
    other = "; ".join(changes(record["environment"], again["environment"]))
    return "Its weights are not those of the record, bit for bit" + (f", which was made otherwise: {other}." if other else ".")
