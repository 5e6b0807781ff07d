"""Scores of a classifier. K is the number of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def correct(labels: Any, predictions: Any) -> int:
    """How many predictions (N,) equal their labels (N,).

    >>> correct([0, 1, 2, 1], [0, 1, 1, 1])
    3
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape:
        raise ValueError(f"expected as many predictions as labels; the shapes are {predictions.shape} and {labels.shape}")
    return int((labels == predictions).sum())


def accuracy(labels: Any, predictions: Any) -> float:
    """The share of predictions (N,) that equal their labels (N,). Raises ValueError if there are none.

    >>> accuracy([0, 1, 2, 1], [0, 1, 1, 1])
    0.75
    """
    if not np.size(labels):
        raise ValueError("accuracy: there are no labels")
    return correct(labels, predictions) / np.size(labels)


def confusion_matrix(labels: Any, predictions: Any, classes: int) -> IntArray:
    """How often true label i (row) was predicted as label j (column): int64 (K, K).

    Raises ValueError if a label or prediction is not in 0 … classes - 1.

    >>> confusion_matrix([0, 1, 2, 1], [0, 1, 1, 1], 3).tolist()
    [[1, 0, 0], [0, 2, 0], [0, 1, 0]]
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    for name, values in (("label", labels), ("prediction", predictions)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            found = f"they run from {values.min()} to {values.max()}"
            raise ValueError(f"a {name} is out of range: {found}, not from 0 to {classes - 1}")
    pairs = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)


def precision_recall(matrix: IntArray) -> tuple[FloatArray, FloatArray]:
    """For each class, the share of its predictions that were right, and of its members that were found: (K,), (K,).

    A class that was never predicted has precision 0, one without members recall 0.

    >>> [part.tolist() for part in precision_recall(np.array([[1, 1], [0, 2]]))]
    [[1.0, 0.6666666666666666], [0.5, 1.0]]
    """
    right = np.diagonal(matrix).astype(np.float64)
    predicted, members = matrix.sum(0), matrix.sum(1)
    return right / np.maximum(predicted, 1), right / np.maximum(members, 1)
