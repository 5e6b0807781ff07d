"""The benchmark works and compares like with like. Nothing here is about how long anything takes."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_fm as torch
from benchmarks import peers, profiling, ranks, report, runs, tables, worker
from benchmarks.__main__ import main
from benchmarks.cases import CASES, MODELS, batches, made, same_weights
from benchmarks.libraries import FAST, LIBRARIES, OURS

LIMITS = {"gflops": 100.0, "gbps": 20.0}


@pytest.mark.parametrize(("model", "parameters"), [("mlp", 109_386), ("lenet", 61_750), ("cnn2", 421_834), ("resnet", 77_754)])
def test_the_models_are_the_ones_named(model: str, parameters: int) -> None:
    assert sum(p.numel() for p in made(torch, model, {}).parameters()) == parameters


def test_weights_do_not_depend_on_the_generator() -> None:
    torch.manual_seed(1)
    first = same_weights(torch, MODELS["lenet"](torch, {}))
    torch.manual_seed(2)
    second = same_weights(torch, MODELS["lenet"](torch, {}))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    assert float(first[1].weight.detach().mean()) == pytest.approx(1, abs=1e-6)  # of a norm, after its scale of noise: none
    assert abs(first[0].bias.detach().numpy()).max() == 0


@pytest.mark.parametrize("case", [name for name in CASES if name != "epoch"])
def test_every_case_runs(case: str) -> None:
    step = CASES[case].make(torch, {"batch": 2, "dropout": False, **CASES[case].options})
    assert np.isfinite(worker._number(step()))


def test_an_epoch_takes_all_full_batches() -> None:
    from benchmarks.loading import loader

    found = [x.shape for x, _ in loader(torch, {"size": 200})]
    assert found == [(64, 1, 28, 28)] * 3
    step: Any = CASES["epoch"].make(torch, {"size": 128})
    assert np.isfinite(worker._number(step()))
    assert np.isfinite(worker._number(step(1)))  # its first batch


def test_training_lowers_the_loss_and_inference_changes_nothing() -> None:
    train = CASES["mlp"].make(torch, {"batch": 8})
    assert np.mean([float(train()) for _ in range(32)]) > np.mean([float(train()) for _ in range(32)])
    infer = CASES["mlp-infer-1"].make(torch, {"batch": 1})
    first = [float(infer()) for _ in range(32)]
    assert first == [float(infer()) for _ in range(32)]


def test_inference_is_compiled_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(torch, "compile", lambda model: calls.append(model) or model)
    for case in ("lenet-infer-1", "mlp"):
        CASES[case].make(torch, {"batch": 1, **LIBRARIES[FAST].options})
    CASES["lenet-infer-1"].make(torch, {"batch": 1, **LIBRARIES[OURS].options})
    assert len(calls) == 1


def test_pytorch_computes_the_same_losses() -> None:
    theirs = pytest.importorskip("torch")
    for case in ("chain", "mlp", "lenet", "cnn2", "resnet"):
        a, b = (CASES[case].make(t, {"batch": 4, "dropout": False}) for t in (torch, theirs))
        for _ in range(3):
            assert worker._number(a()) == pytest.approx(worker._number(b()), abs=1e-4), case


def test_the_peers_start_from_the_weights_of_the_case() -> None:
    model = made(torch, "mlp", {})
    for ours, theirs in zip(model.parameters(), peers._weights(), strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.T if theirs.ndim == 2 else theirs)
    x, y = peers._batches(5)[0]
    ours_x, ours_y = batches(torch, {"batch": 5})[0]
    np.testing.assert_array_equal(ours_x.numpy().reshape(5, -1), x)
    np.testing.assert_array_equal(ours_y.numpy(), y)


@pytest.mark.parametrize("library", ["jax", "dezero", "mygrad", "autograd"])
def test_peers_run_where_installed(library: str) -> None:
    if not LIBRARIES[library].installed():
        pytest.skip(f"{library} is not installed")
    for case in ("chain", "mlp"):
        measurement = worker.Measurement(case, library, 2, {})
        assert len(measurement.build()["losses"]) == 20 and measurement.turn(0)["ms"] > 0


@pytest.mark.parametrize("case", ["mlp", "lenet", "cnn2", "resnet", "mlp-256", "lenet-infer-1", "resnet-infer-1"])
def test_jax_computes_the_same(case: str) -> None:
    if not LIBRARIES["jax"].installed():
        pytest.skip("jax is not installed")
    options = {"batch": 4, "dropout": False, **CASES[case].options}
    ours, theirs = CASES[case].make(torch, options), LIBRARIES["jax"].steps[case](importlib.import_module("jax"), options)
    for _ in range(3):
        assert worker._number(theirs()) == pytest.approx(worker._number(ours()), rel=1e-4, abs=1e-4), case


def test_a_process_is_asked_and_answers(tmp_path: Path) -> None:
    found = runs.compare("chain", [OURS], 2, 0.0, 1, {})[OURS]
    assert len(found["times"]) == 2 * runs.TURNS and min(found["times"]) > 0
    assert len(found["losses"]) == 20 and found["version"] == torch.__version__
    with pytest.raises(RuntimeError, match="no such case"):
        runs.run_worker(what="case", case="no such case", library=OURS, threads=1, options={})


class _Broken(runs.Worker):
    """A process that has failed."""

    def __init__(self) -> None:
        pass

    def answer(self, question: str = "") -> dict[str, Any]:
        raise RuntimeError("the job failed:\nImportError: no such library")


def test_a_library_that_fails_drops_out_and_ours_does_not() -> None:
    found: dict[str, Any] = {"jax": {"times": [1.0], "mib": [1.0]}, FAST: {"times": [], "mib": []}}
    runs._ask(_Broken(), "build", "jax", found)
    assert found["jax"] == {"error": "ImportError: no such library"}
    with pytest.raises(RuntimeError, match="the job failed"):
        runs._ask(_Broken(), "build", FAST, found)


def test_settings_take_part_where_they_make_a_difference() -> None:
    part = {name: [case for case in CASES if library.takes_part(case)] for name, library in LIBRARIES.items()}
    assert part[OURS] == part["pytorch"] == list(CASES)
    assert "lenet" in part["pytorch channels_last"] and "mlp" not in part["pytorch channels_last"]
    assert "mlp" in part["pytorch fused"] and "mlp-infer-1" not in part["pytorch fused"]


def test_flops_of_the_mlp() -> None:
    weights = 784 * 128 + 128 * 64 + 64 * 10
    assert profiling.flops("mlp") == pytest.approx(2 * 64 * (3 * weights - 784 * 128), rel=0.02)  # no gradient for the images
    wide = 784 * 256 + 256 * 256 + 256 * 10
    assert profiling.flops("mlp-256") == pytest.approx(2 * 64 * (3 * wide - 784 * 256), rel=0.02)
    assert profiling.flops("epoch") == profiling.flops("chain") == 0


def test_the_profile_names_the_operations() -> None:
    before = torch.get_num_threads()
    text = profiling.profiled("mlp", before, LIMITS, {"batch": 4})
    assert "linear backward" in text and "The optimizer" in text and "kernels: " in text
    assert "mul forward" in profiling.profiled("chain", before, LIMITS, {})
    text = profiling.profiled("mlp-infer-1", before, LIMITS, {})
    assert "linear forward" in text and "backward" not in text.split("module")[0] and "optimizer" not in text


def _measured() -> dict[str, Any]:
    figures = {"losses": [1.0, 2.0], "version": "1", "mib": 50.0}
    return {
        "date": "2026-01-01",
        "machine": "a machine",
        "threads": 2,
        "rounds": 2,
        "python": "3",
        "numpy": "2",
        "limits": LIMITS,
        "flops": {"mlp": 10_000_000},
        "profiles": {"lenet": "lenet: mean of 30 steps"},
        "cases": {
            "mlp": {
                OURS: {**figures, "ms": 0.5, "times": [0.4, 0.6]},
                FAST: {**figures, "ms": 0.2, "times": [0.2, 0.2]},
                "pytorch": {**figures, "ms": 1.0, "times": [1.0, 1.0], "mib": 90.0},
                "pytorch fused": {**figures, "ms": 0.8, "times": [0.8, 0.8], "mib": 100.0, "losses": [1.0, 2.5]},
                "pytorch compile": {"error": "no compiler"},
                "jax": {**figures, "ms": 0.4, "times": [0.4, 0.4]},
            },
            "lenet": {
                OURS: {**figures, "ms": 1500.0, "times": [1500.0]},
                FAST: {**figures, "ms": 900.0, "times": [900.0], "mib": 30.0},
                "pytorch": {**figures, "ms": 1000.0, "times": [1000.0], "mib": 90.0},
            },
            "import": {
                OURS: {**figures, "ms": 120.0, "times": [120.0]},
                "pytorch": {**figures, "ms": 1200.0, "times": [1200.0]},
            },
        },
    }


def test_the_report_takes_the_best_of_pytorch(tmp_path: Path) -> None:
    found = _measured()
    text = report.case_lines("mlp", found)
    assert "tinygrad_fm / the best of PyTorch (pytorch fused): 0.62 (turns: 0.50 to 0.75)" in text
    assert "tinygrad_fm fast / the best of PyTorch (pytorch fused): 0.25 (turns: 0.25 to 0.25)" in text
    assert "5.0e-01 at most, more than 1e-04 (PyTorch's settings among themselves: 5.0e-01)" in text
    assert "tinygrad_fm fast: 50% of the sgemm peak" in text and "failed: no compiler" in text
    if report.draw(found, tmp_path / "a.png"):
        assert (tmp_path / "a.png").stat().st_size > 1000


def test_the_tables_say_what_was_measured() -> None:
    found = _measured()
    times, memory, missed, short = tables.times(found), tables.memory(found), tables.missed(found), tables.short(found)
    mlp = "| MLP 784-128-64-10, training step | 0.50 ms | 0.20 ms | 0.80 ms, fused | 0.40 ms "
    assert f"{mlp}| 0.62 (0.50–0.75) | 0.25 (0.25–0.25) | 0.8 | 50% |" in times
    assert "| MLP 784-128-64-10, training step | 50 MiB | 50 MiB | 90 MiB | 0.56 |" in memory  # of the setting that takes least
    assert "LeNet, training step: 0.90 (bar 0.75)" in missed and "memory, MLP 784-128-64-10" in missed
    assert "importing" not in missed and "MLP 784-128-64-10, training step: 0.25" not in missed
    assert "| LeNet, training step | 1.50 s | 900 ms | 1.00 s |  | 1.50 | 0.90 |" in short
    assert "importing" not in short and "importing" in times
    good = {**found, "cases": {"mlp": {**found["cases"]["mlp"], FAST: {**found["cases"]["mlp"][FAST], "mib": 9.0}}}}
    assert tables.missed(good) == "No bar is missed."


def test_the_tables_are_put_into_the_pages(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/performance.md", "docs/profiles.md"):
        shutil.copy(tables.ROOT / name, tmp_path / name)
    found, grown = _measured(), {"scaling": {"width": [{"value": 1024, "ms": {OURS: 4.0, FAST: 2.0, "pytorch fused": 1.0}}]}}
    for measured in (found, {**found, **grown}):
        tables.write(measured, tmp_path)
    pages = [(tmp_path / name).read_text(encoding="utf-8") for name in ("README.md", "docs/performance.md", "docs/profiles.md")]
    assert tables.short(found) in pages[0] and tables.times(found) in pages[1] and tables.missed(found) in pages[1]
    assert "| width 1,024 | 4.00 ms | 2.00 ms | 1.00 ms | 2.00 |" in pages[1] and "lenet: mean of 30 steps" in pages[2]
    tables.write(found, tmp_path)  # again: the same
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == pages[0]
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(ValueError, match=r"README.md has no part between <!-- benchmark --> and <!-- end of benchmark -->"):
        tables.write(found, tmp_path)


def test_the_chain_is_compared_with_what_records() -> None:
    measured = {"pytorch": {"ms": 1.0}, "pytorch compile": {"ms": 0.1}}
    assert report.best_rival("chain", measured) == "pytorch"
    assert report.best_rival("mlp", measured) == "pytorch compile"


def test_growth_is_the_exponent() -> None:
    rows = [{"value": n, "ms": {"a": 3.0 * n**2}} for n in (1, 2, 4, 8)]
    assert report.growth(rows, "a") == pytest.approx(2)


def test_the_command_writes_what_it_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("benchmarks.__main__.limits", lambda threads: LIMITS)
    short = ["--rounds", "1", "--seconds", "0", "--threads", "1", "--libraries", OURS, "--out", str(tmp_path)]
    assert main(["chain", "mlp-infer-1", "epoch", "import", "--set", '{"size": 128}', *short]) == 0
    found, printed = json.loads((tmp_path / "benchmark.json").read_text()), capsys.readouterr().out
    assert [list(measured) for measured in found["cases"].values()] == [[OURS]] * 4
    assert tables.times(found) in printed and "50 tiny operations" in printed and "importing the package" in printed
    monkeypatch.setattr("benchmarks.scaling.VALUES", {"batch": [2], "width": [4, 8], "depth": [1], "threads": [1]})
    assert main(["--scaling", *short]) == 0
    grown = json.loads((tmp_path / "scaling.json").read_text())
    assert [row["value"] for row in grown["scaling"]["width"]] == [4, 8] and "| depth 1 |" in tables.scaling(grown)
    with pytest.raises(SystemExit):
        main(["nonsense"])


def found_of_ranks() -> dict[str, Any]:
    """What a machine would measure whose steps take 1 ms and 0.1 ms an image, and messages 5 µs and 1 GB/s."""
    steps = {str(batch): 1 + 0.1 * batch for batch in ranks.BATCHES}
    model = {"alone": steps, "threads": {"64": 4.0}, "ranks": {"64": 3.7}, "bytes": 4000, "norms": [6, 16]}
    times = {str(size): 1e3 * (2 * 5e-6 + size / 1e9) for size in ranks.SIZES}
    about = {"date": "2026-01-01", "machine": "a processor"}
    return {
        **about,
        "processors": 2,
        "kernels": "numpy",
        "models": {"lenet": model},
        "exchanges": {"2": {"ms": times, "add": 8.0}, "4": {"ms": times}},
    }


def test_what_is_measured_of_processes_is_fitted_and_shown() -> None:
    found = found_of_ranks()
    cost, network = ranks.cost_of(found, "lenet"), ranks.shared_memory(found)
    assert cost.fixed == pytest.approx(1e-3) and cost.each == pytest.approx(1e-4) and cost.add == 8e9
    assert network.latency == pytest.approx(5e-6) and network.bandwidth == pytest.approx(1e9)
    page = ranks.with_tables(f"above\n{ranks.BEGIN}old\n{ranks.END}below", found)
    assert page.startswith("above\n") and page.endswith("below") and "old" not in page
    assert "| lenet | 7.40 ms | 4.00 ms | 3.70 ms | 1.85 | 2.00 |" in page and "latency 5.0 µs, 1.0 GB/s" in page
    assert ranks.with_tables(page, found) == page


def test_processes_pay_as_the_formulas_say() -> None:
    ideal = ranks.Network(0.0, 1e30)
    slow = ranks.Network(1.0, 1e30)
    cost = ranks.Cost(fixed=0.0, each=1e-3, bytes=1000, norms=[], add=1e30)
    assert ranks.pays_until(cost, 64, ideal) == (32, pytest.approx(32))  # two images to each at least
    assert ranks.pays_until(cost, 64, slow) == (1, 1)
    # by hand: a ring of 4 sends 6 messages of a quarter, doubling 2 of the whole
    network = ranks.Network(1e-6, 1e9)
    assert ranks.all_reduce(4e9, 4, network, 1e30) == pytest.approx(6 * (1e-6 + 1.0))
    assert ranks.all_reduce(4, 4, network, 1e30) == pytest.approx(2 * (1e-6 + 4e-9))
    half = cost._replace(fixed=64e-3)  # half of a step is not shared
    assert half.speedup(64, 64, ideal) == pytest.approx(128 / 65)
