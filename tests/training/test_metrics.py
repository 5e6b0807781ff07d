"""Scores, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fm import training


def test_scores_by_hand() -> None:
    labels, predictions = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]
    matrix = training.confusion_matrix(labels, predictions, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    precision, recall = training.precision_recall(matrix)
    np.testing.assert_allclose(precision, [1 / 2, 1 / 2, 1, 0])
    np.testing.assert_allclose(recall, [1 / 2, 1, 2 / 3, 0])
    assert training.accuracy(labels, predictions) == pytest.approx(4 / 6)


def test_scores_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="as many predictions"):
        training.accuracy([1, 2], [1])
    with pytest.raises(ValueError, match="no labels"):
        training.accuracy([], [])
    with pytest.raises(ValueError, match=r"prediction is out of range.*to 3"):
        training.confusion_matrix([0], [3], 3)
