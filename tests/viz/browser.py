"""A headless Chromium, spoken to over a pipe: enough to open a page, click in it and ask it questions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--window-size=1200,900",
    "about:blank",
)

# moves the two descriptors to the numbers that the browser expects, and becomes the browser
_LAUNCH = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find() -> str | None:
    """The path of a browser, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One page in a browser of its own. The browser reads requests from its descriptor 3 and answers on 4."""

    def __enter__(self) -> Page:
        self._profile = tempfile.mkdtemp()
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        arguments = [str(find()), *FLAGS, f"--user-data-dir={self._profile}"]
        launch = [sys.executable, "-c", _LAUNCH, str(to_browser), str(from_browser), *arguments]
        self._process = subprocess.Popen(launch, pass_fds=(to_browser, from_browser), stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._number, self._held, self._attached = 0, b"", None
        self.events: list[Any] = []
        try:
            self._attach()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _attach(self) -> None:
        targets = self.send("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        self._attached = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.send(f"{domain}.enable")

    def __exit__(self, kind: type | None, error: BaseException | None, stack: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def send(self, method: str, **params: Any) -> Any:
        """Call a method of the browser and wait for its answer; events on the way are kept."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": params}
        if self._attached is not None:
            request["sessionId"] = self._attached
        os.write(self._write, json.dumps(request).encode() + b"\0")
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]
            self.events.append(message)

    def _receive(self) -> Any:
        while b"\0" not in self._held:
            part = os.read(self._read, 1 << 16)
            assert part, "the browser has ended"
            self._held += part
        text, self._held = self._held.split(b"\0", 1)
        return json.loads(text)

    def open(self, path: Path) -> None:
        """Load a file and wait until it stands."""
        self.events.clear()
        self.send("Page.navigate", url=path.resolve().as_uri())
        until = time.monotonic() + 60
        while self.ask("document.readyState + location.protocol") != "completefile:":
            assert time.monotonic() < until, "the page does not load"
            time.sleep(0.05)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, x: float, y: float) -> None:
        """Press and release the left button, as a hand does."""
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drag(self, x: float, y: float, dx: float, dy: float) -> None:
        """Press at (x, y), move, release."""
        self.send("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)
        for k in (1, 2, 3):
            self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x + dx * k / 3, y=y + dy * k / 3, button="left")
        self.send("Input.dispatchMouseEvent", type="mouseReleased", x=x + dx, y=y + dy, button="left", clickCount=1)

    def wheel(self, x: float, y: float, amount: float) -> None:
        """Turn the wheel."""
        self.send("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=amount)
        time.sleep(0.2)

    def problems(self) -> list[str]:
        """Errors that the page raised, and requests that it made for anything but itself."""
        found = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"]))
            if event.get("method") == "Network.requestWillBeSent":
                url = event["params"]["request"]["url"]
                if not url.startswith(("file:", "data:", "about:")):
                    found.append(url)
        return found
