"""Which kernels run, where what was compiled is kept, and what happens where that goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tinygrad_fm import nn, optim, runtime
from tinygrad_fm.runtime import kernels

ROOT = Path(__file__).resolve().parents[3]

STEP = """
import sys, numpy as np
import tinygrad_fm as torch
from tinygrad_fm import runtime
import tinygrad_fm.nn.functional as F
x = torch.tensor(np.random.default_rng(0).standard_normal((64, 4, 12, 12)).astype("f"), requires_grad=True)
F.batch_norm(x, None, None, training=True).sum().backward()
"""


def python(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != kernels.VARIABLE}
    environment = {**inherited, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    runtime.set_kernels("auto")
    runtime.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def test_nothing_is_imported_before_the_first_large_operation() -> None:
    small = "import tinygrad_fm as torch; torch.relu(torch.randn(50, requires_grad=True)).sum().backward()"
    assert python(f"{small}\nimport sys; print('numba' in sys.modules)").stdout.split() == ["False"]
    assert python(f"{STEP}\nprint('numba' in sys.modules, runtime.get_kernels())").stdout.split() == ["True", "compiled"]


def test_numpy_is_a_choice() -> None:
    found = python(f"{STEP}\nprint('numba' in sys.modules, runtime.get_kernels())", TINYGRAD_FM_KERNELS="numpy")
    assert found.stdout.split() == ["False", "numpy"], found.stderr


def test_another_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of 'auto', 'numpy', 'compiled', got 'fast'"):
        runtime.set_kernels("fast")
    found = python(
        f"import warnings; warnings.simplefilter('always')\n{STEP}\nprint(runtime.get_kernels())", TINYGRAD_FM_KERNELS="fast"
    )
    assert "should be one of auto, numpy, compiled, not 'fast'" in found.stderr and found.stdout.split() == ["compiled"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ModuleNotFoundError('no numba')", "numba is not installed"),
        ("ImportError('Numba needs NumPy 1.0 or less')", "numba cannot be imported here: Numba needs NumPy 1.0 or less"),
    ],
)
def test_without_numba_numpys_kernels_run(error: str, said: str) -> None:
    blocked = f"""
import importlib.abc, sys, warnings
warnings.simplefilter("always")
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *rest):
        if name == "numba":
            raise {error}
sys.meta_path.insert(0, Block())
"""
    found = python(
        f"{blocked}{STEP}\nprint(runtime.get_kernels())\nruntime.set_kernels('compiled')\n{STEP}\nprint(runtime.get_kernels())"
    )
    assert found.stdout.split() == ["numpy", "numpy"], found.stderr
    assert found.stderr.count("compiled kernels were asked for") == 1 and said in found.stderr


def small_kernel(x: Any, y: Any) -> None:
    for i in range(len(x)):
        y[i] = x[i] * 2


def run_small_kernel() -> None:
    x, y = np.arange(5.0), np.empty(5)
    runtime.compiled(small_kernel)(x, y)
    assert y.tolist() == [0, 2, 4, 6, 8]


def test_what_was_compiled_is_kept_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "cache_folder", lambda: tmp_path)
    said: list[str] = []
    runtime.on_compiling(said.append)
    run_small_kernel()
    assert len(said) == 1 and "Compiling" in said[0]
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*.nb[ci]")}
    assert len(kept) == 2
    runtime.on_compiling(said.append)
    run_small_kernel()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.nb[ci]")} == kept
    assert len(said) == 1
    runtime.on_compiling(None)


@pytest.mark.parametrize("damage", [b"", b"no pickle", b"\x80\x05K\x01."])
def test_a_damaged_cache_is_passed_over(damage: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "cache_folder", lambda: tmp_path)
    run_small_kernel()
    for path in tmp_path.rglob("*.nb[ci]"):
        path.write_bytes(damage)
    run_small_kernel()


def test_a_cache_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(kernels, "cache_folder", lambda: tmp_path / "file" / "kernels")
    run_small_kernel()


def test_a_user_of_numba_keeps_their_own_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    monkeypatch.setattr(kernels, "cache_folder", lambda: tmp_path)
    before = numba.config.CACHE_DIR
    run_small_kernel()
    assert before == numba.config.CACHE_DIR


def test_threads_that_compile_at_once_keep_their_kernels_in_the_same_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Slow:  # numba reads the folder more than once while it makes a dispatcher
        config = SimpleNamespace(CACHE_DIR="")

        def njit(self, function: Any, **_: Any) -> Any:
            for _ in range(2):
                seen.append(self.config.CACHE_DIR)
                time.sleep(0.01)
            return function

    monkeypatch.setattr(kernels, "_numba", Slow())
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: kernels._compile(abs, keep=True), range(8)))
    assert seen == [str(kernels.cache_folder())] * 16 and Slow.config.CACHE_DIR == ""


def test_no_home_and_an_installation_that_cannot_be_written() -> None:
    found = python(f"{STEP}\nprint(runtime.get_kernels())", HOME="/nonexistent", XDG_CACHE_HOME="/proc/none")
    assert found.returncode == 0 and found.stdout.split() == ["compiled"], found.stderr


# -- threads and processes ---------------------------------------------------------------------------------------------


def losses(steps: int = 3) -> list[float]:
    """Of a small network on fixed images: convolutions, norms, pooling and Adam."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(392, 10)
    )  # fmt: skip
    optimizer = optim.Adam(model.parameters())
    x, y = torch.randn(64, 1, 28, 28), torch.arange(64) % 10
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def test_the_same_bits_for_every_number_of_threads() -> None:
    runtime.set_kernels("compiled")
    found = []
    for count in (1, 2, 3, 1):
        runtime.set_num_threads(count)
        found.append(losses())
    assert found[0] == found[1] == found[2] == found[3]


def test_several_threads_at_once() -> None:
    runtime.set_kernels("compiled")
    wanted = losses()

    def run(place: list[Any]) -> None:
        x = torch.tensor(np.random.default_rng(0).standard_normal((64, 4, 12, 12)).astype("f"), requires_grad=True)
        F.max_pool2d(F.batch_norm(x, None, None, training=True), 2).square().sum().backward()
        place.append(x.grad.numpy())

    places: list[list[Any]] = [[] for _ in range(4)]
    workers = [threading.Thread(target=run, args=(place,)) for place in places for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for place in places:
        assert len(place) == 3
        for grad in place:
            np.testing.assert_array_equal(grad, places[0][0])
    assert losses() == wanted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_computes_too() -> None:
    runtime.set_kernels("compiled")
    runtime.set_num_threads(2)
    wanted = losses()
    child = os.fork()
    if child == 0:
        os._exit(0 if losses() == wanted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
