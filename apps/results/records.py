"""What is kept of a run when its folder is gone: a file docs/results/ROW/seedN.json, of which docs/results.md is made.

So rows that were measured on different days, or machines, stand on one page, and each number on it can be traced.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np

import models
from tinygrad_fm.atomic_files import write_atomically
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.schema import Count, Finite, Json, from_json
from tinygrad_fm.training import (
    Config,
    Evaluation,
    MuonWithAdamW,
    RunFolder,
    evaluate,
    fit_temperature,
    load_data,
    load_model,
    reliability,
    with_temperature,
)
from tinygrad_fm.training.checkpoint_scores import checkpoint_of
from tinygrad_fm.training.cli_arguments import config_of
from tinygrad_fm.training.config import Environment
from tinygrad_fm.training.recipes import Recipe

MISTAKES = 24  # so many are kept, the most confident ones
_NO_MATTER = ("seed", "threads", "checkpoint_seconds", "save_every", "track", "recipe")  # to what a run is a repetition of


class Bins(TypedDict):
    """A reliability diagram: see `tinygrad_fm.training.Reliability`; and what comes of it."""

    counts: list[Count]
    confidence: list[Finite]
    accuracy: list[Finite]
    error: Finite
    loss: Finite


class Calibration(TypedDict):
    """Of the test images, before and after division of the logits by a temperature fitted on the validation images."""

    before: Bins
    after: Bins | None
    temperature: Finite | None


class Mistake(TypedDict):
    """A test image that was taken for another class."""

    image: Count
    predicted: Count
    true: Count
    probability: Finite


class Epochs(TypedDict):
    """Columns, an entry for each epoch."""

    steps: list[Count]
    train_loss: list[Finite]
    train_accuracy: list[Finite]
    validation_loss: list[Finite | None]
    validation_accuracy: list[Finite | None]
    seconds: list[Finite]
    cpu_seconds: list[Finite | None]


class Record(TypedDict):
    """What is kept of a run. Accuracies are shares of 1; ``flipped`` is with each image's mirror image, averaged."""

    row: str
    seed: int
    settings: Json
    started: str
    dataset: Json
    environment: Environment
    parameters: Count
    flops: Finite
    seconds: Finite
    cpu_seconds: Finite | None
    weights: Literal["last", "best"]
    weights_sha256: str
    validation_accuracy: Finite | None
    test_accuracy: Finite
    test_accuracy_flipped: Finite
    confusion: list[list[Count]]
    calibration: Calibration
    mistakes: list[Mistake]
    epochs: Epochs


# -- settings ----------------------------------------------------------------------------------------------------------


def config_of_recipe(name: str, recipe: Recipe) -> Config:
    """The settings that ``python SCRIPT --recipe NAME`` has today, but for the data: the drawn set never stands in."""
    defaults = import_module(recipe.script.removesuffix(".py").replace("/", ".")).DEFAULTS
    config = config_of({"recipe": name}, defaults)
    return config_of({"recipe": name, "data": "fashion-mnist"}, defaults) if config.data == "auto" else config


def differences(settings: Mapping[str, Any], wanted: Config) -> list[str]:
    """In which settings a run is no repetition of what is wanted, in words."""
    try:
        found = Config.from_dict(dict(settings)).as_dict()
    except CheckpointError as error:
        return [str(error)]
    return [
        f"{name} {_short(found[name])}, not {_short(value)}"
        for name, value in wanted.as_dict().items()
        if name not in _NO_MATTER and found[name] != value
    ]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def told(environment: Environment) -> Environment:
    """What a record says of where a run was made: not which release of the system, which decides nothing."""
    return {name: value for name, value in environment.items() if name != "platform"}


# -- from a run folder ---------------------------------------------------------------------------------------------------


def condense(folder: RunFolder, row: str) -> Record:
    """The record of a finished run. Its weights are tested again, with and without mirror images.

    Raises CheckpointError if the run is not finished, or does not do what its summary says.
    """
    saved = folder.read_json("config.json", Json)
    summary = folder.read_json("summary.json", Json)
    if saved is None or summary is None:
        raise CheckpointError(f"{folder.path} holds no finished run")
    config = Config.from_dict(saved["settings"], folder.path / "config.json")
    model, _ = load_model(checkpoint_of(folder.path), models.build)
    data = load_data(config, saved["dataset"]["choice"])
    plain, flipped = (evaluate(model, data.test, tta=tta) for tta in (False, True))
    test = flipped if config.tta else plain
    if not math.isclose(test.accuracy, summary["test_accuracy"], abs_tol=0.002):
        raise CheckpointError(
            f"{folder.path}: its summary says {summary['test_accuracy']:.2%} of the test images are right, "
            f"its checkpoint gets {test.accuracy:.2%} right"
        )
    held_out = evaluate(model, data.validation, tta=config.tta) if len(data.validation) else None
    return {
        "row": row,
        "seed": config.seed,
        "settings": saved["settings"],
        "started": saved["started"],
        "dataset": {key: saved["dataset"][key] for key in ("name", "choice", "digest", "training", "validation", "test")},
        "environment": told(saved["environment"]),
        "parameters": summary["parameters"],
        "flops": summary["flops"],
        "seconds": summary["seconds"],
        "cpu_seconds": summary["cpu_seconds"],
        "weights": summary["weights"],
        "weights_sha256": summary["weights_sha256"],
        "validation_accuracy": None if held_out is None else held_out.accuracy,
        "test_accuracy": plain.accuracy,
        "test_accuracy_flipped": flipped.accuracy,
        "confusion": test.confusion.tolist(),
        "calibration": _calibration(held_out, test),
        "mistakes": _mistakes(test),
        "epochs": _epochs(folder),
    }


def _calibration(held_out: Evaluation | None, test: Evaluation) -> Calibration:
    before = _bins(test.labels, test.probabilities)
    if held_out is None:
        return {"before": before, "after": None, "temperature": None}
    temperature = fit_temperature(held_out.labels, held_out.probabilities)
    after = _bins(test.labels, with_temperature(test.probabilities, temperature))
    return {"before": before, "after": after, "temperature": round(temperature, 4)}


def _bins(labels: Any, probabilities: Any) -> Bins:
    found = reliability(labels, probabilities)
    return {
        "counts": found.counts.tolist(),
        "confidence": _rounded(found.confidence),
        "accuracy": _rounded(found.accuracy),
        "error": round(found.error, 6),
        "loss": round(Evaluation(labels, probabilities).loss, 6),
    }


def _mistakes(test: Evaluation) -> list[Mistake]:
    wrong = np.flatnonzero(test.predictions != test.labels)
    sure = test.probabilities.max(1)
    return [
        {
            "image": int(i),
            "predicted": int(test.predictions[i]),
            "true": int(test.labels[i]),
            "probability": round(float(sure[i]), 6),
        }
        for i in sorted(wrong, key=lambda i: (-sure[i], i))[:MISTAKES]
    ]


def _epochs(folder: RunFolder) -> Epochs:
    found = [record for record in folder.read_metrics() if record["kind"] == "epoch"]

    def column(name: str) -> Any:
        return [None if record.get(name) is None else _significant(record[name]) for record in found]

    return {
        "steps": [record["step"] for record in found],
        "train_loss": column("train_loss"),
        "train_accuracy": column("train_accuracy"),
        "validation_loss": column("val_loss"),
        "validation_accuracy": column("val_accuracy"),
        "seconds": column("seconds"),
        "cpu_seconds": column("cpu_seconds"),
    }


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 6) for value in values]


def _significant(value: float) -> float:
    return float(f"{value:.6g}")


# -- files ---------------------------------------------------------------------------------------------------------------


def path_of(folder: Path, row: str, seed: int) -> Path:
    """Where the record of a row and seed lies."""
    return folder / row / f"seed{seed}.json"


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record, a line to each of its entries, whole or not at all."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False, ensure_ascii=False)}" for key, value in record.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def read(path: Path, kind: Any = Record) -> Any:
    """A record; None if there is none. Raises ValueError if it is damaged."""
    try:
        return from_json(path.read_bytes(), kind)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}. Remove it, or take it from the repository again") from error


class Row:
    """A row of the table: a recipe, and the records of its runs.

    Args:
        name: of the recipe.
        recipe: what it says today.
        folder: where records lie.

    Raises:
        ValueError: a record is damaged.

    Attributes:
        config: the recipe's settings.
        records: those that count, by seed.
        left_out: why others do not.
    """

    def __init__(self, name: str, recipe: Recipe, folder: Path) -> None:
        self.name, self.recipe, self.folder = name, recipe, folder
        self.config = config_of_recipe(name, recipe)
        self.records: list[Record] = []
        self.left_out: list[str] = []
        for seed in recipe.seeds:
            record = read(path_of(folder, name, seed))
            if record is None:
                continue
            if other := differences(record["settings"], self.config):
                self.left_out.append(f"seed {seed}: {'; '.join(other)}")
            elif (record["row"], record["seed"]) != (name, seed):
                self.left_out.append(f"seed {seed}: its record is of {record['row']}, seed {record['seed']}")
            else:
                self.records.append(record)

    @property
    def missing(self) -> list[int]:
        """The seeds that are not measured yet."""
        found = {record["seed"] for record in self.records}
        return [seed for seed in self.recipe.seeds if seed not in found]

    @property
    def flipped(self) -> bool:
        """Whether its result is with each image's mirror image."""
        return self.config.tta

    def accuracies(self, flipped: bool | None = None) -> list[float]:
        """The test accuracies of the seeds; by default as the recipe evaluates."""
        key = "test_accuracy_flipped" if (self.flipped if flipped is None else flipped) else "test_accuracy"
        return [record[key] for record in self.records]  # type: ignore[literal-required]

    def mean_of(self, name: str) -> float | None:
        """The mean of a number that records have; None if one of them lacks it, or there are none."""
        values = [record[name] for record in self.records]  # type: ignore[literal-required]
        return None if not values or None in values else math.fsum(values) / len(values)

    @property
    def operations(self) -> float | None:
        """The floating-point operations of a training, the mean: the network's, as recorded, and those of Muon's products."""
        network = self.mean_of("flops")
        if network is None or self.config.optimizer != "muon":
            return network
        optimizer = MuonWithAdamW(models.build(self.config.model, **self.config.options).parameters())
        steps = [record["epochs"]["steps"][-1] for record in self.records]
        return network + optimizer.flops_per_step * sum(steps) / len(steps)


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and the standard deviation of a sample (with n − 1); None of a single value.

    >>> mean_and_deviation([1.0, 2.0, 3.0])
    (2.0, 1.0)
    """
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
