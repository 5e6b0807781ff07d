"""Draw the computation graph of a model, on an image of random numbers."""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

import models
import tinygrad_fm as torch
from tinygrad_fm import viz
from tinygrad_fm.training import check_batch_size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("model", help="mlp, lenet, cnn, resnet20, vgg ...")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the model, such as dropout=0.5"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="where to write it: .svg, .png, .pdf, .html, .gv or .txt; printed without this"
    )
    parser.add_argument("--depth", type=int, help="close modules from this level on; 1 shows the model's children")
    parser.add_argument("--unfold", action="store_true", help="draw equal neighbours one by one instead of once, with × N")
    parser.add_argument("--color-by", choices=["time", "memory", "grad"], help="colour the nodes by a measured value")
    parser.add_argument("--values", action="store_true", help="write data and gradients on the nodes")
    parser.add_argument("--aspect", type=float, metavar="X", help="width by height to set a long graph in columns for")
    parser.add_argument("--backward", action="store_true", help="also show what the backward pass does")
    parser.add_argument("--steps", action="store_true", help="a page (.html) that plays the run step by step, forward and back")
    parser.add_argument("--direction", choices=["TB", "LR"], help="top down, or left to right")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="images in the input (default: 64)")


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--option takes NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError) as error:
        if re.fullmatch(r"\w+", value) and not value[0].isdigit():
            return name, value  # a word, such as activation=tanh
        raise ValueError(f"--option {name}: {value[:60]!r} is neither a word nor JSON, such as 0.5 or [128, 64]") from error


def run(args: argparse.Namespace) -> int:
    """Draw, and write or print."""
    if args.batch_size < 1:
        raise ValueError(f"--batch-size must be 1 or more, got {args.batch_size}")
    model = models.build(args.model, **dict(map(_option, args.option)))
    try:
        check_batch_size(model, args.batch_size)
    except ValueError as error:
        raise ValueError(str(error).replace("batch_size", "--batch-size", 1)) from error
    graph = viz.draw(
        model,
        torch.randn(args.batch_size, 1, 28, 28),
        depth=args.depth,
        fold=False if args.unfold else None,
        color_by=args.color_by,
        backward=args.backward,
        values=args.values,
        aspect=args.aspect,
        direction=args.direction,
    )
    if args.steps and args.out is None:
        raise ValueError("--steps makes a page: give its name with --out, such as --out lenet.html")
    if args.out is None:
        print(graph)
        return 0
    written = graph.save(args.out, steps=args.steps)
    print(f"wrote {written}")
    return 0 if str(written) == args.out else 1
