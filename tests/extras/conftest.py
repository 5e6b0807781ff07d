"""Tests of what optional packages are needed for: a folder for each extra, left out where its packages are not installed.

The session ``extras`` of noxfile.py installs them all; it imports each of them first, so that none is left out there.
"""

from __future__ import annotations

import importlib.util

NEEDS = {
    "fast": ("numba",),
    "onnx": ("onnx", "onnxruntime"),
    "safetensors": ("safetensors",),
    "track": ("tensorboardX", "wandb", "trackio"),
    "sweep": ("optuna",),
    "mpi": ("mpi4py",),
    "app": ("streamlit", "playwright"),
    "notebooks": ("jupytext", "nbclient", "ipykernel"),
}

collect_ignore = [folder for folder, modules in NEEDS.items() if not all(map(importlib.util.find_spec, modules))]
