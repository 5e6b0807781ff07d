"""The scripts as a user runs them: real processes, real signals, exit codes, and what is in the folder afterwards."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import train_mlp
from tinygrad_fm import runtime
from tinygrad_fm.training import RunFolder, Trainer, load_checkpoint, main

from .conftest import ARGUMENTS, ROOT, Script, environment
from .test_trainer import records, same

# slow enough to be killed on the way, with everything in it that a resumed run has to restore
LONG = (
    *ARGUMENTS,
    "--steps",
    "60",
    "--augment",
    "flip",
    "shift",
    "erase",
    "--dropout",
    "0.3",
    "--batch-norm",
    "--ema",
    "0.95",
    "--schedule",
    "cosine",
    "--save-every",
    "25",
    "--checkpoint-seconds",
    "0",
)


def start(tmp_path: Path, *arguments: Any) -> subprocess.Popen[str]:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, which a new process takes over
    try:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "train_mlp.py"), *map(str, arguments)],
            cwd=tmp_path,
            env=environment(tmp_path),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    finally:
        signal.signal(signal.SIGHUP, before)


def wait_for_steps(process: subprocess.Popen[str], metrics: Path, lines: int) -> None:
    """Return when the run has recorded so many lines, or has ended."""
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        if metrics.exists() and metrics.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.002)


def lines_at(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(tmp_path: Path, script: Script) -> None:
    whole = script("train_mlp.py", *LONG, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    run, rng = tmp_path / "run", random.Random(4)
    arguments: tuple[Any, ...] = (*LONG, "--out", run)
    for _ in range(3):
        process = start(tmp_path, *arguments)
        wait_for_steps(process, run / "metrics.jsonl", lines_at(run) + rng.randrange(1, 15))
        time.sleep(rng.random() * 0.02)  # anywhere in a step or in the writing of a checkpoint
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "the run was to be killed before its end"
        arguments = ("--resume", run)
    last = script("train_mlp.py", "--resume", run)
    assert last.returncode == 0, last.stderr
    assert "Resumed after step" in last.stdout and "Warning" not in last.stdout
    names = [path.name for path in RunFolder(run).all_checkpoints()]
    assert names == ["step-25.npz", "step-50.npz", "best.npz", "last.npz"]
    for name in names:
        same(load_checkpoint(tmp_path / "whole/checkpoints" / name), load_checkpoint(run / "checkpoints" / name), name)
    assert records(run) == records(tmp_path / "whole")
    first, second = (json.loads((path / "summary.json").read_text()) for path in (run, tmp_path / "whole"))
    for summary in (first, second):
        del summary["seconds"], summary["cpu_seconds"], summary["seconds_per_epoch"]
    assert first == second
    again = script("train_mlp.py", "--resume", run)
    assert again.returncode == 0 and "is finished: test accuracy" in again.stdout


def test_a_run_leaves_everything_in_its_folder(tmp_path: Path, script: Script) -> None:
    done = script("train_mlp.py", *ARGUMENTS, "--epochs", "2", "--early-stopping", "5", "--tta")
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("mlp-2")
    assert sorted(path.name for path in run.iterdir()) == [
        "checkpoints",
        "config.json",
        "confusion.png",
        "curves.png",
        f"graph.{'svg' if shutil.which('dot') else 'gv'}",
        "metrics.jsonl",
        "samples.png",
        "summary.json",
    ]
    for name in ("confusion.png", "curves.png", "samples.png"):
        assert (run / name).read_bytes().startswith(b"\x89PNG")
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["epochs"] == 2 and config["settings"]["options"]["hidden"] == [16]
    assert config["dataset"]["digest"] and config["dataset"]["training"] == 320
    assert {"numpy", "python", "tinygrad_fm", "threads"} <= config["environment"].keys()
    summary = json.loads((run / "summary.json").read_text())
    assert summary["dataset"] == config["dataset"]["name"] == "SyntheticFashion, first 400 images"
    assert summary["parameters"] == config["model"]["parameters"] == 784 * 16 + 16 + 2 * 16 + 16 * 10 + 10
    plain = next(line for line in done.stdout.splitlines() if line.startswith("Test accuracy"))
    assert f"(without mirror images {summary['test_accuracy_without_tta']:.2%}, weights of the best epoch" in plain
    products = 784 * 16 + 16 * 10
    assert summary["multiply_adds"] == products and summary["flops"] == 6 * products * 32 * 20
    assert summary["cpu_seconds"] > 0
    assert summary["weights"] == "best" and 0 <= summary["test_accuracy"] <= 1 and summary["seconds"] > 0
    assert sum(map(sum, summary["confusion"])) == 400 and len(summary["per_class"]) == 10
    assert done.stdout.count("SyntheticFashion, first 400 images") == 2
    epochs = [line for line in done.stdout.splitlines() if line.startswith("epoch ")]
    assert [line.split("  loss")[0] for line in epochs] == ["epoch 1/2  step 16", "epoch 2/2  step 32"]
    assert "\r" not in done.stdout, "a log has no progress bar"


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_ctrl_c_saves_and_says_how_to_go_on(sign: signal.Signals, code: int, tmp_path: Path, script: Script) -> None:
    process = start(tmp_path, *ARGUMENTS, "--steps", "3000", "--out", "run")
    wait_for_steps(process, tmp_path / "run/metrics.jsonl", 22)  # one of them is of an epoch
    process.send_signal(sign)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code, output
    assert "python train_mlp.py --resume run" in output and "Traceback" not in output
    state = load_checkpoint(tmp_path / "run/checkpoints/last.npz")
    made = [record["step"] for record in records(tmp_path / "run") if record["kind"] == "step"]
    assert state["progress"]["step"] == made[-1] >= 20


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lr", "-1"], "argument --lr: must be positive, got -1"),
        (["--lr", "much"], "argument --lr: invalid float value: 'much'"),
        (["--epochs", "0"], "argument --epochs: must be a positive integer"),
        (["--epochs", "1", "--steps", "1"], "not allowed with argument"),
        (["--optimizer", "adagard"], "invalid choice: 'adagard'"),
        (["--hidden", "16", "0"], "every hidden layer needs at least one unit"),
        (["--dropout", "1.5"], "between 0 and 1"),
        (["--augment", "rotate"], "argument --augment: must be one of flip, altflip, shift, erase, got 'rotate'"),
        (["--validation", "390"], "argument --validation: must leave at least one batch"),
        (["--train-size", "70000"], "from 1 to 60,000"),
        (["--batch-size", "1", "--batch-norm"], "argument --batch-size: must be at least 2 for this model"),
        (["--clip-norm", "inf"], "argument --clip-norm: must be finite, got inf"),
        (["--checkpoint-seconds", "inf"], "argument --checkpoint-seconds: must be finite"),
        (["--hidden", "1000000000000"], "at most 200,000,000"),
        (["--threads", "100000"], "argument --threads: must be at most 1024"),
        (["--epochs", "1" + "0" * 400], "argument --epochs: must be at most 10\\^12"),
        (["--out", "full"], "full is not empty.*--resume full"),
        (["--out", "full/file"], "not a folder"),
        (["--out", "full/file/run"], "argument --out"),
        (["--resume", "full", "--lr", "1"], "leave out --lr"),
        (["--early-stoping", "3", "--colour"], "unrecognized arguments"),
    ],
)
def test_bad_arguments_are_named_and_nothing_is_written(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    base = [] if "--resume" in arguments else [a for a in ARGUMENTS if a != "--hidden" or "--hidden" not in arguments]
    if "--hidden" in arguments:
        base = list(ARGUMENTS[:-2])
    with pytest.raises(SystemExit) as stopped:
        main("train_mlp.py", "", train_mlp.DEFAULTS, train_mlp.build, train_mlp.model_options, [*base, *arguments])
    assert stopped.value.code == 2
    message = " ".join(capsys.readouterr().err.split())
    assert re.search(says, message), message
    written = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if "cache" not in path.parts]
    assert sorted(written) == ["full", "full/file"]


def test_a_run_that_is_killed_at_any_moment_can_be_begun_or_gone_on_with(tmp_path: Path, script: Script) -> None:
    """Killed from the very first file on; then the same command, or ``--resume``, makes the run that was never killed."""
    arguments = (*ARGUMENTS, "--steps", "30", "--checkpoint-seconds", "0", "--batch-norm", "--ema", "0.9")
    assert script("train_mlp.py", *arguments, "--out", "whole").returncode == 0
    rng = random.Random(2)
    for number, sign in enumerate(
        [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGKILL]
    ):
        run = tmp_path / f"run{number}"
        process = start(tmp_path, *arguments, "--out", run)
        while not run.exists() and process.poll() is None:
            time.sleep(0.0005)
        time.sleep(rng.random() * 0.15)
        process.send_signal(sign)
        process.communicate(timeout=60)
        again = script("train_mlp.py", "--resume", run)
        if again.returncode and "start it anew, with --out" in again.stderr:
            again = script("train_mlp.py", *arguments, "--out", run)
        assert again.returncode == 0, again.stderr
        assert records(run) == records(tmp_path / "whole")
        same(load_checkpoint(tmp_path / "whole/checkpoints/last.npz"), load_checkpoint(run / "checkpoints/last.npz"), str(sign))
        assert not list(run.rglob("*.tmp"))


def test_a_reader_that_goes_away_ends_the_run_quietly(tmp_path: Path, script: Script) -> None:
    process = start(tmp_path, *ARGUMENTS, "--steps", "600", "--out", "run")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    process.stdout.close()
    assert process.wait(60) == 141
    state = load_checkpoint(tmp_path / "run/checkpoints/last.npz")
    made = [record["step"] for record in records(tmp_path / "run")]
    assert state["progress"]["step"] == made[-1] < 600
    assert script("train_mlp.py", "--resume", "run").returncode == 0


def test_ctrl_c_while_importing_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    (tmp_path / "train_mlp.py").write_text((ROOT / "train_mlp.py").read_text())
    (tmp_path / "apps").mkdir()
    for name in ("__init__.py", "__main__.py", "evaluate.py"):
        (tmp_path / "apps" / name).write_text((ROOT / "apps" / name).read_text())
    for command in (["train_mlp.py"], ["-m", "apps", "evaluate", "x"]):
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**environment(tmp_path), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "") and process.returncode == 130


def test_a_loss_that_is_not_finite_ends_with_code_1(tmp_path: Path, script: Script) -> None:
    done = script(
        "train_mlp.py",
        *ARGUMENTS,
        "--no-batch-norm",
        "--optimizer",
        "sgd",
        "--lr",
        "1e30",
        "--schedule",
        "constant",
        "--epochs",
        "1",
        "--out",
        "run",
    )
    assert done.returncode == 1
    assert "at step" in done.stderr and "learning rate 1e+30" in done.stderr and "Traceback" not in done.stderr
    assert load_checkpoint(tmp_path / "run/checkpoints/last.npz")
    assert not (tmp_path / "run/summary.json").exists()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was stopped early."""
    folder = tmp_path_factory.mktemp("begun")
    process = start(folder, *ARGUMENTS, "--steps", "2000", "--out", "run")
    wait_for_steps(process, folder / "run/metrics.jsonl", 20)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    return folder / "run"


def _resumed(run: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.delenv("FASHION_MNIST_DIR", raising=False)
    return main("train_mlp.py", "", train_mlp.DEFAULTS, train_mlp.build, train_mlp.model_options, ["--resume", str(run)])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _first_line(path: Path) -> None:
    path.write_bytes(b"{broken\n" + path.read_bytes().split(b"\n", 1)[1])


def _digest(path: Path) -> None:
    content = json.loads(path.read_text())
    content["dataset"]["digest"] = "0" * 64
    path.write_text(json.dumps(content))


def _setting(path: Path) -> None:
    content = json.loads(path.read_text())
    content["settings"]["lr"] = -1
    path.write_text(json.dumps(content))


def _rate(path: Path) -> None:
    content = json.loads(path.read_text())
    content["settings"].update(lr=0.5, batch_size=10)
    content["settings"]["options"]["hidden"] = [15]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        ("checkpoints/last.npz", _cut, "last.npz is damaged"),
        ("checkpoints/last.npz", lambda path: path.rename(path.with_name("best.npz")), "last.npz is not there.*best.npz"),
        ("config.json", _cut, "config.json is damaged"),
        ("config.json", Path.unlink, "has no config.json"),
        ("config.json", lambda path: path.write_text("{}"), "lacks dataset"),
        ("config.json", _digest, "trained on SyntheticFashion, first 400 images .*another"),
        ("config.json", _setting, "config.json: the saved settings cannot be used: lr must be positive"),
        (
            "config.json",
            _rate,
            r"options is .*15.*batch_size is 10 in config.json and 20 in the checkpoint; lr is 0.5 in .*0.003",
        ),
        ("metrics.jsonl", _first_line, "metrics.jsonl, line 1 is damaged"),
    ],
)
def test_damage_to_a_run_is_named(
    file: str, damage: Any, says: str, begun: Path, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(begun, tmp_path / "run"))
    damage(run / file)
    assert _resumed(run, monkeypatch) == 1
    assert re.search(says, " ".join(capsys.readouterr().err.split()))


def test_metrics_that_lost_half_a_line_are_mended(tmp_path: Path, script: Script) -> None:
    process = start(tmp_path, *ARGUMENTS, "--steps", "200", "--out", "run")
    wait_for_steps(process, tmp_path / "run/metrics.jsonl", 20)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    metrics = tmp_path / "run/metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes()[:-40])
    found = [record["step"] for record in records(tmp_path / "run")]
    again = script("train_mlp.py", "--resume", "run")
    assert again.returncode == 0, again.stderr
    assert "has lost its end; the curves will have a gap" in again.stdout
    steps = [record["step"] for record in records(tmp_path / "run") if record["kind"] == "step"]
    assert steps[len(set(found)) :] == list(range(len(set(found)) + 2, 201)), "one step is lost, the others are there"
    assert (tmp_path / "run/summary.json").exists()


def test_resuming_what_is_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], begun: Path
) -> None:
    checkpoint = begun / "checkpoints/last.npz"
    for path, says in ((tmp_path / "nowhere", "is no folder"), (checkpoint, f"give the run's folder, {begun}")):
        assert _resumed(path, monkeypatch) == 1
        assert says in " ".join(capsys.readouterr().err.split())


def test_other_versions_are_warned_of(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(begun, tmp_path / "run"))
    monkeypatch.setattr(runtime, "get_num_threads", lambda: 77)
    monkeypatch.setattr(Trainer, "fit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert _resumed(run, monkeypatch) == 130
    output = capsys.readouterr().out
    assert "Warning: since the checkpoint this has changed" in output and "-> 77" in output


def test_without_matplotlib_a_run_ends_well(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not installed')")
    (tmp_path / "tqdm.py").write_text("raise ImportError('not installed')")
    done = subprocess.run(
        [sys.executable, str(ROOT / "train_mlp.py"), *ARGUMENTS, "--epochs", "1", "--out", "run"],
        cwd=tmp_path,
        check=False,
        env={**environment(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'tinygrad_fm[train]'" in done.stdout and "Test accuracy" in done.stdout
    assert (tmp_path / "run/summary.json").exists()
