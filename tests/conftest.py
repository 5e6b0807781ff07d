"""Settings shared by all tests: repeatable random numbers, and which parts need PyTorch."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests.strict_skips import pytest_addoption, pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401 (hooks)

# the same examples every time, and no deadline: a busy machine must not fail a test
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("repeatable")

PARITY = Path(__file__).parent / "parity"
collect_ignore = [] if importlib.util.find_spec("torch") else ["parity"]


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Everything under tests/parity compares with PyTorch and carries the marker."""
    for item in items:
        if PARITY in Path(item.path).parents:
            item.add_marker(pytest.mark.parity)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run of a test."""
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _repeatable() -> None:
    """Every test starts from the same state of our default generator."""
    from tinygrad_fm import random

    random.manual_seed(0)
