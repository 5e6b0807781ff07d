"""Calibration: against its definition written out, and against a minimum found otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fm import training


def drawn(count: int = 400, classes: int = 5, sharpness: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of an imagined model that is too sure: its logits are ``sharpness`` times the honest ones."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(count, classes))
    honest = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([generator.choice(classes, p=row) for row in honest])
    sure = np.exp(sharpness * logits)
    return labels, sure / sure.sum(1, keepdims=True)


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_reliability_is_its_definition(bins: int) -> None:
    labels, probabilities = drawn()
    found = training.reliability(labels, probabilities, bins)
    error = 0.0
    for number in range(bins):
        members = [
            i for i, row in enumerate(probabilities) if number / bins < row.max() <= (number + 1) / bins
        ]  # as the paper has it
        assert found.counts[number] == len(members)
        if members:
            confidence = np.mean([probabilities[i].max() for i in members])
            accuracy = np.mean([probabilities[i].argmax() == labels[i] for i in members])
            np.testing.assert_allclose([found.confidence[number], found.accuracy[number]], [confidence, accuracy])
            error += len(members) / len(labels) * abs(accuracy - confidence)
    assert found.error == pytest.approx(error)


def test_confidence_at_the_edge_of_a_bin_is_in_the_lower_one_and_1_in_the_last() -> None:
    found = training.reliability([0, 0], [[0.75, 0.25], [1.0, 0.0]], bins=4)
    assert found.counts.tolist() == [0, 0, 1, 1]


def test_the_temperature_has_the_least_loss_and_undoes_what_was_done_to_the_logits() -> None:
    labels, probabilities = drawn(20_000)

    def loss(temperature: float) -> float:
        return training.Evaluation(labels, training.with_temperature(probabilities, temperature)).loss  # type: ignore[arg-type]

    found = training.fit_temperature(labels, probabilities)
    assert found == pytest.approx(3.0, rel=0.05)
    assert all(loss(found) <= loss(found * factor) for factor in (0.9, 0.999, 1.001, 1.1))
    before, after = (
        training.reliability(labels, p).error for p in (probabilities, training.with_temperature(probabilities, found))
    )
    assert after < 0.02 and before > 0.1


def test_temperature_1_changes_nothing_and_none_changes_the_class() -> None:
    _, probabilities = drawn()
    np.testing.assert_allclose(training.with_temperature(probabilities, 1.0), probabilities, rtol=1e-12)
    for temperature in (0.05, 7.0):
        np.testing.assert_array_equal(training.with_temperature(probabilities, temperature).argmax(1), probabilities.argmax(1))


def test_probabilities_that_float32_rounded_to_zero_are_borne() -> None:
    sure = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    assert np.isfinite(training.with_temperature(sure, 5.0)).all()
    assert training.fit_temperature([0, 0], sure) == pytest.approx(100, rel=0.01)  # half wrong, so nothing is known
    assert training.fit_temperature([0, 1], sure) == pytest.approx(0.01, rel=0.01)  # all right, so it may be as sure as can be


@pytest.mark.parametrize(("labels", "probabilities"), [([], np.zeros((0, 3))), ([0, 1], [[1.0, 0.0]]), ([0], [1.0])])
def test_what_does_not_go_together_is_refused(labels: list[int], probabilities: object) -> None:
    for function in (training.reliability, training.fit_temperature):
        with pytest.raises(ValueError, match="the shapes are"):
            function(labels, probabilities)
    with pytest.raises(ValueError, match="temperature must be positive"):
        training.with_temperature([[1.0]], 0.0)
