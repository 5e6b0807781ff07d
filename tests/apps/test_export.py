"""export: a run's weights as files of other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import models
import tinygrad_fm as torch
from tests.apps.conftest import Command
from tinygrad_fm import training
from tinygrad_fm.safetensors import safe_open
from tinygrad_fm.training.checkpoint_scores import checkpoint_of


@pytest.mark.parametrize("to", ["pt", "safetensors", "npz"])
def test_the_weights_come_out_as_they_are(to: str, trained: Path, command: Command, tmp_path: Path) -> None:
    code, out, err = command("export", trained / "mlp", "--to", to)
    assert code == 0 and not err
    assert out.startswith(f"wrote mlp.{to}: mlp, ") and "(pixel / 255 - 0.286) / 0.353; logits (N, 10)" in out
    path = tmp_path / f"mlp.{to}"
    model, _ = training.load_model(checkpoint_of(trained / "mlp"), models.build)
    saved = dict(np.load(path)) if to == "npz" else torch.load(path)
    assert list(saved) == list(model.state_dict()) or to == "safetensors"
    other = models.build("mlp", hidden=[32], batch_norm=True)
    other.load_state_dict(saved)
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


def test_names_of_files(trained: Path, command: Command, tmp_path: Path) -> None:
    checkpoint = trained / "lenet" / "checkpoints" / "step-10.npz"
    assert command("export", checkpoint, "--to", "safetensors", "--out", "there/weights.bin")[0] == 0
    with safe_open(tmp_path / "there" / "weights.bin") as file:
        notes = file.metadata()
    assert notes is not None and notes["format"] == "pt"
    assert json.loads(notes["model"])["name"] == "lenet" and len(json.loads(notes["classes"])) == 10
    assert command("export", checkpoint, "--to", "pt")[1].startswith("wrote step-10.pt: lenet, 61,750 parameters of ")


def test_what_cannot_be_exported(trained: Path, command: Command, tmp_path: Path) -> None:
    code, _, err = command("export", tmp_path / "none", "--to", "pt")
    assert code == 1 and err.startswith("python -m apps export: ") and err.count("\n") == 1
    (tmp_path / "none.npz").write_bytes(b"PK\3\4")
    assert command("export", tmp_path / "none.npz", "--to", "pt")[0] == 1
    assert command("export", trained / "mlp", "--to", "tf")[0] == 2
    assert command("export", trained / "mlp")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["none.npz"]


def test_onnx_needs_its_package(trained: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, _, err = command("export", trained / "mlp", "--to", "onnx")
    assert code == 2 and "onnx" in err and not list(tmp_path.iterdir())
