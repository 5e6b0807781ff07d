"""A docstring, as the project writes them, in Sphinx's reStructuredText.

Paragraphs; ``Args:`` and the like with ``name: text`` items; ``Shapes:`` and ``Source:`` in one paragraph; examples after
``>>>``; and formulas or programs, which are indented.
"""

from __future__ import annotations

import ast
import contextlib
import re
import textwrap
from collections.abc import Callable

FIELDS = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Raises", "Returns": "Returns", "Yields": "Yields"}
PARAGRAPHS = ("Shapes", "Shape", "Source", "Returns", "Raises", "Args", "Attributes")
WHOLE = re.compile(r"(Args|Arguments|Attributes|Raises|Returns|Yields|Examples?|Note):$")
PIECE = re.compile(r"(``.+?``)|(:\w+:`[^`]+`)|(`[^`]+`)|(https?://[^\s)>]+)")
BEFORE, AFTER = " ([{<-/'\"", " .,;:!?-)]}>/'\""  # what may stand beside markup

Link = Callable[[str], "str | None"]  # the full name of what a name in backticks is, if it has an entry


def nothing(name: str) -> None:
    """No links."""


def escaped(text: str) -> str:
    """Plain text, in which nothing is markup."""
    return re.sub(r"([\\*|`])|(_)(?!\w)|(?<!\w)(_)", lambda m: "\\" + m[0], text)


def inline(text: str, link: Link = nothing) -> str:
    """A paragraph's text: code between backticks, linked where ``link`` knows it."""
    text = re.sub(r"::$", ":", text)
    parts, end = [], 0
    for found in PIECE.finditer(text):
        parts.append(escaped(text[end : found.start()]))
        end = found.end()
        if found[4]:
            address = found[4].rstrip(".,;:")
            end -= len(found[4]) - len(address)
            parts.append(f"`{address.removeprefix('https://')} <{address}>`__")
            continue
        code = re.sub(r"^:\w+:", "", found[0]).strip("`").strip()
        full = link(code)
        made = f":py:obj:`{code} <{full}>`" if full else f"``{code}``"
        before, after = text[: found.start()][-1:], text[end : end + 1]
        parts.append(("\\ " if before not in BEFORE else "") + made + ("\\ " if after not in AFTER else ""))
    return "".join([*parts, escaped(text[end:])])


def indented(lines: list[str], by: str = "   ") -> list[str]:
    return [by + line if line else "" for line in lines]


def code_block(language: str, lines: list[str], caption: str = "") -> list[str]:
    """The lines as a block of code."""
    text = textwrap.dedent("\n".join(lines)).strip("\n").split("\n")
    options = [f"   :caption: {caption}"] if caption else []
    return [f".. code-block:: {language}", *options, "", *indented(text), ""]


def is_python(lines: list[str]) -> bool:
    """Whether an indented block is a program, and not a formula."""
    text = textwrap.dedent("\n".join(lines))
    with contextlib.suppress(SyntaxError):
        return text.isascii() and bool(ast.parse(text))
    return False


def blocks_of(doc: str) -> list[list[str]]:
    """The docstring's lines in blocks: paragraphs, sections with all that is indented below them, examples, programs."""
    found: list[list[str]] = []
    for paragraph in filter(None, re.split(r"\n\s*\n", doc.strip("\n"))):
        for number, line in enumerate(paragraph.split("\n")):
            if found and goes_on(found[-1], line, number == 0):
                found[-1] += ["", line] if number == 0 else [line]
            else:
                found.append([line])
    return found


def goes_on(block: list[str], line: str, after_empty: bool) -> bool:
    """Whether ``line`` belongs to the block above it."""
    first, indented_line = block[0], line.startswith(" ")
    if WHOLE.match(first):
        return indented_line
    if after_empty:
        return indented_line and first.startswith(" ") and not line.lstrip().startswith(">>>")
    if first.lstrip().startswith(">>>") or re.match(r"(?:[-*]|\d+\.) ", first):
        return True
    starts = re.match(rf"({'|'.join(PARAGRAPHS)}): |>>>|[-*] ", line) or WHOLE.match(line)
    return not starts and indented_line == first.startswith(" ")


def items_of(lines: list[str]) -> list[str]:
    """The items of a section: those that begin at its own indentation, each in one line."""
    text = textwrap.dedent("\n".join(line for line in lines if line)).split("\n")
    found: list[str] = []
    for line in text:
        if line.startswith(" ") and found:
            found[-1] += " " + line.strip()
        else:
            found.append(line.strip())
    return found


def item(text: str, link: Link) -> str:
    """``name: what it is``, the name set off."""
    names, mark, rest = text.partition(": ")
    if not mark or not re.fullmatch(r"[\w*,. ()…\[\]/]+", names):
        return inline(text, link)
    return f"**{escaped(names)}** – {inline(rest, link)}"


def section(title: str, lines: list[str], link: Link) -> list[str]:
    """A section that has its lines indented below its title."""
    if title.startswith("Example"):
        return [line for block in blocks_of(textwrap.dedent("\n".join(lines))) for line in rendered_block(block, link)]
    listed = items_of(lines)
    if title in {"Returns", "Note"} or len(listed) == 1:
        return [f":{FIELDS.get(title, title)}: {' '.join(item(x, link) for x in listed)}", ""]
    return [f":{FIELDS.get(title, title)}:", *(f"   * {item(text, link)}" for text in listed), ""]


def rendered_block(block: list[str], link: Link) -> list[str]:
    """One block of a docstring."""
    while block and not block[-1]:
        block = block[:-1]
    first = block[0]
    whole = WHOLE.match(first)
    if whole:
        return section(whole[1], block[1:], link)
    if first.lstrip().startswith(">>>"):
        return code_block("pycon", block)
    if first.startswith(" "):
        return code_block("python" if is_python(block) else "text", block)
    if re.match(r"(?:[-*]|\d+\.) ", first):
        return [*bullets(block, link), ""]
    text = " ".join(line.strip() for line in block)
    found = re.match(rf"({'|'.join(PARAGRAPHS)}): (.*)", text)
    if found:
        title = {"Shape": "Shapes", "Args": "Arguments"}.get(found[1], found[1])
        return [f":{title}: {inline(found[2], link)}", ""]
    return [inline(text, link), ""]


def bullets(block: list[str], link: Link) -> list[str]:
    """A list's items, each in one line."""
    found: list[str] = []
    for line in block:
        start = re.match(r"\s*(?:[-*]|\d+\.) +(.*)", line)
        if start:
            found.append(start[1])
        elif line:
            found[-1] += " " + line.strip()
    return [f"- {inline(text, link)}" for text in found]


def rendered(doc: str, link: Link = nothing) -> list[str]:
    """The lines of a docstring as reStructuredText, fields (arguments, errors, source) last so that they are one list."""
    blocks = [rendered_block(block, link) for block in blocks_of(doc)]
    fields = [block for block in blocks if block and block[0].startswith(":") and not block[0].startswith(":py:")]
    rest = [block for block in blocks if block not in fields]
    body = [block for block in rest if block[0] != ".. code-block:: pycon"]
    examples = [block for block in rest if block[0] == ".. code-block:: pycon"]
    return [line for block in [*body, *fields, *examples] for line in block]


def first_sentence(doc: str) -> str:
    """What a docstring says first, in one line."""
    paragraph = " ".join(line.strip() for line in doc.strip().split("\n\n")[0].split("\n"))
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", paragraph)[0]
