"""The built site in a real Chromium: no request to another host, nothing wider than the window, no error, and search finds.

Every kind of page is opened at three widths, dark and light. It needs the package ``playwright`` and an installed Chromium.
"""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from apps.quiet_server import QuietServer

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
PATIENCE = 30_000  # milliseconds for the search
WIDTHS = (390, 820, 1440)
KINDS = [
    "index.html",
    "autograd.html",
    "graphs.html",
    "performance.html",
    "teaching.html",
    "pytorch.html",
    "tutorial/01_from_a_scalar_to_lenet.html",
    "reference/torch.html",
    "reference/torch/ops.elementwise.html",
    "reference/Tensor.html",
    "reference/nn/nn.modules.conv.html",
    "reference/optim.html",
    "reference/nn.parallel.html",
    "genindex.html",
]
SEARCHED, FOUND = "conv2d", "tinygrad_fm.nn.functional.conv2d"


class Handler(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """No line for each request."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server for a folder's files, on this machine."""
    server = QuietServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def look(page: Any, address: str, name: str) -> list[str]:
    """What is wrong with one page as it is now shown."""
    page.goto(address + name)
    beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [f"{name}: {beyond} pixels wider than the window"] if beyond > 0 else []


def search(page: Any, address: str) -> list[str]:
    """Whether the search finds an entry of the reference."""
    page.goto(f"{address}search.html?q={SEARCHED}")
    try:
        page.wait_for_selector(f"#search-results a[href*='{FOUND}']", timeout=PATIENCE)
    except Exception:  # playwright's error, whose class is not to be had without it
        return [f"the search for {SEARCHED} does not find {FOUND}"]
    return []


@contextmanager
def launched() -> Iterator[Any]:
    """A Chromium of this machine. Raises RuntimeError where none is installed."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise RuntimeError(f"no Chromium is installed: {', '.join(NAMES)} were looked for")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def problems(site: Path, browser: Any, names: list[str] | None = None) -> list[str]:
    """A line for each thing that is wrong with the pages ``names``, or with one of each kind and the search."""
    found: list[str] = []
    with served(site) as address:
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                page = context.new_page()
                requests: list[str] = []
                page.on("request", lambda request, to=requests: to.append(request.url))
                page.on("pageerror", lambda error, at=page, to=found: to.append(f"{at.url}: {error}"))
                for name in names or KINDS:
                    found += [f"{line} ({width}, {scheme})" for line in look(page, address, name)]
                if names is None and width == WIDTHS[-1]:
                    found += search(page, address)
                found += [f"a request to {url}" for url in requests if not url.startswith((address, "data:", "blob:"))]
                context.close()
    return found
