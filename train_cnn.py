#!/usr/bin/env python
"""Trains a convolutional network on Fashion-MNIST. ``python train_cnn.py --help`` lists what can be set."""

import os
import signal
import sys
from typing import Any

if __name__ == "__main__":  # while modules are imported Python may print an interrupt and go on: Ctrl-C ends at once
    interrupt = signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from models import build
from tinygrad_fm.training import Config, main

DEFAULTS = Config(model="cnn", epochs=8, lr=0.01, label_smoothing=0.05)


def model_options(group: Any) -> None:
    """The command-line options of the models; each model takes those that are its own."""
    group.add_argument(
        "--model", metavar="NAME", help="lenet, cnn, fast, resnet or vgg; resnet20 and vgg6 give the depth (default: cnn)"
    )
    group.add_argument("--depth", type=int, metavar="N", help="resnet: 6n + 2 layers; vgg: convolutions")
    group.add_argument("--width", type=int, metavar="N", help="resnet and vgg: channels of the first stage")
    group.add_argument("--channels", type=int, nargs="+", metavar="N", help="cnn: of both convolutions; fast: of each stage")
    group.add_argument("--blocks", type=int, nargs="+", metavar="N", help="fast: residual blocks of each stage, 14×14, 7×7 …")
    group.add_argument("--dense", type=int, metavar="N", help="cnn and vgg: units of the hidden layer")
    group.add_argument("--dropout", type=float, metavar="P", help="cnn and vgg: probability of dropping a hidden unit")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, interrupt)
    sys.exit(main("train_cnn.py", "Train a convolutional network on Fashion-MNIST.", DEFAULTS, build, model_options))
