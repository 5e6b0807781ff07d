"""``python -m apps export RUN --to onnx``: onnxruntime gives the run's test accuracy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import models
from apps.__main__ import main as apps
from tests.apps.conftest import SETTINGS
from tinygrad_fm.training import Config, RunFolder, main
from tinygrad_fm.training.checkpoint_scores import images_of


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_onnxruntime_gives_the_test_accuracy(name: str, tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "model.onnx"
    config = Config(model=name, options={"hidden": [32]} if name == "mlp" else {}, epochs=1, **SETTINGS)
    assert main(f"train_{name}.py", "", config, models.build, lambda group: None, ["--out", str(run)]) == 0
    assert apps(["export", str(run), "--to", "onnx", "--out", str(file)]) == 0
    folder = RunFolder(run)
    data, summary = images_of(folder), folder.read_summary()
    assert summary is not None
    images = np.stack([np.asarray(data[i][0]) for i in range(len(data))])
    labels = np.array([int(data[i][1]) for i in range(len(data))])
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": images})
    assert np.mean(logits.argmax(1) == labels) == pytest.approx(summary["test_accuracy"], abs=0.5 / len(labels))
    (one,) = session.run(["logits"], {"images": images[:1]})
    np.testing.assert_allclose(one, logits[:1], atol=1e-5)
