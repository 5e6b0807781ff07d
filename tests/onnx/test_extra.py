"""Without the package ``onnx``: importing needs it as little as anything else, and using it says what to install."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest

import tinygrad_fm as torch
from tinygrad_fm import nn
from tinygrad_fm.errors import MissingExtraError


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r'python -m pip install "tinygrad_fm\[onnx\]"'):
        torch.onnx.export(nn.Linear(2, 1), torch.ones(1, 2), io.BytesIO())


def test_it_is_imported_when_it_is_used() -> None:
    code = "import sys, tinygrad_fm; print('onnx' in sys.modules or 'tinygrad_fm.onnx.exporter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("model", [print, "model.pt", None])
def test_only_modules_are_exported(model: Any) -> None:
    with pytest.raises(TypeError, match=r"must be an nn\.Module"):
        torch.onnx.export(model, torch.ones(1), io.BytesIO())
