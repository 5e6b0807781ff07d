"""The pictures of docs/browser.md: ``python docs/browser_pictures.py FOLDER [FOLDER ...]``, with the folders of ``--pyodide``.

It needs Chromium, and the Python packages playwright and pillow.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).resolve().parent / "images"
sys.path.insert(0, str(IMAGES.parents[1]))
LOADED = 300_000  # milliseconds
MISTAKE = """\
import tinygrad_fm as torch
from tinygrad_fm import nn

model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(100, 10))


def scores(x):
    return model(x)


print("sixteen images")
scores(torch.rand(16, 1, 28, 28))
"""


class Shot:
    """A page, and pictures of it."""

    def __init__(self, page: Any) -> None:
        self.page, self.graph = page, page.frame_locator("#graphs iframe")

    def wait(self) -> None:
        self.page.wait_for_function("document.body.dataset.state === 'ready'", timeout=LOADED)

    def run(self, example: str = "", code: str = "") -> None:
        if example:
            self.page.select_option("#example", example)
        if code:
            self.page.locator(".cm-content").focus()
            self.page.keyboard.press("Control+A")
            self.page.keyboard.insert_text(code)
        self.page.click("#run")

    def step(self, steps: int) -> None:
        self.graph.locator(".count").wait_for()
        for _ in range(steps):
            self.graph.locator("button.forward").click()

    def save(self, name: str) -> None:
        """As a PNG of 256 colours: a page has few."""
        from PIL import Image

        picture = Image.open(io.BytesIO(self.page.screenshot(animations="disabled"))).convert("RGB")
        picture.quantize(256, dither=Image.Dither.NONE).save(IMAGES / f"browser-{name}.png", optimize=True)


@contextmanager
def _page(url: str, **options: Any) -> Iterator[Shot]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(**({"viewport": {"width": 1280, "height": 860}} | options))
        page.goto(url)
        yield Shot(page)
        browser.close()


def main(folders: list[Path]) -> None:
    """Make them all."""
    server = import_module("apps.try")
    with tempfile.TemporaryDirectory() as scratch:
        folder = import_module("apps.try_folder").write_folder(Path(scratch), folders)
        with server.serve(folder) as running:
            threading.Thread(target=running.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{running.server_port}/"
            with _page(url) as shot:
                _desktop(shot)
            with _page(url, color_scheme="dark") as shot:
                shot.wait()
                shot.run("points")
                shot.wait()
                shot.step(9)
                shot.save("points")
            phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}
            with _page(url, **phone) as shot:
                shot.wait()
                shot.run("neuron")
                shot.wait()
                shot.page.locator("#graphs").evaluate("e => e.scrollIntoView()")
                shot.step(12)
                shot.save("phone")
            running.shutdown()


def _desktop(shot: Shot) -> None:
    shot.page.wait_for_function("/MB/.test(document.getElementById('status').textContent)")
    shot.save("loading")
    shot.wait()
    shot.run("scalar")
    shot.wait()
    shot.step(7)
    shot.save("scalar")
    shot.run("lenet")
    shot.page.wait_for_function(
        "/, [5-9]\\d points/.test(document.querySelector('#charts [role=img]')?.ariaLabel)", timeout=LOADED
    )
    shot.save("training")
    shot.wait()
    shot.step(30)
    shot.save("lenet")
    shot.run("own", MISTAKE)
    shot.wait()
    shot.save("error")
    shot.run("own", "n = 0\nprint('counting')\nwhile True:\n    n = n + 1\n")
    shot.page.get_by_text("counting", exact=True).wait_for()
    shot.page.click("#stop")
    shot.wait()
    shot.save("stopped")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
