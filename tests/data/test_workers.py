"""DataLoader with worker processes: the same batches as without, and nothing left behind however a pass ends."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from tinygrad_fm.data import (
    DataLoader,
    Dataset,
    EpochSampler,
    ImageDataset,
    IterableDataset,
    Normalize,
    Subset,
    TensorDataset,
    ToTensor,
    get_worker_info,
    worker,
)
from tinygrad_fm.data.transforms import Compose

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here, which these tests start their workers by")


class Numbers(Dataset[Any]):
    """Index i gives (i, i², the process that made it); some indices misbehave."""

    def __init__(self, n: int = 20, trouble: Any = None, at: int = 7) -> None:
        self.n, self.trouble, self.at = n, trouble, at

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        if self.trouble is not None and i == self.at:
            self.trouble()
        return i, np.full(3, i * i, np.float32), os.getpid()


class Counted(IterableDataset[Any]):
    """0 … n - 1, shared among the workers."""

    def __init__(self, n: int = 20, shared: bool = True) -> None:
        self.n, self.shared = n, shared

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        step = info.num_workers if info and self.shared else 1
        return iter(range(info.id if info and self.shared else 0, self.n, step))


def loader(dataset: Any, *args: Any, **options: Any) -> Any:
    return DataLoader(dataset, *args, **{"num_workers": 2, "multiprocessing_context": "fork", **options})


def firsts(batches: Any) -> list[list[int]]:
    return [batch[0].tolist() for batch in batches]


def pids_of(batches: Any) -> set[int]:
    return {pid for batch in batches for pid in batch[2].tolist()}


def gone(pids: set[int]) -> bool:
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        return False
    return not multiprocessing.active_children()


def fail(kind: type[Exception], *args: Any) -> Any:
    def trouble() -> None:
        raise kind(*args)

    return trouble


# ---- the same batches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(
    "options", [{"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": 4, "prefetch_factor": 5}]
)
def test_batches_and_their_order_are_those_of_one_process(workers: int, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    plain = {name: value for name, value in options.items() if name != "prefetch_factor"}
    expected = list(DataLoader(Numbers(), shuffle=True, **plain))
    torch.manual_seed(0)
    got = list(DataLoader(Numbers(), shuffle=True, num_workers=workers, multiprocessing_context="fork", **(options)))
    assert firsts(got) == firsts(expected)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours[1].dtype == theirs[1].dtype
        assert torch.equal(ours[1], theirs[1])
    pids = pids_of(got)
    assert os.getpid() not in pids
    assert len(pids) == workers
    assert gone(pids)


def test_single_samples_and_functions_of_ones_own() -> None:
    assert [int(sample[0]) for sample in loader(Numbers(5), batch_size=None)] == list(range(5))
    assert list(loader(Numbers(5), 2, collate_fn=lambda samples: [i for i, *_ in samples])) == [[0, 1], [2, 3], [4]]
    assert firsts(loader(Numbers(6), batch_sampler=[[5, 0], [1]])) == [[5, 0], [1]]
    assert list(loader(Numbers(0), 2)) == []
    assert len(loader(Numbers(5), 2)) == 3


@pytest.mark.parametrize("start", [0, 2, 6, 9])
def test_a_pass_begins_in_the_middle(start: int) -> None:
    data = Numbers()
    sampler = EpochSampler(data, seed=3)
    sampler.set_epoch(2)
    whole = firsts(DataLoader(data, 3, sampler=sampler))
    assert firsts(loader(data, 3, sampler=sampler).iter_from(start)) == whole[start:]


def test_out_of_order_gives_everything_once() -> None:
    got = firsts(loader(Numbers(), 3, in_order=False, num_workers=3))
    assert sorted(chain.from_iterable(got)) == list(range(20))


def test_batches_too_large_for_a_pipe_block_nobody() -> None:
    sizes = list(loader(Numbers(6), 1, collate_fn=lambda samples: np.zeros(500_000), prefetch_factor=3))
    assert [len(size) for size in sizes] == [500_000] * 6
    assert list(loader(range(400_000), 200_000, collate_fn=len, prefetch_factor=2)) == [200_000] * 2


def test_streams_are_shared_or_come_once_from_each() -> None:
    got = [batch.tolist() for batch in loader(Counted(), 3)]
    assert got[:4] == [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11]]
    assert sorted(chain.from_iterable(got)) == list(range(20))
    assert [len(batch) for batch in loader(Counted(), 3, drop_last=True)] == [3] * 6
    assert sorted(loader(Counted(5), batch_size=None)) == list(range(5))
    assert sorted(chain.from_iterable(b.tolist() for b in loader(Counted(4, shared=False), 3))) == [0, 0, 1, 1, 2, 2, 3, 3]
    uneven = [batch.tolist() for batch in loader(Counted(3), 1, num_workers=4)]  # the last worker has nothing
    assert uneven == [[0], [1], [2]]
    assert [batch.tolist() for batch in loader(Counted(), 3).iter_from(4)] == got[4:]


def test_where_there_is_no_fork() -> None:
    got = list(loader(Numbers(6), 2, multiprocessing_context="spawn", num_workers=1, collate_fn=None))
    assert firsts(got) == [[0, 1], [2, 3], [4, 5]]
    assert gone(pids_of(got))
    context = multiprocessing.get_context("spawn")
    with pytest.raises(Exception, match=r"cannot be sent to a new process: .* top level of a module") as caught:
        list(loader(Numbers(6), 2, multiprocessing_context=context, collate_fn=lambda batch: batch))
    assert type(caught.value).__name__ == "PicklingError"
    assert not multiprocessing.active_children()


# ---- array data sets stay in the calling process ---------------------------------------------------------------------


def test_arrays_are_read_in_the_calling_process() -> None:
    pixels, labels = np.zeros((6, 4, 4), np.uint8), [0] * 6
    asked: list[int] = []

    def note(image: Any) -> Any:
        asked.append(os.getpid())
        return np.asarray(image) * 1.0

    datasets: list[Any] = [
        TensorDataset(np.arange(6)),
        ImageDataset(pixels, labels),
        Subset(ImageDataset(pixels, labels, Compose([ToTensor(), Normalize(0.5, 0.5)])), [1, 2, 3]),
    ]
    for dataset in datasets:
        passing = iter(loader(dataset, 2, worker_init_fn=fail(AssertionError)))
        assert not isinstance(passing, worker.WorkerIterator)
        assert len(list(passing)) == len(dataset) // 2 + len(dataset) % 2
    list(loader(ImageDataset(pixels, labels, note), 2))
    assert asked == []  # a function for each image is what workers are for


# ---- seeds -----------------------------------------------------------------------------------------------------------


class Draws(Dataset[Any]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> Any:
        info = get_worker_info()
        return (
            torch.rand(1).item(),
            random.random(),
            np.random.rand(),
            (info.seed - info.id if info else 0),
            torch.get_num_threads(),
        )


def test_workers_have_seeds_of_their_own_that_follow_from_the_generator() -> None:
    def drawn(seed: int, passes: int = 1) -> list[list[Any]]:
        generator = torch.Generator().manual_seed(seed)
        these: Any = loader(Draws(), 1, generator=generator)
        return [[[value.item() for value in batch] for batch in these] for _ in range(passes)]

    (first,), (again,), (other,) = drawn(1), drawn(1), drawn(2)
    assert first == again
    assert first != other
    assert len({value for batch in first for value in batch[:3]}) == 12  # two workers, two samples, three sources
    assert len({batch[3] for batch in first}) == 1
    assert {batch[4] for batch in first} == {1}
    two = drawn(1, passes=2)
    assert two[0] == first != two[1]  # though nothing was drawn from the generator in between
    assert get_worker_info() is None


def test_workers_do_not_change_the_order_of_later_passes() -> None:
    orders = []
    for workers in (0, 2):
        torch.manual_seed(4)
        these: Any = DataLoader(Numbers(), 5, shuffle=True, num_workers=workers)
        orders.append([firsts(these), firsts(these)])
    assert orders[0] == orders[1]


def test_worker_init_fn_is_called_in_each_worker() -> None:
    def init(number: int) -> None:
        info = get_worker_info()
        assert info is not None
        info.dataset.n = 100 + number
        assert (info.id, info.num_workers) == (number, 2)

    def size_here(_: Any) -> int:
        info = get_worker_info()
        assert info is not None
        return int(info.dataset.n)

    assert list(loader(Numbers(4), 2, worker_init_fn=init, collate_fn=size_here)) == [100, 101]
    with pytest.raises(ZeroDivisionError, match=r"DataLoader worker process \d[\s\S]*in init_badly"):

        def init_badly(number: int) -> None:
            1 / 0  # noqa: B018

        list(loader(Numbers(4), 2, worker_init_fn=init_badly))
    assert not multiprocessing.active_children()


# ---- persistent workers ----------------------------------------------------------------------------------------------


def test_persistent_workers_serve_many_passes() -> None:
    these = loader(Numbers(), 3, persistent_workers=True)
    first = list(these)
    pids = pids_of(first)
    for batch in these:
        assert batch[0].tolist() == [0, 1, 2]
        break
    again = list(these)
    assert firsts(again) == firsts(first)
    assert pids_of(again) == pids
    assert firsts(these.iter_from(5)) == firsts(first)[5:]
    older = iter(these)
    next(older)
    assert firsts(these) == firsts(first)
    with pytest.raises(RuntimeError, match="a later pass over this DataLoader has begun"):
        next(older)
    del these, older
    assert gone(pids)


def test_persistent_workers_of_a_stream_start_anew() -> None:
    these = loader(Counted(6), 2, persistent_workers=True)
    whole = [[0, 2], [1, 3], [4], [5]]
    assert [b.tolist() for b in these] == [b.tolist() for b in these] == whole


def test_after_an_error_persistent_workers_are_replaced() -> None:
    data = Numbers(trouble=fail(ValueError, "bad"))
    these = loader(data, 3, persistent_workers=True)
    with pytest.raises(ValueError, match="bad"):
        list(these)
    data.trouble = None
    assert len(list(these)) == 7


# ---- what goes wrong -------------------------------------------------------------------------------------------------


class TwoArguments(Exception):
    def __init__(self, a: Any, b: Any) -> None:
        super().__init__(a, b)


@pytest.mark.parametrize(
    ("trouble", "kind", "words"),
    [
        (fail(ValueError, "no such picture"), ValueError, "ValueError: no such picture"),
        (fail(KeyError, "name"), KeyError, "\nKeyError: 'name'"),
        (fail(TwoArguments, 1, 2), RuntimeError, r"TwoArguments: \(1, 2\)"),
        (fail(StopIteration), RuntimeError, r"\nStopIteration"),
        (lambda: torch.zeros(2, 3) @ torch.zeros(2), RuntimeError, "matmul|mat"),
    ],
)
def test_exceptions_come_with_the_workers_traceback(trouble: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=rf"Caught \w+ in DataLoader worker process \d[\s\S]*in __getitem__[\s\S]*({words})"):
        list(loader(Numbers(trouble=trouble), 3))
    assert not multiprocessing.active_children()


def test_results_that_cannot_be_sent_are_named() -> None:
    with pytest.raises(Exception, match=r"DataLoader worker process \d[\s\S]*[Pp]ickle"):
        list(loader(Numbers(), 3, collate_fn=lambda _: threading.Lock()))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), r"pid\(s\) \d+\) exited unexpectedly: killed by signal SIGKILL"),
        (lambda: os._exit(3), r"pid\(s\) \d+\) exited unexpectedly: exit code 3"),
        (lambda: sys.exit(4), r"pid\(s\) \d+\) exited unexpectedly: exit code 4"),
    ],
)
def test_a_worker_that_ends_is_named(trouble: Any, words: str) -> None:
    before: list[list[int]] = []
    with pytest.raises(RuntimeError, match=words):
        for batch in loader(Numbers(trouble=trouble, at=13), 2):
            before.append(batch[0].tolist())
    assert before == [[2 * i, 2 * i + 1] for i in range(len(before))]
    assert len(before) <= 6
    assert not multiprocessing.active_children()


def test_a_timeout_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.1 seconds"):
        list(loader(Numbers(trouble=lambda: signal.pause(), at=3), 2, timeout=0.1))
    assert not multiprocessing.active_children()


def test_a_sampler_that_fails_ends_the_workers() -> None:
    def order() -> Iterator[int]:
        yield from range(8)
        raise OSError("the order is lost")

    with pytest.raises(OSError, match="the order is lost"):
        list(loader(Numbers(), 2, sampler=order()))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"multiprocessing_context": "thread"}, ValueError, r"a valid start method in \['.*'thread'"),
        ({"multiprocessing_context": 5}, TypeError, "a valid context object or a string"),
        ({"multiprocessing_context": "fork", "num_workers": 0}, ValueError, "can only be used with multi-process loading"),
        ({"num_workers": 0, "prefetch_factor": 2}, ValueError, "prefetch_factor option could only be specified"),
        ({"num_workers": 0, "persistent_workers": True}, ValueError, "persistent_workers option needs num_workers > 0"),
    ],
)
def test_arguments_that_are_wrong(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        DataLoader(Numbers(), **{"num_workers": 2, **options})


# ---- nothing is left behind ------------------------------------------------------------------------------------------


def test_leaving_a_pass_ends_its_workers() -> None:
    for batch in loader(Numbers(), 3):
        pids = pids_of([batch])
        break
    assert gone(pids)
    with pytest.raises(KeyboardInterrupt):
        for batch in loader(Numbers(), 3):
            pids = pids_of([batch])
            raise KeyboardInterrupt
    assert gone(pids)
    passing = iter(loader(Numbers(), 3))  # never asked
    del passing
    assert not multiprocessing.active_children()


PROGRAM = """
import os, signal, sys, time
from tinygrad_fm.data import DataLoader
class Slow:
    def __len__(self):
        return 1000
    def __getitem__(self, i):
        time.sleep(0.01)
        return os.getpid()
passing = iter(DataLoader(Slow(), 1, num_workers=2, multiprocessing_context="fork"))
print(*sorted({next(passing).item() for _ in range(4)}), flush=True)
"""


@pytest.mark.parametrize(
    "ending", ["", "raise SystemError", "os.kill(os.getpid(), signal.SIGKILL)", "os.killpg(0, signal.SIGINT); time.sleep(9)"]
)
def test_however_the_program_ends(ending: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM) + ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    assert program.stdout is not None
    pids = {int(pid) for pid in program.stdout.readline().split()}
    assert len(pids) == 2
    _, errors = program.communicate(timeout=60)
    assert "worker" not in errors  # no traceback of a worker in between
    for pid in pids:
        _await_end(pid)


def _await_end(pid: int) -> None:
    """Until the process is gone, or is nobody's any more but not yet reaped."""
    for _ in range(600):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in "ZX":
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"worker {pid} is still there")


def test_a_child_of_the_program_leaves_the_workers_alone() -> None:
    these = iter(loader(Numbers(), 3))
    next(these)
    with warnings.catch_warnings():  # newer Pythons warn of any fork beside threads
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        del these  # its copy: the workers are not its own
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(these)) == 6
