"""Every setting of a training run, checked, and the facts about the process that it ran in."""

from __future__ import annotations

import dataclasses
import math
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

import numpy as np

from .. import distributed, runtime
from ..data import CHOICES
from ..data.augment import PADDING_MODES
from ..errors import CheckpointError
from ..schema import Json, Rule, check
from ..version import __version__

OPTIMIZERS = {
    "sgd": 0.1,
    "momentum": 0.05,
    "nag": 0.05,
    "rmsprop": 1e-3,
    "adam": 3e-3,
    "nadam": 3e-3,
    "adamw": 3e-3,
    "muon": 3e-3,
}
"""The optimizers by name, each with the learning rate it gets when none is given."""

SCHEDULES = ("constant", "cosine", "onecycle", "triangular", "step", "multistep", "plateau")
INITS = ("default", "random", "xavier", "he")
AUGMENTATIONS = ("flip", "altflip", "shift", "erase")

TRACKERS = {"tensorboard": "tensorboardX", "wandb": "wandb", "trackio": "trackio"}
"""The experiment trackers by name, each with its package; the extra ``track-NAME`` brings it."""


def _one_of(names: Iterable[str]) -> Rule:
    return Rule(f"one of {', '.join(names)}", lambda v: v in names)


MAX_THREADS = 1024

Positive = Annotated[int, Rule("a positive integer", lambda v: v > 0), Rule("at most 10^12", lambda v: v <= 10**12)]
Threads = Annotated[Positive, Rule(f"at most {MAX_THREADS}", lambda v: v <= MAX_THREADS)]
PositiveNumber = Annotated[float, Rule("positive", lambda v: v > 0), Rule("finite", math.isfinite)]
NotNegative = Annotated[float, Rule("finite and not negative", lambda v: 0 <= v < math.inf)]
Between0And1 = Annotated[float, Rule("between 0 and 1", lambda v: 0 < v < 1)]
From0Below1 = Annotated[float, Rule("at least 0 and less than 1", lambda v: 0 <= v < 1)]
_FLOATS = {kind for number in (PositiveNumber, NotNegative, Between0And1, From0Below1) for kind in (number, number | None)}

Environment = dict[str, str | int]


@dataclass(frozen=True)
class Config:
    """What a run is told. ``Config(model="mlp", options={"hidden": [128, 64]})`` has defaults for the rest.

    Args:
        model, options: as ``models.build(model, **options)`` takes them.
        data: "auto", "fashion-mnist" or "synthetic".
        train_size: use only the first so many training and test images; None for all.
        validation: how many training images are held out, chosen by ``seed``; with 0 there is no validation, and no best
            checkpoint.
        epochs, steps: how long to train; exactly one of them is given, the other is None.
        batch_size: images per step.
        optimizer: one of ``OPTIMIZERS``; "momentum" and "nag" are SGD with ``momentum``, "muon" is `MuonWithAdamW`.
        lr: learning rate, the highest of the schedule; None for the optimizer's own default.
        momentum: of "momentum" and "nag".
        weight_decay: decoupled for "adamw" and "muon", added to the gradient (L2) for the others; None for 0.01 and for 0.
        bn_bias_lr: the learning rate of the biases of batch norm, as a multiple of that of all else.
        schedule: one of ``SCHEDULES``. "triangular" rises linearly from a fifth of the rate, then falls linearly to 0;
            ``pct_start`` is the share of the steps in which it, or "onecycle", rises. "step" multiplies the rate by ``gamma``
            after each third of the steps, "multistep" at one half and three quarters of them, "plateau" when the validation
            loss has not improved for ``patience`` epochs.
        pct_start, gamma, patience: see ``schedule``.
        clip_norm: the largest norm of all gradients together; None for no limit.
        init: "default" (PyTorch's), "random" (normal, standard deviation 0.05), "xavier" or "he".
        label_smoothing: share of the target probability that is spread over all classes.
        augment: any of "flip" (mirrored by chance), "altflip" (mirrored in every second epoch), "shift", "erase".
        shift_padding: what comes in from outside in "shift": "constant" (0) or "reflect".
        ema: decay of the moving average of the weights that is evaluated instead of them; None for no average.
        tta: evaluate each image together with its mirror image.
        early_stopping: stop after so many epochs without a better validation accuracy; None never.
        seed: decides the initial weights, the split, the order, augmentation and dropout.
        sync_batch_norm: of several processes (``mpiexec``): batch norm over the whole batch, not over each one's share.
        composed: run every operation as the plain composition that defines it.
        threads: how many threads to work with; None for the process's own number.
        save_every: keep a checkpoint every so many steps under its step number; None keeps only the last and the best.
        checkpoint_seconds: how often the last checkpoint is renewed within an epoch.
        track: any of ``TRACKERS``, which are told what metrics.jsonl is told, and more.
        recipe: the name of the recipe that the settings began with; None for none.

    Raises:
        ValueError: a setting is out of range; the message begins with its name.

    >>> Config(lr=-1.0)
    Traceback (most recent call last):
      ...
    ValueError: lr must be positive, got -1.0
    """

    model: str = "mlp"
    options: Json = field(default_factory=dict)
    data: Annotated[str, _one_of(CHOICES)] = "auto"
    train_size: Positive | None = None
    validation: Annotated[int, Rule("a whole number from 0 on", lambda v: v >= 0)] = 5000
    epochs: Positive | None = 20
    steps: Positive | None = None
    batch_size: Positive = 64
    optimizer: Annotated[str, _one_of(OPTIMIZERS)] = "adamw"
    lr: PositiveNumber | None = None
    momentum: From0Below1 = 0.9
    weight_decay: NotNegative | None = None
    bn_bias_lr: PositiveNumber = 1.0
    schedule: Annotated[str, _one_of(SCHEDULES)] = "onecycle"
    pct_start: Between0And1 = 0.3
    gamma: Between0And1 = 0.1
    patience: Positive = 3
    clip_norm: PositiveNumber | None = None
    init: Annotated[str, _one_of(INITS)] = "default"
    label_smoothing: From0Below1 = 0.0
    augment: tuple[Annotated[str, _one_of(AUGMENTATIONS)], ...] = ()
    shift_padding: Annotated[str, _one_of(PADDING_MODES)] = "constant"
    ema: Between0And1 | None = None
    tta: bool = False
    early_stopping: Positive | None = None
    seed: int = 0
    sync_batch_norm: bool = True
    composed: bool = False
    threads: Threads | None = None
    save_every: Positive | None = None
    checkpoint_seconds: NotNegative = 15.0
    track: tuple[Annotated[str, _one_of(TRACKERS)], ...] = ()
    recipe: str | None = None

    def __post_init__(self) -> None:
        for name in ("augment", "track"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, kind in get_type_hints(Config, include_extras=True).items():
            check(getattr(self, name), kind, name)
            if kind in _FLOATS and isinstance(getattr(self, name), int):
                object.__setattr__(self, name, float(getattr(self, name)))  # as an optimizer's state has it
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"give either epochs or steps: epochs is {self.epochs}, steps is {self.steps}")
        if not self.validation:
            for name, needs in (("early_stopping", self.early_stopping), ("schedule", self.schedule == "plateau")):
                if needs:
                    raise ValueError(f"{name} {getattr(self, name)} needs images that are held out: validation is 0")
        if {"flip", "altflip"} <= {*self.augment}:
            raise ValueError("augment must have either flip or altflip, got both")

    @property
    def learning_rate(self) -> float:
        """``lr``, or the optimizer's default where none is given."""
        return OPTIMIZERS[self.optimizer] if self.lr is None else self.lr

    @property
    def decay(self) -> float:
        """``weight_decay``, or the optimizer's default where none is given."""
        return 0.01 * (self.optimizer in ("adamw", "muon")) if self.weight_decay is None else self.weight_decay

    def as_dict(self) -> dict[str, Any]:
        """All settings, as JSON can hold them."""
        return {**dataclasses.asdict(self), "augment": list(self.augment), "track": list(self.track)}

    @staticmethod
    def from_dict(settings: dict[str, Any], path: object = "") -> Config:
        """The settings that :meth:`as_dict` gave, read from ``path``. Raises CheckpointError for anything else."""
        try:
            if unknown := settings.keys() - Config.__dataclass_fields__.keys():
                raise ValueError(f"there is no setting {', '.join(sorted(map(repr, unknown)))}")
            return Config(**settings)
        except ValueError as error:
            begin = f"{path}: " if path else ""
            raise CheckpointError(f"{begin}the saved settings cannot be used: {error}") from error


def environment() -> Environment:
    """What else the exact numbers of a run depend on: versions, threads, kernels, processes and machine.

    >>> from tinygrad_fm import training
    >>> sorted(training.environment())
    ['kernels', 'machine', 'numpy', 'platform', 'processes', 'python', 'threads', 'tinygrad_fm']
    """
    return {
        "tinygrad_fm": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "threads": runtime.get_num_threads(),
        "kernels": runtime.get_kernels(),
        "processes": distributed.get_world_size() if distributed.is_initialized() else 1,
        "platform": platform.platform(),
        "machine": platform.machine(),
    }


def differences(before: Environment, now: Environment) -> list[str]:
    """In which facts two environments differ, as ``numpy 2.0.2 -> 2.4.0``."""
    then = {"processes": 1, "kernels": "numpy", **before}  # not told by earlier versions
    return [f"{name} {then.get(name)} -> {value}" for name, value in now.items() if then.get(name) != value]
