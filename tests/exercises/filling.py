"""A student's file with its gaps filled in."""

from __future__ import annotations

import ast
from pathlib import Path

from exercises.grading.exercise import Exercise

FOLDER = Path(__file__).resolve().parents[2] / "exercises"


def shipped(exercise: Exercise) -> str:
    """The exercise's file as it is handed out."""
    return (FOLDER / exercise.file).read_text(encoding="utf-8")


def fill(source: str, bodies: dict[str, str]) -> str:
    """``source`` with the bodies of these functions, below their docstrings, changed: an expression, or lines."""
    lines = source.splitlines()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name in bodies]
    assert {node.name for node in functions} == set(bodies)
    for function in reversed(functions):
        body = bodies[function.name]
        body = body if "return" in body else f"return {body}"
        assert isinstance(function.body[0], ast.Expr), "every function has a docstring"
        assert function.body[0].end_lineno and function.end_lineno
        lines[function.body[0].end_lineno : function.end_lineno] = ["    " + line for line in body.splitlines()]
    text = "\n".join(lines) + "\n"
    return text if "np." not in text or "\nimport numpy as np" in text else f"import numpy as np\n\n{text}"
