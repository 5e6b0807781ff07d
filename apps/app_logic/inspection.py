"""What a model says about pictures, and where in them it finds it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import models
from tinygrad_fm import Tensor
from tinygrad_fm.data.transforms import apply_to_batch
from tinygrad_fm.errors import CheckpointError, printable
from tinygrad_fm.training import evaluation_transform, load_model, predict
from tinygrad_fm.viz import feature_maps, grad_cam, saliency
from tinygrad_fm.viz.conv_features import convolutions

from .pictures import Pixels

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Explanation:
    """Where in a picture the score of a class comes from.

    Attributes:
        saliency: (28, 28), how much the score changes with each pixel.
        grad_cam: (28, 28), where the convolution found what speaks for the class; None if the model has no convolution.
        maps: what every convolution gives for the picture, by its path: (O, OH, OW).
    """

    saliency: Array
    grad_cam: Array | None
    maps: dict[str, Array]


class Inspected:
    """A trained model to ask. It may be asked from several threads: one at a time is answered.

    Args:
        path: of the checkpoint.

    Raises:
        CheckpointError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._model, content = load_model(path, models.build)
        self.classes = tuple(map(printable, content["dataset"]["classes"]))
        self.dataset = printable(content["dataset"]["name"])
        self.step = content["progress"]["step"]
        self.parameters = sum(p.numel() for p in self._model.parameters())
        self.kind = type(self._model).__name__
        self.convolutions = tuple(convolutions(self._model))
        self._lock = threading.Lock()

    def probabilities(self, images: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        """Of each class for each image (28, 28): float32 (N, K). Raises CheckpointError if the model cannot."""
        if not images:
            return np.zeros((0, len(self.classes)), np.float32)
        try:
            with self._lock:
                found = predict(self._model, self._input(images))
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(f"the model of {self.path} takes no images of 28×28 pixels: {error}") from error
        if found.shape[1] != len(self.classes) or not np.isfinite(found).all():
            raise CheckpointError(f"the model of {self.path} gives no numbers for these pictures, its weights are too large")
        return found

    def explain(self, image: Pixels, target: int, layer: str | None = None) -> Explanation:
        """Why a class, for an image (28, 28); ``layer`` is the convolution that Grad-CAM looks at, by default the last."""
        with self._lock:
            x = self._input([image])
            cam = grad_cam(self._model, x, target, layer) if self.convolutions else None
            maps = feature_maps(self._model, x).arrays if self.convolutions else {}
            return Explanation(saliency(self._model, x, target), cam, maps)

    def _input(self, images: Sequence[Pixels]) -> Tensor:
        return apply_to_batch(evaluation_transform(), np.stack(images))
