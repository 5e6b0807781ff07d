"""Optimizers, activations and initial weights compared on the multi-layer perceptron: validation accuracy, three seeds each.

Each choice gets its own learning rate: the best of a grid, on another seed than those that are reported. The test images are
not asked. The record docs/results/comparisons.json has a line for each training; what is in it is not trained again.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

from models.mlp import ACTIVATIONS
from tinygrad_fm import runtime
from tinygrad_fm.atomic_files import write_atomically
from tinygrad_fm.errors import NonFiniteLossError
from tinygrad_fm.schema import Finite, Json
from tinygrad_fm.training import Config, Data, StopRequest, environment, load_data
from tinygrad_fm.training.config import INITS, OPTIMIZERS, Environment

from . import records, scratch
from .records import mean_and_deviation

BASE = Config(
    model="mlp",
    options={"hidden": [128, 64]},
    data="fashion-mnist",
    epochs=3,
    batch_size=256,
    optimizer="adam",
    schedule="onecycle",
    threads=1,
)
"""What all have in common. No batch norm and no dropout: they would hide what initial weights and activations do."""

GRIDS = {
    "sgd": (0.1, 0.3, 1.0),
    "momentum": (0.03, 0.1, 0.3),
    "nag": (0.03, 0.1, 0.3),
    "rmsprop": (0.0003, 0.001, 0.003),
    "muon": (0.003, 0.01, 0.03),
}
_ADAMS = (0.001, 0.003, 0.01)
_BEYOND = 3  # so many values are added at the end of a grid at which the best one is
SEED_OF_GRID, SEEDS = 0, (1, 2, 3)


class Entry(TypedDict):
    """One training. ``accuracy`` is None if its loss became infinite."""

    optimizer: str
    activation: str
    init: str
    lr: Finite
    seed: int
    accuracy: Finite | None
    seconds: Finite


class Record(TypedDict):
    """What docs/results/comparisons.json holds; ``base`` are the settings that all trainings have in common."""

    base: Json
    environment: Environment
    runs: list[Entry]


class Choice(NamedTuple):
    """What is compared: the value of one setting, with the others at those of ``BASE``."""

    optimizer: str = "adam"
    activation: str = "relu"
    init: str = "default"

    @property
    def grid(self) -> tuple[float, ...]:
        """The learning rates to begin with."""
        return GRIDS.get(self.optimizer, _ADAMS)

    def config(self, base: Config, lr: float, seed: int) -> Config:
        """The settings of one training."""
        options = {**base.options, "activation": self.activation}
        return dataclasses.replace(base, options=options, optimizer=self.optimizer, init=self.init, lr=lr, seed=seed)


Group = Literal["optimizer", "activation", "init"]
GROUPS: dict[Group, list[Choice]] = {
    "optimizer": [Choice(optimizer=name) for name in OPTIMIZERS if name != "adamw"],  # without weight decay it is adam
    "activation": [Choice(activation=name) for name in ACTIVATIONS],
    "init": [Choice(init=name) for name in INITS],
}


class Found(NamedTuple):
    """What came of a choice: its learning rate, the rates that were tried, and the accuracies of the seeds at the best one."""

    name: str
    lr: float
    tried: list[float]
    accuracies: list[float]


class Comparisons:
    """The trainings, and their record.

    Args:
        path: of the record.
        base: what they have in common.

    Raises:
        ValueError: the record is damaged.
    """

    def __init__(self, path: Path, base: Config = BASE) -> None:
        self.path, self.base = path, base
        found: Record | None = records.read(path, Record)
        self.stale = found is not None and found["base"] != _common(base)
        self.record: Record = (
            {"base": _common(base), "environment": records.told(environment()), "runs": []}
            if found is None or self.stale
            else found
        )

    # -- training ----------------------------------------------------------------------------------------------------

    def train(self, stop: StopRequest) -> None:
        """Make the trainings that lack. Raises Interrupted if a stop is requested; the same call goes on."""
        before = runtime.get_num_threads()
        runtime.set_num_threads(self.base.threads or 1)
        try:
            for choices in GROUPS.values():
                for choice in choices:
                    while (rate := self._next_rate(choice)) is not None:
                        self._run(choice, rate, SEED_OF_GRID, stop)
                    best = self._best_rate(choice)
                    for seed in SEEDS:
                        if self._find(choice, best, seed) is None:
                            self._run(choice, best, seed, stop)
        finally:
            runtime.set_num_threads(before)

    def _run(self, choice: Choice, lr: float, seed: int, stop: StopRequest) -> None:
        began = time.monotonic()
        accuracy = _accuracy(choice.config(self.base, lr, seed), stop)
        entry: Entry = {
            **choice._asdict(),  # type: ignore[typeddict-item]
            "lr": lr,
            "seed": seed,
            "accuracy": accuracy,
            "seconds": round(time.monotonic() - began, 2),
        }
        self.record["runs"].append(entry)
        _write(self.path, self.record)
        shown = "diverged" if accuracy is None else f"{accuracy:.2%}"
        print(f"{', '.join(choice)}, learning rate {lr:g}, seed {seed}: {shown}, {entry['seconds']:.0f} s", flush=True)

    # -- what is found -----------------------------------------------------------------------------------------------

    def _find(self, choice: Choice, lr: float, seed: int) -> Entry | None:
        wanted = {**choice._asdict(), "lr": lr, "seed": seed}
        return next((run for run in self.record["runs"] if wanted.items() <= run.items()), None)

    def _rates(self, choice: Choice) -> dict[float, float]:
        """The learning rates that were tried, in order, with their accuracies; -1 where the loss became infinite."""
        runs = [run for run in self.record["runs"] if run["seed"] == SEED_OF_GRID and choice._asdict().items() <= run.items()]
        return {run["lr"]: -1.0 if run["accuracy"] is None else run["accuracy"] for run in sorted(runs, key=lambda r: r["lr"])}

    def _best_rate(self, choice: Choice) -> float:
        rates = self._rates(choice)
        return max(rates, key=lambda rate: (rates[rate], -rate))

    def _next_rate(self, choice: Choice) -> float | None:
        """The learning rate to try next: of the grid, then beyond the end at which the best one is; None for no more."""
        rates = self._rates(choice)
        if missing := [rate for rate in choice.grid if rate not in rates]:
            return missing[0]
        if len(rates) >= len(choice.grid) + _BEYOND:
            return None
        best, tried = self._best_rate(choice), list(rates)
        if best == tried[0]:
            return _neighbour(best, up=False)
        return _neighbour(best, up=True) if best == tried[-1] else None

    def found(self, group: Group) -> list[Found]:
        """What came of a group's choices, the best first; those whose seeds are not all trained are left out."""
        result = []
        for choice in GROUPS[group]:
            if self._next_rate(choice) is not None:
                continue
            best = self._best_rate(choice)
            runs = [self._find(choice, best, seed) for seed in SEEDS]
            if all(run is not None for run in runs):
                accuracies = [0.0 if run is None or run["accuracy"] is None else run["accuracy"] for run in runs]
                result.append(Found(getattr(choice, group), best, list(self._rates(choice)), accuracies))
        return sorted(result, key=lambda found: -mean_and_deviation(found.accuracies)[0])

    @property
    def complete(self) -> bool:
        """Whether nothing lacks."""
        return all(len(self.found(group)) == len(choices) for group, choices in GROUPS.items())


def _common(base: Config) -> dict[str, Any]:
    """The settings of a base that its trainings share, as JSON has them."""
    own = {name: value for name, value in base.as_dict().items() if name not in ("optimizer", "init", "lr", "seed")}
    return json.loads(json.dumps(own))


def _neighbour(rate: float, up: bool) -> float:
    """The next of 1, 3, 10, 30 …

    >>> _neighbour(0.03, up=True), _neighbour(0.1, up=False), _neighbour(0.001, up=False)
    (0.1, 0.03, 0.0003)
    """
    begins_with_1 = f"{rate:e}".startswith("1")
    factor = (3 if begins_with_1 else 10 / 3) if up else (0.3 if begins_with_1 else 1 / 3)
    return float(f"{rate * factor:.1g}")


@functools.lru_cache(maxsize=4)
def _data(base: tuple[tuple[str, Any], ...], seed: int) -> Data:
    return load_data(Config(**dict(base), seed=seed))


def _accuracy(config: Config, stop: StopRequest) -> float | None:
    """The validation accuracy after the last epoch; None if the loss becomes infinite."""
    shared = tuple((name, getattr(config, name)) for name in ("data", "train_size", "validation", "batch_size"))
    try:
        _, accuracies = scratch.train(config, _data(shared, config.seed), stop)
    except NonFiniteLossError:
        return None
    return accuracies[-1]


def _write(path: Path, record: Mapping[str, Any]) -> None:
    """Write the record, a line for each training."""
    lines: Sequence[str] = [json.dumps(run, allow_nan=False) for run in record["runs"]]
    head = "".join(f"  {json.dumps(key)}: {json.dumps(record[key])},\n" for key in ("base", "environment"))
    text = "{\n" + head + '  "runs": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"
    write_atomically(path, lambda file: file.write(text.encode()))
