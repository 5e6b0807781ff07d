"""Tests that start real processes, with the mpiexec that the extra brings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinygrad_fm.distributed.launch import mpiexec

ROOT = Path(__file__).resolve().parents[3]
Launch = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(folder: Path) -> dict[str, str]:
    """No data but the drawn set, no pictures, which take longer than the training here, no word on threads, and nothing of an
    mpiexec that may have started the tests."""
    gone = ("FASHION_MNIST_DIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    kept = {
        name: value for name, value in os.environ.items() if name not in gone and not name.startswith(("PMI", "OMPI", "HYD"))
    }
    (folder / "without" / "matplotlib").mkdir(parents=True, exist_ok=True)
    (folder / "without" / "matplotlib" / "__init__.py").write_text("raise ImportError('not here')\n")
    path = os.pathsep.join(filter(None, [str(folder / "without"), str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**kept, "TINYGRAD_FM_CACHE": str(folder / "cache"), "PYTHONPATH": path, "PYTHONUNBUFFERED": ""}


def command(ranks: int, *arguments: Any) -> list[str]:
    """``mpiexec -n RANKS python ARGUMENTS``; as it stands for one rank without mpiexec, for ``ranks`` 0."""
    start = [str(mpiexec()), "-n", str(ranks)] if ranks else []
    return [*start, sys.executable, *map(str, arguments)]


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Launch:
    """Runs ``python ARGUMENTS`` in so many processes, in a folder of the session's; fails if that takes two minutes."""
    folder = tmp_path_factory.mktemp("mpi")

    def run(ranks: int, *arguments: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(ranks, *arguments),
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
