"""Write a run's model as a file for other programs: PyTorch's weights, safetensors, NumPy's arrays, or an ONNX model."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import tinygrad_fm as torch
from tinygrad_fm import nn, safetensors
from tinygrad_fm.atomic_files import write_atomically
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.formats import npz, pytorch_writer
from tinygrad_fm.training import load_model
from tinygrad_fm.training.checkpoint_scores import checkpoint_of
from tinygrad_fm.training.from_config import MEAN, STD

from . import Failures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("run", metavar="RUN", help="folder of a run, or one of its checkpoints")
    parser.add_argument("--to", required=True, choices=sorted(_WRITERS), help="the format")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the run's name, with the format as ending")


def run(args: argparse.Namespace) -> int:
    """Write the file, and say what its numbers mean."""
    failures = Failures("export")
    try:
        checkpoint = checkpoint_of(args.run)
        model, content = load_model(checkpoint, models.build)
    except (CheckpointError, OSError) as error:
        failures.add(error)
        return failures.code
    path = args.out or Path(f"{_name_of(Path(args.run))}.{args.to}")
    _WRITERS[args.to](model, content, path)
    count = sum(parameter.numel() for parameter in model.parameters())
    print(f"wrote {path}: {content['model']['name']}, {count:,} parameters of {checkpoint}")
    print(f"images (N, 1, 28, 28) of (pixel / 255 - {MEAN}) / {STD}; logits (N, {len(content['dataset']['classes'])})")
    return failures.code


def _name_of(run: Path) -> str:
    return run.stem if run.is_file() else run.resolve().name


def _pt(model: nn.Module, content: Any, path: Path) -> None:
    write_atomically(path, lambda file: pytorch_writer.write(model.state_dict(), file))


def _npz(model: nn.Module, content: Any, path: Path) -> None:
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    write_atomically(path, lambda file: npz.write_archive(arrays, file))


def _safetensors(model: nn.Module, content: Any, path: Path) -> None:
    notes = {"model": content["model"], "dataset": content["dataset"]["name"], "classes": content["dataset"]["classes"]}
    safetensors.save_model(model, path, {"format": "pt", **{key: json.dumps(value) for key, value in notes.items()}})


def _onnx(model: nn.Module, content: Any, path: Path) -> None:
    torch.onnx.export(
        model,
        torch.zeros(1, 1, 28, 28),
        path,
        input_names=["images"],
        output_names=["logits"],
        dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
    )


_WRITERS: dict[str, Callable[[nn.Module, Any, Path], None]] = {
    "npz": _npz,
    "onnx": _onnx,
    "pt": _pt,
    "safetensors": _safetensors,
}
