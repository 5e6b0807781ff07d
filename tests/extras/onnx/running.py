"""Exporting a model, and running the file by onnxruntime beside the model."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import onnxruntime

import tinygrad_fm as torch
from tinygrad_fm import nn

LARGE_BATCHES = {
    "halves_of_a_batch",
    "slices",
    "rows_by_input",
    "index_by_input",
}  # which read rows that a batch of one does not have


def exported(model: nn.Module, inputs: tuple[Any, ...], **options: Any) -> bytes:
    """The file, whose inputs are x0, x1, … with a batch of any size."""
    names = [f"x{i}" for i in range(len(inputs))]
    options.setdefault("dynamic_axes", {name: {0: "batch"} for name in names})
    file = io.BytesIO()
    torch.onnx.export(model, inputs, file, input_names=names, **options)
    return file.getvalue()


def run(data: bytes, inputs: tuple[Any, ...]) -> list[np.ndarray[Any, Any]]:
    """What onnxruntime computes."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    found: list[np.ndarray[Any, Any]] = session.run(None, {f"x{i}": x.numpy() for i, x in enumerate(inputs)})
    return found


def in_batches_of(n: int, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Inputs of the same kind with ``n`` rows: the given elements, drawn anew."""
    rng = np.random.default_rng(n)
    return tuple(torch.from_numpy(rng.choice(x.numpy().reshape(-1), (n, *x.shape[1:]))) if x.ndim else x for x in inputs)


def results_of(model: nn.Module, inputs: tuple[Any, ...]) -> list[np.ndarray[Any, Any]]:
    """What the model computes in evaluation."""
    training = model.training
    with torch.no_grad():
        found = model.eval()(*(x.clone() for x in inputs))
    model.train(training)
    parts = found if isinstance(found, tuple) else (found,)
    return [part.numpy() for part in parts if part is not None]


def assert_same(found: list[Any], expected: list[Any], atol: float = 1e-5) -> None:
    """Equal shapes and dtypes, and values to 1e-5."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=atol)
