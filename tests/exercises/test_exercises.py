"""Every exercise: its file as handed out is not started, the solution passes, and each known mistake gets its hint."""

from __future__ import annotations

import ast
import doctest
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from exercises.grading.catalogue import BY_NAME, EXERCISES
from exercises.grading.exercise import Exercise
from exercises.grading.grade import grade
from exercises.grading.recording import NUMPY_NAMES

from .filling import FOLDER, fill, shipped
from .solutions import SOLUTIONS

ROOT = FOLDER.parent
each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
MISTAKES = [
    pytest.param(exercise, part.function, mistake.body, mistake.hint, id=f"{exercise.name}-{part.function}-{i}")
    for exercise in EXERCISES
    for part in exercise.parts
    for i, mistake in enumerate(part.mistakes)
]


def solved(exercise: Exercise, **changed: str) -> str:
    return fill(shipped(exercise), {**SOLUTIONS[exercise.name], **changed})


def test_each_exercise_has_a_file_and_each_file_is_an_exercise() -> None:
    assert [exercise.file for exercise in EXERCISES] == sorted(path.name for path in FOLDER.glob("[0-9]*.py"))
    assert [exercise.number for exercise in EXERCISES] == list(range(1, len(EXERCISES) + 1))


@each
def test_as_handed_out_it_is_not_started(exercise: Exercise) -> None:
    report = grade(exercise, shipped(exercise), seed=0)
    assert (report.state, report.lines) == ("not started", [])


@each
@pytest.mark.parametrize("seed", [0, 1])
def test_the_solution_passes(exercise: Exercise, seed: int) -> None:
    report = grade(exercise, solved(exercise), seed)
    assert (report.state, report.lines) == ("passed", [])
    assert report.done == [part.function for part in exercise.parts]
    assert report.checks >= 4


@pytest.mark.parametrize("exercise", EXERCISES[:-1], ids=lambda exercise: exercise.name)
def test_there_are_ten_mistakes(exercise: Exercise) -> None:
    """(Those of the last one are in its file already: tests/exercises/test_training.py.)"""
    assert sum(len(part.mistakes) for part in exercise.parts) >= 10


@pytest.mark.parametrize(("exercise", "function", "body", "hint"), MISTAKES)
def test_a_mistake_gets_its_hint(exercise: Exercise, function: str, body: str, hint: str) -> None:
    report = grade(exercise, solved(exercise, **{function: body}), seed=0)
    assert report.state == "wrong"
    assert function not in report.done
    assert f"  hint: {hint}" in report.lines, "\n".join(report.lines)


def test_a_backward_that_calls_itself_is_told_so() -> None:
    body = "result.grad = 1.0\nfor p, rule in zip(result.parents, result.rules):\n    p.grad = rule(result.grad)\n    backward(p)\nreturn None"
    report = grade(BY_NAME["backward_loop"], solved(BY_NAME["backward_loop"], backward=body), seed=0)
    assert report.state == "wrong"
    assert any("a backward that calls itself" in line for line in report.lines)


PICTURES = [
    ("backward_loop", "backward", "result.grad = 2.0\nreturn None"),
    ("convolution", "conv2d_w", "np.zeros(w.shape)"),
    ("batch_norm", "batch_norm_x", "g"),
    ("softmax", "softmax", "np.exp(x)"),
    ("broadcasting", "add_b", "g"),
    ("kinks", "relu_rule", "g * (x >= 0)"),
]


@pytest.mark.parametrize(("name", "function", "body"), PICTURES)
def test_every_kind_of_failure_has_a_picture(name: str, function: str, body: str, tmp_path: Path) -> None:
    exercise = BY_NAME[name]
    assert grade(exercise, solved(exercise, **{function: body}), seed=0, pictures=tmp_path).picture


@each
def test_the_text_explains_it(exercise: Exercise) -> None:
    text = ast.get_docstring(ast.parse(shipped(exercise))) or ""
    assert text.startswith(f"Exercise {exercise.number}: ")
    prose = re.sub(r"^(>>>|\.\.\.).*", "", text, flags=re.M)
    assert 5 <= len(prose.splitlines()) <= 32
    assert ">>> " in text


@each
def test_the_examples_in_the_text_are_true(exercise: Exercise) -> None:
    names: dict[str, Any] = {}
    source = solved(exercise)
    exec(compile(source, exercise.file, "exec"), names)
    test = doctest.DocTestParser().get_doctest(ast.get_docstring(ast.parse(source)) or "", names, exercise.name, None, 0)
    assert test.examples
    failures: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=failures.append)
    assert not failures, "".join(failures)


@each
def test_where_the_library_does_it_is_true(exercise: Exercise) -> None:
    assert exercise.library
    for file, name in exercise.library:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(def |class |    def )?{name}\b", text, re.M), f"{file} defines no {name}"


def test_the_first_notebook_has_five_of_them() -> None:
    names = [exercise.name for exercise in EXERCISES if exercise.notebook]
    assert names == ["derivative", "product", "broadcasting", "matmul", "backward_loop"]


@pytest.mark.parametrize("dot", [True, False], ids=["dot", "no dot"])
def test_pictures_are_drawn_of_what_fails(dot: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SVG by Graphviz's program, and where that is missing as a page."""
    if not dot:
        monkeypatch.setenv("PATH", str(tmp_path))
    exercise = EXERCISES[1]
    report = grade(exercise, solved(exercise, divide_b="g * a / (b * b)"), seed=0, pictures=tmp_path)
    assert Path(report.picture).parent == tmp_path
    assert Path(report.picture).suffix == (".svg" if shutil.which("dot") else ".html")
    text = Path(report.picture).read_text(encoding="utf-8")
    assert "divide" in text and "grad by divide_b" in text


def test_the_page_lists_the_exercises_and_what_a_file_may_use() -> None:
    page = (ROOT / "docs" / "exercises.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.M)
    assert rows == [(str(exercise.number), exercise.name) for exercise in EXERCISES]
    (names,) = re.findall(r"```text\n(abs .*?)```", page, re.S)
    assert names.split() == sorted(NUMPY_NAMES)
