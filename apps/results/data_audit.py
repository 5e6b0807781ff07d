"""What is odd about a data set: images that occur more than once, and labels that models which never saw them deny.

Duplicates are equal pixel for pixel. For the labels the training set is cut into folds; each image is predicted by a model that
was trained on the other folds. Those whose label the model denies most surely are likely mislabelled; whether they are, people
must say.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np

from tinygrad_fm.atomic_files import write_atomically
from tinygrad_fm.data import ImageDataset, Subset, load_splits
from tinygrad_fm.errors import DataError
from tinygrad_fm.schema import Count, Finite, Json
from tinygrad_fm.training import Config, Data, StopRequest, accuracy, environment, evaluate, evaluation_transform
from tinygrad_fm.training.config import Environment
from tinygrad_fm.viz import plots

from . import scratch
from .records import told

FOLDS = 5
SURE = 0.95
SUSPECTS = 40  # so many are kept, the surest
PAIRS = 8  # and so many pairs of classes
_SHOWN = 40  # images in the picture of the duplicates

Place = tuple[str, int, int]
"""Which set an image is of, "training" or "test"; its number there; its label."""


class Suspect(TypedDict):
    """A training image whose label was not believed."""

    image: Count
    label: Count
    predicted: Count
    probability: Finite


class Pair(TypedDict):
    """How many images of a label were taken for another class with a probability of at least ``SURE``."""

    label: Count
    predicted: Count
    images: Count


class Record(TypedDict):
    """What was found. ``groups`` has the images that are equal; ``contradicting`` counts groups with more than one label."""

    settings: Json
    environment: Environment
    dataset: Json
    groups: list[list[list[Any]]]
    within_training: Count
    within_test: Count
    between: Count
    contradicting: Count
    held_out_accuracy: Finite
    sure: Count
    pairs: list[Pair]
    suspects: list[Suspect]


class Sets(NamedTuple):
    """The images that are looked at."""

    train: ImageDataset
    test: ImageDataset
    choice: str
    name: str


def sets_of(choice: str, size: int | None = None) -> Sets:
    """Both parts of a data set. Raises DataError if it cannot be had."""
    splits = load_splits(choice, transform=evaluation_transform(), size=size)
    return Sets(splits.train, splits.test, choice, splits.name)


# -- duplicates ------------------------------------------------------------------------------------------------------------


def duplicates(sets: Sets) -> list[list[Place]]:
    """The groups of two or more images that are equal pixel for pixel, by their first image."""
    seen: dict[bytes, list[Place]] = {}
    for name, part in (("training", sets.train), ("test", sets.test)):
        for number, (image, label) in enumerate(zip(part.data, part.targets, strict=True)):
            seen.setdefault(image.tobytes(), []).append((name, number, int(label)))
    return [group for group in seen.values() if len(group) > 1]


def count_duplicates(groups: list[list[Place]]) -> dict[str, int]:
    """How many images equal an earlier one of their set; how many test images are training images, too; and how many groups
    have more than one label."""
    sets = [Counter(name for name, _, _ in group) for group in groups]
    return {
        "within_training": sum(max(found["training"] - 1, 0) for found in sets),
        "within_test": sum(max(found["test"] - 1, 0) for found in sets),
        "between": sum(found["test"] for found in sets if found["training"]),
        "contradicting": sum(len({label for _, _, label in group}) > 1 for group in groups),
    }


# -- labels ----------------------------------------------------------------------------------------------------------------


def settings_of(choice: str, epochs: int = 4, size: int | None = None) -> Config:
    """How the models are trained that judge the labels; the seed decides the folds, too."""
    return Config(model="lenet", data=choice, train_size=size, epochs=epochs, batch_size=128, lr=0.003)


def held_out_probabilities(
    sets: Sets, config: Config, folds: int, work: Path, stop: StopRequest, say: Callable[[str], object]
) -> Any:
    """For each training image the probabilities that a model gives it which was trained on the other folds, float32 (N, K).

    Args:
        sets: the images.
        config: how it is trained.
        folds: how many there are.
        work: a folder where each fold is kept, so that the same call goes on.
        stop: asks for an end before that.
        say: is told of each fold.

    Raises:
        Interrupted: a stop was requested.
    """
    order = np.random.Generator(np.random.PCG64([config.seed, 0xF01D])).permutation(len(sets.train))
    result = np.zeros((len(sets.train), len(sets.train.classes)), np.float32)
    for number, shuffled in enumerate(np.array_split(order, folds)):
        members: Any = np.sort(shuffled)
        path = work / f"fold{number + 1}.npz"
        identity = json.dumps([config.as_dict(), number, folds, sets.train.digest, environment()], sort_keys=True)
        found = _kept(path, identity)
        if found is None:
            found = _of_fold(sets, config, members, stop)
            _keep(path, identity, found)
        result[members] = found
        believed = (found.argmax(1) == sets.train.targets[members]).mean()
        say(f"fold {number + 1} of {folds}: {believed:.2%} of {len(members):,} labels are what the model says")
    return result


def _of_fold(sets: Sets, config: Config, members: Any, stop: StopRequest) -> Any:
    rest: Any = np.setdiff1d(np.arange(len(sets.train)), members)
    held_out: Subset[Any] = Subset(sets.train, members)
    data = Data(Subset(sets.train, rest), held_out, sets.test, sets.choice, sets.name, sets.train.digest, None)
    trainer, _ = scratch.train(config, data, stop)
    return evaluate(trainer.evaluated_model, held_out).probabilities


def _kept(path: Path, identity: str) -> Any:
    """What a fold came to, if it was trained already as it would be now."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return kept["found"] if str(kept["identity"]) == identity else None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _keep(path: Path, identity: str, found: Any) -> None:
    write_atomically(path, lambda file: np.savez(file, found=found, identity=np.array(identity)))


def suspects(labels: Any, probabilities: Any) -> tuple[list[Suspect], list[Pair], int]:
    """The images whose label is denied, the surest first; which pairs of classes they are of; and how many there are, from
    ``SURE`` on."""
    predicted, sure = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(predicted != labels)
    ranked = sorted(wrong, key=lambda i: (-sure[i], i))
    pairs = Counter((int(labels[i]), int(predicted[i])) for i in wrong if sure[i] >= SURE)
    found: list[Suspect] = [
        {"image": int(i), "label": int(labels[i]), "predicted": int(predicted[i]), "probability": round(float(sure[i]), 6)}
        for i in ranked[:SUSPECTS]
    ]
    most = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:PAIRS]
    return found, [{"label": a, "predicted": b, "images": count} for (a, b), count in most], sum(pairs.values())


# -- all of it -------------------------------------------------------------------------------------------------------------


def audit(sets: Sets, config: Config, folds: int, work: Path, stop: StopRequest, say: Callable[[str], object]) -> Record:
    """Look at a data set; see :func:`held_out_probabilities` for the arguments."""
    groups = duplicates(sets)
    say(f"{sets.name}: {len(groups)} images occur more than once")
    probabilities = held_out_probabilities(sets, config, folds, work, stop, say)
    found, pairs, sure = suspects(sets.train.targets, probabilities)
    record: Any = {
        "settings": {**config.as_dict(), "folds": folds},
        "environment": told(environment()),
        "dataset": {"name": sets.name, "choice": sets.choice, "digest": sets.train.digest, "training": len(sets.train)},
        "groups": [[list(place) for place in group] for group in groups],
        **count_duplicates(groups),
        "held_out_accuracy": accuracy(sets.train.targets, probabilities.argmax(1)),
        "sure": sure,
        "pairs": pairs,
        "suspects": found,
    }
    record["dataset"]["test"] = len(sets.test)
    return record


def pairs_in_words(record: Record, classes: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """The pairs of classes that labels and models differ about: label, prediction, how many images."""
    return [(classes[pair["label"]], classes[pair["predicted"]], f"{pair['images']:,}") for pair in record["pairs"]]


def draw(record: Record, sets: Sets, folder: Path) -> None:
    """Write mislabelled.png into a folder, and duplicates.png if there are any.

    Raises:
        DataError: the images are not those of the record.
        MissingExtraError: matplotlib is not installed.
    """
    if record["dataset"]["digest"] != sets.train.digest:
        raise DataError(f"the images here are others than those of the record: {sets.name}")
    parts = {"training": sets.train, "test": sets.test}
    classes = sets.train.classes
    first = sorted(record["groups"], key=lambda group: len({label for _, _, label in group}) == 1)  # contradictions first
    several = [
        plots.Captioned(parts[name].data[number], f"{name} {number}\n{classes[label]}", "#d62728" if contradicts else "black")
        for group in first
        for contradicts in [len({label for _, _, label in group}) > 1]
        for name, number, label in group
    ]
    if several:
        title = "Images that occur more than once, side by side; red: under several labels"
        plots.image_grid([several[:_SHOWN]], folder / "duplicates.png", title)
    doubtful = [
        plots.Captioned(
            sets.train.data[found["image"]],
            f"training {found['image']}\nlabel {classes[found['label']]}\n"
            f"predicted {classes[found['predicted']]} {100 * found['probability']:.1f} %",
        )
        for found in record["suspects"]
    ]
    plots.image_grid(
        [doubtful], folder / "mislabelled.png", "Training images whose label is denied by a model that never saw them"
    )
