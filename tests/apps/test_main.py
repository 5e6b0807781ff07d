"""``python -m apps`` itself: the list of commands, and output that nobody reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.__main__ import COMMANDS

from .conftest import ROOT, Command


def test_without_a_command_all_are_listed(command: Command) -> None:
    code, out, err = command()
    assert (code, err) == (0, "")
    assert set(COMMANDS) <= {line.split()[0] for line in out.splitlines() if line.startswith("    ") and line[4] != " "}
    assert command("walk")[0] == 2


LONG: list[tuple[Any, ...]] = [
    ("-m", "apps"),
    ("-m", "apps", "--help"),
    ("-m", "apps", "graph", "resnet20"),
    ("-m", "apps", "evaluate", "--help"),
    ("-m", "apps", "evaluate", "RUNS/mlp"),
    ("-m", "apps", "plot", "RUNS/mlp"),
    ("-m", "apps", "predict", "RUNS/mlp", "RUNS/mlp/samples.png"),
    ("-m", "apps", "features", "RUNS/lenet"),
    (
        "-m",
        "apps",
        "compare",
        "--data",
        "synthetic",
        "--train-size",
        "200",
        "--validation",
        "72",
        "--epochs",
        "1",
        "--out",
        "RUNS/c",
    ),
    ("train_mlp.py", "--help"),
    ("train_mlp.py", "--resume", "RUNS/mlp"),
]


@pytest.mark.parametrize("arguments", LONG, ids=lambda arguments: " ".join(arguments[:3]))
def test_output_that_nobody_reads_is_no_error(arguments: tuple[str, ...], runs: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, *(str(ROOT / a) if a == "train_mlp.py" else a.replace("RUNS", str(runs)) for a in arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) in ((0, 141) if arguments[-1] in ("apps", "--help") else (141,))  # argparse says nothing of it
    process.stderr.close()
