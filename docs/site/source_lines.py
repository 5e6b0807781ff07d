"""Where a public name is defined: the file and the line, also of operations that are made by a call and not by ``def``."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from pathlib import Path
from typing import Any, NamedTuple

import tinygrad_fm

from .address import ROOT

PACKAGE = Path(tinygrad_fm.__file__).resolve().parent


class Definition(NamedTuple):
    """A definition in the package: the module, the file's path in the repository, first and last line."""

    module: str
    path: str
    line: int
    end: int

    def text(self) -> str:
        """The lines themselves."""
        lines = (ROOT / self.path).read_text(encoding="utf-8").split("\n")
        return "\n".join(lines[self.line - 1 : self.end])


@functools.cache
def definitions(module: str) -> dict[str, Definition]:
    """What a module defines at its top level, by name."""
    file = getattr(sys.modules[module], "__file__", None)
    if not file or PACKAGE not in Path(file).resolve().parents:
        return {}
    path = Path(file).resolve()
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        for name in names:
            where = "tinygrad_fm/" + path.relative_to(PACKAGE).as_posix()
            found.setdefault(name, Definition(module, where, node.lineno, node.end_lineno or node.lineno))  # type: ignore[attr-defined]
    return found


@functools.cache
def bindings() -> dict[int, list[tuple[str, str]]]:
    """(module, name) of every name of the package's modules that is defined there, by the identity of what it names."""
    found: dict[int, list[tuple[str, str]]] = {}
    for module in sorted(name for name in sys.modules if name.partition(".")[0] == "tinygrad_fm"):
        for name in definitions(module):
            if name in vars(sys.modules[module]):
                found.setdefault(id(vars(sys.modules[module])[name]), []).append((module, name))
    return found


def definition_of(value: Any, name: str) -> Definition | None:
    """Where ``value``, known as ``name``, is defined; None if it is not in the package."""
    inner = inspect.unwrap(value) if callable(value) else value
    if getattr(inner, "__name__", "") == getattr(value, "__name__", ""):  # not zeros_like, which wraps zeros
        value = inner
    own = getattr(value, "__name__", name)
    module = getattr(value, "__module__", "")
    if module in sys.modules and not hasattr(value, "primitive") and own in definitions(module):
        return definitions(module)[own]
    known = bindings().get(id(value), [])
    best = sorted(known, key=lambda where: (where[1] != own, where[1] != name))
    if best:
        return definitions(best[0][0])[best[0][1]]
    return definitions(module).get(own) if module in sys.modules else None
