"""Two short runs on drawn images, made once, for all tests of the commands."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import models
from apps.__main__ import main as apps
from tinygrad_fm.training import Config, main

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, Any] = {"data": "synthetic", "train_size": 240, "validation": 40, "batch_size": 20, "save_every": 10}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs "mlp" and "lenet"."""
    return train_runs(tmp_path_factory.mktemp("runs"))


def train_runs(base: Path) -> Path:
    """Train them in a folder."""
    for name, epochs in (("mlp", 3), ("lenet", 3)):
        options = {"hidden": [32], "batch_norm": True} if name == "mlp" else {}
        config = Config(model=name, options=options, epochs=epochs, **SETTINGS)
        assert main(f"train_{name}.py", "", config, models.build, lambda group: None, ["--out", str(base / name)]) == 0
    return base


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A copy of the runs that a test may spoil."""
    return Path(shutil.copytree(trained, tmp_path / "runs"))


Command = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``python -m apps ...`` in an empty folder; gives the exit code, the output and the errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: Any) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            code = apps([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capfd.readouterr()
        return code, out, err

    return run
