"""Pieces of Markdown and numbers in words, for docs/results.md."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

PICTURES = "images/results"  # beside the page


def paragraph(*sentences: str) -> str:
    """Sentences, in lines of the length that the project's pages have; what is in backticks stays in one."""
    whole = re.sub(r"`[^`]*`", lambda code: code[0].replace(" ", "\0"), " ".join(sentences))
    return textwrap.fill(whole, 128, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def image(name: str, text: str) -> str:
    """A picture of the page."""
    return f"![{text}]({PICTURES}/{name})"


def per_cent(share: float, digits: int) -> str:
    """A share of 1.

    >>> per_cent(0.835, 1)
    '83.5 %'
    """
    return f"{100 * share:.{digits}f} %"


def count(number: int, what: str) -> str:
    """
    >>> count(1, "thread"), count(2, "thread")
    ('1 thread', '2 threads')
    """
    return f"{number} {what}{'s' * (number != 1)}"


def operations(number: float) -> str:
    """
    >>> operations(2.5e12), operations(3e15)
    ('2.5 T', '3 P')
    """
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"
