"""A logger on a thread of its own, behind a queue with an end: whatever it does, its caller goes on."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from .logger import Logger

_ROOM = 1000  # records that may wait
_PATIENCE, _LONGEST = 10.0, 60.0  # seconds: without a record taken, and in all, that the end of a run waits

# the processor time of this thread, in seconds; WebAssembly has no clock for it, and one thread only
thread_time: Callable[[], float] = getattr(time, "thread_time", time.process_time)


class BackgroundLogger:
    """Hands what it is told to a logger that is opened, used and closed on another thread.

    Args:
        name: what messages call the tracker.
        opened: makes the logger.

    Attributes:
        cost: the processor time that the logger has taken since it was opened, in seconds.
    """

    def __init__(self, name: str, opened: Callable[[], Logger]) -> None:
        self.name, self.cost = name, 0.0
        self._opened = opened
        self._queue: queue.Queue[tuple[str, tuple[Any, ...]]] = queue.Queue(_ROOM)
        self._taken = 0
        self._warning: str | None = None
        self._may_warn = True
        self._thread = threading.Thread(target=self._work, name=f"tracking: {name}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # where there are no threads
            self._fail(error)

    def send(self, method: str, *arguments: Any) -> None:
        """Have the logger's ``method`` called; at once back here. What finds no room is dropped."""
        if not self._thread.is_alive():
            return
        try:
            self._queue.put_nowait((method, arguments))
        except queue.Full:
            self._warn("does not keep up: what finds no room in the queue is left out of it")

    def warning(self) -> str | None:
        """What the user must be told: something once, then None."""
        said, self._warning = self._warning, None
        return said

    def close(self) -> None:
        """Close the logger when it has taken all that waits; return after a while if it does not."""
        end = last = time.monotonic()
        taken, asked = self._taken, False
        while self._thread.is_alive():
            if not asked:
                try:
                    self._queue.put_nowait(("close", ()))
                    asked = True
                except queue.Full:
                    pass
            self._thread.join(0.02)
            now = time.monotonic()
            if taken != self._taken:
                taken, last = self._taken, now
            if now - last > _PATIENCE or now - end > _LONGEST:
                self._warn("does not come to an end, and is left: its last records may be missing")
                return

    def _work(self) -> None:
        try:
            logger = self._opened()
            before = thread_time()
            method = ""
            while method != "close":
                method, arguments = self._queue.get()
                getattr(logger, method)(*arguments)
                self._taken += 1
                self.cost = thread_time() - before
        except BaseException as error:  # a tracker may even call sys.exit
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._warn(f"failed, and gets no more of this run: {' '.join(str(error).split()) or type(error).__name__}")

    def _warn(self, what: str) -> None:
        if self._may_warn:
            self._may_warn = False
            self._warning = f"Warning: {self.name} {what}. The run goes on; metrics.jsonl has everything."
