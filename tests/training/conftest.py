"""Small data and fast settings for the tests of training; nothing here touches the network or the user's files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import models
from tinygrad_fm import random
from tinygrad_fm.training import Config, Data, RunFolder, Silence, Trainer, load_data

ROOT = Path(__file__).resolve().parents[2]

SMALL = {
    "model": "mlp",
    "options": {"hidden": [12], "dropout": 0.2, "batch_norm": True},
    "data": "synthetic",
    "train_size": 120,
    "validation": 40,
    "batch_size": 20,
    "epochs": 3,
    "augment": ["flip", "shift", "erase"],
}
ARGUMENTS = ("--data", "synthetic", "--train-size", "400", "--validation", "80", "--batch-size", "20", "--hidden", "16")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TINYGRAD_FM_CACHE", str(tmp_path / "cache"))


def small(**changes: Any) -> Config:
    """Settings of a run of a few milliseconds."""
    return Config(**{**SMALL, **changes})


_drawn: dict[Any, Data] = {}


def data_of(config: Config) -> Data:
    """The data of a configuration, drawn once for all tests."""
    key = (config.train_size, config.validation, config.seed, config.augment, config.shift_padding, config.batch_size)
    if key not in _drawn:
        _drawn[key] = load_data(config)
    return _drawn[key]


def trainer_of(config: Config, path: Path, data: Data | None = None) -> Trainer:
    """A trainer at its beginning, whose folder is made if it is not there."""
    random.manual_seed(config.seed)
    model = models.build(config.model, **config.options)
    folder = RunFolder(path)
    if not path.exists():
        dataset = {"name": "drawn", "choice": "synthetic", "digest": ""}
        with folder.created():
            folder.write_json("config.json", {"settings": config.as_dict(), "environment": {}, "dataset": dataset, "model": {}})
    return Trainer(config, model, data or data_of(config), folder, Silence())


Script = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(tmp_path: Path) -> dict[str, str]:
    """For a script: one thread, no data but the drawn set, and no other folder than its own."""
    kept = {name: value for name, value in os.environ.items() if name != "FASHION_MNIST_DIR"}
    return {**kept, "TINYGRAD_FM_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Runs a training script as a user would, in an empty folder; its output is text."""

    def run(name: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / name), *map(str, arguments)],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
