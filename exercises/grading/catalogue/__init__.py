"""The exercises, in the order in which to solve them."""

from __future__ import annotations

from ..exercise import Exercise
from . import basics, classification, elementwise, images, layers, optimizers, reductions, tape, training

_CHAPTERS = [basics, tape, elementwise, reductions, classification, layers, images, optimizers, training]
EXERCISES: list[Exercise] = [exercise for chapter in _CHAPTERS for exercise in chapter.EXERCISES]
BY_NAME = {exercise.name: exercise for exercise in EXERCISES}
