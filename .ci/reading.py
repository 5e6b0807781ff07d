"""Counts the lines of code of the evening's reading: what one reads to understand how the framework differentiates.

Blank lines, comments and docstrings do not count. Fails above the limit.
"""

from __future__ import annotations

import ast
import sys
import tokenize
from pathlib import Path

LIMIT = 1500
ROOT = Path(__file__).parent.parent / "tinygrad_fm"
# what stands on the tape is no part of it: own operations, checks and tools for finding faults
TOOLS = {"anomaly.py", "function.py", "gradcheck.py", "places.py"}
READING = [
    *sorted(p for p in (ROOT / "autograd").glob("*.py") if p.name not in TOOLS),
    ROOT / "tensor.py",
    *(ROOT / "ops" / f"{name}.py" for name in ("elementwise", "reduce", "shape")),
]


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


def main() -> int:
    """Print the count of each file and the sum."""
    counts = {path: code_lines(path) for path in READING}
    for path, count in counts.items():
        print(f"{count:6} {path.relative_to(ROOT.parent)}")
    total = sum(counts.values())
    print(f"{total:6} lines of code in the evening's reading (at most {LIMIT})")
    return 0 if total <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
