"""Running a model over a data set without training it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .._tensor import Tensor
from ..data import DataLoader
from ..nn import Module
from ..nn.utils.evaluating import evaluating
from ..ops.functions import flip, softmax
from .metrics import IntArray, accuracy, confusion_matrix


@dataclass(frozen=True)
class Evaluation:
    """What a model says about a data set.

    Attributes:
        labels: int64 (N,).
        probabilities: of each class for each image, float32 (N, K).

    >>> import numpy as np
    >>> from tinygrad_fm import training
    >>> found = training.Evaluation(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]], np.float32))
    >>> found.predictions.tolist(), float(found.accuracy)
    ([0, 0], 0.5)
    """

    labels: IntArray
    probabilities: npt.NDArray[np.float32]

    @cached_property
    def predictions(self) -> IntArray:
        """The most probable class of each image, int64 (N,)."""
        return self.probabilities.argmax(1)

    @cached_property
    def accuracy(self) -> float:
        """The share of right predictions."""
        return accuracy(self.labels, self.predictions)

    @cached_property
    def loss(self) -> float:
        """The mean negative logarithm of the right class's probability; not finite if a probability is not."""
        right = self.probabilities[np.arange(len(self.labels)), self.labels].astype(np.float64)
        return float(-np.log(np.maximum(right, np.finfo(np.float32).tiny)).mean())

    @cached_property
    def confusion(self) -> IntArray:
        """How often true label i (row) was predicted as label j (column): int64 (K, K)."""
        return confusion_matrix(self.labels, self.predictions, self.probabilities.shape[1])


def predict(model: Module, images: Tensor, tta: bool = False) -> npt.NDArray[np.float32]:
    """The probabilities (N, K) of the classes of images (N, C, H, W), without gradients and in evaluation mode.

    Args:
        model: gives logits (N, K).
        images: as the model takes them; see ``evaluation_transform``.
        tta: average the probabilities of each image and its mirror image.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import training
    >>> training.predict(torch.nn.Flatten(), torch.zeros(1, 1, 1, 2)).tolist()
    [[0.5, 0.5]]
    """
    with evaluating(model), np.errstate(all="ignore"):  # the caller sees what is not finite
        found = softmax(model(images), 1)
        if tta:
            found = (found + softmax(model(flip(images, dims=(3,))), 1)) * 0.5
        result: npt.NDArray[np.float32] = found.numpy()
    return result


BATCH = 250


def evaluate(model: Module, dataset: Any, batch_size: int = BATCH, tta: bool = False) -> Evaluation:
    """Run ``model`` over ``dataset``, whose samples are (image, label), in batches, so that memory is bounded.

    Raises ValueError if the data set is empty.

    >>> import tinygrad_fm as torch
    >>> from tinygrad_fm import training
    >>> dataset = torch.utils.data.TensorDataset(torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1]))
    >>> float(training.evaluate(torch.nn.Identity(), dataset).accuracy)
    1.0
    """
    if not len(dataset):
        raise ValueError("evaluate: the data set is empty")
    labels, probabilities = [], []
    loader: DataLoader[Any] = DataLoader(dataset, batch_size)
    for images, targets in loader:
        probabilities.append(predict(model, images, tta))
        labels.append(targets.numpy())
    return Evaluation(np.concatenate(labels), np.concatenate(probabilities))
