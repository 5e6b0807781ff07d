"""The checkpoints of a run: what is in them, how they are written, read and gone on from, and how a model is made of one.

A checkpoint is a dict in a file of :func:`tinygrad_fm.save`. It names its model as ``models.build(name, **options)`` takes it.
"""

from __future__ import annotations

import copy
import os
import pathlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Protocol, TypedDict, get_type_hints

import numpy as np

from .. import serialization
from .._tensor import Tensor
from ..atomic_files import write_atomically
from ..autograd import no_grad
from ..errors import CheckpointError
from ..formats import npz
from ..nn import Module
from ..ops.functions import zeros
from ..optim import Optimizer
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..optim.swa_utils import AveragedModel
from ..schema import Count, Finite, Json, check
from .config import Config, Environment, environment
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
        seconds: spent on training, with validation and checkpoints, over all resumptions.
        cpu_seconds: processor time spent in them, of all threads and processes; None where it is not known.

    >>> from tinygrad_fm import training
    >>> progress = training.Progress(step=9, batch=9)
    >>> progress.begin_epoch(None)
    >>> progress.step, progress.epoch, progress.batch
    (9, 1, 0)
    """

    step: Count = 0
    epoch: Count = 0
    batch: Count = 0
    loss_sum: Finite = 0.0
    cross_entropy_sum: Finite | None = None
    right: Count = 0
    seen: Count = 0
    seconds: Finite = 0.0
    cpu_seconds: Finite | None = 0.0

    def begin_epoch(self, cross_entropy_sum: float | None) -> None:
        """One more epoch is finished; the sums begin anew."""
        self.epoch, self.batch = self.epoch + 1, 0
        self.loss_sum, self.cross_entropy_sum, self.right, self.seen = 0.0, cross_entropy_sum, 0, 0


class ModelEntry(TypedDict):
    """How ``models.build`` makes the model."""

    name: str
    options: Json


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
    config: Json
    dataset: DatasetEntry
    environment: Environment
    metrics_size: Count


class Checkpoint(ModelCheckpoint):
    """All that decides the next step of a run, and what it was made with.

    >>> from tinygrad_fm import training
    >>> {"weights", "optimizer", "schedule", "progress"} <= training.Checkpoint.__required_keys__
    True
    """

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
    content = checkpoint_of(run, metrics_size)
    write_atomically(pathlib.Path(path), lambda file: npz.write(content, file))  # whatever the name


def checkpoint_of(run: Resumable, metrics_size: int) -> dict[str, Any]:
    """What :func:`write_checkpoint` writes."""
    average = run.average
    return {
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


# -- reading -----------------------------------------------------------------------------------------------------------


def load_checkpoint(path: Path) -> Checkpoint:
    """The content of a checkpoint of a training run.

    Raises:
        CheckpointError: the file is not there, is damaged, or is no checkpoint of a training run.

    >>> from tinygrad_fm import training
    >>> training.load_checkpoint("nowhere.npz")
    Traceback (most recent call last):
      ...
    tinygrad_fm.errors.CheckpointError: there is no checkpoint nowhere.npz
    """
    return _load(path, Checkpoint)


def _load(path: Path, kind: Any) -> Any:
    """What of the file is of ``kind``; the rest is not even read."""
    name, keys = os.fspath(path), get_type_hints(kind)
    try:
        content = serialization.load_parts(path, keys)
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
        CheckpointError: see :func:`load_checkpoint`; or ``build`` knows no such model, the weights do not fit it or are not
            finite, or it tells other classes apart (then with the ValueError of that as its cause).

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
        with no_grad(), np.errstate(all="ignore"):
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
        run.optimizer.load_state_dict(_checked_optimizer(run.optimizer, content["optimizer"]))
        if run.schedule is not None:
            run.schedule.load_state_dict(_schedule_state(run.schedule, content))
        saved = content["progress"]
        if saved["batch"] and "cross_entropy_sum" not in saved:  # written before there was one
            run.progress.cross_entropy_sum = None
        if saved["step"] and "cpu_seconds" not in saved:  # likewise
            run.progress.cpu_seconds = None
        vars(run.progress).update(saved)


def _load_weights(model: Module, weights: Any) -> None:
    model.load_state_dict(weights)
    own = model.state_dict()
    if missing := own.keys() - weights.keys():  # batch norm's count, which load_state_dict does without
        raise ValueError(f"Missing key(s) in its weights: {', '.join(sorted(missing))}")
    for name, value in weights.items():
        if name in own and _array(value).dtype != own[name].numpy().dtype:
            raise ValueError(f"the weights {name} are {_array(value).dtype}, not {own[name].numpy().dtype}")
        if not np.isfinite(_array(value)).all():
            raise ValueError(f"the weights {name} have values that are not finite")


def _array(value: Any) -> np.ndarray:
    return value.numpy() if isinstance(value, Tensor) else np.asarray(value)


class _OptimizerState(TypedDict):
    state: dict[Count, dict[str, Tensor | np.ndarray | float | None]]
    param_groups: list[dict[str, Any]]


def _checked_optimizer(optimizer: Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
    """An optimizer's saved state, with the options that it has itself. Raises ValueError if its parameters are others."""
    check(saved, _OptimizerState, "optimizer")
    groups = optimizer.state_dict()["param_groups"]
    if len(saved["param_groups"]) != len(groups):
        raise ValueError(f"optimizer has {len(saved['param_groups'])} parameter groups, not {len(groups)}")
    _check_moments(saved["state"], [[tuple(p.shape) for p in group["params"]] for group in optimizer.param_groups])
    pairs = zip(groups, saved["param_groups"], strict=True)
    return {"state": saved["state"], "param_groups": [_taken(group, own, {"lr"}, "optimizer") for own, group in pairs]}


def _check_moments(state: dict[int, dict[str, Any]], groups: list[list[tuple[int, ...]]]) -> None:
    """Raise ValueError unless the parameters of a group, given by their shapes, have the same names of values: float arrays of
    the parameter's shape, or numbers that are the same for all."""
    shapes = [shape for group in groups for shape in group]
    first_of_group = [sum(map(len, groups[:i])) for i, group in enumerate(groups) for _ in group]
    if state and state.keys() != set(range(len(shapes))):
        raise ValueError(f"optimizer.state has entries for other parameters than {len(shapes)}")
    for number, values in state.items():
        first = state[first_of_group[number]]
        if values.keys() != first.keys():
            raise ValueError(f"optimizer.state[{number}] has {', '.join(values)}, another parameter's {', '.join(first)}")
        for name, value in values.items():
            array, other = _array(value), _array(first[name])
            if other.shape == ():
                fits = array.shape == () and array == other
            else:
                fits = array.shape == shapes[number] and array.dtype.kind == "f"
            if not fits:
                raise ValueError(f"optimizer.state[{number}].{name} does not go with the parameter or with the others'")


_VARYING = {"last_epoch", "_step_count", "_last_lr", "best", "num_bad_epochs", "cooldown_counter"}


def _schedule_state(schedule: Any, content: Checkpoint) -> dict[str, Any]:
    saved, own = content["schedule"], schedule.state_dict()
    if saved is None:
        raise ValueError("it has no schedule")
    made = content["progress"]["epoch" if isinstance(schedule, ReduceLROnPlateau) else "step"]
    if saved.get("last_epoch") != made:
        raise ValueError(f"schedule.last_epoch is {saved.get('last_epoch')}, not {made}")
    return _taken(saved, own, _VARYING & own.keys(), "schedule")


def _taken(saved: dict[str, Any], own: dict[str, Any], names: set[str], where: str) -> dict[str, Any]:
    """What a run has itself, by its settings, with the saved values of what changes on the way.

    Raises ValueError if one of those is missing or of another kind. What other versions call their options does not matter so.
    """
    for name in names:
        if name not in saved:
            raise ValueError(f"{where} lacks {name}")
        kind: Any = {int: Count, float: Finite, list: list[Finite]}.get(type(own[name]))
        if kind is not None and not (name == "best" and saved[name] == own[name]):  # infinite before the first epoch
            check(saved[name], kind, f"{where}.{name}")
    return {**own, **{name: copy.deepcopy(saved[name]) for name in names}}


@contextmanager
def _fitting(path: Path) -> Iterator[None]:
    """Whatever does not fit inside becomes a CheckpointError that names the file."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, MemoryError) as error:
        what = str(error) or type(error).__name__
        raise CheckpointError(f"{os.fspath(path)} does not fit the model and settings that it names: {what}") from error
