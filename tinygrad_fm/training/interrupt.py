"""Stopping a run from outside: Ctrl-C, SIGTERM or a closed terminal ends it after the step that is being made."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupted(Exception):
    """The run was asked to stop, and has stopped with a checkpoint. ``signal`` is the signal that asked.

    >>> import signal
    >>> from tinygrad_fm import training
    >>> training.Interrupted(signal.SIGTERM)
    Interrupted('stopped by SIGTERM')
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.signal = number


class StopRequest:
    """Within ``with StopRequest() as stop:`` Ctrl-C, SIGTERM and SIGHUP only set ``stop.signal``; a second Ctrl-C interrupts.

    A SIGHUP that was ignored, as under ``nohup``, still is. Outside the main thread, where Python gives no signals, nothing is
    ever requested.

    >>> import signal
    >>> from tinygrad_fm import training
    >>> with training.StopRequest() as stop:
    ...     signal.raise_signal(signal.SIGINT)
    >>> stop.signal == signal.SIGINT
    True
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _request(self, number: int, _: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number  # a terminal that closes may say so twice

    def check(self) -> None:
        """Raise Interrupted if a stop was requested."""
        if self.signal is not None:
            raise Interrupted(self.signal)
