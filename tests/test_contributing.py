"""CONTRIBUTING.md's example adds an operation: applied to a copy of the project, it passes the tests of the table."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_packaging import ROOT, files_of_the_project, run

PROGRAM = """
import tinygrad_fm as torch
x = torch.tensor([-8.0, 1.0], requires_grad=True)
torch.cbrt(3 * x - 2 * x).sum().backward()
print((12 * x.grad).round().tolist(), x.cbrt().tolist())
"""


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_example_of_an_operation_is_all_that_one_needs(tmp_path: Path) -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```diff\n(.*?)^```$", page, re.M | re.S)
    (tmp_path / "example.diff").write_text(example, encoding="utf-8")
    copy = tmp_path / "project"
    for name in files_of_the_project():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    applied = subprocess.run(
        ["git", "apply", "--unidiff-zero", "../example.diff"], cwd=copy, capture_output=True, text=True, check=False
    )
    assert applied.returncode == 0, f"the example in CONTRIBUTING.md no longer fits the code: {applied.stderr}"
    table = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/ops/test_table.py", "-k", "cbrt or row"]
    assert " passed" in run(*table, cwd=copy)
    assert run(sys.executable, "-c", PROGRAM, cwd=copy) == "[1.0, 4.0] [-2.0, 1.0]\n"
    run(sys.executable, "-m", "tests.test_docs_pytorch", cwd=copy)
    assert "`cbrt`" in (copy / "docs" / "pytorch.md").read_text(encoding="utf-8")
