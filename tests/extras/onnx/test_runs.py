"""A training run as an ONNX file: onnxruntime gives its test accuracy. And the page about ONNX."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime

import models
import tinygrad_fm as torch
from tests import test_docs
from tests.test_docs import workplace  # noqa: F401
from tests.training.conftest import ARGUMENTS, ROOT, environment
from tinygrad_fm.training import RunFolder, load_model
from tinygrad_fm.training.checkpoint_scores import checkpoint_of, images_of
from tinygrad_fm.training.from_config import MEAN, STD


def test_onnxruntime_gives_a_runs_test_accuracy(tmp_path: Path) -> None:
    options = [*ARGUMENTS[:-2], "--model", "cnn", "--steps", "60", "--threads", "1", "--out", "run"]
    command = [sys.executable, str(ROOT / "train_cnn.py"), *options]
    subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), check=True, capture_output=True)
    run = RunFolder(tmp_path / "run")
    model, _ = load_model(checkpoint_of(run.path), models.build)
    file = io.BytesIO()
    torch.onnx.export(model, torch.zeros(1, 1, 28, 28), file, input_names=["x"], dynamic_axes={"x": {0: "batch"}})
    data = images_of(run, None)
    images = ((np.asarray(data.images, np.float32) / 255 - MEAN) / STD).reshape(-1, 1, 28, 28)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"x": images.astype(np.float32)})
    accuracy = (logits.argmax(1) == np.asarray(data.labels)).mean()
    expected = json.loads((run.path / "summary.json").read_text(encoding="utf-8"))["test_accuracy"]
    assert abs(accuracy - expected) <= 1 / len(images) and accuracy > 0.3  # one image may lie on the border


def test_the_page_about_onnx(workplace: Path) -> None:  # noqa: F811
    test_docs.test_the_code_of_a_page_runs(test_docs.ROOT / "docs" / "onnx.md", workplace)
