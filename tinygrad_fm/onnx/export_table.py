"""The table of what writes which operation: a function of the builder and the step, which returns the names of its results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tracing import Step
from .graph_builder import Builder

Writer = Callable[[Builder, Step], Any]

WRITERS: dict[str, Writer] = {}  # by the operation's name


def writes(*names: str) -> Callable[[Writer], Writer]:
    """Decorator: the function writes the operations of these names."""

    def register(writer: Writer) -> Writer:
        for name in names:
            WRITERS[name] = writer
        return writer

    return register


def writes_as(op: str, *names: str, **attributes: Any) -> None:
    """Operations that are one node of the promoted inputs."""
    for name in names:
        WRITERS[name] = lambda g, step: g.node(op, g.operands(step), **attributes)


class NoCounterpart(Exception):  # becomes an OnnxExporterError that names operation and module
    """This form of an operation cannot be written."""


def like(g: Builder, step: Step, value: Any) -> str:
    """A number of the dtype of the result."""
    return g.constant(np.asarray(value, step.result.dtype))
