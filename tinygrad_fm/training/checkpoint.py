"""What a checkpoint holds, and how a model is made of one.

A checkpoint is a dict in a file of :mod:`tinygrad_fm.io`. It names its model as ``models.build(name, **options)`` takes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import io
from ..errors import CheckpointError
from ..nn import Module

FORMAT = 1
KEYS = (
    "format",
    "model",
    "weights",
    "average",
    "optimizer",
    "schedule",
    "random",
    "progress",
    "config",
    "dataset",
    "environment",
    "metrics_size",
)

Build = Callable[..., Module]


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a checkpoint of a training run.

    Raises:
        CheckpointError: the file is not there, is damaged, or is no checkpoint of a training run.
    """
    try:
        content = io.load(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {os.fspath(path)}") from error
    except OSError as error:
        raise CheckpointError(f"the checkpoint {os.fspath(path)} cannot be read: {error.strerror}") from error
    missing = [key for key in KEYS if key not in content] if isinstance(content, dict) else KEYS
    if missing:
        raise CheckpointError(
            f"{os.fspath(path)} is no checkpoint of a training run: it lacks {', '.join(missing[:3])}"
            f"{' …' if len(missing) > 3 else ''}. Checkpoints are in the folder checkpoints/ of a run."
        )
    if content["format"] > FORMAT:
        raise CheckpointError(f"{os.fspath(path)} is of format {content['format']}; this program reads up to {FORMAT}")
    return content


def load_model(path: str | os.PathLike[str], build: Build) -> tuple[Module, dict[str, Any]]:
    """The model of a checkpoint, in evaluation mode, with the averaged weights if there are any; and the checkpoint.

    Args:
        path: the file.
        build: makes a model of a name and options: ``models.build``.

    Raises:
        CheckpointError: see :func:`load_checkpoint`; or ``build`` knows no such model, or the weights do not fit it.

    >>> import models
    >>> load_model("nowhere.npz", models.build)
    Traceback (most recent call last):
      ...
    tinygrad_fm.errors.CheckpointError: there is no checkpoint nowhere.npz
    """
    content = load_checkpoint(path)
    with fitting(path):
        model = build(content["model"]["name"], **content["model"]["options"])
        model.load_state_dict(content["weights"] if content["average"] is None else content["average"]["values"])
    return model.eval(), content


def restore(model: Module, weights: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Put saved weights into a model. Raises CheckpointError naming the file if they do not fit."""
    with fitting(path):
        model.load_state_dict(weights)


@contextmanager
def fitting(path: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever does not fit inside becomes a CheckpointError that names the file."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{os.fspath(path)} does not fit the model and settings that it names: {error}") from error
