"""Grades one exercise: reads the student's file, runs every check, and says what came of it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import shutil
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_fm as torch

from . import gradients
from .compare import Trial, check, same_arguments
from .exercise import Case, Checks, Exercise, Operation, Part, Random, Values, Wrong
from .recording import recorded
from .student import NotStarted, Student, StudentError

PASSED, WRONG, STARTED, NOT_STARTED = "passed", "wrong", "begun", "not started"


@dataclass
class Report:
    """What came of grading an exercise.

    Attributes:
        state: ``passed``, ``wrong``, ``begun`` (what there is, is right) or ``not started``.
        done: the functions that are right.
        missing: those in which ``...`` stands.
        lines: what is wrong, for people.
        checks: how many comparisons passed.
        picture: the file that the failing graph was written to.
    """

    exercise: str
    state: str
    done: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    checks: int = 0
    picture: str = ""

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def grade(exercise: Exercise, source: str, seed: int, pictures: Path | None = None) -> Report:
    """Grade the text of a student's file.

    Args:
        seed: of the inputs that are drawn.
        pictures: the folder for the graph of what fails; None draws nothing.
    """
    report = Report(exercise.name, WRONG)
    try:
        student = Student(source, exercise.file, exercise.attributes, exercise.imports, exercise.whole)
    except StudentError as error:
        where = _where(source, exercise.file, error.line)
        report.lines = [*([where] if where else []), f"  {error}"]
        return report
    except NotStarted:
        report.state = NOT_STARTED
        return report
    if exercise.planted and fingerprint(source) == exercise.planted:
        report.state = NOT_STARTED
        return report
    failed = False
    for item in exercise.items:
        failed = not _grade_item(student, item, seed, report, pictures) or failed
    report.missing = [part.function for part in exercise.parts if part.function in report.missing]
    if failed:
        report.state = WRONG
    elif report.missing:
        report.state = STARTED if report.done else NOT_STARTED
    else:
        report.state = PASSED
    return report


def fingerprint(source: str) -> str:
    """A number that stays the same while a file's code does, whatever its comments and layout."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in layout]
    return hashlib.sha256(" ".join(tokens[1:]).encode()).hexdigest()[:16]  # without the text in front


def _where(source: str, name: str, line: int) -> str:
    lines = source.splitlines()
    if not line:
        return ""
    return f"line {line} of {name}:  {lines[line - 1].strip() if line <= len(lines) else ''}"


def _grade_item(student: Student, item: Any, seed: int, report: Report, pictures: Path | None) -> bool:
    """Grade an operation, or a function; False if something in it is wrong."""
    rules: dict[str, Callable[..., Any]] = {}
    good = True
    for name, part in item.rules.items() if isinstance(item, Operation) else [("", item.part)]:
        function = _guarded(report, student, part, pictures, functools.partial(student.check_signature, part.signature))
        if function is None:
            good = False
        elif part.function in student.unfinished:
            report.missing.append(part.function)
        elif _guarded(report, student, part, pictures, lambda: _check(student, item, name, function, seed)) is None:  # noqa: B023
            good = good and part.function in report.missing
        else:
            rules[name] = function
            report.done.append(part.function)
    if isinstance(item, Operation) and len(rules) == len(item.rules):
        part = item.parts[-1]
        passed = _guarded(report, student, part, pictures, lambda: gradients.check_second(student, item, rules, seed))
        if passed is None:
            report.done = [name for name in report.done if name not in {p.function for p in item.parts}]
        return good and passed is not None
    return good


def _check(student: Student, item: Any, name: str, function: Any, seed: int) -> int:
    if isinstance(item, Operation):
        return gradients.check_first(student, item, name, function, seed)
    if isinstance(item, Checks):
        return item.check(student, function, seed)
    return check_values(student, item, function, seed)


def _guarded(report: Report, student: Student, part: Part, pictures: Path | None, run: Callable[[], Any]) -> Any:
    """What ``run`` returns; None if something is wrong, which is then in the report."""
    try:
        result = run()
    except NotStarted:
        report.missing.append(part.function)
    except Wrong as wrong:
        report.lines += [*wrong.lines, *(f"  hint: {hint}" for hint in wrong.hints)]
        if wrong.draw is not None and pictures is not None and not report.picture:
            report.picture = _save(wrong.draw, pictures / Path(student.name).stem)
    except StudentError as error:
        report.lines += [f"{part.what}: {student.where(error)}", f"  {error}", *(f"  hint: {hint}" for hint in error.hints)]
    else:
        if isinstance(result, int):
            report.checks += result
        return result
    return None


def _save(draw: Callable[[], Any], path: Path) -> str:
    """Write the graph that ``draw`` makes, as SVG where Graphviz's program is, else as a page; the file's name."""
    try:
        graph = draw()
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(graph.save(path.with_suffix(".svg" if shutil.which("dot") else ".html")))
    except Exception:  # a picture is a help, and its lack must not hide what is wrong
        return ""


# -- values ------------------------------------------------------------------------------------------------------------


def _once(part: Part) -> Callable[[Callable[..., Any], Case], Any]:
    return lambda function, case: function(*[_copy(case[name]) for name in part.parameters])


def _copy(x: Any) -> Any:
    return np.array(x) if isinstance(x, np.ndarray) else list(map(_copy, x)) if isinstance(x, list) else x


def check_values(student: Student, item: Values, function: Callable[..., Any], seed: int) -> int:
    """Compare a function's results with the reference's; returns how many cases passed."""
    part, passed = item.part, 0
    run = item.run or _once(part)
    trial = Trial(part)

    def watched(*args: Any) -> Any:
        before = {name: _copy(x) for name, x in zip(part.parameters, args, strict=True)}
        result = student.call(function, *args)
        same_arguments(before, dict(zip(part.parameters, args, strict=True)), part)
        return result

    for drawn in range(2):
        for i, case in enumerate(item.cases(Random(seed + drawn))):
            expected = run(item.reference, case)
            for narrow in (False, True) if i == 0 else (False,):
                given = gradients._cast(case, np.float32) if narrow else case
                try:
                    got = trial.call(functools.partial(_run_case, run, given), watched)
                    _compare_values(item, got, expected, given, trial, narrow)
                except Wrong as wrong:
                    if item.draws:
                        wrong.draw = functools.partial(_draw_values, student, part, function, case)
                    raise
            passed += 1
    return passed


def _run_case(run: Callable[..., Any], case: Case, function: Callable[..., Any]) -> Any:
    return run(function, case)


def _compare_values(item: Values, got: Any, expected: Any, case: Case, trial: Trial, narrow: bool) -> None:
    part, names = item.part, item.outputs or ("",)
    if not item.outputs:
        got, expected = (got,), (expected,)
    elif not isinstance(got, tuple) or len(got) != len(names):
        kind = f"{len(got)} results" if isinstance(got, tuple) else f"one {type(got).__name__}"
        raise Wrong(f"{part.signature} returned {kind}, expected {len(names)}: {', '.join(names)}")
    for name, mine, right in zip(names, got, expected, strict=True):
        what = dataclasses.replace(part, what=f"{part.what}, {name}" if name else part.what)
        tolerance, note = (1e-3, " in float32") if narrow else (1e-7, "")
        check(mine, np.asarray(right, np.float64), what, case, tolerance=tolerance, trial=trial, note=note)


def _draw_values(student: Student, part: Part, function: Callable[..., Any], case: Case) -> Any:
    """The graph of what the student's function computes, with all values."""
    args = {
        name: torch.tensor(case[name], requires_grad=True)
        if isinstance(case[name], np.ndarray) and case[name].dtype.kind == "f"
        else case[name]
        for name in part.parameters
    }
    with recorded():
        result = student.call(function, *args.values())
    tensors = {name: x for name, x in args.items() if isinstance(x, torch.Tensor)}
    return torch.draw(result, names={**tensors, f"{part.function} (got)": result}, values=True)
