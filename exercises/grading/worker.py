"""Grading in a process of its own, so that a loop without an end, or too much memory, ends that process alone.

``grade_files`` starts the process, ``main`` is what runs in it: it reads what to grade from its argument, and writes a report
for each, as a line of JSON, to a file; what students' functions print goes to standard output.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .catalogue import BY_NAME
from .exercise import Exercise
from .grade import NOT_STARTED, WRONG, Report, grade

LIMIT = 20.0  # seconds for an exercise: grading takes a fraction of one
MEMORY = 2 << 30  # bytes, beside those of the libraries
PRINTED = 20  # lines of what is printed that are shown


def read(path: Path) -> str:
    """The text of a student's file. Raises OSError, or ValueError if it is no text."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"the file is no UTF-8 text (byte {error.start} is {data[error.start]:#04x}); save it as UTF-8"
        ) from None


def _unread(exercise: Exercise, path: Path) -> Report | None:
    """The report of a file that cannot be read."""
    try:
        read(path)
    except FileNotFoundError:
        return Report(exercise.name, NOT_STARTED, lines=[f"there is no file {path}"])
    except (OSError, ValueError) as error:
        return Report(exercise.name, WRONG, lines=[f"{path}: {getattr(error, 'strerror', None) or error}"])
    return None


def grade_files(
    exercises: list[Exercise], folder: Path, seed: int, pictures: Path | None, limit: float = LIMIT
) -> Iterator[tuple[Report, str]]:
    """Grade the exercises whose files are in ``folder``, one after the other; each report, and what was printed."""
    pending = []
    for exercise in exercises:
        unread = _unread(exercise, folder / exercise.file)
        if unread is not None:
            yield unread, ""
        else:
            pending.append(exercise)
    while pending:
        done = 0
        for report, printed in _one_process(pending, folder, seed, pictures, limit):
            yield report, printed
            done += 1
        pending = pending[done:]


def _one_process(
    exercises: list[Exercise], folder: Path, seed: int, pictures: Path | None, limit: float
) -> list[tuple[Report, str]]:
    """Grade exercises in one process until all are done or it ends; the last report is then of what ended it."""
    with tempfile.TemporaryDirectory(prefix="exercises-") as scratch:
        results = Path(scratch) / "results"
        job = {
            "files": [[exercise.name, str((folder / exercise.file).resolve())] for exercise in exercises],
            "seed": seed,
            "pictures": str(pictures.resolve()) if pictures else None,
            "results": str(results),
            "limit": limit,
        }
        root = Path(__file__).resolve().parents[2]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])}
        environment |= {"PYTHONIOENCODING": "utf-8:backslashreplace", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = subprocess.run(
            [sys.executable, "-m", "exercises.grading.worker", json.dumps(job)],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=(limit + 60) * len(exercises),
            check=False,
        )
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    printed = process.stdout.split("\0")
    found = []
    for i, line in enumerate(lines):
        found.append((Report(**json.loads(line)), printed[i] if i < len(printed) else ""))
    if len(found) < len(exercises):
        exercise = exercises[len(found)]
        rest = printed[len(found)] if len(found) < len(printed) else ""
        found.append((_ended(exercise, folder, process.returncode, process.stderr, limit), rest))
    return found


def _ended(exercise: Exercise, folder: Path, code: int, errors: str, limit: float) -> Report:
    """The report of an exercise during which the process ended."""
    if "Timeout" in errors:
        at = re.search(rf"<student's {re.escape(exercise.file)}>\", line (\d+)", errors)
        lines = [f"stopped after {limit:g} seconds: a loop does not end, or there is far too much to compute"]
        if at:
            text = read(folder / exercise.file).splitlines()[int(at[1]) - 1].strip()
            lines += [
                f"  it was at line {at[1]} of {exercise.file}:  {text}",
                "  hint: does something in the loop change its condition?",
            ]
    else:
        last = (errors.strip().splitlines() or [""])[-1]
        lines = [f"the process that graded it ended (code {code}) {last}".rstrip()]
    return Report(exercise.name, WRONG, lines=lines)


# -- in the process ----------------------------------------------------------------------------------------------------


def _limit_memory() -> None:
    """Let the process take :data:`MEMORY` more than it has; where the system does not say how much that is, the time is the
    limit."""
    try:
        import resource

        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = now + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    except (ImportError, ValueError, OSError):
        pass


def main(argument: str) -> None:
    """Grade what the job says."""
    job: dict[str, Any] = json.loads(argument)
    _limit_memory()
    pictures = Path(job["pictures"]) if job["pictures"] else None
    with open(job["results"], "w", encoding="utf-8") as results:
        for name, path in job["files"]:
            faulthandler.dump_traceback_later(job["limit"], exit=True)
            report = grade(BY_NAME[name], read(Path(path)), job["seed"], pictures)
            faulthandler.cancel_dump_traceback_later()
            results.write(json.dumps(report.as_dict()) + "\n")
            results.flush()
            print(end="\0", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
