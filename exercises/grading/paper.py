"""The exercises on paper: a sheet to print, as HTML or Markdown, with room where ``...`` stands."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path

from .exercise import Exercise

# lines of room for what takes more than a line or two
ROOM = {
    "sum_to": 8,
    "backward": 16,
    "max_rule": 4,
    "softmax": 4,
    "softmax_rule": 4,
    "log_softmax": 4,
    "cross_entropy_rule": 4,
    "batch_norm": 6,
    "batch_norm_x": 8,
    "batch_norm_weight": 5,
    "im2col": 8,
    "im2col_rule": 8,
    "conv2d": 9,
    "conv2d_x": 9,
    "conv2d_w": 9,
    "max_pool": 4,
    "max_pool_rule": 6,
    "avg_pool_rule": 6,
    "momentum_step": 4,
    "adam_step": 8,
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Exercises</title>
<style>
@page {{ size: A4; margin: 18mm 20mm; }}
body {{ font: 11pt/1.45 Georgia, "Times New Roman", serif; color: #000; background: #fff; }}
body {{ max-width: 170mm; margin: 1em auto; padding: 0 1em; }}
h1 {{ font-size: 16pt; margin: 0 0 .6em; }}
section + section {{ break-before: page; }}
@media screen {{ section + section {{ border-top: 1px solid #888; margin-top: 3em; padding-top: 2em; }} }}
pre, code {{ font: 9.5pt/1.4 "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre-wrap; margin: .6em 0; }}
pre.text {{ margin-left: 1.5em; font-size: 9pt; }}
.function {{ break-inside: avoid; margin-top: 1.2em; }}
.room {{ margin-left: 2em; }}
.room div {{ height: 8mm; border-bottom: 1px solid #999; }}
.head {{ display: flex; justify-content: space-between; font-size: 9.5pt; margin-bottom: 1.5em; }}
.head span {{ border-bottom: 1px solid #999; min-width: 45%; padding-bottom: 1mm; }}
</style>
{body}
</html>
"""


def _pieces(source: str) -> tuple[str, list[tuple[str, int]]]:
    """The text of an exercise, and its code in pieces: each with the number of lines of room behind it."""
    tree = ast.parse(source)
    text = ast.get_docstring(tree) or ""
    lines = source.splitlines()
    pieces = []
    for node in tree.body[1:]:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        code = lines[node.lineno - 1 : node.end_lineno]
        has_gap = code[-1].strip() in ("...", "return ...")
        room = ROOM.get(getattr(node, "name", ""), 2) if has_gap else 0
        pieces.append(("\n".join(code[:-1] if has_gap else code), room))
    if not any(room for _, room in pieces):  # there are mistakes to find
        pieces.append(("The lines that are wrong, and what they should be:", 12))
    return text, pieces


def _paragraphs(text: str) -> list[tuple[str, str]]:
    """The text as paragraphs, "p", and lines that are kept as they stand, "pre"."""
    found = []
    for block in re.split(r"\n\s*\n|\n(?=\d\. )", text):  # the points of a list are paragraphs of their own
        found.append(("pre", block) if block.startswith((" ", ">>>")) else ("p", " ".join(block.split())))
    return found


def _as_html(exercise: Exercise, source: str) -> str:
    text, pieces = _pieces(source)
    title, *rest = _paragraphs(text)
    out = [f"<h1>{html.escape(title[1].rstrip('.'))}</h1>", '<div class="head"><span>Name:</span><span>Date:</span></div>']
    for kind, block in rest:
        prose = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(block))
        out.append(f"<p>{prose}</p>" if kind == "p" else f'<pre class="text">{html.escape(block)}</pre>')
    for code, room in pieces:
        lines = "<div></div>" * room
        out.append(f'<div class="function"><pre>{html.escape(code)}</pre><div class="room">{lines}</div></div>')
    return "<section>\n" + "\n".join(out) + "\n</section>"


def _as_markdown(exercise: Exercise, source: str) -> str:
    text, pieces = _pieces(source)
    title, *rest = _paragraphs(text)
    out = [f"# {title[1].rstrip('.')}", "Name: ______________________   Date: ______________"]
    out += [block if kind == "p" else f"```text\n{block}\n```" for kind, block in rest]
    for code, room in pieces:
        gap = "".join(f"\n    {'_' * 60}\n" for _ in range(room))
        out.append(f"```python\n{code}\n{gap}```")
    return "\n\n".join(out) + "\n"


def sheet(exercises: list[Exercise], folder: Path, kind: str) -> str:
    """The sheet of the exercises as they stand in ``folder``: ``kind`` is "html" or "md"."""
    sources = [(exercise, (folder / exercise.file).read_text(encoding="utf-8")) for exercise in exercises]
    if kind == "md":
        return "\n".join(_as_markdown(*pair) for pair in sources)
    return _PAGE.format(body="\n".join(_as_html(*pair) for pair in sources))
