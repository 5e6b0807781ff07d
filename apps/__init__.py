"""The commands of ``python -m apps``: one module each, thin, with all the work done by the library."""

from __future__ import annotations

import sys


class Failures:
    """What a command does about one bad item among several: say so, and go on. At the end ``code`` is its exit code."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.code = 0

    def add(self, error: Exception) -> None:
        """Say what went wrong with an item."""
        from tinygrad_fm.errors import printable  # not before Ctrl-C is seen to: see apps.__main__

        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        sys.stdout.flush()
        sys.stderr.write(f"python -m apps {self.command}: {printable(' '.join(text.split()) or type(error).__name__)}\n")
        self.code = 1
