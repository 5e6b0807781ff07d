"""The package ``onnx``, imported when it is first needed."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import MissingExtraError


def onnx() -> Any:
    """The package ``onnx``. Raises MissingExtraError, an ImportError, where it is not installed."""
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise MissingExtraError(
            'ONNX files need the Python package onnx: python -m pip install "tinygrad_fm[onnx]" (in a checkout ".[onnx]")'
        ) from error
