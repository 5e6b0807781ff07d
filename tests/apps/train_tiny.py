"""A training script whose recipes take a moment, for the tests of ``python -m apps reproduce``: both import them from here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import models  # noqa: E402
from tinygrad_fm.training import RECIPES, Config, Recipe, main  # noqa: E402

SCRIPT = "tests/apps/train_tiny.py"
SETTINGS: dict[str, Any] = {
    "data": "synthetic",
    "train_size": 200,
    "validation": 60,
    "batch_size": 20,
    "checkpoint_seconds": 0.0,
}
DEFAULTS = Config(model="mlp", epochs=2, options={"hidden": [8]}, **SETTINGS)
TINY = {
    "mlp": Recipe(SCRIPT, "a small one", seeds=(0, 1), shortfall="More units were tried."),
    "fast": Recipe(SCRIPT, "another, with mirror images", {"hidden": [16], "epochs": 4, "tta": True}, seeds=(0,)),
    "lenet_best": Recipe(SCRIPT, "never trained", {"epochs": 3}),
}


if __name__ == "__main__":
    RECIPES.clear()
    RECIPES.update(TINY)
    sys.exit(main(SCRIPT, "", DEFAULTS, models.build, lambda group: None))
