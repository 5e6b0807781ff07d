"""How many threads work on an operation, and who owns them. Importing this changes nothing.

A process begins with BLAS's own threads. Convolutions divide their work among a few threads of ours instead, each making long
NumPy calls that do not hold Python's lock. From the first convolution on, BLAS has one thread for the rest of the process and
every large operation is shared among ours, so that the two never multiply: :func:`parallel` waits for it, :class:`Deferred`, a
result that threads are still computing, does not. The bits are the same either way (``ops/matmul.py`` says how).

BLAS's threads wait for each other by spinning. That is quicker to start for a single product, but on a processor shared with
others a LeNet step took 20 to 480 ms with them, 5 to 15 with ours.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

import numpy as np

from .blas import blas

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


# -- how many ----------------------------------------------------------------------------------------------------------


def _available() -> int:
    """The processors this process may use, and no more than the environment variables allow."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([count, *_wanted()])


def _wanted() -> list[int]:
    """What the environment variables say."""
    # OpenMP takes a list, one number per level of nesting
    found = [os.environ.get(name, "").split(",")[0].strip() for name in _VARIABLES]
    return [int(text) for text in found if text.isdigit() and int(text) > 0]


def threads_were_chosen() -> bool:
    """Whether the user has said how many threads, by an environment variable or :func:`set_num_threads`.

    >>> import os
    >>> from unittest import mock
    >>> from tinygrad_fm import runtime
    >>> with mock.patch.dict(os.environ, OMP_NUM_THREADS="1"):
    ...     runtime.threads_were_chosen()
    True
    """
    return _chosen or bool(_wanted())


_count: int | None = None
_chosen = False  # by set_num_threads


def get_num_threads() -> int:
    """How many threads work on one operation.

    Until :func:`set_num_threads` is called: the processors that this process may use, or fewer if one of
    ``OMP_NUM_THREADS``, ``OPENBLAS_NUM_THREADS``, ``MKL_NUM_THREADS`` … says so.

    >>> import tinygrad_fm as torch
    >>> torch.get_num_threads() >= 1
    True
    """
    global _count  # noqa: PLW0603
    if _count is None:
        _count = _available()
    return _count


def set_num_threads(count: int) -> None:
    """Let ``count`` threads work on one operation. The same number gives the same bits every time.

    Raises TypeError and ValueError for anything but a positive integer.

    >>> import tinygrad_fm as torch
    >>> torch.set_num_threads(0)
    Traceback (most recent call last):
      ...
    ValueError: set_num_threads(): expected a positive number, got 0
    """
    global _chosen, _count
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"set_num_threads(): expected an int, got {type(count).__name__}")
    if count < 1:
        raise ValueError(f"set_num_threads(): expected a positive number, got {count}")
    _count, _chosen = count, True
    found = blas()
    if found is not None and not _taken_over:
        found.set(count)


# -- BLAS's threads -----------------------------------------------------------------------------------------------------

_taken_over = False


def blas_has_threads() -> bool:
    """Whether the threads of this process are still BLAS's: :func:`take_over_blas` has not been called yet.

    >>> from tinygrad_fm import runtime
    >>> runtime.blas_has_threads() in (True, False)
    True
    """
    return not _taken_over


def take_over_blas() -> None:
    """Put BLAS on one thread, once: from now on the threads are ours.

    >>> import subprocess, sys
    >>> program = "from tinygrad_fm import runtime; runtime.take_over_blas(); print(runtime.blas_has_threads())"
    >>> subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    'False'
    """
    global _taken_over  # noqa: PLW0603
    if not _taken_over:
        found = blas()
        if found is not None:
            found.set(1)
        _taken_over = True


# -- workers -----------------------------------------------------------------------------------------------------------


def _serve() -> None:
    """What a worker does: take tasks, asleep in the kernel meanwhile, until the process ends."""
    _here.busy = True
    with np.errstate(all="ignore"):  # as in the kernels that the work is part of
        while True:
            _tasks.get()()  # without a name for it: no array may live on while the thread waits


class _Here(threading.local):
    busy = False  # whether this thread is at work in parallel()


_here = _Here()
_tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
_workers = 0  # that have been started
_refused = False  # whether the system has no more of them: WebAssembly has none at all
_workers_lock = threading.Lock()
_fork_handled = False


def _hand_out(task: Callable[[], None], times: int = 1) -> None:
    """Let so many workers, if there are as many, call ``task`` when they have time. They are started when first needed, and
    again after a fork."""
    take_over_blas()
    if _workers < get_num_threads() - 1 and not _refused:
        _start_workers()
    for _ in range(min(times, _workers)):
        _tasks.put(task)


def _start_workers() -> None:
    global _fork_handled, _refused, _workers  # noqa: PLW0603
    with _workers_lock:
        if not _fork_handled and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_after_fork)
        _fork_handled = True
        while _workers < get_num_threads() - 1 and not _refused:
            try:
                threading.Thread(target=_serve, name=f"tinygrad_fm-{_workers + 1}", daemon=True).start()
                _workers += 1
            except RuntimeError:  # the caller does by itself what nobody takes
                _refused = True


def _after_fork() -> None:
    """In a forked child: no worker lives there, and no other thread that may have held the lock or been at work."""
    global _refused, _tasks, _workers, _workers_lock
    _refused, _tasks, _workers, _workers_lock = False, SimpleQueue(), 0, threading.Lock()
    _here.busy = False


class Deferred:
    """Work in parts that threads take while the caller goes on: each a part, until none is left.

    Args:
        work: called as ``work(start, stop)`` for each of the parts, which make up ``range(count)``.
        parts: how many; that many threads may be at work, the one that asks for the result among them.
        finish: makes the result when all is done.

    >>> from tinygrad_fm import runtime
    >>> found = [0] * 4
    >>> def work(start, stop):
    ...     found[start:stop] = range(start, stop)
    >>> runtime.Deferred(work, 4, 2, lambda: sum(found)).result()
    6
    """

    def __init__(self, work: Callable[[int, int], None], count: int, parts: int, finish: Callable[[], Any]) -> None:
        # Only what waits refers to the work: a gradient made by it that a thread still held would be copied by backward.
        self._waiting = deque(partial(work, count * i // parts, count * (i + 1) // parts) for i in range(parts))
        self._parts, self._finish = parts, finish
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        _hand_out(self._take, parts - 1)

    def _take(self) -> None:
        while True:
            try:
                part = self._waiting.popleft()
            except IndexError:
                return
            found: BaseException | None = None
            try:
                part()
            except BaseException as error:  # it is raised where the result is asked for
                found = error
            del part
            self._done.put(found)

    def result(self) -> Any:
        """Take the parts that nobody has taken, wait for the others, and return the result, once. What the work raised is
        raised here."""
        _here.busy = True
        try:
            self._take()
            errors = [self._done.get() for _ in range(self._parts)]
        finally:
            _here.busy = False
        finish, self._finish = self._finish, _nothing
        for error in errors:
            if error is not None:
                raise error
        return finish()


def defer(work: Callable[[int, int], None], count: int, finish: Callable[[], Any]) -> Any:
    """Have ``work(start, stop)`` done over the whole of ``range(count)``, and then ``finish()``, by the time it is needed.

    Returns:
        A :class:`Deferred`, whose ``result()`` is what ``finish()`` returns; where there is one thread only, and within such
        work, that itself.

    >>> from tinygrad_fm import runtime
    >>> found = [0] * 4
    >>> def work(start, stop):
    ...     found[start:stop] = range(start, stop)
    >>> runtime.resolve(runtime.defer(work, 4, lambda: sum(found)))
    6
    """
    parts = min(get_num_threads(), count)
    if parts < 2 or _here.busy:
        if count:
            work(0, count)
        return finish()
    return Deferred(work, count, parts, finish)


def resolve(value: Any) -> Any:
    """``value`` itself, or its result if it is a :class:`Deferred`.

    >>> from tinygrad_fm import runtime
    >>> runtime.resolve(5)
    5
    >>> runtime.resolve(runtime.Deferred(lambda start, stop: None, 4, 2, lambda: "done"))
    'done'
    """
    return value.result() if type(value) is Deferred else value


def parallel(work: Callable[[int, int], None], count: int) -> None:
    """Run ``work(start, stop)`` over the whole of ``range(count)``, in as many equal parts as there are threads.

    Each thread takes a part until none is left, the caller too: where the processors are busy with other things, it does
    not wait for a thread that has not come to work yet. Returns when all is done; what the work raises is raised here.
    Called from within such work, it runs on the calling thread alone.

    >>> from tinygrad_fm import runtime
    >>> found = [0] * 4
    >>> def work(start, stop):
    ...     found[start:stop] = range(start, stop)
    >>> runtime.parallel(work, 4)
    >>> found
    [0, 1, 2, 3]
    """
    resolve(defer(work, count, _nothing))


def _nothing() -> None:
    """What is left to do when parallel work is done."""
