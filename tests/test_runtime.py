"""The process: threads, BLAS's threads, the allocator."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

import tinygrad_fm
from tinygrad_fm import runtime

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = runtime.get_num_threads()
    yield
    runtime.set_num_threads(before)


def run(code: str, **variables: str) -> str:
    """What ``code`` prints in a new process."""
    cleared = {k: v for k, v in os.environ.items() if k not in runtime.threads._VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, env={**cleared, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_element_is_worked_on_once(count: int) -> None:
    runtime.set_num_threads(count)
    for size in (0, 1, 2, 3, 10, 101):
        seen = np.zeros(size, int)

        def work(start: int, stop: int, seen: np.ndarray = seen) -> None:
            seen[start:stop] += 1

        runtime.parallel(work, size)
        assert (seen == 1).all()


def test_work_is_shared_among_that_many_threads() -> None:
    runtime.set_num_threads(3)
    threads, parts = set(), []
    ready = threading.Barrier(3, timeout=20)  # each waits until all three are at work

    def work(start: int, stop: int) -> None:
        threads.add(threading.get_ident())
        parts.append((start, stop))
        ready.wait()

    runtime.parallel(work, 10)
    assert len(threads) == 3 and sorted(parts) == [(0, 3), (3, 6), (6, 10)]


def test_work_within_work_stays_on_its_thread() -> None:
    runtime.set_num_threads(2)
    inner: list[bool] = []

    def work(start: int, stop: int) -> None:
        here = threading.get_ident()
        runtime.parallel(lambda a, b: inner.append(threading.get_ident() == here and b - a == 8), 8)

    runtime.parallel(work, 2)
    assert inner == [True, True]


@pytest.mark.parametrize("part", [0, 1])
def test_errors_come_back(part: int) -> None:
    runtime.set_num_threads(2)

    def work(start: int, stop: int) -> None:
        if start == part:
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        runtime.parallel(work, 2)
    runtime.parallel(lambda start, stop: None, 2)  # and the workers are still there


def test_what_comes_later_is_done_by_whoever_has_time() -> None:
    runtime.set_num_threads(2)
    gate, seen, inner, here = threading.Event(), {}, [], threading.current_thread().name

    def work(start: int, stop: int) -> None:
        seen[start, stop] = threading.current_thread().name
        runtime.parallel(lambda start, stop: inner.append(stop - start), 8)  # stays on its thread

    promise = runtime.defer(work, 6, lambda: "done")
    while len(seen) < 2:
        time.sleep(0.001)
    assert promise.result() == "done" and sorted(seen) == [(0, 3), (3, 6)]
    assert all(name.startswith("tinygrad_fm-") for name in seen.values())
    runtime.threads._hand_out(gate.wait, runtime.threads._workers)  # they have something else to do
    assert runtime.defer(work, 6, lambda: "done").result() == "done" and seen == {(0, 3): here, (3, 6): here}
    gate.set()
    with pytest.raises(ZeroDivisionError):
        runtime.defer(lambda start, stop: 1 // (start - 3), 6, lambda: "done").result()
    runtime.set_num_threads(1)
    assert runtime.defer(work, 6, lambda: "done") == "done" and seen[0, 6] == here
    assert set(inner) == {8} and len(inner) == 5


def test_several_callers_at_a_time() -> None:
    runtime.set_num_threads(2)
    wrong = []

    def caller() -> None:
        for _ in range(50):
            seen = np.zeros(20)
            runtime.parallel(lambda start, stop, seen=seen: np.add(seen[start:stop], 1, out=seen[start:stop]), 20)
            if not (seen == 1).all():
                wrong.append(seen)

    callers = [threading.Thread(target=caller) for _ in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
def test_impossible_numbers(wrong: object) -> None:
    with pytest.raises((TypeError, ValueError), match="set_num_threads"):
        runtime.set_num_threads(wrong)  # type: ignore[arg-type]


def test_environment_variables_are_honoured() -> None:
    code = "from tinygrad_fm import runtime; print(runtime.get_num_threads())"
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert run(code) == str(available)
    assert run(code, OMP_NUM_THREADS="1") == run(code, OPENBLAS_NUM_THREADS="1") == "1"
    assert run(code, OMP_NUM_THREADS="1,2") == "1"
    assert run(code, OMP_NUM_THREADS="nonsense", MKL_NUM_THREADS="") == str(available)


needs_openblas = pytest.mark.skipif(runtime.blas.blas() is None, reason="NumPy's BLAS is not OpenBLAS")


@needs_openblas
@pytest.mark.parametrize(
    "work, threads",
    [
        ("t.ones(300, 300) @ t.ones(300, 300)", 2),
        ("t.relu(t.ones(1000, 1000))", 2),
        ("runtime.parallel(lambda a, b: None, 2)", 1),
        ("t.nn.functional.conv2d(t.ones(4, 1, 8, 8), t.ones(2, 1, 3, 3))", 1),
        ("runtime.parallel(lambda a, b: None, 2); runtime.set_num_threads(2)", 1),
    ],
)
def test_blas_keeps_its_threads_until_ours_begin_to_work(work: str, threads: int) -> None:
    code = f"""
import tinygrad_fm as t
from tinygrad_fm import runtime
runtime.set_num_threads(2)
before = runtime.blas.blas().get()
{work}
print(before, runtime.blas.blas().get())
"""
    assert run(code) == f"2 {threads}"


def test_large_products_are_shared_and_right(rng: np.random.Generator) -> None:
    runtime.set_num_threads(2)
    runtime.parallel(lambda start, stop: None, 2)  # from here on the threads are ours
    for m, k, n in ((64, 784, 700), (700, 784, 64), (300, 300, 300)):
        a, b = rng.standard_normal((m, k)), rng.standard_normal((n, k))
        first = (tinygrad_fm.from_numpy(a) @ tinygrad_fm.from_numpy(b).T).numpy()
        np.testing.assert_allclose(first, a @ b.T, rtol=1e-10, atol=1e-10)
        assert np.array_equal(first, (tinygrad_fm.from_numpy(a) @ tinygrad_fm.from_numpy(b).T).numpy())


@needs_openblas
def test_nothing_holds_the_work_once_it_is_done() -> None:
    runtime.set_num_threads(3)
    gate = threading.Event()
    runtime.threads._hand_out(gate.wait, 2)  # the workers come too late for the work
    kept = [np.zeros(1000) for _ in range(50)]
    for array in kept:
        runtime.parallel(lambda start, stop, array=array: array[start:stop].fill(1), len(array))  # type: ignore[misc]
    del array
    assert {sys.getrefcount(array) for array in kept} == {sys.getrefcount(np.zeros(1)) + 2}  # the list and the variable
    gate.set()


def test_a_gradient_made_by_threads_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.set_num_threads(2)
    weight = tinygrad_fm.ones(128, 784, requires_grad=True)
    made: list[int] = []
    result = runtime.Deferred.result
    monkeypatch.setattr(runtime.Deferred, "result", lambda self: made.append(id(y := result(self))) or y)
    runtime.parallel(lambda start, stop: None, 2)  # from here on the threads are ours
    for _ in range(20):
        weight.grad = None
        tinygrad_fm.nn.functional.linear(tinygrad_fm.ones(64, 784), weight).sum().backward()
        assert id(weight.grad._array) in made


def test_importing_changes_nothing() -> None:
    code = """
import numpy, threading, os, sys
before = threading.active_count(), sorted(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0
import tinygrad_fm
from tinygrad_fm import runtime
assert (threading.active_count(), sorted(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0) == before
assert not runtime.threads._workers and not runtime.blas._found
"""
    run(code)


def test_importing_brings_nothing_that_only_some_need() -> None:
    code = """
import numpy, sys
before = set(sys.modules)
import tinygrad_fm
print(*{"http.client", "urllib.request", "ssl", "matplotlib", "PIL", "tqdm", "graphviz"} & (set(sys.modules) - before))
"""
    assert run(code) == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_workers_are_started_again_after_a_fork() -> None:
    code = """
import os, numpy
from tinygrad_fm import runtime
runtime.set_num_threads(2)
seen = numpy.zeros(10)
def work(start, stop): seen[start:stop] += 1
runtime.parallel(work, 10)
child = os.fork()
if child == 0:
    runtime.parallel(work, 10)
    os._exit(0 if (seen == 2).all() else 1)
status = os.waitpid(child, 0)[1]
runtime.parallel(work, 10)
print(status, (seen == 2).all())
"""
    assert run(code) == "0 True"


def test_an_idle_pool_burns_no_cpu() -> None:
    runtime.set_num_threads(2)
    runtime.parallel(lambda start, stop: None, 2)
    before = time.thread_time(), time.process_time()
    time.sleep(0.4)
    others = (time.process_time() - before[1]) - (time.thread_time() - before[0])
    assert others < 0.05


def test_the_allocator_is_tuned_only_when_asked_and_where_it_can_be() -> None:
    code = "from tinygrad_fm import runtime; print(runtime.tune_allocator())"
    code += "; import sys; sys.platform = 'other'; print(runtime.tune_allocator())"
    first, second = run(code).split()
    assert second == "False"
    if sys.platform == "linux" and "glibc" in os.confstr("CS_GNU_LIBC_VERSION"):
        assert first == "True"


def test_the_tuned_allocator_keeps_arrays_of_any_size() -> None:
    code = """
import resource, numpy
from tinygrad_fm import runtime
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        numpy.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
plain, tuned = faults(), runtime.tune_allocator()
faults()
print(tuned, faults() <= plain / 10)
"""
    pytest.importorskip("resource")
    tuned, kept = run(code).split()
    assert kept == "True" or tuned == "False"


_BITS = """
import numpy as np, tinygrad_fm as torch
from tinygrad_fm import nn
torch.set_num_threads(2)
rng = np.random.default_rng(0)

def results():
    rng, found = np.random.default_rng(0), []
    for _ in range(120):
        m, k, n = (int(rng.choice([1, 3, 16, 33, 64, 100, 250, 300, 500, 784, 1000, 1023])) for _ in range(3))
        for dtype in (np.float32, np.float64)[: 1 if m * k * n > 2e8 else KINDS]:
            a, b = (torch.from_numpy(rng.standard_normal(s).astype(dtype)) for s in ((m, k), (k, n)))
            w, x = torch.ones(n, k, dtype=a.dtype).requires_grad_(), a.clone().requires_grad_()
            y = nn.functional.linear(x, w + 0.1 * b.T)
            y.backward(y.detach())
            found += [a @ b, y, w.grad, x.grad, a @ b[:, 0], a[0] @ b]
    a, b = (torch.from_numpy(rng.standard_normal((6, 150, 150)).astype(np.float32)) for _ in range(2))
    h = torch.from_numpy(rng.standard_normal((300, 77)).astype(np.float32))
    found += [a @ b, (a * b).sum(0), nn.BatchNorm1d(77)(h), a.reshape(-1).dot(b.reshape(-1))]
    return [np.array(f.detach()) for f in found]

before = results()
nn.functional.conv2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3))
after = results()
assert all(np.array_equal(x, y, equal_nan=True) for x, y in zip(before, after, strict=True))
"""


@pytest.mark.parametrize("kinds", [1, 2], ids=["float32", "both"])
def test_the_bits_of_products_do_not_depend_on_what_ran_before(kinds: int) -> None:
    subprocess.run([sys.executable, "-c", _BITS.replace("KINDS", str(kinds))], check=True)
