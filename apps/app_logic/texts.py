"""Texts from files and from users, for labels and paragraphs that Streamlit reads as Markdown."""

from __future__ import annotations

import re

from tinygrad_fm.errors import printable

_MARKS = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: object) -> str:
    """Text that stands as it is: no link, picture, formula or icon begins in it.

    >>> print(plain("a_run ![x](http://y)"))
    a\\_run \\!\\[x\\]\\(http\\:\\/\\/y\\)
    """
    return _MARKS.sub(r"\\\1", printable(" ".join(str(text).split())))


def sentence(text: object) -> str:
    """The same, with one full stop at its end. Of an error of a file, the file's name and what is wrong with it.

    >>> sentence("It is damaged."), sentence("it is damaged")
    ('It is damaged\\\\.', 'it is damaged\\\\.')
    """
    if isinstance(text, OSError) and text.strerror:
        text = f"{text.filename}: {text.strerror}" if text.filename else text.strerror
    return plain(f"{str(text).rstrip('. ')}.")
