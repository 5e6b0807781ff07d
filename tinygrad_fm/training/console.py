"""Standard output: what a run says while it trains (a bar on a terminal, and one plain line per epoch everywhere), and what
every command does when its reader goes away or its user presses Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import io
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, TextIO

BROKEN_PIPE = 128 + 13  # as a program that SIGPIPE ends


def run_command(command: Callable[[], int]) -> int:
    """Call ``command`` and return its exit code, or 130 for Ctrl-C, or 141 if nobody reads the output any more (``| head``).

    A letter that the terminal cannot print is written as an escape.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return command()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _write_nowhere()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return 130


def framed(text: str, width: int = 78) -> str:
    """A title and paragraphs in a frame that stands out in a terminal and in a log, in plain ASCII for either.

    >>> print(framed("TITLE\\n\\nA paragraph.", width=20))
    ####################
    ##     TITLE      ##
    ##                ##
    ## A paragraph.   ##
    ####################
    """
    inner = width - 6
    title, *paragraphs = text.split("\n")
    lines = [title.center(inner)]
    for line in paragraphs:
        lines += textwrap.wrap(line, inner, break_on_hyphens=False) or [""]
    edge = "#" * width
    return "\n".join([edge, *(f"## {line:<{inner}} ##" for line in lines), edge])


def _write_nowhere() -> None:
    """What is still in the buffer, Python would try to write at its end, and complain."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Report:
    """Where a run's lines and its progress bar go.

    Args:
        stream: standard output by default. The bar appears if it is a terminal and tqdm is installed.

    >>> from tinygrad_fm import training
    >>> training.Report().line("epoch 1")
    epoch 1
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self._bar: Any = None
        self._wants_bar = self.stream is not None and self.stream.isatty() and importlib.util.find_spec("tqdm") is not None

    def line(self, text: str = "") -> None:
        """Say one line, or several. Raises BrokenPipeError if the reader has gone."""
        if self.stream is None:  # the process was started without
            return
        with _terminal_may_be_gone():
            self.stream.write(f"{text}\n")
            self.stream.flush()

    def start_epoch(self, epoch: int, done: int, steps: int) -> None:
        """Begin the bar of an epoch of ``steps`` steps, ``done`` of which are behind it."""
        if self._wants_bar:
            from tqdm import tqdm

            with _terminal_may_be_gone():
                self._bar = tqdm(total=steps, initial=done, desc=f"epoch {epoch}", leave=False, file=self.stream, unit=" steps")

    def step(self, loss: float) -> None:
        """Move the bar by one step."""
        if self._bar is not None:
            with _terminal_may_be_gone():
                self._bar.update()
                if self._bar.n % 50 == 0:
                    self._bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)

    def end_epoch(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            with _terminal_may_be_gone():
                self._bar.close()
            self._bar = None


@contextlib.contextmanager
def _terminal_may_be_gone() -> Iterator[None]:
    """A terminal that was closed says so by SIGHUP; writing to it fails meanwhile."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise


class Silence(Report):
    """Says nothing.

    >>> from tinygrad_fm import training
    >>> training.Silence().line("epoch 1")
    """

    def __init__(self) -> None:
        super().__init__()
        self._wants_bar = False

    def line(self, text: str = "") -> None:
        """Say nothing."""
