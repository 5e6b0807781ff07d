"""Whether a classifier is as sure as it is right: reliability, expected calibration error, temperature scaling.

Source: Guo, Pleiss, Sun and Weinberger 2017, On Calibration of Modern Neural Networks, https://arxiv.org/abs/1706.04599.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .metrics import FloatArray

BINS = 15
"""How many bins confidences are sorted into, as in the source."""

_COLDEST, _HOTTEST = 0.01, 100.0
_TINY = float(np.finfo(np.float32).tiny)  # a probability that float32 has rounded to 0 is at most this


class Reliability(NamedTuple):
    """Predictions sorted by their confidence, the probability of the class predicted, into B bins of equal width.

    Attributes:
        counts: how many predictions are in each bin, int64 (B,).
        confidence: their mean confidence, (B,); 0 in an empty bin.
        accuracy: the share of them that is right, (B,); 0 in an empty bin.

    >>> from tinygrad_fm import training
    >>> training.reliability([0, 1], [[0.8, 0.2], [0.6, 0.4]], bins=1).accuracy.tolist()
    [0.5]
    """

    counts: npt.NDArray[np.int64]
    confidence: FloatArray
    accuracy: FloatArray

    @property
    def error(self) -> float:
        """The expected calibration error::

        ECE = Σ_b counts_b / N · |accuracy_b − confidence_b|
        """
        return float((self.counts * np.abs(self.accuracy - self.confidence)).sum() / self.counts.sum())


def reliability(labels: Any, probabilities: Any, bins: int = BINS) -> Reliability:
    """How sure a classifier is, and how often it is right when it is so sure. Bin b holds confidences in (b/B, (b + 1)/B].

    Args:
        labels: the true classes, integers (N,).
        probabilities: of each class for each image, (N, K).
        bins: B.

    Returns:
        Counts, mean confidence and accuracy of each bin.

    Raises:
        ValueError: there are no predictions, or not as many as labels.

    Source: https://arxiv.org/abs/1706.04599, equations 1 to 3.

    >>> from tinygrad_fm import training
    >>> found = training.reliability([0, 1, 1, 0], [[0.9, 0.1], [0.1, 0.9], [0.7, 0.3], [0.6, 0.4]], bins=2)
    >>> found.counts.tolist(), found.accuracy.tolist(), round(found.error, 3)
    ([0, 4], [0.0, 0.75], 0.025)
    """
    labels, probabilities = _checked(labels, probabilities)
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    some = np.maximum(counts, 1)
    return Reliability(
        counts.astype(np.int64),
        np.bincount(places, confidence, bins) / some,
        np.bincount(places, right.astype(np.float64), bins) / some,
    )


def with_temperature(probabilities: Any, temperature: float) -> FloatArray:
    """The probabilities (N, K) that a model's logits have after division by a temperature, float64::

        softmax(log p / T) = p^(1/T) / Σ_k p_k^(1/T)

    The predicted class stays the same; above 1 the model is less sure, below 1 surer.

    Args:
        probabilities: those of temperature 1, (N, K).
        temperature: T > 0.

    Raises:
        ValueError: the temperature is not positive.

    >>> from tinygrad_fm import training
    >>> training.with_temperature([[0.9, 0.1]], 2.0).round(3).tolist()
    [[0.75, 0.25]]
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    scaled = _logarithms(probabilities) / temperature
    powers = np.exp(scaled - scaled.max(1, keepdims=True))
    shares: FloatArray = powers / powers.sum(1, keepdims=True)
    return shares


def fit_temperature(labels: Any, probabilities: Any) -> float:
    """The temperature with which a model's probabilities have the least negative log-likelihood.

    It is to be fitted on images that the model was not trained on, and is not tested on.

    The loss is convex in 1/T; where its derivative is zero, the mean of log p over each image's classes, weighted by the
    probabilities at that temperature, is that of the right classes. It is found by bisection between 0.01 and 100.

    Args:
        labels: the true classes, integers (N,).
        probabilities: those of temperature 1, (N, K).

    Returns:
        T, more than 1 where the model is too sure.

    Raises:
        ValueError: there are no predictions, or not as many as labels.

    Source: https://arxiv.org/abs/1706.04599, section 4.2.

    >>> from tinygrad_fm import training
    >>> round(training.fit_temperature([0, 0, 0, 1], [[0.9, 0.1]] * 4), 3)  # three of four are right: 0.75
    2.0
    """
    labels, probabilities = _checked(labels, probabilities)
    logits = _logarithms(probabilities)
    right = logits[np.arange(len(labels)), labels].mean()
    low, high = math.log(_COLDEST), math.log(_HOTTEST)
    for _ in range(60):
        middle = (low + high) / 2
        expected = (with_temperature(probabilities, math.exp(middle)) * logits).sum(1).mean()
        low, high = (middle, high) if expected > right else (low, middle)
    return math.exp((low + high) / 2)


def _logarithms(probabilities: Any) -> FloatArray:
    logarithms: FloatArray = np.log(np.maximum(np.asarray(probabilities, np.float64), _TINY))
    return logarithms


def _checked(labels: Any, probabilities: Any) -> tuple[Any, FloatArray]:
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ValueError(
            "expected labels (N,) and probabilities (N, K), N at least 1; "
            f"the shapes are {labels.shape} and {probabilities.shape}"
        )
    return labels, probabilities
