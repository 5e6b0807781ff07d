"""``python -m tinygrad_fm``: what runs here, for a report of a fault."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from importlib import metadata

import numpy as np

from . import __version__, get_num_threads, runtime
from .training.console import run_command

# as in pyproject.toml, which a test compares it with: a checkout that was never installed has no metadata to ask
EXTRAS = {
    "train": ("tqdm", "matplotlib", "pillow"),
    "test": ("pytest", "hypothesis", "mpmath", "setuptools"),
    "fast": ("numba",),
    "onnx": ("onnx",),
    "track-tensorboard": ("tensorboardX",),
    "track-wandb": ("wandb",),
    "track-trackio": ("trackio",),
    "sweep": ("optuna", "tomli"),
    "app": ("streamlit",),
    "mpi": ("mpi4py", "mpich"),
    "notebooks": ("jupytext", "nbclient", "ipykernel"),
    "docs": ("sphinx", "furo", "myst-nb", "sphinx-copybutton"),
    "bench": ("jax", "dezero", "mygrad", "autograd"),
    "test-extras": ("onnxruntime", "playwright", "safetensors"),
    "dev": ("nox", "pre-commit", "ruff", "mypy"),
}


NOT_NEEDED = {"tomli"} if sys.version_info >= (3, 11) else set()  # which Python has itself


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def blas() -> str:
    """The library that NumPy was built to multiply matrices with."""
    found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[call-overload, unused-ignore]
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()


def extra_line(name: str, distributions: tuple[str, ...]) -> str:
    """What is there of an extra, and how to install the rest."""
    versions = {distribution: version_of(distribution) for distribution in distributions}
    there = ", ".join(f"{distribution} {version}" for distribution, version in versions.items() if version)
    missing = ", ".join(
        distribution for distribution, version in versions.items() if not version and distribution not in NOT_NEEDED
    )
    return f"  {name:<17} {there}" + (f"{'; ' if there else ''}not installed: {missing}" if missing else "")


def report() -> str:
    """Versions, threads, BLAS, Graphviz's program and the extras, a line each."""
    return "\n".join(
        [
            f"tinygrad_fm {__version__}",
            f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
            f"NumPy {np.__version__}, BLAS: {blas()}, threads: {get_num_threads()}",
            f"Kernels: {runtime.describe_kernels()}",
            f"Graphviz: {shutil.which('dot') or 'no dot program, graphs are saved as .gv instead of .svg, .png and .pdf'}",
            "Extras (python -m pip install 'tinygrad_fm[NAME]', in a checkout '.[NAME]'):",
            *(extra_line(name, distributions) for name, distributions in EXTRAS.items()),
        ]
    )


def main() -> int:
    """Print the report."""
    argparse.ArgumentParser(prog="python -m tinygrad_fm", description="Print versions, threads and extras.").parse_args()
    print(report())
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
