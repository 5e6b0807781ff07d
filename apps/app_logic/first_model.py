"""A small model for whoever has none: a run like any other, trained in well under a minute on two processors."""

from __future__ import annotations

import threading
from pathlib import Path

from . import local_data, processes

NAME = "first-model"
_SETTINGS = ["--model", "lenet", "--epochs", "2", "--train-size", "20000", "--validation", "2000"]
_beginning = threading.Lock()


def begin(base: Path) -> Path:
    """Start training it in a folder of ``base``, on Fashion-MNIST if that is on this machine, else on drawn garments.

    Returns the run's folder; that of the run which is being trained, if it was begun already.

    Raises:
        DataError: the files of Fashion-MNIST are damaged.
        OSError: the folder cannot be written to, or no process can be started.
    """
    data = "fashion-mnist" if local_data.has_fashion_mnist() else "synthetic"
    number = 1
    with _beginning:  # of two visitors the second gets the first one's
        while True:
            folder = base / (NAME if number == 1 else f"{NAME}-{number}")
            if processes.is_running(folder):
                return folder
            try:
                processes.start(folder, "train_cnn.py", [*_SETTINGS, "--data", data])
                return folder
            except FileExistsError:  # left from before
                number += 1
