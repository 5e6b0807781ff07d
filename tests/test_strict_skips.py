"""``--strict-skips`` finds the tests that were skipped where they should run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TESTS = {
    "test_passes": "def test(): pass",
    "test_right": "import pytest\ndef test(): pytest.skip(\"could not import 'torch': No module named 'torch'\")",
    "test_xfail": "import pytest\n@pytest.mark.xfail\ndef test(): assert False",
    "test_mark": "import pytest\n@pytest.mark.skipif(True, reason='no time today')\ndef test(): pass",
    "test_call": "import pytest\ndef test(): pytest.skip('no mood')",
    "test_module": "import pytest\npytest.importorskip('no_such_module')\ndef test(): pass",
    "test_fixture": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('no fixture')\ndef test(f): pass",
}
WRONG = {"test_mark", "test_call", "test_module", "test_fixture"}


def failed(tmp_path: Path, *arguments: str) -> set[str]:
    """The files of TESTS that fail."""
    for name, text in TESTS.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / "pytest.ini").touch()
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}  # which CI may set
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.strict_skips", "-p", "no:cacheprovider",
         "--continue-on-collection-errors", "-rfE", f"--rootdir={tmp_path}", *arguments, str(tmp_path)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return {name for name in TESTS if any(f"{name}.py" in line for line in lines)}


@pytest.mark.parametrize("strict", [True, False])
def test_only_wrong_skips_fail_and_only_where_asked(tmp_path: Path, strict: bool) -> None:
    assert failed(tmp_path, *["--strict-skips"] * strict) == (WRONG if strict else set())
