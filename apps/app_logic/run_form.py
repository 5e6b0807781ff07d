"""A run to be started: from the fields of a form to the command line of a script, held against the script's own parser."""

from __future__ import annotations

import argparse
import re
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import train_cnn
import train_mlp
from tinygrad_fm.training import Config
from tinygrad_fm.training.cli_arguments import config_of, make_parser

from .local_data import MISSING, has_fashion_mnist

MODELS = {"mlp": "train_mlp.py"} | dict.fromkeys(("lenet", "cnn", "fast", "resnet20", "vgg6"), "train_cnn.py")
_SCRIPTS: dict[str, Any] = {"train_mlp.py": train_mlp, "train_cnn.py": train_cnn}
LABELS = {
    "model": "Model",
    "data": "Images",
    "epochs": "How long",
    "steps": "How long",
    "train_size": "Only the first images",
    "validation": "Images held out",
    "batch_size": "Images per step",
    "optimizer": "Optimizer",
    "lr": "Learning rate",
    "schedule": "Schedule",
    "augment": "Random changes to the images",
    "seed": "Seed",
}
"""What the form calls the settings that it has fields for."""

_NAME = re.compile(r"\w[\w .+=-]{0,59}(?<! )")


@dataclass(frozen=True)
class Wanted:
    """What the form says. A number that is None, or a text that is empty, is left to the script."""

    name: str = ""
    model: str = "mlp"
    data: str = "synthetic"
    unit: str = "epochs"
    length: int | None = None
    train_size: int | None = None
    validation: int | None = None
    batch_size: int | None = None
    optimizer: str = ""
    lr: str = ""
    schedule: str = ""
    augment: tuple[str, ...] = ()
    seed: int | None = None
    further: str = ""


@dataclass(frozen=True)
class Checked:
    """A command line that the script takes.

    Attributes:
        folder: of the run.
        script: its file's name.
        arguments: but ``--out``.
        config: the settings that they mean.
    """

    folder: Path
    script: str
    arguments: list[str]
    config: Config


def defaults_of(model: str) -> Config:
    """The settings of the script that trains this model."""
    return _SCRIPTS[MODELS[model]].DEFAULTS


def script_of(model: str) -> str:
    """The script that goes on with a run of this model."""
    return "train_mlp.py" if model == "mlp" else "train_cnn.py"


def fresh_name(model: str, base: Path) -> str:
    """A name that no run in ``base`` has."""
    name = f"{model}-{time.strftime('%Y%m%d-%H%M%S')}"
    tries = [name, *(f"{name}-{n}" for n in range(2, 100))]
    return next((name for name in tries if not (base / name).exists()), name)


def checked(wanted: Wanted, base: Path) -> Checked:
    """The command line of what is wanted.

    Raises:
        ValueError: a field cannot be; the message names it.
        DataError: a file of the data set is damaged.
    """
    name = wanted.name.strip() or fresh_name(wanted.model, base)
    if not _NAME.fullmatch(name):
        raise ValueError("Name: letters, digits, spaces and any of . _ + = -, at most 60, beginning with a letter or digit")
    if (base / name).exists():
        raise ValueError(f"There is a run named {name} already: choose another name, or resume that one")
    if wanted.model not in MODELS:
        raise ValueError(f"There is no model {wanted.model!r}; the models are {', '.join(MODELS)}")
    script = MODELS[wanted.model]
    try:
        further = shlex.split(wanted.further)
    except ValueError as error:
        raise ValueError(f"The further options: {error}") from error
    arguments = [*_arguments(wanted), *further]
    try:
        given = _parsed(script, arguments)
        config = config_of(given, _SCRIPTS[script].DEFAULTS)
    except ValueError as error:
        raise ValueError(_by_label(str(error))) from error
    if refused := [f"--{name}" for name in ("out", "resume", "track") if name in given]:
        raise ValueError(f"{refused[0]} is not for the app: {_INSTEAD[refused[0]]}")
    if config.data != "synthetic" and not has_fashion_mnist():
        raise ValueError(MISSING)
    return Checked(base / name, script, arguments, config)


_INSTEAD = {
    "--out": "the name says where the run goes",
    "--resume": "each run that was stopped has a button for it",
    "--track": "trackers may send what they are told to other machines; start such a run in a terminal",
}


def _by_label(message: str) -> str:
    """A message about an argument or a setting, with the name that the form has for it."""
    found = re.match(r"(?:argument --)?([\w-]+)(?:\[\d+\])?:? (.*)", message, re.DOTALL)
    label = LABELS.get(found[1].replace("-", "_")) if found else None
    return f"{label}: {found[2]}" if found and label else f"The further options: {message}"


def _arguments(wanted: Wanted) -> list[str]:
    values: dict[str, Any] = {
        "--model": wanted.model if MODELS[wanted.model] != "train_mlp.py" else None,
        "--data": wanted.data,
        f"--{wanted.unit}": wanted.length,
        "--train-size": wanted.train_size,
        "--validation": wanted.validation,
        "--batch-size": wanted.batch_size,
        "--optimizer": wanted.optimizer,
        "--lr": wanted.lr.strip(),
        "--schedule": wanted.schedule,
        "--seed": wanted.seed,
    }
    arguments = [f"{flag}={value}" for flag, value in values.items() if value not in (None, "")]
    return [*arguments, *(["--augment", *wanted.augment] if wanted.augment else [])]


def _parsed(script: str, arguments: list[str]) -> dict[str, Any]:
    """What the script's parser makes of it. Raises ValueError, where the script would end."""
    parser = make_parser(script, "", _SCRIPTS[script].DEFAULTS, _SCRIPTS[script].model_options)

    def refuse(*message: Any) -> NoReturn:
        raise ValueError(str(message[-1]) if message else "--help is for a terminal")

    parser.error = refuse  # type: ignore[method-assign, assignment]
    parser.exit = refuse  # type: ignore[method-assign, assignment]
    parser.print_help = lambda file=None: None  # type: ignore[method-assign]
    try:
        return vars(parser.parse_args(arguments))
    except argparse.ArgumentError as error:
        raise ValueError(str(error)) from error
