"""``pytest exercises``: a test for each exercise, skipped as long as it is not started."""

from __future__ import annotations

from pathlib import Path

import pytest

from .__main__ import text_of
from .grading.catalogue import EXERCISES
from .grading.exercise import Exercise
from .grading.grade import NOT_STARTED, PASSED
from .grading.worker import grade_files

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_exercise(exercise: Exercise) -> None:
    ((report, printed),) = grade_files([exercise], HERE, 0, HERE / "failed")
    if report.state == NOT_STARTED:
        pytest.skip("not started")
    if report.state != PASSED:
        pytest.fail(text_of(report, printed, 0), pytrace=False)
