"""The exercises, in the order in which to solve them."""

from __future__ import annotations

from ..exercise import Exercise
from . import basics, tape

EXERCISES: list[Exercise] = sorted([*basics.EXERCISES, *tape.EXERCISES], key=lambda exercise: exercise.number)
BY_NAME = {exercise.name: exercise for exercise in EXERCISES}
