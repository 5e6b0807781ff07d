"""``--strict-skips``: a skipped test fails, but for the skips that are right, which are listed here with their reasons.

CI runs so (see noxfile.py): a test that needs a program or a package which nobody installed must not pass for one that passed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator
from typing import Any

import pytest

from tests.platforms import LINUX, WASM, WINDOWS

# what a skip's reason says, whether it is right on this machine, and why
RIGHT_SKIPS: list[tuple[str, bool, str]] = [
    (r"could not import '(torch|expecttest)'", True, "the session 'parity' installs them, and fails without"),
    (r"(jax|dezero|mygrad|autograd) is not installed", True, "rivals of the benchmark, large and seldom installed"),
    (r"FASHION_MNIST_DIR does not name", "FASHION_MNIST_DIR" not in os.environ, "the real images are not on every machine"),
    (r"root may read everything", getattr(os, "geteuid", lambda: 1)() == 0 or WINDOWS, "files that cannot be read need a user"),
    (r"no fork|no pipes with names|POSIX's|could not import 'resource'", WINDOWS, "POSIX only"),
    (r"no (threads|processes) in WebAssembly", WASM, "one thread is all there is"),
    (r"the machine's word has 64 bits", sys.maxsize > 2**32, "the session 'pyodide' has one of 32"),
    (r"Graphviz is not installed", WASM, "programs are processes"),
    (r"no numbers with more digits than float64", not LINUX, "a C compiler's long double is a double on some systems"),
    (r"NumPy's BLAS is not OpenBLAS", not LINUX, "NumPy may bring another one there, whose threads we cannot set"),
    (r"no Chromium is installed", not LINUX, "the browser is driven through POSIX descriptors, on one system is enough"),
]


def is_right(reason: str) -> bool:
    """Whether a test may be skipped for this reason here."""
    return any(right and re.search(pattern, reason) for pattern, right, _ in RIGHT_SKIPS)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="fail skipped tests, but for those of tests/strict_skips.py")


def _fail_a_wrong_skip(config: pytest.Config, report: Any) -> None:
    reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
    if config.getoption("--strict-skips") and report.skipped and not hasattr(report, "wasxfail") and not is_right(reason):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} should run here, but was skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    _fail_a_wrong_skip(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    report = yield
    _fail_a_wrong_skip(collector.config, report)
    return report
