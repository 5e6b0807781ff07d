#!/usr/bin/env python
"""Trains a multi-layer perceptron on Fashion-MNIST. ``python train_mlp.py --help`` lists what can be set."""

import argparse
import os
import signal
import sys
from typing import Any

if __name__ == "__main__":  # while modules are imported Python may print an interrupt and go on: Ctrl-C ends at once
    interrupt = signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from models import build
from models.mlp import ACTIVATIONS
from tinygrad_fm.training import Config, main

DEFAULTS = Config(
    model="mlp", epochs=30, options={"hidden": [128, 64], "activation": "relu", "dropout": 0.1, "batch_norm": True}
)


def model_options(group: Any) -> None:
    """The command-line options of the model."""
    default = DEFAULTS.options
    group.add_argument(
        "--hidden",
        type=int,
        nargs="*",
        metavar="UNITS",
        help="units of each hidden layer, none for a linear model (default: 128 64)",
    )
    group.add_argument("--activation", choices=list(ACTIVATIONS), help="after each hidden layer (default: relu)")
    group.add_argument(
        "--dropout", type=float, metavar="P", help=f"probability of dropping a hidden unit (default: {default['dropout']})"
    )
    group.add_argument(
        "--batch-norm",
        action=argparse.BooleanOptionalAction,
        help=f"normalise before each activation (default: {default['batch_norm']})",
    )


if __name__ == "__main__":
    signal.signal(signal.SIGINT, interrupt)
    sys.exit(main("train_mlp.py", "Train a multi-layer perceptron on Fashion-MNIST.", DEFAULTS, build, model_options))
