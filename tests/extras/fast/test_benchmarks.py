"""The benchmark's two columns of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.libraries import FAST, OURS
from benchmarks.runs import ROOT


@pytest.mark.parametrize(("library", "kernels"), [(OURS, "numpy"), (FAST, "compiled")])
def test_each_column_runs_its_kernels(library: str, kernels: str) -> None:
    program = (
        "from benchmarks.worker import Measurement; from tinygrad_fm import runtime; "
        f"m = Measurement('lenet-infer-1', {library!r}, 2, {{}}); print(len(m.build()['losses']), runtime.get_kernels())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["4", kernels]


def test_both_columns_compute_the_same(tmp_path: Path) -> None:
    short = ["--rounds", "1", "--seconds", "0", "--threads", "1", "--libraries", OURS, FAST, "--out", str(tmp_path)]
    assert main(["lenet", "lenet-infer-1", *short]) == 0
    found = json.loads((tmp_path / "benchmark.json").read_text())
    for case, measured in found["cases"].items():
        assert measured[FAST]["losses"] == pytest.approx(measured[OURS]["losses"], rel=1e-3, abs=1e-4), case
        assert measured[FAST]["ms"] > 0 and found["profiles"] == {}
