"""What the table of docs/results.md says of each row that is not measured: targets, budgets, and what others publish."""

from __future__ import annotations

from typing import NamedTuple

HUMANS = 0.835
HUMANS_SOURCE = "https://github.com/zalandoresearch/fashion-mnist"


class Target(NamedTuple):
    """What is expected of a row, all accuracies shares of 1.

    Attributes:
        title: what it is.
        limit: on its parameters.
        budget: of time, for one run on two cores.
        accuracy: to be reached by the mean; None for none.
        others: what others publish, and who they are.
        goal: what would be better still.
    """

    title: str
    limit: str
    budget: str
    accuracy: float | None
    others: str = "–"
    goal: float | None = None


PROJECTS = "projects of this kind"  # autograd engines that teach, as published in their READMEs
TARGETS = {
    "linear": Target("linear, 784-10", "7,850", "1 min", 0.845),
    "mlp": Target("MLP, 784-128-64-10", "109,770", "2 min", 0.903, f"85 to 87.8 % ({PROJECTS}, fully connected nets)"),
    "mlp_best": Target("best MLP", "up to 1.5 M", "20 min", 0.913, "91.0 % (the best MLP known)", goal=0.917),
    "lenet_5000": Target("LeNet, 5,000 steps of 64", "61,750", "1 min", 0.913, f"86.12 % ({PROJECTS}, the same 5,000 steps)"),
    "lenet_best": Target("LeNet, best", "61,750", "10 min", 0.928, "92.5 % (the best known under 100,000 parameters)"),
    "cnn": Target(
        "CNN, two convolutions",
        "up to 230 K",
        "15 min",
        0.933,
        f"about 90 % ({PROJECTS}); 93.4 to 93.6 % with 0.5 M parameters",
    ),
    "fast": Target(
        "`fast`, a small network", "up to 230 K", "15 min", 0.935, "94.7 % with 296 K parameters in 200 epochs", 0.940
    ),
    "fast_long": Target("`fast`, longer", "up to 230 K", "60 min", 0.942, "94.7 % with 296 K parameters in 200 epochs", 0.947),
    "resnet20": Target(
        "ResNet-20",
        "up to 300 K",
        "3 h",
        0.950,
        "95.18 ± 0.04 %; with random erasing 95.55 ± 0.04 % (300 epochs, the best epoch on the test images)",
        goal=0.955,
    ),
    "sprint_93": Target("the sprint to 93 %", "any", "–", None, "none published"),
    "sprint_94": Target("the sprint to 94 %", "any", "–", None, "none published"),
}
