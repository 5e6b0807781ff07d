"""What a run says while it trains: a bar on a terminal, and one plain line per epoch everywhere."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, TextIO


class Report:
    """Where a run's lines and its progress bar go.

    Args:
        stream: standard output by default. The bar appears if it is a terminal and tqdm is installed.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self._bar: Any = None
        self._wants_bar = self.stream.isatty() and importlib.util.find_spec("tqdm") is not None

    def line(self, text: str = "") -> None:
        """Say one line, or several."""
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def start_epoch(self, epoch: int, done: int, steps: int) -> None:
        """Begin the bar of an epoch of ``steps`` steps, ``done`` of which are behind it."""
        if self._wants_bar:
            from tqdm import tqdm

            self._bar = tqdm(total=steps, initial=done, desc=f"epoch {epoch}", leave=False, file=self.stream, unit=" steps")

    def step(self, loss: float) -> None:
        """Move the bar by one step."""
        if self._bar is not None:
            self._bar.update()
            if self._bar.n % 50 == 0:
                self._bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)

    def end_epoch(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Silence(Report):
    """Says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._wants_bar = False

    def line(self, text: str = "") -> None:
        """Say nothing."""
