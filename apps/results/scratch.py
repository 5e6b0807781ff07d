"""A training whose run folder nobody needs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import models
from tinygrad_fm import random
from tinygrad_fm.training import Config, Data, RunFolder, Silence, StopRequest, Trainer, initialise


def train(config: Config, data: Data, stop: StopRequest) -> tuple[Trainer, list[float]]:
    """Train a model; returns its trainer, and the validation accuracy after each epoch.

    Raises NonFiniteLossError, and Interrupted if a stop is requested.
    """
    random.manual_seed(config.seed)
    model = models.build(config.model, **config.options)
    initialise(model, config.init)
    accuracies: list[float] = []
    with tempfile.TemporaryDirectory(prefix="tinygrad_fm-") as place:
        folder = RunFolder(Path(place) / "run")
        with folder.created():
            trainer = Trainer(config, model, data, folder, Silence())
            trainer.fit(stop, lambda record: accuracies.append(record["val_accuracy"]))
    return trainer, accuracies
