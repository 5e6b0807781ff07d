"""The app as a process of its own, and a real browser that looks at it; neither may speak to anybody but the other."""

from __future__ import annotations

import contextlib
import ipaddress
import os
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
from playwright.sync_api import Browser, Page, expect

from tests.apps.conftest import train_runs

ROOT = Path(__file__).resolve().parents[3]
expect.set_options(timeout=60_000)  # a busy machine is no failure
# notes whom the server, and every process that it starts, listens to, calls or looks up
_WATCH = """
import os, sys

EVENTS = {f"socket.{name}" for name in ("bind", "connect", "sendto", "sendmsg", "getaddrinfo", "gethostbyname")}

def note(event, arguments):
    if event in EVENTS:
        address = arguments[0] if event.startswith("socket.get") else arguments[1]
        host = address[0] if isinstance(address, tuple) else address
        file = os.open(os.environ["APP_WATCH"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{event} {host}\\n".encode())
        os.close(file)

sys.addaudithook(note)
"""
_HERE = ("127.0.0.1", "::1", "localhost")


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
def served(folder: Path, with_images: bool = False) -> Iterator[App]:
    """``python -m apps app`` in a folder, with the real images or without; ended as Ctrl-C does."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if with_images or name != "FASHION_MNIST_DIR"}
    for name in ("watch", "tmp", "home"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "watch" / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    environment |= {
        "PYTHONPATH": f"{folder / 'watch'}{os.pathsep}{ROOT}",
        "APP_WATCH": str(folder / "watch" / "calls.txt"),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "TINYGRAD_FM_CACHE": str(folder / "home" / "cache"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    with (folder / "output.txt").open("w+", encoding="utf-8") as output:
        command = [sys.executable, "-m", "apps", "app", "--no-browser", "--port", str(port)]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, folder / "output.txt")
            yield App(f"http://localhost:{port}", process, folder)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(30) == 0
            finally:
                process.kill()
    called = (folder / "watch" / "calls.txt").read_text(encoding="utf-8").splitlines()
    assert called and [line for line in called if line.split(" ", 1)[1] not in _HERE] == []
    assert list((folder / "tmp").rglob("*")) == []


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
    """The app, started once, with the runs "mlp" and "lenet", trained on drawn garments for some steps."""
    folder = tmp_path_factory.mktemp("app")
    train_runs(folder / "runs")
    with served(folder) as running:
        yield running


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
    opened.set_default_timeout(60_000)
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


def listening(pid: int) -> set[str]:
    """The addresses that a process listens on, as Linux tells: those of its sockets in the state 0A."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            parts = line.split()
            if parts[9] in inodes and (parts[3] == "0A" or table.startswith("udp")):
                words = bytes.fromhex(parts[1].split(":")[0])
                address = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
                found.add(str(ipaddress.ip_address(address)))
    return found
