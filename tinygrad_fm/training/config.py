"""Every setting of a training run, checked, and the facts about the process that it ran in."""

from __future__ import annotations

import dataclasses
import platform
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import runtime
from ..data import CHOICES
from ..errors import CheckpointError
from ..version import __version__

OPTIMIZERS = {"sgd": 0.1, "momentum": 0.05, "nag": 0.05, "rmsprop": 1e-3, "adam": 3e-3, "nadam": 3e-3, "adamw": 3e-3}
"""The optimizers by name, each with the learning rate it gets when none is given."""

SCHEDULES = ("constant", "cosine", "onecycle", "step", "multistep", "plateau")
INITS = ("default", "random", "xavier", "he")
AUGMENTATIONS = ("flip", "shift", "erase")


@dataclass(frozen=True)
class Config:
    """What a run is told. ``Config(model="mlp", options={"hidden": [128, 64]})`` has defaults for the rest.

    Args:
        model, options: as ``models.build(model, **options)`` takes them.
        data: "auto", "fashion-mnist" or "synthetic".
        train_size: use only the first so many training and test images; None for all.
        validation: how many training images are held out, chosen by ``seed``.
        epochs, steps: how long to train; exactly one of them is given, the other is None.
        batch_size: images per step.
        optimizer: one of ``OPTIMIZERS``; "momentum" and "nag" are SGD with ``momentum``.
        lr: learning rate, the highest of the schedule; None for the optimizer's own default.
        momentum: of "momentum" and "nag".
        weight_decay: decoupled for "adamw", added to the gradient (L2) for the others; None for 0.01 and for 0.
        schedule: one of ``SCHEDULES``. "step" multiplies the rate by ``gamma`` after each third of the steps, "multistep" at
            one half and three quarters of them, "plateau" when the validation loss has not improved for ``patience`` epochs.
        gamma, patience: see ``schedule``.
        clip_norm: the largest norm of all gradients together; None for no limit.
        init: "default" (PyTorch's), "random" (normal, standard deviation 0.05), "xavier" or "he".
        label_smoothing: share of the target probability that is spread over all classes.
        augment: any of "flip", "shift", "erase".
        ema: decay of the moving average of the weights that is evaluated instead of them; None for no average.
        tta: evaluate each image together with its mirror image.
        early_stopping: stop after so many epochs without a better validation accuracy; None never.
        seed: decides the initial weights, the split, the order, augmentation and dropout.
        composed: run every operation as the plain composition that defines it.
        threads: how many threads to work with; None for the process's own number.
        save_every: keep a checkpoint every so many steps under its step number; None keeps only the last and the best.
        checkpoint_seconds: how often the last checkpoint is renewed within an epoch.

    Raises:
        ValueError: a setting is out of range; the message begins with its name.

    >>> Config(lr=-1.0)
    Traceback (most recent call last):
      ...
    ValueError: lr must be positive, got -1.0
    """

    model: str = "mlp"
    options: dict[str, Any] = field(default_factory=dict)
    data: str = "auto"
    train_size: int | None = None
    validation: int = 5000
    epochs: int | None = 20
    steps: int | None = None
    batch_size: int = 64
    optimizer: str = "adamw"
    lr: float | None = None
    momentum: float = 0.9
    weight_decay: float | None = None
    schedule: str = "onecycle"
    gamma: float = 0.1
    patience: int = 3
    clip_norm: float | None = None
    init: str = "default"
    label_smoothing: float = 0.0
    augment: tuple[str, ...] = ()
    ema: float | None = None
    tta: bool = False
    early_stopping: int | None = None
    seed: int = 0
    composed: bool = False
    threads: int | None = None
    save_every: int | None = None
    checkpoint_seconds: float = 15.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", tuple(self.augment))
        for name, choices in (("data", CHOICES), ("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("init", INITS)):
            self._require(name, getattr(self, name) in choices, f"be one of {', '.join(choices)}")
        for name in self.augment:
            self._require("augment", name in AUGMENTATIONS, f"name some of {', '.join(AUGMENTATIONS)}")
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"give either epochs or steps: epochs is {self.epochs}, steps is {self.steps}")
        for name in (
            "train_size",
            "validation",
            "epochs",
            "steps",
            "batch_size",
            "patience",
            "early_stopping",
            "threads",
            "save_every",
        ):
            value = getattr(self, name)
            self._require(name, value is None or (type(value) is int and value > 0), "be a positive integer")
        self._require("lr", self.lr is None or 0 < self.lr < float("inf"), "be positive")
        self._require("clip_norm", self.clip_norm is None or self.clip_norm > 0, "be positive")
        self._require("weight_decay", self.weight_decay is None or 0 <= self.weight_decay < float("inf"), "not be negative")
        self._require("momentum", 0 <= self.momentum < 1, "be at least 0 and less than 1")
        self._require("gamma", 0 < self.gamma < 1, "be between 0 and 1")
        self._require("label_smoothing", 0 <= self.label_smoothing < 1, "be at least 0 and less than 1")
        self._require("ema", self.ema is None or 0 < self.ema < 1, "be between 0 and 1")
        self._require("checkpoint_seconds", self.checkpoint_seconds >= 0, "not be negative")

    def _require(self, name: str, holds: bool, must: str) -> None:
        if not holds:
            raise ValueError(f"{name} must {must}, got {getattr(self, name)}")

    @property
    def learning_rate(self) -> float:
        """``lr``, or the optimizer's default where none is given."""
        return OPTIMIZERS[self.optimizer] if self.lr is None else self.lr

    @property
    def decay(self) -> float:
        """``weight_decay``, or the optimizer's default where none is given."""
        return 0.01 * (self.optimizer == "adamw") if self.weight_decay is None else self.weight_decay

    def as_dict(self) -> dict[str, Any]:
        """All settings, as JSON can hold them."""
        return {**dataclasses.asdict(self), "augment": list(self.augment)}

    @staticmethod
    def from_dict(settings: dict[str, Any]) -> Config:
        """The settings that :meth:`as_dict` gave. Raises CheckpointError for anything else."""
        try:
            return Config(**settings)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"the saved settings cannot be used: {error}") from error


def environment() -> dict[str, Any]:
    """What else the exact numbers of a run depend on: versions, threads and machine."""
    return {
        "tinygrad_fm": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "threads": runtime.get_num_threads(),
        "platform": platform.platform(),
        "machine": platform.machine(),
    }


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In which facts two environments differ, as ``numpy 2.0.2 -> 2.4.0``."""
    return [f"{name} {before.get(name)} -> {value}" for name, value in now.items() if before.get(name) != value]
