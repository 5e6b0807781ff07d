"""The profiler's events, sums, and the trace file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.autograd import hooks
from tinygrad_fm.profiler import Profile, ProfilerActivity, profile, record_function


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


@pytest.mark.parametrize("name", ["batch_norm", "lstm"])
def test_what_an_operation_of_several_results_saves_is_counted(name: str) -> None:
    x = torch.randn(5, 8, 6, requires_grad=True)
    with torch.profiler.profile() as p:
        torch.nn.BatchNorm1d(8)(x * 2) if name == "batch_norm" else torch.nn.LSTM(6, 7)(x * 2)
    assert p.rows()[name].kept >= 5 * 8 * 6 * 4


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


def test_named_blocks_have_a_line_of_their_own() -> None:
    x = torch.randn(20, 20, requires_grad=True)

    @record_function("whole")
    def step() -> None:
        with record_function("product"):
            y = x @ x
        y.sum().backward()

    step()  # without a profile it does nothing
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True) as p:
        for _ in range(3):
            step()
    rows = p.rows()
    assert rows["whole"].calls == rows["product"].calls == 3
    assert rows["matmul"].forward <= rows["product"].total <= rows["whole"].total
    operations = sum(row.total for name, row in rows.items() if name not in ("whole", "product"))
    total = p.table().splitlines()[-1].split()
    assert float(total[6]) == pytest.approx(operations / 1e6, abs=0.002)  # blocks are not counted twice
    assert "whole" not in p.rows("module")
    with pytest.raises(TypeError, match="name must be a string"):
        record_function(3)  # type: ignore[arg-type]


def test_key_averages_as_in_tutorials() -> None:
    p = _profiled()
    averages = p.key_averages()
    linear = next(a for a in averages if a.key == "linear")
    assert linear.count == 2 and linear.cpu_time_total == 2 * linear.cpu_time > 0
    lines = averages.table(sort_by="cpu_time_total", row_limit=2).splitlines()
    assert len(lines) == 2 + 2 + 1 + 2 and "more" in lines[4]
    for name in ("self_cpu_time_total", "cpu_memory_usage", "count", None):
        assert "linear" in averages.table(sort_by=name)
    assert "more" not in averages.table(row_limit=-1)


def test_a_notebook_shows_the_table() -> None:
    with profile() as p, record_function("<b>"):
        torch.ones(2) + 1
    shown = p._repr_html_()
    assert shown.startswith("<table>") and "&lt;b&gt;" in shown and shown.count("<tr>") == 1 + 2 + 1
    assert p.key_averages()._repr_html_() == shown


def test_products_are_counted_in_every_contraction() -> None:
    with profile() as p:
        nn.ConvTranspose2d(2, 3, 3)(torch.randn(1, 2, 5, 5))
    event = next(e for e in p.events if e.name == "conv_transpose2d")
    assert event.flops == 2 * (2 * 5 * 5) * (3 * 3 * 3)
