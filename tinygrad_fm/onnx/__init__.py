"""Models as ONNX files and back, by the extra ``onnx``. https://pytorch.org/docs/stable/onnx.html"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..errors import OnnxExporterError

if TYPE_CHECKING:
    from .exporter import export
    from .importer import OnnxModel, load

__all__ = ["OnnxExporterError", "OnnxModel", "export", "load"]

_HOMES = {"export": "exporter", "OnnxModel": "importer", "load": "importer"}


def __getattr__(name: str) -> Any:
    """What is imported when it is first asked for, so that importing the framework does not wait for it."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
