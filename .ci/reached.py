"""Counts the lines of code that the engine stands on: ``python .ci/reached.py``.

Every file that ``autograd/`` reaches by import, and what class ``Tensor`` adds; blank lines, comments and docstrings do not
count. A package's ``__init__`` is counted where something is imported from it. There is no limit: the number is to be known.
"""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "tinygrad_fm"
ABOVE_OPS = ("functional.py", "forward_ad.py")  # files of autograd/ that stand on the operations


def code_lines(path: Path) -> int:
    """How many lines of ``path`` hold code."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    with tokenize.open(path) as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    lines = {n for t in tokens if t.type not in silent | {tokenize.ENDMARKER} for n in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False) is not None:
            text = node.body[0]
            lines -= set(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    return len(lines)


def file_of(folder: Path, dotted: str) -> Path | None:
    """The file of a module below ``folder``, None if there is no such module."""
    place = folder.joinpath(*dotted.split(".")) if dotted else folder
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists()), None)


def imports(path: Path) -> Iterable[Path]:
    """The project's files that ``path`` imports when it is itself imported."""
    waiting: list[ast.AST] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1]
            for name in node.names:
                found = file_of(folder, ".".join(filter(None, (node.module, name.name)))) or file_of(folder, node.module or "")
                if found:
                    yield found
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and "TYPE_CHECKING" not in ast.dump(node)[:80]:
            waiting += ast.iter_child_nodes(node)


def reached(files: Iterable[Path]) -> set[Path]:
    """``files`` and all that they import, and so on."""
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imports(path)
    return found


def show(title: str, files: Iterable[Path]) -> None:
    """A line per file and the sum."""
    counts = {path: code_lines(path) for path in sorted(files)}
    for path, count in counts.items():
        print(f"{count:6}  {path.relative_to(ROOT.parent).as_posix()}")
    print(f"{sum(counts.values()):6}  {title}\n")


def main() -> None:
    """Print both counts."""
    engine = reached(path for path in (ROOT / "autograd").glob("*.py") if path.name not in ABOVE_OPS)
    show("lines of code in autograd/ and what it imports", engine)
    tensor = reached([ROOT / "_tensor.py"])
    show("lines more that class Tensor reaches: the operations and its methods", tensor - engine)


if __name__ == "__main__":
    main()
