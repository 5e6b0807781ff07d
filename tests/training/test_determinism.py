"""Same seed, machine, number of threads and kernels: the same bits, in another process and after an interruption."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import models
from tests.platforms import needs_processes
from tinygrad_fm.training import RunFolder, load_checkpoint, load_model

from .conftest import ROOT, Script, environment
from .test_scripts import wait_for_steps
from .test_trainer import records, same

pytestmark = needs_processes

# what is random, weights made of images, and convolutions whose work two threads share
COMMAND = """
    --model fast --channels 16 24 --blocks 1 1 --data synthetic --train-size 500 --validation 100 --batch-size 64 --epochs 3
    --augment altflip shift erase --shift-padding reflect --bn-bias-lr 8 --ema 0.9 --tta --threads 2 --checkpoint-seconds 0
"""


def weights(run: Path) -> str:
    """The digest of what a run ends with, by its checkpoint."""
    model, _ = load_model(run / "checkpoints/last.npz", models.build)
    total = hashlib.sha256()
    for value in model.state_dict().values():
        total.update(value.numpy().tobytes())
    return total.hexdigest()


def told(run: Path) -> str:
    return str(json.loads((run / "summary.json").read_text())["weights_sha256"])


def test_two_processes_and_an_interrupted_one_end_with_the_same_bits(tmp_path: Path, script: Script) -> None:
    command = COMMAND.split()
    for name in ("one", "two"):
        done = script("train_cnn.py", *command, "--out", name)
        assert done.returncode == 0, done.stderr
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train_cnn.py"), *command, "--out", "broken"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        text=True,
    )
    wait_for_steps(process, tmp_path / "broken/metrics.jsonl", 9)  # in the second epoch, whose images are mirrored
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, "it was to be interrupted before its end"
    assert script("train_cnn.py", "--resume", "broken").returncode == 0
    one, two, broken = (tmp_path / name for name in ("one", "two", "broken"))
    assert weights(one) == weights(two) == weights(broken)
    assert told(one) == told(two) == told(broken)
    assert records(one) == records(two) == records(broken)
    for other in (two, broken):
        same(load_checkpoint(RunFolder(one).last), load_checkpoint(RunFolder(other).last))
