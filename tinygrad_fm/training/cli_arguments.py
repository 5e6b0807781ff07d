"""The command line that the training scripts share."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from ..data import CHOICES
from .config import AUGMENTATIONS, INITS, OPTIMIZERS, SCHEDULES, Config

ModelOptions = Callable[[Any], None]
"""Adds a script's options for its models to an argument group."""


def _or_none(kind: type) -> Callable[[str], Any]:
    """Reads a number, and 0 as "no limit"."""

    def read(text: str) -> Any:
        return kind(text) or None

    read.__name__ = kind.__name__  # argparse names it in its message
    return read


def make_parser(prog: str, description: str, defaults: Config, model_options: ModelOptions) -> argparse.ArgumentParser:
    """The parser of a script. What is not given on the command line is not in the result, so that one can tell."""
    parser = argparse.ArgumentParser(
        prog,
        description=description,
        argument_default=argparse.SUPPRESS,
        epilog="Ctrl-C stops after the present step and saves; --resume goes on from there as if nothing had happened.",
    )

    def adder(group: Any) -> Callable[..., None]:
        def add(flag: str, help: str, **kind: Any) -> None:
            value = getattr(defaults, flag.strip("-").replace("-", "_"), None)
            shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
            group.add_argument(flag, help=f"{help} (default: {'none' if shown in (None, '') else shown})", **kind)

        return add

    run = parser.add_argument_group("the run")
    run.add_argument("--out", metavar="FOLDER", help="where everything is written (default: runs/MODEL-TIME)")
    run.add_argument("--resume", metavar="RUN", help="go on with the run in this folder, with its settings")
    add = adder(run)
    add("--seed", "decides everything that is random", type=int, metavar="N")
    add("--save-every", "also keep a checkpoint every N steps, under its number", type=_or_none(int), metavar="N")
    add("--checkpoint-seconds", "how often to save within an epoch", type=float, metavar="S")
    add("--threads", "processors to use", type=int, metavar="N")
    run.add_argument("--composed", action="store_true", help="run every operation as the composition that defines it; slow")

    add = adder(parser.add_argument_group("the data"))
    add("--data", "auto falls back to drawn images where Fashion-MNIST cannot be had", choices=CHOICES)
    add("--validation", "training images held out for validation", type=int, metavar="N")
    add("--train-size", "use only the first N images of the training and test set", type=_or_none(int), metavar="N")
    add(
        "--augment",
        f"random changes to the training images: any of {', '.join(AUGMENTATIONS)}, or nothing",
        nargs="*",
        metavar="NAME",
    )

    model_options(parser.add_argument_group("the model"))
    training = parser.add_argument_group("the training")
    add = adder(training)
    add("--init", "initial weights; default is PyTorch's rule", choices=INITS)
    add("--optimizer", "momentum and nag are SGD with momentum", choices=list(OPTIMIZERS))
    rates = ", ".join(f"{name} {lr:g}" for name, lr in OPTIMIZERS.items())
    training.add_argument(
        "--lr",
        type=float,
        metavar="X",
        help="learning rate, the highest of the schedule "
        f"(default: {defaults.lr if defaults.lr is not None else f'by optimizer: {rates}'})",
    )
    add("--momentum", "of momentum and nag", type=float, metavar="X")
    add("--schedule", "how the learning rate changes", choices=SCHEDULES)
    add("--gamma", "factor of step (each third), multistep (at 1/2 and 3/4) and plateau", type=float, metavar="X")
    add("--patience", "epochs that plateau waits", type=int, metavar="N")
    add("--batch-size", "images per step", type=int, metavar="N")
    length = training.add_mutually_exclusive_group()
    add = adder(length)
    add("--epochs", "how long to train", type=int, metavar="N")
    add("--steps", "how long to train, in steps", type=int, metavar="N")
    add = adder(training)
    training.add_argument(
        "--weight-decay",
        type=float,
        metavar="X",
        help="L2 regularisation, decoupled for adamw (default: 0.01 for adamw, else 0)",
    )
    add("--label-smoothing", "share of the target spread over all classes", type=float, metavar="X")
    add("--clip-norm", "largest norm of the gradient, 0 for no limit", type=_or_none(float), metavar="X")
    add(
        "--early-stopping",
        "stop after N epochs without a better validation accuracy, 0 for never",
        type=_or_none(int),
        metavar="N",
    )
    add("--ema", "evaluate a moving average of the weights with this decay, 0 for none", type=_or_none(float), metavar="X")
    add("--tta", "evaluate each image together with its mirror image", action=argparse.BooleanOptionalAction)
    return parser


def config_of(given: dict[str, Any], defaults: Config) -> Config:
    """The settings that a command line means: ``given`` over the script's defaults; unknown names are the model's options.

    Raises ValueError for a setting out of range.
    """
    settings = defaults.as_dict()
    own = {name: value for name, value in given.items() if name in settings}
    options = {name: value for name, value in given.items() if name not in settings}
    if own.get("model", defaults.model) == defaults.model:
        options = {**defaults.options, **options}
    if own.get("optimizer", defaults.optimizer) != defaults.optimizer:
        own = {"lr": None, "weight_decay": None, **own}  # the script's own numbers are meant for its own optimizer
    if "steps" in own:
        own["epochs"] = None
    elif "epochs" in own:
        own["steps"] = None
    config = Config(**{**settings, **own, "options": options})
    return dataclasses.replace(config, lr=config.learning_rate, weight_decay=config.decay)  # so that config.json has them
