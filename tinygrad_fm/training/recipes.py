"""Recipes: settings with a name, one for each row of docs/results.md. ``python train_cnn.py --recipe fast`` trains one.

A recipe has the settings of `Config`, and the options of its model, that are others than the script's own. They were chosen on
the validation images; where one was compared with another, a comment says what it gave (seed 0).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RECIPES", "Recipe", "find_recipe", "recipes_of"]

MLP, CNN = "train_mlp.py", "train_cnn.py"


@dataclass(frozen=True)
class Recipe:
    """Settings with a name.

    Args:
        script: the training script that it is for.
        why: what it shows, in one line.
        settings: of `Config` or options of the model, by the names of the command line.
        seeds: of the runs whose mean is reported.
        shortfall: what was tried, for docs/results.md, should the mean miss its target.

    >>> from tinygrad_fm import training
    >>> training.RECIPES["lenet_5000"].settings["steps"]
    5000
    """

    script: str
    why: str
    settings: dict[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    shortfall: str = ""


MUON: dict[str, Any] = {  # four epochs of a residual network like fast: validation 92.6 %, with AdamW 91.5 %
    "optimizer": "muon",
    "lr": 0.01,
    "schedule": "triangular",
    "augment": ["altflip"],  # each image both ways in any two epochs
    "tta": True,
}
"""What the rows of convolutional networks share."""

FAST: dict[str, Any] = {**MUON, "model": "fast", "batch_size": 256, "weight_decay": 0.05, "label_smoothing": 0.1}
"""What the rows of ``fast`` share, and larger networks with them."""

RECIPES = {
    "linear": Recipe(
        MLP,
        "a linear model, 784-10: what there is to gain by more",
        {
            "hidden": [],
            "dropout": 0.0,  # there are no hidden units to drop,
            "batch_norm": False,  # or to normalise
            "epochs": 30,
            "lr": 0.001,  # validation 85.8 for 85.5 % at 0.003
        },
    ),
    "mlp": Recipe(
        MLP,
        "two hidden layers, 784-128-64-10",
        {
            # validation after 100 epochs 91.1 %, after 40 90.9 %, means of seeds 0 and 1 without mirror images; batches of 128,
            # 100 epochs: 90.6 %; 85 fit into the two minutes, with one thread and nothing beside: 108 s
            "epochs": 85,
            "weight_decay": 0.05,
            "schedule": "triangular",
            "augment": ["altflip"],  # validation 91.1 for 90.6 %, in 40 epochs for 20
            "tta": True,
        },
        shortfall=(
            "In 40 epochs it had 91.1 % of seed 0's validation images; moved images (90.4 %), Muon (90.4 %), both (90.8 %), "
            "and Muon without dropout (90.2 %) gave less there; GELU, batches of 256 and smoothed labels no more than seeds "
            "differ."
        ),
    ),
    "mlp_best": Recipe(
        MLP,
        "the best of fully connected layers, up to 1.5 million parameters",
        {
            "hidden": [1024, 512],
            "activation": "gelu",  # with AdamW, 30 epochs: validation 91.0 % for 90.7 % with ReLU
            "dropout": 0.1,  # validation 91.9 %, without 91.8 %
            # AdamW, 120 epochs in two thirds of the time: validation 91.6 %, with ReLU as with GELU
            "optimizer": "muon",
            "lr": 0.005,
            "weight_decay": 0.05,
            "schedule": "triangular",
            "epochs": 60,
            "batch_size": 1024,  # to make the momentum orthogonal takes as long as the passes of 2,000 images
            "augment": ["altflip", "shift"],  # AdamW, unmoved, dropout 0.4: validation 91.4 %; erased too: 91.0 %
            "label_smoothing": 0.1,
            "tta": True,
        },
    ),
    "lenet_5000": Recipe(
        CNN,
        "LeNet in 5,000 steps of 64 images, as others report it",
        {**MUON, "model": "lenet", "steps": 5000, "batch_size": 64, "weight_decay": 0.02, "label_smoothing": 0.0},
    ),
    "lenet_best": Recipe(
        CNN,
        "LeNet, trained until it gains no more",
        {
            **MUON,
            "model": "lenet",
            "epochs": 80,  # validation 93.5 % for 93.3 % after 40, means of five seeds
            "batch_size": 128,
            "weight_decay": 0.02,
            "label_smoothing": 0.0,
            "augment": ["altflip", "shift"],  # validation after 24 epochs 92.6 %, unmoved 92.1 %, learned by heart
        },
    ),
    "cnn": Recipe(
        CNN,
        "two convolutions and a hidden layer, up to 230,000 parameters",
        {**FAST, "model": "cnn", "epochs": 25, "augment": ["altflip", "shift"]},
    ),
    "fast": Recipe(
        CNN, "the most in 15 minutes with up to 230,000 parameters", {**FAST, "epochs": 20, "augment": ["altflip", "shift"]}
    ),
    "fast_long": Recipe(
        CNN,
        "the network of fast, in 60 minutes",
        {**FAST, "epochs": 60, "augment": ["altflip", "shift", "erase"]},  # seed 0: validation 94.6 % for 94.2 % of fast
    ),
    "resnet20": Recipe(
        CNN,
        "the residual network that papers report",
        {**FAST, "model": "resnet20", "epochs": 36, "augment": ["altflip", "shift", "erase"]},  # seed 0: validation 95.4 %
    ),
    "sprint_93": Recipe(
        CNN,
        "93 % of the validation images in the least processor time",
        # 4 epochs: 92.96 %, mean of ten seeds; 6 epochs, seed 0: 93.4 %, and with 24 channels for 32 93.1 %
        {**FAST, "blocks": [1, 1], "epochs": 5},
        seeds=tuple(range(10)),
    ),
    "sprint_94": Recipe(
        CNN,
        "94 % of the validation images in the least processor time",
        {**FAST, "blocks": [2, 2], "epochs": 8},  # seed 1: 94.5 %; with one block, 12 epochs 93.8 %, 14 of moved images 93.4 %
        seeds=tuple(range(10)),
    ),
}
"""The recipes by name."""


def recipes_of(script: str) -> list[str]:
    """The names of a script's recipes.

    >>> recipes_of("train_mlp.py")
    ['linear', 'mlp', 'mlp_best']
    """
    return [name for name, recipe in RECIPES.items() if recipe.script == script]


def find_recipe(name: str, script: str | None = None) -> Recipe:
    """The recipe of that name. Raises ValueError if there is none, or it is another script's than ``script``.

    >>> find_recipe("lenet_5000", "train_mlp.py")
    Traceback (most recent call last):
      ...
    ValueError: lenet_5000 is a recipe of train_cnn.py: python train_cnn.py --recipe lenet_5000
    """
    if name not in RECIPES:
        names, of = (list(RECIPES), "") if script is None else (recipes_of(script), f" of {script}")
        close = difflib.get_close_matches(name, names, 1)
        meant = f"; did you mean {close[0]!r}?" if close else "."
        raise ValueError(f"there is no recipe {name!r}{meant} The recipes{of} are: {', '.join(names)}")
    recipe = RECIPES[name]
    if script not in (None, recipe.script):
        raise ValueError(f"{name} is a recipe of {recipe.script}: python {recipe.script} --recipe {name}")
    return recipe
