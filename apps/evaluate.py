"""Test every checkpoint of training runs: accuracy, precision and recall of each class, confusion matrices as pictures."""

from __future__ import annotations

import argparse

import models
from tinygrad_fm.errors import CheckpointError, DataError, MissingExtraError, printable
from tinygrad_fm.training import RunFolder
from tinygrad_fm.training.checkpoint_scores import images_of, score, score_record, score_table
from tinygrad_fm.viz import plots

from . import Failures

FOLDER = "evaluation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a run")
    parser.add_argument("--data", choices=["fashion-mnist", "synthetic"], help="default: the set that each run was trained on")
    parser.add_argument("--tta", action="store_true", help="evaluate each image together with its mirror image")


def run(args: argparse.Namespace) -> int:
    """Print the tables; write pictures and evaluation.json into the folder evaluation/ of each run."""
    failures = Failures("evaluate")
    for number, path in enumerate(args.runs):
        try:
            text = _evaluate(RunFolder(path), args, failures)
        except (CheckpointError, DataError, OSError) as error:
            failures.add(error)
        else:
            print("\n" * (number > 0) + text, flush=True)
    return failures.code


def _evaluate(folder: RunFolder, args: argparse.Namespace, failures: Failures) -> str:
    data = images_of(folder, args.data)
    scores, errors = score(folder, data, models.build, args.tta)
    for error in errors:
        failures.add(error)
    if not scores:
        raise CheckpointError(f"{folder.path} holds no checkpoint that can be tested")
    mirrored = ", each with its mirror image" if args.tta else ""
    text = [f"{folder.path}: {len(data):,} test images of {data.name}{mirrored}", score_table(scores, data.classes)]
    if "ynthetic" in data.name:
        text.append("The images are drawn by the program: these scores say nothing about Fashion-MNIST.")
    target = f"{FOLDER}/{'-'.join(filter(None, [args.data, 'tta' if args.tta else None])) or 'own'}"
    try:
        for s in scores:
            plots.confusion(
                s.evaluation.confusion,
                data.classes,
                folder.path / target / f"confusion-{s.name}.png",
                f"{printable(folder.path.name)}, {s.name}, on {data.name}: {s.evaluation.accuracy:.2%} right",
            )
    except MissingExtraError as error:
        failures.add(error)
    folder.write_json(f"{target}/evaluation.json", score_record(scores, data, args.tta))
    return "\n\n".join([*text, f"Written to {folder.path / target}"])
