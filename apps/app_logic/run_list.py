"""The runs that there are, and their checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

from tinygrad_fm.training import RunFolder


def run_folders(base: str | os.PathLike[str]) -> list[Path]:
    """The folders of runs in ``base`` and one folder further down, as ``compare`` leaves them, by name; [] if there is none.

    What cannot be read is left out: folders come and go while others work on them.
    """
    found = []
    for folder in _folders(Path(base)):
        inner = [folder] if (folder / "config.json").is_file() else _folders(folder)
        found += [path for path in inner if (path / "config.json").is_file()]
    return found


def _folders(base: Path) -> list[Path]:
    try:
        return sorted(path for path in base.iterdir() if path.is_dir())
    except OSError:
        return []


def checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run: those kept by step in order, then the best and the last; [] if there is none."""
    try:
        return RunFolder(run).all_checkpoints()
    except OSError:
        return []
