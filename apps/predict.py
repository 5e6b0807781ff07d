"""Say what is on pictures of garments: of any size, colour or transparency, on a light ground or a dark one."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import models
from apps.photos import Prepared, prepare_photo, save_prepared
from tinygrad_fm.data.transforms import apply_to_batch
from tinygrad_fm.errors import CheckpointError, DataError, printable
from tinygrad_fm.training import evaluation_transform, load_model, predict
from tinygrad_fm.training.checkpoint_scores import checkpoint_of, top_classes

from . import Failures

BATCH = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("run", metavar="RUN", help="folder of a run, or a checkpoint")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a picture of one garment")
    parser.add_argument("--tta", action="store_true", help="look at each picture together with its mirror image")
    parser.add_argument("--save-inputs", metavar="FOLDER", type=Path, help="also write what the model saw, as 28×28 PNG files")


def run(args: argparse.Namespace) -> int:
    """One line for each picture: the three most probable classes."""
    failures = Failures("predict")
    try:
        path = checkpoint_of(args.run)
        model, content = load_model(path, models.build)
    except (CheckpointError, OSError) as error:
        failures.add(error)
        return failures.code
    wide = max(len(printable(name)) for name in args.images)
    number = 0
    for batch in _prepared(args.images, failures):
        images = apply_to_batch(evaluation_transform(), np.stack([photo.image for _, photo in batch]))
        for (name, photo), found in zip(batch, predict(model, images, args.tta), strict=True):
            if not np.isfinite(found).all():
                failures.add(CheckpointError(f"{name}: the model of {path} gives no numbers for it, its weights are too large"))
                continue
            said = "  ".join(f"{label} {p:.1%}" for label, p in top_classes(found, content["dataset"]["classes"]))
            doubt = f"  ({photo.doubt})" if photo.doubt else ""
            print(f"{printable(name):<{wide}}  {said}{doubt}", flush=True)
            if args.save_inputs is not None:
                number += 1
                try:
                    save_prepared(photo, args.save_inputs / f"{number:03}-{_short(Path(name).stem)}.png")
                except OSError as error:
                    failures.add(error)
    return failures.code


def _short(name: str, limit: int = 200) -> str:
    """As much of a file's name as leaves room for a number before it and an ending: a name has 255 bytes at most."""
    return os.fsencode(name)[:limit].decode(errors="ignore")


def _prepared(names: list[str], failures: Failures) -> Iterator[list[tuple[str, Prepared]]]:
    """The pictures that can be read, in lists of at most ``BATCH``."""
    for start in range(0, len(names), BATCH):
        batch: list[tuple[str, Any]] = []
        for name in names[start : start + BATCH]:
            try:
                batch.append((name, prepare_photo(name)))
            except (DataError, OSError, ValueError, MemoryError) as error:
                failures.add(error)
        if batch:
            yield batch
