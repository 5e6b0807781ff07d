"""Find images of a data set that occur more than once, and training images that are likely mislabelled.

Labels are judged by models that never saw the image: the training images are cut into folds, and each is predicted by a model
trained on the others. Stopped and started again, the same command goes on with the fold where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygrad_fm.text_table import text_table
from tinygrad_fm.training import Interrupted, StopRequest

from .results import records
from .results.data_audit import FOLDS, SURE, Record, Sets, audit, draw, pairs_in_words, sets_of, settings_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--data", choices=["fashion-mnist", "synthetic"], default="fashion-mnist", help="default: fashion-mnist"
    )
    parser.add_argument("--train-size", type=int, metavar="N", help="only the first N images of the training and test set")
    parser.add_argument("--folds", type=int, default=FOLDS, metavar="N", help=f"default: {FOLDS}")
    parser.add_argument("--epochs", type=int, default=4, metavar="N", help="how long each model is trained (default: 4)")
    parser.add_argument("--out", type=Path, default=Path("runs/audit"), metavar="FOLDER", help="default: runs/audit")


def run(args: argparse.Namespace) -> int:
    """Print what is found; write it and the pictures."""
    config = settings_of(args.data, args.epochs, args.train_size)
    sets = sets_of(args.data, args.train_size)
    if not 2 <= args.folds <= len(sets.train) // config.batch_size:
        raise ValueError(f"--folds must be from 2 to {len(sets.train) // config.batch_size} for these images, got {args.folds}")
    try:
        with StopRequest() as stop:
            record = audit(sets, config, args.folds, args.out, stop, lambda text: print(text, flush=True))
    except Interrupted as stopped:
        print("\nStopped. The same command goes on.")
        return 128 + stopped.signal
    print("\n" + report(record, sets))
    records.write(args.out / "audit.json", record)
    draw(record, sets, args.out)
    print(f"\nWritten to {args.out}: audit.json, {'duplicates.png, ' if record['groups'] else ''}mislabelled.png")
    return 0


def report(record: Record, sets: Sets) -> str:
    """What was found, for a terminal."""
    rows = [
        ("equal images", "number"),
        ("training images that an earlier one equals", f"{record['within_training']:,}"),
        ("test images that an earlier one equals", f"{record['within_test']:,}"),
        ("test images that are training images, too", f"{record['between']:,}"),
        ("of all these groups, under several labels", f"{record['contradicting']:,}"),
    ]
    pairs = [
        ("label", "predicted", f"{SURE:.0%} sure"),
        *pairs_in_words(record, sets.train.classes),
        ("all pairs", "", f"{record['sure']:,}"),
    ]
    return "\n\n".join([text_table(rows), text_table(pairs, left=2)])
