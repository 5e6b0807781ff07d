"""What a checkpoint says about the test images: which it takes for what, and where it is most sure and wrong."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import models
from tinygrad_fm.data import ImageDataset
from tinygrad_fm.errors import CheckpointError
from tinygrad_fm.training import Config, Evaluation, RunFolder, precision_recall
from tinygrad_fm.training.checkpoint_scores import score_checkpoint
from tinygrad_fm.viz.plots import caption

from .local_data import images_for


@dataclass(frozen=True)
class Tested:
    """A checkpoint and the images that it was tested on.

    Attributes:
        step: how long it had been trained.
        evaluation: what it says about each image.
        data: the images.
    """

    step: int
    evaluation: Evaluation
    data: ImageDataset

    def cell(self, true: int, predicted: int) -> list[int]:
        """The images of class ``true`` that it takes for ``predicted``, those first of which it is most sure."""
        return self._surest(np.flatnonzero((self.evaluation.labels == true) & (self.evaluation.predictions == predicted)))

    def mistakes(self) -> list[int]:
        """The images that it takes for what they are not, those first of which it is most sure."""
        return self._surest(np.flatnonzero(self.evaluation.labels != self.evaluation.predictions))

    def _surest(self, indices: Any) -> list[int]:
        sure = self.evaluation.probabilities[indices].max(1, initial=0.0)
        return [int(i) for i in indices[np.argsort(-sure, kind="stable")]]

    def told(self, i: int) -> str:
        """What it says about an image, and what that is."""
        classes, predicted = self.data.classes, int(self.evaluation.predictions[i])
        return caption(classes[predicted], self.evaluation.probabilities[i, predicted], classes[self.evaluation.labels[i]])

    def per_class(self) -> list[tuple[str, int, float, float, str]]:
        """Of each class its name, how many images it has, recall, precision, and what else they are most often taken for."""
        matrix, classes = self.evaluation.confusion, self.data.classes
        precision, recall = precision_recall(matrix)
        rows = []
        for k, name in enumerate(classes):
            others = matrix[k].copy()
            others[k] = 0
            most = f"{classes[others.argmax()]} ({others.max()})" if others.max() else "—"
            rows.append((name, int(matrix[k].sum()), float(recall[k]), float(precision[k]), most))
        return rows


def tested(run: Path, checkpoint: Path) -> Tested:
    """Test a checkpoint of a run on the run's test images, or remember how that went.

    Raises:
        CheckpointError: it, or the run's config.json, cannot be used. DataError: the images are not here.
    """
    try:
        status = checkpoint.stat()
    except OSError as error:
        raise CheckpointError(f"there is no checkpoint {checkpoint} any more") from error
    return _tested(run, checkpoint, (status.st_ino, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=8)
def _tested(run: Path, checkpoint: Path, version: Any) -> Tested:
    folder = RunFolder(run)
    data = images_for(folder)
    tta = Config.from_dict(folder.read_config()["settings"], run / "config.json").tta
    found = score_checkpoint(checkpoint, data, models.build, tta)
    return Tested(found.step, found.evaluation, data)
