"""Where a platform has no threads, no processes, no links between files, or the package graphviz is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
import tinygrad_fm.nn.functional as F
from tests.platforms import needs_processes
from tinygrad_fm import runtime
from tinygrad_fm.data.download import NotAvailableError, RemoteFile, download
from tinygrad_fm.training.run_folder import RunFolder
from tinygrad_fm.utils.data import DataLoader, TensorDataset


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for name, fresh in {"_workers": 0, "_tasks": SimpleQueue(), "_refused": False}.items():
        monkeypatch.setattr(runtime.threads, name, fresh)


def graph() -> Any:
    x = torch.ones(2, requires_grad=True)
    return torch.draw((x * 3).sum())


def steps(count: int) -> list[np.ndarray[Any, Any]]:
    """The gradients of a convolution and a product that are large enough to be shared among threads."""
    before = runtime.get_num_threads()
    runtime.set_num_threads(count)
    torch.manual_seed(0)
    x, w, v = (
        torch.randn(64, 6, 28, 28),
        torch.randn(16, 6, 5, 5, requires_grad=True),
        torch.randn(400, 400, requires_grad=True),
    )
    F.conv2d(x, w).square().sum().backward()
    (v @ v).square().sum().backward()
    runtime.set_num_threads(before)
    return [w.grad.numpy(), v.grad.numpy()]


def test_without_threads_the_caller_does_all_of_the_work(no_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = steps(3)
    assert runtime.threads._refused and not runtime.threads._workers
    assert runtime.threads._tasks.empty()  # nothing waits there for ever
    monkeypatch.undo()
    for alone, shared in zip(found, steps(3), strict=True):
        assert np.array_equal(alone, shared)


def test_without_threads_a_download_says_that_it_cannot_be(no_threads: None, tmp_path: Path) -> None:
    with pytest.raises(NotAvailableError, match=r"file\.gz could not be downloaded:\n.*cannot be reached: .*thread"):
        download(RemoteFile("file.gz", 3, "0" * 64), ["https://example.invalid/file.gz"], tmp_path, progress=False)


@pytest.mark.parametrize("platform", ["emscripten", "wasi"])
def test_without_processes_batches_are_made_by_the_caller(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    data = TensorDataset(torch.arange(6.0))
    loader = DataLoader(data, 2, num_workers=2, collate_fn=lambda rows: [row[0].item() for row in rows])
    assert list(loader) == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]


@pytest.mark.parametrize("error", [OSError(138, "emscripten does not support processes."), PermissionError(13, "not allowed")])
def test_without_processes_the_graph_is_written_as_dot(
    error: OSError, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(subprocess, "Popen", refuse)
    for kind in ("svg", "png", "pdf"):
        written = graph().save(tmp_path / f"graph.{kind}")
        assert written == tmp_path / "graph.gv" and written.read_text().startswith("digraph")
        assert f"place of graph.{kind}: the 'dot' program cannot be started ({error.strerror}): install" in caplog.messages[-1]
    with pytest.raises(RuntimeError, match="cannot be started"):
        graph().svg()
    assert graph()._repr_mimebundle_()["text/html"].startswith("<iframe")


def test_without_the_package_graphviz_there_are_pages_and_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(sys.modules, "tinygrad_fm.viz.write_dot", raising=False)
    monkeypatch.delattr(torch.viz, "write_dot", raising=False)
    monkeypatch.setitem(sys.modules, "graphviz", None)
    assert "dagre" in graph().save(tmp_path / "graph.html").read_text("utf-8")
    assert "mul" in graph().save(tmp_path / "graph.txt").read_text("utf-8")
    for kind in ("gv", "svg"):
        with pytest.raises(ModuleNotFoundError, match=r"needs the Python package 'graphviz'.*\.html and \.txt need nothing"):
            graph().save(tmp_path / f"graph.{kind}")
    assert graph()._repr_mimebundle_()["text/html"].startswith("<iframe")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.html", "graph.txt"]


@needs_processes
def test_importing_needs_no_package_graphviz() -> None:
    program = "import sys; sys.modules['graphviz'] = None; import tinygrad_fm as torch, tinygrad_fm.viz; print(torch.ones(1))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("tensor([1.])\n", "")


def test_without_links_the_best_checkpoint_is_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "link", raising=False)
    folder = RunFolder(tmp_path / "run")
    with folder.created():
        folder.best.parent.mkdir(exist_ok=True)
        folder.best.write_bytes(b"the best")
        folder.best_is_last()
        assert folder.last.read_bytes() == b"the best"
        assert not folder.last.samefile(folder.best)
