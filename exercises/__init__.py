"""Exercises that grade themselves: see docs/exercises.md."""
