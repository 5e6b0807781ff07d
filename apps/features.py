"""Draw the filters of a run's convolutions, and what they make of a picture."""

from __future__ import annotations

import argparse
from pathlib import Path

import models
from apps.photos import prepare_photo
from tinygrad_fm.errors import CheckpointError, DataError
from tinygrad_fm.training import RunFolder, evaluation_transform, load_model
from tinygrad_fm.training.checkpoint_scores import checkpoint_of, images_of
from tinygrad_fm.viz import feature_maps, filters, plots

from . import Failures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="a picture of a garment (default: the first test image)")
    parser.add_argument("--filters", default="filters.png", type=Path, metavar="FILE", help="default: filters.png")
    parser.add_argument("--features", default="features.png", type=Path, metavar="FILE", help="default: features.png")


def run(args: argparse.Namespace) -> int:
    """Write both pictures."""
    for path in (args.filters, args.features):
        plots.check_format(path)
    failures = Failures("features")
    try:
        model, _ = load_model(checkpoint_of(args.run), models.build)
        if args.image is None:
            image = images_of(RunFolder(args.run))[0][0]
        else:
            image = evaluation_transform()(prepare_photo(args.image).image)
    except (CheckpointError, DataError, OSError) as error:
        failures.add(error)
        return failures.code
    filters(model).save(args.filters)
    feature_maps(model, image).save(args.features)
    print(f"wrote {args.filters} and {args.features}")
    return failures.code
