"""Rows of text as a table for a terminal: of the summary, the profiler and the scores of checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["text_table"]


def text_table(rows: Sequence[Sequence[str]], *, left: int = 1, foot: Sequence[Sequence[str]] = ()) -> str:
    """Rows as text, the first of them the heads: the first ``left`` columns flush left, the others flush right.

    Args:
        rows: the heads and the lines below them, all of one length.
        left: how many columns are of words.
        foot: lines below a second rule, such as the total.

    >>> print(text_table([("class", "n"), ("Bag", "1,000"), ("Coat", "12")], foot=[("all", "1,012")]))
    class      n
    ------------
    Bag    1,000
    Coat      12
    ------------
    all    1,012
    """
    wide = [max(map(len, column)) for column in zip(*rows, *foot, strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = [text.ljust(w) if i < left else text.rjust(w) for i, (text, w) in enumerate(zip(row, wide, strict=True))]
        return "  ".join(cells).rstrip()

    rule = "-" * (sum(wide) + 2 * (len(wide) - 1))
    head, *body = map(line, rows)
    return "\n".join([head, rule, *body, *([rule, *map(line, foot)] if foot else [])])
