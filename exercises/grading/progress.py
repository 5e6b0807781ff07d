"""What was passed so far: kept in ``.progress.json`` beside the student's files, and shown as a table."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from tinygrad_fm.atomic_files import write_atomically

from .catalogue import EXERCISES
from .exercise import Exercise
from .grade import NOT_STARTED, PASSED, STARTED, WRONG, Report

NAME = ".progress.json"
MARKS = {PASSED: "[x]", WRONG: "[!]", STARTED: "[~]", NOT_STARTED: "[ ]"}


class Progress:
    """The last report of each exercise, and the file that it was about."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: dict[str, dict[str, Any]] = {}
        try:
            kept = json.loads((folder / NAME).read_text(encoding="utf-8"))
            self.entries = {e.name: kept[e.name] for e in EXERCISES if self._is_entry(kept.get(e.name))}
        except (OSError, ValueError, AttributeError):  # none yet, or damaged: everything is graded anew
            pass

    @staticmethod
    def _is_entry(entry: Any) -> bool:
        if not isinstance(entry, dict) or entry.get("state") not in MARKS:
            return False
        return all(isinstance(entry.get(key), kind) for key, kind in (("file", str), ("done", int), ("parts", int)))

    def _fingerprint(self, exercise: Exercise) -> str:
        try:
            return hashlib.sha256((self.folder / exercise.file).read_bytes()).hexdigest()[:16]
        except OSError:
            return ""

    def changed(self) -> list[Exercise]:
        """The exercises whose files are not those that were graded last."""
        return [e for e in EXERCISES if self.entries.get(e.name, {}).get("file") != self._fingerprint(e)]

    def note(self, report: Report) -> None:
        """Remember a report."""
        (exercise,) = (e for e in EXERCISES if e.name == report.exercise)
        entry = {
            "state": report.state,
            "file": self._fingerprint(exercise),
            "done": len(report.done),
            "parts": len(exercise.parts),
        }
        self.entries[exercise.name] = entry

    def save(self) -> None:
        """Write it beside the files; a folder that cannot be written to keeps none."""
        text = json.dumps(self.entries, indent=1).encode()
        with contextlib.suppress(OSError):
            write_atomically(self.folder / NAME, lambda file: file.write(text))

    def table(self) -> str:
        """A line for each exercise, and how far it is."""
        lines = []
        for exercise in EXERCISES:
            entry = self.entries.get(exercise.name, {"state": NOT_STARTED, "done": 0, "parts": len(exercise.parts)})
            state = entry["state"]
            count = f"{entry['done']} of {entry['parts']}" if entry["parts"] > 1 and state in (WRONG, STARTED) else ""
            lines.append(
                f"{MARKS[state]} {exercise.number:2}  {exercise.name:<15}  {exercise.title:<34}  {state}  {count}".rstrip()
            )
        passed = sum(entry["state"] == PASSED for entry in self.entries.values())
        full = round(30 * passed / len(EXERCISES))
        return "\n".join([*lines, "", f"[{'#' * full}{'.' * (30 - full)}] {passed} of {len(EXERCISES)} passed"])

    def next(self) -> Exercise | None:
        """The first exercise that is not passed."""
        return next((e for e in EXERCISES if self.entries.get(e.name, {}).get("state") != PASSED), None)
