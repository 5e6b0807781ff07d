"""Worker processes of a DataLoader: how they are started, fed, listened to and ended.

Each worker has one two-way pipe to the process that iterates. Nothing else is shared, no queue, semaphore or memory, so nothing
can be left behind: a worker ends when its pipe does, and at the latest with its parent. A worker keeps one thread that takes
tasks in and one that sends results off, so that neither side ever waits for the other to read.

A task is ``(pass, number, indices)``, a result ``(pass, number, worker, value)``. Tasks go to the workers in turn, and their
results are handed out by their number, so what a loop receives does not depend on which worker is quicker.
"""

from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import threading
import traceback
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, NoReturn

import numpy as np

from .. import random as our_random
from ..runtime import set_num_threads

__all__ = ["WorkerInfo", "get_worker_info"]

PARENT_CHECK = 5.0  # seconds between two looks at whether the parent still lives; the pipe mostly tells at once
LAST_WORDS = 5.0  # seconds that a worker has to finish what it is at, before it is ended


class WorkerInfo(NamedTuple):
    """What :func:`get_worker_info` says within a worker process.

    Attributes:
        id: its number, from 0. num_workers: how many there are.
        seed: what its random numbers were seeded with: that of the pass, plus ``id``.
        dataset: its copy of the data set.

    >>> from tinygrad_fm.utils import data
    >>> info = data.WorkerInfo(id=1, num_workers=2, seed=7, dataset=[5, 6, 7, 8])
    >>> info.dataset[info.id :: info.num_workers]
    [6, 8]
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Which worker process this is; None in the process that iterates. An `IterableDataset` asks it for its share.

    >>> from itertools import islice
    >>> from tinygrad_fm.data import DataLoader, IterableDataset, get_worker_info
    >>> class Numbers(IterableDataset):
    ...     def __iter__(self):
    ...         info = get_worker_info()
    ...         return iter(range(6)) if info is None else islice(range(6), info.id, None, info.num_workers)
    >>> [batch.tolist() for batch in DataLoader(Numbers(), batch_size=2)]
    [[0, 1], [2, 3], [4, 5]]
    """
    return _info


class End:
    """A worker's answer when its part of an IterableDataset has come to its end."""


class Failure(NamedTuple):
    """An exception in a worker, with its traceback as text, as exceptions themselves often cannot be sent."""

    kind: type[BaseException]
    text: str

    @staticmethod
    def of(error: BaseException, worker: int) -> Failure:
        """What became of a task."""
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return Failure(type(error), f"Caught {type(error).__name__} in DataLoader worker process {worker}.\nOriginal {text}")

    def packed(self) -> Failure:
        """The same, as a RuntimeError where the class is not known outside the worker."""
        try:
            pickle.dumps(self.kind)
        except Exception:
            return Failure(RuntimeError, self.text)
        # a StopIteration would end the loop as if all had been well
        return Failure(RuntimeError, self.text) if issubclass(self.kind, StopIteration) else self

    def reraise(self) -> NoReturn:
        """Raise the exception here, with the worker's traceback as its message; a RuntimeError if that cannot be done."""
        text: Any = _Verbatim(self.text) if issubclass(self.kind, KeyError) else self.text
        try:
            error = self.kind(text)
        except Exception:
            error = RuntimeError(text)
        try:
            raise error from None
        finally:
            del error  # its traceback holds this frame: together they would keep the loop's variables alive


class _Verbatim(str):
    """Text that a KeyError, which shows the repr of what it is given, shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Job(NamedTuple):
    """What all workers of a loader are told: what fetches, and what to call first."""

    fetch: Any  # of a task's indices; ``fetch.begin()`` comes before each pass
    num_workers: int
    seed: int
    init: Callable[[int], None] | None


# ---- in the worker ---------------------------------------------------------------------------------------------------

_ends: weakref.WeakSet[Any] = weakref.WeakSet()  # the parent's ends of all pipes, which a forked worker must not hold open


def run_worker(pipe: Any, job: Job, number: int) -> None:
    """The life of a worker process: take tasks, send results, until the pipe is closed."""
    for end in tuple(_ends):
        end.close()
    _leave_signals_to_the_parent()
    set_num_threads(1)
    _seed(job.seed + number)
    global _info  # noqa: PLW0603
    _info = WorkerInfo(number, job.num_workers, job.seed + number, job.fetch.dataset)
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_take_in, args=(pipe, tasks, os.getppid()), daemon=True).start()
    sender = threading.Thread(target=_send_off, args=(pipe, results), daemon=True)
    sender.start()
    begun, failure = None, None
    try:
        if job.init is not None:
            job.init(number)
    except Exception as error:
        failure = Failure.of(error, number)
    while (task := tasks.get()) is not None:
        of_pass, place, indices = task
        try:
            if failure is None and begun != of_pass:
                job.fetch.begin()
                begun = of_pass
            value = failure or job.fetch(indices)
            packed = _pack((of_pass, place, number, value.packed() if isinstance(value, Failure) else value))
        except Exception as error:
            packed = _pack((of_pass, place, number, Failure.of(error, number).packed()))
        results.put(packed)
    results.put(None)
    sender.join()


def _pack(message: Any) -> Any:
    from multiprocessing.reduction import ForkingPickler

    return ForkingPickler.dumps(message)


def _take_in(pipe: Any, tasks: queue.SimpleQueue[Any], parent: int) -> None:
    """On a thread: what comes through the pipe, and None at its end or when the parent is gone."""
    try:
        while True:
            while not pipe.poll(PARENT_CHECK):
                if os.getppid() != parent:
                    os._exit(1)  # nobody waits for what the main thread may be at
            tasks.put(pipe.recv())
    except (EOFError, OSError):
        tasks.put(None)


def _send_off(pipe: Any, results: queue.SimpleQueue[Any]) -> None:
    """On a thread: results into the pipe, as long as somebody reads them."""
    try:
        while (packed := results.get()) is not None:
            pipe.send_bytes(packed)
    except OSError:
        pass  # the loop was left


def _leave_signals_to_the_parent() -> None:
    """Ctrl-C and a closed terminal reach all processes of a group: the parent decides. SIGTERM ends a worker at once."""
    for name, action in (("SIGINT", signal.SIG_IGN), ("SIGHUP", signal.SIG_IGN), ("SIGTERM", signal.SIG_DFL)):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), action)


def _seed(seed: int) -> None:
    """Seed what data sets draw from: ours, Python's and NumPy's generators."""
    our_random.manual_seed(seed)
    random.seed(seed)
    np.random.seed(np.random.SeedSequence(seed).generate_state(4))


# ---- in the process that iterates ------------------------------------------------------------------------------------


class WorkerPool:
    """The worker processes of a loader, and the pipes to them.

    Args:
        context: of ``multiprocessing``.
        job: what they are told.

    Raises:
        pickle.PicklingError: the data set or a function cannot be sent to a process that is not forked.
    """

    def __init__(self, context: Any, job: Job) -> None:
        self.passes = 0
        self.processes: list[Any] = []
        self.pipes: list[Any] = []
        self.close = weakref.finalize(self, _end, self.processes, self.pipes, os.getpid())
        try:
            for number in range(job.num_workers):
                mine, theirs = context.Pipe()
                _ends.add(mine)
                self.pipes.append(mine)
                process = context.Process(target=run_worker, args=(theirs, job, number), daemon=True)
                with warnings.catch_warnings():  # of a fork beside threads: those of this framework are made anew in the child
                    warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
                    process.start()
                self.processes.append(process)
                theirs.close()
        except BaseException as error:
            self.close()
            if isinstance(error, pickle.PicklingError | AttributeError | TypeError):
                raise pickle.PicklingError(
                    f"DataLoader: what its workers need cannot be sent to a new process: {error}. Define the data set, "
                    "collate_fn and worker_init_fn at the top level of a module, or give multiprocessing_context='fork' where "
                    "there is fork"
                ) from error
            raise

    def send(self, worker: int, message: Any) -> None:
        """Give a worker a task."""
        try:
            self.pipes[worker].send(message)
        except OSError:
            self._report_dead()

    def receive(self, timeout: float) -> Any:
        """The next result of any worker.

        Raises:
            RuntimeError: a worker has ended, or nothing has come for ``timeout`` seconds (0 for no limit).
        """
        from multiprocessing.connection import wait

        sentinels = [process.sentinel for process in self.processes]
        ready = wait([*self.pipes, *sentinels], timeout or None)
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
        for pipe in self.pipes:
            if pipe in ready:
                try:
                    return pipe.recv()
                except (EOFError, OSError):
                    break
        return self._report_dead()

    def _report_dead(self) -> NoReturn:
        """Raise for the workers that have ended by themselves."""
        for process in self.processes:
            process.join(0.2)  # its pipe may be gone before it is
        dead = [process for process in self.processes if process.exitcode is not None]
        pids = ", ".join(str(process.pid) for process in dead)
        ways = ", ".join(sorted({_way_out(process.exitcode) for process in dead}))
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly: {ways}")


def _way_out(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"killed by signal {name}" + (" (by hand, or because memory ran out)" if name == "SIGKILL" else "")


def _end(processes: list[Any], pipes: list[Any], owner: int) -> None:
    """Close the pipes, which ends the workers; end those by force that are still at something after `LAST_WORDS`."""
    if os.getpid() != owner:
        return  # a fork has a copy of this; the workers are not its own
    for pipe in pipes:
        pipe.close()
    for force in (None, "terminate", "kill"):
        for process in processes:
            if force is not None and process.exitcode is None:
                getattr(process, force)()
            process.join(LAST_WORDS / (1 if force else len(processes)))
        if all(process.exitcode is not None for process in processes):
            break
    processes.clear()
    pipes.clear()


class WorkerIterator(Iterator[Any]):
    """One pass over a data set by workers.

    Args:
        pool: the workers.
        items: what each task asks for; None for an IterableDataset, which is asked until all workers are at its end.
        prefetch: how many tasks each worker has at a time.
        in_order: hand results out in the order of their tasks, else as they come.
        timeout: seconds to wait for a result; 0 for no limit.
        keep: leave the workers running at the end of the pass.
    """

    def __init__(
        self, pool: WorkerPool, items: Iterable[Any] | None, prefetch: int, in_order: bool, timeout: float, keep: bool
    ) -> None:
        pool.passes += 1
        self._pool, self._pass = pool, pool.passes
        self._items = None if items is None else iter(items)
        self._in_order, self._timeout, self._keep = in_order, timeout, keep
        self._turn = deque(range(len(pool.processes)))  # the workers that have more to give, the next one first
        self._sent, self._wanted = 0, deque[int]()
        self._come: dict[int, tuple[int, Any]] = {}
        try:
            for _ in range(prefetch * len(pool.processes)):
                self._ask()
        except BaseException:
            self._pool.close()
            raise

    def __next__(self) -> Any:
        if self._pass != self._pool.passes:
            raise RuntimeError(
                "a later pass over this DataLoader has begun, and its persistent workers serve one pass at a time"
            )
        try:
            while self._wanted:
                worker, value = self._result()
                if isinstance(value, End):
                    if worker in self._turn:
                        self._turn.remove(worker)
                    self._ask()
                    continue
                if isinstance(value, Failure):
                    value.reraise()
                self._ask()
                return value
        except BaseException:
            self._pool.close()
            self._wanted.clear()
            raise
        if not self._keep:
            self._pool.close()
        raise StopIteration

    def _ask(self) -> None:
        """Send the next task, if there is one, to the worker whose turn it is."""
        if not self._turn:
            return
        item = None
        if self._items is not None:
            try:
                item = next(self._items)
            except StopIteration:
                self._turn.clear()
                return
        self._pool.send(self._turn[0], (self._pass, self._sent, item))
        self._turn.rotate(-1)
        self._wanted.append(self._sent)
        self._sent += 1

    def _result(self) -> tuple[int, Any]:
        """Worker and value of the task whose turn it is, or of any if their order does not matter."""
        while True:
            number = self._wanted[0] if self._in_order else next(iter(self._come), -1)
            if number in self._come:
                self._wanted.remove(number)
                return self._come.pop(number)
            of_pass, number, worker, value = self._pool.receive(self._timeout)
            if of_pass == self._pass:  # others are left over from a pass that was not finished
                self._come[number] = worker, value

    def skip(self, count: int) -> WorkerIterator:
        """Take ``count`` results and drop them; returns the iterator."""
        for _ in islice(self, count):
            pass
        return self
