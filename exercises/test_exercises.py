"""``pytest exercises``: a test for each exercise, skipped as long as it is not started."""

from __future__ import annotations

from pathlib import Path

import pytest

from .__main__ import text_of
from .grading.catalogue import EXERCISES
from .grading.exercise import Exercise
from .grading.grade import NOT_STARTED, PASSED, Report
from .grading.worker import grade_files

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def graded(request: pytest.FixtureRequest) -> dict[str, tuple[Report, str]]:
    """The reports of all exercises that are tested, graded in one go."""
    items = [item for item in request.session.items if getattr(item, "originalname", "") == "test_exercise"]
    chosen = [item.callspec.params["exercise"] for item in items]  # type: ignore[attr-defined]
    return {report.exercise: (report, printed) for report, printed in grade_files(chosen, HERE, 0, HERE / "failed")}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_exercise(exercise: Exercise, graded: dict[str, tuple[Report, str]]) -> None:
    report, printed = graded[exercise.name]
    if report.state == NOT_STARTED:
        pytest.skip("not started")
    if report.state != PASSED:
        pytest.fail(text_of(report, printed, 0), pytrace=False)
