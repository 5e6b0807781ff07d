"""Which data a script trains on: ``--data auto``, ``fashion-mnist`` or ``synthetic``."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

from tinygrad_fm.data.download import NotAvailableError
from tinygrad_fm.data.fashion_mnist import FashionMNIST
from tinygrad_fm.data.images import ImageDataset
from tinygrad_fm.data.synthetic import SyntheticFashion

CHOICES = ("auto", "fashion-mnist", "synthetic")

_WIDTH = 78


class Splits(NamedTuple):
    """Training and test set, what to call them, and what the user must be told about them, if anything."""

    train: ImageDataset
    test: ImageDataset
    name: str
    notice: str | None


def load_splits(
    choice: str = "auto",
    root: str | os.PathLike[str] | None = None,
    transform: Callable[[Any], Any] | None = None,
    download: bool = True,
) -> Splits:
    """The data set a script was asked for.

    Args:
        choice: ``"fashion-mnist"``, ``"synthetic"``, or ``"auto"``: Fashion-MNIST where it can be had, else the
            synthetic set and a notice for the caller to print. A file that is there but damaged is an error even so:
            its owner wants to know.
        root, transform, download: as for ``FashionMNIST``.

    Returns:
        ``(train, test, name, notice)``.

    Raises:
        ValueError: there is no such choice.
        DataError: as ``FashionMNIST`` raises it.
    """
    if choice not in CHOICES:
        raise ValueError(f"there is no data set {choice!r}; the choices are {', '.join(CHOICES)}")
    notice = None
    if choice != "synthetic":
        try:
            train, test = (FashionMNIST(root, split, transform, download) for split in (True, False))
            return Splits(train, test, train.name, None)
        except NotAvailableError as error:
            if choice != "auto":
                raise
            notice = _box(
                "FASHION-MNIST IS NOT AVAILABLE: THIS RUN USES SYNTHETIC IMAGES",
                "The garments are drawn by the program. Scores on them say nothing about Fashion-MNIST and must not be "
                "compared with scores on it.",
                f"Reason: {error}",
                "With the four files on this machine, set FASHION_MNIST_DIR to their folder.",
            )
    drawn_train, drawn_test = (SyntheticFashion(split, transform) for split in (True, False))
    return Splits(drawn_train, drawn_test, drawn_train.name, notice)


def _box(title: str, *paragraphs: str) -> str:
    """Text in a frame that stands out in a terminal and in a log, in plain ASCII for either."""
    inner = _WIDTH - 6
    lines = [title.center(inner)]
    for paragraph in paragraphs:
        lines.append("")
        for line in paragraph.splitlines():
            lines += textwrap.wrap(line, inner) or [""]
    edge = "#" * _WIDTH
    return "\n".join([edge, *(f"## {line:<{inner}} ##" for line in lines), edge])
