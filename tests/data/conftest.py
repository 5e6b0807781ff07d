"""Every test here is cut off from the network and from the user's own files, except where it asks for the real set."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from apps.quiet_server import QuietServer
from tinygrad_fm.data import fashion_mnist

_REAL = os.environ.get("FASHION_MNIST_DIR") and Path(os.environ["FASHION_MNIST_DIR"]).resolve()


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FASHION_MNIST_DIR", raising=False)
    monkeypatch.setenv("TINYGRAD_FM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion_mnist, "SOURCES", ("http://127.0.0.1:9/", "http://127.0.0.1:9/other/"))  # nobody listens


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def real_folder() -> Path:
    """The folder with the official files."""
    if not _REAL or not (_REAL / fashion_mnist.TRAIN_IMAGES.name).exists():
        pytest.skip("FASHION_MNIST_DIR does not name a folder with the four files")
    return _REAL


class FlakyServer:
    """A file server on 127.0.0.1 that misbehaves as told.

    ``files`` maps names to contents. ``script`` holds what to do with the next requests, one entry each; when it is
    used up, requests are served properly. Entries: an int (answer with that status), ``("break", n)`` (send n bytes,
    then cut the connection), ``"silence"`` (never answer), ``("send", content)`` (answer 200 with something else).
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.script: list[Any] = []
        self.ranges = True
        self.with_length = True
        self.delay = 0.0  # seconds before each piece of 16 KiB
        self.requests: list[tuple[str, str | None]] = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.rsplit("/", 1)[-1]
        wanted = request.headers.get("Range")
        self.requests.append((name, wanted))
        action = self.script.pop(0) if self.script else None
        if action == "silence":
            self.closing.wait(20)
            return
        if isinstance(action, int):
            request.send_error(action)
            return
        content = self.files.get(name)
        if content is None:
            request.send_error(404)
            return
        start = 0
        if isinstance(action, tuple) and action[0] == "send":
            content = action[1]
        elif wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                request.send_error(416)
                return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.with_length:
            request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        rest = content[start:]
        if isinstance(action, tuple) and action[0] == "break":
            rest = rest[: action[1]]
        for low in range(0, len(rest), 1 << 14):
            time.sleep(self.delay)
            try:
                request.wfile.write(rest[low : low + (1 << 14)])
            except OSError:  # the client has gone
                break
        request.close_connection = True

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    running = FlakyServer()
    yield running
    running.close()
