"""The profiler's events, sums, and the trace file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.autograd import hooks
from tinygrad_fm.profiler import Profile, profile


def _profiled() -> Profile:
    model = nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 10))
    x, y = torch.randn(8, 30), torch.randint(10, (8,))
    with profile() as p:
        nn.functional.cross_entropy(model(x), y).backward()
    return p


def test_events_forward_and_backward_with_modules() -> None:
    p = _profiled()
    forward = [(e.name, e.module) for e in p.events if e.phase == "forward"]
    assert ("linear", "0") in forward and ("relu", "1") in forward and ("linear", "2") in forward
    backward = [(e.name, e.module) for e in p.events if e.phase == "backward"]
    assert backward.index(("linear", "2")) < backward.index(("relu", "1")) < backward.index(("linear", "0"))
    assert all(e.duration > 0 for e in p.events)


def test_flops_and_bytes() -> None:
    rows = _profiled().rows()
    first, second = 2 * 8 * 30 * 20, 2 * 8 * 20 * 10
    # backward: one product more for the first layer (its input needs no gradient), two for the second; biases give no products
    forward_and_weights = 2 * (first + second)
    assert rows["linear"].flops >= forward_and_weights
    assert rows["linear"].calls == 2 and rows["linear"].kept >= 8 * 30 * 4
    assert rows["relu"].allocated >= 8 * 20 * 4


def test_table_is_sorted_and_checked() -> None:
    p = _profiled()
    lines = p.table(sort_by="flops").splitlines()
    assert lines[2].startswith("linear") and lines[-1].startswith("total")
    assert "0" in p.rows("module") and "(outside modules)" in p.rows("module")
    assert "more" in p.table(row_limit=1)
    with pytest.raises(ValueError, match="sort_by"):
        p.table(sort_by="nothing")
    with pytest.raises(ValueError, match="by must be"):
        p.table(by="nothing")


def test_trace_file(tmp_path: Path) -> None:
    p = _profiled()
    p.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == len(p.events) and all(e["ph"] == "X" and e["dur"] > 0 for e in events)


def test_nothing_is_left_on() -> None:
    with pytest.raises(ZeroDivisionError), profile():
        raise ZeroDivisionError
    assert not hooks.active
