"""Train a multi-layer perceptron and a convolutional network on the same images, and compare them.

Both are runs as train_mlp.py and train_cnn.py make them, in the folders mlp and cnn; the same command given again goes on
where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import build
from tinygrad_fm.data import CHOICES
from tinygrad_fm.text_table import text_table
from tinygrad_fm.training import Config, RunFolder, main
from tinygrad_fm.viz import plots

MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"model": "mlp", "options": {"hidden": [1024, 384], "activation": "relu", "dropout": 0.2, "batch_norm": True}},
    "cnn": {"model": "cnn"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--epochs", type=int, default=3, metavar="N", help="how long to train each (default: 3)")
    parser.add_argument("--data", choices=CHOICES, default="auto", help="default: auto")
    parser.add_argument("--train-size", type=int, metavar="N", help="use only the first N images of the training and test set")
    parser.add_argument("--validation", type=int, default=5000, metavar="N", help="images held out (default: 5000)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides all that is random (default: 0)")
    parser.add_argument("--out", type=Path, default=Path("runs/compare"), metavar="FOLDER", help="default: runs/compare")


def run(args: argparse.Namespace) -> int:
    """Train both, print the table, and write it and the pictures."""
    shared = {name: getattr(args, name) for name in ("epochs", "data", "train_size", "validation", "seed")}
    configs = {name: Config(**settings, **shared) for name, settings in MODELS.items()}
    folders = {name: RunFolder(args.out / name) for name in configs}
    for name, config in configs.items():
        argv = ["--out", str(folders[name].path)]
        if (folders[name].path / "config.json").exists():
            _check_same(folders[name], {**MODELS[name], **shared})
            argv = ["--resume", str(folders[name].path)]
        print(f"== {name} ==", flush=True)
        code = main(f"train_{name}.py", "", config, build, lambda group: None, argv)
        if code:
            return code
    results: dict[str, Any] = {name: folder.read_summary() for name, folder in folders.items()}
    print("\n" + table(results))
    whole = RunFolder(args.out)
    whole.write_json("comparison.json", results)
    title = f"{results['mlp']['dataset']}, {args.epochs} epoch{'s' * (args.epochs > 1)}: " + ", ".join(
        f"{name} {found['test_accuracy']:.2%}" for name, found in results.items()
    )
    plots.class_bars(
        {name: _recalls(found) for name, found in results.items()},
        list(results["mlp"]["per_class"]),
        args.out / "comparison.png",
        title,
    )
    records = {name: list(folder.read_metrics()) for name, folder in folders.items()}
    plots.compare_curves(records, args.out / "curves.png", title)
    print(f"\nWritten to {args.out}: comparison.png, curves.png, comparison.json")
    return 0


def table(results: dict[str, dict[str, Any]]) -> str:
    """The summaries of several runs side by side."""
    each = results.values()

    def row(name: str, texts: Sequence[str]) -> tuple[str, ...]:
        return (name, *texts)

    rows = [
        row("", list(results)),
        row("parameters", [f"{r['parameters']:,}" for r in each]),
        row("test accuracy", [f"{r['test_accuracy']:.2%}" for r in each]),
        row("test loss", [f"{r['test_loss']:.4f}" for r in each]),
        row("seconds per epoch", [f"{r['seconds_per_epoch']:.1f}" for r in each]),
    ]
    classes = next(iter(each))["per_class"]
    rows += [row(f"  {name}", [f"{r['per_class'][name]['recall']:.1%}" for r in each]) for name in classes]
    return text_table(rows)


def _recalls(result: dict[str, Any]) -> list[float]:
    """The accuracy within each class."""
    return [scores["recall"] for scores in result["per_class"].values()]


def _check_same(folder: RunFolder, wanted: dict[str, Any]) -> None:
    """Raise ValueError if the run in the folder was made with other settings."""
    found = folder.read_config()["settings"]
    other = [f"{name} {found.get(name)}, not {value}" for name, value in wanted.items() if found.get(name) != value]
    if other:
        raise ValueError(f"{folder.path} holds a run with other settings ({'; '.join(other)}): choose another --out")
