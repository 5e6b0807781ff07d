"""The checkpoints of a run: what is in them, how they are written, read and gone on from, and how a model is made of one.

A checkpoint is a dict in a file of :func:`tinygrad_fm.save`. It names its model as ``models.build(name, **options)`` takes it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Protocol, TypedDict, get_type_hints

import numpy as np

from .. import io
from ..autograd import no_grad
from ..errors import CheckpointError
from ..nn import Module
from ..ops import zeros
from ..optim import Optimizer
from ..optim.swa_utils import AveragedModel
from ..schema import Count, Finite, check
from ..tensor import Tensor
from .config import Config, environment
from .early_stopping import EarlyStopping
from .from_config import IMAGE, Data

FORMAT = 1

Path = str | os.PathLike[str]
Build = Callable[..., Module]


@dataclass
class Progress(EarlyStopping):
    """How far a run has come, and what it must remember on the way.

    Attributes:
        step: training steps made.
        epoch, batch: epochs finished, and batches taken of the next one.
        loss_sum, right, seen: over the unfinished epoch, for its averages.
        cross_entropy_sum: the same of the loss without label smoothing; None where it is not known.
        seconds: spent on training, over all resumptions.
    """

    step: Count = 0
    epoch: Count = 0
    batch: Count = 0
    loss_sum: Finite = 0.0
    cross_entropy_sum: Finite | None = None
    right: Count = 0
    seen: Count = 0
    seconds: Finite = 0.0

    def begin_epoch(self, cross_entropy_sum: float | None) -> None:
        """One more epoch is finished; the sums begin anew."""
        self.epoch, self.batch = self.epoch + 1, 0
        self.loss_sum, self.cross_entropy_sum, self.right, self.seen = 0.0, cross_entropy_sum, 0, 0


class ModelEntry(TypedDict):
    """How ``models.build`` makes the model."""

    name: str
    options: dict[str, Any]


class AverageEntry(TypedDict):
    """The moving average of the weights, and how many updates it has had."""

    updates: Count
    values: dict[str, Tensor | np.ndarray]


class DatasetEntry(TypedDict):
    """The data it was trained on."""

    name: str
    digest: str
    classes: list[str]


class ModelCheckpoint(TypedDict):
    """What of a checkpoint is read for the model in it."""

    format: Count
    model: ModelEntry
    weights: dict[str, Tensor]
    average: AverageEntry | None
    progress: Annotated[dict[str, Any], Progress]
    config: dict[str, Any]
    dataset: DatasetEntry
    environment: dict[str, Any]
    metrics_size: Count


class Checkpoint(ModelCheckpoint):
    """All that decides the next step of a run, and what it was made with."""

    optimizer: dict[str, Any]
    schedule: dict[str, Any] | None


class Resumable(Protocol):
    """What a checkpoint saves of a trainer."""

    config: Config
    model: Module
    average: AveragedModel | None
    optimizer: Optimizer
    schedule: Any
    progress: Progress
    data: Data


# -- writing -----------------------------------------------------------------------------------------------------------


def write_checkpoint(run: Resumable, path: Path, metrics_size: int) -> None:
    """Write the present state of a run, whole or not at all.

    Args:
        run: the trainer.
        path: the file.
        metrics_size: how many bytes of metrics.jsonl belong to it.

    Raises:
        OSError: it cannot be written; what was there before is untouched.
    """
    average = run.average
    content = {
        "format": FORMAT,
        "model": {"name": run.config.model, "options": run.config.options},
        "weights": run.model.state_dict(),
        "average": None if average is None else {"updates": int(average.n_averaged) - 1, "values": average.module.state_dict()},
        "optimizer": run.optimizer.state_dict(),
        "schedule": None if run.schedule is None else run.schedule.state_dict(),
        "progress": asdict(run.progress),
        "config": run.config.as_dict(),
        "dataset": {"name": run.data.name, "digest": run.data.digest, "classes": list(run.data.test.classes)},
        "environment": environment(),
        "metrics_size": metrics_size,
    }
    io.save(content, path)


# -- reading -----------------------------------------------------------------------------------------------------------


def load_checkpoint(path: Path) -> Checkpoint:
    """The content of a checkpoint of a training run.

    Raises:
        CheckpointError: the file is not there, is damaged, or is no checkpoint of a training run.
    """
    return _load(path, Checkpoint)


def _load(path: Path, kind: Any) -> Any:
    """What of the file is of ``kind``; the rest is not even read."""
    name, keys = os.fspath(path), get_type_hints(kind)
    try:
        content = io.load_parts(path, keys)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {name}") from error
    except OSError as error:
        raise CheckpointError(f"the checkpoint {name} cannot be read: {error.strerror}") from error
    missing = [key for key in keys if key not in content] if isinstance(content, dict) else list(keys)
    if missing:
        raise CheckpointError(
            f"{name} is no checkpoint of a training run: it lacks {', '.join(missing[:3])}"
            f"{' …' if len(missing) > 3 else ''}. Checkpoints are in the folder checkpoints/ of a run."
        )
    try:
        check(content, kind)
    except ValueError as error:
        raise CheckpointError(f"{name} is damaged: {error}") from error
    if content["format"] > FORMAT:
        raise CheckpointError(f"{name} is of format {content['format']}; this program reads up to {FORMAT}")
    return content


def load_model(path: Path, build: Build) -> tuple[Module, ModelCheckpoint]:
    """The model of a checkpoint, in evaluation mode, with the averaged weights if there are any; and the checkpoint, without
    what only training needs.

    Args:
        path: the file.
        build: makes a model of a name and options: ``models.build``.

    Raises:
        CheckpointError: see :func:`load_checkpoint`; or ``build`` knows no such model, or the weights do not fit it or are
            not finite.

    >>> import models
    >>> load_model("nowhere.npz", models.build)
    Traceback (most recent call last):
      ...
    tinygrad_fm.errors.CheckpointError: there is no checkpoint nowhere.npz
    """
    content: ModelCheckpoint = _load(path, ModelCheckpoint)
    with _fitting(path):
        model = build(content["model"]["name"], **content["model"]["options"])
        _load_weights(model, content["weights"] if content["average"] is None else content["average"]["values"])
        model.eval()
        with no_grad():
            shape, classes = tuple(model(zeros(1, *IMAGE)).shape), content["dataset"]["classes"]
        if shape != (1, len(classes)):
            raise ValueError(f"it tells other classes apart than the {len(classes)} it names: it gives {shape} for an image")
    return model, content


def restore_weights(run: Resumable, content: Checkpoint, path: Path) -> None:
    """Give a run's model, and the average of its weights, what a checkpoint has of them.

    Raises CheckpointError naming the file if it does not fit.
    """
    with _fitting(path):
        _load_weights(run.model, content["weights"])
        if (run.average is None) != (content["average"] is None):
            raise ValueError(f"it has {'an' if run.average is None else 'no'} average of the weights")
        if run.average is not None and content["average"] is not None:
            _load_weights(run.average.module, content["average"]["values"])
            run.average.n_averaged.fill_(content["average"]["updates"] + 1)


def restore(run: Resumable, content: Checkpoint, path: Path) -> None:
    """Put a run where a checkpoint that was read from ``path`` left it. Raises CheckpointError if it does not fit."""
    restore_weights(run, content, path)
    with _fitting(path):
        _check_optimizer(run.optimizer, content["optimizer"])
        run.optimizer.load_state_dict(content["optimizer"])
        if run.schedule is not None:
            if content["schedule"] is None:
                raise ValueError("it has no schedule")
            _check_alike(content["schedule"], run.schedule.state_dict(), "schedule")
            run.schedule.load_state_dict(copy.deepcopy(content["schedule"]))
        saved = content["progress"]
        if saved["batch"] and "cross_entropy_sum" not in saved:  # written before there was one
            run.progress.cross_entropy_sum = None
        vars(run.progress).update(saved)


def _load_weights(model: Module, weights: Any) -> None:
    model.load_state_dict(weights)
    for name, tensor in model.state_dict().items():
        if not np.isfinite(tensor.numpy()).all():
            raise ValueError(f"{name} has values that are not finite")


def _check_optimizer(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Raise ValueError if a saved state has values of other kinds or shapes than the optimizer works with."""
    check(state, _OptimizerState, "optimizer")
    groups = optimizer.state_dict()["param_groups"]
    for i, (saved, own) in enumerate(zip(state["param_groups"], groups, strict=False)):  # their number is checked later
        _check_alike(saved, own, f"optimizer.param_groups[{i}]")
    params = [p for group in optimizer.param_groups for p in group["params"]]
    for number, values in state["state"].items():
        if number >= len(params):
            raise ValueError(f"optimizer.state has an entry {number}, of {len(params)} parameters")
        for name, value in values.items():
            shape = tuple(value.shape) if isinstance(value, (Tensor, np.ndarray)) else ()
            if shape not in ((), tuple(params[number].shape)):
                raise ValueError(f"optimizer.state[{number}].{name} is of shape {shape}, not {tuple(params[number].shape)}")


class _OptimizerState(TypedDict):
    state: dict[Count, dict[str, Tensor | np.ndarray | float | None]]
    param_groups: list[dict[str, Any]]


def _check_alike(value: Any, pattern: Any, where: str) -> None:
    """Raise ValueError where ``value`` has another kind of thing than ``pattern``; what only one of them has may be."""
    if isinstance(value, dict) and isinstance(pattern, dict):
        for key in value.keys() & pattern.keys():
            _check_alike(value[key], pattern[key], f"{where}.{key}")
    elif type(pattern) in (int, float):
        check(value, float, where)
    elif type(pattern) in (bool, str):
        check(value, type(pattern), where)
    elif isinstance(pattern, (list, tuple)):
        check(value, Sequence[Any], where)
        if len(value) != len(pattern):
            raise ValueError(f"{where} must have {len(pattern)} items, got {len(value)}")
        for i, (item, like) in enumerate(zip(value, pattern, strict=True)):
            _check_alike(item, like, f"{where}[{i}]")
    elif isinstance(pattern, dict):
        check(value, dict[Any, Any], where)


@contextmanager
def _fitting(path: Path) -> Iterator[None]:
    """Whatever does not fit inside becomes a CheckpointError that names the file."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, MemoryError) as error:
        what = str(error) or type(error).__name__
        raise CheckpointError(f"{os.fspath(path)} does not fit the model and settings that it names: {what}") from error
