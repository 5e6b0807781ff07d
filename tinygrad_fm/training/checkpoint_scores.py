"""Finished runs looked at again: which checkpoints there are, and how each does on the test set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..data import ImageDataset, load_splits
from ..errors import CheckpointError
from ..text_table import text_table
from .checkpoint import Build, load_model
from .config import Config
from .evaluation import Evaluation, evaluate
from .from_config import evaluation_transform
from .metrics import precision_recall
from .run_folder import RunFolder


@dataclass(frozen=True)
class Score:
    """What one checkpoint does on a test set.

    Attributes:
        name: of the checkpoint: "step-1000", "best", "last".
        step: how long it had been trained.
        parameters: trainable numbers of its model.
        evaluation: what it says about each image.
    """

    name: str
    step: int
    parameters: int
    evaluation: Evaluation


def checkpoint_of(run: str | os.PathLike[str]) -> Path:
    """The checkpoint that stands for a run: the weights that its summary tells of, or the last if it is not finished.

    Args:
        run: the run's folder, or a checkpoint itself.

    Raises:
        CheckpointError: the folder is no run's, or it holds no checkpoint.
    """
    path = Path(run)
    if path.is_file():
        return path
    folder = RunFolder(path)
    folder.read_config()
    summary = folder.read_summary()
    chosen = folder.best if summary is not None and summary["weights"] == "best" else folder.last
    found = [chosen] if chosen.exists() else folder.all_checkpoints()[-1:]
    if not found:
        raise CheckpointError(f"{path} holds no checkpoint")
    return found[0]


def images_of(folder: RunFolder, choice: str | None = None) -> ImageDataset:
    """The test images of a run, or those of another data set.

    Args:
        folder: of the run.
        choice: "fashion-mnist" or "synthetic"; None for the set that the run was trained on.

    Raises:
        CheckpointError: the folder is no run's.
        DataError: see ``FashionMNIST``.
    """
    saved = folder.read_config()
    size = Config.from_dict(saved["settings"]).train_size if choice is None else None
    return _images_of(choice or saved["dataset"]["choice"], size)


@lru_cache(maxsize=1)  # runs that are compared are mostly of one set
def _images_of(choice: str, size: int | None) -> ImageDataset:
    splits = load_splits(choice, transform=evaluation_transform(), size=size)
    splits.test.name = splits.name  # which tells of the size
    return splits.test


def score(folder: RunFolder, data: ImageDataset, build: Build, tta: bool = False) -> tuple[list[Score], list[CheckpointError]]:
    """Test every checkpoint of a run.

    Args:
        folder: of the run.
        data: the test images.
        build: makes a model of a name and options: ``models.build``.
        tta: evaluate each image together with its mirror image.

    Returns:
        The scores in the order of ``folder.all_checkpoints()``, and what is wrong with the checkpoints that have none.
    """
    scores: list[Score] = []
    errors: list[CheckpointError] = []
    seen: dict[tuple[int, int], Score] = {}  # by file: the best checkpoint is often the last one under a second name
    for path in folder.all_checkpoints():
        status = path.stat()
        found = seen.get((status.st_dev, status.st_ino))
        if found is None:
            try:
                found = score_checkpoint(path, data, build, tta)
            except CheckpointError as error:
                errors.append(error)
                continue
            seen[status.st_dev, status.st_ino] = found
        scores.append(Score(path.stem, found.step, found.parameters, found.evaluation))
    return scores, errors


def score_checkpoint(path: Path, data: ImageDataset, build: Build, tta: bool = False) -> Score:
    """Test one checkpoint; see :func:`score`.

    Raises CheckpointError if it cannot be read, tells other classes apart, or gives no numbers.
    """
    model, content = load_model(path, build)
    classes = tuple(content["dataset"]["classes"])
    if classes != data.classes:
        raise CheckpointError(f"{path} tells other classes apart than {data.name} has: {', '.join(classes)}")
    evaluation = evaluate(model, data, tta=tta)
    if not np.isfinite(evaluation.loss):
        raise CheckpointError(f"{path}: its model gives no numbers for some images, its weights are too large")
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return Score(path.stem, content["progress"]["step"], parameters, evaluation)


def score_table(scores: Sequence[Score], classes: Sequence[str], columns: int = 4) -> str:
    """Accuracy and parameters of each checkpoint, then precision and recall of each class, ``columns`` checkpoints abreast.

    Of checkpoints that are one file only the first has a column there.
    """
    rows = [("checkpoint", "step", "test accuracy", "test loss", "parameters")]
    rows += [
        (s.name, f"{s.step:,}", f"{s.evaluation.accuracy:.2%}", f"{s.evaluation.loss:.4f}", f"{s.parameters:,}") for s in scores
    ]
    parts = [text_table(rows)]
    different = [s for i, s in enumerate(scores) if all(s.evaluation is not other.evaluation for other in scores[:i])]
    for start in range(0, len(different), columns):
        shown = different[start : start + columns]
        values = [precision_recall(s.evaluation.confusion) for s in shown]
        head = ("precision / recall", *(s.name for s in shown))
        lines = [
            (name, *(f"{precision[k]:.1%} / {recall[k]:.1%}" for precision, recall in values)) for k, name in enumerate(classes)
        ]
        parts.append(text_table([head, *lines]))
    return "\n\n".join(parts)


def score_record(scores: Sequence[Score], data: ImageDataset, tta: bool) -> dict[str, Any]:
    """The same as JSON can hold it."""
    record: dict[str, Any] = {"dataset": data.name, "images": len(data), "tta": tta, "checkpoints": {}}
    for s in scores:
        precision, recall = precision_recall(s.evaluation.confusion)
        record["checkpoints"][s.name] = {
            "step": s.step,
            "parameters": s.parameters,
            "test_accuracy": s.evaluation.accuracy,
            "test_loss": s.evaluation.loss,
            "per_class": {
                name: {"precision": float(p), "recall": float(r)}
                for name, p, r in zip(data.classes, precision, recall, strict=True)
            },
            "confusion": s.evaluation.confusion.tolist(),
        }
    return record


def top_classes(probabilities: Any, classes: Sequence[str], count: int = 3) -> list[tuple[str, float]]:
    """The ``count`` most probable of the classes, each with its probability (K,).

    >>> top_classes([0.1, 0.7, 0.2], ["Bag", "Coat", "Dress"], 2)
    [('Coat', 0.7), ('Dress', 0.2)]
    """
    values = np.asarray(probabilities)
    return [(classes[k], float(values[k])) for k in np.argsort(-values, kind="stable")[:count]]
