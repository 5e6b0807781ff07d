"""Tests of what optional packages are needed for: a folder for each extra, left out where its packages are not installed.

The session ``extras`` of noxfile.py installs them all; it imports each of them first, so that none is left out there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from tests.viz import browser as chromium

NEEDS = {
    "fast": ("numba",),
    "onnx": ("onnx", "onnxruntime"),
    "safetensors": ("safetensors",),
    "track": ("tensorboardX", "wandb", "trackio"),
    "sweep": ("optuna",),
    "mpi": ("mpi4py",),
    "app": ("streamlit", "playwright"),
    "notebooks": ("jupytext", "nbclient", "ipykernel"),
    "site": ("playwright",),
    "try": ("playwright",),
}

collect_ignore = [folder for folder, modules in NEEDS.items() if not all(map(importlib.util.find_spec, modules))]

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real Chromium, for all tests: there can be only one of Playwright's loops."""
    from playwright.sync_api import sync_playwright

    if chromium.find() is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium.find(), args=list(FLAGS))
        yield found
        found.close()
