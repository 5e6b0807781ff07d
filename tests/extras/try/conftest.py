"""The page as ``python -m apps try`` serves it, in a real browser, with Python from this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

server = import_module("apps.try")  # the statement would not take that name
try_folder = import_module("apps.try_folder")
LOADED = 120_000  # milliseconds, on a machine that has much else to do


@pytest.fixture(scope="session")
def pyodide() -> list[Path]:
    """The folders with the runtime."""
    folders = [Path(os.environ[name]) for name in ("PYODIDE_DIR", "PYODIDE_WHEELS") if os.environ.get(name)]
    if len(folders) < 2:
        pytest.skip("PYODIDE_DIR and PYODIDE_WHEELS do not name the folders of Pyodide and of NumPy's wheel for it")
    return folders


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, pyodide: list[Path]) -> Path:
    """The static files."""
    return try_folder.write_folder(tmp_path_factory.mktemp("try"), pyodide)


class Plain(server.Handler):
    """As any web server: without the headers that allow shared memory."""

    def send_header(self, keyword: str, value: str) -> None:
        if not keyword.startswith("Cross-Origin"):
            super().send_header(keyword, value)


@contextmanager
def _served(folder: Path, handler: type = server.Handler) -> Iterator[str]:
    with server.serve(folder, handler=handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/"
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """``with serving(folder) as url``."""
    return _served


@pytest.fixture(scope="session")
def address(folder: Path) -> Iterator[str]:
    with _served(folder) as url:
        yield url


@pytest.fixture(scope="session")
def plain_address(folder: Path) -> Iterator[str]:
    with _served(folder, Plain) as url:
        yield url


class Visit:
    """A page, and what a visitor does with it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def wait(self, state: str = "ready", timeout: int = LOADED) -> None:
        self.page.wait_for_function("state => document.body.dataset.state === state", arg=state, timeout=timeout)

    def write(self, program: str) -> None:
        """Put a program into the editor, as by pasting it."""
        content = self.page.locator(".cm-content")
        content.focus()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(program)

    def run(self, program: str | None = None) -> str:
        """Run what is in the editor; what was printed."""
        if program is not None:
            self.write(program)
        self.page.click("#run")
        self.wait()
        return self.output

    @property
    def output(self) -> str:
        return self.page.inner_text("#output")

    @property
    def status(self) -> str:
        return self.page.inner_text("#status")

    @property
    def graph(self) -> Any:
        """The page inside the frame of the graph."""
        return self.page.frame_locator("#graphs iframe")


@contextmanager
def _visiting(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """A visit in which nothing may go wrong, and no request may leave the machine."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    page = context.new_page()
    page.set_default_timeout(30_000)
    errors: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    context.on("request", lambda request: asked.append(request.url))
    try:
        page.goto(url)
        yield Visit(page)
    finally:
        context.close()
    origin = url.split("#", maxsplit=1)[0]
    strange = [each for each in asked if not each.startswith((origin, "blob:" + origin.rstrip("/"), "data:", "about:"))]
    assert not errors and not strange, (errors, strange)
    assert len(asked) > 10  # they are seen


Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="session")
def visiting(browser: Browser) -> Visiting:
    """``with visiting(url) as visit``; further options are those of a new context."""
    return lambda url, **options: _visiting(browser, url, **options)


@pytest.fixture(scope="module")
def visit(visiting: Visiting, address: str) -> Iterator[Visit]:
    """One visit for all tests of a file: Python is loaded once."""
    with visiting(address) as opened:
        opened.wait()
        yield opened
