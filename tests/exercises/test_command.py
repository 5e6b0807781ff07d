"""``python -m exercises``: grading in a process of its own, and the progress that is kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exercises.__main__ import main
from exercises.grading.catalogue import BY_NAME, EXERCISES
from exercises.grading.worker import grade_files

from .filling import FOLDER, fill, shipped
from .solutions import SOLUTIONS

PRODUCT = BY_NAME["product"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A student's folder, as handed out."""
    for exercise in EXERCISES:
        (tmp_path / exercise.file).write_text(shipped(exercise), encoding="utf-8")
    return tmp_path


def write(folder: Path, name: str, **changed: str) -> None:
    exercise = BY_NAME[name]
    text = fill(shipped(exercise), {**SOLUTIONS[name], **changed})
    (folder / exercise.file).write_text(text, encoding="utf-8")


def test_progress_is_shown_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "derivative")
    write(folder, "product", divide_b="g * a / (b * b)")
    assert main(["--folder", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "[x]  1  derivative" in shown
    assert "[!]  2  product" in shown and "wrong  3 of 4" in shown
    assert f"1 of {len(EXERCISES)} passed" in shown
    assert f"then: python -m exercises {PRODUCT.name}" in shown
    kept = json.loads((folder / ".progress.json").read_text(encoding="utf-8"))
    assert kept["derivative"]["state"] == "passed"
    (folder / ".progress.json").write_text(json.dumps({**kept, "product": {"state": 3}}), encoding="utf-8")
    assert main(["--folder", str(folder)]) == 0  # a damaged entry is graded anew
    assert capsys.readouterr().out == shown


def test_one_exercise_is_graded(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "product")
    assert main(["--folder", str(folder), "2"]) == 0
    shown = capsys.readouterr().out
    assert "02_product.py: The product rule: passed" in shown
    assert "tinygrad_fm/ops/elementwise.py" in shown
    write(folder, "product", divide_b="print('b is', b)\nreturn g * a / (b * b)")
    assert main(["--folder", str(folder), "02_product.py", "--seed", "5"]) == 1
    shown = capsys.readouterr().out
    for words in ("hint: the sign is wrong", "| b is ", "02_product.", "--seed 5", "expected"):
        assert words in shown
    assert main(["--folder", str(folder), "derivative"]) == 1, "not started is not passed"


@pytest.mark.parametrize("arguments", [["no-such"], ["prod"], ["--folder", "no-such"], ["0"]])
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "there is no" in capsys.readouterr().err


def test_an_endless_loop_is_ended_and_the_others_are_graded(folder: Path) -> None:
    write(folder, "derivative")
    write(folder, "product", multiply_b="while True:\n    g = g + 0\nreturn g * a")
    write(folder, "matmul")
    chosen = [BY_NAME[name] for name in ("derivative", "product", "matmul")]
    reports = [report for report, _ in grade_files(chosen, folder, 0, None, limit=3)]
    assert [report.state for report in reports] == ["passed", "wrong", "passed"]
    text = "\n".join(reports[1].lines)
    assert "stopped after 3 seconds: a loop does not end" in text
    assert "of 02_product.py:  " in text


def test_an_endless_computation_in_c_and_too_much_memory_end(folder: Path) -> None:
    write(folder, "derivative", square_rule="sum(range(10**13))\nreturn 2 * g * x")
    write(folder, "product", multiply_b="x = [0] * 10**12\nreturn g * a")
    chosen = [BY_NAME[name] for name in ("derivative", "product")]
    reports = [report for report, _ in grade_files(chosen, folder, 0, None, limit=4)]
    assert "sum(range(10**13))" in "\n".join(reports[0].lines)
    assert "the memory is full (MemoryError)" in "\n".join(reports[1].lines)


def test_files_that_are_missing_or_no_text(folder: Path) -> None:
    (folder / PRODUCT.file).write_bytes(b"\xff\xfe\x00")
    (folder / EXERCISES[0].file).unlink()
    (first, _), (second, _) = grade_files(EXERCISES[:2], folder, 0, None)
    assert (first.state, second.state) == ("not started", "wrong")
    assert "no UTF-8 text" in second.lines[0]
    shutil.rmtree(folder)
    ((report, _),) = grade_files([PRODUCT], folder, 0, None)
    assert report.state == "not started"


def test_points_as_gradescope_reads_them(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "derivative")
    write(folder, "product", divide_b="g * a / (b * b)")
    path = tmp_path / "results.json"
    assert main(["--folder", str(folder), "--gradescope", str(path), "derivative", "product", "matmul"]) == 0
    assert capsys.readouterr().out == f"5 of 8 points: {path}\n"
    tests = json.loads(path.read_text(encoding="utf-8"))["tests"]
    assert [(test["score"], test["max_score"], test["status"]) for test in tests] == [
        (2, 2, "passed"),
        (3, 4, "failed"),
        (0, 2, "failed"),
    ]
    assert "hint: the sign is wrong" in tests[1]["output"]


def test_a_sheet_to_print(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, text = tmp_path / "sheet.html", tmp_path / "sheet.md"
    assert main(["--paper", str(page)]) == 0
    assert main(["--paper", str(text), "product", "backward_loop"]) == 0
    whole = page.read_text(encoding="utf-8")
    assert whole.count("<section>") == len(EXERCISES)
    for exercise in EXERCISES:
        assert all(f"def {part.function}(" in whole for part in exercise.parts)
    assert "return ..." not in whole and "http" not in whole
    part = text.read_text(encoding="utf-8")
    assert part.count("\n# Exercise") + part.startswith("# Exercise") == 2
    assert "def multiply_a(g, a, b):" in part and "____" in part
    with pytest.raises(SystemExit):
        main(["--paper", str(tmp_path / "sheet.pdf")])
    assert "must end in .html or .md" in capsys.readouterr().err


def test_pytest_runs_them() -> None:
    """``pytest exercises``: as handed out, all are skipped, and the files' own examples are left alone."""
    command = [sys.executable, "-m", "pytest", "exercises", "-p", "no:cacheprovider", "-o", "addopts=--doctest-modules"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}  # options of these tests here
    done = subprocess.run(command, cwd=FOLDER.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(EXERCISES)} skipped" in done.stdout
