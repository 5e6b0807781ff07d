"""The notebook that shows PyTorch's answers beside ours: what it has recorded is what PyTorch says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "notebooks" / "05_pytorch_side_by_side.py"


def test_what_is_recorded_is_what_pytorch_says(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(SOURCE)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("tinygrad_fm and PyTorch") == SOURCE.read_text(encoding="utf-8").count("\ncompare(") >= 7
    for wrong in ("says\n", "This is not what was recorded", "False"):
        assert wrong not in done.stdout, done.stdout
    assert "read by torch" in done.stdout
