"""``mpiexec -n N python train_cnn.py …``: the number of processes changes rounding alone, and nothing that a run is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_fm import serialization

from .conftest import ROOT, Launch, command, environment

DATA = ("--data", "synthetic", "--train-size", "300", "--validation", "60", "--batch-size", "24", "--seed", "3")
# not Adam, which makes steps of full size of gradients that are rounding alone, as those of a bias before batch norm
AUGMENTED = ("--augment", "flip", "shift", "erase", "--optimizer", "momentum", "--lr", "0.02", "--schedule", "constant")
MLP = (ROOT / "train_mlp.py", *DATA, *AUGMENTED, "--hidden", "24", "--dropout", "0.3", "--epochs", "2")
CNN = (ROOT / "train_cnn.py", *DATA, *AUGMENTED, "--channels", "4", "6", "--dense", "16", "--dropout", "0.3", "--epochs", "2")


def records(run: Path, kind: str = "step") -> list[dict[str, Any]]:
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def weights(run: Path) -> dict[str, np.ndarray]:
    content = serialization.load(run / "checkpoints" / "last.npz")
    return {name: value.numpy() for name, value in content["weights"].items()}


def check_same(runs: list[Path], rtol: float) -> None:
    """Losses, accuracies and weights agree to rounding."""
    first, *others = runs
    for other in others:
        assert [r["step"] for r in records(other)] == [r["step"] for r in records(first)]
        for kind, name in (("step", "loss"), ("epoch", "val_loss"), ("epoch", "train_loss")):
            found, wanted = ([r[name] for r in records(run, kind)] for run in (other, first))
            np.testing.assert_allclose(found, wanted, rtol=rtol)
        for name, value in weights(first).items():
            np.testing.assert_allclose(weights(other)[name], value, rtol=0, atol=100 * rtol, err_msg=name)


def run_of(count: int, script: tuple[Any, ...], launch: Launch, folder: Path) -> Path:
    """A whole run in so many processes, without mpiexec for 0; rank 0 alone speaks."""
    run = folder / f"of-{count}"
    done = launch(count, *script, "--out", run, *(() if count else ("--threads", "1")))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert done.stdout.count("epoch 2/2") == 1 and done.stdout.count("All of it is in") == 1
    environment = json.loads((run / "config.json").read_text(encoding="utf-8"))["environment"]
    assert (environment["processes"], environment["threads"]) == (count or 1, 1)
    return run


@pytest.fixture(scope="module")
def cnn_runs(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The run of ``CNN`` in 1, 2 and 4 processes."""
    folder = tmp_path_factory.mktemp("runs")
    return {count: run_of(count, CNN, launch, folder) for count in (0, 2, 4)}


def test_one_two_and_four_processes_make_the_same_losses(cnn_runs: dict[int, Path]) -> None:
    """With convolutions, batch norm, dropout and augmentation."""
    check_same(list(cnn_runs.values()), rtol=1e-4)


def test_batches_that_cannot_be_shared_evenly_count_by_their_images(launch: Launch, tmp_path: Path) -> None:
    check_same([run_of(count, MLP, launch, tmp_path) for count in (0, 5)], rtol=1e-4)


def test_frozen_filters_and_flips_by_epoch_are_shared(launch: Launch, tmp_path: Path) -> None:
    fast = (ROOT / "train_cnn.py", *DATA, *AUGMENTED, "--augment", "altflip", "shift", "--shift-padding", "reflect")
    fast = (*fast, "--bn-bias-lr", "4", "--model", "fast", "--channels", "4", "6", "--blocks", "1", "1", "--epochs", "2")
    one, two = (run_of(count, fast, launch, tmp_path) for count in (0, 2))
    check_same([one, two], rtol=1e-4)
    np.testing.assert_array_equal(weights(one)["whiten.weight"], weights(two)["whiten.weight"])
    spent = [r["cpu_seconds"] for r in records(two, "epoch")]
    assert 0 < spent[0] < spent[1] <= json.loads((two / "summary.json").read_text(encoding="utf-8"))["cpu_seconds"]


def test_the_same_number_makes_the_same_bits_also_when_stopped_and_resumed(
    launch: Launch, cnn_runs: dict[int, Path], tmp_path: Path
) -> None:
    whole, stopped = cnn_runs[2], tmp_path / "stopped"
    stop_after(7, 2, stopped, signal.SIGINT)
    done = launch(2, ROOT / "train_cnn.py", "--resume", stopped)
    assert done.returncode == 0 and "Warning" not in done.stdout, done.stdout + done.stderr
    for kind, name in (("step", "loss"), ("step", "accuracy"), ("epoch", "val_loss")):
        assert [r[name] for r in records(stopped, kind)] == [r[name] for r in records(whole, kind)]
    for name, value in weights(whole).items():
        np.testing.assert_array_equal(weights(stopped)[name], value)


def test_stopped_on_four_it_goes_on_on_two_and_on_one(launch: Launch, cnn_runs: dict[int, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    said = stop_after(4, 4, run, signal.SIGTERM)
    assert "Go on with: mpiexec -n 4 python train_cnn.py --resume" in said
    said = stop_after(12, 2, run, signal.SIGINT, resume=True)
    assert "this has changed: processes 4 -> 2" in said
    done = launch(0, ROOT / "train_cnn.py", "--resume", run)
    assert done.returncode == 0 and "processes 2 -> 1" in done.stdout
    check_same([cnn_runs[0], run], rtol=1e-4)


def test_a_killed_process_ends_the_run_which_can_be_resumed(launch: Launch, tmp_path: Path) -> None:
    run = tmp_path / "run"
    stop_after(5, 2, run, signal.SIGKILL, rank=1)
    done = launch(2, ROOT / "train_cnn.py", "--resume", run)
    assert done.returncode == 0 and "Resumed after step" in done.stdout
    assert [r["step"] for r in records(run)] == list(range(1, 21))


def stop_after(step: int, ranks: int, run: Path, sign: signal.Signals, rank: int | None = None, resume: bool = False) -> str:
    """Send ``sign`` to mpiexec, or to one rank, once so many steps are in metrics.jsonl; returns what was said.

    The program itself says when it has come so far, so that no clock decides: it waits there until the signal has come.
    """
    arguments = (ROOT / "train_cnn.py", "--resume", run) if resume else (*CNN, "--out", run, "--checkpoint-seconds", "0")
    script = f"""
import os, sys, runpy, time
from tinygrad_fm.training import Trainer
step = Trainer._train_step
def stepped(self, batches):
    step(self, batches)
    if self.progress.step == {step}:
        print(f"at {{os.getpid()}} {{self.ranks.rank}}", file=sys.stderr, flush=True)
        while self._stop.signal is None:
            time.sleep(0.01)
Trainer._train_step = stepped
sys.argv = {[str(a) for a in arguments]!r}
sys.path.insert(0, {str(ROOT)!r})
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    with subprocess.Popen(
        command(ranks, "-c", script),
        cwd=run.parent,
        env=environment(run.parent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said: list[str] = []
        assert process.stdout is not None and process.stderr is not None
        reader = threading.Thread(target=said.extend, args=(process.stdout,))
        reader.start()
        here: dict[int, int] = {}
        for line in process.stderr:
            said.append(line)
            if line.startswith("at "):
                here[int(line.split()[2])] = int(line.split()[1])
            if len(here) == ranks:
                break
        else:
            raise AssertionError("".join(said))
        os.kill(process.pid if rank is None else here[rank], sign)
        said.append(process.stderr.read())
        code = process.wait(60)
        reader.join()
    assert code == (9 if sign is signal.SIGKILL else 128 + sign), "".join(said)
    return "".join(said)


def test_wrong_arguments_are_said_once_and_end_all(launch: Launch) -> None:
    done = launch(
        3, ROOT / "train_mlp.py", "--batch-size", "5", "--data", "synthetic", "--train-size", "100", "--validation", "9"
    )
    assert done.returncode == 2 and done.stderr.count("error:") == 1
    assert "argument --batch-size: must be at least 6 for 3 processes, 2 images to each, got 5" in done.stderr
    done = launch(2, ROOT / "train_mlp.py", "--help")
    assert done.returncode == 0 and done.stdout.count("usage:") == 1


def test_a_loss_that_is_not_finite_is_said_once_and_ends_all(launch: Launch, tmp_path: Path) -> None:
    done = launch(2, *MLP, "--optimizer", "sgd", "--lr", "1e30", "--out", "run")
    assert done.returncode == 1 and done.stderr.count("error:") == 1 and "the loss became" in done.stderr


def test_without_mpi4py_the_extra_is_named(launch: Launch, tmp_path: Path) -> None:
    """Also where mpiexec is another MPI's: Open MPI's name for the rank."""
    (tmp_path / "mpi4py.py").write_text("raise ImportError('not installed')\n")
    program = f"import os, sys, runpy\nsys.path.insert(0, {str(tmp_path)!r})\nos.environ.update(OMPI_COMM_WORLD_RANK='1', "
    program += f"OMPI_COMM_WORLD_SIZE='2')\nsys.argv = ['train_mlp.py']\nsys.path.insert(1, {str(ROOT)!r})\n"
    program += f"runpy.run_path({str(ROOT / 'train_mlp.py')!r}, run_name='__main__')"
    done = launch(0, "-c", program)
    assert done.returncode == 1 and 'python -m pip install "tinygrad_fm[mpi]"' in done.stderr
