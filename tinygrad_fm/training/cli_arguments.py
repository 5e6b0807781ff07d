"""The command line that the training scripts share."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from ..data import CHOICES
from ..data.augment import PADDING_MODES
from .config import AUGMENTATIONS, INITS, OPTIMIZERS, SCHEDULES, TRACKERS, Config
from .recipes import RECIPES, find_recipe, recipes_of

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
    run = parser.add_argument_group("the run")
    _add_recipe(run, prog)
    _add_run(run, defaults)
    _add_data(parser.add_argument_group("the data"), defaults)
    model_options(parser.add_argument_group("the model"))
    training = parser.add_argument_group("the training")
    _add_optimizer(training, defaults)
    _add_schedule(training, defaults)
    _add_rest(training, defaults)
    return parser


def _adder(group: Any, defaults: Config) -> Callable[..., None]:
    """Adds a setting to a group; its help ends with its default."""

    def add(flag: str, help: str, **kind: Any) -> None:
        value = getattr(defaults, flag.strip("-").replace("-", "_"), None)
        shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
        group.add_argument(flag, help=f"{help} (default: {'none' if shown in (None, '') else shown})", **kind)

    return add


def _add_recipe(group: Any, script: str) -> None:
    def recipe(name: str) -> str:
        try:
            find_recipe(name, script)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return name

    rows = "; ".join(f"{name}: {RECIPES[name].why}" for name in recipes_of(script)).replace("%", "%%")
    help = f"settings to begin with, which other options change; each is a row of docs/results.md. {rows}"
    group.add_argument("--recipe", metavar="NAME", type=recipe, help=help)


def _add_run(group: Any, defaults: Config) -> None:
    add = _adder(group, defaults)
    group.add_argument("--out", metavar="FOLDER", help="where everything is written (default: runs/MODEL-TIME)")
    group.add_argument("--resume", metavar="RUN", help="go on with the run in this folder, with its settings")
    add("--seed", "decides everything that is random", type=int, metavar="N")
    add("--save-every", "also keep a checkpoint every N steps, under its number", type=_or_none(int), metavar="N")
    add("--checkpoint-seconds", "how often to save within an epoch", type=float, metavar="S")
    told = f"trackers to tell of the run, any of {', '.join(TRACKERS)}"
    add("--track", told, nargs="+", action="extend", choices=list(TRACKERS), metavar="NAME")
    group.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="processors to use (default: all, or one if other programs keep them busy, which a few steps tell)",
    )
    add(
        "--sync-batch-norm",
        "started by mpiexec: batch norm over the whole batch, not over each process's share",
        action=argparse.BooleanOptionalAction,
    )
    group.add_argument("--composed", action="store_true", help="run every operation as the composition that defines it; slow")


def _add_data(group: Any, defaults: Config) -> None:
    add = _adder(group, defaults)
    add("--data", "auto falls back to drawn images where Fashion-MNIST cannot be had", choices=CHOICES)
    add("--validation", "training images held out for validation, 0 for none", type=int, metavar="N")
    add("--train-size", "use only the first N images of the training and test set", type=_or_none(int), metavar="N")
    names = ", ".join(AUGMENTATIONS)
    changes = f"changes to the training images: any of {names} (altflip mirrors each in every second epoch), or nothing"
    add("--augment", changes, nargs="*", metavar="NAME")
    add("--shift-padding", "what comes in from outside in shift: 0 or a reflection", choices=PADDING_MODES)


def _add_optimizer(group: Any, defaults: Config) -> None:
    add = _adder(group, defaults)
    add("--init", "initial weights; default is PyTorch's rule", choices=INITS)
    add(
        "--optimizer",
        "momentum and nag are SGD with momentum; muon is for weights between layers, with AdamW for the rest",
        choices=list(OPTIMIZERS),
    )
    rates = ", ".join(f"{name} {lr:g}" for name, lr in OPTIMIZERS.items())
    default = defaults.lr if defaults.lr is not None else f"by optimizer: {rates}"
    lr = f"learning rate, the highest of the schedule (default: {default})"
    group.add_argument("--lr", type=float, metavar="X", help=lr)
    add("--momentum", "of momentum and nag", type=float, metavar="X")
    decay = "L2 regularisation, decoupled for adamw and muon (default: 0.01 for these, else 0)"
    group.add_argument("--weight-decay", type=float, metavar="X", help=decay)
    add("--bn-bias-lr", "factor of the learning rate for the biases of batch norm", type=float, metavar="X")
    add("--clip-norm", "largest norm of the gradient, 0 for no limit", type=_or_none(float), metavar="X")


def _add_schedule(group: Any, defaults: Config) -> None:
    add = _adder(group, defaults)
    add("--schedule", "how the learning rate changes", choices=SCHEDULES)
    add("--pct-start", "share of the steps in which the rate of onecycle and triangular rises", type=float, metavar="X")
    add("--gamma", "factor of step (each third), multistep (at 1/2 and 3/4) and plateau", type=float, metavar="X")
    add("--patience", "epochs that plateau waits", type=int, metavar="N")
    add("--batch-size", "images per step", type=int, metavar="N")
    add = _adder(group.add_mutually_exclusive_group(), defaults)
    add("--epochs", "how long to train", type=int, metavar="N")
    add("--steps", "how long to train, in steps", type=int, metavar="N")


def _add_rest(group: Any, defaults: Config) -> None:
    add = _adder(group, defaults)
    add("--label-smoothing", "share of the target spread over all classes", type=float, metavar="X")
    stopping = "stop after N epochs without a better validation accuracy, 0 for never"
    add("--early-stopping", stopping, type=_or_none(int), metavar="N")
    average = "evaluate a moving average of the weights with this decay, 0 for none"
    add("--ema", average, type=_or_none(float), metavar="X")
    add("--tta", "evaluate each image together with its mirror image", action=argparse.BooleanOptionalAction)


def config_of(given: dict[str, Any], defaults: Config) -> Config:
    """The settings that a command line means: ``given`` over those of the recipe that it names, over the script's defaults;
    unknown names are the model's options.

    Raises ValueError for a setting out of range.
    """
    if "recipe" in given:
        defaults = config_of(find_recipe(given["recipe"]).settings, defaults)
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
