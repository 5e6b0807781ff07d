"""The app as a process of its own, and a real browser that looks at it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.viz.browser import NAMES

ROOT = Path(__file__).resolve().parents[3]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@dataclass
class App:
    """A running app: its address, its process, the folder it was started in; runs are in ``runs`` there."""

    url: str
    process: subprocess.Popen[str]
    folder: Path
    requests: list[str] = field(default_factory=list)  # of all pages that were opened

    @property
    def runs(self) -> Path:
        return self.folder / "runs"


@contextmanager
def served(folder: Path) -> Iterator[App]:
    """``python -m apps app`` in a folder, without the real images; ended as Ctrl-C does."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "FASHION_MNIST_DIR"}
    environment |= {"PYTHONPATH": str(ROOT), "HOME": str(folder), "TINYGRAD_FM_CACHE": str(folder / "cache")}
    with (folder / "output.txt").open("w+", encoding="utf-8") as output:
        command = [sys.executable, "-m", "apps", "app", "--no-browser", "--port", str(port)]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, folder / "output.txt")
            yield App(f"http://localhost:{port}", process, folder)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            finally:
                process.kill()


def _wait_for(url: str, process: subprocess.Popen[str], output: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the app does not start: {output.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app, started once."""
    with served(tmp_path_factory.mktemp("app")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    path = next((path for path in map(shutil.which, NAMES) if path), None)
    if path is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture
def page(app: App, browser: Browser) -> Iterator[Page]:
    """A page of a visitor of its own; in the end nothing may have gone wrong, and no request may have left the machine."""
    with visitor(app, browser) as opened:
        yield opened


@contextmanager
def visitor(app: App, browser: Browser, **options: Any) -> Iterator[Page]:
    """A page with further options (a size, dark colours), which is held to the same."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    errors: list[str] = []
    asked: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    context.on("request", lambda request: asked.append(request.url))
    opened.on("websocket", lambda socket: asked.append(socket.url))
    try:
        yield opened
        shown = opened.locator('[data-testid="stException"]').all_inner_texts()
    finally:
        app.requests += asked
        context.close()
    host = app.url.removeprefix("http")
    inside = (f"http{host}", f"ws{host}", "data:", "blob:", "about:")
    strange = [url for url in asked if not url.startswith(inside)]
    assert not errors and not shown and not strange, (errors, shown, strange)
