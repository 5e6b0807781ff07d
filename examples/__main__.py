"""Runs a program written for PyTorch here, by changing its import lines: ``python -m examples vae``."""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
import types
from pathlib import Path
from typing import Any

from tinygrad_fm.training.console import run_command

FOLDER = Path(__file__).parent
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if "\ndef train(" in path.read_text(encoding="utf-8"))


def with_our_imports(source: str) -> str:
    """``source`` with ``import torch…`` and ``from torch… import`` changed to our names, and nothing else."""
    source = re.sub(r"^import torch$", "import tinygrad_fm as torch", source, flags=re.M)
    source = re.sub(r"^import torch\.([\w.]+) as (\w+)$", r"import tinygrad_fm.\1 as \2", source, flags=re.M)
    return re.sub(r"^from torch(\.[\w.]+)? import", r"from tinygrad_fm\1 import", source, flags=re.M)


def load(name: str, ours: bool) -> Any:
    """The program ``name`` as a module, with our imports or as it stands.

    It has ``build()``, the models by name, and ``train(models, steps)``, which yields a loss for each step.
    """
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(compile(with_our_imports(source) if ours else source, f"{name}.py", "exec"), module.__dict__)
    finally:
        del sys.modules[name]
    return module


def main() -> int:
    """Train the program that the command line names, and print every tenth loss."""
    parser = argparse.ArgumentParser(prog="python -m examples", description="Train a program that was written for PyTorch.")
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("--steps", type=int, default=100, metavar="N", help="steps of training (default: 100)")
    parser.add_argument("--pytorch", action="store_true", help="run it as it stands, with PyTorch")
    arguments = parser.parse_args()
    if arguments.steps < 1:
        parser.error(f"argument --steps: must be 1 or more, got {arguments.steps}")
    if arguments.pytorch and importlib.util.find_spec("torch") is None:
        parser.error("argument --pytorch: PyTorch is not installed")
    program = load(arguments.program, ours=not arguments.pytorch)
    for step, loss in enumerate(program.train(program.build(), arguments.steps), 1):
        if step % 10 == 0 or step == arguments.steps:
            print(f"step {step:4}  loss {loss:.4f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
